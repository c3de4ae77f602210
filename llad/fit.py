"""The arguments of a call that no entry point took as they are, made such that one does, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, assert_never

import numpy as np
from numpy.lib.array_utils import byte_bounds

from llad.codegen.plan import (
    NUMPY_TYPES,
    Argument,
    ArrayArgument,
    NumberArgument,
    Plan,
    StaticArgument,
)
from llad.frontend.signature import check_form, is_plain_array
from llad.refusals.table import refusal
from llad.structures import TUPLE, Attributes, Node, opened

Array = np.ndarray[Any, Any]
_OVERLAP = "an array that the function writes overlaps another"


def fit(plan: Plan, values: Sequence[Any]) -> tuple[Any, ...]:
    """The values as the plan's entry point accepts them: copies only where that makes no difference.

    Raises:
        OverflowError: an int does not fit into 64 bits.
        ValueError: an array that the function writes is read-only.
        ArgumentError: shapes or structures do not match; arrays overlap or are not aligned where that matters.
    """
    found: list[Any] = []
    fitted = tuple(_fit(a, v, found) for a, v in zip(plan.arguments, values, strict=True))
    for argument, array in plan.captured:
        if _array(argument, array) is not array:
            raise refusal("unaligned", kind="captured")
    if plan.overlap == "none":
        _refuse_overlap(plan, [*found, *(array for _, array in plan.captured)])
    return fitted


def plain(value: Any, attributes: Attributes, depth: int = 0) -> Any:
    """The argument with each array as a plain one of canonical dtype, in the same memory.

    Structures become nodes, which stay; of plain objects, the `attributes` do.

    Raises: ArgumentError for a structure that is too deep, or a dict with keys that are neither str nor int.
    """
    if isinstance(value, Node):
        return value
    if (structure := opened(value, attributes)) is not None:
        form, items = structure
        check_form(form, depth)
        made = tuple(plain(item, attributes, depth + 1) for item in items)
        return made if form == TUPLE else Node(form, made)
    if not is_plain_array(value):
        return value
    canonical = next((known for known in NUMPY_TYPES.values() if known == value.dtype), value.dtype)
    same = type(value) is np.ndarray and value.dtype is canonical
    return value if same else value.view(canonical, np.ndarray)


def _fit(argument: Argument, value: Any, found: list[Any]) -> Any:
    """`found` collects the leaves."""
    match argument:
        case NumberArgument():
            found.append(_number(argument, value))
            return found[-1]
        case ArrayArgument():
            array = _received(argument, value) if argument.clear else _array(argument, value)
            if argument.like is not None and array.shape != found[argument.like].shape:
                want = found[argument.like].shape
                raise refusal("argument-shape", shape=array.shape, want=want)
            found.append(array)
            return array
        case StaticArgument(value=own):
            if own is None and not _holds_nothing(value):
                raise refusal("no-direction", got=repr(value))
            return own
        case Node(form=form, items=items):
            parts = parts_for(argument, value)
            made = tuple(_fit(a, v, found) for a, v in zip(items, parts, strict=True))
            return made if form == TUPLE else Node(form, made)
        case _:
            assert_never(argument)


def _holds_nothing(value: Any) -> bool:
    """Whether a tangent says nothing: None, and structures of nothing else, empty ones too."""
    if value is None:
        return True
    structure = (value.form, value.items) if isinstance(value, Node) else opened(value)
    return structure is not None and all(map(_holds_nothing, structure[1]))


def parts_for(node: Node[Any], value: Any) -> Sequence[Any]:
    """The items of a value that should have the structure of the node; a list may stand for a tuple.

    Raises: ArgumentError when it has not.
    """
    form = node.form
    if isinstance(value, Node):
        parts: Sequence[Any] | None = value.items if value.form == form else None
    else:
        parts = value if form == TUPLE and isinstance(value, list) else form.parts(value)
    if parts is None or len(parts) != len(node.items):
        size = f" of {len(node.items)}" if form.cls in (tuple, list) else ""
        raise refusal("structure", form=f"{form}{size}", got=repr(value))
    return parts


def _number(argument: NumberArgument, value: Any) -> Any:
    if type(value) is int and int in argument.accepts and not -(2**63) <= value < 2**63:
        raise OverflowError(f"the int {value} does not fit into 64 bits")
    if type(value) in argument.accepts:
        return value
    if not isinstance(value, (int, float, np.number, np.bool_)):
        raise refusal("number-wanted", got=repr(value))
    return argument.accepts[0](value)


def _array(argument: ArrayArgument, value: Any) -> Array:
    if argument.like is not None:  # a tangent
        return np.require(value, NUMPY_TYPES[argument.dtype], ["C", "A"])
    array: Array = value
    if argument.writeable and not array.flags.writeable:
        raise ValueError("assignment destination is read-only")
    if argument.apart and meets_itself(array):
        raise refusal("shared-elements")
    if array.flags.aligned:
        return array
    if argument.writeable:  # nothing may be lost in a copy
        raise refusal("unaligned", kind="written")
    return laid_out(array)


def laid_out(array: Array) -> Array:
    """An aligned copy, contiguous just if the array is."""
    if array.flags.c_contiguous:
        return array.copy()
    copy = np.empty((*array.shape, 2), array.dtype)[..., 0]
    copy[...] = array
    return copy


def meets_itself(array: Array) -> bool:
    """Whether elements of the array share bytes, as far as strides tell: no slice of an ordinary array does.

    They do not if along each axis a step leaves behind all that the axes of smaller steps span.
    """
    span = array.itemsize
    for step, count in sorted(zip(map(abs, array.strides), array.shape, strict=True)):
        if count > 1:
            if step < span:
                return array.size > 0
            span += step * (count - 1)
    return False


def _received(argument: ArrayArgument, value: Any) -> Array:
    """An array given as `out`, which must be right as it is."""
    dtype = NUMPY_TYPES[argument.dtype]
    if not isinstance(value, np.ndarray):
        raise refusal("out-type", got=repr(value))
    if value.dtype != dtype or value.ndim != argument.rank:
        raise refusal("out-dtype", dtype=dtype, axes=argument.rank, got=value.dtype, rank=value.ndim)
    if not (value.flags.c_contiguous and value.flags.writeable and value.flags.aligned):
        raise refusal("out-layout")
    return value.view(dtype) if value.dtype is not dtype or type(value) is not np.ndarray else value


def overlapping(arrays: Sequence[Array], apart: Sequence[bool]) -> bool:
    """Whether the bytes of an array marked in `apart` lie among those of another."""
    ranges = [byte_bounds(a) if a.size else (-1, -1) for a in arrays]
    for w, (lo, hi) in enumerate(ranges):
        for k, (other_lo, other_hi) in enumerate(ranges):
            if apart[w] and k != w and lo < other_hi and other_lo < hi:
                return True
    return False


def arrays_of(values: Any) -> Iterator[Array]:
    """The arrays in arguments that are plain."""
    if isinstance(values, (tuple, Node)):
        for value in values.items if isinstance(values, Node) else values:
            yield from arrays_of(value)
    elif isinstance(values, np.ndarray):
        yield values


def refuse_shared(arrays: Sequence[Array], apart: Sequence[bool]) -> None:
    """Raises: ArgumentError where an array marked in `apart` meets itself or another."""
    if any(a and meets_itself(array) for array, a in zip(arrays, apart, strict=True)):
        raise refusal("shared-elements")
    if overlapping(arrays, apart):
        raise refusal("overlap", what=_OVERLAP)


def _refuse_overlap(plan: Plan, found: Sequence[Any]) -> None:
    pairs = [(a, v) for a, v in zip(plan.leaves(), found, strict=True) if isinstance(a, ArrayArgument)]
    if overlapping([v for _, v in pairs], [a.apart for a, _ in pairs]):
        received = any(a.clear for a, _ in pairs)
        what = "out overlaps an argument" if received else _OVERLAP
        raise refusal("overlap", what=what)
