"""The first half of an entry point: from Python objects to operands in registers, or on to the next entry.

Nothing here has a side effect, except that the version of a dict found unchanged is noted: any check may fail and
leave the call to another specialisation or to the slow path.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from itertools import pairwise
from types import CellType, FunctionType, MappingProxyType
from typing import Any, assert_never

import numpy as np

from llad.codegen.assembly import Assembly
from llad.codegen.layout import ALIGNED, C_CONTIGUOUS, WRITEABLE, Layout, pointer_at
from llad.codegen.plan import (
    NUMPY_TYPES,
    Argument,
    ArrayArgument,
    GuardCheck,
    NumberArgument,
    Plan,
    StaticArgument,
    leaves,
)
from llad.codegen.take import Take
from llad.dataclass import dataclass
from llad.ir.types import BOOL, I64, ScalarType
from llad.structures import ABSENT, TUPLE, Node

LLVM_TYPES: dict[str, str] = {"f64": "double", "f32": "float", "i64": "i64", "i32": "i32", "bool": "i1"}


@dataclass(slots=True)
class Unpacked:
    """The registers of a leaf: its object, and either its number or the fields of its array."""

    object: str
    value: str = ""
    data: str = ""
    shape: str = ""  # the pointer to the extents
    extents: list[str] = field(default_factory=list)
    strides: list[str] = field(default_factory=list)


def llvm_type(type: ScalarType) -> str:
    return LLVM_TYPES[type.name]


def unpack(code: Assembly, plan: Plan, layout: Layout, taken: Sequence[str]) -> list[Unpacked]:
    """Check everything that the plan asks for; the leaves. `taken`: the slots that own what structures hold."""
    given = _check_call(code, plan, layout)
    found: list[Unpacked] = []
    slots = iter(taken)
    for k, argument in enumerate(plan.arguments):
        _argument(code, layout, argument, _passed(code, plan, given, k), slots, found)
    for captured, array in plan.captured:
        found.append(_captured(code, layout, captured, array, found))
    _check_guards(code, layout, plan.guards)
    _check_overlap(code, plan, found)
    return found


def _check_call(code: Assembly, plan: Plan, layout: Layout) -> str:
    """How many arguments there are, positional ones and those by name, after checking that these do."""
    count = code.let(f"and i64 %nargsf, {2**63 - 1}")  # the top bit is a flag
    unnamed = code.let("icmp eq ptr %kwnames, null")
    if plan.positional is not None:
        code.require(code.let(f"icmp ule i64 {count}, {plan.positional}"))
    if plan.keywords:
        code.require(code.let(f"icmp eq i64 {count}, {len(plan.arguments) - len(plan.keywords)}"))
        code.require(code.let(f"xor i1 {unnamed}, true"))
        code.require(code.let(f"icmp eq i64 {code.load('i64', '%kwnames', layout.payload)}, {len(plan.keywords)}"))
        for k, keyword in enumerate(plan.keywords):
            code.require(code.same(code.load("ptr", "%kwnames", layout.items + 8 * k), sys.intern(keyword)))
        return count
    if any(plan.names):
        count = _check_names(code, plan, count, unnamed)
    else:
        code.require(unnamed)
    if plan.defaults:
        code.require(code.let(f"icmp uge i64 {count}, {len(plan.arguments) - len(plan.defaults)}"))
        code.require(code.let(f"icmp ule i64 {count}, {len(plan.arguments)}"))
    else:
        code.require(code.let(f"icmp eq i64 {count}, {len(plan.arguments)}"))
    return count


def _check_names(code: Assembly, plan: Plan, count: str, unnamed: str) -> str:
    """Arguments by name stand behind the positional ones: they are right if their names follow in order."""
    table = code.pins.words([ABSENT if name is None else sys.intern(name) for name in plan.names])
    before, named, counted = (code.name(hint) for hint in ("before", "named", "counted"))
    code.go(before)
    code.start(before)
    code.branch(unnamed, counted, named)
    code.start(named)
    names = code.pin_address(table)
    total = code.let(f"call i64 @llad.named(i64 {count}, ptr %kwnames, ptr {names}, i64 {len(plan.names)})")
    code.go(counted)
    code.start(counted)
    return code.let(f"phi i64 [ {count}, %{before} ], [ {total}, %{named} ]")


def _passed(code: Assembly, plan: Plan, given: str, k: int) -> str:
    """The object passed as argument number `k`, or its default."""
    optional = k - (len(plan.arguments) - len(plan.defaults))
    place = code.at("%args", 8 * k)
    if optional >= 0:
        default = code.pin_address(code.pins.object(plan.defaults[optional]))
        is_given = code.let(f"icmp ugt i64 {given}, {k}")
        place = code.let(f"select i1 {is_given}, ptr {place}, ptr {default}")
    return code.load("ptr", place)


def _argument(
    code: Assembly, layout: Layout, argument: Argument, object: str, slots: Iterator[str], found: list[Unpacked]
) -> None:
    match argument:
        case NumberArgument():
            found.append(Unpacked(object, value=_number(code, layout, argument, object)))
        case ArrayArgument():
            found.append(_array(code, layout, argument, object, found))
        case StaticArgument(value=value):
            code.require(code.same(object, value))
        case Node(items=items) if argument.form == TUPLE:
            code.require(code.same(code.load("ptr", object, layout.type), tuple))
            code.require(code.let(f"icmp eq i64 {code.load('i64', object, layout.payload)}, {len(items)}"))
            for k, item in enumerate(items):
                _argument(code, layout, item, code.load("ptr", object, layout.items + 8 * k), slots, found)
        case Node():
            apart = _taken(code, argument, object, next(slots))
            for k, leaf in enumerate(leaves(argument)):
                _argument(code, layout, leaf, code.load("ptr", apart, layout.items + 8 * k), slots, found)
        case _:
            assert_never(argument)


def _taken(code: Assembly, argument: Node[Argument], object: str, slot: str) -> str:
    """The tuple of a structure's leaves, which Python makes and the slot owns."""
    given = code.let("alloca ptr")
    code.do(f"store ptr {object}, ptr {given}")
    take = code.pin(Take(argument))
    apart = code.let(f"call ptr @PyObject_Vectorcall(ptr {take}, ptr {given}, i64 1, ptr null)")
    code.do(f"store ptr {apart}, ptr {slot}")
    code.require(code.let(f"icmp ne ptr {apart}, null"), "broken")
    code.require(code.let(f"xor i1 {code.same(apart, None)}, true"))
    return apart


def _number(code: Assembly, layout: Layout, argument: NumberArgument, object: str) -> str:
    kind = code.load("ptr", object, layout.type)
    checks = [code.same(kind, accepted) for accepted in argument.accepts]
    for a, b in pairwise(checks):
        checks[checks.index(b)] = code.either(a, b)
    code.require(checks[-1])
    if int in argument.accepts:
        assert argument.accepts == (int,) and argument.type == I64
        overflow = code.let("call i64 @PyLong_AsLongLongAndOverflow(ptr " + object + ", ptr %overflow)")
        code.require(code.let(f"icmp eq i32 {code.load('i32', '%overflow')}, 0"))
        return overflow
    if argument.type == BOOL:
        native = code.let(f"icmp eq ptr {object}, @_Py_TrueStruct")
        if bool in argument.accepts and len(argument.accepts) == 1:
            return native
        byte = code.let(f"icmp ne i8 {code.load('i8', object, layout.payload)}, 0")
        return code.let(f"select i1 {code.same(kind, np.bool_)}, i1 {byte}, i1 {native}")
    return code.load(llvm_type(argument.type), object, layout.payload)


def _captured(
    code: Assembly, layout: Layout, argument: ArrayArgument, array: np.ndarray[Any, Any], before: list[Unpacked]
) -> Unpacked:
    """One that is used where it lies: of a class and with a dtype that are only equal to NumPy's own, maybe."""
    object = code.pin(array)
    code.require(code.same(code.load("ptr", object, layout.type), type(array)))
    return _laid_out(code, layout, argument, object, array.dtype, before)


def _array(code: Assembly, layout: Layout, argument: ArrayArgument, object: str, before: list[Unpacked]) -> Unpacked:
    code.require(code.let(f"icmp eq ptr {code.load('ptr', object, layout.type)}, @PyArray_Type"))
    return _laid_out(code, layout, argument, object, NUMPY_TYPES[argument.dtype], before)


def _laid_out(
    code: Assembly, layout: Layout, argument: ArrayArgument, object: str, dtype: object, before: list[Unpacked]
) -> Unpacked:
    """What is asked of an array of the right class."""
    typed = code.same(code.load("ptr", object, layout.dtype), dtype)
    ranked = code.let(f"icmp eq i32 {code.load('i32', object, layout.rank)}, {argument.rank}")
    wanted = ALIGNED | (C_CONTIGUOUS if argument.layout == "C" else 0)
    wanted |= WRITEABLE if argument.writeable else 0
    masked = code.let(f"and i32 {code.load('i32', object, layout.flags)}, {wanted | C_CONTIGUOUS}")
    code.require(code.both(code.both(typed, ranked), code.let(f"icmp eq i32 {masked}, {wanted}")))
    array = Unpacked(object, data=code.load("ptr", object, layout.data))
    if argument.rank:
        array.shape = code.load("ptr", object, layout.extents)
        array.extents = [code.load("i64", array.shape, 8 * k) for k in range(argument.rank)]
    for axis, count, so in argument.lengths:
        code.require(code.let(f"icmp {'eq' if so else 'ne'} i64 {array.extents[axis]}, {count}"))
    if argument.layout == "strided":
        steps = code.load("ptr", object, layout.strides)
        array.strides = [code.load("i64", steps, 8 * k) for k in range(argument.rank)]
        if argument.apart:
            _require_apart(code, array, argument.dtype.bytes)
    if argument.like is not None:
        for mine, other in zip(array.extents, before[argument.like].extents, strict=True):
            code.require(code.let(f"icmp eq i64 {mine}, {other}"))
    return array


def _require_apart(code: Assembly, array: Unpacked, size: int) -> None:
    """Elements share no bytes: along each axis a step leaves behind all that the axes of smaller steps span."""
    steps = [code.let(f"call i64 @llvm.abs.i64(i64 {stride}, i1 false)") for stride in array.strides]
    spans = [
        code.let(f"mul i64 {step}, {code.let(f'sub i64 {extent}, 1')}")
        for step, extent in zip(steps, array.extents, strict=True)
    ]
    for k, (step, extent) in enumerate(zip(steps, array.extents, strict=True)):
        span = str(size)
        for other, more in zip(steps[:k] + steps[k + 1 :], spans[:k] + spans[k + 1 :], strict=True):
            smaller = code.let(f"icmp ule i64 {other}, {step}")
            span = code.let(f"add i64 {span}, {code.let(f'select i1 {smaller}, i64 {more}, i64 0')}")
        short = code.let(f"icmp sle i64 {extent}, 1")
        code.require(code.either(short, code.let(f"icmp sge i64 {step}, {span}")))


def _check_guards(code: Assembly, layout: Layout, guards: tuple[GuardCheck, ...]) -> None:
    dicts: dict[int, tuple[dict[str, object], list[GuardCheck]]] = {}
    fields = dict(layout.function_fields)
    for guard in guards:
        holder = _namespace(guard.holder, layout)
        if not guard.name and not isinstance(holder, CellType):
            _check_contents(code, layout, guard)
        elif isinstance(holder, dict):
            dicts.setdefault(id(holder), (holder, []))[1].append(guard)
        elif isinstance(holder, CellType):
            _require_pointer(code, code.load("ptr", code.pin(holder), layout.contents), guard.value)
        elif isinstance(holder, FunctionType) and guard.name in fields:
            value = ABSENT if guard.value is None else guard.value
            _require_pointer(code, code.load("ptr", code.pin(holder), fields[guard.name]), value)
        else:
            _ask(code, guard)
    for holder, held in dicts.values():
        _check_dict(code, layout, holder, held)


def _ask(code: Assembly, guard: GuardCheck) -> None:
    """Let Python find out."""
    verdict = code.let(f"call ptr @PyObject_Vectorcall(ptr {code.pin(guard.holds)}, ptr null, i64 0, ptr null)")
    code.do(f"call void @Py_DecRef(ptr {verdict})")
    code.require(code.let(f"icmp eq ptr {verdict}, @_Py_TrueStruct"))


def _check_contents(code: Assembly, layout: Layout, guard: GuardCheck) -> None:
    """All that is in a list, dict or set is what it was."""
    if type(guard.holder) is list and layout.list_items is not None:
        assert isinstance(guard.value, tuple)
        holder = code.pin(guard.holder)
        size = code.load("i64", holder, layout.payload)
        code.require(code.let(f"icmp eq i64 {size}, {len(guard.value)}"))
        table = code.pin_address(code.pins.words(guard.value))
        items = code.load("ptr", holder, layout.list_items)
        code.require(code.let(f"call i1 @llad.same(ptr {items}, ptr {table}, i64 {len(guard.value)})"))
    elif type(guard.holder) is dict:
        _unless_as_seen(code, layout, code.pin(guard.holder), lambda: _ask(code, guard))
    else:
        _ask(code, guard)


def _namespace(holder: object, layout: Layout) -> object:
    """The dict behind a read-only view of a namespace."""
    if isinstance(holder, MappingProxyType):
        inner = ctypes.cast(pointer_at(id(holder) + layout.payload), ctypes.py_object).value
        return inner if type(inner) is dict else holder
    return holder


def _require_pointer(code: Assembly, register: str, value: object) -> None:
    code.require(code.let(f"icmp eq ptr {register}, null") if value is ABSENT else code.same(register, value))


def _check_dict(code: Assembly, layout: Layout, holder: dict[str, object], guards: list[GuardCheck]) -> None:
    """Look the names up, unless the dict is as it was when they were last found unchanged."""
    namespace = code.pin(holder)

    def look() -> None:
        table = code.pin_address(code.pins.words([word for guard in guards for word in (guard.name, guard.value)]))
        code.require(code.let(f"call i1 @llad.unchanged(ptr {namespace}, ptr {table}, i64 {len(guards)})"))

    _unless_as_seen(code, layout, namespace, look)


def _unless_as_seen(code: Assembly, layout: Layout, namespace: str, check: Callable[[], None]) -> None:
    """Check a dict, unless nothing was changed in it since it was last found to be right."""
    done = code.name("unchanged")
    version = seen = ""
    if layout.version is not None:
        version = code.load("i64", namespace, layout.version)
        seen = code.pin_address(code.pins.word())
        look = code.name("look")
        code.branch(code.let(f"icmp eq i64 {version}, {code.load('i64', seen)}"), done, look)
        code.start(look)
    check()
    if version:
        code.do(f"store i64 {version}, ptr {seen}")
        code.go(done)
        code.start(done)


def _check_overlap(code: Assembly, plan: Plan, found: list[Unpacked]) -> None:
    """Compare the byte range of each array that is written with those of all others."""
    arrays = [(x, a) for x, a in zip(found, plan.leaves(), strict=True) if isinstance(a, ArrayArgument)]
    written = [k for k, (_, a) in enumerate(arrays) if a.apart]
    if plan.overlap == "any" or not written or len(arrays) < 2:
        assert plan.overlap != "some"
        return
    ranges = [_byte_range(code, x, a) for x, a in arrays]
    overlaps = "false"
    for k, (lo, hi) in enumerate(ranges):
        for w in written:
            if k == w or (k in written and k < w):
                continue
            below = code.let(f"icmp ult i64 {lo}, {ranges[w][1]}")
            above = code.let(f"icmp ult i64 {ranges[w][0]}, {hi}")
            overlaps = code.either(overlaps, code.both(below, above))
    code.require(overlaps if plan.overlap == "some" else code.let(f"xor i1 {overlaps}, true"))


def _byte_range(code: Assembly, array: Unpacked, argument: ArrayArgument) -> tuple[str, str]:
    """First byte and the one past the last; of an empty array a range that meets no other."""
    lo = hi = code.let(f"ptrtoint ptr {array.data} to i64")
    empty = "false"
    size = str(argument.dtype.bytes)
    for extent in array.extents:
        empty = code.either(empty, code.let(f"icmp eq i64 {extent}, 0"))
    if argument.layout == "C":
        for extent in array.extents:
            size = code.let(f"mul i64 {size}, {extent}")
    else:
        for extent, stride in zip(array.extents, array.strides, strict=True):
            span = code.let(f"mul i64 {code.let(f'sub i64 {extent}, 1')}, {stride}")
            negative = code.let(f"icmp slt i64 {span}, 0")
            lo = code.let(f"add i64 {lo}, {code.let(f'select i1 {negative}, i64 {span}, i64 0')}")
            hi = code.let(f"add i64 {hi}, {code.let(f'select i1 {negative}, i64 0, i64 {span}')}")
    hi = code.let(f"add i64 {hi}, {size}")
    return code.let(f"select i1 {empty}, i64 -1, i64 {lo}"), code.let(f"select i1 {empty}, i64 0, i64 {hi}")
