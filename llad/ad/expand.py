"""Expanding symbolic `derivative` ops into ordinary IR, innermost first (I4).

Callees are closure-converted by the frontend: they mention only their parameters. So nesting of any depth and any
mix of modes needs no special case: a callee is expanded, optimised, differentiated and inlined where it stood.
"""

from __future__ import annotations

from collections.abc import Callable

from llad.ad.forward import tangent
from llad.ad.memory import copy_buffer, zeros_like
from llad.ad.reverse import gradient
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, inline
from llad.ir.types import BufferType

Optimise = Callable[[Function], Function]


def expand(fn: Function, optimise: Optimise) -> Function:
    """`fn` without `derivative` ops. `optimise` runs on each callee before it is differentiated."""
    if not any(op.name == "derivative" for op in walk(fn.body)):
        return fn
    b = Builder()
    mapping: Mapping = {}
    params = tuple(Value(p.type, p.name) for p in fn.params)
    mapping.update(zip(fn.params, params, strict=True))
    _region(b, fn.body, mapping, optimise)
    return b.function(fn.name, params, **fn.attrs)


def _region(b: Builder, region: Region, mapping: Mapping, optimise: Optimise) -> None:
    for op in region.ops:
        b.span = op.span
        if op.name == "derivative":
            mapping.update(zip(op.results, _derivative(b, op, mapping, optimise), strict=True))
            continue
        regions = []
        for inner in op.regions:
            with b.region([a.type for a in inner.args], [a.name for a in inner.args]) as new:
                mapping.update(zip(inner.args, new.args, strict=True))
                _region(b, inner, mapping, optimise)
            regions.append(new)
        b.span = op.span
        operands = [mapping.get(o, o) for o in op.operands]
        copy = b.emit(op.name, operands, [r.type for r in op.results], op.attrs, regions, [r.name for r in op.results])
        mapping.update(zip(op.results, copy.results, strict=True))


def _derivative(b: Builder, op: Op, mapping: Mapping, optimise: Optimise) -> tuple[Value, ...]:
    callee = optimise(expand(op.attrs["callee"], optimise))
    wrt: tuple[int, ...] = op.attrs["wrt"]
    operands = [mapping.get(o, o) for o in op.operands]
    arguments, tangents = operands[: len(callee.params)], operands[len(callee.params) :]
    if op.attrs["mode"] == "jvp":
        dots = [_contiguous(b, t) for t in tangents]
        return inline(b, tangent(callee, wrt), [*arguments, *dots])
    bars = {i: zeros_like(b, arguments[i], "gradient") for i in wrt if isinstance(arguments[i].type, BufferType)}
    results = list(inline(b, gradient(callee, wrt), [*arguments, *bars.values()]))
    values, scalars = results[: len(callee.results)], iter(results[len(callee.results) :])
    return (*values, *[bars[i] if i in bars else next(scalars) for i in wrt])


def _contiguous(b: Builder, value: Value) -> Value:
    if isinstance(value.type, BufferType) and value.type.layout != "C":
        return copy_buffer(b, value)
    return value
