"""Elementary functions in more digits than a double has, to measure errors in units of the last place.

Where `long double` has a significand of 64 bits, C's own functions of that type are called in a compiled loop, and are
off by 0.001 units of a double. Elsewhere there are only the functions of `math`, themselves off by up to one unit.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from llad.codegen import jit
from llad.codegen.symbols import _libraries
from llad.ops.table import OPS

HAS_EXTENDED = np.finfo(np.longdouble).nmant == 63
SLACK = 0.01 if HAS_EXTENDED else 1.0

_LOOP = """
declare x86_fp80 @NAMEl(TYPES)
define void @all(ptr %x0, ptr %x1, ptr %out, i64 %n) {
entry:
  br label %next
next:
  %i = phi i64 [0, %entry], [%following, %next]
  %p0 = getelementptr x86_fp80, ptr %x0, i64 %i
  %p1 = getelementptr x86_fp80, ptr %x1, i64 %i
  %v0 = load x86_fp80, ptr %p0
  %v1 = load x86_fp80, ptr %p1
  %r = call x86_fp80 @NAMEl(VALUES)
  %to = getelementptr x86_fp80, ptr %out, i64 %i
  store x86_fp80 %r, ptr %to
  %following = add i64 %i, 1
  %more = icmp ult i64 %following, %n
  br i1 %more, label %next, label %done
done:
  ret void
}
"""


@cache
def _compiled(name: str, arity: int) -> jit.Linked:
    text = _LOOP.replace("NAME", name).replace("TYPES", ", ".join(["x86_fp80"] * arity))
    text = text.replace("VALUES", ", ".join(f"x86_fp80 %v{k}" for k in range(arity)))
    function = next(getattr(lib, name + "l") for lib in _libraries() if hasattr(lib, name + "l"))
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return jit.link(text, ["all"], {name + "l": address})


def exact(name: str, *xs: Any) -> Any:
    """The function at each point, in `np.longdouble`."""
    if not HAS_EXTENDED:
        return np.array([OPS[name].eval(*map(float, point)) for point in zip(*xs, strict=True)], np.longdouble)
    if name == "gauss":  # C has none, and e^(-x²) suffers from what x² is rounded by
        high = np.asarray(xs[0], np.float32).astype(np.longdouble)
        return exact("exp", -high * high) * exact("exp", (high - xs[0]) * (high + xs[0]))
    wide = [np.ascontiguousarray(x, np.longdouble) for x in xs]
    out = np.empty(len(wide[0]), np.longdouble)
    pointer = ctypes.c_void_p
    call = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, ctypes.c_int64)(_compiled(name, len(xs)).addresses["all"])
    call(wide[0].ctypes.data, wide[-1].ctypes.data, out.ctypes.data, len(out))
    return out


def ulps(got: Any, want: Any) -> Any:
    """|got - want| in units of the last place that got's type has at `want`; infinite where one of them is not finite.

    Where `want` rounds to a number of that type that is infinite or zero, got must be that number.
    """
    form = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        rounded = want.astype(got.dtype)
        exponent = np.frexp(np.abs(want))[1].astype(np.int64) - 1 - form.nmant
        exponent = np.maximum(exponent, form.minexp - form.nmant)
        error = (np.abs(got - want) / np.ldexp(np.longdouble(1), exponent)).astype(np.float64)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(np.isfinite(got) & np.isfinite(rounded), error, np.where(same, 0.0, np.inf))
