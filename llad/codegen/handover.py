"""How an array that the native function left reaches Python: as a copy, with its memory, or as a window.

A small array that nobody else can hold is copied, which is quickest. Memory of the call that is large, or that two
results may share, is handed over: a capsule becomes its owner (`runtime_pool.py`), results are windows on the memory.
Where a result may lie in an argument, which the program decides as it runs, the address tells: a window on the
argument is a view of the caller's array, and the argument itself if it is all of it.

Invariant: a block that has an owner has no address of its own any more, so releasing the call's memory passes it over;
its owner is held by the window that was made first, which the unfinished result holds.
"""

from __future__ import annotations

from llad.codegen.assembly import Assembly
from llad.codegen.layout import Layout
from llad.codegen.plan import NUMPY_TYPES, Memory
from llad.dataclass import dataclass
from llad.ir.types import BufferType, ScalarType

DECLARATIONS = """\
@PyArray_Type = external global i8
declare ptr @PyArray_New(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare ptr @PyArray_NewCopy(ptr, i32)
"""

COPIED = 16384  # bytes of the largest array that is copied though it could be handed over


def size_of(code: Assembly, extents: list[str], dtype: ScalarType) -> str:
    """The bytes of a contiguous array."""
    size = str(dtype.bytes)
    for extent in extents:
        size = code.let(f"mul i64 {size}, {extent}")
    return size


@dataclass(frozen=True, slots=True)
class Handover:
    """Makes the array of one output. `arguments`: the registers of the arrays that it may be a window on."""

    code: Assembly
    layout: Layout
    output: str
    type: BufferType
    arguments: tuple[str, ...]

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

    @property
    def _number(self) -> int:
        return NUMPY_TYPES[self.type.dtype].num

    def _copy(self, data: str, size: str) -> str:
        code = self.code
        if self.type.layout == "C":
            array = self._new("null", "null")
            target = code.load("ptr", array, self.layout.data)
            code.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {data}, i64 {size}, i1 false)")
            return array
        window = self._new(self._strides, data)
        array = code.let(f"call ptr @PyArray_NewCopy(ptr {window}, i32 0)")
        code.do(f"call void @Py_DecRef(ptr {window})")
        return self._made(array)

    def _new(self, strides: str, data: str) -> str:
        """A new array, over `data` if given."""
        form = f"i32 {self.type.rank}, ptr {self._shape}, i32 {self._number}, ptr {strides}"
        made = self.code.let(f"call ptr @PyArray_New(ptr @PyArray_Type, {form}, ptr {data}, i32 0, i32 0, ptr null)")
        return self._made(made)

    def _hold(self, data: str, in_argument: bool, done: str, arms: list[tuple[str, str]]) -> None:
        """A window on the call's memory, or maybe on an argument; goes on with what is in neither."""
        code = self.code
        array = f"ptr {data}, i32 {self.type.rank}, ptr {self._shape}, i32 {self._number}, ptr {self._strides}"
        block = code.let(f"call ptr @llad.holder(ptr %ctx, ptr {data})")
        mine, other = code.name("mine"), code.name("other")
        code.branch(code.let(f"icmp ne ptr {block}, null"), mine, other)
        code.start(mine)
        self._finish(self._made(code.let(f"call ptr @llad.window(ptr {block}, {array})")), done, arms)
        code.start(other)
        for argument in self.arguments if in_argument else ():
            size = self.type.dtype.bytes
            found = code.let(f"call {{ptr, i1}} @llad.view(ptr {argument}, i64 {size}, {array})")
            inside, outside = code.name("inside"), code.name("outside")
            code.branch(code.let(f"extractvalue {{ptr, i1}} {found}, 1"), inside, outside)
            code.start(inside)
            self._finish(self._made(code.let(f"extractvalue {{ptr, i1}} {found}, 0")), done, arms)
            code.start(outside)

    def _made(self, array: str) -> str:
        self.code.require(self.code.let(f"icmp ne ptr {array}, null"), "fail")
        return array
