"""Imports inside of functions, and `with np.errstate`."""
# ruff: noqa

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])


@case(0.5)
def modules(x):
    import math
    import numpy as np, functools

    return float(math.sin(x) * np.cos(x) * functools.reduce(lambda u, v: u * v, [x, x, 2.0]))


@case(A)
def of_packages(a):
    import numpy.linalg
    import numpy.linalg as la
    from numpy import linalg as other
    from numpy.linalg import norm

    return float(norm(a) + la.norm(a, 1) * numpy.linalg.norm(a, 2) + other.norm(a))


@case(0.5)
def on_one_path(x):
    if x > 0:
        from math import sin as f

        y = f(x)
    else:
        import math

        y = math.cos(x)
    return y


@case(A)
def in_a_loop(a):
    total = 0.0
    for v in a:
        from math import sqrt

        total += sqrt(v)
    return total


@case(0.5)
def in_an_inner_function(x):
    def inner(v):
        from math import exp

        return exp(v)

    from language import lists
    from . import quantities
    from .lists import A as other

    return float(inner(x) + x * (lists is not quantities) + other[0] * x)


@case(A)
def quiet(a):
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(a > 1, np.log(a - 1), 0.0)
        if a[0] > 10:
            return float(r[0])
    total = 0.0
    for v in a:
        with np.errstate(all="ignore"), np.errstate():
            if v < 1:
                continue
            total += v * v
            if v > 1.7:
                break
    return float(np.sum(r)) + total
