"""Small arrays of which every access names a fixed element become numbers.

What: an allocation of constant extents that is only loaded from and stored to at constant indices disappears: each
element is the value that was stored last.

When: no handle on it leaves, no window is taken, and each store stands in the same loops as the `alloc` (so at each
load it is known which store was the last). Branches yield what they store. An element that was never stored is
undefined, or zero if the memory is zeroed.

Before:

    func @f(%x: f64, %c: bool) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %a: buffer<f64, 1, C> = alloc(%two)
      store %x, %a[%zero]
      %y: f64 = mul %x, %x
      store %y, %a[%one]
      %z: f64 = if %c {
        %u: f64 = load %a[%zero]
        yield %u
      } else {
        %v: f64 = load %a[%one]
        yield %v
      }
      store %z, %a[%zero]
      %w: f64 = load %a[%zero]
      return %w
    }

After (and `dce`):

    func @f(%x: f64, %c: bool) {
      %y: f64 = mul %x, %x
      %z: f64 = if %c {
        yield %x
      } else {
        yield %y
      }
      return %z
    }
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from llad.diagnostics import Span
from llad.ir.core import Function, Op, Region, Value
from llad.ir.elements import Elements
from llad.ir.types import BufferType
from llad.passes.fold import normal
from llad.passes.rebuild import Rebuild

_MOST = 64  # elements

Element = tuple[int, ...]


def scalars(fn: Function) -> Function:
    """`fn` with its small arrays of fixed elements taken out of memory."""
    small = _Small(fn).found
    return _Scalars(fn, small).function(fn) if small else fn


class _Small:
    """The allocations that become numbers."""

    def __init__(self, fn: Function) -> None:
        self._constant = Elements(fn).constant
        self._loop: dict[Value, Op | None] = {}  # around the `alloc`
        self._stored: dict[Value, set[Element]] = {}
        self.found: set[Value] = set()
        self._visit(fn.body, None)

    def _visit(self, region: Region, loop: Op | None) -> None:
        for op in region.ops:
            match op.name:
                case "alloc":
                    self._alloc(op, loop)
                case "load" if op.operands[0] in self.found:
                    buffer, *indices = op.operands
                    if element_at(indices, self._constant) not in self._stored[buffer]:
                        self.found.discard(buffer)
                case "store" if op.operands[1] in self.found:
                    _, buffer, *indices = op.operands
                    element = element_at(indices, self._constant)
                    if element is None or self._loop[buffer] is not loop:
                        self.found.discard(buffer)
                    else:
                        self._stored[buffer].add(element)
                case "dim":
                    pass
                case _:
                    self.found.difference_update(op.operands)
            for inner in op.regions:
                self._visit(inner, loop if op.name == "if" else op)

    def _alloc(self, op: Op, loop: Op | None) -> None:
        extents = [self._constant(o) for o in op.operands]
        known = [n for n in extents if n is not None and n >= 0]
        if len(known) < len(extents):
            return
        elements = elements_of(known)
        if elements is not None:
            self.found.add(op.result)
            self._loop[op.result] = loop
            self._stored[op.result] = set(elements if op.attrs["zero"] else ())


def element_at(indices: Sequence[Value], constant: Callable[[Value], int | None]) -> Element | None:
    """The element that the indices name, if they are constants."""
    numbers = [constant(i) for i in indices]
    known = tuple(n for n in numbers if n is not None)
    return known if len(known) == len(numbers) else None


def elements_of(extents: Sequence[int]) -> list[Element] | None:
    """All elements of an array, if they are few."""
    found: list[Element] = [()]
    for extent in extents:
        if len(found) * extent > _MOST:
            return None
        found = [(*element, k) for element in found for k in range(extent)]
    return found


_Now = dict[Value, dict[Element, Value]]


class _Scalars(Rebuild):
    def __init__(self, fn: Function, small: set[Value]) -> None:
        super().__init__()
        self._constant = Elements(fn).constant
        self._small = small
        self._now: _Now = {}  # what the elements hold
        self._extents: dict[Value, tuple[Value, ...]] = {}

    def visit(self, op: Op) -> None:
        if op.name == "if":
            self._if(op)
            return
        buffer = op.result if op.name == "alloc" else op.operands[op.name == "store"] if op.operands else None
        if buffer not in self._small:
            self.keep(op)
            return
        assert buffer is not None and isinstance(buffer.type, BufferType)
        match op.name:
            case "alloc":
                self._extents[buffer] = self.operands(op)
                self._now[buffer] = {}
                if op.attrs["zero"]:
                    number, extents = normal(0, buffer.type.dtype), [self._constant(o) or 0 for o in op.operands]
                    assert number is not None
                    zero = self.const(number, buffer.type.dtype, op.span)
                    self._now[buffer] = dict.fromkeys(elements_of(extents) or (), zero)
            case "store":
                self._now[buffer][self._at(op.operands[2:])] = self.get(op.operands[0])
            case "load":
                self.mapping[op.result] = self._held(buffer, self._at(op.operands[1:]), op.span)
            case "dim":
                self.mapping[op.result] = self._extents[buffer][op.attrs["axis"]]
            case _:
                raise AssertionError(op.name)

    def _held(self, buffer: Value, element: Element, span: Span | None) -> Value:
        """What the element holds now."""
        assert isinstance(buffer.type, BufferType)
        held = self._now[buffer].get(element)
        return self.emit("undef", [], [buffer.type.dtype], span).result if held is None else held

    def _if(self, op: Op) -> None:
        """Each branch yields, too, what the elements hold then of which either stores to one."""
        before = {buffer: dict(held) for buffer, held in self._now.items()}
        regions, after = [], []
        for region in op.regions:
            self._now = {buffer: dict(held) for buffer, held in before.items()}
            regions.append(self.region(region))
            after.append(self._now)
        self._now = {buffer: dict(held) for buffer, held in before.items()}
        changed = [
            (buffer, element)
            for buffer, held in before.items()
            for element in dict.fromkeys(e for now in after for e in now[buffer])
            if any(now[buffer].get(element) is not held.get(element) for now in after)
        ]
        if changed:
            regions = [self._with_more(region, now, changed) for region, now in zip(regions, after, strict=True)]
        self._now = before
        added = [Value(v.type) for v in regions[0].terminator.operands[len(op.results) :]]
        branched = replace(op, results=(*op.results, *added)) if changed else op
        self.copy(branched, self.operands(op), tuple(regions))
        for (buffer, element), value in zip(changed, added, strict=True):
            self._now[buffer][element] = value

    def _with_more(self, region: Region, now: _Now, changed: Sequence[tuple[Value, Element]]) -> Region:
        """A rebuilt region that yields, too, what elements hold at its end."""
        self._now = now
        *ops, last = region.ops
        with self.written() as made:
            self.ops += ops
            more = [self._held(buffer, element, last.span) for buffer, element in changed]
            self.ops.append(replace(last, operands=(*last.operands, *more)))
        return made

    def _at(self, indices: Sequence[Value]) -> Element:
        element = element_at(indices, self._constant)
        assert element is not None
        return element
