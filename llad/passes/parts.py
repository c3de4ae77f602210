"""Long functions are cut in parts, each a function of the table, so that LLVM takes time in proportion to their length.

What: a run of ops of one region that holds many loops moves into a function of its own. It takes what the run uses and
returns what is used behind it. Some of what LLVM does to a loop looks at the whole function around it, so a function of
a hundred loops takes much longer than ten of ten; a call for each ten loops costs next to nothing.

When: always sound. A part owns none of the memory that it makes, which is the call's (`lower_memory.py`), and frees
none; what lives on the stack is made by the caller. Runs with stacks of records stay where they are, and so do
conditions of `while`. The attribute `part` lists the parameters whose memory may be that of another one of which either
is written.

Before, if this were many loops:

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %trips: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      return %trips
    }

After:

    local @part0(%n: i64, %a: buffer<f64, 1, C>) {'part': ()} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %trips: i64 = for %i in %zero..%n step %one {
        store %x, %a[%i]
        yield
      }
      return %trips
    }

    func @f(%a: buffer<f64, 1, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %x: f64 = const 2.0
      %0: i64 = call @part0(%n, %a) {'part': True}
      return %0
    }
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, makers, uses, walk
from llad.ir.distinct import Distinct
from llad.ir.rewrite import Mapping, copy_op
from llad.ir.types import BufferType, LifoType
from llad.passes.rebuild import Rebuild

LONG = 48  # innermost loops of a function that is cut
LOOPS = 16  # of a part


def parts(fn: Function, long: int = LONG, loops: int = LOOPS) -> Function:
    """`fn`, in parts if it has at least `long` innermost loops."""
    if fn.functions or _loops(fn.body) < long:
        return fn
    return _Parts(fn, loops).function(fn)


def _loops(region: Region) -> int:
    return sum(map(_loops_of, region.ops))


def _loops_of(op: Op) -> int:
    """How many innermost loops an op is or holds."""
    inner = sum(map(_loops, op.regions))
    return max(inner, int(op.name in ("for", "while")))


def _stacks_records(op: Op) -> bool:
    values = [v for inner in (op, *(o for r in op.regions for o in walk(r))) for v in (*inner.operands, *inner.results)]
    return any(isinstance(v.type, LifoType) for v in values)


class _Parts(Rebuild):
    def __init__(self, fn: Function, loops: int) -> None:
        super().__init__()
        self._most = loops
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)
        self._attrs = {key: value for key in ("spans", "may_alias") if (value := fn.attrs.get(key))}
        self._functions: dict[str, Function] = {}
        self._params = set(fn.params)
        self._whole = False

    def function(self, fn: Function) -> Function:
        return replace(super().function(fn), functions=self._functions)

    def visit(self, op: Op) -> None:
        if op.name != "while":
            self.keep(op)
            return
        operands = self.operands(op)
        outer, self._whole = self._whole, True  # a condition calls nothing
        condition = self.region(op.regions[0])
        self._whole = outer
        self.copy(op, operands, (condition, self.region(op.regions[1])))

    def splice(self, ops: Iterable[Op]) -> None:
        if self._whole:
            super().splice(ops)
            return
        run: list[Op] = []
        loops = 0
        for op in ops:
            more = _loops_of(op)
            if self._again(op) or (op.name == "alloc" and op.attrs.get("storage") == "stack"):  # before the run
                self.visit(op)
            elif op.name in ("yield", "return", "free") or more > self._most or _stacks_records(op):
                self._end(run, loops)
                run, loops = [], 0
                self.visit(op)
            else:
                run.append(op)
                loops += more
                if loops >= self._most:
                    self._end(run, loops)
                    run, loops = [], 0

    def _again(self, op: Op) -> bool:
        """Whether each part makes it for itself: numbers, and extents, of which more is known where they come from."""
        return op.name in ("const", "undef") or (op.name == "dim" and op.operands[0] in self._params)

    def _end(self, run: Sequence[Op], loops: int) -> None:
        """Emit a run: as a part if that is worth a call."""
        if 2 * loops >= self._most:
            self._cut(run)
        else:
            super().splice(run)

    def _cut(self, run: Sequence[Op]) -> None:
        inside = [inner for op in run for inner in (op, *(o for r in op.regions for o in walk(r)))]
        uses = Counter(o for op in inside for o in op.operands)
        own = {r for op in inside for r in op.results} | {a for op in inside for r in op.regions for a in r.args}
        used = [v for v in uses if v not in own]
        again = [op for v in used if (op := self._made.get(v)) is not None and self._again(op)]
        free = dict.fromkeys([*used, *(o for op in again for o in op.operands)])
        remade = {op.result for op in again}
        captured = [v for v in free if v not in remade]
        left = [r for op in run for r in op.results if self._uses[r] > uses[r]]
        given = tuple([Value(v.type, v.name) for v in captured])
        mapping: Mapping = dict(zip(captured, given, strict=True))
        body = [copy_op(op, mapping) for op in (*again, *run)]
        body.append(Op("return", tuple([mapping[v] for v in left])))
        name = f"part{len(self._functions)}"
        attrs: dict[str, Any] = {**self._attrs, "part": self._shared(captured, run)}
        self._functions[name] = Function(name, given, Region((), body), attrs)
        operands = [self.get(v) for v in captured]
        types = [v.type for v in left]
        call = self.emit("call", operands, types, run[0].span, {"callee": name, "part": True})
        self.replace(left, call.results)

    def _shared(self, captured: Sequence[Value], run: Sequence[Op]) -> tuple[int, ...]:
        """The buffers that may be the memory of another one, if either is written."""
        written = {root for op in run for root in self._aliases.written(op)}
        buffers = [v for v in captured if isinstance(v.type, BufferType)]
        changed = {v for v in buffers if not self._aliases.roots(v).isdisjoint(written)}

        def meets(a: Value, b: Value) -> bool:
            return a is not b and (a in changed or b in changed) and not self._distinct(a, b)

        return tuple(k for k, v in enumerate(captured) if v in buffers and any(meets(v, b) for b in buffers))
