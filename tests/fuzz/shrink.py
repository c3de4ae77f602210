"""A failing program made small: delta debugging on its syntax tree (Zeller & Hildebrandt 2002, on trees).

Statements are taken out, blocks put in place of what holds them, expressions replaced by parts of themselves or by a
number, arguments by rounder ones, as long as the program makes sense and fails in the same way.
"""

from __future__ import annotations

import ast
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .subject import Subject

StillFails = Callable[[Subject], bool]
NUMBERS = (0, 1, 0.5)


def shrink(subject: Subject, still_fails: StillFails, seconds: float = 120.0) -> Subject:
    """The smallest program that was found in the time."""
    end = time.monotonic() + seconds
    smaller = True
    while smaller and time.monotonic() < end:
        subject, smaller = shrunk_once(subject, still_fails, end)
    return subject


def shrunk_once(subject: Subject, still_fails: StillFails, end: float) -> tuple[Subject, bool]:
    """Every edit tried once, those that work kept; whether one did."""
    smaller, k = False, 0
    edits = [*candidates(subject)]
    while k < len(edits) and time.monotonic() < end:
        candidate = edits[k]
        if candidate is not None and candidate.sound and still_fails(candidate):
            subject, smaller = candidate, True
            edits = [*candidates(subject)]  # what stands at k now has not been tried
        else:
            k += 1
    return subject, smaller


def candidates(subject: Subject) -> Iterator[Subject | None]:
    """Programs a step smaller, great steps first."""
    tree = ast.parse(subject.source)
    for edit in tree_edits(tree):
        clone = copy.deepcopy(tree)
        edit([*ast.walk(clone)])
        try:
            text = ast.unparse(ast.fix_missing_locations(clone)) + "\n"
        except (ValueError, AttributeError):
            continue
        if text != subject.source:
            yield replace(subject, source=text)
    for args in simpler_arguments(subject.args):
        yield replace(subject, args=args)


Edit = Callable[[list[ast.AST]], None]


def tree_edits(tree: ast.Module) -> Iterator[Edit]:
    """Each changes the nodes of a copy of `tree`, given in the order of `ast.walk`."""
    nodes = [*ast.walk(tree)]
    for k, node in enumerate(nodes):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from removals(k, field, len(value), needs_one=field == "body" and k > 0)
                for j, inner in enumerate(value):
                    yield from unwrappings(k, field, j, inner)
    for k, node in enumerate(nodes):
        for field, value in ast.iter_fields(node):
            items = value if isinstance(value, list) else [value] if field != "func" else []
            for j, item in enumerate(items):
                if isinstance(item, ast.expr) and not isinstance(getattr(item, "ctx", None), ast.Store | ast.Del):
                    yield from replacements(k, field, j if isinstance(value, list) else None, item)


def removals(k: int, field: str, count: int, needs_one: bool) -> Iterator[Edit]:
    size = count
    while size:
        for start in range(0, count, size):

            def remove(nodes: list[ast.AST], start: int = start, size: int = size) -> None:
                body = getattr(nodes[k], field)
                del body[start : start + size]
                if needs_one and not body:
                    body.append(ast.Pass())

            yield remove
        size //= 2


def unwrappings(k: int, field: str, j: int, inner: ast.stmt) -> Iterator[Edit]:
    """What a compound statement holds, in its place."""
    for part in ("body", "orelse"):
        if isinstance(inner, ast.If | ast.For | ast.While) and getattr(inner, part):

            def unwrap(nodes: list[ast.AST], part: str = part) -> None:
                body = getattr(nodes[k], field)
                body[j : j + 1] = getattr(body[j], part)

            yield unwrap


def replacements(k: int, field: str, j: int | None, item: ast.expr) -> Iterator[Edit]:
    """A part of an expression, or a number, in place of the expression."""

    def put(nodes: list[ast.AST], make: Callable[[ast.expr], ast.expr]) -> None:
        if j is None:
            setattr(nodes[k], field, make(getattr(nodes[k], field)))
        else:
            getattr(nodes[k], field)[j] = make(getattr(nodes[k], field)[j])

    parts = [c for c in ast.iter_child_nodes(item) if isinstance(c, ast.expr)]
    for index in range(len(parts)):

        def part(e: ast.expr, index: int = index) -> ast.expr:
            return [c for c in ast.iter_child_nodes(e) if isinstance(c, ast.expr)][index]

        yield lambda nodes, part=part: put(nodes, part)
    if not isinstance(item, ast.Constant):
        for number in NUMBERS:
            yield lambda nodes, number=number: put(nodes, lambda _: ast.Constant(number))


def simpler_arguments(args: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for k, arg in enumerate(args):
        simpler: list[Any] = []
        if isinstance(arg, float):
            simpler = [v for v in (0.5, 1.0, round(arg, 1)) if v != arg and abs(arg) not in (0.5, 1.0)]
        elif isinstance(arg, np.ndarray) and arg.dtype.kind == "f" and not np.array_equal(arg, arg.round(1)):
            simpler = [arg.round(1)]
        elif isinstance(arg, np.ndarray) and arg.dtype.kind == "i" and arg.any():
            simpler = [np.zeros_like(arg)]
        elif isinstance(arg, int) and arg > 0:
            simpler = [arg - 1]
        for value in simpler:
            yield (*args[:k], value, *args[k + 1 :])
