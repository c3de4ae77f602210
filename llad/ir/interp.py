"""The reference interpreter: what the IR means.

Slow and literal, it is the oracle for every pass and for native code. Where the IR leaves something undefined it
stops with an `AssertionError` instead of choosing: poison (`undef`, memory that `alloc` made and nobody wrote) that
is computed with, branched on or returned, an index out of range, a use after `free`, a shift by too many bits, a
float out of an integer's range. To load poison and pass it on is no read. Only a `check` that fails raises what the
user's program would raise.

Numbers are Python numbers, f32 rounded after every op and ints wrapped to their width. A buffer is a NumPy
view and, for memory the call allocated, a second array of the same shape that tells which elements were
written; a `view` slices both, so aliasing needs no thought.
"""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region, Value
from llad.ir.errors import exception_named
from llad.ir.printed import as_python, write
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, LifoType, ScalarType, Type
from llad.ops.table import OPS

DTYPES: dict[ScalarType, type[np.generic]] = {
    F64: np.float64,
    F32: np.float32,
    I64: np.int64,
    I32: np.int32,
    BOOL: np.bool_,
}


class _Poison:
    def __repr__(self) -> str:
        return "poison"


POISON = _Poison()
# What each value is; under `None`, the table.
Env = dict[Value | None, Any]

_FRAMES = 40  # of Python, at most, for what stands between a call and the next one inside it

# As many calls may be inside one another. (Native code allows what fits in its part of the stack.)
DEPTH = 800


@dataclass(frozen=True, slots=True)
class _Table:
    """The functions that a `call` may name, and how many calls are active."""

    functions: Mapping[str, Function]
    depth: int = 0


@dataclass(slots=True, eq=False)
class Allocation:
    """What `alloc` made; every view of it shares this record."""

    freed: bool = False


@dataclass(slots=True, eq=False)
class Buffer:
    """A window on memory. `written` marks the elements that hold a value; None for the caller's arrays."""

    data: np.ndarray[Any, Any]
    written: np.ndarray[Any, Any] | None = None
    allocation: Allocation | None = None


def round_f32(x: float) -> float:
    """The nearest f32, as a Python float."""
    return float(ctypes.c_float(x).value)


def wrap_i64(x: int) -> int:
    return ((x + 2**63) & (2**64 - 1)) - 2**63


def wrap_i32(x: int) -> int:
    return ((x + 2**31) & (2**32 - 1)) - 2**31


NORMALISE: dict[ScalarType, Callable[[Any], Any]] = {
    F64: float,
    F32: round_f32,
    I64: wrap_i64,
    I32: wrap_i32,
    BOOL: bool,
}


def run(fn: Function, args: Sequence[Any]) -> tuple[Any, ...]:
    """The results of `fn`: numbers for scalars, NumPy arrays for buffers.

    Array arguments are used as they are: what `fn` writes is written to them, and a result that views one
    views it. Elements of a returned array that were never written hold arbitrary values. A stack is a list of records;
    one that is an argument is copied. Of the results, those of a tape (attribute `keeps`) are only for `run` to take.

    Raises: the exception of a `check` that fails; AssertionError where the meaning is undefined (see above).
    """
    assert len(args) == len(fn.params), f"{fn.name} takes {len(fn.params)} arguments, got {len(args)}"
    env: Env = {p: _argument(a, p.type) for p, a in zip(fn.params, args, strict=True)}
    env[None] = _Table(fn.functions)
    limit = sys.getrecursionlimit()
    if fn.functions:
        sys.setrecursionlimit(max(limit, limit + _FRAMES * DEPTH))
    try:
        results = _region(fn.body, env)
        kept = len(results) - fn.attrs.get("keeps", 0)
        return (*map(_returned, results[:kept]), *results[kept:])
    finally:
        sys.setrecursionlimit(limit)


def normal(value: Any, type: ScalarType) -> Any:
    """A Python number as a value of `type`: f32 rounded, ints wrapped."""
    return NORMALISE[type](value)


def _argument(value: Any, type: Type) -> Any:
    if value is POISON or isinstance(value, Buffer):  # of a tape
        return value
    match type:
        case ScalarType():
            return normal(value, type)
        case BufferType(dtype=dtype, rank=rank, layout=layout):
            assert isinstance(value, np.ndarray), f"want an array, got {value!r}"
            assert value.dtype == DTYPES[dtype] and value.ndim == rank, f"want {type}, got {value.dtype}[{value.ndim}]"
            assert layout == "strided" or value.flags.c_contiguous, f"want {type}, got a strided array"
            return Buffer(value)
        case LifoType():
            return list(value)


def _returned(value: Any) -> Any:
    assert value is not POISON, "poison returned"
    if isinstance(value, Buffer):
        _live(value)
        return value.data
    return value


_SHIFTS = frozenset({"shl", "shr"})


def _region(region: Region, env: Env) -> list[Any]:
    """Run the ops; what the terminator passes on (poison may be passed on, unread)."""
    for op in region.ops[:-1]:
        record = OPS.get(op.name)
        if record is None:
            _structured(op, env)
        elif op.name == "select":  # reads only the operand it chooses
            condition = _read(op.operands[0], env)
            env[op.results[0]] = env[op.operands[1 if condition else 2]]
        else:
            operands = [env[o] for o in op.operands]
            for operand in operands:
                assert operand is not POISON, f"{op.name} reads poison"
            type: Any = op.results[0].type
            if op.name in _SHIFTS:
                assert 0 <= operands[1] < type.bytes * 8, f"{op.name} by {operands[1]} bits"
            try:
                env[op.results[0]] = NORMALISE[type](record.eval(*operands))
            except ZeroDivisionError as error:
                raise AssertionError(f"{op.name} by zero") from error
    return [env[o] for o in region.terminator.operands]


def _read(value: Value, env: Env) -> Any:
    got = env[value]
    assert got is not POISON, f"poison read: {value}"
    return got


def _structured(op: Op, env: Env) -> None:
    """One op that is not a row of the op table."""
    match op.name:
        case "const":
            assert isinstance(op.result.type, ScalarType)
            env[op.result] = NORMALISE[op.result.type](op.attrs["value"])
        case "load":
            env[op.result] = _load(op, env)
        case "store":
            _store(op, env)
        case "matmul":
            _matmul(op, env)
        case "for":
            _for(op, env)
        case "if":
            chosen = op.regions[0] if _read(op.operands[0], env) else op.regions[1]
            env.update(zip(op.results, _region(chosen, env), strict=True))
        case "while":
            _while(op, env)
        case "check":
            _check(op, env)
        case "print":
            write(op.attrs["text"], [_printed(_read(o, env), o.type) for o in op.operands])
        case "cast":
            source, target = op.operands[0].type, op.result.type
            assert isinstance(source, ScalarType) and isinstance(target, ScalarType)
            env[op.result] = _cast(_read(op.operands[0], env), source, target)
        case "dim":
            env[op.result] = int(_live(_read(op.operands[0], env)).data.shape[op.attrs["axis"]])
        case "view":
            env[op.result] = POISON if env[op.operands[0]] is POISON else _view(op, env)
        case "alloc":
            env[op.result] = _alloc(op, env)
        case "free":
            allocation = _live(_read(op.operands[0], env)).allocation
            assert allocation is not None, "free of memory that the call does not own"
            allocation.freed = True
        case "undef":
            env[op.result] = POISON
        case "lifo":
            env[op.result] = []
        case "push":
            stack, *values = (env[o] for o in op.operands)
            assert stack is not POISON, "push on poison"
            stack.append(values)
        case "pop":
            stack = _read(op.operands[0], env)
            assert stack, "pop from an empty lifo"
            env.update(zip(op.results, stack.pop(), strict=True))
        case "call":
            _call(op, env)
        case "derivative":
            raise AssertionError("a derivative is symbolic: expand it before running")
        case _:
            raise AssertionError(f"unknown op {op.name}")


def _printed(value: Any, type: Type) -> Any:
    return as_python(_live(value).data if isinstance(type, BufferType) else value, type)


def _check(op: Op, env: Env) -> None:
    holds, *values = (as_python(_read(o, env), o.type) for o in op.operands)
    if not holds:
        raise exception_named(op.attrs["error"])(op.attrs["message"].format(*values))


def _call(op: Op, env: Env) -> None:
    table: _Table = env[None]
    if table.depth >= DEPTH:
        raise RecursionError("maximum recursion depth exceeded")
    callee = table.functions[op.attrs["callee"]]
    if op.attrs.get("chunks"):
        count, *shared = (_read(o, env) for o in op.operands)
        for number in range(count):
            _region(callee.body, {None: table, **dict(zip(callee.params, (number, *shared), strict=True))})
        return
    inner: Env = {p: env[o] for p, o in zip(callee.params, op.operands, strict=True)}  # which it need not read
    inner[None] = _Table(table.functions, table.depth + 1)
    env.update(zip(op.results, _region(callee.body, inner), strict=True))


def _cast(x: Any, source: ScalarType, target: ScalarType) -> Any:
    if target == BOOL:
        return x != 0
    if target in (F64, F32):
        if target == F32 and source == I64:
            return float(np.int64(x).astype(np.float32))  # rounded once, not by way of f64
        return NORMALISE[target](x)
    if source in (F64, F32):
        assert math.isfinite(x), f"cast of {x} to {target}"
        whole = int(x)
        assert NORMALISE[target](whole) == whole, f"cast of {x} is out of the range of {target}"
        return whole
    return NORMALISE[target](int(x))


# -- memory


def _live(buffer: Buffer) -> Buffer:
    assert buffer.allocation is None or not buffer.allocation.freed, "use after free"
    return buffer


def _element(op: Op, at: int, env: Env) -> tuple[Buffer, tuple[int, ...]]:
    """The buffer that is operand number `at`, and the indices after it."""
    buffer = _live(_read(op.operands[at], env))
    indices = tuple([env[o] for o in op.operands[at + 1 :]])
    shape = buffer.data.shape
    for index, extent in zip(indices, shape, strict=True):
        assert index is not POISON, f"poison read: an index of {op.name}"
        assert 0 <= index < extent, f"{op.name} at {list(indices)} of an array of shape {shape}"
    return buffer, indices


def _load(op: Op, env: Env) -> Any:
    buffer, indices = _element(op, 0, env)
    if buffer.written is not None and not buffer.written[indices]:
        return POISON  # it may be passed on unread, as a tape does with what a zero-trip loop never used
    return buffer.data.item(*indices) if indices else buffer.data.item()


def _store(op: Op, env: Env) -> None:
    buffer, indices = _element(op, 1, env)
    value = env[op.operands[0]]
    if value is POISON:  # it may be stored unread: the element becomes poison
        assert buffer.written is not None, "poison stored in the caller's memory"
        buffer.written[indices] = False
        return
    buffer.data[indices] = value
    if buffer.written is not None:
        buffer.written[indices] = True


def _alloc(op: Op, env: Env) -> Buffer:
    extents = tuple(_read(o, env) for o in op.operands)
    assert all(n >= 0 for n in extents), f"alloc of {list(extents)}"
    type = op.result.type
    assert isinstance(type, BufferType)
    data = np.zeros(extents, DTYPES[type.dtype])
    return Buffer(data, np.full(extents, op.attrs["zero"], np.bool_), Allocation())


def _matmul(op: Op, env: Env) -> None:
    a, b, c = (_live(_read(o, env)) for o in op.operands)
    (m, k), n = a.data.shape, b.data.shape[1]
    assert b.data.shape == (k, n) and c.data.shape == (m, n), f"matmul of {a.data.shape} and {b.data.shape}"
    assert not any(np.may_share_memory(c.data, x.data) for x in (a, b)), "matmul into an operand"
    for read in (a, b) if op.attrs["fresh"] else (a, b, c):
        assert read.written is None or read.written.all(), "matmul reads poison"
    product = a.data @ b.data
    c.data[...] = product if op.attrs["fresh"] else c.data + product
    if c.written is not None:
        c.written[...] = True


def _view(op: Op, env: Env) -> Buffer:
    source = _live(_read(op.operands[0], env))
    operands = iter([_read(o, env) for o in op.operands[1:]])
    if "shape" in op.attrs["axes"]:
        shape = tuple(operands)
        assert source.data.size == math.prod(shape), f"{source.data.shape} as {shape}"
        written = None if source.written is None else _as_shape(source.written, shape)
        return Buffer(_as_shape(source.data, shape), written, source.allocation)
    extents = iter(source.data.shape)
    keys: list[Any] = []
    for axis in op.attrs["axes"]:
        if axis == "new":
            keys.append(None)
            continue
        extent = next(extents)
        if axis == "index":
            index = next(operands)
            assert 0 <= index < extent, f"view at {index} of {extent}"
            keys.append(index)
        elif axis == "slice":
            keys.append(_slice(next(operands), next(operands), next(operands), extent))
        elif axis == "run":
            keys.append(_slice(next(operands), next(operands), 1, extent))
        else:
            assert axis == "full", axis
            keys.append(slice(None))
    key = (*keys, ...)  # the ellipsis keeps NumPy from returning a number for rank 0
    data, written = source.data[key], None if source.written is None else source.written[key]
    if order := op.attrs.get("order"):
        data, written = data.transpose(order), None if written is None else written.transpose(order)
    return Buffer(data, written, source.allocation)


def _as_shape(array: Any, shape: tuple[int, ...]) -> Any:
    """The same memory in another shape."""
    made = array.view()
    made.shape = shape
    return made


def _slice(start: int, count: int, step: int, extent: int) -> slice:
    """NumPy's slice for the elements start, start + step, … (`count` of them), all of which must exist."""
    assert step != 0 and count >= 0, f"slice of {count} by {step}"
    if count == 0:
        return slice(0, 0)
    last = start + (count - 1) * step
    assert 0 <= start < extent and 0 <= last < extent, f"slice {start}:{last} by {step} of {extent}"
    stop = last + (1 if step > 0 else -1)
    return slice(start, None if stop < 0 else stop, step)


# -- control


def _exit(yielded: list[Any], exits: bool) -> tuple[bool, list[Any]]:
    """Whether the loop ends after this iteration, and the next carries."""
    if not exits:
        return False, yielded
    assert yielded[0] is not POISON, "loop exit depends on poison"
    return yielded[0], yielded[1:]


def _for(op: Op, env: Env) -> None:
    lo, hi, step = (_read(o, env) for o in op.operands[:3])
    assert step != 0, "for with step 0"
    carries = [env[o] for o in op.operands[3:]]
    (body,) = op.regions
    trips = 0
    for i in range(lo, hi, step):
        env.update(zip(body.args, [i, *carries], strict=True))
        done, carries = _exit(_region(body, env), op.attrs["exits"])
        trips += 1
        if done:
            break
    env.update(zip(op.results, [*carries, trips], strict=True))


def _while(op: Op, env: Env) -> None:
    carries = [env[o] for o in op.operands]
    condition, body = op.regions
    trips = 0
    while True:
        env.update(zip(condition.args, carries, strict=True))
        (go_on,) = _region(condition, env)
        assert go_on is not POISON, "loop condition is poison"
        if not go_on:
            break
        env.update(zip(body.args, carries, strict=True))
        done, carries = _exit(_region(body, env), op.attrs["exits"])
        trips += 1
        if done:
            break
    env.update(zip(op.results, [*carries, trips], strict=True))
