"""IR text after passes, and what is left in it: for tests of passes."""

from __future__ import annotations

from textwrap import dedent

from llad.compile import PASSES as PIPELINE
from llad.ir.core import Function, Op, Region, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.ownership import ownership


def optimised(text: str, *steps: object) -> Function:
    """The function after these passes, or else after all that come before differentiation and `ownership`.

    It is verified after each.
    """
    fn = verify(parse(dedent(text)))
    for step in steps or (*PIPELINE, ownership):
        fn = verify(step(fn))  # type: ignore[operator]
    return fn


def names(region: Region) -> list[str]:
    """The ops of a region, without those inside them."""
    return [op.name for op in region.ops]


def loop_of(fn: Function) -> Op:
    """The first loop."""
    return next(op for op in walk(fn.body) if op.name in ("for", "while"))
