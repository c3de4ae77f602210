"""The function behind `@llad.print`: takes apart what `lower_print.py` left in memory, and writes it.

It is called through ctypes, which takes the GIL, whether the call holds it or not. What writing raises (a closed
`sys.stdout`) cannot pass through machine code; ctypes reports it as an exception that was ignored.
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


_callback = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)(_print)
CALLBACKS: dict[str, int] = {"llad.print": ctypes.cast(_callback, ctypes.c_void_p).value or 0}
