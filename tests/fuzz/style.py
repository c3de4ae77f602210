"""What a program is like as a whole, and which functions it has."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Style:
    """`length`: of vectors; `rows`: of matrices. `exact`: only operations whose result is the same to the bit
    everywhere. `raises`: indices and divisors are not guarded. `nested`: derivatives inside."""

    length: int
    rows: int
    exact: bool
    raises: bool
    nested: bool

    @property
    def modulus(self) -> int:
        """What brings an integer into the range of indices, where there are any."""
        return max(1, self.length)


@dataclass
class Helpers:
    """The functions of the module that may be called, by what they take and give."""

    scalar: list[str] = field(default_factory=list)  # (u, v) -> float
    derived: list[str] = field(default_factory=list)  # (u, v) -> float, by a derivative of one above
    writing: list[str] = field(default_factory=list)  # (w, u) -> float, writes w
    fresh: list[str] = field(default_factory=list)  # (w, u) -> a new array
    pair: list[str] = field(default_factory=list)  # (w, u) -> (float, a new array)
    record: list[str] = field(default_factory=list)  # (w, u) -> {"t": float, "w": a new array, "j": index}
    recursive: list[str] = field(default_factory=list)  # (w, u, d) -> float
    mutual: list[str] = field(default_factory=list)  # (w, u, d) -> float
    halving: list[str] = field(default_factory=list)  # (w, low, high) -> float
    slicing: list[str] = field(default_factory=list)  # (w, u) -> float, of views ever shorter
    restoring: list[str] = field(default_factory=list)  # (w, u, d) -> float, writes w and undoes it

    def all(self) -> list[str]:
        return [name for names in vars(self).values() for name in names]
