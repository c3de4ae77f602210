"""The table of the elementary functions that are written out here, rather than called in C's libm.

A call of libm in a loop keeps the loop scalar. These are branch-free, so LLVM's loop vectoriser widens them. They are
within 2 units in the last place of the exact value, right at zeros, subnormals, infinities and NaN
(`docs/vector-math.md` has what was measured). Those of f32 go through f64, so they are correctly rounded but for rare
ties.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from llad.codegen import vector_arc, vector_error, vector_exp, vector_log, vector_pow, vector_root, vector_trig

WRITERS: dict[str, Callable[[], str]] = {
    "exp": vector_exp.exp,
    "exp2": vector_exp.exp2,
    "sinh": vector_exp.sinh,
    "cosh": vector_exp.cosh,
    "expm1": vector_exp.expm1,
    "tanh": vector_exp.tanh,
    "log": vector_log.log,
    "log1p": vector_log.log1p,
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

_OF_TWO = ("pow", "atan2", "hypot")

# By the intrinsic or function of C that an op of the table lowers to.
VECTOR = {f"{prefix}{name}": f"@llad.{name}" for name in WRITERS for prefix in ("@", "@llvm.", "@llad.")}


@cache
def vector_text(symbol: str) -> str | None:
    """The LLVM text of `llad.NAME.f64` or `llad.NAME.f32`, if it is one of these."""
    _, _, rest = symbol.partition("llad.")
    name, _, type = rest.rpartition(".")
    if name not in WRITERS or type not in ("f64", "f32"):
        return None
    return WRITERS[name]() if type == "f64" else _through_f64(name, "xy" if name in _OF_TWO else "x")


@cache
def vector_lines(symbol: str) -> int:
    """How many lines of LLVM IR such a function takes where it is inlined."""
    text = vector_text(symbol)
    assert text is not None
    called = vector_lines(symbol.removesuffix("32") + "64") if symbol.endswith("f32") else 0
    return called + text.partition("\n}")[0].count("\n")


def _through_f64(name: str, parameters: str) -> str:
    given = ", ".join(f"float %{p}" for p in parameters)
    wide = "\n".join(f"  %{p}.wide = fpext float %{p} to double" for p in parameters)
    passed = ", ".join(f"double %{p}.wide" for p in parameters)
    return f"""define internal float @llad.{name}.f32({given}) alwaysinline memory(none) nounwind willreturn {{
{wide}
  %result = call double @llad.{name}.f64({passed})
  %narrow = fptrunc double %result to float
  ret float %narrow
}}
"""
