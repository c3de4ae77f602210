"""Random statements on arrays."""

from __future__ import annotations

from typing import ClassVar

from .scope import Scope
from .statements import Statements


class Arrays(Statements):
    """Elements, vectors and matrices written; names bound to arrays."""

    KINDS: ClassVar = {
        "store": 3, "store_update": 4, "permute": 1, "vector": 4, "slice": 3, "rebind": 3, "alias": 2, "chosen": 1,
        "scratch": 2, "matrix": 2, "accumulate": 1,
    }  # fmt: skip

    def write_store(self, s: Scope) -> None:
        if self.filled(s):
            self.write(s, f"{self.element(s)} = {self.bounded(s)}")

    def write_store_update(self, s: Scope) -> None:
        if self.filled(s):
            self.write(s, f"{self.element(s)} {self.pick(('+=', '-=', '*='))} {self.bounded(s)}")

    def write_permute(self, s: Scope) -> None:
        if self.filled(s):
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
            f"{v}[{self.index(s, max(length, 1))}:] *= {self.bounded(s)}", f"{v}[:n] += {self.bounded(s, 1)}",
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
        kind = self.pick(("zeros", "ones", "fresh", "empty", "matrix", "nothing"))
        if kind == "matrix":
            forms = [(f"np.zeros(({length}, {length}))", (length, length))]
            for m, shape in s.matrices().items():
                forms += [(f"{m}.copy()", shape), (f"{m} * 0.5", shape), (f"-{m}[::-1]", shape)]
            text, shape = self.pick(forms)
            self.write(s, f"{name} = {text}")
            s.arrays[s.bind(name)] = shape
            return
        if kind == "nothing":
            forms = ["np.zeros(0)", "np.empty(0)", f"np.full({length} - n, 0.5)", "np.ones(n)[n:]"]
            self.write(s, f"{name} = {self.pick(forms)}")
            s.vectors.append(s.bind(name))
            return
        if kind == "empty":
            i = self.name("i")
            self.write(s, f"{name} = np.empty({self.pick((length, self.length(s)))})")
            self.write(s, f"for {i} in range({length}):")
            inner = s.inner(dead=s.dead or length == 0)
            inner.ints[i] = (0, max(length - 1, 0))
            self.write(inner, f"{name}[{i}] = {self.bounded(inner)}")
        else:
            self.write(s, f"{name} = {self.fresh(s, length) if kind == 'fresh' else f'np.{kind}({length})'}")
        s.arrays[s.bind(name)] = (length,)

    def write_matrix(self, s: Scope) -> None:
        names = [m for m, shape in s.matrices().items() if 0 not in shape]
        if not names:
            return
        m = self.pick(names)
        rows, columns = s.arrays[m]
        text = self.pick((
            f"{s.place(m)} *= {self.bounded(s)}", f"{m}[{self.index(s, rows)}] = {self.vector(s, columns)}",
            f"{m}[:, {self.index(s, columns)}] *= {self.bounded(s)}",
            f"{m}[{self.index(s, rows)}] += {self.fresh(s, columns)}",
            f"{m}[::-1, ::-1] -= 0.5 * {m}", f"{m}[:, ::-1] = {m}", f"{s.place(m)} += {self.fresh(s, columns)}",
        ))  # fmt: skip
        self.write(s, text)

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
