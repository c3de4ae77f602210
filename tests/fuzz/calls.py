"""Calls of the functions of the module, and of their derivatives."""

from __future__ import annotations

from collections.abc import Callable

from .expressions import Expressions
from .scope import Scope

Forms = list[Callable[[], str]]


class Calls(Expressions):
    """Expressions that call helpers."""

    def real(self, s: Scope) -> str:
        """A float, and never an integer: something to differentiate by."""
        return f"1.0 * {self.bounded(s, 1)}"

    def call(self, s: Scope, depth: int) -> str:
        """A call of a helper, or of a derivative of one."""
        forms = [*self.calls(s, depth), *(self.derivatives(s) * 2 if self.style.nested else ())]
        return str(self.pick(forms)()) if forms else self.leaf(s)

    def calls(self, s: Scope, depth: int) -> Forms:
        h = self.helpers
        forms: Forms = []
        if h.scalar:
            forms += [lambda: f"{self.pick(h.scalar)}({self.number(s, depth - 1)}, {self.number(s, depth - 1)})"] * 2
        if h.derived:
            forms += [lambda: f"{self.pick(h.derived)}({self.real(s)}, {self.real(s)})"] * 2
        whole = s.of_length(self.style.length)
        if not whole:
            return forms
        if h.writing:
            forms.append(lambda: f"{self.pick(h.writing)}({self.pick(whole)}, {self.bounded(s, 1)})")
        for names in (h.recursive, h.mutual, h.restoring):
            if names:
                forms.append(lambda f=names: f"{self.pick(f)}({self.pick(whole)}, {self.real(s)}, {self.levels(s)})")
        if h.halving:
            forms.append(lambda: f"{self.pick(h.halving)}({self.pick(whole)}, {self.part(s)})")
        if h.slicing:
            forms.append(lambda: f"{self.pick(h.slicing)}({self.pick([*whole, *s.vectors])}, {self.real(s)})")
        if h.record:
            forms.append(lambda: f'{self.pick(h.record)}({self.pick(whole)}, {self.real(s)})["t"]')
        return forms

    def part(self, s: Scope) -> str:
        """The bounds of a part of a vector, which may be empty."""
        low, high = (f"({self.integer(s)[0]}) % {self.style.length + 1}" for _ in range(2))
        return self.pick((f"0, {self.style.length}", f"0, {high}", f"{low}, {high}"))

    def levels(self, s: Scope) -> str:
        """How deep a recursion goes."""
        return f"{self.integer(s, 1)[0]} % 4" if self.chance(0.5) else self.pick(("2", "n % 3", "3"))

    # -- derivatives

    def derivatives(self, s: Scope) -> Forms:
        """Derivatives that are floats, of functions that take numbers and of functions that take arrays."""
        whole = s.of_length(self.style.length)
        forms: Forms = []
        if flat := [*self.helpers.scalar, *self.helpers.derived]:
            forms += [lambda: self.derivative(self.pick(flat), self.real(s), self.real(s))] * 3
        h = self.helpers
        if whole and (names := [*h.writing, *h.slicing]):
            forms += [
                lambda: f"llad.grad({self.pick(names)}, 1)({self.pick(whole)}, {self.real(s)})",
                lambda: f"llad.value_and_grad({self.pick(names)}, 1)({self.pick(whole)}, {self.real(s)})[0]",
                lambda: f"llad.jvp({self.pick(names)}, {self.along(s, whole)})[{self.pick((0, 1))}]",
            ]
        if whole and (deep := [*h.recursive, *h.mutual, *h.restoring]):
            forms.append(
                lambda: f"llad.grad({self.pick(deep)}, 1)({self.pick(whole)}, {self.real(s)}, {self.levels(s)})"
            )
        return forms

    def derivative(self, f: str, u: str, v: str) -> str:
        """A derivative of a function of two floats."""
        return self.pick((
            f"llad.grad({f}, {self.pick((0, 1))})({u}, {v})",
            f"llad.value_and_grad({f}, 1)({u}, {v})[{self.pick((0, 1))}]",
            f"llad.jvp({f}, ({u}, {v}), (1.0, 0.5))[1]", f"llad.vjp({f}, {u}, {v})[1]({v})[{self.pick((0, 1))}]",
            f"llad.jacfwd({f}, {self.pick((0, 1))})({u}, {v})", f"llad.hessian({f})({u}, {v})",
            f"llad.grad(lambda t: t * {f}(t, {v}))({u})",
            f"llad.grad(lambda t: llad.grad({f})(t, t) * t)({u})",
        ))  # fmt: skip

    def along(self, s: Scope, whole: list[str]) -> str:
        """A point and a direction of a function of an array and a float."""
        return f"({self.pick(whole)}, {self.real(s)}), ({self.pick(whole)}.copy(), 0.5)"

    def slopes(self, s: Scope, whole: list[str]) -> Forms:
        h = self.helpers
        forms: Forms = []
        if names := [*h.writing, *h.slicing]:
            forms.append(lambda: f"llad.grad({self.pick(names)})({self.pick(whole)}, {self.real(s)})")
        if h.fresh:
            forms += [
                lambda: f"llad.jvp({self.pick(h.fresh)}, {self.along(s, whole)})[1]",
                lambda: (
                    f"llad.vjp({self.pick(h.fresh)}, {self.pick(whole)}, {self.real(s)})"
                    f"[1]({self.pick(whole)}.copy())[0]"
                ),
                lambda: f"llad.jacfwd({self.pick(h.fresh)}, 1)({self.pick(whole)}, {self.real(s)})",
            ]
        return forms
