"""Windows: views of views, with steps and backwards, written through, chosen, and returned."""

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=9),), second=True)
def views_of_views(x):
    a = x[1:]
    b = a[::2]
    c = b[::-1]
    s = 0.0
    for i in range(len(c)):
        s += (i + 1) * c[i] * c[i]
    return s + x[8] * b[0]


@program(lambda r: (r.normal(size=8),), second=True)
def written_through(x):
    a = x * 1.0
    b = a[1::2]
    c = b[::-1]
    for i in range(len(c)):
        c[i] = c[i] * a[0] + a[i]
    b *= 2.0
    return np.sum(a * a) + c[1]


@program(lambda r: (r.normal(size=(4, 5)), 0.7), second=True)
def rows_in_place(a, k):
    for i in range(4):
        a[i] *= k + i
        a[i, ::2] += a[3 - i, ::2] * a[3 - i, ::2]
    return np.sum(a * a[::-1, ::-1])


@program(lambda r: (r.normal(size=6), 0.3))
def argument_in_place(x, k):
    x *= k
    x += x * x
    x[1:] -= 0.5 * x[:-1]
    return np.sum(x * x * x)


@program(lambda r: (r.normal(size=7), 2))
def window_chosen_at_run_time(x, n):
    w = x[1:]
    for i in range(n):
        if x[i] > 0.0:
            w = x[: len(x) - 1]
        else:
            w = w[:]
    return np.sum(w * w) * x[0]


@program(lambda r: (r.normal(size=6), 3), scalar=False)
def stepper(y0, n):
    y = y0
    for _ in range(n):
        y = y + 0.1 * y * y
    return y


@program(lambda r: (r.normal(size=6), 0), scalar=False)
def stepper_without_steps(y0, n):
    y = y0
    for _ in range(n):
        y = y + 0.1 * y * y
    return y


@program(lambda r: (r.normal(size=(3, 6)),), scalar=False)
def windows_returned(a):
    b = a * a
    return a[1:, ::-2], b[0], b[:, 1], b


@program(lambda r: (r.normal(size=5), 4), scalar=False)
def swapped_and_returned(x, n):
    a, b, c = x, x * 2.0, x[1:] * 1.5
    for k in range(n):
        a, b = b, a
        if k % 2 == 0:
            c = a[1:]
    return a, b, c


@program(lambda r: (r.normal(size=4), 3))
def objective_of_a_stepper(y0, n):
    def run(y, n):
        for _ in range(n):
            y = y + 0.1 * y * y
        return y

    return np.sum(run(y0, n) * run(y0, 0))


@program(lambda r: (r.normal(size=0), 1.5))
def nothing_to_see(x, k):
    y = x * k
    z = y[::-1]
    return np.sum(z) + k * k


@program(lambda r: (r.normal(size=4), np.array([2, 0, 3, 1])))
def gather_with_indices_overwritten(x, p):
    s = 0.0
    for i in range(len(p)):
        s += (i + 1) * x[p[i]] * x[i]
        p[i] = p[(i + 1) % 4]
    for i in range(len(p)):
        s += x[p[i]] ** 3
    return s


@program(lambda r: (r.normal(size=5), np.array([4, 1, 1, 0, 3])), second=True)
def scatter_with_indices_overwritten(x, p):
    out = np.zeros(5)
    for i in range(5):
        out[p[i]] = out[p[i]] * x[i] + x[p[i]] * x[i]
        p[i] = (p[i] + i) % 5
        out[p[i]] *= 1.5
    return np.sum(out * out)
