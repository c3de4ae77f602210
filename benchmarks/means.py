"""The means by which `benchmarks.against_c` has a problem solved: llad, C, JAX. Each is ready to be called.

Arguments are converted and functions compiled before a call is timed. A gradient comes with the value, by all means.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import llad
from benchmarks import c_library, styles
from benchmarks.c_library import Array
from benchmarks.problems import Problem
from benchmarks.timing import Call


@dataclass(frozen=True)
class Means:
    """What is timed, `value()` and `gradient()`, and what they come to: `results()` is the parts of both in order."""

    value: Call
    gradient: Call
    results: Callable[[], tuple[list[Array], list[Array]]]


Maker = Callable[[Problem], Means]


def parts(structure: Any) -> list[Array]:
    """The arrays and numbers of a result."""
    whole = structure if isinstance(structure, tuple | list) else (structure,)
    return [np.asarray(part, dtype=float) for part in whole]


def by_llad(problem: Problem, fastmath: bool) -> Means:
    if problem.fill is None:
        function = llad.jit_grad(problem.loops, argnums=problem.argnums, fastmath=fastmath)
        value = functools.partial(function, *problem.args)
        gradient = functools.partial(function.value_and_grad, *problem.args)
        return Means(value, gradient, lambda: (parts(value()), parts(gradient()[1])))
    written = [np.zeros(shape) for shape in problem.reference.gradients]
    value = functools.partial(llad.jit(problem.loops, fastmath=fastmath), *problem.args)
    fill = functools.partial(llad.jit(problem.fill, fastmath=fastmath), *problem.args, *written)

    def results() -> tuple[list[Array], list[Array]]:
        fill()
        return parts(value()), written

    return Means(value, fill, results)


def by_c(problem: Problem, library: CDLL) -> Means:
    value = c_library.bind_value(library, problem.reference)
    gradient = c_library.bind_gradient(library, problem.reference)

    def results() -> tuple[list[Array], list[Array]]:
        gradient.call()
        found = value.value()
        return parts(value.parts or found), parts(gradient.parts)

    return Means(value.call, gradient.call, results)


def by_jax(problem: Problem) -> Means:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    style = styles.jax_style()
    static = tuple(k for k, a in enumerate(problem.args) if isinstance(a, int))
    args = tuple(jax.device_put(a) if isinstance(a, np.ndarray | float) else a for a in problem.args)
    objective = functools.partial(problem.arrays, style)
    both: Callable[..., Any] = jax.value_and_grad(objective, argnums=problem.argnums)
    if problem.fill is not None:
        objective, both = (functools.partial(f, jax, style) for f in (residuals_in_jax, blocks_in_jax))
    elif problem.forward:
        both = functools.partial(slope_in_jax, jax, objective)

    compiled_value, compiled_both = (jax.jit(f, static_argnums=static) for f in (objective, both))

    def value() -> Any:
        return jax.block_until_ready(compiled_value(*args))

    def gradient() -> Any:
        return jax.block_until_ready(compiled_both(*args))

    return Means(value, gradient, lambda: (parts(value()), parts(gradient()[1])))


def slope_in_jax(jax: Any, function: Any, x: Any) -> Any:
    """The value and the derivative by the only argument."""
    return jax.jvp(function, (x,), (1.0,))


def residuals_in_jax(jax: Any, style: Any, poses: Any, cloud: Any, weights: Any, pairs: Any, features: Any) -> Any:
    each = jax.vmap(functools.partial(styles.residual, style))
    return each(poses[pairs[:, 0]], cloud[pairs[:, 1]], weights, features), 1.0 - weights**2


def blocks_in_jax(jax: Any, style: Any, poses: Any, cloud: Any, weights: Any, pairs: Any, features: Any) -> Any:
    """Nothing and the derivatives, as the C does not return the residuals here either."""
    each = jax.vmap(jax.jacrev(functools.partial(styles.residual, style), argnums=(0, 1, 2)))
    by_pose, by_point, by_weight = each(poses[pairs[:, 0]], cloud[pairs[:, 1]], weights, features)
    return None, (style.np.concatenate([by_pose, by_point, by_weight[:, :, None]], axis=2), -2.0 * weights)


def available(wanted: tuple[str, ...] = ("",)) -> dict[str, Maker]:
    """The means that there are here, whose names begin with one of these; says which there are not, and why."""
    makers: dict[str, Maker] = {
        "llad": functools.partial(by_llad, fastmath=False),
        "llad fastmath": functools.partial(by_llad, fastmath=True),
    }
    if any(way.startswith(wanted) for way in c_library.WAYS):
        makers |= {way: functools.partial(by_c, library=library) for way, library in built().items()}
    if importlib.util.find_spec("jax") is None:
        print("skipped: JAX, as jax is not installed")
    else:
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
        makers["JAX"] = by_jax
    return {name: maker for name, maker in makers.items() if name.startswith(wanted)}


def built() -> dict[str, CDLL]:
    """The libraries of C, or none, and why, where they cannot be had."""
    if c_library.compiler() is None:
        print("skipped: C, as gcc is not installed")
        return {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            return c_library.build(Path(folder))
    except RuntimeError as error:
        print(f"skipped: C, as it could not be built: {error}")
        return {}
