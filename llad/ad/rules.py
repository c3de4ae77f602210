"""Applying an op's `partial` rule, the one rule of both modes, and deciding where its products are strong.

Strong zero (`mulz`): rules flagged singular, and every op that feeds an operand of `select`, `min` or `max`,
because the untaken operand receives a cotangent of exactly zero that must stay zero through inf and nan.
"""

from __future__ import annotations

from collections.abc import Iterable

from llad.ir.build import Builder
from llad.ir.core import Function, Op, Value, walk
from llad.ir.types import ScalarType
from llad.ops.expr import Expr, leaf
from llad.ops.table import OPS
from llad.refusals.table import refusal

CHOICES = frozenset({"select", "min", "max", "minimum", "maximum"})


def feeds_choice(fn: Function) -> frozenset[Op]:
    """The scalar ops from which values flow, through scalar ops only, into a choice."""
    ops = list(walk(fn.body))
    maker = {r: op for op in ops if op.name in OPS for r in op.results}
    stack = [maker[o] for op in ops if op.name in CHOICES for o in op.operands if o in maker]
    found: set[Op] = set()
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            stack += [maker[o] for o in op.operands if o in maker]
    return frozenset(found)


def products(
    b: Builder, op: Op, ds: Iterable[Value | None], operands: tuple[Value, ...], result: Value, strong: bool
) -> list[Value | None]:
    """Per operand, `(∂result/∂operand)·d` for its `d` in `ds`; `None` where `d` is, or where it is discrete.

    Raises: DerivativeError if the op has no rule for an operand that needs one.
    """
    record = OPS[op.name]
    assert record.partial is not None and isinstance(result.type, ScalarType)
    out: list[Value | None] = []
    rules: dict[Value, tuple[Expr, tuple[Expr | None, ...]]] = {}
    leaves = [leaf(o) for o in operands]
    for position, d in enumerate(ds):
        if d is None:
            out.append(None)
            continue
        if d not in rules:
            d_leaf = leaf(d)
            try:
                rules[d] = d_leaf, record.partial(d_leaf, leaf(result), *leaves)
            except NotImplementedError as error:
                raise refusal("no-rule", op.span, error=error) from None
        d_leaf, trees = rules[d]
        tree = trees[position]
        out.append(None if tree is None else b.expr(tree, result.type, d_leaf, strong or record.singular))
    return out
