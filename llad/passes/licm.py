"""Loop-invariant code: what every iteration would compute alike is computed once, before the loop.

What: pure ops, loads of memory that the loop does not write, and whole `if`s and `for`s made of these, move out
of the straight part of a loop body. LLVM does this too; here it lets reverse mode keep one value instead of
one an iteration.

When: an op that can neither trap nor make inf or nan moves freely, and so does a load at the indices of loops around
that go through its array (`within.py`). Any other would do harm if the loop ran no iteration: a load may be out of
range, and a `1 / x` with x = 0 turns the zero cotangent of a value that nobody used into nan. So such ops move into an
`if` that asks whether the loop runs at all; there they compute what the first iteration would. What may trap (or read
poison) moves only if no check, and no loop that may not end, stands before it in the iteration. A check of what so
moves, an index that was loaded for example, moves along, and what it guards may follow: no other check is made before
it, and where the loop does not run, it holds. (The other checks are left to `checks.py`.) Nothing leaves an `if` of the
source. The first evaluation of a `while` condition always happens and needs no `if`.

Where the loop does not run, the `if` gives `undef` for a float or a handle, but 1 for an integer: extents and bounds
may be made of it before the loop, those of a tape for example, and 1 does no harm there, not even as a divisor.

Before:

    func @f(%n: i64, %k: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %s: f64, %m: i64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x, %b: i64 = %k) {
        %p: i64 = add %k, %one
        %d: f64 = div %x, %y
        %u: f64 = mul %a, %d
        %q: i64 = mul %b, %p
        yield %u, %q
      }
      return %s, %m
    }

After:

    func @f(%n: i64, %k: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %p: i64 = add %k, %one
      %c: bool = lt %zero, %n
      %d: f64 = if %c {
        %e: f64 = div %x, %y
        yield %e
      } else {
        %e: f64 = undef
        yield %e
      }
      %s: f64, %m: i64, %trips: i64 = for %i in %zero..%n step %one carry (%a: f64 = %x, %b: i64 = %k) {
        %u: f64 = mul %a, %d
        %q: i64 = mul %b, %p
        yield %u, %q
      }
      return %s, %m
    }
"""

from __future__ import annotations

from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Region, Value, mentioned
from llad.ir.poison import maybe_poison
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BOOL, FLOATS, I32, I64, INTS, BufferType, Type, is_float
from llad.ir.within import Within
from llad.ops.table import OPS
from llad.passes.effects import TRAPPING, only_computes
from llad.passes.rebuild import Rebuild

_LINEAR = frozenset({"add", "sub", "neg"})  # their partials are ±1: a zero cotangent stays zero
_NOBODYS: dict[Type, object] = {I64: 1, I32: 1, BOOL: False}  # what is computed where the loop does not run


def licm(fn: Function) -> Function:
    """`fn` with invariant computation moved before its loops."""
    return _Licm(fn).function(fn)


@dataclass(eq=False, repr=False)
class _Known:
    """Of a function that is being rebuilt: `reads`, of the new ops that read memory; `poison`, the values that only the
    program may know to be defined; `within`, which loads are within their array."""

    within: Within
    poison: set[Value]
    reads: dict[Op, Roots] = field(default_factory=dict)


class _Licm(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._known = _Known(Within(fn), set(maybe_poison(fn)))
        self._constants: dict[Value, float] = {}

    def visit(self, op: Op) -> None:
        operands = self.operands(op)
        regions = tuple([self.region(r) for r in op.regions])
        if op.name in ("for", "while"):
            regions = self._hoist(op, operands, regions)
        copied = self.copy(op, operands, regions)
        if op.name == "const":
            self._constants[copied.result] = op.attrs["value"]
        elif op.name == "load" or regions:
            self._known.reads[copied] = self._aliases.read(op)

    def _hoist(self, loop: Op, operands: tuple[Value, ...], regions: tuple[Region, ...]) -> tuple[Region, ...]:
        """Emit here what is invariant in the rebuilt `regions` of `loop`; the regions without it."""
        written = self._aliases.written(loop)
        left = []
        for region in regions:
            once = loop.name == "while" and region is regions[0]
            guard = None
            if loop.name == "for":
                guard, once = self._runs(operands)
            found = _Invariants(region, written, self._known, guard is not None, once)
            self.ops += found.plain
            if found.guarded:
                assert guard is not None
                self._guard(loop, guard, operands, found.guarded)
            left.append(Region(region.args, found.stays) if found.plain or found.guarded else region)
        return tuple(left)

    def _runs(self, operands: tuple[Value, ...]) -> tuple[str | None, bool]:
        """The comparison of lo with hi that tells if the `for` runs (None: unknown), and if it surely does."""
        lo, hi, step = [self._constants.get(o) for o in operands[:3]]
        if not step:
            return None, False
        if lo is not None and hi is not None:
            return None, lo < hi if step > 0 else lo > hi
        return "lt" if step > 0 else "gt", False

    def _guard(self, loop: Op, guard: str, operands: tuple[Value, ...], ops: list[Op]) -> None:
        """`ops`, as far as the loop runs: what computes in an `if`, checks behind what they ask about."""
        runs = self.emit(guard, operands[:2], [BOOL], loop.span).result
        waiting: list[Op] = []
        for op in ops:
            if op.name != "check":
                waiting.append(op)
                continue
            if waiting:
                self._emit_guarded(loop, runs, waiting)
            waiting = []
            idle = self.emit("not", [runs], [BOOL], loop.span).result
            holds = self.emit("or", [idle, op.operands[0]], [BOOL], op.span).result
            self.emit("check", [holds, *op.operands[1:]], [], op.span, op.attrs)
        if waiting:
            self._emit_guarded(loop, runs, waiting)

    def _emit_guarded(self, loop: Op, condition: Value, ops: list[Op]) -> None:
        """`if` the loop runs, then `ops`; the results keep their values, so the loop body stands as it is."""
        mapping: Mapping = {}
        then = [copy_op(op, mapping) for op in ops]
        for op, copied in zip(ops, then, strict=True):
            self._known.reads[copied] = self._known.reads.get(op, frozenset())
        results = tuple([r for op in ops for r in op.results])
        self._known.poison.update(r for r in results if not _is_whole(r))
        nothing = [
            Op("const", (), (Value(r.type),), {"value": _NOBODYS[r.type]}, (), loop.span)
            if _is_whole(r)
            else Op("undef", (), (Value(r.type),), {}, (), loop.span)
            for r in results
        ]
        then.append(Op("yield", tuple([mapping[r] for r in results]), span=loop.span))
        otherwise = [*nothing, Op("yield", tuple([u.result for u in nothing]), span=loop.span)]
        merged = Op("if", (condition,), results, {}, (Region((), then), Region((), otherwise)), loop.span)
        self._known.reads[merged] = frozenset().union(*[self._known.reads[op] for op in then[:-1]])
        self.ops.append(merged)


class _Invariants:
    """The ops of a loop region, sorted: to move freely, to move under a guard, to stay."""

    def __init__(self, region: Region, written: Roots, known: _Known, guarded: bool, once: bool) -> None:
        self.plain: list[Op] = []
        self.guarded: list[Op] = []
        self.stays: list[Op] = []
        inside = set(region.args)
        under_guard: set[Value] = set()
        moved: set[Value] = set()  # what only the first iteration may compute
        certain = True  # reached by every iteration, whatever the numbers, unless a check fails that moves, too
        for op in region.ops:
            operands = mentioned(op) if op.regions else op.operands
            if op.name == "check":
                asks = not moved.isdisjoint(op.operands) and inside.isdisjoint(op.operands)
                if asks and certain and (guarded or once) and _says_alike(op, known):
                    (self.guarded if guarded else self.plain).append(op)
                else:
                    self.stays.append(op)
                    certain = False
                continue
            movable = only_computes(op) and inside.isdisjoint(operands)
            if movable and (op.name == "load" or op.regions):
                movable = written.isdisjoint(known.reads[op])
            poisoned = not known.poison.isdisjoint(operands)
            as_first = certain or not (poisoned or _may_trap(op))  # it does what the first iteration does
            harmless = _is_harmless(op) or (op.name == "load" and is_float(op.result.type) and known.within.holds(op))
            free = harmless and not poisoned and under_guard.isdisjoint(operands)
            if movable and (free or (once and as_first)):
                self.plain.append(op)
                moved.update(() if free else op.results)
            elif movable and guarded and as_first and not _makes_handle(op):
                self.guarded.append(op)
                under_guard.update(op.results)
                moved.update(op.results)
            else:
                self.stays.append(op)
                inside.update(op.results)
                certain = certain and not _may_stop(op)


def _says_alike(check: Op, known: _Known) -> bool:
    """Whether a check, of what is there before the loop, says there what it says in the first iteration."""
    return all(map(_is_whole, check.operands)) and known.poison.isdisjoint(check.operands)


def _is_whole(value: Value) -> bool:
    return value.type in _NOBODYS


def _is_harmless(op: Op) -> bool:
    """Whether computing the op where the program would not cannot be noticed, not even by its derivative."""
    if op.regions or op.name in TRAPPING:
        return False
    if op.name == "view":
        return not any(kind in ("index", "run", "slice") for kind in op.attrs["axes"])
    if op.name == "cast":
        return not (op.operands[0].type in FLOATS and op.result.type in INTS)
    return op.name not in OPS or op.name in _LINEAR or not is_float(op.result.type)


def _may_trap(op: Op) -> bool:
    """Whether the op asserts something about its operands (a range, a divisor)."""
    if op.regions:
        return any(_may_trap(inner) for region in op.regions for inner in region.ops)
    return not (op.name in OPS and is_float(op.result.type)) and op.name != "yield" and not _is_harmless(op)


def _makes_handle(op: Op) -> bool:
    return any(isinstance(r.type, BufferType) for r in op.results)


def _may_stop(op: Op) -> bool:
    """Whether what follows `op` in the region may not be reached."""
    if op.regions:
        return op.name == "while" or any(_may_stop(inner) for region in op.regions for inner in region.ops)
    return op.name in ("check", "print", "derivative", "call")
