"""How an array that the native function left reaches Python: as a copy, with its memory, or as a window.

A small array that nobody else can hold is copied, which is quickest. Memory of the call that is large, or that two
results may share, is handed over: a capsule becomes its owner (`runtime_pool.py`), results are windows on the memory.
Where a result may lie in an argument, which the program decides as it runs, the address tells: a window on the
argument is a view of the caller's array, and the argument itself if it is all of it.

Invariant: a block that has an owner has no address of its own any more, so releasing the call's memory passes it over;
its owner is held by the window that was made first, which the unfinished result holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from llad.codegen.assembly import Assembly
from llad.codegen.layout import ALIGNED, C_CONTIGUOUS, WRITEABLE, Layout
from llad.codegen.plan import NUMPY_TYPES, ArrayArgument, Memory, NumberArgument
from llad.codegen.runtime_memory import EXTRA
from llad.codegen.unpack import Unpacked, byte_range
from llad.ir.types import BufferType, ScalarType

DECLARATIONS = """\
@PyArray_Type = external global i8
declare ptr @PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare ptr @PyArray_NewCopy(ptr, i32)
declare i32 @PyArray_SetBaseObject(ptr, ptr)
"""

COPIED = 16384  # bytes of the largest array that is copied though it could be handed over
_PLAIN = C_CONTIGUOUS | ALIGNED | WRITEABLE


def size_of(code: Assembly, extents: list[str], dtype: ScalarType) -> str:
    """The bytes of a contiguous array."""
    size = str(dtype.bytes)
    for extent in extents:
        size = code.let(f"mul i64 {size}, {extent}")
    return size


def new_array(
    code: Assembly,
    number: int,
    rank: int,
    shape: str,
    strides: str = "null",
    data: str = "null",
    flags: str = "0",
) -> str:
    """A new array of NumPy's type `number`, over `data` if given; goes to `fail` if there is no memory."""
    array = code.let(
        f"call ptr @PyArray_New(ptr @PyArray_Type, i32 {rank}, ptr {shape}, i32 {number}, ptr {strides}, "
        f"ptr {data}, i32 0, i32 {flags}, ptr null)"
    )
    code.require(code.let(f"icmp ne ptr {array}, null"), "fail")
    return array


@dataclass(frozen=True, slots=True)
class Handover:
    """Makes the array of one output. `arguments`: what it may be a window on, with registers."""

    code: Assembly
    layout: Layout
    output: str
    type: BufferType
    arguments: tuple[tuple[Unpacked, NumberArgument | ArrayArgument], ...]

    def make(self, memory: Memory) -> str:
        """A register with a new reference; goes to `fail` if there is no memory."""
        code = self.code
        arms: list[tuple[str, str]] = []  # what is the result, and in which block that is known
        done, copied = code.name("handed"), code.name("copy")
        data = code.load("ptr", self.output)
        size = self._size()
        if memory == "copied":
            code.go(copied)
        else:
            held = code.name("held")
            code.branch(code.let(f"icmp sgt i64 {size}, {0 if memory == 'shared' else COPIED}"), held, copied)
            code.start(held)
            self._hold(data, memory == "shared", done, arms)
            code.go(copied)
        code.start(copied)
        self._finish(self._copy(data, size), done, arms)
        code.start(done)
        return code.let("phi ptr " + ", ".join(f"[ {array}, %{block} ]" for array, block in arms))

    def _finish(self, array: str, done: str, arms: list[tuple[str, str]]) -> None:
        arms.append((array, self.code.block))
        self.code.go(done)

    def _size(self) -> str:
        return size_of(
            self.code, [self.code.load("i64", self.output, 8 + 8 * k) for k in range(self.type.rank)], self.type.dtype
        )

    @property
    def _shape(self) -> str:
        return self.code.at(self.output, 8) if self.type.rank else "null"

    @property
    def _strides(self) -> str:
        strided = self.type.layout == "strided" and self.type.rank
        return self.code.at(self.output, 8 + 8 * self.type.rank) if strided else "null"

    def _window(self, data: str, flags: str) -> str:
        number = NUMPY_TYPES[self.type.dtype].num
        return new_array(self.code, number, self.type.rank, self._shape, self._strides, data, flags)

    def _copy(self, data: str, size: str) -> str:
        code = self.code
        if self.type.layout == "C":
            array = new_array(code, NUMPY_TYPES[self.type.dtype].num, self.type.rank, self._shape)
            target = code.load("ptr", array, self.layout.data)
            code.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {data}, i64 {size}, i1 false)")
            return array
        window = self._window(data, "0")
        array = code.let(f"call ptr @PyArray_NewCopy(ptr {window}, i32 0)")
        code.do(f"call void @Py_DecRef(ptr {window})")
        code.require(code.let(f"icmp ne ptr {array}, null"), "fail")
        return array

    def _hold(self, data: str, in_argument: bool, done: str, arms: list[tuple[str, str]]) -> None:
        """A window on the call's memory, or maybe on an argument; goes on with what is in neither."""
        code = self.code
        block = code.let(f"call ptr @llad.holder(ptr %ctx, ptr {data})")
        mine, other = code.name("mine"), code.name("other")
        code.branch(code.let(f"icmp ne ptr {block}, null"), mine, other)
        code.start(mine)
        window = self._window(data, str(_PLAIN))
        code.do(f"call i32 @PyArray_SetBaseObject(ptr {window}, ptr {self._owner(block, window)})")
        self._finish(window, done, arms)
        code.start(other)
        for leaf, argument in self.arguments if in_argument else ():
            if isinstance(argument, ArrayArgument) and argument.dtype == self.type.dtype:
                self._view(leaf, argument, data, done, arms)

    def _owner(self, block: str, window: str) -> str:
        """A new reference to the capsule that owns a block, which it takes over if it has none."""
        code = self.code
        place = code.at(block, 40)
        known, fresh, have = code.name("known"), code.name("fresh"), code.name("have")
        before = code.load("ptr", place)
        code.branch(code.let(f"icmp ne ptr {before}, null"), known, fresh)
        code.start(known)
        code.do(f"call void @Py_IncRef(ptr {before})")
        code.go(have)
        code.start(fresh)
        raw = code.load("ptr", block, 16)
        total = code.let(f"add i64 {code.load('i64', block, 24)}, {EXTRA}")
        owner = code.let(f"call ptr @llad.capsule(ptr {raw}, i64 {total})")
        lost, found = code.name("lost"), code.name("found")
        code.branch(code.let(f"icmp ne ptr {owner}, null"), found, lost)
        code.start(found)
        code.do(f"store ptr {owner}, ptr {place}")
        code.do(f"store ptr null, ptr {code.at(block, 16)}")
        taken = code.name("taken")
        code.go(taken)
        code.start(lost)
        code.do(f"call void @Py_DecRef(ptr {window})")
        code.go("fail")
        code.start(taken)
        code.go(have)
        code.start(have)
        return code.let(f"phi ptr [ {before}, %{known} ], [ {owner}, %{taken} ]")

    def _view(self, leaf: Unpacked, argument: ArrayArgument, data: str, done: str, arms: list[tuple[str, str]]) -> None:
        """The argument, or a view of it, if the data lie in it; else goes on."""
        code = self.code
        lowest, highest = byte_range(code, leaf, argument)
        at = code.let(f"ptrtoint ptr {data} to i64")
        inside, outside, whole, part = (code.name(hint) for hint in ("inside", "outside", "whole", "part"))
        from_here = code.let(f"icmp uge i64 {at}, {lowest}")
        code.branch(code.both(from_here, code.let(f"icmp ult i64 {at}, {highest}")), inside, outside)
        code.start(inside)
        code.branch(self._is_all_of(leaf, argument, data), whole, part)
        code.start(whole)
        code.do(f"call void @Py_IncRef(ptr {leaf.object})")
        self._finish(leaf.object, done, arms)
        code.start(part)
        writeable = code.let(f"and i32 {code.load('i32', leaf.object, self.layout.flags)}, {WRITEABLE}")
        window = self._window(data, code.let(f"or i32 {writeable}, {C_CONTIGUOUS | ALIGNED}"))
        code.do(f"call void @Py_IncRef(ptr {leaf.object})")
        code.do(f"call i32 @PyArray_SetBaseObject(ptr {window}, ptr {leaf.object})")
        self._finish(window, done, arms)
        code.start(outside)

    def _is_all_of(self, leaf: Unpacked, argument: ArrayArgument, data: str) -> str:
        """Whether the output has the address, extents and strides of an argument."""
        code, rank = self.code, self.type.rank
        if argument.rank != rank:
            return "false"
        same = code.let(f"icmp eq ptr {data}, {leaf.data}")
        for k, extent in enumerate(leaf.extents):
            same = code.both(same, code.let(f"icmp eq i64 {extent}, {code.load('i64', self.output, 8 + 8 * k)}"))
        mine = self._steps(code, [code.load("i64", self.output, 8 + 8 * k) for k in range(rank)])
        theirs = leaf.strides if argument.layout == "strided" else _c_strides(code, leaf.extents, argument.dtype)
        for a, b in zip(mine, theirs, strict=True):
            same = code.both(same, code.let(f"icmp eq i64 {a}, {b}"))
        return same

    def _steps(self, code: Assembly, extents: list[str]) -> list[str]:
        if self.type.layout == "C":
            return _c_strides(code, extents, self.type.dtype)
        return [code.load("i64", self.output, 8 + 8 * (self.type.rank + k)) for k in range(self.type.rank)]


def _c_strides(code: Assembly, extents: list[str], dtype: ScalarType) -> list[str]:
    return [size_of(code, extents[k + 1 :], dtype) for k in range(len(extents))]
