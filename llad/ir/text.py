"""The IR as text: `show` prints it, `parse.py` reads it back.

    func @f(%x: buffer<f64, 1, C>) {
      %n: i64 = dim %x, 0
      %0: i64 = const 0
      %1: i64 = const 1
      %2: f64 = const 0.0
      %s: f64, %trips: i64 = for %i in %0..%n step %1 carry (%acc: f64 = %2) {
        %3: f64 = load %x[%i]
        %4: f64 = add %acc, %3
        yield %4
      }
      return %s
    }

One op a line. Attributes with a place in the syntax stand there, any others follow as a Python dict of
literals: `add %a, %b {'reassoc': True}`. With `spans`, `@ file:line:column-end` ends the line of an op. The
functions that `derivative` ops mention are printed before the one that mentions them. Those of a function's table
stand directly before it, each beginning with `local`; `call @g(%x)` calls one.

Invariant: `show(parse(text)) == text` for every text that `show` wrote. (A name is a hint in both directions.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import field
from itertools import islice
from typing import Any

from llad.dataclass import dataclass
from llad.ir.core import AXIS_OPERANDS, Function, Op, Region, Value, walk

# The attributes that have a place in the syntax, by op; what is not listed is printed as a dict.
SPELLED: dict[str, tuple[str, ...]] = {
    "const": ("value",),
    "dim": ("axis",),
    "alloc": ("zero",),
    "matmul": ("fresh",),
    "view": ("axes",),
    "for": ("exits", "kind"),
    "while": ("exits",),
    "check": ("error", "message"),
    "print": ("text",),
    "call": ("callee",),
    "derivative": ("callee", "mode", "wrt"),
}
# How many regions an op owns, if any.
REGIONS = {"if": 2, "for": 1, "while": 2}


def show(fn: Function, spans: bool = False, mark: Op | None = None) -> str:
    """The text of `fn`, after that of the functions that it differentiates. `mark` puts `>>>` before one op."""
    names: dict[Function, str] = {}
    parts: list[str] = []

    def visit(function: Function) -> None:
        if function in names:
            return
        for body in (*function.functions.values(), function):
            for op in walk(body.body):
                if op.name == "derivative" and isinstance(callee := op.attrs.get("callee"), Function):
                    visit(callee)
        names[function] = _unique(re.sub(r"[^\w.]", "_", function.name), names.values())
        for name, local in function.functions.items():
            parts.append(_Printer({**names, local: name}, spans, mark).function(local, "local"))
        parts.append(_Printer(names, spans, mark).function(function))

    visit(fn)
    return "\n\n".join(parts) + "\n"


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _unique(name: str, taken: Container[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def show_constant(value: float | int | bool) -> str:
    """A number as IR text: `true`, `-0.0`, `inf`, `3`."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


@dataclass(slots=True)
class _Printer:
    functions: dict[Function, str]
    spans: bool
    mark: Op | None
    names: dict[Value, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    repeats: dict[str, int] = field(default_factory=dict)
    numbered: int = 0

    def function(self, fn: Function, keyword: str = "func") -> str:
        params = ", ".join(map(self.typed, fn.params))
        lines = [f"{keyword} @{self.functions[fn]}({params}){self.extra(fn.attrs, ())} {{"]
        lines += ["  " + line for line in self.region(fn.body)]
        return "\n".join([*lines, "}"])

    def define(self, value: Value) -> str:
        """Choose the name of a value where it is defined."""
        hint = _identifier(value.name)
        if not hint or hint[0].isdigit():
            name = str(self.numbered)
            self.numbered += 1
        else:
            name, number = hint, self.repeats.get(hint, 0)
            while name in self.taken:
                number += 1
                name = f"{hint}_{number}"
            self.repeats[hint] = number
            self.taken.add(name)
        self.names[value] = name
        return "%" + name

    def typed(self, value: Value) -> str:
        return f"{self.define(value)}: {value.type}"

    def use(self, value: Value) -> str:
        return "%" + self.names.get(value, f"UNDEFINED_{_identifier(value.name)}")

    def uses(self, values: tuple[Value, ...]) -> str:
        return ", ".join(map(self.use, values))

    def extra(self, attrs: dict[str, Any], spelled: tuple[str, ...]) -> str:
        rest = {k: v for k, v in attrs.items() if k not in spelled}
        return f" {rest!r}" if rest else ""

    def region(self, region: Region) -> Iterator[str]:
        for op in region.ops:
            for k, line in enumerate(self.op(op)):
                yield line if op is not self.mark or k else f">>> {line}"

    def op(self, op: Op) -> Iterator[str]:
        tail = self.extra(op.attrs, SPELLED.get(op.name, ()))
        span = f" @ {op.span}-{op.span.end_column}" if self.spans and op.span else ""
        if op.regions:
            yield from self.control(op, tail, span) if _fits(op) else self.misshapen(op)
            return
        try:
            text = self.simple(op)  # operands first: a result is not in scope in its own op
        except (KeyError, ValueError, IndexError, StopIteration):  # what the verifier rejects can be shown too
            text, tail = f"{op.name} {self.uses(op.operands)}", self.extra(op.attrs, ())
        results = ", ".join(map(self.typed, op.results))
        yield f"{results} = {text}{tail}{span}" if results else f"{text}{tail}{span}"

    def simple(self, op: Op) -> str:
        match op.name:
            case "const":
                return f"const {show_constant(op.attrs['value'])}"
            case "load":
                return f"load {self.use(op.operands[0])}[{self.uses(op.operands[1:])}]"
            case "store":
                value, buffer, *indices = op.operands
                return f"store {self.use(value)}, {self.use(buffer)}[{self.uses(tuple(indices))}]"
            case "dim":
                return f"dim {self.use(op.operands[0])}, {op.attrs['axis']}"
            case "alloc":
                return f"alloc({self.uses(op.operands)}){' zero' if op.attrs['zero'] else ''}"
            case "view":
                return f"view {self.use(op.operands[0])}[{self.view_axes(op)}]"
            case "matmul":
                return f"matmul {self.uses(op.operands)}{' fresh' if op.attrs['fresh'] else ''}"
            case "check":
                message = json.dumps(op.attrs["message"], ensure_ascii=False)
                return f"check {self.uses(op.operands)}, {op.attrs['error']} {message}"
            case "print":
                return f"print {json.dumps(op.attrs['text'], ensure_ascii=False)} ({self.uses(op.operands)})"
            case "call":
                return f"call @{op.attrs['callee']}({self.uses(op.operands)})"
            case "derivative":
                callee, wrt = self.functions[op.attrs["callee"]], ", ".join(map(str, op.attrs["wrt"]))
                return f"derivative {op.attrs['mode']} @{callee} wrt [{wrt}] ({self.uses(op.operands)})"
            case _:
                return f"{op.name} {self.uses(op.operands)}".rstrip()

    def view_axes(self, op: Op) -> str:
        operands = iter(op.operands[1:])
        parts = []
        for axis in op.attrs["axes"]:
            if axis == "index":
                parts.append(self.use(next(operands)))
            elif axis in AXIS_OPERANDS:
                parts.append(f"{axis}({self.uses(tuple(islice(operands, AXIS_OPERANDS[axis])))})")
            else:
                parts.append(axis)
        return ", ".join(parts)

    def control(self, op: Op, tail: str, span: str) -> Iterator[str]:
        exits = " exits" if op.attrs.get("exits") else ""
        kind = op.attrs.get("kind", "sequential")
        if op.name == "if":
            heads = [f"if {self.uses(op.operands)}", "} else"]
        elif op.name == "for":
            (body,) = op.regions
            lo, hi, step = map(self.use, op.operands[:3])
            bounds = f"for {self.define(body.args[0])} in {lo}..{hi} step {step}"
            carries = self.carries(body.args[1:], op.operands[3:])
            heads = [f"{bounds}{carries}{exits}{'' if kind == 'sequential' else ' ' + kind}"]
        else:
            heads = [f"while{self.carries(op.regions[0].args, op.operands)}{exits}", "} do"]
        blocks = []
        for number, (head, region) in enumerate(zip(heads, op.regions, strict=True)):
            if op.name == "while" and number == 1:
                head += f" ({', '.join(map(self.typed, region.args))})" if region.args else ""
            blocks.append((head, ["  " + line for line in self.region(region)]))
        results = ", ".join(map(self.typed, op.results))
        head, lines = blocks[0]
        yield f"{results} = {head}{tail} {{{span}" if results else f"{head}{tail} {{{span}"
        yield from lines
        for head, lines in blocks[1:]:
            yield head + " {"
            yield from lines
        yield "}"

    def misshapen(self, op: Op) -> Iterator[str]:
        """An op whose regions are not those that it must have, for the verifier to point at."""
        yield f"{op.name} {self.uses(op.operands)}{self.extra(op.attrs, ())}"
        for region in op.regions:
            yield f"({', '.join(map(self.typed, region.args))}) {{"
            yield from ("  " + line for line in self.region(region))
            yield "}"

    def carries(self, args: tuple[Value, ...], inits: tuple[Value, ...]) -> str:
        pairs = [f"{self.typed(a)} = {self.use(i)}" for a, i in zip(args, inits, strict=True)]
        return f" carry ({', '.join(pairs)})" if pairs else ""


def _fits(op: Op) -> bool:
    """Whether the regions of `op`, and their arguments, are as many as its syntax has places for."""
    first = op.regions[0].args
    initial = {"if": len(op.operands), "for": len(first) + 2, "while": len(first)}.get(op.name)
    return len(op.regions) == REGIONS.get(op.name) and len(op.operands) == initial
