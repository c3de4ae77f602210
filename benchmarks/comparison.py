"""Whether two tools come to the same value and derivatives."""

from __future__ import annotations

import numpy as np

from benchmarks.solution import Results

RELATIVE, OF_LARGEST = 1e-7, 1e-10


def differs(found: Results, expected: Results) -> str | None:
    """How what was found differs, if it does: in number, size, or value; shapes may be told in another way."""
    for kind, ours, theirs in zip(("value", "gradient"), expected, found, strict=True):
        if [part.size for part in ours] != [part.size for part in theirs]:
            return f"the {kind} has parts of {[part.size for part in theirs]} numbers, not {[p.size for p in ours]}"
        for number, (part, other) in enumerate(zip(ours, theirs, strict=True)):
            other = other.reshape(part.shape)
            bound = RELATIVE * np.abs(part) + OF_LARGEST * float(np.abs(part).max())
            with np.errstate(invalid="ignore"):
                wrong = ~(np.abs(other - part) <= bound) | ~np.isfinite(other)  # so that nan is wrong, too
            if wrong.any():
                first = int(np.argmax(wrong))
                return f"part {number} of the {kind} has {other.flat[first]!r} at {first}, not {part.flat[first]!r}"
    return None
