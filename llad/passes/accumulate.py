"""Cotangents that neighbouring iterations add to one element are carried from one to the next.

What: where the body of a `for` adds to elements at distances of one along the loop (`x_bar[i]` and `x_bar[i + 1]`),
each element is visited by several iterations in a row. What one iteration adds for the later ones becomes a carry, so
that every iteration reads and writes one element, and no iteration waits for the memory of the one before.

When: a load, an `add` or `sub` marked `reassoc`, and a store of the same element are an *accumulation*; these have no
source order. All that the loop does with memory that may be the buffer's must be accumulations; step 1 or -1, no
exits. What is left in the carries is added after the loop, if it ran.

Before:

    func @f(%b: buffer<f64, 1, C>, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %trips: i64 = for %i in %zero..%n step %one {
        %k: i64 = add %i, %one
        %u: f64 = load %b[%i]
        %v: f64 = add %u, %x {'reassoc': True}
        store %v, %b[%i]
        %w: f64 = load %b[%k]
        %z: f64 = sub %w, %y {'reassoc': True}
        store %z, %b[%k]
        yield
      }
      return
    }

After (and `dce`):

    func @f(%b: buffer<f64, 1, C>, %n: i64, %x: f64, %y: f64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %nothing: f64 = const 0.0
      %p: f64, %trips: i64 = for %i in %zero..%n step %one carry (%pending: f64 = %nothing) {
        %minus: f64 = neg %y
        %d: f64 = add %x, %pending {'reassoc': True}
        %at: f64 = load %b[%i]
        %sum: f64 = add %at, %d {'reassoc': True}
        store %sum, %b[%i]
        yield %minus
      }
      %c0: i64 = const 0
      %ran: bool = gt %trips, %c0
      if %ran {
        %c1: i64 = const -1
        %last: i64 = add %n, %c1
        %c2: i64 = const 1
        %k: i64 = add %last, %c2
        %left: f64 = load %b[%k]
        %total: f64 = add %left, %p {'reassoc': True}
        store %total, %b[%k]
        yield
      } else {
        yield
      }
      return
    }
"""

from __future__ import annotations

from dataclasses import field

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, accessed, makers, uses, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ir.types import BOOL, I64, ScalarType
from llad.passes.rebuild import Rebuild


def accumulate(fn: Function) -> Function:
    """`fn` with accumulations at neighbouring elements carried between the iterations that make them."""
    return _Accumulate(fn).function(fn)


@dataclass(slots=True)
class _Accumulation:
    """`buffer[indices] ± amount`, by three ops of one region."""

    load: Op
    add: Op
    store: Op

    @property
    def buffer(self) -> Value:
        return self.load.operands[0]

    @property
    def ops(self) -> tuple[Op, Op, Op]:
        return self.load, self.add, self.store


@dataclass(slots=True)
class _Row:
    """Accumulations along one line of a buffer: `indices` but for `axis`, where an offset is added to the index."""

    buffer: Value
    indices: list[Affine]
    axis: int
    at: dict[int, list[_Accumulation]] = field(default_factory=dict)

    def runs(self) -> list[list[int]]:
        """The offsets, as runs of neighbours of two and more."""
        runs: list[list[int]] = []
        for offset in sorted(self.at):
            if runs and runs[-1][-1] == offset - 1:
                runs[-1].append(offset)
            else:
                runs.append([offset])
        return [run for run in runs if len(run) > 1]


@dataclass(slots=True)
class _Run:
    """Neighbouring offsets of a row, in the order in which the loop comes to an element: the first one stores."""

    row: _Row
    offsets: list[int]
    pending: list[Value] = field(default_factory=list)  # per later offset, what is to be added in the next iteration


class _Accumulate(Rebuild):
    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._elements = Elements(fn)
        self._made = makers(fn.body)
        self._uses = uses(fn.body)

    def visit(self, op: Op) -> None:
        runs = self._find(op) if op.name == "for" and not op.attrs["exits"] else []
        if runs:
            self._rotate(op, runs)
        else:
            self.keep(op)

    # -- what can be rotated

    def _find(self, loop: Op) -> list[_Run]:
        step = self._elements.constant(loop.operands[2])
        if step not in (1, -1):
            return []
        body = loop.regions[0]
        found = self._accumulations(body)
        inside = {body.args[0], *body.args, *[r for op in walk(body) for r in op.results]}
        rows: dict[object, _Row] = {}
        for item in found:
            if item.buffer not in inside and self._only_accumulated(item.buffer, body, found):
                self._add_to_row(rows, item, body.args[0], inside)
        runs = [_Run(row, run if step == 1 else run[::-1]) for row in rows.values() for run in row.runs()]
        return runs

    def _accumulations(self, body: Region) -> list[_Accumulation]:
        """Those of the straight part of a body, whose ops stand together."""
        found = []
        for store in body.ops:
            if store.name != "store":
                continue
            add = self._made.get(store.operands[0])
            if add is None or add.name not in ("add", "sub") or not add.attrs.get("reassoc"):
                continue
            for position in (0, 1) if add.name == "add" else (0,):
                load = self._made.get(add.operands[position])
                if load is None or load.name != "load" or load.operands != store.operands[1:]:
                    continue
                alone = self._uses[load.result] == self._uses[add.result] == 1
                if alone and self._undisturbed(body, load, store):
                    found.append(_Accumulation(load, add, store))
                    break
        return found

    def _undisturbed(self, body: Region, load: Op, store: Op) -> bool:
        """Whether nothing between `load` and `store` may write the element."""
        roots = self._aliases.roots(load.operands[0])
        if load not in body.ops:
            return False
        between = body.ops[body.ops.index(load) + 1 : body.ops.index(store)]
        return all(roots.isdisjoint(self._aliases.written(op)) for op in between)

    def _only_accumulated(self, buffer: Value, body: Region, found: list[_Accumulation]) -> bool:
        """Whether whatever the body does with memory that may be `buffer`'s is an accumulation."""
        ours = {op for item in found for op in (item.load, item.store)}
        return not any(op not in ours and self._touches(op, buffer) for op in body.ops)

    def _touches(self, op: Op, buffer: Value) -> bool:
        if op.name in ("load", "store"):
            return not self._distinct(accessed(op)[0], buffer)
        return not self._aliases.roots(buffer).isdisjoint(self._aliases.touched(op))

    def _add_to_row(self, rows: dict[object, _Row], item: _Accumulation, index: Value, inside: set[Value]) -> None:
        forms = [self._elements.form(i) for i in item.load.operands[1:]]
        axes = [axis for axis, form in enumerate(forms) if index in form.terms]
        if len(axes) != 1 or forms[axes[0]].terms[index] != 1:
            return
        (axis,) = axes
        if any(atom in inside and atom is not index for form in forms for atom in form.terms):
            return
        offset = forms[axis].const
        forms[axis] = forms[axis].shifted(-offset)
        key = (item.buffer, *[(f.const, frozenset(f.terms.items())) for f in forms])
        row = rows.setdefault(key, _Row(item.buffer, forms, axis))
        row.at.setdefault(offset, []).append(item)

    # -- rotating

    def _rotate(self, loop: Op, runs: list[_Run]) -> None:
        span = loop.span
        nothing = {type: self.const(0.0, type, span) for type in {self._dtype(run): None for run in runs}}
        operands = list(self.operands(loop))
        for run in runs:
            operands += [nothing[self._dtype(run)]] * (len(run.offsets) - 1)
        body = self._body(loop, runs)
        added = body.args[len(loop.regions[0].args) :]
        types = [*[r.type for r in loop.results[:-1]], *[a.type for a in added], I64]
        made = self.emit("for", operands, types, span, loop.attrs, (body,))
        self.mapping.update(zip(loop.results[:-1], made.results, strict=False))
        self.mapping[loop.results[-1]] = made.results[-1]
        self._drain(loop, runs, made)

    def _dtype(self, run: _Run) -> ScalarType:
        type = run.row.at[run.offsets[0]][0].load.result.type
        assert isinstance(type, ScalarType)
        return type

    def _body(self, loop: Op, runs: list[_Run]) -> Region:
        body = loop.regions[0]
        args = self.arguments(body.args)
        taken = {op for run in runs for o in run.offsets for item in run.row.at[o] for op in item.ops}
        for run in runs:
            run.pending = [Value(self._dtype(run), "pending") for _ in run.offsets[1:]]
        with self.written(*args, *[p for run in runs for p in run.pending]) as written:
            self.splice([op for op in body.ops[:-1] if op not in taken])
            nexts: list[Value] = []
            for run in runs:
                amounts = [self._amount(run.row.at[offset], loop.span) for offset in run.offsets]
                sums = [self._sum(a, p, loop.span) for a, p in zip(amounts, run.pending, strict=False)]
                indices = [self.get(i) for i in run.row.at[run.offsets[0]][0].load.operands[1:]]
                self._add(self.get(run.row.buffer), indices, sums[0], loop.span)
                nexts += [*sums[1:], amounts[-1]]
            last = body.ops[-1]
            self.emit("yield", [*self.operands(last), *nexts], [], last.span)
        return written

    def _amount(self, items: list[_Accumulation], span: Span | None) -> Value:
        """All that one iteration adds to one element."""
        total: Value | None = None
        for item in items:
            amount = item.add.operands[1 if item.add.operands[0] is item.load.result else 0]
            value = self.get(amount)
            if item.add.name == "sub":
                value = self.emit("neg", [value], [value.type], item.add.span).result
            total = value if total is None else self._sum(total, value, span)
        assert total is not None
        return total

    def _sum(self, a: Value, b: Value, span: Span | None) -> Value:
        return self.emit("add", [a, b], [a.type], span, {"reassoc": True}).result

    def _add(self, buffer: Value, indices: list[Value], amount: Value, span: Span | None) -> None:
        before = self.emit("load", [buffer, *indices], [amount.type], span).result
        self.emit("store", [self._sum(before, amount, span), buffer, *indices], [], span)

    def _drain(self, loop: Op, runs: list[_Run], made: Op) -> None:
        """After the loop, if it ran: what the carries hold belongs to the elements that its last iteration named."""
        span, step = loop.span, self._elements.constant(loop.operands[2])
        assert step is not None
        left = iter(made.results[len(loop.results) - 1 : -1])
        ran = self.emit("gt", [made.results[-1], self.const(0, I64, span)], [BOOL], span).result
        with self.written() as then:
            last = self.number_of(Affine(-step, {loop.operands[1]: 1}), span)
            for run in runs:
                for offset in run.offsets[1:]:
                    forms = list(run.row.indices)
                    index = loop.regions[0].args[0]
                    rest = Affine(offset, {a: c for a, c in forms[run.row.axis].terms.items() if a is not index})
                    indices = [self.number_of(f, span) for f in forms[: run.row.axis]]
                    indices.append(self.number_of(rest, span, last))
                    indices += [self.number_of(f, span) for f in forms[run.row.axis + 1 :]]
                    self._add(self.get(run.row.buffer), indices, next(left), span)
            self.emit("yield", [], [], span)
        otherwise = Region((), [Op("yield", span=span)])
        self.emit("if", [ran], [], span, {}, (then, otherwise))
