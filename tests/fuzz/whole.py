"""What a random program calls to say that a number must fit in 64 bits: Python's have no end, those of llad do."""

from __future__ import annotations

MOST, LEAST = 9223372036854775807, -9223372036854775808


def fits(j: int) -> int:
    """`j`.

    Raises: OverflowError if it does not fit, where compiled code has raised before it comes here.
    """
    if j > MOST or j < LEAST:
        raise OverflowError("an integer that does not fit in 64 bits")
    return j
