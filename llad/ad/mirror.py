"""The reverse sweep's regions while they are being written.

A mirrored region is put together from layers, each of which may mention those before it: the popped record, the
primal's loop index, kept or recomputed primal values, a rerun of the primal iteration, shadows made here, and last
the adjoint ops themselves.

A fused loop stands in the forward sweep, with the reverse ops that compute the adjoints of its sums before it.
"""

from __future__ import annotations

from llad.ad.snapshots import Snapshots
from llad.dataclass import dataclass
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value


@dataclass(slots=True)
class Fusion:
    """The one loop that stands for a primal loop and its reverse, and what is computed before it: primal ops from
    behind the loop, and reverse ops."""

    early: list[Op]
    before: Region
    loop: Op


class Mirror:
    """`of` maps primal regions to their reverse regions, `index` a loop's index to the reverse sweep's name for it,
    `fused` a primal loop to what stands for it in the forward sweep, `snapshots` a checkpointed one to its copies.

    `free`: loops that are not reversed iteration by iteration, last to first: what they hold must pop nothing."""

    def __init__(self, fn: Function) -> None:
        self.builder = Builder()
        self.of: dict[Region, Region] = {fn.body: self.builder.root}
        self.index: dict[Value, Value] = {}
        self.fused: dict[Op, Fusion] = {}
        self.snapshots: dict[Op, Snapshots] = {}
        self.free: set[Op] = set()
        self._layers: dict[tuple[Region, int], Region] = {}

    def records(self, region: Region) -> Region:
        """Where the record of `region` is popped."""
        return self._layer(region, 0)

    def indices(self, region: Region) -> Region:
        """Where the primal's loop index is computed."""
        return self._layer(region, 1)

    def kept(self, region: Region) -> Region:
        """Where primal values of `region` are loaded from tapes or computed again."""
        return self._layer(region, 2)

    def rerun(self, region: Region) -> Region:
        """Where an iteration is run forward, in the sweep that reverses it."""
        return self._layer(region, 3)

    def shadows(self, region: Region) -> Region:
        """Where shadows that live in one run of `region` are made."""
        return self._layer(region, 4)

    def _layer(self, region: Region, level: int) -> Region:
        return self._layers.setdefault((region, level), Region())

    def assemble(self) -> None:
        """Put the layers of every region before its ops."""
        for region, new in self.of.items():
            layers = [self._layers[region, k].ops for k in range(5) if (region, k) in self._layers]
            new.ops[:0] = [op for ops in layers for op in ops]
        self._layers.clear()

    def all_ops(self) -> list[Op]:
        """Every op of every layer and region."""
        found: list[Op] = []
        mirrored = set(self.of.values())
        pending = [*self._layers.values(), *self.of.values()]
        while pending:
            region = pending.pop()
            found += region.ops
            pending += [inner for op in region.ops for inner in op.regions if inner not in mirrored]
        return found
