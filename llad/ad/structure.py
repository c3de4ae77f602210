"""Where every value of a function lives: its op, its region, and the loops and branches around that region.

Reverse mode mirrors regions one to one, so it asks constantly which region defines a value and what surrounds it.
Computed once for a function that is not edited afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.core import Function, Op, Region, Value

LOOPS = ("for", "while")

# Cheap integer ops that may be computed again anywhere their operands are known.
HOISTABLE = frozenset({"const", "dim", "cast", "add", "sub", "mul", "neg", "min", "max"})


class Structure:
    """`region_of`, `op_of` (parameters and block arguments have none) and `position` (program order) of a value;
    `owner` of a nested region, and its `depth` in loops.

    `called`: `fn` is not the root but called by it, so its body runs many times, like that of a loop: it has depth 1,
    and its reverse sweep is another function, in whose scope nothing of the forward sweep is.
    """

    def __init__(self, fn: Function, called: bool = False) -> None:
        self.fn = fn
        self.called = called
        self.region_of: dict[Value, Region] = dict.fromkeys(fn.params, fn.body)
        self.op_of: dict[Value, Op] = {}
        self.owner: dict[Region, tuple[Op, Region]] = {}
        self.position: dict[Value, int] = {p: k for k, p in enumerate(fn.params)}
        self.depth: dict[Region, int] = {fn.body: int(called)}
        self._rectangular: dict[Region, bool] = {}
        self._enter(fn.body)

    def _enter(self, region: Region) -> None:
        for op in region.ops:
            for result in op.results:
                self.region_of[result] = region
                self.op_of[result] = op
                self.position[result] = len(self.position)
            for inner in op.regions:
                self.owner[inner] = (op, region)
                self.depth[inner] = self.depth[region] + (op.name in LOOPS)
                for arg in inner.args:
                    self.region_of[arg] = inner
                    self.position[arg] = len(self.position)
                self._enter(inner)

    def constant(self, value: Value) -> object:
        """The number that `value` is known to be, else None."""
        op = self.op_of.get(value)
        return op.attrs["value"] if op is not None and op.name == "const" else None

    def outward(self, region: Region) -> Iterator[tuple[Op, Region]]:
        """The ops around `region`, innermost first, each with the region in which it stands."""
        while region in self.owner:
            op, region = self.owner[region]
            yield op, region

    def loops(self, region: Region) -> list[Op]:
        """The loops around `region`, outermost first."""
        return [op for op, _ in self.outward(region) if op.name in LOOPS][::-1]

    def encloses(self, outer: Region, inner: Region) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return inner is outer or any(region is outer for _, region in self.outward(inner))

    def hoistable(self, value: Value, region: Region) -> bool:
        """Whether `value` is the same in every run of a loop that stands in `region`, and computable before it."""
        if self.encloses(self.region_of[value], region):
            return True
        op = self.op_of.get(value)
        return op is not None and op.name in HOISTABLE and all(self.hoistable(o, region) for o in op.operands)

    def rectangular(self, region: Region) -> bool:
        """Whether the loops around `region` visit a box: plain `for`s whose bounds are fixed before the outermost."""
        if region not in self._rectangular:
            self._rectangular[region] = self._is_rectangular(region)
        return self._rectangular[region]

    def _is_rectangular(self, region: Region) -> bool:
        loops = self.loops(region)
        if self.called or not loops or any(op.name != "for" or op.attrs["exits"] for op in loops):
            return False
        home = self.home(region)
        return all(self.hoistable(bound, home) for op in loops for bound in op.operands[:3])

    def home(self, region: Region) -> Region:
        """The region in which the outermost loop around `region` stands."""
        return next(r for op, r in reversed(list(self.outward(region))) if op.name in LOOPS)
