"""Where elements come from and go to: gather, scatter, views, strides, overlap."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (r.normal(size=4), np.array([0, 2, 2, 1, 2, 0])), second=True)
def gather_with_repeats(x, index):
    s = 0.0
    for k in range(len(index)):
        s += x[index[k]] * x[index[k]] * (k + 1)
    return s


@program(lambda r: (r.normal(size=5), np.array([1, 1, 0, 2, 1])))
def scatter_overwrites(x, index):
    y = np.zeros(3)
    for k in range(len(index)):
        y[index[k]] = x[k] * x[k]
    return y[0] + 2.0 * y[1] + 3.0 * y[2]


@program(lambda r: (r.uniform(0, 1, 6), np.array([0, 1, 1, 2, 0, 1])), second=True)
def scatter_adds(x, index):
    y = np.zeros(3)
    for k in range(len(index)):
        y[index[k]] += x[k]
    return y[0] * y[1] + math.sin(y[2])


@program(lambda r: (r.normal(size=6),))
def negative_indices(x):
    return x[-1] * x[0] + x[-len(x)] * x[-2] ** 2


@program(lambda r: (r.normal(size=7),))
def overlapping_views(x):
    a = x[:-1]
    b = x[1:]
    a *= b
    s = 0.0
    for i in range(len(b)):
        s += b[i] * (i + 1)
    return s + x[0]


@program(lambda r: (r.normal(size=(4, 5)),))
def write_through_views(a):
    row = a[2]
    column = a[:, 1]
    for i in range(len(column)):
        column[i] = column[i] * row[i]
    row[0] = column[2] + row[1]
    return np.sum(a * a)


@program(lambda r: (r.normal(size=9),), second=True)
def strided_views(x):
    even = x[::2]
    backwards = x[::-1]
    s = 0.0
    for i in range(len(even)):
        s += even[i] * backwards[i]
    middle = x[2:8:3]
    return s + middle[0] * middle[1]


@program(lambda r: (r.normal(size=6),))
def view_of_view(x):
    y = x.copy()
    v = y[1:][::2]
    v[0] = v[1] * x[0]
    w = v[::-1]
    w[0] *= 3.0
    return np.sum(y * y)


@program(lambda r: (r.normal(size=(3, 3)),))
def transposed_by_indices(a):
    n = len(a)
    for i in range(n):
        for j in range(i):
            a[i, j], a[j, i] = a[j, i], a[i, j] * 2.0
    s = 0.0
    for i in range(n):
        for j in range(n):
            s += a[i, j] * (i + 2 * j)
    return s


@program(lambda r: (r.normal(size=(2, 3, 4)),))
def rank_three(a):
    s = 0.0
    for i in range(a.shape[0]):
        plane = a[i]
        for j in range(a.shape[1]):
            for k in range(1, a.shape[2]):
                s += plane[j, k] * a[i, j, k - 1]
    return s


@program(lambda r: (r.normal(size=5), 1))
def element_chosen_at_run_time(x, k):
    y = np.zeros(len(x))
    y[k] = x[k] * x[k + 1]
    y[k + 1] = y[k] * x[0]
    y[k] += 1.0
    return np.sum(y) * y[k]


@program(lambda r: (r.normal(size=6),))
def slices_assigned(x):
    y = np.zeros(6)
    y[:3] = x[3:]
    y[3:] = x[:3] * x[3:]
    y[1:4] *= 2.0
    y[2:5] = y[1:4] * 1.0
    return np.sum(y * x)


@program(lambda r: (r.normal(size=(3, 4)), r.normal(size=4)))
def broadcast_row(a, b):
    c = a * b + 1.0
    c += b
    return np.sum(c * c)


@program(lambda r: (r.normal(size=4), r.normal(size=4)))
def same_elements_twice(x, y):
    z = x
    z[0] = y[0] * y[0]
    return x[0] * z[1] + np.dot(x, z)
