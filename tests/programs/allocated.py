"""Arrays made in loops: carried, chosen, brought out of inner loops, and of sizes that change."""

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=4), 6), second=True)
def replaced(y, n):
    for _ in range(n):
        y = y + 0.1 * y * y
    return np.sum(y * y)


@program(lambda r: (r.normal(size=4), 8))
def kept_or_replaced(x, n):
    best, cost = x, np.sum(x * x)
    for k in range(n):
        trial = best * (0.9 + 0.02 * k) + 0.01
        c = np.sum(trial * trial)
        best = trial if c < 0.9 * cost else best
        cost = c if c < 0.9 * cost else cost
    return np.sum(best * best * best)


@program(lambda r: (r.normal(size=3), 3), second=True)
def out_of_inner_loops(x, n):
    y = x
    for i in range(n):
        z = y * 0.5
        for j in range(i):
            z = z + y * (0.1 * j + 0.2)
        y = z * z + x
    return np.sum(y)


@program(lambda r: (r.normal(size=3), 0.01))
def in_a_while(x, tolerance):
    y = x
    step = y * 1.0
    while np.sum(step * step) > tolerance:
        step = 0.4 * step
        y = y + step * y
    return np.sum(y)


@program(lambda r: (r.normal(size=4), 5))
def history_of_two(x, n):
    before, now = x, x * 1.1
    for k in range(n):
        after = 1.5 * now - 0.5 * before + 0.01 * k * now * before
        before, now = now, after
    return np.sum(now * before)


@program(lambda r: (r.normal(size=5), 5))
def three_in_a_ring(x, n):
    a, b, c = x, x * 2.0, x * x
    for _ in range(n):
        a, b, c = b, c, a + 0.1 * b * c
    return np.sum(a * b + c)


@program(lambda r: (r.normal(size=3),))
def windows_carried(x):
    w = x
    for k in range(4):
        y = np.empty(6)
        y[:3] = w * 0.5
        y[3:] = x * (k + 1.0)
        w = y[2:5]
    return np.sum(w * w)


@program(lambda r: (r.normal(size=4), 6))
def left_early(x, n):
    y = x
    for k in range(n):
        z = y * 1.3
        if np.sum(z * z) > 9.0:
            break
        if k == 1:
            continue
        y = z + 0.1
    return np.sum(y * z)


@program(lambda r: (r.normal(size=4), 6), scalar=False)
def returned_from_inside(x, n):
    y = x
    for k in range(n):
        for j in range(3):
            y = y * 1.2 + 0.01 * j
            if np.sum(y * y) > 9.0:
                return y
        if k == 4:
            return x[1:]
    return y * 2.0
