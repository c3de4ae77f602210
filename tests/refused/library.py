"""Functions of Python's library that meet what they cannot be asked."""
# ruff: noqa

import itertools
import operator
import random

import numpy as np


def what_is_accumulated_is_written_meanwhile(a):
    total = 0.0
    for k, v in enumerate(itertools.accumulate(a)):  # error: an iterator that is asked for its items (line 13) after what it reads is
    #                     ^
        a[k] = 0.0
        total += v
    return total


def an_item_that_is_known_only_at_run_time(a, n):
    return operator.itemgetter(n)(a)  # error: indexing by an itemgetter with a number known only at run time
    #      ^


def a_vectorised_function_of_rows(a):
    return np.vectorize(np.sum, signature="(n)->()")(a)  # error: the arguments of `vectorize`: got an unexpected keyword
    #      ^


def numbers_of_a_generator_made_inside(a):
    return np.sum(a * np.random.default_rng(0).normal(size=3))  # error: the function `np.random.default_rng`
    #                 ^


def numbers_of_python(a):
    return a[0] * random.random()  # error: the function `random.random`
    #             ^


def a_real_type_for_complex_numbers(a):
    return np.sum(a + 1j, dtype=float)  # error: the element type <class 'float'> for complex numbers
    #      ^


def the_rows_of_a_matrix_in_order(a):
    return sorted(np.outer(a, a))[0][0]  # error: sorting by what are no numbers, and no tuples of numbers
    #      ^


def items_in_the_order_of_arrays(a):
    return sorted(np.outer(a, a), key=lambda row: 2.0 * row)[0][0]  # error: sorting by what are no numbers, and no tuples of numbers
    #      ^


def a_grown_list_in_the_order_of_arrays(a):
    rows = []
    for v in a:
        rows.append(v * a)
    rows.sort(key=lambda row: 2.0 * row)  # error: sorting by what are no numbers, and no tuples of numbers
#   ^
    return rows[0][0]


def few_items_in_the_order_of_tuples_in_tuples(x, y):
    return sorted([x, y], key=lambda v: (v, (v, v)))[0]  # error: sorting by what are no numbers, and no tuples of numbers
    #      ^


def a_dict_of_numbered_elements(a):
    return dict(enumerate(a))[1]  # error: the items of a lazy sequence, one by one
    #      ^


def a_dict_by_run_time_numbers(x, n):
    return dict([(n, x), (2, x)])[2]  # error: a key or set element that is known only at run time
    #      ^


def the_greatest_of_rows_or_a_number(a):
    return max(a, default=None)  # error: what is f64 or None
    #      ^
