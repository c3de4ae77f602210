"""Random control flow."""

from __future__ import annotations

from typing import ClassVar

from .scope import Scope
from .statements import Statements


class Loops(Statements):
    """Branches, loops, and ways out of them."""

    COMPOUND: ClassVar = {"if": 6, "for": 7, "each": 3, "while": 3, "forever": 2, "both": 1, "ping_pong": 1}

    def write_if(self, s: Scope) -> None:
        self.write(s, f"if {self.condition(s)}:")
        self.block(s.inner(), 3)
        if self.chance(0.2):
            self.write(s, f"elif {self.condition(s)}:")
            self.block(s.inner(), 2)
        if self.chance(0.4):
            self.write(s, "else:")
            self.block(s.inner(), 2)

    def write_both(self, s: Scope) -> None:
        """A name that is bound first in both branches: a number, or an array."""
        name, length, array = self.name("b"), self.style.length, self.chance(0.6)
        for header in (f"if {self.condition(s)}:", "else:"):
            self.write(s, header)
            inner = s.inner()
            self.block(inner, 1, least=0)
            if array:
                self.write(inner, f"{name} = {self.pick((self.vector(inner, length), self.fresh(inner, length)))}")
            else:
                self.write(inner, f"{name} = {self.bounded(inner)}")
        s.bind(name)
        if array:
            s.arrays[name] = (length,)
        else:
            s.floats.append(name)

    def write_for(self, s: Scope) -> None:
        name = self.name("i")
        length = self.style.length
        step = self.pick(("", "", "", "2", "-1", "-1", "-2"))
        (a, (a0, _)), (b, (_, b1)) = self.bound(s), self.bound(s)
        if self.chance(0.4):
            a, a0 = "0", 0
        if self.chance(0.4):
            b, b1 = self.pick(("n", str(length), self.length(s))), length
        if step.startswith("-"):
            header, low, high = f"{b} - 1, {a} - 1, {step}", a0, b1 - 1
        else:
            header = b if a == "0" and not step else f"{a}, {b}" + (f", {step}" if step else "")
            low, high = a0, b1 - 1
        if self.chance(0.2):
            self.write(s, f"{name} = 0")
            s.ints[s.bind(name)] = (min(low, 0), max(high, 0))
        self.write(s, f"for {name} in {'reversed(' * (r := self.chance(0.08))}range({header}){')' * r}:")
        inner = s.inner(loop=True, dead=s.dead or high < low)
        inner.ints[name] = (low, max(low, high))
        self.looped(s, inner, 4)

    def looped(self, s: Scope, inner: Scope, most: int) -> None:
        """The body of a loop, and sometimes what is done unless it is left early."""
        otherwise = self.chance(0.15)
        if otherwise and self.chance(0.6):
            self.write_exit(inner)
        self.block(inner, most)
        if otherwise:
            self.write(s, "else:")
            self.block(s.inner(), 2)

    def bound(self, s: Scope) -> tuple[str, tuple[int, int]]:
        """A bound of a loop: small, so that loops end soon."""
        text, (low, high) = self.integer(s)
        if low < -3 or high > 4:
            return f"({text}) % 4", (0, 3)
        return text, (low, high)

    def write_each(self, s: Scope) -> None:
        """A loop over the elements of arrays."""
        length, name, i = self.style.length, self.name("e"), self.name("i")
        inner = s.inner(loop=True, dead=s.dead or length == 0)
        kinds = ["element", "enumerate", "zip"] + ["row"] * bool(s.matrices()) + ["index"] * bool(s.tables)
        kind = self.pick(kinds)
        v, w = self.vector(s, length), self.vector(s, length)
        if kind == "row":
            m = self.pick([*s.matrices()])
            self.write(s, f"for {name} in {m}:")
            inner.arrays[name] = s.arrays[m][1:]
            inner.dead = s.dead or s.arrays[m][0] == 0
        elif kind == "index":
            k = self.pick([*s.tables])
            self.write(s, f"for {name} in {k}:")
            inner.ints[name] = (0, max(length - 1, 0))
            inner.dead = s.dead or s.tables[k] == 0
        else:
            headers = {
                "element": f"{name} in {v}",
                "enumerate": f"{i}, {name} in enumerate({v})",
                "zip": f"{name}, {i} in zip({v}, {w})",
            }
            self.write(s, f"for {headers[kind]}:")
            inner.floats.append(name)
            if kind == "enumerate":
                inner.ints[i] = (0, max(length - 1, 0))
            elif kind == "zip":
                inner.floats.append(i)
        self.looped(s, inner, 3)

    def write_while(self, s: Scope) -> None:
        name, most = self.name("k"), self.pick((3, 4, self.style.length))
        self.write(s, f"{name} = 0")
        self.write(s, f"while {name} < {most} and {self.condition(s)}:")
        inner = s.inner(loop=True)
        at_end = self.chance(0.3)
        inner.ints[name] = (0, most)
        inner.dead = s.dead or most == 0
        if at_end:  # then `continue` would skip it
            inner.loop = False
            self.block(inner, 4)
        self.write(inner, f"{name} += 1")
        if not at_end:
            self.looped(s, inner, 4)
        s.ints[name] = (0, most)

    def write_forever(self, s: Scope) -> None:
        name = self.name("k")
        self.write(s, f"{name} = 0")
        self.write(s, "while True:")
        inner = s.inner(loop=True)
        inner.ints[name] = (0, 4)
        self.write(inner, f"{name} += 1")
        self.write(inner, f"if {name} >= 4 or {self.condition(inner)}:")
        self.write(inner, "    " + self.pick(("break", "break", self.leaving(inner))).replace("continue", "break"))
        for _ in range(self.pick((0, 0, 1, 2)) if s.returns else 0):
            self.write(inner, f"if {self.condition(inner)}:")
            self.write(inner, f"    return {self.returned(inner)}")
        self.block(inner, 3)
        s.ints[name] = (0, 4)

    def write_exit(self, s: Scope) -> None:
        self.write(s, f"if {self.condition(s)}:")
        self.write(s, f"    {self.leaving(s)}")

    def write_ping_pong(self, s: Scope) -> None:
        """Two buffers, each computed from the other in turn; perhaps one turn alone."""
        length, names = self.style.length, s.mine(s.of_length(self.style.length))
        if not names:
            return
        v, w, i = self.pick(names), self.name("w"), self.name("i")
        self.write(s, f"{w} = {self.pick((f'np.zeros({length})', f'np.empty(len({v}))', f'{v}.copy()'))}")
        self.write(s, f"for _ in range({self.bound(s)[0]}):")
        inner = s.inner(loop=True)
        self.write(inner, f"for {i} in range({length}):")
        element = inner.inner(loop=False, dead=s.dead or length == 0)
        element.ints[i] = (0, max(length - 1, 0))
        near = f"{v}[({i} + {self.pick((1, 2, length - 1))}) % {length}]" if length else f"{v}[{i}]"
        self.write(element, f"{w}[{i}] = 0.6 * {v}[{i}] + {self.pick(('0.3', self.bounded(element, 1)))} * {near}")
        if self.chance(0.3):
            self.write_exit(inner)
        self.write(inner, f"{v}, {w} = {w}, {v}")
        if self.chance(0.3):
            self.block(inner, 2)
