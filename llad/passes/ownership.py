"""Where allocations live and when they die; runs last.

What: a small allocation of constant extents becomes a stack slot (`storage = 'stack'`). Any other that is made in a
loop or branch and does not leave it is freed at the end of that region, or made once before the loop if its
extents are known there. A buffer that a loop replaces in every iteration (`y = y + h * k`) is freed when it is
replaced, so loops run in constant memory. Everything else belongs to the call, which releases it at its end.

When: an allocation dies with its region if no handle on it leaves (`Aliases.escapes`). A carried buffer may be
freed at the end of an iteration if that iteration yields an allocation of its own in its place, the old one
goes nowhere else, and it is not the first iteration, whose buffer came from outside. A function with the attribute
`may_alias` may be called again and again by the one that was called from outside, so it frees what is its own before it
returns, and its frames are small. Memory made once for
all iterations keeps the last one's contents where a fresh one would be poison, which nothing reads.

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
      %y: buffer<f64, 1, C>, %trips: i64 = for %i in %zero..%n step %one carry (%a: buffer<f64, 1, C> = %x) {
        %s: buffer<f64, 1, C> = alloc(%three) {'storage': 'stack'}
        %m: i64 = add %i, %one
        %t: buffer<f64, 1, C> = alloc(%m)
        %b: buffer<f64, 1, C> = alloc(%n) zero
        %e: f64 = load %a[%zero]
        store %e, %b[%zero]
        free %t
        %old: bool = ne %i, %zero
        if %old {
          free %a
          yield
        } else {
          yield
        }
        yield %b
      }
      return %y
    }
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.types import BOOL, BufferType
from llad.passes.rebuild import Rebuild

STACK_BYTES = 2048  # of all stack slots of a function
CALLED_STACK_BYTES = 256  # of one that may be called recursively


def ownership(fn: Function) -> Function:
    """`fn` with its allocations placed and freed."""
    return _Ownership(fn).function(fn)


@dataclass(slots=True)
class _Frame:
    """An open region: what it must free, and whether it repeats."""

    # `function`, `called` (one that frees), `branch`, `loop` (its iterations follow one another), `condition` (may not)
    kind: str
    ops: list[Op]
    owned: list[Value] = field(default_factory=list)
    replaced: list[Value] = field(default_factory=list)  # carries to free, but not in the first iteration
    again: Value | None = None  # a flag that is false in the first iteration, or the index of the loop,
    first: Value | None = None  # which is this one in the first iteration


class _Ownership(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._handles = _Handles(fn)
        self._constants: dict[Value, int] = {}
        self._axes: dict[Value, tuple[Value, int]] = {}  # the buffer and axis of which a number is the extent
        self._level: dict[Value, int] = {}  # the number of frames open where an old value was made
        self._frames: list[_Frame] = []
        called = bool(fn.attrs.get("may_alias"))
        self._next: _Frame = _Frame("called" if called else "function", [])
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
                self.keep(op)
            case _:
                if op.name == "const":
                    self._constants[op.result] = op.attrs["value"]
                elif op.name == "dim":
                    self._axes[op.result] = op.operands[0], op.attrs["axis"]
                self.keep(op)

    # -- allocations

    def _alloc(self, op: Op) -> None:
        if self._aliases.outlives(op.result):
            self.keep(op)
            return
        size = self._size(op)
        if size is not None and size <= self._stack_bytes:
            self._stack_bytes -= size
            self.keep(Op(op.name, op.operands, op.results, {**op.attrs, "storage": "stack"}, (), op.span))
            return
        frame = self._frames[self._outermost(op) - 1]
        here, self.ops = self.ops, frame.ops
        placed = self.keep(op)
        self.ops = here
        if frame.kind in ("called", "branch", "loop"):
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

    # -- regions

    def _frame(self, kind: str, region: Region, **more: Any) -> Region:
        for arg in region.args:
            self._level[arg] = len(self._frames) + 1
        self._next = _Frame(kind, [], **more)
        return self.region(region)

    def _leave(self, op: Op) -> None:
        """Before the `yield` of a region: free what dies with it."""
        frame = self._frames[-1]
        for buffer in frame.owned:
            self.emit("free", [buffer], [], op.span)
        if frame.replaced and frame.again is not None:
            again = self.get(frame.again)
            if frame.first is not None:
                again = self.emit("ne", [again, frame.first], [BOOL], op.span).result
            frees = [Op("free", (self.get(b),), span=op.span) for b in frame.replaced]
            branches = Region((), [*frees, Op("yield", span=op.span)]), Region((), [Op("yield", span=op.span)])
            self.emit("if", [again], [], op.span, regions=branches)

    def _for(self, op: Op) -> None:
        body, operands = op.regions[0], self.operands(op)
        replaced = self._replaced(op)
        # Iterations that may run at once need memory of their own.
        kind = "loop" if op.attrs["kind"] == "sequential" else "branch"
        frame = self._frame(kind, body, replaced=replaced, again=body.args[0], first=operands[0])
        self.copy(op, operands, (frame,))

    def _while(self, op: Op) -> None:
        condition, body = op.regions
        replaced = self._replaced(op)
        if not replaced:
            self.copy(op, self.operands(op), (self._frame("condition", condition), self._frame("loop", body)))
            return
        # A `while` has no index, so one more carry tells the first iteration from the others.
        no, yes = self.const(False, BOOL, op.span), self.const(True, BOOL, op.span)
        unread, again, after = Value(BOOL), Value(BOOL, "again"), Value(BOOL)
        first = self._frame("condition", Region((*condition.args, unread), condition.ops))
        end = body.terminator
        longer = Op(end.name, (*end.operands, yes), (), end.attrs, (), end.span)
        second = self._frame(
            "loop", Region((*body.args, again), [*body.ops[:-1], longer]), replaced=replaced, again=again
        )
        results = (*op.results[:-1], after, op.results[-1])
        self.copy(Op(op.name, (), results, op.attrs, (), op.span), (*self.operands(op), no), (first, second))

    def _replaced(self, op: Op) -> list[Value]:
        """The carried buffers that each iteration drops for an allocation of its own."""
        body = op.regions[-1]
        made = {inner.result for inner in body.ops if inner.name == "alloc"}
        found = []
        for k, value in enumerate(body.terminator.operands[bool(op.attrs["exits"]) :]):
            if value in made and self._handles.kept(value) == 1:
                names = [region.args[k + (op.name == "for")] for region in op.regions]
                if not any(self._handles.kept(name) for name in names):
                    found.append(names[-1])
        return found


class _Handles:
    """How often a buffer, or a view of it, is passed on: yielded, carried, returned, pushed, given to a call."""

    def __init__(self, fn: Function) -> None:
        self._kept: dict[Value, int] = {}
        self._views: dict[Value, list[Value]] = {}
        for op in walk(fn.body):
            if op.name == "view":
                self._views.setdefault(op.operands[0], []).append(op.result)
            elif op.name in ("yield", "return", "for", "while", "push", "derivative", "call"):
                for operand in op.operands:
                    self._kept[operand] = self._kept.get(operand, 0) + 1

    def kept(self, buffer: Value) -> int:
        return self._kept.get(buffer, 0) + sum(map(self.kept, self._views.get(buffer, ())))
