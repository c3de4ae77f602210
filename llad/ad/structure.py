"""Where every value of a function lives: its op, its region, and the loops and branches around that region.

Reverse mode mirrors regions one to one, so it asks constantly which region defines a value and what surrounds it.
Computed once for a function that is not edited afterwards.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from llad.ir.core import Function, Op, Region, Value, constant
from llad.ir.poison import maybe_poison

LOOPS = ("for", "while")
Strategy = Literal["taped", "recomputed", "fused", "checkpointed"]

# Cheap integer ops that may be computed again anywhere their operands are known.
HOISTABLE = frozenset({"const", "dim", "cast", "add", "sub", "mul", "neg", "min", "max"})

# What the bounds of a triangle are made of: the most of these is told by the most or the least of their operands.
_LIMITED = frozenset({"add", "sub", "neg", "min", "max"})


def goes(op: Op, most: bool) -> tuple[bool, ...]:
    """Of which operands the `most`, and of which the least, makes the most of a number in the bounds of a triangle."""
    return {"sub": (most, not most), "neg": (not most,)}.get(op.name, (most, most))


class Structure:
    """`region_of`, `op_of` (parameters and block arguments have none) and `position` (program order) of a value;
    `owner` of a nested region.

    A *root* is a region whose reverse sweep follows its forward sweep at once, so that in the reverse sweep the values
    of its own ops are in scope: the body of the function, and those of the loops in `reruns` (`strategies.py`), which
    stand in roots. What is kept of a value is kept within the root around it.

    `called`: `fn` is not the root but called by it, so its body runs many times, like that of a loop: it has depth 1,
    and its reverse sweep is another function, in whose scope nothing of the forward sweep is.

    `apart`: the reverse sweep does not follow at once and runs any number of times, each from its own seeds. So no loop
    of the body may be reversed in the forward sweep, shadows made there are zero again when a reverse sweep ends, and
    these loops, a rerun of which would be harmful, are taped. `None` if it does follow at once.
    """

    def __init__(self, fn: Function, called: bool = False, apart: Collection[Op] | None = None) -> None:
        self.fn = fn
        self.called = called
        self.apart = apart
        self.region_of: dict[Value, Region] = dict.fromkeys(fn.params, fn.body)
        self.op_of: dict[Value, Op] = {}
        self.owner: dict[Region, tuple[Op, Region]] = {}
        self.position: dict[Value, int] = {p: k for k, p in enumerate(fn.params)}
        self.reruns: dict[Region, Strategy] = {}
        self._rectangular: dict[tuple[Region, Region], bool] = {}
        self.poison = maybe_poison(fn)
        self._enter(fn.body)

    def _enter(self, region: Region) -> None:
        for op in region.ops:
            for result in op.results:
                self.region_of[result] = region
                self.op_of[result] = op
                self.position[result] = len(self.position)
            for inner in op.regions:
                self.owner[inner] = (op, region)
                for arg in inner.args:
                    self.region_of[arg] = inner
                    self.position[arg] = len(self.position)
                self._enter(inner)

    def constant(self, value: Value) -> object:
        """The number that `value` is known to be, else None."""
        return constant(value, self.op_of)

    def outward(self, region: Region) -> Iterator[tuple[Op, Region]]:
        """The ops around `region`, innermost first, each with the region in which it stands."""
        while region in self.owner:
            op, region = self.owner[region]
            yield op, region

    def is_root(self, region: Region) -> bool:
        return region is self.fn.body or region in self.reruns

    def root(self, region: Region) -> Region:
        """The innermost root that is `region` or around it."""
        return next(r for r in (region, *(outer for _, outer in self.outward(region))) if self.is_root(r))

    def place(self, value: Value) -> tuple[Region, Region]:
        """The region of a value, and the root within which it is kept: what a rerun is given, by the root around it."""
        region = self.region_of[value]
        return region, self.root(self.owner[region][1] if self.given(value) else region)

    def given(self, value: Value) -> bool:
        """Whether a rerun of its region starts from `value`."""
        region = self.region_of[value]
        return self.reruns.get(region) == "recomputed" and value in region.args

    def in_scope(self, region: Region, root: Region) -> bool:
        """Whether the values of `region`, kept within `root`, are in scope in the reverse sweep."""
        return region is root and not (self.called and root is self.fn.body)

    def loops(self, region: Region, root: Region) -> list[Op]:
        """The loops around `region` inside `root`, outermost first."""
        found = []
        while region is not root:
            op, region = self.owner[region]
            if op.name in LOOPS:
                found.append(op)
        return found[::-1]

    def depth(self, region: Region, root: Region) -> int:
        """How often in a row the sweep of `root` may run `region`, in loops (a called function may run many times)."""
        return len(self.loops(region, root)) + (self.called and root is self.fn.body)

    def encloses(self, outer: Region, inner: Region) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return inner is outer or any(region is outer for _, region in self.outward(inner))

    def hoistable(self, value: Value, region: Region) -> bool:
        """Whether `value` is the same in every run of a loop that stands in `region`, and known before it."""
        if self.encloses(self.region_of[value], region):
            return value not in self.poison
        op = self.op_of.get(value)
        return op is not None and op.name in HOISTABLE and all(self.hoistable(o, region) for o in op.operands)

    def rectangular(self, region: Region, root: Region) -> bool:
        """Whether the loops around `region` stay in a box: plain `for`s whose bounds are fixed before the outermost.

        One bound of an inner loop may go with the indices around it, as that of a triangle does: half of the box or so
        is visited then, and no more of its memory is touched. A bound of an inner loop may be poison there, if what
        tells whether that loop runs stands between.
        """
        key = region, root
        if key not in self._rectangular:
            self._rectangular[key] = self._is_rectangular(region, root)
        return self._rectangular[key]

    def _is_rectangular(self, region: Region, root: Region) -> bool:
        loops = self.loops(region, root)
        if self.called or not loops or any(op.name != "for" or op.attrs["exits"] for op in loops):
            return False
        home = self.home(loops[0])
        fixed = all(self.encloses(self.region_of[bound], home) for bound in loops[0].operands[:3])
        return fixed and all(self._is_in_a_box(op, home) for op in loops[1:])

    def _is_in_a_box(self, loop: Op, home: Region) -> bool:
        """Whether `home`, outside of the loops around it, knows the bounds of a loop, but for one that has a limit."""
        *bounds, step = loop.operands[:3]
        moving = [k for k, bound in enumerate(bounds) if not self.hoistable(bound, home)]
        if not moving:
            return self.hoistable(step, home)
        stride = self.constant(step)
        (k, *others) = moving
        return not others and stride in (1, -1) and self._has_limit(bounds[k], home, (k == 1) == (stride == 1))

    def _has_limit(self, value: Value, home: Region, most: bool) -> bool:
        """Whether `home` can tell how large a number gets at `most`, or how small, in the loops that stand there."""
        if self.hoistable(value, home):
            return True
        if (loop := self.loop_of(value)) is not None:
            stride = self.constant(loop.operands[2])
            bound = loop.operands[(stride == 1) == most]
            return stride in (1, -1) and self.encloses(home, self.home(loop)) and self._has_limit(bound, home, most)
        op = self.op_of.get(value)
        if op is None or op.name not in _LIMITED or op.name == ("max" if most else "min"):
            return False
        return all(self._has_limit(o, home, way) for o, way in zip(op.operands, goes(op, most), strict=True))

    def loop_of(self, value: Value) -> Op | None:
        """The `for` of which a value is the index."""
        region = self.region_of[value]
        is_index = region in self.owner and region.args[:1] == (value,) and self.owner[region][0].name == "for"
        return self.owner[region][0] if is_index else None

    def home(self, loop: Op) -> Region:
        """The region in which `loop` stands."""
        return self.owner[loop.regions[0]][1]
