"""Random expressions: floats, conditions, vectors."""

from __future__ import annotations

import random
from collections.abc import Callable

from .integers import Integers
from .scope import Scope
from .style import Helpers, Style


class Expressions(Integers):
    """Each method returns the text of an expression; `depth` bounds its size."""

    def __init__(self, rng: random.Random, style: Style, helpers: Helpers) -> None:
        super().__init__(rng, style)
        self.helpers = helpers

    # -- floats

    def filled(self, s: Scope) -> list[str]:
        """The arrays that have elements; in a loop without trips, any will do."""
        return [name for name, shape in s.arrays.items() if s.dead or 0 not in shape]

    def element(self, s: Scope) -> str:
        name = self.pick(self.filled(s))
        shape = s.arrays[name]
        indices = [self.index(s, extent) for extent in shape]
        return f"{name}[{self.pick((', ', '][')).join(indices)}]"

    def leaf(self, s: Scope) -> str:
        forms: list[Callable[[], str]] = [lambda: self.pick(s.floats)] * 4
        forms += [lambda: self.pick(("0.5", "1.5", "-0.7", "2.0", "0.0", "1"))]
        forms += [lambda: self.integer(s, 1)[0]]
        forms += [lambda: self.element(s)] * 4 if self.filled(s) else []
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
        """A call of a helper."""
        raise NotImplementedError

    def reduction(self, s: Scope) -> str:
        """A sum over a vector, or over a matrix."""
        whole = s.of_length(self.style.length)
        forms = [f"np.max({v})" for v in whole if self.style.length] + [f"np.sum({m})" for m in s.matrices()]
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
        if depth >= 0:
            forms += [lambda: f"{self.integer(s, 0)[0]} {self.pick(('<', '==', '>='))} {self.integer(s, 0)[0]}"]
        if s.ints and depth >= 0:
            forms += [lambda: f"{self.integer(s, 0)[0]} % 2 == 0", lambda: f"{self.integer(s, 0)[0]} != n"] * 2
        forms += [lambda: self.pick(s.bools), lambda: f"not {self.pick(s.bools)}"] if s.bools else []
        return str(self.pick(forms)())

    # -- vectors

    def vector(self, s: Scope, length: int) -> str:
        """A vector that has a name or is a row or column of something that has one."""
        forms = s.of_length(length) * 3
        for name, (rows, columns) in s.matrices().items():
            forms += [f"{name}[{self.index(s, rows)}]"] if columns == length and (rows or s.dead) else []
            forms += [f"{name}[:, {self.index(s, columns)}]"] if rows == length and (columns or s.dead) else []
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
        if whole and self.style.nested:
            forms += self.slopes(s, whole)
        return str(self.pick(forms)())

    def slopes(self, s: Scope, whole: list[str]) -> list[Callable[[], str]]:
        """Derivatives that are vectors."""
        raise NotImplementedError
