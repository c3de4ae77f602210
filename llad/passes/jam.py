"""Several iterations of an outer loop run side by side, so that inner loops load what these share once for all.

What: an outer loop takes four iterations at once, and those that remain one by one. Inner loops whose bounds are the
same for all four become one loop, which does the work of four: what is the same is computed and loaded once, and what
all four add to an element is added up before it is stored. So a sum over samples, each of which goes through the
same matrix, reads the matrix a quarter as often, and has four sums under way in an inner loop. Memory that each
iteration has to itself is made four times, unless it is large.

When (`jam_plan.py`): the iterations share nothing but sums, no check differs between them, and an innermost loop gains:
it adds up, and a good part of what it loads and stores is the same for all. Sums keep their order, but for those that
need not. (A check that fails does so in the first iteration; what all four had added by then is in memory.)

Before:

    func @f(%x: buffer<f64, 2, C>, %v: buffer<f64, 1, C>, %w: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %t: i64 = for %i in %zero..%n step %one {
        %a: f64 = load %v[%i]
        %u: i64 = for %j in %zero..%d step %one {
          %b: f64 = load %x[%i, %j]
          %c: f64 = mul %a, %b
          %e: f64 = load %w[%j]
          %g: f64 = add %e, %c {'reassoc': True}
          store %g, %w[%j]
          yield
        }
        yield
      }
      return
    }

After (and `dce`):

    func @f(%x: buffer<f64, 2, C>, %v: buffer<f64, 1, C>, %w: buffer<f64, 1, C>, %n: i64, %d: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %0: i64 = const 0
      %1: i64 = const 4
      %2: bool = sub_overflows %n, %zero
      %3: i64 = sub %n, %zero
      %4: i64 = max %3, %0
      %5: i64 = select %2, %0, %4
      %6: i64 = floordiv %5, %1
      %7: i64 = mul %6, %1
      %8: i64 = add %zero, %7
      %9: i64 = const 4
      %22: i64 = for %i in %zero..%8 step %9 {
        %10: i64 = const 1
        %11: i64 = const 2
        %12: i64 = const 3
        %13: i64 = add %i, %10
        %14: i64 = add %i, %11
        %15: i64 = add %i, %12
        %a: f64 = load %v[%i]
        %a_1: f64 = load %v[%13]
        %a_2: f64 = load %v[%14]
        %a_3: f64 = load %v[%15]
        %21: i64 = for %j in %zero..%d step %one {
          %b: f64 = load %x[%i, %j]
          %b_1: f64 = load %x[%13, %j]
          %b_2: f64 = load %x[%14, %j]
          %b_3: f64 = load %x[%15, %j]
          %c: f64 = mul %a, %b
          %c_1: f64 = mul %a_1, %b_1
          %c_2: f64 = mul %a_2, %b_2
          %c_3: f64 = mul %a_3, %b_3
          %16: f64 = load %w[%j]
          %17: f64 = const -0.0
          %g: f64 = add %16, %c {'reassoc': True}
          %g_1: f64 = add %17, %c_1 {'reassoc': True}
          %g_2: f64 = add %17, %c_2 {'reassoc': True}
          %g_3: f64 = add %17, %c_3 {'reassoc': True}
          %18: f64 = add %g, %g_1 {'reassoc': True}
          %19: f64 = add %18, %g_2 {'reassoc': True}
          %20: f64 = add %19, %g_3 {'reassoc': True}
          store %20, %w[%j]
          yield
        }
        yield
      }
      %t: i64 = for %i_1 in %8..%n step %one {
        %a_4: f64 = load %v[%i_1]
        %u: i64 = for %j_1 in %zero..%d step %one {'seldom': True} {
          %b_4: f64 = load %x[%i_1, %j_1]
          %c_4: f64 = mul %a_4, %b_4
          %e: f64 = load %w[%j_1]
          %g_4: f64 = add %e, %c_4 {'reassoc': True}
          store %g_4, %w[%j_1]
          yield
        }
        yield
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llad.ir.core import Function, Op, Region, Value, accessed, walk
from llad.ir.rewrite import copy_op, copy_region
from llad.ir.types import BOOL, I64, is_float
from llad.passes.jam_plan import WIDTH, Plan, plans
from llad.passes.rebuild import Rebuild, marked

NEAR = 1 << 16  # elements of an array that may well be there four times: they stay in a near cache
FAR = 1 << 20  # elements of an array beyond which it comes from memory each time, best from one end to the other


def jam(fn: Function) -> Function:
    """`fn`, with iterations of outer loops side by side."""
    found = plans(fn)
    return _Jam(found).function(fn) if found else fn


class _Jam(Rebuild):
    """`lanes` has, per value that differs, what each iteration has in its place."""

    def __init__(self, found: dict[Op, Plan]) -> None:
        super().__init__()
        self._plans = found
        self._own = {v for plan in found.values() for v in plan.own}
        self._lanes: dict[Value, list[Value]] = {}
        self._small: dict[Value, Value] = {}  # per allocation of which there are several, whether there are

    def visit(self, op: Op) -> None:
        if op in self._plans:
            self._jam(op, self._plans[op])
            return
        kept = self.keep(op)
        if not self._own.isdisjoint(op.results):
            self._lanes[op.result] = [kept.result, *self._likes(op, kept)]

    def _likes(self, op: Op, kept: Op) -> list[Value]:
        """Memory like that of an allocation for the other iterations; none if it is large, so that nobody uses it."""
        small = self._at_most(NEAR, kept.operands)
        none = self.const(0, I64, op.span)
        extents = [self.emit("select", [small, extent, none], [I64], op.span).result for extent in kept.operands]
        self._small[op.result] = small
        types = [kept.result.type]
        return [self.emit(op.name, extents, types, op.span, op.attrs).result for _ in range(WIDTH - 1)]

    def _jam(self, loop: Op, plan: Plan) -> None:
        lo, hi, step, *inits = self.operands(loop)
        rounds = self._rounds(lo, hi, loop, plan)
        middle = self._number("add", lo, rounds)
        body = loop.regions[0]
        jammed = _Lockstep(plan, self.mapping, self._lanes).body(body)
        width = self.const(WIDTH, I64, loop.span)
        types = [r.type for r in loop.results]
        made = self.emit("for", [lo, middle, width, *inits], types, loop.span, loop.attrs, (jammed,))
        left = marked(copy_region(self.region(body), {}), "seldom")
        rest = self.copy(loop, (middle, hi, step, *made.results[:-1]), (left,))
        self.replace(loop.results[-1:], [self._number("add", rounds, rest.results[-1])])

    def _rounds(self, lo: Value, hi: Value, loop: Op, plan: Plan) -> Value:
        """How many iterations are run side by side: as many as there are, down to a multiple; none if nobody knows.

        None, too, if they need much memory each, or if they read so much that memory tells how long they take.
        """
        zero, width = self.const(0, I64, loop.span), self.const(WIDTH, I64, loop.span)
        far = self.emit("sub_overflows", [hi, lo], [BOOL], loop.span).result
        trips = self._number("max", self._number("sub", hi, lo), zero)
        trips = self.emit("select", [far, zero, trips], [I64], loop.span).result
        for near in [*(self._small[own] for own in plan.own), *(self._is_near(self.get(read)) for read in plan.read)]:
            trips = self.emit("select", [near, trips, zero], [I64], loop.span).result
        return self._number("mul", self._number("floordiv", trips, width), width)

    def _is_near(self, buffer: Value) -> Value:
        """Whether an array is small enough for a cache."""
        return self._at_most(FAR, self.extents(buffer, None))

    def _at_most(self, most: int, extents: Sequence[Value]) -> Value:
        """Whether an array of these extents has so many elements, or less."""
        size = self.product([self.const(1, I64, None), *extents], None)
        return self.emit("le", [size, self.const(most, I64, None)], [BOOL], None).result

    def _number(self, name: str, a: Value, b: Value) -> Value:
        return self.emit(name, [a, b], [I64], None).result


class _Lockstep(Rebuild):
    """Writes the body of a loop for several iterations at once, op by op."""

    again = True  # what is left over is done one by one

    def __init__(self, plan: Plan, mapping: dict[Value, Value], lanes: dict[Value, list[Value]]) -> None:
        super().__init__()
        self.mapping = dict(mapping)
        self._lanes = dict(lanes)
        self._plan = plan
        self._varies = plan.varying
        self._in_turn = set(plan.in_turn)

    def body(self, region: Region) -> Region:
        args = tuple([Value(a.type, a.name) for a in region.args])
        index, *carries = args
        steps = [self.const(k, I64, None) for k in range(1, WIDTH)]
        indices = [self.emit("add", [index, step], [I64], None).result for step in steps]
        self._lanes[region.args[0]] = [index, *indices]
        for old, new in zip(region.args[1:], carries, strict=True):
            self._lanes[old] = [new, *self._nothings(new)]
        self.splice(op for op in region.ops[:-1] if op not in self._in_turn)
        running = self._add_in_turn(region, carries)
        end = region.terminator
        sums = [total if (total := running.get(v)) is not None else self._total(v) for v in end.operands]
        self.emit("yield", sums, [], end.span)
        return Region(args, self.ops)

    def visit(self, op: Op) -> None:
        if self._varies.alone(op):
            self._each(op)
        elif op.name == "for":
            self._for(op)
        elif op.name == "if":
            self._if(op)
        elif self._varies.is_sum(op):
            self._sum(op)
        elif any(map(self._varies, (*op.operands, *op.results))):
            self._each(op)
        else:
            self.keep(op)

    # -- what each iteration has

    def _lane(self, value: Value, k: int) -> Value:
        """What the iteration has in place of a value."""
        return self._lanes[value][k] if value in self._lanes and self._varies(value) else self.get(value)

    def _all(self, value: Value) -> list[Value]:
        return [self._lane(value, k) for k in range(WIDTH)]

    def _each(self, op: Op) -> None:
        """The op once for each iteration."""
        used = {o for inner in (op, *(i for r in op.regions for i in walk(r))) for o in inner.operands}
        copies = [copy_op(op, {o: self._lane(o, k) for o in used}) for k in range(WIDTH)]
        if op in self._plan.scattered:
            for copied in copies:
                copied.attrs = {**copied.attrs, "alone": True}
        self.ops += copies
        self._lanes.update(zip(op.results, map(list, zip(*(c.results for c in copies), strict=True)), strict=True))

    # -- sums

    def _nothings(self, like: Value) -> list[Value]:
        """What the others begin with where the first iteration begins with what is there: it adds nothing."""
        return [self.const(-0.0 if is_float(like.type) else 0, like.type, None)] * (WIDTH - 1)  # type: ignore[arg-type]

    def _total(self, value: Value) -> Value:
        """What all iterations add up to."""
        total, *others = self._all(value)
        for other in others:
            total = self.emit("add", [total, other], [total.type], None, {"reassoc": True}).result
        return total

    def _sum(self, op: Op) -> None:
        """The load or store of an element to which all iterations add."""
        if op.name == "load":
            loaded = self.emit("load", self.operands(op), [op.result.type], op.span, op.attrs).result
            self._lanes[op.result] = [loaded, *self._nothings(loaded)]
        else:
            value, *place = op.operands
            self.emit("store", [self._total(value), *map(self.get, place)], [], op.span, op.attrs)

    def _add_in_turn(self, region: Region, carries: Sequence[Value]) -> dict[Value, Value]:
        """What the iterations add to carries one after the other: per value that the body yields, the sum."""
        carried = list(zip(region.args[1:], carries, region.terminator.operands, strict=True))
        added = {r for op in self._in_turn for r in op.results}
        running = {arg: new for arg, new, yielded in carried if yielded in added}
        for k in range(WIDTH):
            here = dict(running)
            for op in self._plan.in_turn:
                operands = [total if (total := here.get(o)) is not None else self._lane(o, k) for o in op.operands]
                here[op.result] = self.emit(op.name, operands, [op.result.type], op.span, op.attrs).result
            running = {arg: here[yielded] for arg, _, yielded in carried if yielded in added}
        return {yielded: running[arg] for arg, _, yielded in carried if yielded in added}

    # -- what all go through together

    def _for(self, op: Op) -> None:
        body = op.regions[0]
        inits = self._spread(op.operands[3:], body.args[1:])
        index, *args = self.arguments(body.args[:1]) + tuple(v for a in body.args[1:] for v in self._fresh(a))
        inner = self._inner(body, body.args[1:])
        types = [*(v.type for v in inits), I64]
        operands = [*map(self.get, op.operands[:3]), *inits]
        made = self.emit("for", operands, types, op.span, self._attrs(op), (Region((index, *args), inner),))
        self._take(op.results, made.results)

    def _attrs(self, loop: Op) -> dict[str, Any]:
        """Those of a loop; its iterations may meet where each of us adds to elements that it chooses itself."""
        attrs = {**loop.attrs, "packed": True} if loop in self._plan.packed else loop.attrs
        if any(self._varies.is_sum(op) and any(map(self._varies, accessed(op))) for op in walk(loop.regions[0])):
            return {key: value for key, value in attrs.items() if key != "apart"} | {"kind": "sequential"}
        return attrs

    def _if(self, op: Op) -> None:
        regions = tuple([Region((), self._inner(region, op.results)) for region in op.regions])
        types = [v.type for v in regions[0].terminator.operands]
        made = self.emit("if", [self.get(op.operands[0])], types, op.span, op.attrs, regions)
        self._take(op.results, made.results)

    def _inner(self, region: Region, like: Sequence[Value]) -> list[Op]:
        """The ops of a region, which yields as many values as `like` has for all iterations."""
        with self.written() as inner:
            self.splice(region.ops[:-1])
            self.emit("yield", self._spread(region.terminator.operands, like), [], region.terminator.span)
        return inner.ops

    def _spread(self, values: Sequence[Value], like: Sequence[Value]) -> list[Value]:
        """One value where that of `like` is the same for all iterations, else one for each."""
        pairs = zip(values, like, strict=True)
        return [v for value, model in pairs for v in (self._all(value) if self._varies(model) else [self.get(value)])]

    def _fresh(self, old: Value) -> list[Value]:
        new = [Value(old.type, old.name) for _ in range(WIDTH if self._varies(old) else 1)]
        self._hold(old, new)
        return new

    def _take(self, old: Sequence[Value], new: Sequence[Value]) -> None:
        rest = iter(new)
        for value in old:
            self._hold(value, [next(rest) for _ in range(WIDTH if self._varies(value) else 1)])

    def _hold(self, old: Value, new: list[Value]) -> None:
        if len(new) == 1:
            self.mapping[old] = new[0]
        else:
            self._lanes[old] = new
