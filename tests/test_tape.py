"""The tape of `llad.vjp` in machine code: made once, freed once, read by any number of seeds and by several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from native import Heap
from numpy.testing import assert_array_equal
from test_vjp import PROGRAMS, S, X, assert_alike, elementwise, seed_like, swaps

import llad
import llad.specialise as pipeline
from llad.codegen.layout import LAYOUT

pytestmark = pytest.mark.usefixtures("quick_code")


def grows(x, s):
    y = x
    while np.mean(y * y) < 5.0:
        y = y * 1.3 + 0.1 * s * np.sin(y)
    return y


def power(x, n):
    return x.copy() if n <= 0 else x * power(x, n - 1)


def recurses(x, s):
    return power(x, 3) * s


def fails(x, s):
    y = x * s
    return y[len(x) : len(x) + 1][0] + np.zeros(3)


def prints(x, s):
    print("once", s)
    return x * s


EVERY = [*PROGRAMS, grows, recurses]
every = pytest.mark.parametrize("function", EVERY, ids=lambda f: f.__name__)


@pytest.fixture
def heap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heap]:
    """Counts the memory of what is compiled meanwhile, which must not be called afterwards."""
    if LAYOUT is None:
        pytest.skip("there is no table of symbols to put the counter in")
    counted, symbols = Heap(), pipeline.symbols
    monkeypatch.setattr(pipeline, "symbols", lambda: symbols() | counted.symbols)
    # one module, with a run-time of its own
    monkeypatch.setattr(pipeline, "module_texts", lambda fn, parts: [pipeline.module_text([fn, *parts], whole=True)])
    monkeypatch.setattr(pipeline, "link", partial(pipeline.link, whole=True))
    yield counted


@every
def test_a_tape_is_freed_with_its_pullback(function: Callable[..., Any], heap: Heap):
    compiled = llad.jit_grad(function)
    for _ in range(3):
        value, pullback = compiled.vjp(X.copy(), S)
        assert heap.live
        held = len(heap.live)
        seed = seed_like(value, np.random.default_rng(1))
        for _ in range(3):
            pullback(seed)
            assert len(heap.live) == held  # a reverse sweep leaves nothing, and takes nothing away
        del pullback
        assert not heap.live
        assert_alike(value, function(X.copy(), S))  # no memory of the tape


@pytest.mark.parametrize("function", [elementwise, swaps, grows, recurses], ids=lambda f: f.__name__)
def test_memory_may_run_out_anywhere(function: Callable[..., Any], heap: Heap):
    del heap.symbols["free"]  # Python cannot be asked while its exception is set
    compiled = llad.jit_grad(function).vjp
    value, pullback = compiled(X.copy(), S)
    seed = seed_like(value, np.random.default_rng(1))
    needed = heap.requests
    want = pullback(seed)
    pulled = heap.requests - needed
    for budget in range(needed):
        heap.requests, heap.budget = 0, budget
        with pytest.raises(MemoryError):
            compiled(X.copy(), S)
    for budget in range(pulled):
        heap.requests, heap.budget = 0, budget
        with pytest.raises(MemoryError):
            pullback(seed)
        heap.budget = 1 << 60
        assert_alike(pullback(seed), want)  # from a new tape
    heap.budget = 1 << 60


def test_an_error_in_the_forward_sweep_is_raised_at_once():
    with pytest.raises(IndexError):
        llad.vjp(fails, X, S)


def test_the_function_runs_once(capfd: pytest.CaptureFixture[str]):
    value, pullback = llad.vjp(prints, X, S)
    for _ in range(3):
        pullback(value)
    assert capfd.readouterr().out == f"once {S}\n"


@every
def test_sweeps_that_overlap_have_tapes_of_their_own(function: Callable[..., Any]):
    value, pullback = llad.vjp(function, X.copy(), S)
    seed = seed_like(value, np.random.default_rng(1))
    want = pullback(seed)
    (held,) = [pullback._tapes.pop()]  # as if another call were in the midst of its sweep
    assert_alike(pullback(seed), want)
    pullback._tapes.append(held)
    for _ in range(3):
        assert_alike(pullback(seed), want)
    assert len(pullback._tapes) == 2


def test_a_sweep_that_is_interrupted_spoils_no_other(monkeypatch: pytest.MonkeyPatch):
    value, pullback = llad.vjp(grows, X, S)
    want = pullback(value)
    reverse = type(pullback._sweeps).reverse

    def interrupted(*given: Any) -> Any:
        reverse(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(pullback._sweeps), "reverse", interrupted)
        with pytest.raises(KeyboardInterrupt):
            pullback(value)
    assert not pullback._tapes
    assert_alike(pullback(value), want)


def test_threads_without_the_gil():
    x = np.linspace(-1.0, 1.0, 20_000)
    value, pullback = llad.vjp(grows, x, 0.01)
    seeds = [value, np.ones_like(x), np.cos(x)]
    want = [pullback(seed) for seed in seeds]
    wrong = []

    def work(k: int) -> None:
        for _ in range(5):
            x_bar, s_bar = pullback(seeds[k])
            if s_bar != want[k][1] or (x_bar != want[k][0]).any():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k % 3,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and 1 <= len(pullback._tapes) <= 6


@every
def test_by_ctypes(function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    value, pullback = llad.vjp(function, X.copy(), S)
    seed = seed_like(value, np.random.default_rng(1))
    want = pullback(seed)
    monkeypatch.setattr(pipeline, "LAYOUT", None)
    value, pullback = llad.jit_grad(function).vjp(X.copy(), S)
    assert_alike(value, function(X.copy(), S))
    for _ in range(3):
        assert_alike(pullback(seed), want)


def test_large_values_are_not_in_the_tape():
    x = np.linspace(0.0, 1.0, 100_000)
    value, pullback = llad.vjp(lambda x: np.tanh(x), x)
    want = pullback(np.ones_like(x))
    value[:] = 0.0
    assert_array_equal(pullback(np.ones_like(x))[0], want[0])
