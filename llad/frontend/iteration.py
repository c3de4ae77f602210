"""What a `for` may run over: a run-time walk, or items known at trace time.

A `Walk` is a `range` of run-time bounds and, per index, an item: the index itself, an element or row of an array,
a pair (`enumerate`), a tuple of items (`zip`). Sequences made at trace time are iterated over at trace time.

What Python computes when it is asked is traced when it is asked for: a `Walk` by the iteration of the loop that goes
over it, a `Lazy` where its items are known one by one, a `Generated` otherwise. So what is written meanwhile is seen.
"""

from __future__ import annotations

from ast import FunctionDef
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend import arrays
from llad.frontend.casts import value_of
from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of, measure
from llad.frontend.loose import Copied
from llad.frontend.moments import trial
from llad.frontend.rooms import own
from llad.frontend.state import Flag
from llad.frontend.values import Array, Lazy, Room, Rows, Scalar, Table, describe
from llad.ir.core import Op, Region, Value
from llad.ir.core import walk as ops_of
from llad.ir.types import BOOL, I32, I64, BufferType

Bound = int | Value

_MOST_KNOWN = 1000  # items of a list that a loop made
_MOST_MIXED = 64  # items of known sequences beside run-time ones: a loop over them is unrolled


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """`item(i)` for `i in range(lo, hi, step)`. `lists`: those that may grow over which it goes.

    `chosen`, if there is one: whether there is an item for `i`, and what makes it (`item` is not asked then).
    `sources`: the generators over which it goes."""

    shown: ClassVar[str] = "a lazy sequence"

    lo: Bound
    hi: Bound
    step: Bound
    item: Callable[[Tracer, Value], Any]
    threads: bool = False  # whether its iterations are to run on threads
    lists: frozenset[Room] = frozenset()
    chosen: Callable[[Tracer, Value], tuple[Flag, Callable[[], Any]]] | None = None
    sources: tuple[object, ...] = ()

    @property
    def is_range(self) -> bool:
        """Whether this walks over the indices themselves."""
        return self.item is _index

    @property
    def trips(self) -> int | None:
        """How many iterations, where it is known."""
        if isinstance(self.lo, int) and isinstance(self.hi, int) and isinstance(self.step, int):
            return len(range(self.lo, self.hi, self.step))
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Generated:
    """What gives items that are known only when the program runs, each when it is asked: a generator, `filter`.

    `listed`: the list of what it gives from here on. `walk`: the walk that it is, if it goes over one sequence.
    `source`: what it goes over; `span`: where it was made; `is_generator` as of a `Lazy`. `written`: the generator
    function that was called, if one was; the source is what that reads."""

    shown: ClassVar[str] = "a generator"

    listed: Callable[[], Any]
    walk: Callable[[], Walk] | None
    source: Any
    span: Span | None
    is_generator: bool = False
    written: FunctionDef | None = None


def at_run_time(value: Any) -> bool:
    """Whether it is known at run time only how many items something iterable has, or what they are."""
    return isinstance(value, (Walk, Rows, Table, Array, Generated))


def is_iterator(value: Any) -> bool:
    """Whether it is used up by whoever goes over it."""
    return isinstance(value, (Lazy, Generated)) or (isinstance(value, Walk) and not value.is_range)


def unspent(t: Tracer, value: Any) -> Any:
    """What a structure holds, which is no iterator: nobody knows how often it was gone over."""
    return t.refuse("spent", got="that is an item or an attribute") if is_iterator(value) else value


def reads_names(value: Any) -> bool:
    """Whether an iterator reads names when it is asked, as a generator does."""
    match value:
        case Lazy(sources=sources) | Walk(sources=sources):
            return any(map(reads_names, sources)) or (isinstance(value, Lazy) and value.is_generator)
        case Generated(source=source, is_generator=is_generator):
            return is_generator or reads_names(source)
    return False


def walk_of(t: Tracer, value: Any, choosing: bool = False) -> Walk | None:
    """The walk over a run-time array or a range; `None` for what is iterated over at trace time.

    `choosing`: it may be one that leaves out items."""
    if isinstance(value, Walk):
        return value
    if isinstance(value, Generated):
        walk = None if value.walk is None else value.walk()
        return walk if walk is not None and (choosing or walk.chosen is None) else walk_of(t, _early(t, value))
    if isinstance(value, range):
        return indices(value.start, value.stop, value.step)
    if isinstance(value, Rows):
        rows, own = value, frozenset([value.of] if value.of else [])
        count = emit(t, measure(t, extents_of(rows.items)[0])) if rows.of else t.builder.dim(rows.items.value, 0)
        return Walk(0, count, 1, lambda t, i: rows.item(_row(t, rows.items, i)), lists=own)
    if isinstance(value, Table):
        own = frozenset([value.of] if value.of else [])
        count = emit(t, measure(t, extents_of(value.first.items)[0]))
        return Walk(0, count, 1, lambda t, i: _structure(t, value, i), lists=own)
    if isinstance(value, Array):
        if value.rank == 0:
            t.refuse("not-iterable", got=describe(value))
        return Walk(0, t.builder.dim(value.value, 0), 1, lambda t, i: _row(t, value, i))
    return None


def _early(t: Tracer, value: Generated) -> Any:
    """All items of a generator, copied before Python asks for them: what it reads is not to be written until then."""
    start = len(t.builder.current.ops)
    rows = own(t, value.listed())
    noted(t, rows.arrays, made_since(t, start)[1], value.span)
    return rows


def made_since(t: Tracer, start: int) -> tuple[list[Op], list[Value]]:
    """The ops from one on, those inside of others too, and the arrays from before that they take."""
    made_here = t.builder.current.ops[start:]
    ops = [op for top in made_here for op in (top, *(inner for r in top.regions for inner in ops_of(r)))]
    made = {v for op in ops for v in (*op.results, *(a for r in op.regions for a in r.args))}
    read = [v for op in ops for v in op.operands if isinstance(v.type, BufferType) and v not in made]
    return ops, list(dict.fromkeys(read))


def noted(t: Tracer, arrays: Iterable[Array], sources: Iterable[Value], span: Span | None) -> None:
    """Note that arrays hold what Python would compute from others when it is asked."""
    for array in arrays:
        t.ledger.copied += [Copied(array.value, source, span, "early") for source in sources]


def _index(t: Tracer, i: Value) -> Scalar:
    return Scalar(i, weak=True)


def _structure(t: Tracer, table: Table, i: Value) -> Any:
    """Item `i`, which is there."""
    parts = [_structure(t, c, i) if isinstance(c, Table) else c.item(_row(t, c.items, i)) for c in table.columns]
    return t.met(table.form, parts)


def _row(t: Tracer, array: Array, i: Value) -> Scalar | Array:
    """Element or row `i`, which is in range."""
    if array.rank == 1:
        return arrays.element(t, array, [i])
    view = t.builder.view(array.value, ["index"] + ["full"] * (array.rank - 1), i)
    return Array(view, extents_of(array)[1:], array.root, array.born, array.loose, array.turned)


def items_of(t: Tracer, value: Any) -> Sequence[Any]:
    """The items of what is iterated over at trace time."""
    return value if isinstance(value, (tuple, list, str, bytes, range)) else list(one_by_one(t, value))


def one_by_one(t: Tracer, value: Any) -> Iterable[Any]:
    """The items of what is iterated over at trace time, each as it is when it is asked for."""
    if isinstance(value, (tuple, list, str, bytes, range)):
        return value
    if isinstance(value, Lazy):
        return value.begin()
    if isinstance(value, (dict, frozenset, set, zip, enumerate, map, reversed)):
        return list(value)
    if isinstance(value, Array) and value.rank and isinstance(count := extents_of(value)[0], int):
        return (_row(t, value, t.builder.i64(k)) for k in range(count))
    if isinstance(value, Rows) and (known := known_length(value)) is not None:
        return (value.item(_row(t, value.items, t.builder.i64(k))) for k in range(known))
    if isinstance(value, Table) and (known := known_length(value)) is not None:
        return (_structure(t, value, t.builder.i64(k)) for k in range(known))
    return t.refuse("not-iterable", got=describe(value))


def known_length(value: Array | Rows | Table) -> int | None:
    """How many items an array or a list has, if that is known, and they are not too many to be told one by one."""
    array = value if isinstance(value, Array) else value.first.items
    count = extents_of(array)[0] if array.rank else None
    return count if isinstance(count, int) and count <= _MOST_KNOWN else None


def indices(lo: Bound, hi: Bound, step: Bound) -> Walk:
    """The walk over `range(lo, hi, step)`."""
    return Walk(lo, hi, step, _index)


def bound(t: Tracer, x: Any) -> Bound:
    """An integer that bounds a walk."""
    if isinstance(x, Scalar) and x.type in (I64, I32, BOOL):
        return value_of(t, x, I64)
    if hasattr(x, "__index__") and not isinstance(x, Array):
        return int(x.__index__())
    return t.refuse("range-type", got=describe(x))


def emit(t: Tracer, x: Bound) -> Value:
    return x if isinstance(x, Value) else t.builder.i64(x)


def length(t: Tracer, walk: Walk) -> Bound:
    """The number of iterations: no more than an i64 holds."""
    if walk.trips is not None:
        return walk.trips
    b, (lo, hi, step) = t.builder, (emit(t, x) for x in (walk.lo, walk.hi, walk.step))
    if walk.lo == 0 and walk.step == 1:
        return b.op("max", b.i64(0), hi)
    if isinstance(walk.step, int):
        rises = walk.step > 0
        end = b.op("max" if rises else "min", hi, lo)  # which nobody may reach, and be too far away
        far = b.op("sub_overflows", end, lo) if rises else b.op("sub_overflows", lo, end)
    else:
        end = b.op("select", b.op("gt", step, b.i64(0)), b.op("max", hi, lo), b.op("min", hi, lo))
        far = b.op("or", b.op("sub_overflows", end, lo), b.op("sub_overflows", lo, end))
    b.check(b.op("not", far), "OverflowError", "the length of a range does not fit in 64 bits")
    if walk.step == 1:
        return b.op("sub", end, lo)
    return b.op("neg", b.op("floordiv", b.op("sub", lo, end), step))


def nth(t: Tracer, walk: Walk, k: Value) -> Any:
    """The item of iteration `k`."""
    b = t.builder
    index = k
    if walk.step != 1:
        index = b.op("mul", index, emit(t, walk.step))
    if walk.lo != 0:
        index = b.op("add", index, emit(t, walk.lo))
    return walk.item(t, index)


def enumerate_(t: Tracer, value: Any, start: Any = 0) -> Any:
    """`enumerate(value, start)`."""
    walk = walk_of(t, value)
    first = bound(t, start)
    if walk is None:
        if isinstance(first, Value):
            t.refuse("range-type", got=describe(start))
        number = first
        return Lazy(lambda: enumerate(one_by_one(t, value), number), (value,))

    def item(t: Tracer, k: Value) -> Any:
        number = k if first == 0 else t.builder.op("add", k, emit(t, first))
        return Scalar(number, weak=True), nth(t, walk, k)

    return Walk(0, length(t, walk), 1, item, lists=walk.lists, sources=(value,))


def zip_(t: Tracer, values: Sequence[Any], strict: bool = False) -> Any:
    """`zip(…)` of arrays and ranges, or of what is known at trace time. `strict` is checked before the first item."""
    walks = [walk_of(t, v) for v in values]
    known = [w for w in walks if w is not None]
    if all(isinstance(v, range) or w is None for v, w in zip(values, walks, strict=True)):
        if strict and len({count_of(t, v) for v in values}) > 1:
            t.end_path("ValueError", "zip() arguments have different lengths")
        return Lazy(lambda: zip(*(one_by_one(t, v) for v in values), strict=False), tuple(values))
    b = t.builder
    if len(known) < len(walks):
        return _mixed(t, values, walks, strict)
    count, *others = [length(t, w) for w in known]
    for other in others:
        if isinstance(count, int) and isinstance(other, int) and not strict:
            count = min(count, other)
            continue
        x, y = emit(t, count), emit(t, other)
        if strict:
            b.check(b.op("eq", x, y), "ValueError", "zip() arguments have different lengths")
        else:
            count = b.op("min", x, y)
    lists = frozenset[Room]().union(*(w.lists for w in known))
    return Walk(0, count, 1, lambda t, k: tuple(nth(t, w, k) for w in known), lists=lists, sources=tuple(values))


def _mixed(t: Tracer, values: Sequence[Any], walks: Sequence[Walk | None], strict: bool) -> Any:
    """`zip` of arrays or run-time ranges and of sequences of known length, which has to be the shortest."""
    b = t.builder
    lengths = {n for v, w in zip(values, walks, strict=True) if (n := w.trips if w else count_of(t, v)) is not None}
    count = min(lengths)
    if strict and len(lengths) > 1:
        t.end_path("ValueError", "zip() arguments have different lengths")
    if count > _MOST_MIXED:
        t.refuse("zip-mixture", count=count)
    for walk in walks:
        if walk is not None and walk.trips is None:
            there = emit(t, length(t, walk))
            text = f"zip() of {count} items that are known when the function is traced, and of {{}} that are not"
            b.check(b.op("eq" if strict else "ge", there, b.i64(count)), "ValueError", text, there)

    def column(value: Any, walk: Walk | None) -> Iterable[Any]:
        return one_by_one(t, value) if walk is None else (nth(t, walk, t.builder.i64(k)) for k in range(count))

    return Lazy(lambda: zip(*map(column, values, walks), strict=False), tuple(values))


def count_of(t: Tracer, value: Any) -> int:
    """How many items there are of what is known."""
    if not isinstance(value, Lazy):
        return len(items_of(t, value))
    with trial(t), t.within(Region(), t.state.copy(), "straight"):
        return sum(1 for _ in value.begin())


def reversed_(t: Tracer, value: Any) -> Any:
    """`reversed(value)`."""
    walk = walk_of(t, value)
    if isinstance(value, range):
        return value[::-1]
    if walk is None:
        if isinstance(value, Lazy):
            t.refuse("static-error", error=TypeError("an iterator is not reversible"))
        return Lazy(lambda: reversed(value if type(value) is list else list(items_of(t, value))), (value,))
    b = t.builder
    last = b.op("sub", emit(t, length(t, walk)), b.i64(1))
    return Walk(last, -1, -1, lambda t, k: nth(t, walk, k), lists=walk.lists)
