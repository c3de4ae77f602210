"""Derivatives that are written down: ops whose value is one thing and whose derivative is another.

What iterates until it converges is not differentiated step by step. It runs on a copy of its argument (`underived`),
and its result is joined with an expression that has the right differential (`with_derivative`). Such an expression
is linear in what varies: Σ p·dx, where the factors `p` are held in this derivative (`held_mul`) but are ordinary
values in it, so that the next derivative takes theirs. `llad/traced/derived.py` says how that is used.

What is known to be a logistic function of something says so by `logistic` (`passes/sigmoids.py`).

None of these ops is left when code is made: `passes/release.py`.
"""

from __future__ import annotations

from llad.ops.expr import op
from llad.ops.record import OpRecord, no_rule, same_float

_DOMAIN = (-3, 3)

RECORDS = (
    OpRecord(
        "held_mul", same_float(2), lambda p, x: p * x, {"f": "fmul"},
        partial=lambda d, r, p, x: (None, d * p), domain=(_DOMAIN, _DOMAIN), held=(0,),
    ),
    OpRecord(
        "held_mulz", same_float(2), lambda p, x: p * x, {"f": "fmul"},
        partial=lambda d, r, p, x: (None, op("mulz", d, p)), domain=(_DOMAIN, _DOMAIN), held=(0,),
    ),
    OpRecord(
        "with_derivative", same_float(2), lambda y, x: y, {"f": "@llad.first"},
        partial=lambda d, r, y, x: (None, d), domain=(_DOMAIN, _DOMAIN), held=(0,),
    ),
    OpRecord(  # y, which is 1 / (1 + exp(-x))
        "logistic", same_float(2), lambda y, x: y, {"f": "@llad.first"},
        partial=lambda d, r, y, x: (None, d * (r - r * r)), domain=((0.1, 0.9), _DOMAIN), held=(0,),
    ),
    OpRecord(
        "underived", same_float(1), lambda x: x, {"f": "@llad.first"},
        partial=no_rule("the third derivative of a decomposition of a matrix"), domain=(_DOMAIN,),
    ),
)  # fmt: skip
