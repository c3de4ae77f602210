"""Numbers, indices and functions of arrays that llad does not have."""
# ruff: noqa
import math

import numpy as np


def a_float_as_an_index(a, x):
    return a[0] + a[x]  # error: an index that is f64
    #             ^


def too_many_indices(a):
    return a[0, 1]  # error: 2 indices for an array with 1 axes
    #      ^


def a_gather(a, k):
    return a[a]  # error: indexing with an array of floats
    #      ^


def a_mask(a, n):
    for _ in range(n):
        a[a] = 0.0  # error: indexing with an array of floats
    #   ^
    return a


def truth_of_an_array(a):
    return 1.0 if a > 0 else 0.0  # error: the truth of an array
    #             ^


def floats_into_integers(k, n):
    for _ in range(n):
        k /= 2  # error: `/=` would make array of i64 with 1 axis into f64
    #   ^
    return k


def a_product_of_a_number(a):
    return a @ 2.0  # error: `@` between array of f64 with 1 axis and 2.0
    #      ^


def bits_of_a_float(x):
    return x & 1  # error: `&` on floats
    #      ^


def math_of_an_array(a):
    return 1.0 + math.sin(a)  # error: `math.sin` of array of f64 with 1 axis
    #            ^


def an_unknown_function(a):
    return np.spacing(a)[0]  # error: the function `np.spacing`
    #      ^


def a_choice_of_nothing(a):
    return np.max(a, where=a > 0)  # error: what raises when it is traced: np.max needs `initial` beside `where`
    #      ^


def an_unknown_method(a):
    return a.tobytes()  # error: the attribute `tobytes` of array of f64 with 1 axis
    #      ^


def digits(x):
    return round(x, 25)  # error: `round` to a number of digits beyond 22
    #      ^


def ragged_rows(x):
    return np.array([[x], [x, x]])  # error: `np.array` of [[f64], [f64, f64]]
    #      ^


def a_dtype(n):
    return np.zeros(n, dtype=np.float16)  # error: the element type <class 'numpy.float16'>
    #      ^


def filling_what_may_be_a_copy(a):
    np.ones((4, 4))[:, a.size :].reshape(-1).fill(0.0)  # error: a write to an array that may be a copy
   #^


def adding_to_what_may_be_a_copy(a):
    np.add.at(a[::2, None].T.ravel(), [0, 1], 1.0)  # error: a write to an array that may be a copy
   #^


def a_method_of_a_ufunc(a):
    return np.hypot.reduce(a)  # error: the function `np.hypot.reduce`
    #      ^


def a_transform(a):
    return np.fft.hfft(a)  # error: the function `np.fft
    #      ^


def a_list_of_several_shapes(a):
    return np.sum([2 * a[:k] for k in range(len(a))])  # error: a comprehension of arrays whose shapes may differ
    #             ^


def a_list_of_what_is_written(a):
    m = np.outer(a, a)
    rows = [row for row in m]  # error: an array that may be a copy, read (line
    #      ^
    m[0, 0] = 1.0
    return np.sum(rows)


def writing_an_item_that_is_elsewhere(a):
    m = np.outer(a, a)
    rows = [row for row in m]
    rows[0][0] = 1.0  # error: a write to an array that may be a copy
#   ^
    return m[0, 0]


def a_list_of_items_of_a_list(a):
    m = np.outer(a, a)
    rows = [row for row in m]
    again = [row for row in rows]  # error: an array that may be a copy, read (line
    #       ^
    m[0, 0] = 1.0
    return again[0][0]


def lists_of_what_is_written(a):
    m = np.outer(a, a)
    rows = [[row for row in m] for _ in a]  # error: an array that may be a copy, read (line
    #      ^
    m[0, 0] = 1.0
    return rows[0][0][0]
