"""Many threads call, compile and fail at once, and each gets what it would get alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import llad
from llad.testing import assert_close

ROOT = Path(__file__).parents[1]
THREADS = 8
VALUES = (1.0, 2.0)
SCALE = 1.0


def at_once(*work):
    """Run the functions in threads that start together; their results."""
    barrier = threading.Barrier(len(work))
    results = [None] * len(work)
    failures = []

    def run(k):
        barrier.wait()
        try:
            results[k] = work[k]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(work))]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join(20)
    finally:
        sys.setswitchinterval(interval)
    assert not any(t.is_alive() for t in threads)
    if failures:
        raise failures[0]
    return results


def objective(x, n):
    s = 0.0
    for i in range(n):
        while s > 1.0:
            s *= 0.5
        s += np.sum(x * x) * x[i % len(x)]
    return s


def test_first_calls_race_for_one_compilation():
    f = llad.jit_grad(objective)
    x = np.linspace(0.1, 1.0, 6)
    expected = objective(x, 40)
    results = at_once(*[lambda: (f(x, 40), *f.value_and_grad(x, 40), f.grad(x, 40))] * THREADS)
    for value, same, gradient, again in results:
        assert_close((value, same), (expected, expected), rtol=1e-13)
        assert_close(gradient[0], results[0][2][0], rtol=0)
        assert_close(again[0], gradient[0], rtol=1e-14)
    assert [s.what for s in f.specialisations] == ["primal", "gradient", "gradient"]


def test_different_functions_compile_at_once():
    def work(k):
        factor = k + 2.0
        f = llad.jit_grad(lambda x: x**3 * factor)
        return f(2.0), f.grad(2.0), llad.grad(lambda x: f(x) * x)(1.0)

    results = at_once(*[lambda k=k: work(k) for k in range(THREADS)])
    assert results == [(8.0 * (k + 2), 12.0 * (k + 2), 4.0 * (k + 2)) for k in range(THREADS)]


def test_calls_at_once_share_nothing():
    f = llad.jit_grad(objective)
    rows = np.random.default_rng(3).uniform(0.1, 1.0, size=(THREADS, 5))
    expected = [f.value_and_grad(x, 3000 + k) for k, x in enumerate(rows)]

    def work(k):
        return [f.value_and_grad(rows[k], 3000 + k) for _ in range(30)]

    for k, results in enumerate(at_once(*[lambda k=k: work(k) for k in range(THREADS)])):
        for value, gradient in results:
            assert value == expected[k][0]
            assert_close(gradient[0], expected[k][1][0], rtol=0)


def test_errors_stay_in_their_thread():
    f = llad.jit_grad(lambda x, i, n: sum(x) / len(x) * x[i] * float(7 // n))
    x = np.ones(40)

    def work(k):
        seen = []
        for j in range(60):
            kind = (j + k) % 3
            args = [(x, 40 + k, 1), (x, 0, 0), (x, k, 7)][kind]
            try:
                seen.append((f, f.grad)[j % 2](*args))
            except IndexError as error:
                assert kind == 0 and f"index {40 + k} is out of bounds" in str(error)
            except ZeroDivisionError:
                assert kind == 1
            else:
                assert kind == 2
        return len(seen)

    assert at_once(*[lambda k=k: work(k) for k in range(THREADS)]) == [20] * THREADS


def test_a_global_that_changes_under_way():
    """Each result is that of one of the values that the global had."""
    global SCALE
    f = llad.jit(lambda x: x * SCALE)
    stop = []

    def change():
        global SCALE
        while not stop:
            SCALE = VALUES[SCALE == 1.0]

    def work():
        found = {f(4) for _ in range(300)} | {f([1.0][0]) for _ in range(300)}  # an int goes the slow way each time
        stop.append(True)
        return found

    SCALE = VALUES[0]
    for found in at_once(change, *[work] * 3)[1:]:
        assert found <= {4.0, 8.0, 1.0, 2.0}


def test_decorating_for_the_first_time_in_several_threads():
    program = """
import threading
import llad
barrier = threading.Barrier(8)
made = []
def work():
    barrier.wait()
    made.append(llad.jit(lambda x: x + 1.0))
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print([f(1.0) for f in made])  # unloads what nobody holds, then calls
"""
    assert run(program) == f"{[2.0] * THREADS}\n"


LOOPS = ["while x < 10.0:\n        x = x * 0.5 + 0.1", "for i in range(n):\n        x += 1e-9 * x"]


@pytest.mark.parametrize("loop", LOOPS, ids=["while", "for"])
def test_python_exits_while_a_daemon_thread_is_in_native_code(loop):
    program = f"""
import threading, time
import llad
@llad.jit_grad
def f(x, n):
    {loop}
    return x
f(100.0, 3)
threading.Thread(target=f, args=(0.5, 10**12), daemon=True).start()
time.sleep(0.15)
print("leaving", flush=True)
"""
    assert run(program) == "leaving\n"


def run(program):
    """What the program prints, when it ends well and says nothing else."""
    file = f"import linecache\nsource = {program!r}\n"
    file += "linecache.cache['program.py'] = (len(source), None, source.splitlines(True), 'program.py')\n"
    file += "exec(compile(source, 'program.py', 'exec'))\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", file], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout
