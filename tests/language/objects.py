"""What Python asks of objects by the special methods of their classes."""
# ruff: noqa

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])


class Above:
    def __init__(self, x, bound):
        self.x, self.bound = x, bound

    def __bool__(self):
        return self.x > self.bound


@dataclass
class Bag:
    items: list

    def __len__(self):
        return len(self.items)


FULL, EMPTY = Bag([1.0]), Bag([])


@case(0.5, 2.5)
def truth_of_objects(x, y):
    total = x if Above(x, 1.0) else 2.0 * y
    total += x if Above(y, 1.0) else 2.0 * y
    total += (x if not Above(x, 0.0) else y) + (x if Bag([]) else y) + (x if Bag([x]) else y)
    while Above(y, 1.0):
        y *= 0.5
        total += y
    return total + x * bool(Above(y, 0.5)) + (x if FULL and not EMPTY else y) + all(Above(v, 0.0) for v in (x, y))


@case(Bag([]), 2.0)
def truth_of_arguments(bag, x):
    return x * x if bag else x


@dataclass
class Polynomial:
    c: np.ndarray

    def __len__(self):
        return len(self.c)

    def __getitem__(self, k):
        return self.c[k]

    def __setitem__(self, k, v):
        self.c[k] = v

    def __iter__(self):
        return iter(self.c)

    def __reversed__(self):
        return iter(self.c[::-1])

    def __contains__(self, v):
        for w in self.c:
            if w == v:
                return True
        return False

    def __call__(self, x):
        total = 0.0
        for k in range(len(self)):
            total = total * x + self[k]
        return total

    def __abs__(self):
        return np.sum(np.abs(self.c))

    def __float__(self):
        return float(self.c[0])

    def __int__(self):
        return len(self.c) + 1

    def __round__(self, digits=0):
        return self.c[1] + digits


CUBIC = Polynomial(np.array([1.5, -2.0, 0.25, 1.0]))


@case(Polynomial(A.copy()), 2.25)
def asked_of_an_argument(p, x):
    return p(x) * len(p) + p[1] * p[-1] + (x if 1.5 in p else 0.0) + (x if x not in p else 0.0) + abs(p) * float(p)


@case(A, 1.5)
def asked_of_what_is_made(a, x):
    p = Polynomial(a * x)
    p[0] = x * x
    p[1] += p[0]
    return p(x) + int(p) * round(p) + round(p, 2) * round(p, 3) + (p[0] if p else 0.0)


@case(1.5)
def asked_of_what_is_outside(x):
    return CUBIC(x) * len(CUBIC) + CUBIC[2] + sum(CUBIC) + abs(CUBIC) + (x if 0.25 in CUBIC else 0.0)


@case(Polynomial(A.copy()), 1.5)
def gone_over(p, x):
    total = 0.0
    for k, v in enumerate(p):
        total += k * v * x
    for v, w in zip(p, reversed(p)):
        total = total * 0.5 + v * w
    first, *rest = p
    one, two, three = p
    return total + first * rest[-1] + one * two * three + sum([v * v for v in p if v > 1.0]) + max(p) + sum(map(abs, p))


@case(Polynomial(A.copy()))
def items_of_objects(p):
    def product(x, y, z):
        return x * y + z

    return product(*p) + sum(p) + sum(v**3 for v in p) + np.sum(np.array(list(p)) ** 2) + sorted(p)[0]


class Names:
    def __init__(self, *names):
        self.names = names

    def __iter__(self):
        return iter(self.names)


@case(2.0, 3)
def gone_over_once(x, n):
    total = 0.0
    for name in Names("a", "bb"):
        total += len(name) * x
    for v in iter((x, x * x)):
        total += v
    for k in iter(range(n)):
        total += k * x
    a, b = Names(x, total)
    return a * b + (x if "bb" in Names("a", "bb") else 0.0) + len([*Names(1, 2, 3)])


class Kernel:
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def at(self, r):
        return self.scale * r

    @property
    def width(self):
        return self.scale + 1.0

    @width.setter
    def width(self, width):
        self.scale = width - 1.0

    @classmethod
    def doubled(cls, scale):
        return cls(2.0 * scale)

    @staticmethod
    def third(x):
        return x / 3.0


class Shifted(Kernel):
    def __init__(self, scale, shift=0.5):
        super().__init__(scale)
        self.shift = shift

    def at(self, r):
        return super().at(r) + self.shift

    @property
    def width(self):
        return super().width * 2.0

    @classmethod
    def doubled(cls, scale):
        return super().doubled(scale * 1.5)

    def thirds(self, x):
        return super().third(x) + super(Shifted, self).third(x)


class Squared(Kernel):
    def at(self, r):
        return super().at(r) ** 2


class Both(Shifted, Squared):
    def at(self, r):
        return 3.0 * super().at(r) + super(Shifted, self).at(r)


BOTH = Both(0.75)


@case(1.5, 0.25)
def inherited(x, r):
    made = Both(x)
    return made.at(r) * made.width + Both.doubled(x).at(r) + BOTH.at(x) + Shifted(x, r).thirds(x)


@case(1.5)
def set_properties(x):
    kernel = Kernel(x)
    kernel.width = x * x
    kernel.width += 0.5
    return kernel.scale * kernel.at(x)


class Triple(NamedTuple):
    x: float
    y: float
    z: float


@case(A)
def made_of_an_array(a):
    return Triple(*a).y * Kernel(*a[:1]).scale + Triple(1.0, *a[1:]).z


class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __radd__(self, other):
        return self if other == 0 else self + other

    def __iter__(self):
        yield self.x
        yield self.y

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)


class Settings:
    scale = 2.0

    def scaled(self, x):
        return self.scale * x


@case(1.5, 0.25)
def sums_of_objects(x, y):
    a, b = Vector(x, y), Vector(y, 2.0)
    total, settings = sum([a, b, a]), Settings()
    settings.scale = x
    last = sum((b, a), start=a)
    return sum(total) * last.y + settings.scaled(last.x) + Settings().scaled(y) + (a == b) + sum(v * v for v in a)


class Counted:
    def __init__(self, x):
        self.x = x

    def __add__(self, other):
        return Counted(self.x + other)

    def __iadd__(self, other):
        self.x = self.x + 2.0 * other
        return self


@case(1.5)
def changed_in_place(x):
    a = b = Counted(x)
    a += 3.0 * x
    c = b + x
    return a.x * b.x + c.x
