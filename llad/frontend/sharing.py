"""Whether anything but one name refers to a list: then it must not grow, since what grows is what the name holds.

Invariant: a way to a list that is not known is none that later code can take.
"""

from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from typing import Any

from llad.frontend.core import Tracer
from llad.frontend.extents import extents_of, measure
from llad.frontend.iteration import Generated, Walk
from llad.frontend.parts import parts_of
from llad.frontend.state import Bound, Closure, Frame, Maybe, Scope
from llad.frontend.transforms import Transform
from llad.frontend.tree import children
from llad.frontend.values import Dim, Growing, Lazy, Less, OrNone, Record, Room, Rows, Scalar, Table


def adopted(t: Tracer, name: str) -> Growing | None:
    """The list that a name holds as one that may grow: as it is, or if a function that is over has returned it."""
    value = t.state.values.get(name)
    if isinstance(value, Growing):
        return value
    if not isinstance(value, (Rows, Table)) or value.of is None or value.of.open:
        return None
    born = value.of.born
    if not isinstance(born, Scope) or not born.inside(t.frame.scope) or not t.scope.may_mutate(born):
        return None
    extent = extents_of(value.first.items)[0]
    count = measure(t, extent)
    name_of = extent if isinstance(extent, (Dim, Less)) else None
    number = count if isinstance(count, int) else Scalar(count, True, name_of)
    grown = Growing(value.of, number, value.least, value.arrays if value.of.elastic else ())
    t.state.values[name] = grown
    return grown


def refuse_others(t: Tracer, name: str, thing: list[Any] | Room) -> None:
    """Refuse, unless only this name of the function being traced refers to the list."""
    if t.ledger.is_kept(thing):
        t.refuse("growing", why="has become an item of another, or may be what another name refers to")
    if t.ledger.is_walked(thing):
        t.refuse("growing", why="is iterated over meanwhile")
    other = _other_name(t, t.frame, thing, name)
    if other is not None:
        t.refuse("growing", why=f"is what `{other}` refers to as well")
    if _in_a_container(t, thing):
        t.refuse("growing", why="is in another container as well")


def refuse_pending(t: Tracer, node: ast.Call, name: str) -> None:
    """Refuse a call that changes a list which the expression around it was given before, and has not used yet: in
    `xs + [xs.pop()]`, Python's sum has the shorter list, but what stands on the left here is the list as it was."""
    way = _way(t.frame.source.node, node)
    for around, part in itertools.pairwise(way):
        stored = isinstance(around, ast.Subscript) and not isinstance(around.ctx, ast.Load)
        if stored or not isinstance(around, ast.expr) or isinstance(around, (ast.BoolOp, ast.IfExp)):
            continue  # what chooses has used what came before
        before = itertools.takewhile(lambda each, part=part: each is not part, children(around))  # type: ignore[misc]
        if any(_hands_on(each, name) for each in before):
            t.refuse("growing", why="changes in an expression that was given it before")


def _way(root: ast.AST, node: ast.AST) -> list[ast.AST]:
    """The nodes from one to another inside it, both included; none, if it is not there."""
    if root is node:
        return [root]
    for each in children(root):
        if way := _way(each, node):
            return [root, *way]
    return []


# What has done with its arguments when it returns.
_EAGER = frozenset({"abs", "all", "any", "bool", "float", "int", "len", "list", "max", "min", "sorted", "sum", "tuple"})


def _hands_on(node: ast.AST, name: str) -> bool:
    """Whether the value of an expression may be the list that a name holds, or have it inside."""
    match node:
        case ast.Name(id=found):
            return found == name
        case ast.Call(func=ast.Name(id=function)) if function not in _EAGER:
            return any(_hands_on(each, name) for each in (*node.args, *node.keywords))
        case (
            ast.Tuple() | ast.List() | ast.Set() | ast.Dict() | ast.keyword() | ast.NamedExpr() | ast.BoolOp()
            | ast.IfExp() | ast.Starred()
        ):  # fmt: skip
            return any(_hands_on(each, name) for each in children(node))
    return False


def _other_name(t: Tracer, frame: Frame | None, thing: list[Any] | Room, name: str | None = None) -> str | None:
    """A name in a frame, or in those around it, by which the list may be reached, but for one of the function's own."""
    while frame is not None:
        for other, value in frame.state.values.items():
            if (frame is not t.frame or other != name) and _refers(t, value, thing, frame):
                return other
        frame = frame.parent
    return None


def _in_a_container(t: Tracer, thing: list[Any] | Room) -> bool:
    return any(other is not thing and _refers(t, other, thing, t.frame) for other, _ in t.ledger.born.values())


def handed_out(t: Tracer, value: Any) -> Any:
    """What a function returns on one of several paths: nobody else has a list of its own from then on."""
    if isinstance(value, tuple) and (parts := parts_of(value)) is not None:
        return t.compose(parts[0], [handed_out(t, part) for part in parts[1]])
    if not isinstance(value, (Rows, Table)) or value.of is None or t.scope is t.frame.scope:
        return value
    room = value.of
    own = isinstance(room.born, Scope) and room.born.inside(t.frame.scope) and not t.ledger.is_kept(room)
    if not own or _other_name(t, t.frame.parent, room) is not None or _in_a_container(t, room):
        return value
    return _without_room(value)


def _without_room(value: Rows | Table) -> Rows | Table:
    if isinstance(value, Table):
        return replace(value, columns=tuple(map(_without_room, value.columns)), of=None)
    return replace(value, of=None)


def _refers(t: Tracer, value: Any, thing: list[Any] | Room, around: Frame) -> bool:
    """Whether the list may be reached from a value; the names of `around` and of frames around it are known already."""
    known: set[Frame] = set()
    frame: Frame | None = around
    while frame is not None:
        known.add(frame)
        frame = frame.parent
    pending, seen = [value], set[int]()
    while pending:
        value = pending.pop()
        if value is thing:
            return True
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Rows(of=room) | Table(of=room):
                pending.append(room)
            case Growing(room=room):
                pending.append(room)
            case Walk(lists=lists):
                pending += lists
            case Maybe(inner=inner) | OrNone(inner=inner):
                pending.append(inner)
            case tuple() | list():
                pending += value
            case Lazy(sources=sources):
                pending += sources
            case Generated(source=source):
                pending.append(source)
            case dict():
                pending += value.values()
            case Record(fields=fields):
                pending += fields.values()
            case Bound(args=args, kwargs=kwargs):
                pending += [*args, *kwargs.values()]
            case Transform(function=function):
                pending.append(function)
            case Closure(frame=frame, defaults=defaults, keyword_defaults=named):
                pending += [*defaults, *named.values()]
                while frame is not None and frame not in known:
                    known.add(frame)
                    pending += frame.state.values.values()
                    frame = frame.parent
    return False
