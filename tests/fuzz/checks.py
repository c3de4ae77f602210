"""What must hold of every program. A check is a function of a `Trial` that raises when it does not.

Plain Python is right about values, written arguments and exceptions; differences of it about derivatives, wherever
they converge; and the modes of differentiation must agree with each other everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from native import Native

import llad
from llad.ir.core import Function
from llad.testing import assert_close, copy_arguments, directional_difference, flatten

from .subject import Outcome, outcome
from .trial import Trial

Check = Callable[[Trial], None]


def same_outcome(
    actual: Outcome, trial: Trial, what: str, rtol: float = 1e-11, expected: Outcome | None = None
) -> None:
    """`actual` is what plain Python did: result, error and its line, arguments afterwards."""
    expected = expected or trial.subject.plain
    got, wanted = (actual.error, actual.line), (expected.error, expected.line)
    assert got == wanted, f"{what} raises {got}, expected {wanted}"
    atol = rtol
    if expected.error is None:
        atol = rtol if trial.subject.plain.error else rtol * trial.scale
        assert_close(actual.result, expected.result, rtol, atol, what=what)
    assert_close(actual.after, expected.after, rtol, atol, what=f"arguments after {what}")


def fails(trial: Trial) -> bool:
    return trial.subject.plain.error is not None


def precision(trial: Trial) -> float:
    """How near a value must be, relatively."""
    return 0.0 if trial.subject.exact else 1e-11


# -- interpreted


def interpreted(trial: Trial) -> None:
    """The IR as it is traced, and as the passes leave it: values, reverse and forward mode."""
    if fails(trial):
        for reference, what in ((trial.traced, "traced"), (trial.optimised, "optimised")):
            found, expected = trial.interpret(reference), trial.subject.plain
            assert found.error == expected.error, f"{what} raises {found.error}, expected {expected.error}"
            assert_close(found.after, expected.after, 1e-11, 1e-11, what=f"arguments after {what}")
        return
    value, gradient = trial.interpreted
    tight = 1e-9 * trial.scale
    same_outcome(trial.interpret(trial.traced), trial, "traced", precision(trial))
    same_outcome(trial.interpret(trial.optimised), trial, "optimised", precision(trial))
    assert_close(value, trial.subject.plain.result, 1e-11, tight, what="value beside the interpreted gradient")
    _, again = trial.optimised.gradient()
    assert_close(again, gradient, 1e-9, tight, what="gradient with passes against without")
    v = trial.direction(6)
    for reference, what in ((trial.traced, "traced"), (trial.optimised, "optimised")):
        assert_close(reference.tangent(v), np.array([gradient @ v]), 1e-9, 10 * tight, what=f"{what} forward mode")
    differences(trial)


# -- machine code


def value(trial: Trial) -> None:
    """Twice, because the second call takes another way in."""
    for _ in range(2):
        same_outcome(trial.subject.run(trial.native, trial.subject.args), trial, "native", precision(trial))


def gradient(trial: Trial) -> None:
    found, expected = trial.pulled, trial.subject.plain
    got, wanted = (found.error, found.line), (expected.error, expected.line)
    assert got == wanted, f"gradient raises {got}, expected {wanted}"
    assert_close(found.after, trial.subject.args, rtol=0, what="arguments after the gradient")
    if expected.error:
        return
    tight = 1e-11 * trial.scale
    assert_close(found.result[0], expected.result, 1e-11, tight, what="value beside the gradient")
    again = trial.subject.run(trial.native.value_and_grad, trial.subject.args).result
    assert_close(again, found.result, rtol=0, what="second call")
    differences(trial)


def forward(trial: Trial) -> None:
    v = trial.direction(6)
    if fails(trial):
        args = copy_arguments(trial.subject.args)
        tangents = trial.tangents(v)
        found = trial.subject.run(lambda *_: trial.native.jvp(args, tangents), ())
        got, wanted = (found.error, found.line), (trial.subject.plain.error, trial.subject.plain.line)
        assert got == wanted, f"forward mode raises {got}, expected {wanted}"
        return
    result, dot = trial.push(v)
    assert_close(result, trial.subject.plain.result, 1e-11, 1e-11 * trial.scale, what="value beside the tangent")
    assert_close(dot, trial.gradient @ v, 1e-9, 1e-8 * trial.scale, what="forward against reverse")


def differences(trial: Trial) -> None:
    """Reverse mode against differences of plain Python along random directions, wherever these converge."""
    function, args = trial.subject.function, trial.subject.args
    for seed in (7, 8):
        v = trial.direction(seed)
        try:
            estimate, error = directional_difference(lambda *a: float(function(*a)), args, v, step=1e-4)
        except Exception:  # a branch that raises is near
            return
        size = 1 + abs(estimate[0])
        if error[0] > 1e-8 * size or abs(trial.gradient @ v - estimate[0]) <= 1e-5 * size + 1e-6:
            continue
        if one_sided(trial, v, 1) < 1e-3 * size and one_sided(trial, v, -1) < 1e-3 * size:
            assert_close(trial.gradient @ v, estimate[0], 1e-5, 1e-6, what="reverse against differences")


def one_sided(trial: Trial, v: Any, sign: int) -> float:
    """How much the central difference a little to one side differs from that at the arguments: a kink shows."""
    moved = [
        a + sign * 2e-4 * d if d is not None else a for a, d in zip(trial.subject.args, trial.tangents(v), strict=True)
    ]
    function = trial.subject.function
    here, _ = directional_difference(lambda *a: float(function(*a)), trial.subject.args, v, step=1e-4)
    there, _ = directional_difference(lambda *a: float(function(*a)), tuple(moved), v, step=1e-4)
    return abs(float(here[0] - there[0]))


# -- second derivatives


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


# -- other arguments


def spread(array: Any) -> Any:
    """The same elements, every second one of other memory, backwards along the last axis."""
    blank = np.nan if array.dtype.kind == "f" else array.dtype.type(10**6)
    memory = np.full([2 * n + 1 for n in array.shape], blank, array.dtype)
    view = memory[tuple([slice(1, None, 2)] * array.ndim)][..., ::-1]
    view[...] = array
    return view


def strided(trial: Trial) -> None:
    """Arguments with gaps and negative strides; a matrix in Fortran's order."""
    x, y, m, *rest = trial.subject.args
    k = rest.pop()
    args = (spread(x), spread(y), np.asfortranarray(m), *rest, spread(k))
    same_outcome(trial.subject.run(trial.native, args), trial, "native strided", precision(trial))
    found = trial.subject.run(trial.native.value_and_grad, args)
    assert (found.error, found.line) == (trial.subject.plain.error, trial.subject.plain.line), "strided gradient raises"
    assert_close(found.after, args, rtol=0, what="arguments after the strided gradient")
    if not fails(trial):
        got = flatten((found.result[1],))
        assert_close(got, trial.gradient, 1e-9, 1e-9 * trial.scale, what="strided gradient against contiguous")


def overlapping(trial: Trial) -> None:
    """The same array passed twice, and views that overlap: values as in Python, gradients right or refused."""
    x, y, m, *rest = trial.subject.args
    whole = np.concatenate((x, y))
    n = len(x)
    for make in (
        lambda b: (b[:n], b[:n]), lambda b: (b[:n], b[:n][::-1]), lambda b: (b[:n], b[n // 2 : n // 2 + n]),
        lambda b: (b[:n], b[n - 1 : 2 * n - 1]),
    ):  # fmt: skip

        def args(make: Any = make) -> tuple[Any, ...]:
            return (*make(whole.copy()), m.copy(), *copy_arguments(tuple(rest)))

        expected = outcome(trial.subject.function, args(), trial.subject.file)
        found = outcome(trial.native, args(), trial.subject.file)
        same_outcome(found, trial, "native with overlap", precision(trial), expected)
        if fails(trial) or expected.error:
            continue
        try:
            _, gradient = trial.native.value_and_grad(*args())
        except llad.LladError as error:
            if "overlap" not in str(error):
                raise
            continue
        assert_close(
            expected.after[:2], args()[:2], rtol=0, what="written although the gradient was given with overlap"
        )
        apart = copy_arguments(args())
        assert_close(gradient, trial.native.grad(*apart), 1e-9, 1e-9 * trial.scale, what="gradient with overlap")


def narrow(tree: Any) -> Any:
    if isinstance(tree, tuple):
        return tuple(map(narrow, tree))
    if isinstance(tree, np.ndarray):
        return tree.astype(np.float32) if tree.dtype.kind == "f" else tree
    return np.float32(tree) if isinstance(tree, float) else tree


def single(trial: Trial) -> None:
    """In f32: against plain Python in f32, and the modes against each other; as near as rounding lets them be."""
    args = narrow(trial.subject.args)
    expected = trial.subject.run(trial.subject.function, args)
    if fails(trial) or expected.error or not np.isfinite(expected.result):
        return
    _, wide = trial.native.value_and_grad(*trial.subject.args)
    wide = flatten((wide,))
    slack = 0.0  # how much the gradient and the value change by rounding of the arguments
    moved_value = 0.0
    for seed in range(3):
        v = 3e-6 * np.random.default_rng(seed).uniform(-1, 1, trial.size)
        moved = tuple(a + d if d is not None else a for a, d in zip(trial.subject.args, trial.tangents(v), strict=True))
        with np.errstate(all="ignore"):
            value, other = trial.native.value_and_grad(*moved)
        slack = max(slack, float(np.abs(flatten((other,)) - wide).max()))
        moved_value = max(moved_value, abs(value - trial.subject.plain.result))
    tight = 1e-4 * trial.scale + 100 * slack
    if slack > 1e-2 * trial.scale or moved_value > 1e-3 * trial.scale:
        return
    near = 1e-5 * trial.scale + 100 * moved_value
    same = trial.subject.run(trial.native, args)
    assert same.error is None, f"single precision raises {same.error}"
    assert_close(same.result, expected.result, 1e-5, near, what="value in single precision")
    assert_close(same.after, expected.after, 1e-5, near, what="arguments after single precision")
    _, gradient = trial.native.value_and_grad(*args)
    assert_close(flatten((gradient,)), wide, 1e-3, tight, what="gradient in single precision")
    v = trial.direction(6)
    _, dot = trial.push(v, args)
    assert_close(flatten((dot,)), np.array([wide @ v]), 1e-3, 10 * tight, what="forward mode in single precision")


def unoptimised(trial: Trial) -> None:
    """Machine code of IR without passes, every heap block counted, also when memory runs out."""
    reference = trial.traced
    natives: dict[Function, Native] = {}

    def run(fn: Function, args: Any) -> Any:
        if fn not in natives:
            natives[fn] = Native(fn)
        return starved(natives[fn], args)

    before, reference.run = reference.run, run
    try:
        found = trial.subject.run(lambda *_: reference.value(), ())
        assert found.error == trial.subject.plain.error, f"unoptimised raises {found.error}"
        if found.error is None:
            result, after = found.result
            same_outcome(Outcome(result, None, None, after), trial, "unoptimised", precision(trial))
            _, bars = reference.gradient()
            assert_close(bars, trial.gradient, 1e-9, 1e-9 * trial.scale, what="unoptimised gradient")
    finally:
        reference.run = before


def starved(made: Native, args: Any) -> Any:
    """The results of a call; that the same call with half of the memory it needs raises, and leaks nothing."""
    again, before = copy_arguments(tuple(args)), made.heap.requests
    results = made(*args)
    if used := made.heap.requests - before:
        made.heap.budget = made.heap.requests + used // 2
        try:
            made(*again)
        except MemoryError:
            made.heap.budget = 1 << 60
        else:
            raise AssertionError(f"went on with {used // 2} of {used} blocks of memory")
    return results


INTERPRETED: tuple[Check, ...] = (interpreted,)
NATIVE: tuple[Check, ...] = (value, gradient, forward)
HARD: tuple[Check, ...] = (curvature, nested, strided, overlapping, single, unoptimised)
