"""Statements that are outside the language."""
# ruff: noqa
import math

import llad


def catching(x):
    try:  # error: `try`
#   ^
        return 1 / x
    except ZeroDivisionError:
        return 0.0


def raising(x):
    if x < 0:
        raise ValueError("x", 1)  # error: `raise` ValueError
    #   ^
    return math.sqrt(x)


def printing(x):
    y = x * 2
    print((y, [lambda: y]))  # error: `print` of a function
#   ^
    return y


def raising_again(x):
    raise  # error: `raise` again
#   ^


def raising_what_was_computed(x):
    raise ValueError(x)  # error: a message made from what is known only at run time, by itself
    #                ^


def raising_an_array(a):
    raise ValueError(f"{a}")  # error: a message made from an array
    #                ^


def deleting_an_element(a):
    del a[0]  # error: `del` of an item of array of f64 with 1 axis
#   ^
    return a


def deleting_before_assigning(x):
    del y  # error: `y` before it is assigned
#   ^
    y = x
    return y


def a_float_range(x):
    s = 0.0
    for i in range(x):  # error: `range` of f64
    #        ^
        s += i
    return s


def iterating_over_a_number(x):
    for i in x:  # error: iterating over f64
#   ^
        pass
    return i


def a_set_of_what_is_chosen(x):
    return len({k for k in range(3) if k > x})  # error: a comprehension of keys, over what is known only at run time
    #          ^


def a_dict_of_what_is_chosen(x):
    return sum({k: x for k in range(3) if k > x}.values())  # error: a comprehension of keys, over what is known only
    #          ^


def arrays_of_several_lengths_that_are_chosen(a):
    return len([a[k:] for k in range(len(a)) if a[k] > 0.5])  # error: a list that grows in a loop, but has arrays as items
    #          ^


def a_list_that_is_another(a):
    return [2 * v for v in a] == [1.0]  # error: a comparison between a list of a length that is known only at run time
    #      ^


def a_list_that_is_one_or_another(a, c):
    values = [2 * v for v in a] if c else [3 * v for v in a]
    values.sort()  # error: the attribute `sort` of a list of a length that is known only at run time
#   ^
    return values[0]


def a_name_from_a_generator(a):
    last = 0.0
    total = sum((last := v) for v in a)  # error: a comprehension with `:=`
    #          ^
    return total + last


def a_name_from_a_test_in_a_generator(a):
    found = 0.0
    if any((found := v) > 0.5 for v in a):  # error: a comprehension with `:=`
    #     ^
        return found
    return 0.0


def a_name_from_a_branch_in_a_comprehension(x, y):
    last = 0.0
    values = [(last := v) if y > 0.0 else 2 * v for v in (x, 3 * x)]  # error: a comprehension with `:=` on some paths
    #          ^
    return last + sum(values)


def patterns_of_a_list_made_at_run_time(a):
    match [v * v for v in a]:
        case [first, *_]:  # error: a pattern of items for
    #        ^
            return first
    return 0.0


def patterns_that_bind_in_an_alternative(x, y):
    match x, y:
        case (0.0, z) | (z, 0.0):  # error: a pattern with `|` of names that it binds
    #        ^
            return z
    return 0.0


def patterns_of_a_run_time_bool(c, x):
    match c:
        case True:  # error: `is`
    #        ^
            return x
    return 0.0


def borrowing_in_a_branch_of_another(a):
    total = 0.0

    def add(v):
        nonlocal total
        total += v

    def add_all(b):
        for v in b:
            add(v)  # error: assignment to the outer `total` from outside of its function, or in another's branch or loop
    #       ^

    add_all(a)
    return total


def borrowing_for_a_comprehension(a):
    total = 0.0

    def add(v):
        nonlocal total
        total += v
        return total

    return sum(add(v) for v in a)  # error: assignment to the outer `total` from outside of its function, or in
    #          ^


def borrowing_under_a_derivative(x):
    total = x

    def add(v):
        nonlocal total
        total += v
        return total

    return llad.grad(add)(x)  # error: assignment to the outer `total` from outside of its function, or in
    #      ^


def borrowing_twice(x):
    def add(n):
        nonlocal x
        x *= 2
        if n > 0:
            add(n - 1)  # error: assignment to the outer `x`, which another call is about to assign
    #       ^

    add(3)
    return x


def reading_what_is_lent(x):
    def seen():
        return x  # error: assignment to the outer `x`, which another call is about to assign
    #          ^

    def add(v):
        nonlocal x
        x = x + seen() * v

    add(2.0)
    return x
