"""Random integers, each with the range in which it lies, and indices made of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from .scope import MANY, Range, Scope
from .style import Style

Int = tuple[str, Range]


class Integers:
    """Each method returns the text of an expression; `depth` bounds its size."""

    def __init__(self, rng: random.Random, style: Style) -> None:
        self.rng = rng
        self.style = style

    def pick(self, options: Sequence[Any]) -> Any:
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def integer(self, s: Scope, depth: int = 1) -> Int:
        """An integer, and the range in which it lies."""
        if depth == 0 or self.chance(0.4):
            return self.integer_leaf(s)
        if self.chance(0.2):
            return self.rounding(s)
        a, b = self.integer(s, depth - 1), self.integer(s, depth - 1)
        if self.chance(0.1):
            return f"({a[0]} if {self.condition(s, 0)} else {b[0]})", (min(a[1][0], b[1][0]), max(a[1][1], b[1][1]))
        return self.pick(self.pick((self.sums, self.quotients, self.bits))(a, b))

    def sums(self, left: Int, right: Int) -> list[Int]:
        (a, (a0, a1)), (b, (b0, b1)) = left, right
        forms = [
            (f"({a} + {b})", (a0 + b0, a1 + b1)),
            (f"({a} - {b})", (a0 - b1, a1 - b0)),
            (f"(-({a}))", (-a1, -a0)),
            (f"abs({a})", (0, max(-a0, a1, 0))),
            (f"min({a}, {b})", (min(a0, b0), min(a1, b1))),
            (f"max({a}, {b})", (max(a0, b0), max(a1, b1))),
        ]
        if max(abs(a0), abs(a1)) * max(abs(b0), abs(b1)) < MANY:
            ends = [x * y for x in (a0, a1) for y in (b0, b1)]
            forms.append((f"({a}) * ({b})", (min(ends), max(ends))))
        return forms

    def quotients(self, left: Int, right: Int) -> list[Int]:
        """Quotients and remainders, by numbers of both signs that are known, and by odd ones that are not."""
        (a, (a0, a1)), (b, (b0, b1)) = left, right
        modulus = self.pick((2, 3, self.style.modulus))
        most, largest = max(abs(a0), abs(a1)) + 1, 2 * max(abs(b0), abs(b1)) + 1
        return [
            (f"({a}) % {modulus}", (0, modulus - 1)),
            (f"({a}) % -{modulus}", (1 - modulus, 0)),
            (f"(({a}) // {modulus})", (a0 // modulus, a1 // modulus)),
            (f"(({a}) // -{modulus})", (-most, most)),
            (f"divmod({a}, {modulus})[1]", (0, modulus - 1)),
            (f"divmod({a}, -{modulus})[0]", (-most, most)),
            (f"(({a}) // (2 * ({b}) + 1))", (-most, most)),
            (f"({a}) % (2 * ({b}) - 1)", (-largest, largest)),
        ]

    def bits(self, left: Int, right: Int) -> list[Int]:
        """Powers, shifts, and what is done bit by bit."""
        (a, (a0, a1)), (b, (b0, b1)) = left, right
        bits = 2 ** max(a1, b1, -a0, -b0, 1).bit_length()
        forms: list[Int] = [(f"(({a}) {op} ({b}))", (0 if a0 >= 0 and b0 >= 0 else -bits, bits - 1)) for op in "&|^"]
        forms += [(f"(({a}) >> (({b}) % 3))", (min(a0, a0 // 4), max(a1, a1 // 4, 0))), (f"(~({a}))", (~a1, ~a0))]
        most = max(abs(a0), abs(a1))
        if most < 1000:
            forms.append((f"(({a}) << (({b}) % 3))", (min(4 * a0, a0), max(4 * a1, a1))))
        if most < 100:
            forms += [(f"({a}) ** 2", (0, most**2)), (f"({a}) ** (({b}) % 3)", (min(a0, 0), max(most**2, 1)))]
        return forms

    def rounding(self, s: Scope) -> Int:
        """An integer that comes from a float, or from a condition."""
        if self.chance(0.3):
            return f"int({self.condition(s, 0)})", (0, 1)
        forms = ("int({} * 2.9)", (-2, 2)), ("math.floor(2.5 * {})", (-3, 2)), ("round({} * 1.9)", (-2, 2))
        form, between = self.pick(forms)
        return form.format(self.bounded(s, 1)), between

    def integer_leaf(self, s: Scope) -> Int:
        forms: list[Int] = [(str(k), (k, k)) for k in (0, 1, 2)]
        forms += [*s.ints.items()] * 2
        forms += [(f"len({name})", (shape[0],) * 2) for name, shape in [*s.arrays.items()][:1]]
        forms += [(f"int({name})", (0, 1)) for name in s.bools]
        forms += [("table", (0, self.style.modulus - 1)) for _ in self.readable(s)]
        text, between = self.pick(forms)
        return (self.gathered(s) if text == "table" else text), between

    def index(self, s: Scope, extent: int, depth: int = 1) -> str:
        """An index of an axis of that extent."""
        if extent == 0 or (self.style.raises and self.chance(0.15)):
            return str(self.integer(s, depth)[0] if depth else self.rng.randrange(-2, 3))
        inside = [name for name, (low, high) in s.ints.items() if -extent <= low and high < extent]
        options = [lambda: str(self.rng.randrange(-extent, extent))]
        options += [lambda: self.pick(inside)] * 4 if inside else []
        if depth:
            options.append(lambda: f"({self.integer(s, depth - 1)[0]}) % {extent}")
            if self.style.length <= extent and self.readable(s):
                options.append(lambda: self.gathered(s))
        return str(self.pick(options)())

    def readable(self, s: Scope) -> list[str]:
        """The tables that have elements."""
        return [name for name, length in s.tables.items() if length]

    def gathered(self, s: Scope) -> str:
        """An element of a table; or one addressed by another."""
        names = self.readable(s)
        name = self.pick(names)
        inside = [other for other in names if s.tables[name] >= self.style.length]
        if inside and self.chance(0.2):
            other = self.pick(inside)
            return f"{name}[{other}[{self.index(s, s.tables[other], 0)}]]"
        return f"{name}[{self.index(s, s.tables[name], 0)}]"

    def large(self, s: Scope) -> str:
        """An integer that is computed through numbers that may not fit in 64 bits: then it raises."""
        a, b = (f"({self.integer(s)[0]} + {self.rng.randrange(5)})" for _ in range(2))
        big = self.pick(("3037000500", "2**62", "-(2**31)", "10**18", "7"))
        step = self.pick((
            f"fits({a} * {big})", f"fits({a} ** ({b} % 50))", f"fits({a} << ({b} % 70 + 40))",
            f"fits(fits({a} * {big}) * {b})", f"fits(fits({a} * {big}) + {big})", f"fits({big} - fits({big} * {b}))",
            f"fits(-fits({a} * {big})) // ({b} % 2 * 2 - 1)", f"fits(abs(fits({a} * {big})))",
        ))  # fmt: skip
        return self.pick((f"{step} % {self.style.modulus}", f"{step} // 10**9 % {self.style.modulus}"))

    # -- what floats and conditions are, is said elsewhere

    def bounded(self, s: Scope, depth: int = 2) -> str:
        raise NotImplementedError

    def condition(self, s: Scope, depth: int = 1) -> str:
        raise NotImplementedError
