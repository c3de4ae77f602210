"""A random program: a function `f(x, y, m, a, b, n, k)`, and functions that it calls.

What a program computes is well defined: indices are in range unless the program is meant to raise, loops end soon,
and what is assigned is bounded, so that nothing overflows. It may still have kinks and jumps.
"""

from __future__ import annotations

import random
import re
from typing import Any

import numpy as np

from .expressions import Helpers, Style
from .scope import Scope
from .statements import Statements
from .subject import Subject

IMPORTS = "import math\n\nimport numpy as np\n\nimport llad\n"


def program(seed: int, size: int = 10) -> Subject:
    """Program number `seed`, of about `size` statements."""
    rng = random.Random(seed)
    style = Style(
        length=rng.choice((1, 2, 3, 3, 4)),
        rows=rng.choice((1, 2, 3)),
        exact=rng.random() < 0.25,
        raises=rng.random() < 0.12,
        nested=rng.random() < 0.12,
    )
    writer = Writer(rng, style, Helpers())
    source = writer.module(rng.randint(2, size))
    return Subject(source, arguments(rng, style), exact=style.exact)


def arguments(rng: random.Random, style: Style) -> tuple[Any, ...]:
    r = np.random.default_rng(rng.randrange(2**32))
    n, rows = style.length, style.rows
    x, y = r.uniform(-1.5, 1.5, (2, n)).round(3)
    a, b = map(float, r.uniform(-1.5, 1.5, 2).round(3))
    return x.copy(), y.copy(), r.uniform(-1.5, 1.5, (rows, n)).round(3), a, b, rng.randrange(n + 1), r.integers(0, n, n)


class Writer(Statements):
    """Writes one module."""

    def module(self, size: int) -> str:
        texts = [
            self.helper(kind) for kind in self.rng.sample(sorted(vars(self.helpers)), self.rng.choice((0, 0, 1, 2, 3)))
        ]
        main = self.main(size)
        # helpers that are not called, not even by one that is, are left out
        for name, text in reversed([(re.findall(r"def (\w+)", t)[0], t) for t in texts]):
            if re.search(rf"\b{name}\b", main):
                main = f"{text}\n\n{main}"
        return f"{IMPORTS}\n\n{main}"

    def main(self, size: int) -> str:
        n = self.style.length
        self.begin(size)
        s = Scope(["a", "b"], {"n": (0, n)}, [], {"x": (n,), "y": (n,), "m": (self.style.rows, n)}, [], {"k": n})
        s.owned = {"x", "y", "a", "b"}
        self.block(s, size, least=min(3, size))
        vectors = s.of_length(n)
        weights = np.linspace(0.7, 1.3, len(vectors)).round(2)
        total = [*s.floats[-4:], *(f"{w} * {v}[{self.index(s, n, 0)}]" for w, v in zip(weights, vectors, strict=True))]
        if not self.style.exact:
            total += [f"np.dot({v}, {v})" for v in vectors[:3]] + [f"np.sum({m})" for m in [*s.matrices()][:2]]
        total += [f"np.sum({v} * {v})" for v in s.vectors[:2] if not self.style.exact]
        body = "\n".join(self.lines)
        return f"def f(x, y, m, a, b, n, k):\n{body}\n    return {' + '.join(total)}\n"

    def helper(self, kind: str) -> str:
        n, name = self.style.length, f"{kind[0]}{len(vars(self.helpers)[kind])}"
        arrays = {} if kind == "scalar" else {"w": (n,)}
        parameters = {"scalar": "u, v", "recursive": "w, u, d"}.get(kind, "w, u")
        s = Scope(["u", "v"] if kind == "scalar" else ["u"], arrays=arrays, owned={"u", "v", "w"})
        s.ints = {"n": (0, n)} | ({"d": (0, 3)} if kind == "recursive" else {})
        s.returns = kind not in ("fresh", "pair")  # which return something else than a float
        self.begin(self.rng.randint(1, 4))
        self.write(s, f"n = {self.length(s)}")
        if kind == "recursive":
            self.write(s, "if d <= 0:")
            self.write(s, f"    return 1.0 * {self.bounded(s)}")
        self.block(s, 3, least=int(kind == "writing"))
        text = f"def {name}({parameters}):\n"
        match kind:
            case "fresh":
                ending = f"return {self.fresh(s, n)}"
            case "pair":
                ending = f"return {self.bounded(s)}, {self.fresh(s, n)}"
            case "recursive":
                deeper = f"{name}(w, {self.bounded(s, 1)}, d - 1)"
                ending = "return " + self.pick((
                    f"0.5 * {deeper} + {self.bounded(s)}", f"{deeper} * {self.bounded(s)} - 0.3 * {deeper}",
                    f"{deeper} if {self.condition(s)} else 1.0 * {self.bounded(s)}",
                ))  # fmt: skip
            case _:
                ending = f"return 1.0 * {self.bounded(s)}"
        vars(self.helpers)[kind].append(name)
        return text + "\n".join([*self.lines, s.indent + ending]) + "\n"
