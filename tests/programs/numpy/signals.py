"""Signals and images."""

import numpy as np

from programs.numpy.example import example


@example(lambda r, n: (r.normal(size=(n, n + 1)), r.normal(size=(n, n + 1)), 0.2))
def total_variation(u, noisy, lam):
    dx = u[1:, :-1] - u[:-1, :-1]
    dy = u[:-1, 1:] - u[:-1, :-1]
    tv = np.sqrt(dx**2 + dy**2 + 1e-3)
    return 0.5 * ((u - noisy) ** 2).sum() + lam * tv.sum()


@example(lambda r, n: (r.normal(size=(n + 2, n)), r.uniform(0.2, n - 1.5, size=(2, 6))), step=1e-4)
def bilinear_interpolation(image, coords):
    y, x = coords
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    wy, wx = y - y0, x - x0
    top = image[y0, x0] * (1 - wx) + image[y0, x0 + 1] * wx
    bottom = image[y0 + 1, x0] * (1 - wx) + image[y0 + 1, x0 + 1] * wx
    return np.sum((top * (1 - wy) + bottom * wy) ** 2)


@example(lambda r, n: (r.normal(size=(n + 1, n + 2)), r.normal(size=(3, 3))))
def convolution_2d(image, kernel):
    padded = np.pad(image, 1, mode="edge")
    out = np.zeros_like(image)
    flipped = np.flip(kernel)
    for di in range(kernel.shape[0]):
        for dj in range(kernel.shape[1]):
            out += flipped[di, dj] * padded[di : di + image.shape[0], dj : dj + image.shape[1]]
    return np.linalg.norm(out)


@example(lambda r, n: (r.normal(size=4 * n), 0.3))
def exponential_smoothing(x, alpha):
    s = np.empty_like(x)
    s[0] = x[0]
    for t in range(1, x.size):
        s[t] = alpha * x[t] + (1 - alpha) * s[t - 1]
    return np.mean((x[1:] - s[:-1]) ** 2)


@example(lambda r, n: (r.normal(size=5), np.linspace(0, 1, 3 * n), r.normal(size=3 * n)))
def fourier_series(coefficients, t, y):
    a, b = coefficients[1::2], coefficients[2::2]
    k = np.arange(1, 3)[:, None]
    basis = 2 * np.pi * k * t
    fit = coefficients[0] + a @ np.cos(basis) + b @ np.sin(basis)
    return ((fit - y) ** 2).mean() ** 0.5


@example(lambda r, n: (r.normal(size=2 * n), 1.5))
def discrete_fourier(x, cutoff):
    n = len(x)
    k = np.arange(n)
    F = np.exp(-2j * np.pi * np.outer(k, k) / n)
    spectrum = F @ x
    power = np.abs(spectrum[: n // 2]) ** 2
    return np.sum(power * np.exp(-k[: n // 2] / cutoff)) / n


@example(lambda r, n: (r.uniform(-1, 1, size=3 * n), r.uniform(-1, 1, size=3 * n)), step=1e-4)
def soft_clipping(x, y, threshold=0.6):
    z = x.copy()
    loud = np.abs(z) > threshold
    z[loud] = np.sign(z[loud]) * (threshold + 0.1 * np.tanh(np.abs(z[loud]) - threshold))
    z *= 2.0
    return np.sum((z - y) ** 2)


@example(lambda r, n: (r.normal(size=(n, n)), r.normal(size=(n, n))))
def structural_similarity(a, b, c1=0.01, c2=0.03):
    mu_a, mu_b = a.mean(), b.mean()
    cov = ((a - mu_a) * (b - mu_b)).mean()
    top = (2 * mu_a * mu_b + c1) * (2 * cov + c2)
    return top / ((mu_a**2 + mu_b**2 + c1) * (a.var() + b.var() + c2))
