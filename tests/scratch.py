"""Loops whose iterations leave their scratch zero: those that need not zero it at their end, and those that must."""

from __future__ import annotations

import numpy as np


def renewed(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for r in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i] * r
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            out[i] += w[i]
            w[i] = 0.0
    return out


def renewed_backwards(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros((len(x), len(x)))
    for r in range(lo, hi):
        for k in range(r):
            for i in range(len(x) - 1, -1, -1):
                for j in range(len(x)):
                    w[i, j] -= x[i] * k + x[j]
            for j in range(len(x)):
                for i in range(1, len(x)):
                    w[i, j] += w[i - 1, j]
            for i in range(len(x)):
                for j in range(len(x)):
                    out[i] += w[i, j]
                    w[i, j] = 0.0
    return out


RENEWED = [renewed, renewed_backwards]


def renewed_in_part(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for r in range(hi):
        for i in range(max(lo, 0), hi):
            w[i] += x[i] * r
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            out[i] += w[i] + 1.0
            w[i] = 0.0
    return out


def read_twice_at_the_end(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for r in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i] + r
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            for _ in range(hi):
                out[i] += w[i]
                w[i] = 0.0
    return out


def read_again_at_the_end(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for r in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i] + r
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            out[i] += w[0]
            w[i] = 0.0
    return out


def read_after_the_end(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for r in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i] + r
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            out[i] += w[i]
            w[i] = 0.0
    return out + w


def not_left_zero(x, lo, hi):
    out, w = np.zeros(len(x)), np.zeros(len(x))
    for _ in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i]
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(1, len(x)):
            out[i] += w[i]
            w[i] = 0.0
    return out


def handed_on(x, lo, hi):
    out, w, v = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for _ in range(lo, hi):
        for i in range(len(x)):
            w[i] += x[i]
        for i in range(1, len(x)):
            w[i] += w[i - 1]
        for i in range(len(x)):
            out[i] += w[i] + v[0]
            w[i] = 0.0
        v, w = w, v
    return out


def with_an_end(end):
    """What zeroes its scratch, and then touches it again by `end`."""

    def renewed_before_the_end(x, lo, hi):
        out, w = np.zeros(len(x)), np.zeros(len(x))
        for r in range(lo, hi):
            for i in range(len(x)):
                w[i] += x[i] * r
            for i in range(1, len(x)):
                w[i] += w[i - 1]
            for i in range(len(x)):
                out[i] += w[i]
                w[i] = 0.0
            end(out, w, r)
        return out

    return renewed_before_the_end


def store_of_one(out, w, r):
    w[0] = 0.0


def load_of_one(out, w, r):
    out[0] += w[r] + 1.0


def load_in_a_branch(out, w, r):
    if r > 1:
        out[1] += w[r] + 1.0


def load_in_the_other_branch(out, w, r):
    if r > 1:
        out[0] += 2.0
    else:
        out[1] += w[r] + 1.0


def store_in_both_branches(out, w, r):
    if r > 1:
        for i in range(len(w)):
            w[i] = 0.0
    else:
        for i in range(len(w) - 1, -1, -1):
            w[i] = 0.0


def load_in_a_while(out, w, r):
    j = 0
    while j < len(w):
        out[0] += w[j] + 1.0
        j += 1


def load_in_the_condition(out, w, r):
    j = 0
    while j < r and w[j] < 1.0:
        out[0] += 1.0
        j += 1


ENDS = [
    store_of_one,
    load_of_one,
    load_in_a_branch,
    load_in_the_other_branch,
    store_in_both_branches,
    load_in_a_while,
    load_in_the_condition,
]
NOT_RENEWED = [
    *[with_an_end(end) for end in ENDS],
    renewed_in_part,
    read_twice_at_the_end,
    read_again_at_the_end,
    read_after_the_end,
    not_left_zero,
    handed_on,
]
