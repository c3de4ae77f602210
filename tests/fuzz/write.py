"""A random program: a function `f(x, y, m, a, b, n, k)`, and functions that it calls.

What a program computes is well defined: indices are in range unless the program is meant to raise, loops end soon,
and what is assigned is bounded, so that nothing overflows unless it is meant to. It may still have kinks and jumps.

Some programs have a main function `g` that takes and returns structures. Then `f` is `total(g(*pack(…)))`.
"""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np

from .arrays import Arrays
from .assignments import Assignments
from .demands import Demands
from .entries import CLASSES, Entries
from .functions import Functions
from .loops import Loops
from .recursions import Recursions
from .scope import Scope
from .style import Helpers, Style
from .subject import Subject
from .tables import Tables
from .views import Views


def program(seed: int, size: int = 10) -> Subject:
    """Program number `seed`, of about `size` statements."""
    rng = random.Random(seed)
    exact = rng.random() < 0.25
    style = Style(
        length=rng.choice((1, 2, 3, 3, 4)) if rng.random() < 0.94 else 0,
        rows=rng.choice((1, 2, 3)),
        exact=exact,
        raises=rng.random() < 0.15,
        nested=rng.random() < 0.15 and not exact,
    )
    writer = Writer(rng, style, Helpers())
    source = writer.module(rng.randint(2, size))
    return Subject(source, arguments(rng, style), exact=style.exact)


def arguments(rng: random.Random, style: Style) -> tuple[Any, ...]:
    r = np.random.default_rng(rng.randrange(2**32))
    n, rows = style.length, style.rows
    x, y = r.uniform(-1.5, 1.5, (2, n)).round(3)
    a, b = map(float, r.uniform(-1.5, 1.5, 2).round(3))
    m = r.uniform(-1.5, 1.5, (rows, n)).round(3)
    return x.copy(), y.copy(), m, a, b, rng.randrange(n + 1), r.integers(0, style.modulus, n)


class Writer(Assignments, Arrays, Views, Tables, Functions, Loops, Demands, Recursions, Entries):
    """Writes one module."""

    def module(self, size: int) -> str:
        kinds = self.rng.sample(sorted(vars(self.helpers)), self.rng.choice((0, 0, 1, 2, 3, 4)))
        if self.style.nested:
            kinds = ["scalar", *(kind for kind in kinds if kind != "scalar"), *["derived"] * self.rng.choice((0, 1, 2))]
        texts = [self.helper(kind) for kind in kinds if kind != "derived" or self.style.nested]
        main = self.structured(size) if self.chance(0.2) else self.main(size)
        # helpers that are not called, not even by one that is, are left out
        for name, text in reversed([(re.findall(r"def (\w+)", t)[0], t) for t in texts]):
            if re.search(rf"\b{name}\b", main):
                main = f"{text}\n\n{main}"
        return f"{imports(main)}\n\n{main}"

    def main(self, size: int) -> str:
        s = self.open_main(size, {name: name for name in "xymab"})
        self.block(s, size, least=min(3, size))
        body = "\n".join(self.lines)
        return f"def f(x, y, m, a, b, n, k):\n{body}\n    return {self.total(s)}\n"

    def open_main(self, size: int, names: dict[str, str]) -> Scope:
        """The scope of the main function, which has the arguments by these names."""
        n = self.style.length
        self.begin(size)
        arrays = {names["x"]: (n,), names["y"]: (n,), names["m"]: (self.style.rows, n)}
        s = Scope([names["a"], names["b"]], {"n": (0, n)}, [], arrays, [], {"k": n})
        s.owned = {name for leaf in ("x", "y", "a", "b") if (name := names[leaf]) == leaf}
        return s

    def total(self, s: Scope) -> str:
        """A float to which all contributes that has a name at the end."""
        n = self.style.length
        vectors = s.of_length(n)
        weights = np.linspace(0.7, 1.3, len(vectors)).round(2)
        total = [*s.floats[-4:]]
        if n:
            total += [f"{w} * {v}[{self.index(s, n, 0)}]" for w, v in zip(weights, vectors, strict=True)]
        if not self.style.exact:
            total += [f"np.dot({v}, {v})" for v in vectors[:3]] + [f"np.sum({m})" for m in [*s.matrices()][:2]]
        total += [f"np.sum({v} * {v})" for v in s.vectors[:2] if not self.style.exact]
        return " + ".join(total)

    def structured(self, size: int) -> str:
        """`g`, what makes its arguments, what makes a number of its results, and `f`."""
        entry = self.entry()
        self.result = "one" if self.style.exact else self.pick([*self.RESULTS])
        s = self.open_main(size, entry.names)
        s.returns = "results"
        if (name := entry.names["x"]) != "x" and self.chance(0.4):
            self.write(s, f"x = {name}")
            s.arrays[s.bind("x")] = (self.style.length,)
        self.block(s, size, least=min(3, size))
        body = "\n".join(self.lines)
        ending = self.results(s)
        return "\n".join((
            f"def g({', '.join(entry.parameters)}, n, k):", body, f"    return {ending}", "", "",
            "def pack(x, y, m, a, b, n, k):", f"    return {', '.join(entry.passed)}, n, k", "", "",
            "def total(r):", f"    return 1.0 * ({self.RESULTS[self.result][1]})", "", "",
            "def f(x, y, m, a, b, n, k):", "    return total(g(*pack(x, y, m, a, b, n, k)))", "",
        ))  # fmt: skip

    def helper(self, kind: str) -> str:
        """The text of a function of that kind; from then on it can be called."""
        names = vars(self.helpers)[kind]
        name = f"{kind}{len(names)}"
        text = made(name) if (made := getattr(self, f"make_{kind}", None)) else self.plain(kind, name)
        names.append(name)
        return str(text)

    def plain(self, kind: str, name: str) -> str:
        """A function that does not call itself."""
        n = self.style.length
        arrays = {} if kind == "scalar" else {"w": (n,)}
        s = Scope(["u", "v"] if kind == "scalar" else ["u"], arrays=arrays, owned={"u", "v", "w"})
        s.ints = {"n": (0, n)}
        s.returns = {"fresh": "vector", "pair": "pair", "record": "record"}.get(kind, "float")
        self.begin(self.rng.randint(1, 4))
        self.write(s, f"n = {self.length(s)}")
        self.block(s, 3, least=int(kind == "writing"))
        ending = f"return {self.returned(s)}"
        parameters = "u, v" if kind == "scalar" else "w, u"
        return f"def {name}({parameters}):\n" + "\n".join([*self.lines, s.indent + ending]) + "\n"

    def make_derived(self, name: str) -> str:
        """A function by a derivative of another, which may be one itself."""
        s = Scope(["u", "v"], {"n": (0, self.style.length)}, owned={"u", "v"})
        f = self.pick([*self.helpers.scalar, *self.helpers.derived])
        value = self.derivative(f, self.pick(("1.0 * u", self.real(s))), self.pick(("1.0 * v", self.real(s))))
        self.begin(self.rng.randint(1, 2))
        self.write(s, f"n = {self.style.length}")
        self.block(s, 1, least=0)
        body = "\n".join(self.lines)
        return f"def {name}(u, v):\n{body}\n    return {self.real(s)} + {self.pick(('', 'u * '))}{value}\n"


def imports(text: str) -> str:
    """What the module needs, and its classes."""
    classes = [source for name, source in CLASSES.items() if re.search(rf"\b{name}\b", text)]
    above = {
        "import math": True, "from dataclasses import dataclass": "Record" in text,
        "from typing import Any, NamedTuple": bool(classes), "\nimport numpy as np": True,
        "from fuzz.whole import fits": "fits(" in text, "\nimport llad\n": True,
    }  # fmt: skip
    return "\n".join([*(line for line, needed in above.items() if needed), *classes])
