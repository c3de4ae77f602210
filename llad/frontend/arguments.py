"""Binding the arguments of a library function to the parameters that llad supports of it.

Invariant: nothing that a caller passed is dropped: an argument that is not supported is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llad.frontend.values import Context


def bind(
    ctx: Context, usage: str, args: Sequence[Any], kwargs: Mapping[str, Any], defaults: Sequence[Any] = ()
) -> list[Any]:
    """The values of the parameters of `usage` (`np.sum(a, axis)`), in order; the last ones have `defaults`.

    Raises: UnsupportedError for an argument that is too many, missing, or not among the parameters.
    """
    name, _, rest = usage.partition("(")
    names = rest.rstrip(")").split(", ")
    values = dict(zip(names, args, strict=False))
    for keyword, value in kwargs.items():
        if keyword not in names:
            ctx.refuse("keyword", keyword=keyword, name=name)
        if keyword in values:
            ctx.refuse("arguments", name=name, count=len(args) + len(kwargs), usage=usage)
        values[keyword] = value
    required = len(names) - len(defaults)
    for default, parameter in zip(defaults, names[required:], strict=True):
        values.setdefault(parameter, default)
    if len(args) > len(names) or any(n not in values for n in names):
        ctx.refuse("arguments", name=name, count=len(args) + len(kwargs), usage=usage)
    return [values[n] for n in names]
