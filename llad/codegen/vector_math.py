"""The table of the elementary functions that are written out here, rather than called in C's libm.

A call of libm in a loop keeps the loop scalar. These are branch-free, so LLVM's loop vectoriser widens them. They are
within 2 units in the last place of the exact value, right at zeros, subnormals, infinities and NaN
(`docs/vector-math.md` has what was measured). Some are written for f64 and f32 alike; the other ones of f32 do in
doubles what f32 needs (`vector_single.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from llad.codegen import (
    vector_arc,
    vector_error,
    vector_exp,
    vector_log,
    vector_pow,
    vector_root,
    vector_single,
    vector_trig,
)
from llad.ir.types import F32, F64, ScalarType

_OF_BOTH: dict[str, Callable[[ScalarType], str]] = {
    "exp": vector_exp.exp,
    "exp2": vector_exp.exp2,
    "sinh": vector_exp.sinh,
    "cosh": vector_exp.cosh,
    "expm1": vector_exp.expm1,
    "tanh": vector_exp.tanh,
    "log": vector_log.log,
    "log1p": vector_log.log1p,
}
_OF_DOUBLES: dict[str, Callable[[], str]] = {
    "log2": vector_pow.log2,
    "log10": vector_pow.log10,
    "pow": vector_pow.pow,
    "sin": vector_trig.sin,
    "cos": vector_trig.cos,
    "tan": vector_trig.tan,
    "asin": vector_arc.asin,
    "acos": vector_arc.acos,
    "atan": vector_arc.atan,
    "atan2": vector_arc.atan2,
    "cbrt": vector_root.cbrt,
    "hypot": vector_root.hypot,
    "erf": vector_error.erf,
    "erfc": vector_error.erfc,
    "gauss": vector_error.gauss,
}
_OF_SINGLES: dict[str, Callable[[], str]] = {
    "log2": vector_single.log2,
    "log10": vector_single.log10,
    "pow": vector_single.pow,
    "sin": vector_single.sin,
    "cos": vector_single.cos,
    "tan": vector_single.tan,
    "asin": vector_single.asin,
    "acos": vector_single.acos,
    "atan": vector_single.atan,
    "atan2": vector_single.atan2,
    "cbrt": vector_single.cbrt,
    "hypot": vector_single.hypot,
    "erf": vector_single.erf,
    "erfc": vector_single.erfc,
    "gauss": vector_single.gauss,
}
NAMES = (*_OF_BOTH, *_OF_DOUBLES)

# By the intrinsic or function of C that an op of the table lowers to.
VECTOR = {f"{prefix}{name}": f"@llad.{name}" for name in NAMES for prefix in ("@", "@llvm.", "@llad.")}


@cache
def vector_text(symbol: str) -> str | None:
    """The LLVM text of `llad.NAME.f64` or `llad.NAME.f32`, if it is one of these."""
    _, _, rest = symbol.partition("llad.")
    name, _, type = rest.rpartition(".")
    if rest.removeprefix("far_") in vector_trig.FAR:
        return vector_trig.far_text(rest.removeprefix("far_"))
    if name not in NAMES or type not in ("f64", "f32"):
        return None
    if name in _OF_BOTH:
        return _OF_BOTH[name](F64 if type == "f64" else F32)
    return (_OF_DOUBLES if type == "f64" else _OF_SINGLES)[name]()


@cache
def vector_lines(symbol: str) -> int:
    """How many lines of LLVM IR such a function takes where it is inlined."""
    text = vector_text(symbol)
    assert text is not None
    return text.partition("\n}")[0].count("\n")
