"""`nonlocal`: inner functions that assign names of the outer one."""
# ruff: noqa

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0, -0.7])


@case(A)
def accumulates(a):
    total, count = 0.0, 0

    def add(v):
        nonlocal total, count
        total += v * v
        count += 1

    for v in a:
        add(v)
    add(3.0)
    return total * count


@case(A)
def on_some_paths(a):
    total = last = 0.0

    def add(v):
        nonlocal total, last
        if v > 1:
            total += v
        elif v < 0:
            total *= v
            last = v
        return total

    for k, v in enumerate(a):
        if k == 1:
            continue
        w = add(v) * 2
        if w > 100:
            break
    if a[0] > 0:
        add(a[3])
    return total + last * w


@case(1.5)
def bound_by_the_call(x):
    def begin():
        nonlocal y
        y = x * x

    y = None
    begin()
    return y * 2


@case(1.5)
def not_bound_before(x):
    def begin():
        nonlocal y
        y = x * x

    if x > 100:
        y = 0.0
    begin()
    return y * 2


@case(A)
def loops_inside(a):
    best, where = a[0], 0

    def look(b, start):
        nonlocal best, where
        for i in range(len(b)):
            if b[i] < 0:
                continue
            if b[i] > best:
                best = b[i]
                where = start + i
            if i > 100:
                break

    k = 0
    while k < 3:
        look(a[k:], k)
        k += 1
    return best**2 + where


@case(1.5, 3)
def in_the_condition_of_a_loop(x, n):
    k, y = 0, x

    def go():
        nonlocal k, y
        k += 1
        y = y * x
        return k < n

    while go():
        y += 1
    return y + k


@case(A)
def in_conditions(a):
    count = 0
    y = 1.0

    def hit(v):
        nonlocal count, y
        count += 1
        y = y * (1 + v * v)
        return v > 1

    z = 0.0
    for v in a:
        if v > 0 and hit(v):
            z += v
        z += v if v < 0 or hit(v / 3) else y
    return z * y + count


@case(1.5)
def two_levels(x):
    y = x

    def outer(v):
        nonlocal y

        def inner(w):
            nonlocal y
            y = y * w
            return y + 1

        y += v
        y += inner(v)
        return y

    return outer(2.0) * outer(x) + y


@case(1.5)
def past_a_level(x):
    y = x

    def outer(v):
        def inner(w):
            nonlocal y
            y = y * w

        inner(v)
        inner(v + 1)
        return y

    return outer(2.0) * y


@case(A)
def arrays(a):
    x = a * 1.0

    def step(h):
        nonlocal x
        x = x + h * x * x

    for _ in range(3):
        step(0.1)
    old = x
    step(0.2)
    return np.sum(x * old)


@case(A)
def read_by_another(a):
    total = 0.0

    def add(v):
        nonlocal total
        total += v

    mean = lambda n: total / n
    s = 0.0
    for k, v in enumerate(a):
        add(v * v)
        s += mean(k + 1.0)
    return s


@case(1.5)
def deleted_and_known(x):
    kind, n = "a", 0

    def change():
        nonlocal kind, n
        kind += "b"
        n = n + 1

    for _ in range(2):
        change()
    change()
    return x * len(kind) + n


@case(A)
def in_a_sum(a):
    count = 0

    def seen(v):
        nonlocal count
        count += 1
        return v * count

    return sum([seen(v) for v in (a[0], a[1], a[2])]) * count


@case(A)
def raises_on_some_path(a):
    total = 0.0

    def add(v):
        nonlocal total
        if v > 10:
            raise ValueError("too large")
        total += v * v

    for v in a:
        add(v)
    return total
