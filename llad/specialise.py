"""From a trace to machine code with an entry point: found on disk if possible, else made of the IR.

What is kept is looked up by what the function was traced to, or would be (`facts.py`). An `Outline` that is found takes
the place of the IR, and the object is found by the texts that the outline and the entry point stand for. If either is
missing, all of it is made anew, so that outline and object are always of one compile.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

from llad.codegen.entry import DECLARATIONS, Entry, emit_entry
from llad.codegen.environment import digest, keep, keeping, kept
from llad.codegen.foreign import FORMATS, call_foreign, emit_foreign
from llad.codegen.jit import Linked, Module, link, recall
from llad.codegen.layout import LAYOUT, symbols
from llad.codegen.lower import ErrorSite, Lowered, lower
from llad.codegen.lower_tape import emit_drop
from llad.codegen.outline import Outline, decoded, encoded, outline
from llad.codegen.plan import Plan
from llad.codegen.runtime import module_text, module_texts
from llad.codegen.target import LOCK
from llad.collector import uncollected
from llad.dataclass import dataclass
from llad.diagnostics import traced
from llad.facts import What
from llad.ir.core import Function
from llad.ir.errors import exception_named
from llad.ir.printed import as_python
from llad.ir.types import SCALARS
from llad.program import Stage
from llad.returned import Constant, Output, Passed, Result
from llad.structures import Node

_OUTLINE = b"outline"
MakePlan = Callable[[Outline, Callable[..., BaseException]], Plan]


@dataclass(eq=False)
class Subject:
    """What is compiled: one IR of a stage."""

    stage: Stage
    what: What
    wrt: tuple[int, ...]
    may_alias: bool

    @cached_property
    def function(self) -> Function:
        with LOCK:
            return self.stage.function(self.what, self.wrt, self.may_alias)

    @cached_property
    def lowered(self) -> Lowered:
        name = self.function.name
        name = re.sub(r"[^A-Za-z0-9_]", "_", f"{name}_{self.what}" if self.what not in name else name)
        with LOCK:
            fn = self.stage.lowerable(self.what, self.wrt, self.may_alias)
        return lower(fn, name, self.stage.fastmath)

    @property
    def key(self) -> bytes:
        """The digest of what `lowered` is made of."""
        options = (self.what, self.wrt, self.may_alias, self.stage.fastmath, _shape(self.stage.facts.result))
        return digest(self.stage.identity.digest, repr(options).encode())


def _shape(result: Result) -> Any:
    """What a derivative may depend on of the result of a trace."""
    match result:
        case Output(index=index):
            return "output", index
        case Passed(leaf=leaf):
            return "passed", leaf
        case Constant(value=value):
            return "constant", float(value).hex() if isinstance(value, float) else None
        case Node(items=items):
            return tuple(map(_shape, items))
        case _:
            raise AssertionError(result)


@dataclass(eq=False, repr=False)
class Specialisation:
    """Machine code for one kind of argument."""

    subject: Subject
    plan: Plan
    entry: Entry | None
    linked: Linked

    @property
    def what(self) -> What:
        return self.subject.what

    @property
    def stage(self) -> Stage:
        return self.subject.stage

    @property
    def function(self) -> Function:
        """The IR that the code is made of."""
        return self.subject.function

    @property
    def lowered(self) -> Lowered:
        return self.subject.lowered

    @property
    def times(self) -> dict[str, float]:
        """Seconds by step of the pipeline; those of the trace are shared with its other specialisations."""
        return self.stage.times | self.linked.times

    def call(self, values: tuple[Any, ...]) -> Any:
        """Call through ctypes, with values that fit the plan."""
        found = self.linked.addresses
        name = self.plan.target
        return call_foreign(self.plan, found[f"{name}.foreign"], found[f"{name}.release"], values)

    @cached_property
    def listing(self) -> Linked:
        """The native function alone, without its entry point, for reading."""
        part = replace(self.lowered, text=self.lowered.text.replace("define internal", "define", 1))
        return link(module_text([part]), [self.lowered.name])

    def __repr__(self) -> str:
        return f"<{self.what} of ({', '.join(map(str, self.stage.specs))})>"


def compile_native(
    stage: Stage, what: What, wrt: tuple[int, ...], may_alias: bool, make_plan: MakePlan
) -> Specialisation:
    """Machine code of one IR of the stage, with an entry point that does what `make_plan(outline, raised)` says."""
    with uncollected():  # what was traced is large by now, and texts are many small things
        return _compiled(stage, what, wrt, may_alias, make_plan)


def _compiled(stage: Stage, what: What, wrt: tuple[int, ...], may_alias: bool, make_plan: MakePlan) -> Specialisation:
    subject = Subject(stage, what, wrt, may_alias)
    key = subject.key if keeping() else None
    if key is not None and (found := kept(_OUTLINE, key)) is not None:
        known = _linked(subject, decoded(found, stage.identity.spans), make_plan, recall)
        if known is not None:
            return known
    fresh = outline(subject.function, subject.lowered)
    if key is not None and (data := encoded(fresh, stage.identity.spans)) is not None:
        keep(_OUTLINE, key, data)
    made = _linked(subject, fresh, make_plan, link)
    assert made is not None
    return made


def _linked(
    subject: Subject, known: Outline, make_plan: MakePlan, find: Callable[..., Linked | None]
) -> Specialisation | None:
    """The specialisation with the code that `find(module, exports, symbols)` gives, if any."""
    plan = make_plan(known, Raised(known.errors))
    entry = None if LAYOUT is None else emit_entry(plan, LAYOUT)
    drop = [emit_drop(plan.target)] if plan.keeps else []
    if entry is None:
        parts = [emit_foreign(plan), *drop]
        exports, table = [f"{plan.target}.foreign", f"{plan.target}.release"], {}
    else:
        parts = [DECLARATIONS, entry.text, *drop]
        exports, table = [entry.symbol], symbols() | {entry.pins.symbol: entry.pins.seal()}
    if drop:
        exports.append(f"{plan.target}.drop")
    key = digest(known.text, *(part.encode() for part in parts))
    linked = find(Module(key, lambda: module_texts(subject.lowered, parts)), exports, table)
    return None if linked is None else Specialisation(subject, plan, entry, linked)


def _shown(word: int, name: str) -> Any:
    """The number of the type of that name in eight bytes."""
    form = FORMATS[name]
    (value,) = struct.unpack(form, (word % 2**64).to_bytes(8, "little")[: struct.calcsize(form)])
    return as_python(value, SCALARS[name])


@dataclass(frozen=True, slots=True, eq=False)
class Raised:
    """Makes the exception for an error code of a native function, and names the Python line in text and traceback."""

    sites: tuple[ErrorSite, ...]

    def __call__(self, code: int, *values: int) -> BaseException:
        site = self.sites[code - 1]
        kind = exception_named(site.error)
        types = site.types or ("i64",) * len(values)
        message = site.message.format(*(_shown(v, name) for v, name in zip(values, types, strict=False)))
        if site.span is None:
            return kind(message)
        return traced(kind(f"{message} ({os.path.basename(site.span.file)}, line {site.span.line})"), site.span)
