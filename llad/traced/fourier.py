"""Discrete Fourier transforms along an axis, of any length.

A length is taken apart into factors of four, two and odd primes, one pass over the data each, in which the results come
out in order (R. C. Singleton, IEEE Trans. Audio Electroacoust. 17, 1969; the self-sorting arrangement is T. Stockham's,
AFIPS SJCC 28, 1966). A pass is linear in the data and its factors are read from one table, so its reverse needs
nothing of what it computed.
"""

import numpy as np

# A prime factor beyond this takes a convolution, of cost n log n, rather than a pass of cost n times the factor.
_MANY = 50


def fft(a, n=None, axis=-1, norm=None):
    """The transform along an axis, of `n` elements: cut off, or with zeros behind."""
    a = np.asarray(a)
    return _transform(np.real(a), np.imag(a), n, axis, _scale(norm, "forward"), -1.0)


def ifft(a, n=None, axis=-1, norm=None):
    """The inverse of `fft`."""
    a = np.asarray(a)
    return _transform(np.real(a), np.imag(a), n, axis, _scale(norm, "backward"), 1.0)


def rfft(a, n=None, axis=-1, norm=None):
    """The first half of `fft` of real numbers, which tells the other: `n // 2 + 1` elements."""
    a = np.asarray(a)
    found = _transform(a, np.zeros_like(a), n, axis, _scale(norm, "forward"), -1.0)
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
    found = _transform(x, y, n, 0, _scale(norm, "backward"), 1.0)
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


def _transform(re, im, n, axis, power, sign):
    re, im = np.moveaxis(re, axis, 0), np.moveaxis(im, axis, 0)
    if n is None:
        n = len(re)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    given = min(n, len(re))
    shape = (n, *re.shape[1:])
    rows = np.size(re) // max(len(re), 1) if re.ndim > 1 else 1
    kind = re.dtype if re.dtype == np.float32 else np.float64
    x, y = np.zeros((n, *re.shape[1:]), kind), np.zeros((n, *re.shape[1:]), kind)
    x[:given] = re[:given]
    y[:given] = im[:given]
    if _greatest_factor(n) > _MANY:
        x, y = _by_convolution(x, y, n, rows, sign, kind)
    else:
        x, y = _passes(x.reshape(-1), y.reshape(-1), n, rows, *_table(n, sign, kind))
    if power != 0.0:
        scale = kind.type(float(n) ** power) if kind == np.float32 else float(n) ** power
        x, y = x * scale, y * scale
    re, im = x.reshape(shape), y.reshape(shape)
    return np.moveaxis(complex(re, im), 0, axis)  # in traced code `complex` joins arrays, too


def _greatest_factor(n):
    p = 2
    while p * p <= n:
        if n % p:
            p += 1
        else:
            n //= p
    return n


def _by_convolution(x, y, n, rows, sign, kind):
    """The transform as a convolution with c[k] = exp(∓iπk²/n), of a length that is a power of two (L. I. Bluestein,
    IEEE Trans. Audio Electroacoust. 18, 1970): jk = (j² + k² - (j - k)²) / 2."""
    length = 1
    while length < 2 * n - 1:
        length *= 2
    cos, sin = _table(2 * n, sign, kind)
    square = np.arange(n) * np.arange(n) % (2 * n)
    c, s = cos[square][:, None], sin[square][:, None]
    p, q = np.zeros((length, rows), kind), np.zeros((length, rows), kind)
    x, y = x.reshape(n, rows), y.reshape(n, rows)
    p[:n] = x * c - y * s
    q[:n] = x * s + y * c
    u, v = np.zeros((length, 1), kind), np.zeros((length, 1), kind)
    u[:n], v[:n] = c, -s
    u[length - n + 1 :], v[length - n + 1 :] = c[1:][::-1], -s[1:][::-1]
    cos, sin = _table(length, -1.0, kind)
    p, q = _passes(p.reshape(-1), q.reshape(-1), length, rows, cos, sin)
    u, v = _passes(u.reshape(-1), v.reshape(-1), length, 1, cos, sin)
    p, q, u, v = p.reshape(length, rows), q.reshape(length, rows), u[:, None], v[:, None]
    p, q = (p * u - q * v).reshape(-1), (p * v + q * u).reshape(-1)
    p, q = _passes(p, q, length, rows, cos, -sin)
    p, q = p.reshape(length, rows)[:n] / length, q.reshape(length, rows)[:n] / length
    return (p * c - q * s).reshape(-1), (p * s + q * c).reshape(-1)


def _table(n, sign, kind):
    """cos and ±sin of 2πk/n, from angles up to π/4: so quarters of a turn are exact."""
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
        sin[k] = sign * s
    return cos, sin


def _passes(x, y, n, rows, cos, sin):
    """The transform of the first axis of `n` of data with so many rows beside one another."""
    left, done = n, 1
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
    return x, y
