"""Constant folding and algebraic simplification.

What: an op on constants becomes its constant; identities (`x * 1`, `x - 0.0`, `neg (neg x)`, `dim` of an
`alloc`, a `select` or `if` whose condition is known, casts that undo each other, loops of no or one
iteration) disappear; a `check` that holds is dropped; an access through a view goes to the array itself.

When: always sound, bit for bit. So `x + 0.0` stays (x may be -0.0) unless the op carries `reassoc`, which
marks the accumulation of adjoints. Nothing folds to NaN, and nothing that Python would raise on.

Before:

    func @f(%x: f64, %n: i64) {
      %one: f64 = const 1.0
      %two: f64 = const 2.0
      %a: f64 = mul %x, %one
      %c: f64 = mul %two, %two
      %b: f64 = div %a, %c
      %z: buffer<f64, 1, C> = alloc(%n)
      %d: i64 = dim %z, 0
      return %b, %d
    }

After (and `dce`):

    func @f(%x: f64, %n: i64) {
      %k: f64 = const 0.25
      %b: f64 = mul %x, %k
      return %b, %n
    }
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from llad.ir.core import AXIS_OPERANDS, Function, Op, Value, constant
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, ScalarType, is_float
from llad.ops.table import OPS
from llad.passes.identities import IDENTITIES
from llad.passes.rebuild import Rebuild

Number = float | int | bool

# Every value of the first type is a value of the second, so the next cast may start from the first.
_EXACT = frozenset({(I32, I64), (I32, F64), (F32, F64), (BOOL, I32), (BOOL, I64), (BOOL, F32), (BOOL, F64)})
_GROWING = frozenset({"ipow", "ipow_overflows", "shl", "shr"})  # `eval` is exact: keep its integers small


def fold(fn: Function) -> Function:
    """`fn` with constants folded and identities removed."""
    return Fold().function(fn)


class Fold(Rebuild):
    """`made` knows the op behind each new value, `undefined` the results of `undef`."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[Value, Op] = {}
        self.undefined: set[Value] = set()

    def visit(self, op: Op) -> None:
        operands = self.operands(op)
        if self.undefined and not self.undefined.isdisjoint(operands):
            operands = self._defined(op, operands)
        if op.name in OPS:
            value = self.scalar(op, operands)
            if value is not None:
                self.mapping[op.result] = value
                return
        elif (special := _SPECIAL.get(op.name)) and special(self, op, operands):
            return
        copied = self.copy(op, operands, tuple([self.region(r) for r in op.regions]))
        for result in copied.results:
            self.made[result] = copied
        if op.name == "undef":
            self.undefined.add(copied.result)

    def _defined(self, op: Op, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        """The operands of `op`, which is never reached if it reads an `undef`: so that it reads something."""
        if op.name in ("yield", "while"):
            return operands
        first = int(op.name == "store")  # these pass the others on unread
        last = {"for": 3, "select": 1, "push": 1}.get(op.name, len(operands))
        return tuple(
            self._anything(o, op) if o in self.undefined and first <= k < last else o for k, o in enumerate(operands)
        )

    def _anything(self, undefined: Value, like: Op) -> Value:
        match undefined.type:
            case ScalarType() as type:
                zero = normal(0, type)
                assert zero is not None
                return self.number(zero, like, type)
            case BufferType(rank=rank):
                extents = [self.number(0, like, I64)] * rank
                dense = BufferType(undefined.type.dtype, rank)
                empty = self.emit("alloc", extents, [dense], like.span, {"zero": True}).result
                if undefined.type == dense:
                    return empty
                window = [*extents, *extents, *[self.number(1, like, I64)] * rank]
                axes = {"axes": ("slice",) * rank}
                operands = [empty, *[window[k + rank * j] for k in range(rank) for j in range(3)]]
                return self.emit("view", operands, [undefined.type], like.span, axes).result
            case _:
                return self.emit("lifo", (), [undefined.type], like.span).result

    # -- what is known about a value

    def constant(self, value: Value) -> Number | None:
        """The number that `value` always is, or None."""
        number: Number | None = constant(value, self.made)
        return number

    def maker(self, value: Value, *names: str) -> Op | None:
        """The op that made `value`, if it is one of `names`."""
        op = self.made.get(value)
        return op if op is not None and op.name in names else None

    def number(self, value: Number, like: Op, type: ScalarType) -> Value:
        """A new constant, at the place of `like`."""
        result = self.const(value, type, like.span)
        self.made[result] = self.ops[-1]
        return result

    def new(self, name: str, like: Op, *operands: Value) -> Value:
        """A new scalar op with the attributes of `like`, itself simplified."""
        types = tuple(o.type for o in operands)
        op = Op(name, operands, (Value(OPS[name].typing(types)),), like.attrs, (), like.span)
        value = self.scalar(op, operands)
        if value is None:
            value = op.result
            self.ops.append(op)
            self.made[value] = op
        return value

    # -- scalar ops

    def scalar(self, op: Op, operands: tuple[Value, ...]) -> Value | None:
        """A simpler value for a row of the op table."""
        constants = [self.constant(o) for o in operands]
        known = [c for c in constants if c is not None]
        type = op.result.type
        if len(known) == len(constants) and isinstance(type, ScalarType):
            value = evaluate(op.name, known, type)
            if value is not None:
                return self.number(value, op, type)
        identity = IDENTITIES.get(op.name)
        return identity(self, op, operands, constants) if identity else None


def evaluate(name: str, operands: list[Number], type: ScalarType) -> Number | None:
    """The op's result as a number of `type`; None if it is NaN or if Python would raise."""
    if name in _GROWING and not 0 <= operands[1] < 64:
        return None
    try:
        return normal(OPS[name].eval(*operands), type)
    except (ArithmeticError, ValueError):
        return None


def normal(value: Number, type: ScalarType) -> Number | None:
    """`value` rounded or wrapped to `type`; None for NaN."""
    if type == BOOL:
        return bool(value)
    if is_float(type):
        value = float(value)
        if math.isnan(value):
            return None
        return value if type == F64 else round_to_f32(value)
    bits = 8 * type.bytes
    return (int(value) + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def round_to_f32(value: float) -> float:
    """The nearest f32; too large a number becomes infinite."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


# -- structured ops: each returns whether it dealt with the op


def _cast(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    (source,), to = operands, op.result.type
    assert isinstance(to, ScalarType)
    constant = f.constant(source)
    if constant is not None and (value := _convert(constant, source.type == I64, to)) is not None:
        f.mapping[op.result] = f.number(value, op, to)
        return True
    while (inner := f.maker(source, "cast")) and (inner.operands[0].type, source.type) in _EXACT:
        source = inner.operands[0]
    if source.type == to:
        f.mapping[op.result] = source
        return True
    if source is operands[0]:
        return False
    copied = f.copy(op, (source,))
    f.made[copied.result] = copied
    return True


def _convert(value: Number, from_i64: bool, to: ScalarType) -> Number | None:
    if to == BOOL:
        return value != 0
    if to in (I32, I64) and isinstance(value, float):
        if not abs(value) < 2.0 ** (8 * to.bytes - 1):  # also NaN
            return None
        return int(value)
    if to == F32 and from_i64 and abs(value) > 1 << 53:
        return None  # it would be rounded twice
    return normal(value, to)


def _dim(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    buffer, axis = operands[0], op.attrs["axis"]
    while source := f.maker(buffer, "view"):
        step = _axis_of_source(source, axis)
        if isinstance(step, Value):
            f.mapping[op.result] = step
            return True
        if step is None:
            f.mapping[op.result] = f.number(1, op, I64)
            return True
        buffer, axis = source.operands[0], step
    if source := f.maker(buffer, "alloc"):
        f.mapping[op.result] = source.operands[axis]
        return True
    if buffer is operands[0]:
        return False
    f.mapping[op.result] = f.emit("dim", [buffer], [I64], op.span, {"axis": axis}).result
    return True


def _axis_of_source(view: Op, axis: int) -> Value | int | None:
    """Where extent `axis` of a view comes from: a count, an axis of the source, or None for a new axis."""
    if "shape" in view.attrs["axes"]:
        return view.operands[1 + axis]
    if order := view.attrs.get("order"):
        return int(order[axis])
    operand, source_axis, seen = 1, 0, 0
    for kind in view.attrs["axes"]:
        if kind != "index":
            if seen == axis:
                part = kind in ("run", "slice")
                return view.operands[operand + 1] if part else source_axis if kind == "full" else None
            seen += 1
        operand += AXIS_OPERANDS.get(kind, 0)
        source_axis += kind != "new"
    raise AssertionError((view, axis))


def _view(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    if any(kind != "full" for kind in op.attrs["axes"]) or "order" in op.attrs or operands[0].type != op.result.type:
        return False
    f.mapping[op.result] = operands[0]
    return True


def _access(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    """A load or store through views goes to the array itself."""
    first = int(op.name == "store")
    buffer, indices = operands[first], list(operands[first + 1 :])
    while view := f.maker(buffer, "view"):
        if "shape" in view.attrs["axes"]:
            break
        if order := view.attrs.get("order"):
            indices = [indices[order.index(axis)] for axis in range(len(order))]
        given, asked = iter(view.operands[1:]), iter(indices)
        picked = []
        for kind in view.attrs["axes"]:
            match kind:
                case "index":
                    picked.append(next(given))
                case "full":
                    picked.append(next(asked))
                case "run" | "slice":
                    start, _, *steps = (next(given) for _ in range(AXIS_OPERANDS[kind]))
                    step = steps[0] if steps else f.number(1, op, I64)
                    picked.append(_along(f, op, view.operands[0], len(picked), start, step, next(asked)))
                case _:
                    next(asked)
        buffer, indices = view.operands[0], picked
    f.copy(op, (*operands[:first], buffer, *indices))
    return True


def _along(f: Fold, op: Op, source: Value, axis: int, start: Value, step: Value, index: Value) -> Value:
    """`start + step·index` on an axis of `source`, where there is an element at that place."""
    known = [f.constant(v) for v in (start, step, index)]
    if None not in known:
        first, by, at = map(int, known)  # type: ignore[arg-type]
        return f.number(first + by * at, op, I64)
    if f.constant(step) == 1:
        start = _begin(f, source, axis, start)
    elif f.constant(index) != 0:
        index = f.emit("mul", [index, step], [I64], op.span).result
    if f.constant(start) == 0:
        return index
    return start if f.constant(index) == 0 else f.emit("add", [start, index], [I64], op.span).result


def _begin(f: Fold, source: Value, axis: int, start: Value) -> Value:
    """A start of `min(first, extent)` is `first`: what begins at the extent has no element."""
    if least := f.maker(start, "min"):
        for first, extent in (least.operands, least.operands[::-1]):
            dim = f.maker(extent, "dim")
            if dim and dim.operands[0] is source and dim.attrs["axis"] == axis:
                return first
    return start


def _if(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    condition = f.constant(operands[0])
    if condition is None:
        return False
    _inline(f, op.regions[0 if condition else 1].ops, op.results)
    return True


def _for(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    lo, hi, step = map(f.constant, operands[:3])
    if lo is None or hi is None or not step or (lo + step < hi if step > 0 else lo + step > hi):
        return False
    *carries, trips = op.results
    if lo >= hi if step > 0 else lo <= hi:
        f.replace(carries, operands[3:])
        f.mapping[trips] = f.number(0, op, I64)
        return True
    body = op.regions[0]
    f.replace(body.args, (operands[0], *operands[3:]))
    _inline(f, body.ops, carries, skip=int(op.attrs["exits"]))
    f.mapping[trips] = f.number(1, op, I64)
    return True


def _inline(f: Fold, ops: list[Op], results: tuple[Value, ...] | list[Value], skip: int = 0) -> None:
    f.splice(ops[:-1])
    f.replace(results, [f.get(v) for v in ops[-1].operands[skip:]])


def _check(f: Fold, op: Op, operands: tuple[Value, ...]) -> bool:
    return bool(f.constant(operands[0]))


_SPECIAL: dict[str, Callable[[Fold, Op, tuple[Value, ...]], bool]] = {
    "cast": _cast,
    "dim": _dim,
    "view": _view,
    "load": _access,
    "store": _access,
    "if": _if,
    "for": _for,
    "check": _check,
}
