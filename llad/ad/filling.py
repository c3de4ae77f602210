"""How the forward sweep fills tapes: their memory before the loops that fill them, and what each iteration stores.

`tape.py` says which there are, and `augment.py` where this happens.
"""

from __future__ import annotations

from functools import partial, reduce

from llad.ad.sheets import Sheet
from llad.ad.structure import Structure, goes
from llad.ad.tape import Rectangle, capacity, position, whole_lines
from llad.ir.build import Builder
from llad.ir.core import Op, Region, Value
from llad.ir.rewrite import copy_op
from llad.ir.types import I64, ScalarType, Type


class Filling:
    """Writes with `b` where the names of primal values and of handles are those that `new` says."""

    def __init__(self, b: Builder, structure: Structure, new: dict[Value, Value]) -> None:
        self.b = b
        self.structure = structure
        self.new = new

    def bounds(self, loop: Op) -> list[Value]:
        """The bounds of a loop of a box, computed here if the loop is further in."""
        return [self.hoisted(o) for o in loop.operands[:3]]

    def hoisted(self, value: Value) -> Value:
        if value in self.new:
            return self.new[value]
        op = self.structure.op_of[value]
        mapping = {o: self.hoisted(o) for o in op.operands}
        copy = copy_op(op, mapping)
        self.b.current.ops.append(copy)
        return copy.result

    def allocate(self, rectangle: Rectangle) -> None:
        """Make the memory of a rectangle."""
        b = self.b
        outermost, *inner = rectangle.loops
        home = self.structure.home(outermost)
        bounds = {outermost: self.bounds(outermost), **{loop: self._widest(loop, home) for loop in inner}}
        trips = [capacity(b, loop, between, self.structure) for loop, between in bounds.items()]
        type, extents = self._room(rectangle.value.type, trips)
        for loop in rectangle.others:
            runs = b.op("gt", capacity(b, loop, self._widest(loop, home), self.structure), b.i64(0))
            extents[0] = b.op("select", runs, extents[0], b.i64(0))
        self.new[rectangle.handle] = b.alloc(type, extents, hint=rectangle.handle.name, tape=not rectangle.others)

    def _widest(self, loop: Op, home: Region) -> list[Value]:
        """Bounds between which all runs of a loop stay, which stands in loops that stand in `home`."""
        lo, hi, step = loop.operands[:3]
        up = self.structure.constant(step) != -1
        return [self._limit(lo, home, not up), self._limit(hi, home, up), self.hoisted(step)]

    def _limit(self, value: Value, home: Region, most: bool) -> Value:
        """What a number is, at `most` or at least, in any iteration of the loops that stand in `home`."""
        structure, b = self.structure, self.b
        if structure.hoistable(value, home):
            return self.hoisted(value)
        if (loop := structure.loop_of(value)) is not None:
            up = structure.constant(loop.operands[2]) == 1
            bound = self._limit(loop.operands[up == most], home, most)
            return self._sum("sub" if up else "add", bound, b.i64(1), most) if up == most else bound
        op = structure.op_of[value]
        limits = [self._limit(o, home, way) for o, way in zip(op.operands, goes(op, most), strict=True)]
        if op.name in ("min", "max"):
            return b.op(op.name, *limits)
        first, second = [b.i64(0), *limits] if op.name == "neg" else limits
        return self._sum("add" if op.name == "add" else "sub", first, second, most)

    def _sum(self, name: str, first: Value, second: Value, most: bool) -> Value:
        """The sum or difference of two limits; if it does not fit, so does no number of that it is the limit."""
        b = self.b
        farthest = b.i64(2**63 - 1 if most else -(2**63))
        return b.op("select", b.op(f"{name}_overflows", first, second), farthest, b.op(name, first, second))

    def _room(self, type: Type, trips: list[Value]) -> tuple[ScalarType, list[Value]]:
        """The element type and the extents of a tape of so many trips, whose rows begin with lines of the cache."""
        assert isinstance(type, ScalarType)
        *outer, row = trips
        return type, [*outer, whole_lines(self.b, row, type.bytes)] if outer else trips

    def sheet(self, sheet: Sheet) -> None:
        """Make a sheet, and copy to it what the loads will find, if they run."""
        b, structure = self.b, self.structure
        bounds = {op: self.bounds(op) for op in (*sheet.along, *sheet.others)}
        trips = {op: capacity(b, op, bounds[op], structure) for op in bounds}
        runs = reduce(partial(b.op, "and"), [b.op("gt", trips[op], b.i64(0)) for op in sheet.others])
        if not sheet.around:
            type, (first, *rest) = self._room(sheet.load.result.type, [trips[op] for op in sheet.along])
            extents = [b.op("select", runs, first, b.i64(0)), *rest]  # no memory has room for what nobody may load
            self.new[sheet.handle] = b.alloc(type, extents, hint=sheet.handle.name)
        tape, visit = self.new[sheet.handle], [self._visit(loop) for loop in sheet.around]
        index: dict[Value, Value] = {}

        def again(value: Value) -> Value:
            if value in index:
                return index[value]
            if structure.encloses(structure.region_of[value], structure.home(sheet.outer)):
                return self.new[value]
            op = structure.op_of[value]
            copy = copy_op(op, {o: again(o) for o in op.operands})
            b.current.ops.append(copy)
            return copy.result

        def along(depth: int) -> None:
            if depth == len(sheet.along):
                element = b.load(*map(again, sheet.load.operands))
                loops = zip(sheet.along, index.values(), strict=True)
                b.store(element, tape, *visit, *[position(b, op, i, bounds[op], structure) for op, i in loops])
                return
            with b.region([I64], ["i"]) as body:
                index[sheet.along[depth].regions[0].args[0]] = body.args[0]
                along(depth + 1)
                b.yield_()
            lo, hi, step = bounds[sheet.along[depth]]
            b.for_(lo, hi, step, [], body, kind="parallel")

        with b.region() as some:
            along(0)
            b.yield_()
        with b.region() as none:
            b.yield_()
        b.if_(runs, some, none)

    def store(self, rectangle: Rectangle) -> None:
        """Store the value of an iteration in its place."""
        positions = map(self._visit, rectangle.loops)
        self.b.store(self.new[rectangle.value], self.new[rectangle.handle], *positions)

    def _visit(self, loop: Op) -> Value:
        """Which trip of a loop we are in."""
        return position(self.b, loop, self.new[loop.regions[0].args[0]], self.bounds(loop), self.structure)
