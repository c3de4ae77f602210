"""Syntax that is short for other syntax, written out before anything reads it.

`else` after a loop runs unless `break` left it, so the loop notes whether one did:

    for x in a:                     .broke = False
        if x > 1.0:                 for x in a:
            break                       if x > 1.0:
    else:                                   .broke = True
        y = 0.0                             break
                                    if not .broke:
                                        y = 0.0

Invariant: what is added stands where the loop or the `break` stands, and its names are no identifiers, so that they
meet none of the user's.
"""

from __future__ import annotations

import ast
from typing import TypeVar

Node = TypeVar("Node", bound=ast.AST)


def write_out(body: list[ast.stmt], flag: str | None = None) -> list[ast.stmt]:
    """The statements without `else` after loops, at any depth; a `break` of theirs sets `flag`. Changes the nodes."""
    out: list[ast.stmt] = []
    for statement in body:
        match statement:
            case ast.Break() if flag is not None:
                out += [_set(flag, True, statement), statement]
            case ast.For() | ast.While() | ast.AsyncFor():
                out += _loop(statement, flag)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                statement.body = write_out(statement.body)
                out.append(statement)
            case _:
                _inside(statement, flag)
                out.append(statement)
    return out


def _loop(loop: ast.For | ast.While | ast.AsyncFor, outer: str | None) -> list[ast.stmt]:
    otherwise = write_out(loop.orelse, outer)
    if not otherwise:
        loop.body = write_out(loop.body)
        return [loop]
    flag = f".broke:{loop.lineno}:{loop.col_offset}"
    loop.body, loop.orelse = write_out(loop.body, flag), []
    test = _at(loop, ast.UnaryOp(_at(loop, ast.Not()), _at(loop, ast.Name(flag, ast.Load()))))
    return [_set(flag, False, loop), loop, _at(loop, ast.If(test, otherwise, []))]


def _inside(statement: ast.stmt, flag: str | None) -> None:
    """The blocks of a statement that is no loop."""
    cases = [statement, *getattr(statement, "handlers", ()), *getattr(statement, "cases", ())]
    for owner in cases:
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(owner, name, None), list):
                setattr(owner, name, write_out(block, flag))


def _set(name: str, value: bool, at: ast.stmt) -> ast.stmt:
    return _at(at, ast.Assign([_at(at, ast.Name(name, ast.Store()))], _at(at, ast.Constant(value))))


def _at(place: ast.AST, node: Node) -> Node:
    return ast.copy_location(node, place)
