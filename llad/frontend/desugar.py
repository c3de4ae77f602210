"""Syntax that is short for other syntax, written out before anything reads it.

`else` after a loop runs unless `break` left it, so the loop notes whether one did:

    for x in a:                     .broke = False
        if x > 1.0:                 for x in a:
            break                       if x > 1.0:
    else:                                   .broke = True
        y = 0.0                             break
                                    if not .broke:
                                        y = 0.0

`values.append(v)` for a local name becomes an `Append`, since it may bind the name to a longer list (`growing.py`).

An `import` in a function is an assignment of what is imported. The statements inside a `with` stand between what enters
and what leaves its objects (`managers.py`); `np.errstate` is nothing that would have to be left (`imports.py`). `match`
stands in `patterns.py`.

Invariant: what is added stands where the loop or the `break` stands, and its names are no identifiers, so that they
meet none of the user's.
"""

from __future__ import annotations

import ast

from llad.frontend.effects import Append, leaves_loop, local_names, own_nodes
from llad.frontend.patterns import as_ifs, placed


class Imported(ast.expr):
    """A module, or what it has under a name; `level`: so many packages further out than the function's module."""

    _fields = ()

    def __init__(self, module: str, name: str | None = None, level: int = 0) -> None:
        super().__init__()
        self.module = module
        self.name = name
        self.level = level


class Enter(ast.stmt):
    """What `with` does first: the object is held by the name `manager`. `early`: the statements inside may leave it."""

    _fields = ("context", "manager", "target")

    def __init__(self, manager: ast.Name, context: ast.expr, target: ast.expr | None, early: bool) -> None:
        super().__init__()
        self.manager = manager
        self.context = context
        self.target = target
        self.early = early


class Leave(ast.stmt):
    """What `with` does last."""

    _fields = ("manager",)

    def __init__(self, manager: ast.Name) -> None:
        super().__init__()
        self.manager = manager


def write_out(
    body: list[ast.stmt], flag: str | None = None, names: frozenset[str] = frozenset()
) -> list[ast.stmt]:
    """The statements without `else` after loops, at any depth; a `break` of theirs sets `flag`. `names` are those of
    the function around them. Changes the nodes."""
    out: list[ast.stmt] = []
    for statement in body:
        match statement:
            case ast.Break() if flag is not None:
                out += [_set(flag, True, statement), statement]
            case ast.For() | ast.While() | ast.AsyncFor():
                out += _loop(statement, flag, names)
            case ast.FunctionDef():
                statement.body = write_out(statement.body, None, _own(statement))
                out.append(statement)
            case ast.Match():
                out += as_ifs(statement, lambda case: write_out(case.body, flag, names))
            case ast.Import() | ast.ImportFrom():
                out += [_assigned(statement, alias) for alias in statement.names]
            case ast.With():
                inner, statement.body = write_out(statement.body, flag, names), []
                out += _managed(statement, inner)
            case ast.AsyncFunctionDef() | ast.ClassDef():
                statement.body = write_out(statement.body)
                out.append(statement)
            case ast.Expr(value=ast.Call() as call) if (name := _appended(call)) in names:
                out.append(placed(statement, Append(name, call)))
            case _:
                _inside(statement, flag, names)
                out.append(statement)
    return out


def is_errstate(context: ast.expr) -> bool:
    """Whether what stands between `with` and `:` looks like `np.errstate(…)`."""
    match context:
        case ast.Call(func=ast.Attribute(attr="errstate") | ast.Name(id="errstate")):
            return True
    return False


def _managed(statement: ast.With, inner: list[ast.stmt]) -> list[ast.stmt]:
    """The statements inside a `with`, between where its objects are entered and where they are left."""
    if all(is_errstate(item.context_expr) for item in statement.items):
        return [statement, *inner]
    last: list[ast.stmt] = []
    match inner:
        case [*first, ast.Return(value=ast.expr() as value) as end]:
            name = f".result:{end.lineno}:{end.col_offset}"
            inner = [*first, placed(end, ast.Assign([placed(end, ast.Name(name, ast.Store()))], value))]
            last = [placed(end, ast.Return(placed(end, ast.Name(name, ast.Load()))))]
    early = leaves_loop(inner)
    entered: list[ast.stmt] = []
    left: list[ast.stmt] = []
    for k, item in enumerate(statement.items):
        name = f".manager:{statement.lineno}:{statement.col_offset}:{k}"
        at = item.context_expr
        enter = placed(at, Enter(placed(at, ast.Name(name, ast.Store())), at, item.optional_vars, early))
        if k == 0:  # which the function may begin with
            enter.lineno, enter.col_offset = statement.lineno, statement.col_offset
        entered.append(enter)
        left.insert(0, placed(at, Leave(placed(at, ast.Name(name, ast.Load())))))
    return [*entered, *inner, *left, *last]


def _own(function: ast.FunctionDef) -> frozenset[str]:
    """The names of a function that are its own."""
    declared = [n for n in own_nodes(function.body) if isinstance(n, (ast.Global, ast.Nonlocal))]
    return local_names(function).difference(*(n.names for n in declared))


# How many arguments methods of lists have that make them longer.
_ARGUMENTS = {"append": 1, "extend": 1, "insert": 2}


def _appended(call: ast.Call) -> str:
    """The name in `name.append(value)` and its like; of other calls none."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method), args=args, keywords=[]):
            strange = any(isinstance(n, (ast.Starred, ast.NamedExpr)) for n in own_nodes(args))
            return "" if strange or _ARGUMENTS.get(method) != len(args) else name
    return ""


def _loop(loop: ast.For | ast.While | ast.AsyncFor, outer: str | None, names: frozenset[str]) -> list[ast.stmt]:
    otherwise = write_out(loop.orelse, outer, names)
    if not otherwise:
        loop.body = write_out(loop.body, None, names)
        return [loop]
    flag = f".broke:{loop.lineno}:{loop.col_offset}"
    loop.body, loop.orelse = write_out(loop.body, flag, names), []
    test = placed(loop, ast.UnaryOp(placed(loop, ast.Not()), placed(loop, ast.Name(flag, ast.Load()))))
    return [_set(flag, False, loop), loop, placed(loop, ast.If(test, otherwise, []))]


def _inside(statement: ast.stmt, flag: str | None, names: frozenset[str]) -> None:
    """The blocks of a statement that is no loop."""
    for owner in (statement, *getattr(statement, "handlers", ())):
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(owner, name, None), list):
                setattr(owner, name, write_out(block, flag, names))


def _assigned(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    """The import of one name."""
    name = alias.asname or alias.name.partition(".")[0]
    if isinstance(statement, ast.ImportFrom):
        value = Imported(statement.module or "", alias.name, statement.level)
    else:
        value = Imported(alias.name if alias.asname else name)
    return placed(statement, ast.Assign([placed(statement, ast.Name(name, ast.Store()))], placed(statement, value)))


def _set(name: str, value: bool, at: ast.stmt) -> ast.stmt:
    return placed(at, ast.Assign([placed(at, ast.Name(name, ast.Store()))], placed(at, ast.Constant(value))))
