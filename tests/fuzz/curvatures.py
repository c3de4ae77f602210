"""Checks of second derivatives, in all mixtures of modes."""

from __future__ import annotations

from typing import Any

import numpy as np

import llad
from llad.testing import assert_close, copy_arguments, directional_difference, flatten

from .compare import fails
from .trial import Trial


def curvature(trial: Trial) -> None:
    """Forward over reverse: symmetric, and the difference of gradients."""
    if fails(trial):
        return
    v, w = trial.direction(6), trial.direction(9)
    product = trial.curvature(v)
    size = 1e-8 * (trial.scale + float(np.max(np.abs(product))))
    assert_close(w @ product, v @ trial.curvature(w), 1e-8, 10 * size, what="symmetry of the Hessian")
    estimate, error = directional_difference(trial.native.grad, trial.subject.args, v, step=1e-4)
    smooth = error <= 1e-7 * (1 + np.abs(estimate))
    if smooth.all():
        off = np.abs(product - estimate) > 1e-5 * (1 + np.abs(estimate))
        if off.any() and not jumps(trial, v):
            assert_close(product, estimate, 1e-5, 1e-5, what="forward over reverse against differences")


def jumps(trial: Trial, v: Any) -> bool:
    """Whether the gradient jumps near the arguments, along `v`."""
    here = trial.gradient
    for h in (1e-6, -1e-6):
        moved = tuple(
            a + h * d if d is not None else a for a, d in zip(trial.subject.args, trial.tangents(v), strict=True)
        )
        if np.abs(flatten((trial.native.grad(*moved),)) - here).max() > 1e-3 * trial.scale:
            return True
    return False


OUTER = """
import llad

def reverse_over_reverse(x, y, m, a, b, n, k):
    g = llad.grad(f, (0, 1, 2, 3, 4))(x, y, m, a, b, n, k)
    return np.sum(g[0] * D[0]) + np.sum(g[1] * D[1]) + np.sum(g[2] * D[2]) + g[3] * D[3] + g[4] * D[4]


def reverse_over_forward(x, y, m, a, b, n, k):
    point = (x.copy(), y.copy(), m.copy(), a, b, n, k)
    return llad.jvp(f, point, (D[0], D[1], D[2], D[3], D[4], None, None))[1]
"""


def nested(trial: Trial) -> None:
    """Reverse over reverse and reverse over forward give what forward over reverse gives."""
    if fails(trial):
        return
    v = trial.direction(6)
    product = trial.curvature(v)
    size = 1e-8 * (trial.scale + float(np.max(np.abs(product))))
    outer = type(trial.subject)(trial.subject.source + OUTER, trial.subject.args)
    scope = outer.function.__globals__
    scope["D"] = trial.tangents(v)[:5]
    for name in ("reverse_over_reverse", "reverse_over_forward"):
        found = flatten((llad.jit_grad(scope[name]).grad(*copy_arguments(trial.subject.args)),))
        assert_close(found, product, 1e-8, 10 * size, what=name)
