"""The only code that makes ops. It types each op as it emits it, so ill-typed IR is not built.

A `Builder` appends to the region at the top of its stack. `region(...)` opens a nested region, which is then
handed to `if_`, `for_` or `while_`:

    b = Builder()
    with b.region([I64, F64], ["i", "s"]) as body:
        i, s = body.args
        b.yield_(b.op("add", s, b.load(x, i)))
    total, trips = b.for_(lo, hi, one, [zero], body)

Errors here are bugs of llad, hence assertions and `TypeError`s, not `LladError`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from llad.diagnostics import Span
from llad.ir.core import AXIS_OPERANDS, CHECKPOINT, Function, Limit, Op, Region, Value, shown_values, stays_contiguous
from llad.ir.types import BOOL, F64, I64, BufferType, LifoType, ScalarType, Type, is_float
from llad.ops.expr import Expr, depends_on
from llad.ops.table import OPS


class Builder:
    """Emits ops into the innermost open region; `span` is given to every op emitted until it changes."""

    def __init__(self, span: Span | None = None) -> None:
        self.span = span
        self.root = Region()
        self._stack: list[Region] = [self.root]

    # -- regions and functions

    @property
    def current(self) -> Region:
        return self._stack[-1]

    @property
    def around(self) -> list[Region]:
        """The regions around the op that is written next, the innermost last."""
        found: list[Region] = []
        for region in self._stack:
            if region in found:  # it was opened again, further out
                del found[found.index(region) :]
            found.append(region)
        return found

    @contextmanager
    def region(self, arg_types: Sequence[Type] = (), names: Sequence[str] = ()) -> Iterator[Region]:
        """A new region, open for the `with` body. It is not attached to any op until it is given to one."""
        padded = [*names, *[""] * (len(arg_types) - len(names))]
        region = Region(tuple(Value(t, n) for t, n in zip(arg_types, padded, strict=True)))
        with self.inside(region):
            yield region

    @contextmanager
    def inside(self, region: Region) -> Iterator[Region]:
        """Append to `region` for the `with` body."""
        self._stack.append(region)
        try:
            yield region
        finally:
            popped = self._stack.pop()
            assert popped is region, "regions closed out of order"

    def function(self, name: str, params: Sequence[Value], **attrs: Any) -> Function:
        """The function whose body is what was emitted at the root; the root must end in `return`."""
        assert len(self._stack) == 1 and self.root.ops[-1].name == "return"
        return Function(name, tuple(params), self.root, attrs)

    def emit(
        self,
        name: str,
        operands: Sequence[Value] = (),
        result_types: Sequence[Type] = (),
        attrs: dict[str, Any] | None = None,
        regions: Sequence[Region] = (),
        hints: Sequence[str] = (),
    ) -> Op:
        """Append an op as given. Prefer the typed methods below."""
        results = tuple([Value(t) for t in result_types])
        for result, hint in zip(results, hints, strict=False):
            result.name = hint
        op = Op(name, tuple(operands), results, attrs or {}, tuple(regions), self.span)
        self.current.ops.append(op)
        return op

    # -- scalars

    def op(self, name: str, *operands: Value, hint: str = "") -> Value:
        """A row of the op table applied to operands of exactly matching types."""
        record = OPS[name]
        try:
            type = record.typing(tuple(o.type for o in operands))
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        return self.emit(name, operands, [type], hints=[hint]).result

    def const(self, value: float | int | bool, type: ScalarType) -> Value:
        """A constant; the Python value is normalised to the type."""
        normal: float | int | bool
        if type == BOOL:
            normal = bool(value)
        elif type.name[0] == "f":
            normal = float(value)
        else:
            normal = int(value)
        return self.emit("const", (), [type], {"value": normal}).result

    def i64(self, value: int) -> Value:
        return self.const(value, I64)

    def f64(self, value: float) -> Value:
        return self.const(value, F64)

    def undef(self, type: Type) -> Value:
        """A value that must not be read: the other side of a merge that never looks at it."""
        return self.emit("undef", (), [type]).result

    def cast(self, value: Value, type: ScalarType) -> Value:
        """Convert between scalar types; float → int truncates and its operand must be in range."""
        if value.type == type:
            return value
        assert isinstance(value.type, ScalarType), value
        return self.emit("cast", [value], [type]).result

    def expr(self, tree: Expr, type: ScalarType, d: Expr | None = None, strong: bool = False) -> Value:
        """Emit a rule's tree; its constants have type `type`.

        With `strong`, a product whose one factor depends on the leaf `d` becomes `mulz`: zero times anything
        is zero (strong zero), and likewise `d / y` becomes `mulz(d, 1 / y)`.
        """
        done: dict[int, Value] = {}

        def visit(e: Expr) -> Value:
            if id(e) in done:
                return done[id(e)]
            if e.name == "leaf":
                value: Value = e.payload
            elif e.name == "const":
                value = self.const(e.payload, type)
            elif strong and d is not None and e.name == "mul" and depends_on(e.args[0], d):
                value = self.op("mulz", visit(e.args[0]), visit(e.args[1]))
            elif strong and d is not None and e.name == "mul" and depends_on(e.args[1], d):
                value = self.op("mulz", visit(e.args[1]), visit(e.args[0]))
            elif strong and d is not None and e.name == "div" and depends_on(e.args[0], d):
                inverse = self.op("div", self.const(1.0, type), visit(e.args[1]))
                value = self.op("mulz", visit(e.args[0]), inverse)
            else:
                value = self.op(e.name, *map(visit, e.args))
            done[id(e)] = value
            return value

        return visit(tree)

    # -- memory

    def alloc(
        self, dtype: ScalarType, extents: Sequence[Value], zero: bool = False, hint: str = "", tape: bool = False
    ) -> Value:
        """Fresh C-contiguous memory; poison unless `zero`. The call owns it.

        `tape`: it has a place for every iteration of the loops at whose indices it is stored to, whatever is checked.
        """
        assert all(e.type == I64 for e in extents)
        type = BufferType(dtype, len(extents), "C")
        attrs = {"zero": zero, "tape": True} if tape else {"zero": zero}
        return self.emit("alloc", extents, [type], attrs, hints=[hint]).result

    def free(self, buffer: Value) -> None:
        self.emit("free", [buffer])

    def load(self, buffer: Value, *indices: Value) -> Value:
        """The element at `indices`, which must be in range (a `check` stands before)."""
        type = _buffer(buffer)
        assert len(indices) == type.rank and all(i.type == I64 for i in indices)
        return self.emit("load", [buffer, *indices], [type.dtype]).result

    def store(self, value: Value, buffer: Value, *indices: Value) -> None:
        type = _buffer(buffer)
        assert value.type == type.dtype, (value, buffer)
        assert len(indices) == type.rank and all(i.type == I64 for i in indices)
        self.emit("store", [value, buffer, *indices])

    def dim(self, buffer: Value, axis: int) -> Value:
        """The extent of an axis, i64."""
        assert 0 <= axis < _buffer(buffer).rank
        return self.emit("dim", [buffer], [I64], {"axis": axis}).result

    def view(self, buffer: Value, axes: Sequence[str], *operands: Value) -> Value:
        """A window on the same memory. `axes` says, in order of the source's axes, what becomes of each:

        `index` (one operand, in range) drops it · `slice` (operands start, count, step; every element in range)
        · `run` (operands start, count) is a slice of neighbours · `full` keeps it · `new` adds an axis of extent 1 (it
        consumes no source axis).
        """
        type = _buffer(buffer)
        assert sum(a != "new" for a in axes) == type.rank, (axes, type)
        assert len(operands) == sum(AXIS_OPERANDS.get(a, 0) for a in axes)
        rank = sum(a != "index" for a in axes)
        contiguous = type.layout == "C" and stays_contiguous(axes)
        result = BufferType(type.dtype, rank, "C" if contiguous else "strided")
        return self.emit("view", [buffer, *operands], [result], {"axes": tuple(axes)}).result

    def transposed(self, buffer: Value, order: Sequence[int]) -> Value:
        """The same window with its axes in another order: axis `k` of the result is axis `order[k]` of `buffer`."""
        type = _buffer(buffer)
        assert sorted(order) == list(range(type.rank)), (order, type)
        result = BufferType(type.dtype, type.rank, "strided")
        attrs = {"axes": ("full",) * type.rank, "order": tuple(order)}
        return self.emit("view", [buffer], [result], attrs).result

    def reshaped(self, buffer: Value, extents: Sequence[Value]) -> Value:
        """The elements of a buffer, in C order, as those of another shape, which must have as many.

        The buffer is contiguous, or has one axis.
        """
        type = _buffer(buffer)
        assert (type.layout == "C" or type.rank == 1) and extents, type
        result = BufferType(type.dtype, len(extents), type.layout)
        return self.emit("view", [buffer, *extents], [result], {"axes": ("shape",) * len(extents)}).result

    def view_like(self, op: Op, buffer: Value, *operands: Value) -> Value:
        """What the `view` makes of its buffer, of another one."""
        if "shape" in op.attrs["axes"]:
            return self.reshaped(buffer, operands)
        if order := op.attrs.get("order"):
            return self.transposed(buffer, order)
        return self.view(buffer, op.attrs["axes"], *operands)

    def strided(self, buffer: Value) -> Value:
        """The same window, with a type that does not say that it is contiguous.

        Made without asking for an extent, since the buffer may be the unread side of a merge.
        """
        type = _buffer(buffer)
        if type.layout == "strided":
            return buffer
        zero, one, axes = self.i64(0), self.i64(1), ["full"] * type.rank
        sliced = self.view(self.view(buffer, ["new", *axes]), ["slice", *axes], zero, one, one)
        return self.view(sliced, ["index", *axes], zero)

    def lifo(self, fields: Sequence[Type]) -> Value:
        """A new, empty stack of records."""
        return self.emit("lifo", (), [LifoType(tuple(fields))]).result

    def push(self, lifo: Value, *values: Value) -> None:
        assert isinstance(lifo.type, LifoType) and lifo.type.fields == tuple(v.type for v in values)
        self.emit("push", [lifo, *values])

    def pop(self, lifo: Value) -> tuple[Value, ...]:
        """The record pushed last, removed."""
        assert isinstance(lifo.type, LifoType)
        return self.emit("pop", [lifo], lifo.type.fields).results

    def matmul(self, a: Value, b: Value, c: Value, fresh: bool = False) -> None:
        """Add the product of the matrices `a` (m, k) and `b` (k, n) to `c` (m, n), or store it there if `fresh`.

        `c` overlaps neither of the others. The order of the sums is free.
        """
        types = [_buffer(x) for x in (a, b, c)]
        assert all(t.rank == 2 and t.dtype == types[0].dtype and is_float(t.dtype) for t in types), types
        self.emit("matmul", [a, b, c], (), {"fresh": fresh})

    # -- control

    def if_(self, condition: Value, then: Region, otherwise: Region) -> tuple[Value, ...]:
        """What the executed branch yields."""
        types = _yielded(then)
        assert condition.type == BOOL and types == _yielded(otherwise), (types, _yielded(otherwise))
        assert not then.args and not otherwise.args
        return self.emit("if", [condition], types, regions=[then, otherwise]).results

    def for_(
        self,
        lo: Value,
        hi: Value,
        step: Value,
        inits: Sequence[Value],
        body: Region,
        exits: bool = False,
        kind: str = "sequential",
        limit: Limit | None = None,
        says: Mapping[str, Any] | None = None,
    ) -> tuple[Value, ...]:
        """`range(lo, hi, step)` with carries; body args are (i, *carries). Results: (*carries, trips).

        With `exits`, the body yields a bool first: true ends the loop after this iteration, which counts.
        `kind`: `sequential`, `parallel` (iterations independent) or `reduction` (carries may reassociate).
        `limit`: what its reverse sweep may keep.
        `says`: further attributes, as `threads` (`asked` if chunks of it must be fit to run on threads, `may` if they
        need not) and `rare`.
        """
        types = [i.type for i in inits]
        assert lo.type == hi.type == step.type == I64
        assert [a.type for a in body.args] == [I64, *types], (body.args, types)
        assert _yielded(body) == [*([BOOL] if exits else []), *types], (_yielded(body), types)
        attrs = {"exits": exits, "kind": kind} | ({} if limit is None else {CHECKPOINT: limit})
        return self.emit("for", [lo, hi, step, *inits], [*types, I64], attrs | dict(says or {}), [body]).results

    def by_ones(self, lo: Value, hi: Value) -> Value:
        """How many iterations `range(lo, hi)` has."""
        return self.op("sub", self.op("max", hi, lo), lo)

    def nest(
        self, bounds: Sequence[Value], body: Callable[[list[Value]], None], kind: str = "parallel", hint: str = "i"
    ) -> None:
        """Loops over every index of `bounds`, the last one fastest; `body` emits what one index does."""

        def level(indices: list[Value]) -> None:
            if len(indices) == len(bounds):
                body(indices)
                return
            with self.region([I64], [hint]) as region:
                level([*indices, region.args[0]])
                self.yield_()
            self.for_(self.i64(0), bounds[len(indices)], self.i64(1), [], region, kind=kind)

        level([])

    def while_(self, inits: Sequence[Value], condition: Region, body: Region, exits: bool = False) -> tuple[Value, ...]:
        """Run `body` while `condition` yields true; both take the carries. Results: (*carries, trips)."""
        types = [i.type for i in inits]
        assert [a.type for a in condition.args] == types == [a.type for a in body.args]
        assert _yielded(condition) == [BOOL]
        assert _yielded(body) == [*([BOOL] if exits else []), *types], (_yielded(body), types)
        return self.emit("while", inits, [*types, I64], {"exits": exits}, [condition, body]).results

    def yield_(self, *values: Value) -> None:
        self.emit("yield", values)

    def return_(self, *values: Value) -> None:
        self.emit("return", values)

    def check(self, condition: Value, error: str, message: str, *values: Value) -> None:
        """Raise Python's exception `error` (its class name) at this op's span unless `condition`.

        `message` holds one `{}` per value of `values` (numbers, at most 4); other braces are doubled (`core.quoted`).
        """
        assert condition.type == BOOL and shown_values(message) == len(values) <= 4
        assert all(isinstance(v.type, ScalarType) for v in values)
        self.emit("check", [condition, *values], (), {"error": error, "message": message})

    def print(self, text: str, *values: Value) -> None:
        """Write `text`, a `str.format` template with a `{}` for each of the numbers and buffers."""
        assert shown_values(text) == len(values)
        self.emit("print", values, (), {"text": text})

    def call(self, callee: str, operands: Sequence[Value], result_types: Sequence[Type]) -> tuple[Value, ...]:
        """Call a function of the root's table; it may write its buffers, raise, and not end."""
        return self.emit("call", operands, result_types, {"callee": callee}).results

    def chunks(self, callee: str, count: Value, operands: Sequence[Value]) -> None:
        """Call a function with the numbers below `count`, each with the operands, at once or one after the other."""
        self.emit("call", [count, *operands], (), {"callee": callee, "chunks": True})

    def chunk(self, callee: str, operands: Sequence[Value]) -> None:
        """Call the function of a chunk for the one whose number is the first operand."""
        self.emit("call", operands, (), {"callee": callee, "chunk": True})

    def in_turn(self, callee: str, number: Value, operands: Sequence[Value]) -> None:
        """Call a function with the number of this chunk and the operands, after all chunks of lower numbers have."""
        self.emit("call", [number, *operands], (), {"callee": callee, "turn": True})

    def derivative(
        self,
        callee: Function,
        mode: str,
        wrt: Sequence[int],
        operands: Sequence[Value],
        result_types: Sequence[Type],
    ) -> tuple[Value, ...]:
        """A symbolic derivative of `callee`, closure-converted: it mentions only its parameters.

        `mode == "grad"`: operands are callee's arguments; callee returns one float first (its objective), then
        anything; results are callee's results, then a cotangent per index in `wrt` (seed 1; buffers: fresh).
        `mode == "vjp"`: likewise, but the operands go on with a seed per float or float-buffer result, of its extents.
        `mode == "jvp"`: operands are the arguments, then a tangent per index in `wrt`; results are callee's
        results, then a tangent per float or float-buffer result.

        A "jvp" by nothing is the evaluation to which later "vjp"s of the same callee object belong: their arguments are
        those of the evaluation, or copies.
        """
        attrs = {"callee": callee, "mode": mode, "wrt": tuple(wrt)}
        return self.emit("derivative", operands, result_types, attrs).results


def _buffer(value: Value) -> BufferType:
    assert isinstance(value.type, BufferType), value
    return value.type


def _yielded(region: Region) -> list[Type]:
    assert region.ops and region.terminator.name == "yield", "region without yield"
    return [v.type for v in region.terminator.operands]
