"""`llad.checkpoint`: the gradients of plain loops, from few copies, with the fewest iterations run again."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import Reference

import llad
from llad.ad import stretches
from llad.ops.table import OPS
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("scalar_code")

X = np.array([0.3, -0.7, 1.1, 0.4])


def pendulum(mark, x, n):
    angle, speed = x[0], 0.0
    for _ in mark(range(n)):
        speed -= 0.1 * math.sin(angle) * x[1]
        angle += 0.1 * speed
    return angle * speed


def heat(mark, x, n):
    u = x * 2.0
    for t in mark(range(n)):
        flux = u[1:] * u[1:] - u[:-1]
        new = u.copy()
        new[1:-1] += 0.1 * (flux[1:] - flux[:-1])
        new[0] = math.sin(u[0] + 0.1 * t)
        u = new
    return np.sum(u * u)


def heat_in_place(mark, x, n):
    u = np.zeros((len(x), 2))
    u[:, 1] = x
    for _ in mark(range(n)):
        for i in range(1, len(x)):
            u[i, 0] += 0.3 * u[i - 1, 1] * u[i, 1]
            u[i - 1, 1] = math.sin(u[i, 0] + u[i - 1, 1])
    return np.sum(u) + u[1, 0] * u[0, 1]


def two_buffers(mark, x, n):
    u, v = x.copy(), np.zeros(len(x))
    for _ in mark(range(n)):
        for i in range(len(x)):
            v[i] = math.sin(u[i] + 0.5 * u[i - 1]) + 0.1 * v[i]
        u, v = v, u
    return np.sum(u) + 2.0 * np.sum(v * v)


def runge_kutta(mark, x, n):
    def slope(y, t):
        return np.sin(y) * x + t * 0.1

    y, h, t = x, 0.1, 0.0
    for _ in mark(range(n)):
        k1 = slope(y, t)
        k2 = slope(y + 0.5 * h * k1, t + 0.5 * h)
        y = y + h * k2
        t += h
        h = h * (1.0 + 0.01 * np.max(k1 * k2))
    return np.sum(y * y) + t


def recurrent(mark, x, n):
    w = np.outer(x, x[::-1])
    inputs = np.linspace(0.0, 1.0, 12)
    hidden = np.zeros(len(x))
    loss, worst = 0.0, -10.0
    for k, value in mark(enumerate(inputs[:n])):
        hidden = np.tanh(w @ hidden + x * value)
        loss += hidden[k % 4] ** 2
        worst = max(worst, hidden[0])
    return loss + 3.0 * worst


def by_steps(mark, x, n):
    s, count = x[0], 0
    for i in mark(range(3 * n + 1, 1, -3)):
        s = math.sin(s * x[i % 4] + count)
        count += i % 2
    return s * count + s


def with_history(mark, x, n):
    path = np.zeros(n + 1)
    path[0] = x[0]
    other = np.empty(n)
    for i in mark(range(n)):
        path[i + 1] = math.sin(path[i] * x[1]) + x[i % 4]
        other[i] = path[i] * path[i]
    return np.sum(path) + np.sum(other * other)


def inner_loops(mark, x, n):
    u = x.copy()
    for i in mark(range(n)):
        r, k = u[0], 0
        while r * r > 0.01 and k < 4:
            r = 0.5 * math.sin(r)
            k += 1
        for j in range(i % 3):
            if u[j] > 0.0:
                u[j] = math.cos(u[j] * r)
            else:
                u[j + 1] *= x[j]
        u[0] += r
    return np.sum(u * u)


def inside_another(mark, x, n):
    u, total = x.copy(), 0.0
    for _ in mark(range(3)):
        for _ in mark(range(n)):
            u = np.sin(u) * x + 0.1
        total += u[0] * u[1]
    return total + np.sum(u)


def inside_another_by_steps(mark, x, n):
    y = x[0]
    for _ in mark(range(n)):
        for i in mark(range(n, 0, -2)):
            y = math.sin(y) * x[1] + 0.1 * i
    return y


def among_samples(mark, x, n):
    total = 0.0
    for i in range(len(x)):
        y = x[i]
        for _ in mark(range(n)):
            y = math.sin(y) * x[0]
        total += y * y
    return total


def written_behind(mark, x, n):
    u = x.copy()
    for i in mark(range(n)):
        u[i % 4] *= math.tanh(u[i % 4 - 1])
    u[0] = math.sin(u[1])
    for i in mark(range(n)):
        u[(i + 1) % 4] += x[0] * u[i % 4]
    u[1] = x[2]
    return np.sum(u * u)


def nothing_left(mark, x, n):
    u = x.copy()
    for _ in mark(range(n)):
        u = np.zeros(len(x))
        u[0] = 1.0
    return np.sum(u) * x[0]


PROGRAMS: list[Callable[..., Any]] = [
    pendulum, heat, heat_in_place, two_buffers, runge_kutta, recurrent, by_steps, with_history, inner_loops,
    inside_another, inside_another_by_steps, among_samples, written_behind,
    nothing_left,
]  # fmt: skip


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    def program(x, n):
        return function(lambda items: items, x, n)

    return program


def marked(function: Callable[..., Any], slots: int | None = None, memory: int | None = None) -> Callable[..., Any]:
    def program(x, n):
        return function(lambda items: llad.checkpoint(items, slots=slots, memory=memory), x, n)

    return program


LIMITS: list[tuple[dict[str, int], int]] = [  # and how many iterations a stretch has at most
    ({"slots": 1}, 2), ({"slots": 2}, 1), ({"slots": 3}, 1), ({"slots": 40}, 3), ({"memory": 100}, 1), ({}, 5),
]  # fmt: skip


@pytest.mark.parametrize("function", PROGRAMS)
def test_gradients_are_those_of_the_plain_loop(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    reference = llad.jit_grad(plain(function))
    wanted = {n: reference.value_and_grad(X, n) for n in (0, 1, 2, 3, 7, 12)}
    for limit, longest in LIMITS:
        monkeypatch.setattr(stretches, "LONGEST", longest)
        f = llad.jit_grad(marked(function, **limit))
        for n, (value, (bar, _)) in wanted.items():
            got, (x_bar, _) = f.value_and_grad(X, n)
            assert_close(np.array([got]), np.array([value]), rtol=1e-13, atol=0.0, what=f"{limit} {n}")
            assert_close(x_bar, bar, rtol=1e-11, atol=1e-13, what=f"{limit} {n}")


@pytest.mark.parametrize("function", PROGRAMS)
@pytest.mark.parametrize("optimised", [False, True])
def test_the_interpreter_finds_no_read_of_what_is_not_there(
    function: Callable[..., Any], optimised: bool, monkeypatch: pytest.MonkeyPatch
):
    _, wanted = Reference(plain(function), (X, 5), optimised).gradient()
    for slots, longest in ((2, 1), (9, 2)):
        monkeypatch.setattr(stretches, "LONGEST", longest)
        _, got = Reference(marked(function, slots=slots), (X, 5), optimised).gradient()
        assert_close(got, wanted, rtol=1e-11, atol=1e-13, what=str(slots))


# -- how often iterations run, and what is kept


@cache
def runs_ahead(trips: int, slots: int) -> int:
    """The least number of iterations run to reverse the last, the one before, …, from a copy before the first."""
    if trips <= 1:
        return 0
    if slots == 1:
        return trips * (trips - 1) // 2
    return min(m + runs_ahead(m, slots) + runs_ahead(trips - m, slots - 1) for m in range(1, trips))


@cache
def fewest_runs(trips: int, slots: int) -> int:
    """The same after a forward sweep that runs to the end and makes copies on its way, which is counted too."""
    ways = [trips + runs_ahead(trips, slots)]
    if slots > 1:
        ways += [m + runs_ahead(m, slots) + fewest_runs(trips - m, slots - 1) for m in range(1, trips)]
    return min(ways)


def sine(mark, x, n):
    y = x[0]
    for _ in mark(range(n)):
        y = math.sin(y)
    return y


SIZES = [(1, 1), (2, 1), (6, 1), (10, 3), (21, 2), (35, 3), (36, 3), (50, 4), (9, 20), (100, 5), (100, 15)]


@pytest.fixture
def sines(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The operands of all sines that the interpreter computes."""
    sine_of, found = OPS["sin"], []

    def counting(x: float) -> float:
        found.append(x)
        return float(sine_of.eval(x))

    monkeypatch.setitem(OPS, "sin", replace(sine_of, eval=counting))
    return found


@pytest.mark.parametrize(("trips", "slots"), SIZES)
def test_as_few_iterations_run_as_can_be(
    trips: int, slots: int, sines: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stretches, "LONGEST", 1)
    Reference(marked(sine, slots=slots), (X, trips), True).gradient()
    assert len(sines) == fewest_runs(trips, slots)  # a sine is reversed from its operand, so this runs none


def test_by_default_no_iteration_runs_more_than_three_times(sines: list[float]):
    Reference(marked(sine), (X, 200), True).gradient()
    assert max(map(sines.count, sines)) <= 3


@pytest.mark.parametrize("longest", [1, 64])
@pytest.mark.parametrize(("trips", "slots"), [(200, 1), (500, 3)])
def test_a_stretch_is_run_again_as_a_whole(
    trips: int, slots: int, longest: int, sines: list[float], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stretches, "LONGEST", longest)
    Reference(marked(sine, slots=slots), (X, trips), True).gradient()
    count = -(-trips // longest)
    again = trips if longest > 1 else 0  # for what a stretch keeps
    assert len(sines) <= longest * fewest_runs(count, slots) + again


@pytest.mark.parametrize("function", [heat, two_buffers, inner_loops, with_history, written_behind])
@pytest.mark.parametrize("longest", [1, 4])
def test_a_pullback_can_be_applied_again(
    function: Callable[..., Any], longest: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stretches, "LONGEST", longest)
    for n in (0, 1, 6):
        _, wanted = llad.vjp(plain(function), X, n)
        _, pullback = llad.vjp(marked(function, slots=3), X, n)
        for seed in (1.0, 1.0, -2.0):
            assert_close(pullback(seed)[0], wanted(seed)[0], rtol=1e-11, atol=1e-13, what=f"{n} {seed}")


@pytest.mark.parametrize("function", [pendulum, two_buffers])
def test_second_derivatives(function: Callable[..., Any]):
    def twice(program: Callable[..., Any]) -> Any:
        return llad.grad(lambda x: np.sum(llad.grad(program)(x, 4) * x))(X)

    assert_close(twice(marked(function, slots=2)), twice(plain(function)), rtol=1e-10, atol=1e-12)
    assert_close(
        llad.hessian(marked(function, slots=2))(X, 4), llad.hessian(plain(function))(X, 4), rtol=1e-10, atol=1e-12
    )


def most_memory() -> int:
    """The most memory this process has had, in kilobytes. (That of `getrusage` begins with what its parent has had.)"""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [x for x in status.read_text().splitlines() if x.startswith("VmHWM")]
        return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_memory_is_that_of_the_slots():
    def growth(program: str) -> int:
        code = f"""
import sys
import numpy as np
sys.path.insert(0, {str(Path(__file__).parent)!r})
import llad
from test_checkpoint import heat, marked, most_memory, plain
f = llad.jit_grad({program}, argnums=0)
f.grad(np.full(20000, 0.5), 2)
before = most_memory()
f.grad(np.full(20000, 0.5), 300)
print(most_memory() - before)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout) * 1024

    state = 20000 * 8
    assert growth("plain(heat)") > 150 * state  # 300, but for what compiling had taken before and gave back
    assert growth("marked(heat, slots=6)") < 30 * state


# -- what is refused


def seen_by_another_name(x, n):
    u = x * 1.0
    v = u
    for _ in llad.checkpoint(range(n)):
        u[0] = math.sin(u[1]) + v[0]
        u = u[::-1]
    return np.sum(v)


def overwritten_behind(x, n):
    w, s = x.copy(), 0.0
    for i in llad.checkpoint(range(n)):
        s = math.sin(s + w[i % 4])
    w[0] = s
    return np.sum(w)


def in_a_branch(x, n):
    s = x[0]
    if x[3] > 0.0:
        for _ in llad.checkpoint(range(n)):
            s = math.sin(s)
    return s


def left_early(x, n):
    s = x[0]
    for _ in llad.checkpoint(range(n)):
        s = math.sin(s)
        if s < 0.1:
            break
    return s


def assigned_inside(x, n):
    y = x
    for i in llad.checkpoint(range(n)):
        if i > 0:
            y = y * z  # noqa: F821
        z = x * i  # noqa: F841
    return np.sum(y)


def nameless(x, n):
    for i in llad.checkpoint(range(n)):
        z = x * i
    return np.sum(z)


REFUSED = {
    seen_by_another_name: "other names",
    overwritten_behind: "overwritten behind it",
    in_a_branch: "in a branch",
    left_early: "may end early",
    assigned_inside: "not assigned before it",
    nameless: "hands on an array, which is not assigned before it",
}


@pytest.mark.parametrize("function", REFUSED)
def test_what_cannot_be_run_again_is_refused_by_the_gradient_only(function: Callable[..., Any]):
    f = llad.jit_grad(function, argnums=0)
    assert_close(np.array([f(X, 3)]), np.array([function(X, 3)]), rtol=1e-13, atol=0.0)
    with pytest.raises(llad.DerivativeError, match=REFUSED[function]):
        f.grad(X, 3)


def test_an_array_that_changes_its_shape_raises():
    @llad.jit_grad(argnums=0)
    def f(x, n):
        u = x.copy()
        for _ in llad.checkpoint(range(n)):
            u = np.sin(u[1:])
        return np.sum(u)

    with pytest.raises(ValueError, match="changes its shape"):
        f.grad(X, 2)


def test_to_python_it_is_the_range():
    steps = range(3)
    assert llad.checkpoint(steps, slots=2) is steps
    with pytest.raises(ValueError, match="slots must be"):
        llad.checkpoint(steps, slots=0)
    with pytest.raises(ValueError, match="memory must be"):
        llad.checkpoint(steps, memory=-1)
    with pytest.raises(ValueError, match="either"):
        llad.checkpoint(steps, slots=1, memory=8)


def test_printing_is_not_repeated(capsys: pytest.CaptureFixture[str]):
    @llad.jit_grad(argnums=0)
    def f(x, n):
        s = x[0]
        for i in llad.checkpoint(range(n), slots=1):
            s = math.sin(s)
            print(i)
        return s

    f.grad(X, 4)
    assert capsys.readouterr().out.split() == ["0", "1", "2", "3"]
