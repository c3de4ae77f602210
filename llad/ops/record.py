"""One record an op: everything llad knows about a scalar operation stands in one place (I2).

The `partial` rule serves both modes: `partial(d, result, *operands)` returns, per operand, the product
`(∂result/∂operand)·d` (`None` where the operand is discrete). Reverse mode calls it with the cotangent of the
result, forward mode with each tangent: a 1×1 Jacobian is its own transpose. The product is returned, never the
bare derivative, so that a masked `d` stays masked.

`lower` names the machine code: an LLVM instruction (`fadd`, `fcmp olt`), an overloaded intrinsic (`@llvm.sqrt`),
a libm function (`@tan`, called as `tanf` in f32), or a function of llad's run-time (`@llad.digamma`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llad.ir.types import BOOL, FLOATS, INTS, ScalarType, Type
from llad.ops.expr import Expr

Typing = Callable[[tuple[Type, ...]], Type]
Partial = Callable[..., tuple[Expr | None, ...]]


@dataclass(frozen=True, slots=True)
class OpRecord:
    """A scalar operation.

    `typing` maps operand types to the result type, or raises `TypeError`. `eval` is the IEEE meaning on Python
    numbers (f64; f32 rounds the f64 result). `lower` maps a class of operand type (`f` float, `i` int, `b` bool)
    to machine code. `partial is None` means the result is piecewise constant: its derivative is zero.
    `singular`: some partial is not finite at finite operands, so products in the rule are strong (`mulz`).
    `domain`: per operand, the closed interval that tests sample.
    """

    name: str
    typing: Typing
    eval: Callable[..., Any]
    lower: Mapping[str, str]
    partial: Partial | None = None
    singular: bool = False
    spellings: tuple[str, ...] = ()
    domain: tuple[tuple[float, float], ...] = ()
    commutative: bool = False
    attrs: Mapping[str, Any] = field(default_factory=dict)


def _expect(ok: bool, types: tuple[Type, ...], want: str) -> None:
    if not ok:
        raise TypeError(f"want {want}, got ({', '.join(map(str, types))})")


def same_number(arity: int) -> Typing:
    """(T, …) → T for one float or integer type T."""

    def typing(types: tuple[Type, ...]) -> Type:
        _expect(
            len(types) == arity and types[0] in FLOATS + INTS and len(set(types)) == 1,
            types,
            f"{arity} equal numbers",
        )
        return types[0]

    return typing


def same_float(arity: int) -> Typing:
    """(F, …) → F for one float type F."""

    def typing(types: tuple[Type, ...]) -> Type:
        _expect(len(types) == arity and types[0] in FLOATS and len(set(types)) == 1, types, f"{arity} equal floats")
        return types[0]

    return typing


def same_int(arity: int) -> Typing:
    """(I, …) → I for one integer type I (bools too, for the bitwise ops)."""

    def typing(types: tuple[Type, ...]) -> Type:
        _expect(
            len(types) == arity and types[0] in (*INTS, BOOL) and len(set(types)) == 1, types, f"{arity} equal ints"
        )
        return types[0]

    return typing


def comparison(types: tuple[Type, ...]) -> Type:
    """(T, T) → bool."""
    _expect(
        len(types) == 2 and isinstance(types[0], ScalarType) and types[0] == types[1], types, "two equal scalars"
    )
    return BOOL


def predicate(types: tuple[Type, ...]) -> Type:
    """(T, …) → bool for one number type T."""
    _expect(len(set(types)) == 1 and types[0] in FLOATS + INTS, types, "equal numbers")
    return BOOL


def choice(types: tuple[Type, ...]) -> Type:
    """(bool, T, T) → T."""
    _expect(
        len(types) == 3 and types[0] == BOOL and isinstance(types[1], ScalarType) and types[1] == types[2],
        types,
        "a bool and two equal scalars",
    )
    return types[1]
