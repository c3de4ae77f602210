"""One record an op: everything llad knows about a scalar operation stands in one place (I2).

The `partial` rule serves both modes: `partial(d, result, *operands)` returns, per operand, the product
`(∂result/∂operand)·d` (`None` where the operand is discrete). Reverse mode calls it with the cotangent of the
result, forward mode with each tangent: a 1×1 Jacobian is its own transpose. The product is returned, never
the bare derivative, so that a masked `d` stays masked.

Three kinds of rule:

- a function: the derivative;
- `None`: the result is piecewise constant (`floor`, comparisons), its derivative is zero;
- `no_rule(message)`: a derivative exists but is not written down. Calling it raises
  `NotImplementedError(message)`, which the differentiator, knowing the op's span, turns into a
  `DerivativeError`. Never a silent zero (I7).

`lower` names the machine code, per class of operand type (`f` float, `i` int, `b` bool):

- an LLVM instruction: `fadd`, `fcmp olt`, `icmp slt`, `select`;
- an overloaded intrinsic that takes just the operands: `@llvm.sqrt` (called as `@llvm.sqrt.f64`);
- a libm function: `@tan`, called as `tanf` in f32;
- `@llad.NAME`: a function of llad's run-time, written in LLVM IR by the lowering, one per operand type, that
  means what the record's `eval` means. They exist where LLVM has no one instruction: `neg`, `not` and `abs`
  of ints, Python's `min`/`max`/`floordiv`/`mod`, `sign`, `mulz`, `ipow`, `isnan`…, `*_overflows`, `digamma`,
  `trigamma`. None of them may trap: where `eval` raises on ints (division by zero), a `check` stands before
  the op.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from llad.dataclass import dataclass
from llad.ir.types import BOOL, FLOATS, I64, INTS, ScalarType, Type
from llad.ops.expr import Expr

Typing = Callable[[tuple[Type, ...]], Type]
Partial = Callable[..., tuple[Expr | None, ...]]


@dataclass(frozen=True, slots=True)
class OpRecord:
    """A scalar operation.

    `typing` maps operand types to the result type, or raises `TypeError`. `eval` is the IEEE meaning on
    Python numbers (f64; f32 rounds the f64 result; ints are exact and the caller wraps them). It never raises
    on floats. `lower`, `partial`: see above. `singular`: some partial is not finite at finite operands (a
    pole, or overflow as in `exp`), so products in the rule are strong (`mulz`). `spellings`: the Python
    functions that mean exactly this op, as `module.name`; a name may be missing from an older module.
    `domain`: per operand, the closed interval that tests sample; partials are finite on it. `held`: operands on which
    the result depends, though no derivative passes to them (`held.py`).
    """

    name: str
    typing: Typing
    eval: Callable[..., Any]
    lower: Mapping[str, str]
    partial: Partial | None = None
    singular: bool = False
    spellings: tuple[str, ...] = ()
    domain: tuple[tuple[float, float], ...] = ()
    held: tuple[int, ...] = ()
    commutative: bool = False
    attrs: Mapping[str, Any] = field(default_factory=dict)


def no_rule(message: str) -> Partial:
    """A rule for an op whose derivative is not written down: asking it raises `NotImplementedError(message)`.
    """

    def partial(*_: Expr) -> tuple[Expr | None, ...]:
        raise NotImplementedError(message)

    return partial


def _expect(ok: bool, types: tuple[Type, ...], want: str) -> None:
    if not ok:
        raise TypeError(f"want {want}, got ({', '.join(map(str, types))})")


def _same(allowed: tuple[ScalarType, ...], arity: int, want: str, result: ScalarType | None = None) -> Typing:
    def typing(types: tuple[Type, ...]) -> Type:
        first = types[0] if types else None
        _expect(len(types) == arity and first in allowed and types.count(types[0]) == arity, types, want)
        return result or types[0]

    return typing


def same_number(arity: int) -> Typing:
    """(T, …) → T for one float or integer type T."""
    return _same(FLOATS + INTS, arity, f"{arity} equal numbers")


def same_float(arity: int) -> Typing:
    """(F, …) → F for one float type F."""
    return _same(FLOATS, arity, f"{arity} equal floats")


def same_int(arity: int) -> Typing:
    """(I, …) → I for one integer type I."""
    return _same(INTS, arity, f"{arity} equal ints")


def same_bits(arity: int) -> Typing:
    """(B, …) → B for one integer type B or bool."""
    return _same((*INTS, BOOL), arity, f"{arity} equal ints or bools")


def comparison(types: tuple[Type, ...]) -> Type:
    """(T, T) → bool."""
    return _same((*FLOATS, *INTS, BOOL), 2, "two equal scalars", BOOL)(types)


def float_predicate(types: tuple[Type, ...]) -> Type:
    """(F) → bool for a float type F."""
    return _same(FLOATS, 1, "a float", BOOL)(types)


def overflow_predicate(types: tuple[Type, ...]) -> Type:
    """(i64, i64) → bool."""
    return _same((I64,), 2, "two i64", BOOL)(types)


def choice(types: tuple[Type, ...]) -> Type:
    """(bool, T, T) → T."""
    _expect(
        len(types) == 3 and types[0] == BOOL and isinstance(types[1], ScalarType) and types[1] == types[2],
        types,
        "a bool and two equal scalars",
    )
    return types[1]
