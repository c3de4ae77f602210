"""How deep calls may go: as deep as the stack of the thread lets them, and no deeper."""

from __future__ import annotations

import math
import sys
import threading

import pytest

import llad
from llad.codegen.runtime_stack import key

needs_bounds = pytest.mark.skipif(key() is None, reason="this platform does not tell where stacks end")


def depth(n):
    return 0.0 if n == 0 else 1.0 + depth(n - 1)


def series(x, n):
    return x if n == 0 else math.sin(x) * series(x * 0.99, n - 1) + 0.1 * x


def deepest(function):
    """The largest power of two that the function bears; it raises RecursionError for the next."""
    for k in range(40):
        try:
            function(1 << k)
        except RecursionError:
            return 1 << (k - 1)
    raise AssertionError("no limit was met")


def in_thread(kilobytes, work):
    """What `work()` returns in a thread with a stack of that size."""
    results = []
    before = threading.stack_size(kilobytes << 10)
    try:
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return results[0]


@pytest.mark.parametrize("kilobytes", [64, 256, 1024])
def test_small_stacks_are_not_overrun(kilobytes):
    f, g = llad.jit(depth), llad.grad(series)
    second = llad.jit(lambda x, n: llad.jvp(lambda y: llad.grad(series)(y, n), (x,), (1.0,))[1])
    assert f(5) == 5.0
    assert g(0.5, 3) == pytest.approx((series(0.5 + 1e-6, 3) - series(0.5 - 1e-6, 3)) / 2e-6, 1e-6)
    for work in (f, lambda n: g(0.5, n), lambda n: second(0.5, n)):
        work(1)
        assert in_thread(kilobytes, lambda work=work: deepest(work)) >= 32
    assert f(5) == 5.0


@needs_bounds
def test_a_large_stack_is_used():
    f = llad.jit(depth)
    small, large = (in_thread(kilobytes, lambda: deepest(f)) for kilobytes in (1 << 10, 1 << 14))
    assert large >= 8 * small


@needs_bounds
def test_calls_from_deep_python_code_stop_where_the_stack_does():
    f = llad.jit(depth)
    f(1)
    most, found = deepest(f), []

    def nested(levels):
        """`sorted` calls back from C, so each level takes C's stack as well as Python's."""
        if levels == 0:
            return [deepest(f)]
        return sorted([[]], key=lambda _: found.append(nested(levels - 1))) and [deepest(f)]

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        assert nested(200) == [most] and all(0 < f <= most for (f,) in found)
    finally:
        sys.setrecursionlimit(limit)
