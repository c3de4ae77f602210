"""A function cut in two: what it can do before some of its parameters are known, and the rest, any number of times.

The two sweeps of a pullback in one function (`reverse.vjp_apart`), then cut: the first part gives results and the
*tape*, which is every value that the second part mentions and cannot make again for nothing. What is kept of memory is
the handles, with the memory behind them. The caller holds the tape, and hands it to every run of the second part.

Before, cut behind the second op:

    func @f(%x: f64, %seed: f64) {
      %y: f64 = sin %x
      %d: f64 = cos %x
      %x_bar: f64 = mul %d, %seed
      return %y, %x_bar
    }

After:

    func @f_forward(%x: f64) {
      %y: f64 = sin %x
      %d: f64 = cos %x
      return %y, %d
    }
    func @f_reverse(%x: f64, %seed: f64, %d: f64) {
      %x_bar: f64 = mul %d, %seed
      return %x_bar
    }
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, called, mentioned, walk
from llad.ir.rewrite import Mapping, copy_function, copy_op
from llad.ir.types import BufferType, LifoType


def cut(fn: Function, count: int, late: Collection[int], first: Sequence[int]) -> tuple[Function, Function]:
    """The parts before and behind the first `count` ops of the body of `fn`.

    forward(parameters but those in `late`) → the results in `first`, then the tape
    reverse(all parameters, then the tape) → the other results

    How long the tape is say the attributes `keeps` and `takes`.
    """
    ops = fn.body.ops
    needed = _Needed(ops[:count])
    rest: Mapping = {}
    behind = ops[count:-1]
    used = {o: None for op in behind for o in mentioned(op)}
    others = [r for k, r in enumerate(fn.results) if k not in first]
    for value in (*used, *others):
        needed.give(value, rest)
    tape = tuple(sorted(needed.tape, key=needed.position.__getitem__))
    span = fn.body.terminator.span

    end = Op("return", (*[fn.results[k] for k in first], *tape), (), {}, (), span)
    early = tuple(p for k, p in enumerate(fn.params) if k not in late)
    attrs = {**fn.attrs, "keeps": len(tape)}
    forward = Function(f"{fn.name}_forward", early, Region((), [*ops[:count], end]), attrs, fn.functions)

    body = [*needed.again, *[copy_op(op, rest) for op in behind]]
    body.append(Op("return", tuple(rest.get(r, r) for r in others), (), {}, (), span))
    attrs = {**fn.attrs, "takes": len(tape)}
    if _may_meet(fn, tape):
        attrs["may_alias"] = True
    reverse = Function(f"{fn.name}_reverse", (*fn.params, *tape), Region((), body), attrs, fn.functions)
    return _alone(forward), _alone(reverse)


class _Needed:
    """What the second part is given of the first: `tape`, and `again`, the ops that it repeats."""

    def __init__(self, ops: Sequence[Op]) -> None:
        self.tape: dict[Value, None] = {}
        self.again: list[Op] = []
        self._made = {r: op for op in ops for r in op.results}
        self.position = {r: k for k, r in enumerate(self._made)}
        self._used = {o for op in ops for o in mentioned(op)}

    def give(self, value: Value, new: Mapping) -> None:
        """Let `value` be had in the second part, where `new` says what it is called."""
        op = self._made.get(value)
        if op is None or value in new or value in self.tape:
            return
        if op.name in ("const", "undef", "view") or (op.name == "lifo" and value not in self._used):
            for operand in op.operands:
                self.give(operand, new)
            self.again.append(copy_op(op, new))
        else:
            self.tape[value] = None


def shorten(forward: Function, reverse: Function) -> tuple[Function, Function]:
    """Both parts, without what of the tape the second does not use."""
    length = reverse.attrs["takes"]
    used = {o for op in walk(reverse.body) for o in op.operands}
    start, end = len(reverse.params) - length, forward.body.terminator
    kept = [k for k, p in enumerate(reverse.params[start:]) if p in used]
    results = len(end.operands) - length
    left = (*end.operands[:results], *[end.operands[results + k] for k in kept])
    body = Region((), [*forward.body.ops[:-1], Op("return", left, (), end.attrs, (), end.span)])
    params = (*reverse.params[:start], *[reverse.params[start + k] for k in kept])
    return (
        replace(forward, body=body, attrs={**forward.attrs, "keeps": len(kept)}),
        replace(reverse, params=params, attrs={**reverse.attrs, "takes": len(kept)}),
    )


def _may_meet(fn: Function, tape: Sequence[Value]) -> bool:
    """Whether two handles of the tape may be on the same memory, if one is in a record even."""
    buffers = [v for v in tape if isinstance(v.type, BufferType)]
    if any(isinstance(f, BufferType | LifoType) for v in tape if isinstance(v.type, LifoType) for f in v.type.fields):
        return True
    aliases = Aliases(fn)
    return any(aliases.may_alias(a, b) for k, a in enumerate(buffers) for b in buffers[:k])


def _alone(fn: Function) -> Function:
    """A copy, with the functions that it calls."""
    copy, _ = copy_function(fn)
    return replace(copy, functions={name: fn.functions[name] for name in called(copy.body, fn.functions)})
