"""`else` after loops, loops of no trips, errors on paths not taken, deleted names."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (np.array([0.3, 0.8, 1.4, 0.2]), 1.1), second=True)
def searched(x, bound):
    for i in range(len(x)):
        if x[i] > bound:
            found = x[i] * bound
            break
    else:
        found = bound * bound
    return found * x[0]


@program(lambda r: (np.array([0.3, 0.8, 1.4, 0.2]), 5.0), second=True)
def searched_in_vain(x, bound):
    for v in x:
        if v > bound:
            found = v * bound
            break
    else:
        found = bound * bound * x[1]
    return found * x[0]


@program(lambda r: (np.array([0.9, 1.2]), 0), second=True)
def else_of_no_trips(x, n):
    s = x[0]
    for i in range(n):
        s = s * x[i]
        if s > 100.0:
            break
    else:
        s = s * s * x[1]
    while n > 0:
        s = s + 1.0
        break
    else:
        s = math.sin(s)
    return s


@program(lambda r: (1.3, 0.4), second=True)
def while_else(x, a):
    k = 0
    while x < 9.0:
        x = x * 1.7 + a
        k += 1
        if k > 6:
            break
        if x < 0.0:
            return x
    else:
        x = x * x + k
    return x * a


@program(lambda r: (r.uniform(0.5, 1.5, (3, 4)), 1.2), second=True)
def else_breaks_the_outer_loop(a, bound):
    s = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if a[i, j] * bound > 100.0:
                break
            s += a[i, j] * a[i, j]
        else:
            s = s * bound
            if i == 1:
                break
            continue
        s += 1000.0
    else:
        s = -s
    return s + bound * a[2, 0]


@program(lambda r: (r.uniform(0.5, 1.5, 5), 3.1), second=True)
def else_returns(x, bound):
    s = 1.0
    for v in x:
        s = s * v + v
        if s > bound:
            break
    else:
        return s * bound
    return s - bound * v


@program(lambda r: (r.uniform(0.5, 1.5, 6), 2.0), second=True)
def unrolled_with_else(x, bound):
    for i in (5, 3, 1):
        if x[i] > bound:
            y = x[i]
            break
    else:
        y = bound
    for i in (0, 2):
        if x[i] > -bound:
            y = y * x[i]
            break
    else:
        y = 0.0
    return y * x[4]


@program(lambda r: (r.uniform(0.5, 1.5, 6), 7.0), second=True)
def several_returns_of_arrays(x, bound):
    def grown(y):
        k = 0
        while True:
            y = y * 1.5 + x
            k += 1
            if k > 20:
                return x * 3.0
            s = np.sum(y)
            if s > 4.0 * bound:
                return y * y
            if s > bound and k > 1:
                for j in range(len(y)):
                    if y[j] > 2.0:
                        return y[: j + 1] * bound
                    y[j] += 1.0

    g = grown(x * x)
    return np.sum(g * g) + len(g)


@program(lambda r: (r.uniform(0.2, 1.0, (3, 3)), 0.9), second=True)
def returned_from_a_deep_nest(a, bound):
    for i in range(3):
        k = 0
        while k < 5:
            k += 1
            for v in a[i]:
                for w in range(k):
                    if v * k > 2.0 * bound:
                        return v * bound * w + a[i, 1]
                    if w > 2:
                        break
                else:
                    continue
                if v < 0.01:
                    return bound
    return a[0, 0]


@program(lambda r: (r.uniform(0.5, 1.5, 4), 0), second=True)
def no_trips_of_anything(x, n):
    s = x[0] * x[1]
    for _ in range(n):
        return -s
    for v in x[:n]:
        s = v
    for row in np.zeros((0, 3)):
        s = s + row[0]
    while n > 0:
        n -= 1
        s = s * 2.0
        if s > 3.0:
            return s
    for i in range(5, n, 1):
        s = s * x[i]
    return s * x[2]


@program(lambda r: (r.uniform(0.5, 1.5, 4),), second=True)
def raises_on_other_paths(x):
    if len(x) < 2:
        raise ValueError("too short")
    s = 0.0
    for v in x:
        if v < 0.0:
            raise ArithmeticError
        if math.isnan(v):
            raise ZeroDivisionError(f"no {'number'}")
        s += math.sqrt(v)
    if s > 0.0:
        return s * x[0]
    raise AssertionError("{never}")


@program(lambda r: (r.uniform(0.5, 1.5, 4), 3), second=True)
def deleted_names(x, n):
    y = x * x
    s = 0.0
    for i in range(n):
        t = y[i] * x[0]
        s += t
        del t
    z = y
    del y, z
    kept = x[1] * s
    for i in range(n):
        s += kept * x[i]
        del kept
        kept = s * x[3] * (i + 1)
    s += kept
    return s
