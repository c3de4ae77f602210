"""What has to be known of a trace without its IR: enough for the plans of its entry points, and to find code on disk.

Facts are kept on disk under what the trace was asked for, with what it read (`frontend/reads.py`). So a process that
reads the same again need not trace. Several may stand under one key: the same function with another global, or in
another closure.

Invariant: facts that were recalled are those of the trace that this process would make; with `VERIFY` it is made, and
they are held against it (`program.py`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from typing import Any, Literal

import numpy as np

from llad.codegen.environment import digest, keep, keeping, kept
from llad.codegen.outline import Identity, identity, type_data, type_of
from llad.complex_numbers import Complex
from llad.dataclass import dataclass
from llad.diagnostics import ArgumentError
from llad.frontend.inventory import Inventory
from llad.frontend.reads import asked, found, written
from llad.frontend.signature import ArgSpec, ArraySpec, Guard, Lengths, Traced, fits, spec_of
from llad.frontend.state import NeedsAttribute
from llad.frontend.words import Description, Undescribed, data_of, value_of
from llad.ir.alias import Aliases
from llad.ir.core import walk
from llad.ir.types import F32, I32, BufferType, ScalarType, Type
from llad.returned import Constant, Output, Passed, Result
from llad.spans import Spans, SpanWriter
from llad.structures import Form, Node

What = Literal["primal", "gradient", "tangent", "forward", "reverse"]

VERIFY = os.environ.get("LLAD_VERIFY", "0") != "0"
EACH_PASS = VERIFY and os.environ["LLAD_VERIFY"] != "stages"

_TRACE = b"trace"
_MOST = 8  # that stand under one key
_FORMS: dict[str, type] = {cls.__name__: cls for cls in (tuple, list, dict, Complex)}


@dataclass(frozen=True, slots=True)
class Facts:
    """`params`, `outputs`: the types of the function's parameters (leaves of the arguments, then captured arrays) and
    results. `written`: the parameters whose memory a call writes; `unshared`: those that may not overlap others unless
    the code expects it: the ones written, if only in copies. `uniform`: every float is f64 and every int i64, so
    it does not matter which numbers are weak.
    """

    params: tuple[Type, ...]
    outputs: tuple[Type, ...]
    result: Result
    captured: tuple[np.ndarray[Any, Any], ...] = field(compare=False)
    guards: tuple[Guard, ...] = field(compare=False)
    lengths: Lengths
    written: frozenset[int]
    unshared: frozenset[int]
    uniform: bool

    def holds(self) -> bool:
        """Whether what the trace assumed about globals, closures and the arrays in them is still so."""
        shapes = zip(self.captured, self.params[len(self.params) - len(self.captured) :], strict=True)
        return all(_is_like(array, type) for array, type in shapes) and all(guard.holds() for guard in self.guards)

    def fits(self, specs: Sequence[ArgSpec]) -> bool:
        """Whether arguments of these specs, and the captured arrays as they are now, have such axes."""
        return fits(specs, self.captured, self.lengths)


def _is_like(array: np.ndarray[Any, Any], type: Type) -> bool:
    try:
        spec = spec_of(array)
    except ArgumentError:
        return False
    return isinstance(spec, ArraySpec) and spec.type == type


def facts_of(traced: Traced) -> Facts:
    """The facts of a trace."""
    fn = traced.function
    written, unshared = Aliases(fn).written(fn), Aliases(fn, in_copies=True).written(fn)
    bodies = [fn.body, *(f.body for f in fn.functions.values())]
    values = (v for body in bodies for op in walk(body) for v in (*op.operands, *op.results))
    kinds = (v.type.dtype if isinstance(v.type, BufferType) else v.type for v in values)
    return Facts(
        params=tuple(p.type for p in fn.params),
        outputs=tuple(r.type for r in fn.results),
        result=traced.result,
        captured=traced.captured,
        guards=traced.guards,
        lengths=traced.lengths,
        written=frozenset(k for k, p in enumerate(fn.params) if p in written),
        unshared=frozenset(k for k, p in enumerate(fn.params) if p in unshared),
        uniform=not any(kind in (F32, I32) for kind in kinds if isinstance(kind, ScalarType)),
    )


# -- on disk


def recall(function: Any, specs: Sequence[ArgSpec], keywords: Sequence[str]) -> tuple[Facts, Identity] | None:
    """The facts of a trace that some process made, if this one reads what that one read.

    Raises: NeedsAttribute, if that is what became of the trace.
    """
    known = asked(function, specs, keywords) if keeping() else None
    if known is None:
        return None
    inventory, question = known
    for notes, outcome in _kept(question):
        here = inventory.copy()
        if (guards := found(here, json.loads(notes))) is None:
            continue
        data = json.loads(outcome)
        captured = tuple(here.arrays[k] for k in data["captured"])
        alike = all(map(_is_like, captured, map(type_of, data["types"])))
        if not alike or not fits(specs, captured, _lengths(data["lengths"])):
            continue
        if "needs" in data:
            number, name = data["needs"]
            raise NeedsAttribute(here.objects[number], name)
        return _decoded(data, here, captured, tuple(guard for guard in guards if not guard.lasting))
    return None


def remember(
    function: Any, specs: Sequence[ArgSpec], keywords: Sequence[str], traced: Traced, facts: Facts
) -> Identity | None:
    """Keep the facts of a trace for the next process, if that can find out whether they are true for it; the identity
    of the trace, if that was asked for."""
    known = asked(function, specs, keywords) if keeping() else None
    notes = None if known is None else written(known[0], traced.reads)
    if known is None or notes is None:
        return None
    inventory, question = known
    made = identity(traced.function)
    with suppress(Undescribed):
        _keep(question, notes, _seen(traced, inventory) | _encoded(facts, made, inventory))
    return made


def remember_need(function: Any, specs: Sequence[ArgSpec], keywords: Sequence[str], needed: NeedsAttribute) -> None:
    """Keep for the next process what a trace ended with that asked for an attribute."""
    known = asked(function, specs, keywords) if keeping() else None
    notes = None if known is None else written(known[0], needed.reads)
    if known is None or notes is None:
        return
    inventory, question = known
    numbers = [k for k, one in enumerate(inventory.objects) if one is needed.cls]
    with suppress(Undescribed):
        _keep(question, notes, _seen(needed, inventory) | {"needs": [numbers[0], needed.name]})


def _keep(question: Description, notes: Description, outcome: Description) -> None:
    new = json.dumps(notes), json.dumps(outcome)
    others = [pair for pair in _kept(question) if pair != new]
    lines = [line for pair in [new, *others[: _MOST - 1]] for line in pair]
    keep(_TRACE, _key(question), "\n".join(lines).encode())


def _seen(ended: Traced | NeedsAttribute, inventory: Inventory) -> dict[str, Any]:
    """What has to be so of arrays.

    Raises: Undescribed, if one of them is no object that was read.
    """
    numbers = [k for array in ended.captured for k, one in enumerate(inventory.arrays) if one is array]
    if len(numbers) != len(ended.captured):
        raise Undescribed
    kinds = [spec for array in ended.captured if isinstance(spec := spec_of(array), ArraySpec)]
    lengths = [[*key, int(so)] for key, so in ended.lengths.items()]
    return {"captured": numbers, "types": [type_data(kind.type) for kind in kinds], "lengths": lengths}


def _lengths(data: list[list[int]]) -> Lengths:
    return {(parameter, axis, count): bool(so) for parameter, axis, count, so in data}


def _key(question: Description) -> bytes:
    return digest(json.dumps(question).encode())


def _kept(question: Description) -> list[tuple[str, str]]:
    """The notes and the facts of the traces on disk, the newest first."""
    data = kept(_TRACE, _key(question))
    lines = [] if data is None else data.decode().split("\n")
    return list(zip(lines[::2], lines[1::2], strict=True))


def _encoded(facts: Facts, known: Identity, inventory: Inventory) -> dict[str, Any]:
    """The facts and the identity of a trace in words.

    Raises: Undescribed, if there are none for them.
    """
    writer = SpanWriter([file[:2] for file in inventory.files])
    spans = [writer.row(span) for span in known.spans]
    if None in spans:
        raise Undescribed
    return {
        "params": [type_data(type) for type in facts.params],
        "outputs": [type_data(type) for type in facts.outputs],
        "result": _result_data(facts.result, inventory),
        "written": sorted(facts.written),
        "unshared": sorted(facts.unshared),
        "uniform": facts.uniform,
        "identity": known.digest.hex(),
        "spans": spans,
        "rows": writer.rows,
        "names": writer.names,
    }


def _decoded(
    data: Any, inventory: Inventory, captured: tuple[np.ndarray[Any, Any], ...], guards: tuple[Guard, ...]
) -> tuple[Facts, Identity]:
    facts = Facts(
        params=tuple(map(type_of, data["params"])),
        outputs=tuple(map(type_of, data["outputs"])),
        result=_result(data["result"], inventory),
        captured=captured,
        guards=guards,
        lengths=_lengths(data["lengths"]),
        written=frozenset(data["written"]),
        unshared=frozenset(data["unshared"]),
        uniform=data["uniform"],
    )
    spans = Spans(data["spans"], data["rows"], data["names"], [file[:2] for file in inventory.files])
    return facts, Identity(bytes.fromhex(data["identity"]), spans)


def _result_data(result: Result, inventory: Inventory) -> Description:
    match result:
        case Output(index=index, weak=weak):
            return ["output", index, int(weak)]
        case Passed(leaf=leaf):
            return ["passed", leaf]
        case Node(form=form, items=items):
            keys = [data_of(key) for key in form.keys]
            if form.partial or form.conjugate or None in keys:
                raise Undescribed
            known = _FORMS.get(form.cls.__name__) == form.cls
            cls = form.cls.__name__ if known else _object_data(form.cls, inventory)
            return ["structure", cls, keys, [_result_data(item, inventory) for item in items]]
        case Constant(value=value):
            data = data_of(value)
            if value is None or data is not None:
                value_of(data)
                return ["constant", data]
            return _object_data(value, inventory)
    raise Undescribed


def _object_data(value: Any, inventory: Inventory) -> Description:
    """A result that is an object that was read."""
    for kind, known in (("object", inventory.objects), ("captured", inventory.arrays)):
        for k, one in enumerate(known):
            if one is value:
                return [kind, k]
    raise Undescribed


def _result(data: Description, inventory: Inventory) -> Result:
    match data:
        case ["output", index, weak]:
            return Output(index, bool(weak))
        case ["passed", leaf]:
            return Passed(leaf)
        case ["structure", cls, keys, items]:
            form = Form(_FORMS[cls] if isinstance(cls, str) else inventory.objects[cls[1]], tuple(map(value_of, keys)))
            return Node(form, tuple(_result(item, inventory) for item in items))
        case ["constant", value]:
            return Constant(value_of(value))
        case ["object", number]:
            return Constant(inventory.objects[number])
        case ["captured", number]:
            return Constant(inventory.arrays[number])
    raise AssertionError(data)
