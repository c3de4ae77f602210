"""Methods of numbers: of Python's, and of NumPy's, which elements of arrays are.

Which class has which, Python says itself (`spellings.py`).
"""

import numpy as np


def bit_length(n):
    """How many bits the absolute value takes."""
    if n < -(2**62):
        return 63 if n > -(2**63) else 64
    n, size = abs(int(n)), 0
    for k in (32, 16, 8, 4, 2, 1):
        if n >> k != 0:
            n >>= k
            size += k
    return size + n


def bit_count(n):
    """How many bits of the absolute value are set."""
    n = int(n)
    if n < -(2**63) + 1:
        return 1
    n, size = abs(n), 0
    while n != 0:
        n &= n - 1
        size += 1
    return size


def is_integer(x):
    return True if isinstance(x, (int, np.integer)) else x % 1.0 == 0.0


def conjugate(x):
    return x if isinstance(x, np.bool_) else +x


def conj(x):
    return x


def copy(x):
    return x


def item(x):
    if isinstance(x, np.bool_):
        return bool(x)
    return int(x) if isinstance(x, np.integer) else float(x)


def tolist(x):
    return item(x)
