"""Means that differentiate objectives in array style: JAX, PyTorch as it runs without a compiler, autograd."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import styles
from benchmarks.problems import Problem
from benchmarks.solution import Means, means_of


def by_jax(problem: Problem) -> Means:
    """Compiled; what is timed ends when the result is there."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    style = styles.jax_style()
    static = tuple(k for k, a in enumerate(problem.args) if isinstance(a, int))
    args = tuple(jax.device_put(a) if isinstance(a, np.ndarray | float) else a for a in problem.args)
    objective = functools.partial(problem.arrays, style)
    both: Callable[..., Any] = jax.value_and_grad(objective, argnums=problem.argnums)
    if problem.fill is not None:
        both = functools.partial(blocks_in_jax, jax, style)
    elif problem.forward:
        both = functools.partial(slope_in_jax, jax, objective)
    compiled_value, compiled_both = (jax.jit(f, static_argnums=static) for f in (objective, both))
    return means_of(
        lambda: jax.block_until_ready(compiled_value(*args)), lambda: jax.block_until_ready(compiled_both(*args))
    )


def slope_in_jax(jax: Any, function: Any, x: Any) -> Any:
    """The value and the derivative by the only argument."""
    return jax.jvp(function, (x,), (1.0,))


def blocks_in_jax(jax: Any, style: Any, poses: Any, cloud: Any, weights: Any, pairs: Any, features: Any) -> Any:
    """Nothing and the derivatives, as the C does not return the residuals here either."""
    each = jax.vmap(jax.jacrev(functools.partial(styles.residual, style), argnums=(0, 1, 2)))
    by_pose, by_point, by_weight = each(*styles.gather(poses, cloud, weights, pairs), features)
    return None, (style.np.concatenate([by_pose, by_point, by_weight[:, :, None]], axis=2), -2.0 * weights)


def by_torch(problem: Problem) -> Means:
    """Arguments by which nothing is differentiated and which are no arrays stay numbers."""
    torch = importlib.import_module("torch")
    torch.set_default_dtype(torch.float64)
    style = styles.torch_style()
    args = [torch.as_tensor(a) if isinstance(a, np.ndarray) else a for a in problem.args]
    for k in problem.argnums:
        args[k] = torch.as_tensor(problem.args[k]).requires_grad_()
    wanted = [args[k] for k in problem.argnums]

    def value() -> Any:
        with torch.no_grad():
            return problem.arrays(style, *args)

    def gradient() -> Any:
        result = problem.arrays(style, *args)
        return result.detach(), torch.autograd.grad(result, wanted)

    return means_of(value, gradient if problem.fill is None else functools.partial(blocks_in_torch, torch, style, args))


def blocks_in_torch(torch: Any, style: Any, args: Any) -> Any:
    """A sweep back for each of the two rows gives the rows of all blocks."""
    poses, cloud, weights, pairs, features = args
    by = [part.detach().requires_grad_() for part in styles.gather(poses, cloud, weights, pairs)]
    error = styles.residual(style, *by, features)
    rows = [torch.autograd.grad(error[:, k].sum(), by, retain_graph=k == 0) for k in range(2)]
    blocks = torch.stack([torch.cat([pose, point, weight[:, None]], 1) for pose, point, weight in rows], 1)
    return None, (blocks, -2.0 * weights.detach())


def by_autograd(problem: Problem) -> Means:
    autograd = importlib.import_module("autograd")
    style = styles.autograd_style()
    objective = functools.partial(problem.arrays, style)
    both = autograd.value_and_grad(lambda *args: objective(*args), problem.argnums)
    if problem.fill is not None:
        both = functools.partial(blocks_in_autograd, autograd, style)
    return means_of(lambda: objective(*problem.args), lambda: both(*problem.args))


def blocks_in_autograd(autograd: Any, style: Any, *args: Any) -> Any:
    """As in PyTorch."""
    poses, cloud, weights, pairs, features = args
    pull = autograd.make_vjp(lambda *by: styles.residual(style, *by, features), (0, 1, 2))
    back, error = pull(*styles.gather(poses, cloud, weights, pairs))
    blocks = np.empty((len(weights), 2, 15))
    for k in range(2):
        seed = np.zeros(error.shape)
        seed[:, k] = 1.0
        blocks[:, k, :11], blocks[:, k, 11:14], blocks[:, k, 14] = back(seed)
    return None, (blocks, -2.0 * weights)
