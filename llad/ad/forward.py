"""Forward mode: a function that computes its results and how they change along given tangents.

Every varied scalar is paired with a tangent value, every varied buffer with a tangent buffer that is carried,
yielded and viewed beside it (Griewank & Walther 2008, §3.1). Primal ops are copied as they stand, so the values
are those of the primal, bit for bit.
"""

from __future__ import annotations

from llad.ad import names
from llad.ad.activity import Activity, loop_carries, loop_inits, loop_yields
from llad.ad.memory import as_layout, privatise_written, zeros_like
from llad.ad.rules import feeds_choice, products
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value
from llad.ir.rewrite import copy_op
from llad.ir.types import BufferType, LifoType, ScalarType, Type, carries_derivative
from llad.ops.table import OPS


def tangent_type(type: Type) -> Type:
    """The type of a parameter's tangent: the same scalar, or a C-contiguous buffer."""
    return BufferType(type.dtype, type.rank, "C") if isinstance(type, BufferType) else type


def tangent(fn: Function, wrt: tuple[int, ...]) -> Function:
    """The forward derivative of `fn`.

    Parameters: those of `fn`, then a tangent per index in `wrt` (C-contiguous for buffers). Results: those of
    `fn`, then a tangent per result that can carry one. Caller's buffers are not written.
    """
    return _Forward(privatise_written(fn), wrt).run()


class _Forward:
    def __init__(self, fn: Function, wrt: tuple[int, ...]) -> None:
        self.fn = fn
        self.wrt = wrt
        aliases = Aliases(fn)
        self.activity = Activity(fn, aliases, [fn.params[i] for i in wrt], None)
        self.strong = feeds_choice(fn)
        self.b = Builder()
        self.new: dict[Value, Value] = {}
        self.dot: dict[Value, Value] = {}

    def run(self) -> Function:
        fn, b = self.fn, self.b
        params = [Value(p.type, p.name) for p in fn.params]
        self.new.update(zip(fn.params, params, strict=True))
        tangents = []
        for i in self.wrt:
            dot = Value(tangent_type(fn.params[i].type), names.dot(fn.params[i]))
            self.dot[fn.params[i]] = dot
            tangents.append(dot)
        b.span = fn.body.ops[0].span
        for p, new in zip(fn.params, params, strict=True):
            if isinstance(p.type, BufferType) and p not in self.dot and self.activity.active(p):
                self.dot[p] = zeros_like(b, new, names.dot(p))
        self.ops(fn.body)
        results = [self.new[r] for r in fn.results]
        dots = [self.tangent_of(r) for r in fn.results if carries_derivative(r.type)]
        b.return_(*results, *dots)
        return b.function(f"{fn.name}_tangent", [*params, *tangents], **fn.attrs)

    def tangent_of(self, value: Value) -> Value:
        """The tangent of an old value; a zero if it does not vary."""
        if value in self.dot:
            return self.dot[value]
        if isinstance(value.type, BufferType):
            return zeros_like(self.b, self.new[value])
        assert isinstance(value.type, ScalarType)
        return self.b.const(0.0, value.type)

    def ops(self, region: Region) -> None:
        """Emit the ops of `region`, but not its terminator, with their tangents."""
        for op in region.ops[:-1]:
            self.b.span = op.span
            match op.name:
                case "if":
                    self.if_(op)
                case "for" | "while":
                    self.loop(op)
                case "lifo":
                    self.lifo(op)
                case "push" | "pop":
                    self.push_pop(op)
                case _:
                    self.b.current.ops.append(copy_op(op, self.new))
                    self.simple(op)

    def simple(self, op: Op) -> None:
        """The tangent of an op without regions."""
        b, new, active = self.b, self.new, self.activity.active
        match op.name:
            case "alloc" if active(op.result):
                assert isinstance(op.result.type, BufferType)
                sizes = [new[o] for o in op.operands]
                self.dot[op.result] = b.alloc(op.result.type.dtype, sizes, zero=True, hint=names.dot(op.result))
            case "view" if active(op.result):
                operands = [new[o] for o in op.operands[1:]]
                self.dot[op.result] = b.view(self.dot[op.operands[0]], op.attrs["axes"], *operands)
            case "load" if active(op.operands[0]):
                self.dot[op.result] = b.load(self.dot[op.operands[0]], *[new[o] for o in op.operands[1:]])
            case "store" if active(op.operands[1]):
                indices = [new[o] for o in op.operands[2:]]
                b.store(self.tangent_of(op.operands[0]), self.dot[op.operands[1]], *indices)
            case "cast" if active(op.result):
                assert isinstance(op.result.type, ScalarType)
                self.dot[op.result] = b.cast(self.tangent_of(op.operands[0]), op.result.type)
            case name if name in OPS and active(op.result):
                self.scalar(op)
            case name:
                assert name not in ("derivative", "free"), f"{name} before differentiation"

    def scalar(self, op: Op) -> None:
        operands = tuple(self.new[o] for o in op.operands)
        ds = [self.dot.get(o) for o in op.operands]
        terms = products(self.b, op, ds, operands, self.new[op.result], op in self.strong)
        total: Value | None = None
        for term in terms:
            if term is not None:
                total = term if total is None else self.b.op("add", total, term)
        if total is not None:
            self.dot[op.result] = total

    # -- regions

    def merged_types(self, values: tuple[Value, ...]) -> list[Type]:
        """Types of the tangents that travel beside active results or carries: those of the primal values."""
        return [v.type for v in values if self.activity.active(v)]

    def paired(self, sources: tuple[Value, ...], targets: tuple[Value, ...]) -> list[Value]:
        """For each target that is active, the tangent of its source, in the layout of the target."""
        out = []
        for source, target in zip(sources, targets, strict=True):
            if self.activity.active(target):
                dot = self.tangent_of(source)
                out.append(as_layout(self.b, dot, target.type) if isinstance(target.type, BufferType) else dot)
        return out

    def bind(self, olds: tuple[Value, ...], news: list[Value]) -> None:
        """Old values ↦ new ones: first the primals, then the tangents of the active."""
        self.new.update(zip(olds, news, strict=False))
        self.dot.update(zip([v for v in olds if self.activity.active(v)], news[len(olds) :], strict=True))

    def if_(self, op: Op) -> None:
        regions = []
        for region in op.regions:
            with self.b.region() as new:
                self.ops(region)
                self.b.span = region.terminator.span
                yielded = region.terminator.operands
                self.b.yield_(*[self.new[v] for v in yielded], *self.paired(yielded, op.results))
            regions.append(new)
        self.b.span = op.span
        self.bind(op.results, list(self.b.if_(self.new[op.operands[0]], *regions)))

    def loop(self, op: Op) -> None:
        b = self.b
        carries, inits = loop_carries(op), loop_inits(op)
        start = [self.new[v] for v in inits] + self.paired(inits, carries)
        types = [v.type for v in carries] + self.merged_types(carries)
        hints = [v.name for v in carries] + [names.dot(v) for v in carries if self.activity.active(v)]
        exits = op.attrs["exits"]
        body = op.regions[-1]
        if op.name == "while":
            with b.region(types, hints) as condition:
                self.bind(carries_of_condition := op.regions[0].args, list(condition.args))
                assert len(carries_of_condition) == len(carries)
                self.ops(op.regions[0])
                b.yield_(self.new[op.regions[0].terminator.operands[0]])
        leading = [body.args[0]] if op.name == "for" else []
        with b.region([v.type for v in leading] + types, [v.name for v in leading] + hints) as new:
            self.new.update(zip(leading, new.args, strict=False))
            self.bind(carries, list(new.args[len(leading) :]))
            self.ops(body)
            yielded = loop_yields(op)
            exit_flag = [self.new[body.terminator.operands[0]]] if exits else []
            b.yield_(*exit_flag, *[self.new[v] for v in yielded], *self.paired(yielded, carries))
        b.span = op.span
        if op.name == "for":
            lo, hi, step = (self.new[v] for v in op.operands[:3])
            results = b.for_(lo, hi, step, start, new, exits, op.attrs["kind"])
        else:
            results = b.while_(start, condition, new, exits)
        self.new[op.results[-1]] = results[-1]
        self.bind(op.results[:-1], list(results[:-1]))

    # -- lifos: the tangents of a record stand behind its fields

    def active_fields(self, lifo: Value) -> list[int]:
        assert isinstance(lifo.type, LifoType)
        if not self.activity.active(lifo):
            return []
        return [k for k, type in enumerate(lifo.type.fields) if carries_derivative(type)]

    def lifo(self, op: Op) -> None:
        type = op.result.type
        assert isinstance(type, LifoType)
        fields = [type.fields[k] for k in self.active_fields(op.result)]
        self.new[op.result] = self.b.lifo([*type.fields, *fields])

    def push_pop(self, op: Op) -> None:
        lifo = op.operands[0]
        fields = self.active_fields(lifo)
        if op.name == "push":
            values = op.operands[1:]
            picked = tuple(values[k] for k in fields)
            dots = [
                as_layout(self.b, dot, v.type) if isinstance(v.type, BufferType) else dot
                for v, dot in zip(picked, map(self.tangent_of, picked), strict=True)
            ]
            self.b.push(self.new[lifo], *[self.new[v] for v in values], *dots)
            return
        record = self.b.pop(self.new[lifo])
        self.new.update(zip(op.results, record, strict=False))
        self.dot.update(zip([op.results[k] for k in fields], record[len(op.results) :], strict=True))
