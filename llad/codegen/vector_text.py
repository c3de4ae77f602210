"""Writes the functions of `vector_math.py`: arithmetic on doubles as LLVM text, one straight line of instructions.

The loop vectoriser widens such a function where it is inlined, since there is no branch and no call of C in it.

Invariants: no instruction carries a fast-math flag, so the flags around an inlined body cannot loosen it. A sum of a
product is `llvm.fmuladd`: fused where the CPU fuses, else two instructions, never a call of C's `fma`; either must do.
Where the error of a product is needed, `product_error` knows both ways.
"""

from __future__ import annotations

from llad.codegen.constants import number
from llad.codegen.target import fuses
from llad.ir.types import F64

_UPPER_HALF = -(2**27)  # leaves 26 bits of a significand

Operand = str | float  # an SSA name or a constant

INTRINSICS = {
    "llvm.fma.f64": "declare double @llvm.fma.f64(double, double, double)",
    "llvm.fmuladd.f64": "declare double @llvm.fmuladd.f64(double, double, double)",
    "llvm.fabs.f64": "declare double @llvm.fabs.f64(double)",
    "llvm.sqrt.f64": "declare double @llvm.sqrt.f64(double)",
    **{f"llvm.vector.reduce.or.v{n}i1": f"declare i1 @llvm.vector.reduce.or.v{n}i1(<{n} x i1>)" for n in (2, 4, 8)},
    "llvm.copysign.f64": "declare double @llvm.copysign.f64(double, double)",
}


def _text(x: Operand) -> str:
    return x if isinstance(x, str) else number(x, F64)


class Body:
    """The instructions of one function. Every method appends one and returns the name of its result."""

    def __init__(self, *parameters: str) -> None:
        self.parameters = parameters
        self.lines: list[str] = []

    def new(self, text: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {text}")
        return name

    def define(self, name: str, result: str) -> str:
        """The text of the function."""
        parameters = ", ".join(f"double {p}" for p in self.parameters)
        head = f"define internal double @{name}({parameters}) alwaysinline memory(none) nounwind willreturn {{"
        return "\n".join([head, *self.lines, f"  ret double {result}", "}", ""])

    # -- doubles

    def add(self, a: Operand, b: Operand) -> str:
        return self.new(f"fadd double {_text(a)}, {_text(b)}")

    def sub(self, a: Operand, b: Operand) -> str:
        return self.new(f"fsub double {_text(a)}, {_text(b)}")

    def mul(self, a: Operand, b: Operand) -> str:
        return self.new(f"fmul double {_text(a)}, {_text(b)}")

    def div(self, a: Operand, b: Operand) -> str:
        return self.new(f"fdiv double {_text(a)}, {_text(b)}")

    def muladd(self, a: Operand, b: Operand, c: Operand) -> str:
        """a·b + c, rounded once or twice."""
        return self.new(f"call double @llvm.fmuladd.f64(double {_text(a)}, double {_text(b)}, double {_text(c)})")

    def product_error(self, a: Operand, b: Operand, product: str) -> str:
        """`a`·`b` - `product` exactly, where `product` is the rounded product."""
        if fuses():
            return self.fused(a, b, self.new(f"fneg double {product}"))
        a_high, b_high = (self.double(self.integer("and", self.bits(x), _UPPER_HALF)) for x in (a, b))
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
            return self.fused(self.new(f"fneg double {q}"), b, a)
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
        return self.new(f"call double @llvm.fma.f64(double {_text(a)}, double {_text(b)}, double {_text(c)})")

    def magnitude(self, x: Operand) -> str:
        return self.new(f"call double @llvm.fabs.f64(double {_text(x)})")

    def root(self, x: Operand) -> str:
        return self.new(f"call double @llvm.sqrt.f64(double {_text(x)})")

    def copysign(self, x: Operand, sign: Operand) -> str:
        return self.new(f"call double @llvm.copysign.f64(double {_text(x)}, double {_text(sign)})")

    def compare(self, order: str, a: Operand, b: Operand) -> str:
        return self.new(f"fcmp {order} double {_text(a)}, {_text(b)}")

    def select(self, condition: str, yes: Operand, no: Operand) -> str:
        return self.new(f"select i1 {condition}, double {_text(yes)}, double {_text(no)}")

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
        """Σ cₖ xᵏ by Estrin's scheme: a depth of log₂ n, so that one argument alone is not slow either."""
        terms: list[Operand] = list(coefficients)
        power = x
        while True:
            pairs: list[Operand] = [self.muladd(b, power, a) for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(pairs) * 2 :]
            if len(terms) == 1:
                return str(terms[0])
            power = self.mul(power, power)

    # -- their bits

    def bits(self, x: Operand) -> str:
        return self.new(f"bitcast double {_text(x)} to i64")

    def double(self, bits: str) -> str:
        return self.new(f"bitcast i64 {bits} to double")

    def integer(self, operation: str, a: str, b: str | int) -> str:
        return self.new(f"{operation} i64 {a}, {b}")
