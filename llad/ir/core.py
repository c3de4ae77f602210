"""The IR as data: values, ops, regions, functions.

SSA with structured control flow. An op may own regions; a region has block arguments and ends in `yield`, the
body of a function in `return`. There are no phis and no jumps, so reverse mode is a structural recursion and a
loop is an object that a pass can hold. `docs/ir.md` lists the ops; `verify.py` lists the invariants.

Values and ops compare by identity. Nothing here is edited once it stands in a finished function: passes build
new functions (`rewrite.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from string import Formatter
from typing import Any
from weakref import WeakKeyDictionary

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.types import BufferType, LifoType, Type


class Value:
    """One SSA value: its type, and a name that is only a hint for the printer."""

    __slots__ = ("name", "type")

    def __init__(self, type: Type, name: str = "") -> None:
        self.type = type
        self.name = name

    def __repr__(self) -> str:
        return f"%{self.name or '?'}: {self.type}"


@dataclass(slots=True, eq=False, weakref_slot=True)
class Region:
    """A straight list of ops with block arguments; the last op is its terminator."""

    args: tuple[Value, ...] = ()
    ops: list[Op] = field(default_factory=list)

    @property
    def terminator(self) -> Op:
        return self.ops[-1]


@dataclass(slots=True, eq=False)
class Op:
    """One operation. `attrs` are static and hashable; `span` is the Python that made it (I3)."""

    name: str
    operands: tuple[Value, ...] = ()
    results: tuple[Value, ...] = ()
    attrs: dict[str, Any] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    span: Span | None = None

    @property
    def result(self) -> Value:
        (value,) = self.results
        return value


@dataclass(slots=True, eq=False)
class Function:
    """`params` in call order; `body` ends in the only `return`. `attrs` say what callers promise.

    `functions` are those that its `call`s name, and theirs, by name. They call each other, so they are a flat table
    at the root; a function in a table has none of its own, and the attribute `may_alias`.
    """

    name: str
    params: tuple[Value, ...]
    body: Region
    attrs: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    @property
    def results(self) -> tuple[Value, ...]:
        return self.body.terminator.operands


# The ops that are not rows of the op table: control flow, memory, tapes, checks, prints. Every pass handles each.
CONTROL = frozenset({"if", "for", "while"})
TERMINATORS = frozenset({"yield", "return"})
MEMORY = frozenset({"alloc", "free", "load", "store", "dim", "view", "matmul"})
TAPE = frozenset({"lifo", "push", "pop"})
STRUCTURED = CONTROL | TERMINATORS | MEMORY | TAPE | {"const", "undef", "cast", "check", "print", "call", "derivative"}

# Structured ops that only compute a value from their operands: safe to move, merge and drop.
PURE_STRUCTURED = frozenset({"const", "undef", "cast", "dim", "view"})

# The attribute of a `for` that says how much its reverse sweep may keep: so many "slots" for copies of what iterations
# hand on, "memory" bytes of such copies, or the "default", of iterations or of "stretches" of several.
CHECKPOINT = "checkpoint"
Limit = tuple[str, int]

# The attribute of a function: the numbers of the parameters that its callers hand over as zeros, if there are any.
ZEROED = "zeroed"
# Of those that they need not hand over as zeros, either: every element is stored to before it is read.
BLANK = "blank"
# And, for some parameters, that of the one whose extents a parameter has: pairs of numbers.
LIKE = "like"


# How many operands of a view say what becomes of an axis, where any does.
AXIS_OPERANDS = {"index": 1, "run": 2, "slice": 3, "shape": 1}


def stays_contiguous(axes: Sequence[str]) -> bool:
    """Whether a view of contiguous memory is so, too: leading indices, perhaps a run, then every axis that is left."""
    kept = [a for a in axes if a != "new"]
    leading = next((k for k, a in enumerate(kept) if a != "index"), len(kept))
    return all(a == "full" for a in kept[leading + (kept[leading : leading + 1] == ["run"]) :])


_FORMATTER = Formatter()


def shown_values(message: str) -> int:
    """How many values the message of a `check` shows: one for each `{}`."""
    return sum(name is not None for _, name, _, _ in _FORMATTER.parse(message))


def quoted(text: str) -> str:
    """A text as a message that shows it as it is."""
    return text.replace("{", "{{").replace("}", "}}")


def walk(region: Region) -> Iterator[Op]:
    """Every op of the region and of the regions in it, in program order, owners before what they own."""
    pending = [iter(region.ops[:])]
    while pending:
        for op in pending[-1]:
            yield op
            if op.regions:
                pending += [iter(inner.ops[:]) for inner in reversed(op.regions)]
                break
        else:
            pending.pop()


Makers = Mapping[Value, Op]
_makers: WeakKeyDictionary[Region, Makers] = WeakKeyDictionary()


def makers(region: Region) -> Makers:
    """The op that makes each value, in the region and the regions in it, which are finished: it is found once."""
    if region not in _makers:
        _makers[region] = {result: op for op in walk(region) for result in op.results}
    return _makers[region]


def constant(value: Value, made: Makers) -> Any:
    """The number that a value is, if that is known; else `None`. `made`: the ops that make values."""
    op = made.get(value)
    return op.attrs["value"] if op is not None and op.name == "const" else None


def has_neighbours(bound: Value, made: Makers) -> bool:
    """Whether the numbers beside an i64 are sure to be i64, too: it is an extent, or a constant of usual size."""
    op = made.get(bound)
    if op is None or op.name != "const":
        return op is not None and op.name == "dim"
    return abs(int(op.attrs["value"])) < 2**62


def viewed(handle: Value, made: Makers) -> Value:
    """What a handle is a view of, however many views there are between; itself, if it is none."""
    while (op := made.get(handle)) is not None and op.name == "view":
        handle = op.operands[0]
    return handle


def accessed(op: Op) -> tuple[Value, ...]:
    """The buffer of a load or store, and then its indices."""
    return op.operands[op.name == "store" :]


def users(region: Region) -> dict[Value, list[Op]]:
    """The ops there of which a value is an operand, once for each time that it is."""
    found: dict[Value, list[Op]] = {}
    for op in walk(region):
        for operand in op.operands:
            found.setdefault(operand, []).append(op)
    return found


def uses(region: Region) -> Counter[Value]:
    """How often each value is an operand there."""
    return Counter(operand for op in walk(region) for operand in op.operands)


def defined(region: Region) -> set[Value]:
    """The values that are arguments or results there."""
    ops = list(walk(region))
    found = {*region.args, *[result for op in ops for result in op.results]}
    return found | {argument for op in ops for inner in op.regions for argument in inner.args}


def loop_inits(loop: Op) -> tuple[Value, ...]:
    """What the carries of a `for` or `while` begin with."""
    return loop.operands[3:] if loop.name == "for" else loop.operands


def loop_carries(loop: Op, region: Region | None = None) -> tuple[Value, ...]:
    """The block arguments of the body, or of another region of the loop, that are carries."""
    args = (region or loop.regions[-1]).args
    return args[1:] if loop.name == "for" else args


def loop_yields(loop: Op) -> tuple[Value, ...]:
    """The next carries as the body yields them, without the exit flag."""
    operands = loop.regions[-1].terminator.operands
    return operands[1:] if loop.attrs["exits"] else operands


def pushes_handles(op: Op) -> bool:
    """Whether the op leaves handles on memory on a stack."""
    return op.name == "push" and any(isinstance(o.type, BufferType | LifoType) for o in op.operands[1:])


def mentioned(op: Op) -> list[Value]:
    """The values from outside that an op and its regions use."""
    inside = [op, *[inner for region in op.regions for inner in walk(region)]]
    own = set(op.results).union(*map(defined, op.regions))
    return [o for inner in inside for o in inner.operands if o not in own]


def called(region: Region, functions: Mapping[str, Function]) -> list[str]:
    """The names of the functions of a table that a region calls, and those that these call, as they are met."""
    found: dict[str, None] = {}
    pending = [region]
    while pending:
        for op in walk(pending.pop()):
            name = op.attrs["callee"] if op.name == "call" else None
            if name is not None and name not in found:
                found[name] = None
                pending.append(functions[name].body)
    return list(found)
