"""Large blocks that a call frees wait for the next call, up to a bound; small ones do not."""

from __future__ import annotations

import ctypes
import gc
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import llad
from llad.codegen.runtime_pool import MOST, SLOTS, storage


@llad.jit_grad(argnums=0)
def energy(x, steps):
    u = x * 1.0
    w = np.empty(len(x))
    for _ in range(steps):
        for i in range(len(x)):
            w[i] = u[i] * u[i] * 0.5 + 0.1
        u, w = w, u
    return np.sum(u)


@pytest.fixture(autouse=True)
def empty() -> None:
    """What other tests have left in the pool is freed."""
    library = ctypes.CDLL(None)
    library.free.argtypes = [ctypes.c_void_p]
    for slot in storage()[1 : 1 + SLOTS]:
        library.free(slot or None)
    storage()[:] = [0] * len(storage())


def kept() -> list[int]:
    """The bytes of the blocks in the pool, which agree with its own count."""
    total, *words = storage()
    slots, told = words[:SLOTS], words[SLOTS:]
    lengths = [ctypes.c_int64.from_address(slot).value for slot in slots if slot]
    assert sum(lengths) == total <= MOST
    assert lengths == [length for slot, length in zip(slots, told, strict=True) if slot]
    return lengths


def test_a_second_call_takes_the_blocks_of_the_first():
    x = np.linspace(0.0, 1.0, 50_000)
    first = energy.grad(x, 3)
    assert kept()
    energy.grad(x, 3)  # what it gives is in the pool, too
    before = sorted(kept())
    for _ in range(5):
        assert np.array_equal(energy.grad(x, 3), first)  # also what was to be zeroed is
    assert sorted(kept()) == before


def test_a_block_that_serves_a_smaller_request_stays_as_large():
    x = np.linspace(0.0, 1.0, 50_000)
    energy.grad(x, 1)
    before = sorted(kept())
    for n in (45_000, 35_000, 30_000):
        energy.grad(x[:n], 1)
        assert max(kept()) >= max(before) and sum(kept()) == sum(before)
    energy.grad(x, 1)
    assert sorted(kept()) == before


def test_what_is_kept_is_bounded_and_new_blocks_displace_old_ones():
    for n in (20_000, 60_000, 200_000, 700_000, 2_000_000, 6_000_000, 50_000):
        x = np.linspace(0.0, 1.0, n)
        value, gradient = energy.value_and_grad(x, 1)
        assert np.allclose(gradient, x) and np.isclose(value, np.sum(0.5 * x * x + 0.1))
        kept()
    assert any(8 * 50_000 <= length < 8 * 60_000 for length in kept())


def test_small_blocks_are_not_kept():
    before = list(storage())
    energy.grad(np.ones(100), 3)
    assert list(storage()) == before


def test_threads_share_the_pool():
    x = np.linspace(0.0, 1.0, 40_000)
    expected = energy.grad(x, 2)
    wrong: list[int] = []

    def work(n: int) -> None:
        for k in range(20):
            size = 30_000 + 1000 * ((n * 7 + k) % 10)
            if not np.array_equal(energy.grad(x[:size], 2), expected[:size]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    kept()


@llad.jit_grad
def squares(x):
    total = 0.0
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


def test_the_block_of_an_array_that_python_lets_go_of_serves_the_next():
    x = np.linspace(0.0, 1.0, 50_000)
    first = squares.grad(x)
    place = first.ctypes.data
    second = squares.grad(x)
    assert second.ctypes.data != place  # the first one is still there
    del first
    assert len(kept()) == 1
    third = squares.grad(x)
    assert third.ctypes.data == place and not kept()
    assert np.array_equal(second, 2.0 * x) and np.array_equal(third, 2.0 * x)


@llad.jit
def doubled(x):
    return x * 2.0


def test_so_does_that_of_an_array_that_is_handed_over():
    x = np.linspace(0.0, 1.0, 50_000)
    first = doubled(x)
    part = first[10:20]
    before = len(kept())
    del first
    assert len(kept()) == before and part[0] == 2.0 * x[10]  # a view holds it
    del part
    assert len(kept()) == before + 1


def test_an_array_outlives_the_code_that_made_it():
    def f(x):
        return np.sum(x * x)

    x = np.linspace(0.0, 1.0, 50_000)
    function = llad.jit_grad(f)
    gradient = function.grad(x)
    del function
    gc.collect()
    energy.grad(x, 1)  # a compile, which unloads what nobody holds
    assert np.array_equal(gradient, 2.0 * x)
    before = len(kept())
    del gradient
    assert len(kept()) == before + 1


def test_small_arrays_are_numpy_s_own():
    assert energy.grad(np.ones(100), 1).flags.owndata


# In a process of its own, in which nobody else has asked: NumPy does for its arrays.
LARGE_PAGES = """
import re
from pathlib import Path
import numpy as np
import llad

@llad.jit
def numbers(n):
    x = np.empty(n)
    for i in range(n):
        x[i] = i
    return x

@llad.jit
def zeros(n):
    return np.zeros(n)

def flags(address):
    inside = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if bounds := re.match("([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(bounds[1], 16) <= address < int(bounds[2], 16)
        elif inside and line.startswith("VmFlags:"):
            return line.split()[1:]

for function, n in (numbers, 1 << 17), (numbers, 1 << 20), (zeros, 1 << 22):
    x = function(n)
    print("hg" in flags(x.ctypes.data + x.nbytes // 2), x[-1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux")
def test_large_pages_are_asked_for_large_blocks(tmp_path: Path) -> None:
    program = tmp_path / "pages.py"
    program.write_text(LARGE_PAGES)
    done = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "131071.0", "True", "1048575.0", "True", "0.0"]
