"""Memory of loops: what no name holds any more is freed, what one holds is not, and no call leaves any behind."""

from __future__ import annotations

from contextlib import nullcontext
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
from native import Native
from programs import allocated
from programs.case import programs_of

import llad
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.ownership import ownership
from llad.program import Program
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

LOOPS = [p for p in programs_of(allocated) if p.name.split(".")[1] != "in_a_while"]


def final(function: Any, args: tuple[Any, ...], what: str = "primal") -> Function:
    """The IR of a function as it is lowered."""
    stage = Program(function).stage(args)
    wrt = () if what == "primal" else stage.differentiable
    return stage.function(what, wrt)  # type: ignore[arg-type]


def peak(function: Any, *args: Any) -> int:
    """The most blocks that a call of the machine code has at a time; none is left behind."""
    native = Native(final(function, args))
    native(*args)
    return native.heap.peak


def replaced(x, n):
    y = x
    for k in range(n):
        y = y + 0.1 * k * y
    return y


def kept_or_replaced(x, n):
    best = x
    for k in range(n):
        trial = best * 1.01 + 0.1
        best = trial if k % 3 == 1 else best
    return best


def out_of_inner_loops(x, n):
    y = x
    for k in range(n):
        z = y * 0.5
        j = 0
        while j < k % 4:
            z = z + y * 0.1
            j += 1
        if k % 2 == 0:
            y = z
    return y


def in_a_while(x, n):
    y, before, k = x, x, 0
    while k < n:
        before, y = y, y * 1.1 - before * 0.2
        if k == 1000:
            break
        k += 1
    return y, before


def a_ring(x, n):
    a, b, c = x, x * 2.0, x * 3.0
    for _ in range(n):
        a, b, c = b, c, a * 0.5 + b[::-1]
    return a, b, c


def windows(x, n):
    w = x[1:]
    for _ in range(n):
        y = np.zeros(len(x) + 2)
        y[1 : len(x)] = w * 2.0
        w = y[1 : len(x)][::-1]
    return w


def of_changing_size(x, n):
    y = x
    for k in range(n):
        z = np.ones(40 + k % 5)
        z[: min(len(y), 40)] = y[: min(len(y), 40)] * 0.5
        y = z
    return np.sum(y)


STEADY = [replaced, kept_or_replaced, out_of_inner_loops, in_a_while, a_ring, windows, of_changing_size]


def samples(x, n):
    total = 0.0
    for k in range(n):
        u = x * (0.1 * k)
        for _ in range(3):
            u = u + 0.1 * np.sin(u)
        total += np.sum(u * u)
    return total


def one_after_the_other(x, n):
    u = x
    for k in range(n):
        longer = np.zeros(3 + k % 2)  # so that no other iteration's memory will do
        longer[:3] = u[:3] + 0.1 * np.sin(u[:3])
        u = longer
    return np.sum(u * u)


def gradients_peak(function: Any, n: int) -> int:
    x = np.array([0.3, -0.8, 1.2])
    native = Native(final(function, (x, n), "gradient"))
    bar = np.zeros(3)
    native(x, n, bar)
    assert_close(bar, llad.grad(function)(x, n), rtol=1e-13, atol=0.0)
    assert_close(llad.jvp(function, (x, n), (x, None))[1], bar @ x, rtol=1e-12, atol=0.0)
    return native.heap.peak


def test_a_gradient_keeps_the_arrays_of_one_sample() -> None:
    assert gradients_peak(samples, 30) == gradients_peak(samples, 5)


def test_a_gradient_keeps_the_arrays_of_a_loop_that_is_reversed_behind_it() -> None:
    assert gradients_peak(one_after_the_other, 30) > gradients_peak(one_after_the_other, 5)


def as_long_as_it_takes(x, n):
    u = x * 1.0
    for i in llad.checkpoint(range(n), slots=2):
        k, v = 0, u
        while k < i % 4:
            v = np.sin(v) + u
            k += 1
        u = v * 0.5
    return np.sum(u * u)


def if_it_is_better(x, n):
    u = x * 1.0
    for _ in llad.checkpoint(range(n), slots=2):
        best = u
        for j in range(4):
            trial = np.sin(best) * 1.1 + 0.01 * j
            if trial[0] > best[0]:
                best = trial
        u = best * 0.9
    return np.sum(u * u)


def triangles(x, n):
    u = x * 1.0
    for _ in llad.checkpoint(range(n), slots=2):
        v = u * 0.5
        for j in range(4):
            for _ in range(j):
                v = v * np.cos(v)
        u = v + x
    return np.sum(u * u)


@pytest.mark.parametrize("function", [as_long_as_it_takes, if_it_is_better, triangles])
def test_a_gradient_keeps_the_arrays_of_one_iteration_that_is_run_again(function: Any) -> None:
    assert gradients_peak(function, 140) == gradients_peak(function, 70)  # a stretch has 64 at most


HANDED_OVER = """\
func @f(%n: i64, %two: i64) {
  %zero: i64 = const 0
  %one: i64 = const 1
  %last: i64 = sub %n, %one
  %half: f64 = const 0.5
  %stack: lifo<buffer<f64, 1, C>> = lifo
  %first: buffer<f64, 1, C> = alloc(%n)
  push %stack, %first
  %trips: i64 = for %i in %zero..%two step %one {
    %most: i64 = sub %one, %i
    %t: i64 = for %j in %zero..%i step %one {
      %new: buffer<f64, 1, C> = alloc(%n) zero
      push %stack, %new
      yield
    }
    %u: i64 = for %j_1 in %zero..%most step %one {
      %old: buffer<f64, 1, C> = pop %stack
      store %half, %old[%zero]
      yield
    }
    yield
  }
  %other: buffer<f64, 1, C> = alloc(%n)
  store %half, %other[%last]
  %kept: buffer<f64, 1, C> = pop %stack
  %e: f64 = load %kept[%last]
  return %e, %other
}
"""


def test_what_an_iteration_pushes_in_the_place_of_what_another_popped_lives() -> None:
    """Iteration 0 pops what there was, 1 pushes: then the stack is as high as before the loop."""
    fn = ownership(parse(HANDED_OVER))
    loops = [op for op in walk(fn.body) if op.attrs.get("sweep")]
    assert [op.attrs["sweep"] for op in loops] == ["level"]
    native = Native(fn)
    assert native(100, 2)[0] == 0.0


@pytest.mark.parametrize("function", STEADY)
def test_a_loop_runs_in_constant_memory(function: Any) -> None:
    x = np.arange(50.0)
    assert peak(function, x, 60) == peak(function, x, 12) <= 8


@pytest.mark.parametrize("function", STEADY)
@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_what_a_name_holds_lives(function: Any, n: int) -> None:
    x = np.linspace(-0.5, 1.0, 50)
    assert_close(llad.jit(function)(x, n), function(x, n), rtol=1e-12)


def fails_in_the_middle(x, n, at):
    y, s = x, 0.0
    for k in range(n):
        y = y * 1.5
        if y[0] > 0.0:
            y = y + x[k % at]
        s += y[k + at]
    return s


@pytest.mark.parametrize("what", ["primal", "gradient", "tangent"])
@pytest.mark.parametrize("at", [0, 3, 30, 47, 60])
def test_errors_leave_no_memory_behind(what: str, at: int) -> None:
    x = np.linspace(1.0, 2.0, 50)
    fn = final(fails_in_the_middle, (x, 10, 3), what)
    twins = [] if what == "primal" else [np.zeros(50)]
    with pytest.raises((IndexError, ZeroDivisionError)) if at in (0, 47, 60) else nullcontext():
        Native(fn)(x, 10, at, *twins)  # asserts that no block is left


@pytest.mark.parametrize("what", ["primal", "gradient"])
@pytest.mark.parametrize("program", LOOPS, ids=lambda p: p.name)
def test_memory_that_runs_out_at_any_point_leaves_none_behind(program: Any, what: str) -> None:
    args = program.draw()
    if what == "gradient" and not program.scalar:
        what = "tangent"
    fn = final(program.function, args, what)
    native = Native(fn)
    arrays = [a for a in args if isinstance(a, np.ndarray) and a.dtype == np.float64]
    extra = [] if what == "primal" else [np.zeros(a.shape) for a in arrays]
    native(*args, *extra)
    needed = native.heap.requests
    for budget in {0, 1, needed // 2, needed - 1} & set(range(needed)):
        native.heap.requests, native.heap.budget = 0, budget
        with pytest.raises(MemoryError):
            native(*args, *extra)


@pytest.mark.parametrize(
    ("function", "n"),
    [
        (lambda n: np.zeros((10**7, 10**7))[0, n], 0),
        (lambda n: np.ones((n, n))[0, 0], 10**7),
        (lambda n: np.full(n, 2.0)[0], 10**16),
        (lambda n: np.eye(n)[0, 0], 2**40),
        (lambda n: np.empty((n, 3, n), dtype=np.bool_).shape[1], 2**32),
    ],
)
def test_memory_that_cannot_exist_is_refused_though_nobody_reads_it(function: Any, n: int) -> None:
    with pytest.raises(MemoryError, match="unable to allocate an array of shape"):
        llad.jit(function)(n)


@pytest.mark.parametrize("function", [lambda n: np.zeros((n, 0, n)).shape[0], lambda n: np.empty((0, n)).shape[1]])
def test_arrays_without_elements_need_no_memory(function: Any) -> None:
    assert llad.jit(function)(10**9) == 10**9


def scaled(x, k):
    x *= k
    return np.sum(x)


def test_an_array_that_is_read_only_is_written_by_no_call() -> None:
    x = np.ones(4)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        llad.jit(scaled)(x, 2.0)
    assert_close(llad.grad(scaled)(x, 2.0), np.full(4, 2.0))
    assert_close(x, np.ones(4))


def branching(x, n):
    if n == 0:
        return x * 1.0
    y = x * 0.5
    for k in range(3):
        y = y + branching(x * 0.1, n - 1) if k < 2 else y * 1.0
    return y + 1.0


def many_branchings(x, n):
    s = x * 0.0
    for _ in range(n):
        s = s + branching(x, n % 4)
    return s


def halved(x):
    """A window on the argument, or a new array."""
    if len(x) == 1:
        return x
    h = len(x) // 2
    left, right = halved(x[:h]), halved(x[h:])
    y = np.empty(len(x))
    for k in range(len(x)):
        y[k] = left[k // 2] + right[k // 2]
    return y


def test_arrays_that_calls_return_are_freed_when_nobody_holds_them() -> None:
    x = np.linspace(0.0, 1.0, 256)
    counts = [peak(halved, x[:n]) for n in (16, 64, 256)]
    assert counts[2] - counts[1] == counts[1] - counts[0] <= 8
    assert_close(llad.jit(halved)(x), halved(x))


def test_recursion_needs_memory_for_its_depth_not_for_its_calls() -> None:
    x = np.linspace(0.0, 1.0, 50)
    shallow, deep, deeper = (peak(branching, x, n) for n in (2, 4, 6))
    assert deeper - deep == deep - shallow <= 16
    assert peak(many_branchings, x, 3) == peak(many_branchings, x, 11)
    assert_close(llad.jit(many_branchings)(x, 3), many_branchings(x, 3), rtol=1e-12)


SCRATCH = """
    func @f(%x: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %first: f64 = load %x[%zero]
      %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%a: f64 = %first) {
        %odd: bool = lt %i, %n
        %b: f64 = if %odd {
          %m: i64 = const SIZE
          %w: buffer<f64, 1, C> = alloc(%m)
          store %a, %w[%i]
          %e: f64 = load %w[%i]
          %d: f64 = add %e, %first
          yield %d
        } else {
          yield %a
        }
        yield %b
      }
      return %s
    }
"""


@pytest.mark.parametrize(("size", "inside"), [(1024, 0), (1 << 20, 1)])
def test_small_scratch_of_a_branch_is_made_once_for_all_iterations(size: int, inside: int) -> None:
    fn = verify(ownership(parse(dedent(SCRATCH.replace("SIZE", str(size))))))
    (loop,) = [op for op in walk(fn.body) if op.name == "for"]
    assert [op.name for op in walk(fn.body)].count("alloc") == 1
    assert [op.name for op in walk(loop.regions[0])].count("alloc") == inside
    assert Native(fn)(np.array([0.5]), 5) == (3.0,)
