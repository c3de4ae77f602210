"""Which integers a function's values can be: forms and intervals from ops, truths from conditions.

`define` is told of every op in program order and gives its integer result a form (`llad/ir/affine.py`); `enter_for` and
`enter_while` describe block arguments; `assume` is told which conditions hold. `truth` then says whether a
condition is always true or always false here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llad.ir.affine import GREATEST, LEAST, LONGEST, Affine, Knowledge
from llad.ir.core import Function, Op, Region, Value, constant, loop_yields
from llad.ir.types import BOOL, I32, I64
from llad.passes.claims import OPPOSITE, OVERFLOWS, AtLeastZero, Item, NoOverflow, compared, consequences, total_of


class Ranges:
    """Keyed by the values of the function that is analysed (not those of a pass's output)."""

    def __init__(self, fn: Function) -> None:
        self.knowledge = Knowledge()
        self._made: dict[Value, Op] = {}
        self._region: dict[Op, Region] = {}
        self._checked: set[tuple[str, Value, Value, Region]] = set()  # sums shown not to wrap, where
        self._sums: dict[tuple[str, Value, Value], Value] = {}  # results, by what would tell that they wrap
        self._forms: dict[Value, Affine] = {}
        self._same: dict[Value, Value] = {}  # arguments of a `while` condition, as those of its body
        self._truths: dict[Value, bool] = {}
        self._assumed: list[Value] = []
        self._exact: set[tuple[str, Value, Value]] = set()
        self._exact_order: list[tuple[str, Value, Value]] = []
        self._collect(fn.body)

    def _collect(self, region: Region) -> None:
        for op in region.ops:
            self._region[op] = region
            for result in op.results:
                self._made[result] = op
            if op.name in ("add", "sub", "mul") and op.result.type == I64:
                self._sums[f"{op.name}_overflows", op.operands[0], op.operands[1]] = op.result
            if op.name == "check" and (claim := self._no_overflow(op.operands[0])):
                self._checked.add((claim.name, *claim.operands, region))  # type: ignore[arg-type]
            for inner in op.regions:
                self._collect(inner)

    def _no_overflow(self, condition: Value) -> Op | None:
        """The `*_overflows` op that `condition` says is false."""
        negation = self._made.get(condition)
        if negation is None or negation.name != "not":
            return None
        claim = self._made.get(negation.operands[0])
        return claim if claim is not None and claim.name in OVERFLOWS else None

    # -- values

    def form(self, value: Value) -> Affine:
        """The exact form of an i64 value."""
        value = self._same.get(value, value)
        known = self._forms.get(value)
        return known if known is not None else Affine(0, {value: 1})

    def constant(self, value: Value) -> int | None:
        return self.form(value).number

    def define(self, op: Op) -> None:
        """Learn what the results of `op` are."""
        if op.name == "alloc":
            for extent in op.operands:  # an allocation has extents that can be
                self.knowledge.learn(self.form(extent))
                self.knowledge.learn(Affine(LONGEST).plus(self.form(extent), -1))
        elif len(op.results) == 1 and op.results[0].type == I64:
            form = self._form_of(op)
            if form is not None:
                self._forms[op.result] = form

    def identify(self, results: tuple[Value, ...], values: tuple[Value, ...]) -> None:
        """The `results` of an op that was resolved are these `values`."""
        self._forms.update((r, self.form(v)) for r, v in zip(results, values, strict=True) if r.type == I64)

    def _form_of(self, op: Op) -> Affine | None:
        """The form of an i64 result; None if it is an atom, which is then described."""
        result, describe = op.results[0], self.knowledge.describe
        match op.name:
            case "const":
                return Affine(int(op.attrs["value"]))
            case "dim":
                describe(result, (0, LONGEST))
            case "add" | "sub":
                a, b = map(self.form, op.operands)
                total = a.plus(b, 1 if op.name == "add" else -1)
                return total if self._is_exact(op, total) else None
            case "mul":
                a, b = map(self.form, op.operands)
                product = a.by(b)
                if product is None:
                    self._product(op, a, b)
                    return None
                return product if self._is_exact(op, product) else None
            case "neg":
                total = self.form(op.operands[0]).times(-1)
                return total if self.knowledge.fits(total) else None
            case "select":
                return self._select(op)
            case "min" | "max":
                self._extremum(op)
            case "floordiv" | "mod":
                self._quotient(op)
            case "cast":
                if op.operands[0].type == I32:
                    describe(result, (-(2**31), 2**31 - 1))
                elif op.operands[0].type == BOOL:
                    describe(result, (0, 1))
        return None

    def _is_exact(self, op: Op, total: Affine) -> bool:
        key = (f"{op.name}_overflows", op.operands[0], op.operands[1])
        return key in self._exact or self.knowledge.fits(total)

    def _product(self, op: Op, a: Affine, b: Affine) -> None:
        (a0, a1), (b0, b1) = self.knowledge.interval(a), self.knowledge.interval(b)
        corners = (a0 * b0, a0 * b1, a1 * b0, a1 * b1)
        low, high = min(corners), max(corners)
        if (low >= LEAST and high <= GREATEST) or ("mul_overflows", *op.operands) in self._exact:
            self.knowledge.describe(op.result, (max(low, LEAST), min(high, GREATEST)))
            self.knowledge.describe_product(op.result, a, b)

    def _select(self, op: Op) -> Affine | None:
        condition, yes, no = op.operands
        if (truth := self.truth(condition)) is not None:
            return self.form(yes if truth else no)
        forms = [self.form(yes), self.form(no)]
        limits = [*forms, Affine(0)]
        intervals: list[tuple[int, int]] = []
        below, above = set(range(len(limits))), set(range(len(limits)))
        for form, holds in zip(forms, (True, False), strict=True):
            with self.scope():
                self.assume(condition, holds)
                intervals.append(self.knowledge.interval(form))
                below = {k for k in below if self.knowledge.holds(form.plus(limits[k], -1))}
                above = {k for k in above if self.knowledge.holds(limits[k].plus(form, -1))}
        (a0, a1), (b0, b1) = intervals
        low = max(min(a0, b0), 0 if len(forms) in below else LEAST)
        self.knowledge.describe(
            op.result,
            (low, max(a1, b1)),
            [limits[k] for k in sorted(below)],
            [limits[k] for k in sorted(above)],
        )
        return None

    def _extremum(self, op: Op) -> None:
        forms = list(map(self.form, op.operands))
        (a0, a1), (b0, b1) = map(self.knowledge.interval, forms)
        if op.name == "min":
            self.knowledge.describe(op.result, (min(a0, b0), min(a1, b1)), uppers=forms)
        else:
            self.knowledge.describe(op.result, (max(a0, b0), max(a1, b1)), lowers=forms)
        self.knowledge.describe_extremum(op.result, op.name == "min", forms)

    def chosen(self, op: Op) -> Value | None:
        """Which of its operands a `min` or `max` is here, if that is known."""
        first, second = op.operands
        more = self.form(second).plus(self.form(first), -1)
        less = more.times(-1)
        if op.name == "max":
            more, less = less, more
        return first if self.knowledge.holds(more) else second if self.knowledge.holds(less) else None

    def _quotient(self, op: Op) -> None:
        """Python's `//` and `%` by something positive."""
        a, b = map(self.form, op.operands)
        (low, high), (least, most) = self.knowledge.interval(a), self.knowledge.interval(b)
        if least < 1 and self.knowledge.holds(b.shifted(-1)):
            least = 1
        if not 1 <= least <= most:  # an empty interval is that of a place nothing reaches
            return
        if op.name == "mod":
            uppers = [b.shifted(-1)]
            if low >= 0:
                uppers.append(a)
            self.knowledge.describe(op.result, (0, most - 1), uppers=uppers)
        else:
            self.knowledge.describe(
                op.result,
                (min(low // least, low // most), max(high // least, high // most)),
                uppers=[a] if low >= 0 else None,
            )

    def period(self, op: Op) -> str:
        """Where the first operand of an i64 `%` is, as far as that is known: "in" the range of its results, or at most
        one period "below" or "above" it; else nothing."""
        a, b = map(self.form, op.operands)
        holds, most = self.knowledge.holds, b.plus(a, -1).shifted(-1)
        if not holds(b.shifted(-1)):
            return ""
        if not holds(a):
            return "below" if holds(a.plus(b)) and holds(most) else ""
        return "in" if holds(most) else "above" if holds(most.plus(b)) else ""

    # -- loops

    def enter_for(self, op: Op) -> None:
        """Describe the index, the carries and the trip count of a `for`, in whose body we are from now on."""
        body = op.regions[0]
        lo, hi, step = map(self.form, op.operands[:3])
        stride = step.number
        (first, from_above), (to_below, end) = self.knowledge.interval(lo), self.knowledge.interval(hi)
        if stride and stride > 0:
            self.knowledge.describe(body.args[0], (first, end - 1), [lo], [hi.shifted(-1)])
            self.knowledge.learn(hi.plus(lo, -1).shifted(-1))
        elif stride and stride < 0:
            self.knowledge.describe(body.args[0], (to_below + 1, from_above), [hi.shifted(1)], [lo])
            self.knowledge.learn(lo.plus(hi, -1).shifted(-1))
        self._carries(op, op.operands[3:], body.args[1:])
        if stride == 1 and not op.attrs["exits"]:
            self.knowledge.describe(op.results[-1], (0, GREATEST), [hi.plus(lo, -1)])
            self._counters(op, Affine(0, {body.args[0]: 1}).plus(lo, -1))

    def _counters(self, op: Op, offset: Affine) -> None:
        """A carry to which each iteration adds the same, without wrapping, is a sum of the index (`offset` from lo)."""
        body = op.regions[0]
        for init, arg, value, result in zip(
            op.operands[3:], body.args[1:], body.terminator.operands, op.results, strict=False
        ):
            made = self._made.get(value)
            if arg.type != I64 or made is None or made.name != "add" or made.operands[0] is not arg:
                continue
            amount = self.constant(made.operands[1])
            if amount is None:
                amount = constant(made.operands[1], self._made)
            if amount is not None and ("add_overflows", *made.operands, body) in self._checked:
                self._forms[arg] = self.form(init).plus(offset, amount)
                self._forms[result] = self.form(init).plus(Affine(0, {op.results[-1]: 1}), amount)

    def enter_while(self, op: Op) -> None:
        """Describe the carries of a `while`; its condition and its body see the same ones."""
        condition, body = op.regions
        self._same.update(zip(condition.args, body.args, strict=True))
        self._carries(op, op.operands, body.args)

    def _carries(self, op: Op, inits: tuple[Value, ...], args: tuple[Value, ...]) -> None:
        for init, arg, value, result in zip(inits, args, loop_yields(op), op.results, strict=False):
            if arg.type == I64 and self._no_less(value, arg, 8):
                lower = self.form(init)
                for name in (arg, result):
                    self.knowledge.describe(name, (self.knowledge.interval(lower)[0], GREATEST), [lower])
        self.knowledge.describe(op.results[-1], (0, GREATEST))

    def _no_less(self, value: Value, arg: Value, depth: int) -> bool:
        """Whether `value` is `arg` plus something that is not negative, without wrapping."""
        if value is arg:
            return True
        op = self._made.get(value)
        if op is None or depth == 0:
            return False
        if op.name == "if":
            k = op.results.index(value)
            return all(self._no_less(r.terminator.operands[k], arg, depth - 1) for r in op.regions)
        if op.name == "select":
            return all(self._no_less(v, arg, depth - 1) for v in op.operands[1:])
        if op.name == "add":
            amount = constant(op.operands[1], self._made)
            grows = amount is not None and amount >= 0
            checked = ("add_overflows", *op.operands, self._region[op]) in self._checked
            return grows and checked and self._no_less(op.operands[0], arg, depth - 1)
        if op.name == "for" and value in op.results[:-1]:
            k = op.results.index(value)
            next_ = loop_yields(op)[k]
            inner = op.regions[0].args[1 + k]
            return self._no_less(op.operands[3 + k], arg, depth - 1) and self._no_less(next_, inner, depth - 1)
        return False

    # -- conditions

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is assumed in the `with` body is forgotten after it."""
        truths, exact = len(self._assumed), len(self._exact_order)
        with self.knowledge.scope():
            yield
        for value in self._assumed[truths:]:
            del self._truths[value]
        for key in self._exact_order[exact:]:
            self._exact.discard(key)
        del self._assumed[truths:], self._exact_order[exact:]

    def assume(self, condition: Value, truth: bool = True) -> None:
        """`condition` is `truth` from here to the end of the scope."""
        if condition not in self._truths:
            self._truths[condition] = truth
            self._assumed.append(condition)
        op = self._made.get(condition)
        if op is None:
            return
        if op.name == "not":
            self.assume(op.operands[0], not truth)
        elif op.name == ("and" if truth else "or"):
            for operand in op.operands:
                self.assume(operand, truth)
        elif op.name.endswith("_overflows") and not truth:
            key = (op.name, op.operands[0], op.operands[1])
            if key not in self._exact:
                self._exact.add(key)
                self._exact_order.append(key)
            for fact in consequences(self._overflow_item(op)):
                self.knowledge.learn(fact)
            self._relate(op)
        else:
            for item in self._comparison(op, truth) or ():
                self.knowledge.learn(item.form)

    def _relate(self, claim: Op) -> None:
        """The sum or product that `claim` says does not wrap may stand before the check: now it is exact."""
        result = self._sums.get((claim.name, claim.operands[0], claim.operands[1]))
        if result is None or result in self._forms:
            return
        item = self._overflow_item(claim)
        if (total := total_of(item)) is not None:
            difference = total.plus(Affine(0, {result: 1}), -1)
            self.knowledge.learn(difference)
            self.knowledge.learn(difference.times(-1))
        elif self.knowledge.holds(item.a) and self.knowledge.holds(item.b):
            self.knowledge.learn(Affine(0, {result: 1}))

    def truth(self, condition: Value) -> bool | None:
        """Whether `condition` is known to be true, or false, here."""
        if condition in self._truths:
            return self._truths[condition]
        op = self._made.get(condition)
        if op is None:
            return None
        match op.name:
            case "const":
                return bool(op.attrs["value"])
            case "not":
                inner = self.truth(op.operands[0])
                return None if inner is None else not inner
            case "and" | "or":
                absorbing = op.name == "or"
                truths = [self.truth(o) for o in op.operands]
                if absorbing in truths:
                    return absorbing
                return None if None in truths else not absorbing
            case name if name in OVERFLOWS:
                return False if self.proven(self._overflow_item(op)) else None
            case name if name in OPPOSITE and op.operands[0].type == I64:
                for truth in (True, False):
                    items = self._comparison(op, truth)
                    if items and all(self.knowledge.holds(item.form) for item in items):
                        return truth
                if name in ("eq", "ne"):
                    difference = self.form(op.operands[0]).plus(self.form(op.operands[1]), -1)
                    if self.knowledge.holds(difference.shifted(-1)) or self.knowledge.holds(
                        difference.times(-1).shifted(-1)
                    ):
                        return name == "ne"
        return None

    def items(self, condition: Value) -> list[Item] | None:
        """What must hold for `condition` to be true, less what is known to; None if it is no conjunction."""
        if self.truth(condition):
            return []
        op = self._made.get(condition)
        if op is None:
            return None
        if op.name == "and" and op.result.type == BOOL:
            parts = [self.items(o) for o in op.operands]
            return None if None in parts else [item for part in parts for item in part or ()]
        if (claim := self._no_overflow(condition)) is not None:
            return [self._overflow_item(claim)]
        truth = True
        if op.name == "not" and (inner := self._made.get(op.operands[0])) is not None:
            op, truth = inner, False
        compared = self._comparison(op, truth)
        if compared is None:
            return None
        return [item for item in compared if not self.knowledge.holds(item.form)]

    def proven(self, item: Item) -> bool:
        """Whether the item is known to hold."""
        if isinstance(item, AtLeastZero):
            return self.knowledge.holds(item.form)
        if (total := total_of(item)) is not None:
            return self.knowledge.fits(total)
        (a0, a1), (b0, b1) = self.knowledge.interval(item.a), self.knowledge.interval(item.b)
        corners = (a0 * b0, a0 * b1, a1 * b0, a1 * b1)
        return min(corners) >= LEAST and max(corners) <= GREATEST

    def _comparison(self, op: Op, truth: bool) -> list[AtLeastZero] | None:
        """The forms that are ≥ 0 exactly if the comparison `op` is `truth`."""
        if op.name not in OPPOSITE or op.operands[0].type != I64:
            return None
        return compared(op.name, self.form(op.operands[1]).plus(self.form(op.operands[0]), -1), truth)

    def _overflow_item(self, op: Op) -> NoOverflow:
        return NoOverflow(op.name, *map(self.form, op.operands))
