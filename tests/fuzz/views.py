"""Random views: of vectors, of matrices, of other views."""

from __future__ import annotations

from typing import ClassVar

from .scope import Scope
from .statements import Statements


class Views(Statements):
    """Names bound to views, and what is done to views whose length is not known."""

    KINDS: ClassVar = {"view": 3, "view_of_view": 3, "view_of_matrix": 1, "unknown": 2}

    def write_view(self, s: Scope) -> None:
        v = self.vector(s, self.style.length)
        if self.chance(0.3):
            name = self.name("v")
            self.write(s, f"{name} = {v}{self.pick(('[n:]', '[:n]', '[::-1][:n]', '[n:][::-1]', '[n::-1]', '[:n:2]'))}")
            s.vectors.append(s.bind(name))
        else:
            self.bind_view(s, v, self.style.length)

    def bind_view(self, s: Scope, v: str, extent: int) -> None:
        """A name for a part of `v`, whose length is known."""
        text, left = self.part_of_axis(extent)
        name = self.name("v")
        self.write(s, f"{name} = {v}[{text}]")
        s.arrays[s.bind(name)] = (left,)

    def part_of_axis(self, extent: int) -> tuple[str, int]:
        """A slice, and how much it leaves."""
        step = self.pick((None, None, 1, 2, -1, -1, -2, -3))
        start, stop = (self.rng.randint(-extent - 1, extent + 1) if self.chance(0.5) else None for _ in range(2))
        whole = range(extent)[start:stop:step]
        if not whole and self.chance(0.8):  # few empty ones
            start = stop = None
            whole = range(extent)[::step]
        ends = [str(end) if end is not None else "" for end in (start, stop)]
        return ":".join(ends) + (f":{step}" if step is not None else ""), len(whole)

    def write_view_of_view(self, s: Scope) -> None:
        """A view of whatever has one axis: of a view, if there is one."""
        known = [name for name, shape in s.arrays.items() if len(shape) == 1]
        views = [name for name in known if name.startswith("v")] or known
        if s.vectors and self.chance(0.4):
            name = self.name("v")
            part = self.pick(("[::-1]", "[::-2]", "[1:]", "[:-1]", "[::2]", "[1::-1]", "[-2:]", "[:0:-1]"))
            self.write(s, f"{name} = {self.pick(s.vectors)}{part}")
            s.vectors.append(s.bind(name))
        elif views:
            v = self.pick(views)
            self.bind_view(s, v, s.arrays[v][0])

    def write_view_of_matrix(self, s: Scope) -> None:
        if not s.matrices():
            return
        m, name = self.pick([*s.matrices()]), self.name("m")
        rows, columns = s.arrays[m]
        (first, r), (second, c) = self.part_of_axis(rows), self.part_of_axis(columns)
        forms = [
            (f"{m}[{first}, {second}]", (r, c)), (f"{m}[{first}]", (r, columns)), (f"{m}[:, {second}]", (rows, c)),
            (f"{m}[{first}][:, {second}]", (r, c)), (f"{m}[{first}][::-1, {second}]", (r, c)),
        ]  # fmt: skip
        text, shape = self.pick(forms)
        self.write(s, f"{name} = {text}")
        s.arrays[s.bind(name)] = shape

    def write_unknown(self, s: Scope) -> None:
        """A vector of any length, also of none, written in place."""
        if not s.vectors:
            return
        v, w = self.pick(s.vectors), self.pick(s.vectors)
        self.write(s, self.pick((
            f"{v}[:] = {v}[::-1]", f"{s.place(v)} *= {self.bounded(s, 1)}", f"{v}[1:] += {v}[:-1]",
            f"{v}[:] = 0.5 * {v}[::-1]", f"{v}[:-1] = {v}[1:]", f"{v}[::-2] -= 0.3 * {v}[::-2]",
            f"{v}[:len({w})] *= {self.bounded(s, 1)}", f"{v}[::-1][1:] *= {self.bounded(s, 1)}",
            f"{v}[:min(len({v}), len({w}))] += 0.5 * {w}[:min(len({v}), len({w}))]",
        )))  # fmt: skip
