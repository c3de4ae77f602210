"""Objectives in array style, for JAX, PyTorch and autograd; in NumPy they are the check of what the loops compute.

Each takes a `Style` first: the package's arrays and its loops.
"""

from __future__ import annotations

import importlib
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from examples.predator_prey import runge_kutta


@dataclass(frozen=True)
class Style:
    """`scan(step, state, rows, length)` and `loop(condition, step, state)` are as JAX's `scan` and `while_loop`."""

    np: Any
    scan: Callable[..., Any]
    loop: Callable[..., Any]
    erfc: Callable[[Any], Any]


def style_of_python(xp: Any, erfc: Callable[[Any], Any]) -> Style:
    """With Python's own loops."""

    def scan(step: Any, state: Any, rows: Any = None, length: int | None = None) -> Any:
        results = []
        for k in range(len(rows) if length is None else length):
            state, result = step(state, None if rows is None else rows[k])
            results.append(result)
        return state, None if results[0] is None else xp.stack(results)

    def loop(condition: Any, step: Any, state: Any) -> Any:
        while condition(state):
            state = step(state)
        return state

    return Style(xp, scan, loop, erfc)


def numpy_style() -> Style:
    return style_of_python(np, np.vectorize(math.erfc))


def autograd_style() -> Style:
    erfc = importlib.import_module("autograd.scipy.special").erfc
    return style_of_python(importlib.import_module("autograd.numpy"), erfc)


def jax_style() -> Style:
    lax = importlib.import_module("jax.lax")
    return Style(importlib.import_module("jax.numpy"), lax.scan, lax.while_loop, lax.erfc)


def torch_style() -> Style:
    """Most of PyTorch's functions take NumPy's words for what they do."""
    torch = importlib.import_module("torch")
    same = "sum mean exp log sqrt sin cos tanh where einsum concatenate stack roll arange"
    names, pad = {name: getattr(torch, name) for name in same.split()}, torch.nn.functional.pad
    names |= {"max": torch.amax, "min": torch.amin, "cross": torch.linalg.cross, "asarray": torch.as_tensor}
    xp = types.SimpleNamespace(**names, pad=lambda x, width, mode: pad(x, (width,) * 2 * x.ndim, mode))
    return style_of_python(xp, torch.erfc)


def of_scalars(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of scalars is the same in every package."""
    return lambda style, *args: function(*args)


def logsumexp(xp: Any, x: Any) -> Any:
    """Over the last axis."""
    top = xp.max(x, axis=-1, keepdims=True)
    return xp.log(xp.sum(xp.exp(x - top), axis=-1)) + top[..., 0]


def mixture_scores(xp: Any, alphas: Any, means: Any, icf: Any, x: Any) -> Any:
    """The log densities of the rows of x in each component, f64[n, k], without what they have in common."""
    d = x.shape[1]
    place, below = lower_triangle(d)
    diagonal = xp.exp(icf[:, :d])
    q = icf[:, place] * xp.asarray(below) + diagonal[:, :, None] * xp.asarray(np.eye(d))
    scaled = xp.einsum("kij,nkj->nki", q, x[:, None, :] - means[None, :, :])
    return alphas + xp.sum(icf[:, :d], axis=1) - 0.5 * xp.sum(scaled**2, axis=2)


def lower_triangle(d: int) -> tuple[Any, Any]:
    """For a d × d matrix whose columns below the diagonal follow its diagonal: each entry's place, and a mask."""
    place = np.zeros((d, d), dtype=np.int64)
    place.T[np.triu_indices(d, 1)] = np.arange(d, d * (d + 1) // 2)
    return place, np.tril(np.ones((d, d)), -1)


def regression(style: Style, slope: Any, intercept: Any, x: Any, y: Any) -> Any:
    return style.np.mean((slope * x + intercept - y) ** 2)


def perceptron(
    style: Style, w1: Any, b1: Any, w2: Any, b2: Any, images: Any, labels: Any, batch: Any, decay: Any
) -> Any:
    xp = style.np
    hidden = xp.tanh(images[batch] @ w1.T + b1)
    scores = hidden @ w2.T + b2
    right = scores[xp.arange(len(batch)), labels[batch]]
    return xp.mean(logsumexp(xp, scores) - right) + 0.5 * decay * (xp.sum(w1**2) + xp.sum(w2**2))


def log_sum_exp(style: Style, x: Any) -> Any:
    return logsumexp(style.np, x)


def mixture(style: Style, alphas: Any, means: Any, q: Any, l: Any, x: Any) -> Any:
    icf = style.np.concatenate([q, l], axis=1)
    return style.np.sum(logsumexp(style.np, mixture_scores(style.np, alphas, means, icf, x)))


def lstm(style: Style, main: Any, extra: Any, state: Any, codes: Any) -> Any:
    width = codes.shape[1]
    layers = main.reshape(-1, 2, 4, width)

    def logistic(x: Any) -> Any:
        return 1.0 / (1.0 + style.np.exp(-x))

    def step(state: Any, code: Any) -> Any:
        x, after = code * extra[0], []
        for i in range(layers.shape[0]):
            (w, b), h, c = layers[i], state[2 * i], state[2 * i + 1]
            change = logistic(h * w[1] + b[1]) * style.np.tanh(h * w[3] + b[3])
            c = c * logistic(x * w[0] + b[0]) + change
            x = logistic(x * w[2] + b[2]) * style.np.tanh(c)
            after += [x, c]
        return style.np.stack(after), x

    _, hidden = style.scan(step, state, codes[:-1])
    scores = hidden * extra[1] + extra[2]
    log_partition = style.np.log(2.0 + style.np.sum(style.np.exp(scores), axis=1, keepdims=True))
    return -style.np.mean(codes[1:] * (scores - log_partition))


def rosenbrock(style: Style, x: Any) -> Any:
    return style.np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def n_body(style: Style, r: Any, m: Any, gravity: Any, softening: Any) -> Any:
    """All ordered pairs, and each body with itself, which is then taken off."""
    squares = style.np.sum((r[:, None, :] - r[None, :, :]) ** 2, axis=2) + softening**2
    pairs = style.np.sum(m[:, None] * m[None, :] / style.np.sqrt(squares))
    return -0.5 * gravity * (pairs - style.np.sum(m**2) / softening)


def black_scholes(style: Style, spot: Any, strike: Any, time: Any, sigma: Any, rate: Any) -> Any:
    def cdf(x: Any) -> Any:
        return 0.5 * style.erfc(-x / math.sqrt(2.0))

    spread = sigma * style.np.sqrt(time)
    up = (style.np.log(spot / strike) + rate * time) / spread + 0.5 * spread
    return style.np.sum(spot * cdf(up) - strike * style.np.exp(-rate * time) * cdf(up - spread))


def heat(style: Style, start: Any, target: Any, alpha: Any, steps: int) -> Any:
    def step(u: Any, _: Any) -> Any:
        wide = style.np.pad(u, 1, "constant")
        flow = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4.0 * u
        return u + alpha * flow, None

    end, _ = style.scan(step, start, None, steps)
    return 0.5 * style.np.sum((end - target) ** 2)


def brusselator(style: Style, u0: Any, v0: Any, a: Any, b: Any, du: Any, dv: Any, h: Any, steps: int) -> Any:
    def spread(x: Any) -> Any:
        return style.np.roll(x, 1) + style.np.roll(x, -1) - 2.0 * x

    def step(state: Any, _: Any) -> Any:
        u, v = state
        reaction = u * u * v
        new_u = u + h * (a + reaction - (b + 1.0) * u + du * spread(u))
        return (new_u, v + h * (b * u - reaction + dv * spread(v))), None

    (u, v), _ = style.scan(step, (u0, v0), None, steps)
    return style.np.sum(u * u + v * v)


def lotka_volterra(style: Style, rates: Any, start: Any, h: Any, steps: int) -> Any:
    def step(state: Any, _: Any) -> Any:
        return runge_kutta(*state, h, rates[0], rates[1], rates[2], rates[3]), None

    (x, y), _ = style.scan(step, (start[0], start[1]), None, steps)
    return x * x + y * y


def k_means(style: Style, points: Any, centres: Any) -> Any:
    """|p - c|² = |p|² - 2 p·c + |c|², with a matrix product."""
    squares = style.np.sum(centres**2, axis=1) - 2.0 * points @ centres.T
    return style.np.sum(style.np.min(squares, axis=1)) + style.np.sum(points**2)


def newton_sqrt(style: Style, a: Any) -> Any:
    def goes_on(x: Any) -> Any:
        return abs(x * x - a) > 1e-13 * a

    return style.loop(goes_on, lambda x: 0.5 * (x + a / x), 0.5 * (1.0 + a))


def residual(style: Style, camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    """Of the bundle adjustment, f64[..., 2]: of one observation, or of all, with rows of cameras and of the others."""
    xp = style.np

    def sum_last(x: Any) -> Any:
        return xp.sum(x, axis=-1, keepdims=True)

    rotation, apart = camera[..., :3], point - camera[..., 3:6]
    square = sum_last(rotation**2)
    small = square == 0.0
    safe = xp.where(small, 1.0, square)
    angle = xp.sqrt(safe)
    cosine = xp.where(small, 1.0, xp.cos(angle))
    sine = xp.where(small, 1.0, xp.sin(angle) / angle)
    along = xp.where(small, 0.5, (1.0 - xp.cos(angle)) / safe) * sum_last(rotation * apart)
    q = apart * cosine + xp.cross(rotation, apart) * sine + rotation * along
    p = q[..., :2] / q[..., 2:]
    square = sum_last(p * p)
    scale = camera[..., 6:7] * (1.0 + camera[..., 9:10] * square + camera[..., 10:] * square * square)
    return weight[..., None] * (p * scale + camera[..., 7:9] - feature)


def gather(cameras: Any, points: Any, weights: Any, observations: Any) -> tuple[Any, Any, Any]:
    """What each observation depends on."""
    return cameras[observations[:, 0]], points[observations[:, 1]], weights


def residuals(style: Style, cameras: Any, points: Any, weights: Any, observations: Any, features: Any) -> Any:
    each = residual(style, *gather(cameras, points, weights, observations), features)
    return each, 1.0 - weights**2
