"""Loops over `prange`: the numbers of a serial loop, the same for any number of threads; refusals, errors, forks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import llad
from llad.codegen.runtime_threads import PARALLEL, thread_count
from llad.diagnostics import UnsupportedError
from llad.ir.core import Function, walk
from llad.program import Program, Stage
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

N = 40_000  # long enough to be cut
RNG = np.random.default_rng(7)


@contextmanager
def threads(count: int) -> Iterator[None]:
    cell = thread_count()
    before, cell.value = cell.value, count
    try:
        yield
    finally:
        cell.value = before


# -- programs: each with a loop that is cut, and arguments


def weighted(x, w):
    s, t = 1.5, -2.0
    for i in llad.prange(len(x)):
        s += w * np.sin(x[i]) * x[i]
        t -= np.exp(-x[i] * x[i]) * w
    return s * t


def written(x, y):
    """Elements of its own, in two arrays; what is written is read in another loop."""
    z = np.zeros(len(x))
    u = np.empty((2, len(x)))
    for i in llad.prange(len(x)):
        z[i] = np.tanh(x[i]) * y[i] + y[i] ** 3
        u[0, i] = x[i] * z[i]
        u[1, i] = z[i] - x[i]
    s = 0.0
    for i in llad.prange(1, len(x)):
        s += u[0, i] * u[1, i - 1] + z[i]
    return s


def strided(x):
    s = 0.0
    for i in llad.prange(len(x) - 1, 2, -3):
        if x[i] > 0.0:
            s += x[i] * x[i - 1]
        else:
            s -= x[i - 2] ** 2 * 0.5
    return s


def shared(a, w, b):
    """Parameters that all iterations read: their adjoints are added to by all."""
    s = 0.0
    for i in llad.prange(len(a)):
        h = 0.0
        for j in range(len(w)):
            h += w[j] * a[i, j % 2]
        r = np.tanh(h + b[0])
        s += r * r * b[1]
    return s


def records(p, k):
    """Gathers: which elements of `p` an iteration reads is known at run time."""
    s = 0.0
    for i in llad.prange(len(k)):
        j = k[i]
        s += (p[j] - 0.5 * i / len(k)) ** 2 * p[(j + 1) % len(p)]
    return s


def scratch(x, m):
    """Scratch of each iteration, made inside it and outside of it."""
    outer = np.empty(3)
    s = 0.0
    for i in llad.prange(len(x)):
        t = np.zeros(m)
        for j in range(3):
            outer[j] = x[i] * (j + 1)
        for j in range(m):
            t[j] = np.sin(outer[j % 3]) + x[i]
        for j in range(m):
            s += t[j] * t[j]
    return s


def rows(a, v):
    out = np.zeros((len(a), 2))
    for i in llad.prange(len(a)):
        row = a[i]
        out[i, 0] = np.dot(row, v)
        out[i, 1] = np.sum(row * row)
    return np.sum(out[:, 0] * out[:, 1])


def newton(x):
    """Loops of unknown length inside: their tapes are stacks, so the reverse sweep may be serial."""
    s = 0.0
    for i in llad.prange(len(x)):
        y = 1.0 + x[i] * x[i]
        z = y
        k = 0
        while abs(z * z - y) > 1e-10 and k < 40:
            z = 0.5 * (z + y / z)
            k += 1
        s += z
    return s


def histogram(x, k):
    h = np.zeros(5)
    for i in llad.prange(len(x)):
        h[k[i]] += x[i] * x[i]
    return np.sum(h * h)


def signed(x, k, h):
    """Zeros keep their sign where nothing is added, and where zeros of that sign are."""
    for i in llad.prange(len(x)):
        h[k[i], 1] += x[i]
    return h


def nested(x, m):
    s = 0.0
    for i in llad.prange(len(x) // 4):
        t = 0.0
        for j in llad.prange(m):
            t += x[i + j] * x[i]
        s += t * t
    return s


def repeated(x):
    """A loop that is cut, in one whose iterations follow each other."""
    y = x.copy()
    for _ in range(3):
        z = np.zeros(len(x))
        for i in llad.prange(1, len(x) - 1):
            z[i] = 0.25 * y[i - 1] + 0.5 * y[i] + 0.25 * np.sin(y[i + 1])
        y = z
    return np.sum(y * y)


X = RNG.normal(size=N)
K = RNG.integers(0, 5, size=N)
PROGRAMS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (weighted, (X, 0.7)),
    (written, (X, X[::-1].copy())),
    (strided, (X,)),
    (shared, (RNG.normal(size=(N // 4, 2)), RNG.normal(size=6) * 0.1, np.array([0.1, 1.3]))),
    (records, (RNG.normal(size=7), RNG.integers(0, 7, size=N))),
    (scratch, (X[: N // 4], 4)),
    (rows, (RNG.normal(size=(N // 4, 5)), RNG.normal(size=5))),
    (newton, (X[: N // 4],)),
    (histogram, (X, K)),
    (nested, (X[: N // 4], 6)),
    (repeated, (X,)),
]
IDS = [f.__name__ for f, _ in PROGRAMS]


def serial(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with `range` for `prange`."""

    class Serial:
        prange = range

    return types.FunctionType(f.__code__, {**f.__globals__, "llad": Serial}, f.__name__)


def flat(value: Any) -> np.ndarray:
    parts = value if isinstance(value, tuple) else (value,)
    return np.concatenate([np.ravel(p) for p in parts if p is not None])


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=IDS)
def test_values_and_gradients_are_those_of_the_serial_loop_for_any_number_of_threads(f, args):
    compiled, reference = llad.jit_grad(f), llad.jit_grad(serial(f))
    value, gradient = reference.value_and_grad(*args)
    found = []
    for count in (1, 2, 3, 7):
        with threads(count):
            found.append((compiled(*args), *map(flat, compiled.value_and_grad(*args))))
    assert_close(found[0][0], value, rtol=1e-11)
    assert_close(found[0][1], flat(value), rtol=1e-11)
    assert_close(found[0][2], flat(gradient), rtol=1e-9, atol=1e-9)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            assert np.array_equal(one, two)


def test_zeros_of_arrays_that_are_added_to_keep_their_sign():
    x, k = np.where(K > 2, -0.0, X), np.where(K > 2, 3, K)
    h, expected = np.full((5, 2), -0.0), np.full((5, 2), -0.0)
    np.add.at(expected[:, 1], k, x)
    assert llad.jit(signed)(x, k, h) is h
    assert_close(h, expected, rtol=1e-11)
    assert np.array_equal(np.signbit(h), np.signbit(expected))


def chunked(fn: Function) -> int:
    return sum(1 for op in walk(fn.body) if op.attrs.get("chunks"))


def stage(f: Callable[..., Any], *args: Any) -> Stage:
    return Program(f).stage(args)


# How many loops of the primal and of the gradient are cut.
CUT = {
    "weighted": (1, 2), "written": (2, 3), "strided": (1, 1), "shared": (1, 1), "records": (1, 1), "rows": (1, 2),
    "scratch": (1, 1), "newton": (1, 0), "histogram": (1, 2), "nested": (1, 1), "repeated": (3, 3),
}  # fmt: skip


@pytest.mark.parametrize(("f", "args"), PROGRAMS, ids=IDS)
def test_loops_are_cut_in_both_sweeps(f, args):
    made = stage(f, *args)
    found = chunked(made.function("primal")), chunked(made.function("gradient", made.differentiable))
    assert found == CUT[f.__name__]


@pytest.mark.parametrize("f", [weighted, written, shared, rows, records, repeated], ids=lambda f: f.__name__)
def test_tangents_and_pullbacks_do_not_depend_on_threads(f):
    args = dict(zip([g for g, _ in PROGRAMS], [a for _, a in PROGRAMS], strict=True))[f]
    floats = [a for a in args if not (isinstance(a, np.ndarray) and a.dtype.kind == "i")]
    others = args[len(floats) :]
    compiled = llad.jit_grad(lambda *floats: f(*floats, *others)) if others else llad.jit_grad(f)
    directions = tuple(np.cos(np.asarray(a)) if isinstance(a, np.ndarray) else 1.0 for a in floats)
    found = []
    for count in (1, 3):
        with threads(count):
            _, tangent = compiled.jvp(tuple(floats), directions)
            _, pullback = llad.vjp(compiled, *floats)
            found.append((tangent, flat(pullback(1.0)), flat(compiled.grad(*floats))))
    assert found[0][0] == found[1][0] and np.array_equal(found[0][1], found[1][1])
    assert_close(found[0][1], found[0][2], rtol=1e-9, atol=1e-9)
    assert_close(found[0][0], float(np.dot(found[0][1], flat(directions))), rtol=1e-7)


def counted(x, start):
    hits = start
    for i in llad.prange(len(x)):
        if x[i] > 0.0:
            hits += 1
    return hits


def test_integers_are_counted_and_may_not_overflow():
    with threads(3):
        f = llad.jit(counted)
        assert f(X, 5) == 5 + int(np.sum(X > 0))
        with pytest.raises(OverflowError):
            f(X, 2**63 - 10)
    assert chunked(stage(counted, X, 5).function("primal")) == 1


@llad.jit
def bounds(x, lo, hi, step):
    s = 0.0
    n = 0
    for i in llad.prange(lo, hi, step):
        s += x[i % len(x)] * 1e-3
        n += 1
    return s, n


@pytest.mark.parametrize(
    "span",
    [(0, 0, 1), (5, -5, 1), (0, 1, 1), (0, 40_000, 1), (7, 39_999, 5), (39_999, -1, -1), (3, -70_000, -7),
     (-(2**63), -(2**63) + 50_000, 1), (2**63 - 50_000, 2**63 - 1, 3), (-(2**62) - 1, 2**62 + 7, 2**46)],
)  # fmt: skip
def test_every_index_of_a_range_comes_once(span):
    with threads(3):
        total, count = bounds(X, *span)
    indices = range(*span)
    assert count == len(indices)
    assert_close(total, float(sum(X[i % N] * 1e-3 for i in indices)), rtol=1e-9, atol=1e-12)


def test_an_empty_sum_stays_as_it_began():
    @llad.jit
    def f(x, s):
        for i in llad.prange(len(x)):
            s += x[i]
        return s

    assert np.signbit(f(np.empty(0), -0.0))


def test_in_plain_python_it_is_range():
    assert llad.prange(3) == range(3) and llad.prange(1, 9, 2) == range(1, 9, 2) and llad.prange(2, 5) == range(2, 5)


# -- what is refused


def product(x):
    p = 1.0
    for i in llad.prange(len(x)):
        p *= x[i]
    return p


def last(x):
    v = 0.0
    for i in llad.prange(len(x)):
        v = x[i]
    return v


def neighbour(x):
    y = x.copy()
    for i in llad.prange(1, len(x)):
        y[i] = y[i - 1] + x[i]
    return y[-1]


def collision(x):
    y = np.zeros(len(x))
    for i in llad.prange(len(x)):
        y[i // 2] = x[i]
    return np.sum(y)


def early(x):
    for i in llad.prange(len(x)):
        if x[i] > 2.0:
            return x[i]
    return 0.0


def reading_the_sum(x):
    s = 0.0
    for i in llad.prange(len(x)):
        s += x[i] * s
    return s


def reading_what_is_added_to(x):
    h = np.zeros(3)
    for i in llad.prange(len(x)):
        h[i % 3] += x[i]
        h[0] += h[1]
    return h[0]


def twice(x):
    h = np.zeros(3)
    for i in llad.prange(len(x)):
        j = i % 3
        h[j] = h[j] + h[j] + x[i]
    return h[0]


def loud(x):
    s = 0.0
    for i in llad.prange(len(x)):
        print(x[i])
        s += x[i]
    return s


def window(x):
    y = np.zeros((len(x), 2))
    z = y[:, 0]
    for i in llad.prange(1, len(x)):
        y[i, 0] = x[i]
        z[i - 1] = 1.0
    return np.sum(y)


REFUSED = [
    (product, "more than add"), (last, "more than add"),
    (neighbour, "other iterations"), (collision, "other iterations"),
    (early, "left early"), (reading_the_sum, "more than add"), (reading_what_is_added_to, "other iterations"),
    (twice, "other iterations"), (loud, "prints"), (window, "other iterations"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "text"), REFUSED, ids=[f.__name__ for f, _ in REFUSED])
def test_what_is_not_independent_is_refused(f, text):
    for call in (llad.jit(f), llad.jit_grad(f).grad, lambda x: llad.jit_grad(f).jvp((x,), (x,))):
        with pytest.raises(UnsupportedError, match=f"prange.*{text}"):
            call(np.ones(10))


def test_arguments_that_overlap_are_taken_one_after_the_other():
    @llad.jit
    def f(x, y):
        for i in llad.prange(len(x)):
            y[i] = x[i] + 1.0

    memory = np.zeros(N + 1)
    with threads(3):
        f(memory[:-1], memory[1:])
    assert np.array_equal(memory, np.arange(N + 1.0))


# -- errors, interrupts, processes


@llad.jit
def picked(x, k, wrong):
    s = 0.0
    for i in llad.prange(len(k)):
        if k[i] == wrong:
            assert i < 0, "wrong"
        s += x[k[i]]
    return s


@pytest.mark.skipif(not PARALLEL, reason="no POSIX threads")
def test_the_error_is_that_of_the_lowest_chunk():
    for count in (1, 2, 4):
        for far, near in ((N - 1, 100), (N // 2, N // 2 - 9)):
            k = np.zeros(N, dtype=np.int64)
            k[far], k[near] = 99, 77
            with threads(count), pytest.raises(IndexError, match="77"):
                picked(np.ones(5), k, -1)
            k[near] = 3
            with threads(count), pytest.raises(AssertionError, match="wrong"):
                picked(np.ones(5), k, 3)
            assert picked(np.ones(5), np.zeros(N, dtype=np.int64), -1) == N


SLOW = """
import os, signal, threading, time
import numpy as np
import llad

@llad.jit
def slow(x, m, h, only):
    s = 0.0
    for i in llad.prange(len(x)):
        v = x[i]
        for _ in range(m if only < 0 or i // 300 == only else 0):
            v = np.sin(v) + x[i]
        s += v
        h[i % len(h)] += 1.0
    return s

x, h = np.ones(20_000), np.zeros(3)
slow(x, 1, h, -1)
for only in (-1, 0, 1):  # every iteration is slow, or those of the first chunk, for which the others wait
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    start = time.monotonic()
    try:
        slow(x, 10_000_000, h, only)
    except KeyboardInterrupt:
        h[:] = 0.0
        print("ended", time.monotonic() - start < 30, slow(x, 0, h, -1) == 20_000.0 == np.sum(h))
"""


def _python(text: str, tmp_path: Any, **environment: str) -> str:
    path = tmp_path / "program.py"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, str(path)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ctrl_c_ends_all_threads(tmp_path):
    assert _python(SLOW, tmp_path, LLAD_NUM_THREADS="3") == 3 * "ended True True\n"


def test_the_environment_says_how_many_threads(tmp_path):
    text = "from llad.codegen.runtime_threads import thread_count\nprint(thread_count().value)"
    assert _python(text, tmp_path, LLAD_NUM_THREADS="5") == "5\n"
    assert int(_python(text, tmp_path, LLAD_NUM_THREADS="none")) >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_has_threads_of_its_own():
    f = llad.jit_grad(weighted)
    with threads(3):
        value = f(X, 0.5)
        child = os.fork()
        if child == 0:
            os._exit(0 if f(X, 0.5) == value else 1)
        assert os.waitpid(child, 0)[1] == 0


FORKS = """
import os, sys, threading, time
import numpy as np
import llad

@llad.jit_grad(argnums=0)
def energy(x, m):
    s = 0.0
    for i in llad.prange(len(x)):
        v = x[i]
        for _ in range(m):
            v = np.sin(v) + x[i]
        s += v * v
    return s

x = np.linspace(0.0, 1.0, 20_000)
expected = energy(x, 3), energy.grad(x, 3).tobytes()
busy = threading.Thread(target=lambda: [energy(x, 400) for _ in range(3)])
busy.start()
time.sleep(0.05)

def generation(left):
    # Children and their children, born while other threads have the crew, make their own, again and again.
    if left and (child := os.fork()):
        assert os.waitpid(child, 0)[1] == 0
    elif left:
        for _ in range(10):
            assert (energy(x, 3), energy.grad(x, 3).tobytes()) == expected
        generation(left - 1)
        os._exit(0)

for _ in range(3):
    generation(3)
busy.join()
assert (energy(x, 3), energy.grad(x, 3).tobytes()) == expected
print(len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 3)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_processes_born_while_a_loop_runs_have_threads_of_their_own(tmp_path):
    assert _python(FORKS, tmp_path, LLAD_NUM_THREADS="3") == "3\n"


AT_THE_END = """
import atexit, ctypes, sys
import numpy as np
import llad
from llad.codegen import symbols

CREATE = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)
create = CREATE(symbols.c_library()["pthread_create"])
given = int(sys.argv[1])

@CREATE
def reluctant(*args):
    global given
    given -= 1
    return create(*args) if given >= 0 else 11  # EAGAIN

symbols.c_library()["pthread_create"] = ctypes.cast(reluctant, ctypes.c_void_p).value

@llad.jit_grad
def f(x):
    s = 0.0
    for i in llad.prange(len(x)):
        s += np.sin(x[i])
    return s

x = np.ones(100_000)
for _ in range(100):
    f.grad(x)
print(given, f(x) == f(x))
atexit.register(f.grad, x)
"""


@pytest.mark.skipif(not PARALLEL, reason="no POSIX threads")
@pytest.mark.parametrize("given", [0, 1, 2, 9])
def test_loops_end_whatever_threads_the_system_gives(tmp_path, given):
    """And so does the process, while they wait for another loop."""
    path = tmp_path / "program.py"
    path.write_text(AT_THE_END)
    environment = {**os.environ, "LLAD_NUM_THREADS": "4", "LLAD_CACHE_DIR": ""}
    done = subprocess.run([sys.executable, str(path), str(given)], env=environment, capture_output=True, timeout=120)
    left, same = done.stdout.split()
    assert done.returncode == 0 and not done.stderr and same == b"True"
    assert int(left) == 6 if given == 9 else int(left) < 0


def test_threads_of_python_may_call_at_once():
    f = llad.jit_grad(shared)
    args = dict(zip(IDS, [a for _, a in PROGRAMS], strict=True))["shared"]
    expected = flat(f.grad(*args))
    found: list[bool] = []

    def call() -> None:
        found.extend(np.array_equal(flat(f.grad(*args)), expected) for _ in range(3))

    with threads(2):
        workers = [threading.Thread(target=call) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert found == [True] * 12


def test_a_chunk_knows_of_lengths_what_is_known_around_it() -> None:
    """Its own numbers are all that it is given: lengths and places it finds again, so loops inside are no worse."""

    @llad.jit
    def f(x: Any, w: Any) -> Any:
        last = len(w) - 1
        total = 0.0
        for i in llad.prange(x.shape[0]):
            z = 0.0
            for j in range(last, -1, -1):
                z += w[j] * x[i, j]
            total += z * z
        return total

    x, w = np.ones((50, 3)), np.ones(3)
    assert f(x, w) == 450.0
    (head,) = re.findall(r"^local @chunk0\((.*)\)", f.dump_ir(x, w), re.M)
    assert re.findall(r"%(\w+): i64", head) == ["k", "step"]


def test_what_a_chunk_adds_to_lies_in_memory_that_it_made_itself() -> None:
    """Neighbours in one line of the cache would go to and fro between processors at each addition."""
    f = shared
    made = stage(f, *dict(zip([g for g, _ in PROGRAMS], [a for _, a in PROGRAMS], strict=True))[f])
    gradient = made.function("gradient", made.differentiable)
    calls = [op for f in (gradient, *gradient.functions.values()) for op in walk(f.body) if op.name == "call"]
    alone, several, adding, turn = calls
    chunk, apart, commit = (gradient.functions[op.attrs["callee"]] for op in (alone, several, turn))
    assert adding.attrs["callee"] == chunk.name and adding in apart.body.ops and turn in apart.body.ops
    number, *arrays = turn.operands
    own, all_of_them = arrays[:2], arrays[2:]
    assert number is apart.params[0] and set(all_of_them) < set(apart.params) and set(own).isdisjoint(apart.params)
    assert set(own) < set(adding.operands) and set(all_of_them).isdisjoint(adding.operands)
    assert {op.operands[1] for op in walk(apart.body) if op.name == "store"} == set(own)
    assert {op.operands[1] for op in walk(commit.body) if op.name == "store"} == set(commit.params[3:])


@llad.jit
def filled(h, x, k, m):
    for i in llad.prange(len(k)):
        v = x[i]
        for _ in range(m[i]):
            v = 0.5 * v + x[i]
        h[k[i]] += v


UNEVEN = {
    "even": np.zeros(N, dtype=np.int64),
    "first": np.where(np.arange(N) < 400, 3000, 0),  # for which more chunks wait than a thread lets wait
    "other": np.where(np.arange(N) // 1000 % 2, 200, 0),
    "falling": (N - np.arange(N)) // 500,
}


@pytest.mark.parametrize("m", UNEVEN.values(), ids=UNEVEN)
def test_chunks_add_in_order_up_to_the_first_that_fails(m: np.ndarray) -> None:
    """So what is there then is the same for any number of threads."""
    found = []
    for count in (1, 2, 3, 7):
        left = []
        for wrong in ([], [0], [N // 2], [N - 1], [N // 3, N // 2, N - 1]):
            k = np.arange(N) % 50
            k[wrong] = 99
            for _ in range(3):
                h = np.zeros(50)
                with threads(count):
                    if wrong:
                        with pytest.raises(IndexError):
                            filled(h, X, k, m)
                    else:
                        filled(h, X, k, m)
                left.append(h.tobytes())
        found.append(left)
    assert all(one == found[0] for one in found) and len(set(found[0])) == 5


@pytest.mark.parametrize("trips", [15, 16, 17, 40_000, 40_009])
def test_long_chunks_have_whole_groups_of_iterations(trips: int) -> None:
    """So that few are left over of those that go side by side; and every iteration comes once."""
    seen = np.zeros(trips)

    @llad.jit
    def f(x: Any, y: Any) -> Any:
        for i in llad.prange(len(x)):
            z = 0.0
            for _ in range(100):
                z = np.sin(z + x[i])
            y[i] += 1.0 + 0.0 * z
        return y[0]

    f(np.ones(trips), seen)
    assert np.array_equal(seen, np.ones(trips))
