"""Scalar objective functions of optimisation."""

import math

import numpy as np

from programs.case import program


@program(lambda r: (0.5, -0.5), second=True)
def readme_example(x, y):
    return x**2 * y + 1.0 / (x**2 + y**2 + 1.0)


@program(lambda r: (1.0, 2.0), second=True)
def five_wells(x, y):
    v = 1.0 - 1.0 / (1.0 + 0.05 * x**2 + (y - 10.0) ** 2)
    v -= 1.0 / (1.0 + 0.05 * (x - 10.0) ** 2 + y**2)
    v -= 1.5 / (1.0 + 0.03 * (x + 10.0) ** 2 + y**2)
    v -= 2.0 / (1.0 + 0.05 * (x - 5.0) ** 2 + (y + 10.0) ** 2)
    v -= 1.0 / (1.0 + 0.1 * (x + 5.0) ** 2 + (y + 10.0) ** 2)
    return v * (1.0 + 0.0001 * (x**2 + y**2) ** 1.2)


@program(lambda r: (r.normal(size=5),), second=True)
def rosenbrock(x):
    s = 0.0
    for i in range(len(x) - 1):
        s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return s


@program(lambda r: (r.normal(size=5),))
def rosenbrock_by_slices(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@program(lambda r: (r.uniform(-1, 1, 4), 10.0))
def rastrigin(x, a):
    s = a * len(x)
    for v in x:
        s += v * v - a * math.cos(2.0 * math.pi * v)
    return s


@program(lambda r: (r.uniform(-1, 1, 4),))
def ackley(x):
    n = len(x)
    a = 0.0
    b = 0.0
    for i in range(n):
        a += x[i] ** 2
        b += math.cos(2.0 * math.pi * x[i])
    return -20.0 * math.exp(-0.2 * math.sqrt(a / n)) - math.exp(b / n) + 20.0 + math.e
