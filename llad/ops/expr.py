"""`Expr`: the notation in which derivative rules are written.

A rule is a small tree over the op table: leaves are the cotangent `d`, the result, the operands and
constants; inner nodes are ops. Arithmetic reads as mathematics (`d * y`, `-d * r / y`); other ops are made
with `op`. The tree is data, so that one rule serves the builder (which emits ops) and the tests (which
evaluate it).
"""

from __future__ import annotations

from typing import Any

from llad.dataclass import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Expr:
    """A leaf (`name == "leaf"`, holding any object), a constant (`"const"`, a number), or an op over `args`.
    """

    name: str
    args: tuple[Expr, ...] = ()
    payload: Any = None

    def __add__(self, other: Expr | float) -> Expr:
        return op("add", self, other)

    def __radd__(self, other: float) -> Expr:
        return op("add", other, self)

    def __sub__(self, other: Expr | float) -> Expr:
        return op("sub", self, other)

    def __rsub__(self, other: float) -> Expr:
        return op("sub", other, self)

    def __mul__(self, other: Expr | float) -> Expr:
        return op("mul", self, other)

    def __rmul__(self, other: float) -> Expr:
        return op("mul", other, self)

    def __truediv__(self, other: Expr | float) -> Expr:
        return op("div", self, other)

    def __rtruediv__(self, other: float) -> Expr:
        return op("div", other, self)

    def __neg__(self) -> Expr:
        return op("neg", self)

    def __lt__(self, other: Expr | float) -> Expr:
        return op("lt", self, other)

    def __le__(self, other: Expr | float) -> Expr:
        return op("le", self, other)

    def __gt__(self, other: Expr | float) -> Expr:
        return op("gt", self, other)

    def __ge__(self, other: Expr | float) -> Expr:
        return op("ge", self, other)


def leaf(payload: Any) -> Expr:
    """A leaf that stands for `payload` (an IR value, a number under test)."""
    return Expr("leaf", (), payload)


def lift(x: Expr | float) -> Expr:
    """A number as a constant of the rule's float type."""
    return x if isinstance(x, Expr) else Expr("const", (), float(x))


def op(name: str, *args: Expr | float) -> Expr:
    """The op `name` applied to expressions or numbers."""
    return Expr(name, tuple(lift(a) for a in args))


def depends_on(expr: Expr, target: Expr) -> bool:
    """Whether `target` (by identity) occurs in `expr`."""
    return expr is target or any(depends_on(a, target) for a in expr.args)
