"""Builtins over sequences whose length is known at trace time: their items may be run-time values."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from llad.frontend import ranges, reductions, sorting
from llad.frontend.comparing import compare
from llad.frontend.conditions import choose
from llad.frontend.core import Tracer
from llad.frontend.extents import first_extent
from llad.frontend.iteration import (
    Generated,
    Walk,
    at_run_time,
    emit,
    items_of,
    known_length,
    length,
    nth,
    one_by_one,
    walk_of,
    zip_,
)
from llad.frontend.moments import trial
from llad.frontend.records import is_object
from llad.frontend.state import Flag
from llad.frontend.truths import as_value, truth
from llad.frontend.values import Array, Lazy, NotHandled, Rows, Scalar, Table, describe, is_static
from llad.ir.core import Region, Value
from llad.traced import sequences as written

Handler = Callable[..., Any]
_Missing = object()
_MOST_TOLD = 64


def known_items(t: Tracer, value: Any) -> Sequence[Any]:
    """The items of a sequence of known length."""
    known = isinstance(value, (Array, Rows, Table)) and known_length(value) is not None
    if isinstance(value, (Walk, Array, Rows, Table)) and not known:
        t.refuse("materialise", got=describe(value))
    return items_of(t, value)


def _any(t: Tracer, value: Any) -> Any:
    return _over(t, value, "or", False)


def _all(t: Tracer, value: Any) -> Any:
    return _over(t, value, "and", True)


def _over(t: Tracer, value: Any, op: str, neutral: bool) -> Any:
    """`any` or `all` of a sequence of known length, or of a vector."""
    value = value.items if isinstance(value, Rows) else t.lift(value)
    if isinstance(value, Array) and value.rank == 1:
        return Scalar(reductions.holds(t, value, op).value, weak=True)
    flag: Any = neutral
    for item in known_items(t, value):
        other = truth(t, item)
        if isinstance(flag, bool) or isinstance(other, bool):
            known, rest = (flag, other) if isinstance(flag, bool) else (other, flag)
            flag = rest if known is neutral else known
        else:
            flag = t.builder.op(op, flag, other)
    return as_value(flag)


def _map(t: Tracer, function: Any, *values: Any) -> Any:
    """Each item is computed when it is asked for."""
    rows = zip_(t, values)
    if isinstance(rows, Lazy):
        return Lazy(lambda: (t.call(function, list(row), {}) for row in rows.begin()), values)
    return replace(rows, item=lambda t, k: t.call(function, list(rows.item(t, k)), {}))


def _filter(t: Tracer, function: Any, value: Any) -> Any:
    """Whether an item is wanted is asked when it is."""

    def is_wanted(item: Any) -> Flag:
        return truth(t, item if function is None else t.call(function, [item], {}))

    def walk() -> Walk:
        walked = walk_of(t, value)
        assert walked is not None

        def chosen(t: Tracer, k: Value) -> tuple[Flag, Callable[[], Any]]:
            item = walked.item(t, k)
            return is_wanted(item), lambda: item

        return replace(walked, chosen=chosen)

    late = at_run_time(value)
    if not late and _all_known(t, map(is_wanted, one_by_one(t, value))):
        return Lazy(lambda: filter(is_wanted, one_by_one(t, value)), (value,))
    listed = partial(t.call, written.kept, [function or bool, value], {})
    return Generated(listed, walk if late else None, value, t.builder.span)


def _few(value: Any) -> bool:
    """Whether an array or list has as few items as are told one by one."""
    count = first_extent(value)
    return isinstance(count, int) and count <= _MOST_TOLD


def _accumulate(t: Tracer, value: Any, function: Any = operator.add, *, initial: Any = None) -> Any:
    """Each total is computed when it is asked for."""
    function = operator.add if function is None else function
    if not at_run_time(value) or _few(value):

        def begin() -> Iterable[Any]:
            items = one_by_one(t, value)
            first = items if initial is None else itertools.chain([initial], items)
            return itertools.accumulate(first, lambda x, y: t.call(function, [x, y], {}))

        return Lazy(begin, (value,))
    args = [function, value] if initial is None else [function, value, initial]
    listed = partial(t.call, written.accumulated if initial is None else written.accumulated_from, args, {})
    return Generated(listed, None, value, t.builder.span)


def _starmap(t: Tracer, function: Any, rows: Any) -> Any:
    """Each item is computed when it is asked for."""
    if not at_run_time(rows):
        return Lazy(lambda: (t.call(function, items_of(t, row), {}) for row in one_by_one(t, rows)), (rows,))
    walk = walk_of(t, rows)
    assert walk is not None
    return replace(walk, item=lambda t, k: t.call(function, items_of(t, walk.item(t, k)), {}), sources=(rows,))


def _all_known(t: Tracer, flags: Iterable[Flag]) -> bool:
    """Whether flags are known at trace time; what they are made of is forgotten."""
    with trial(t), t.within(Region(), t.state.copy(), "straight"):
        return not any(isinstance(flag, Value) for flag in flags)


def _at_run_time(value: Any) -> bool:
    """Whether a value is a sequence whose items are numbered at run time: any array, a list of unknown length."""
    if isinstance(value, (Rows, Table)):
        return known_length(value) is None
    return isinstance(value, Array) and value.rank > 0


def _reduce(t: Tracer, function: Any, value: Any, initial: Any = _Missing) -> Any:
    if _at_run_time(value):
        if initial is _Missing:
            return t.call(written.reduced, [function, value], {})
        return t.call(written.reduced_from, [function, value, initial], {})
    items = list(known_items(t, value))
    if initial is not _Missing:
        items.insert(0, initial)
    if not items:
        t.end_path("TypeError", "reduce() of empty iterable with no initial value")
    return functools.reduce(lambda x, y: t.call(function, [x, y], {}), items)


def _extreme(beats: str, name: str) -> Handler:
    """`min` and `max` with a `key` or a `default`; without, they are functions of numbers (`functions.py`)."""

    def handle(t: Tracer, *args: Any, key: Any = None, default: Any = _Missing) -> Any:
        if key is None and default is _Missing and not _are_structures(args):
            return NotHandled
        key = written.itself if key is None and _are_structures(args) else key
        if len(args) == 1 and _at_run_time(args[0]):
            if default is not _Missing:
                return t.call(written.greatest_or if name == "max" else written.least_or, [args[0], key, default], {})
            return t.call(written.greatest if name == "max" else written.least, [args[0], key], {})
        items = list(known_items(t, args[0])) if len(args) == 1 else list(args)
        if not items and default is not _Missing:
            return default
        if not items:
            t.end_path("ValueError", f"{name}() arg is an empty sequence")
        if key is None:
            return t.call({"min": min, "max": max}[name], [tuple(items)], {})
        best, rank = items[0], t.call(key, items[:1], {})
        for item in items[1:]:
            other = t.call(key, [item], {})
            flag = truth(t, compare(t, beats, other, rank))
            best, rank = _chosen(t, flag, (item, other), (best, rank))
        return best

    return handle


def _are_structures(args: Sequence[Any]) -> bool:
    """Whether `max(*args)` is the greatest of tuples, lists or objects."""
    (items,) = args if len(args) == 1 else (args,)
    if isinstance(items, (Table, Rows)):
        return isinstance(items, Table) or items.items.rank > 1
    return isinstance(items, (tuple, list)) and bool(items) and all(map(_is_structure, items))


def _is_structure(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or is_object(value)


def _chosen(t: Tracer, flag: bool | Value, new: Any, old: Any) -> Any:
    if not isinstance(flag, Value):
        return new if flag else old
    return choose(t, flag, lambda: new, lambda: old)


def _chained(function: Callable[..., Any]) -> Handler:
    """A function that gives the items of its sequences in another order, or side by side, asking for each in turn."""

    def handle(t: Tracer, *args: Any, **kwargs: Any) -> Any:
        _done(t, function, [()] * len(args), kwargs)
        for value in args:
            if at_run_time(value):
                known_items(t, value)
        return Lazy(lambda: function(*(one_by_one(t, a) for a in args), **kwargs), args)

    return handle


def _pairwise(t: Tracer, *args: Any, **kwargs: Any) -> Any:
    """Each item and the next one, which is asked for once: a number that an array has had stays what it was then."""
    value = args[0] if len(args) == 1 and not kwargs else ()
    if not at_run_time(value) or (isinstance(value, (Rows, Table)) and known_length(value) is not None):
        return _chained(itertools.pairwise)(t, *args, **kwargs)
    span = t.builder.span

    def walk() -> Walk:
        second = walk_of(t, value)
        assert second is not None
        first: Walk | None = second
        if isinstance(value, Array) and value.rank == 1:
            first = walk_of(t, Generated(partial(t.call, written.all_but_last, [value], {}), None, value, span))
        assert first is not None

        def item(t: Tracer, k: Value) -> Any:
            return nth(t, first, k), nth(t, second, t.builder.op("add", k, t.builder.i64(1)))

        b = t.builder
        count = b.op("max", b.i64(0), b.op("sub", emit(t, length(t, second)), b.i64(1)))
        return Walk(0, count, 1, item, lists=second.lists)

    in_place = isinstance(value, (Array, Rows, Table)) or (isinstance(value, Walk) and value.is_range)
    return Generated(partial(t.call, written.neighbours, [value], {}), walk if in_place else None, value, span)


def _combined(function: Callable[..., Any]) -> Handler:
    """A function that first takes all items of its sequences, and then puts them together: Python itself does it."""

    def handle(t: Tracer, *args: Any, **kwargs: Any) -> Any:
        if function is itertools.product and not kwargs and args and all(map(_is_walked, args)) and _are_many(args):
            return ranges.product_(t, *args)
        pairs = function is itertools.combinations and len(args) == 2 and not kwargs and args[1] == 2
        if pairs and _is_walked(args[0]) and _are_many([args[0], args[0]]):
            return ranges.pairs_(t, args[0])
        taken = [a if isinstance(a, int) else tuple(known_items(t, a)) for a in args]
        _done(t, function, taken, kwargs)
        return Lazy(lambda: function(*taken, **kwargs))

    return handle


def _is_walked(value: Any) -> bool:
    return isinstance(value, range) or at_run_time(value)


def _are_many(values: Sequence[Any]) -> bool:
    """Whether what sequences have together is known at run time only, or is too much to be written out."""
    lengths: list[int | None] = [
        len(v) if isinstance(v, range) else known_length(v) if isinstance(v, (Rows, Table)) else None for v in values
    ]
    return None in lengths or math.prod(n for n in lengths if n is not None) > _MOST_KNOWN


def _done(t: Tracer, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Refuse arguments that Python does not take."""
    try:
        function(*args, **kwargs)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)


def _sorted(t: Tracer, value: Any, key: Any = None, reverse: bool = False) -> Any:
    """`sorted` by keys that are known, or by numbers that are known at run time only."""
    if not is_static(reverse):
        t.refuse("call", got="sorted in an order that is known only at run time")
    reverse = bool(reverse)
    if _at_run_time(value):
        return sorting.arranged(t, value, key, reverse)
    items = tuple(known_items(t, value))
    keys = items if key is None else tuple(t.call(key, [item], {}) for item in items)
    if not is_static(keys) or any(is_object(k) and not isinstance(k, tuple) for k in keys):
        return t.make(list(known_items(t, sorting.arranged_few(t, items, keys, reverse))))
    try:
        order = sorted(range(len(items)), key=keys.__getitem__, reverse=reverse)
    except TypeError as error:
        t.refuse("static-error", error=error)
    return t.make([items[k] for k in order])


_MOST_KNOWN = 1000  # items put together, each of which is an iteration of its own
_CHAINING = (itertools.chain, itertools.pairwise, itertools.zip_longest)
_COMBINING = (
    itertools.product,
    itertools.combinations,
    itertools.permutations,
    itertools.combinations_with_replacement,
)

SEQUENCES: dict[Any, Handler] = {
    any: _any,
    all: _all,
    map: _map,
    filter: _filter,
    itertools.accumulate: _accumulate,
    itertools.starmap: _starmap,
    sorted: _sorted,
    functools.reduce: _reduce,
    min: _extreme("lt", "min"),
    max: _extreme("gt", "max"),
    **{f: _chained(f) for f in _CHAINING},
    itertools.pairwise: _pairwise,
    **{f: _combined(f) for f in _COMBINING},
}

# What asks for the items of what it is given when it is asked itself.
LAZY: frozenset[Any] = frozenset(
    {
        zip,
        enumerate,
        map,
        filter,
        reversed,
        next,
        isinstance,
        type,
        callable,
        itertools.accumulate,
        itertools.starmap,
        *_CHAINING,
    }
)

# What goes over its arguments, whatever gives their items.
CONSUMING: frozenset[Any] = frozenset(
    {sum, min, max, sorted, any, all, list, tuple, functools.reduce, math.prod}
)
