"""Comparisons and the choice between two values.

Comparisons are ordered, as in Python and C: false if an operand is NaN, except `ne`, which is then true.
"""

from __future__ import annotations

import operator

from llad.ops.expr import op
from llad.ops.record import OpRecord, choice, comparison

# name, Python's function, NumPy's name, LLVM's condition for floats, ints and bools
ORDERS = (
    ("lt", operator.lt, "less", "olt", "slt", "ult"),
    ("le", operator.le, "less_equal", "ole", "sle", "ule"),
    ("gt", operator.gt, "greater", "ogt", "sgt", "ugt"),
    ("ge", operator.ge, "greater_equal", "oge", "sge", "uge"),
    ("eq", operator.eq, "equal", "oeq", "eq", "eq"),
    ("ne", operator.ne, "not_equal", "une", "ne", "ne"),
)

RECORDS = (
    *(
        OpRecord(
            name, comparison, f, {"f": f"fcmp {floats}", "i": f"icmp {ints}", "b": f"icmp {bools}"},
            spellings=(f"operator.{name}", f"numpy.{numpy}"), domain=((-3, 3), (-3, 3)),
            commutative=name in ("eq", "ne"),
        )
        for name, f, numpy, floats, ints, bools in ORDERS
    ),
    OpRecord(
        "select", choice, lambda c, x, y: x if c else y, {"f": "select", "i": "select", "b": "select"},
        partial=lambda d, r, c, x, y: (None, op("select", c, d, 0.0), op("select", c, 0.0, d)),
        spellings=("numpy.where",), domain=((0, 1), (-3, 3), (-3, 3)),
    ),
)  # fmt: skip
