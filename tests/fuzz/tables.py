"""Random statements on arrays of indices, and on what they address."""

from __future__ import annotations

from typing import ClassVar

from .scope import Scope
from .statements import Statements


class Tables(Statements):
    """Gather and scatter, by indices that may repeat and may be written later."""

    KINDS: ClassVar = {"scatter": 2, "table": 1, "new_table": 1, "gather": 2}

    def write_scatter(self, s: Scope) -> None:
        """An element addressed by a table."""
        tables, vectors = self.readable(s), s.of_length(self.style.length)
        if tables and vectors:
            op = self.pick(("=", "+=", "*=", "-="))
            self.write(s, f"{self.pick(vectors)}[{self.gathered(s)}] {op} {self.bounded(s)}")

    def write_table(self, s: Scope) -> None:
        """A table written: an element, two that change places, or all."""
        if not (tables := self.readable(s)):
            return
        k, m = self.pick(tables), self.style.modulus
        i, j = (self.index(s, s.tables[k], 0) for _ in range(2))
        self.write(s, self.pick((
            f"{k}[{i}] = {self.integer(s)[0]} % {m}", f"{k}[{i}] = {self.integer(s)[0]} % {m}",
            f"{k}[{i}], {k}[{j}] = {k}[{j}], {k}[{i}]", f"{k}[:] = {k}[::-1]", f"{k}[:] = ({k} + {i}) % {m}",
            f"{k}[:] = {m - 1} - {k}", f"{k}[{i}] //= 2", f"{k}[:] = ({k} * 3 - 1) % {m}", f"{k}[:] = {k} >> 1",
        )))  # fmt: skip

    def write_new_table(self, s: Scope) -> None:
        n, m, name = self.style.length, self.style.modulus, self.name("k")
        forms = [(f"np.arange({n})", n), (f"np.zeros({n}, dtype=np.int64)", n), (f"np.arange({n})[::-1]", n)]
        if tables := [*s.tables]:
            k = self.pick(tables)
            size = s.tables[k]
            forms += [(f"{k}.copy()", size), (f"({k} + 1) % {m}", size), (f"{k}[::-1]", size), (f"{m - 1} - {k}", size)]
            forms += [(f"{k}[::-2]", (size + 1) // 2), (f"{k} // 2", size), (f"np.minimum({k}, {m - 1})", size)]
        text, size = self.pick(forms)
        self.write(s, f"{name} = {text}")
        s.tables[s.bind(name)] = size

    def write_gather(self, s: Scope) -> None:
        """A loop that reads or adds where a table says; it may write the table behind itself, or before."""
        vectors, names = s.of_length(self.style.length), s.mine(s.floats)
        if not (tables := [*s.tables]) or not vectors or not names:
            return
        i, k, inner = self.name("i"), self.pick(tables), s.inner(loop=True)
        size, n = s.tables[k], self.style.length
        v, w = self.pick(vectors), self.pick(vectors)
        self.write(s, f"for {i} in range({self.pick((f'len({k})', str(size)))}):")
        inner.ints[i] = (0, max(size - 1, 0))
        inner.dead = inner.dead or size == 0
        own = f"[{i}]" if size <= n else f"[{i} % {max(n, 1)}]"
        lines = [
            f"{v}[{k}[{i}]] += {w}{own} * {self.bounded(inner, 1)}", f"{v}{own} = {w}[{k}[{i}]] * {self.real(inner)}",
            f"{self.pick(names)} += {v}[{k}[{i}]] * {self.bounded(inner, 1)}",
            f"{v}[{k}[{i}]], {w}{own} = {w}{own}, {v}[{k}[{i}]]", f"{v}[{k}[-1 - {i}]] *= {self.bounded(inner, 1)}",
        ]  # fmt: skip
        lines = self.rng.sample(lines, self.pick((1, 2)))
        if self.chance(0.4):
            moved = f"{k}[{i}] = ({k}[{i}] + {self.pick((i, '1', self.integer(inner)[0]))}) % {self.style.modulus}"
            lines.insert(self.rng.randrange(len(lines) + 1), moved)
        for line in lines:
            self.write(inner, line)
