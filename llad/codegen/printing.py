"""What `@llad.print` (`runtime_poll.py`) calls: takes apart what `lower_print.py` left in memory, and writes it.

What writing raises (a closed `sys.stdout`), or a signal handler meanwhile, ends the call of the native function.
"""

from __future__ import annotations

import ctypes
import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from llad.codegen.foreign import FORMATS, array_at
from llad.ir.printed import as_python, write
from llad.ir.types import SCALARS


def _print(text: bytes, words: int) -> None:
    template, described = json.loads(text)
    write(template, list(_values(described, words)))


def _values(described: Sequence[tuple[str, int | None]], at: int) -> Iterator[Any]:
    for name, rank in described:
        dtype = SCALARS[name]
        if rank is None:
            form = FORMATS[name]
            (number,) = struct.unpack(form, ctypes.string_at(at, struct.calcsize(form)))
            yield as_python(number, dtype)
            at += 8
        else:
            address, *rest = struct.unpack(f"<{1 + 2 * rank}q", ctypes.string_at(at, 8 + 16 * rank))
            yield array_at(address, tuple(rest[:rank]), tuple(rest[rank:]), dtype)
            at += 8 + 16 * rank


CALLBACKS: dict[str, int] = {"llad.printer": id(_print)}  # the address of the object, as C has it
