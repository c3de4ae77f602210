"""Reading IR text, as `text.py` prints it, back into functions.

For tests, golden files and experiments: a pass can be tried on ten lines of text. One line is one op, or
opens or closes a region. What is read is not checked beyond its syntax; that is `verify.py`.

Invariant: names are only hints, so that a number stands for a value without one; spans lack the source line.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.core import AXIS_OPERANDS, Function, Op, Region, Value
from llad.ir.types import SCALARS, BufferType, LifoType, ScalarType, Type

_TOKEN = re.compile(
    r"""\s*(?: (?P<value>%\w+) | (?P<function>@[\w.]+) | (?P<string>"(?:[^"\\]|\\.)*") | (?P<dots>\.\.)
      | (?P<number>-?(?:\d[\d_]*(?:\.\d+)?(?:e[-+]?\d+)?|inf|nan)\b) | (?P<word>\w+) | (?P<mark>[][(){}<>,:=])
      )""",
    re.VERBOSE,
)
_SPAN = re.compile(r' @ (?P<file>[^"]*):(?P<line>\d+):(?P<column>\d+)-(?P<end>\d+)$')


def parse(text: str) -> Function:
    """The last function of a text that `show` wrote. Raises: ValueError with the line that it cannot read."""
    lines = [line.strip() for line in text.split("\n")]
    reader = _Parser([line for line in lines if line])
    last = None
    while reader.position < len(reader.lines):
        last = reader.function()
    if last is None:
        raise ValueError("no function")
    return last


@dataclass(slots=True)
class _Line:
    """The tokens of one line, read from left to right."""

    text: str
    at: int = 0
    span: Span | None = None

    def fail(self, want: str) -> ValueError:
        return ValueError(f"want {want} at column {self.at + 1} of: {self.text}")

    def peek(self) -> str:
        got = _TOKEN.match(self.text, self.at)
        return got.group().strip() if got else ""

    def next(self) -> str:
        got = _TOKEN.match(self.text, self.at)
        if got is None:
            raise self.fail("a token")
        self.at = got.end()
        return got.group().strip()

    def take(self, token: str) -> bool:
        """Skip `token` if it is next."""
        if self.peek() != token:
            return False
        self.next()
        return True

    def expect(self, *tokens: str) -> None:
        for token in tokens:
            if not self.take(token):
                raise self.fail(repr(token))

    def literal(self) -> dict[str, Any]:
        """The dict of attributes that stands here, if one does."""
        rest = self.text[self.at :].lstrip()
        if not rest.startswith("{'"):
            return {}
        start = len(self.text) - len(rest)
        for end in (m.end() for m in re.finditer("}", rest)):
            try:
                attrs: dict[str, Any] = ast.literal_eval(rest[:end])
            except (SyntaxError, ValueError):
                continue
            self.at = start + end
            return attrs
        raise self.fail("a dict of literals")


class _Parser:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.position = 0
        self.functions: dict[str, Function] = {}
        self.table: dict[str, Function] = {}  # of the function that comes next
        self.values: dict[str, Value] = {}

    def line(self) -> _Line:
        if self.position >= len(self.lines):
            raise ValueError("the text ends inside a function")
        text = self.lines[self.position]
        self.position += 1
        got = _SPAN.search(text)
        if got is None:
            return _Line(text)
        span = Span(got["file"], int(got["line"]), int(got["column"]), int(got["end"]))
        return _Line(text[: got.start()], 0, span)

    # -- pieces of a line

    def type(self, line: _Line) -> Type:
        name = line.next()
        if name in SCALARS:
            return SCALARS[name]
        if name == "buffer":
            line.expect("<")
            dtype = self.type(line)
            line.expect(",")
            rank = int(line.next())
            line.expect(",")
            layout = line.next()
            line.expect(">")
            if not isinstance(dtype, ScalarType) or layout not in ("C", "strided"):
                raise line.fail("a buffer type")
            return BufferType(dtype, rank, "C" if layout == "C" else "strided")
        if name == "lifo":
            return LifoType(tuple(self.listed(line, "<", ">", self.type)))
        raise line.fail("a type")

    def listed(self, line: _Line, opening: str, closing: str, item: Any) -> list[Any]:
        line.expect(opening)
        items: list[Any] = []
        while not line.take(closing):
            if items:
                line.expect(",")
            items.append(item(line))
        return items

    def define(self, line: _Line) -> Value:
        """`%name: type`, not yet in scope."""
        name = line.next()[1:]
        line.expect(":")
        return Value(self.type(line), name)

    def enter(self, *values: Value) -> None:
        for value in values:
            self.values[value.name] = value
            if value.name[0].isdigit():
                value.name = ""

    def use(self, line: _Line) -> Value:
        name = line.next()
        if name[1:] not in self.values:
            raise line.fail(f"a value in scope, not {name}")
        return self.values[name[1:]]

    def uses(self, line: _Line) -> list[Value]:
        """Values up to the first token that is none."""
        values: list[Value] = []
        while line.peek().startswith("%"):
            values.append(self.use(line))
            line.take(",")
        return values

    def carries(self, line: _Line) -> list[tuple[Value, Value]]:
        def pair(line: _Line) -> tuple[Value, Value]:
            value = self.define(line)
            line.expect("=")
            return value, self.use(line)

        return self.listed(line, "(", ")", pair) if line.take("carry") else []

    # -- lines

    def function(self) -> Function:
        line = self.line()
        local = line.take("local")
        if not local:
            line.expect("func")
        name = line.next()[1:]
        self.values = {}
        params = tuple(self.listed(line, "(", ")", self.define))
        self.enter(*params)
        attrs = line.literal()
        line.expect("{")
        ops, _ = self.block()
        made = Function(name, params, Region((), ops), attrs)
        if local:
            self.table[name] = made
            return made
        made.functions, self.table = self.table, {}
        self.functions[name] = made
        return made

    def block(self) -> tuple[list[Op], _Line]:
        """Ops up to the line that begins with `}`; and that line, after the brace."""
        ops: list[Op] = []
        while True:
            line = self.line()
            if line.take("}"):
                return ops, line
            ops.append(self.op(line))

    def op(self, line: _Line) -> Op:
        results: list[Value] = []
        while line.peek().startswith("%"):
            results.append(self.define(line))
            if not line.take(","):
                line.expect("=")
        name = line.next()
        control = {"if": self.if_, "for": self.for_, "while": self.while_}.get(name)
        if control is not None:
            operands, attrs, regions = control(line)
        else:
            operands, attrs = self.simple(name, line, results)
            attrs |= line.literal()
            regions = []
        if control is None and line.text[line.at :].strip():
            raise line.fail("the end of the line")
        self.enter(*results)
        return Op(name, tuple(operands), tuple(results), attrs, tuple(regions), line.span)

    def simple(self, name: str, line: _Line, results: list[Value]) -> tuple[list[Value], dict[str, Any]]:
        """Operands and spelled attributes of an op without regions."""
        match name:
            case "const":
                return [], {"value": _constant(line.next(), results[0].type)}
            case "load":
                return [self.use(line), *self.listed(line, "[", "]", self.use)], {}
            case "store":
                value = self.use(line)
                line.expect(",")
                return [value, self.use(line), *self.listed(line, "[", "]", self.use)], {}
            case "dim":
                buffer = self.use(line)
                line.expect(",")
                return [buffer], {"axis": int(line.next())}
            case "alloc":
                return self.listed(line, "(", ")", self.use), {"zero": line.take("zero")}
            case "view":
                return self.view(line)
            case "matmul":
                return self.uses(line), {"fresh": line.take("fresh")}
            case "check":
                operands = self.uses(line)
                return operands, {"error": line.next(), "message": json.loads(line.next())}
            case "print":
                text = json.loads(line.next())
                return self.listed(line, "(", ")", self.use), {"text": text}
            case "call":
                callee = line.next()[1:]
                return self.listed(line, "(", ")", self.use), {"callee": callee}
            case "derivative":
                mode, callee = line.next(), line.next()[1:]
                line.expect("wrt")
                wrt = tuple(self.listed(line, "[", "]", lambda line: int(line.next())))
                attrs = {"callee": self.functions[callee], "mode": mode, "wrt": wrt}
                return self.listed(line, "(", ")", self.use), attrs
            case _:
                return self.uses(line), {}

    def view(self, line: _Line) -> tuple[list[Value], dict[str, Any]]:
        operands = [self.use(line)]

        def axis(line: _Line) -> str:
            if line.peek().startswith("%"):
                operands.append(self.use(line))
                return "index"
            word = line.next()
            if word in AXIS_OPERANDS:
                operands.extend(self.listed(line, "(", ")", self.use))
            return word

        return operands, {"axes": tuple(self.listed(line, "[", "]", axis))}

    def if_(self, line: _Line) -> tuple[list[Value], dict[str, Any], list[Region]]:
        operands = self.uses(line)
        attrs = line.literal()
        line.expect("{")
        then, end = self.block()
        end.expect("else", "{")
        otherwise, _ = self.block()
        return operands, attrs, [Region((), then), Region((), otherwise)]

    def for_(self, line: _Line) -> tuple[list[Value], dict[str, Any], list[Region]]:
        index = Value(SCALARS["i64"], line.next()[1:])
        line.expect("in")
        lo = self.use(line)
        line.expect("..")
        hi = self.use(line)
        line.expect("step")
        step = self.use(line)
        carries = self.carries(line)
        exits = line.take("exits")
        kind = line.next() if line.peek() in ("sequential", "parallel", "reduction") else "sequential"
        attrs = {"exits": exits, "kind": kind} | line.literal()
        line.expect("{")
        args = (index, *(value for value, _ in carries))
        self.enter(*args)
        ops, _ = self.block()
        return [lo, hi, step, *(init for _, init in carries)], attrs, [Region(args, ops)]

    def while_(self, line: _Line) -> tuple[list[Value], dict[str, Any], list[Region]]:
        carries = self.carries(line)
        attrs = {"exits": line.take("exits")} | line.literal()
        line.expect("{")
        args = tuple(value for value, _ in carries)
        self.enter(*args)
        condition, end = self.block()
        end.expect("do")
        body_args = tuple(self.listed(end, "(", ")", self.define)) if end.peek() == "(" else ()
        end.expect("{")
        self.enter(*body_args)
        body, _ = self.block()
        return [init for _, init in carries], attrs, [Region(args, condition), Region(body_args, body)]


def _constant(token: str, type: Type) -> float | int | bool:
    if type == SCALARS["bool"]:
        return token == "true"
    return float(token) if type in (SCALARS["f64"], SCALARS["f32"]) else int(token)
