"""What the iterations of a loop share: whether chunks of them may run at once, and what each then needs of its own.

Shared memory is *apart* if no element that an iteration writes is read or written by another: some index tells them
apart (`b[i]`, `b[i]`; `b[0, i]`, `b[1, i + 1]`). It is *scratch* if each iteration writes what it reads, and nobody
reads it later, or if each finds it zero and leaves it zero: then each chunk has an allocation of its own. It is *added
to* if all that is done with an element is to load it, add something, and store it: then each chunk adds to zeros of its
own, which are added up later. A carry, too, may only be added to. What is read and never written is nobody's; what is
made in an iteration is its own.

Soundness: only what is proved is told. An element that is only added to ends up as what it was plus what was added,
whatever the order, since no other value depends on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import lru_cache

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, accessed, defined, makers, walk
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements, Place
from llad.ir.overwrites import Overwrites
from llad.ir.types import BufferType, ScalarType
from llad.passes.partial_sums import Chain, PartialSums


@dataclass
class Shares:
    """Of one loop: the allocations of which each chunk needs its own, and the buffers that are added to.

    `chains`: the sums that are added to carries and to elements. `why`: what stands against chunks, or "".
    """

    scratch: list[Value] = field(default_factory=list)
    added: list[Value] = field(default_factory=list)
    chains: list[Chain] = field(default_factory=list)
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Access:
    """A load or store: the buffer from outside the loop (None if it is not one), and the element as sums."""

    op: Op
    handle: Value
    base: Value | None
    at: Place

    @property
    def writes(self) -> bool:
        return self.op.name == "store"


@lru_cache(maxsize=1)
def sharing_of(fn: Function) -> Sharing:
    """The judge of a function, kept for the next pass, which often asks about the same one."""
    return Sharing(fn)


class Sharing:
    """Judges the loops of one function."""

    def __init__(self, fn: Function) -> None:
        self._known: dict[Op, Shares] = {}
        self._elements = Elements(fn)
        self._aliases = Aliases(fn)
        self._distinct = Distinct(fn, self._aliases)
        self._overwrites = Overwrites(fn, self._aliases)
        self._made = makers(fn.body)

    def __call__(self, loop: Op) -> Shares:
        if loop not in self._known:
            why = _why_not(loop, self._aliases)
            self._known[loop] = Shares(why=why) if why else _Judgement(self, loop).shares
        return self._known[loop]

    # -- what the judgement of a loop asks

    def meet(self, a: Value, b: Value) -> bool:
        return self._aliases.may_alias(a, b)

    def never_meet(self, a: Value, b: Value) -> bool:
        return self._distinct(a, b)

    def is_scratch(self, buffer: Value, loop: Op) -> bool:
        made = self._made.get(buffer)
        own = made is not None and made.name == "alloc"
        return own and (self._overwrites.private(buffer, loop) or self._overwrites.rests(buffer, loop))

    def born_inside(self, handle: Value, inside: set[Value]) -> bool:
        return self._aliases.roots(handle) <= inside

    def element(self, handle: Value, indices: Sequence[Value], inside: set[Value]) -> tuple[Value | None, Place]:
        """Of an element of a window that was made in the loop: the buffer from outside it, and the indices there."""
        base, at = self._elements.place(handle, indices, inside)
        return (None, ()) if base in inside else (base, at)

    def form(self, value: Value) -> Affine:
        return self._elements.form(value)


def _why_not(loop: Op, aliases: Aliases) -> str:
    """What an iteration does that no chunk may do."""
    body = loop.regions[0]
    made = {r for op in walk(body) for r in op.results}
    if loop.attrs["exits"]:
        return "may be left early"
    if not all(isinstance(a.type, ScalarType) for a in body.args):
        return "hands arrays on"
    for op in walk(body):
        if op.name == "print":
            return "prints"
        if op.name == "matmul":
            return "multiplies matrices"
        if op.name in ("call", "derivative"):
            return "calls a function that calls itself, or that is compiled once for many callers"
        if op.name == "free" or (op.name in ("push", "pop") and not aliases.roots(op.operands[0]) <= made):
            return "keeps numbers of how many nobody knows before"
    return ""


class _Judgement:
    def __init__(self, sharing: Sharing, loop: Op) -> None:
        self._sharing = sharing
        self._loop = loop
        body = loop.regions[0]
        ops = list(walk(body))
        self._inside = defined(body)
        self._moving = self._inside - {body.args[0]}
        self._sums = PartialSums(loop)
        self._accesses = [self._access(op) for op in ops if op.name in ("load", "store")]
        self.shares = Shares(chains=self._sums.chains)
        self._carries(body)
        self._memory()

    def _carries(self, body: Region) -> None:
        for number, carry in enumerate(body.args[1:]):
            if not self._sums.carry(number):
                self._refuse(f"carries `{carry.name or 'a number'}`, to which it does more than add")

    def _refuse(self, why: str) -> None:
        self.shares.why = self.shares.why or why

    def _access(self, op: Op) -> _Access:
        handle, *indices = accessed(op)
        return _Access(op, handle, *self._sharing.element(handle, indices, self._inside))

    # -- memory

    def _memory(self) -> None:
        """Whatever is stored to must be apart from all that may meet it, scratch, or only added to."""
        stores = [a for a in self._accesses if a.writes and not self._own(a)]
        for base in dict.fromkeys(a.base for a in stores):
            if base is None:
                self._refuse("writes to memory that is now this, now that")
                return
            mine = [a for a in stores if a.base is base]
            others = [a for a in self._accesses if self._sharing.meet(a.handle, base) and not self._own(a)]
            if all(self._apart(s, a) for s in mine for a in others):
                continue
            if any(a.base is not base for a in others):
                self._refuse(f"writes to `{_shown(base)}`, which may overlap other memory that it uses")
            elif self._sharing.is_scratch(base, self._loop):
                self.shares.scratch.append(base)
            elif self._sums.memory([a.op for a in others], self._sharing.form):
                self.shares.added.append(base)
            else:
                self._refuse(f"writes elements of `{_shown(base)}` that other iterations may use")

    def _own(self, access: _Access) -> bool:
        """Whether it touches nothing but what the iteration has made."""
        return self._sharing.born_inside(access.handle, self._inside)

    def _apart(self, store: _Access, access: _Access) -> bool:
        assert store.base is not None
        if access.base is None:
            return False
        if access.base is not store.base:
            return self._sharing.never_meet(store.base, access.base)
        return any(self._differ(a, b) for a, b in zip(store.at, access.at, strict=True))

    def _differ(self, one: Affine | None, other: Affine | None) -> bool:
        """Whether an index differs from another whenever the index of the loop does."""
        if one is None or other is None or not self._moving.isdisjoint([*one.terms, *other.terms]):
            return False
        difference = one.plus(other, -1)
        if difference.terms:
            return False
        along = one.terms.get(self._loop.regions[0].args[0], 0)
        return (abs(along) == 1 and not difference.const) or (not along and difference.const != 0)


def _shown(buffer: Value) -> str:
    assert isinstance(buffer.type, BufferType)
    return buffer.name or "an array"
