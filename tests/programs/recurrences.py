"""Recurrences: polynomials, integrators, scans, stencils, dynamic programming."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=5), 0.7), second=True)
def horner(c, x):
    s = 0.0
    for k in range(len(c)):
        s = s * x + c[k]
    return s


@program(lambda r: (0.9, 0.4, 0.05, 6), second=True)
def rk4_pendulum(angle, speed, h, steps):
    for _ in range(steps):
        k1 = speed
        l1 = -math.sin(angle)
        k2 = speed + 0.5 * h * l1
        l2 = -math.sin(angle + 0.5 * h * k1)
        k3 = speed + 0.5 * h * l2
        l3 = -math.sin(angle + 0.5 * h * k2)
        k4 = speed + h * l3
        l4 = -math.sin(angle + h * k3)
        angle += h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        speed += h / 6.0 * (l1 + 2.0 * l2 + 2.0 * l3 + l4)
    return angle * speed


def lotka_volterra(y, p):
    d = np.zeros(2)
    d[0] = p[0] * y[0] - p[1] * y[0] * y[1]
    d[1] = p[2] * y[0] * y[1] - p[3] * y[1]
    return d


@program(lambda r: (np.array([1.0, 0.5]), r.uniform(0.3, 0.8, 4), 4), f32=False)
def rk4_arrays(y, p, steps):
    h = 0.1
    loss = 0.0
    for _ in range(steps):
        k1 = lotka_volterra(y, p)
        k2 = lotka_volterra(y + 0.5 * h * k1, p)
        k3 = lotka_volterra(y + 0.5 * h * k2, p)
        k4 = lotka_volterra(y + h * k3, p)
        y = y + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
        loss += (y[0] - 1.0) ** 2 + (y[1] - 0.6) ** 2
    return loss


@program(lambda r: (r.normal(size=6), r.normal(size=6)))
def prefix_sums(x, w):
    p = np.zeros(len(x))
    total = 0.0
    for i in range(len(x)):
        total += x[i]
        p[i] = total
    for i in range(1, len(x)):
        x[i] += x[i - 1]
    return np.dot(p, w) * np.dot(x, w)


@program(lambda r: (r.normal(size=(5, 5)), 2), second=True)
def stencil(u, steps):
    n, m = u.shape
    a = u.copy()
    for _ in range(steps):
        b = a.copy()
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                b[i, j] = 0.25 * (a[i - 1, j] + a[i + 1, j] + a[i, j - 1] + a[i, j + 1]) * a[i, j]
        a = b
    return np.sum(a)


@program(lambda r: (r.normal(size=8), r.normal(size=3)))
def convolution(x, k):
    n = len(x) - len(k) + 1
    s = 0.0
    for i in range(n):
        t = 0.0
        for j in range(len(k)):
            t += x[i + j] * k[j]
        s += max(t, 0.0) ** 2
    return s


@program(lambda r: (r.uniform(0, 1, (3, 4)), 0.5))
def soft_edit_distance(cost, gamma):
    n, m = cost.shape
    d = np.zeros((n + 1, m + 1))
    for i in range(1, n + 1):
        d[i, 0] = i
    for j in range(1, m + 1):
        d[0, j] = j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            a = d[i - 1, j] + 1.0
            b = d[i, j - 1] + 1.0
            c = d[i - 1, j - 1] + cost[i - 1, j - 1]
            lowest = min(a, b, c)
            s = math.exp((lowest - a) / gamma) + math.exp((lowest - b) / gamma) + math.exp((lowest - c) / gamma)
            d[i, j] = lowest - gamma * math.log(s)
    return d[n, m]


@program(lambda r: (r.uniform(0, 1, (4, 4)),))
def cheapest_path(cost):
    n = len(cost)
    best = cost.copy()
    for i in range(n):
        for j in range(n):
            if i > 0 and j > 0:
                best[i, j] += min(best[i - 1, j], best[i, j - 1])
            elif i > 0:
                best[i, j] += best[i - 1, j]
            elif j > 0:
                best[i, j] += best[i, j - 1]
    return best[n - 1, n - 1]


@program(lambda r: (r.normal(size=(4, 3)), r.normal(size=(3, 3)), np.array([0, 2, 1, 1])), f32=False)
def viterbi_forward(emission, transition, labels):
    steps, states = emission.shape
    alpha = emission[0].copy()
    new = np.zeros(states)
    for t in range(1, steps):
        for j in range(states):
            top = alpha[0] + transition[0, j]
            for i in range(1, states):
                top = max(top, alpha[i] + transition[i, j])
            s = 0.0
            for i in range(states):
                s += math.exp(alpha[i] + transition[i, j] - top)
            new[j] = top + math.log(s) + emission[t, j]
        alpha, new = new, alpha
    return alpha[labels[3]] + alpha[0]


@program(lambda r: (r.normal(size=6), 0.4))
def gated_recurrence(x, w):
    h = 0.0
    for i in range(len(x)):
        z = 1.0 / (1.0 + math.exp(-(w * x[i] + h)))
        c = math.tanh(x[i] * w + z * h)
        h = (1.0 - z) * h + z * c
    return h


@program(lambda r: (1.3, 0.2, 3.0))
def chebyshev(x, a, b):
    t0, t1 = 1.0, x
    s = a * t0 + b * t1
    for k in range(2, 7):
        t0, t1 = t1, 2.0 * x * t1 - t0
        s += (a + b * k) * t1
    return s


@program(lambda r: (r.uniform(0.5, 1.5, 5),))
def continued_fraction(b):
    f = b[len(b) - 1]
    for i in range(len(b) - 2, -1, -1):
        f = b[i] + 1.0 / f
    return f


@program(lambda r: (0.2, 0.9, 12))
def simpson(a, b, n):
    h = (b - a) / n
    s = math.exp(-a * a) + math.exp(-b * b)
    for i in range(1, n):
        x = a + i * h
        s += (4.0 if i % 2 == 1 else 2.0) * math.exp(-x * x)
    return s * h / 3.0


@program(lambda r: (r.normal(size=9), 0.4, 3), second=True)
def slope_limited(u, c, n):
    u = u.copy()
    flux = np.zeros(len(u) + 1)
    for _ in range(n):
        for i in range(1, len(u) - 1):
            a = u[i] - u[i - 1]
            b = u[i + 1] - u[i]
            if a * b <= 0.0:
                s = 0.0
            elif abs(a) < 0.5 * abs(b):
                s = 2.0 * a
            elif a + b < 0.0 and abs(b) < abs(a):
                s = b * b / a
            else:
                s = 0.5 * (a + b)
            flux[i] = c * (u[i] + 0.5 * (1.0 - c) * s)
        for i in range(2, len(u) - 1):
            u[i] = u[i] - (flux[i] - flux[i - 1])
    return np.sum(u * u)
