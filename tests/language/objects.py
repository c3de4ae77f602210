"""What Python asks of objects by the special methods of their classes."""
# ruff: noqa

import math
from dataclasses import dataclass

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, 2.0])


class Above:
    def __init__(self, x, bound):
        self.x, self.bound = x, bound

    def __bool__(self):
        return self.x > self.bound


@dataclass
class Bag:
    items: list

    def __len__(self):
        return len(self.items)


FULL, EMPTY = Bag([1.0]), Bag([])


@case(0.5, 2.5)
def truth_of_objects(x, y):
    total = x if Above(x, 1.0) else 2.0 * y
    total += x if Above(y, 1.0) else 2.0 * y
    total += (x if not Above(x, 0.0) else y) + (x if Bag([]) else y) + (x if Bag([x]) else y)
    while Above(y, 1.0):
        y *= 0.5
        total += y
    return total + x * bool(Above(y, 0.5)) + (x if FULL and not EMPTY else y) + all(Above(v, 0.0) for v in (x, y))


@case(Bag([]), 2.0)
def truth_of_arguments(bag, x):
    return x * x if bag else x
