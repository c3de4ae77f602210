"""What is `None` on some paths, or until a loop sets it: Python's numbers, its errors, or refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import llad
from llad.testing import assert_close
from tests.objects_for_loops import A, Box, check_numbers
from tests.reference import Reference


class Smooth:
    """Values that begin when there is a first one."""

    def __init__(self, rate=0.5):
        self.rate, self.previous, self.mean, self.best = rate, None, None, None

    def push(self, v):
        if self.mean is None:
            self.mean = v
        else:
            self.mean = self.rate * self.mean + v
        return self.mean

    def change(self, v):
        if self.previous is None:
            self.previous = v
            return 0.0
        change = v - self.previous
        self.previous = v
        return change

    def last(self):
        return self.previous


def changes(a):
    seen, total = Smooth(), 0.0
    for v in a:
        total += seen.change(v) ** 2 + seen.push(v)
    return total + seen.mean * seen.previous


def products_of_neighbours(a):
    previous, total = None, 0.0
    for v in a:
        if previous is not None:
            total += v * previous
        previous = v
    return total


def greatest(a):
    best = None
    for v in a:
        if best is None or v > best:
            best = v
    return 0.5 if best is None else best * best


def greatest_of_some(a):
    best = None
    for v in a:
        if v > 1.5 and (best is None or v < best):
            best = v
    if best is not None and best > 2:
        return best
    return -1.0 if not best else 3 * best


def greatest_with_its_place(a):
    best, place = None, None
    for k, v in enumerate(a):
        if best is None or best < v * v:
            best, place = v * v, k
    return best + place


def an_integer_first(a):
    best = None
    for v in a:
        best = 1 if best is None else best * v
    return best or 0.5


def in_a_dict(a):
    best = {"x": None, "n": 0}
    for v in a:
        if best["x"] is None or v > best["x"]:
            best["x"] = v
            best["n"] += 1
    return best["x"] * best["n"]


def an_array(x, n):
    speed, p, total = None, np.array([x, 2 * x]), 0.0
    for _ in range(n):
        step = np.sin(p)
        speed = step if speed is None else 0.9 * speed + step
        p = p - 0.1 * speed
        total += speed[0]
    return total + np.sum(p) + (0.0 if speed is None else np.sum(speed[::-1] * p))


def an_array_in_an_object(x, n):
    seen, total = Smooth(), 0.0
    for k in range(n):
        v = np.array([x, k * x, 2.0])
        if k % 2:
            v = v[::-1]
        if seen.previous is None:
            seen.previous = np.zeros(3)
        seen.previous += v
        total += seen.push(v) @ seen.previous
    return total


def by_its_length(a, n):
    held, total = None, 0.0
    for k in range(n):
        if held is not None and len(held) > 2:
            total += held[0] * k
        if held is None or len(held) < 3 or held.shape[0] > 5:
            total += a[1]
        held = a * k if k % 2 else None
    return total


def an_object(a):
    best, box = None, Box(0.0)
    for v in a:
        box.push(v)
        if best is None or box.x > best.x:
            best = copy.copy(box)
    return best.x * box.x


def one_of_two_objects(a):
    p, q, chosen, total = Box(0.5), Box(0.25), None, 0.0
    for v in a:
        if chosen is not None:
            total += chosen.x * v
        chosen = p if v > 2 else q if v > 0 else None
    return total + (chosen.x if chosen else 1.0)


def none_again(a):
    held, total = None, 0.0
    for v in a:
        if held is None:
            held = v
            continue
        total += held * v
        held = None if v > 2 else v
    return total + (held or 0.1)


def given_back(a):
    seen, total = Smooth(), 0.0

    def of(value, otherwise):
        return otherwise if value is None else value

    for v in a:
        last = seen.last()
        total += of(last, 0.5) * v + of(value=seen.best, otherwise=1.0)
        seen.change(v)
        seen.best = last
    return total


def in_loops_in_loops(a):
    best, total = None, 0.0
    for v in a:
        least = None
        for w in a:
            if w != v and (least is None or abs(w - v) < least):
                least = abs(w - v)
        total += least
        best = least if best is None else max(best, least)
    return total * best


def while_it_is_none(x):
    found, k = None, 0
    while found is None:
        k += 1
        if x * k > 2:
            found = x * k
    return found + k


def until_it_is_enough(x):
    found, k = None, 0
    while found is None or found < 2.0:
        found = x * x if found is None else 1.5 * found + x
        k += 1
    return found


def until_both_are_there(a):
    p, q, k = None, None, 0
    while (p is None or q is None) and k < len(a):
        if a[k] > 2:
            p = a[k]
        else:
            q = a[k] * k
        k += 1
    return 0.5 if p is None or q is None else p * q


def until_an_array_is_there(x):
    p, n = None, 0
    while p is None or n < 3:
        p = np.array([x, n * x]) if p is None else p[::-1] * x
        n += 1
    return [p, n][0][1]


def until_an_attribute_is_there(x):
    seen = Smooth()
    while seen.best is None or seen.best < 3:
        seen.best = seen.push(x)
    return seen.best


def by_its_place(a):
    best, place = None, None
    for k in range(len(a)):
        if best is None or a[k] < best:
            best, place = a[k], k
    b = a * 2.0
    b[place] = best * 5
    b[place] += a[place]
    return a[place] * b[place] + np.sum(b) + np.outer(a, b)[place, place]


def by_an_assertion(a):
    best, place = None, None
    for k, v in enumerate(a):
        best, place = v if best is None else max(v, best), k
    assert best is not None and best > 0
    held = [best, 1.0]
    assert place is not None, f"none of {len(a)}"
    return held[0] * np.sum(a[:place])


def by_an_assertion_in_a_loop(a):
    last, total = None, 0.0
    for k, v in enumerate(a):
        if k > 2:
            assert last is not None
            total += [last, v][0] * v
        last = None if k % 2 else v * v
        if k > 1 and last is None:
            last = v
    return 0.5 if last is None else total * last


def by_an_early_return(x):
    def root(v):
        if v < 0:
            return None
        return v**0.5

    r = root(x)
    if r is None:
        return x * x
    return r


def not_equal_to_none(a):
    last, total = None, 0.0
    for v in a:
        if not last == None and last != None:  # noqa: E711, SIM201
            total += v * last
        last = v
    return total


def in_a_recursion(x):
    def least(n, best):
        v = (x - n) ** 2
        if n > 4:
            return best
        return least(n + 1, v if best is None or v < best else best)

    found = least(int(x), None)
    return 1.0 if found is None else found


def asked_in_a_recursion(x, n):
    last = None
    for k in range(n):
        last = x * k if k % 2 else None

    def through(n):
        if n <= 0:
            return 0.0
        if last is not None:
            return last + through(n - 1)
        return 1.0 + x * through(n - 2)

    return through(n)


PROGRAMS = [
    (changes, A), (products_of_neighbours, A), (products_of_neighbours, A[:1]), (greatest, A), (greatest, A[:0]),
    (greatest_of_some, A), (greatest_of_some, A[2:3]), (greatest_of_some, A[:1]), (greatest_with_its_place, A),
    (an_integer_first, A), (an_integer_first, A[:0]), (in_a_dict, A), (an_array, 0.4, 6), (an_array, 0.4, 0),
    (an_array_in_an_object, 0.4, 5), (by_its_length, A, 6), (an_object, A), (one_of_two_objects, A),
    (one_of_two_objects, A[:4]),
    (none_again, A), (none_again, A[:3]), (given_back, A), (in_loops_in_loops, A), (while_it_is_none, 0.3),
    (until_it_is_enough, 0.7), (until_both_are_there, A), (until_both_are_there, A[:1]), (until_an_array_is_there, 0.7),
    (until_an_attribute_is_there, 1.7), (by_its_place, A), (by_an_assertion, A), (by_an_assertion_in_a_loop, A),
    (by_an_assertion_in_a_loop, A[:1]), (by_an_assertion_in_a_loop, A[:2]),
   
    (by_an_early_return, 0.7), (by_an_early_return, -0.7), (not_equal_to_none, A), (in_a_recursion, 1.7),
    (asked_in_a_recursion, 0.7, 5), (asked_in_a_recursion, 0.7, 6),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)


@pytest.mark.parametrize("optimised", [False, True], ids=["traced", "optimised"])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_nothing_is_asked_of_what_is_not_there(program, args, optimised):
    """The interpreter raises where something is read that was never made."""
    reference = Reference(program, args, optimised)
    assert_close(reference.value()[0], program(*args), rtol=1e-12, atol=1e-12)
    assert_close(reference.gradient()[0], program(*args), rtol=1e-12, atol=1e-12)


# -- where it is None, though it should not be


def added(a):
    best = None
    for v in a:
        best = v
    return best + 1.0


def added_in_place(a):
    best, total = None, 0.0
    for v in a:
        best = v
    total += best
    return total


def compared(a):
    best = None
    for v in a:
        best = v
    return 1.0 if best < 2.0 else 2.0


def in_functions_of_numbers(a):
    best = None
    for v in a:
        best = v
    return max(best, 2.0) + np.sin(best) + abs(best) + np.hypot(1.0, best)


def asked_for_an_attribute(a):
    best = None
    for v in a:
        best = Box(v)
    return best.x


def asked_for_an_item(a):
    best = None
    for v in a:
        best = (v, 2 * v)
    return best[1]


def unpacked(a):
    best = None
    for v in a:
        best = (v, 2 * v)
    x, y = best
    return x * y


def summed_in_full(a):
    acc = None
    for v in a:
        r = np.sin(a) * v
        acc = r if acc is None else acc + r
    return np.sum(acc) + 1.0


def reduced(a):
    acc = None
    for v in a:
        acc = a * v if acc is None else acc + np.sin(a)
    return np.mean(acc) + np.linalg.norm(acc) * np.std(acc) + np.max(acc) - 0.1 * np.dot(acc, a)


def by_a_method(a):
    acc = None
    for v in a:
        acc = a * v if acc is None else acc + a
    return acc.sum() * acc.shape[0]


def by_how_many_it_has(a):
    acc, total = None, 0.0
    for v in a:
        acc = a * v
    for k in range(len(acc)):
        total += acc[k] * k
    return total


def as_the_end_of_a_range(a):
    end, total = None, 0.0
    for k, v in enumerate(a):
        if v > 0:
            end = k
    for k in range(end):
        total += a[k] * k
    return total


def at_its_place_in_a_list(a):
    values, place = [a[:2].sum(), 3.0] if len(a) else [2.0, 3.0], None
    for k in range(len(a)):
        place = k % 2
    return values[place] * 2


RAISING = [
    at_its_place_in_a_list,
    summed_in_full, reduced, by_a_method, by_how_many_it_has, as_the_end_of_a_range,
    added, added_in_place, compared, in_functions_of_numbers, asked_for_an_attribute, asked_for_an_item, unpacked,
]  # fmt: skip


@pytest.mark.parametrize("program", RAISING)
def test_what_none_is_not_made_for_raises_as_in_python(program):
    f = llad.jit_grad(program)
    check_numbers(program, (A,), False)
    with pytest.raises((TypeError, AttributeError)) as expected:
        program(A[:0])
    for call in (f, f.grad):
        with pytest.raises(expected.type, match="NoneType"):
            call(A[:0])


def test_nothing_is_at_none():
    """NumPy has a new axis for it: never another number, but an error."""

    def at_its_place(a):
        place = None
        for k in range(len(a)):
            if a[k] > 3:
                place = k
        return np.sum(a[place])

    assert llad.jit(at_its_place)(A) == at_its_place(A)
    with pytest.raises(TypeError, match="NoneType"):
        llad.jit(at_its_place)(A[:2])


def test_an_assertion_fails_where_it_is_none():
    def asserted(a):
        best = latest(a)
        assert best is not None
        return best

    assert llad.jit(asserted)(A) == A[-1]
    with pytest.raises(AssertionError):
        llad.jit(asserted)(A[:0])


# -- what would take None for something


def latest(a):
    best = None
    for v in a:
        best = v
    return best


def listed(a):
    return sum([latest(a), 1.0])


def paired(a):
    return (latest(a), a[0])[1]


def counted(a):
    return np.cumsum(latest(a))[0]


def found_among(a):
    return 1.0 if latest(a) in (1.0, 2.0) else a[0]


def equal_to_a_number(a):
    return 1.0 if latest(a) == 2.0 else a[0]


def asserted_on_a_way_that_may_not_be_gone(a):
    best = latest(a)
    for _ in range(len(a)):
        assert best is not None
    return best


def an_end(a):
    place = None
    for k in range(len(a)):
        place = k
    return np.sum(a[:place])


def left_on_the_way(a):
    best, k = None, 0
    while best is None or best < 2.0:
        if k >= len(a):
            break
        best = a[k]
        k += 1
    return best


def not_asked_last(a):
    best, k = None, 0
    while best is None and k < len(a):
        best = a[k]
        k += 1
    return best


def stored(a):
    b = a.copy()
    b[0] = latest(a)
    return b[0]


def clipped(a):
    return np.clip(a, latest(a), 2.0)[0]


def shown(a):
    print(latest(a))
    return a[0]


def differentiated(a):
    return llad.grad(latest)(a)[0]


def differentiated_forward(a):
    return llad.jvp(latest, (a,), (a,))[1]


def all_derivatives(a):
    return llad.jacfwd(latest)(a)[0]


def of_any_objects(a):
    return 1.0 if np.equal(latest(a), 1.0) else a[0]


REFUSED = [
    left_on_the_way, not_asked_last, latest, listed, paired, counted, clipped, found_among, equal_to_a_number, an_end,
    asserted_on_a_way_that_may_not_be_gone, stored, shown, differentiated, differentiated_forward, all_derivatives,
    of_any_objects,
]  # fmt: skip


@pytest.mark.parametrize("program", REFUSED)
def test_what_would_take_none_for_something_is_not_given_it(program):
    with pytest.raises(llad.UnsupportedError, match=r"[fi]64 or None") as refused:
        llad.jit(program)(A)
    assert refused.value.code == "LL209"
    assert refused.value.span is not None and refused.value.span.file == __file__


def a_chain(x):
    head = None
    for k in range(int(x) + 4):
        box = Box(x * k)
        box.child = head
        head = box
    return head.x


def test_chains_of_objects_are_refused():
    with pytest.raises(llad.UnsupportedError, match=r"None .* or a Box"):
        llad.jit(a_chain)(0.5)
