"""How loops are reversed: which may be fused or rerun, and which of these is worth it.

taped        the forward sweep runs the loop and keeps what the reversed loop needs: always right
recomputed   each iteration of the reversed loop runs its iteration forward again, keeping what it needs for itself, and
             reverses it: what is kept is that of one iteration
checkpointed as recomputed, from a few copies of what iterations hand on, where the user asks for it (`snapshots.py`)
fused        one loop, in the place of the primal one, runs each iteration and reverses it at once: nothing runs twice

(Griewank & Walther 2008, ch. 12, for recomputing; the fused sweep is what one writes by hand for a sum of losses.)

A carry is a *sum* if all that an iteration does with it is to add to it; its adjoint is then the same in every
iteration. A loop may be fused if all its active carries are sums; if what an iteration writes into active memory is
its own (`Overwrites.private`), so that no adjoint passes between iterations through a shadow; if active memory which
the loop reads is not written behind it, since the loop's adjoints come before those of what follows; and if the
adjoints of the sums are known before the loop, which is found out when it is mirrored (`loops.py`).
It may be rerun if everything an iteration reads is still there, but for its carries, which are kept.
"""

from __future__ import annotations

from collections.abc import Callable

from llad.ad.activity import Activity
from llad.ad.structure import LOOPS, Strategy, Structure
from llad.ir.alias import Aliases
from llad.ir.core import CHECKPOINT, TAPE, Op, Region, Value, loop_carries, loop_yields, walk
from llad.ir.overwrites import Overwrites
from llad.ir.types import BufferType, ScalarType, is_float
from llad.refusals.table import refusal

# What a loop is made of that adds up products of elements.
_PRODUCTS = frozenset({"const", "load", "mul", "add", "sub", "view", "cast", "yield"})

# Which of the strategies that are legal for a loop is taken, given whether the loop holds loops and is in no rerun.
Preference = Callable[[list[Strategy], bool], Strategy]


def cheapest(legal: list[Strategy], large: bool) -> Strategy:
    """Fused where it is legal. Rerunning pays if an iteration of the outermost loop would keep a lot."""
    if "fused" in legal:
        return "fused"
    return "recomputed" if large and "recomputed" in legal else "taped"


def always(wanted: Strategy) -> Preference:
    """`wanted` wherever it is legal: for tests, which compare the strategies."""
    return lambda legal, large: wanted if wanted in legal else "taped"


class Strategies:
    """Judges the loops of one function."""

    def __init__(
        self,
        structure: Structure,
        activity: Activity,
        aliases: Aliases,
        overwrites: Overwrites,
        preference: Preference,
    ) -> None:
        self._structure = structure
        self._activity = activity
        self._aliases = aliases
        self._overwrites = overwrites
        self._preference = preference
        self.why: dict[Op, str] = {}  # of the loops that were asked about, why nothing better was chosen
        self._uses: dict[Value, list[tuple[Op, int, Region]]] = {}
        self._sums: dict[Op, frozenset[int]] = {}
        self._read_uses(structure.fn.body)

    def _read_uses(self, region: Region) -> None:
        for op in region.ops:
            for k, operand in enumerate(op.operands):
                self._uses.setdefault(operand, []).append((op, k, region))
            for inner in op.regions:
                self._read_uses(inner)

    def choose(self, loop: Op, adjoints_known: bool) -> Strategy:
        """The strategy for a loop; `adjoints_known`: those of its sums can be computed before it.

        Raises: DerivativeError if the loop is marked as checkpointed and cannot be.
        """
        if CHECKPOINT in loop.attrs:
            why, hint = self._why_not_checkpointed(loop)
            if why:
                raise refusal("checkpoint-loop", loop.span, why=why, hint=hint)
            return "checkpointed"
        why = self._why_taped(loop)
        if why:
            self.why[loop] = why
            return "taped"
        not_fused = self._why_not_fused(loop)
        if not not_fused and not adjoints_known:
            not_fused = "the adjoint of its sum is known behind it only"
        not_rerun = self._why_not_rerun(loop)
        options: list[tuple[Strategy, str]] = [("fused", not_fused), ("recomputed", not_rerun)]
        legal = [strategy for strategy, why_not in options if not why_not]
        nested = any(op.name in LOOPS for op in walk(loop.regions[0]))
        outermost = self._structure.home(loop) is self._structure.fn.body
        chosen = self._preference(legal, nested and outermost)
        little = "" if not_rerun else "an iteration keeps little"
        self.why[loop] = {
            "fused": "",
            "recomputed": f"not fused: {not_fused}",
            "taped": f"not fused: {not_fused}; not rerun: {not_rerun or little}",
        }[chosen]
        return chosen

    # -- legality: why not, or ""

    def _why_taped(self, loop: Op) -> str:
        """Why neither is asked for: it is no plain `for` that carries numbers, without stacks, calls and printing."""
        structure = self._structure
        inside = {op.name for op in walk(loop.regions[-1])}
        if structure.apart is not None and loop in structure.apart:
            return "a rerun would overwrite what the next reverse sweep reads"
        if structure.called:
            return "it stands in a function that is called"
        if not structure.is_root(structure.home(loop)):
            return "it stands in a loop that is taped, or in a branch"
        if loop.name != "for" or loop.attrs["exits"]:
            return "how often it runs is not known before"
        if not all(isinstance(c.type, ScalarType) for c in loop_carries(loop)):
            return "it hands arrays on"
        if inside & TAPE or inside & {"call", "print"}:
            return "it calls, prints, or pops what another loop has kept"
        return ""

    def _why_not_fused(self, loop: Op) -> str:
        active, aliases = self._activity.active, self._aliases
        sums = self.sums(loop)
        for k, carry in enumerate(loop_carries(loop)):
            if is_float(carry.type) and active(carry) and k not in sums:
                return f"`{carry.name or 'a carry'}` is more than a sum"
        written = sorted(filter(active, aliases.written(loop)), key=self._structure.position.__getitem__)
        for root in written:
            if not self._overwrites.private(root, loop):
                return f"what it writes in `{root.name or 'an array'}` is used outside the iteration"
        read = frozenset(r for r in aliases.read(loop) if active(r)) - frozenset(written)
        return "" if self._stays(read, loop) else "what it reads is overwritten behind it"

    def _why_not_rerun(self, loop: Op) -> str:
        read, written = self._aliases.read(loop), self._aliases.written(loop)
        shared = frozenset(r for r in read if not (r in written and self._overwrites.private(r, loop)))
        if not shared.isdisjoint(written):
            return "an iteration reads what earlier ones wrote"
        return "" if self._stays(shared, loop) else "what it reads is overwritten behind it"

    def _why_not_checkpointed(self, loop: Op) -> tuple[str, str]:
        """Why a loop may not be run again from copies of its state, and what to do about it."""
        structure, home = self._structure, self._structure.home(loop)
        inside = {op.name for op in walk(loop.regions[0])}
        if structure.called:
            return "stands in a function that is compiled by itself", "move it to the function that is differentiated"
        if not structure.is_root(home):
            return "stands in a branch, or in a loop that is taped", "move it out, or checkpoint the loop around it too"
        if loop.attrs["exits"]:
            return "may end early", "let it run to its end, and choose with `if` what an iteration does"
        if inside & TAPE or "call" in inside:
            return "calls a function that is compiled by itself", "write the recursion as a loop"
        if any(not structure.encloses(structure.region_of[r], home) for r in self.state(loop)):
            return "writes an array that was chosen by a branch", "copy it before the loop, e.g. `a.copy()`"
        read = self._aliases.read(loop) - self.state(loop)
        read = frozenset(r for r in read if structure.encloses(structure.region_of[r], home))
        lost = [r for r in read if not self._stays(frozenset([r]), loop)]
        if lost:
            name = min(r.name for r in lost)
            return f"reads `{name or 'an array'}`, which is overwritten behind it", "read a copy, e.g. `a.copy()`"
        return "", ""

    def state(self, loop: Op) -> frozenset[Value]:
        """The memory from outside a loop which a rerun of an iteration writes."""
        body = loop.regions[0]
        stores = [op.operands[1] for op in walk(body) if op.name == "store" and self.reruns_write(loop, op.operands[1])]
        written = frozenset().union(*map(self._aliases.roots, stores))
        return frozenset(r for r in written if not self._structure.encloses(body, self._structure.region_of[r]))

    def _stays(self, roots: frozenset[Value], loop: Op) -> bool:
        return self._overwrites.stays(roots, loop, self._structure.home(loop))

    def reruns_write(self, loop: Op, buffer: Value) -> bool:
        """Whether a rerun of an iteration repeats its stores to `buffer`: those that it reads again itself."""
        return not self._aliases.roots(buffer).isdisjoint(self._aliases.read(loop))

    def repeated(self, loop: Op, op: Op) -> bool:
        """Whether a rerun of an iteration of `loop` repeats `op`. What was checked is not checked again."""
        if op.name == "store":
            return self.reruns_write(loop, op.operands[1])
        return op.name not in ("check", "print")

    def seen_behind(self, loop: Op) -> frozenset[Value]:
        """The memory that is returned, so that it must be after the reverse sweep what it is before."""
        return frozenset().union(*map(self._aliases.roots, self._structure.fn.results))

    def may_be_skipped(self, loop: Op) -> bool:
        """Whether the reversed loop is nothing without adjoints of its results, and pops nothing."""
        return self.pops_nothing(loop) and not any(map(self._activity.active, self._aliases.written(loop)))

    def pops_nothing(self, loop: Op) -> bool:
        """Whether the reversed loop finds by indices what it needs of the forward sweep, in whatever order it runs.

        Numbers of loops over boxes are found so, and sheets, which are parts of one tape there. Handles that change
        from one iteration to the next are always popped.
        """
        structure, inside = self._structure, [loop, *walk(loop.regions[-1])]
        bodies = [op.regions[-1] for op in inside if op.name in LOOPS]
        root = structure.root(structure.home(loop))
        handles = any(isinstance(v.type, BufferType) for op in inside for v in op.results)
        pops = any(op.name in TAPE or op.name == "call" for op in inside)
        return not handles and not pops and all(structure.rectangular(body, root) for body in bodies)

    def multiplies(self, loop: Op) -> bool:
        """Whether the loop adds up the products of one element of a product of matrices, each of which is worth it.

        It stands in two loops on whose indices its bounds do not depend, and no iteration of these is chosen among
        others. To leave out single elements would cost more than to have all at once.
        """
        around = [(op, home) for op, home in self._structure.outward(self._structure.home(loop)) if op.name in LOOPS]
        if len(around) < 2 or not {op.name for op in loop.regions[-1].ops} <= _PRODUCTS:
            return False
        plain = all(op.name == "for" and not op.attrs["exits"] for op in (loop, around[0][0], around[1][0]))
        chosen = any(
            is_float(c.type) and k not in self.sums(op) for op, _ in around[:2] for k, c in enumerate(loop_carries(op))
        )
        region_of = self._structure.region_of
        fixed = all(self._structure.encloses(region_of[o], around[1][1]) for o in loop.operands[:3])
        return plain and fixed and not chosen

    def carried_choice(self, op: Op) -> int | None:
        """Which operand of a `min` or `max` is the carry of the loop that looks for the least or the greatest."""
        if op.name not in ("min", "max"):
            return None
        owner, _ = self._structure.owner.get(self._structure.region_of[op.result], (None, None))
        if owner is None or owner.name not in LOOPS or op.result not in loop_yields(owner):
            return None
        carry = loop_carries(owner)[loop_yields(owner).index(op.result)]
        positions = [k for k, o in enumerate(op.operands) if o is carry]
        return positions[0] if len(positions) == 1 else None

    # -- sums

    def sums(self, loop: Op) -> frozenset[int]:
        """The numbers of the float carries to which the loop only adds."""
        if loop not in self._sums:
            carries = loop_carries(loop)
            self._sums[loop] = frozenset(
                k for k, c in enumerate(carries) if is_float(c.type) and self._only_added_to(loop, k, c)
            )
        return self._sums[loop]

    def _only_added_to(self, loop: Op, number: int, carry: Value) -> bool:
        """Follow the carry through the body: whatever it flows into must be a sum that is yielded as that carry."""
        if loop.name == "while" and loop.regions[0].args[number] in self._uses:
            return False
        partial_sums, pending = {carry}, [carry]
        while pending:
            value = pending.pop()
            for op, position, region in self._uses.get(value, ()):
                found = self._next_sum(op, position, region, loop)
                if found is None:
                    return False
                fresh = [v for v in found if v not in partial_sums]
                partial_sums.update(fresh)
                pending += fresh
        return loop_yields(loop)[number] in partial_sums and self._consistent(loop, number, partial_sums)

    def _next_sum(self, op: Op, position: int, region: Region, loop: Op) -> list[Value] | None:
        """What a use of a partial sum makes into one; None if the use is anything but adding."""
        if op.name == "add" or (op.name == "sub" and position == 0):
            return [op.result]
        if op.name == "yield":
            if region is loop.regions[-1]:
                return []
            owner, _ = self._structure.owner[region]
            if owner.name == "if":
                return [owner.results[position]]
            k = position - bool(owner.attrs["exits"])
            return [owner.results[k], loop_carries(owner)[k]] if k >= 0 and region is owner.regions[-1] else None
        if op.name == "for" and position >= 3:
            return [op.results[position - 3], loop_carries(op)[position - 3]]
        return None

    def _consistent(self, loop: Op, number: int, sums: set[Value]) -> bool:
        """Whether on every path exactly one operand is a partial sum, and it is yielded as carry `number` only."""
        body = loop.regions[-1]
        for op in walk(body):
            if op.name in ("add", "sub") and op.result in sums and (op.operands[0] in sums) == (op.operands[1] in sums):
                return False
            for k, result in enumerate(op.results):
                if result in sums and op.name == "if" and any(r.terminator.operands[k] not in sums for r in op.regions):
                    return False
                if result in sums and op.name == "for" and not {op.operands[3 + k], loop_yields(op)[k]} <= sums:
                    return False
        yielded = loop_yields(loop)
        flags = body.terminator.operands[: len(body.terminator.operands) - len(yielded)]
        return not any(v in sums for k, v in enumerate(yielded) if k != number) and sums.isdisjoint(flags)
