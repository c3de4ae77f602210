"""Functions of functions: nested, closures, lambdas, tuples, captured arrays and globals."""

import math

import numpy as np

from programs.case import program

WEIGHTS = np.array([0.5, -1.0, 2.0, 0.25])
GAIN = 1.5


def sigmoid(t):
    return 1.0 / (1.0 + math.exp(-t))


def squared_distance(p, q):
    s = 0.0
    for i in range(len(p)):
        d = p[i] - q[i]
        s += d * d
    return s


def first_above(x, bound):
    for i in range(len(x)):
        if x[i] > bound:
            return x[i]
    return bound


def double_in_place(x, k):
    for i in range(k):
        x[i] *= 2.0


@program(lambda r: (r.normal(size=4),), second=True)
def captured_array(x):
    s = GAIN
    for i in range(len(x)):
        s += WEIGHTS[i] * x[i] * x[i]
    return s


@program(lambda r: (r.normal(size=4), 0.5))
def called_in_loop(x, b):
    s = 0.0
    for i in range(len(x)):
        s += sigmoid(x[i] * b) * sigmoid(-b)
    return s


@program(lambda r: (r.normal(size=3), r.normal(size=3)), second=True)
def called_twice(p, q):
    return math.exp(-squared_distance(p, q)) + squared_distance(q, p * 2.0)


@program(lambda r: (r.normal(size=6), 0.3))
def call_with_early_return(x, a):
    s = 0.0
    for k in range(3):
        s += first_above(x, a + k) * (k + 1)
    return s * a


@program(lambda r: (r.normal(size=4),))
def callee_writes(x):
    y = x.copy()
    for k in range(len(y)):
        double_in_place(y, k)
    return np.sum(y * x)


@program(lambda r: (0.8, 1.7))
def nested_function(x, a):
    def inner(t):
        return t * a + math.sin(t)

    y = inner(x)
    return inner(y) * inner(a)


@program(lambda r: (0.8, 1.7))
def lambdas(x, a):
    square = lambda t: t * t  # noqa: E731
    shifted = lambda t, s=0.5: square(t + s) * a  # noqa: E731
    return shifted(x) + square(shifted(a, 0.1))


def compose(f, g):
    return lambda t: f(g(t))


@program(lambda r: (0.6,), second=True)
def composed(x):
    h = compose(math.sin, math.exp)
    k = compose(h, lambda t: t * t)
    return h(x) + k(x)


@program(lambda r: ((0.5, r.normal(size=3)), 2.0))
def tuple_argument(parameters, x):
    bias, weights = parameters
    s = bias
    for i in range(len(weights)):
        s += weights[i] * x**i
    return s * s


@program(lambda r: ((0.5, (1.5, 3)), (r.normal(size=2), 0.1)))
def nested_tuples(p, q):
    a, (b, n) = p
    v, c = q
    s = c
    for i in range(n):
        s = s * a + b * v[i % 2]
    return s


def polar(x, y):
    return math.hypot(x, y), math.atan2(y, x)


@program(lambda r: (0.4, 0.9), second=True)
def tuple_result(x, y):
    r, t = polar(x, y)
    u, v = polar(r * t, r + t)
    return u * v + r


@program(lambda r: (0.4, np.array([0.3, 0.8])), scalar=False)
def several_results(a, x):
    y = x * a
    return a * a, np.sum(y), y, 3


@program(lambda r: (r.normal(size=4),), scalar=False)
def array_result(x):
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = x[i] * x[i - 1]
    return y


def make_polynomial(c):
    def polynomial(x):
        s = 0.0
        for i in range(len(c) - 1, -1, -1):
            s = s * x + c[i]
        return s

    return polynomial


closed_over_array = program(lambda r: (0.7,), second=True)(make_polynomial(np.array([1.0, -2.0, 0.5, 3.0])))


@program(lambda r: (1.2, 0.4, 0.9, 3))
def argument_does_not_matter(x, unused, y, n):
    a = unused * 2.0
    b = int(y) * x
    return x * x + b + n * 0.5 + (0.0 if a > 1e9 else x)


def apply_twice(f, x):
    return f(f(x))


@program(lambda r: (0.7, 2.0))
def function_argument(x, a):
    def step(t):
        if t > 1.0:
            return t / a
        return t * a + 0.1

    return apply_twice(step, x) + apply_twice(math.cos, a)


@program(lambda r: (0.31,))
def fan_out(x):
    y = x * x
    s = y
    for _ in range(6):
        y = y + y * y * x
        s += y * x
    return s + y * y


def power_recursive(x, n):
    if n == 0:
        return 1.0
    return x * power_recursive(x, n - 1)


@program(lambda r: (1.3,))
def recursion_on_a_static(x):
    return power_recursive(x, 4)


def squared(x, n):
    if n == 0:
        return 1.0
    half = squared(x, n // 2)
    return half * half * x if n % 2 else half * half


@program(lambda r: (1.1, 11))
def recursion_at_run_time(x, n):
    return squared(x, n) + squared(x * 0.5, n + 1)


def folded(a):
    n = len(a)
    if n == 1:
        return a[0]
    return folded(a[: n // 2]) * np.sin(folded(a[n // 2 :]))


@program(lambda r: (r.uniform(0.5, 1.5, 6),))
def recursion_on_slices(a):
    return folded(a)
