"""Lists whose length is known only when the program runs."""
# ruff: noqa

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])
M = np.arange(6.0).reshape(2, 3) + 0.5
N = np.array([3, 1, 2])


@case(A, N)
def of_numbers(a, n):
    twice = [2 * v for v in a]
    late = [v for v in a[:0]]
    counts = [k * 2 for k in n]
    big = [v > 1 for v in a]
    total = twice[-1] * sum(twice) + len(twice) + sum(twice[1:]) + max(twice) * min(a) + sum(late)
    for k, (v, c) in enumerate(zip(twice, reversed(counts))):
        total += k * v * c
    x, y, z = twice
    total += x * y * z + a[counts[1]] + sum(big) + (1.0 if late else 2.0) * isinstance(twice, list)
    return total + np.sum(np.where(big, a, 0.0)) + np.dot(twice, a) + np.mean(twice) + (3.0 if any(big) else 0.0)


@case(M, A)
def of_arrays(m, a):
    rows = [np.tanh(r) * v for r, v in zip(m, a)]
    s, v, h, c, b = np.stack(rows, axis=1), np.vstack(rows), np.concatenate(rows), np.column_stack(rows), np.asarray(rows)
    b[0, 0] = 3.0
    rows[1][2] = 0.25
    outer = [np.outer(r, r) * k for k, r in enumerate(m)]
    t, u, w, x = np.concatenate(outer, axis=1), np.hstack(outer), np.stack(outer, axis=-1), np.vstack(outer)
    total = np.sum(s * c) + h @ np.arange(len(h)) + np.sum(v * b) + rows[-1] @ rows[0] + sum(rows) @ a
    return float(total + np.sum(t[0] * u[1]) + np.sum(w[0, 1] ** 2) + np.mean(outer) + np.sum(x[1:] * x[:-1]) + np.hypot(*rows[0][:2]))


@case(M, 2)
def of_lists(m, n):
    kernel = np.array([[np.exp(-np.sum((p - q) ** 2)) for q in m] for p in m[:n]])
    table = np.array([[v, v * v, 1.0 * k] for k, v in enumerate(m[0])])
    pairs = [(v, v * v) for v in m[1]]
    total = 0.0
    for p, q in pairs:
        total += p * q
    rows = np.array([[k * v for v in m[0]] for k in range(3)])
    return float(total + kernel.sum() + table.sum() * table.shape[1] + pairs[1][0] + rows[2, 1] + isinstance(pairs[0], tuple))


@case(A)
def in_loops_and_calls(a):
    def picked(values, k):
        return values[k] if k < 1 else picked(values, k - 1) * values[k]

    total = 0.0
    for k in range(len(a)):
        w = [v * k for v in a[: k + 1]]
        total += sum(w) + np.linalg.norm(w)
        if total > 100:
            break
    scaled = {"w": [v + total for v in a]}
    return float(picked(scaled["w"], len(a) - 1))


@case(M, A)
def of_windows_on_what_iterations_make(m, a):
    tables = [[row for row in m * v] for v in a]
    again = [table[1] for table in [[2.0 * row for row in m] for _ in a]]
    total = tables[0][0][0] + again[2][1]
    m[0, 0] = 7.0
    return float(total + tables[0][0][0] + np.sum(again[1]))
