"""`+`, `*`, `+=`, `*=` and displays of lists, where a length, or how often one comes, is known only at run time.

    [0.0] * n                               [0.0 for _ in range(n)]
    xs + ys, [*xs, *ys]                     out = [v for v in xs]; out.extend(ys)

The results are made by Python that is traced (`llad/traced/sequences.py`), so they are lists like those that
comprehensions and loops make: they may be written, and grow.

Invariant: what changes a list in place is never taken for what makes a new one.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, SupportsIndex

from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of
from llad.frontend.iteration import Generated, Walk, known_length
from llad.frontend.values import Array, NotHandled, Rows, Scalar, Table, describe
from llad.ir.types import is_float
from llad.traced import sequences as written


def binary(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a op b` of lists of which Python cannot make another when the function is traced; else `NotHandled`."""
    if op == "mul" and _is_count(a):
        a, b = b, a
    if op == "mul" and _is_list(a) and _is_count(b) and not (type(a) is list and not isinstance(b, Scalar)):
        if type(a) is list and not a:
            return t.make([])
        single = type(a) is list and len(a) == 1
        return t.call(written.repeated_item if single else written.repeated, [a[0] if single else a, b], {})
    if op == "add" and _is_list(a) and _is_list(b) and not (type(a) is list and type(b) is list):
        return t.call(written.joined, [a, b], {})
    return NotHandled


def display(t: Tracer, parts: Sequence[Any]) -> Any:
    """`[x, *xs, y]`: each part is a list, or what else was spread."""
    first, *rest = parts
    for part in rest:
        first = t.call(written.joined, [first, part], {})
    return t.call(written.listed, [first], {}) if not rest else first


def is_spread_at_run_time(value: Any) -> bool:
    """Whether the items of what is spread in a display are known only at run time."""
    if isinstance(value, (Rows, Table)):
        return known_length(value) is None
    if isinstance(value, Array):
        return value.rank > 0 and not isinstance(extents_of(value)[0], int)
    return isinstance(value, (Walk, Generated))


def in_place(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a op= b` for lists that a loop does not let grow; else `NotHandled`."""
    if op == "mul" and type(a) is list and _is_count(b) and not isinstance(b, Scalar):
        t.mutate(a)
        a *= operator.index(b)
        return a
    if _is_list(a) and _changes(op, b):
        t.refuse("list-in-place", op={"mul": "*=", "add": "+="}[op], got=describe(a))
    return NotHandled


def _changes(op: str, b: Any) -> bool:
    """Whether Python would change a list in place by this operand."""
    return _is_count(b) if op == "mul" else op == "add" and not isinstance(b, Array)


def _is_list(value: Any) -> bool:
    return type(value) is list or (isinstance(value, Rows) and value.kinds[0] is list) or isinstance(value, Table)


def _is_count(value: Any) -> bool:
    """Whether the value is an integer."""
    return not is_float(value.type) if isinstance(value, Scalar) else isinstance(value, SupportsIndex)
