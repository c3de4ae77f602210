"""Operations that are one instruction of some hosts, though LLVM's loop vectoriser does not know it.

The vectoriser is told of functions of vectors by an attribute of a call, and chooses one of so many lanes. All that it
sees of them are declarations. Their definitions, an instruction each, are linked in after O2 and inlined: so a loop is
widened around the call, and nothing is called in the end.

`llad.scaled.f64` of x and k is x·2ᵏ, rounded once, for a k that is an integer (AVX-512).
"""

from __future__ import annotations

from functools import cache

from llad.ir.types import F32, F64, ScalarType

PURE = "memory(none) nounwind willreturn speculatable"

_PREFIX = "llad.scaled"
_TYPES = {F64: ("double", "pd", "sd", 2), F32: ("float", "ps", "ss", 4)}  # and lanes of 16 bytes


def scaled(kind: ScalarType, x: str, k: str) -> str:
    """The call."""
    type = _TYPES[kind][0]
    name = f"{_PREFIX}.{kind.name}"
    variants = ",".join(f"_ZGV_LLVM_N{n}vv_{name}({name}.{n})" for n in _lanes(kind))
    return f'call {type} @{name}({type} {x}, {type} {k}) "vector-function-abi-variant"="{variants}"'


NAMES = tuple(f"{_PREFIX}.{kind.name}" for kind in _TYPES)


def declarations(symbol: str) -> str | None:
    """The declarations of all of them, if the symbol is one of them."""
    return _declarations() if symbol in NAMES else None


@cache
def _declarations() -> str:
    """LLVM would drop the functions of vectors if nothing named them."""
    types = {
        f"{_PREFIX}.{kind.name}{suffix}": type
        for kind, (scalar, *_) in _TYPES.items()
        for suffix, type in {"": scalar, **{f".{n}": f"<{n} x {scalar}>" for n in _lanes(kind)}}.items()
    }
    lines = [f"declare {type} @{name}({type}, {type}) {PURE}" for name, type in types.items()]
    named = ", ".join(f"ptr @{name}" for name in types)
    used = f'@llvm.compiler.used = appending global [{len(types)} x ptr] [{named}], section "llvm.metadata"'
    return "\n".join([*lines, used, ""])


@cache
def definitions() -> str:
    """The definitions of all of them. What is not inlined is not emitted."""
    return "\n".join(map(_defined, _TYPES))


def mentioned(text: str) -> bool:
    """Whether a module calls any of them."""
    return any(f"@{name}(" in text for name in NAMES)


def _lanes(kind: ScalarType) -> tuple[int, ...]:
    """Of vectors of 16, 32 and 64 bytes."""
    least = _TYPES[kind][3]
    return least, 2 * least, 4 * least


def _defined(kind: ScalarType) -> str:
    type, packed, single, least = _TYPES[kind]
    name = f"{_PREFIX}.{kind.name}"
    lines = []
    for n in _lanes(kind):
        vector, size = f"<{n} x {type}>", 128 * n // least
        mask = "i8" if n <= 8 else "i16"
        intrinsic = f"@llvm.x86.avx512.mask.scalef.{packed}.{size}"
        # a register of 64 bytes says how to round: as ever
        more, rounding = (", i32", ", i32 4") if size == 512 else ("", "")
        lines += [
            f"declare {vector} {intrinsic}({vector}, {vector}, {vector}, {mask}{more})",
            f"define available_externally {vector} @{name}.{n}({vector} %x, {vector} %k) alwaysinline {{",
            f"  %r = call {vector} {intrinsic}({vector} %x, {vector} %k, {vector} %x, {mask} -1{rounding})",
            f"  ret {vector} %r",
            "}",
        ]
    vector = f"<{least} x {type}>"
    intrinsic = f"@llvm.x86.avx512.mask.scalef.{single}"
    return "\n".join(
        [
            *lines,
            f"declare {vector} {intrinsic}({vector}, {vector}, {vector}, i8, i32)",
            f"define available_externally {type} @{name}({type} %x, {type} %k) alwaysinline {{",
            f"  %a = insertelement {vector} poison, {type} %x, i64 0",
            f"  %b = insertelement {vector} poison, {type} %k, i64 0",
            f"  %r = call {vector} {intrinsic}({vector} %a, {vector} %b, {vector} %a, i8 -1, i32 4)",
            f"  %s = extractelement {vector} %r, i64 0",
            f"  ret {type} %s",
            "}",
            "",
        ]
    )
