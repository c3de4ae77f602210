"""Writes a nest of loops in parts, as `products_plan.py` found them: products of matrices, and loops for the rest.

The outermost loop goes in strips. What parts hand on lies in memory that has an axis for each loop around what computes
it: for the outermost one of the length of a strip, which is shorter if that memory would be large.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llad.ir.affine import Affine
from llad.ir.core import CHECKPOINT, Op, Region, Value
from llad.ir.types import I64, BufferType, ScalarType
from llad.passes.products_plan import Factor, Part, Plan, Product
from llad.passes.products_terms import Known
from llad.passes.rebuild import Rebuild
from llad.passes.strips import ORDERED, PARALLEL

_STRIP = 256  # iterations of a strip
_SHORTEST = 32  # the least, if it runs inside of a product
_MOST = 1 << 24  # a number of elements is taken for no more than this
_KEPT = 1 << 18  # elements that a strip keeps, if it is longer than that


class InParts(Rebuild):
    """`result` yields what stands for the results of the loop."""

    again = True  # beside the loop as it is

    def __init__(self, known: Known, plan: Plan, loop: Op, mapping: dict[Value, Value]) -> None:
        super().__init__()
        self.mapping = dict(mapping)
        self._known = known
        self._plan = plan
        self._loop = loop
        self._bounds: dict[Op, tuple[Value, Value]] = {}  # of the loops, that of the outermost one for a strip
        self._memory: dict[Value | Factor, Value] = {}  # where what is kept, computed or spread lies
        self._open: set[Op] = set()  # the loops in one of whose iterations we are
        self._one = self.const(1, I64, loop.span)
        self._none = self.const(0, I64, loop.span)
        self.emit("yield", self._strips(), [], loop.span)
        self.result = Region((), self.ops)

    # -- strips

    def _strips(self) -> Sequence[Value]:
        loop, span = self._loop, self._loop.span
        for inner in dict.fromkeys(loop for part in self._plan.parts for loop in part.path):
            lo, hi = map(self._bound, inner.operands[:2])
            if self._known.descends(inner):
                lo, hi = self._number("add", hi, self._one), self._number("add", lo, self._one)
            self._bounds[inner] = lo, hi
        lo, hi = self._bounds[loop]
        strip = self._make_memory(self._number("sub", hi, lo))
        start = Value(I64, "from")
        carries = [Value(a.type, a.name) for a in loop.regions[0].args[1:]]
        with self.written(start, *carries) as region:
            count = self._number("min", self._number("sub", hi, start), strip)
            self._bounds[loop] = start, self._number("add", start, count)
            following = list(carries)
            for part in self._plan.parts:
                if part.product is None:
                    self._straight(part, following)
                else:
                    self._product(part, part.product)
            self.emit("yield", following, [], span)
        inits = [self.get(o) for o in loop.operands[3:]]
        types = [r.type for r in loop.results]
        return self.emit("for", [lo, hi, strip, *inits], types, span, ORDERED, (region,)).results

    def _bound(self, bound: Value) -> Value:
        number = self._known.constant(bound)
        return self.get(bound) if number is None else self.const(number, I64, self._loop.span)

    def _make_memory(self, trips: Value) -> Value:
        """Make what parts hand on; how many iterations a strip has."""
        plan = self._plan
        shapes: dict[Value | Factor, tuple[ScalarType, list[Value | None], bool]] = {}  # with None for the strip
        for value in plan.kept:
            if not self._is_stored(value):
                shapes[value] = self._scalar(value), self._around(plan.paths[value]), False
        for value in plan.spread:
            type, made = value.type, self._known.made[value]
            assert isinstance(type, BufferType)
            own: list[Value | None] = [self._bound(e) for e in made.operands]
            outside = value not in plan.home
            shapes[value] = type.dtype, [*self._around(plan.paths[value]), *own], bool(outside and made.attrs["zero"])
        for part in plan.products:
            product = part.product
            assert product is not None
            for factor, loops in (
                (product.left, (product.rows, product.inner)),
                (product.right, (product.inner, product.columns)),
            ):
                if factor.copied:
                    shapes[factor] = self._scalar(factor.value), self._around([part.path[n] for n in loops]), False
        widths = [[e for e in extents if e is not None] for _, extents, _ in shapes.values() if None in extents]
        strip = self._strip(trips, widths)
        for what, (kind, extents, zero) in shapes.items():
            operands = [strip if e is None else e for e in extents]
            made_type = BufferType(kind, len(operands), "C")
            self._memory[what] = self.emit("alloc", operands, [made_type], self._loop.span, {"zero": zero}).result
        return strip

    def _scalar(self, value: Value) -> ScalarType:
        assert isinstance(value.type, ScalarType)
        return value.type

    def _is_stored(self, value: Value) -> bool:
        """Whether it is the result of a product that lies where it was to be stored."""
        return any(part.product is not None and part.product.stored and part.product.target.value is value
                   for part in self._plan.parts)  # fmt: skip

    def _around(self, loops: Sequence[Op]) -> list[Value | None]:
        """How many iterations the loops have."""
        found: list[Value | None] = []
        for loop in loops:
            lo, hi = self._bounds[loop]
            found.append(None if loop is self._loop else self.by_ones(lo, hi, self._loop.span))
        return found

    def _strip(self, trips: Value, widths: Sequence[Sequence[Value]]) -> Value:
        """How many iterations a strip has: all if nothing is kept for each."""
        trips = self._number("max", trips, self._one)
        if not widths:
            return trips
        total, most = self._one, self.const(_MOST, I64, self._loop.span)
        for width in widths:
            size = self._one
            for extent in width:
                size = self._number("min", self._number("mul", size, self._number("min", extent, most)), most)
            total = self._number("add", total, size)
        inside = any(0 in part.product.loops for part in self._plan.products if part.product is not None)
        least = _SHORTEST if inside else 1
        kept, shortest, longest = (self.const(k, I64, self._loop.span) for k in (_KEPT, least, _STRIP))
        length = self._number("max", self._number("floordiv", kept, total), shortest)
        return self._number("min", self._number("min", length, longest), trips)

    # -- what stands between products

    def _straight(self, part: Part, carries: list[Value]) -> None:
        """The loops of a part around its ops; `carries` learns what it adds to those of the outermost loop."""
        plan = self._plan
        kept = [v for v in plan.kept if plan.home[v][0] is part]
        spread = [r for op in part.ops for r in op.results if r in plan.spread]
        needed = self._needed(part, [*plan.needs[part], *spread])

        def level(depth: int) -> None:
            loop = part.path[depth]
            body = loop.regions[0]
            own = [k for k in range(len(body.args) - 1) if plan.carriers.get((loop, k)) is part]
            inits = [carries[k] if depth == 0 else self.get(loop.operands[3 + k]) for k in own]
            index = Value(I64, body.args[0].name)
            args = [Value(i.type, body.args[1 + k].name) for k, i in zip(own, inits, strict=True)]
            self.replace([body.args[0], *(body.args[1 + k] for k in own)], [index, *args])
            self._open.add(loop)
            with self.written(index, *args) as region:
                self._bring(needed, depth + 1)
                if depth + 1 < len(part.path):
                    level(depth + 1)
                else:
                    self.splice(op for op in part.ops if op not in plan.dropped)
                for value in kept:
                    if plan.home[value][1] == depth + 1:
                        self.emit("store", [self.get(value), self._memory[value], *self._places(value)], [], loop.span)
                self.emit("yield", [self.get(body.terminator.operands[k]) for k in own], [], loop.span)
            self._open.remove(loop)
            types = [*(i.type for i in inits), I64]
            bounds = [*self._bounds[loop], self._one] if depth == 0 else [self._bound(o) for o in loop.operands[:3]]
            operands = [*bounds, *inits]
            attrs = {key: value for key, value in loop.attrs.items() if key != CHECKPOINT}
            attrs |= {"part": True} if depth == 0 else {}
            made = self.emit("for", operands, types, loop.span, attrs, (region,))
            for k, result in zip(own, made.results, strict=False):
                if depth == 0:
                    carries[k] = result
                else:
                    self.mapping[loop.results[k]] = result

        level(0)

    def visit(self, op: Op) -> None:
        if op.name != "alloc" or op.result not in self._plan.spread:
            self.keep(op)
        elif op.attrs["zero"]:
            self._fill(op)

    def _fill(self, alloc: Op) -> None:
        """Store zeros in all elements of what an iteration makes."""
        type = alloc.result.type
        assert isinstance(type, BufferType)
        zero = self.const(0.0, type.dtype, alloc.span)

        def store(indices: list[Value]) -> None:
            self.emit("store", [zero, self.get(alloc.result), *indices], [], alloc.span)

        self._nest([(self._none, self._bound(e)) for e in alloc.operands], store, PARALLEL)

    def _nest(
        self, bounds: Sequence[tuple[Value, Value]], write: Callable[[list[Value]], None], attrs: dict[str, Any]
    ) -> None:
        """Loops around what is written for their indices."""

        def level(indices: list[Value]) -> None:
            if len(indices) == len(bounds):
                write(indices)
                return
            index = Value(I64, "i")
            with self.written(index) as region:
                level([*indices, index])
                self.emit("yield", [], [], self._loop.span)
            operands = [*bounds[len(indices)], self._one]
            self.emit("for", operands, [I64], self._loop.span, attrs, (region,))

        level([])

    # -- what a part needs of others

    def _needed(self, part: Part, used: Sequence[Value]) -> list[Value]:
        """What of the `used` others compute, each behind what it is made of."""
        plan = self._plan
        found: dict[Value, None] = {}

        def visit(value: Value) -> None:
            if value in found:
                return
            if value not in plan.spread:
                if value not in plan.home or plan.home[value][0] is part:
                    return
                if value not in plan.kept:
                    for operand in self._known.made[value].operands:
                        visit(operand)
            found[value] = None

        for value in used:
            visit(value)
        return list(found)

    def _bring(self, needed: Sequence[Value], depth: int | None = None) -> None:
        """Load or compute again what is needed; if a depth is given, what loops so deep make."""
        plan = self._plan
        for value in needed:
            if depth is not None and self._depth(value) != depth:
                continue
            if value in plan.spread:
                type = value.type
                assert isinstance(type, BufferType)
                places = self._places(value)
                axes = ("index",) * len(places) + ("full",) * type.rank
                operands = [self._memory[value], *places]
                self.mapping[value] = self.emit("view", operands, [type], self._loop.span, {"axes": axes}).result
            elif value in plan.kept:
                operands = [self._memory[value], *self._places(value)]
                self.mapping[value] = self.emit("load", operands, [value.type], self._loop.span).result
            else:
                self.keep(self._known.made[value])

    def _depth(self, value: Value) -> int:
        return self._plan.spread[value] if value in self._plan.spread else self._plan.home[value][1]

    def _places(self, value: Value) -> list[Value]:
        """Where the present iteration has its own of what is kept or spread."""
        return [self._place(loop) for loop in self._plan.paths[value]]

    def _place(self, loop: Op) -> Value:
        """The place of the present iteration along an axis for the loop; outside of the loop that of the first one, as
        what is wanted there is the same in all."""
        if loop not in self._open:
            return self._none
        index, lo = self.get(loop.regions[0].args[0]), self._bounds[loop][0]
        if loop is not self._loop and self._known.least(loop) == 0:
            return index
        return self._number("sub", index, lo)

    # -- products

    def _product(self, part: Part, product: Product) -> None:
        """A product of matrices, in the loops that are no part of one."""
        path = part.path
        rows, columns, inner = (path[n] for n in (product.rows, product.columns, product.inner))
        if product.start is not None:
            self._begin(part, product.target.value, product.start)
        outside = [loop for loop in path if loop not in (rows, columns, inner)]
        windows = [f.window for f in (product.left, product.right, product.target) if f.window is not None]
        used = [atom for window in windows for form in window.at for atom in form.terms]

        def write() -> None:
            for factor, loops in ((product.left, (rows, inner)), (product.right, (inner, columns))):
                if factor.copied:
                    self._copy(part, factor, loops, product.negative and factor is product.left)
            self._bring(self._needed(part, used))
            left = self._matrix(product.left, rows, inner)
            right = self._matrix(product.right, inner, columns)
            target = self._matrix(product.target, rows, columns)
            self.emit("matmul", [left, right, target], [], self._loop.span, {"fresh": product.fresh})

        self._under(outside, write, ORDERED)

    def _begin(self, part: Part, value: Value, start: Value) -> None:
        """Store what sums begin with."""

        def write() -> None:
            self._bring(self._needed(part, [start]))
            self.emit("store", [self.get(start), self._memory[value], *self._places(value)], [], self._loop.span)

        self._under(part.path[:-1], write, PARALLEL)

    def _copy(self, part: Part, factor: Factor, loops: Sequence[Op], negative: bool) -> None:
        """Compute a factor, with the other sign if `negative`, into memory with axes for two loops."""
        used = [o for op in factor.ops for o in op.operands] or [factor.value]

        def write() -> None:
            self._bring(self._needed(part, used))
            self.splice(factor.ops)
            value = self.get(factor.value)
            if negative:
                value = self.emit("neg", [value], [value.type], self._loop.span).result
            places = [self._place(loop) for loop in loops]
            self.emit("store", [value, self._memory[factor], *places], [], self._loop.span)

        self._under(loops, write, PARALLEL)

    def _under(self, loops: Sequence[Op], write: Callable[[], None], attrs: dict[str, Any]) -> None:
        """What is written, under new loops with the indices of those."""

        def inner(indices: list[Value]) -> None:
            self.replace([loop.regions[0].args[0] for loop in loops], indices)
            self._open.update(loops)
            write()
            self._open.difference_update(loops)

        self._nest([self._bounds[loop] for loop in loops], inner, attrs)

    def _matrix(self, factor: Factor, first: Op, second: Op) -> Value:
        """The window on a factor of which the first loop goes through the rows, and the second through the columns."""
        axes: list[tuple[Op | None, list[Value]]] = []  # the loop that runs along it, and the operands of the view
        base: Value | Factor
        if factor.window is not None:
            base, path = factor.window.base, self._plan.paths.get(factor.window.base, ())
        elif factor.copied:
            base, path = factor, (first, second)
        else:
            base, path = factor.value, self._plan.paths[factor.value]
        for loop in path:
            running = loop if loop is first or loop is second else None
            axes.append((running, [self._none, self._length(loop), self._one] if running else [self._place(loop)]))
        for form in factor.window.at if factor.window is not None else ():
            axes.append(self._axis(form, first, second))
        memory = self.get(base) if isinstance(base, Value) and base not in self._memory else self._memory[base]
        type = memory.type
        assert isinstance(type, BufferType)
        names = tuple("index" if loop is None else "slice" for loop, _ in axes)
        operands = [memory, *(o for _, each in axes for o in each)]
        matrix = BufferType(type.dtype, 2, "strided")
        made = self.emit("view", operands, [matrix], self._loop.span, {"axes": names}).result
        if [loop for loop, _ in axes if loop is not None] == [first, second]:
            return made
        return self.emit("view", [made], [matrix], self._loop.span, {"axes": ("full", "full"), "order": (1, 0)}).result

    def _axis(self, form: Affine, first: Op, second: Op) -> tuple[Op | None, list[Value]]:
        """How an index runs: with one of the loops, or not at all."""
        for loop in (first, second):
            index = loop.regions[0].args[0]
            if factor := form.terms.get(index):
                lo = self._bounds[loop][0]
                step = self._one if factor == 1 else self.const(factor, I64, self._loop.span)
                rest = form.with_atom(index, Affine(0))
                start = self._number("mul", lo, step) if factor != 1 else lo
                if rest.terms or rest.const:
                    start = self.number_of(rest, self._loop.span, start)
                return loop, [start, self._length(loop), step]
        return None, [self.number_of(form, self._loop.span)]

    def _length(self, loop: Op) -> Value:
        """How many iterations a loop has, that of strips in one strip."""
        lo, hi = self._bounds[loop]
        return self._number("sub", hi, lo)

    def _number(self, name: str, a: Value, b: Value) -> Value:
        return self.emit(name, [a, b], [I64], self._loop.span).result
