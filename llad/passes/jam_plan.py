"""Which loops go through several iterations side by side (`jam.py`): whether they may, and whether it is worth it."""

from __future__ import annotations

from collections.abc import Iterator

from llad.ir.alias import Aliases, Roots
from llad.ir.core import Function, Op, Region, Value, accessed, makers, walk
from llad.ir.elements import Elements
from llad.ir.hidden import hidden
from llad.ir.poison import maybe_poison
from llad.ir.types import is_float
from llad.ops.cost import DEAR
from llad.passes.latest_plan import recurrences
from llad.passes.partial_sums import Chain
from llad.passes.sharing import Shares, sharing_of
from llad.passes.strips import cost
from llad.passes.varying import Varying

WIDTH = 4  # iterations side by side: as many sums, and what they need, fit into registers
_LARGEST = 300  # ops of a loop that is worth having four times
_SHORT = 80  # of one of which the iterations only wait less
_SLOW = DEAR | {"div", "sqrt"}
_COST_OF_ACCESS = 3  # additions in the time of which an access to memory, if saved, is felt
_REFUSED = frozenset({"push", "pop", "lifo", "free"})


class Plan:
    """How the iterations of one loop go side by side.

    `fits`: whether they may do so at all. `own`: the allocations of which each iteration needs its own. `in_turn`: the
    ops of the loop itself that add to its carries; the iterations do them last, one after the other, so that sums keep
    their order.

    Of the inner loops, `packed` are those in which the iterations load numbers that lie side by side in memory: all
    four are one vector. `beside`: whether they do so in any, maybe with more than one vector. Where they load numbers
    that lie far apart, `scattered` are the ops that add to ordered sums. `read`: the arrays that inner loops go through
    once, a row after the other.
    """

    def __init__(
        self, loop: Op, shares: Shares, aliases: Aliases, elements: Elements, unseen: Roots, free: bool
    ) -> None:
        self._shows = not aliases.written(loop) <= unseen
        self._body = loop.regions[0]
        self._end = self._body.terminator
        self._free = free
        self._elements = elements
        self.varying = Varying(loop, set(shares.scratch), set(shares.added), aliases)
        self.own = [v for v in shares.scratch if self.varying(v)]
        ordered = [c for c in shares.chains if c.start in self._body.args and self._adds_here(c)]
        added = set().union(*(c.sums for c in ordered))
        self.in_turn = [op for op in self._body.ops if not added.isdisjoint(op.results)]
        loose = [c for c in shares.chains if c not in ordered]
        self.fits = all(map(self._is_loose, loose)) and self._is_whole(loose) and self._is_plain() and self._are_last()
        self.packed: list[Op] = []
        self.scattered: list[Op] = []
        self.read: list[Value] = []
        self.beside = False
        for inner in self._innermost(self._body) if self.fits else ():
            self._layout(inner)

    def _adds_here(self, chain: Chain) -> bool:
        """Whether all that is added is added in the loop itself."""
        here = {op.result for op in self._body.ops if op.name in ("add", "sub")}
        return chain.sums <= here | {chain.start}

    def _are_last(self) -> bool:
        """Whether nothing uses what is added in turn, so that it may be added last."""
        added = {r for op in self.in_turn for r in op.results}
        others = (op for op in walk(self._body) if op not in self.in_turn and op is not self._end)
        return all(added.isdisjoint(op.operands) for op in others)

    def _is_loose(self, chain: Chain) -> bool:
        """Whether the sum may be taken in another order."""
        if self._free or not is_float(chain.start.type):
            return True
        adds = (op for op in walk(self._body) if op.name in ("add", "sub") and op.result in chain.sums)
        return all(op.attrs.get("reassoc") for op in adds)

    def _is_whole(self, chains: list[Chain]) -> bool:
        """Whether each element that is added to is loaded and stored by all iterations together, or by each alone."""
        alone = {op: outer for outer in self._alone(self._body) for region in outer.regions for op in walk(region)}
        made = makers(self._body)
        return all(
            alone.get(made[c.start]) is alone.get(end) for c in chains if c.start in made for end in c.ends
        ) and not any(
            self.varying.is_sum(op) and op not in alone and any(map(self.varying, accessed(op)))
            for op in walk(self._body)
        )

    def _alone(self, region: Region) -> Iterator[Op]:
        """The outermost branches and loops that each iteration needs for itself."""
        for op in region.ops:
            if self.varying.alone(op):
                yield op
            else:
                for inner in op.regions:
                    yield from self._alone(inner)

    def _is_plain(self) -> bool:
        """Whether all that may raise an error does so for all iterations, in the order of the first one, and nobody
        sees then what the others have stored already."""
        if self._shows and any(op.name == "check" for op in walk(self._body)):
            return False
        alone = {op for outer in self._alone(self._body) for region in outer.regions for op in walk(region)}
        return not any(
            op.name in _REFUSED or (op.name == "check" and (op in alone or any(map(self.varying, op.operands))))
            for op in walk(self._body)
        )

    # -- worth

    @property
    def pays(self) -> bool:
        """Whether the loop is of moderate size, and some innermost loop of it gains, or there are waits to share."""
        size, loops = sum(1 for _ in walk(self._body)), list(self._innermost(self._body))
        return (size <= _SHORT and self._waits(loops)) or (size <= _LARGEST and any(map(self._gains, loops)))

    def _waits(self, loops: list[Op]) -> bool:
        """Whether an iteration waits for what an innermost loop adds up or chooses, before another one goes on from
        there, or a slow operation: other iterations have something to do meanwhile."""
        waiting = any(is_float(a.type) and self.varying(a) for loop in loops for a in loop.regions[0].args[1:])
        slow = any(op.name in _SLOW and is_float(op.result.type) for op in self._body.ops)
        return waiting and (slow or len(loops) > 1)

    def _innermost(self, region: Region) -> Iterator[Op]:
        """The innermost loops through which the iterations go together."""
        for op in region.ops:
            if self.varying.alone(op):
                continue
            inner = [loop for r in op.regions for loop in self._innermost(r)]
            if op.name == "for" and not any(o.name in ("for", "while") for r in op.regions for o in walk(r)):
                inner = [op]
            yield from inner

    # -- vectors

    def _layout(self, loop: Op) -> None:
        """Whether what the iterations load in an innermost loop lies side by side in memory, or far apart."""
        body = loop.regions[0]
        loads = [op for op in walk(body) if op.name == "load" and any(map(self.varying, op.operands))]
        beside = [op for op in loads if self._strides(op, self._body.args[0])]
        self.beside |= bool(beside)
        if beside and not any(self._strides(op, body.args[0]) for op in loads):
            self.packed.append(loop)
        elif loads and not beside and not self._free:
            ordered = self._ordered(body)
            self.scattered += ordered
            passed = self._passed(loop) if ordered and loop in self._body.ops else []
            self.read += [array for array in passed if array not in self.read]

    def _ordered(self, body: Region) -> list[Op]:
        """The ops that add to what a loop carries, of which each waits for the one before."""
        sums = {*body.args[1:]}
        adds = [op for op in body.ops if op.name in ("add", "sub") and is_float(op.result.type)]
        return [op for op in adds if not op.attrs.get("reassoc") and not sums.isdisjoint(op.operands)]

    def _passed(self, loop: Op) -> list[Value]:
        """The arrays from outside of which an innermost loop loads or stores rows."""
        inside = {r for op in walk(self._body) for r in op.results}
        accesses = [accessed(op) for op in walk(loop.regions[0]) if op.name in ("load", "store")]
        varying = [(handle, at) for handle, *at in accesses if any(map(self.varying, (handle, *at)))]
        bases = (self._elements.place(handle, at, inside)[0] for handle, at in varying)
        return [base for base in dict.fromkeys(bases) if base not in inside and not self.varying(base)]

    def _strides(self, load: Op, index: Value) -> bool:
        """Whether a load goes from each element of a row to the next with `index`."""
        buffer, *indices = load.operands
        if not indices or getattr(buffer.type, "layout", "") != "C" or self.varying(buffer):
            return False
        *others, last = map(self._elements.form, indices)
        return last.terms.get(index, 0) == 1 and all(index not in form.terms for form in others)

    def _gains(self, loop: Op) -> bool:
        """Whether it adds up, and what it need not load and store again counts beside what it computes."""
        body = loop.regions[0]
        accesses = [op for op in walk(body) if op.name in ("load", "store")]
        sums = [op for op in accesses if self.varying.is_sum(op)]
        same = [op for op in accesses if op in sums or not any(map(self.varying, (*op.operands, *op.results)))]
        adds = bool(sums) or any(map(self.varying, body.args[1:])) or self._updates(accesses)
        work = sum(map(cost, walk(body)))
        changed = bool(sums) or any(op.name == "store" for op in accesses)
        gain = bool(same) and len(same) * _COST_OF_ACCESS >= work
        return adds and gain and (changed or not self._streams(loop))

    def _streams(self, loop: Op) -> bool:
        """Whether all there is to do is to read one row after the other, which is done as fast as memory is read: no
        iteration waits for the one before, but for sums that several may share. (What goes down a column does not.)"""
        if loop in self.packed or loop not in self._body.ops or any(op.name in DEAR for op in walk(self._body)):
            return False
        return not (recurrences(loop) if self._free else self._ordered(loop.regions[0]))

    def _updates(self, accesses: list[Op]) -> bool:
        """Whether elements of memory that is an iteration's own are loaded and stored again."""
        stored = {op.operands[1] for op in accesses if op.name == "store" and self.varying(op.operands[1])}
        return any(op.name == "load" and op.operands[0] in stored for op in accesses)


def plans(fn: Function) -> dict[Op, Plan]:
    """The loops of `fn` that may go side by side and gain by it; none of them is in another.

    Of loops inside each other it is the outer one, unless only the inner one's iterations load what lies side by side,
    and are not few.
    """
    if fn.attrs.get("may_alias"):
        return {}
    elements, aliases, sharing = Elements(fn), Aliases(fn), sharing_of(fn)
    poison = maybe_poison(fn)  # what nobody reads, so that not even nothing may be added to it
    free, unseen = bool(fn.attrs.get("fastmath")), hidden(fn)

    def paying(op: Op) -> Plan | None:
        if not _is_candidate(op, elements) or not poison.isdisjoint(op.regions[0].args) or (shares := sharing(op)).why:
            return None
        plan = Plan(op, shares, aliases, elements, unseen, free)
        return plan if plan.fits and plan.pays else None

    def visit(region: Region) -> dict[Op, Plan]:
        found: dict[Op, Plan] = {}
        for op in region.ops:
            plan = paying(op)
            inside = {} if plan and plan.beside else {k: p for inner in op.regions for k, p in visit(inner).items()}
            beside = any(p.beside and not loop.attrs.get("few") for loop, p in inside.items())
            found.update({op: plan} if plan and not beside else inside)
        return found

    return visit(fn.body)


def _is_candidate(op: Op, elements: Elements) -> bool:
    """Whether it is a loop around loops that goes by ones, and not just a few times."""
    if op.name != "for" or op.attrs.get("part") or op.attrs.get("seldom"):
        return False
    if not any(inner.name == "for" for inner in walk(op.regions[0])):
        return False
    lo, hi, step = map(elements.constant, op.operands[:3])
    return step == 1 and (lo is None or hi is None or hi - lo >= 2 * WIDTH)
