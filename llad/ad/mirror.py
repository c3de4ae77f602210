"""The reverse sweep's regions while they are being written.

A mirrored region is put together from layers, each of which may mention those before it: the popped record, the
primal's loop index, kept or recomputed primal values, shadows made here, and last the adjoint ops themselves.
"""

from __future__ import annotations

from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value


class Mirror:
    """`of` maps primal regions to their reverse regions, `index` a loop's index to the reverse sweep's name for it."""

    def __init__(self, fn: Function) -> None:
        self.builder = Builder()
        self.of: dict[Region, Region] = {fn.body: self.builder.root}
        self.index: dict[Value, Value] = {}
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

    def shadows(self, region: Region) -> Region:
        """Where shadows that live in one run of `region` are made."""
        return self._layer(region, 3)

    def _layer(self, region: Region, level: int) -> Region:
        return self._layers.setdefault((region, level), Region())

    def assemble(self) -> None:
        """Put the layers of every region before its ops."""
        for region, new in self.of.items():
            layers = [self._layers[region, k].ops for k in range(4) if (region, k) in self._layers]
            new.ops[:0] = [op for ops in layers for op in ops]
        self._layers.clear()

    def all_ops(self) -> list[Op]:
        """Every op of every layer and region that is not yet nested in another."""
        layers = [op for layer in self._layers.values() for op in layer.ops]
        return layers + [op for region in self.of.values() for op in region.ops]
