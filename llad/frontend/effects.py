"""What a stretch of Python assigns, and where control may leave it: facts of the syntax alone.

Only names of the function itself count: the bodies of nested functions, lambdas and comprehensions have scopes
of their own. What nested functions assign of the function's names, by `nonlocal`, is told apart (`rebound`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from llad.frontend.tree import children, walk

FunctionNode = ast.FunctionDef | ast.Lambda
Scoped = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


class Append(ast.stmt):
    """`name.append(value)`, `name.extend(values)` or `name.insert(k, value)`: the name, which is the function's own,
    and the call."""

    _fields = ("call",)

    def __init__(self, name: str, call: ast.Call) -> None:
        super().__init__()
        self.name = name
        self.call = call

    @property
    def inserts(self) -> bool:
        return self.call.func.attr == "insert"  # type: ignore[attr-defined, no-any-return]


# Methods that change what a name holds, if it is a list, whatever their arguments are; and those that may shorten it.
SHORTENING = frozenset({"pop", "remove", "clear"})
CHANGING = SHORTENING | {"sort", "reverse"}
_APART = (ast.FunctionDef, ast.Lambda, ast.ClassDef)


def own_nodes(nodes: Iterable[ast.AST]) -> list[ast.AST]:
    """The nodes and their descendants that belong to the same scope; scoped nodes are given, not entered."""
    return _entered(nodes, Scoped)


def _entered(nodes: Iterable[ast.AST], unless: tuple[type[ast.AST], ...]) -> list[ast.AST]:
    """The nodes and their descendants, in the order of the source, but not what is below some kinds of nodes."""
    found: list[ast.AST] = []
    for node in nodes:
        found.append(node)
        if not isinstance(node, unless):
            found += _entered(children(node), unless)
    return found


def assigned(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """The names that the statements or targets assign or delete, in the order of their first assignment."""
    names: dict[str, None] = {}
    for node in own_nodes(nodes):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names[node.id] = None
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names[node.name] = None
        elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            names.update(dict.fromkeys(n.target.id for n in walk(node) if isinstance(n, ast.NamedExpr)))
    return tuple(names)


def appended(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """The names whose lists the statements append to by a call, in the order of the first one."""
    return tuple(dict.fromkeys(node.name for node in own_nodes(nodes) if isinstance(node, Append)))


def changed(nodes: Iterable[ast.AST]) -> tuple[str, ...]:
    """The names whose lists the statements may change otherwise than by `+=`: they append, sort, or set an item."""
    names: dict[str, None] = {}
    for node in own_nodes(nodes):
        match node:
            case Append(name=name):
                names[name] = None
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                names[name] = None
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGING:
                names[name] = None
    return tuple(names)


def parameters(node: FunctionNode) -> tuple[str, ...]:
    """The names of the parameters, in order."""
    a = node.args
    starred = [p for p in (a.vararg, a.kwarg) if p is not None]
    return tuple(p.arg for p in (*a.posonlyargs, *a.args, *a.kwonlyargs, *starred))


def body_of(node: FunctionNode) -> list[ast.stmt]:
    return node.body if isinstance(node, ast.FunctionDef) else []


def local_names(node: FunctionNode) -> frozenset[str]:
    """Parameters and assigned names: what a name lookup finds in the function itself."""
    body = node.body if isinstance(node, ast.FunctionDef) else [node.body]
    return frozenset((*parameters(node), *assigned(body)))


def reads(*nodes: ast.AST | None) -> frozenset[str]:
    """Every name that is read somewhere below, nested functions included; one declared `nonlocal` may be."""
    found: set[str] = set()
    for n in (n for node in nodes if node is not None for n in walk(node)):
        if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Store):
            found.add(n.id)
        elif isinstance(n, ast.Nonlocal):
            found.update(n.names)
    return frozenset(found)


def borrowed(node: FunctionNode) -> frozenset[str]:
    """The names of functions around this one that it assigns itself."""
    body = body_of(node)
    declared = (n.names for n in own_nodes(body) if isinstance(n, ast.Nonlocal))
    return frozenset().union(*declared) & frozenset(assigned(body))


def rebound(node: FunctionNode) -> frozenset[str]:
    """The function's own names that functions inside it may assign whenever they are called."""
    body = body_of(node)
    nested = (n for top in _entered(body, _APART) if isinstance(top, ast.FunctionDef) for n in walk(top))
    declared = (n.names for n in nested if isinstance(n, ast.Nonlocal))
    return frozenset().union(*declared) & local_names(node)


def captured_names(body: Iterable[ast.AST]) -> frozenset[str]:
    """Names that nested functions and lambdas read: they may be read whenever those are called."""
    nested = (ast.FunctionDef, ast.Lambda)
    return frozenset().union(*(reads(n) for n in _entered(body, _APART) if isinstance(n, nested)))


def leaves_loop(body: Iterable[ast.AST]) -> bool:
    """Whether a `break`, `continue` or `return` in `body` may leave the loop (or iteration) that `body` is of."""
    for node in body:
        match node:
            case ast.Return() | ast.Break() | ast.Continue():
                return True
            case ast.For() | ast.While():
                if any(isinstance(n, ast.Return) for n in own_nodes(node.body)):
                    return True
            case ast.If():
                if leaves_loop((*node.body, *node.orelse)):
                    return True
            case _:
                pass
    return False
