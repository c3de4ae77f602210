"""Long calls give Python a turn: signal handlers run and may end the call, and other threads go on."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from programs.case import programs_of

import llad
from llad import sweeps
from llad.codegen import lower_poll
from llad.codegen.deferred import undisturbed
from llad.testing import assert_close, copy_arguments, flatten

ROOT = Path(__file__).parents[1]
HUGE = 10**12

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers that send signals")


class Stop(Exception):
    """What the signal handlers of these tests raise."""


@contextlib.contextmanager
def alarm(seconds, act):
    """`act()` is called by a signal handler after so many seconds."""
    before = signal.signal(signal.SIGALRM, lambda *_: act())
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stop():
    raise Stop


def assert_stops(f, *args):
    start = time.perf_counter()
    with pytest.raises(Stop), alarm(0.01, stop):  # which may ring at once on a busy machine
        f(*args)
    assert time.perf_counter() - start < 2.0


@llad.jit_grad
def counted(x, n):
    for _ in range(n):
        x = x + 1e-9 * (1.0 - x * x)
    return x


@llad.jit_grad
def strided(x, n, step):
    for i in range(n, 0, step):
        x = x + 1e-30 * i
    return x


@llad.jit_grad
def sought(x, n):
    for i in range(n):
        x = x * 0.5 + 0.1
        if x > 10.0:
            return x * i
    return x


@llad.jit_grad
def repeated(x):
    k = 0
    while x < 10.0:
        x = x * 0.5 + 0.1
        k += 1
    return x + k


@llad.jit_grad
def nested(x, n):
    s = 0.0
    for i in range(n):
        for j in range(n):
            for k in range(3):
                s += x * i * j * k
    return s


@llad.jit_grad
def array_expressions(a, n):
    s = 0.0
    for k in range(n):
        s += np.sum(a * a) * k
    return s


@llad.jit_grad
def allocating(a, n):
    s = 0.0
    for k in range(n):
        scratch = np.zeros(len(a))
        scratch[k % 7] = s
        s = s * 0.5 + scratch[3] + a[k % len(a)]
    return s


@llad.jit
def recursive(n):
    return n if n < 2 else recursive(n - 1) + recursive(n - 2)


VECTOR = np.ones(1000)
LONG = {
    "for": (counted, (0.5, HUGE), (0.5, 3)),
    "for with steps": (strided, (0.5, HUGE * 100, -3), (0.5, 9, -3)),
    "for with return": (sought, (0.5, HUGE), (100.0, 3)),
    "while": (repeated, (0.5,), (20.0,)),
    "nest": (nested, (0.5, HUGE), (0.5, 3)),
    "array expressions": (array_expressions, (VECTOR, HUGE), (VECTOR, 3)),
    "allocation": (allocating, (VECTOR, HUGE), (VECTOR, 3)),
    "recursion": (recursive, (90,), (10,)),
    "reverse sweep": (nested.grad, (0.5, HUGE), (0.5, 3)),
    "fused reverse sweep": (array_expressions.grad, (VECTOR, HUGE), (VECTOR, 3)),
    "forward mode": (lambda x, n: counted.jvp((x, n), (1.0, None)), (0.5, HUGE), (0.5, 3)),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_signal_handler_ends_a_call_and_the_next_call_is_as_good_as_ever(kind):
    f, long, short = LONG[kind]
    before = f(*short)
    assert_stops(f, *long)
    assert_close(f(*short), before, rtol=0)


def test_both_sweeps_of_a_gradient_ask():
    @llad.jit_grad
    def f(x, n):
        s = 0.0
        for i in range(n):
            k = 0
            while k < 20 + i % 2:
                x = x * 0.999 + 0.001
                k += 1
            s += x
        return s

    f(0.5, 1), f.grad(0.5, 1)
    asked = [s.lowered.text.count("call i32 @llad.poll") for s in f.specialisations]
    assert asked[0] == 2 and asked[1] >= 4
    assert_stops(f.grad, 0.5, 10**9)


def test_memory_of_an_ended_call_is_freed():
    @llad.jit_grad
    def f(x, n):
        for i in range(n):
            k = 0
            while k < 10 + i % 3:
                x = x * 0.999 + 0.001
                k += 1
        return x

    f.grad(0.5, 2)
    resident = []
    for _ in range(4):
        assert_stops(f.grad, 0.5, 10**9)  # tapes some hundred megabytes a second
        gc.collect()
        resident.append(memory_in_use())
    assert max(resident[1:]) - resident[0] < 30e6, resident


def test_memory_of_a_pullback_that_nobody_got_is_freed():
    @llad.jit_grad
    def f(x, n):
        for _ in range(n):
            x = math.sin(x) + 0.1
        return x

    def behind_the_sweep(frame, event, _):  # where a signal is heard that arrives at the end of the sweep
        if event == "return" and frame.f_code.co_filename == sweeps.__file__:
            sys.setprofile(None)
            raise Stop

    n = 500_000
    f.vjp(0.5, n)
    resident = []
    for _ in range(40):
        sys.setprofile(behind_the_sweep)
        with pytest.raises(Stop):
            f.vjp(0.5, n)
        resident.append(memory_in_use())
    assert resident[-1] - resident[2] < 15 * 8 * n, resident


def memory_in_use() -> float:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096.0


def test_a_handler_that_returns_lets_the_call_go_on():
    heard = []

    def act():
        heard.append(recursive(12))
        heard.append(counted(0.5, 10))

    expected = counted(0.5, 10)
    want = counted(0.5, 3 * 10**7)
    with alarm(0.02, act):
        assert counted(0.5, 3 * 10**7) == want
    assert heard == [144, expected]


def test_other_threads_do_not_hear_signals_and_go_on():
    results = []
    counted(0.5, 3)
    worker = threading.Thread(target=lambda: results.append(counted(0.5, 10**8)))
    with alarm(0.05, stop):
        worker.start()
        with pytest.raises(Stop):
            time.sleep(20)
    assert results == [] and worker.is_alive()
    worker.join()
    assert results == [counted(0.5, 10**8)]


def test_a_long_call_lets_other_threads_run_though_it_looked_short():
    recursive(5)
    turns = []

    def work():
        while len(turns) < 10**6 and not done:
            turns.append(time.perf_counter())

    done = []
    thread = threading.Thread(target=work)
    thread.start()
    start = time.perf_counter()
    recursive(35)
    end = time.perf_counter()
    done.append(True)
    thread.join()
    middle = [t for t in turns if start + 0.2 * (end - start) < t < start + 0.8 * (end - start)]
    assert middle


def test_ctrl_c():
    program = """
import sys, llad
@llad.jit_grad
def f(x):
    while x < 10.0:
        x = x * 0.5 + 0.1
    return x
assert f(20.0) == 20.0
print("running", flush=True)
try:
    f(0.5)
except KeyboardInterrupt:
    print("interrupted", f(30.0), flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", f"import linecache\nsource = {program!r}\n"
         "linecache.cache['program.py'] = (len(source), None, source.splitlines(True), 'program.py')\n"
         "exec(compile(source, 'program.py', 'exec'))"],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "running\n"
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert out == "interrupted 30.0\n" and process.returncode == 0


def printing(n):
    for i in range(n):
        print("now", i)
    return n


class Armed(io.StringIO):
    """Once the third line begins, a signal is due in `delay` seconds."""

    def __init__(self, delay):
        super().__init__()
        self.delay = delay

    def write(self, text):
        if self.getvalue() == "now 0\nnow 1\n":
            signal.setitimer(signal.ITIMER_REAL, self.delay)
        return super().write(text)


def test_a_loop_that_prints_hears_every_signal(monkeypatch):
    f = llad.jit(printing)
    f(0)
    for k in range(20):
        monkeypatch.setattr(sys, "stdout", Armed(1e-6 + k * 1e-5))
        with alarm(0.0, stop), pytest.raises(Stop):
            f(HUGE)
        assert sys.stdout.getvalue().startswith("now 0\nnow 1\n")


def test_what_printing_raises_ends_the_call(monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            if "3" in text:
                raise OSError("no space left")
            return super().write(text)

    f = llad.jit(printing)
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="no space left"):
        f(HUGE)
    assert sys.stdout.getvalue() == "now 0\nnow 1\nnow 2\n"


# -- while compiling


def test_a_compilation_that_was_ended_is_begun_again():
    for k in range(8):
        f = llad.jit_grad(lambda x, y, k=float(k): np.sum(x * k) * y + y**3)
        x = np.ones(3)
        for attempt in range(2):
            with contextlib.suppress(Stop), alarm(0.002 + 0.005 * k + 0.011 * attempt, stop):
                f.grad(x, 2.0)
        gradient = f.grad(x, 2.0)
        assert gradient[1] == 3 * k + 12 and f(x, 2.0) == 6 * k + 8
        assert_close(gradient[0], np.full(3, 2.0 * k))


def test_handlers_run_when_undisturbed_work_is_done():
    done = []

    def work(raises):
        signal.raise_signal(signal.SIGALRM)
        done.append(sum(range(1000)))
        if raises:
            raise ValueError
        return "result"

    handlers = [signal.getsignal(s) for s in signal.valid_signals()]
    with alarm(10, lambda: done.append("heard")):
        assert undisturbed(work, False) == "result"
    with alarm(10, stop), pytest.raises(Stop):
        undisturbed(work, raises=True)
    assert done == [499500, "heard", 499500]
    assert [signal.getsignal(s) for s in signal.valid_signals()] == handlers


# -- loops in strips


def short_strips(monkeypatch):
    monkeypatch.setattr(lower_poll, "_STRIP", 32)
    monkeypatch.setattr(lower_poll, "_FULL", 64)
    monkeypatch.setattr(lower_poll, "_SHORT", 0)


@pytest.mark.parametrize("module", ["exits", "trips"])
def test_short_strips_change_nothing(module, monkeypatch):
    short_strips(monkeypatch)
    for program in programs_of(importlib.import_module(f"programs.{module}")):
        args = copy_arguments(program.draw())
        expected = program.function(*copy_arguments(args))
        f = llad.jit_grad(program.function)
        if program.scalar:
            found, gradient = f.value_and_grad(*args)
            assert_close(found, expected, rtol=1e-12, atol=1e-13, what=program.name)
            assert "@llad.poll" in f.value_and_grad.specialisations[0].lowered.text, program.name
            if program.exact is not None:
                assert_close(flatten((gradient,)), flatten(program.exact), rtol=1e-9, atol=1e-12, what=program.name)
        else:
            assert_close(f(*args), expected, rtol=1e-12, atol=1e-13, what=program.name)


def counting(step):
    def f(start, end, goal):
        seen, last, total = 0, -99, 0
        for i in range(start, end, step):
            total = (total * 3 + i % 1000) % 1000003
            last = i
        for i in range(start, end, step):
            seen += 1
            if i == goal:
                return seen, last, total, i
        return seen, last, total, -99

    return f


@pytest.mark.parametrize("step", [1, -1, 2, -3])
def test_strips_of_every_length(step, monkeypatch):
    monkeypatch.setattr(lower_poll, "_STRIP", 24)
    f = llad.jit(counting(step))
    g = llad.jit(lambda start, end, goal, step: counting(step)(start, end, goal))
    for trips in range(20):
        start, end = 5, 5 + step * trips
        for goal in (start, start + step * 7, HUGE):
            expected = f.py_func(start, end, goal)
            assert f(start, end, goal) == expected == g(start, end, goal, step)
    assert f.specialisations[0].lowered.text.count("@llad.poll") >= 2
    edge = 2**63 - 1 if step > 0 else -(2**63)
    assert f(edge - 7 * step, edge, HUGE)[0] == 7


def triangle(x: np.ndarray, start: int) -> float:
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0.0:
            for j in range(i + 1, len(x)):
                s += x[i] * x[j]
        for j in range(len(x) - 1, -1, -1):
            s += 0.1 * x[j]
    return s


def longer(x: np.ndarray, start: int) -> float:
    s = 0.0
    for _ in range(len(x)):
        for j in range(start, len(x)):
            s += float(j)
    return s


@pytest.mark.parametrize(("function", "strips"), [(triangle, 0), (longer, 1)])
def test_parts_of_an_extent_are_counted_and_what_may_be_longer_has_strips(function, strips, quick_code):
    f, x = llad.jit(function), np.linspace(-1.0, 2.0, 7)
    assert_close(f(x, -5), function(x, -5), rtol=1e-13)
    text = f.specialisations[0].lowered.text
    assert text.count("call i64 @llvm.sadd.sat") + text.count("call i64 @llvm.ssub.sat") == strips
    assert "@llad.poll" in text
