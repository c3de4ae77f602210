"""Arithmetic: the ops of `+ - * / abs min max` and strong-zero products."""

from __future__ import annotations

from llad.ops.expr import op
from llad.ops.record import OpRecord, same_float, same_number

RECORDS = (
    OpRecord(
        "add", same_number(2), lambda x, y: x + y, {"f": "fadd", "i": "add"},
        partial=lambda d, r, x, y: (d, d), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "sub", same_number(2), lambda x, y: x - y, {"f": "fsub", "i": "sub"},
        partial=lambda d, r, x, y: (d, -d), domain=((-3, 3), (-3, 3)),
    ),
    OpRecord(
        "mul", same_number(2), lambda x, y: x * y, {"f": "fmul", "i": "mul"},
        partial=lambda d, r, x, y: (d * y, d * x), domain=((-3, 3), (-3, 3)), commutative=True,
    ),
    OpRecord(
        "mulz", same_float(2), lambda d, p: 0.0 if d == 0 else d * p, {"f": "@llad.mulz"},
        partial=lambda d_, r, d, p: (op("mulz", d_, p), op("mulz", d, d_)), domain=((-3, 3), (-3, 3)),
    ),
)  # fmt: skip
