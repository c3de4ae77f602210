"""How a nest of loops comes apart into products of matrices and the rest (`products.py`): what is found, as data.

A *part* is a product, or what stands between products, under the loops around it. A *product* is a sum of products of
two factors, to a carry of an innermost loop or to elements of an array.
"""

from __future__ import annotations

from dataclasses import field

from llad.dataclass import dataclass
from llad.ir.affine import Affine
from llad.ir.core import Op, Value

Path = tuple[Op, ...]
Kind = frozenset[int]  # the loops of a path, by their numbers, on which something depends


@dataclass(frozen=True, slots=True)
class Window:
    """Elements of `base` at sums of indices, of which two run with loops of the product: a matrix."""

    base: Value
    at: tuple[Affine, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Factor:
    """A factor, or what is added to, and the loops on which it depends.

    `window`: where it lies, if it is in memory already. `copied`: it is put into memory by `ops` first, or by the
    negative of what is kept. Else it is kept.
    """

    value: Value
    loops: Kind
    window: Window | None
    copied: bool = False
    ops: tuple[Op, ...] = ()


@dataclass(eq=False, slots=True)
class Product:
    """`target += left · right`, or, if it is `fresh`, the target is what the sums come to.

    `rows`, `columns`, `inner`: the numbers of the loops that run inside of the product of matrices, those of the
    indices of its result and that of its sums. `start`: what the sums of a carry begin with, unless zero. `stored`:
    the op that stores the result, if that is all that becomes of it.
    """

    left: Factor
    right: Factor
    target: Factor
    negative: bool  # the product is subtracted: its left factor is copied, with the other sign
    rows: int
    columns: int
    inner: int
    start: Value | None = None
    fresh: bool = False
    stored: Op | None = None

    @property
    def loops(self) -> tuple[int, int, int]:
        """Those that run inside of the product of matrices."""
        return self.rows, self.columns, self.inner


@dataclass(eq=False, slots=True)
class Part:
    """What stands under the loops of `path`: ops of the innermost of them, or a product."""

    path: Path
    ops: list[Op] = field(default_factory=list)
    product: Product | None = None


@dataclass(eq=False, slots=True)
class Plan:
    """How a nest comes apart.

    `home`: per value that other parts may use the part that computes it, and under how many loops. `kept`: those of
    them that are kept in memory. `spread`: allocations of which each iteration needs its own, and in how many loops.
    `carriers`: the part that adds to a carry of a loop. `needs`: what the nest makes, and a part does not make itself.
    `dropped`: stores of what a product stores itself. `sunk`: what makes copies that only the nest as it was needs.
    """

    parts: list[Part] = field(default_factory=list)
    home: dict[Value, tuple[Part, int]] = field(default_factory=dict)
    paths: dict[Value, Path] = field(default_factory=dict)  # the loops around what is kept or spread
    kept: list[Value] = field(default_factory=list)
    spread: dict[Value, int] = field(default_factory=dict)
    carriers: dict[tuple[Op, int], Part] = field(default_factory=dict)
    needs: dict[Part, list[Value]] = field(default_factory=dict)
    dropped: set[Op] = field(default_factory=set)
    sunk: list[Op] = field(default_factory=list)

    @property
    def products(self) -> list[Part]:
        return [part for part in self.parts if part.product is not None]


class Refused(Exception):
    """The nest does not come apart."""
