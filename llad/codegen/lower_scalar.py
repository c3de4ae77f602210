"""Lowering of what computes scalars: the rows of the op table, `const`, `cast`.

A row's `lower` says which machine code an op is: an LLVM instruction, an overloaded intrinsic (`@llvm.…`), a C
function (`@tan`, `tanf` for f32), or a function of the run-time (`@llad.…`), whose few-instruction ones are written
out here so that they take part in the surrounding optimisation with its flags. In a loop that LLVM may vectorise
(`lower_loops.py`) the functions of `vector_math.py` stand in for those of C. Elsewhere, and in a recurrence, those of
C answer sooner; so do some in a loop that is none for vectors, since it may end within an iteration.

Invariant: without a flag from `lower_flags.py`, and unless `fastmath`, no instruction carries a fast-math flag.
`fastmath` never assumes the absence of nan or infinity.
"""

from __future__ import annotations

import math

from llad.codegen.lower_emit import REGISTER, Emitter
from llad.codegen.lower_flags import FASTMATH
from llad.codegen.vector_math import VECTOR, vector_lines
from llad.ir.core import Op, constant
from llad.ir.types import BOOL, ScalarType, is_float
from llad.ops.table import OPS

_FLAGGED = frozenset({"fadd", "fsub", "fmul", "fdiv", "frem", "fneg"})
# What the functions of C answer sooner, one number at a time: in a third to three quarters of the time.
_SOONER = frozenset({"log", "log1p", "log2", "log10", "tan", "erf", "erfc", "pow"})
_INFINITY = "0x7FF0000000000000"
_ROOTS = frozenset({1.5, -0.5})  # exponents of powers that are a root and one more operation
_ZERO = {"double": "0.0", "float": "0.0", "i64": "0", "i32": "0"}


def lower_scalar(e: Emitter, op: Op) -> None:
    """A row of the op table."""
    operands = [e.scalar(o) for o in op.operands]
    kind, code = _code(op)
    assert isinstance(op.result.type, ScalarType)
    type, result = REGISTER[kind.name], REGISTER[op.result.type.name]
    flags = e.flags.get(op, FASTMATH if e.fastmath and result in ("double", "float") else "")
    if op.name == "pow" and not _expands(e, op):
        flags = ""  # with `afn`, LLVM calls `__powidf2` where the exponent was an int32: no function of the C library
    if _is_for_vectors(e, op):
        code = VECTOR.get(code, code)
    if _exponent(e, op) in _ROOTS and not e.fastmath:
        e.values[op.result] = _by_root(e, operands[0], _exponent(e, op), type)
    elif op in e.products:
        e.values[op.result] = _fused(e, op, operands, kind, flags)
    elif code.startswith("@llad."):
        e.values[op.result] = _run_time(e, code, operands, kind, flags)
    elif code.startswith("@scipy."):
        e.values[op.result] = _of_scipy(e, code, operands, type)
    elif code.startswith("@"):
        overloaded = code.startswith("@llvm.")
        symbol = f"{code}.{kind.name}" if overloaded else code + "f" if type == "float" else code
        e.declare(symbol, result, [type] * len(operands))
        arguments = ", ".join(f"{type} {o}" for o in operands)
        e.values[op.result] = e.new(f"call {flags}{result} {symbol}({arguments})")
    else:
        e.values[op.result] = _instruction(e, op, code, operands, type, flags)


def _fused(e: Emitter, op: Op, operands: list[str], kind: ScalarType, flags: str) -> str:
    """A sum or difference, one operand of which is multiplied anew."""
    product, type = e.products[op], REGISTER[kind.name]
    a, b = e.scalar(product.a), e.scalar(product.b)
    if product.twice:
        a = e.new(f"fmul {flags}{type} {a}, 2.0")
    last = op.operands[1] is product.value
    other = operands[0 if last else 1]
    if op.name == "sub" and last:
        a = e.new(f"fneg {flags}{type} {a}")
    elif op.name == "sub":
        other = e.new(f"fneg {flags}{type} {other}")
    symbol = f"@llvm.fmuladd.{kind.name}"
    e.declare(symbol, type, [type] * 3)
    return e.new(f"call {flags}{type} {symbol}({type} {a}, {type} {b}, {type} {other})")


def _of_scipy(e: Emitter, code: str, operands: list[str], type: str) -> str:
    """A function of doubles, the last argument of which says that no subclass is asked (`symbols.py`)."""
    e.declare(code, "double", [*["double"] * len(operands), "i32"])
    wide = [e.new(f"fpext float {o} to double") for o in operands] if type == "float" else operands
    result = e.new(f"call double {code}({', '.join(f'double {o}' for o in wide)}, i32 1)")
    return e.new(f"fptrunc double {result} to float") if type == "float" else result


def _code(op: Op) -> tuple[ScalarType, str]:
    """The type that a row computes in, and what its `lower` says."""
    kind = op.operands[-1].type
    assert isinstance(kind, ScalarType)
    return kind, OPS[op.name].lower["b" if kind == BOOL else "f" if is_float(kind) else "i"]


def written_lines(op: Op) -> int:
    """The lines of LLVM IR that the function of `vector_math.py` takes that may stand in for an op; 0 if none may."""
    if op.name not in OPS:
        return 0
    kind, code = _code(op)
    return vector_lines(f"{VECTOR[code]}.{kind.name}") if code in VECTOR else 0


def _is_for_vectors(e: Emitter, op: Op) -> bool:
    """Whether an op had better be a function that LLVM widens, as far as there is one."""
    if not e.writes_out or (e.stops and op.name in _SOONER):
        return False
    return e.chained.isdisjoint(op.operands) and not _expands(e, op)


def _exponent(e: Emitter, op: Op) -> float:
    """That of a power, if it is a constant, else NaN."""
    number = constant(op.operands[-1], e.definitions) if op.name == "pow" else None
    return math.nan if number is None else number


def _expands(e: Emitter, op: Op) -> bool:
    """Whether LLVM makes a root or products of it: of powers, with and without `fastmath`."""
    value = _exponent(e, op)
    return value == 0.5 or (e.fastmath and abs(value) <= 32 and (2 * value).is_integer())


def _by_root(e: Emitter, x: str, exponent: float, type: str) -> str:
    """x√x or 1/√x, each of which is rounded twice, and what C99 (F.9.4.4) wants of -0.0 and of -∞."""
    symbol = f"@llvm.sqrt.{'f64' if type == 'double' else 'f32'}"
    e.declare(symbol, type, [type])
    positive = e.new(f"fadd {type} {x}, 0.0")
    root = e.new(f"call {type} {symbol}({type} {positive})")
    made = e.new(f"fmul {type} {positive}, {root}" if exponent > 0 else f"fdiv {type} 1.0, {root}")
    lost = e.new(f"fcmp oeq {type} {x}, 0xFFF0000000000000")
    return e.new(f"select i1 {lost}, {type} {_INFINITY if exponent > 0 else '0.0'}, {type} {made}")


def _instruction(e: Emitter, op: Op, code: str, operands: list[str], type: str, flags: str) -> str:
    if code == "select":
        condition, yes, no = operands
        return e.new(f"select {flags}i1 {condition}, {type} {yes}, {type} {no}")
    if code in _FLAGGED:
        result = e.new(f"{code} {flags}{type} {', '.join(operands)}")
        return _fenced(e, result, type) if op.attrs.get("alone") else result
    if (op.name, *op.operands) in e.exact:
        code += " nsw"
    return e.new(f"{code} {type} {', '.join(operands)}")


def _fenced(e: Emitter, number: str, type: str) -> str:
    """The number, which LLVM does not pack with others into a vector."""
    symbol = f"@llvm.arithmetic.fence.{'f64' if type == 'double' else 'f32'}"
    e.declare(symbol, type, [type])
    return e.new(f"call {type} {symbol}({type} {number})")


def _run_time(e: Emitter, code: str, operands: list[str], kind: ScalarType, flags: str) -> str:
    """A function of `runtime.py`, or its few instructions in place. None of them traps."""
    type, x, y = REGISTER[kind.name], operands[0], operands[-1]
    zero = _ZERO.get(type, "")
    match code.removeprefix("@llad."):
        case "first":
            return x
        case "neg":
            return e.new(f"sub {type} 0, {x}")
        case "not":
            return e.new(f"xor {type} {x}, {'true' if kind == BOOL else '-1'}")
        case "abs":
            e.declare(f"@llvm.abs.{type}", type, [type, "i1"])
            return e.new(f"call {type} @llvm.abs.{type}({type} {x}, i1 false)")
        case "min":
            return e.new(f"select {flags}i1 {e.new(f'fcmp olt {type} {y}, {x}')}, {type} {y}, {type} {x}")
        case "max":
            return e.new(f"select {flags}i1 {e.new(f'fcmp ogt {type} {y}, {x}')}, {type} {y}, {type} {x}")
        case "mulz":
            product = e.new(f"fmul {flags}{type} {x}, {y}")
            return e.new(f"select i1 {e.new(f'fcmp oeq {type} {x}, 0.0')}, {type} 0.0, {type} {product}")
        case "isnan":
            return e.new(f"fcmp uno {type} {x}, 0.0")
        case "isinf" | "isfinite" as name:
            return e.new(f"fcmp {'oeq' if name == 'isinf' else 'one'} {type} {_magnitude(e, x, kind)}, {_INFINITY}")
        case "sign":
            return _sign(e, x, kind, zero)
        case "add_overflows" | "sub_overflows" | "mul_overflows" as name:
            intrinsic = f"@llvm.s{name[:3]}.with.overflow.{type}"
            pair = f"{{{type}, i1}}"
            e.declare(intrinsic, pair, [type, type])
            return e.new(f"extractvalue {pair} {e.new(f'call {pair} {intrinsic}({type} {x}, {type} {y})')}, 1")
        case "ipow_overflows":
            return e.new(f"call i1 {code}.{kind.name}({type} {x}, {type} {y})")
        case _:
            arguments = ", ".join(f"{type} {o}" for o in operands)
            return e.new(f"call {type} {code}.{kind.name}({arguments})")


def _magnitude(e: Emitter, x: str, kind: ScalarType) -> str:
    type = REGISTER[kind.name]
    e.declare(f"@llvm.fabs.{kind.name}", type, [type])
    return e.new(f"call {type} @llvm.fabs.{kind.name}({type} {x})")


def _sign(e: Emitter, x: str, kind: ScalarType, zero: str) -> str:
    type = REGISTER[kind.name]
    compare, one = ("fcmp o", "1.0") if is_float(kind) else ("icmp s", "1")
    negative, positive = (e.new(f"{compare}{order} {type} {x}, {zero}") for order in ("lt", "gt"))
    lower = e.new(f"select i1 {negative}, {type} -{one}, {type} {zero}")
    sign = e.new(f"select i1 {positive}, {type} {one}, {type} {lower}")
    if not is_float(kind):
        return sign
    return e.new(f"select i1 {e.new(f'fcmp uno {type} {x}, 0.0')}, {type} {x}, {type} {sign}")


def lower_cast(e: Emitter, op: Op) -> None:
    """Between scalar types. Float → int truncates; the operand is in range, a `check` stands before."""
    (operand,) = op.operands
    source, target = operand.type, op.result.type
    assert isinstance(source, ScalarType) and isinstance(target, ScalarType)
    value, frm, to = e.scalar(operand), REGISTER[source.name], REGISTER[target.name]
    if source == target:
        e.values[op.result] = value
        return
    if target == BOOL:
        comparison = "fcmp une" if is_float(source) else "icmp ne"
        e.values[op.result] = e.new(f"{comparison} {frm} {value}, {_ZERO[frm]}")
        return
    if is_float(source):
        wider = target.bytes > source.bytes
        code = "fptosi" if not is_float(target) else "fpext" if wider else "fptrunc"
    elif is_float(target):
        code = "uitofp" if source == BOOL else "sitofp"
    elif source == BOOL:
        code = "zext"
    else:
        code = "sext" if target.bytes > source.bytes else "trunc"
    e.values[op.result] = e.new(f"{code} {frm} {value} to {to}")
