"""Tapes of loops that visit a triangle: a bound of the inner one goes with the index of the outer one."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llad import jit, jit_grad
from llad.ir.interp import run
from llad.program import Program
from llad.testing import check_gradient

R = np.random.default_rng(0)


def below(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        for j in range(i):
            y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def above(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        for j in range(i + 1, n):
            y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def backwards(x, n, w):
    y = x.copy()
    for t in range(n - 1, -1, -1):
        for i in range(t + 1):
            y[i] = np.cos(y[i] * y[i]) + y[min(i + 1, n - 1)]
    return y[0]


def down_to_the_index(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        for j in range(n - 1, i, -1):
            y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def away_from_the_end(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        for j in range(n - i):
            y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def at_most(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        for j in range(min(i + 1, w)):
            y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def inside_triangles(x, n, w):
    t, s = 0.5, 0.0
    for i in range(n):
        for j in range(i + 1, n):
            for k in range(j):
                t = np.sin(t * x[i] + x[j] * x[k])
                s += t
    return s


def chosen_triangles(x, n, w):
    y, s = x.copy(), 0.0
    for i in range(n):
        if x[i] > 0.0:
            for j in range(i):
                if x[j] > x[i]:
                    y[i] += np.sin(y[i] * y[j])
        s += y[i] * y[i]
    return s


def again_and_again(x, n, w):
    t, s = 0.5, 0.0
    for _ in range(w):
        for i in range(n):
            for j in range(i):
                t = np.sin(t * x[i] + x[j])
                s += t * t
    return s


TRIANGLES = [
    below,
    above,
    backwards,
    down_to_the_index,
    away_from_the_end,
    at_most,
    inside_triangles,
    chosen_triangles,
    again_and_again,
]


def along_a_band(x, n, w):
    t, s = 0.5, 0.0
    for i in range(n):
        for j in range(max(0, i - w), i):
            t = np.sin(t * x[i] + x[j])
            s += t * t
    return s


def in_a_late_part(x, n, w):
    t, s = 0.5, 0.0
    for i in range(n):
        for j in range(max(w, i)):
            t = np.sin(t * x[i] + x[min(j, n - 1)])
            s += t * t
    return s


def of_a_product(x, n, w):
    t, s = 0.5, 0.0
    for i in range(n):
        for j in range(i * i):
            t = np.sin(t * x[i] + x[j % n])
            s += t * t
    return s


OTHERS = [along_a_band, in_a_late_part, of_a_product]


def kept(function: Callable[..., Any]) -> tuple[bool, bool]:
    """Whether the gradient has a stack, and whether it has a tape of several axes."""
    text = jit_grad(function, argnums=0).dump_ir(np.ones(4), 4, 2, of="gradient", stage="optimised")
    tapes = [line for line in text.splitlines() if "tape" in line and "= alloc(" in line]
    return "push" in text, any("buffer<f64, 1" not in line for line in tapes)


@pytest.mark.parametrize("function", TRIANGLES)
def test_a_triangle_has_a_tape_like_a_box(function: Callable[..., Any]) -> None:
    assert kept(function) == (False, True)


@pytest.mark.parametrize("function", OTHERS)
def test_bounds_that_are_no_sums_or_both_move_have_no_box(function: Callable[..., Any]) -> None:
    """A band would have a box many times its size, as would runs of which only the last are long."""
    assert kept(function)[1] is False


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize("function", TRIANGLES + OTHERS)
def test_gradients_are_right(function: Callable[..., Any], fastmath: bool) -> None:
    compiled = jit(function, fastmath=fastmath)
    gradient = jit_grad(function, argnums=0, fastmath=fastmath)
    for n, w in [(7, 3), (1, 1), (2, 5), (9, 1)]:
        x = R.uniform(-1.0, 1.0, size=n + 1)
        assert compiled(x, n, w) == pytest.approx(function(x, n, w), rel=1e-12)
        got = gradient.grad(x, n, w)
        step, want = 1e-6, []
        for k in range(n + 1):
            moved = np.zeros(n + 1)
            moved[k] = step
            want.append((function(x + moved, n, w) - function(x - moved, n, w)) / (2 * step))
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-7)
    for n in (0, -3):
        if function is not backwards:
            assert gradient.grad(np.ones(2), n, 1).tolist() == [0.0, 0.0]


inner = jit_grad(below, argnums=0)


def slope(x):
    return np.sum(inner.grad(x, 4, 1) ** 2)


def test_second_derivatives_go_through_triangles() -> None:
    check_gradient(jit_grad(slope), R.uniform(-1.0, 1.0, size=4))


def nest(rng: random.Random) -> str:
    """A nest of loops, the bounds of which go with what is around them."""
    lines, indices = ["def f(x, n, w):", "    t, s = 0.5, 0.0"], []
    for depth in range(rng.randint(2, 3)):
        index, pad = "ijk"[depth], "    " * (depth + 1)
        around = rng.choice(indices) if indices else "n"
        moving = [around, f"{around} + {rng.randint(1, 2)}", f"n - {around}", f"min({around}, w)", "n"]
        bound, fixed = rng.choice(moving), rng.choice(["0", "1", "w", "-1"])
        way = rng.choice([f"{fixed}, {bound}", f"{bound}, n", f"{bound}, {fixed}, -1", f"n, {bound}, -1"])
        lines.append(f"{pad}for {index} in range({way}):")
        indices.append(index)
        if rng.random() < 0.3:
            lines.append(f"{pad}    t += 0.1 * np.cos(t)")
    pad = "    " * (len(indices) + 1)
    places = " + ".join(f"x[{i} % len(x)]" for i in indices)
    last = f"x[{indices[-1]} % len(x)]"
    body = [f"{pad}t = np.sin(t * {last} + 0.5 * ({places}))", f"{pad}s += t * t"]
    return "\n".join([*lines, *body, "    return s + t"])


@pytest.mark.parametrize("seed", range(24))
def test_random_nests(seed: int, tmp_path: Any) -> None:
    from importlib.util import module_from_spec, spec_from_file_location

    file = tmp_path / f"nest_{seed}.py"
    file.write_text(f"import numpy as np\n\n\n{nest(random.Random(seed))}\n")
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    x = R.uniform(-1.0, 1.0, size=3)
    gradient, step = jit_grad(module.f, argnums=0), 1e-6
    for n, w in [(5, 2), (3, 4), (0, 1)]:
        got = gradient.grad(x, n, w)
        shadow = np.zeros(3)
        run(Program(module.f).stage((x, n, w)).function("gradient", (0,)), [x, n, w, shadow])  # nothing lies outside
        np.testing.assert_allclose(got, shadow, rtol=1e-9, atol=1e-12)
        moved = step * np.eye(3)
        want = [(module.f(x + m, n, w) - module.f(x - m, n, w)) / (2 * step) for m in moved]
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-6)
