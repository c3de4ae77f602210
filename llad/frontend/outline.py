"""Functions that are called from many places become functions of the table, compiled once, if large or recursive.

A call is inlined, which optimises best, until what one function has been inlined to, all calls together, is longer than
`LONG` ops, a call not shorter than `SHORT`. From then on the function is a local one (`recursion.py`), and each further
call is a `call`. A function that has become a local one because it calls itself is called from then on, too. Calls
count as of one function if they would be traced alike: the same code and cells, the same types, the same static
arguments.

A function qualifies if its arguments are numbers, arrays and what is known and cannot change, and if it returns what
can be known at run time only: so a caller sees no difference. One that mentions values of the code around it, or does
what only inlined code can, is inlined as before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

from llad.dataclass import dataclass
from llad.diagnostics import LladError
from llad.frontend import recursion
from llad.frontend.core import Tracer
from llad.frontend.moments import go_back, now
from llad.frontend.shapes import Shape, is_static_number, shape_of
from llad.frontend.signature import ScalarSpec
from llad.frontend.state import Active, Frame, Local, Outlined
from llad.frontend.table import stands_alone
from llad.frontend.values import Array, NotHandled, Scalar
from llad.ir.core import Op, walk

LONG = 1000
SHORT = 100

Body = Callable[[Frame, Mapping[str, Any]], Any]


class _Unfit(Exception):
    """The function returns what only inlined code can give."""


@dataclass(frozen=True, slots=True)
class Site:
    """A call that is about to be inlined: which function it counts for, and how long the region was before."""

    known: Outlined
    start: int


def begin(t: Tracer, key: object, frame: Frame, names: Mapping[str, Any]) -> Site | None:
    """Note that a call is about to be inlined; None if its function is of no kind that is ever outlined."""
    if frame.function is None or not all(map(_plain, names.values())):
        return None
    known = t.outlined.get(key)
    if known is None or known.home is not t.home:
        known = t.outlined[key] = Outlined(t.home, names)
    return Site(known, len(t.builder.current.ops))


def end(t: Tracer, site: Site | None, call: Active, result: Any) -> None:
    """Note that the call has been inlined."""
    if site is None:
        return
    known, local = site.known, call.local
    known.length += _length(t.builder.current.ops[site.start :])
    known.calls += 1
    if local is not None and _alike(call, result) and stands_alone(local, _captured(t)):
        known.local = local


def call(t: Tracer, site: Site, frame: Frame, names: Mapping[str, Any], identity: object, body: Body) -> Any:
    """The result of the call as one of a local function, or `NotHandled`."""
    known = site.known
    if known.local is None or t.home.get(known.local.name) is not known.local:
        if known.unfit or known.length <= LONG or known.length < SHORT * known.calls:
            return NotHandled
        known.local = _outlined(t, frame, names, identity, body)
        known.unfit = known.local is None
    return NotHandled if known.local is None else recursion.call_local(t, known.local, names)


def _alike(call: Active, result: Any) -> bool:
    """Whether the local function of a call takes what the call was given, and gives what it gave."""
    local = call.local
    assert local is not None
    takes = all(_is(value, local.shapes[name]) for name, value in call.names.items())
    return takes and shape_of(result) == local.result


def _is(value: Any, shape: Shape) -> bool:
    return shape_of(value, run_time=isinstance(shape, ScalarSpec)) == shape


def _outlined(t: Tracer, frame: Frame, names: Mapping[str, Any], identity: object, body: Body) -> Local | None:
    """The function, traced apart from the code around it; None if that cannot be."""
    home, locals, active, start = dict(t.home), list(t.locals), list(t.active), now(t)
    entry = Active(identity, None, names, frame.scope, t.home)
    try:
        shapes = {name: shape_of(value) for name, value in names.items()}
        local = recursion.define(t, entry, frame, shapes, lambda f, n: _numbers(body(f, n)))
        if not stands_alone(local, _captured(t)):
            raise _Unfit
        return local
    except (LladError, recursion.Widened, _Unfit):  # inlined, it may pass, or is refused for good
        t.home.clear()
        t.home.update(home)
        go_back(t, start)
        return None
    finally:
        t.locals[:], t.active[:], t.builder.span = locals, active, start.span


def _captured(t: Tracer) -> set[Any]:
    return {value for _, value in t.captured.values()}


def _numbers(value: Any) -> Any:
    """The result of a function, if it can be outlined."""
    if not all(isinstance(v, Scalar) for v in (value if type(value) is tuple else (value,))) and value is not None:
        raise _Unfit
    return value


def _plain(value: Any) -> bool:
    """Whether an argument is no object that could change, or that knows the code around it."""
    if type(value) is tuple:
        return all(map(_plain, value))
    fixed = isinstance(value, (str, FunctionType)) or value is None or is_static_number(value)
    return fixed or isinstance(value, (Scalar, Array))


def _length(ops: list[Op]) -> int:
    return len(ops) + sum(1 for op in ops for region in op.regions for _ in walk(region))
