"""Systems of equations and norms of `np.linalg`, and SciPy's triangular solvers: arguments are checked here.

The loops are traced Python (`llad/traced`). Matrices of integers become f64, and two operands meet in one type, as
LAPACK wants them. A function of one matrix is one of stacks of them, too (`llad/traced/stacks.py`). SciPy is never
imported: who calls a function of it has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.arguments import bind
from llad.frontend.arrays import copy
from llad.frontend.contractions import matmul
from llad.frontend.creation import as_array
from llad.frontend.extents import check, compare, extents_of, measure
from llad.frontend.operands import Handler
from llad.frontend.promotion import is_static_number, plain, promote
from llad.frontend.rearrange import axis_argument, expand_dims, transpose
from llad.frontend.values import Array, Context, describe
from llad.ir.types import F64, is_float
from llad.traced import factorisations, norms, stacks

# The orders of the norms of matrices.
_OF_MATRICES = (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)

_SIGN_AND_LOG: Any = type(np.linalg.slogdet(np.ones((1, 1))))


Shapes = Callable[[int, int], tuple[tuple[int, ...], ...]]


def floats(ctx: Context, *operands: Any, ranks: Sequence[int] = (2,), stacked: bool = False) -> list[Array]:
    """The operands as arrays of one float type. The first one is a matrix, the others have one of `ranks`;
    or all may be stacks of such (`stacked`).
    """
    arrays = [as_array(ctx, x) for x in operands]
    for k, array in enumerate(arrays):
        wanted = ranks if k else (2,)
        if array.rank not in wanted and not (stacked and array.rank > max(wanted)):
            ctx.refuse("linalg-rank", got=describe(array))
    type, _ = promote([(a.dtype, False) for a in arrays], arrays=True)
    type = type if is_float(type) else F64
    return [a if a.dtype == type else copy(ctx, a, type) for a in arrays]


def alike(m: int, n: int) -> tuple[tuple[int, ...], ...]:
    """The shape of one result that is like the argument."""
    return ((m, n),)


def for_each(ctx: Context, function: Callable[..., Any], shapes: Shapes, a: Any, square: bool = True) -> Any:
    """What a function gives for a matrix, or for each of a stack; `shapes` are those of its results."""
    return ctx.call(stacks.each, [function, shapes, square, *floats(ctx, a, stacked=True)], {})


def of_matrix(usage: str, function: Callable[..., Any], shapes: Shapes) -> Handler:
    """A function of a square matrix, or of a stack of them; `usage` is its docstring."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return for_each(ctx, function, shapes, *bind(ctx, usage, args, kwargs))

    handle.__doc__ = usage
    return handle


def _solve(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.solve(a, b)"""
    a, b = floats(ctx, *bind(ctx, "np.linalg.solve(a, b)", args, kwargs), ranks=(1, 2), stacked=True)
    name, core = ("solve1", "(m,m),(m)->(m)") if b.rank == 1 else ("solve", "(m,m),(m,n)->(m,n)")
    text = f"{name}: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature {core}"
    ctx.call(factorisations.size, [a], {})
    own, other = (measure(ctx, n) for n in (extents_of(a)[-1], extents_of(b)[-min(b.rank, 2)]))
    check(ctx, compare(ctx, "eq", own, other), "ValueError", f"{text} (size {{}} is different from {{}})", other, own)
    return ctx.call(factorisations.solve if max(a.rank, b.rank) == 2 else stacks.solutions, [a, b], {})


def _slogdet(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.slogdet(a)"""
    (a,) = bind(ctx, "np.linalg.slogdet(a)", args, kwargs)
    return _SIGN_AND_LOG(*for_each(ctx, factorisations.sign_and_log, lambda m, n: ((), ()), a))


def _matrix_power(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.matrix_power(a, n)"""
    a, n = bind(ctx, "np.linalg.matrix_power(a, n)", args, kwargs)
    exponent = plain(n) if is_static_number(n) else None
    if type(exponent) is not int:
        ctx.refuse("linalg-known", what="the exponent", got=describe(n))
    base = as_array(ctx, a)
    if base.rank < 2:
        ctx.refuse("linalg-rank", got=describe(base))
    if exponent < 0:
        base = as_array(ctx, for_each(ctx, factorisations.inverse, alike, base))
    if exponent == 0:
        return ctx.call(stacks.each, [factorisations.unit, alike, True, base], {})
    ctx.call(factorisations.size, [base], {})
    return _power(ctx, base, abs(exponent))


def _power(ctx: Context, base: Array, n: int) -> Any:
    """The product of n copies, by squaring."""
    if n == 1:
        return copy(ctx, base)
    half = _power(ctx, base, n // 2) if n > 3 else base
    square = matmul(ctx, half, half)
    return square if n % 2 == 0 else matmul(ctx, square, base)  # type: ignore[arg-type]


def _norm(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.norm(x, ord, axis, keepdims)

    Of vectors in any order; of matrices "fro", "nuc", 2, 1 and inf, -2, -1 and -inf.
    """
    x, order, axis, keep = bind(ctx, "np.linalg.norm(x, ord, axis, keepdims)", args, kwargs, [None, None, False])
    array = as_array(ctx, x)
    if not is_float(array.dtype):
        array = copy(ctx, array, F64)
    if not is_static_number(keep):
        ctx.refuse("linalg-known", what="`keepdims`", got=describe(keep))
    if order is not None and not isinstance(order, str) and not is_static_number(order):
        ctx.refuse("linalg-known", what="the order", got=describe(order))
    order = order if order is None or isinstance(order, str) else plain(order)
    if axis is None:
        if order is None:
            found = ctx.call(norms.length, [array], {})
            return expand_dims(ctx, found, tuple(range(array.rank))) if keep and array.rank else found
        if array.rank not in (1, 2):
            ctx.refuse("linalg-norm", order=order, rank=array.rank)
        axis = 0 if array.rank == 1 else (0, 1)
    if isinstance(axis, tuple) and len(axis) == 2:
        pair = tuple(axis_argument(ctx, k, array.rank) for k in axis)
        if pair[0] == pair[1] or order not in _OF_MATRICES:
            ctx.refuse("linalg-norm", order=order, rank=2)
        result = ctx.call(norms.of_matrices, [array, order, pair], {})
        return expand_dims(ctx, result, pair) if keep else result
    k = axis_argument(ctx, axis, array.rank)
    if isinstance(order, str):
        ctx.refuse("linalg-norm", order=order, rank=1)
    result = ctx.call(norms.along, [array, order, k], {})
    return expand_dims(ctx, result, k) if keep else result


def known_flag(ctx: Context, name: str, flag: Any) -> bool:
    if not is_static_number(flag):
        ctx.refuse("linalg-known", what=f"`{name}`", got=describe(flag))
    return bool(flag)


def _solve_triangular(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """scipy.linalg.solve_triangular(a, b, trans, lower, unit_diagonal)"""
    usage = "scipy.linalg.solve_triangular(a, b, trans, lower, unit_diagonal, check_finite)"
    left, right, trans, lower, unit, _ = bind(ctx, usage, args, kwargs, [0, False, False, False])
    a, b = floats(ctx, left, right, ranks=(1, 2))
    if trans not in (0, 1, 2, "N", "T", "C"):
        ctx.refuse("linalg-known", what="`trans`", got=describe(trans))
    low = known_flag(ctx, "lower", lower)
    if trans not in (0, "N"):
        a, low = transpose(ctx, a, None), not low
    return ctx.call(factorisations.triangular, [a, b, low, known_flag(ctx, "unit_diagonal", unit)], {})


def _cho_factor(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """scipy.linalg.cho_factor(a, lower)"""
    a, lower = bind(ctx, "scipy.linalg.cho_factor(a, lower)", args, kwargs, [False])
    (matrix,) = floats(ctx, a)
    low = known_flag(ctx, "lower", lower)
    factor = ctx.call(factorisations.cholesky, [matrix if low else transpose(ctx, matrix, None)], {})
    return (factor if low else transpose(ctx, factor, None)), low


def _cholesky(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """scipy.linalg.cholesky(a, lower)"""
    return _cho_factor(ctx, bind(ctx, "scipy.linalg.cholesky(a, lower)", args, kwargs, [False]), {})[0]


def _solve_one(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """scipy.linalg.solve(a, b)"""
    return _solve(ctx, bind(ctx, "scipy.linalg.solve(a, b)", args, kwargs), {})


def _cho_solve(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """scipy.linalg.cho_solve(c_and_lower, b)"""
    pair, right, _ = bind(ctx, "scipy.linalg.cho_solve(c_and_lower, b, check_finite)", args, kwargs, [False])
    if not isinstance(pair, tuple) or len(pair) != 2:
        ctx.refuse("linalg-known", what="a pair of a factor and `lower`", got=describe(pair))
    c, b = floats(ctx, pair[0], right, ranks=(1, 2))
    low = known_flag(ctx, "lower", pair[1])
    factor = c if low else transpose(ctx, c, None)
    half = ctx.call(factorisations.triangular, [factor, b, True, False], {})
    return ctx.call(factorisations.triangular, [transpose(ctx, factor, None), half, False, False], {})


SYSTEMS: dict[str, Handler] = {
    "solve": _solve,
    "inv": of_matrix("np.linalg.inv(a)", factorisations.inverse, alike),
    "det": of_matrix("np.linalg.det(a)", factorisations.determinant, lambda m, n: ((),)),
    "slogdet": _slogdet,
    "cholesky": of_matrix("np.linalg.cholesky(a)", factorisations.cholesky, alike),
    "norm": _norm,
    "matrix_power": _matrix_power,
}
OF_SCIPY: dict[str, Handler] = {
    "solve_triangular": _solve_triangular,
    "cho_factor": _cho_factor,
    "cho_solve": _cho_solve,
    "cholesky": _cholesky,
    "solve": _solve_one,
    "inv": of_matrix("scipy.linalg.inv(a)", factorisations.inverse, alike),
    "det": of_matrix("scipy.linalg.det(a)", factorisations.determinant, lambda m, n: ((),)),
}
