"""Functions that call themselves: on arrays in place, on windows and new arrays, on structures, on each other."""

import math

import numpy as np

from programs.case import program


def quicksort(a, lo, hi):
    if lo >= hi:
        return
    pivot, i = a[hi], lo
    for j in range(lo, hi):
        if a[j] < pivot:
            a[i], a[j] = a[j], a[i]
            i += 1
    a[i], a[hi] = a[hi], a[i]
    quicksort(a, lo, i - 1)
    quicksort(a, i + 1, hi)


@program(lambda r: (r.permutation(7) * 0.3 + 0.1,), second=True)
def quicksort_in_place(x):
    a = x * x
    quicksort(a, 0, len(a) - 1)
    s = 0.0
    for i in range(len(a)):
        s += a[i] * (i + 1) * x[i]
    return s


def quickselect(a, lo, hi, k):
    """The argument itself comes back, arranged."""
    if lo >= hi:
        return a
    pivot, i = a[hi], lo
    for j in range(lo, hi):
        if a[j] < pivot:
            a[i], a[j] = a[j], a[i]
            i += 1
    a[i], a[hi] = a[hi], a[i]
    if i == k:
        return a
    return quickselect(a, lo, i - 1, k) if k < i else quickselect(a, i + 1, hi, k)


@program(lambda r: (r.permutation(6) * 0.3 + 0.1,))
def median_by_selection(x):
    a = x * x
    b = quickselect(a, 0, len(a) - 1, len(a) // 2)
    b[0] *= 2.0
    return b[len(b) // 2] * a[0] + np.sum(a * x)


def merge_sort(a):
    n = len(a)
    if n < 2:
        return a
    left, right = merge_sort(a[: n // 2]), merge_sort(a[n // 2 :])
    out = np.empty_like(a)
    i, j = 0, 0
    for k in range(n):
        if j >= len(right) or (i < len(left) and left[i] <= right[j]):
            out[k] = left[i]
            i += 1
        else:
            out[k] = right[j]
            j += 1
    return out


@program(lambda r: (r.permutation(7) * 0.3 + 0.1,), second=True)
def merge_sort_with_new_arrays(x):
    return np.sum(merge_sort(x * x) * x)


def fourier(re, im):
    n = len(re)
    if n == 1:
        return re.copy(), im.copy()
    even_re, even_im = fourier(re[::2], im[::2])
    odd_re, odd_im = fourier(re[1::2], im[1::2])
    out_re, out_im = np.empty_like(re), np.empty_like(im)
    half = n // 2
    for k in range(half):
        c, s = math.cos(2 * math.pi * k / n), -math.sin(2 * math.pi * k / n)
        t_re, t_im = c * odd_re[k] - s * odd_im[k], c * odd_im[k] + s * odd_re[k]
        out_re[k], out_im[k] = even_re[k] + t_re, even_im[k] + t_im
        out_re[k + half], out_im[k + half] = even_re[k] - t_re, even_im[k] - t_im
    return out_re, out_im


@program(lambda r: (r.normal(size=8), r.normal(size=8)))
def fast_fourier_transform(x, y):
    re, im = fourier(x, y)
    s = 0.0
    for k in range(len(re)):
        s += (re[k] * re[k] + im[k] * im[k]) / (1 + k) + re[k] * x[k]
    return s


def queens(column, taken, row, n):
    """How many ways there are, each weighed by what it takes."""
    if row == n:
        return 1.0
    total = 0.0
    for c in range(n):
        free = True
        for above in range(row):
            free = free and taken[above] != c and abs(taken[above] - c) != row - above
        if free:
            taken[row] = c
            total += column[row, c] * queens(column, taken, row + 1, n)
    return total


@program(lambda r: (r.uniform(0.5, 1.5, (4, 4)),))
def weighed_queens(w):
    n = w.shape[0]
    return queens(w, np.zeros(n, dtype=np.int64), 0, n)


def hanoi(weights, n, start, end, spare):
    if n == 0:
        return 0.0
    before = hanoi(weights, n - 1, start, spare, end)
    return before + weights[n - 1] * (1 + start) * weights[end] + hanoi(weights, n - 1, spare, end, start)


@program(lambda r: (r.normal(size=4),), second=True)
def towers_of_hanoi(w):
    return hanoi(w, len(w), 0, 2, 1)


LEFT = np.array([1, 3, -1, -1, -1, -1])
RIGHT = np.array([2, 4, 5, -1, -1, -1])


def bottom_up(values, left, right, node):
    if node < 0:
        return 1.0
    a, b = bottom_up(values, left, right, left[node]), bottom_up(values, left, right, right[node])
    return math.tanh(values[node] * a + b) * values[node]


def path_sums(values, sums, above, node):
    if node >= 0:
        sums[node] = above * values[node]
        path_sums(values, sums, sums[node] + 1.0, LEFT[node])
        path_sums(values, sums, sums[node] * 0.5, RIGHT[node])


@program(lambda r: (r.normal(size=6),), second=True)
def trees_of_indices(v):
    sums = np.zeros_like(v)
    path_sums(v, sums, 1.0, 0)
    return bottom_up(v, LEFT, RIGHT, 0) + np.sum(sums * v)


# prefix notation: 0 a number, 1 plus, 2 times, 3 sine; (3 + x0) * sin(x1 * (x2 + x3)), say
CODE = np.array([2, 1, 0, 0, 3, 2, 0, 1, 0, 0])


def evaluate(code, numbers, at, used):
    """The value, and how far code and numbers have been read."""
    op = code[at]
    if op == 0:
        return numbers[used], at + 1, used + 1
    a, at, used = evaluate(code, numbers, at + 1, used)
    if op == 3:
        return math.sin(a), at, used
    b, at, used = evaluate(code, numbers, at, used)
    return (a + b if op == 1 else a * b), at, used


@program(lambda r: (r.normal(size=5),), second=True)
def expression_in_prefix_notation(x):
    value, at, used = evaluate(CODE, x, 0, 0)
    return value * x[0] + at - used


def even(x, n):
    return x if n == 0 else math.sin(x) * odd(x * 0.9, n - 1)


def odd(x, n):
    return 1.0 if n == 0 else math.exp(-x) * even(x + 0.1, n - 1)


@program(lambda r: (0.7, 9), second=True)
def even_and_odd(x, n):
    return even(x, n) + odd(x, n) * even(x * 0.5, n - 1)


def minors(m, rows, cols, k):
    n = len(rows)
    if k == n:
        return 1.0
    total, sign = 0.0, 1.0
    for j in range(k, n):
        cols[k], cols[j] = cols[j], cols[k]
        total += (sign if j == k else -sign) * m[rows[k], cols[k]] * minors(m, rows, cols, k + 1)
        cols[k], cols[j] = cols[j], cols[k]
    return total


@program(lambda r: (r.normal(size=(4, 4)),))
def determinant_by_minors(m):
    n = m.shape[0]
    cols = np.arange(n)
    return minors(m, np.arange(n), cols, 0) * m[0, 1] + cols[1]


def laplace(m, cols, k):
    """The list is known while compiling, so this ends by itself."""
    total, sign = 0.0, 1.0
    for j in range(len(cols)):
        left = cols.pop(j)
        total += sign * m[k, left] * laplace(m, cols, k + 1)
        cols.insert(j, left)
        sign = -sign
    return total if len(cols) else 1.0


@program(lambda r: (r.normal(size=(3, 3)),))
def determinant_by_a_list(m):
    return laplace(m, [0, 1, 2], 0)


def block_product(a, b):
    n = a.shape[0]
    if n == 1:
        return a * b
    h = n // 2
    c = np.empty_like(a)
    for i in range(0, n, h):
        for j in range(0, n, h):
            first = block_product(a[i : i + h, :h], b[:h, j : j + h])
            c[i : i + h, j : j + h] = first + block_product(a[i : i + h, h:], b[h:, j : j + h])
    return c


@program(lambda r: (r.normal(size=(4, 4)), r.normal(size=(4, 4))))
def product_by_blocks(a, b):
    return np.sum(block_product(a, b) * a)


def window(a, m):
    return a if m == 0 else window(a[1:], m - 1)


@program(lambda r: (r.normal(size=5), 2), second=True)
def windows_come_back(x, n):
    a = x * x
    s = 0.0
    for k in range(n + 1):
        w = window(a, k)
        w[0] = w[1] * w[0]
        s += np.sum(w) * a[k]
    return s + np.sum(a)


@program(lambda r: (r.normal(size=4), 3))
def written_through_what_came_back(x, n):
    a = np.zeros_like(x)
    b = window(a, n)
    b[0] = x[0] * x[1]
    return a[n] * x[2] + np.sum(a)


def exchanged(a, b, m):
    return (a, b) if m == 0 else exchanged(b, a, m - 1)


@program(lambda r: (r.normal(size=4), 3), second=True)
def arguments_change_places(x, n):
    p, q = exchanged(x * 2.0, x * x, n)
    p[0] = 5.0 * q[1]
    q[2] *= p[0]
    return np.sum(p * q * q)


def mixed(a, m):
    """The argument, a new array, and windows on it: which, only running tells."""
    if m == 0:
        return a, a[1:], a
    fresh, tail, same = mixed(a * 1.5 if m % 2 else a, m - 1)
    tail[0] *= same[0]
    return (same * fresh if m == 2 else fresh), tail, same


@program(lambda r: (r.uniform(0.5, 1.5, 4), 3))
def one_array_comes_back_several_times(x, n):
    a = x * x
    p, q, s = mixed(a, n)
    q[1] = 7.0 * x[0] * p[1]
    s[0] = p[0] * q[0]
    return np.sum(p * s) + np.sum(q) + np.sum(a * x)


def enclosed(x, n):
    a = x * 2.0

    def rec(m):
        if m == 0:
            return a
        b = rec(m - 1)
        b[0] *= 1.5
        return b

    b = rec(n)
    b[1] *= b[0]
    return a


@program(lambda r: (r.normal(size=3), 3))
def arrays_of_the_enclosing_function(x, n):
    return np.sum(enclosed(x, n) * x)


def relaxed(layers, h, m):
    """A list of dicts of arrays, read."""
    if m == 0:
        return h
    for layer in layers:
        h = np.tanh(layer["w"] @ h + layer["b"])
    return relaxed(layers, h, m - 1)


@program(lambda r: (r.normal(size=(2, 2)), r.normal(size=2), 2))
def lists_of_dicts(w, b, n):
    layers = [{"w": w, "b": b}, {"w": w * 0.5, "b": b * b}]
    return np.sum(relaxed(layers, b, n) * b)


def rotated(v, state, m):
    """Lists and dicts made anew at each call."""
    if m == 0:
        return {"first": v[0], "rest": [v[1], state["t"]]}
    return rotated([v[1] + v[0] * 0.1, v[0]], {"t": state["t"] * v[1], "k": state["k"] + 1}, m - 1)


@program(lambda r: (0.7, 1.3, 4), second=True)
def lists_and_dicts_made_anew(x, y, n):
    out = rotated([x, y], {"t": x * y, "k": 0}, n)
    return out["first"] * out["rest"][0] + out["rest"][1]


def same_list(v, m):
    return v if m == 0 else same_list(v, m - 1)


@program(lambda r: (0.7, 3))
def a_list_comes_back(x, n):
    v = [x, x * 2.0]
    w = same_list(v, n)
    return w[0] * w[1] + v[1]
