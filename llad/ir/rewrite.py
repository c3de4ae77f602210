"""Copying IR: every pass builds its output with these, so no pass edits its input.

A mapping from old values to new ones is threaded through; values that it does not hold stand for themselves
(they are defined outside what is copied).
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value

Mapping = dict[Value, Value]


def copy_op(op: Op, mapping: Mapping) -> Op:
    """A copy with fresh results; `mapping` learns them."""
    operands = tuple(mapping.get(o, o) for o in op.operands)
    regions = tuple(copy_region(r, mapping) for r in op.regions)
    results = tuple(Value(r.type, r.name) for r in op.results)
    mapping.update(zip(op.results, results, strict=True))
    return Op(op.name, operands, results, op.attrs, regions, op.span)


def copy_region(region: Region, mapping: Mapping) -> Region:
    """A copy with fresh block arguments and results."""
    args = tuple(Value(a.type, a.name) for a in region.args)
    mapping.update(zip(region.args, args, strict=True))
    return Region(args, [copy_op(op, mapping) for op in region.ops])


def copy_function(fn: Function, name: str | None = None) -> tuple[Function, Mapping]:
    """A copy (which shares the functions of its table), and where each value of `fn` went."""
    mapping: Mapping = {}
    params = tuple(Value(p.type, p.name) for p in fn.params)
    mapping.update(zip(fn.params, params, strict=True))
    body = copy_region(fn.body, mapping)
    return Function(name or fn.name, params, body, dict(fn.attrs), dict(fn.functions)), mapping


def inline(builder: Builder, fn: Function, arguments: Sequence[Value]) -> tuple[Value, ...]:
    """Copy the body of `fn` to where the builder stands; the values that it returned."""
    mapping: Mapping = dict(zip(fn.params, arguments, strict=True))
    for op in fn.body.ops[:-1]:
        builder.current.ops.append(copy_op(op, mapping))
    return tuple(mapping.get(v, v) for v in fn.results)
