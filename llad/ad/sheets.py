"""Elements that loops load again and again are kept once.

In a product of matrices, three loops load elements that lie along two of them. If the memory is overwritten later, the
reverse sweep is to be given what was loaded: kept where it is loaded, that would be an element for each product. A
*sheet* has one for each element: before the outermost loop that leaves the memory as it is, loops of its own copy what
the loads will find, along those indices on which they depend; in a box, also where a condition keeps the program from
a load that would do no harm.

So a sheet is memory that is made in the region in which this outermost loop stands, each time anew; like any other
handle it is in scope in the reverse sweep, or a field of what a run of that region keeps. If the loops around stay in a
box, it is a part of one tape for all of their iterations instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

from llad.ad import names
from llad.ad.structure import HOISTABLE, Structure
from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.distinct import Distinct
from llad.ir.types import BufferType, ScalarType
from llad.ir.within import Within


@dataclass(slots=True)
class Sheet:
    """A tape for what `load` loads: `outer` is the loop before which it is made; `along`: the loops on whose indices
    the element depends, outermost first; `others`: those around the load, from `outer` on, on which it does not.
    `around`: where these stay in a box, the loops around `outer`: then all sheets are rows of one tape."""

    load: Op
    handle: Value
    outer: Op
    along: list[Op]
    others: list[Op]
    around: list[Op] = field(default_factory=list)


class Sheets:
    """Which loads of one function have a sheet, if they are to be kept."""

    def __init__(self, fn: Function, structure: Structure, aliases: Aliases) -> None:
        self._fn = fn
        self._structure = structure
        self._aliases = aliases
        self._found: dict[Op, Sheet | None] = {}

    def of(self, load: Op) -> Sheet | None:
        """The sheet of a load, in the place where it is made most seldom; None if each run keeps what it loads."""
        if load not in self._found:
            self._found[load] = self._plan(load) if load.name == "load" and not self._structure.called else None
        return self._found[load]

    def _plan(self, load: Op) -> Sheet | None:
        structure = self._structure
        region = structure.region_of[load.result]
        root = structure.root(region)
        if structure.rectangular(region, root) and self._within.holds(load):  # else only what is loaded takes memory
            while structure.owner[region][0].name == "if":
                region = structure.owner[region][1]
        found: Sheet | None = None
        around: list[Op] = []
        while region is not root:
            loop, region = structure.owner[region]
            if not self._is_plain(loop) or not self._leaves(load.operands[0], loop):
                break
            around.insert(0, loop)
            needed = self._indices(load, around, region)
            if needed is None or not all(structure.hoistable(o, region) for op in around for o in op.operands[:3]):
                continue
            along = [op for op in around if op.regions[0].args[0] in needed]
            others = [op for op in around if op not in along]
            if along and others:
                found = Sheet(load, _handle(load, len(along)), loop, along, others)
        return found

    def _leaves(self, memory: Value, loop: Op) -> bool:
        """Whether the loop stores nothing to some memory. (Arrays that take turns are never the same one.)"""
        if self._aliases.roots(memory).isdisjoint(self._aliases.written(loop)):
            return True
        ops = [op for op in walk(loop.regions[0]) if op.name in ("store", "matmul", "free", "push", "pop")]
        stored = {op.operands[1] for op in ops if op.name == "store"}
        home = self._structure.home(loop)
        there = (self._structure.encloses(self._structure.region_of[v], home) for v in (memory, *stored))
        return all(op.name == "store" for op in ops) and all(there) and all(self._distinct(memory, v) for v in stored)

    @cached_property
    def _within(self) -> Within:
        return Within(self._fn)

    @cached_property
    def _distinct(self) -> Distinct:
        return Distinct(self._fn, self._aliases)

    def _is_plain(self, loop: Op) -> bool:
        """Whether the loop runs to its end, and nothing in it may raise an error before an element is loaded."""
        if loop.name != "for" or loop.attrs["exits"]:
            return False
        return not any(op.name in ("check", "call", "while", "derivative") for op in walk(loop.regions[0]))

    def _indices(self, load: Op, around: list[Op], home: Region) -> set[Value] | None:
        """The indices of the loops on which the place of an element depends; None if it cannot be said in `home`."""
        own = {op.regions[0].args[0] for op in around}
        needed: set[Value] = set()
        for value in self._sources(load, home):
            if value in own:
                needed.add(value)
            elif (op := self._structure.op_of.get(value)) is None or op.name not in HOISTABLE:
                return None
        return needed

    def _sources(self, load: Op, home: Region) -> Iterator[Value]:
        """What the place of an element is made of that is not known in `home`."""
        pending, seen = list(load.operands), set()
        while pending:
            value = pending.pop()
            if value in seen or self._structure.encloses(self._structure.region_of[value], home):
                continue
            seen.add(value)
            yield value
            op = self._structure.op_of.get(value)
            pending += op.operands if op is not None else ()


def _handle(load: Op, rank: int) -> Value:
    type = load.result.type
    assert isinstance(type, ScalarType)
    return Value(BufferType(type, rank, "C"), names.tape(load.operands[0]))
