"""`match` written out as `if` and `elif`: facts of the syntax alone.

    match p:                    .subject = p
        case 0 | 1:             if .subject == 0 or .subject == 1:
            y = x                   y = x
        case (a, b) if a > b:   elif HasItems(.subject, 2) and Binds(a := .subject[0]) and … and a > b:
            y = a                   y = a
        case other:             else:
            y = other               other = .subject
                                    y = other

What a pattern has names for is bound once all of it matches, and before the guard, as Python does it: what a guard sees
stays bound where it fails. Without a guard it is bound in the case's block.

What only the values can tell (is it a sequence, of how many items? of this class?) is asked by nodes of their own
(`matching.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from copy import copy
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)


class HasItems(ast.expr):
    """Whether `subject` is a sequence, as patterns have it, of `count` items, or (`open`) at least so many."""

    _fields = ("subject",)

    def __init__(self, subject: ast.expr, count: int, open: bool) -> None:
        super().__init__()
        self.subject = subject
        self.count = count
        self.open = open


class HasKeys(ast.expr):
    """Whether `subject` is a dict, as patterns have it, with all `keys`."""

    _fields = ("subject", "keys")

    def __init__(self, subject: ast.expr, keys: list[ast.expr]) -> None:
        super().__init__()
        self.subject = subject
        self.keys = keys


class OtherKeys(HasKeys):
    """A dict of what `subject` has under other keys than `keys`."""


class Binds(ast.expr):
    """True, once the assignment is done."""

    _fields = ("assignment",)

    def __init__(self, assignment: ast.NamedExpr) -> None:
        super().__init__()
        self.assignment = assignment


class IsA(ast.expr):
    """Whether `subject` is an instance of the class `cls`, whose first `count` fields are to match."""

    _fields = ("subject", "cls")

    def __init__(self, subject: ast.expr, cls: ast.expr, count: int) -> None:
        super().__init__()
        self.subject = subject
        self.cls = cls
        self.count = count


class FieldAt(ast.expr):
    """What stands in the field `place` of `subject`, in the order that the class `cls` gives them for patterns."""

    _fields = ("subject", "cls")

    def __init__(self, subject: ast.expr, cls: ast.expr, place: int) -> None:
        super().__init__()
        self.subject = subject
        self.cls = cls
        self.place = place


class Refused(ast.expr):
    """A pattern that is not understood, called `what`."""

    _fields = ("pattern",)

    def __init__(self, what: str, pattern: ast.pattern) -> None:
        super().__init__()
        self.what = what
        self.pattern = pattern


# What a part of the subject is called: written anew wherever it stands, since nodes are told apart by identity.
Part = Callable[[], ast.expr]
Capture = tuple[ast.pattern, str, Part]


def as_ifs(statement: ast.Match, body: Callable[[ast.match_case], list[ast.stmt]]) -> list[ast.stmt]:
    """The statements that a `match` is short for; `body` gives those of a case."""
    name = f".subject:{statement.lineno}:{statement.col_offset}"
    subject = placed(statement, ast.Assign([placed(statement.subject, ast.Name(name, ast.Store()))], statement.subject))
    rest: list[ast.stmt] = []
    for case in reversed(statement.cases):
        captures: list[Capture] = []
        pattern = case.pattern
        tests = _tests(pattern, _whole(pattern, name), captures)
        inside = body(case)
        if case.guard is None:
            inside = [*(placed(p, ast.Assign([_target(p, n)], part())) for p, n, part in captures), *inside]
        else:
            tests += [placed(p, Binds(placed(p, ast.NamedExpr(_target(p, n), part())))) for p, n, part in captures]
            tests.append(case.guard)
        rest = [placed(pattern, ast.If(_all(pattern, tests), inside, rest))] if tests else inside
    return [subject, *rest]


def _whole(pattern: ast.pattern, name: str) -> Part:
    return lambda: placed(pattern, ast.Name(name, ast.Load()))


def _tests(pattern: ast.pattern, part: Part, captures: list[Capture]) -> list[ast.expr]:
    """What must hold for the part of the subject to match, in order; adds what is then to be bound."""
    match pattern:
        case ast.MatchValue(value=value):
            return [placed(pattern, ast.Compare(part(), [ast.Eq()], [value]))]
        case ast.MatchSingleton(value=value):
            return [placed(pattern, ast.Compare(part(), [ast.Is()], [placed(pattern, ast.Constant(value))]))]
        case ast.MatchAs(pattern=inner, name=name):
            tests = [] if inner is None else _tests(inner, part, captures)
            if name is not None:
                captures.append((pattern, name, part))
            return tests
        case ast.MatchOr(patterns=patterns):
            return _alternatives(pattern, patterns, part)
        case ast.MatchSequence(patterns=patterns):
            return _items(pattern, patterns, part, captures)
        case ast.MatchMapping():
            return _values(pattern, part, captures)
        case ast.MatchClass():
            return _fields(pattern, part, captures)
    raise AssertionError(pattern)


def _alternatives(whole: ast.pattern, patterns: Sequence[ast.pattern], part: Part) -> list[ast.expr]:
    """`p | q`. One that always matches can only be the last."""
    tests: list[ast.expr] = []
    for pattern in patterns:
        captures: list[Capture] = []
        tests.append(_all(pattern, _tests(pattern, part, captures)))
        if captures:
            return [placed(whole, Refused("with `|` of names that it binds", whole))]
    return [placed(whole, ast.BoolOp(ast.Or(), tests))]


def _items(
    whole: ast.pattern, patterns: Sequence[ast.pattern], part: Part, captures: list[Capture]
) -> list[ast.expr]:
    """The pattern of a sequence, of which one item may be starred."""
    stars = [k for k, p in enumerate(patterns) if isinstance(p, ast.MatchStar)]
    star = stars[0] if stars else len(patterns)
    behind = len(patterns) - star - 1
    tests: list[ast.expr] = [placed(whole, HasItems(part(), len(patterns) - len(stars), bool(stars)))]
    for k, pattern in enumerate(patterns):
        if not isinstance(pattern, ast.MatchStar):
            tests += _tests(pattern, _item(pattern, part, k if k < star else k - len(patterns)), captures)
        elif pattern.name is not None:
            captures.append((pattern, pattern.name, _between(pattern, part, star, behind)))
    return tests


def _values(pattern: ast.MatchMapping, part: Part, captures: list[Capture]) -> list[ast.expr]:
    """The pattern of a dict, `{"kind": "box", "width": w, **rest}`."""
    keys = pattern.keys
    tests: list[ast.expr] = [placed(pattern, HasKeys(part(), keys))]
    for key, inner in zip(keys, pattern.patterns, strict=True):
        tests += _tests(inner, _value(inner, part, key), captures)
    if pattern.rest is not None:
        captures.append((pattern, pattern.rest, lambda: placed(pattern, OtherKeys(part(), [copy(k) for k in keys]))))
    return tests


def _value(pattern: ast.pattern, part: Part, key: ast.expr) -> Part:
    return lambda: placed(pattern, ast.Subscript(part(), copy(key), ast.Load()))


def _fields(pattern: ast.MatchClass, part: Part, captures: list[Capture]) -> list[ast.expr]:
    """The pattern of a class, `Point(0.0, y=v)`."""
    tests: list[ast.expr] = [placed(pattern, IsA(part(), pattern.cls, len(pattern.patterns)))]
    for k, inner in enumerate(pattern.patterns):
        tests += _tests(inner, _field_at(inner, part, pattern.cls, k), captures)
    for name, inner in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        tests += _tests(inner, _attribute(inner, part, name), captures)
    return tests


def _field_at(pattern: ast.pattern, part: Part, cls: ast.expr, k: int) -> Part:
    return lambda: placed(pattern, FieldAt(part(), cls, k))


def _attribute(pattern: ast.pattern, part: Part, name: str) -> Part:
    return lambda: placed(pattern, ast.Attribute(part(), name, ast.Load()))


def _item(pattern: ast.pattern, part: Part, k: int) -> Part:
    return lambda: placed(pattern, ast.Subscript(part(), placed(pattern, ast.Constant(k)), ast.Load()))


def _between(pattern: ast.pattern, part: Part, before: int, behind: int) -> Part:
    """The list of the items between so many before and so many behind."""

    def stretch() -> ast.expr:
        end = placed(pattern, ast.Constant(-behind)) if behind else None
        items = placed(pattern, ast.Slice(placed(pattern, ast.Constant(before)), end))
        taken = placed(pattern, ast.Subscript(part(), items, ast.Load()))
        return placed(pattern, ast.List([placed(pattern, ast.Starred(taken, ast.Load()))], ast.Load()))

    return stretch


def _all(place: ast.pattern, tests: list[ast.expr]) -> ast.expr:
    if len(tests) > 1:
        return placed(place, ast.BoolOp(ast.And(), tests))
    return tests[0] if tests else placed(place, ast.Constant(True))


def _target(place: ast.AST, name: str) -> ast.Name:
    return placed(place, ast.Name(name, ast.Store()))


def placed(place: ast.AST, node: Node) -> Node:
    """The node, said to stand where `place` does."""
    return ast.copy_location(node, place)
