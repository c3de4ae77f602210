"""Random expressions: floats, integers that are known to lie in a range, conditions, vectors."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .scope import MANY, Range, Scope

Int = tuple[str, Range]


@dataclass(frozen=True)
class Style:
    """`length`: of vectors; `rows`: of matrices. `exact`: only operations whose result is the same to the bit
    everywhere. `raises`: indices and divisors are not guarded. `nested`: derivatives inside."""

    length: int
    rows: int
    exact: bool
    raises: bool
    nested: bool


@dataclass
class Helpers:
    """The functions of the module that may be called, by what they take and give."""

    scalar: list[str] = field(default_factory=list)  # (u, v) -> float
    writing: list[str] = field(default_factory=list)  # (w, u) -> float, writes w
    fresh: list[str] = field(default_factory=list)  # (w, u) -> a new array
    pair: list[str] = field(default_factory=list)  # (w, u) -> (float, a new array)
    recursive: list[str] = field(default_factory=list)  # (w, u, d) -> float


class Expressions:
    """Each method returns the text of an expression; `depth` bounds its size."""

    def __init__(self, rng: random.Random, style: Style, helpers: Helpers) -> None:
        self.rng = rng
        self.style = style
        self.helpers = helpers

    def pick(self, options: Sequence[Any]) -> Any:
        return self.rng.choice(options)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    # -- integers

    def integer(self, s: Scope, depth: int = 1) -> Int:
        """An integer, and the range in which it lies."""
        if depth == 0 or self.chance(0.4):
            return self.integer_leaf(s)
        a, (a0, a1) = self.integer(s, depth - 1)
        b, (b0, b1) = self.integer(s, depth - 1)
        modulus = self.pick((2, 3, self.style.length))
        bits = 2 ** max(a1, b1, 1).bit_length() - 1
        forms: list[Int] = [
            (f"({a} + {b})", (a0 + b0, a1 + b1)),
            (f"({a} - {b})", (a0 - b1, a1 - b0)),
            (f"({a}) % {modulus}", (0, modulus - 1)),
            (f"(({a}) // {modulus})", (a0 // modulus, a1 // modulus)),
            (f"(-({a}))", (-a1, -a0)),
            (f"abs({a})", (0, max(-a0, a1, 0))),
            (f"min({a}, {b})", (min(a0, b0), min(a1, b1))),
            (f"max({a}, {b})", (max(a0, b0), max(a1, b1))),
            (f"divmod({a}, {modulus})[1]", (0, modulus - 1)),
            (f"({a} if {self.condition(s, 0)} else {b})", (min(a0, b0), max(a1, b1))),
            (f"int({self.bounded(s, 1)} * 2.9)", (-2, 2)),
        ]
        if max(abs(a0), abs(a1)) * max(abs(b0), abs(b1)) < MANY:
            ends = [x * y for x in (a0, a1) for y in (b0, b1)]
            forms.append((f"({a}) * ({b})", (min(ends), max(ends))))
        if a0 >= 0 and b0 >= 0:
            forms += [(f"(({a}) {op} ({b}))", (0, bits)) for op in "&|^"]
            if a1 < 1000:
                forms += [(f"(({a}) << (({b}) % 3))", (0, 4 * a1)), (f"(({a}) >> (({b}) % 3))", (0, a1))]
            if a1 < 100:
                forms.append((f"({a}) ** 2", (0, a1 * a1)))
        return self.pick(forms)

    def integer_leaf(self, s: Scope) -> Int:
        forms: list[Int] = [(str(k), (k, k)) for k in (0, 1, 2)]
        forms += [*s.ints.items()] * 2
        forms += [(f"len({name})", (shape[0],) * 2) for name, shape in [*s.arrays.items()][:1]]
        forms += [(f"int({name})", (0, 1)) for name in s.bools]
        for name, length in s.tables.items():
            forms.append((f"{name}[{self.index(s, length, 0)}]", (0, self.style.length - 1)))
        return self.pick(forms)

    def index(self, s: Scope, extent: int, depth: int = 1) -> str:
        """An index of an axis of that extent."""
        if self.style.raises and self.chance(0.15):
            return str(self.integer(s, 1)[0])
        inside = [name for name, (low, high) in s.ints.items() if -extent <= low and high < extent]
        options = [lambda: str(self.rng.randrange(-extent, extent))]
        options += [lambda: self.pick(inside)] * 4 if inside else []
        if depth:
            options.append(lambda: f"({self.integer(s, depth - 1)[0]}) % {extent}")
            if self.style.length <= extent and s.tables:
                options.append(lambda: self.gathered(s))
        return str(self.pick(options)())

    def gathered(self, s: Scope) -> str:
        name = self.pick([*s.tables])
        return f"{name}[{self.index(s, s.tables[name], 0)}]"

    # -- floats

    def element(self, s: Scope) -> str:
        name, shape = self.pick([*s.arrays.items()])
        indices = [self.index(s, extent) for extent in shape]
        return f"{name}[{self.pick((', ', '][')).join(indices)}]"

    def leaf(self, s: Scope) -> str:
        forms: list[Callable[[], str]] = [lambda: self.pick(s.floats)] * 4
        forms += [lambda: self.pick(("0.5", "1.5", "-0.7", "2.0", "0.0", "1"))]
        forms += [lambda: self.integer(s, 1)[0]]
        forms += [lambda: self.element(s)] * 4 if s.arrays else []
        forms += [lambda: f"(1 * {self.pick(s.bools)})"] if s.bools else []
        return str(self.pick(forms)())

    def number(self, s: Scope, depth: int = 2) -> str:
        """A float (or an integer, where a float may stand)."""
        if depth <= 0 or self.chance(0.25):
            return self.leaf(s)

        def e() -> str:
            return self.number(s, depth - 1)

        forms: list[Callable[[], str]] = [
            lambda: f"{e()} + {e()}", lambda: f"{e()} - {e()}", lambda: f"({e()}) * ({e()})",
            lambda: f"({e()}) * ({e()})", lambda: f"({e()}) / (1.5 + abs({e()}))", lambda: f"-({e()})",
            lambda: f"abs({e()})", lambda: f"max({e()}, {e()})", lambda: f"min({e()}, {e()})",
            lambda: f"math.sqrt(0.5 + abs({e()}))", lambda: f"({e()} if {self.condition(s, depth - 1)} else {e()})",
            lambda: f"({e()}) ** 2",
        ]  # fmt: skip
        if not self.style.exact:
            forms += [
                lambda: f"math.sin({e()})", lambda: f"math.exp(-abs({e()}))", lambda: f"math.log(1.5 + abs({e()}))",
                lambda: f"math.atan2({e()}, 1.5)", lambda: f"(0.5 + abs({e()})) ** 1.5", lambda: f"({e()}) % 0.7",
                lambda: f"math.floor({e()})", lambda: f"math.hypot({e()}, 1.0)",
            ]  # fmt: skip
            forms += [lambda: self.reduction(s)] * 2
        forms += [lambda: f"{self.pick(s.closures)}({e()})"] * 2 if s.closures else []
        forms += [lambda: self.call(s, depth - 1)] * 2 if depth > 1 else []
        return str(self.pick(forms)())

    def call(self, s: Scope, depth: int) -> str:
        """A call of a helper, or of a derivative of one."""

        def e() -> str:
            return self.number(s, depth - 1)

        def f() -> str:
            return f"1.0 * ({e()})"

        h = self.helpers
        forms: list[Callable[[], str]] = []
        if h.scalar:
            forms += [lambda: f"{self.pick(h.scalar)}({e()}, {e()})"] * 2
            if self.style.nested:
                forms += [
                    lambda: f"llad.grad({self.pick(h.scalar)}, {self.pick((0, 1))})({f()}, {f()})",
                    lambda: f"llad.value_and_grad({self.pick(h.scalar)}, 1)({f()}, {f()})[{self.pick((0, 1))}]",
                    lambda: f"llad.jvp({self.pick(h.scalar)}, ({f()}, {f()}), (1.0, 0.5))[1]",
                ] * 2  # fmt: skip
        whole = s.of_length(self.style.length)
        if h.writing and whole:
            forms.append(lambda: f"{self.pick(h.writing)}({self.pick(whole)}, {self.bounded(s, 1)})")
            if self.style.nested:
                forms.append(
                    lambda: f"llad.grad({self.pick(h.writing)}, 1)({self.pick(whole)}, 1.0 * {self.bounded(s, 1)})"
                )
        if h.recursive and whole:
            forms.append(
                lambda: f"{self.pick(h.recursive)}({self.pick(whole)}, {self.bounded(s, 1)}, {self.levels(s)})"
            )
        return str(self.pick(forms)()) if forms else self.leaf(s)

    def levels(self, s: Scope) -> str:
        """How deep a recursion goes."""
        return f"{self.integer(s, 1)[0]} % 4" if self.chance(0.5) else self.pick(("2", "n % 3", "3"))

    def reduction(self, s: Scope) -> str:
        """A sum over a vector, or over a matrix."""
        whole = s.of_length(self.style.length)
        forms = [f"np.max({v})" for v in whole] + [f"np.sum({m})" for m in s.matrices()]
        forms += [f"np.dot({v}, {v})" for v in whole]
        for v in (*whole, *s.vectors):
            forms += [f"np.sum({v})", f"np.sum({v} * {v})"]
        return str(self.pick(forms)) if forms else self.leaf(s)

    def bounded(self, s: Scope, depth: int = 2) -> str:
        """A float between -1 and 1."""
        e = self.number(s, depth)
        if self.style.exact:
            return str(self.pick((f"({e}) / (1.0 + abs({e}))", f"max(-1.0, min(1.0, {e}))")))
        return str(self.pick((f"math.sin({e})", f"math.tanh({e})", f"math.cos({e})", f"({e}) / (1.0 + ({e}) ** 2)")))

    def condition(self, s: Scope, depth: int = 1) -> str:
        def e() -> str:
            return self.number(s, depth)

        forms: list[Callable[[], str]] = [
            lambda: f"{e()} < {e()}", lambda: f"{e()} > 0.1", lambda: f"-0.5 <= {e()} < {e()}",
            lambda: f"({e()} < 0.3 or {e()} > {e()})", lambda: f"({e()} < 0.8 and {e()} > {e()})",
            lambda: f"not {e()} > {e()}",
        ]  # fmt: skip
        if s.ints and depth >= 0:
            forms += [lambda: f"{self.integer(s, 0)[0]} % 2 == 0", lambda: f"{self.integer(s, 0)[0]} != n"] * 2
        forms += [lambda: self.pick(s.bools), lambda: f"not {self.pick(s.bools)}"] if s.bools else []
        return str(self.pick(forms)())

    # -- vectors

    def vector(self, s: Scope, length: int) -> str:
        """A vector that has a name or is a row or column of something that has one."""
        forms = s.of_length(length) * 3
        for name, (rows, columns) in s.matrices().items():
            forms += [f"{name}[{self.index(s, rows)}]"] if columns == length else []
            forms += [f"{name}[:, {self.index(s, columns)}]"] if rows == length else []
        return str(self.pick(forms)) if forms else f"np.ones({length})"

    def fresh(self, s: Scope, length: int) -> str:
        """A vector that shares no memory with any other; its elements stay bounded if those of others are."""

        def v() -> str:
            return self.vector(s, length)

        forms = [
            lambda: f"0.5 * ({v()} - {v()})", lambda: f"{v()} * {self.bounded(s)}", lambda: f"{v()}.copy()",
            lambda: f"np.where({v()} > {self.number(s, 1)}, {v()}, {self.bounded(s, 1)})", lambda: f"-{v()}",
            lambda: f"np.maximum({v()}, {v()}[::-1])", lambda: f"0.5 * ({v()} + {v()}[::-1])",
            lambda: f"{v()} / (1.0 + np.abs({v()}))", lambda: f"np.zeros({length})",
            lambda: f"np.full({length}, {self.bounded(s, 1)})",
        ]  # fmt: skip
        if not self.style.exact:
            forms += [lambda: f"np.sin({v()})", lambda: f"np.tanh({v()} + {v()})", lambda: f"np.cos({v()}) * {v()}"]
            for name, (rows, columns) in s.matrices().items():
                if rows == length:
                    forms.append(lambda m=name, k=columns: f"np.tanh({m} @ {self.vector(s, k)})")
        whole = length == self.style.length and s.of_length(length)
        if self.helpers.fresh and whole:
            forms += [lambda: f"{self.pick(self.helpers.fresh)}({self.pick(whole)}, {self.bounded(s, 1)})"] * 3
        if self.helpers.writing and whole and self.style.nested:
            forms.append(
                lambda: f"llad.grad({self.pick(self.helpers.writing)})({self.pick(whole)}, 1.0 * {self.bounded(s, 1)})"
            )
        return str(self.pick(forms)())
