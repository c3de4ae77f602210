"""What memory holds later: whether a load can be repeated, and whether the scratch of a loop is its own.

The reverse sweep may read primal memory again where nothing has overwritten it (`stays`), and may run an iteration
again, or reverse it at once, where what the iteration writes is nobody else's (`private`).

An element is *covered* at a place in a region if the region has certainly written it before. A store covers what its
indices name; a `for` over a whole axis that stores at its index covers that axis. The analysis knows indices by
their SSA values and constants only, so what it does not recognise counts as not covered.
"""

from __future__ import annotations

from collections.abc import Sequence

from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Region, Value, walk

ALL = "*"  # in place of an index: every element of the axis
_Key = tuple[Value | int | str, ...]
_Covered = frozenset[_Key]


class Overwrites:
    """Questions about one function, which is not edited meanwhile."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._owner: dict[Region, tuple[Op, Region]] = {}
        self._place: dict[Op, tuple[Region, int]] = {}
        self._made: dict[Value, Op] = {}
        self._after: dict[Region, list[Roots]] = {}
        self._body = fn.body
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

    def stays(self, roots: Roots, op: Op, root: Region) -> bool:
        """Whether the memory of `roots`, as `op` sees it, is unchanged when the run of `root` around `op` ends.

        `root` is a region around `op`: the body of the function, or of a loop whose iterations end one by one.
        """
        region, k = self._place[op]
        while True:
            if not roots.isdisjoint(self._written_after(region, k)):
                return False
            if region is root:
                return True
            owner, parent = self._owner[region]
            if owner.name != "if" and not roots.isdisjoint(self._aliases.written(owner)):
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
        if self._covered_after(loop.regions, root) is None:
            return False
        while self._ops(region.ops[k + 1 :], root, frozenset()) is not None:
            if region is home:
                return True
            owner, parent = self._owner[region]
            if owner.name != "if" and self._covered_after(owner.regions, root) is None:
                return False
            region, k = parent, self._place[owner][1]
        return False

    def covers(self, ops: Sequence[Op], root: Value) -> bool:
        """Whether `ops`, one after the other, read no element of the allocation `root` that they have not written."""
        return self._ops(ops, root, frozenset()) is not None

    def _encloses(self, outer: Region, inner: Region) -> bool:
        while inner is not outer:
            if inner not in self._owner:
                return False
            inner = self._owner[inner][1]
        return True

    # -- coverage: the keys that are certainly written, or None as soon as something else is read

    def _covered_after(self, regions: Sequence[Region], root: Value) -> _Covered | None:
        covered: _Covered | None = frozenset()
        for region in regions:
            covered = None if covered is None else self._ops(region.ops, root, covered)
        return covered

    def _ops(self, ops: Sequence[Op], root: Value, covered: _Covered) -> _Covered | None:
        for op in ops:
            after = self._op(op, root, covered)
            if after is None:
                return None
            covered = after
        return covered

    def _op(self, op: Op, root: Value, covered: _Covered) -> _Covered | None:
        reads = root in self._aliases.read(op)
        if not reads and root not in self._aliases.written(op):
            return covered
        match op.name:
            case "load":
                key = self._key(op.operands[1:])
                return covered if self._holds(covered, key, root, op.operands[0]) else None
            case "store":
                if op.operands[1] is not root:
                    return covered
                return self._complete(covered | {self._key(op.operands[2:])}, root)
            case "if":
                branches = [self._ops(r.ops, root, covered) for r in op.regions]
                first, second = branches
                return None if first is None or second is None else first & second
            case "for" | "while":
                inside = covered
                for region in op.regions:
                    after = self._ops(region.ops, root, inside)
                    if after is None:
                        return None
                    inside = after
                return self._complete(covered | self._swept(op, inside - covered, root), root)
            case _:
                return None if reads else covered

    def _swept(self, loop: Op, keys: _Covered, root: Value) -> _Covered:
        """Of the keys that every iteration covers, what the whole loop covers: axes over which it runs wholly."""
        if loop.name != "for" or loop.attrs["exits"]:
            return frozenset()
        lo, hi, step = loop.operands[:3]
        index = loop.regions[0].args[0]
        if self._constant(lo) != 0 or self._constant(step) != 1:
            return frozenset()
        inside = {r for op in walk(loop.regions[0]) for r in op.results}
        found = set()
        for key in keys:
            axes = [axis for axis, part in enumerate(key) if part is index]
            swept = tuple([ALL if part is index else part for part in key])
            if len(axes) == 1 and self._is_extent(hi, root, axes[0]) and inside.isdisjoint(swept):
                found.add(swept)
        return frozenset(found)

    def _complete(self, covered: _Covered, root: Value) -> _Covered:
        """The same keys, and that of the whole buffer if they name every element of a small constant one."""
        extents = [self._constant(e) for e in self._made[root].operands]
        sizes = [e for e in extents if e is not None]
        if len(sizes) == len(extents) == 1 and covered >= {(k,) for k in range(sizes[0])}:
            return covered | {(ALL,)}
        return covered

    def _holds(self, covered: _Covered, key: _Key, root: Value, buffer: Value) -> bool:
        if buffer is not root:  # a view: all of it must be covered
            key = (ALL,) * len(self._made[root].operands)
        return any(all(c in (ALL, part) for c, part in zip(known, key, strict=True)) for known in covered)

    def _key(self, indices: Sequence[Value]) -> _Key:
        parts = []
        for index in indices:
            constant = self._constant(index)
            parts.append(index if constant is None else constant)
        return tuple(parts)

    def _constant(self, value: Value) -> int | None:
        made = self._made.get(value)
        return int(made.attrs["value"]) if made is not None and made.name == "const" else None

    def _is_extent(self, value: Value, root: Value, axis: int) -> bool:
        """Whether `value` is the extent of that axis of `root`."""
        extent = self._made[root].operands[axis]
        if value is extent:
            return True
        made = self._made.get(value)
        if made is None:
            return False
        if made.name == "const":
            return self._constant(extent) == self._constant(value)
        return made.name == "dim" and made.operands[0] is root and bool(made.attrs["axis"] == axis)
