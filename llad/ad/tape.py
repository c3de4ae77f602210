"""What the reverse sweep must be given, and how.

After `adjoint.py`, the reverse sweep mentions primal values. Each is resolved, cheapest first:

- defined at the top of the function: it is still in scope;
- a loop's index: the reversed loop knows it;
- defined in branches only: yielded out of the `if`s (undef on the other side);
- computed again, loads of memory that nothing overwrites included, where that is cheaper than to keep it (`keep.py`);
- stored to memory that nothing overwrites: loaded from there (`lasting.py`);
- loaded again and again in loops that leave the memory as it is: from a copy that is made before these (`sheets.py`);
- in loops that stay in a box: a rectangular tape indexed by the loop indices, made before the outermost loop;
- otherwise a field of the record that each run of its region pushes on a LIFO, and the mirrored region pops.

The last two always work, whatever is overwritten. All of this is within a *root* (`structure.py`): its body, and what a
rerun is given from outside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from llad.ad import names
from llad.ad.keep import Choice, Keeper
from llad.ad.lasting import Lasting
from llad.ad.mirror import Mirror
from llad.ad.shadows import Shadows
from llad.ad.sheets import Sheet, Sheets
from llad.ad.structure import Structure
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Op, Region, Value, walk
from llad.ir.overwrites import Overwrites
from llad.ir.types import I64, BufferType, LifoType, ScalarType

_LINE = 64  # bytes of a line of the cache
_SHARE = 7  # elements of a row for each that is added to fill lines, at least


@dataclass(slots=True)
class Rectangle:
    """A tape for `value`, one element per visit: a buffer made before the outermost of `loops`.

    It has one for all iterations of the `others`, and none if these have none.
    """

    value: Value
    handle: Value
    loops: list[Op]
    others: Sequence[Op] = ()


@dataclass(slots=True)
class Record:
    """What one run of a region pushes; `names` are what the reverse sweep calls the popped fields."""

    lifo: Value
    values: list[Value] = field(default_factory=list)
    names: list[Value] = field(default_factory=list)


class Tape:
    """`name` maps what the reverse sweep mentions to what it is given; the rest tells the forward sweep what to keep.

    `outs`: per region, (value, name) pairs to yield out of its `if`s · `rectangles`: per outermost loop ·
    `stored`: per region, the rectangles that one run of it fills · `sheets`: per loop, those that are made before it ·
    `records`: per region.
    """

    def __init__(
        self,
        mirror: Mirror,
        structure: Structure,
        shadows: Shadows,
        aliases: Aliases,
        overwrites: Overwrites,
        sheets: Sheets,
    ) -> None:
        self.mirror = mirror
        self.structure = structure
        self.shadows = shadows
        self.aliases = aliases
        self.overwrites = overwrites
        self.name: dict[Value, Value] = {}
        self.outs: dict[Region, list[tuple[Value, Value]]] = {}
        self.rectangles: dict[Op, list[Rectangle]] = {}
        self.stored: dict[Region, list[Rectangle]] = {}
        self.sheets: dict[Op, list[Sheet]] = {}
        self.records: dict[Region, Record] = {}
        self._choices: dict[Value, Choice] = {}
        self._possible = sheets
        self._lasting = Lasting(structure, aliases, overwrites, self._at_hand)

    def resolve(self) -> None:
        """Find a source for every primal value that the mirror mentions, and write the loads, pops and recomputing."""
        mentioned = {o for op in self.mirror.all_ops() for o in op.operands if self.is_primal(o)}
        for body, strategy in self.structure.reruns.items():
            if strategy == "recomputed":  # what an iteration starts from
                mentioned |= {o for op in walk(body) for o in op.operands if o in body.args}
        self._choose([v for v in mentioned if v not in self.shadows.tokens])
        for value in sorted(mentioned, key=self.position):
            self.give(value)
        for region, record in self.records.items():
            around = self.structure.loops(region, self.structure.root(region))
            assert self.mirror.free.isdisjoint(around), "a record is popped in a loop that does not run backwards"
            pop = Op("pop", (record.lifo,), tuple(record.names), {}, (), self._span(record.values[0]))
            self.mirror.records(region).ops.append(pop)

    def _choose(self, values: list[Value]) -> None:
        """Settle how `values` are had, and before them what they are computed from."""
        keeper = Keeper(self.structure, self._at_hand, self._repeatable, self._lasts, self._spared)
        chosen = keeper.choose(values)
        self._choices |= chosen
        for value in chosen:
            self.give(value)

    def is_primal(self, value: Value) -> bool:
        return value in self.structure.region_of or value in self.shadows.tokens

    def position(self, value: Value) -> tuple[int, bool]:
        return self.structure.position[self.shadows.tokens.get(value, value)], value in self.shadows.tokens

    def region_of(self, value: Value) -> Region:
        return self.structure.region_of[self.shadows.tokens.get(value, value)]

    def give(self, value: Value) -> Value:
        """What the reverse sweep uses in place of `value`."""
        if not self.is_primal(value):
            return value
        if value not in self.name:
            self.name[value] = self._source(value)
        return self.name[value]

    def _source(self, value: Value) -> Value:
        structure = self.structure
        region, root = structure.place(self.shadows.tokens.get(value, value))
        op = structure.op_of.get(value)
        if value in self.mirror.index:
            return self.mirror.index[value]
        if structure.in_scope(region, root):
            return value
        if op is not None and op.name == "const":
            return self._recompute(op, region)
        if structure.depth(region, root) == 0:
            name = Value(value.type, value.name)
            self.outs.setdefault(region, []).append((value, name))
            return name
        if value not in self._choices and value not in self.shadows.tokens:
            self._choose([value])
            return self.name[value]
        if op is not None and self._choices.get(value) == "recompute":
            return self._recompute(op, region)
        if (load := self._lasting.of(value)) is not None:
            return self._recompute(load, region, ahead=structure.given(value))
        if op is not None and (sheet := self._possible.of(op)) is not None:
            return self._sheet(sheet, region, root)
        if isinstance(value.type, ScalarType) and structure.rectangular(region, root):
            return self._rectangle(value, region, root)
        return self._field(value, region)

    # -- recomputing

    def _at_hand(self, value: Value) -> bool:
        """Whether the reverse sweep has `value` for nothing: it is in scope, an index, or yielded out of branches."""
        structure = self.structure
        if value in self.name or value in self.mirror.index or structure.constant(value) is not None:
            return True
        region, root = structure.place(value)
        return structure.in_scope(region, root) or structure.depth(region, root) == 0

    def _repeatable(self, op: Op) -> bool:
        """Whether `op` computes the same in the reverse sweep."""
        return op.name != "load" or self._stays(op)

    def _lasts(self, value: Value) -> bool:
        """Whether memory keeps it anyway."""
        return self._lasting.of(value) is not None

    def _spared(self, value: Value) -> Sequence[Op]:
        """The loops around a value for all iterations of which it is kept once."""
        op = self.structure.op_of.get(value)
        sheet = None if op is None else self._possible.of(op)
        return sheet.others if sheet is not None else ()

    def _stays(self, load: Op) -> bool:
        """Whether the element that is loaded is still in memory when the reverse sweep comes to it."""
        buffer, structure = load.operands[0], self.structure
        if structure.called:
            return self.aliases.is_read_only(buffer)
        root = structure.root(structure.region_of[load.result])
        return self.overwrites.stays(self.aliases.roots(buffer), load, root)

    def _recompute(self, op: Op, region: Region, ahead: bool = False) -> Value:
        """Compute `op` again; `ahead` of a rerun of `region`, also what it is made of there."""
        operands = tuple(self._ahead(o, region) if ahead else self.give(o) for o in op.operands)
        results = tuple(Value(r.type, r.name) for r in op.results)
        self.mirror.kept(region).ops.append(Op(op.name, operands, results, op.attrs, (), op.span))
        return results[0]

    def _ahead(self, value: Value, region: Region) -> Value:
        op = self.structure.op_of.get(value)
        if op is None or self.structure.region_of[value] is not region:
            return self.give(value)
        return self._recompute(op, region, ahead=True)

    # -- keeping

    def _span(self, value: Value) -> Span | None:
        op = self.structure.op_of.get(self.shadows.tokens.get(value, value))
        return op.span if op is not None else None

    def _rectangle(self, value: Value, region: Region, root: Region) -> Value:
        structure = self.structure
        loops = structure.loops(region, root)
        assert isinstance(value.type, ScalarType)
        rectangle = Rectangle(value, Value(BufferType(value.type, len(loops), "C"), names.tape(value)), loops)
        self.stored.setdefault(region, []).append(rectangle)
        return self._in_box(rectangle, region, root)

    def _in_box(self, rectangle: Rectangle, region: Region, root: Region) -> Value:
        """Have a rectangle made, and load from it."""
        loops = rectangle.loops
        self.rectangles.setdefault(loops[0], []).append(rectangle)
        home = self.structure.home(loops[0])
        if home is not root:
            name = Value(rectangle.handle.type, rectangle.handle.name)
            self.outs.setdefault(home, []).append((rectangle.handle, name))
        else:
            name = rectangle.handle
        return self._element(name, loops, region)

    def _element(self, tape: Value, loops: Sequence[Op], region: Region) -> Value:
        """Load, for `region`, what a tape has of this visit of the loops."""
        b = self.mirror.builder
        with b.inside(self.mirror.kept(region)):
            positions = [
                position(
                    b, op, self.give(op.regions[0].args[0]), [self.give(o) for o in op.operands[:3]], self.structure
                )
                for op in loops
            ]
            return b.load(tape, *positions)

    def _sheet(self, sheet: Sheet, region: Region, root: Region) -> Value:
        self.sheets.setdefault(sheet.outer, []).append(sheet)
        home, name = self.structure.home(sheet.outer), sheet.handle
        if (around := self.structure.loops(home, root)) and self.structure.rectangular(region, root):
            sheet.around = around
            loops, element = [*around, *sheet.along], sheet.load.result
            assert isinstance(element.type, ScalarType)
            sheet.handle = Value(BufferType(element.type, len(loops), "C"), name.name)
            return self._in_box(Rectangle(element, sheet.handle, loops, sheet.others), region, root)
        if not self.structure.in_scope(home, root):
            if self.structure.depth(home, root) == 0:
                name = Value(name.type, name.name)
                self.outs.setdefault(home, []).append((sheet.handle, name))
            else:
                name = self._field(sheet.handle, home)
        return self._element(name, sheet.along, region)

    def _field(self, value: Value, region: Region) -> Value:
        if region not in self.records:
            self.records[region] = Record(Value(LifoType(()), "tape"))
        record = self.records[region]
        name = Value(value.type, value.name)
        record.values.append(value)
        record.names.append(name)
        record.lifo.type = LifoType(tuple(v.type for v in record.values))
        return name


def whole_lines(b: Builder, count: Value, bytes: int) -> Value:
    """The elements of a row that has room for `count`: so many that each row begins with a line of the
    cache, unless that adds more than a seventh.

    Vectors that lie across two lines take twice as long to store. More elements than any memory has stay so many: there
    may be no rows at all.
    """
    line = b.i64(_LINE // bytes)
    most = b.i64(2**63 - _LINE // bytes)
    more = b.op("add", b.op("min", count, most), b.i64(_LINE // bytes - 1))
    padded = b.op("mul", b.op("floordiv", more, line), line)
    added = b.op("mul", b.op("sub", padded, count), b.i64(_SHARE))
    return b.op("select", b.op("lt", count, added), count, padded)


def position(b: Builder, loop: Op, index: Value, bounds: list[Value], structure: Structure) -> Value:
    """Which trip of a `for` has `index`: (index - lo) / step, though that difference may be no number."""
    lo, _, step = bounds
    first, stride = map(structure.constant, loop.operands[::2][:2])
    if stride == -1:
        return b.op("sub", lo, index)
    if first == 0 or stride == 1:
        offset = index if first == 0 else b.op("sub", index, lo)
        return offset if stride == 1 else b.op("floordiv", offset, step)
    return b.op("sub", b.op("floordiv", index, step), b.op("floordiv", lo, step))  # both leave the same remainder


def capacity(b: Builder, loop: Op, bounds: list[Value], structure: Structure) -> Value:
    """How many trips a `for` without exits makes: max(0, ceil((hi - lo) / step)), or more than memory can hold."""
    lo, hi, step = bounds
    zero = b.i64(0)
    first, stride = map(structure.constant, loop.operands[::2][:2])
    if first == 0 and stride == 1:
        return b.op("max", hi, zero)
    if stride == 1:
        end = b.op("max", hi, lo)
        count = b.op("sub", end, lo)
    else:
        one = b.i64(1)
        up = b.op("gt", step, zero)
        end = b.op("select", up, b.op("max", hi, lo), b.op("min", hi, lo))
        length = b.op("sub", end, lo)
        toward = b.op("select", up, one, b.i64(-1))
        count = b.op("add", b.op("floordiv", b.op("sub", length, toward), step), one)
    if not (stride == 1 and isinstance(first, int) and first >= 0):
        far = b.op("sub_overflows", end, lo)
        count = b.op("select", far, _many(b, lo, end, step, stride), count)
    return b.op("max", count, zero)


def _many(b: Builder, lo: Value, end: Value, step: Value, stride: object) -> Value:
    """The trips of a loop whose ends are too far apart for `end - lo`: more than memory can hold, if it goes by ones.

    With end = p * step + r and lo = q * step + s they are p - q, and one more if r is farther on than s.
    """
    most = b.i64(2**63 - 1)
    if stride in (1, -1):
        return most
    last, first = b.op("floordiv", end, step), b.op("floordiv", lo, step)
    rest, start = b.op("mod", end, step), b.op("mod", lo, step)
    up, down = b.op("gt", step, b.i64(1)), b.op("lt", step, b.i64(-1))
    farther = b.op("select", up, b.op("lt", start, rest), b.op("lt", rest, start))
    count = b.op("add", b.op("min", b.op("sub", last, first), b.i64(2**63 - 2)), b.cast(farther, I64))
    counted = b.op("and", b.op("or", up, down), b.op("not", b.op("sub_overflows", last, first)))
    return b.op("select", counted, count, most)
