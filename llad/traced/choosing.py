"""What is chosen, rounded or compared element by element."""

import numpy as np


def select(condlist, choicelist, default=0):
    """Per element, the choice of the first condition that holds."""
    out = default
    for condition, choice in reversed(tuple(zip(condlist, choicelist, strict=True))):
        out = np.where(condition, choice, out)
    return out


def piecewise(x, condlist, funclist):
    """Per element, what goes with the last condition that holds: a number or a function; one more is for the rest."""
    out = funclist[len(condlist)] if len(funclist) > len(condlist) else 0.0
    out = out(x) if callable(out) else out
    for condition, piece in zip(condlist, funclist, strict=False):
        out = np.where(condition, piece(x) if callable(piece) else piece, out)
    x = np.asarray(x)
    out = np.asarray(out + np.zeros_like(x))
    return out if out.dtype == x.dtype else out.astype(x.dtype)


def heaviside(x1, x2):
    """0 below zero, 1 above, and `x2` at zero. Constant in between: no derivative passes, but to `x2`."""
    x2 = x2 + (np.zeros_like(x1) if np.ndim(x1) else np.zeros_like(np.asarray(x1))[()])
    return np.where(np.isnan(x1), np.nan, np.where(x1 < 0.0, 0.0, np.where(x1 > 0.0, 1.0, x2)))


def nan_to_num(x, *, nan=0.0, posinf=None, neginf=None):
    """What is not finite is replaced."""
    x = np.asarray(x) if np.ndim(x) else x
    if np.asarray(x).dtype == np.int64 or np.asarray(x).dtype == np.int32:
        return np.multiply(x, 1)
    top = 1.7976931348623157e308 if posinf is None else posinf
    low = -1.7976931348623157e308 if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x == np.inf, top, np.where(x == -np.inf, low, x)))


def isclose(a, b, rtol=1e-05, atol=1e-08, *, equal_nan=False):
    """Whether |a - b| ≤ atol + rtol·|b|."""
    near = np.abs(np.subtract(a, b)) <= atol + rtol * np.abs(b)
    near = (near & np.isfinite(b)) | np.equal(a, b)
    return near | (np.isnan(a) & np.isnan(b)) if equal_nan else near


def allclose(a, b, rtol=1e-05, atol=1e-08, *, equal_nan=False):
    """Whether all elements are close."""
    return np.all(isclose(a, b, rtol, atol, equal_nan=equal_nan))


def array_equal(a1, a2):
    """Whether two arrays have the same shape and elements."""
    a, b = np.asarray(a1), np.asarray(a2)
    if a.ndim != b.ndim:
        return False
    alike = True
    for k in range(a.ndim):
        alike = alike and a.shape[k] == b.shape[k]
    return bool(np.all(a == b)) if alike else False


def round(a, decimals=0):
    """To the nearest number of so many decimals, ties to even. Constant in between: no derivative passes."""
    factor = 10.0 ** abs(decimals)
    dtype = np.asarray(a).dtype
    if dtype == np.int64 or dtype == np.int32:
        if decimals >= 0:
            return np.multiply(a, 1)
        return np.asarray(np.rint(np.divide(a, factor)) * factor).astype(dtype)
    if decimals == 0:
        return np.rint(a)
    return np.rint(np.multiply(a, factor)) / factor if decimals > 0 else np.rint(np.divide(a, factor)) * factor


around = round


def divmod(x1, x2):
    """The quotient, rounded down, and the remainder."""
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


def modf(x):
    """The fraction and the whole part, both with the sign of the number."""
    whole = np.trunc(np.multiply(x, 1.0))
    return np.where(np.isinf(x), 0.0, x - whole), whole


def float_power(x1, x2):
    """The power, in float64."""
    return np.power(np.multiply(x1, np.float64(1.0)), x2)


def logaddexp2(x1, x2):
    """log2(2**x1 + 2**x2)."""
    return np.logaddexp(np.multiply(x1, 0.6931471805599453), np.multiply(x2, 0.6931471805599453)) / 0.6931471805599453


def sinc(x):
    """sin(πx)/(πx), and 1 at 0."""
    y = np.multiply(x, np.pi)
    s = y * y
    near = np.abs(y) < 0.1
    series = 1.0 - s / 6.0 * (1.0 - s / 20.0 * (1.0 - s / 42.0 * (1.0 - s / 72.0)))
    y = np.where(near, 1.0, y)
    return np.where(near, series, np.sin(y) / y)


def array_equiv(a1, a2):
    """Whether two arrays are equal where they are broadcast."""
    return bool(np.all(np.equal(a1, a2)))


def fix(x):
    """To the nearest integer towards zero. Constant in between: no derivative passes."""
    return np.trunc(x)


def signbit(x):
    """Whether the sign is minus, also of zero."""
    return np.copysign(1.0, x) < 0.0


def isposinf(x):
    """Whether an element is infinite and positive."""
    return np.logical_and(np.isinf(x), np.greater(x, 0.0))


def isneginf(x):
    """Whether an element is infinite and negative."""
    return np.logical_and(np.isinf(x), np.less(x, 0.0))
