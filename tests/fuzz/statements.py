"""Random statements, and functions made of them."""

from __future__ import annotations

import itertools

from .expressions import Expressions
from .scope import MANY, Scope

PLAIN = {
    "assign": 3, "update": 4, "store": 3, "store_update": 4, "new": 2, "integer": 3, "flag": 1, "swap": 2, "vector": 4,
    "slice": 3, "view": 2, "rebind": 3, "alias": 2, "scratch": 2, "matrix": 2, "scatter": 2, "permute": 1,
    "closure": 1, "call": 2, "chosen": 1, "accumulate": 1,
}  # fmt: skip
NESTED = {"if": 6, "for": 7, "each": 3, "while": 3, "forever": 1, "both": 1}


class Statements(Expressions):
    """Appends statements to `lines`; `budget` bounds how many there will be."""

    lines: list[str]
    budget: int
    fresh_names: itertools.count[int]

    def begin(self, budget: int) -> None:
        self.lines, self.budget, self.fresh_names = [], budget, itertools.count()

    def name(self, stem: str) -> str:
        return f"{stem}{next(self.fresh_names)}"

    def write(self, s: Scope, text: str) -> None:
        self.lines.append(s.indent + text)

    def block(self, s: Scope, most: int, least: int = 1) -> None:
        """Statements in an open block; never none."""
        before = len(self.lines)
        for _ in range(self.rng.randint(least, most)):
            if self.budget <= 0:
                break
            self.budget -= 1
            self.statement(s)
        if len(self.lines) == before:
            self.write(s, self.pick(("pass", f"{self.pick(s.mine(s.floats) or ['_'])} = {self.bounded(s, 1)}")))
        if s.depth and (s.loop or s.returns) and self.chance(0.06):
            self.write(s, self.leaving(s))

    def statement(self, s: Scope) -> None:
        kinds = dict(PLAIN)
        if s.depth < 3:
            kinds |= NESTED
        if s.depth and (s.loop or s.returns):
            kinds["exit"] = 3
        if self.style.raises:
            kinds["demand"] = 3
        (kind,) = self.rng.choices([*kinds], [*kinds.values()])
        getattr(self, "write_" + kind)(s)

    # -- numbers

    def write_assign(self, s: Scope) -> None:
        if names := s.mine(s.floats):
            self.write(s, f"{self.pick(names)} = {self.bounded(s)}")

    def write_update(self, s: Scope) -> None:
        if names := s.mine(s.floats):
            self.write(s, f"{self.pick(names)} {self.pick(('+=', '-=', '*='))} {self.bounded(s)}")

    def write_store(self, s: Scope) -> None:
        if s.arrays:
            self.write(s, f"{self.element(s)} = {self.bounded(s)}")

    def write_store_update(self, s: Scope) -> None:
        if s.arrays:
            self.write(s, f"{self.element(s)} {self.pick(('+=', '-=', '*='))} {self.bounded(s)}")

    def write_new(self, s: Scope) -> None:
        value = self.pick((self.bounded(s), "0", "0.0", self.pick(s.floats)))
        name = self.name("t")
        self.write(s, f"{name} = {value}")
        s.floats.append(s.bind(name))

    def write_integer(self, s: Scope) -> None:
        names = s.mine(s.ints)
        if names and self.chance(0.5):
            name = self.pick(names)
            low, high = s.ints[name]
            text = f"({name} + {self.integer(s)[0]})" if self.chance(0.4) else self.integer(s)[0]
            if high >= MANY:
                self.write(s, f"{name} += 1")
            elif low == 0:
                self.write(s, f"{name} = {text} % {high + 1}")
            return
        text, name = self.integer(s)[0], self.name("j")
        if self.chance(0.3):
            self.write(s, f"{name} = 0")
            s.ints[s.bind(name)] = (0, MANY)
        else:
            self.write(s, f"{name} = {text} % {self.style.length}")
            s.ints[s.bind(name)] = (0, self.style.length - 1)

    def write_flag(self, s: Scope) -> None:
        text, names = self.condition(s), s.mine(s.bools)
        name = self.pick(names) if names and self.chance(0.5) else self.name("q")
        if s.bools and self.chance(0.3):
            text = f"{self.pick(s.bools)} {self.pick('&|^')} ({text})"
        self.write(s, f"{name} = {text}")
        if name not in s.bools:
            s.bools.append(s.bind(name))

    def write_swap(self, s: Scope) -> None:
        pairs = [s.mine(s.floats), s.mine(s.of_length(self.style.length))]
        names = self.pick([p for p in pairs if len(p) > 1] or [[]])
        if names:
            a, b = self.rng.sample(names, 2)
            self.write(s, f"{a}, {b} = {b}, {a}")

    # -- arrays

    def write_permute(self, s: Scope) -> None:
        if s.arrays:
            a, b = self.element(s), self.element(s)
            self.write(s, f"{a}, {b} = {b}, {a}")

    def write_vector(self, s: Scope) -> None:
        """An array written in place."""
        length = self.style.length
        v = self.vector(s, length)
        if v.startswith("np."):
            return
        self.write(s, self.pick((
            f"{s.place(v)} *= {self.bounded(s)}", f"{s.place(v)} += {self.fresh(s, length)}",
            f"{s.place(v)} -= 0.5 * {self.vector(s, length)}",
            f"{v}[:] = {self.fresh(s, length)}", f"{v}[:] = {self.vector(s, length)}",
            f"{v}[::-1] *= {self.bounded(s, 1)}",
            f"{v}[{self.index(s, length)}:] *= {self.bounded(s)}", f"{v}[:n] += {self.bounded(s, 1)}",
        )))  # fmt: skip

    def write_slice(self, s: Scope) -> None:
        """A part of a vector overwritten by another part, which may overlap it."""
        length = self.style.length
        v, w = self.vector(s, length), self.vector(s, length)
        if v.startswith("np.") or length < 2:
            return
        w = self.pick((v, w))
        self.write(s, self.pick((
            f"{v}[1:] = {w}[:-1]", f"{v}[:-1] = {w}[1:]", f"{v}[:] = {w}[::-1]", f"{v}[1:] += {w}[:-1]",
            f"{v}[:-1] *= np.abs({w}[1:]) / (1.0 + np.abs({w}[1:]))", f"{v}[::-1] = 0.5 * {w}", f"{v}[:n] = {w}[:n]",
            f"{v}[n:] = {w}[::-1][n:]", f"{v}[::2] -= {w}[::-1][::2]",
        )))  # fmt: skip

    def write_view(self, s: Scope) -> None:
        length, v = self.style.length, self.vector(s, self.style.length)
        options = [
            ("[::-1]", length),
            ("[::2]", (length + 1) // 2),
            ("[n:]", None),
            ("[:n]", None),
            ("[::-1][:n]", None),
        ]
        options += [("[1:]", length - 1), ("[:0:-1]", length - 1), ("[-2:][::-1]", 2)] if length > 1 else []
        text, extent = self.pick(options)
        name = self.name("v")
        self.write(s, f"{name} = {v}{text}")
        s.bind(name)
        if extent is None:
            s.vectors.append(name)
        else:
            s.arrays[name] = (extent,)

    def length(self, s: Scope) -> str:
        """The length of vectors."""
        names = s.of_length(self.style.length)
        return f"len({names[0]})" if names else str(self.style.length)

    def write_rebind(self, s: Scope) -> None:
        """A name bound to a new array of the same length."""
        if names := s.mine(s.of_length(self.style.length)):
            self.write(s, f"{self.pick(names)} = {self.fresh(s, self.style.length)}")

    def write_alias(self, s: Scope) -> None:
        if names := s.mine(s.of_length(self.style.length)):
            self.write(s, f"{self.pick(names)} = {self.vector(s, self.style.length)}")

    def write_chosen(self, s: Scope) -> None:
        length, name = self.style.length, self.name("w")
        a, b = self.vector(s, length), self.pick((self.vector(s, length), self.fresh(s, length)))
        self.write(s, f"{name} = {a} if {self.condition(s)} else {b}")
        s.arrays[s.bind(name)] = (length,)

    def write_scratch(self, s: Scope) -> None:
        length, name = self.style.length, self.name("w")
        kind = self.pick(("zeros", "ones", "fresh", "empty", "matrix"))
        if kind == "matrix":
            copies = ("m.copy()", "m * 0.5", "m.T.copy()") if "m" in s.arrays else ()
            self.write(s, f"{name} = {self.pick((f'np.zeros(({length}, {length}))', *copies))}")
            shape = (length, length) if self.lines[-1].endswith("))") else (self.style.rows, length)
            s.arrays[s.bind(name)] = shape[::-1] if ".T" in self.lines[-1] else shape
            return
        if kind == "empty":
            i = self.name("i")
            self.write(s, f"{name} = np.empty({self.pick((length, self.length(s)))})")
            self.write(s, f"for {i} in range({length}):")
            inner = s.inner()
            inner.ints[i] = (0, length - 1)
            self.write(inner, f"{name}[{i}] = {self.bounded(inner)}")
        else:
            self.write(s, f"{name} = {self.fresh(s, length) if kind == 'fresh' else f'np.{kind}({length})'}")
        s.arrays[s.bind(name)] = (length,)

    def write_matrix(self, s: Scope) -> None:
        if not s.matrices():
            return
        m = self.pick([*s.matrices()])
        rows, columns = s.arrays[m]
        text = self.pick((
            f"{s.place(m)} *= {self.bounded(s)}", f"{m}[{self.index(s, rows)}] = {self.vector(s, columns)}",
            f"{m}[:, {self.index(s, columns)}] *= {self.bounded(s)}",
            f"{m}[{self.index(s, rows)}] += {self.fresh(s, columns)}",
            f"{m}[::-1, ::-1] -= 0.5 * {m}", f"{m}[:, ::-1] = {m}", f"{s.place(m)} += {self.fresh(s, columns)}",
            "", "",
        ))  # fmt: skip
        if text:
            self.write(s, text)
            return
        name = self.name("m")
        text, shape = self.pick(
            ((".T", (columns, rows)), ("[::-1]", (rows, columns)), ("[:, ::2]", (rows, (columns + 1) // 2)))
        )
        self.write(s, f"{name} = {m}{text}")
        s.arrays[s.bind(name)] = shape

    def write_scatter(self, s: Scope) -> None:
        """Elements addressed by a table of indices, which may repeat and may be written later."""
        tables, vectors = [*s.tables], s.of_length(self.style.length)
        if not tables or not vectors:
            return
        k, v = self.pick(tables), self.pick(vectors)
        if self.chance(0.3):
            self.write(s, f"{k}[{self.index(s, s.tables[k], 0)}] = {self.integer(s)[0]} % {self.style.length}")
            return
        op = self.pick(("=", "+=", "*=", "-="))
        self.write(s, f"{v}[{k}[{self.index(s, s.tables[k], 0)}]] {op} {self.bounded(s)}")

    def write_accumulate(self, s: Scope) -> None:
        """A loop over all of a vector, in one go."""
        i, inner = self.name("i"), s.inner()
        vectors = [*s.of_length(self.style.length), *s.vectors]
        names = s.mine(s.floats)
        if not vectors or not names:
            return
        v = self.pick(vectors)
        self.write(s, f"for {i} in range(len({v})):")
        self.write(inner, self.pick((
            f"{v}[{i}] {self.pick(('=', '+=', '*='))} {self.bounded(inner)}",
            f"{self.pick(names)} {self.pick(('+=', '*='))} {v}[{i}] * {self.bounded(inner)}",
            f"{v}[{i}], {v}[-1 - {i}] = {v}[-1 - {i}], {v}[{i}]",
        )))  # fmt: skip

    # -- functions

    def write_closure(self, s: Scope) -> None:
        """A function inside, that reads what is around it (also when that is bound anew) and writes arrays."""
        name, u = self.name("c"), self.name("u")
        self.write(s, f"def {name}({u}):")
        inner = s.inner(owned={u}, loop=False, returns=True, closures=[])
        inner.depth = max(inner.depth, 2)
        inner.floats.append(u)
        self.block(inner, 2)
        self.write(inner, f"return {self.bounded(inner)}")
        s.closures.append(name)

    def write_call(self, s: Scope) -> None:
        names = s.mine(s.floats)
        if not names:
            return
        whole = s.of_length(self.style.length)
        if self.helpers.pair and whole and self.chance(0.4):
            name = self.name("w")
            called = f"{self.pick(self.helpers.pair)}({self.pick(whole)}, {self.bounded(s, 1)})"
            self.write(s, f"{self.pick(names)}, {name} = {called}")
            s.arrays[s.bind(name)] = (self.style.length,)
        else:
            self.write(s, f"{self.pick(names)} {self.pick(('=', '+='))} {self.call(s, 2)}")

    # -- control

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
        inner = s.inner(loop=True)
        inner.ints[name] = (low, max(low, high))
        self.block(inner, 4)
        self.otherwise(s)

    def bound(self, s: Scope) -> tuple[str, tuple[int, int]]:
        """A bound of a loop: small, so that loops end soon."""
        text, (low, high) = self.integer(s)
        if low < -3 or high > 4:
            return f"({text}) % 4", (0, 3)
        return text, (low, high)

    def write_each(self, s: Scope) -> None:
        """A loop over the elements of arrays."""
        length, name, i = self.style.length, self.name("e"), self.name("i")
        inner = s.inner(loop=True)
        kinds = ["element", "enumerate", "zip"] + ["row"] * bool(s.matrices()) + ["index"] * bool(s.tables)
        kind = self.pick(kinds)
        v, w = self.vector(s, length), self.vector(s, length)
        if kind == "row":
            m = self.pick([*s.matrices()])
            self.write(s, f"for {name} in {m}:")
            inner.arrays[name] = s.arrays[m][1:]
        elif kind == "index":
            k = self.pick([*s.tables])
            self.write(s, f"for {name} in {k}:")
            inner.ints[name] = (0, length - 1)
        else:
            headers = {
                "element": f"{name} in {v}",
                "enumerate": f"{i}, {name} in enumerate({v})",
                "zip": f"{name}, {i} in zip({v}, {w})",
            }
            self.write(s, f"for {headers[kind]}:")
            inner.floats.append(name)
            if kind == "enumerate":
                inner.ints[i] = (0, length - 1)
            elif kind == "zip":
                inner.floats.append(i)
        self.block(inner, 3)

    def write_while(self, s: Scope) -> None:
        name, most = self.name("k"), self.pick((3, 4, self.style.length))
        self.write(s, f"{name} = 0")
        self.write(s, f"while {name} < {most} and {self.condition(s)}:")
        inner = s.inner(loop=True)
        at_end = self.chance(0.3)
        inner.ints[name] = (0, most)
        if at_end:  # then `continue` would skip it
            inner.loop = False
            self.block(inner, 4)
        self.write(inner, f"{name} += 1")
        if not at_end:
            self.block(inner, 4)
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
        self.block(inner, 3)
        s.ints[name] = (0, 4)

    def otherwise(self, s: Scope) -> None:
        """What follows the header and body of a loop."""

    def write_exit(self, s: Scope) -> None:
        self.write(s, f"if {self.condition(s)}:")
        self.write(s, f"    {self.leaving(s)}")

    def leaving(self, s: Scope) -> str:
        ways = [f"return 1.0 * {self.bounded(s)}"] * s.returns + ["break", "continue"] * 2 * s.loop
        return str(self.pick(ways))

    def write_demand(self, s: Scope) -> None:
        """A statement that raises for some values."""
        length, names = self.style.length, s.mine(s.floats)
        forms = [f"assert {self.condition(s)}, 'not so'"]
        if whole := s.of_length(length):
            v, i = self.pick(whole), self.integer(s)[0]
            forms += [f"{v}[{i}] = {self.bounded(s)}", f"{v}[:] = {v}[{i}:]"]
            if names:
                forms.append(f"{self.pick(names)} += {v}[{i}]")
        j = self.name("j")
        divided = f"{j} = int({self.integer(s)[0]} + 1) {self.pick(('//', '%'))} int({self.integer(s)[0]}) % {length}"
        forms.append(divided)
        text = self.pick(forms)
        self.write(s, text)
        if text is divided:
            s.ints[s.bind(j)] = (-MANY, MANY)
