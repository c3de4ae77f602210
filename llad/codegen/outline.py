"""What is known of a native function without its IR: enough to make the plan of its entry point and its errors.

An outline is kept on disk under what its function was traced to, so a process that finds it needs neither the
passes nor differentiation, only the code whose text has the outline's digest (`jit.py`). Code does not depend on where
its source stands, so lines may move and files too: what is kept of an error's place is which span of the trace it is.

Invariant: `decoded(encoded(outline, spans), spans) == outline`, down to what spans do not compare.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import chain
from typing import Any

from llad.codegen.environment import digest
from llad.codegen.lower import ErrorSite, Lowered, outputs
from llad.codegen.work import Factor, Term, Work, estimate
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.alias import Aliases
from llad.ir.core import ZEROED, Function, Op, Region, Value, walk
from llad.ir.types import SCALARS, BufferType, ScalarType, Type


@dataclass(frozen=True, slots=True)
class Outline:
    """`text`: the digest of the function's LLVM text. `outputs`: the types of its results.

    `own`: per result, whether it is in memory of the call that no other result is in. `zeroed`: the parameters that
    callers hand over as zeros.
    """

    name: str
    text: bytes
    outputs: tuple[Type, ...]
    own: tuple[bool, ...]
    zeroed: tuple[int, ...]
    work: Work
    errors: tuple[ErrorSite, ...]


def outline(fn: Function, lowered: Lowered) -> Outline:
    """The outline of a function as it is lowered."""
    aliases = Aliases(fn)
    left = outputs(fn)
    roots = [aliases.roots(r) for r in fn.results[: len(left)]]
    made = {op.result for op in walk(fn.body) if op.name == "alloc"}
    others = [frozenset().union(*roots[:k], *roots[k + 1 :]) for k in range(len(roots))]
    own = tuple(mine <= made and mine.isdisjoint(rest) for mine, rest in zip(roots, others, strict=True))
    text = digest(*(part.encode() for part in (lowered.text, lowered.beside, *chain(*lowered.declarations))))
    return Outline(lowered.name, text, left, own, fn.attrs.get(ZEROED, ()), estimate(fn), lowered.errors)


@dataclass(frozen=True, slots=True)
class Identity:
    """A digest that tells a function from all others, wherever it stands; and the spans of its ops, each once.

    Which ops have the same span is part of the digest, where that is in which file is not.
    """

    digest: bytes
    spans: Sequence[Span]


def identity(fn: Function) -> Identity:
    """The identity of a function with those of its table and those that it differentiates."""
    places: dict[Any, int] = {}
    spans: list[Span] = []
    parts: list[Any] = []
    for op in _all_ops(fn):
        if op.span is not None and _whole(op.span) not in places:
            places[_whole(op.span)] = len(places)
            spans.append(op.span)
        parts.append(-1 if op.span is None else places[_whole(op.span)])
        if op.name == "const" and isinstance(value := op.attrs["value"], float):
            parts.append(struct.pack("<d", value).hex())  # which nan it is cannot be read off the text
    return Identity(digest(_utf8(fn.name), _utf8(_written(fn)), json.dumps(parts).encode()), tuple(spans))


def _written(fn: Function) -> str:
    """All of a function but its spans, in a form that is quickly made."""
    writer = _Writer([fn])
    for function in writer.functions:  # which grow
        writer.function(function)
    return "\n".join(writer.lines)


@dataclass(slots=True)
class _Writer:
    """Writes functions; values and functions are numbers, in the order in which they are met."""

    functions: list[Function]
    lines: list[str] = field(default_factory=list)
    numbers: dict[Value, int] = field(default_factory=dict)

    def function(self, fn: Function) -> None:
        self.lines.append(f"{fn.name!r} {self.attributes(fn.attrs)} {self.attributes(fn.functions)}")
        self.lines.append(self.defined(fn.params))
        self.region(fn.body)

    def region(self, region: Region) -> None:
        self.lines.append("{" + self.defined(region.args))
        for op in region.ops:
            used = ",".join([str(self.numbers[o]) for o in op.operands])
            self.lines.append(f"{op.name}({used}){self.attributes(op.attrs)}")
            for inner in op.regions:
                self.region(inner)
            self.lines.append(self.defined(op.results))
        self.lines.append("}")

    def defined(self, values: Sequence[Value]) -> str:
        for value in values:
            self.numbers[value] = len(self.numbers)
        return ",".join([f"{value.name!r}:{value.type}" for value in values])

    def attributes(self, attrs: Mapping[str, Any]) -> str:
        return repr({k: self.number(v) if isinstance(v, Function) else v for k, v in attrs.items()}) if attrs else ""

    def number(self, function: Function) -> str:
        if function not in self.functions:
            self.functions.append(function)
        return f"@{self.functions.index(function)}"


def _whole(span: Span | None) -> Any:
    """All of a span, to be compared: `==` leaves some out."""
    return None if span is None else (span, span.function, _whole(span.caller))


def _all_ops(fn: Function) -> Iterator[Op]:
    """The ops of the function, of those of its table, and of those that these differentiate."""
    seen = set()
    pending = [fn]
    while pending:
        here = pending.pop()
        if here in seen:
            continue
        seen.add(here)
        pending += here.functions.values()
        for op in walk(here.body):
            yield op
            if isinstance(callee := op.attrs.get("callee"), Function):
                pending.append(callee)


def _utf8(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def encoded(given: Outline, spans: Sequence[Span]) -> bytes | None:
    """The outline as JSON, in which errors are at one of the spans; `None` if one is not."""
    places = {_whole(span): k for k, span in enumerate(spans)} | {None: None}
    if any(_whole(site.span) not in places for site in given.errors):
        return None
    return json.dumps(
        {
            "name": given.name,
            "text": given.text.hex(),
            "outputs": [type_data(type) for type in given.outputs],
            "own": given.own,
            "zeroed": given.zeroed,
            "work": [[term.scale, [[f.operand, f.axis] for f in term.factors]] for term in given.work],
            "errors": [[site.error, site.message, places[_whole(site.span)], site.types] for site in given.errors],
        }
    ).encode()


def decoded(data: bytes, spans: Sequence[Span]) -> Outline:
    """What was encoded, with the spans of today."""
    read = json.loads(data)
    errors = [
        ErrorSite(error, message, None if k is None else spans[k], tuple(types))
        for error, message, k, types in read["errors"]
    ]
    return Outline(
        read["name"],
        bytes.fromhex(read["text"]),
        tuple(map(type_of, read["outputs"])),
        tuple(read["own"]),
        tuple(read["zeroed"]),
        tuple(Term(scale, tuple(Factor(*factor) for factor in factors)) for scale, factors in read["work"]),
        tuple(errors),
    )


def type_data(type: Type) -> list[Any]:
    """A type as JSON has it."""
    if isinstance(type, ScalarType):
        return [type.name]
    assert isinstance(type, BufferType)
    return [type.dtype.name, type.rank, type.layout]


def type_of(data: list[Any]) -> Type:
    """The type that was written so."""
    scalar = SCALARS[data[0]]
    return BufferType(scalar, *data[1:]) if data[1:] else scalar
