"""What a call returns, as a tree: outputs of the native function, objects that were passed, objects known before.

The trace states it, differentiation and the calling interface change it, and entry points carry it out.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from llad import structures
from llad.dataclass import dataclass
from llad.structures import Node


@dataclass(frozen=True, slots=True)
class Output:
    """Output `index` of the function: a number, or a fresh C-contiguous array.

    `weak`: in Python it would be a Python number; calls make Python numbers of all.
    """

    index: int
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Passed:
    """The very object that was passed as run-time leaf number `leaf` of the arguments."""

    leaf: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """Fresh array number `index`, zeroed before the call, which the native function is given as an operand."""

    index: int


@dataclass(frozen=True, slots=True)
class Constant:
    """This very object."""

    value: Any


Result: TypeAlias = "Output | Passed | Fresh | Constant | Node[Result]"


def outputs_of(result: Result) -> list[int]:
    """The outputs in a result, in order."""
    return sorted({leaf.index for leaf in structures.leaves(result) if isinstance(leaf, Output)})
