"""What a native entry point is to do, as data: which Python objects it accepts and what it makes of them.

The compiler states a plan, `entry.py` turns it into machine code and `foreign.py` carries it out through ctypes, so
both are interpreters of one description, and tests hold them against each other.

*Leaves* are the numbers and arrays among the arguments, numbered left to right (static arguments are none), then the
captured arrays. The native function's operands are leaves and fresh arrays; the result is a tree over its outputs
(`llad/returned.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import CellType, FunctionType
from typing import Any, Literal, TypeAlias

import numpy as np

from llad import structures
from llad.codegen.work import Work
from llad.dataclass import dataclass
from llad.ir.types import BOOL, F32, F64, I32, I64, Layout, ScalarType, Type
from llad.returned import Fresh, Result
from llad.structures import TUPLE, Node

PythonType = type[Any]

NUMPY_TYPES: dict[ScalarType, np.dtype[Any]] = {
    F64: np.dtype(np.float64),
    F32: np.dtype(np.float32),
    I64: np.dtype(np.int64),
    I32: np.dtype(np.int32),
    BOOL: np.dtype(np.bool_),
}


@dataclass(frozen=True, slots=True)
class NumberArgument:
    """A number whose Python type is exactly one of `accepts` (`int`, `float`, `bool`, NumPy's scalars)."""

    type: ScalarType
    accepts: tuple[PythonType, ...]


@dataclass(frozen=True, slots=True)
class ArrayArgument:
    """An `ndarray` of just this dtype, rank and layout.

    `writeable`: it must be. `apart`: the call writes it (or a copy), so overlap with other arrays matters.
    `like`: its extents must be those of that leaf. `clear`: it receives results, so it is zeroed first. `lengths`: of
    some axes, whether they have just so many elements.
    """

    dtype: ScalarType
    rank: int
    layout: Layout = "C"
    writeable: bool = False
    apart: bool = False
    like: int | None = None
    clear: bool = False
    lengths: tuple[tuple[int, int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class StaticArgument:
    """This very object. Where a `Take` looks, an equal one will do, and so will one equal to `instead`."""

    value: Any
    instead: Any = None

    def takes(self, value: object) -> bool:
        """Whether the object will do."""
        if value is self.value:
            return True
        return any(type(value) is type(own) and bool(value == own) for own in (self.value, self.instead))


Argument: TypeAlias = "NumberArgument | ArrayArgument | StaticArgument | Node[Argument]"


def leaves(argument: Argument) -> Iterator[NumberArgument | ArrayArgument]:
    """The numbers and arrays of an argument, left to right."""
    return (leaf for leaf in structures.leaves(argument) if not isinstance(leaf, StaticArgument))


def taken(argument: Argument) -> Iterator[Node[Argument]]:
    """The outermost structures that machine code has taken apart by Python: all but tuples."""
    if isinstance(argument, Node):
        if argument.form != TUPLE:
            yield argument
        else:
            for item in argument.items:
                yield from taken(item)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Operand: leaf number `index`."""

    index: int


# `own`: in memory of the call, and no other result is in it. `shared`: in memory of the call or in an argument, maybe
# beside other results; so Python gets a window on that. `copied`: anywhere, and Python gets a fresh array.
Memory = Literal["own", "shared", "copied"]


@dataclass(frozen=True, slots=True, eq=False)
class GuardCheck:
    """The entry applies only while `name` of `holder` is `value` (`ABSENT`: is not there).

    `holder` is a dict, a cell (`name` does not count), or a function and `name` one of its fields. Without a name, it
    is a list, dict or set, and `value` a tuple of all that is in it. `holds` answers for every other holder, and for
    callers that are not native.
    """

    holder: dict[str, Any] | CellType | FunctionType | object
    name: str
    value: object
    holds: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to call the native function `target` with Python objects.

    `overlap` says what must be true of the byte ranges of arrays that are `apart` and those of all others: that
    none overlap, that some do, or nothing. `keywords`: the last arguments are passed by these, in this order.
    Otherwise the last arguments may be passed by `names` in their order (`None`: not by name), those from number
    `positional` on only so, or left out if there are `defaults`, the last of which is that of the last argument.
    `fresh` holds, per fresh array, the leaf that it is like. `raised(code, a, b, c, d)` makes the exception for an
    error code. `keeps`: the last output is the address of a tape, which is given all memory of the call. Fresh arrays
    and those to `clear` are zeroed, but for the `filled` operands, every element of which the native function stores.
    """

    target: str
    arguments: tuple[Argument, ...]
    operands: tuple[Leaf | Fresh, ...]
    outputs: tuple[Type, ...]
    result: Result
    raised: Callable[..., BaseException]
    captured: tuple[tuple[ArrayArgument, np.ndarray[Any, Any]], ...] = ()
    fresh: tuple[int, ...] = ()
    guards: tuple[GuardCheck, ...] = ()
    overlap: Literal["none", "some", "any"] = "none"
    keywords: tuple[str, ...] = ()
    names: tuple[str | None, ...] = ()
    positional: int | None = None
    defaults: tuple[Any, ...] = ()
    work: Work = ()
    memories: tuple[Memory, ...] = ()
    keeps: bool = False
    filled: tuple[int, ...] = ()

    def leaves(self) -> tuple[NumberArgument | ArrayArgument, ...]:
        """All leaves, those of the captured arrays last."""
        found = [leaf for argument in self.arguments for leaf in leaves(argument)]
        return (*found, *(argument for argument, _ in self.captured))

    def is_cleared(self, operand: Leaf | Fresh) -> bool:
        """Whether an operand is zeroed before the call."""
        argument = None if isinstance(operand, Fresh) else self.leaves()[operand.index]
        received = argument is None or (isinstance(argument, ArrayArgument) and argument.clear)
        return received and all(self.operands[k] != operand for k in self.filled)

    def memory_of(self, output: int) -> Memory:
        """What is known of where an output lies: nothing, unless the plan says it."""
        return self.memories[output] if self.memories else "copied"

    def check(self) -> None:
        """Assert that numbers refer to what is there."""
        found = self.leaves()
        assert len(self.names) in (0, len(self.arguments)) and len(self.defaults) <= len(self.arguments)
        assert not self.keywords or not (self.names or self.defaults)
        arrays = [isinstance(leaf, ArrayArgument) for leaf in found]
        assert all(arrays[like] for like in self.fresh)
        assert all(arrays[x.like] for x in found if isinstance(x, ArrayArgument) and x.like is not None)
        for operand in self.operands:
            limit = len(self.fresh) if isinstance(operand, Fresh) else len(found)
            assert 0 <= operand.index < limit, operand
