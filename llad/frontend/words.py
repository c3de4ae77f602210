"""Numbers, texts and code in words that are the same in every process: what of objects has no identity that counts.

Invariant: `value_of(data_of(x))` is of the type of `x` and has its bits, and equal data are of equal values.
"""

from __future__ import annotations

import hashlib
import struct
from types import CodeType
from typing import Any

import numpy as np

Description = Any


class Undescribed(Exception):
    """An object is of no kind that can be told from others in words."""


def data_of(value: Any) -> Description | None:
    """Numbers, texts and their like in full; `None` for `None`, and for all else."""
    kind = type(value)
    if kind is str:
        return value
    if kind is bool:
        return ["bool", int(value)]
    if kind is int:
        return ["int", hex(value)]
    if kind is float:
        return ["float", _bits(value)]
    if kind is complex:
        return ["complex", _bits(value.real), _bits(value.imag)]
    if kind is bytes:
        return ["bytes", value.hex()]
    if kind is type(Ellipsis):
        return ["ellipsis"]
    if kind is range:
        return ["range", value.start, value.stop, value.step]
    if isinstance(value, np.generic) and value.dtype.kind in "biufc" and kind is value.dtype.type:
        return ["scalar", value.dtype.str, value.tobytes().hex()]
    if isinstance(value, np.dtype) and value.isbuiltin == 1:
        return ["dtype", value.str]
    return None


def value_of(data: Description) -> Any:
    """The number or text that has this description.

    Raises: Undescribed, if it is of another kind.
    """
    match data:
        case None | str():
            return data
        case ["bool", number]:
            return bool(number)
        case ["int", text]:
            return int(text, 16)
        case ["float", bits]:
            return _float(bits)
        case ["complex", real, imag]:
            return complex(_float(real), _float(imag))
        case ["scalar", dtype, bits]:
            return np.frombuffer(bytes.fromhex(bits), dtype)[0]
    raise Undescribed


def _bits(value: float) -> str:
    return struct.pack("<d", value).hex()


def _float(bits: str) -> float:
    (value,) = struct.unpack("<d", bytes.fromhex(bits))
    return float(value)


def digest_of(code: CodeType) -> str:
    """A digest of all of a code object but the name of its file."""
    return hashlib.sha256(repr(_written(code)).encode(errors="surrogatepass")).hexdigest()


def _written(code: CodeType) -> tuple[Any, ...]:
    return (
        code.co_name, code.co_qualname, code.co_firstlineno, code.co_flags, code.co_filename == "<string>",
        code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount,
        code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars,
        code.co_code, code.co_linetable, code.co_exceptiontable, tuple(map(_constant, code.co_consts)),
    )  # fmt: skip


def _constant(value: Any) -> Any:
    """A constant of code, in a form whose text is the same in every process."""
    if isinstance(value, CodeType):
        return "code", _written(value)
    if isinstance(value, tuple):
        return "tuple", tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return "set", sorted(map(repr, map(_constant, value)))
    if value is None or (data := data_of(value)) is not None:
        return "data", None if value is None else data
    if isinstance(value, slice):
        return "slice", tuple(map(_constant, (value.start, value.stop, value.step)))
    raise Undescribed
