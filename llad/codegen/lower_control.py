"""Lowering of checks and branches into basic blocks and phis. Loops are in `lower_loops.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from llad.codegen.lower_emit import Emitter, ErrorSite, Lifo, Operand, assemble, components, register_types
from llad.ir.core import Op, Region, Value
from llad.ir.types import LifoType

Run = Callable[[Region], None]


def lower_check(e: Emitter, op: Op) -> None:
    condition = e.scalar(op.operands[0])
    if condition != "true":
        shown = op.operands[1:]
        site = ErrorSite(op.attrs["error"], op.attrs["message"], op.span, tuple(str(v.type) for v in shown))
        e.fail_unless(condition, site, [e.scalar(v) for v in shown])
        _learn(e, op.operands[0])


def _learn(e: Emitter, holds: Value) -> None:
    """After `check not add_overflows(x, y)`, `add(x, y)` does not overflow, which LLVM would not find out."""
    negation = e.definitions.get(holds)
    if negation is None or negation.name != "not":
        return
    overflow = e.definitions.get(negation.operands[0])
    if overflow is not None and overflow.name in ("add_overflows", "sub_overflows", "mul_overflows"):
        e.exact.add((overflow.name[:3], *overflow.operands))


def lower_if(e: Emitter, op: Op, run: Run) -> None:
    join = e.label()
    names = [e.label() if len(region.ops) > 1 else join for region in op.regions]
    if names[0] == names[1]:
        _choose(e, op)
        return
    start = e.block
    e.branch(e.scalar(op.operands[0]), *names)
    arms: list[tuple[str, Sequence[Value]]] = []
    for region, name in zip(op.regions, names, strict=True):
        if name == join:
            arms.append((start, region.terminator.operands))
            continue
        e.open(name)
        run(region)
        arms.append((e.block, region.terminator.operands))
        e.jump(join)
    e.open(join)
    for k, result in enumerate(op.results):
        if result in e.used:
            e.values[result] = merge(e, result, [(block, e.values[values[k]]) for block, values in arms])


def _choose(e: Emitter, op: Op) -> None:
    """An `if` both of whose regions only yield."""
    condition = e.scalar(op.operands[0])
    yes, no = (region.terminator.operands for region in op.regions)
    for result, y, n in zip(op.results, yes, no, strict=True):
        if isinstance(result.type, LifoType):
            e.values[result] = _the_lifo([e.values[y], e.values[n]])
            continue
        names = [
            a if a == b else e.new(f"select i1 {condition}, {type} {a}, {type} {b}")
            for type, a, b in zip(
                register_types(result.type), components(e.values[y]), components(e.values[n]), strict=True
            )
        ]
        e.values[result] = assemble(result.type, names)


def merge(e: Emitter, result: Value, arms: Sequence[tuple[str, Operand]]) -> Operand:
    """Phis of a value's components; a component that is the same on every edge needs none."""
    if isinstance(result.type, LifoType):
        return _the_lifo([operand for _, operand in arms])
    names = []
    parts = [components(operand) for _, operand in arms]
    for k, type in enumerate(register_types(result.type)):
        texts = [p[k] for p in parts]
        if len(set(texts)) == 1:
            names.append(texts[0])
        else:
            edges = ", ".join(f"[{t}, %{block}]" for t, (block, _) in zip(texts, arms, strict=True))
            names.append(e.new(f"phi {type} {edges}"))
    return assemble(result.type, names)


def _the_lifo(operands: Sequence[Operand]) -> Operand:
    """The one LIFO that can be meant: the other sides of the merge are `undef`."""
    known = {operand for operand in operands if isinstance(operand, Lifo) and operand.data}
    assert len(known) == 1, "two lifos cannot be merged"
    return known.pop()
