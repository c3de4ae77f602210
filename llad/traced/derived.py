"""Values whose derivative is written down: what is computed by an iteration is not differentiated step by step.

A decomposition `y` of a matrix `a` is computed from `underived(a)`, and its differential is written as an expression
that is linear in what varies, `dy = L(y) da` (Giles, An extended collection of matrix derivative results for forward
and reverse mode algorithmic differentiation, Oxford NA-08/01, 2008). With products that hold their first factor,

    y1 = with_derivative(y0, L(y0)·a)    the first derivative of `y1` is L(y0) ȧ: right
    y2 = with_derivative(y0, L(y1)·a)    its first derivative is L(y1) ȧ, and so its second one L'(y1) y1' ȧ + …: right

so each step makes one more order right, and a derivative beyond that reaches `underived`, which refuses. All have the
value `y0`. What a derivative does not ask for is dead code: a value runs just the iteration, a first derivative
one `L`, a second derivative two.

Run as plain Python these functions give their values. In traced code they are ops (`llad/ops/held.py`).
"""

from __future__ import annotations

from typing import Any


def held_mul(p: Any, x: Any) -> Any:
    """`p * x` with the derivative `p * dx`. In that, `p` is a value as others are."""
    return p * x


def held_mulz(p: Any, x: Any) -> Any:
    """The same, where a `dx` of zero gives zero even if `p` is not finite."""
    return p * x


def with_derivative(y: Any, x: Any) -> Any:
    """The value of `y` with the derivative of `x`."""
    return y


def underived(x: Any) -> Any:
    """`x`, by which there is no derivative: asking for one is an error."""
    return x


FUNCTIONS = (held_mul, held_mulz, with_derivative, underived)
