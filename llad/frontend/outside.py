"""What integers from inside a loop are where the loop stands: the same ops again, on what is known there.

Lists that grow need it (`growth.py`): of which shape an item is, and how often an inner loop runs at most. An index of
a loop lies between the ends of its range, so what is computed of it has a least and a greatest value; where both are
the same number, it is that one.

Invariant: ops that are emitted stand in the region outside, and mention nothing from inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from llad.frontend import extents as ext
from llad.frontend.core import Tracer
from llad.frontend.extents import Int
from llad.frontend.values import Dim, Extent, Less, Single
from llad.ir.core import Op, Region, Value
from llad.ir.types import BOOL, I64

Span = tuple[Int, Int]

_CONDITIONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def seen_outside(t: Tracer, home: Region, extent: Extent) -> Extent | None:
    """The extent, by a name or number that is known in the region `home` around; `None` if there is none."""
    extent = t.alike.name(t.builder, extent)
    if isinstance(extent, int):
        return extent
    around = t.builder.around
    inner = around[around.index(home) + 1 :]
    inside = Inside(t, [op for region in inner for op in region.ops], [a for region in inner for a in region.args])
    buffer = _spoken_of(extent)
    if buffer not in inside.values:
        return extent
    with t.builder.inside(home):
        match extent:
            case Value():
                return inside.exact(extent)
            case Dim(buffer=buffer, axis=axis):
                return inside.exact_dim(buffer, axis)
            case Less(of=Dim(buffer=buffer, axis=axis), by=by):
                whole = inside.exact_dim(buffer, axis)
                return None if whole is None else ext.greatest(t, ext.sub(t, whole, by), 0)
            case _:
                return None


def _spoken_of(extent: Extent) -> Value:
    """The value that an extent speaks of."""
    while not isinstance(extent, Value):
        match extent:
            case Dim(buffer=buffer):
                return buffer
            case Less(of=of):
                extent = of
            case Single(count=count):
                return count
            case _:
                raise AssertionError(extent)
    return extent


class Inside:
    """Ops and arguments inside a loop, and what they give outside. The builder stands outside when it is asked."""

    def __init__(self, t: Tracer, ops: Iterable[Op], args: Iterable[Value] = ()) -> None:
        self._t = t
        self._makers: dict[Value, Op] = {}
        self._loops: dict[Value, Op] = {}  # by index
        self.values = set(args)
        for op in ops:
            self._makers.update(dict.fromkeys(op.results, op))
            self.values.update(op.results)
            for region in op.regions:
                self.values.update(region.args)
            if op.name == "for":
                self._loops[op.regions[0].args[0]] = op
        self._spans: dict[Value, Span | None] = {}

    def exact(self, value: Value) -> Int | None:
        span = self.span(value)
        return span[0] if span is not None and is_one(span) else None

    def exact_dim(self, buffer: Value, axis: int) -> Int | None:
        span = self._dim(buffer, axis)
        return span[0] if span is not None and is_one(span) else None

    def span(self, value: Value) -> Span | None:
        """The least and the greatest that the value may be; `None` if that is not known outside."""
        if value not in self._spans:
            self._spans[value] = self._found(value)
        return self._spans[value]

    def trips(self, loop: Op) -> Span | None:
        """How often a `for` inside runs, if nothing leaves it early: at least, and at most."""
        t = self._t
        lo, hi, step = (self.span(o) for o in loop.operands[:3])
        if lo is None or hi is None or step is None or not isinstance(step[0], int) or not is_one(step) or not step[0]:
            return None
        if step[0] < 0:
            lo, hi = hi, lo
        pace = abs(step[0])
        most = self.checked("sub", hi[1], lo[0])
        least = most if is_one(hi) and is_one(lo) else self.checked("sub", hi[0], lo[1])

        def count(distance: Int) -> Int:
            far = ext.greatest(t, distance, 0)
            return far if pace == 1 else ext.floordiv(t, self.checked("add", far, pace - 1), pace)

        greatest = count(most)
        return (greatest if least is most else count(least)), greatest

    def _found(self, value: Value) -> Span | None:
        t = self._t
        if value not in self.values:
            return value, value
        if (loop := self._loops.get(value)) is not None:
            return self._index(loop)
        op = self._makers.get(value)
        if op is None or value.type not in (I64, BOOL):
            return None
        if op.name == "const" and value.type == I64:
            number = int(op.attrs["value"])
            return number, number
        if value.type == BOOL:
            return self._condition(op)
        if op.name == "dim":
            return self._dim(op.operands[0], op.attrs["axis"])
        spans = [self.span(o) for o in op.operands if o.type == I64]
        if len(spans) != 2 or (first := spans[0]) is None or (second := spans[1]) is None:
            return None
        (a, b), (c, d) = first, second
        single = is_one((a, b)) and is_one((c, d))

        def both(compute: Callable[[Int, Int], Int], c: Int, d: Int) -> Span:
            least = compute(a, c)
            return least, (least if single else compute(b, d))

        match op.name:
            case "add":
                return both(partial(self.checked, "add"), c, d)
            case "sub":
                return both(partial(self.checked, "sub"), d, c)
            case "min" | "max":
                return both(partial(ext.extreme, t, op.name), c, d)
            case "select":
                if (condition := self.exact(op.operands[0])) is None:
                    return ext.least(t, a, c), ext.greatest(t, b, d)
                assert isinstance(condition, Value)
                return both(partial(ext.choose, t, condition), c, d)
            case "mul" if single:
                return both(partial(self.checked, "mul"), c, d)
            case "floordiv" if isinstance(c, int) and c > 0 and is_one((c, d)):
                return both(partial(ext.floordiv, t), c, d)
        return None

    def _condition(self, op: Op) -> Span | None:
        """A bool, where it is the same in every iteration."""
        operands = [self.exact(o) for o in op.operands]
        if op.name not in _CONDITIONS or any(o is None for o in operands):
            return None
        value = self._t.builder.op(op.name, *(ext.emit(self._t, o) for o in operands if o is not None))
        return value, value

    def _index(self, loop: Op) -> Span | None:
        """Where the index of a loop lies, if it runs."""
        lo, hi, step = (self.span(o) for o in loop.operands[:3])
        if lo is None or hi is None or step is None or not isinstance(step[0], int) or not is_one(step):
            return None
        return (lo[0], self.checked("sub", hi[1], 1)) if step[0] > 0 else (self.checked("add", hi[0], 1), lo[1])

    def _dim(self, buffer: Value, axis: int) -> Span | None:
        if buffer not in self.values:
            size = self._t.builder.dim(buffer, axis)
            return size, size
        op = self._makers.get(buffer)
        if op is not None and op.name == "alloc":
            return self.span(op.operands[axis])
        if op is None or op.name != "view" or "order" in op.attrs or "shape" in op.attrs["axes"]:
            return None
        operands = iter(op.operands[1:])
        source = kept = 0
        for kind in op.attrs["axes"]:
            own = [next(operands) for _ in range({"index": 1, "slice": 3, "run": 2}.get(kind, 0))]
            if kind != "index":
                if kept == axis:
                    if kind == "full":
                        return self._dim(op.operands[0], source)
                    return (1, 1) if kind == "new" else self.span(own[1])
                kept += 1
            source += kind != "new"
        return None

    def greatest(self, x: Int, y: Int) -> Int:
        return x if x is y else ext.greatest(self._t, x, y)

    def checked(self, op: str, x: Int, y: Int) -> Int:
        """The sum, difference or product; one that does not fit in 64 bits raises."""
        t, b = self._t, self._t.builder
        if not (isinstance(x, int) and isinstance(y, int)) and 0 not in (x, y) and not (op == "mul" and 1 in (x, y)):
            over = b.op(f"{op}_overflows", ext.emit(t, x), ext.emit(t, y))
            b.check(b.op("not", over), "OverflowError", "the length of a list does not fit in 64 bits")
        return {"add": ext.add, "sub": ext.sub, "mul": ext.mul}[op](t, x, y)


def is_one(span: Span) -> bool:
    """Whether the value can be but one number."""
    return span[0] is span[1] or (isinstance(span[0], int) and span[0] == span[1])
