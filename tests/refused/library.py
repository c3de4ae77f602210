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
