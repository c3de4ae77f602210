"""Random statements: which kinds there are is said by the classes that write them, each of one subject."""

from __future__ import annotations

import itertools
from typing import ClassVar

from .calls import Calls
from .scope import Scope


class Statements(Calls):
    """Appends statements to `lines`; `budget` bounds how many there will be.

    A subclass has a method `write_kind` for each kind in its `KINDS`, which says how often, and in its `COMPOUND`,
    whose statements hold others.
    """

    KINDS: ClassVar[dict[str, int]] = {}
    COMPOUND: ClassVar[dict[str, int]] = {}
    lines: list[str]
    budget: int
    fresh_names: itertools.count[int]

    def begin(self, budget: int) -> None:
        self.lines, self.budget, self.fresh_names = [], budget, itertools.count()

    def name(self, stem: str) -> str:
        return f"{stem}{next(self.fresh_names)}"

    def write(self, s: Scope, text: str) -> None:
        self.lines.append(s.indent + text)

    def block(self, s: Scope, most: int, least: int = 1) -> None:
        """Statements in an open block; never none."""
        before = len(self.lines)
        for _ in range(self.rng.randint(least, most)):
            if self.budget <= 0:
                break
            self.budget -= 1
            self.statement(s)
        if len(self.lines) == before:
            self.write(s, self.pick(("pass", f"{self.pick(s.mine(s.floats) or ['_'])} = {self.bounded(s, 1)}")))
        if s.depth and (s.loop or s.returns) and self.chance(0.06):
            self.write(s, self.leaving(s))

    def statement(self, s: Scope) -> None:
        kinds: dict[str, int] = {}
        for cls in type(self).__mro__:
            kinds |= vars(cls).get("KINDS", {})
            if s.depth < 3:
                kinds |= vars(cls).get("COMPOUND", {})
        if s.depth and (s.loop or s.returns):
            kinds["exit"] = 3
        if self.style.raises:
            kinds["demand"] = 3
        (kind,) = self.rng.choices([*kinds], [*kinds.values()])
        getattr(self, "write_" + kind)(s)

    def length(self, s: Scope) -> str:
        """The length of vectors."""
        names = s.of_length(self.style.length)
        return f"len({names[0]})" if names else str(self.style.length)

    def leaving(self, s: Scope) -> str:
        """A statement that leaves a loop or the function."""
        ways = [f"return {self.returned(s)}"] * bool(s.returns) + ["break", "continue"] * 2 * s.loop
        return str(self.pick(ways))

    def returned(self, s: Scope) -> str:
        """What the function that is being written returns."""
        number, n = self.real(s), self.style.length
        forms = {
            "float": lambda: number,
            "vector": lambda: self.fresh(s, n),
            "pair": lambda: f"{number}, {self.fresh(s, n)}",
            "record": lambda: f'{{"t": {number}, "w": {self.fresh(s, n)}, "j": {self.integer(s)[0]} % {max(1, n)}}}',
            "any vector": lambda: self.pick((self.vector(s, n), self.fresh(s, n))),
        }
        return str(forms[s.returns]() if s.returns in forms else self.results(s))

    def results(self, s: Scope) -> str:
        """What the main function returns, if that is not a float."""
        raise NotImplementedError
