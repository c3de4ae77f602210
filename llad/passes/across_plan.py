"""Which loops take their inner loops across rows rather than down columns (`across.py`): what is found, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.core import TAPE, Function, Op, Region, Value, accessed, defined, mentioned, walk
from llad.ir.elements import Elements
from llad.ir.types import I64, ScalarType
from llad.passes.effects import computes
from llad.passes.sharing import sharing_of

ENOUGH = 16  # iterations that are worth being vectors
_FEWEST = 4  # iterations of an inner loop that is known to be short
_LARGEST = 24  # ops of an inner loop
_MOST = 12  # numbers of an iteration that its parts hand on
_INDICES = frozenset({"const", "add", "sub", "mul"})
_STRANGERS = TAPE | {"call", "check", "derivative", "free", "matmul", "print", "while", "alloc"}


@dataclass(slots=True)
class Column:
    """An inner loop that goes down columns; `guard`: it is all that is done if this holds."""

    loop: Op
    guard: Value | None = None


@dataclass(slots=True)
class Part:
    """What an iteration does up to an inner loop that goes down columns, and this loop; the last part has none."""

    ops: list[Op] = field(default_factory=list)
    column: Column | None = None


@dataclass(slots=True)
class Plan:
    """`kept`: the numbers that parts make for others. `again`: the ops that each part has: indices. `carrying`: the
    number of the part that has the carries."""

    parts: list[Part]
    kept: list[Value]
    again: list[Op]
    carrying: int


def plans(fn: Function) -> dict[Op, Plan]:
    """The loops of `fn` that are worth it; none of them is in another."""
    return {} if fn.attrs.get("may_alias") else dict(_Plans(fn).found(fn.body))


class _Plans:
    def __init__(self, fn: Function) -> None:
        self._elements, self._sharing = Elements(fn), sharing_of(fn)

    def found(self, region: Region) -> Iterator[tuple[Op, Plan]]:
        for op in region.ops:
            plan = self._plan(op) if op.name == "for" else None
            if plan is not None:
                yield op, plan
            else:
                for inner in op.regions:
                    yield from self.found(inner)

    def _plan(self, loop: Op) -> Plan | None:
        body = loop.regions[0]
        lo, hi, step = map(self._elements.constant, loop.operands[:3])
        few = loop.attrs.get("few") or (lo is not None and hi is not None and hi - lo < ENOUGH)
        if loop.attrs["exits"] or loop.attrs.get("threads") or step != 1 or few:
            return None
        columns = {op: column for op in body.ops if (column := self._column(op, loop)) is not None}
        if not columns or any(op.name in _STRANGERS for op in walk(body)) or not self._is_apart(loop):
            return None
        again = _indices(body)
        parts = [Part()]
        for op in body.ops[:-1]:
            if op in columns:
                parts[-1].column = columns[op]
                parts.append(Part())
            elif op not in again:
                parts[-1].ops.append(op)
        carrying = _carrying(parts, body)
        kept = [] if carrying is None else _kept(parts, body, carrying)
        if carrying is None or len(kept) > _MOST or not all(isinstance(v.type, ScalarType) for v in kept):
            return None
        return Plan(parts, kept, again, carrying)

    def _is_apart(self, loop: Op) -> bool:
        """Whether no iteration touches memory that another one writes."""
        shares = self._sharing(loop)
        return not (shares.why or shares.scratch or shares.added)

    def _column(self, op: Op, outer: Op) -> Column | None:
        """The inner loop that an op is, perhaps under a condition."""
        if op.name == "for":
            return Column(op) if self._goes_down(op, outer) else None
        if op.name != "if" or op.results or len(op.regions[0].ops) != 2 or len(op.regions[1].ops) != 1:
            return None
        inner = op.regions[0].ops[0]
        plain = inner.name == "for" and len(inner.results) == 1 and self._goes_down(inner, outer)
        return Column(inner, op.operands[0]) if plain else None

    def _goes_down(self, loop: Op, outer: Op) -> bool:
        """Whether elements lie side by side for the outer loop, and far apart for this one."""
        body = loop.regions[0]
        lo, hi, step = map(self._elements.constant, loop.operands[:3])
        few = lo is not None and hi is not None and abs(hi - lo) < _FEWEST
        if loop.attrs["exits"] or not step or few or len(body.ops) > _LARGEST:
            return False
        inside = defined(outer.regions[0])
        if not inside.isdisjoint(loop.operands[:3]) or _is_used(loop.results[-1], outer):
            return False
        if not all(op.name == "store" or computes(op) for op in body.ops[:-1]):
            return False
        ways = [self._way(op, loop, outer, inside) for op in body.ops if op.name in ("load", "store")]
        return "down" in ways and "other" not in ways

    def _way(self, access: Op, loop: Op, outer: Op, inside: set[Value]) -> str:
        """How the elements of an access follow each other: `down` a column, `steady` for one of the loops, or else."""
        buffer, *indices = accessed(access)
        across, along = outer.regions[0].args[0], loop.regions[0].args[0]
        forms = [self._elements.form(i) for i in indices]
        if buffer in inside or any(v in inside and v not in (across, along) for f in forms for v in f.terms):
            return "other"
        if not any(across in f.terms for f in forms):
            return "steady" if access.name == "load" else "other"
        beside = forms[-1].terms[across] == 1 if across in forms[-1].terms else False
        alone = not any(across in f.terms for f in forms[:-1]) and along not in forms[-1].terms
        if not beside or not alone or getattr(buffer.type, "layout", "") != "C":
            return "other"
        return "down" if any(along in f.terms for f in forms[:-1]) else "steady"


def _is_used(value: Value, outer: Op) -> bool:
    return any(value in op.operands for op in walk(outer.regions[0]))


def _needs(column: Column) -> list[Value]:
    """What an inner loop uses, its condition included."""
    return mentioned(column.loop) + ([] if column.guard is None else [column.guard])


def _indices(body: Region) -> list[Op]:
    """The ops that compute integers of nothing but the index and what comes from outside."""
    inside = {r for op in body.ops for r in op.results} | {*body.args[1:]}
    found: list[Op] = []
    for op in body.ops:
        if op.name in _INDICES and op.result.type == I64 and inside.isdisjoint(op.operands):
            found.append(op)
            inside.discard(op.result)
    return found


def _makers(parts: list[Part]) -> dict[Value, tuple[int, bool]]:
    """The part in which each value is made, and whether by its inner loop."""
    made: dict[Value, tuple[int, bool]] = {}
    for number, part in enumerate(parts):
        made.update({r: (number, False) for op in part.ops for r in op.results})
        made.update({} if part.column is None else dict.fromkeys(part.column.loop.results[:-1], (number, True)))
    return made


def _carrying(parts: list[Part], body: Region) -> int | None:
    """The one part that may use the carries and gives those of the next iteration; None if there is no such part."""
    carries, made = {*body.args[1:]}, _makers(parts)
    if any(part.column is not None and not carries.isdisjoint(_needs(part.column)) for part in parts):
        return None
    using = [n for n, part in enumerate(parts) if any(not carries.isdisjoint(mentioned(op)) for op in part.ops)]
    ready = [number + by_column for v in body.terminator.operands if v in made for number, by_column in [made[v]]]
    least = max([0, *ready])
    if len(using) > 1 or (using and using[0] < least):
        return None
    return using[0] if using else least


def _kept(parts: list[Part], body: Region, carrying: int) -> list[Value]:
    """The numbers that a part makes, or an inner loop, and another one uses."""
    made = _makers(parts)
    kept: dict[Value, None] = {}
    for number, part in enumerate(parts):
        there = [o for op in part.ops for o in mentioned(op)]
        there += body.terminator.operands if number == carrying else ()
        kept.update({v: None for v in there if made.get(v, (number, False)) != (number, False)})
        if part.column is not None:
            kept.update({v: None for v in (*_needs(part.column), *part.column.loop.results[:-1]) if v in made})
    return list(kept)
