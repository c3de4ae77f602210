"""Linear algebra by loops."""

import math

import numpy as np

from programs.case import program


def spd(r, n):
    a = r.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


@program(lambda r: (r.normal(size=(3, 4)), r.normal(size=(4, 2))))
def matrix_product(a, b):
    n, k = a.shape
    m = b.shape[1]
    c = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            for p in range(k):
                c[i, j] += a[i, p] * b[p, j]
    return np.sum(c * c)


@program(lambda r: (r.normal(size=(3, 4)), r.normal(size=4), r.normal(size=3)), second=True)
def quadratic_form(a, x, y):
    s = 0.0
    for i in range(a.shape[0]):
        t = 0.0
        for j in range(a.shape[1]):
            t += a[i, j] * x[j]
        s += y[i] * t * t
    return s


@program(lambda r: (np.tril(r.normal(size=(4, 4))) + 3.0 * np.eye(4), r.normal(size=4)), second=True)
def forward_substitution(l, b):
    n = len(b)
    x = np.zeros(n)
    for i in range(n):
        t = b[i]
        for j in range(i):
            t -= l[i, j] * x[j]
        x[i] = t / l[i, i]
    return np.sum(x * x)


@program(lambda r: (np.triu(r.normal(size=(4, 4))) + 3.0 * np.eye(4), r.normal(size=4)))
def back_substitution_in_place(u, b):
    n = len(b)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= u[i, j] * b[j]
        b[i] /= u[i, i]
    return np.dot(b, b)


@program(lambda r: (spd(r, 4),))
def cholesky_log_determinant(a):
    n = len(a)
    l = np.zeros((n, n))
    s = 0.0
    for i in range(n):
        for j in range(i + 1):
            t = a[i, j]
            for k in range(j):
                t -= l[i, k] * l[j, k]
            if i == j:
                l[i, i] = math.sqrt(t)
                s += math.log(l[i, i])
            else:
                l[i, j] = t / l[j, j]
    return 2.0 * s


@program(lambda r: (r.normal(size=(4, 4)) + 3.0 * np.eye(4),))
def determinant_by_elimination(a):
    n = len(a)
    det = 1.0
    for k in range(n):
        p = k
        for i in range(k + 1, n):
            if abs(a[i, k]) > abs(a[p, k]):
                p = i
        if p != k:
            for j in range(n):
                a[k, j], a[p, j] = a[p, j], a[k, j]
            det = -det
        det *= a[k, k]
        for i in range(k + 1, n):
            f = a[i, k] / a[k, k]
            for j in range(k, n):
                a[i, j] -= f * a[k, j]
    return det


@program(lambda r: (spd(r, 3), r.normal(size=3), 4), f32=False)
def power_iteration(a, x, steps):
    n = len(x)
    eigenvalue = 0.0
    for _ in range(steps):
        y = np.zeros(n)
        for i in range(n):
            for j in range(n):
                y[i] += a[i, j] * x[j]
        norm = math.sqrt(np.dot(y, y))
        eigenvalue = np.dot(x, y)
        x = y / norm
    return eigenvalue


@program(lambda r: (spd(r, 3), r.normal(size=3)), f32=False)
def conjugate_gradients(a, b):
    n = len(b)
    x = np.zeros(n)
    r = b.copy()
    p = b.copy()
    rr = np.dot(r, r)
    for _ in range(n - 1):
        q = np.zeros(n)
        for i in range(n):
            for j in range(n):
                q[i] += a[i, j] * p[j]
        alpha = rr / np.dot(p, q)
        x = x + alpha * p
        r = r - alpha * q
        new = np.dot(r, r)
        p = r + (new / rr) * p
        rr = new
    return np.dot(x, b)


@program(lambda r: (r.normal(size=4), r.normal(size=4) + 4.0, r.normal(size=4), r.normal(size=4)))
def thomas(lower, diagonal, upper, b):
    n = len(b)
    c = upper.copy()
    d = b.copy()
    c[0] = upper[0] / diagonal[0]
    d[0] = b[0] / diagonal[0]
    for i in range(1, n):
        m = diagonal[i] - lower[i] * c[i - 1]
        c[i] = upper[i] / m
        d[i] = (b[i] - lower[i] * d[i - 1]) / m
    for i in range(n - 2, -1, -1):
        d[i] -= c[i] * d[i + 1]
    return np.sum(d * d)


@program(lambda r: (r.normal(size=(3, 3)), r.normal(size=3), r.normal(size=3)))
def gram_schmidt(a, w, v):
    n = len(a)
    for i in range(n):
        for j in range(i):
            p = 0.0
            for k in range(n):
                p += a[i, k] * a[j, k]
            for k in range(n):
                a[i, k] -= p * a[j, k]
        norm = math.sqrt(np.sum(a[i] * a[i]))
        a[i] /= norm
    s = 0.0
    for i in range(n):
        s += np.dot(a[i], w) * v[i]
    return s
