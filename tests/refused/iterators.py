"""Names that hold iterators, which Python goes over once, and as late as it is asked."""
# ruff: noqa

import itertools

import numpy as np

import llad


def twice(a):
    pairs = zip(a, a[1:])
    total = sum(u * v for u, v in pairs)
    return total + sum(u for u, v in pairs)  # error: an iterator that was gone over already, or is in every iteration of a loop
    #                                ^


def in_each_iteration(a):
    pairs = enumerate(a)
    total = 0.0
    for v in a:
        for k, w in pairs:  # error: an iterator that was gone over already, or is in every iteration of a loop
            #       ^
            total += k * v * w
    return total


def of_known_items(a):
    doubled = map(lambda v: 2.0 * v, (a[0], a[1]))
    return sum(doubled) + sum(doubled)  # error: an iterator that was gone over already, or is in every iteration of a loop
    #                         ^


def a_generator_by_name(a):
    factor = 1.0
    scaled = (factor * v for v in a)  # error: an iterator that a generator makes when it is asked, by a name
#   ^
    factor = 3.0
    return sum(scaled)


def by_a_function_that_is_given_it(a):
    def mean_and_more(values):
        return sum(values) + sum(values)  # error: an iterator that was gone over already, or is in every iteration of a loop
        #                        ^

    return mean_and_more(2.0 * v for v in a)


def a_generator_that_waits_for_a_list_to_grow(a):
    out = [1.0]
    twice = (2.0 * v for v in out)  # error: an iterator that a generator makes when it is asked, by a name
#   ^
    for v in a:
        out.append(v)
    return sum(twice)


def a_generator_whose_array_is_written_while_a_loop_goes_over_more(a):
    total = 0.0
    for k, v in enumerate(v * w for v in a for w in a if v < w):  # error: an iterator that is asked for its items (line 61) after what it reads is written (line 63)
        #                ^
        a[0] = total
        total += k * v
    return total


def neighbours_that_a_loop_writes(a):
    total = 0.0
    for v, w in itertools.pairwise(a):  # error: an iterator that is asked for its items (line 70) after what it reads is written (line 72)
        #       ^
        a[1] = total
        total += v * w
    return total


def what_goes_over_a_generator_by_name(a):
    factor = 1.0
    pairs = zip(a, map(abs, (factor * v for v in a)))  # error: an iterator that a generator makes when it is asked, by a name
#   ^
    factor = 3.0
    return sum(v * w for v, w in pairs)


def a_generator_in_a_tuple(a, c):
    factor = 1.0
    pair = (a, (factor * v for v in a))
    if c:
        factor = 3.0  # which nobody seems to read
    return sum(pair[1])  # error: an iterator that is an item or an attribute
    #          ^


class Holder:
    def __init__(self, pairs):
        self.pairs = pairs


def held_by_an_object(a):
    held = Holder(v * v for v in a)
    return sum(held.pairs)  # error: an iterator that is an item or an attribute
    #          ^


def held_by_a_list(a):
    held = [iter(a)]
    return sum(held[0])  # error: an iterator that is an item or an attribute
    #          ^
