"""Gradients of one objective by other means: JAX, autograd, Numba; what is not installed is left out by name.

Every maker takes what a `Case` says and returns a call without arguments that computes a gradient (or, where it
says "value", only the value). Conversion of the arguments and compilation happen before the call.
"""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.timing import Call


@dataclass(frozen=True)
class Case:
    """An objective of an example, and how others would write it.

    `function` is the `jit_grad` function, `args` its arguments, `argnums` what is differentiated. `arrays(np, …)`
    is the same objective in array style, to be traced with `jax.numpy` or `autograd.numpy`; `jax` replaces it
    where JAX needs its own control flow. `by_hand` is a gradient written by hand with loops, for Numba.
    """

    name: str
    function: Any
    args: tuple[Any, ...]
    argnums: tuple[int, ...]
    arrays: Callable[..., Any]
    jax: Callable[..., Any] | None = None
    by_hand: Callable[..., Any] | None = None


def llad_gradient(case: Case) -> Call:
    return lambda: case.function.grad(*case.args)


def llad_value(case: Case) -> Call:
    return lambda: case.function(*case.args)


def python_value(case: Case) -> Call:
    return lambda: case.function.py_func(*case.args)


def jax_gradient(case: Case) -> Call:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    objective = case.jax or case.arrays
    numpy = importlib.import_module("jax.numpy")
    args = [jax.device_put(a) if isinstance(a, np.ndarray | float) else a for a in case.args]
    static = tuple(k for k, a in enumerate(case.args) if isinstance(a, int))
    compiled = jax.jit(
        jax.grad(lambda *a: objective(numpy, *a), argnums=case.argnums), static_argnums=static
    )
    return lambda: jax.block_until_ready(compiled(*args))


def autograd_gradient(case: Case) -> Call:
    autograd = importlib.import_module("autograd")
    numpy = importlib.import_module("autograd.numpy")
    gradient = autograd.grad(lambda *a: case.arrays(numpy, *a), argnum=case.argnums)
    return lambda: gradient(*case.args)


def numba_value(case: Case) -> Call:
    compiled = compile_with_numba(case.function.py_func)
    return lambda: compiled(*case.args)


def numba_by_hand(case: Case) -> Call | None:
    if case.by_hand is None:
        return None
    compiled = compile_with_numba(case.by_hand)
    return lambda: compiled(*case.args)


def compile_with_numba(function: Callable[..., Any]) -> Callable[..., Any]:
    """`numba.njit(function)`, with the Python functions that it calls compiled likewise."""
    numba = importlib.import_module("numba")
    called = {
        name: compile_with_numba(value)
        for name in function.__code__.co_names
        if isinstance(value := function.__globals__.get(name), types.FunctionType)
    }
    scope = {**function.__globals__, **called}
    fresh = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    return numba.njit(fresh)  # type: ignore[no-any-return]


# name → (package needed, maker, whether it gives a gradient)
PEERS: dict[str, tuple[str | None, Callable[[Case], Call | None], bool]] = {
    "llad gradient": (None, llad_gradient, True),
    "llad value": (None, llad_value, False),
    "numba value": ("numba", numba_value, False),
    "numba by hand": ("numba", numba_by_hand, True),
    "jax gradient": ("jax", jax_gradient, True),
    "autograd gradient": ("autograd", autograd_gradient, True),
    "python value": (None, python_value, False),
}
