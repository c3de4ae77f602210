"""Arrays that are read while they are filled: what is stored over later is kept, the rest is read again in reverse.

The programs are families: where one iteration reads and where it writes are shifted against each other, so that in
some members a later iteration stores over what an earlier one has read, and in others not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import check_gradient

pytestmark = pytest.mark.usefixtures("quick_code")

SHIFTS = ((0, 0), (0, 1), (1, 0), (2, 0), (-1, 0), (0, -1))
X = np.linspace(0.4, 1.3, 9)


def forwards(x: Any) -> Any:
    total = 0.0
    for read, write in SHIFTS:
        f = x * 1.0
        for j in range(2, len(x) - 2):
            s = 0.0
            for m in range(2, j):
                s += f[m + read] * f[m]
            f[j + write] = np.sin(s) + f[j]
        total += np.sum(f)
    return total


def backwards(x: Any) -> Any:
    total = 0.0
    for read, write in SHIFTS:
        f = x * 1.0
        for j in range(len(x) - 3, 1, -1):
            s = 0.0
            for m in range(j + 1, len(x) - 2):
                s += f[m + read] * f[m]
            f[j + write] = np.sin(s) + f[j]
        total += np.sum(f)
    return total


def counted_down(x: Any) -> Any:
    total = 0.0
    n = len(x)
    for read, write in SHIFTS:
        f = x * 1.0
        for j in range(2, n - 2):
            k = n - 1 - j
            f[k - write] = np.sin(np.dot(f[k + 1 - read :], f[k + 1 - read :])) + f[k]
        total += np.sum(f)
    return total


def in_a_later_statement(x: Any) -> Any:
    total = 0.0
    for read, write in SHIFTS:
        f = x * 1.0
        for j in range(3, len(x) - 3):
            s = np.dot(f[: j + read], f[: j + read])
            f[j] = np.sin(s)
            for k in range(j + write, len(x)):
                f[k] = f[k] * np.cos(s)
        total += np.sum(f)
    return total


def columns(x: Any) -> Any:
    """Cholesky's algorithm, and one that also changes a column that was finished before."""
    total = 0.0
    n = len(x)
    for spoil in (0, 1):
        f = np.zeros((n, n))
        a = np.eye(n) * 9.0 + np.outer(x, x)
        for j in range(n):
            f[j, j] = np.sqrt(a[j, j] - np.dot(f[j, :j], f[j, :j]))
            for i in range(j + 1, n):
                f[i, j] = (a[i, j] - np.dot(f[i, :j], f[j, :j])) / f[j, j]
            if spoil and j > 2:
                f[n - 1, j - 2] *= x[j]
        total += np.sum(np.sin(f))
    return total


def nested(x: Any) -> Any:
    """Rows that are finished in the inner loop, in one array or in another one by turns."""
    total = 0.0
    n = len(x)
    for read in (0, 1):
        f = np.zeros((n, n)) + x
        g = f * 2.0
        for j in range(n - 1):
            h = f if read == 0 else g
            for k in range(j):
                h[j, k] = np.sin(x[k] + np.dot(h[j + read, :k], h[j, :k]))
        total += np.sum(f) + np.sum(g)
    return total


def by_a_table(x: Any) -> Any:
    """Rows that a table of integers names: nobody knows whether they come again."""
    f = np.zeros(len(x)) + x
    rows = np.array([0, 1, 1, 2, 0, 3])
    for j in range(6):
        f[rows[j]] = np.sin(f[rows[j]] * f[rows[5 - j]]) + f[j]
    return np.sum(f)


PROGRAMS = (forwards, backwards, counted_down, in_a_later_statement, columns, nested, by_a_table)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients_are_right_whatever_is_stored_over(program: Any) -> None:
    check_gradient(llad.jit_grad(program), X)


def test_what_is_finished_is_not_kept() -> None:
    def factor(a: Any) -> Any:
        n = len(a)
        f = np.zeros_like(a)
        for j in range(n):
            f[j, j] = np.sqrt(a[j, j] - np.dot(f[j, :j], f[j, :j]))
            for i in range(j + 1, n):
                f[i, j] = (a[i, j] - np.dot(f[i, :j], f[j, :j])) / f[j, j]
        return np.sum(f)

    def spoilt(a: Any) -> Any:
        n = len(a)
        f = np.zeros_like(a)
        for j in range(n):
            f[j, j] = np.sqrt(a[j, j] - np.dot(f[j, :j], f[j, :j]))
            for i in range(j + 1, n):
                f[i, j] = (a[i, j] - np.dot(f[i, :j], f[j, :j])) / f[j, j]
                f[i, 0] = 0.5
        return np.sum(f)

    for f, kept in (factor, False), (spoilt, True):
        (line, *_) = [t for t in str(llad.jit_grad(f).explain(np.eye(3))).splitlines() if "f[i, j] = " in t]
        assert ("keeps" in line) == kept, line
