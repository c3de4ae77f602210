"""What a program that is being written may mention at one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

Range = tuple[int, int]
MANY = 10**6  # an integer of which nothing is known may get as large as this, and is no index


@dataclass
class Scope:
    """`floats`, `ints` (with the lowest and highest value), `bools`; `arrays` of floats with their shapes, `vectors`
    of floats whose length is not known, `tables` of indices of the first axis with their lengths.

    `owned`: the names that an assignment here binds; others belong to a function outside. `closures`: functions of
    one float that are visible. `loop`: whether `break` has a meaning; `returns`: what may be returned here, if anything
    may. `dead`: whether this is known never to be run, so that indices need not be in range.
    """

    floats: list[str]
    ints: dict[str, Range] = field(default_factory=dict)
    bools: list[str] = field(default_factory=list)
    arrays: dict[str, tuple[int, ...]] = field(default_factory=dict)
    vectors: list[str] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)
    closures: list[str] = field(default_factory=list)
    owned: set[str] = field(default_factory=set)
    indent: str = "    "
    depth: int = 0
    loop: bool = False
    returns: str = "float"
    dead: bool = False

    def inner(self, **changes: Any) -> Scope:
        """The scope of a block inside: what is named there is not known here."""
        copies = {
            name: type(value)(value) for name, value in vars(self).items() if isinstance(value, list | dict | set)
        }
        return replace(self, **copies | changes, indent=self.indent + "    ", depth=self.depth + 1)

    def bind(self, name: str) -> str:
        """`name`, which is assigned here."""
        self.owned.add(name)
        return name

    def mine(self, names: Any) -> list[str]:
        """Those of the names that may be assigned."""
        return [name for name in names if name in self.owned]

    def place(self, name: str) -> str:
        """`name` as the target of `+=` and its like."""
        return f"{name}[:]" if name in {*self.arrays, *self.vectors} and name not in self.owned else name

    def of_length(self, length: int) -> list[str]:
        return [name for name, shape in self.arrays.items() if shape == (length,)]

    def matrices(self) -> dict[str, tuple[int, ...]]:
        return {name: shape for name, shape in self.arrays.items() if len(shape) == 2}
