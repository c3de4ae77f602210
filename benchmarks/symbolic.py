"""Objectives as CasADi's expressions, where one would use it: sums of scalars, vectors, steps folded, rows mapped.

Each takes the module, then its arguments: symbols for numbers and arrays, which have the columns of CasADi (so an
array of shape (n, m) is an m × n symbol), and whole numbers and arrays of them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from examples.predator_prey import runge_kutta


def of_scalars(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda ca, *args: function(*args)


def log_sum_exp(ca: Any, x: Any) -> Any:
    return ca.logsumexp(x)


def rosenbrock(ca: Any, x: Any) -> Any:
    return 100.0 * ca.sumsqr(x[1:] - x[:-1] ** 2) + ca.sumsqr(1.0 - x[:-1])


def regression(ca: Any, slope: Any, intercept: Any, x: Any, y: Any) -> Any:
    return ca.sumsqr(slope * x + intercept - y) / x.numel()


def black_scholes(ca: Any, spot: Any, strike: Any, time: Any, sigma: Any, rate: Any) -> Any:
    def cdf(x: Any) -> Any:
        return 0.5 * (1.0 + ca.erf(x / ca.sqrt(2.0)))

    spread = sigma * ca.sqrt(time)
    up = (ca.log(spot / strike) + rate * time) / spread + 0.5 * spread
    return ca.dot(spot, cdf(up)) - ca.dot(strike * ca.exp(-rate * time), cdf(up - spread))


def perceptron(ca: Any, w1: Any, b1: Any, w2: Any, b2: Any, images: Any, labels: Any, batch: Any, decay: Any) -> Any:
    chosen = [int(k) for k in batch]
    hidden = ca.tanh(w1.T @ images[:, chosen] + ca.repmat(b1, 1, len(chosen)))
    scores = w2.T @ hidden + ca.repmat(b2, 1, len(chosen))
    loss = 0.0
    for n, image in enumerate(chosen):
        loss += ca.logsumexp(scores[:, n]) - scores[int(labels[image]), n]
    return loss / len(chosen) + 0.5 * decay * (ca.sumsqr(w1) + ca.sumsqr(w2))


def folded(ca: Any, step: Callable[..., tuple[Any, ...]], parts: tuple[Any, ...], steps: int) -> Any:
    """The parts after so many steps; a step gets symbols of their sizes and returns new ones."""
    places = [0]
    for part in parts:
        places.append(places[-1] + part.numel())
    state = ca.MX.sym("state", places[-1])
    once = ca.Function("once", [state], [ca.vertcat(*step(*ca.vertsplit(state, places)))])
    return ca.vertsplit(once.fold(steps)(ca.vertcat(*parts)), places)


def lotka_volterra(ca: Any, rates: Any, start: Any, h: Any, steps: int) -> Any:
    def step(x: Any, y: Any, rates: Any, h: Any) -> tuple[Any, ...]:
        return (*runge_kutta(x, y, h, rates[0], rates[1], rates[2], rates[3]), rates, h)

    x, y, _, _ = folded(ca, step, (start[0], start[1], rates, h), steps)
    return x * x + y * y


def brusselator(ca: Any, u0: Any, v0: Any, a: Any, b: Any, du: Any, dv: Any, h: Any, steps: int) -> Any:
    def spread(x: Any) -> Any:
        return ca.vertcat(x[-1], x[:-1]) + ca.vertcat(x[1:], x[0]) - 2.0 * x

    def step(u: Any, v: Any, a: Any, b: Any, du: Any, dv: Any, h: Any) -> tuple[Any, ...]:
        made = u * u * v
        new_u = u + h * (a + made - (b + 1.0) * u + du * spread(u))
        return new_u, v + h * (b * u - made + dv * spread(v)), a, b, du, dv, h

    u, v, *_ = folded(ca, step, (u0, v0, a, b, du, dv, h), steps)
    return ca.sumsqr(u) + ca.sumsqr(v)


def residual(ca: Any, camera: Any, point: Any, weight: Any, feature: Any) -> Any:
    """Of one observation of the bundle adjustment, whose camera is turned."""
    rotation, apart = camera[:3], point - camera[3:6]
    square = ca.sumsqr(rotation)
    angle = ca.sqrt(square)
    along = (1.0 - ca.cos(angle)) / square * ca.dot(rotation, apart)
    q = apart * ca.cos(angle) + ca.cross(rotation, apart) * ca.sin(angle) / angle + rotation * along
    p = q[:2] / q[2]
    square = ca.sumsqr(p)
    scale = camera[6] * (1.0 + camera[9] * square + camera[10] * square * square)
    return weight * (p * scale + camera[7:9] - feature)


def blocks(ca: Any, cameras: Any, points: Any, weights: Any, observations: Any, features: Any) -> tuple[Any, Any]:
    """The residuals, and the derivatives of each by its camera, point and weight, mapped over observations."""
    camera, point, weight, feature = (ca.SX.sym(name, n) for name, n in zip("cpwf", (11, 3, 1, 2), strict=True))
    error = residual(ca, camera, point, weight, feature)
    block = ca.jacobian(error, ca.vertcat(camera, point, weight))
    one = ca.Function("one", [camera, point, weight, feature], [error, ca.vec(block.T)])
    of_camera, of_point = ([int(k) for k in column] for column in observations.T)
    return one.map(len(observations))(cameras[:, of_camera], points[:, of_point], weights.T, features)  # type: ignore[no-any-return]
