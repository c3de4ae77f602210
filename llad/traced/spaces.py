"""Progressions between two ends, which may be arrays: then they lie along a new axis."""

import numpy as np


def _between(start, stop, num, endpoint=True, retstep=False, axis=0):
    """`np.linspace` between arrays; the last of the numbers is exactly `stop`."""
    start, stop = (np.asarray(x) * 1.0 if isinstance(x, (tuple, list)) else x * 1.0 for x in (start, stop))
    gaps = num - 1 if endpoint else num
    step = np.asarray((stop - start) / max(gaps, 1))
    out = np.arange(num).astype(step.dtype).reshape((num,) + (1,) * step.ndim) * step + start
    if endpoint and num > 1:
        out[-1] = stop
    out = np.moveaxis(out, 0, axis)
    return (out, step if gaps > 0 else step * np.nan) if retstep else out


def logspace(start, stop, num=50, endpoint=True, base=10.0, *, axis=0):
    """Powers of `base` at equal distances of the exponent."""
    return np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))


def geomspace(start, stop, num=50, endpoint=True, *, axis=0):
    """Numbers of equal ratios, all of one sign."""
    start, stop = np.multiply(start, np.float64(1.0)), np.multiply(stop, np.float64(1.0))
    sign = np.where(start * stop > 0.0, np.sign(start), np.nan)
    exponents = np.linspace(np.log(np.abs(start)), np.log(np.abs(stop)), num, endpoint, axis=axis)
    return np.expand_dims(sign, axis) * np.exp(exponents) if np.ndim(sign) else sign * np.exp(exponents)
