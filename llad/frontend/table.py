"""The table of functions that one trace has made: what they use of the code around them becomes parameters.

A local function (`recursion.py`, `outline.py`) is traced like a region: it may mention values of the code around it.
When the trace is complete, those become parameters, which every call passes (`close`); then functions may turn out
to be the same one, traced in several places, which is kept once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from llad.frontend.loose import Copied
from llad.frontend.state import Local
from llad.ir.core import Function, Op, Region, Value, called, walk
from llad.ir.rewrite import Mapping as Renaming
from llad.ir.rewrite import copy_region


def free_values(region: Region, bound: set[Value]) -> list[Value]:
    """The values that a region uses and does not make, in the order of their first use."""
    free: dict[Value, None] = {}
    bound = set(bound)

    def visit(region: Region) -> None:
        bound.update(region.args)
        for op in region.ops:
            free.update(dict.fromkeys(o for o in op.operands if o not in bound))
            for inner in op.regions:
                visit(inner)
            bound.update(op.results)

    visit(region)
    return list(free)


def close(home: Mapping[str, Local], root: Region, notes: Sequence[list[Copied]]) -> dict[str, Function]:
    """The table of a complete trace: what a function uses from outside is a parameter, which every call passes.

    What is noted of a function is noted again, with the names that it has in the table.
    """
    functions = _functions(home)
    names = called(root, functions)
    needs = _needs(functions, names)
    for op in [*_calls(root), *(op for name in names for op in _calls(functions[name].body))]:
        op.operands = (*op.operands, *needs[op.attrs["callee"]])
    table = {}
    for name in names:
        outer = [*functions[name].params, *needs[name]]
        mapping: Renaming = {v: Value(v.type, v.name) for v in outer}
        params = tuple(mapping[v] for v in outer)
        table[name] = Function(name, params, copy_region(functions[name].body, mapping), {"may_alias": True})
        for copied in notes:
            copied += [Copied(mapping[c.copy], mapping[c.source], c.span) for c in copied if c.copy in mapping]
    return _merged(table, root)


def _merged(table: dict[str, Function], root: Region) -> dict[str, Function]:
    """The table without what is the same as an earlier function; calls name that one."""
    kept = _same_as(table)
    for region in [root, *(fn.body for fn in table.values())]:
        for op in _calls(region):
            op.attrs = {**op.attrs, "callee": kept[op.attrs["callee"]]}
    return {name: fn for name, fn in table.items() if kept[name] == name}


def _same_as(table: Mapping[str, Function]) -> dict[str, str]:
    """Per function the first one that does the same: the coarsest partition in which those of a part are written
    alike, for the same lines of Python, and call functions of the same parts."""
    written = {name: _written(fn) for name, fn in table.items()} if len(table) > 1 else dict.fromkeys(table)
    calls = {name: [op.attrs["callee"] for op in _calls(fn.body)] for name, fn in table.items()}
    first, count = dict.fromkeys(table, ""), 0
    while count < len(set(first.values())):
        count = len(set(first.values()))
        parts: dict[object, str] = {}
        keys = {name: (first[name], written[name], tuple(first[c] for c in calls[name])) for name in table}
        first = {name: parts.setdefault(keys[name], name) for name in table}
    return first


def _written(fn: Function) -> object:
    """What a function does, up to the names of what it calls."""
    numbers: dict[Value, int] = {}

    def number(values: Iterable[Value]) -> tuple[object, ...]:
        return tuple((numbers.setdefault(v, len(numbers)), v.type) for v in values)

    def region(r: Region) -> object:
        return number(r.args), tuple(map(op, r.ops))

    def op(o: Op) -> object:
        attrs = {**o.attrs, "callee": ""} if o.name == "call" else o.attrs
        shown = tuple((k, v if isinstance(v, Function) else repr(v)) for k, v in attrs.items())
        inside = tuple(map(region, o.regions))
        return o.name, number(o.operands), inside, number(o.results), shown, o.span

    return number(fn.params), region(fn.body)


def stands_alone(local: Local, given: Iterable[Value]) -> bool:
    """Whether a function of the table, with all that it calls, is complete and uses only what is `given` everywhere."""
    functions = _functions(local.home)
    names = [local.name, *called(local.region, functions)]
    complete = not any(local.home[name].open for name in names)
    return complete and set(given).issuperset(_needs(functions, names)[local.name])


def _functions(home: Mapping[str, Local]) -> dict[str, Function]:
    return {name: Function(name, local.params, local.region) for name, local in home.items()}


def _needs(functions: Mapping[str, Function], names: Iterable[str]) -> dict[str, dict[Value, None]]:
    """Per function what it uses from outside, for itself and for what it calls, in the order of its use."""
    needs = {name: dict.fromkeys(free_values(functions[name].body, set(functions[name].params))) for name in names}
    made = {name: _made(functions[name]) for name in needs}
    calls = {name: _calls(functions[name].body) for name in needs}
    grown = True
    while grown:
        before = sum(map(len, needs.values()))
        for name in needs:
            for op in calls[name]:
                needs[name].update(dict.fromkeys(v for v in needs[op.attrs["callee"]] if v not in made[name]))
        grown = sum(map(len, needs.values())) != before
    return needs


def _calls(region: Region) -> list[Op]:
    return [op for op in walk(region) if op.name == "call"]


def _made(fn: Function) -> set[Value]:
    ops = list(walk(fn.body))
    return {*fn.params, *(r for op in ops for r in op.results), *(a for op in ops for r in op.regions for a in r.args)}
