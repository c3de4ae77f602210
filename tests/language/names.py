"""Names, types, closures, and what Python does while tracing."""
# ruff: noqa

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])
counter = 3.0


@case(1.5)
def walrus(x):
    if (y := x * 2) > 1.0:
        return y * y
    return x


@case(A)
def walrus_while(a):
    i = 0
    while (v := a[i]) < 1.9:
        i += 1
    return v * i


@case(1.5)
def fstr(x):
    d = {f"k{i}": x * i for i in range(3)}
    return d["k2"] + d["k1"]


@case(1.5)
def dictops(x):
    d = dict(a=x, b=2 * x)
    d["c"] = 3.0
    d.update(e=x * x)
    s = 0.0
    for k, v in d.items():
        s += v
    for k in d:
        s += len(k) * d[k]
    return s + d.get("zz", 1.0) + d.pop("a") + len(d)


@case(1.5, 2, True, A, (1.0, 2.0))
def isinst(x, n, c, a, t):
    s = 0
    if isinstance(x, float):
        s += 1
    if isinstance(n, int):
        s += 2
    if isinstance(c, bool):
        s += 4
    if isinstance(c, int):
        s += 8
    if isinstance(a, np.ndarray):
        s += 16
    if isinstance(t, tuple):
        s += 32
    if isinstance(x, (int, np.floating)):
        s += 64
    if isinstance(a[0], np.float64):
        s += 128
    if isinstance(a[0], float):
        s += 256
    return s * x


@case(1.5, 2, True, A)
def typeis(x, n, c, a):
    s = 0
    if type(x) is float:
        s += 1
    if type(n) is int:
        s += 2
    if type(c) is bool:
        s += 4
    if type(c) is int:
        s += 8
    if type(a) is np.ndarray:
        s += 16
    if type(a[0]) is float:
        s += 32
    if type(a[0]) == np.float64:
        s += 64
    if type(x) == type(n):
        s += 128
    return s * x


@case(1.5)
def starred(x):
    t = (x, 2.0, 3.0, 4.0)
    a, *b = t
    *c, d = t
    e, *f, g = t
    return a * len(b) + sum(b) + sum(c) + d + e + f[1] + g


@case(1.5)
def chained(x):
    a = b = x * 2
    b += 1
    return a * b


@case(1.5)
def chained_cmp(x):
    return 1.0 if 0 < x < 2 <= 3 else x


@case(1.5)
def annotated(x):
    y: float = x * 2
    z: int
    return y


@case(1.5)
def delname(x):
    y = x
    del y
    y = 2 * x
    return y


@case(1.5)
def globread(x):
    global counter
    return x * counter


@case(1.5)
def nonlocread(x):
    s = x * 2

    def g():
        nonlocal s
        return s + 1

    return g()


@case(1.5)
def tuplecmp(x):
    return ((x, 1) == (x, 1), (1, 2) < (1, 3), (x, 2) != (x, 3))


@case(1.5)
def condtuple(x):
    a, b = (x, 2.0) if x > 1 else (1.0, x)
    return a * b


@case(1.5)
def lambdas(x):
    f = lambda v, k=2: v**k
    return f(x) + f(x, 3) + (lambda *a: a[0] * a[1])(x, x)


@case(1.5)
def mapfilter(x):
    return sum(map(lambda v: v * x, (1, 2, 3))) + sum(filter(lambda v: v > 1, (1, 2, 3)))


@case(1.5)
def strops(x):
    mode = "a-b".split("-")[1].upper()
    return x * 2 if mode == "B" and "x" in "xyz" else x


@case(1.5)
def typenames(x):
    return x * (2 if type(x).__name__ == "float" else 3)


@case(1.5, 3)
def ternarynest(x, n):
    return x if n == 1 else x * x if n == 2 else x**3


@case(1.5)
def boolval(x):
    y = x or 3.0
    z = 0.0 and x
    w = x and 2 * x
    return y + z + w


@case(1.5)
def setops(x):
    s = {1, 2, 3}
    t = frozenset((2, 3))
    return x * len(s & t) if 2 in s else x


@case(1.5)
def assertplain(x):
    assert x > 0
    assert True, "no"
    return x


@case(1.5)
def comprehension_scope(x):
    i = 10.0
    v = [i * x for i in range(3)]
    return i * x + v[2] + sum((last := w) for w in v) + last


@case(1.5)
def shadowed_builtins(x):
    sum = 3
    len = lambda v: 7.0
    return sum * x + len(x)


@case(1.5, 2)
def reused_name(x, n):
    v = n
    v = v * x
    v = (v, x)
    v = v[0] * v[1]
    for v in (x, 2.0 * x):
        n += 1
    return v * n


@case(1.5, A)
def what_can_be_called(x, a):
    def square(y):
        return y * y

    parts = [square, lambda y: 2 * y, np.sin, x, a, 3.0, "f", float]
    return sum(k * x for k, part in enumerate(parts) if callable(part))
