"""Every program of the corpus in every variant that makes sense.

Interpreter and native code, as traced and after the passes, value, reverse and forward mode, f64 and f32,
contiguous and strided, once more on a second call, and forward over reverse; against plain Python, central
differences of it, or the gradient that the program states.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

import numpy as np
import programs
import pytest
from native import Native
from programs.case import Program, programs_of
from reference import Reference

import llad
from llad.ad.strategies import always
from llad.ad.structure import Strategy
from llad.ir.core import Function
from llad.ir.text import show
from llad.testing import (
    Vector,
    assert_close,
    check_gradient,
    check_tangent,
    copy_arguments,
    directional_difference,
    directions_for,
    finite_differences,
    flatten,
    unflatten,
)

WAYS: tuple[Strategy, ...] = ("taped", "recomputed")  # fused loops are preferred everywhere

CORPUS = [
    p
    for module in sorted(m.name for m in pkgutil.iter_modules(programs.__path__))
    for p in programs_of(importlib.import_module(f"programs.{module}"))
]
again = pytest.mark.usefixtures("scalar_code")  # where `test_native_derivatives` has it in full
every_program = pytest.mark.parametrize("program", CORPUS, ids=lambda p: p.name)
every_objective = pytest.mark.parametrize("program", [p for p in CORPUS if p.scalar], ids=lambda p: p.name)


@cache
def plain(program: Program) -> tuple[Any, Any]:
    """What plain Python returns, and the arguments afterwards."""
    args = copy_arguments(program.draw())
    with np.errstate(all="ignore"):
        return program.function(*args), args


@cache
def true_gradient(program: Program) -> Vector:
    """The flat gradient in f64: as stated, or by differences of plain Python."""
    if program.exact is not None:
        return flatten(program.exact)
    args = program.draw()
    directions = list(np.eye(flatten(args).size))
    return finite_differences(program.function, args, directions, program.step)[:, 0]


def scale(gradient: Vector, tolerance: float = 1e-9) -> float:
    """An absolute tolerance for entries of a gradient of that size."""
    return tolerance * max(1.0, float(np.max(np.abs(gradient), initial=0.0)))


def check_on_ir(program: Program, reference: Reference) -> None:
    """Value, effects on arguments, reverse and forward mode of IR that `reference` runs."""
    assert_close(reference.value(), plain(program), rtol=1e-12, atol=1e-14, equal_nan=True)
    size = flatten(program.draw()).size
    v = np.random.default_rng(3).normal(size=size)
    if program.scalar:
        gradient = check_reverse_on_ir(program, reference)
        if size:
            expected = np.array([gradient @ v])
            assert_close(reference.tangent(v), expected, rtol=1e-9, atol=scale(gradient, 1e-11), what="forward")
    else:
        expected, _ = directional_difference(program.function, program.draw(), v)
        assert_close(reference.tangent(v), expected, rtol=1e-7, atol=1e-9, what="forward")


def check_reverse_on_ir(program: Program, reference: Reference) -> Vector:
    """The flat gradient of IR that `reference` runs, once it and the value beside it are found right."""
    truth = true_gradient(program)
    value, gradient = reference.gradient()
    assert_close(value, plain(program)[0], rtol=1e-12, atol=1e-14, what="value beside the gradient")
    assert_close(gradient, truth, rtol=1e-7, atol=scale(truth), what="reverse")
    return gradient


@every_program
@pytest.mark.parametrize("optimised", [False, True], ids=["traced", "optimised"])
def test_interpreter(program: Program, optimised: bool) -> None:
    """And each way to reverse a loop wherever it is legal, once for each gradient that comes of it."""
    reference = Reference(program.function, program.draw(), optimised)
    check_on_ir(program, reference)
    if not program.scalar:
        return
    seen = {show(reference.reversed())}
    for strategy in WAYS:
        reference.prefer = always(strategy)
        if (text := show(reference.reversed())) not in seen:
            check_reverse_on_ir(program, reference)
        seen.add(text)


@again
@every_objective
def test_native_without_passes(program: Program) -> None:
    """Lowering alone: machine code of IR as differentiation leaves it; every heap block is counted."""

    def run(fn: Function, args: Any) -> Any:
        return Native(fn)(*args)

    check_reverse_on_ir(program, Reference(program.function, program.draw(), False, run))


@again
@every_program
def test_native_value(program: Program) -> None:
    f = llad.jit(program.function)
    for _ in range(2):
        args = copy_arguments(program.draw())
        assert_close((f(*args), args), plain(program), rtol=1e-12, atol=1e-14, equal_nan=True)


@every_program
def test_native_derivatives(program: Program, request: pytest.FixtureRequest) -> None:
    """The gradient in full. Forward mode, beside one, lowers what the value and the gradient consist of, too."""
    f = llad.jit_grad(program.function)
    args = program.draw()
    if not program.scalar:
        check_tangent(f, *args)
        return
    f.value_and_grad(*args)
    request.getfixturevalue("scalar_code")
    directions = directions_for(flatten(args).size)
    known = np.array([d @ true_gradient(program) for d in directions])
    check_gradient(f, *args, differences=known)


def spread(tree: Any, gaps: list[Any]) -> Any:
    """Arguments whose arrays are views with gaps of NaN: every second element, backwards along the last axis."""
    if isinstance(tree, tuple):
        return tuple(spread(item, gaps) for item in tree)
    if not isinstance(tree, np.ndarray):
        return tree
    blank = np.nan if tree.dtype.kind == "f" else tree.dtype.type(1)
    memory = np.full([2 * n + 1 for n in tree.shape], blank, tree.dtype)
    view = memory[tuple([slice(1, None, 2)] * tree.ndim)][..., ::-1]
    view[...] = tree
    gaps.append((memory, tree))
    return view


STRIDED = [p for p in CORPUS if p.scalar and any(np.ndim(a) for a in p.draw() if isinstance(a, np.ndarray))]


@again
@pytest.mark.parametrize("program", STRIDED, ids=lambda p: p.name)
def test_native_strided(program: Program) -> None:
    gaps: list[Any] = []
    args = spread(program.draw(), gaps)
    f = llad.jit_grad(program.function)
    expected, after = plain(program)
    truth = true_gradient(program)
    value, gradient = f.value_and_grad(*args)
    assert_close(args, program.draw(), rtol=0, equal_nan=True, what="arguments after the gradient")
    assert_close(value, expected, rtol=1e-12, atol=1e-14)
    assert_close(flatten((gradient,)), truth, rtol=1e-7, atol=scale(truth), what="gradient")
    assert_close(f(*args), expected, rtol=1e-12, atol=1e-14)
    assert_close(args, after, rtol=1e-12, atol=1e-14, equal_nan=True, what="arguments after the value")
    for memory, original in gaps:
        if memory.dtype.kind == "f":
            assert np.isnan(memory).sum() == memory.size - original.size, "wrote between the elements"


def narrow(tree: Any) -> Any:
    """Arguments in single precision."""
    if isinstance(tree, tuple):
        return tuple(map(narrow, tree))
    if isinstance(tree, np.ndarray):
        return tree.astype(np.float32) if tree.dtype.kind == "f" else tree
    return np.float32(tree) if isinstance(tree, float) else tree


@again
@pytest.mark.parametrize("program", [p for p in CORPUS if p.scalar and p.f32], ids=lambda p: p.name)
def test_native_f32(program: Program) -> None:
    f = llad.jit_grad(program.function)
    args = narrow(program.draw())
    truth = true_gradient(program)
    value, gradient = f.value_and_grad(*args)
    assert_close(value, plain(program)[0], rtol=2e-4, atol=1e-4)
    assert_close(flatten((gradient,)), truth, rtol=2e-3, atol=scale(truth, 3e-4), what="gradient")
    if program.second:  # forward mode costs one more compilation: for some
        v = np.random.default_rng(4).normal(size=truth.size)
        _, dot = f.jvp(copy_arguments(args), unflatten(v, args, lambda _: None))
        expected = flatten((gradient,)) @ v
        assert_close(dot, expected, rtol=2e-3, atol=scale(truth, 3e-4), what="forward against reverse")


@again
@pytest.mark.parametrize("program", [p for p in CORPUS if p.second], ids=lambda p: p.name)
def test_forward_over_reverse(program: Program) -> None:
    args = program.draw()
    floats = tuple(k for k, a in enumerate(args) if flatten((a,)).size)
    gradient = llad.grad(program.function, floats)
    v = np.random.default_rng(5).normal(size=flatten(args).size)
    if program.exact is not None:
        v *= flatten(args) != 0  # differences may not leave the branch point
    _, product = llad.jvp(gradient, copy_arguments(args), unflatten(v, args, lambda _: None))
    expected, _ = directional_difference(llad.jit_grad(program.function, argnums=floats).grad, args, v)
    assert_close(flatten((product,)), expected, rtol=1e-6, atol=scale(expected, 1e-8), what="Hessian times vector")
