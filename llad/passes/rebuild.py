"""How a pass makes its output: op by op into a new function, with a mapping from old values to new ones.

A pass subclasses `Rebuild` and overrides `visit`, which is called for every op in program order and emits
what shall stand for it. What it does not care about it hands to `keep`, which visits the regions of the op.

What a pass leaves as it is, it shares: an op that keeps its operands and regions stands in the output as well as in the
input, a region whose ops all do is the same region, and a function without a change is the same function. An op that
changes keeps the values that are its results. So a pass costs what it changes, and analyses of what it did not change
still hold. A pass that may write an op more than once says so (`again`): then every copy has values of its own.

Invariant: a value that `mapping` does not hold stands for itself. Nothing reachable from the input is edited, which
holds for what `keep` and `copy` give back, too. New values are made in program order, so the output is the same in
every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

from llad.diagnostics import Span
from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, copy_region
from llad.ir.types import BOOL, I64, BufferType, ScalarType, Type


class Rebuild:
    """`ops` is the list of the region being written. `again`: ops may be written more than once."""

    again = False

    def __init__(self) -> None:
        self.mapping: Mapping = {}
        self.ops: list[Op] = []

    def function(self, fn: Function) -> Function:
        """The rebuilt function: `fn` itself if nothing changed."""
        params = self.arguments(fn.params)
        body = self.region(fn.body)
        return fn if body is fn.body else Function(fn.name, params, body, dict(fn.attrs), dict(fn.functions))

    def visit(self, op: Op) -> None:
        """Emit what stands for `op`; the default is a copy."""
        self.keep(op)

    def get(self, value: Value) -> Value:
        """What stands for an old value."""
        return self.mapping.get(value, value)

    def operands(self, op: Op) -> tuple[Value, ...]:
        """What stands for the operands of `op`."""
        mapping = self.mapping
        return tuple([mapping.get(o, o) for o in op.operands]) if mapping else op.operands

    def replace(self, old: Iterable[Value], new: Iterable[Value]) -> None:
        """From now on `new` stand for `old`."""
        self.mapping.update(zip(old, new, strict=True))

    def region(self, region: Region, known: Mapping | None = None) -> Region:
        """The rebuilt region; those of its block arguments that are `known` inside it are not read."""
        args = self.arguments(region.args)
        self.mapping.update(known or {})
        outer, self.ops = self.ops, []
        self.splice(region.ops)
        inner, self.ops = self.ops, outer
        return region if args == region.args and inner == region.ops else Region(args, inner)

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """What the `with` body copies gets values of its own; outside, the old values stand for what they stood for."""
        again, mapping = self.again, dict(self.mapping)
        self.again = True
        yield
        self.again, self.mapping = again, mapping

    @contextmanager
    def written(self, *args: Value) -> Iterator[Region]:
        """A region with these block arguments, of what the `with` body emits."""
        outer, self.ops = self.ops, []
        yield Region(args, self.ops)
        self.ops = outer

    def arguments(self, args: tuple[Value, ...]) -> tuple[Value, ...]:
        """The block arguments of what is rebuilt: the same, or fresh ones, which stand for them."""
        if not self.again:
            return args
        fresh = tuple([Value(a.type, a.name) for a in args])
        self.replace(args, fresh)
        return fresh

    def splice(self, ops: Iterable[Op]) -> None:
        """Visit `ops` into the region being written."""
        visit = self.visit
        for op in ops:
            visit(op)

    def keep(self, op: Op, attrs: dict[str, Any] | None = None) -> Op:
        """`op` with its regions rebuilt, and with further attributes if there are any."""
        operands = self.operands(op)
        return self.copy(op, operands, tuple([self.region(r) for r in op.regions]) if op.regions else (), attrs)

    def copy(
        self,
        op: Op,
        operands: tuple[Value, ...],
        regions: tuple[Region, ...] = (),
        attrs: dict[str, Any] | None = None,
    ) -> Op:
        """`op` with these operands and regions, and with further attributes, emitted; its results stand for the old."""
        results = op.results
        if self.again:
            results = tuple([Value(r.type, r.name) for r in results])
            for old, new in zip(op.results, results, strict=True):
                self.mapping[old] = new
        elif attrs is None and operands == op.operands and regions == op.regions:
            self.ops.append(op)
            return op
        copied = Op(op.name, operands, results, op.attrs if attrs is None else {**op.attrs, **attrs}, regions, op.span)
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
        return op

    def const(self, value: float | int | bool, type: ScalarType, span: Span | None) -> Value:
        """A new constant, already normal for its type."""
        return self.emit("const", (), [type], span, {"value": value}).result

    def extents(self, buffer: Value, span: Span | None) -> list[Value]:
        """Emit the extents of an array, one for each axis."""
        assert isinstance(buffer.type, BufferType)
        return [self.emit("dim", [buffer], [I64], span, {"axis": k}).result for k in range(buffer.type.rank)]

    def product(self, numbers: Sequence[Value], span: Span | None) -> Value:
        """Emit the product of integers, of which there are some."""
        return reduce(lambda a, b: self.emit("mul", [a, b], [I64], span).result, numbers)

    def by_ones(self, lo: Value, hi: Value, span: Span | None) -> Value:
        """Emit how many iterations a loop has that goes from `lo` to `hi` by ones."""
        most = self.emit("max", [hi, lo], [I64], span).result
        return self.emit("sub", [most, lo], [I64], span).result

    def alone(self, loop: Op, body: Region, attrs: dict[str, Any] | None = None) -> Region:
        """A region that holds nothing but the loop, with this body and maybe further attributes, and yields its
        results."""
        results = tuple([Value(r.type, r.name) for r in loop.results])
        made = Op(loop.name, self.operands(loop), results, {**loop.attrs, **(attrs or {})}, (body,), loop.span)
        return Region((), [made, Op("yield", results)])

    def either(self, loop: Op, condition: Value, ways: Sequence[Callable[[], Sequence[Value]]]) -> None:
        """Emit what stands for a loop: written in the first way if a condition holds, else in the second."""
        arms = []
        for way in ways:
            with self.written() as arm, self.afresh():
                self.emit("yield", way(), [], loop.span)
            arms.append(arm)
        self.decide(loop, condition, arms)

    def decide(self, op: Op, condition: Value, versions: Sequence[Region]) -> None:
        """Emit, in place of `op`, the first of its versions if a condition holds, else the second.

        Each yields what stands for the results of `op`.
        """
        made = self.emit("if", [condition], [r.type for r in op.results], op.span, {}, tuple(versions))
        self.replace(op.results, made.results)

    def usually(self, loop: Op, condition: Value, usual: Region) -> None:
        """Emit a loop with a body of its own for when a condition holds; else it runs as it stood, which is rare."""
        as_it_was = marked(copy_region(loop.regions[0], dict(self.mapping)), "rare")
        self.decide(loop, condition, (self.alone(loop, usual), self.alone(loop, as_it_was, {"rare": True})))

    def all_of(self, conditions: Sequence[Value], span: Span | None) -> Value:
        """Emit whether all conditions hold, of which there are some."""
        return reduce(lambda a, b: self.emit("and", [a, b], [BOOL], span).result, conditions)

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


def marked(copied: Region, attribute: str) -> Region:
    """A region that was just copied, so that nobody else has it, with an attribute for its loops."""
    for op in walk(copied):
        if op.name == "for":
            op.attrs = {**op.attrs, attribute: True}
    return copied
