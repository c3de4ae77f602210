"""What memory holds later: whether a load can be repeated, and whether the scratch of a loop is its own.

The reverse sweep may read primal memory again where nothing has overwritten it (`stays`), and may run an iteration
again, or reverse it at once, where what the iteration writes is nobody else's (`private`).

Which elements are written before they are read, and which are zero again at the end, `coverage.py` tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.coverage import Box, Coverage
from llad.ir.settled import Settled


class Overwrites:
    """Questions about one function, which is not edited meanwhile."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._owner: dict[Region, tuple[Op, Region]] = {}
        self._place: dict[Op, tuple[Region, int]] = {}
        self._made: dict[Value, Op] = {}
        self._after: dict[Region, list[Roots]] = {}
        self._body = fn.body
        self._coverage = Coverage(fn, aliases)
        self._settled = Settled(fn, aliases)
        for op in walk(fn.body):
            self._made.update(dict.fromkeys(op.results, op))
        self._enter(fn.body)

    def _enter(self, region: Region) -> None:
        for k, op in enumerate(region.ops):
            self._place[op] = region, k
            for inner in op.regions:
                self._owner[inner] = op, region
                self._enter(inner)

    # -- overwriting

    def stays(self, roots: Roots, op: Op, root: Region, behind: Op | None = None) -> bool:
        """Whether the memory of `roots`, as `op` sees it, is unchanged when the run of `root` around `op` ends.

        `root` is a region around `op`: the body of the function, or of a loop whose iterations end one by one.
        `behind`: the op after which `op` would stand, if it is none of the function's.
        """
        region, k = self._place[behind or op]
        while True:
            written = not roots.isdisjoint(self._written_after(region, k))
            if written and not (op.name == "load" and self._settled.spared_by(op, region.ops[k + 1 :])):
                return False
            if region is root:
                return True
            owner, parent = self._owner[region]
            written = owner.name != "if" and not roots.isdisjoint(self._aliases.written(owner))
            if written and not (op.name == "load" and self._settled.spared_later(op, owner)):
                return False
            region, k = parent, self._place[owner][1]

    def _written_after(self, region: Region, k: int) -> Roots:
        """What the ops of `region` behind number `k` may write."""
        if region not in self._after:
            suffix: list[Roots] = [frozenset()]
            for op in reversed(region.ops):
                suffix.append(suffix[-1] | self._aliases.written(op))
            self._after[region] = suffix[::-1]
        return self._after[region][k + 1]

    # -- privacy

    def private(self, root: Value, loop: Op) -> bool:
        """Whether what an iteration of `loop` leaves in the allocation `root` is never read after it."""
        made = self._made.get(root)
        if made is None or made.name != "alloc" or self._aliases.escapes(root):
            return False
        home = self._place[made][0]
        region, k = self._place[loop]
        if self._encloses(loop.regions[-1], home):
            return True
        if self._around(loop, root) is None:
            return False
        while self._coverage.covered(region.ops[k + 1 :], root, []) is not None:
            if region is home:
                return True
            owner, parent = self._owner[region]
            if owner.name != "if" and self._around(owner, root) is None:
                return False
            region, k = parent, self._place[owner][1]
        return False

    def rests(self, root: Value, loop: Op) -> bool:
        """Whether every iteration of `loop` finds the allocation `root` all zero: they tidy up, nobody else writes."""
        made = self._made.get(root)
        if made is None or made.name != "alloc" or not made.attrs["zero"] or self._aliases.escapes(root):
            return False
        inside = set(walk(loop.regions[0]))
        alone = all(op in inside or op.regions or root not in self._aliases.written(op) for op in walk(self._body))
        return alone and self._coverage.rests(loop.regions[0].ops, root)

    def covers(self, ops: Sequence[Op], root: Value) -> bool:
        """Whether `ops`, one after the other, read no element of the allocation `root` that they have not written."""
        return self._coverage.covered(ops, root, []) is not None

    def _around(self, loop: Op, root: Value) -> list[Box] | None:
        """What one iteration after the other leaves written; None if they read what they have not written."""
        covered: list[Box] | None = []
        for region in loop.regions:
            covered = None if covered is None else self._coverage.covered(region.ops, root, covered)
        return covered

    def _encloses(self, outer: Region, inner: Region) -> bool:
        while inner is not outer:
            if inner not in self._owner:
                return False
            inner = self._owner[inner][1]
        return True
