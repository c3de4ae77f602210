"""The reference interpreter: what the IR means.

Slow and literal, it is the oracle for every pass and for native code. Where the IR leaves something undefined it
stops with an `AssertionError` instead of choosing: poison (`undef`, memory that `alloc` made and nobody wrote) that
is computed with, branched on or returned, an index out of range, a use after `free`, a shift by too many bits, a
float out of an integer's range. To load poison and pass it on is no read. Only a `check` that fails raises what the
user's program would raise.

Numbers are Python numbers, f32 rounded after every op and ints wrapped to their width. A buffer is a NumPy
view and, for memory the call allocated, a second array of the same shape that tells which elements were
written; a `view` slices both, so aliasing needs no thought.

Passes just before machine code compute some floats in vain. For `run`, if it is told so, what is computed from a float
that is poison is poison, as in machine code; to branch on it, or to return it, is as undefined as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region
from llad.ir.errors import exception_named
from llad.ir.interp_memory import alloc, load, matmul, store, view
from llad.ir.interp_values import DTYPES, NORMALISE, POISON, Buffer, Env, cast, live, normal, read
from llad.ir.printed import as_python, write
from llad.ir.types import BufferType, LifoType, ScalarType, Type, is_float, is_int
from llad.ops.table import OPS

_FRAMES = 40  # of Python, at most, for what stands between a call and the next one inside it

# As many calls may be inside one another. (Native code allows what fits in its part of the stack.)
DEPTH = 800


@dataclass(frozen=True, slots=True)
class _Table:
    """The functions that a `call` may name, whether poison may be computed with, and how many calls are active."""

    functions: Mapping[str, Function]
    in_vain: bool
    depth: int = 0


def run(fn: Function, args: Sequence[Any], in_vain: bool = False) -> tuple[Any, ...]:
    """The results of `fn`: numbers for scalars, NumPy arrays for buffers.

    Array arguments are used as they are: what `fn` writes is written to them, and a result that views one
    views it. Elements of a returned array that were never written hold arbitrary values. A stack is a list of records;
    one that is an argument is copied. Of the results, those of a tape (attribute `keeps`) are only for `run` to take.
    `in_vain`: floats may be computed from poison.

    Raises: the exception of a `check` that fails; AssertionError where the meaning is undefined (see above).
    """
    assert len(args) == len(fn.params), f"{fn.name} takes {len(fn.params)} arguments, got {len(args)}"
    env: Env = {p: _argument(a, p.type) for p, a in zip(fn.params, args, strict=True)}
    env[None] = _Table(fn.functions, in_vain)
    limit = sys.getrecursionlimit()
    if fn.functions:
        sys.setrecursionlimit(max(limit, limit + _FRAMES * DEPTH))
    try:
        results = _region(fn.body, env)
        kept = len(results) - fn.attrs.get("keeps", 0)
        return (*map(_returned, results[:kept]), *results[kept:])
    finally:
        sys.setrecursionlimit(limit)


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
        live(value)
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
            condition = read(op.operands[0], env)
            env[op.results[0]] = env[op.operands[1 if condition else 2]]
        else:
            operands = [env[o] for o in op.operands]
            if POISON in operands:
                env[op.results[0]] = _in_vain(op, env)
                continue
            type: Any = op.results[0].type
            if op.name in _SHIFTS:
                assert 0 <= operands[1] < type.bytes * 8, f"{op.name} by {operands[1]} bits"
            try:
                env[op.results[0]] = NORMALISE[type](record.eval(*operands))
            except ZeroDivisionError as error:
                raise AssertionError(f"{op.name} by zero") from error
    return [env[o] for o in region.terminator.operands]


def _in_vain(op: Op, env: Env) -> Any:
    """What an op makes of poison, if it may."""
    may = env[None].in_vain and is_float(op.operands[0].type) and not is_int(op.result.type)
    assert may, f"{op.name} reads poison"
    return POISON


def _structured(op: Op, env: Env) -> None:
    """One op that is not a row of the op table."""
    match op.name:
        case "const":
            assert isinstance(op.result.type, ScalarType)
            env[op.result] = NORMALISE[op.result.type](op.attrs["value"])
        case "load":
            env[op.result] = load(op, env)
        case "store":
            store(op, env)
        case "matmul":
            matmul(op, env)
        case "for":
            _for(op, env)
        case "if":
            chosen = op.regions[0] if read(op.operands[0], env) else op.regions[1]
            env.update(zip(op.results, _region(chosen, env), strict=True))
        case "while":
            _while(op, env)
        case "check":
            _check(op, env)
        case "print":
            write(op.attrs["text"], [_printed(read(o, env), o.type) for o in op.operands])
        case "cast":
            source, target = op.operands[0].type, op.result.type
            assert isinstance(source, ScalarType) and isinstance(target, ScalarType)
            given = env[op.operands[0]]
            env[op.result] = _in_vain(op, env) if given is POISON else cast(given, source, target)
        case "dim":
            env[op.result] = int(live(read(op.operands[0], env)).data.shape[op.attrs["axis"]])
        case "view":
            env[op.result] = POISON if env[op.operands[0]] is POISON else view(op, env)
        case "alloc":
            env[op.result] = alloc(op, env)
        case "free":
            allocation = live(read(op.operands[0], env)).allocation
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
            stack = read(op.operands[0], env)
            assert stack, "pop from an empty lifo"
            env.update(zip(op.results, stack.pop(), strict=True))
        case "call":
            _call(op, env)
        case "derivative":
            raise AssertionError("a derivative is symbolic: expand it before running")
        case _:
            raise AssertionError(f"unknown op {op.name}")


def _printed(value: Any, type: Type) -> Any:
    return as_python(live(value).data if isinstance(type, BufferType) else value, type)


def _check(op: Op, env: Env) -> None:
    holds, *values = (as_python(read(o, env), o.type) for o in op.operands)
    if not holds:
        raise exception_named(op.attrs["error"])(op.attrs["message"].format(*values))


def _call(op: Op, env: Env) -> None:
    table: _Table = env[None]
    if table.depth >= DEPTH:
        raise RecursionError("maximum recursion depth exceeded")
    callee = table.functions[op.attrs["callee"]]
    if op.attrs.get("chunks"):
        count, *shared = (read(o, env) for o in op.operands)
        for number in range(count):
            _region(callee.body, {None: table, **dict(zip(callee.params, (number, *shared), strict=True))})
        return
    inner: Env = {p: env[o] for p, o in zip(callee.params, op.operands, strict=True)}  # which it need not read
    inner[None] = _Table(table.functions, table.in_vain, table.depth + 1)
    env.update(zip(op.results, _region(callee.body, inner), strict=True))


def _exit(yielded: list[Any], exits: bool) -> tuple[bool, list[Any]]:
    """Whether the loop ends after this iteration, and the next carries."""
    if not exits:
        return False, yielded
    assert yielded[0] is not POISON, "loop exit depends on poison"
    return yielded[0], yielded[1:]


def _for(op: Op, env: Env) -> None:
    lo, hi, step = (read(o, env) for o in op.operands[:3])
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
