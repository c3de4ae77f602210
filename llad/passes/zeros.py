"""Zeros that a loop only adds to or stores over are not read, and where it reaches every element, not written either.

What: memory begins as zeros, and the first that touches it is a loop, or a nest of loops, that comes to each element
once at most. What the loop loads before it stores is zero, so it is not loaded. If the loop stores to all elements, the
memory need not be zeroed; where that depends on numbers, zeros are written if it does not.

When: the memory is an `alloc` marked `zero`, or a parameter that is listed in the function's attribute `zeroed`. The
loops go by ones and have no exits; an iteration stores unconditionally to each element that it stores to, and no other
iteration touches its elements. A check that fails in the loop leaves memory that nobody reads. Not before
differentiation, which asks what is zero.

If all that touches the memory is a loop around such loops, each iteration of which leaves it zero, then every iteration
finds zeros, and what it stores to all elements need not become zero again at its end.

Before:

    func @f(%y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %a: buffer<f64, 1, C> = alloc(%n) {'zero': True}
      %trips: i64 = for %i in %zero..%m step %one {
        %u: f64 = load %a[%i]
        %v: f64 = load %y[%i]
        %w: f64 = add %u, %v
        store %w, %a[%i]
        yield
      }
      %r: f64 = load %a[%zero]
      return %r
    }

After:

    func @f(%y: buffer<f64, 1, C>, %n: i64, %m: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %a: buffer<f64, 1, C> = alloc(%n)
      %extent: i64 = dim %a, 0
      %all: bool = eq %m, %extent
      if %all {
        yield
      } else {
        %first: i64 = const 0
        %step: i64 = const 1
        %nothing: f64 = const 0.0
        %filled: i64 = for %k in %first..%extent step %step parallel {'apart': True} {
          store %nothing, %a[%k]
          yield
        }
        yield
      }
      %trips: i64 = for %i in %zero..%m step %one {
        %u: f64 = const 0.0
        %v: f64 = load %y[%i]
        %w: f64 = add %u, %v
        store %w, %a[%i]
        yield
      }
      %r: f64 = load %a[%zero]
      return %r
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.affine import LONGEST, Affine
from llad.ir.alias import Aliases
from llad.ir.core import BLANK, ZEROED, Function, Op, Region, Value, accessed, walk
from llad.ir.coverage import Box, Coverage
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, BufferType, ScalarType, Type, is_float
from llad.passes.rebuild import Rebuild
from llad.passes.strips import APART


def zeros(fn: Function) -> Function:
    """`fn` without the zeros that it stores over anyway, and without loads of zeros from new memory."""
    covers = list(_Search(fn).covers())
    return _Zeros(covers).function(fn) if covers else fn


# A condition: whether two sums stand in a relation; a number in the place of the second is the axis of an extent.
_Condition = tuple[str, Affine, Affine | int]
_Place = list[tuple[int, dict[Value, int]]]  # per axis a sum, such that it can be compared


@dataclass(frozen=True, slots=True)
class _Cover:
    """A nest of loops that is the first to touch the memory of `root`; its `loads` before it stores find zero.

    It stores to all elements if the conditions in `whole` hold; `None`: it never does. `renewed`: stores of zero that
    nobody needs any more.
    """

    root: Value
    nest: list[Op]
    loads: list[Op]
    whole: list[_Condition] | None
    renewed: tuple[Op, ...] = ()


class _Search:
    def __init__(self, fn: Function) -> None:
        self._fn = fn
        self._aliases = Aliases(fn)
        self._elements = Elements(fn)
        self._coverage = Coverage(fn, self._aliases)

    def covers(self) -> Iterator[_Cover]:
        """Those that save something."""
        fn = self._fn
        for number in fn.attrs.get(ZEROED, ()):
            yield from self._cover(fn.params[number], fn.body.ops)
        for region in (fn.body, *[inner for op in walk(fn.body) for inner in op.regions]):
            for k, op in enumerate(region.ops):
                if op.name == "alloc" and op.attrs["zero"] and op.attrs.get("storage") != "stack":
                    ops = region.ops[k + 1 :]
                    yield from (*self._cover(op.result, ops, op), *self._in_iterations(op, ops))

    def _cover(self, root: Value, ops: Sequence[Op], made: Op | None = None) -> Iterator[_Cover]:
        """What covers `root`, if that is what the first of `ops` to touch it does."""
        first = next((op for op in ops if self._touches(op, root)), None)
        if first is None or first.name != "for":
            return
        nest, touching = self._nest(first, root)
        loads = self._finding_zero(touching, root, nest)
        if loads is None or not all(self._goes_by_ones(loop) for loop in nest):
            return
        boxes = self._coverage.covered([first], root, [], reads=False) or []
        ways = [conditions for box in boxes if (conditions := self._whole(box, nest, made)) is not None]
        whole = min(ways, key=len, default=None)
        if loads or whole is not None:
            yield _Cover(root, nest, loads, whole)

    def _in_iterations(self, made: Op, ops: Sequence[Op]) -> Iterator[_Cover]:
        """What covers the memory that `made` makes in each iteration of a loop among `ops`, which leaves it zero."""
        root = made.result
        touching = [op for op in ops if self._touches(op, root)]
        if len(touching) != 1 or touching[0].name != "for" or self._aliases.escapes(root):
            return
        body = touching[0].regions[0].ops
        if not self._coverage.rests(body, root):
            return
        if inner := list(self._in_iterations(made, body)):
            yield from inner
            return
        for cover in self._cover(root, body, made):
            if cover.whole == []:
                yield replace(cover, renewed=self._renewed(body, root))
            elif cover.loads:
                yield replace(cover, whole=None)

    def _renewed(self, body: Sequence[Op], root: Value) -> tuple[Op, ...]:
        """The store of zero at the end of an iteration, if that is a loop that comes to each element once at most."""
        last = next(op for op in reversed(body) if self._touches(op, root))
        if last.name != "for":
            return ()
        nest, touching = self._nest(last, root)
        places = [self._place(op, root) if op.name in ("load", "store") else None for op in touching]
        place, end = places[-1], touching[-1]
        indices = [loop.regions[0].args[0] for loop in nest]
        once = place is not None and _visits_once(place, indices, _made_in(nest[0]))
        return (end,) if once and end.name == "store" and all(p == place for p in places) else ()

    def _nest(self, loop: Op, root: Value) -> tuple[list[Op], list[Op]]:
        """The loops from this one on, each alone in touching `root` in the one around it, and what does so inside."""
        nest = [loop]
        while len(touching := self._touching(nest[-1], root)) == 1 and touching[0].name == "for":
            nest.append(touching[0])
        return nest, touching

    def _touches(self, op: Op, root: Value) -> bool:
        return root in self._aliases.touched(op)

    def _touching(self, loop: Op, root: Value) -> list[Op]:
        return [op for op in loop.regions[0].ops if self._touches(op, root)]

    def _goes_by_ones(self, loop: Op) -> bool:
        return self._elements.constant(loop.operands[2]) in (1, -1) and not loop.attrs["exits"]

    def _finding_zero(self, touching: Sequence[Op], root: Value, nest: Sequence[Op]) -> list[Op] | None:
        """The loads of an iteration before it stores to their element; `None` if others may touch its elements, too."""
        inside = _made_in(nest[0])
        found: list[Op] = []
        known: list[_Place] = []
        stored: list[_Place] = []
        for op in walk(Region((), list(touching))):
            if op.regions or not self._touches(op, root):
                continue
            place = self._place(op, root) if op.name in ("load", "store") else None
            if place is None or (op.name == "store" and op not in touching and place not in stored):
                return None
            if place not in known:
                indices = [loop.regions[0].args[0] for loop in nest]
                if not _visits_once(place, indices, inside) or not all(_apart(place, k, inside) for k in known):
                    return None
                known.append(place)
            if op.name == "store":
                stored.append(place)
            elif place not in stored:
                found.append(op)
        return found if stored else None

    def _place(self, access: Op, root: Value) -> _Place | None:
        """The element of a load or store, if it is known to be one of `root`."""
        handle, *indices = accessed(access)
        base, at = self._elements.place(handle, indices)
        known = [(form.const, form.terms) for form in at if form is not None]
        return known if base is root and len(known) == len(at) else None

    def _whole(self, box: Box, nest: Sequence[Op], made: Op | None) -> list[_Condition] | None:
        """When the elements in `box`, over which the loops go, are all; `None`: never.

        Sums are known modulo 2⁶⁴ only. Where the range of each loop is known to end no earlier than it begins, it has
        as many indices as the box says.
        """
        found: list[_Condition] = []
        for axis, span in enumerate(box):
            if span.first.terms:
                found.append(("eq", span.first, Affine(0)))
            elif span.first.const:
                return None
            if span.last is not None:
                rest = span.last if made is None else span.last.plus(self._elements.form(made.operands[axis]), -1)
                if made is not None and not rest.terms:
                    return None
                found.append(("eq", span.last, axis))
        for loop in nest:
            low, high = (self._elements.form(o) for o in loop.operands[:2])
            if self._elements.constant(loop.operands[2]) == -1:
                low, high = high, low
            if low.terms or abs(low.const) > LONGEST:
                found.append(("le", low, high))
        return found


def _made_in(loop: Op) -> frozenset[Value]:
    """All values of the iterations of a loop."""
    ops = list(walk(Region((), [loop])))
    args = (a for op in ops for region in op.regions for a in region.args)
    return frozenset([*args, *[r for op in ops for r in op.results]])


def _visits_once(place: _Place, indices: Sequence[Value], inside: frozenset[Value]) -> bool:
    """Whether an element is another one whenever an index is: each is in a sum of its own."""
    moving = [own for _, terms in place if (own := {a: c for a, c in terms.items() if a in inside})]
    alone = all(len(own) == 1 and abs(*own.values()) == 1 for own in moving)
    return alone and len(moving) == len(indices) and set(indices) == {a for own in moving for a in own}


def _apart(a: _Place, b: _Place, inside: frozenset[Value]) -> bool:
    """Whether two elements differ in an index that is the same in all iterations."""
    pairs = zip(a, b, strict=True)
    return any(one != two and terms == others and inside.isdisjoint(terms) for (one, terms), (two, others) in pairs)


class _Zeros(Rebuild):
    def __init__(self, covers: Sequence[_Cover]) -> None:
        super().__init__()
        self._loads = {load for cover in covers for load in cover.loads}
        self._renewed = {store for cover in covers for store in cover.renewed}
        self._bare = {cover.root for cover in covers if cover.whole is not None}
        self._before: dict[Op, list[_Cover]] = {}
        for cover in covers:
            self._before.setdefault(cover.nest[0], []).append(cover)

    def function(self, fn: Function) -> Function:
        made = super().function(fn)
        if ZEROED not in fn.attrs:
            return made
        blank = tuple(n for n in fn.attrs[ZEROED] if fn.params[n] in self._bare)
        zeroed = tuple(n for n in fn.attrs[ZEROED] if n not in blank)
        return replace(made, attrs={**fn.attrs, ZEROED: zeroed, BLANK: (*fn.attrs.get(BLANK, ()), *blank)})

    def visit(self, op: Op) -> None:
        if op in self._loads:
            nothing = _nothing(op.result.type)
            self.replace(op.results, [self.const(*nothing, op.span)])
            return
        if op in self._renewed:
            return
        for cover in self._before.get(op, ()):
            if cover.whole:
                self._fill_unless_whole(cover, cover.whole)
        bare = op.name == "alloc" and op.result in self._bare
        self.keep(op, {"zero": False} if bare else None)

    def _fill_unless_whole(self, cover: _Cover, whole: Sequence[_Condition]) -> None:
        span, root = cover.nest[0].span, self.get(cover.root)
        assert isinstance(root.type, BufferType)
        extents = self.extents(root, span)
        every = self.all_of([self._holds(condition, extents, span) for condition in whole], span)
        with self.written() as otherwise:
            self._fill(root, extents, span)
            self.emit("yield", [], [], span)
        self.emit("if", [every], [], span, {}, (Region((), [Op("yield", span=span)]), otherwise))

    def _holds(self, condition: _Condition, extents: Sequence[Value], span: Span | None) -> Value:
        relation, form, other = condition
        right = extents[other] if isinstance(other, int) else self.number_of(other, span)
        return self.emit(relation, [self.number_of(form, span), right], [BOOL], span).result

    def _fill(self, root: Value, extents: Sequence[Value], span: Span | None) -> None:
        """Emit a nest of loops that stores zero to every element."""
        assert isinstance(root.type, BufferType)
        first, step = self.const(0, I64, span), self.const(1, I64, span)
        nothing = self.const(*_nothing(root.type.dtype), span)
        at = [Value(I64) for _ in extents]
        ops = [Op("store", (nothing, root, *at), (), {}, (), span)]
        for index, extent in reversed(list(zip(at, extents, strict=True))):
            body = Region((index,), [*ops, Op("yield", span=span)])
            ops = [Op("for", (first, extent, step), (Value(I64),), APART, (body,), span)]
        self.ops += ops


def _nothing(type: Type) -> tuple[float | int | bool, ScalarType]:
    assert isinstance(type, ScalarType)
    return (0.0 if is_float(type) else False if type == BOOL else 0), type
