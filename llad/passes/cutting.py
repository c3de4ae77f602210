"""Moving a run of ops into a function of the table.

The function takes what the run uses and returns what is used behind it. It owns none of the memory that it makes, which
is the call's (`lower_memory.py`), and frees none; what lives on the stack is made by the caller. Numbers, and extents
of parameters, it makes for itself. The attribute `part` lists the parameters whose memory may be that of another one of
which either is written, `aligned` those that begin where memory that was made does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, makers, uses, walk
from llad.ir.distinct import Distinct
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, BufferType, LifoType
from llad.passes.rebuild import Rebuild

AT_HOME = frozenset({"yield", "return", "free"})  # ops that are in no function but the one that has them


class Cutting(Rebuild):
    """`cut` emits a call in place of a run of ops of one region, none of which has to `stay`."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        self._attrs = {key: value for key in ("spans", "may_alias") if (value := fn.attrs.get(key))}
        self._functions: dict[str, Function] = {}
        self._params = set(fn.params)
        self._gone: set[Value] = set()  # what exists in parts only

    def function(self, fn: Function) -> Function:
        return replace(super().function(fn), functions=self._functions)

    def stays(self, op: Op) -> bool:
        """Whether the op can be in no function but this one."""
        return op.name in AT_HOME or _stacks_records(op)

    def first(self, op: Op) -> bool:
        """Whether the op stands before the run rather than in it, wherever in it it was found."""
        return self._plain(op) or (op.name == "alloc" and op.attrs.get("storage") == "stack")

    def repeats(self, op: Op) -> bool:
        """Whether a part makes for itself what an op before it made: numbers, and extents of parameters."""
        return self._plain(op)

    def _plain(self, op: Op) -> bool:
        """Whether an op is had anywhere, and more is known of it where it comes from."""
        return op.name in ("const", "undef") or (op.name == "dim" and op.operands[0] in self._params)

    def cut(self, run: Sequence[Op], known: Sequence[tuple[Value, bool]] = (), **attrs: Any) -> None:
        """Emit a call of a function with these ops and further attributes.

        `known`: conditions, and whether they hold: the function asks them again.
        """
        inside = [inner for op in run for inner in with_inner(op)]
        uses = Counter(o for op in inside for o in op.operands)
        own = {r for op in inside for r in op.results} | {a for op in inside for r in op.regions for a in r.args}
        again: dict[Op, Value] = {}
        captured: dict[Value, None] = {}
        for value in (*uses, *(condition for condition, _ in known)):
            if value not in own:
                self._need(value, again, captured)
        left = [r for op in run for r in op.results if self._uses[r] > uses[r]]
        self._gone |= own.difference(left)
        given = tuple([Value(v.type, v.name) for v in captured])
        mapping: Mapping = dict(zip(captured, given, strict=True))
        body = []
        for op, value in again.items():
            body.append(copy_op(op, mapping))
            mapping[value] = body[-1].result
        copied = [copy_op(op, mapping) for op in run]
        results = tuple([mapping[v] for v in left])
        if known:
            copied, results = _where([(mapping[condition], holds) for condition, holds in known], copied, results)
        body += [*copied, Op("return", results)]
        name = f"part{len(self._functions)}"
        aligned = tuple([k for k, v in enumerate(captured) if v in self._made and self._made[v].name == "alloc"])
        attrs = {**self._attrs, "part": self._shared(list(captured), run), **attrs}
        if aligned:
            attrs["aligned"] = aligned
        self._functions[name] = Function(name, given, Region((), body), attrs)
        operands = [self.get(v) for v in captured]
        types = [v.type for v in left]
        call = self.emit("call", operands, types, run[0].span, {"callee": name, "part": True})
        self.replace(left, call.results)

    def _need(self, value: Value, again: dict[Op, Value], captured: dict[Value, None]) -> None:
        """Note how a part gets a value: by an op before its run, after what that needs, or handed over.

        Memory that was made is handed over, and an op gives it its extents once more, in which arrays are alike.
        """
        made = self._made.get(value)
        extents = () if made is None or made.name != "alloc" else made.operands
        if value in captured or made in again:
            return
        if made is not None and self.repeats(made):
            for operand in made.operands:
                self._need(operand, again, captured)
            again[made] = value
            return
        captured[value] = None
        if extents and self._gone.isdisjoint(extents):
            for extent in extents:
                self._need(extent, again, captured)
            again[Op("view", (value, *extents), (Value(value.type),), {"axes": ("shape",) * len(extents)})] = value

    def _shared(self, captured: Sequence[Value], run: Sequence[Op]) -> tuple[int, ...]:
        """The buffers that may be the memory of another one, if either is written."""
        written = {root for op in run for root in self._aliases.written(op)}
        buffers = [v for v in captured if isinstance(v.type, BufferType)]
        changed = {v for v in buffers if not self._aliases.roots(v).isdisjoint(written)}

        def meets(a: Value, b: Value) -> bool:
            return a is not b and (a in changed or b in changed) and not self._distinct(a, b)

        return tuple(k for k, v in enumerate(captured) if v in buffers and any(meets(v, b) for b in buffers))


def _where(
    known: Sequence[tuple[Value, bool]], ops: list[Op], results: tuple[Value, ...]
) -> tuple[list[Op], tuple[Value, ...]]:
    """The ops in an arm of an `if` that asks all that is known, and its results; it does not come to the other arm."""
    asked: list[Op] = []

    def emit(name: str, *operands: Value) -> Value:
        asked.append(Op(name, operands, (Value(BOOL),)))
        return asked[-1].result

    all_hold = reduce(partial(emit, "and"), [c if holds else emit("not", c) for c, holds in known])
    nothing = [Op("undef", (), (Value(r.type),)) for r in results]
    there = Region((), [*ops, Op("yield", results)])
    elsewhere = Region((), [*nothing, Op("yield", tuple([op.result for op in nothing]))])
    chosen = tuple([Value(r.type, r.name) for r in results])
    return [*asked, Op("if", (all_hold,), chosen, {}, (there, elsewhere))], chosen


def with_inner(op: Op) -> Iterator[Op]:
    """An op and all in its regions."""
    yield op
    for region in op.regions:
        yield from walk(region)


def _stacks_records(op: Op) -> bool:
    return any(isinstance(v.type, LifoType) for inner in with_inner(op) for v in (*inner.operands, *inner.results))
