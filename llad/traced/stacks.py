"""Functions of matrices for stacks of them: of arrays whose last two axes are those of the matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from llad.traced.factorisations import nonsingular, size, solve, substitute


def each(function: Any, shapes: Any, square: bool, a: Any) -> Any:
    """What `function` gives for each matrix. `shapes(m, n)`: of its results, which are several if there are more."""
    if square:
        size(a)
    if a.ndim == 2:
        return function(a)
    lead = a.shape[:-2]
    outs = [np.zeros((*lead, *shape), a.dtype) for shape in shapes(*a.shape[-2:])]
    _fill(function, [a], outs)
    return outs[0] if len(outs) == 1 else tuple(outs)


def solutions(a: Any, b: Any) -> Any:
    """The solution of `a @ x = b` for each matrix; `b` is one vector, or matrices, with leading axes that broadcast."""
    if b.ndim == 1:
        out = np.zeros(a.shape[:-1], a.dtype)
        _fill(lambda one: solve(one, b), [a], [out])
        return out
    if a.ndim == 2:
        factors = nonsingular(a)
        out = np.zeros(b.shape, a.dtype)
        _fill(lambda right: substitute(right, *factors), [b], [out])
        return out
    lead = (np.zeros(a.shape[:-2]) + np.zeros(b.shape[:-2])).shape
    out = np.zeros((*lead, *b.shape[-2:]), a.dtype)
    _fill(solve, [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b)], [out])
    return out


def _fill(function: Any, stacks: Any, outs: Any) -> None:
    """Store what `function` gives for the matrices of `stacks`."""
    for k in range(len(stacks[0])):
        if stacks[0].ndim > 3:
            _fill(function, [x[k] for x in stacks], [out[k] for out in outs])
        elif len(outs) == 1:
            outs[0][k] = function(*[x[k] for x in stacks])
        else:
            for out, result in zip(outs, function(*[x[k] for x in stacks]), strict=True):
                out[k] = result
