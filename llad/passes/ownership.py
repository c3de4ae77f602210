"""Where allocations live and when they die; runs last.

What: a small allocation of constant extents becomes a stack slot (`storage = 'stack'`). Any other that is made in a
loop or branch and does not leave it is freed at the end of that region, or made once before the loop if its
extents are known there, for which it comes out of branches, too, if it is small. Memory may leave an iteration or not
(`y = y + h * k`, `x = trial if c else x`); then only the run can tell. A loop with the attribute `sweep` frees, at the
end of each iteration, all memory made since it began in which no buffer lies that the iteration yields. So loops run in
constant memory. Everything else belongs to the call, which releases it at its end.

When: an allocation dies with its region if no handle on it leaves (`Aliases.escapes`). What an iteration made can be
reached later only through what it yields, unless handles stay on a stack that it pushed them on; so a loop sweeps if
its iterations pop all that they push (`balance.py`), pass nothing to a function with a stack of handles, and hold an
allocation that escapes or a call that gives a buffer. Where the heights of the stacks tell whether iterations pop all,
the attribute is `level`: the loop sweeps as long as they are at the end of each iteration what they were before the
loop. A function with the attribute `may_alias` may be called again and again by the one that was called from outside,
so it frees what is its own before it returns, sweeping like a loop, and its frames are small. So does one that keeps a
tape, which is to hold nothing else. Memory made once for all iterations keeps the last one's contents where a fresh one
would be poison, which nothing reads.

Before:

    func @f(%x: buffer<f64, 1, C>, %h: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %three: i64 = const 3
      %n: i64 = dim %x, 0
      %y: buffer<f64, 1, C>, %trips: i64 = for %i in %zero..%n step %one carry (%a: buffer<f64, 1, C> = %x) {
        %s: buffer<f64, 1, C> = alloc(%three)
        %m: i64 = add %i, %one
        %t: buffer<f64, 1, C> = alloc(%m)
        %w: buffer<f64, 1, C> = alloc(%n)
        %b: buffer<f64, 1, C> = alloc(%n) zero
        %e: f64 = load %a[%zero]
        store %e, %b[%zero]
        yield %b
      }
      return %y
    }

After:

    func @f(%x: buffer<f64, 1, C>, %h: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %three: i64 = const 3
      %n: i64 = dim %x, 0
      %w: buffer<f64, 1, C> = alloc(%n)
      %y: buffer<f64, 1, C>, %trips: i64 = for %i in %zero..%n step %one carry ( \
%a: buffer<f64, 1, C> = %x) {'sweep': True} {
        %s: buffer<f64, 1, C> = alloc(%three) {'storage': 'stack'}
        %m: i64 = add %i, %one
        %t: buffer<f64, 1, C> = alloc(%m)
        %b: buffer<f64, 1, C> = alloc(%n) zero
        %e: f64 = load %a[%zero]
        store %e, %b[%zero]
        free %t
        yield %b
      }
      return %y
    }
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import field
from typing import Any

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, pushes_handles, walk
from llad.ir.types import I64, BufferType, LifoType
from llad.passes.balance import pops_all, pops_at_the_end
from llad.passes.rebuild import Rebuild

STACK_BYTES = 2048  # of all stack slots of a function
CALLED_STACK_BYTES = 256  # of one that may be called recursively
_SMALL = 1 << 14  # bytes that may be made for a branch which is then not taken


def ownership(fn: Function) -> Function:
    """`fn` with its allocations placed and freed."""
    return _Ownership(fn).function(fn)


@dataclass(slots=True)
class _Frame:
    """An open region: what it must free, and whether it repeats."""

    # `function`, `called` (one that frees), `branch`, `loop` (its iterations follow one another), `parallel` (they may
    # not), `condition`
    kind: str
    ops: list[Op]
    owned: list[Value] = field(default_factory=list)


_SWEEP: dict[str, Any] = {"sweep": True}
_LEVEL: dict[str, Any] = {"sweep": "level"}


class _Ownership(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._constants: dict[Value, int] = {}
        self._steps = {op.result: op.attrs["value"] for op in walk(fn.body) if op.name == "const"}
        self._axes: dict[Value, tuple[Value, int]] = {}  # the buffer and axis of which a number is the extent
        self._level: dict[Value, int] = {}  # the number of frames open where an old value was made
        self._frames: list[_Frame] = []
        called = bool(fn.attrs.get("may_alias")) or "keeps" in fn.attrs or "chunk" in fn.attrs
        self._next: _Frame = _Frame("called" if called else "function", [])
        self._sweeps = called and self._sweep(fn.body) is _SWEEP
        self._stack_bytes = CALLED_STACK_BYTES if called else STACK_BYTES  # that are left

    def splice(self, ops: Iterable[Op]) -> None:
        """Every region is written through here: open the frame that was prepared for it."""
        frame, self._next = self._next, _Frame("branch", [])
        frame.ops = self.ops
        self._frames.append(frame)
        super().splice(ops)
        self._frames.pop()

    def visit(self, op: Op) -> None:
        for result in op.results:
            self._level[result] = len(self._frames)
        match op.name:
            case "alloc":
                self._alloc(op)
            case "for":
                self._for(op)
            case "while":
                self._while(op)
            case "yield" | "return":
                self._leave(op)
                sweeps = op.name == "return" and self._frames[-1].kind == "called" and self._sweeps
                self.keep(op, _SWEEP if sweeps else None)
            case _:
                if op.name == "const":
                    self._constants[op.result] = op.attrs["value"]
                elif op.name == "dim":
                    self._axes[op.result] = op.operands[0], op.attrs["axis"]
                self.keep(op)

    # -- allocations

    def _alloc(self, op: Op) -> None:
        if self._aliases.outlives(op.result) or "storage" in op.attrs:  # a stack slot from `blocks.py`
            self.keep(op)
            return
        size = self._size(op)
        if size is not None and size <= self._stack_bytes:
            self._stack_bytes -= size
            self.keep(Op(op.name, op.operands, op.results, {**op.attrs, "storage": "stack"}, (), op.span))
            return
        level = self._around_branches(op) if size is not None and size <= _SMALL else len(self._frames)
        frame = self._frames[min(level, self._outermost(op)) - 1]
        here, self.ops = self.ops, frame.ops
        if level < len(self._frames):
            extents = [self.const(self._constants[e], I64, op.span) for e in op.operands]
            placed = self.copy(op, tuple(extents))
        else:
            placed = self.keep(op)
        self.ops = here
        if frame.kind in ("called", "branch", "loop", "parallel"):
            frame.owned.append(placed.result)

    def _size(self, op: Op) -> int | None:
        """The bytes of an allocation of constant extents."""
        assert isinstance(op.result.type, BufferType)
        extents = [self._constants.get(e) for e in op.operands]
        known = [e for e in extents if e is not None and e >= 0]
        return math.prod(known) * op.result.type.dtype.bytes if len(known) == len(extents) else None

    def _outermost(self, op: Op) -> int:
        """The outermost level at which the memory can be made once for every iteration of the loops between.

        Made before a loop that then runs no iteration, it must not fail. So only memory as large as an array that
        there is, or of constant size, moves.
        """
        level = len(self._frames)
        axes = [self._axes[e] for e in op.operands if e in self._axes]
        known = sum(self._constants.get(e, -1) >= 0 for e in op.operands)
        alike = len({buffer for buffer, _ in axes}) <= 1 and len(set(axes)) == len(axes)
        if op.attrs["zero"] or not alike or known + len(axes) < len(op.operands) or (known and axes):
            return level
        while self._frames[level - 1].kind in ("loop", "condition") and all(
            self._level.get(e, 0) < level for e in op.operands
        ):
            level -= 1
        return level

    def _around_branches(self, op: Op) -> int:
        """The same of memory of constant size, which branches in these loops do not keep."""
        level = found = len(self._frames)
        while not op.attrs["zero"] and self._frames[level - 1].kind in ("loop", "condition", "branch"):
            level -= 1
            if self._frames[level].kind != "branch":
                found = level
        return found

    # -- regions

    def _frame(self, kind: str, region: Region) -> Region:
        for arg in region.args:
            self._level[arg] = len(self._frames) + 1
        self._next = _Frame(kind, [])
        return self.region(region)

    def _leave(self, op: Op) -> None:
        """Before the `yield` of a region: free what dies with it."""
        frame = self._frames[-1]
        for buffer in frame.owned:
            self.emit("free", [buffer], [], op.span)

    def _for(self, op: Op) -> None:
        # Iterations that may run at once need memory of their own.
        sequential = op.attrs["kind"] == "sequential"
        frame = self._frame("loop" if sequential else "parallel", op.regions[0])
        self.copy(op, self.operands(op), (frame,), self._sweep(op.regions[0]) if sequential else None)

    def _while(self, op: Op) -> None:
        condition, body = op.regions
        frames = self._frame("condition", condition), self._frame("loop", body)
        self.copy(op, self.operands(op), frames, self._sweep(body))

    def _sweep(self, region: Region) -> dict[str, Any] | None:
        """How to free what running it leaves behind, if all of that is reached through what it yields or returns."""
        inside = list(walk(region))
        if not any(map(self._leaves_memory, inside)) or any(map(_lends_stack, inside)):
            return None
        made = {r for op in inside for r in op.results}
        stacks = dict.fromkeys(op.operands[0] for op in inside if pushes_handles(op))
        if all(stack not in made and pops_all(region, stack, self._steps) for stack in stacks):
            return _SWEEP
        tell = all(stack not in made and pops_at_the_end(region, stack, self._steps) for stack in stacks)
        return _LEVEL if tell else None

    def _leaves_memory(self, op: Op) -> bool:
        if op.name == "alloc":
            return self._aliases.outlives(op.result)
        return op.name == "call" and any(isinstance(r.type, BufferType) for r in op.results)


def _lends_stack(op: Op) -> bool:
    """Whether the op calls what may leave a handle on a stack."""
    return op.name == "call" and any(
        isinstance(o.type, LifoType) and any(isinstance(f, BufferType | LifoType) for f in o.type.fields)
        for o in op.operands
    )
