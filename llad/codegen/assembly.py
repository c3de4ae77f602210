"""Writing one LLVM function as text: fresh names, blocks, and objects that the code refers to.

Machine code never holds the address of an object: it loads it from its *pins*, one table of pointers a module, so
an object file is the same in every process and the references have one owner.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from llad.structures import ABSENT


class Pins:
    """A table of pointers that machine code reads: objects kept alive, and words that it may also write.

    Word 0 is the function to go on with when this one does not apply. `table` exists once `seal` was called.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._words: list[int] = [0]
        self._objects: dict[int, tuple[int, Any]] = {}
        self._rows: list[list[Any]] = []
        self.table: Any = None

    def object(self, value: Any) -> int:
        """The number of the word that holds the address of `value`."""
        if id(value) not in self._objects:
            self._objects[id(value)] = (len(self._words), value)
            self._words.append(id(value))
        return self._objects[id(value)][0]

    def words(self, values: Sequence[Any]) -> int:
        """The first of new words in a row that hold the addresses of the values; zero for `ABSENT`."""
        self._rows.append(list(values))
        self._words += [0 if value is ABSENT else id(value) for value in values]
        return len(self._words) - len(values)

    def word(self) -> int:
        """The number of a new word, zero at first."""
        self._words.append(0)
        return len(self._words) - 1

    def seal(self) -> int:
        """The address of the table; nothing can be added from here on."""
        self.table = (ctypes.c_uint64 * len(self._words))(*self._words)
        return ctypes.addressof(self.table)

    @property
    def next(self) -> int:
        """The address of the function to go on with."""
        return int(self.table[0])

    @next.setter
    def next(self, address: int) -> None:
        self.table[0] = address


class Assembly:
    """The body of one function under construction. `miss` is the block where checks that fail lead."""

    def __init__(self, pins: Pins, miss: str = "miss") -> None:
        self.pins = pins
        self.miss = miss
        self.lines: list[str] = []
        self.block = ""  # the label of the block that is being written
        self._count = 0

    def name(self, hint: str = "") -> str:
        self._count += 1
        return f"{hint}{'.' if hint else 'v'}{self._count}"

    def do(self, statement: str) -> None:
        self.lines.append("  " + statement)

    def let(self, expression: str, hint: str = "") -> str:
        """A new register that holds `expression`."""
        register = "%" + self.name(hint)
        self.do(f"{register} = {expression}")
        return register

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def branch(self, condition: str, yes: str, no: str) -> None:
        self.do(f"br i1 {condition}, label %{yes}, label %{no}")

    def go(self, label: str) -> None:
        self.do(f"br label %{label}")

    def require(self, condition: str, otherwise: str = "") -> None:
        """Go on only if the condition holds."""
        label = self.name("ok")
        self.branch(condition, label, otherwise or self.miss)
        self.start(label)

    def at(self, base: str, offset: int) -> str:
        """The address `offset` bytes behind `base`."""
        return self.let(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def load(self, type: str, base: str, offset: int = 0) -> str:
        return self.let(f"load {type}, ptr {self.at(base, offset)}")

    def pin_address(self, word: int) -> str:
        return self.at(f"@{self.pins.symbol}", 8 * word)

    def pin(self, value: Any) -> str:
        """A register with the address of an object."""
        return self.let(f"load ptr, ptr {self.pin_address(self.pins.object(value))}, !invariant.load !{{}}")

    def same(self, register: str, value: Any) -> str:
        """Whether a pointer is that of `value`."""
        return self.let(f"icmp eq ptr {register}, {self.pin(value)}")

    def both(self, a: str, b: str) -> str:
        return self.let(f"and i1 {a}, {b}")

    def either(self, a: str, b: str) -> str:
        return self.let(f"or i1 {a}, {b}")
