"""What is expensive to make of an array is made once, if nobody can have written the array since it was made before.

    x = np.linalg.solve(k, y)               k is factorised here
    s = np.linalg.slogdet(k)[1]             and this takes the same factors

Soundness: both calls stand in the same region, so whenever the second is reached the first was, and for the same block
of memory. Either that was made there, and is handed on to nobody: then all that refers to it are its views, and none of
these is written between the two. Or it was there before: then all that is written between the two was made since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FunctionType
from typing import Any

from llad.dataclass import dataclass
from llad.frontend.core import Tracer
from llad.frontend.values import Array
from llad.ir.core import Op, Region, Value, walk
from llad.ir.types import BufferType
from llad.traced.factorisations import lu

_ONCE = frozenset({lu})  # functions of one array whose results nobody writes

# What makes a second name for a handle, or lends it to who may write.
_HANDS_ON = frozenset({"yield", "return", "for", "while", "push", "derivative", "call"})
_WRITTEN = {"store": slice(1, 2), "matmul": slice(2, 3), "free": slice(1), "call": slice(None)}  # operands


@dataclass(frozen=True, slots=True)
class Made:
    """What a call made, and where: it is followed by op number `behind` of `region`."""

    region: Region
    behind: int
    result: Any


def is_shared(function: FunctionType) -> bool:
    """Whether calls of the function may have one result in common."""
    return function in _ONCE


def made(t: Tracer, function: FunctionType, args: Sequence[Any], make: Callable[[], Any]) -> Any:
    """The result of `make`, a call of such a function, or that of an earlier call."""
    (array,) = args
    known, here = t.made.get((function, array.value)), t.builder.current
    if known is not None and known.region is here and _is_unchanged(array, here, known.behind):
        return known.result
    result = make()
    t.made[function, array.value] = Made(here, len(here.ops), result)
    return result


def _is_unchanged(array: Array, region: Region, since: int) -> bool:
    if array.loose:
        return False
    ops = list(_all(region.ops))
    maker = {v: op for op in ops for v in op.results}
    inner = {v for op in ops for r in op.regions for v in r.args}

    def block(handle: Value) -> Value:
        while handle in maker and maker[handle].name == "view":
            handle = maker[handle].operands[0]
        return handle

    later = [op for op in _all(region.ops[since:]) if op.name in _WRITTEN]
    written = {block(v) for op in later for v in op.operands[_WRITTEN[op.name]] if isinstance(v.type, BufferType)}
    own = block(array.value)
    if own in maker:
        handed = {block(v) for op in ops if op.name in _HANDS_ON for v in op.operands}
        return maker[own].name == "alloc" and own not in handed and own not in written
    return own not in inner and all(v in maker and maker[v].name == "alloc" for v in written)


def _all(ops: Iterable[Op]) -> Iterator[Op]:
    """The ops, and those in their regions."""
    for op in ops:
        yield op
        for region in op.regions:
            yield from walk(region)
