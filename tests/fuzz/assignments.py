"""Random statements on numbers."""

from __future__ import annotations

from typing import ClassVar

from .scope import MANY, Scope
from .statements import Statements


class Assignments(Statements):
    """Names bound to numbers, anew or changed; and names that change places."""

    KINDS: ClassVar = {"assign": 3, "update": 4, "new": 2, "integer": 3, "flag": 1, "swap": 2}

    def write_assign(self, s: Scope) -> None:
        if names := s.mine(s.floats):
            self.write(s, f"{self.pick(names)} = {self.bounded(s)}")

    def write_update(self, s: Scope) -> None:
        if names := s.mine(s.floats):
            self.write(s, f"{self.pick(names)} {self.pick(('+=', '-=', '*='))} {self.bounded(s)}")

    def write_new(self, s: Scope) -> None:
        value = self.pick((self.bounded(s), "0", "0.0", self.pick(s.floats)))
        name = self.name("t")
        self.write(s, f"{name} = {value}")
        s.floats.append(s.bind(name))

    def write_integer(self, s: Scope) -> None:
        names = s.mine(s.ints)
        if names and self.chance(0.5):
            self.change(s, self.pick(names))
            return
        text, name = self.integer(s)[0], self.name("j")
        if self.chance(0.3):
            self.write(s, f"{name} = 0")
            s.ints[s.bind(name)] = (0, MANY)
        elif self.chance(0.2):
            self.write(s, f"{name} = ({text}) % {self.style.length + 1} - {self.style.length}")
            s.ints[s.bind(name)] = (-self.style.length, 0)
        else:
            self.write(s, f"{name} = {text} % {self.style.modulus}")
            s.ints[s.bind(name)] = (0, self.style.modulus - 1)

    def change(self, s: Scope, name: str) -> None:
        """An integer changed, which stays in its range."""
        low, high = s.ints[name]
        text = f"({name} + {self.integer(s)[0]})" if self.chance(0.4) else self.integer(s)[0]
        if high >= MANY:
            self.write(s, f"{name} += 1")
        elif low == 0:
            forms = [f"{name} = {text} % {high + 1}"]
            if high < 100:
                forms += [f"{name} //= {self.pick((2, 3))}", f"{name} >>= 1", f"{name} %= {high + 1}", f"{name} &= 1"]
            self.write(s, self.pick(forms))

    def write_flag(self, s: Scope) -> None:
        text, names = self.condition(s), s.mine(s.bools)
        name = self.pick(names) if names and self.chance(0.5) else self.name("q")
        if s.bools and self.chance(0.3):
            text = f"{self.pick(s.bools)} {self.pick('&|^')} ({text})"
        self.write(s, f"{name} = {text}")
        if name not in s.bools:
            s.bools.append(s.bind(name))

    def write_swap(self, s: Scope) -> None:
        """Two names that change places, or three in a circle."""
        groups = [s.mine(s.floats), s.mine(s.of_length(self.style.length)), s.mine(s.matrices())]
        groups[2] = [name for name in groups[2] if s.arrays[name] == s.arrays[groups[2][0]]]
        names = self.pick([g for g in groups if len(g) > 1] or [[]])
        if len(names) > 2 and self.chance(0.3):
            a, b, c = self.rng.sample(names, 3)
            self.write(s, f"{a}, {b}, {c} = {b}, {c}, {a}")
        elif names:
            a, b = self.rng.sample(names, 2)
            self.write(s, f"{a}, {b} = {b}, {a}")
