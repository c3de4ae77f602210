"""Random functions that call themselves, as deep as run-time data say."""

from __future__ import annotations

from .scope import Scope
from .statements import Statements


class Recursions(Statements):
    """Each method returns the text of one or two functions of the given name; statements of all kinds stand inside."""

    def body(self, s: Scope, most: int = 2) -> str:
        """Some statements, as text."""
        self.begin(self.rng.randint(1, 3))
        self.block(s, most, least=0)
        return "\n".join(self.lines)

    def parameters(self, *floats: str, **ints: tuple[int, int]) -> Scope:
        """The scope of a function of `w`, of floats and integers; `n` is its own."""
        n = self.style.length
        return Scope([*floats], {"n": (0, n)} | ints, arrays={"w": (n,)}, owned={"w", *floats})

    def joined(self, s: Scope, left: str, right: str) -> str:
        """Two calls, the second perhaps not made."""
        return str(self.pick((
            f"0.5 * {left} + {self.bounded(s)}", f"{left} * {self.bounded(s)} - 0.3 * {right}",
            f"{left} if {self.condition(s)} else {self.real(s)}", f"0.5 * ({left} + {right})",
        )))  # fmt: skip

    def make_recursive(self, name: str) -> str:
        s = self.parameters("u", d=(0, 3))
        stop = self.pick(("d <= 0", "d <= 0", f"d <= 0 or {self.condition(s, 0)}"))
        deeper = f"{name}({self.pick(('w', 'w', 'w[::-1]', 'w.copy()'))}, {self.real(s)}, d - 1)"
        again = f"{name}(w, {self.real(s)}, d - {self.pick((1, 2))})"
        return "\n".join((
            f"def {name}(w, u, d):", "    n = len(w)", f"    if {stop}:", f"        return {self.real(s)}",
            self.body(s, 3), f"    return {self.joined(s, deeper, again)}", "",
        ))  # fmt: skip

    def make_mutual(self, name: str) -> str:
        """Two functions that call each other."""
        s, other = self.parameters("u", d=(0, 3)), f"{name}_"
        texts = []
        for this, that in ((name, other), (other, name)):
            inner = self.parameters("u", d=(0, 3))
            deeper = f"{that}(w, {self.real(inner)}, d - 1)"
            texts += [
                f"def {this}(w, u, d):", "    n = len(w)", "    if d <= 0:", f"        return {self.real(s)}",
                self.body(inner), f"    return {self.joined(inner, deeper, self.bounded(inner))}", "", "",
            ]  # fmt: skip
        return "\n".join(texts[:-1])

    def make_halving(self, name: str) -> str:
        """A part of a vector, halved until nothing or one element is left."""
        s = self.parameters()
        s.floats = ["t"]
        halves = f"{name}(w, low, middle)", f"{name}(w, middle, high)"
        leaf = self.pick((f"w[low] * {self.bounded(s, 1)}", self.bounded(s, 1), "w[low] ** 2", "w[high - 1]"))
        return "\n".join((
            f"def {name}(w, low, high):", "    n = len(w)", "    t = 0.5", "    if high <= low:",
            f"        return {self.real(s)}", "    if high - low == 1:", f"        return 1.0 * {leaf}",
            "    middle = (low + high) // 2", self.body(s), f"    return {self.joined(s, *halves)}", "",
        ))  # fmt: skip

    def make_slicing(self, name: str) -> str:
        """A vector of which a view, shorter by at least one, is passed on."""
        s = Scope(["u"], vectors=["w"], owned={"u", "w"}, ints={"n": (0, self.style.length)})
        part = self.pick(("w[1:]", "w[:-1]", "w[::-1][1:]", "w[:n // 2]", "w[1::2]", "w[-2::-1]"))
        deeper = f"{name}({part}, {self.real(s)})"
        first = self.pick(("t = w[0]", "t = w[-1]", "t = w[0]\n    w[0] = u", "t = w[0]\n    w[-1] *= 0.5"))
        s.floats.append("t")
        ending = self.pick((f"{deeper} + t * u", f"{deeper} * {self.bounded(s, 1)}", f"t * u - {deeper}"))
        return "\n".join((
            f"def {name}(w, u):", "    n = len(w)", "    if n == 0:", f"        return {self.pick(('u', '0.5 * u'))}",
            f"    {first}", self.body(s), f"    return {ending}", "",
        ))  # fmt: skip

    def make_restoring(self, name: str) -> str:
        """Elements changed, a call made, and the elements restored."""
        s = self.parameters("u", "t", d=(0, 3))
        inner = s.inner()
        inner.ints["i"] = (0, max(self.style.length - 1, 0))
        inner.dead = self.style.length == 0
        undo = self.pick(("w[i] = t", "w[i] = t", f"w[i] = t * {self.bounded(inner, 1)}"))
        return "\n".join((
            f"def {name}(w, u, d):", "    n = len(w)", "    t = u", "    s = 0.0", "    if d <= 0:",
            f"        return {self.real(s)}", self.body(s, 1), "    for i in range(len(w)):",
            f"        if {self.condition(inner)}:", "            continue",
            "        t = w[i]", f"        w[i] = {self.bounded(inner, 1)}",
            f"        s += {self.bounded(inner, 1)} * {name}(w, {self.real(inner)}, d - 1)", f"        {undo}",
            "    return s", "",
        ))  # fmt: skip
