"""`verify(fn)`: the invariants that every function holds between passes.

- V1 *One definition.* A value is defined once: a parameter, a block argument, or one result of one op. No op
  and no region stands in two places.
- V2 *Scope.* An operand is a parameter, a result of an earlier op of the same region or of one that encloses
  it, or a block argument of a region around it. Nothing comes from outside the function.
- V3 *Terminators.* The body ends in `return`, every other region in `yield`; neither stands anywhere else.
  Only `if`, `for` and `while` own regions, as many as `docs/ir.md` says.
- V4 *Scalar ops* are rows of the op table: their operand types match its typing, which gives the one result's
  type.
- V5 *Structured ops* have the operand and result types of `docs/ir.md`; what regions take and yield agrees
  with the owner's operands and results; a loop's last result is its trip count.
- V6 *Attributes.* Those of `docs/ir.md` are present and well formed; a `const` holds a number normal for its
  type; every attribute is hashable.
- V7 *Nobody reads `undef`.* It is only passed on: yielded, carried, pushed, stored, or an unchosen side of
  `select`.
- V8 *Spans.* In a function whose attribute `spans` is true, every op but terminators has one (I3).
- V9 *Conditions of `while`* have no effects: no `store`, `matmul`, `push`, `pop`, `free` or `call` in them.
- V10 *`derivative`* has a callee that itself verifies, and as many operands as callee, `mode` and `wrt`
  imply.
- V11 *`free`* is never given a parameter or the result of a `view`.
- V12 *Calls.* A `call` names a function of the root's table and agrees with its parameters and results, none of
  which is a lifo. A function in a table verifies, has none of its own, its key as name, and the attribute `may_alias`
  or `chunk` or `part`.

A violation is a bug of llad: an `AssertionError` that names the invariant and prints the IR around the op.
What holds only at run time (indices in range, no poison read, no use after free) is the interpreter's to
check.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NoReturn

from llad.ir.core import (
    AXIS_OPERANDS,
    STRUCTURED,
    TERMINATORS,
    Function,
    Op,
    Region,
    Value,
    shown_values,
    stays_contiguous,
)
from llad.ir.text import REGIONS, SPELLED, show
from llad.ir.types import BOOL, FLOATS, I32, I64, INTS, BufferType, LifoType, ScalarType, Type
from llad.ops.table import OPS

Types = list[Type]

EFFECTS = frozenset({"store", "push", "pop", "free", "call", "print", "matmul"})
_LENT = frozenset({"chunk", "part"})
KINDS = ("sequential", "parallel", "reduction")
MODES = ("grad", "vjp", "jvp")


def verify(fn: Function) -> Function:
    """`fn` itself, so that calls can be chained. Raises: AssertionError if an invariant above does not hold."""
    _Verifier(fn, fn).function()
    for name, local in fn.functions.items():
        inner = _Verifier(local, fn)
        if name != local.name or not re.fullmatch(r"[\w.]+", name):
            inner.fail(None, "V12", f"{name!r} is {local.name!r}")
        if local.functions or not (local.attrs.get("may_alias") or _LENT & local.attrs.keys()):
            inner.fail(None, "V12", f"{name} is no local function")
        if any(isinstance(r.type, LifoType) for r in local.results):
            inner.fail(None, "V12", "a lifo is returned")
        inner.function()
    return fn


class _Verifier:
    """Runs after every pass under tests, so what holds costs one question; only `fail` puts words together."""

    def __init__(self, fn: Function, root: Function) -> None:
        self.fn = fn
        self.root = root
        self.spans = bool(fn.attrs.get("spans"))
        self.maker: dict[Value, Op | None] = {}  # every value seen so far; None for parameters and block arguments
        self.scope: set[Value] = set()
        self.undefined: set[Value] = set()
        self.seen: set[Op | Region] = set()

    def function(self) -> None:
        for p in self.fn.params:
            self.define(p, None, None)
        if self.fn.body.args:
            self.fail(None, "V3", "the body has block arguments")
        self.region(self.fn.body, "return", in_condition=False)

    def fail(self, op: Op | None, number: str, message: str) -> NoReturn:
        raise AssertionError(f"{number}: {message}\n{_around(self.fn, op)}")

    def define(self, value: Value, maker: Op | None, op: Op | None) -> None:
        if value in self.maker:
            self.fail(op, "V1", f"{value} is defined twice")
        self.maker[value] = maker
        self.scope.add(value)

    def region(self, region: Region, terminator: str, in_condition: bool, owner: Op | None = None) -> None:
        if region in self.seen:
            self.fail(owner, "V1", "a region stands in two places")
        self.seen.add(region)
        for a in region.args:
            self.define(a, None, owner)
        if not region.ops:
            self.fail(owner, "V3", f"a region without {terminator}")
        last = region.ops[-1]
        for op in region.ops:
            if op in self.seen:
                self.fail(op, "V1", "an op stands in two places")
            self.seen.add(op)
            self.place(op, op is last, terminator, in_condition)
            self.op(op, in_condition)
        self.scope.difference_update(region.args)
        for op in region.ops:
            self.scope.difference_update(op.results)

    def place(self, op: Op, last: bool, terminator: str, in_condition: bool) -> None:
        if (op.name in TERMINATORS) != last:
            self.fail(op, "V3", f"`{terminator}` is the last op, and only it")
        if last and op.name != terminator:
            self.fail(op, "V3", f"{op.name} where {terminator} belongs")
        if in_condition and op.name in EFFECTS:
            self.fail(op, "V9", f"{op.name} in a condition")

    def op(self, op: Op, in_condition: bool) -> None:
        if not self.scope.issuperset(op.operands):
            self.fail(op, "V2", f"{next(o for o in op.operands if o not in self.scope)} is not in scope")
        self.attributes(op)
        if self.undefined and not self.undefined.isdisjoint(read := _read(op)):
            undefined = next(o for o in read if o in self.undefined)
            self.fail(op, "V7", f"{op.name} reads {undefined}, which is undef")
        if len(op.regions) != REGIONS.get(op.name, 0):
            self.fail(op, "V3", f"{op.name} with {len(op.regions)} regions")
        for number, region in enumerate(op.regions):
            condition = in_condition or (op.name == "while" and number == 0)
            self.region(region, "yield", condition, op)
        self.types(op)
        for r in op.results:
            self.define(r, op, op)
        if op.name == "undef":
            self.undefined.update(op.results)

    def attributes(self, op: Op) -> None:
        if op.name not in OPS and op.name not in STRUCTURED:
            self.fail(op, "V4", f"there is no op {op.name}")
        for key in SPELLED.get(op.name, ()):
            if key not in op.attrs:
                self.fail(op, "V6", f"{op.name} without attribute {key}")
        for key, value in op.attrs.items():
            try:
                hash(value)
            except TypeError:
                self.fail(op, "V6", f"attribute {key} is not hashable")
        if op.name == "const":
            if len(op.results) != 1:
                self.fail(op, "V5", "a const has one result")
            value, type = op.attrs["value"], op.result.type
            if not _normal(value, type):
                self.fail(op, "V6", f"{value!r} is no {type}")
        if self.spans and op.span is None and op.name not in TERMINATORS:
            self.fail(op, "V8", f"{op.name} without a span")

    def types(self, op: Op) -> None:
        operands, results = _types(op.operands), _types(op.results)
        if op.name in OPS:
            try:
                wanted = _typing(op.name, tuple(operands))
            except TypeError as error:
                self.fail(op, "V4", f"{op.name}: {error}")
            if results != [wanted]:
                self.fail(op, "V4", f"{op.name} gives {wanted}, not {_listed(results)}")
            return
        if op.name == "derivative":
            self.derivative(op, operands)
        if op.name == "call":
            self.call(op, operands, results)
        if problem := _problem(op, operands, results):
            self.fail(op, "V5", f"{op.name}: {problem}")
        if op.name == "free":
            maker = self.maker[op.operands[0]]
            if op.operands[0] in self.fn.params or (maker is not None and maker.name == "view"):
                self.fail(op, "V11", f"free of {op.operands[0]}, which the function does not own")

    def call(self, op: Op, operands: Types, results: Types) -> None:
        callee = self.root.functions.get(op.attrs["callee"])
        if callee is None:
            self.fail(op, "V12", f"no function {op.attrs['callee']} in the table")
        wanted = _types(callee.params), _types(callee.results)
        if (operands, results) != wanted:
            self.fail(op, "V12", f"@{callee.name} is {' → '.join(map(_listed, wanted))}")

    def derivative(self, op: Op, operands: Types) -> None:
        callee, mode, wrt = op.attrs["callee"], op.attrs["mode"], op.attrs["wrt"]
        if not isinstance(callee, Function) or mode not in MODES:
            self.fail(op, "V6", "derivative of what, and how?")
        verify(callee)
        params, results = _types(callee.params), _types(callee.results)
        if not all(0 <= k < len(params) for k in wrt):
            self.fail(op, "V10", f"wrt {wrt} of {len(params)} parameters")
        more = {"jvp": [params[k] for k in wrt], "vjp": list(filter(_is_float_value, results))}
        wanted = params + more.get(mode, [])
        if _bare(operands) != _bare(wanted):
            self.fail(op, "V10", f"operands {_listed(operands)}, not {_listed(wanted)}")
        if mode == "grad" and not (results and results[0] in FLOATS):
            self.fail(op, "V10", "the callee's objective is not a float")
        count = sum(map(_is_float_value, results)) if mode == "jvp" else len(wrt)
        if len(op.results) != len(results) + count:
            self.fail(op, "V10", f"{len(op.results)} results")


def _around(fn: Function, op: Op | None, context: int = 8) -> str:
    """The lines of the function's text near `op`."""
    lines = show(fn, mark=op).splitlines()
    marked = next((k for k, line in enumerate(lines) if line.lstrip().startswith(">>> ")), 0)
    first = max(0, marked - context)
    return "\n".join(["...", *lines[first : marked + context + 1]])


def _read(op: Op) -> Sequence[Value]:
    """The operands that `op` itself reads; the others it only passes on."""
    match op.name:
        case "yield" | "while":
            return ()
        case "for":
            return op.operands[:3]
        case "select" | "push":
            return op.operands[:1]
        case "store":
            return op.operands[1:]
        case _:
            return op.operands


@cache
def _typing(name: str, operands: tuple[Type, ...]) -> Type:
    return OPS[name].typing(operands)


def _types(values: Sequence[Value]) -> Types:
    return [v.type for v in values]


def _listed(types: Types) -> str:
    return f"({', '.join(map(str, types))})"


def _bare(types: Types) -> Types:
    """Without layouts: the expansion of `derivative` adapts those."""
    return [BufferType(t.dtype, t.rank) if isinstance(t, BufferType) else t for t in types]


def _is_float_value(type: Type) -> bool:
    return type in FLOATS or (isinstance(type, BufferType) and type.dtype in FLOATS)


def _normal(value: object, type: Type) -> bool:
    """Whether a constant's Python value is one that its type holds."""
    if type == BOOL:
        return isinstance(value, bool)
    if type in FLOATS:
        return isinstance(value, float)
    half = 1 << (31 if type == I32 else 63)
    return type in INTS and isinstance(value, int) and not isinstance(value, bool) and -half <= value < half


# -- V5: what is wrong with the types of a structured op; empty if nothing is


def _problem(op: Op, operands: Types, results: Types) -> str:
    match op.name:
        case "const":
            return "" if not operands and len(results) == 1 else "want one result and no operand"
        case "undef":
            return "" if not operands and len(results) == 1 else "want one result and no operand"
        case "cast":
            ok = len(operands) == 1 == len(results) and isinstance(operands[0], ScalarType)
            return "" if ok and isinstance(results[0], ScalarType) else "want scalar → scalar"
        case "if":
            ok = operands == [BOOL] and all(_yields(r) == results and not r.args for r in op.regions)
            return "" if ok else f"want a bool, and both regions to yield {_listed(results)}"
        case "for":
            carries = operands[3:]
            ok = operands[:3] == [I64] * 3 and _loops(op, [I64, *carries], carries)
            return "" if ok and op.attrs["kind"] in KINDS else f"want i64 bounds, carries {_listed(carries)}"
        case "while":
            condition = op.regions[0]
            ok = _types(condition.args) == operands and _yields(condition) == [BOOL]
            ok = ok and _loops(op, operands, operands)
            return "" if ok else f"want a bool condition, carries {_listed(operands)}"
        case "yield" | "return":
            return "" if not results else "want no result"
        case "check":
            held = shown_values(op.attrs["message"])
            ok = operands[:1] == [BOOL] and len(operands) == 1 + held and held <= 4 and not results
            ok = ok and all(isinstance(o, ScalarType) for o in operands)
            return "" if ok else "want a bool and, per {} of the message, a number; at most 4"
        case "print":
            ok = shown_values(op.attrs["text"]) == len(operands) and not results
            ok = ok and not any(isinstance(o, LifoType) for o in operands)
            return "" if ok else "want a number or buffer per {} of the text"
        case "lifo":
            return "" if not operands and len(results) == 1 and isinstance(results[0], LifoType) else "want → lifo"
        case "push":
            stack = operands[0] if operands else None
            ok = isinstance(stack, LifoType) and list(stack.fields) == operands[1:] and not results
            return "" if ok else "want a lifo and a value per field"
        case "pop":
            stack = operands[0] if operands else None
            ok = isinstance(stack, LifoType) and list(stack.fields) == results and len(operands) == 1
            return "" if ok else "want a lifo, and a result per field"
        case "derivative" | "call":
            return ""
        case _:
            return _memory_problem(op, operands, results)


def _memory_problem(op: Op, operands: Types, results: Types) -> str:
    if op.name == "alloc":
        ok = len(results) == 1 and isinstance(results[0], BufferType) and results[0].layout == "C"
        ok = ok and operands == [I64] * results[0].rank  # type: ignore[union-attr]
        return "" if ok else "want an i64 per axis → contiguous buffer"
    if op.name == "matmul":
        first = operands[0] if len(operands) == 3 else None
        ok = isinstance(first, BufferType) and first.rank == 2 and first.dtype in FLOATS and not results
        ok = ok and _bare(operands) == [BufferType(first.dtype, 2)] * 3  # type: ignore[union-attr]
        return "" if ok else "want three matrices of one kind of floats"
    at = 1 if op.name == "store" else 0
    buffer = operands[at] if at < len(operands) else None
    if not isinstance(buffer, BufferType):
        return f"operand {at} is no buffer"
    rest = operands[at + 1 :]
    match op.name:
        case "free":
            return "" if not rest and not results else "want a buffer"
        case "load":
            ok = rest == [I64] * buffer.rank and results == [buffer.dtype]
            return "" if ok else f"want {buffer.rank} indices → {buffer.dtype}"
        case "store":
            ok = rest == [I64] * buffer.rank and operands[0] == buffer.dtype and not results
            return "" if ok else f"want {buffer.dtype}, {buffer}, {buffer.rank} indices"
        case "dim":
            ok = not rest and results == [I64] and 0 <= op.attrs["axis"] < buffer.rank
            return "" if ok else "want an axis of the buffer → i64"
        case _:
            assert op.name == "view", op.name
            return _view_problem(op.attrs["axes"], op.attrs.get("order"), buffer, rest, results)


def _view_problem(
    axes: tuple[str, ...], order: tuple[int, ...] | None, source: BufferType, rest: Types, results: Types
) -> str:
    if "shape" in axes:
        ok = set(axes) == {"shape"} and order is None and rest == [I64] * len(axes)
        ok = ok and (source.layout == "C" or source.rank == 1)
        ok = ok and results == [BufferType(source.dtype, len(axes), source.layout)]
        return "" if ok else "want an i64 per new axis"
    if not set(axes) <= {"index", "run", "slice", "full", "new"} or sum(a != "new" for a in axes) != source.rank:
        return f"axes {axes} do not fit {source}"
    if rest != [I64] * sum(AXIS_OPERANDS.get(a, 0) for a in axes):
        return f"axes {axes} want other operands"
    result = results[0] if len(results) == 1 else None
    if not isinstance(result, BufferType) or result.dtype != source.dtype:
        return f"want → buffer of {source.dtype}"
    if order is not None and (set(axes) > {"full"} or sorted(order) != list(range(result.rank))):
        return f"{order} is no order of axes {axes}"
    contiguous = source.layout == "C" and order is None and stays_contiguous(axes)
    ok = result.rank == sum(a != "index" for a in axes) and (result.layout == "strided" or contiguous)
    return "" if ok else f"{result} is not what axes {axes} leave of {source}"


def _yields(region: Region) -> Types:
    return _types(region.terminator.operands)


def _loops(op: Op, args: Types, carries: Types) -> bool:
    """Whether the body (the last region), its yield and the results agree with the carries."""
    body = op.regions[-1]
    yielded = [*([BOOL] if op.attrs["exits"] else []), *carries]
    return _types(body.args) == args and _yields(body) == yielded and _types(op.results) == [*carries, I64]
