"""Classes of objects that programs of tests change, and what is asked of such programs."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

import llad
from llad.testing import assert_close, check_gradient

A = np.array([1.0, 2.1, 3.5, -1.0, 2.5, 0.3])


class Box:
    def __init__(self, x):
        self.x = x
        self.child = None

    def push(self, v):
        self.x = 0.9 * self.x + v
        return self.x


@dataclass
class Particle:
    x: float
    v: float

    def kick(self, force, dt):
        self.v += force * dt
        self.x += self.v * dt


class Moments:
    def __init__(self):
        self.n, self.mean, self.squares = 0, 0.0, 0.0

    def push(self, x):
        self.n += 1
        d = x - self.mean
        self.mean += d / self.n
        self.squares += d * (x - self.mean)

    @property
    def variance(self):
        return self.squares / (self.n - 1)


class Count:
    n = 0
    total = 0.0

    def hit(self, v):
        self.n += 1
        self.total += v * self.n


class Twice:
    def __init__(self, x):
        self.x = x

    @functools.cached_property
    def double(self):
        return 2 * self.x


def check_numbers(program, args, fastmath):
    """Whether the program gives Python's number, and the gradient of that."""
    f = llad.jit_grad(program, fastmath=fastmath)
    assert_close(f(*args), program(*args), rtol=1e-12, atol=1e-12)
    check_gradient(f, *args)
