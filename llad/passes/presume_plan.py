"""Which loops can be run as if their checks held (`presume.py`): those that only compute, load, check and add up."""

from __future__ import annotations

from collections.abc import Container, Sequence

from llad.dataclass import dataclass
from llad.ir.core import (
    BLANK,
    PURE_STRUCTURED,
    Function,
    Op,
    Region,
    Value,
    constant,
    loop_carries,
    makers,
    users,
    walk,
)
from llad.ir.poison import maybe_poison
from llad.ir.types import ScalarType, is_float
from llad.ops.table import OPS
from llad.passes.strips import SPECIAL

_MOST = 250  # ops in an iteration
_KNOWN = frozenset({"load", "check", "if", "yield"})
_REFUSED = frozenset({"view", "ipow", "ipow_overflows", "shl", "shr"})


@dataclass(frozen=True, slots=True)
class Plan:
    """`sums`: the additions of the loop, each with the carry that it adds to and the operand that is the term;
    `merged`: the results of branches that are such sums, with the carries; `inside`: what is made in an iteration."""

    sums: dict[Op, tuple[Value, Value]]
    merged: dict[Value, Value]
    inside: frozenset[Value]


class Plans:
    """The loops of one function."""

    def __init__(self, fn: Function) -> None:
        self._fast = bool(fn.attrs.get("fastmath"))
        self._made = makers(fn.body)
        self._users = users(fn.body)
        self._branches = {r.terminator: op for op in walk(fn.body) if op.name == "if" for r in op.regions}
        self.poison = maybe_poison(fn)
        self._filled = frozenset(p for k, p in enumerate(fn.params) if k not in fn.attrs.get(BLANK, ()))
        self._unread = any(op.name == "store" and op.operands[0] in self.poison for op in walk(fn.body))

    def plan(self, loop: Op, around: Sequence[Op]) -> Plan | None:
        """How the loop adds up, if it does nothing else, and checks; `around`: the loops that it stands in."""
        body = loop.regions[0]
        inner = list(walk(body))
        if not any(op.name == "check" for op in inner) or len(inner) > _MOST or len(loop.operands) == 3:
            return None
        if any(loop.attrs.get(a) for a in (*SPECIAL, "few", "lanes")) or constant(loop.operands[2], self._made) != 1:
            return None
        runs = {(name, *each.operands[:2]) for each in (*around, loop) if (name := self._runs(each))}
        if not all(_is_known(op) and self._is_defined(op, runs) for op in inner):
            return None
        if not all(op.name != "load" or self._is_filled(op.operands[0]) for op in _doubtful(body)):
            return None
        plan = Plan({}, {}, frozenset([*body.args, *(r for op in inner for r in op.results)]))
        for number, carry in enumerate(loop_carries(loop, body)):
            if not self._follow(carry, number, body, plan):
                return None
        return plan

    # -- what is defined

    def _runs(self, loop: Op) -> str | None:
        """The comparison of the bounds of a loop that holds if it has an iteration."""
        step = constant(loop.operands[2], self._made) if loop.name == "for" else None
        return ("lt" if step > 0 else "gt") if step else None

    def _is_defined(self, op: Op, runs: Container[tuple[object, ...]]) -> bool:
        """Whether an op may be computed wherever these comparisons hold, whatever the branches say."""
        if op.name == "yield":
            return True
        read = op.operands[:1] if op.name == "select" else op.operands
        return all(v not in self.poison or self._holds_number(v, runs) for v in read)

    def _holds_number(self, value: Value, runs: Container[tuple[object, ...]]) -> bool:
        """Whether a value is defined if these comparisons hold, though it may be undefined where they do not."""
        made = self._made.get(value)
        asked = self._made.get(made.operands[0]) if made is not None and made.name == "if" else None
        if made is None or asked is None or (asked.name, *asked.operands) not in runs:
            return False
        given = made.regions[0].terminator.operands[made.results.index(value)]
        return given not in self.poison or self._holds_number(given, runs)

    def _is_filled(self, array: Value) -> bool:
        """Whether there is a number wherever the array has an element."""
        while (made := self._made.get(array)) is not None and made.name == "view":
            array = made.operands[0]
        if made is None:
            return array in self._filled
        return made.name == "alloc" and bool(made.attrs.get("zero")) and not self._unread

    # -- sums

    def _follow(self, carry: Value, number: int, body: Region, plan: Plan) -> bool:
        """Whether what an iteration does with a carry is to add to it and hand it on; `plan` learns how."""
        chain = self._chain(carry)
        if chain is None or self._walk(body, carry, carry, chain, plan) is not body.terminator.operands[number]:
            return False
        return sum(v in chain for v in body.terminator.operands) == 1

    def _chain(self, carry: Value) -> set[Value] | None:
        """The sums of free order of a carry and something; None if more becomes of it."""
        waiting, chain = [carry], {carry}
        while waiting:
            value = waiting.pop()
            for user in self._users.get(value, ()):
                if not is_float(value.type):
                    return None
                if user.name == "yield":
                    branch = self._branches.get(user)
                    ends = zip(user.operands, branch.results, strict=True) if branch else ()
                    following = [result for operand, result in ends if operand is value]
                elif user.name in ("add", "sub") and (self._fast or user.attrs.get("reassoc")):
                    following = list(user.results)
                else:
                    return None
                waiting += [v for v in following if v not in chain]
                chain.update(following)
        return chain

    def _walk(self, region: Region, value: Value, carry: Value, chain: set[Value], plan: Plan) -> Value | None:
        """What the sum comes to at the end of a region, where it begins as `value`; None if that is no one sum."""
        for op in region.ops[:-1]:
            if op.regions:
                slots = [k for k, result in enumerate(op.results) if result in chain]
                if len(slots) > 1:
                    return None
                for arm in op.regions:
                    end, given = self._walk(arm, value, carry, chain, plan), arm.terminator.operands
                    if end is not (given[slots[0]] if slots else value):
                        return None
                if slots:
                    value = op.results[slots[0]]
                    plan.merged[value] = carry
            elif not chain.isdisjoint(op.operands):
                first, second = op.operands
                if first is not value and (op.name == "sub" or second is not value):
                    return None
                term = second if first is value else first
                if term in chain:
                    return None
                plan.sums[op] = (carry, term)
                value = op.result
        return value


def _is_known(op: Op) -> bool:
    known = op.name in _KNOWN or ((op.name in OPS or op.name in PURE_STRUCTURED) and op.name not in _REFUSED)
    return known and all(isinstance(r.type, ScalarType) for r in op.results)


def _doubtful(body: Region) -> list[Op]:
    """What an iteration may not come to."""
    first = next((k for k, op in enumerate(body.ops) if op.name == "check" or op.regions), len(body.ops))
    return [op for each in body.ops[first:] for op in (each, *(o for r in each.regions for o in walk(r)))]
