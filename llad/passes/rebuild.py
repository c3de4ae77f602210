"""How a pass makes its output: op by op into a new function, with a mapping from old values to new ones.

A pass subclasses `Rebuild` and overrides `visit`, which is called for every op in program order and emits
what shall stand for it. What it does not care about it hands to `keep`, which copies the op and visits its
regions.

Invariant: `mapping` holds every old value that was visited; a value it does not hold stands for itself.
Nothing reachable from the input is edited. New values are made in program order, so the output is the same
in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llad.diagnostics import Span
from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value
from llad.ir.rewrite import Mapping
from llad.ir.types import I64, ScalarType, Type


class Rebuild:
    """Copies a function; `ops` is the list of the region being written."""

    def __init__(self) -> None:
        self.mapping: Mapping = {}
        self.ops: list[Op] = []
        self.idle = True  # nothing was emitted but copies

    def function(self, fn: Function) -> Function:
        """The rebuilt function, with fresh parameters."""
        params = tuple(Value(p.type, p.name) for p in fn.params)
        self.mapping.update(zip(fn.params, params, strict=True))
        return Function(fn.name, params, self.region(fn.body), dict(fn.attrs), dict(fn.functions))

    def function_or_same(self, fn: Function) -> Function:
        """The rebuilt function, or `fn` itself if that is a copy: for passes that emit whatever they change."""
        rebuilt = self.function(fn)
        return fn if self.idle else rebuilt

    def visit(self, op: Op) -> None:
        """Emit what stands for `op`; the default is a copy."""
        self.keep(op)

    def get(self, value: Value) -> Value:
        """What stands for an old value."""
        return self.mapping.get(value, value)

    def operands(self, op: Op) -> tuple[Value, ...]:
        """What stands for the operands of `op`."""
        mapping = self.mapping
        return tuple([mapping.get(o, o) for o in op.operands])

    def replace(self, old: Iterable[Value], new: Iterable[Value]) -> None:
        """From now on `new` stand for `old`."""
        self.mapping.update(zip(old, new, strict=True))

    def region(self, region: Region, known: Mapping | None = None) -> Region:
        """The rebuilt region, with fresh block arguments; those that are `known` inside it are not read."""
        args = self.arguments(region)
        self.mapping.update(known or {})
        outer, self.ops = self.ops, []
        self.splice(region.ops)
        inner, self.ops = self.ops, outer
        return Region(args, inner)

    @contextmanager
    def written(self, *args: Value) -> Iterator[Region]:
        """A region with these block arguments, of what the `with` body emits."""
        outer, self.ops = self.ops, []
        yield Region(args, self.ops)
        self.ops = outer

    def arguments(self, region: Region) -> tuple[Value, ...]:
        """Fresh block arguments, which stand for those of `region`."""
        args = tuple([Value(a.type, a.name) for a in region.args])
        self.replace(region.args, args)
        return args

    def splice(self, ops: Iterable[Op]) -> None:
        """Visit `ops` into the region being written."""
        visit = self.visit
        for op in ops:
            visit(op)

    def keep(self, op: Op) -> Op:
        """A copy of `op`, its regions rebuilt."""
        operands = self.operands(op)
        return self.copy(op, operands, tuple([self.region(r) for r in op.regions]) if op.regions else ())

    def copy(self, op: Op, operands: tuple[Value, ...], regions: tuple[Region, ...] = ()) -> Op:
        """`op` with new operands and regions, emitted; its results stand for the old ones."""
        results = tuple([Value(r.type, r.name) for r in op.results])
        for old, new in zip(op.results, results, strict=True):
            self.mapping[old] = new
        copied = Op(op.name, operands, results, op.attrs, regions, op.span)
        self.ops.append(copied)
        return copied

    def emit(
        self,
        name: str,
        operands: Sequence[Value],
        types: Sequence[Type],
        span: Span | None,
        attrs: dict[str, Any] | None = None,
        regions: tuple[Region, ...] = (),
    ) -> Op:
        """A new op."""
        results = tuple([Value(t) for t in types])
        op = Op(name, tuple(operands), results, attrs or {}, regions, span)
        self.ops.append(op)
        self.idle = False
        return op

    def const(self, value: float | int | bool, type: ScalarType, span: Span | None) -> Value:
        """A new constant, already normal for its type."""
        return self.emit("const", (), [type], span, {"value": value}).result

    def number_of(self, form: Affine, span: Span | None, total: Value | None = None) -> Value:
        """Emit the number that a sum comes to, on top of `total`."""
        for atom, coefficient in form.terms.items():
            value = self.get(atom)
            if coefficient != 1:
                value = self.emit("mul", [value, self.const(coefficient, I64, span)], [I64], span).result
            total = value if total is None else self.emit("add", [total, value], [I64], span).result
        if form.const or total is None:
            constant = self.const(form.const, I64, span)
            total = constant if total is None else self.emit("add", [total, constant], [I64], span).result
        return total
