"""Integers and bools: bits, shifts, integer powers, and the tests for overflow that guard user arithmetic.

`eval` is exact and the caller wraps; that a result does not fit is what the `*_overflows` ops tell, for i64.
What a `check` must exclude before the op: shift counts outside 0 ≤ n < bits, negative exponents.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from llad.ops.record import OpRecord, overflow_predicate, same_bits, same_int

I64_MIN, I64_MAX = -(2**63), 2**63 - 1


def _ipow(x: int, n: int) -> int:
    """`x ** n` modulo 2⁶⁴, as a signed number: enough for the caller, and small however large n is."""
    assert n >= 0, "negative exponent"
    return (pow(x, n, 1 << 64) - I64_MIN) % (1 << 64) + I64_MIN


def _ipow_overflows(x: int, n: int) -> bool:
    if n <= 0 or -1 <= x <= 1:
        return False
    return n > 63 or not I64_MIN <= x**n <= I64_MAX


def _overflows(f: Callable[[int, int], int]) -> Callable[[int, int], bool]:
    return lambda x, y: not I64_MIN <= f(x, y) <= I64_MAX


def _not(x: int) -> int:
    return not x if isinstance(x, bool) else ~x


RECORDS = (
    OpRecord(
        "and", same_bits(2), operator.and_, {"i": "and", "b": "and"},
        spellings=("operator.and_", "numpy.bitwise_and"), domain=((-99, 99), (-99, 99)), commutative=True,
    ),
    OpRecord(
        "or", same_bits(2), operator.or_, {"i": "or", "b": "or"},
        spellings=("operator.or_", "numpy.bitwise_or"), domain=((-99, 99), (-99, 99)), commutative=True,
    ),
    OpRecord(
        "xor", same_bits(2), operator.xor, {"i": "xor", "b": "xor"},
        spellings=("operator.xor", "numpy.bitwise_xor"), domain=((-99, 99), (-99, 99)), commutative=True,
    ),
    OpRecord(
        "not", same_bits(1), _not, {"i": "@llad.not", "b": "@llad.not"},
        spellings=("numpy.invert",), domain=((-99, 99),),
    ),
    OpRecord(
        "shl", same_int(2), operator.lshift, {"i": "shl"},
        spellings=("operator.lshift", "numpy.left_shift"), domain=((-99, 99), (0, 31)),
    ),
    OpRecord(
        "shr", same_int(2), operator.rshift, {"i": "ashr"},
        spellings=("operator.rshift", "numpy.right_shift"), domain=((-99, 99), (0, 31)),
    ),
    OpRecord(
        "ipow", same_int(2), _ipow, {"i": "@llad.ipow"},
        domain=((-9, 9), (0, 9)),
    ),
    OpRecord(
        "add_overflows", overflow_predicate, _overflows(operator.add), {"i": "@llad.add_overflows"},
        domain=((-99, 99), (-99, 99)), commutative=True,
    ),
    OpRecord(
        "sub_overflows", overflow_predicate, _overflows(operator.sub), {"i": "@llad.sub_overflows"},
        domain=((-99, 99), (-99, 99)),
    ),
    OpRecord(
        "mul_overflows", overflow_predicate, _overflows(operator.mul), {"i": "@llad.mul_overflows"},
        domain=((-99, 99), (-99, 99)), commutative=True,
    ),
    OpRecord(
        "ipow_overflows", overflow_predicate, _ipow_overflows, {"i": "@llad.ipow_overflows"},
        domain=((-9, 9), (0, 99)),
    ),
)  # fmt: skip
