"""The order of elements in memory, where NumPy's may be another: what is made of a transpose is in its order there.

Arrays are made in C order here, which nobody sees, but for whether `ravel` and `reshape` give a view or a copy: of what
is `turned`, they give a copy that may stand for a view (`loose.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend.library import Method
from llad.frontend.rearrange import copied
from llad.frontend.values import Array, Context
from llad.structures import library_of

# What these functions give is in C order, whatever they are given.
_IN_ORDER = frozenset({
    "dot", "vdot", "inner", "outer", "matmul", "kron", "tensordot", "ravel", "reshape", "flatten", "ascontiguousarray",
    "cov", "corrcoef", "repeat", "tile", "meshgrid",
})  # fmt: skip
# A part of their first argument, as a copy, where NumPy gives a window that cannot be written.
_WINDOWS = frozenset({"broadcast_to", "diagonal", "diag", "sliding_window_view"})


def in_order(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Any:
    """The result of a function of the library, which may be `turned` if something that it is given is."""
    method = isinstance(function, Method)
    name = function.name if method else getattr(function, "__name__", "")
    given = [function.base] if method else []
    if not any(array.turned for array in _arrays([*given, *args, *kwargs.values()])):
        return result
    if name in _IN_ORDER or (method and name == "copy" and "order" not in kwargs) or ".linalg" in library_of(function):
        return result
    return _turned(result)


def _turned(result: Any) -> Any:
    if isinstance(result, Array):
        return replace(result, turned=True) if result.rank > 1 else result
    return tuple(map(_turned, result)) if type(result) is tuple else result


def _arrays(values: Any) -> Iterator[Array]:
    for value in values:
        if isinstance(value, Array):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _arrays(value)


def window_of(ctx: Context, name: str, result: Any, *args: Any) -> Any:
    """The result, as what may stand for a view, if NumPy gives one."""
    if name not in _WINDOWS or not isinstance(result, Array):
        return result
    source = next(_arrays(args), None)
    if source is None or (name == "diag" and source.rank != 2):
        return result
    return copied(ctx, result, source)
