"""Operations that are one instruction of some hosts, though LLVM's loop vectoriser does not know it.

The vectoriser is told of functions of vectors by an attribute of a call, and chooses one of so many lanes. All that it
sees of them are declarations. Their definitions, an instruction each, are linked in after O2 and inlined: so a loop is
widened around the call, and nothing is called in the end.

All of them are of AVX-512:

- `llad.scaled.f64` of x and k is x·2ᵏ with k rounded down, the product rounded once.
- `llad.eighth.f64` of a number whose significand ends in the three bits n is 2 to the power of n / 8. A table of eight
  doubles is one register.
- `llad.eighth_bits.f64` is that without n in the exponent: see `EIGHTH_BITS`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

from llad.dataclass import dataclass
from llad.ir.types import F32, F64, ScalarType

PURE = "memory(none) nounwind willreturn speculatable"

_TYPES = {F64: ("double", "pd", "sd", 2), F32: ("float", "ps", "ss", 4)}  # and lanes of 16 bytes

_EIGHTHS = [int(struct.unpack("<q", struct.pack("<d", 2.0 ** (n / 8)))[0]) for n in range(8)]
# Where the last bits of a significand are 8k + n, they make 2 to the power of k + n / 8 when they are moved up by
# `EIGHTH_SHIFT` and added to entry n: k comes into the exponent, and what n becomes was taken off.
EIGHTH_SHIFT = 49
EIGHTH_BITS = [bits - (n << EIGHTH_SHIFT) for n, bits in enumerate(_EIGHTHS)]


@dataclass(frozen=True, slots=True)
class _Late:
    """An operation: how many operands it has, and the lines that define it for a vector of so many lanes."""

    name: str
    kind: ScalarType
    arity: int
    body: Callable[[int], list[str]]

    def lanes(self) -> tuple[int, ...]:
        """Of vectors of 16, 32 and 64 bytes."""
        least = _TYPES[self.kind][3]
        return least, 2 * least, 4 * least

    def types(self) -> dict[str, str]:
        """Of the function of numbers and those of vectors, by name."""
        scalar = _TYPES[self.kind][0]
        return {self.name: scalar, **{f"{self.name}.{n}": f"<{n} x {scalar}>" for n in self.lanes()}}

    def call(self, *operands: str) -> str:
        type = _TYPES[self.kind][0]
        listed = ", ".join(f"{type} {o}" for o in operands)
        variants = ",".join(f"_ZGV_LLVM_N{n}{'v' * self.arity}_{self.name}({self.name}.{n})" for n in self.lanes())
        return f'call {type} @{self.name}({listed}) "vector-function-abi-variant"="{variants}"'

    def declared(self) -> list[str]:
        return [
            f"declare {type} @{name}({', '.join([type] * self.arity)}) {PURE}" for name, type in self.types().items()
        ]

    def defined(self) -> list[str]:
        """All of them. That of a number computes a vector."""
        lines = []
        for n in self.lanes():
            lines += [*self._head(f"{self.name}.{n}", f"<{n} x {_TYPES[self.kind][0]}>"), *self.body(n), "}"]
        scalar, least = _TYPES[self.kind][0], self.lanes()[0]
        vector = f"<{least} x {scalar}>"
        lines += self._head(self.name, scalar)
        lines += [f"  %v{k} = insertelement {vector} poison, {scalar} %x{k}, i64 0" for k in range(self.arity)]
        listed = ", ".join(f"{vector} %v{k}" for k in range(self.arity))
        return [
            *lines,
            f"  %r = call {vector} @{self.name}.{least}({listed})",
            f"  %s = extractelement {vector} %r, i64 0",
            f"  ret {scalar} %s",
            "}",
        ]

    def _head(self, name: str, type: str) -> list[str]:
        parameters = ", ".join(f"{type} %x{k}" for k in range(self.arity))
        return [f"define available_externally {type} @{name}({parameters}) alwaysinline {{"]


def _scaling(kind: ScalarType) -> Callable[[int], list[str]]:
    type, packed, _, least = _TYPES[kind]

    def body(n: int) -> list[str]:
        vector, size = f"<{n} x {type}>", 128 * n // least
        mask = "i8" if n <= 8 else "i16"
        rounding = ", i32 4" if size == 512 else ""  # a register of 64 bytes says how to round: as ever
        call = f"call {vector} @llvm.x86.avx512.mask.scalef.{packed}.{size}"
        return [f"  %r = {call}({vector} %x0, {vector} %x1, {vector} %x0, {mask} -1{rounding})", f"  ret {vector} %r"]

    return body


def _scaling_declared(kind: ScalarType) -> list[str]:
    type, packed, _, least = _TYPES[kind]
    lines = []
    for n in (least, 2 * least, 4 * least):
        vector, size = f"<{n} x {type}>", 128 * n // least
        rest = f"{'i8' if n <= 8 else 'i16'}{', i32' if size == 512 else ''}"
        name = f"@llvm.x86.avx512.mask.scalef.{packed}.{size}"
        lines.append(f"declare {vector} {name}({vector}, {vector}, {vector}, {rest})")
    return lines


_PERMUTED = "<8 x double> @llvm.x86.avx512.permvar.df.512"


def _looking_up(table: list[int]) -> Callable[[int], list[str]]:
    listed = ", ".join(f"double {bits:#018x}" for bits in table)

    def body(n: int) -> list[str]:
        vector = f"<{n} x double>"
        up, down = (", ".join(f"i32 {k}" for k in places) for places in ([k % n for k in range(8)], range(n)))
        return [
            f"  %v = shufflevector {vector} %x0, {vector} poison, <8 x i32> <{up}>",
            "  %n = bitcast <8 x double> %v to <8 x i64>",
            f"  %t = call {_PERMUTED}(<8 x double> <{listed}>, <8 x i64> %n)",
            f"  %r = shufflevector <8 x double> %t, <8 x double> poison, <{n} x i32> <{down}>",
            f"  ret {vector} %r",
        ]

    return body


_SCALED = {kind: _Late(f"llad.scaled.{kind.name}", kind, 2, _scaling(kind)) for kind in _TYPES}
_EIGHTH = _Late("llad.eighth.f64", F64, 1, _looking_up(_EIGHTHS))
_RAISED = _Late("llad.eighth_bits.f64", F64, 1, _looking_up(EIGHTH_BITS))
_ALL = (*_SCALED.values(), _EIGHTH, _RAISED)
_NAMES = frozenset(each.name for each in _ALL)


def scaled(kind: ScalarType, x: str, k: str) -> str:
    """The call."""
    return _SCALED[kind].call(x, k)


def eighth(n: str) -> str:
    """The call."""
    return _EIGHTH.call(n)


def eighth_bits(n: str) -> str:
    """The call."""
    return _RAISED.call(n)


def declarations(symbol: str) -> str | None:
    """The declarations of all of them, if the symbol is one of them."""
    return _declarations() if symbol in _NAMES else None


@cache
def _declarations() -> str:
    """LLVM would drop the functions of vectors if nothing named them."""
    names = [name for each in _ALL for name in each.types()]
    listed = ", ".join(f"ptr @{name}" for name in names)
    used = f'@llvm.compiler.used = appending global [{len(names)} x ptr] [{listed}], section "llvm.metadata"'
    return "\n".join([*(line for each in _ALL for line in each.declared()), used, ""])


def definitions(text: str) -> str:
    """The definitions of all of them, if a module calls any. What is not inlined is not emitted."""
    return _definitions() if any(f"@{name}(" in text for name in _NAMES) else ""


@cache
def _definitions() -> str:
    intrinsics = [line for kind in _TYPES for line in _scaling_declared(kind)]
    intrinsics.append(f"declare {_PERMUTED}(<8 x double>, <8 x i64>)")
    return "\n".join([*intrinsics, *(line for each in _ALL for line in each.defined()), ""])
