"""Expanding symbolic `derivative` ops into ordinary IR, innermost first (I4).

Callees are closure-converted by the frontend: they mention only their parameters. So nesting of any depth and any
mix of modes needs no special case: a callee is expanded, optimised, differentiated and inlined where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from itertools import count

from llad.ad.forward import tangent
from llad.ad.memory import copy_buffer, zeros_like
from llad.ad.reverse import gradient, vjp
from llad.ir.alias import Aliases, written_operands
from llad.ir.build import Builder
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.rewrite import Mapping, copy_function, inline
from llad.ir.types import BufferType
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


def _expanded(fn: Function, optimise: Optimise, functions: dict[str, Function]) -> Function:
    """One body, expanded; `functions` learns what its derivatives call."""
    _refuse_overlap(fn, functions)
    b = Builder()
    params = [Value(p.type, p.name) for p in fn.params]
    _Expansion(b, optimise, functions, dict(zip(fn.params, params, strict=True))).region(fn.body)
    return b.function(fn.name, params, **fn.attrs)


@dataclass(slots=True)
class _Expansion:
    """Copies a body to where `b` stands. `new` maps old values to new ones; `zeros` are constants."""

    b: Builder
    optimise: Optimise
    functions: dict[str, Function]
    new: Mapping
    zeros: set[Value] = field(default_factory=set)

    def region(self, region: Region) -> None:
        b, new = self.b, self.new
        for op in region.ops:
            b.span = op.span
            if op.name == "derivative":
                new.update(zip(op.results, self.derivative(op), strict=True))
                continue
            regions = []
            for inner in op.regions:
                with b.region([a.type for a in inner.args], [a.name for a in inner.args]) as copy:
                    new.update(zip(inner.args, copy.args, strict=True))
                    self.region(inner)
                regions.append(copy)
            b.span = op.span
            types, hints = [r.type for r in op.results], [r.name for r in op.results]
            made = b.emit(op.name, [new[o] for o in op.operands], types, op.attrs, regions, hints)
            new.update(zip(op.results, made.results, strict=True))
            if op.name == "const" and op.attrs["value"] == 0:
                self.zeros.update(made.results)

    def derivative(self, op: Op) -> tuple[Value, ...]:
        """What a `derivative` op computes, written out here."""
        b = self.b
        callee = self.optimise(expand(op.attrs["callee"], self.optimise))
        wrt: tuple[int, ...] = op.attrs["wrt"]
        operands = [self.new[o] for o in op.operands]
        arguments, rest = operands[: len(callee.params)], operands[len(callee.params) :]
        if op.attrs["mode"] == "jvp":
            dots = [_contiguous(b, t) for t in rest]
            return self.inline(tangent(callee, wrt), [*arguments, *dots])
        bars = {i: zeros_like(b, arguments[i], "gradient") for i in wrt if isinstance(arguments[i].type, BufferType)}
        if op.attrs["mode"] == "grad":
            differentiated = gradient(callee, wrt)
        else:
            differentiated = vjp(callee, wrt, absent=frozenset(k for k, s in enumerate(rest) if s in self.zeros))
        seeds = [_contiguous(b, s) for s in rest]
        results = self.inline(differentiated, [*arguments, *seeds, *bars.values()])
        values, scalars = results[: len(callee.results)], iter(results[len(callee.results) :])
        return (*values, *[bars[i] if i in bars else next(scalars) for i in wrt])

    def inline(self, fn: Function, arguments: list[Value]) -> tuple[Value, ...]:
        """The body of `fn` here; the functions that it calls join the table, under names that are free in it."""
        names = {name: _free_name(name, self.functions) for name in fn.functions}
        for name, inner in fn.functions.items():
            self.functions[names[name]] = _renamed(replace(inner, name=names[name]), names)
        return inline(self.b, _renamed(fn, names), arguments)


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


def _contiguous(b: Builder, value: Value) -> Value:
    if isinstance(value.type, BufferType) and value.type.layout != "C":
        return copy_buffer(b, value)
    return value
