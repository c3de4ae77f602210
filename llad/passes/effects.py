"""What an op does besides computing its results, and whether two ops that follow each other may change places.

Two ops may if neither uses what the other makes, neither writes memory that the other touches, and nobody can tell from
an error which came first: what raises, or may not end, stays on its side of what is seen outside (memory of the caller,
other errors), and nothing that may trap comes before a check that may guard it.
"""

from __future__ import annotations

from collections.abc import Iterable

from llad.dataclass import dataclass
from llad.ir.alias import Aliases, Roots
from llad.ir.core import PURE_STRUCTURED, Function, Op, Value, walk
from llad.ir.poison import maybe_poison
from llad.ir.types import FLOATS, INTS
from llad.ops.table import OPS

TRAPPING = frozenset({"floordiv", "mod", "shl", "shr", "ipow", "load"})
# What an op may consist of to move at all, besides what only computes.
_KNOWN = frozenset({"alloc", "store", "if", "for", "check", "yield"})
_QUIET = frozenset({"yield", "if", "for"})  # around what only computes


def computes(op: Op) -> bool:
    """Whether all that an op does is to compute its one result, from operands and perhaps memory."""
    return op.name in OPS or op.name in PURE_STRUCTURED or op.name == "load"


def only_computes(op: Op) -> bool:
    """Whether an op, with all inside of it, does nothing but compute results, from operands and perhaps memory."""
    if not op.regions:
        return computes(op)
    inner = [o for region in op.regions for o in walk(region)]
    return all(computes(o) or o.name in _QUIET for o in (op, *inner))


@dataclass(frozen=True, slots=True)
class Effect:
    """`fixed`: it calls, prints, keeps handles or may not end, so it stays where it is. `seen`: it writes memory that
    the caller sees. `harmless`: it may be computed where the program would not."""

    uses: frozenset[Value]
    makes: frozenset[Value]
    reads: Roots
    writes: Roots
    fixed: bool
    raises: bool
    seen: bool
    harmless: bool

    def may_follow(self, later: Effect) -> bool:
        """Whether `later`, which comes after this one, may come before it."""
        if self.fixed or later.fixed or not later.uses.isdisjoint(self.makes):
            return False
        if not later.writes.isdisjoint(self.reads | self.writes) or not later.reads.isdisjoint(self.writes):
            return False
        if self.raises:
            return later.harmless
        return not (later.raises and self.seen)

    def may_mingle(self, later: Effect) -> bool:
        """Whether nobody can tell from an error that parts of `later` come before parts of this one; memory aside."""
        if self.fixed or later.fixed or not later.uses.isdisjoint(self.makes):
            return False
        if self.raises:
            return not (later.raises or later.seen)
        return not (later.raises and self.seen)


class Effects:
    """The effects of the ops of one function, each found once."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._poison = maybe_poison(fn)
        self._own = frozenset(op.result for op in walk(fn.body) if op.name == "alloc")
        self._found: dict[Op, Effect] = {}

    def of(self, op: Op) -> Effect:
        """What the op does."""
        if op not in self._found:
            self._found[op] = self._effect(op)
        return self._found[op]

    def _effect(self, op: Op) -> Effect:
        inner = [o for region in op.regions for o in walk(region)]
        every = (op, *inner)
        writes = self._aliases.written(op)
        return Effect(
            uses=frozenset([o for each in every for o in each.operands]),
            makes=frozenset(op.results),
            reads=self._aliases.read(op),
            writes=writes,
            fixed=not all(computes(o) or o.name in _KNOWN for o in every),
            raises=any(o.name == "check" for o in every),
            seen=not writes <= self._own,
            harmless=self._is_harmless(op),
        )

    def together(self, ops: Iterable[Op]) -> Effect:
        """What several ops do that are to become one."""
        parts = [self.of(op) for op in ops]
        return Effect(
            uses=frozenset().union(*[p.uses for p in parts]),
            makes=frozenset().union(*[p.makes for p in parts]),
            reads=frozenset().union(*[p.reads for p in parts]),
            writes=frozenset().union(*[p.writes for p in parts]),
            fixed=any(p.fixed for p in parts),
            raises=any(p.raises for p in parts),
            seen=any(p.seen for p in parts),
            harmless=False,
        )

    def _is_harmless(self, op: Op) -> bool:
        if op.regions or op.name in TRAPPING or not self._poison.isdisjoint(op.operands):
            return False
        if op.name == "cast":
            return not (op.operands[0].type in FLOATS and op.result.type in INTS)
        return op.name in OPS or op.name in ("const", "undef", "dim")
