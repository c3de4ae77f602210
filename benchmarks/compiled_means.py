"""Means that are given loops, formulas or expressions: llad, C and Numba compile them, CasADi walks them."""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import Callable
from ctypes import CDLL
from typing import Any

import numpy as np

import llad
from benchmarks import c_library
from benchmarks.c_library import Array
from benchmarks.problems import Problem
from benchmarks.solution import Means, Results, means_of, parts
from benchmarks.timing import Call, Unavailable

# As llad's: what is allowed is to reorder, not to assume that there are no nan and inf.
NUMBA_FASTMATH = {"reassoc", "contract", "arcp", "nsz", "afn"}


def by_llad(problem: Problem, fastmath: bool) -> Means:
    if problem.fill is None:
        function = llad.jit_grad(problem.loops, argnums=problem.argnums, fastmath=fastmath)
        value = functools.partial(function, *problem.args)
        gradient = functools.partial(function.value_and_grad, *problem.args)
        return means_of(value, gradient)
    written = [np.zeros(shape) for shape in problem.blocks]
    value = functools.partial(llad.jit(problem.loops, fastmath=fastmath), *problem.args)
    fill = functools.partial(llad.jit(problem.fill, fastmath=fastmath), *problem.args, *written)

    def results() -> Results:
        fill()
        return parts(value()), written

    return Means(value, fill, results)


def by_c(problem: Problem, library: CDLL) -> Means:
    if problem.reference is None:
        raise Unavailable("has no reference in C")
    value = c_library.bind_value(library, problem.reference)
    gradient = c_library.bind_gradient(library, problem.reference)

    def results() -> Results:
        gradient.call()
        found = value.value()
        return parts(value.parts or found), parts(gradient.parts)

    return Means(value.call, gradient.call, results)


def by_numba(problem: Problem) -> Means:
    """With the gradient that is written by hand."""
    if problem.by_hand is None:
        raise Unavailable("has no gradient by hand")
    value, both = (with_numba(function) for function in (problem.loops, problem.by_hand))

    def gradient() -> Any:
        result, *derivatives = both(*problem.args)
        return result, derivatives

    return means_of(lambda: value(*problem.args), gradient)


def with_numba(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled, with the Python functions that it calls."""
    numba = importlib.import_module("numba")
    called = {
        name: with_numba(value)
        for name in function.__code__.co_names
        if isinstance(value := function.__globals__.get(name), types.FunctionType)
    }
    scope = {**function.__globals__, **called}
    fresh = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
    return numba.njit(fastmath=NUMBA_FASTMATH)(fresh)  # type: ignore[no-any-return]


def by_casadi(problem: Problem) -> Means:
    """In CasADi's virtual machine; a Jacobian comes without its values, as by the others."""
    if problem.symbolic is None:
        raise Unavailable("is not written as CasADi's expressions")
    ca = importlib.import_module("casadi")
    symbol = (ca.MX if any(np.size(a) > 1 for a in problem.args) else ca.SX).sym
    args, symbols, given = list(problem.args), {}, []
    for k, a in enumerate(problem.args):
        if np.asarray(a).dtype == float:
            rows, columns = (*np.shape(a)[::-1], 1, 1)[:2]
            args[k] = symbols[k] = symbol(f"x{k}", rows, columns)
            given.append(np.ascontiguousarray(a))
    result = problem.symbolic(ca, *args)
    if problem.fill is None:
        values, derivatives = [result], [ca.gradient(result, symbols[k]) for k in problem.argnums]
        also = values
    else:
        weights = symbols[2]
        values, derivatives, also = [result[0], 1.0 - weights**2], [result[1], -2.0 * weights], []
    compiled = [ca.Function("f", [*symbols.values()], [*map(ca.densify, f)]) for f in (values, also + derivatives)]
    (value, value_parts), (gradient, both) = (through_buffers(function, given) for function in compiled)

    def results() -> Results:
        value()
        gradient()
        return value_parts, both[len(also) :]

    return Means(value, gradient, results)


def through_buffers(function: Any, given: list[Array]) -> tuple[Call, list[Array]]:
    """A call of CasADi's function without conversion, and the arrays that it writes."""
    buffer, trigger = function.buffer()
    written = [np.empty(function.size_out(k)[::-1]) for k in range(function.n_out())]
    for k, array in enumerate(given):
        buffer.set_arg(k, memoryview(array))
    for k, array in enumerate(written):
        buffer.set_res(k, memoryview(array))

    def call(alive: Any = (function, buffer, given)) -> None:
        trigger()

    return call, written
