"""Discrete Fourier transforms along an axis, of any length.

A length is taken apart into factors of four, two and odd primes, one pass over the data each, in which the results come
out in order (R. C. Singleton, IEEE Trans. Audio Electroacoust. 17, 1969; the self-sorting arrangement is T. Stockham's,
AFIPS SJCC 28, 1966). A pass is linear in the data and its factors are read from one table, so its reverse needs
nothing of what it computed.
"""

import math

import numpy as np

# A prime factor beyond this takes a convolution, of cost n log n, rather than a pass of cost n times the factor.
_MANY = 50


def fft(a, n=None, axis=-1, norm=None):
    """The transform along an axis, of `n` elements: cut off, or with zeros behind."""
    a = np.asarray(a)
    return _transform(np.real(a), np.imag(a), n, axis, _scale(norm, "forward"), False)


def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of `fft`."""
    a = np.asarray(a)
    return _transform(np.real(a), np.imag(a), n, axis, _scale(norm, "backward"), True)


def rfft(a, n=None, axis=-1, norm=None):
    """The first half of `fft` of real numbers, which tells the other: `n // 2 + 1` elements."""
    a = np.asarray(a)
    found = _transform(a, np.zeros_like(a), n, axis, _scale(norm, "forward"), False)
    return np.moveaxis(np.moveaxis(found, axis, 0)[: np.shape(found)[axis] // 2 + 1], 0, axis)


def irfft(a, n=None, axis=-1, norm=None):
    """The inverse of `rfft`, of `n` elements: if that is not said, of an even number."""
    a = np.asarray(a)
    re, im = np.moveaxis(np.real(a), axis, 0), np.moveaxis(np.imag(a), axis, 0)
    if n is None:
        n = 2 * (len(re) - 1)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    half = n // 2 + 1
    given = min(half, len(re))
    x, y = np.zeros((n, *re.shape[1:]), re.dtype), np.zeros((n, *re.shape[1:]), re.dtype)
    x[:given] = re[:given]
    y[1:given] = im[1:given]  # of the first, and of a middle one, only the real part counts
    if n % 2 == 0:
        y[n // 2] = 0.0
    x[half:] = x[1 : n - half + 1][::-1]
    y[half:] = -y[1 : n - half + 1][::-1]
    found = _transform(x, y, n, 0, _scale(norm, "backward"), True)
    return np.moveaxis(np.real(found), 0, axis)


def fft2(a, s=None, axes=(-2, -1), norm=None):
    """`fft` along two axes."""
    return fftn(a, s, axes, norm)


def ifft2(a, s=None, axes=(-2, -1), norm=None):
    """The inverse of `fft2`."""
    return ifftn(a, s, axes, norm)


def fftn(a, s=None, axes=None, norm=None):
    """`fft` along several axes, or all, of the lengths `s`."""
    for n, axis in _lengths(a, s, axes):
        a = fft(a, n, axis, norm)
    return a


def ifftn(a, s=None, axes=None, norm=None):
    """The inverse of `fftn`."""
    for n, axis in _lengths(a, s, axes):
        a = ifft(a, n, axis, norm)
    return a


def fftfreq(n, d=1.0):
    """The frequencies of the elements of a transform of samples at distances `d`."""
    k = np.arange(n)
    return np.where(k < (n + 1) // 2, k, k - n) * (1.0 / (n * d))


def rfftfreq(n, d=1.0):
    """The frequencies of the elements of `rfft`."""
    return np.arange(n // 2 + 1) * (1.0 / (n * d))


def fftshift(x, axes=None):
    """The elements moved by half the length along axes, or all, so that the frequency zero stands in the middle."""
    x = np.asarray(x)
    for axis in _axes(x, axes):
        x = np.roll(x, np.shape(x)[axis] // 2, axis)
    return x


def ifftshift(x, axes=None):
    """The inverse of `fftshift`."""
    x = np.asarray(x)
    for axis in _axes(x, axes):
        x = np.roll(x, -(np.shape(x)[axis] // 2), axis)
    return x


def _axes(x, axes):
    if axes is None:
        return tuple(range(len(np.shape(x))))
    return (axes,) if isinstance(axes, int) else tuple(axes)


def _lengths(a, s, axes):
    """Each length, or none, and its axis, the last first."""
    if axes is None:
        axes = tuple(range(len(np.shape(a)))) if s is None else tuple(range(-len(s), 0))
    sizes = (None,) * len(axes) if s is None else tuple(s)
    if len(sizes) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    return tuple(zip(sizes, axes, strict=True))[::-1]


def _scale(norm, divided):
    """The power of the length by which a transform in some direction is multiplied, if that one is divided."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    if norm == "ortho":
        return -0.5
    return -1.0 if (norm or "backward") == divided else 0.0


def _transform(re, im, n, axis, power, inverse):
    re, im = np.moveaxis(re, axis, 0), np.moveaxis(im, axis, 0)
    given, others = len(re), re.shape[1:]
    if n is None:
        n = given
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    rows = math.prod(others)
    re, im = re.reshape(given, rows), im.reshape(given, rows)
    if inverse:  # the transform of numbers whose parts have changed places
        y, x = _spectra(im, re, n)
    else:
        x, y = _spectra(re, im, n)
    shape = (n, *others)
    x, y = np.moveaxis(x.reshape(shape), 0, axis), np.moveaxis(y.reshape(shape), 0, axis)
    if power != 0.0:
        scale = x.dtype.type(float(n) ** power) if x.dtype == np.float32 else float(n) ** power
        x, y = x * scale, y * scale
    elif axis % len(shape):  # what comes next is rather not taken from columns
        x, y = x.copy(), y.copy()
    return complex(x, y)  # in traced code `complex` joins arrays, too


def _spectra(re, im, n):
    """The transforms of columns, cut off or with zeros behind, in rows one after another."""
    given, rows = min(n, len(re)), re.shape[1]
    kind = re.dtype if re.dtype == np.float32 else np.float64
    convolved = _greatest_factor(n) > _MANY
    length = _room(2 * n - 1) if convolved else n
    cos, sin = _table(length, kind)
    x, y = np.zeros((length, rows), kind), np.zeros((length, rows), kind)
    x[:given], y[:given] = re[:given], im[:given]
    x, y = x.reshape(-1), y.reshape(-1)
    extra = length if convolved else 0
    c, s, u, v = np.zeros(extra, kind), np.zeros(extra, kind), np.zeros(extra, kind), np.zeros(extra, kind)
    if convolved:
        _chirp(c, s, u, v, n)
        u, v = _passes(u, v, length, 1, cos, sin)
        _turn(x, y, c, s, rows)
    x, y = _passes(x, y, length, rows, cos, sin, (u, v))
    if convolved:
        y *= -1.0
        _turn(x, y, c, s, rows)
    return x[: n * rows], y[: n * rows]


def _greatest_factor(n):
    p = 2
    while p * p <= n:
        if n % p:
            p += 1
        else:
            n //= p
    return n


def _room(n):
    """The next power of two."""
    length = 1
    while length < n:
        length *= 2
    return length


def _chirp(c, s, u, v, n):
    """The factors with which a transform is a convolution with c[k] = exp(-iπk²/n), of a length that is a power of two
    (L. I. Bluestein, IEEE Trans. Audio Electroacoust. 18, 1970): 2jk = j² + k² - (j - k)². What it is convolved with
    is divided by the length, for the transform back."""
    for k in range(n):
        turn = np.pi * (k * k % (2 * n)) / n
        c[k], s[k] = np.cos(turn), -np.sin(turn)
        u[k] = u[-k] = np.cos(turn) / len(u)
        v[k] = v[-k] = np.sin(turn) / len(u)


def _turn(x, y, c, s, rows):
    """Multiply each row by a complex number."""
    for k in range(len(c)):
        for r in range(rows):
            at = k * rows + r
            re = c[k] * x[at] - s[k] * y[at]
            y[at] = s[k] * x[at] + c[k] * y[at]
            x[at] = re


def _table(n, kind):
    """cos and -sin of 2πk/n, from angles up to π/4: so quarters of a turn are exact."""
    cos, sin = np.empty(n, kind), np.empty(n, kind)
    for k in range(n):
        quarter, rest = 4 * k // n, 4 * k % n
        if 2 * rest <= n:
            c, s = np.cos(0.5 * np.pi * rest / n), np.sin(0.5 * np.pi * rest / n)
        else:
            c, s = np.sin(0.5 * np.pi * (n - rest) / n), np.cos(0.5 * np.pi * (n - rest) / n)
        if quarter == 1:
            c, s = -s, c
        elif quarter == 2:
            c, s = -c, -s
        elif quarter == 3:
            c, s = s, -c
        cos[k] = c
        sin[k] = -s
    return cos, sin


def _passes(x, y, n, rows, cos, sin, factors=None):
    """The transform of the first axis of `n` of data with so many rows beside one another. `factors`: if there are
    any, the rows are multiplied by them and transformed back."""
    left, done = n, 1
    back = factors is not None and len(factors[0]) > 0
    while left > 1:
        p = 2
        if left % 4 == 0:
            p = 4
        elif left % 2:
            p = 3
            while left % p:
                p += 2
        m, wide = left // p, done * rows
        u, v = np.zeros_like(x), np.zeros_like(y)
        for q in range(m):
            for k in range(p):
                to = (p * q + k) * wide
                for j in range(p):
                    turn = (q * k * done + j * k * (n // p)) % n
                    c, s = cos[turn], sin[turn]
                    at = (q + m * j) * wide
                    for r in range(wide):
                        u[to + r] += c * x[at + r] - s * y[at + r]
                        v[to + r] += c * y[at + r] + s * x[at + r]
        x, y = u, v
        left, done = m, done * p
        if factors is not None and back and left == 1:
            _turn(x, y, *factors, rows)
            y *= -1.0
            left, done, back = n, 1, False
    return x, y
