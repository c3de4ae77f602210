"""How constants are written in LLVM text."""

from __future__ import annotations

import math
import struct

from llad.ir.types import BOOL, ScalarType, is_float


def number(value: float | int | bool, type: ScalarType) -> str:
    """The literal of a constant. Floats are written as the bits of a double, which LLVM reads exactly."""
    if type == BOOL:
        return "true" if value else "false"
    if not is_float(type):
        return str(int(value))
    value = float(value)
    if type.bytes == 4:
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = math.copysign(math.inf, value)
    if math.isnan(value):
        return "0x7FF8000000000000"
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"
