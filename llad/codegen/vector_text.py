"""Writes the functions of `vector_math.py`: arithmetic on floats as LLVM text, one straight line of instructions.

The loop vectoriser widens such a function where it is inlined, since there is no branch and no call of C in it.

Invariants: no instruction carries a fast-math flag, so the flags around an inlined body cannot loosen it. A sum of a
product is `llvm.fmuladd`: fused where the CPU fuses, else two instructions, never a call of C's `fma`; either must do.
Where the error of a product is needed, `product_error` knows both ways.
"""

from __future__ import annotations

from llad.codegen.constants import number
from llad.codegen.late import eighth, eighth_bits, scaled
from llad.codegen.target import fuses, scales
from llad.dataclass import dataclass
from llad.ir.types import F32, F64, ScalarType

PURE = "memory(none) nounwind willreturn"

Operand = str | float  # an SSA name or a constant

_ARITIES = {"fma": 3, "fmuladd": 3, "fabs": 1, "sqrt": 1, "copysign": 2}
INTRINSICS = {
    **{
        f"llvm.{name}.{suffix}": f"declare {type} @llvm.{name}.{suffix}({', '.join([type] * arity)})"
        for name, arity in _ARITIES.items()
        for suffix, type in (("f64", "double"), ("f32", "float"))
    },
    **{f"llvm.vector.reduce.or.v{n}i1": f"declare i1 @llvm.vector.reduce.or.v{n}i1(<{n} x i1>)" for n in (2, 4, 8)},
}


@dataclass(frozen=True, slots=True)
class Format:
    """What a type of floats is made of. Numbers that LLVM wants as text are text."""

    type: str
    integer: str
    places: int  # bits of a significand but the first
    bias: int
    sign: int
    upper: int  # a mask that leaves the upper half of a significand, so that products of halves are exact

    @property
    def rounder(self) -> float:
        """Added to a number, it leaves the nearest integer in the low bits of the sum."""
        return 1.5 * 2.0**self.places

    @property
    def smallest(self) -> float:
        """The smallest normal number."""
        return 2.0 ** (1 - self.bias)


FORMATS = {
    F64: Format("double", "i64", 52, 1023, -(2**63), -(2**27)),
    F32: Format("float", "i32", 23, 127, -(2**31), -(2**12)),
}


class Body:
    """The instructions of one function. Every method appends one and returns the name of its result."""

    def __init__(self, *parameters: str, kind: ScalarType = F64) -> None:
        self.parameters = parameters
        self.kind = kind
        self.format = FORMATS[kind]
        self.lines: list[str] = []

    def _text(self, x: Operand) -> str:
        return x if isinstance(x, str) else number(x, self.kind)

    def _call(self, name: str, *operands: Operand) -> str:
        """Of an intrinsic."""
        listed = ", ".join(f"{self.format.type} {self._text(o)}" for o in operands)
        return self.new(f"call {self.format.type} @llvm.{name}.{self.kind.name}({listed})")

    def _do(self, operation: str, a: Operand, b: Operand) -> str:
        return self.new(f"{operation} {self.format.type} {self._text(a)}, {self._text(b)}")

    def new(self, text: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def define(self, name: str, result: str) -> str:
        """The text of the function `llad.NAME` of this type."""
        type = self.format.type
        parameters = ", ".join(f"{type} {p}" for p in self.parameters)
        head = f"define internal {type} @llad.{name}.{self.kind.name}({parameters}) alwaysinline {PURE} {{"
        return "\n".join([head, *self.lines, f"  ret {type} {result}", "}", ""])

    def define_single(self, name: str, result: str) -> str:
        """The text of the function `llad.NAME.f32` that does in doubles what was written for doubles."""
        given = ", ".join(f"float {p}.single" for p in self.parameters)
        wide = [f"  {p} = fpext float {p}.single to double" for p in self.parameters]
        head = f"define internal float @llad.{name}.f32({given}) alwaysinline {PURE} {{"
        narrow = f"  %narrow = fptrunc double {result} to float"
        return "\n".join([head, *wide, *self.lines, narrow, "  ret float %narrow", "}", ""])

    # -- numbers

    def add(self, a: Operand, b: Operand) -> str:
        return self._do("fadd", a, b)

    def sub(self, a: Operand, b: Operand) -> str:
        return self._do("fsub", a, b)

    def mul(self, a: Operand, b: Operand) -> str:
        return self._do("fmul", a, b)

    def div(self, a: Operand, b: Operand) -> str:
        return self._do("fdiv", a, b)

    def negative(self, x: Operand) -> str:
        return self.new(f"fneg {self.format.type} {self._text(x)}")

    def muladd(self, a: Operand, b: Operand, c: Operand) -> str:
        """a·b + c, rounded once or twice."""
        return self._call("fmuladd", a, b, c)

    def product_error(self, a: Operand, b: Operand, product: str) -> str:
        """`a`·`b` - `product` exactly, where `product` is the rounded product."""
        if fuses():
            return self.fused(a, b, self.negative(product))
        a_high, b_high = (self.of_bits(self.integer("and", self.bits(x), self.format.upper)) for x in (a, b))
        a_low, b_low = self.sub(a, a_high), self.sub(b, b_high)
        error = self.sub(self.mul(a_high, b_high), product)  # products of halves are exact
        error = self.add(self.add(error, self.mul(a_high, b_low)), self.mul(a_low, b_high))
        return self.add(error, self.mul(a_low, b_low))

    def product(self, a: Operand, b: Operand) -> tuple[str, str]:
        """`a`·`b`, and what it was rounded by."""
        product = self.mul(a, b)
        return product, self.product_error(a, b, product)

    def sum(self, a: Operand, b: Operand) -> tuple[str, str]:
        """`a` + `b`, and what it was rounded by, where `a` is 0 or the larger."""
        sum = self.add(a, b)
        return sum, self.sub(b, self.sub(sum, a))

    def remainder(self, a: Operand, q: str, b: Operand) -> str:
        """`a` - `q`·`b` exactly, where `q` is about `a` / `b`."""
        if fuses():
            return self.fused(self.negative(q), b, a)
        product, error = self.product(q, b)
        return self.sub(self.sub(a, product), error)

    def whole_product(self, a: Operand, b: Operand, c: str) -> str:
        """`a`·`b` + `c`, where the product is not rounded by itself and is the larger."""
        if fuses():
            return self.fused(a, b, c)
        product, error = self.product(a, b)
        return self.add(self.add(c, error), product)

    def fused(self, a: Operand, b: Operand, c: Operand) -> str:
        """a·b + c rounded once. Only where the CPU fuses: elsewhere this is a call of C."""
        return self._call("fma", a, b, c)

    def magnitude(self, x: Operand) -> str:
        return self._call("fabs", x)

    def root(self, x: Operand) -> str:
        return self._call("sqrt", x)

    def copysign(self, x: Operand, sign: Operand) -> str:
        return self._call("copysign", x, sign)

    def compare(self, order: str, a: Operand, b: Operand) -> str:
        return self._do(f"fcmp {order}", a, b)

    def select(self, condition: str, yes: Operand, no: Operand) -> str:
        type = self.format.type
        return self.new(f"select i1 {condition}, {type} {self._text(yes)}, {type} {self._text(no)}")

    def logic(self, operation: str, a: str, b: str) -> str:
        """Of conditions."""
        return self.new(f"{operation} i1 {a}, {b}")

    def least(self, x: Operand, bound: float) -> str:
        """`x`, at least `bound`; NaN stays."""
        return self.select(self.compare("olt", x, bound), bound, x)

    def most(self, x: Operand, bound: float) -> str:
        """`x`, at most `bound`; NaN stays."""
        return self.select(self.compare("ogt", x, bound), bound, x)

    def polynomial(self, coefficients: tuple[float, ...], x: Operand) -> str:
        """Σ cₖ xᵏ by Estrin's scheme: a depth of log₂ n, so that one argument alone is not slow either.

        The last three terms are as deep in Horner's, which needs no further power.
        """
        terms: list[Operand] = list(coefficients)
        power = x
        while len(terms) > 3:
            pairs: list[Operand] = [self.muladd(b, power, a) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(pairs) * 2 :]
            power = self.mul(power, power)
        *others, result = terms
        for term in reversed(others):
            result = self.muladd(result, power, term)
        return str(result)

    # -- their bits

    def bits(self, x: Operand) -> str:
        return self.new(f"bitcast {self.format.type} {self._text(x)} to {self.format.integer}")

    def of_bits(self, bits: str) -> str:
        return self.new(f"bitcast {self.format.integer} {bits} to {self.format.type}")

    def integer(self, operation: str, a: str | int, b: str | int) -> str:
        return self.new(f"{operation} {self.format.integer} {a}, {b}")

    def scale(self, x: str, k: str, bits: str) -> str:
        """`x`·2ᵏ, where the low bits of `bits` are k and twice the bias of exponents.

        Without an instruction for it in two steps, since 2ᵏ may be beyond either end.
        """
        if scales():
            return self.new(scaled(self.kind, x, k))
        half = self.integer("lshr", bits, 1)
        other = self.integer("sub", bits, half)
        return self.mul(self.mul(x, self.exponent(half)), self.exponent(other))

    def has_tables(self) -> bool:
        """Whether the host has `eighth` and `eighth_bits` for numbers of this kind."""
        return scales() and self.kind == F64

    def eighth(self, bits: str) -> str:
        """2 to the power of n / 8, where n is the last three bits."""
        return self.new(eighth(self.of_bits(bits)))

    def eighth_bits(self, bits: str) -> str:
        """The same, for the shifted bits to be added to: see `late.py`."""
        return self.bits(self.new(eighth_bits(self.of_bits(bits))))

    def exponent(self, bits: str) -> str:
        """The number whose exponent is the low bits of `bits`."""
        return self.of_bits(self.integer("shl", bits, self.format.places))
