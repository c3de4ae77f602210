"""Values and gradients by hand for Numba, as in `benchmarks.by_hand`: of what goes on in steps.

They keep every state, or what a step computed, and then go back through the steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def heat(start: Any, target: Any, alpha: Any, steps: Any) -> Any:
    n, m = start.shape
    kept = np.zeros((steps + 1, n + 2, m + 2))
    kept[0, 1:-1, 1:-1] = start
    for step in range(steps):
        u, new = kept[step], kept[step + 1]
        for i in range(1, n + 1):
            for j in range(1, m + 1):
                new[i, j] = u[i, j] + alpha * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j])
    slope = np.zeros((n + 2, m + 2))
    before = np.zeros((n + 2, m + 2))
    total = 0.0
    for i in range(n):
        for j in range(m):
            slope[i + 1, j + 1] = kept[steps, i + 1, j + 1] - target[i, j]
            total += slope[i + 1, j + 1] ** 2
    by_alpha = 0.0
    for step in range(steps - 1, -1, -1):
        u = kept[step]
        for i in range(1, n + 1):
            for j in range(1, m + 1):  # the stencil is its own transpose
                flow = slope[i - 1, j] + slope[i + 1, j] + slope[i, j - 1] + slope[i, j + 1] - 4.0 * slope[i, j]
                by_alpha += u[i, j] * flow
                before[i, j] = slope[i, j] + alpha * flow
        slope, before = before, slope
    return 0.5 * total, slope[1:-1, 1:-1], by_alpha


def brusselator(u0: Any, v0: Any, a: Any, b: Any, du: Any, dv: Any, h: Any, steps: Any) -> Any:
    n = len(u0)
    us, vs = np.zeros((steps + 1, n)), np.zeros((steps + 1, n))
    us[0], vs[0] = u0, v0
    for step in range(steps):
        u, v = us[step], vs[step]
        for i in range(n):
            left = i - 1 if i > 0 else n - 1
            right = i + 1 if i < n - 1 else 0
            made = u[i] * u[i] * v[i]
            us[step + 1, i] = u[i] + h * (a + made - (b + 1.0) * u[i] + du * (u[left] + u[right] - 2.0 * u[i]))
            vs[step + 1, i] = v[i] + h * (b * u[i] - made + dv * (v[left] + v[right] - 2.0 * v[i]))
    total = 0.0
    for i in range(n):
        total += us[steps, i] ** 2 + vs[steps, i] ** 2
    by_u, by_v = 2.0 * us[steps], 2.0 * vs[steps]
    next_u, next_v = np.zeros(n), np.zeros(n)
    by_a, by_b = 0.0, 0.0
    for step in range(steps - 1, -1, -1):
        u, v = us[step], vs[step]
        for i in range(n):
            left = i - 1 if i > 0 else n - 1
            right = i + 1 if i < n - 1 else 0
            by_a += h * by_u[i]
            by_b += h * u[i] * (by_v[i] - by_u[i])
            by_made = by_u[i] - by_v[i]
            spread_u = du * (by_u[left] + by_u[right] - 2.0 * by_u[i])
            spread_v = dv * (by_v[left] + by_v[right] - 2.0 * by_v[i])
            local = 2.0 * u[i] * v[i] * by_made - (b + 1.0) * by_u[i] + b * by_v[i]
            next_u[i] = by_u[i] + h * (local + spread_u)
            next_v[i] = by_v[i] + h * (u[i] * u[i] * by_made + spread_v)
        by_u, next_u = next_u, by_u
        by_v, next_v = next_v, by_v
    return total, by_u, by_v, by_a, by_b


def lotka_volterra(rates: Any, start: Any, h: Any, steps: Any) -> Any:
    alpha, beta, gamma, delta = rates[0], rates[1], rates[2], rates[3]
    path = np.zeros((steps + 1, 2))
    path[0] = start
    us, vs = np.zeros(4), np.zeros(4)  # where a step's four slopes are taken
    weights = (1.0, 2.0, 2.0, 1.0)
    ahead = (0.0, 0.5 * h, 0.5 * h, h)
    for step in range(steps):
        x, y = path[step]
        u, v = x, y
        for k in range(4):
            slope_u, slope_v = alpha * u - beta * u * v, delta * u * v - gamma * v
            x += h / 6.0 * weights[k] * slope_u
            y += h / 6.0 * weights[k] * slope_v
            if k < 3:
                u, v = path[step, 0] + ahead[k + 1] * slope_u, path[step, 1] + ahead[k + 1] * slope_v
        path[step + 1] = x, y
    by_rates = np.zeros(4)
    by_x, by_y = 2.0 * path[steps, 0], 2.0 * path[steps, 1]
    for step in range(steps - 1, -1, -1):
        us[0], vs[0] = path[step]
        for k in range(3):
            u, v = us[k], vs[k]
            us[k + 1] = us[0] + ahead[k + 1] * (alpha * u - beta * u * v)
            vs[k + 1] = vs[0] + ahead[k + 1] * (delta * u * v - gamma * v)
        before_x, before_y = by_x, by_y
        by_u, by_v = 0.0, 0.0  # by where the next slope is taken
        for k in range(3, -1, -1):
            further = ahead[k + 1] if k < 3 else 0.0
            slope_u = h / 6.0 * weights[k] * by_x + further * by_u
            slope_v = h / 6.0 * weights[k] * by_y + further * by_v
            u, v = us[k], vs[k]
            by_rates[0] += slope_u * u
            by_rates[1] -= slope_u * u * v
            by_rates[2] -= slope_v * v
            by_rates[3] += slope_v * u * v
            by_u = slope_u * (alpha - beta * v) + slope_v * delta * v
            by_v = -slope_u * beta * u + slope_v * (delta * u - gamma)
            before_x += by_u
            before_y += by_v
        by_x, by_y = before_x, before_y
    return path[steps, 0] ** 2 + path[steps, 1] ** 2, by_rates, np.array([by_x, by_y])


def logistic(x: Any) -> Any:
    return 1.0 / (1.0 + math.exp(-x))


def lstm(main: Any, extra: Any, state: Any, codes: Any) -> Any:
    count, width, layers = codes.shape[0] - 1, codes.shape[1], main.shape[0] // 2
    kept = np.zeros((count, layers, 8, width))  # x, h, c before; forget, ingate, outgate, change; tanh c
    scores, slopes = np.zeros((count, width)), np.zeros(width)
    now = state.copy()
    by_main, by_extra, by_state = np.zeros(main.shape), np.zeros(extra.shape), np.zeros(state.shape)
    scale = 1.0 / (count * width)
    total = 0.0
    for t in range(count):
        partition = 2.0
        for k in range(width):
            x = codes[t, k] * extra[0, k]
            for layer in range(layers):
                w, b, h, c = main[2 * layer], main[2 * layer + 1], now[2 * layer, k], now[2 * layer + 1, k]
                forget = logistic(x * w[k] + b[k])
                ingate = logistic(h * w[width + k] + b[width + k])
                outgate = logistic(x * w[2 * width + k] + b[2 * width + k])
                change = math.tanh(h * w[3 * width + k] + b[3 * width + k])
                new = c * forget + ingate * change
                flat = math.tanh(new)
                for place, what in enumerate((x, h, c, forget, ingate, outgate, change, flat)):
                    kept[t, layer, place, k] = what
                x = outgate * flat
                now[2 * layer, k], now[2 * layer + 1, k] = x, new
            scores[t, k] = x * extra[1, k] + extra[2, k]
            partition += math.exp(scores[t, k])
        for k in range(width):
            total -= codes[t + 1, k] * (scores[t, k] - math.log(partition))
    for t in range(count - 1, -1, -1):
        partition, mass = 2.0, 0.0
        for k in range(width):
            slopes[k] = math.exp(scores[t, k])
            partition += slopes[k]
            mass += codes[t + 1, k]
        for k in range(width):
            slope = scale * (mass * slopes[k] / partition - codes[t + 1, k])
            last = kept[t, layers - 1]
            by_extra[1, k] += slope * last[5, k] * last[7, k]
            by_extra[2, k] += slope
            by_out = slope * extra[1, k]
            for layer in range(layers - 1, -1, -1):
                w, by_w, by_b = main[2 * layer], by_main[2 * layer], by_main[2 * layer + 1]
                x, h, c = kept[t, layer, 0, k], kept[t, layer, 1, k], kept[t, layer, 2, k]
                forget, ingate, outgate = kept[t, layer, 3, k], kept[t, layer, 4, k], kept[t, layer, 5, k]
                change, flat = kept[t, layer, 6, k], kept[t, layer, 7, k]
                by_h = by_out + by_state[2 * layer, k]
                by_c = by_h * outgate * (1.0 - flat * flat) + by_state[2 * layer + 1, k]
                by_forget = by_c * c * forget * (1.0 - forget)
                by_ingate = by_c * change * ingate * (1.0 - ingate)
                by_outgate = by_h * flat * outgate * (1.0 - outgate)
                by_change = by_c * ingate * (1.0 - change * change)
                for gate, (by_gate, seen) in enumerate(
                    ((by_forget, x), (by_ingate, h), (by_outgate, x), (by_change, h))
                ):
                    by_w[gate * width + k] += by_gate * seen
                    by_b[gate * width + k] += by_gate
                by_out = by_forget * w[k] + by_outgate * w[2 * width + k]
                by_state[2 * layer, k] = by_ingate * w[width + k] + by_change * w[3 * width + k]
                by_state[2 * layer + 1, k] = by_c * forget
            by_extra[0, k] += by_out * codes[t, k]
    return total * scale, by_main, by_extra
