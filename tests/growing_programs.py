"""Random programs with lists that grow: of numbers, of arrays that are handed on, written, viewed, and of rows.

Many of those with arrays are refused, since Python's list refers to what is written later. None may give another
number.
"""

from __future__ import annotations

import linecache
import random
from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

_numbers = count()


def compiled(text: str) -> Callable[..., Any]:
    """The function `f` of the text, whose source can be found."""
    name = f"<growing {next(_numbers)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    namespace: dict[str, Any] = {"np": np}
    exec(compile(text, name, "exec"), namespace)
    function: Callable[..., Any] = namespace["f"]
    return function


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines: list[str] = []

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def pick(self, *choices: str) -> str:
        return self.rng.choice(choices)

    def text(self, head: str, end: str) -> str:
        return "\n".join([head, *self.lines, f"    return {end}", ""])


class _Numbers(_Writer):
    """Lists of floats."""

    def number(self, inside: bool) -> str:
        own = ["v * s", "np.sin(v + s)", "s"] if inside else ["x", "a[0] * x"]
        last = [f"{self.pick('xs', 'ys')}[-1] * 0.5"]
        return self.pick(*own, *last, "xs[0] + 0.3", "1.5", "sum(ys) * 0.1", "xs[len(xs) // 2]")

    def statement(self, depth: int, inside: bool, level: int) -> None:
        name = self.pick("xs", "ys")
        kind = self.rng.randrange(15 if level < 3 else 5)
        if kind < 4:
            self.line(depth, f"{name}.append({self.number(inside)})")
        elif kind == 4:
            self.line(depth, f"{name} += [{self.number(inside)}, {self.number(inside)}]")
        elif kind < 7:
            self.line(depth, f"if {self.pick('s', 'xs[-1]', 'ys[0]')} {self.pick('<', '>')} {self.pick('0.1', 'x')}:")
            self.block(depth + 1, inside, level + 1)
            if self.rng.random() < 0.5:
                self.line(depth, "else:")
                self.block(depth + 1, inside, level + 1)
        elif kind == 14:
            self.line(depth, f"q{level} = {self.pick('abs(s)', '2.0', 'x', 'abs(xs[-1])')}")
            self.line(depth, f"while {self.pick(f'q{level} > 0.3', f'len({name}) < 9 and q{level} > 0.2')}:")
            self.line(depth + 1, f"q{level} *= 0.6")
            self.block(depth + 1, inside, level + 1)
            if self.rng.random() < 0.3:
                self.line(depth + 1, f"if len({name}) > {self.rng.randrange(2, 9)}:")
                self.line(depth + 2, self.pick("break", "continue"))
        elif kind < 10:
            head = self.pick("for v in a:", "for v in a[1:]:", "for k, v in enumerate(a):", "for v in np.sin(a):")
            head = self.pick(head, "for v in [0.5, x]:", "for v in range(n):", "for v in range(n, 0, -2):")
            self.line(depth, head)
            self.block(depth + 1, True, level + 1)
            if self.rng.random() < 0.3:
                self.line(depth + 1, f"if len({name}) > {self.rng.randrange(2, 9)}:")
                self.line(depth + 2, self.pick("break", "continue"))
                self.statement(depth + 1, True, 3)
        elif kind == 10:
            self.line(depth, f"{name}.extend([w * 0.5 for w in a])")
        elif kind == 11:
            self.line(depth, f"s = np.tanh(s + {self.number(inside)})")
        elif kind == 12:
            self.line(depth, f"s += 0.01 * len({name}) * {name}[-1]")
        elif self.rng.random() < 0.3:
            self.line(depth, "zs = xs")
            self.line(depth, self.pick("s += 0.1 * len(zs)", "s += 0.1 * sum(zs)"))
        else:
            self.line(depth, f"s = s + 0.1 * {name}[-1]")

    def block(self, depth: int, inside: bool, level: int) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.statement(depth, inside, level)


def of_numbers(seed: int) -> str:
    return _of_numbers(_Numbers(seed))


def of_changing(seed: int) -> str:
    return _of_numbers(_Changing(seed))


def of_moving(seed: int) -> str:
    return _of_numbers(_Moving(seed))


def of_ordering(seed: int) -> str:
    return _of_numbers(_Ordering(seed))


def of_meeting(seed: int) -> str:
    return _of_numbers(_Meeting(seed))


def _of_numbers(w: _Numbers) -> str:
    w.line(1, "s = 0.1 * x")
    w.line(1, f"xs = [{w.pick('x', '0', 'x, a[0]')}]")
    w.line(1, f"ys = [{w.pick('x', '0.25', 'x, 1')}]")
    w.block(1, False, 0)
    w.block(1, False, 0)
    if isinstance(w, _Meeting):
        w.lines = ["    h = [x]", *("    " + line for line in _FIRST.splitlines()), *w.lines]
    end = w.pick("float(np.sum(np.cos(np.array(xs))) + s)", "float(sum(xs) * ys[-1])", "float(xs[-1] + 0.1 * sum(ys))")
    return w.text("def f(x, a, n):", end + " + len(xs) - 2 * len(ys)")


class _Changing(_Numbers):
    """Lists of floats that are also written, shortened and begun anew, and copies that must stay as they are."""

    def statement(self, depth: int, inside: bool, level: int) -> None:
        name = self.pick("xs", "ys")
        match self.rng.randrange(12):
            case 0 | 1:
                self.line(depth, f"{name}[{self.pick('-1', '0', f'len({name}) // 2')}] = {self.number(inside)}")
            case 2:
                self.line(depth, f"{name}[-1] {self.pick('*=', '+=')} {self.pick('0.5', 's', 'x')}")
            case 3 | 4:
                self.line(depth, f"if len({name}) > {self.pick('1', '2', '3')}:")
                self.line(depth + 1, f"s = np.tanh(s + {name}.pop())")
            case 5:
                self.line(depth, f"{name} = [{self.number(inside)}, {self.pick('x', f'{name}[-1]', 'sum(ys)')}]")
            case 6:
                self.line(depth, self.pick(f"h = {name}[:]", f"h = np.array({name})", f"h = list({name})"))
                self.line(depth, f"{name}[-1] = {self.number(inside)}")
                self.line(depth, f"s += 0.1 * h[-1] * {name}[-1] + 0.01 * sum(h)")
            case 7:
                self.line(depth, f"{name}[0], {name}[-1] = {name}[-1], {name}[0]")
            case _:
                super().statement(depth, inside, level)


class _Moving(_Changing):
    """Lists of floats into which items are put, and of which they are taken out, anywhere."""

    def statement(self, depth: int, inside: bool, level: int) -> None:
        name = self.pick("xs", "ys")
        place = self.pick("0", "1", "-1", "-2", f"len({name}) // 2", "n - 2")
        match self.rng.randrange(10):
            case 0 | 1:
                self.line(depth, f"{name}.insert({place}, {self.number(inside)})")
            case 2 | 3:
                self.line(depth, f"if len({name}) > {self.pick('1', '2', '3')}:")
                self.line(depth + 1, self.pick(f"s = np.tanh(s + {name}.pop({place}))", f"del {name}[{place}]"))
            case 4:
                self.line(depth, f"h = {name}[:]")
                self.line(depth, f"{name}.insert({place}, {self.number(inside)})")
                self.line(depth, "s += 0.1 * h[-1] + 0.01 * sum(h)")
            case _:
                super().statement(depth, inside, level)


class _Ordering(_Moving):
    """Lists of floats that are also put in order, searched and emptied."""

    def statement(self, depth: int, inside: bool, level: int) -> None:
        name = self.pick("xs", "ys")
        match self.rng.randrange(10):
            case 0 | 1:
                self.line(depth, f"{name}.{self.pick('sort()', 'sort(reverse=True)', 'reverse()', 'sort(key=np.cos)')}")
            case 2:
                self.line(depth, f"if len({name}) > {self.pick('1', '2')}:")
                self.line(depth + 1, f"{name}.remove({name}[{self.pick('0', '-1', f'len({name}) // 2')}])")
            case 3:
                self.line(depth, f"s += 0.1 * {name}.{self.pick('index', 'count')}({name}[-1])")
            case 4:
                self.line(depth, f"if len({name}) > 3:")
                self.line(depth + 1, f"{name}.clear()")
                self.line(depth + 1, f"{name} += [x, {self.number(inside)}]")
            case _:
                super().statement(depth, inside, level)


class _Meeting(_Changing):
    """Lists that are one list or another one, by a condition, and lists that are made anew of what they were."""

    def statement(self, depth: int, inside: bool, level: int) -> None:
        name, other = self.pick("xs", "ys"), self.pick("xs", "ys")
        less = self.pick(f"{name}[:-1]", f"{name}[1:]", f"[v * x for v in {name}]", f"{name} + [x]", "[x] * (n - 1)")
        test = f"{self.pick('s', f'{name}[-1]', 'a[0]')} > {self.pick('0.1', 'x')}"
        match self.rng.randrange(11):
            case 0:
                self.line(depth, f"if {test}:")
                self.line(depth + 1, f"{name} = {less}")
            case 1 | 2:
                self.line(depth, f"h = {self.pick(less, other)} if {test} else {self.pick(f'{name}[:]', other, '[]')}")
                self.line(depth, "s += 0.1 * len(h) + 0.01 * sum(h)")
            case 3:
                self.line(depth, f"if {test}:")
                self.line(depth + 1, f"h = {self.pick(less, other)}")
                self.line(depth, "s += 0.1 * len(h) + 0.01 * sum(h)")
            case 4:
                self.line(depth, f"{name} = {less}")
            case 5:
                self.line(depth, f"{name} = first({name}, {self.pick('s', 'x')})")
            case _:
                super().statement(depth, inside, level)


_FIRST = """def first(values, most):
    out = []
    for v in values:
        if v > most:
            return out
        out.append(v)
    return out
"""


class _Arrays(_Writer):
    """Lists of arrays of three elements."""

    def statement(self, depth: int, level: int) -> None:
        u, w = self.rng.sample(("u", "w"), 2)
        made = self.pick(f"{u} + 0.5 * {w}", f"np.sin({w})", f"{w}.copy()", "np.full(3, x)", f"x * {u} - 0.1")
        texts = [
            f"{u} = {made}", f"{u} = {made}", f"{u} = {w}", "u, w = w, u", f"{u} += 0.1 * {w}", f"{u}[1] = x * {w}[0]",
            f"{u}[:] = 0.5 * {w}", f"xs.append({u})", f"xs.append({u})", f"xs.append({made})", f"xs.append({u}[:])",
            f"{u} = xs[-1]", f"{u} = xs[0] + {w}", f"{u} = {w}[::-1]", f"{u} = m[1]", f"m[1] = {u} * 0.5",
            f"xs.append({w}.copy())", f"m[{self.rng.randrange(3)}, 0] += 0.1", "xs += [u.copy(), w * 2.0]",
            "xs.append(m[0])",
        ]  # fmt: skip
        kind = self.rng.randrange(len(texts) + (5 if level < 2 else 0))
        if kind < len(texts):
            self.line(depth, texts[kind])
        elif kind < len(texts) + 2:
            self.line(depth, f"if {u}[0] > {self.pick('0.3', 'x')}:")
            self.block(depth + 1, level + 1)
        else:
            self.line(depth, self.pick("for k in range(n):", "for k in range(2):", "for r in m:"))
            self.block(depth + 1, level + 1)

    def block(self, depth: int, level: int) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.statement(depth, level)


def of_arrays(seed: int) -> str:
    w = _Arrays(seed)
    w.line(1, w.pick("u = np.array([x, 0.2, 0.3])", "u = m[2]", "u = np.cos(m[0])"))
    w.line(1, w.pick("w = np.zeros(3)", "w = u", "w = u * 2.0", "w = m[1]"))
    w.line(1, w.pick("xs = [u]", "xs = [u.copy()]", "xs = [np.ones(3), w]"))
    w.line(1, w.pick("for k in range(n):", "for r in m:"))
    w.block(2, 1)
    w.block(2, 0)
    for _ in range(w.rng.randrange(3)):
        w.statement(1, 0)
    return w.text("def f(x, m, n):", "float(np.sum(np.sin(np.array(xs))) + xs[-1] @ xs[0] + 0.1 * len(xs) + u[0])")


class _Structures(_Writer):
    """Lists of tuples of an integer, a float and an array."""

    def item(self) -> str:
        array = self.pick("u", "w", "u + w", "np.sin(w)", "s * u", "xs[-1][2]", "xs[0][2] * 0.5", "w.copy()")
        return f"({self.pick('k', 'len(xs)', 'xs[-1][0]', '2')}, {self.pick('s', 'x', 'xs[-1][1]', '0.5')}, {array})"

    def statement(self, depth: int, level: int) -> None:
        kind = self.rng.randrange(16 if level < 3 else 9)
        if kind < 4:
            self.line(depth, f"xs.append({self.item()})")
        elif kind < 6:
            self.line(depth, self.pick("s = s + 0.1 * xs[-1][1] * xs[0][2][1]", "s = np.sin(s * xs[len(xs) // 2][1])"))
        elif kind == 6:
            self.line(depth, self.pick("k, s, u = xs[-1]", "u = u + 0.1 * w", "w[1] = s", "_, _, w = xs[0]", "u = w"))
        elif kind == 7:
            self.line(depth, f"xs[{self.pick('-1', '0', 'len(xs) // 2')}] = {self.item()}")
        elif kind == 8:
            self.line(depth, "if len(xs) > 2:")
            self.line(depth + 1, self.pick("k, v, w = xs.pop()", "s = np.tanh(s + 0.1 * xs.pop()[1])"))
        elif kind == 9:
            self.line(depth, self.pick("for p, q, r in xs:", "for p, (q, r) in enumerate([(y, z) for _, y, z in xs]):"))
            self.line(depth + 1, "s += 0.01 * p * q * r[0]")
        elif kind == 10:
            self.line(depth, "p, q, r = zip(*xs)")
            self.line(depth, "s += 0.01 * sum(q) * p[-1] + np.sum(np.stack(r))")
        elif kind == 11:
            self.line(depth, f"xs = [{self.item()}]")
        elif kind < 14:
            self.line(depth, self.pick("for k in range(n):", "for u in m:", "for k in range(40):"))
            self.block(depth + 1, level + 1)
        else:
            self.line(depth, self.pick("if s > 0.1:", "if xs[-1][1] > x + 0.03:", "if xs[0][0] > len(xs):"))
            self.block(depth + 1, level + 1)

    def block(self, depth: int, level: int) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.statement(depth, level)


def of_structures(seed: int) -> str:
    w = _Structures(seed)
    w.line(1, "s, k = 0.3 * x, 1")
    w.line(1, w.pick("u = np.array([x, 0.2, 0.3])", "u = m[2]", "u = np.cos(m[0])"))
    w.line(1, w.pick("w = np.ones(3)", "w = u * 2.0", "w = m[1] + 0.0"))
    w.line(1, f"xs = [{w.pick('(1, x, u)', '(k, s, w + u)', '(0, 1.5, m[0])')}]")
    w.block(1, 0)
    w.block(1, 0)
    w.block(1, 0)
    return w.text("def f(x, m, n):", "s + sum([i * v * np.sum(z) for i, v, z in xs]) + len(xs)")


class _Rows(_Writer):
    """Lists of lists."""

    def statement(self, depth: int, level: int) -> None:
        kind = self.rng.randrange(9)
        if kind < 3:
            self.line(depth, f"{self.pick('row', 'other')}.append({self.pick('v', 'x', 'row[-1] * 0.5', '1.0')})")
        elif kind < 5:
            self.line(depth, f"rows.append({self.pick('row', 'row', 'other', 'row[:]', '[v, x]', '[v, x]', '(v, x)')})")
        elif kind == 5:
            self.line(depth, self.pick("row = [x]", "row = [x, v]", "other = row", "row = rows[-1]", "row[0] = 2.0"))
        elif level < 2:
            self.line(depth, self.pick("for v in a:", "for v in a:", "for v in (0.5, x):", "if v > 0.2:"))
            for _ in range(self.rng.randrange(1, 3)):
                self.statement(depth + 1, level + 1)
        else:
            self.line(depth, "row.append(v * x)")


def of_rows(seed: int) -> str:
    w = _Rows(seed)
    w.line(1, "v = x")
    w.line(1, w.pick("row = [x]", "row = [x, 2.0]"))
    w.line(1, "other = [0.5]")
    w.line(1, w.pick("rows = []", "rows = [row]", "rows = [[x, 1.0]]"))
    for _ in range(3):
        w.line(1, "for k in range(n):")
        w.line(2, "v = a[k]")
        if w.rng.random() < 0.7:
            w.line(2, "row = [v]")
            if w.rng.random() < 0.5:
                w.line(2, w.pick("row.append(x)", "for v in a[:1]:"))
                if w.lines[-1].endswith(":"):
                    w.line(3, "row.append(v)")
        for _ in range(w.rng.randrange(1, 4)):
            w.statement(2, 0)
        if w.rng.random() < 0.6:
            break
        if w.rng.random() < 0.3:
            w.statement(1, 0)
    total = "sum([sum([q * q * (i + 1) for q in r]) for i, r in enumerate(rows)])"
    return w.text("def f(x, a, n):", f"float({total} + sum({w.pick('row', 'other', '[x]')})) + len(rows)")
