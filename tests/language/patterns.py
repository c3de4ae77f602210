"""`match` statements."""
# ruff: noqa

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0, -0.7])


@case(1.5, 2)
def a_number(x, n):
    match n:
        case 0 | 1:
            return x
        case 2:
            return x * x
        case -3:
            return 1 / x
        case _:
            return np.sin(x)


@case(1.5, -3)
def a_negative_number(x, n):
    return a_number(x, n)


@case(1.5, 1)
def an_alternative(x, n):
    return a_number(x, n)


@case(1.5, 7)
def the_rest(x, n):
    return a_number(x, n)


def step(kind, x):
    match kind:
        case "relu":
            y = x if x > 0 else 0.0
        case "square" | "sq":
            y = x * x
        case None:
            y = x
        case True:
            y = x * 3
        case (p, q):
            y = p * x + q
        case [str(), *_] if False:
            y = 0.0
        case other:
            y = other(x)
    return y


@case(1.5)
def what_is_known(x):
    kinds = ("relu", "sq", None, True, (x, 2.0), [x, x * x], lambda v: v / 3)
    return sum(step(kind, x) for kind in kinds)


@case(1.5, 2.5)
def guards(x, y):
    match x, y:
        case a, b if a > b:
            return a * b
        case a, b if b > 5 * a:
            return a
        case a, b if b > a:
            return a / b
    return 0.0


@case(2.5, 1.5)
def a_guard_that_holds(x, y):
    return guards(x, y)


@case(0.5, 3.5)
def another_guard_that_holds(x, y):
    return guards(x, y)


@case(1.5, 3.5)
def no_case_that_matches(x, y):
    return guards(x, y)


@case(2.0)
def what_a_failing_guard_saw(x):
    match x * x:
        case y if y > 100:
            pass
        case z if z > 3 and y > 1:
            z += y
    return y * z


@case(1.5, 2)
def bound_after_the_guard_in_an_alternative(x, n):
    match n:
        case (1 | 2 | 3) as m if m > 1:
            return x**m
        case m:
            return x * m


@case(1.5)
def parts(x):
    match (x, (2.0 * x, [3.0, x * x, 1.0, x])):
        case (a, b):
            pass
    match b:
        case [c, [d, *e, f]] if len(e) == 2:
            return a * c + d * e[0] + e[1] * f
    return 0.0


@case(1.5)
def lengths(x):
    total = 0.0
    for item in ((), (x,), [x, x], (x, x, x), (x, 1.0, 2.0, x), range(3), "ab", {"a": x}, x):
        match item:
            case []:
                total += 1
            case [u]:
                total += u * 10
            case [u, v]:
                total += u * v * 100
            case 0, *rest:
                total += sum(rest) * x
            case [_, *middle, last] if last > 100:
                total = 0.0
            case [u, *_, last]:
                total += u * last * 1000
            case "ab":
                total *= 2
            case float(v) if False:
                total = v
            case _:
                total += x
    return total


@case(A)
def an_array_is_no_sequence(a):
    match a:
        case [u, v, w, z]:
            return u
        case _:
            return a[1] * a[2]


@case(A)
def in_a_run_time_loop(a):
    state, total = 0, 0.0
    for v in a:
        match state:
            case 0:
                total += v
                state = 1
            case 1 if v > 1.8:
                total *= v
                continue
            case s if s == 1 and v < 0:
                break
            case s:
                total += s * v * v
    else:
        total = 100.0
    return total


@case(1.5, 3)
def nested(x, n):
    match n:
        case 1:
            return x
        case 3:
            match x:
                case 2:
                    y = x * x
                case y:
                    y = -y
            return y * 2
    return 0.0


class Kind:
    LINEAR = 1
    SQUARE = 2


@case(1.5, 2)
def named_values(x, n):
    match n:
        case Kind.LINEAR:
            return x
        case Kind.SQUARE:
            return x * x
    return 0.0


@case(1.5)
def evaluated_once(x):
    calls = []

    def subject():
        calls.append(1)
        return x * 2

    match subject():
        case 1.0:
            y = 1.0
        case 3.0:
            y = 2 * x
        case z:
            y = z
    return y * len(calls)


@dataclass
class Circle:
    r: float


@dataclass
class Box:
    w: float
    h: float = 2.0


class Pair(NamedTuple):
    u: float
    v: float


def area(shape):
    match shape:
        case Circle(r):
            return np.pi * r * r
        case Box(w, h=h) if w > h:
            return w**2
        case Box(w=w, h=h):
            return w * h
        case Pair(u, v=v) if v < 2.25:
            return u
        case Pair(u):
            return u * shape.v
        case [Circle(a), Circle(b)]:
            return a * b
        case n:
            return n


@case(Circle(1.5), Box(1.5, 0.5), Box(1.5, 2.5), Pair(1.5, 2.0), Pair(1.5, 2.5))
def of_classes(a, b, c, d, e):
    return area(a) + 10 * area(b) + 100 * area(c) + area(d) * area(e) + area([a, Circle(3.0)])


def named(v):
    match v:
        case bool():
            return 1.0
        case int(n):
            return 2.0 * n
        case float(f):
            return 3.0 * f
        case str() | None:
            return 4.0
        case np.ndarray():
            return np.sum(v)
        case tuple((a, b)):
            return a * b
        case list():
            return 5.0


@case(1.5, 2, True, A)
def of_builtin_classes(x, n, c, a):
    parts = (x, n, c, a, "ab", None, (x, n), [])
    return sum([named(v) * 3**k for k, v in enumerate(parts)])


def of_kind(shape):
    match shape:
        case {"kind": "circle", "r": r}:
            return np.pi * r * r
        case {"kind": "box", "w": w, "h": float(h)} if w > h:
            return w * h * 2
        case {"kind": "box", "w": w, **rest}:
            return w * rest["h"] * len(rest)
        case {"points": [(x, y), *more]}:
            return x * y * len(more)
        case {}:
            return 7.0
    return 3.0


@case(1.5, 2.0)
def of_dicts(x, y):
    boxes = of_kind({"kind": "box", "w": y, "h": x}) * 3 + of_kind({"h": y, "depth": 1, "w": x, "kind": "box"})
    others = of_kind({"points": ((x, y), 1, 2)}) + of_kind({"z": x}) * x + of_kind([x])
    return of_kind({"kind": "circle", "r": x}) + boxes * 10 + others
