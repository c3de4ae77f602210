"""Expanding symbolic `derivative` ops into ordinary IR, innermost first (I4).

Callees are closure-converted by the frontend: they mention only their parameters. So nesting of any depth and any
mix of modes needs no special case: a callee is expanded, optimised, differentiated and inlined where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import field, replace
from itertools import count

from llad.ad.forward import tangent
from llad.ad.memory import copy_buffer, zeros_like
from llad.ad.reverse import gradient, vjp, vjp_apart
from llad.ad.structure import LOOPS
from llad.dataclass import dataclass
from llad.ir.alias import Aliases, written_operands
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, copy_function, copy_op, inline
from llad.ir.types import BufferType, ScalarType, carries_derivative
from llad.refusals.table import refusal

Optimise = Callable[[Function], Function]


def expand(fn: Function, optimise: Optimise) -> Function:
    """`fn` without `derivative` ops. `optimise` runs on each callee before it is differentiated."""
    bodies = [fn, *fn.functions.values()]
    if not any(op.name == "derivative" for body in bodies for op in walk(body.body)):
        return fn
    functions = dict(fn.functions)
    made = [_expanded(body, optimise, functions) for body in bodies]
    functions.update(zip(fn.functions, made[1:], strict=True))
    return replace(made[0], functions=functions)


def expand_apart(fn: Function, optimise: Optimise) -> tuple[Function, int]:
    """`fn`, in whose body a function is evaluated and its pullback applied once, expanded such that the forward sweep
    ends where it was evaluated; and how many ops that is. Nobody writes the arguments of `fn` in between.
    """
    functions = dict(fn.functions)
    made = [_expanded(body, optimise, functions) for body in fn.functions.values()]
    _refuse_overlap(fn, functions)
    b = Builder()
    params = [Value(p.type, p.name) for p in fn.params]
    expansion = _Expansion(b, optimise, functions, dict(zip(fn.params, params, strict=True)))
    expansion.begin_apart(fn.body)
    expansion.region(fn.body)
    functions.update(zip(fn.functions, made, strict=True))
    return replace(b.function(fn.name, params, **fn.attrs), functions=functions), expansion.count


def _expanded(fn: Function, optimise: Optimise, functions: dict[str, Function]) -> Function:
    """One body, expanded; `functions` learns what its derivatives call."""
    _refuse_overlap(fn, functions)
    b = Builder()
    params = [Value(p.type, p.name) for p in fn.params]
    expansion = _Expansion(b, optimise, functions, dict(zip(fn.params, params, strict=True)))
    expansion.begin_shared(fn.body)
    expansion.region(fn.body)
    return b.function(fn.name, params, **fn.attrs)


@dataclass(slots=True)
class _Begun:
    """A forward sweep that stands here, and what is left to be done with its values: `fn` behind its first ops."""

    fn: Function
    count: int
    mapping: Mapping


@dataclass(slots=True)
class _Expansion:
    """Copies a body to where `b` stands. `new` maps old values to new ones; `zeros` are constants.

    `pullbacks`: per evaluation, the applications that are to use its forward sweep; `begun`: per application, that
    sweep, if it stands where the application sees it; `count`: how many ops there are up to the end of the last.
    """

    b: Builder
    optimise: Optimise
    functions: dict[str, Function]
    new: Mapping
    zeros: set[Value] = field(default_factory=set)
    pullbacks: dict[Op, list[Op]] = field(default_factory=dict)
    begun: dict[Op, _Begun] = field(default_factory=dict)
    count: int = 0
    shared: bool = False

    def begin_apart(self, body: Region) -> None:
        """Let the application of a pullback in `body` use what the evaluation in it has kept."""
        for evaluation, applications in _pullbacks(body).items():
            self.pullbacks[evaluation] = [op for op, _ in applications]

    def begin_shared(self, body: Region) -> None:
        """The same in all of `body` where that spares forward sweeps, and no seed is absent."""
        self.shared = True
        zeros = {op.result for op in walk(body) if op.name == "const" and op.attrs["value"] == 0}
        for evaluation, applications in _pullbacks(body).items():
            count = len(evaluation.attrs["callee"].params)
            often = len(applications) > 1 or any(repeated for _, repeated in applications)
            if often and all(zeros.isdisjoint(op.operands[count:]) for op, _ in applications):
                self.pullbacks[evaluation] = [op for op, _ in applications]

    def region(self, region: Region) -> None:
        b, new = self.b, self.new
        for op in region.ops:
            b.span = op.span
            if op.name == "derivative":
                new.update(zip(op.results, self.derivative(op), strict=True))
                continue
            regions = []
            for inner in op.regions:
                known = dict(self.begun)
                with b.region([a.type for a in inner.args], [a.name for a in inner.args]) as copy:
                    new.update(zip(inner.args, copy.args, strict=True))
                    self.region(inner)
                self.begun = known
                regions.append(copy)
            b.span = op.span
            types, hints = [r.type for r in op.results], [r.name for r in op.results]
            made = b.emit(op.name, [new[o] for o in op.operands], types, op.attrs, regions, hints)
            new.update(zip(op.results, made.results, strict=True))
            if op.name == "const" and op.attrs["value"] == 0:
                self.zeros.update(made.results)

    def derivative(self, op: Op) -> tuple[Value, ...]:
        """What a `derivative` op computes, written out here."""
        if op in self.begun:
            return self.reverse(op, self.begun[op])
        if op in self.pullbacks:
            return self.forward(op, self.pullbacks[op])
        return self.whole(op)

    def forward(self, op: Op, applications: list[Op]) -> tuple[Value, ...]:
        """The results of a function here, by a forward sweep that its pullback goes on from."""
        b = self.b
        callee = self.optimise(expand(op.attrs["callee"], self.optimise))
        (wrt,) = {application.attrs["wrt"] for application in applications}
        fn, count = vjp_apart(callee, wrt)
        if self.shared and _leaves_records(fn, count):
            return self.whole(op)
        fn = self.adopted(fn)
        # of an array that somebody may write meanwhile, the applications have a copy
        source = applications[0] if self.shared else op
        arguments = [self.new[o] for o in source.operands[: len(callee.params)]]
        mapping: Mapping = dict(zip(fn.params, arguments, strict=False))
        for inner in fn.body.ops[:count]:
            b.current.ops.append(copy_op(inner, mapping))
        self.begun.update(dict.fromkeys(applications, _Begun(fn, count, mapping)))
        self.count = len(b.current.ops)
        results = [mapping.get(r, r) for r in fn.results[: len(callee.results)]]
        return (*results, *[_zero(b, r) for r in results if carries_derivative(r.type)])

    def reverse(self, op: Op, begun: _Begun) -> tuple[Value, ...]:
        """The values of a function and cotangents of its arguments, by a reverse sweep here."""
        b, fn, mapping = self.b, begun.fn, dict(begun.mapping)
        callee, wrt = op.attrs["callee"], op.attrs["wrt"]
        seeds = [self.new[o] for o in op.operands[len(callee.params) :]]
        arguments = [mapping[p] for p in fn.params[: len(callee.params)]]
        bars = self.shadows(arguments, wrt)
        late = [*[_contiguous(b, s) for s in seeds], *bars.values()]
        mapping.update(zip(fn.params[len(arguments) :], late, strict=True))
        for inner in fn.body.ops[begun.count : -1]:
            b.current.ops.append(copy_op(inner, mapping))
        return self.gathered([mapping.get(r, r) for r in fn.results], len(callee.results), wrt, bars)

    def whole(self, op: Op) -> tuple[Value, ...]:
        """What a `derivative` op computes, all of it here."""
        b = self.b
        callee = self.optimise(expand(op.attrs["callee"], self.optimise))
        wrt: tuple[int, ...] = op.attrs["wrt"]
        operands = [self.new[o] for o in op.operands]
        arguments, rest = operands[: len(callee.params)], operands[len(callee.params) :]
        if op.attrs["mode"] == "jvp":
            dots = [_contiguous(b, t) for t in rest]
            return self.inline(tangent(callee, wrt), [*arguments, *dots])
        bars = self.shadows(arguments, wrt)
        if op.attrs["mode"] == "grad":
            differentiated = gradient(callee, wrt)
        else:
            differentiated = vjp(callee, wrt, absent=frozenset(k for k, s in enumerate(rest) if s in self.zeros))
        seeds = [_contiguous(b, s) for s in rest]
        results = self.inline(differentiated, [*arguments, *seeds, *bars.values()])
        return self.gathered(results, len(callee.results), wrt, bars)

    def shadows(self, arguments: Sequence[Value], wrt: Sequence[int]) -> dict[int, Value]:
        """Zeroed shadows of the buffers among the arguments `wrt`."""
        b = self.b
        return {i: zeros_like(b, arguments[i], "gradient") for i in wrt if isinstance(arguments[i].type, BufferType)}

    def gathered(
        self, results: Sequence[Value], count: int, wrt: Sequence[int], bars: dict[int, Value]
    ) -> tuple[Value, ...]:
        """The values, then a cotangent per argument in `wrt`: its shadow, or the next number."""
        scalars = iter(results[count:])
        return (*results[:count], *[bars[i] if i in bars else next(scalars) for i in wrt])

    def inline(self, fn: Function, arguments: list[Value]) -> tuple[Value, ...]:
        """The body of `fn` here."""
        return inline(self.b, self.adopted(fn), arguments)

    def adopted(self, fn: Function) -> Function:
        """A copy of `fn`, whose functions join the table, under names that are free in it."""
        names = {name: _free_name(name, self.functions) for name in fn.functions}
        for name, inner in fn.functions.items():
            self.functions[names[name]] = _renamed(replace(inner, name=names[name]), names)
        return _renamed(fn, names)


def _pullbacks(body: Region) -> dict[Op, list[tuple[Op, bool]]]:
    """Per evaluation ("jvp" by nothing), the applications of its pullback, and whether a loop repeats those alone."""
    found: dict[Op, list[tuple[Op, bool]]] = {}
    evaluations: dict[Function, tuple[Op, int]] = {}

    def visit(region: Region, loops: int) -> None:
        for op in region.ops:
            if op.name == "derivative":
                callee = op.attrs["callee"]
                if op.attrs["mode"] == "jvp" and not op.attrs["wrt"]:
                    evaluations[callee] = op, loops
                elif op.attrs["mode"] == "vjp" and callee in evaluations:
                    evaluation, around = evaluations[callee]
                    found.setdefault(evaluation, []).append((op, loops > around))
            for inner in op.regions:
                visit(inner, loops + (op.name in LOOPS))

    visit(body, 0)
    return found


def _leaves_records(fn: Function, count: int) -> bool:
    """Whether the forward sweep pushes records for the reverse sweep, which it can pop but once."""
    stacks = {op.result for op in fn.body.ops[:count] if op.name == "lifo"}
    return any(o in stacks for op in fn.body.ops[:count] for inner in walk(Region((), [op])) for o in inner.operands)


def _refuse_overlap(fn: Function, functions: dict[str, Function]) -> None:
    """Raises: DerivativeError where an array that a derivative would write a copy of may overlap another operand."""
    aliases: Aliases | None = None
    for op in walk(fn.body):
        for array in written_operands(op) if op.name == "derivative" else []:
            aliases = aliases or Aliases(replace(fn, functions=functions))
            if sum(aliases.may_alias(array, other) for other in op.operands) > 1:  # itself
                raise refusal("overlapping-operands", op.span)


def _free_name(name: str, taken: Container[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name}_{k}" for k in count(1) if f"{name}_{k}" not in taken)


def _renamed(fn: Function, names: dict[str, str]) -> Function:
    """A copy of `fn` that calls by other names."""
    copy, _ = copy_function(fn)
    for op in walk(copy.body):
        if op.name == "call":
            op.attrs = {**op.attrs, "callee": names[op.attrs["callee"]]}
    return copy


def _zero(b: Builder, like: Value) -> Value:
    """The tangent of a value that does not vary."""
    if isinstance(like.type, ScalarType):
        return b.const(0.0, like.type)
    return zeros_like(b, like)


def _contiguous(b: Builder, value: Value) -> Value:
    if isinstance(value.type, BufferType) and value.type.layout != "C":
        return copy_buffer(b, value)
    return value
