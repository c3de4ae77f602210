"""Loops in which an iteration may come back to an element that it has stored, among elements that lie in strides.

Iterations that never meet in memory may run side by side, as long as each one keeps its own order. LLVM does not keep
it where elements lie in strides, as `a[i, 0]` and `a[i, 1]` do: it loads several of them at once, at the place of the
first load, and stores several at the place of the last store. A load may so come before a store of the same element.
The analysis that should see this looks at no loop of which LLVM was told that its iterations never meet.

When: a store is followed, in the same iteration, by an access to what may be the same element, and both are in strides.
Two elements are different if the indices along an axis differ by a constant; in different runs of a loop inside the
iteration, if an index goes with that loop alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value, defined, walk
from llad.ir.elements import Elements, Place
from llad.ir.types import BufferType


@dataclass(frozen=True, slots=True)
class _Access:
    """`root`: the array that `handle` is, or shows the elements of in another shape. `loops`: those around the access
    within the iteration, outermost first."""

    root: Value
    handle: Value
    place: Place
    stores: bool
    loops: tuple[Op, ...]


class Revisits:
    """`loop in revisits`: whether an iteration of a loop of the function may come back."""

    def __init__(self, fn: Function) -> None:
        self._fn = fn
        self._elements: Elements | None = None
        self._arrays: set[Value] = set()
        self._windows: set[Value] = set()

    def __contains__(self, loop: Op) -> bool:
        body = loop.regions[0]
        if not any(op.name == "store" for op in walk(body)):
            return False
        if self._elements is None:
            self._elements = Elements(self._fn)
            self._arrays = {*self._fn.params, *[op.result for op in walk(self._fn.body) if op.name == "alloc"]}
            views = [op for op in walk(self._fn.body) if op.name == "view"]
            self._windows = {op.result for op in views if "shape" not in op.attrs["axes"]}
        moving = _moving(body)
        met = [a for a in self._accesses(self._elements, body, ()) if not _is_row(a, body.args[0], moving)]
        return any(a.stores and self._comes_back(a, met[k + 1 :], met) for k, a in enumerate(met))

    def _accesses(self, elements: Elements, region: Region, loops: tuple[Op, ...]) -> Iterator[_Access]:
        """What one run of a region loads and stores, in order."""
        for op in region.ops:
            if op.name in ("load", "store"):
                first = int(op.name == "store")
                buffer, *indices = op.operands[first:]
                place = elements.place(buffer, indices, self._windows)
                yield _Access(elements.place(buffer, indices)[0], *place, op.name == "store", loops)
            inside = (*loops, op) if op.name in ("for", "while") else loops
            for inner in op.regions:
                yield from self._accesses(elements, inner, inside)

    def _comes_back(self, store: _Access, later: Sequence[_Access], all: Sequence[_Access]) -> bool:
        if any(not _differ(store, a) for a in later if self._share(store, a)):
            return True
        return bool(store.loops) and any(not _differ_between_runs(store, a) for a in all if self._share(store, a))

    def _share(self, a: _Access, b: _Access) -> bool:
        """Whether one pointer may lead to both."""
        return a.root is b.root or not self._arrays.issuperset((a.root, b.root))


def _differ(a: _Access, b: _Access) -> bool:
    """Whether the elements are different when all that their indices are made of is the same."""
    return any(d.number for _, d in _axes(a, b))


def _differ_between_runs(a: _Access, b: _Access) -> bool:
    """Whether the elements are different in any two runs of the loops around both."""
    loops = [one for one, other in zip(a.loops, b.loops, strict=False) if one is other]
    if not loops:
        return True
    inside = {value for region in loops[0].regions for value in defined(region)}
    for k, loop in enumerate(loops):
        index = loop.regions[0].args[0] if loop.name == "for" else None
        outer = {other.regions[0].args[0] for other in loops[:k] if other.name == "for"}
        if not any(_tells_apart(form, d, index, inside - outer) for form, d in _axes(a, b)):
            return False
    return True


def _tells_apart(form: Affine, difference: Affine, index: Value | None, varying: set[Value]) -> bool:
    """Whether indices that are this sum, and one that differs so, are different in two runs of the loop of `index`."""
    varying = varying & form.terms.keys()
    if difference.terms:
        return False
    if difference.const:
        return not varying
    return index is not None and varying == {index} and abs(form.terms[index]) == 1


def _axes(a: _Access, b: _Access) -> Iterator[tuple[Affine, Affine]]:
    """For each axis, where they are known, the index of `a`, and by what it differs from that of `b`."""
    if a.handle is b.handle:
        for one, other in zip(a.place, b.place, strict=True):
            if one is not None and other is not None:
                yield one, one.plus(other, -1)


def _moving(body: Region) -> set[Value]:
    """What may change evenly with the index of a loop."""
    found = {body.args[0]}
    for op in walk(body):
        if op.regions:
            first = int(op.name == "for" and found.isdisjoint(op.operands[:3]))
            found.update(op.results, *[region.args[first:] for region in op.regions])
        elif op.name != "load" and not found.isdisjoint(op.operands):
            found.update(op.results)
    return found


def _is_row(access: _Access, index: Value, moving: set[Value]) -> bool:
    """Whether an access goes with the loop from each element to its neighbour, or stands still."""
    type, place = access.handle.type, access.place
    assert isinstance(type, BufferType)
    terms = [{} if form is None else form.terms for form in place]
    if None in place or any(moving.intersection(t) - {index} for t in terms):
        return False
    along = [t.get(index, 0) for t in terms]
    return not any(along) or (type.layout == "C" and not any(along[:-1]) and abs(along[-1]) == 1)
