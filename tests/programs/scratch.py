"""Scratch buffers reused from iteration to iteration."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=(4, 3)), r.normal(size=3)), second=True)
def scratch_row(a, x):
    n, m = a.shape
    t = np.zeros(m)
    s = 0.0
    for i in range(n):
        for j in range(m):
            t[j] = a[i, j] * x[j]
        for j in range(m):
            s += math.sin(t[j]) * t[m - 1 - j]
    return s


@program(lambda r: (r.normal(size=(4, 4)),), second=True)
def scratch_partly_rewritten(a):
    n = len(a)
    t = np.zeros(n)
    s = 0.0
    for i in range(n):
        for j in range(i + 1):
            t[j] = a[i, j] + 0.5 * t[j]
        for j in range(n):
            s += t[j] * t[j]
    return s


@program(lambda r: (r.normal(size=(3, 4)),))
def scratch_accumulates(a):
    t = np.zeros(a.shape[1])
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            t[j] += a[i, j]
            s += t[j] * a[i, j] * t[0]
    return s


@program(lambda r: (r.normal(size=5), 3))
def scratch_from_empty(x, n):
    t = np.empty(len(x))
    s = 0.0
    for k in range(n):
        for i in range(len(x)):
            t[i] = x[i] * (k + 1)
        s += np.sum(t * t) * x[k]
    return s


@program(lambda r: (r.normal(size=5),), second=True)
def scratch_of_growing_length(x):
    s = 0.0
    for i in range(len(x)):
        t = np.zeros(i + 1)
        for j in range(i + 1):
            t[j] = x[j] * x[i]
        s += np.sum(t) * t[i]
    return s


@program(lambda r: (r.normal(size=5), 0.4))
def scratch_made_in_a_branch(x, a):
    s = 0.0
    for i in range(len(x)):
        if x[i] > a:
            t = np.zeros(2)
            t[0] = x[i]
            t[1] = x[i] * a
            s += t[0] * t[1]
        else:
            s -= x[i] * x[i]
    return s


@program(lambda r: (r.normal(size=4), 4))
def buffer_rebound(y, n):
    h = 0.1
    for _ in range(n):
        k = np.sin(y) - y
        y = y + h * k
    return np.sum(y * y)


@program(lambda r: (r.normal(size=(2, 3)),))
def scratch_two_dimensional(a):
    t = np.zeros((2, 2))
    s = 0.0
    for k in range(3):
        t[0, 0] = a[0, k]
        t[1, 1] = a[1, k]
        t[0, 1] = t[0, 0] * t[1, 1] + t[1, 0]
        t[1, 0] = t[0, 1] - t[1, 1]
        s += t[0, 1] * t[1, 0]
    return s


@program(lambda r: (r.normal(size=4), r.normal(size=4)), f32=False, second=True)
def scratch_without_axes(x, y):
    s = np.zeros(())
    t = np.ones(())
    for i in range(len(x)):
        for j in range(i, len(x)):
            s[()] += x[i] * y[j]
            t[()] -= 0.1 * s[()] * y[j]
    return s[()] * t[()]
