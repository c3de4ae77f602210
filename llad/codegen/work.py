"""How much a call will do, as a polynomial in what its arguments are: decides whether to let go of the GIL.

Letting go costs 32 ns, and getting it back can cost a switch interval when other threads are busy, so only large
calls do it. A loop's trips are read off its bounds where these are constants, parameters or extents of parameters;
a loop over another loop's index runs at most as often; anything else counts as `UNKNOWN`, and a `while` as `ENDLESS`.

Invariant: the estimate has no influence on results.
"""

from __future__ import annotations

from dataclasses import replace

from llad.codegen.lower import arguments
from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region, Value
from llad.ir.types import I64

UNKNOWN = 64.0
ENDLESS = 1e6
LARGE = 50_000.0  # ops; some ten microseconds


@dataclass(frozen=True, slots=True)
class Factor:
    """A number known at entry: operand `operand` itself, or its extent along `axis`."""

    operand: int
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """`scale` times the product of the factors."""

    scale: float
    factors: tuple[Factor, ...] = ()

    def __mul__(self, other: Term) -> Term:
        return Term(self.scale * other.scale, self.factors + other.factors)


Work = tuple[Term, ...]


def estimate(fn: Function) -> Work:
    """About how many scalar operations a call performs; terms that can never be large are left out."""
    operands = arguments(fn)
    known = {p: Term(1.0, (Factor(k),)) for k, p in enumerate(operands) if p.type == I64}
    buffers = {p: k for k, p in enumerate(operands)}
    totals: dict[tuple[Factor, ...], float] = {}
    _count(fn.body, Term(1.0), known, buffers, totals)
    if totals.get((), 0.0) > LARGE:
        return (Term(totals[()]),)
    return tuple(Term(scale, factors) for factors, scale in totals.items() if factors)


def _count(
    region: Region,
    outer: Term,
    known: dict[Value, Term],
    buffers: dict[Value, int],
    totals: dict[tuple[Factor, ...], float],
) -> None:
    totals[outer.factors] = totals.get(outer.factors, 0.0) + outer.scale * len(region.ops)
    for op in region.ops:
        _learn(op, known, buffers)
        inner = outer
        if op.name == "for":
            trips = _trips(op, known)
            known[op.regions[0].args[0]] = trips
            inner = outer * trips
        elif op.name == "while":
            inner = outer * Term(ENDLESS)
        elif op.attrs.get("chunks"):
            totals[outer.factors] += outer.scale * ENDLESS
        for child in op.regions:
            _count(child, inner, known, buffers, totals)


def _trips(op: Op, known: dict[Value, Term]) -> Term:
    lo, hi, step = (known.get(v) for v in op.operands[:3])
    if hi is not None and not hi.factors and lo is not None and not lo.factors:
        stride = abs(step.scale) if step is not None and not step.factors else 1.0
        return Term(abs(hi.scale - lo.scale) / max(stride, 1.0))
    for bound in (hi, lo):
        if bound is not None and bound.factors:
            return replace(bound, scale=abs(bound.scale))
    return Term(UNKNOWN)


def _learn(op: Op, known: dict[Value, Term], buffers: dict[Value, int]) -> None:
    """Note what an integer op makes of known numbers, roughly: sums count as their symbolic operand."""
    match op.name:
        case "const" if op.result.type == I64:
            known[op.result] = Term(float(op.attrs["value"]))
        case "dim" if op.operands[0] in buffers:
            known[op.result] = Term(1.0, (Factor(buffers[op.operands[0]], op.attrs["axis"]),))
        case "add" | "sub" | "min" | "max" | "mul" | "floordiv" | "select" | "cast":
            terms = [known[o] for o in op.operands if o in known]
            if op.result.type != I64 or not terms:
                return
            if op.name == "mul" and len(terms) == 2:
                known[op.result] = terms[0] * terms[1]
            elif op.name == "floordiv" and len(terms) == 2 and not terms[1].factors and terms[1].scale:
                known[op.result] = replace(terms[0], scale=terms[0].scale / abs(terms[1].scale))
            else:
                known[op.result] = next((t for t in terms if t.factors), terms[0])
