"""Decompositions of matrices: arguments are checked here, the loops are traced Python (`llad/traced`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from llad.frontend.arguments import bind
from llad.frontend.linear import OF_SCIPY, SYSTEMS, alike, floats, for_each, known_flag, of_matrix
from llad.frontend.operands import Handler
from llad.frontend.values import Context, describe
from llad.structures import library_of
from llad.traced import eigen, exponential, least_squares, norms, orthogonal, singular

_UNIT = np.eye(1)
_QR: Any = type(np.linalg.qr(_UNIT))
_EIGH: Any = type(np.linalg.eigh(_UNIT))
_SVD: Any = type(np.linalg.svd(_UNIT))


# The shapes of what is found for a matrix of m rows and n columns. They are traced.
def _reduced(m: int, n: int) -> Any:
    return (m, min(m, n)), (min(m, n), n)


def _complete(m: int, n: int) -> Any:
    return (m, m), (m, n)


def _thin(m: int, n: int) -> Any:
    return (m, min(m, n)), (min(m, n),), (min(m, n), n)


def _full(m: int, n: int) -> Any:
    return (m, m), (min(m, n),), (n, n)


def _qr(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.qr(a, mode)

    "reduced", "complete" or "r". The columns from which R is inverted have to be independent.
    """
    a, mode = bind(ctx, "np.linalg.qr(a, mode)", args, kwargs, ["reduced"])
    if mode not in ("reduced", "complete", "r"):
        ctx.refuse("linalg-argument", argument="mode", got=repr(mode), hint='"reduced", "complete" and "r" are there')
    full = mode == "complete"
    shapes = _complete if full else _reduced
    q, r = for_each(ctx, partial(orthogonal.qr, full=full), shapes, a, square=False)
    return r if mode == "r" else _QR(q, r)


def _eigen(ctx: Context, usage: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
    a, uplo = bind(ctx, usage, args, kwargs, ["L"])
    if uplo not in ("L", "U"):
        ctx.refuse("linalg-argument", argument="UPLO", got=repr(uplo), hint='"L" and "U" are there')
    w, v = for_each(ctx, partial(eigen.eigh, lower=uplo == "L"), lambda m, n: ((n,), (n, n)), a)
    return w, v


def _eigh(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.eigh(a, UPLO)

    The derivative of an eigenvector whose eigenvalue is repeated is inf or nan. Signs may differ from NumPy's.
    """
    return _EIGH(*_eigen(ctx, "np.linalg.eigh(a, UPLO)", args, kwargs))


def _eigvalsh(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.eigvalsh(a, UPLO)"""
    return _eigen(ctx, "np.linalg.eigvalsh(a, UPLO)", args, kwargs)[0]


def _singular(ctx: Context, a: Any, full: bool) -> Any:
    shapes = _full if full else _thin
    return for_each(ctx, partial(singular.svd, full=full), shapes, a, square=False)


def _svd(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.svd(a, full_matrices, compute_uv)

    The derivative of vectors whose singular value is repeated or, if they are not a basis, zero is inf or nan. Signs
    may differ from NumPy's.
    """
    usage = "np.linalg.svd(a, full_matrices, compute_uv)"
    a, full, vectors = bind(ctx, usage, args, kwargs, [True, True])
    full, vectors = known_flag(ctx, "full_matrices", full), known_flag(ctx, "compute_uv", vectors)
    u, s, v = _singular(ctx, a, full and vectors)
    return _SVD(u, s, v) if vectors else s


def _svdvals(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.svdvals(x)"""
    (x,) = bind(ctx, "np.linalg.svdvals(x)", args, kwargs)
    return _singular(ctx, x, False)[1]


def _pinv(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.pinv(a, rcond, rtol)

    The derivative is that for a constant rank.
    """
    unset = object()
    a, rcond, rtol = bind(ctx, "np.linalg.pinv(a, rcond, rtol)", args, kwargs, [None, unset])
    if rtol is not unset and rcond is not None:
        ctx.refuse("linalg-argument", argument="rcond", got=describe(rcond), hint="give either `rcond` or `rtol`")
    bound = rcond if rcond is not None else 1e-15 if rtol is unset else rtol
    return for_each(ctx, partial(least_squares.pinv, bound=bound), lambda m, n: ((n, m),), a, square=False)


def _lstsq(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.lstsq(a, b, rcond)

    The derivative is that for a constant rank.
    """
    a, b, rcond = bind(ctx, "np.linalg.lstsq(a, b, rcond)", args, kwargs, [None])
    return ctx.call(least_squares.lstsq, [*floats(ctx, a, b, ranks=(1, 2)), rcond], {})


def _vector_norm(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.vector_norm(x, axis, keepdims, ord)

    Of all elements, or along one axis or several.
    """
    usage = "np.linalg.vector_norm(x, axis, keepdims, ord)"
    return ctx.call(norms.of_vectors, bind(ctx, usage, args, kwargs, [None, False, 2]), {})


def _matrix_norm(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.matrix_norm(x, keepdims, ord)

    Of the last two axes, in the orders of `norm`.
    """
    x, keep, order = bind(ctx, "np.linalg.matrix_norm(x, keepdims, ord)", args, kwargs, [False, "fro"])
    return ctx.call(np.linalg.norm, [x, order, (-2, -1), keep], {})


def _multi_dot(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.multi_dot(arrays)

    From left to right.
    """
    (arrays,) = bind(ctx, "np.linalg.multi_dot(arrays)", args, kwargs)
    if not isinstance(arrays, (tuple, list)) or len(arrays) < 2:
        ctx.refuse("join-parts", got=describe(arrays))
    return reduce(lambda a, b: ctx.call(np.dot, [a, b], {}), arrays)


def _by(function: Any, usage: str, doc: str = "") -> Handler:
    """What is Python that is traced."""

    def handle(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return ctx.call(function, args, kwargs)

    handle.__doc__ = f"{usage}\n\n{doc}" if doc else usage
    return handle


_ALIKE = "As the function of that name in `np`."
LINALG: dict[str, Handler] = {
    **SYSTEMS,
    "vector_norm": _vector_norm,
    "matrix_norm": _matrix_norm,
    "multi_dot": _multi_dot,
    "cond": _by(norms.cond, "np.linalg.cond(x, p)", "Of one matrix or a stack, in the orders of `norm`."),
    "matrix_rank": _by(norms.matrix_rank, "np.linalg.matrix_rank(A, tol)", "An integer: no derivative passes."),
    "diagonal": _by(norms.diagonal, "np.linalg.diagonal(x, offset)", "Of the last two axes."),
    "trace": _by(norms.trace, "np.linalg.trace(x, offset)", "Of the last two axes."),
    "matrix_transpose": _by(np.matrix_transpose, "np.linalg.matrix_transpose(x)", _ALIKE),
    "outer": _by(norms.outer, "np.linalg.outer(x1, x2)", "Of two vectors."),
    "cross": _by(np.cross, "np.linalg.cross(x1, x2)", "Along the last axis, which has three elements."),
    "matmul": _by(np.matmul, "np.linalg.matmul(x1, x2)", _ALIKE),
    "vecdot": _by(np.vecdot, "np.linalg.vecdot(x1, x2, axis)", _ALIKE),
    "tensordot": _by(norms.tensordot, "np.linalg.tensordot(x1, x2, axes)", _ALIKE),
    "qr": _qr,
    "eigh": _eigh,
    "eigvalsh": _eigvalsh,
    "svd": _svd,
    "svdvals": _svdvals,
    "pinv": _pinv,
    "lstsq": _lstsq,
}
SCIPY: dict[str, Handler] = {**OF_SCIPY, "expm": of_matrix("scipy.linalg.expm(A)", exponential.expm, alike)}


def of_scipy(function: Any) -> Handler | None:
    """The handler of a function of `scipy.linalg`."""
    module = library_of(function)
    return SCIPY.get(getattr(function, "__name__", "")) if module.startswith("scipy.linalg") else None
