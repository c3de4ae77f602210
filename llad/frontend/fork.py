"""Two paths that part at a run-time condition and meet again: the `if` op.

Each side is traced in a region with a copy of the state. Where they meet, each name that may still be read is
joined: unchanged and equal values stay what they are, others become results of the `if`. A name that only one
side bound becomes a `Maybe` with a run-time bound flag, one whose values have no common type a `Conflict`. The
flags of jumps are joined like values.

Invariant: after `join` every value in the state dominates what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from llad.frontend.contents import Path, Place, meeting, note_copies, objects_in, put
from llad.frontend.core import Tracer
from llad.frontend.parts import reaches
from llad.frontend.shapes import Shape, extents_within, flatten, join, rebuild
from llad.frontend.state import Conflict, Dropped, Flag, Gone, Maybe, State, Unknown
from llad.frontend.values import Array, Dim, Extent, NoJoin, OrNone, Rows, Table, Unbound, describe
from llad.ir.core import Region, Value
from llad.ir.types import BOOL

Names = frozenset[str]
Fill = Callable[[tuple[Value, ...]], Any]


def split(value: Any) -> tuple[Any, Flag | None]:
    """What a name holds, and whether it is bound (`None`: it does not matter)."""
    if value is Gone or value is Dropped:
        return Gone, None
    if value is Unbound or value is Unknown:
        return Gone, False
    if isinstance(value, Maybe):
        return value.inner, value.bound
    return value, True


class Fork:
    """The two sides of one `if` op. `run` each side, then `join` them."""

    def __init__(self, t: Tracer, condition: Value) -> None:
        self.t = t
        self.condition = condition
        self.before = t.state
        self.regions = (Region(), Region())
        self.states = [self.before.copy(), self.before.copy()]
        self.values: list[Any] = [Gone, Gone]
        self._spent = [t.ledger.spent, t.ledger.spent]
        self._paths = (Path(), Path())
        self._yields: tuple[list[Value], list[Value]] = ([], [])
        self._memo: dict[tuple[Value, Value], int] = {}
        self._constants: dict[tuple[int, bool], Value] = {}
        self._negated: Value | None = None

    def run(self, side: int, action: Callable[[], Any], kind: str = "region") -> None:
        """Trace `action` on one side; what it returns is the side's value."""
        t = self.t
        t.ledger.spent = dict(self._spent[side])
        self._paths[side].enter()
        try:
            known = t.assumed.assume(self.condition, side == 0)
            with known, t.within(self.regions[side], self.states[side], kind) as scope:
                self.values[side] = action()
            self._paths[side].leave(scope)
            self.states[side] = t.frame.state
        finally:
            t.frame.state = self.before
        self._spent[side] = {} if self.states[side].dead else t.ledger.spent
        t.ledger.spent = self._spent[0] | self._spent[1]

    def join(self, live: Names | None = None, exits: Names = frozenset()) -> Any:
        """Emit the `if`; the state and the value where the sides meet.

        `live`: names that may be read after (`None`: any); `exits`: those that may be read where a jump leads."""
        fill_state = self._join_states(live, exits)
        fill_value = self._join_value()
        for region, values in zip(self.regions, self._yields, strict=True):
            with self.t.builder.inside(region):
                self.t.builder.yield_(*values)
        results: tuple[Value, ...] = ()
        if any(len(region.ops) > 1 for region in self.regions) or self._yields[0]:
            results = self.t.builder.if_(self.condition, *self.regions)
        self.t.frame.state = fill_state(results)
        return fill_value(results)

    # -- values

    def _narrow(self, a: Any, b: Any) -> tuple[Any, Any]:
        """What the sides say, where that may be `None`: by the condition it may be known whether it is."""
        if not isinstance(a, OrNone) and not isinstance(b, OrNone):
            return a, b
        known = self.t.assumed
        sides = [known.following(self.condition, holds) for holds in (True, False)]
        return known.narrow(a, sides[0]), known.narrow(b, sides[1])

    def _join_value(self) -> Fill:
        a, b = self._narrow(*self.values)
        if a is b:
            return lambda _: a
        try:
            return self._inner(a, b)
        except NoJoin:
            self.t.refuse("branch-types", first=describe(a), second=describe(b))

    def _inner(self, a: Any, b: Any, gone: Sequence[Flag] = (False, False)) -> Fill:
        """A bound value of both sides, or of one (`Gone` on the other, or where `gone` is true)."""
        if a is b:
            return lambda _: a
        t = self.t
        shape = self._common(a, b)
        leaves: list[list[Value]] = []
        sources: list[Any] = []
        for region, path, value, missing in zip(self.regions, self._paths, (a, b), gone, strict=True):
            with t.builder.inside(region), path.entered():
                leaves.append(flatten(t, value, shape, missing))
                sources += objects_in(value)
        slots = [self._slot(x, y) for x, y in zip(*leaves, strict=True)]
        extents = self._shared_extents(a, b, shape)

        def fill(results: tuple[Value, ...]) -> Any:
            known = iter(extents)

            def measured(array: Array) -> Array:
                shared = (Dim(array.value, k) if e is None else e for k, e in enumerate(next(known)))
                return replace(array, extents=tuple(shared))

            values = (s if isinstance(s, Value) else results[s] for s in slots)
            made = rebuild(t, shape, values, given=True, measured=measured)
            note_copies(t, made, sources)
            return made

        return fill

    def _common(self, a: Any, b: Any) -> Shape:
        """The shape of a value of both sides, or of one."""
        if a is Gone or b is Gone:
            with self._paths[a is Gone].entered():
                return join(self.t, a, b)
        return join(self.t, a, b, self._paths)

    def _shared_extents(self, a: Any, b: Any, shape: Shape) -> list[list[Extent | None]]:
        """The extents that arrays of both sides have: by one name, which is known outside then."""
        sides = []
        for region, path, value in zip(self.regions, self._paths, (a, b), strict=True):
            with self.t.builder.inside(region), path.entered():
                sides.append([[self._named(e) for e in array] for array in extents_within(value, shape)])
        pairs = zip(*sides, strict=True)
        return [[x if x == y else None for x, y in zip(*pair, strict=True)] for pair in pairs]

    def _named(self, extent: Extent | None) -> Extent | None:
        return None if extent is None else self.t.alike.name(self.t.builder, extent)

    def _slot(self, a: Value, b: Value) -> int | Value:
        """Which result is `a` from one side and `b` from the other; one value on both needs none."""
        if a is b:
            return a
        if (a, b) not in self._memo:
            self._memo[a, b] = len(self._yields[0])
            self._yields[0].append(a)
            self._yields[1].append(b)
        return self._memo[a, b]

    def flag(self, a: Flag | None, b: Flag | None) -> Fill:
        """A run-time bool of both sides; `None` where it does not matter."""
        if a is None or b is None:
            known = b if a is None else a
            if not isinstance(known, Value):
                return lambda _: bool(known)
            a, b = (False if a is None else a), (False if b is None else b)
        if a is b:
            return lambda _: a
        if a is True and b is False:
            return lambda _: self.condition
        if a is False and b is True:
            negated = self._not_condition()
            return lambda _: negated
        slot = self._slot(self._constant(0, a), self._constant(1, b))
        return lambda results: slot if isinstance(slot, Value) else results[slot]

    def _constant(self, side: int, flag: Flag) -> Value:
        if isinstance(flag, Value):
            return flag
        if (side, flag) not in self._constants:
            with self.t.builder.inside(self.regions[side]):
                self._constants[side, flag] = self.t.builder.const(flag, BOOL)
        return self._constants[side, flag]

    def _not_condition(self) -> Value:
        if self._negated is None:
            self._negated = self.t.builder.op("not", self.condition)
        return self._negated

    # -- states

    def _join_states(self, live: Names | None, exits: Names) -> Callable[[tuple[Value, ...]], State]:
        a, b = self.states
        if a.dead and b.dead:
            return lambda _: a
        flags = {
            name: self.flag(None if a.dead else getattr(a, name), None if b.dead else getattr(b, name))
            for name in ("left", "stop", "ret")
        }
        names: dict[str, Fill] = {}
        spans = {}
        misses = partial(self._misses, live, exits)
        met = meeting(self.t, *self._paths, (a.dead, b.dead), misses)
        places = {place: self._joined(place, x, y, (False, False)) for place, (x, y) in met.places.items()}
        for name in _keys(self.before.values, a.values, b.values):
            x, y = self._visible(0, name, exits), self._visible(1, name, exits)
            if x is not y and live is not None and name not in live and name not in exits:
                x = y = Dropped
            names[name] = self._name(name, x, y, exits)
            spans[name] = (b if x is Gone else a).spans.get(name)
        result = self._result()
        result_span = a.result_span or b.result_span

        def fill(results: tuple[Value, ...]) -> State:
            state = State({n: f(results) for n, f in names.items()}, spans)
            state.left, state.stop, state.ret = (flags[f](results) for f in ("left", "stop", "ret"))
            state.result, state.result_span = result(results), result_span
            met.settle()
            for place, filled in places.items():
                put(self.t, place, filled(results))
            return state

        return fill

    def _misses(self, live: Names | None, exits: Names, side: int, thing: object) -> bool:
        """Whether a side has left, and nobody sees an object there any more, which this call or iteration has made."""
        state, extent, ledger = self.states[side], self.t.frame.extent, self.t.ledger
        birth = ledger.birth(thing)
        if state.left is not True or birth is None or not birth.inside(extent):
            return False
        names = [n for n in state.values if live is None or n in live or n in exits]
        seen = [split(self._visible(side, name, exits))[0] for name in names]
        seen += [holder for holder, born in ledger.born.values() if not born.inside(extent)]
        with self._paths[side].entered():
            return not any(reaches(value, thing) for value in (*seen, state.result))

    def _visible(self, side: int, name: str, exits: Names) -> Any:
        """What later code may see of a name of this side."""
        state = self.states[side]
        if state.dead or (state.left is True and (name not in exits or state.ret is True)):
            return Gone
        return state.values.get(name, Unbound)

    def _name(self, name: str, x: Any, y: Any, exits: Names) -> Fill:
        if x is y:
            return lambda _: x
        for one, other in ((x, y), (y, x)):
            if one is Gone and other is self.before.values.get(name, Unbound):
                return lambda _: other
        return self._joined(name, x, y, [s.ret if name in exits else s.left for s in self.states])

    def _joined(self, name: str | Place, x: Any, y: Any, gone: Sequence[Flag]) -> Fill:
        """What a name or place holds, of which the two sides say different things; `gone` as for `_inner`."""
        for value in (x, y):
            if isinstance(value, Conflict):
                return lambda _: value
        (a, bound_a), (b, bound_b) = split(x), split(y)
        if a is Gone and b is Gone:
            left = next((v for v in (Unknown, Unbound) if v is x or v is y), Dropped)
            return lambda _: left
        a, b = self._narrow(a, b)
        bound = self.flag(bound_a, bound_b)
        on_exit = self._bound_on_exit(0, x, bound_a) and self._bound_on_exit(1, y, bound_b)
        try:
            inner = self._inner(a, b, gone)
        except NoJoin:
            spans = (state.spans.get(name) if isinstance(name, str) else None for state in self.states)
            conflict = Conflict(describe(a), describe(b), *spans)
            return lambda _: conflict

        def fill(results: tuple[Value, ...]) -> Any:
            flag = bound(results)
            return inner(results) if flag is True else Maybe(inner(results), flag, on_exit)

        return fill

    def _bound_on_exit(self, side: int, value: Any, bound: Flag | None) -> bool:
        """Whether the name is bound whenever this side stops the loop."""
        state = self.states[side]
        if state.dead or state.stop is False or bound is None or bound is True or bound is state.stop:
            return True
        return isinstance(value, Maybe) and value.on_exit

    def _result(self) -> Fill:
        x, y = self._narrow(*(Gone if s.dead or s.result is Unbound else s.result for s in self.states))
        if x is Gone and y is Gone:
            return lambda _: Unbound
        for value in (x, y):
            if isinstance(value, Conflict):
                return lambda _: value
        try:
            arrays = any(isinstance(value, (Array, Rows, Table, tuple)) for value in (x, y))
            return self._inner(x, y, [arrays and self._missing_result(side) for side in (0, 1)])
        except NoJoin:
            spans = (state.result_span for state in self.states)
            conflict = Conflict(describe(x), describe(y), *spans)
            return lambda _: conflict

    def _missing_result(self, side: int) -> Flag:
        """Whether this side has returned nothing, where its result may be needed in another layout."""
        ret = self.states[side].ret
        if not isinstance(ret, Value):
            return False
        with self.t.builder.inside(self.regions[side]):
            return self.t.builder.op("not", ret)


def _keys(*maps: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(key for m in maps for key in m))
