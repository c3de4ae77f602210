"""Random statements that raise for some values."""

from __future__ import annotations

from .scope import MANY, Scope
from .statements import Statements


class Demands(Statements):
    """Only in programs that may raise."""

    def write_demand(self, s: Scope) -> None:
        length, names = self.style.length, s.mine(s.floats)
        forms = [f"assert {self.condition(s)}, 'not so'"]
        if whole := s.of_length(length):
            v, i = self.pick(whole), self.integer(s)[0]
            forms += [f"{v}[{i}] = {self.bounded(s)}", f"{v}[:] = {v}[{i}:]"]
            if names:
                forms.append(f"{self.pick(names)} += {v}[{i}]")
        text = self.pick([*forms, "integer", "integer", "raise"])
        if text == "raise":
            self.write(s, f"if {self.condition(s)}:")
            self.write(s, "    raise ValueError('not so')")
        elif text == "integer":
            self.write_number_that_raises(s)
        else:
            self.write(s, text)

    def write_number_that_raises(self, s: Scope) -> None:
        """An integer divided by what may be zero, or too large for 64 bits."""
        j = self.name("j")
        if self.chance(0.6):
            self.write(s, f"{j} = {self.large(s)}")
            s.ints[s.bind(j)] = (0, self.style.modulus - 1)
            return
        divided, divisor = f"int({self.integer(s)[0]} + 1)", f"int({self.integer(s)[0]})"
        self.write(s, f"{j} = {divided} {self.pick(('//', '%'))} {divisor} % {self.style.modulus}")
        s.ints[s.bind(j)] = (-MANY, MANY)
