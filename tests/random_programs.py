"""Random Python programs: loops, branches, exits, arrays, aliases, calls.

A program is text, so that a failure can be read, pasted and kept. What it computes is well defined: indices are in
range, loops end, and every value assigned is bounded, so that nothing overflows. Derivatives may still jump where a
branch lies near; differences then do not converge, and only the two modes are compared.

`programs()` lets Hypothesis choose, which shrinks a failure; `seeded(k)` is more varied for the same time.
"""

from __future__ import annotations

import itertools
import linecache
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

LENGTH = 4
HELPERS = """\
def g(u, v):
    if u > v:
        return u * 0.5
    for k in range(3):
        u = math.sin(u) + v * 0.3
        if u > 0.9:
            return u - v
    return u * v


def h(w, u):
    for k in range(len(w) - 1):
        w[k + 1] = math.tanh(w[k] + u)
    return w[0]


"""


@dataclass
class Block:
    """What may be mentioned here. `indices`: names of ints and the highest value each may take."""

    floats: list[str]
    arrays: dict[str, int]
    indices: dict[str, int]
    indent: str = "    "
    in_loop: bool = False
    depth: int = 0

    def inner(self, **changes: Any) -> Block:
        copy = replace(self, floats=[*self.floats], arrays={**self.arrays}, indices={**self.indices})
        return replace(copy, indent=self.indent + "    ", depth=self.depth + 1, **changes)


class Writer:
    """Writes one program; `choose` picks one of several things."""

    def __init__(self, choose: Callable[[Sequence[Any]], Any]) -> None:
        self.choose = choose
        self.lines: list[str] = []
        self.fresh = itertools.count()
        self.budget = 18

    def pick(self, *options: Any) -> Any:
        return self.choose(options)

    # -- expressions

    def index(self, block: Block, length: int) -> str:
        names = [name for name, top in block.indices.items() if top < length]
        options = [str(k) for k in range(length)] + ["-1"] + names * 3
        options += [f"({name} + 1) % {length}" for name in block.indices]
        if length == LENGTH:
            options += [f"index[{name}]" for name in names]
        return self.pick(*options)

    def element(self, block: Block) -> str:
        name = self.pick(*block.arrays)
        return f"{name}[{self.index(block, block.arrays[name])}]"

    def expression(self, block: Block, depth: int = 2) -> str:
        if depth == 0 or self.pick(True, False, False):
            leaf = self.pick("float", "float", "element", "element", "literal", "int")
            if leaf == "float":
                return self.pick(*block.floats)
            if leaf == "element":
                return self.element(block)
            return self.pick("0.5", "1.5", "-0.7", "2.0") if leaf == "literal" else self.pick(*block.indices, "n")
        a, b = self.expression(block, depth - 1), self.expression(block, depth - 1)
        forms = (
            f"{a} + {b}", f"{a} - {b}", f"({a}) * ({b})", f"({a}) / (1.5 + ({b}) ** 2)", f"-({a})", f"math.sin({a})",
            f"math.exp(-({a}) ** 2)", f"math.sqrt(1.0 + ({a}) ** 2)", f"abs({a})", f"max({a}, {b})",
            f"min({a}, {b})", f"({a} if {self.condition(block, depth - 1)} else {b})", f"g({a}, {b})",
            f"({a}) ** 2", f"np.dot({self.vector(block)}, {self.vector(block)})", f"np.sum({self.vector(block)})",
        )  # fmt: skip
        return self.pick(*forms)

    def bounded(self, block: Block) -> str:
        e = self.expression(block)
        return self.pick(f"math.sin({e})", f"math.tanh({e})", f"math.cos({e})", f"({e}) / (1.0 + ({e}) ** 2)")

    def condition(self, block: Block, depth: int = 1) -> str:
        a, b = self.expression(block, depth), self.expression(block, depth)
        c = self.expression(block, 0)
        tests = [f"{a} < {b}", f"{a} > 0.1", f"{a} < {b} < {c}", f"{a} < 0.3 or {b} > {c}", f"not {a} > {b}"]
        tests += [f"{name} % 2 == 0" for name in block.indices] + [f"{name} == n" for name in block.indices]
        return self.pick(*tests)

    def vector(self, block: Block) -> str:
        return self.pick(*[name for name, length in block.arrays.items() if length == LENGTH])

    # -- statements

    def write(self, block: Block, text: str) -> None:
        self.lines.append(block.indent + text)

    def body(self, block: Block, most: int, least: int = 1) -> None:
        for _ in range(self.pick(*range(least, most + 1))):
            if self.budget <= 0:
                break
            self.budget -= 1
            self.statement(block)
        self.write(block, self.pick("pass", f"{self.pick(*block.floats)} += 0.1"))

    def statement(self, block: Block) -> None:
        simple = ["assign", "assign", "update", "update", "store", "store", "store_update", "new", "swap", "vector"]
        simple += ["view", "alias", "scratch", "helper"]
        nested = ["if", "if", "for", "for", "while"] if block.depth < 3 else []
        leave = ["exit"] if block.depth else []
        getattr(self, "write_" + self.pick(*simple, *nested, *leave))(block)

    def write_assign(self, block: Block) -> None:
        self.write(block, f"{self.pick(*block.floats)} = {self.bounded(block)}")

    def write_update(self, block: Block) -> None:
        self.write(block, f"{self.pick(*block.floats)} {self.pick('+=', '-=', '*=')} {self.bounded(block)}")

    def write_store(self, block: Block) -> None:
        self.write(block, f"{self.element(block)} = {self.bounded(block)}")

    def write_store_update(self, block: Block) -> None:
        self.write(block, f"{self.element(block)} {self.pick('+=', '-=', '*=')} {self.bounded(block)}")

    def write_new(self, block: Block) -> None:
        name = f"t{next(self.fresh)}"
        self.write(block, f"{name} = {self.pick(self.bounded(block), '0', '0.0')}")
        block.floats.append(name)

    def write_swap(self, block: Block) -> None:
        if self.pick(True, False):
            a, b = self.pick(*block.floats), self.pick(*block.floats)
        else:
            a, b = self.vector(block), self.vector(block)
        self.write(block, f"{a}, {b} = {b}, {a}")

    def write_vector(self, block: Block) -> None:
        a, b, c = self.vector(block), self.vector(block), self.vector(block)
        e = self.bounded(block)
        self.write(block, self.pick(
            f"{a} = np.sin({b}) * {c}", f"{a} = np.tanh({b} + {e})", f"{a} *= {e}", f"{a} += np.sin({b})",
            f"{a} = {b}.copy()", f"{a} = np.cos({b}) - 0.5 * np.sin({a})", f"{a}[1:] = np.sin({b}[:-1])",
            f"{a}[:] = np.tanh({b})", f"{a}[{self.index(block, LENGTH)}:] *= {e}",
        ))  # fmt: skip

    def write_view(self, block: Block) -> None:
        name, a = f"v{next(self.fresh)}", self.vector(block)
        text, length = self.pick(("[1:]", 3), ("[::2]", 2), ("[::-1]", 4), ("[:3]", 3), ("[2:0:-1]", 2))
        self.write(block, f"{name} = {a}{text}")
        block.arrays[name] = length

    def write_alias(self, block: Block) -> None:
        self.write(block, f"{self.vector(block)} = {self.vector(block)}")

    def write_scratch(self, block: Block) -> None:
        name = f"w{next(self.fresh)}"
        self.write(block, f"{name} = {self.pick('np.zeros(4)', 'x.copy()', 'np.sin(y)', 'np.ones(4)')}")
        block.arrays[name] = LENGTH

    def write_helper(self, block: Block) -> None:
        self.write(block, f"{self.pick(*block.floats)} = h({self.pick(*block.arrays)}, {self.bounded(block)})")

    def write_if(self, block: Block) -> None:
        self.write(block, f"if {self.condition(block)}:")
        self.body(block.inner(), 3)
        if self.pick(True, False):
            self.write(block, "else:")
            self.body(block.inner(), 2)

    def write_for(self, block: Block) -> None:
        name = f"i{next(self.fresh)}"
        bounds = self.pick("n", "4", "1, 4", "3, -1, -1", "n, 4", "0, 4, 2", "len(x)")
        self.write(block, f"for {name} in range({bounds}):")
        inner = block.inner(in_loop=True)
        inner.indices[name] = LENGTH - 1
        self.body(inner, 4)

    def write_while(self, block: Block) -> None:
        name = f"k{next(self.fresh)}"
        self.write(block, f"{name} = 0")
        self.write(block, f"while {name} < 4 and ({self.condition(block)}):")
        inner = block.inner(in_loop=True)
        self.lines.append(inner.indent + f"{name} += 1")
        inner.indices[f"({name} - 1)"] = LENGTH - 1
        self.body(inner, 4)

    def write_exit(self, block: Block) -> None:
        ways = ["return"] + (["break", "continue"] * 2 if block.in_loop else [])
        way = self.pick(*ways)
        self.write(block, f"if {self.condition(block)}:")
        self.write(block, f"    {way}" + (f" {self.expression(block)}" if way == "return" else ""))


def write(choose: Callable[[Sequence[Any]], Any]) -> str:
    """The text of a function `f(x, y, a, b, n, index)`, and of the functions it calls."""
    writer = Writer(choose)
    block = Block(["a", "b"], {"x": LENGTH, "y": LENGTH}, {"n": LENGTH})
    writer.body(block, 8, least=4)
    total = " + ".join(block.floats[-3:])
    vectors = " + ".join(f"np.dot({v}, {v})" for v, length in block.arrays.items() if length == LENGTH)
    body = "\n".join(writer.lines)
    main = f"def f(x, y, a, b, n, index):\n{body}\n    return {total} + {vectors}\n"
    return f"import math\nimport numpy as np\n\n\n{HELPERS}{main}"


@st.composite
def programs(draw: Callable[..., Any]) -> str:
    """A program that Hypothesis chooses."""
    return write(lambda options: draw(st.sampled_from(options)))


def seeded(seed: int) -> str:
    """Program number `seed`."""
    return write(random.Random(seed).choice)


COUNT = itertools.count()


def compiled(source: str) -> Callable[..., Any]:
    """The function `f` of a program; its text is where `inspect` finds it."""
    name = f"<random program {next(COUNT)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"__name__": "random_program"}
    exec(compile(source, name, "exec"), namespace)
    function: Callable[..., Any] = namespace["f"]
    return function


def arguments(seed: int) -> tuple[Any, ...]:
    """Arguments for a program."""
    r = np.random.default_rng(seed)
    x, y = r.uniform(-1.5, 1.5, (2, LENGTH))
    a, b = map(float, r.uniform(-1.5, 1.5, 2))
    return x, y, a, b, int(r.integers(0, LENGTH + 1)), r.integers(0, LENGTH, LENGTH)


def finite(value: Any) -> bool:
    return math.isfinite(float(value))
