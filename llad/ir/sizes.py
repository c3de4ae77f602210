"""Sizes of memory and counts of iterations as formulas in what the caller knows: extents, integers, indices."""

from __future__ import annotations

import math

from llad.ir.affine import Affine
from llad.ir.core import Function, Op, Value, makers
from llad.ir.elements import Elements

_SIGNS = {"mul": "·", "floordiv": " // ", "mod": " % "}


class Sizes:
    """The integers of one function, spelled as Python would."""

    def __init__(self, fn: Function) -> None:
        self._made = makers(fn.body)
        self._elements = Elements(fn)

    def iterations(self, loop: Op) -> str:
        """How often the body of a loop runs."""
        if loop.name != "for":
            return f"(iterations of line {loop.span.line})" if loop.span else "(iterations)"
        lo, hi, step = loop.operands[:3]
        by = self._elements.constant(step)
        if by is not None and by < 0:
            lo, hi, by = hi, lo, -by
        count = self._sum(self._elements.form(hi).plus(self._elements.form(lo), -1))
        if by == 1:
            return count
        return f"({count} // {by if by is not None else f'|{self._spell(step)}|'})"

    def extent(self, value: Value) -> str:
        """An integer, in parentheses unless it is one number or name."""
        return self._sum(self._elements.form(value))

    def _sum(self, form: Affine) -> str:
        """A sum, in parentheses unless it is one number or name."""
        text = ""
        parts = [(c, self._spell(atom)) for atom, c in form.terms.items()]
        parts = [(c, name) for c, name in sorted(parts, key=lambda part: part[0] < 0) if c]
        for coefficient, name in parts:
            sign = "-" if coefficient < 0 else "+"
            factor = "" if abs(coefficient) == 1 else f"{abs(coefficient)}·"
            text += f" {sign} {factor}{name}" if text else f"{'-' if coefficient < 0 else ''}{factor}{name}"
        if form.const or not text:
            text += f" {'-' if form.const < 0 else '+'} {abs(form.const)}" if text else str(form.const)
        return text if len(parts) + bool(form.const) <= 1 and not text.startswith("-") else f"({text})"

    def _spell(self, value: Value) -> str:
        op = self._made.get(value)
        if op is None or op.regions:
            return value.name or "?"
        match op.name:
            case "dim":
                array = op.operands[0].name or "?"
                return f"{array}.shape[{op.attrs['axis']}]"
            case "mul" | "floordiv" | "mod":
                return f"({_SIGNS[op.name].join(map(self.extent, op.operands))})"
            case "max" if 0 in map(self._elements.constant, op.operands):  # a length that is not negative
                (other,) = [o for o in op.operands if self._elements.constant(o) != 0]
                return self.extent(other)
            case "min" | "max":
                return f"{op.name}({', '.join(map(self.extent, op.operands))})"
            case _:
                return value.name or "?"


def product(*factors: str) -> str:
    """What the factors come to, without those that are 1."""
    numbers = [int(f) for f in factors if f.isdecimal()]
    total = math.prod(numbers)
    names = [f for f in factors if not f.isdecimal()]
    return "·".join([*([str(total)] if total != 1 or not names else []), *names])
