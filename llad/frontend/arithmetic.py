"""Arithmetic on two numbers of one type, as Python does it: what would be wrong raises.

`apply` is the meaning of `+ - * / // % ** & | ^ << >>` on IR values whose types promotion has made equal; scalars
and the elements of arrays come through it alike. For scalars integer overflow raises (`checked`); elements wrap, as
NumPy's do. Division of integers by zero raises in both.

Invariant: a check is emitted only where a constant operand does not already exclude what it tests.
"""

from __future__ import annotations

from llad.dataclass import dataclass
from llad.frontend.casts import LIMITS
from llad.frontend.values import Context
from llad.ir.core import Value
from llad.ir.types import BOOL, I64, ScalarType, is_float, is_int

SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "and": "&", "or": "|", "xor": "^", "shl": "<<", "shr": ">>", "neg": "-", "pos": "+", "invert": "~",
}  # fmt: skip

# On two numpy.bool_ (or arrays of them) `+` and `*` are the logical operations.
_LOGICAL = {"add": "or", "mul": "and", "and": "and", "or": "or", "xor": "xor"}

# `x ** n` is a chain of products up to here.
LONGEST_CHAIN = 16


@dataclass(frozen=True, slots=True)
class Operand:
    """An IR value, and the number that it is if it is a constant."""

    value: Value
    known: bool | int | float | None = None

    def is_known(self, *numbers: int) -> bool:
        return self.known is not None and any(self.known == n for n in numbers)


def apply(ctx: Context, op: str, x: Operand, y: Operand, checked: bool) -> Value:
    """`x op y`; both have one type, which for `div` is a float.

    `checked`: these are scalars, Python's or NumPy's, not elements of arrays."""
    type = x.value.type
    assert isinstance(type, ScalarType) and type == y.value.type
    if op == "pow":
        return _power(ctx, x, y, checked)
    if type == BOOL:
        if op not in _LOGICAL:
            ctx.refuse("bool-arithmetic", op=SYMBOLS[op])
        return ctx.builder.op(_LOGICAL[op], x.value, y.value)
    if is_float(type):
        if op not in ("add", "sub", "mul", "div", "floordiv", "mod"):
            ctx.refuse("float-bits", op=SYMBOLS[op])
        return ctx.builder.op(op, x.value, y.value)
    if op in ("floordiv", "mod"):
        return _divide(ctx, op, x, y, checked)
    if op in ("shl", "shr"):
        return _shift(ctx, op, x, y, checked)
    if checked and op in ("add", "sub", "mul"):
        _check_overflow(ctx, op, x, y)
    return ctx.builder.op(op, x.value, y.value)


def _check_overflow(ctx: Context, op: str, x: Operand, y: Operand) -> None:
    neutral = (1, 0) if op == "mul" else (0,)
    if y.is_known(*neutral) or (op != "sub" and x.is_known(*neutral)):
        return
    b = ctx.builder
    fine = b.op("not", b.op(f"{op}_overflows", x.value, y.value))
    b.check(fine, "OverflowError", f"the result of `{SYMBOLS.get(op, '**')}` does not fit in 64 bits")


def _divide(ctx: Context, op: str, x: Operand, y: Operand, checked: bool) -> Value:
    """Integer `//` and `%`. The divisor -1 is set apart: the quotient of the least integer by it overflows."""
    b = ctx.builder
    type = y.value.type
    assert isinstance(type, ScalarType)
    if y.known is None or y.is_known(0):
        message = "integer division or modulo by zero" if op == "floordiv" else "integer modulo by zero"
        b.check(b.op("ne", y.value, b.const(0, type)), "ZeroDivisionError", message)
    if y.known is not None and not y.is_known(-1):
        return b.op(op, x.value, y.value)
    if y.is_known(-1) and op == "mod":
        return b.const(0, type)
    minus = b.op("eq", y.value, b.const(-1, type))
    if op == "floordiv" and checked and x.known is None:
        least = b.op("eq", x.value, b.const(LIMITS[type][0], type))
        fine = b.op("not", b.op("and", least, minus))
        b.check(fine, "OverflowError", "the result of `//` does not fit in 64 bits")
    safe = b.op("select", minus, b.const(1, type), y.value)
    quotient = b.op(op, x.value, safe)
    return quotient if op == "mod" else b.op("select", minus, b.op("neg", x.value), quotient)


def _shift(ctx: Context, op: str, x: Operand, y: Operand, checked: bool) -> Value:
    """`<<` and `>>`: a negative count raises, and so does what `<<` would push out of the number."""
    b = ctx.builder
    type = x.value.type
    assert isinstance(type, ScalarType)
    bits = type.bytes * 8
    if y.known is None or y.known < 0:
        b.check(b.op("ge", y.value, b.const(0, type)), "ValueError", "negative shift count")
    inside = b.op("lt", y.value, b.const(bits, type))
    count = b.op("select", inside, y.value, b.const(bits - 1, type))
    shifted = b.op(op, x.value, count)
    if op == "shr":
        return shifted
    zero = b.const(0, type)
    if checked:
        kept = b.op("and", inside, b.op("eq", b.op("shr", shifted, count), x.value))
        fine = b.op("or", kept, b.op("eq", x.value, zero))
        b.check(fine, "OverflowError", "the result of `<<` does not fit in 64 bits")
    return b.op("select", inside, shifted, zero)


def _power(ctx: Context, x: Operand, y: Operand, checked: bool) -> Value:
    """`x ** y`. A small constant integer exponent of a float is a chain of products; all other floats call `pow`."""
    type = x.value.type
    assert isinstance(type, ScalarType)
    if is_float(type):
        if y.known is not None and float(y.known).is_integer() and abs(y.known) <= LONGEST_CHAIN:
            return _chain(ctx, x.value, int(y.known))
        return ctx.builder.op("pow", x.value, y.value)
    if not is_int(type):
        ctx.refuse("bool-arithmetic", op="**")
    return _integer_power(ctx, x, y, checked)


def _integer_power(ctx: Context, x: Operand, y: Operand, checked: bool) -> Value:
    b = ctx.builder
    type = x.value.type
    assert isinstance(type, ScalarType)
    if y.known is None or y.known < 0:
        nonnegative = b.op("ge", y.value, b.const(0, type))
        text = "Integers to negative integer powers are not allowed."  # NumPy's; of two ints, Python makes a float
        b.check(nonnegative, "ValueError", f"{text} Write `float(x) ** n`" if checked else text)
    if y.is_known(0):
        return b.const(1, type)
    if y.is_known(1):
        return x.value
    if y.is_known(2):
        if checked:
            _check_overflow(ctx, "mul", x, x)
        return b.op("mul", x.value, x.value)
    if checked and type == I64:
        _check_overflow(ctx, "ipow", x, y)
    return b.op("ipow", x.value, y.value)


def _chain(ctx: Context, x: Value, n: int) -> Value:
    """x ** n by squaring; `1 / x**-n` below zero."""
    b = ctx.builder
    assert isinstance(x.type, ScalarType)
    one = b.const(1.0, x.type)
    product: Value | None = None
    square, left = x, abs(n)
    while left:
        if left & 1:
            product = square if product is None else b.op("mul", product, square)
        left >>= 1
        if left:
            square = b.op("mul", square, square)
    if product is None:
        return one
    return b.op("div", one, product) if n < 0 else product
