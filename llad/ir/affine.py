"""What is known about integers at a place in the program: affine forms, intervals, bounds and facts.

An i64 value is written as `const + Σ coefficient · atom`, where an atom is a value that is not itself a sum. Every
atom has an interval; a loop index, `min` or `max` also has bounds that are forms; a condition that holds here
(a check that was passed, the branch we are in) is a fact, a form known to be ≥ 0.

Invariant: forms are exact, over the integers. A wrapping sum gets a form only if it was shown not to wrap, so
`a + b ≥ c` proved about forms holds for the machine's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llad.ir.core import Value

LEAST, GREATEST = -(2**63), 2**63 - 1
LONGEST = 2**47  # no extent is larger: no address space is

_STEPS = 40  # of one proof
_FACTS = 6  # the most recent ones about an atom that a proof tries


class Affine:
    """`const + Σ terms[atom] · atom`; never changed after it was made."""

    __slots__ = ("const", "terms")

    def __init__(self, const: int, terms: dict[Value, int] | None = None) -> None:
        self.const = const
        self.terms = terms or {}

    @property
    def number(self) -> int | None:
        """The number that the form is, if no atom is in it."""
        return None if self.terms else self.const

    def plus(self, other: Affine, factor: int = 1) -> Affine:
        """`self + factor · other`"""
        terms = dict(self.terms)
        for atom, coefficient in other.terms.items():
            total = terms.get(atom, 0) + factor * coefficient
            if total:
                terms[atom] = total
            else:
                terms.pop(atom, None)
        return Affine(self.const + factor * other.const, terms)

    def times(self, factor: int) -> Affine:
        return Affine(0).plus(self, factor)

    def by(self, other: Affine) -> Affine | None:
        """The product, if that is affine: one of the two is a number."""
        if self.terms and other.terms:
            return None
        return self.times(other.const) if not other.terms else other.times(self.const)

    def shifted(self, const: int) -> Affine:
        return Affine(self.const + const, self.terms)

    def with_atom(self, atom: Value, form: Affine) -> Affine:
        """The form with `form` in place of `atom`."""
        coefficient = self.terms.get(atom, 0)
        if not coefficient:
            return self
        rest = {other: factor for other, factor in self.terms.items() if other is not atom}
        return Affine(self.const, rest).plus(form, coefficient)


class Knowledge:
    """Intervals, bounds and facts, of which `scope` forgets those that were learned inside it."""

    def __init__(self) -> None:
        self._intervals: dict[Value, tuple[int, int]] = {}
        self._bounds: dict[Value, tuple[list[Affine], list[Affine]]] = {}
        self._factors: dict[Value, tuple[Affine, Affine]] = {}
        self._extrema: dict[Value, tuple[bool, list[Affine]]] = {}
        self._facts: dict[Value, list[Affine]] = {}
        self._learned: list[Value] = []
        self._steps = 0
        self._failed: dict[object, int] = {}  # how deep a form was searched in vain, knowing what is known now

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is learned in the `with` body is forgotten after it."""
        depth = len(self._learned)
        yield
        while len(self._learned) > depth:
            self._facts[self._learned.pop()].pop()
        self._failed.clear()

    def learn(self, form: Affine) -> None:
        """`form` ≥ 0 from here to the end of the scope."""
        self._failed.clear()
        for atom in form.terms:
            self._facts.setdefault(atom, []).append(form)
            self._learned.append(atom)
        for atom, coefficient in form.terms.items():
            least, ways = self._extrema.get(atom, (False, []))
            if ways and (coefficient > 0) != least:  # it holds for one of them
                possible = [w for w in (form.with_atom(atom, way) for way in ways) if -self.least(w.times(-1)) >= 0]
                if len(possible) == 1:
                    self.learn(possible[0])

    def describe(
        self,
        atom: Value,
        interval: tuple[int, int],
        lowers: list[Affine] | None = None,
        uppers: list[Affine] | None = None,
    ) -> None:
        """`atom` lies in `interval`, and between the bounds, wherever it is visible."""
        self._intervals[atom] = interval
        if lowers or uppers:
            self._bounds[atom] = lowers or [], uppers or []

    def describe_product(self, atom: Value, a: Affine, b: Affine) -> None:
        """`atom` is exactly `a · b`."""
        self._factors[atom] = a, b

    def describe_extremum(self, atom: Value, least: bool, forms: list[Affine]) -> None:
        """`atom` is the least of the forms, or the greatest."""
        self._extrema[atom] = least, forms

    def least(self, form: Affine) -> int:
        """A number that the form never goes below, by intervals alone."""
        total = form.const
        for atom, coefficient in form.terms.items():
            low, high = self._intervals.get(atom, (LEAST, GREATEST))
            total += coefficient * (low if coefficient > 0 else high)
        return total

    def interval(self, form: Affine) -> tuple[int, int]:
        """Between what the form lies, by intervals alone; within i64, as every value is."""
        return max(self.least(form), LEAST), min(-self.least(form.times(-1)), GREATEST)

    def holds(self, form: Affine) -> bool:
        """Whether `form` ≥ 0 can be shown."""
        self._steps = _STEPS
        shown = self._search(form, 4)
        if self._steps < 0:  # not everywhere to the end
            self._failed.clear()
        return shown

    def fits(self, form: Affine) -> bool:
        """Whether the form can be shown to be an i64."""
        return self.holds(Affine(GREATEST).plus(form, -1)) and self.holds(form.shifted(-LEAST))

    def _search(self, form: Affine, depth: int) -> bool:
        if self.least(form) >= 0:
            return True
        self._steps -= 1
        if depth == 0 or self._steps < 0:
            return False
        key = form.const, frozenset(form.terms.items())
        if self._failed.get(key, 0) >= depth:
            return False
        for atom in reversed(form.terms):
            coefficient = form.terms[atom]
            if atom in self._bounds:
                for bound in self._bounds[atom][0 if coefficient > 0 else 1]:
                    if self._search(form.with_atom(atom, bound), depth - 1):
                        return True
            least, ways = self._extrema.get(atom, (False, []))
            one_of = ways if (coefficient > 0) == least else []
            if one_of and all(self._search(form.with_atom(atom, way), depth - 1) for way in one_of):
                return True
            if atom in self._factors and coefficient > 0 and depth > 1:
                positive = all(self._search(factor, depth - 2) for factor in self._factors[atom])
                if positive and self._search(form.with_atom(atom, Affine(0)), depth - 1):
                    return True
            for fact in reversed(self._facts.get(atom, ())[-_FACTS:]):
                share, rest = divmod(coefficient, fact.terms[atom])
                if share > 0 and not rest and self._search(form.plus(fact, -share), depth - 1):
                    return True
        self._failed[key] = depth
        return False
