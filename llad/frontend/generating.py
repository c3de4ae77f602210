"""Generator functions: their items are computed when they are begun to be gone over, all at once.

    def powers(x, n):                       def powers(x, n):
        for k in range(n):                      items = []
            yield x**k                          for k in range(n):
                                                    items.append(x**k)
                                                return items

Python computes an item when it is asked for. Nobody sees the difference where nothing happens in between that the
generator reads, and where nothing that it does itself is seen elsewhere: what might be, is refused. What it yields is
copied, so that what it writes later is not seen; where it would be, that is refused, too (`loose.py`).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from llad.frontend.arrays import copy as copied
from llad.frontend.arrays import element
from llad.frontend.core import Tracer
from llad.frontend.creation import array_of
from llad.frontend.effects import Append, FunctionNode, own_nodes, parameters, reads
from llad.frontend.iteration import Generated, made_since, noted
from llad.frontend.parts import parts_of
from llad.frontend.rooms import own
from llad.frontend.source import Source
from llad.frontend.state import Frame, Scope
from llad.frontend.values import Array, Growing, Lazy, Rows, Scalar, Table, describe, is_static
from llad.ir.core import Op, Value
from llad.ir.types import BufferType
from llad.structures import is_named_tuple

_ITEMS = "the items of the generator"
_ITEM = "an item of another generator"
_SEEN = frozenset({"print", "call", "derivative"})


class Yielded(ast.expr):
    """What `yield` gives."""

    _fields = ("value",)

    def __init__(self, value: ast.expr) -> None:
        super().__init__()
        self.value = value


def is_generator(node: FunctionNode) -> bool:
    """Whether the function has a `yield` of its own."""
    body = node.body if isinstance(node, ast.FunctionDef) else []
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(body))


def gathering(source: Source) -> Source:
    """The function that returns the list of what the generator gives."""
    made = copy.deepcopy(source.node)
    assert isinstance(made, ast.FunctionDef)
    begin = ast.Assign([ast.Name(_ITEMS, ast.Store())], ast.List([], ast.Load()))
    body = [_Gathering().visit(statement) for statement in made.body]
    made.body = [begin, *body, ast.Return(ast.Name(_ITEMS, ast.Load()))]
    for node in ast.walk(made):
        if not hasattr(node, "lineno"):
            ast.copy_location(node, source.node)
    return source.nested(made)


class _Gathering(ast.NodeTransformer):
    """`yield` as a statement, and `return`."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        match node.value:
            case ast.Yield(value=value):
                return _placed(_appended(Yielded(value or ast.Constant(None))), node)
            case ast.YieldFrom(value=value):
                body: list[ast.stmt] = [_appended(ast.Name(_ITEM, ast.Load()))]
                return _placed(ast.For(ast.Name(_ITEM, ast.Store()), value, body, []), node)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
            return _placed(ast.Return(ast.Name(_ITEMS, ast.Load())), node)
        return _placed(ast.Expr(ast.Yield(node.value)), node)  # what only `yield from` would see is refused


def _appended(item: ast.expr) -> Append:
    method = ast.Attribute(ast.Name(_ITEMS, ast.Load()), "append", ast.Load())
    return Append(_ITEMS, ast.Call(method, [item], []))


def _placed(tree: ast.AST, at: ast.AST) -> ast.AST:
    for child in ast.walk(tree):
        if not hasattr(child, "lineno"):
            ast.copy_location(child, at)
    return tree


def begun(
    t: Tracer, source: Source, parent: Frame | None, values: Iterable[Any], run: Callable[[], Any]
) -> Generated:
    """What a call of a generator function gives: nothing of it has run."""
    node = source.node
    assert isinstance(node, ast.FunctionDef)
    if any(isinstance(n, ast.Nonlocal) for n in own_nodes(node.body)):
        t.refuse("yield", what="that assigns to outer names")
    if any(_is_endless(n) for n in own_nodes(node.body)):
        t.refuse("yield", what="that never ends")
    seen = [*values]
    if parent is not None:
        around = parent.source.node
        inside = around.body if isinstance(around, ast.FunctionDef) else [around.body]
        stores = [n.id for n in own_nodes(inside) if isinstance(n, ast.Name) and not _is_read(n)]
        stores += parameters(around)
        for name in sorted(reads(node) & parent.source.locals - source.locals):
            if stores.count(name) > 1 or parent.source.rebound:
                t.refuse("yield", what=f"that reads the outer `{name}`, which changes")
            seen.append(parent.state.values.get(name))
    return Generated(run, None, tuple(seen), t.builder.span, is_generator=True, written=node)


def _is_read(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Load)


def _is_endless(node: ast.AST) -> bool:
    if not isinstance(node, ast.While) or not (isinstance(node.test, ast.Constant) and node.test.value):
        return False
    return not any(isinstance(n, (ast.Break, ast.Return)) for n in own_nodes(node.body))


def refuse_if_open(t: Tracer, value: Any) -> None:
    """Refuse a generator that may go on for ever where it may not be gone over to its end."""
    body = value.written.body if isinstance(value, Generated) and value.written is not None else []
    if any(isinstance(n, ast.While) for n in own_nodes(body)):
        t.refuse("yield", what="with a `while` loop that may be left before its end")


def yielded(t: Tracer, node: Yielded) -> Any:
    """An item, as it is now."""
    return _kept(t, t.eval(node.value))


def _kept(t: Tracer, item: Any) -> Any:
    if isinstance(item, Array):
        made = replace(copied(t, item), loose=True)
        t.note_copy(made.value, item.value)
        return made
    if isinstance(item, tuple):
        parts = [_kept(t, part) for part in item]
        return type(item)(*parts) if is_named_tuple(type(item)) else tuple(parts)
    if isinstance(item, Scalar) or (is_static(item) and not isinstance(item, (list, dict, set))):
        return item
    return t.refuse("yield", what=f"of {describe(item)}")


def gathered(t: Tracer, value: Generated) -> Any:
    """The items of a generator function, to be gone over by a loop, which may write what the generator reads."""
    if any(map(_grows, value.source)):
        t.refuse("yield", what="that reads a list which may grow, or change")
    outer, t.scope = t.scope, Scope(t.scope, "straight")
    before, t.generating = t.generating, t.scope
    start = len(t.builder.current.ops)
    try:
        made = value.listed()
    finally:
        t.scope, t.generating = outer, before
    t.seen_by_generators += value.source
    ops, sources = made_since(t, start)
    _refuse_effects(t, ops)
    if isinstance(made, (Rows, Table)):
        made = own(t, made)
        noted(t, made.arrays, sources, value.span)
        return made
    if not sources:
        return tuple(made)
    late = [_late(t, item, sources, value) for item in made]
    return Lazy(lambda: (item() for item in late))


def _grows(value: Any) -> bool:
    """Whether a list that loops change is the value, or in it."""
    if isinstance(value, Growing):
        return True
    if isinstance(value, (Rows, Table)):
        return value.of is not None
    parts = parts_of(value)
    return parts is not None and any(map(_grows, parts[1]))


def _late(t: Tracer, item: Any, sources: Sequence[Value], value: Generated) -> Callable[[], Any]:
    """What gives the item as it was, noted as a copy of what the generator reads."""
    if isinstance(item, Scalar):
        place = array_of(t, [item], None)
        noted(t, [place], sources, value.span)
        weak = item.weak
        return lambda: replace(element(t, place, [t.builder.i64(0)]), weak=weak)
    if isinstance(item, Array):
        noted(t, [item], sources, value.span)
    if isinstance(item, tuple):
        parts = [_late(t, part, sources, value) for part in item]
        kind: Any = type(item)
        if is_named_tuple(type(item)):
            return lambda: kind(*(part() for part in parts))
        return lambda: tuple(part() for part in parts)
    return lambda: item


def _refuse_effects(t: Tracer, ops: Sequence[Op]) -> None:
    """Refuse what somebody else may see before Python would have done it."""
    ours = _made_by(ops)
    for op in ops:
        if op.name in _SEEN or (op.name == "store" and not ours.issuperset(_arrays(op.operands))):
            t.refuse("yield", what="that does something else, too: it prints, or writes arrays, or calls itself")


def _made_by(ops: Sequence[Op]) -> set[Value]:
    """The arrays that are in memory which these ops have allocated, where that is plain; a loop comes before its body.

    What a loop or branch hands on is, if it is given such arrays only and no others are handed on anywhere."""
    ours: set[Value] = set()
    for op in ops:
        given = _arrays(op.operands)
        if op.name == "alloc" or ((given or op.regions) and ours.issuperset(given)):
            ours.update(_arrays(op.results))
            ours.update(a for region in op.regions for a in _arrays(region.args))
    handed_on = [v for op in ops if op.name == "yield" for v in _arrays(op.operands)]
    return ours if ours.issuperset(handed_on) else set()


def _arrays(values: Iterable[Value]) -> list[Value]:
    return [v for v in values if isinstance(v.type, BufferType)]
