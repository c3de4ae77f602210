"""Random functions inside functions, and calls whose results are bound."""

from __future__ import annotations

from typing import ClassVar

from .scope import Scope
from .statements import Statements


class Functions(Statements):
    """Closures, and what functions give bound to names."""

    KINDS: ClassVar = {"closure": 1, "call": 3}

    def write_closure(self, s: Scope) -> None:
        """A function inside, that reads what is around it (also when that is bound anew) and writes arrays."""
        name, u = self.name("c"), self.name("u")
        self.write(s, f"def {name}({u}):")
        inner = s.inner(owned={u}, loop=False, returns="float", closures=[])
        inner.depth = max(inner.depth, 2)
        inner.floats.append(u)
        self.block(inner, 2)
        self.write(inner, f"return {self.bounded(inner)}")
        s.closures.append(name)

    def write_call(self, s: Scope) -> None:
        """A helper called: for a number, for several results, for a structure."""
        names, whole = s.mine(s.floats), s.of_length(self.style.length)
        if not names:
            return
        several = [*self.helpers.pair, *self.helpers.record]
        if not several or not whole or self.chance(0.5):
            self.write(s, f"{self.pick(names)} {self.pick(('=', '+='))} {self.call(s, 2)}")
            return
        helper, name = self.pick(several), self.name("w")
        called = f"{helper}({self.pick(whole)}, {self.bounded(s, 1)})"
        if helper in self.helpers.pair:
            self.write(s, f"{self.pick(names)}, {name} = {called}")
            s.arrays[s.bind(name)] = (self.style.length,)
        else:
            self.write(s, f"{name} = {called}")
            s.arrays[f'{name}["w"]'] = (self.style.length,)
            s.floats.append(f'{name}["t"]')
            s.ints[f'{name}["j"]'] = (0, self.style.modulus - 1)
