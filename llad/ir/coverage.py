"""Which elements of an array some code has certainly written, and which it may leave other than zero.

Elements are told in *boxes*: per axis the indices from a first up to a last one, as sums (`affine.py`). A store names
one element; a loop that stores at its index names all that it runs over, upwards or downwards. What an iteration
finds has been written by itself, by what came before the loop, or by the iterations before it.

Soundness: what is *covered* is certain, so what is not recognised adds nothing; what is *dirty* is possible, so what
is not recognised is the whole array. Every index that is used is in bounds, so that it is never less than 0, and a box
up to the extent holds whatever follows its first index.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, accessed, constant, defined, makers
from llad.ir.elements import Elements
from llad.ir.types import BufferType


@dataclass(frozen=True, slots=True)
class Span:
    """The indices from `first` up to `last`, which is not one of them; without a `last`, to the end of the axis."""

    first: Affine
    last: Affine | None

    def holds(self, other: Span) -> bool:
        ends = self.last is None or (other.last is not None and _at_most(other.last, self.last))
        return ends and _at_most(self.first, other.first)


Box = tuple[Span, ...]
_ALL = Span(Affine(0), None)
_MOST = 100  # boxes that are told apart: their number is squared in time


def _at_most(a: Affine, b: Affine) -> bool:
    """Whether `a` ≤ `b`, where an index is not less than 0."""
    return (a.terms == b.terms and a.const <= b.const) or (not a.terms and a.const <= 0)


def holds(boxes: Iterable[Box], box: Box) -> bool:
    """Whether one of `boxes` has all elements of `box`."""
    return any(all(a.holds(b) for a, b in zip(known, box, strict=True)) for known in boxes)


def _with(boxes: list[Box], more: Iterable[Box]) -> list[Box]:
    """Those, and what is new; boxes that overlap or lie end to end become one.

    It takes the place of what it holds, but for what is one element along the axis: that may still be joined along
    another one, as the elements of a small matrix are that are stored in any order.
    """
    for box in more:
        if len(boxes) >= _MOST or holds(boxes, box):
            continue
        boxes = [*boxes, box]
        for known in reversed(boxes[:-1]):  # the largest first: what it is joined to holds what others would be
            joined, axis = _joined(known, box) or _joined(box, known) or (None, 0)
            if joined is not None and not holds(boxes, joined):
                boxes = [b for b in boxes if _is_point(b[axis]) or not holds([joined], b)]
                boxes = _with(boxes, [joined])
    return boxes


def _joined(low: Box, high: Box) -> tuple[Box, int] | None:
    """The box of two that overlap or lie end to end along one axis, and are alike along the others; and that axis."""
    if (axis := _only_apart(low, high)) is None:
        return None
    a, b = low[axis], high[axis]
    if a.last is None or not (_same(a.last, b.first) or (_at_most(a.first, b.first) and _at_most(b.first, a.last))):
        return None
    return (*low[:axis], Span(a.first, b.last), *low[axis + 1 :]), axis


def _only_apart(one: Box, other: Box) -> int | None:
    """The axis along which two boxes differ, if it is one."""
    apart = [k for k, (a, b) in enumerate(zip(one, other, strict=True)) if not (a.holds(b) and b.holds(a))]
    return apart[0] if len(apart) == 1 else None


def _same(a: Affine, b: Affine) -> bool:
    return a.terms == b.terms and a.const == b.const


@dataclass
class _Dirt:
    """What may not be zero, and what has certainly become zero since the beginning."""

    dirty: list[Box] = field(default_factory=list)
    clean: list[Box] = field(default_factory=list)


class Coverage:
    """Questions about the code of one function, each about one allocation."""

    def __init__(self, fn: Function, aliases: Aliases) -> None:
        self._aliases = aliases
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._loops: list[Op] = []  # around what is looked at, as far as `covered` was asked about it

    # -- what is certainly written

    def covered(self, ops: Sequence[Op], root: Value, covered: list[Box], reads: bool = True) -> list[Box] | None:
        """What is written after `ops` if `covered` was before; None if `reads` count and they read anything else."""
        for op in ops:
            after = self._cover(op, root, covered, reads)
            if after is None:
                return None
            covered = after
        return covered

    def fills(self, ops: Sequence[Op], root: Value) -> bool:
        """Whether `ops`, one after the other, write every element."""
        return holds(self.covered(ops, root, [], reads=False) or [], self._whole(root))

    def _cover(self, op: Op, root: Value, covered: list[Box], reads: bool) -> list[Box] | None:
        read = root in self._aliases.read(op)
        if not read and root not in self._aliases.written(op):
            return covered
        match op.name:
            case "load":
                return covered if not reads or self._is_known(self._box(op, root), root, covered) else None
            case "store":
                box = self._box(op, root)
                return covered if box is None else _with(covered, [box])
            case "if":
                first, second = (self.covered(r.ops, root, covered, reads) for r in op.regions)
                if first is None or second is None:
                    return None
                return [b for b in first if holds(second, b)] + [b for b in second if holds(first, b)]
            case "for":
                return self._cover_for(op, root, covered, reads)
            case "while":
                before = self.covered(op.regions[0].ops, root, covered, reads)
                inside = None if before is None else self.covered(op.regions[1].ops, root, before, reads)
                return None if inside is None else before
            case _:
                return None if read and reads else covered

    def _cover_for(self, op: Op, root: Value, covered: list[Box], reads: bool) -> list[Box] | None:
        ops = op.regions[0].ops
        written = self.covered(ops, root, [], reads=False) or []
        if reads:
            earlier = [s for b in written if (s := self._swept(b, op, root, earlier=True))]
            self._loops.append(op)
            inside = self.covered(ops, root, _with(covered, earlier))
            self._loops.pop()
            if inside is None:
                return None
        return self._and_beside(covered, [s for b in written if (s := self._swept(b, op, root))], root)

    def _and_beside(self, covered: list[Box], boxes: list[Box], root: Value) -> list[Box]:
        """`covered` with more boxes. A loop from which iterations were taken off is one with those before or behind it:
        [a, b) and [max(b, a), c) are [a, c), and so are [a, min(b, c)) and [b, c), whichever is the greater one."""
        pending = list(boxes)
        while pending and len(covered) < _MOST:
            box = pending.pop()
            if not holds(covered, box):
                pending += [joined for known in covered if (joined := self._one(known, box, root))]
            covered = _with(covered, [box])
        return covered

    def _one(self, low: Box, high: Box, root: Value) -> Box | None:
        """What two boxes are together, if they are so beside each other along one axis, and alike along the others."""
        if (axis := _only_apart(low, high)) is None:
            return None
        a, b = low[axis], high[axis]
        if a.last is None:
            return None
        greater, less = self._chosen("max", b.first), self._chosen("min", a.last)
        touch = greater is not None and any(_same(a.first, p) and _same(a.last, q) for p, q in (greater, greater[::-1]))
        for p, q in (less, less[::-1]) if less is not None else ():
            touch |= _same(b.first, p) and (self._is_extent(q, root, axis) if b.last is None else _same(b.last, q))
        return (*low[:axis], Span(a.first, b.last), *low[axis + 1 :]) if touch else None

    def _chosen(self, name: str, form: Affine) -> tuple[Affine, Affine] | None:
        """The two of which an index is the greater or less one, if it is."""
        made = self._made.get(next(iter(form.terms))) if len(form.terms) == 1 and not form.const else None
        if made is None or made.name != name or form.terms[made.result] != 1:
            return None
        first, second = map(self._elements.form, made.operands)
        return first, second

    def _is_known(self, box: Box | None, root: Value, covered: list[Box]) -> bool:
        """Whether an element is covered, or else all that the loops around it may make of it."""
        box = box or self._whole(root)
        for loop in reversed(self._loops):
            if holds(covered, box):
                return True
            box = self._spread(box, loop, root)
        return holds(covered, box)

    # -- what may be other than zero

    def rests(self, ops: Sequence[Op], root: Value) -> bool:
        """Whether `ops` leave every element zero, if they find it so."""
        return not self._dirt(ops, root).dirty

    def _dirt(self, ops: Sequence[Op], root: Value) -> _Dirt:
        state = _Dirt()
        for op in ops:
            if root in self._aliases.written(op):
                self._soil(op, root, state)
        return state

    def _soil(self, op: Op, root: Value, state: _Dirt) -> None:
        if op.name == "store":
            box = self._box(op, root)
            if box is not None and self._is_zero(op.operands[0]):
                self._wipe(state, [box])
            else:
                self._spill(state, [box or self._whole(root)])
        elif op.name == "if":
            then, otherwise = (self._dirt(r.ops, root) for r in op.regions)
            clean = [b for b in then.clean if holds(otherwise.clean, b)]
            clean += [b for b in otherwise.clean if holds(then.clean, b)]
            self._wipe(state, clean)
            self._spill(state, [*then.dirty, *otherwise.dirty])
        elif op.name == "for":
            inside = self._dirt(op.regions[0].ops, root)
            if inside.dirty:
                self._spill(state, [self._spread(b, op, root) for b in inside.dirty])
            else:
                self._wipe(state, [s for b in inside.clean if (s := self._swept(b, op, root))])
        else:
            self._spill(state, [self._whole(root)])

    def _wipe(self, state: _Dirt, boxes: list[Box]) -> None:
        state.clean = _with(state.clean, boxes)
        state.dirty = [b for b in state.dirty if not holds(state.clean, b)]

    def _spill(self, state: _Dirt, boxes: list[Box]) -> None:
        if boxes:
            state.dirty += [b for b in boxes if not holds(state.dirty, b)]
            state.clean = []

    def _is_zero(self, value: Value) -> bool:
        return repr(constant(value, self._made)) in ("0", "0.0", "False")

    # -- boxes

    def _box(self, op: Op, root: Value) -> Box | None:
        """The element of a load or store, if it is known to be one of `root`."""
        handle, *indices = accessed(op)
        base, at = self._elements.place(handle, indices)
        if base is not root or any(i is None for i in at):
            return None
        return tuple(self._span(i, i.shifted(1), root, axis) for axis, i in enumerate(at) if i is not None)

    def _span(self, first: Affine, last: Affine | None, root: Value, axis: int) -> Span:
        return Span(first, None if last is None or self._is_extent(last, root, axis) else last)

    def _is_extent(self, form: Affine, root: Value, axis: int) -> bool:
        if root in self._made and _same(form, self._elements.form(self._made[root].operands[axis])):
            return True
        if form.const or len(form.terms) != 1:
            return False
        ((atom, coefficient),) = form.terms.items()
        made = self._made.get(atom)
        is_dim = made is not None and made.name == "dim" and made.operands[0] is root and made.attrs["axis"] == axis
        return is_dim and coefficient == 1

    def _whole(self, root: Value) -> Box:
        assert isinstance(root.type, BufferType)
        return (_ALL,) * root.type.rank

    def _range(self, loop: Op, earlier: bool) -> tuple[Affine, Affine] | None:
        """From where up to where the index of a loop goes, or has gone before, if it goes by ones and to its end."""
        lo, hi = (self._elements.form(o) for o in loop.operands[:2])
        step = self._elements.constant(loop.operands[2])
        if step not in (1, -1) or (loop.attrs["exits"] and not earlier):
            return None
        if earlier:
            hi = self._elements.form(loop.regions[0].args[0])
        return (lo, hi) if step == 1 else (hi.shifted(1), lo.shifted(1))

    def _swept(self, box: Box, loop: Op, root: Value, earlier: bool = False) -> Box | None:
        """What all iterations together cover, of which each covers `box`; `earlier`: all before the present one."""
        over = self._range(loop, earlier)
        body = loop.regions[0]
        index = body.args[0]
        axes = [k for k, span in enumerate(box) if index in _names(span)]
        if over is None or len(axes) != 1 or not self._known(box, body, index):
            return None
        (axis,) = axes
        slid = _slid(box[axis].first, index, *over) if _is_point(box[axis]) else None
        return None if slid is None else (*box[:axis], self._span(*slid, root, axis), *box[axis + 1 :])

    def _spread(self, box: Box, loop: Op, root: Value) -> Box:
        """What all iterations together may touch, of which each touches `box`."""
        inside = defined(loop.regions[0])
        return self._swept(box, loop, root) or tuple(s if _names(s).isdisjoint(inside) else _ALL for s in box)

    def _known(self, box: Box, body: Region, index: Value) -> bool:
        """Whether nothing in `box` is made in an iteration, but for the index."""
        inside = defined(body) - {index}
        return all(_names(span).isdisjoint(inside) for span in box)


def _names(span: Span) -> set[Value]:
    return {*span.first.terms, *(span.last.terms if span.last is not None else ())}


def _is_point(span: Span) -> bool:
    return span.last is not None and _same(span.last, span.first.shifted(1))


def _slid(at: Affine, index: Value, first: Affine, last: Affine) -> tuple[Affine, Affine] | None:
    """From where up to where a sum goes while `index` goes from `first` up to `last`."""
    if abs(along := at.terms.get(index, 0)) != 1:
        return None
    final = last.shifted(-1)
    low, high = (first, final) if along == 1 else (final, first)
    return at.with_atom(index, low), at.with_atom(index, high).shifted(1)
