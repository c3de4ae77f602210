"""What of a loop's iteration can wait until the loop is over (`distribute.py`), and what must be kept for it.

The ops of an iteration, and its carries, are nodes of a graph. There is an edge to each node from those that it needs,
in the same iteration or in the one before. A cycle is a recurrence, unless it does no more than add to a number.
Recurrences, and all that they need, go *ahead*; the rest is *late*.

Memory orders nodes, too. In memory that each iteration has to itself, there are edges only from earlier ops to later
ones. In other memory there is also an edge from each write to the reads and writes before it in the body, which come
after it in the next iteration. Reads that are late are excepted: they find a copy of what was there at the end of their
own iteration.
"""

from __future__ import annotations

from collections.abc import Iterable

from llad.dataclass import dataclass
from llad.ir.alias import Aliases
from llad.ir.core import CHECKPOINT, Function, Makers, Op, Region, Value, defined, makers, mentioned, users, walk
from llad.ir.coverage import Coverage
from llad.ir.cycles import cycles
from llad.ir.elements import Elements
from llad.ir.overwrites import Overwrites
from llad.ir.poison import maybe_poison
from llad.ir.types import BufferType, ScalarType, is_float
from llad.ops.cost import DEAR
from llad.ops.table import OPS
from llad.passes.effects import Effects
from llad.passes.strips import cost

_MOST = 200  # nodes of an iteration
_MOST_KEPT = 8  # numbers and rows of an iteration that are kept
_SUMS = frozenset({"add", "sub"})
_WAITS = 3  # times as long as a function keeps a processor busy

_Node = Op | Value  # an op of the body, or a carry


@dataclass(frozen=True, slots=True)
class Row:
    """An array of one axis of which each iteration keeps a row.

    `own`: it is the iteration's own, so what goes ahead works in that row; else the row is a copy. `filled`: every
    element of it is written. `written`: what is late writes to it, too, so it has an array of its own.
    """

    root: Value
    extent: Value
    own: bool
    filled: bool
    written: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """`again`: ops that go ahead and are done once more for what is late. `carries`: the numbers of those that are."""

    ahead: list[Op]
    late: list[Op]
    again: list[Op]
    carries: list[int]
    numbers: list[Value]
    rows: list[Row]


class Planner:
    """Judges the loops of one function."""

    def __init__(self, fn: Function) -> None:
        self._aliases = Aliases(fn)
        self._overwrites = Overwrites(fn, self._aliases)
        self._coverage = Coverage(fn, self._aliases)
        self._effects = Effects(fn, self._aliases)
        self._elements = Elements(fn)
        self._poison = maybe_poison(fn)
        self._made = makers(fn.body)
        self._users = users(fn.body)

    def plan(self, loop: Op, before: list[Op]) -> Plan | None:
        """How a loop is taken apart, if it is worth it; `before`: what stands before it in its region."""
        attrs, body = loop.attrs, loop.regions[0]
        plain = not (attrs["exits"] or attrs.get("threads") or attrs.get("ahead") or CHECKPOINT in attrs)
        if not plain or attrs["kind"] != "sequential" or self._elements.constant(loop.operands[2]) != 1:
            return None
        if not _has_dear(body.ops) or len(body.ops) + len(body.args) > _MOST:
            return None
        after = self._edges(loop)
        first = self._ahead(loop, after)
        ahead = [op for op in body.ops[:-1] if op in first]
        late = [op for op in body.ops[:-1] if op not in first]
        if not ahead or not _is_worth_it(ahead, late) or not self._may_change_places(ahead, late):
            return None
        carries = [k for k, carry in enumerate(body.args[1:]) if carry not in first]
        return self._kept(loop, before, ahead, late, carries)

    def _may_change_places(self, ahead: list[Op], late: list[Op]) -> bool:
        """Whether nobody can tell from an error that what is ahead comes before what is late of earlier iterations."""
        one, other = self._effects.together(ahead), self._effects.together(late)
        return not (one.fixed or other.fixed or (one.raises and other.seen))

    # -- what needs what

    def _edges(self, loop: Op) -> dict[_Node, set[_Node]]:
        """What needs each node, directly."""
        body = loop.regions[0]
        ops, carries = body.ops[:-1], body.args[1:]
        nodes: list[_Node] = [*ops, *carries]
        after: dict[_Node, set[_Node]] = {node: set() for node in nodes}
        home: dict[Value, _Node] = {carry: carry for carry in carries}
        home.update((r, op) for op in ops for r in op.results)
        for op in ops:
            for value in mentioned(op):
                if value in home and home[value] is not op:
                    after[home[value]].add(op)
        for carry, value in zip(carries, body.terminator.operands, strict=True):
            if value in home:
                after[home[value]].add(carry)
        self._through_memory(loop, after)
        return after

    def _through_memory(self, loop: Op, after: dict[_Node, set[_Node]]) -> None:
        ops, changed = loop.regions[0].ops[:-1], self._aliases.written(loop)
        touching = [
            (op, self._aliases.read(op) & changed, self._aliases.written(op))
            for op in ops
            if not changed.isdisjoint(self._aliases.touched(op))
        ]
        own = {root for root in changed if self._is_own(root, loop)}
        for k, (late, reads, writes) in enumerate(touching):
            if reads & writes - own:
                after[late].add(late)
            for early, read, written in touching[:k]:
                if (read | written) & writes or written & reads:
                    after[early].add(late)
                if ((read | written) & writes) - own:
                    after[late].add(early)

    def _is_own(self, root: Value, loop: Op) -> bool:
        """Whether each iteration has the memory to itself, and knows it by one name."""
        if not self._overwrites.private(root, loop):
            return False
        inside = defined(loop.regions[0])
        names = {o for op in walk(loop.regions[0]) for o in op.operands if root in self._aliases.roots(o)}
        return all(name is root or name in inside for name in names)

    def _ahead(self, loop: Op, after: dict[_Node, set[_Node]]) -> set[_Node]:
        """Recurrences, what raises, since that may be what guards them, and what these need."""
        needs: dict[_Node, set[_Node]] = {node: set() for node in after}
        for node, others in after.items():
            for other in others:
                needs[other].add(node)
        sums = {node for k in range(len(loop.regions[0].args) - 1) for node in self._sum(loop, k)}
        found: set[_Node] = set()
        for cycle in cycles(after):
            if not set(cycle) <= sums:
                found.update(cycle)
        if not found:
            return set()
        found.update(op for op in loop.regions[0].ops[:-1] if self._effects.of(op).raises)
        pending = list(found)
        while pending:
            for node in needs[pending.pop()]:
                if node not in found:
                    found.add(node)
                    pending.append(node)
        return found

    def _sum(self, loop: Op, k: int) -> set[_Node]:
        """Carry `k` and the ops of the body that add to it, if that is all that becomes of it."""
        body = loop.regions[0]
        value, end = body.args[1 + k], body.terminator.operands[k]
        nodes: set[_Node] = {value}
        if not is_float(value.type):
            return set()
        while value is not end:
            following = self._users.get(value, [])
            if len(following) != 1:
                return set()
            (op,) = following
            if op.name in _SUMS and (op.name == "add" or op.operands[0] is value):
                value = op.result
            elif op.name == "for" and not op.attrs["exits"] and value in op.operands[3:]:
                number = op.operands[3:].index(value)
                if not self._sum(op, number):
                    return set()
                value = op.results[number]
            else:
                return set()
            nodes.add(op)
        return nodes if self._users[end] == [body.terminator] else set()

    # -- what is kept

    def _kept(self, loop: Op, before: list[Op], ahead: list[Op], late: list[Op], carries: list[int]) -> Plan | None:
        """The plan, if what is late of this kind can be done with few numbers and rows."""
        body = loop.regions[0]
        changed, made = self._aliases.written(loop), {r: op for op in ahead for r in op.results}
        states = {carry for k, carry in enumerate(body.args[1:]) if k not in carries}
        roots = self._crossing(ahead, late)
        if any(not self._aliases.roots(body.terminator.operands[k]).isdisjoint(roots) for k in carries):
            return None  # the next iteration, or who comes after the loop, wants that memory and no copy of it
        again: dict[Op, None] = {}
        numbers: dict[Value, None] = {}

        def need(value: Value) -> bool:
            """Whether what is late can have the value."""
            if value in states or (value in made and not self._is_cheap(made[value], changed)):
                if value in roots:
                    return True
                numbers[value] = None
                return isinstance(value.type, ScalarType) and value not in self._poison
            if value in made and made[value] not in again:
                again[made[value]] = None
                return all(map(need, made[value].operands))
            return True

        wanted = [v for op in late for v in mentioned(op)] + [body.terminator.operands[k] for k in carries]
        if not all(map(need, dict.fromkeys(wanted))):
            return None
        rows = [self._row(root, loop, before, ahead, late) for root in roots]
        found = [row for row in rows if row is not None]
        if len(found) < len(rows) or not 0 < len(found) + len(numbers) <= _MOST_KEPT:
            return None
        return Plan(ahead, late, [op for op in ahead if op in again], carries, list(numbers), found)

    def _is_cheap(self, op: Op, changed: frozenset[Value]) -> bool:
        """Whether it is as well done again: arithmetic of indices, views, loads of what the loop does not write."""
        if op.name == "load":
            return changed.isdisjoint(self._aliases.read(op))
        if op.name in OPS:
            return not any(is_float(v.type) for v in (*op.operands, *op.results))
        return op.name in ("const", "dim", "view")

    def _crossing(self, ahead: list[Op], late: list[Op]) -> list[Value]:
        """The memory that is written ahead, and read late before it is written there."""
        given: dict[Value, None] = {}
        for op in late:
            given.update(dict.fromkeys(self._aliases.touched(op)))
        written = {root for root in self._written(ahead) if not self._is_blank(root, late, ahead)}
        order = {value: k for k, value in enumerate(self._made)}
        return sorted(written & set(given), key=lambda root: order.get(root, -1))

    def _is_blank(self, root: Value, late: list[Op], inside: list[Op]) -> bool:
        """Whether what is late reads nothing there but what it writes itself."""
        made = self._made.get(root)
        return made is not None and made not in inside and self._overwrites.covers(late, root)

    def _row(self, root: Value, loop: Op, before: list[Op], ahead: list[Op], late: list[Op]) -> Row | None:
        """How the memory is kept, if it can be."""
        made = self._made.get(root)
        if not isinstance(root.type, BufferType) or root.type.rank != 1 or made is None or made.name != "alloc":
            return None
        inside = defined(loop.regions[0])
        if made.operands[0] in inside or not _is_named_plainly(root, late, self._aliases, inside, self._made):
            return None
        own, written = self._is_own(root, loop), root in self._written(late)
        filled = self._coverage.fills(ahead, root)
        if own and made in ahead and made.attrs["zero"] and not filled:
            return None  # rows have not been zeros since strips before
        if own:
            return (
                None if not self._overwrites.covers(ahead, root) else Row(root, made.operands[0], own, filled, written)
            )
        known = filled or made.attrs["zero"] or self._coverage.fills(before, root)
        return Row(root, made.operands[0], own, True, written) if known and not written else None

    def _written(self, ops: Iterable[Op]) -> set[Value]:
        return set().union(*map(self._aliases.written, ops))


def _is_named_plainly(root: Value, ops: list[Op], aliases: Aliases, inside: set[Value], made: Makers) -> bool:
    """Whether the ops know the memory as what it was made as, or by views of that which the iteration makes."""
    names = {o for op in ops for each in _with_inner(op) for o in (*each.operands, *each.results)}
    others = {name for name in names if root in aliases.roots(name)} - {root}
    return others <= inside and all(name in made and made[name].name == "view" for name in others)


def _with_inner(op: Op) -> list[Op]:
    return [op, *[inner for region in op.regions for inner in walk(region)]]


def _is_worth_it(ahead: list[Op], late: list[Op]) -> bool:
    """Whether what is late takes longer than to load numbers, and is not done anyway while the recurrence waits.

    A processor goes on with what follows meanwhile, as far as it looks ahead: not with loops, nor with much more than
    what it waits for. For the result of a function it waits longer than the function keeps it busy.
    """
    if not _has_dear(late) or any(op.name == "for" for op in walk(Region((), late))):
        return _has_dear(late)
    inner = list(walk(Region((), ahead)))
    waits = sum(cost(op) * (_WAITS if op.name in DEAR else 1) for op in inner)
    return all(op.name != "for" for op in inner) and 2 * sum(map(cost, walk(Region((), late)))) > 3 * waits


def _has_dear(ops: list[Op]) -> bool:
    return any(op.name in DEAR for op in walk(Region((), ops)))
