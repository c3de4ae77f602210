"""Forward mode: a function that computes its results and how they change along given tangents.

Every varied scalar is paired with a tangent value, every varied buffer with a tangent buffer that is carried,
yielded and viewed beside it (Griewank & Walther 2008, §3.1). Primal ops are copied as they stand, so the values
are those of the primal, bit for bit.
"""

from __future__ import annotations

from llad.ad import names
from llad.ad.activity import Activity, said_of
from llad.ad.calls import seen_by_others
from llad.ad.memory import as_layout, privatise_written, zeros_like
from llad.ad.rules import feeds_choice, products
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, Function, Op, Region, Value, loop_carries, loop_inits, loop_yields
from llad.ir.rewrite import copy_op
from llad.ir.types import BufferType, LifoType, ScalarType, Type, carries_derivative, derivative_type
from llad.ops.table import OPS


def tangent(fn: Function, wrt: tuple[int, ...]) -> Function:
    """The forward derivative of `fn`.

    Parameters: those of `fn`, then a tangent per index in `wrt` (C-contiguous for buffers). Results: those of
    `fn`, then a tangent per result that can carry one. Caller's buffers are not written.
    """
    fn = privatise_written(fn)
    dots = [Value(derivative_type(fn.params[i].type), names.dot(fn.params[i])) for i in wrt]
    forward = _Forward(fn, dict(zip([fn.params[i] for i in wrt], dots, strict=True)))
    made = forward.run(f"{fn.name}_tangent")
    made.functions.update(fn.functions)
    wanted = list(forward.called)
    for name in wanted:
        if tangent_name(name) not in made.functions:
            inner = _of_called(fn.functions[name])
            made.functions[tangent_name(name)] = inner.run(tangent_name(name))
            wanted += inner.called
    return made


def tangent_name(callee: str) -> str:
    """The function that computes a called function and its tangents."""
    return f"{callee}_tangent"


def _of_called(fn: Function) -> _Forward:
    """Forward mode of a called function: by every parameter that can carry a tangent, each of the primal's type."""
    dots = {p: Value(p.type, names.dot(p)) for p in fn.params if _has_twin(p)}
    return _Forward(fn, dots, [p for p in fn.params if isinstance(p.type, LifoType)])


def _has_twin(value: Value) -> bool:
    """Whether a value that crosses a call is accompanied by a tangent. (Those of a lifo are in its records.)"""
    return carries_derivative(value.type) and not isinstance(value.type, LifoType)


class _Forward:
    """`dots`: the parameters by which to differentiate, and their tangents; `lifos` that callers share: None where
    there is no caller, who would see what becomes of parameters.

    After `run`, `called` holds the functions whose tangents are called.
    """

    def __init__(self, fn: Function, dots: dict[Value, Value], lifos: list[Value] | None = None) -> None:
        self.fn = fn
        shared = [] if lifos is None else [*fn.params, *seen_by_others(fn, lifos)]
        self.activity = Activity(fn, Aliases(fn), [*dots, *shared], [*fn.results, *shared])
        self.strong = feeds_choice(fn)
        self.b = Builder()
        self.new: dict[Value, Value] = {}
        self.dot = dict(dots)
        self.called: list[str] = []

    def run(self, name: str) -> Function:
        fn, b = self.fn, self.b
        params = [Value(self.param_type(p), p.name) for p in fn.params]
        tangents = list(self.dot.values())
        self.new.update(zip(fn.params, params, strict=True))
        b.span = fn.body.ops[0].span
        for p, new in zip(fn.params, params, strict=True):
            if isinstance(p.type, BufferType) and p not in self.dot and self.activity.active(p):
                self.dot[p] = zeros_like(b, new, names.dot(p))
        self.ops(fn.body)
        results = [self.new[r] for r in fn.results]
        dots = [self.twin(r, r.type) for r in fn.results if _has_twin(r)]
        b.return_(*results, *dots)
        return b.function(name, [*params, *tangents], **fn.attrs)

    def param_type(self, param: Value) -> Type:
        if isinstance(param.type, LifoType):
            return LifoType((*param.type.fields, *[param.type.fields[k] for k in self.active_fields(param)]))
        return param.type

    def twin(self, value: Value, type: Type) -> Value:
        """The tangent that accompanies `value` where it has to be of the primal's type."""
        dot = self.tangent_of(value)
        return as_layout(self.b, dot, type) if isinstance(type, BufferType) else dot

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
                case "call" if any(map(self.activity.active, op.operands)):
                    self.call(op)
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
            case "undef" if isinstance(op.result.type, BufferType):
                self.dot[op.result] = b.undef(op.result.type)
            case "view" if active(op.result):
                operands = [new[o] for o in op.operands[1:]]
                self.dot[op.result] = b.view_like(op, self.dot[op.operands[0]], *operands)
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

    def call(self, op: Op) -> None:
        """Call the callee's tangent: arguments and then their tangents, results and then theirs."""
        callee = op.attrs["callee"]
        self.called.append(callee)
        dots = [self.twin(o, o.type) for o in op.operands if _has_twin(o)]
        twins = [r for r in op.results if _has_twin(r)]
        types = [r.type for r in (*op.results, *twins)]
        results = self.b.call(tangent_name(callee), [*[self.new[o] for o in op.operands], *dots], types)
        self.new.update(zip(op.results, results, strict=False))
        self.dot.update(zip(twins, results[len(op.results) :], strict=True))

    # -- regions

    def paired(self, sources: tuple[Value, ...], targets: tuple[Value, ...]) -> list[Value]:
        """For each target that is active, the tangent of its source, in the layout of the target."""
        return [self.twin(s, t.type) for s, t in zip(sources, targets, strict=True) if self.activity.active(t)]

    def bind(self, olds: tuple[Value, ...], news: list[Value], paired: tuple[Value, ...] | None = None) -> None:
        """Old values ↦ new ones: first the primals, then the tangents, of those whose `paired` value is active."""
        self.new.update(zip(olds, news, strict=False))
        pairs = zip(olds, olds if paired is None else paired, strict=True)
        self.dot.update(zip([v for v, p in pairs if self.activity.active(p)], news[len(olds) :], strict=True))

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
        varied = [v for v in carries if self.activity.active(v)]
        types = [v.type for v in (*carries, *varied)]
        hints = [v.name for v in carries] + [names.dot(v) for v in varied]
        exits = op.attrs["exits"]
        body = op.regions[-1]
        if op.name == "while":
            with b.region(types, hints) as condition:
                self.bind(op.regions[0].args, list(condition.args), carries)
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
            limit = op.attrs.get(CHECKPOINT)
            results = b.for_(lo, hi, step, start, new, exits, op.attrs["kind"], limit, said_of(op))
        else:
            results = b.while_(start, condition, new, exits)
        self.new[op.results[-1]] = results[-1]
        self.bind(op.results[:-1], list(results[:-1]), carries)

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
            dots = [self.twin(values[k], values[k].type) for k in fields]
            self.b.push(self.new[lifo], *[self.new[v] for v in values], *dots)
            return
        record = self.b.pop(self.new[lifo])
        self.new.update(zip(op.results, record, strict=False))
        self.dot.update(zip([op.results[k] for k in fields], record[len(op.results) :], strict=True))
