"""Which memory a value may refer to: the one module that answers questions about overlap and overwriting.

A *root* is where memory comes from: a buffer parameter, the result of an `alloc` or `lifo`, a buffer made by
a `derivative` or `call`. No buffer is stored in user memory, so the roots of a value follow from the program text:
through views, what `if`s yield, loop carries (inits, yields, results) and what was pushed on a `lifo`. After
`a, b = b, a` a value has several roots, so they are a set. A root made in a loop stands for every block that
it makes there.

Invariant: two accesses can touch the same element only if the roots of their buffers intersect. So that this
holds in a function whose arguments may overlap (attribute `may_alias`), every buffer parameter there has
*all* buffer parameters as its roots. What is popped from a lifo that is a parameter, or that was passed to a call,
may also be memory that nothing here has made: its root is that lifo. An `undef` buffer, which
nothing may read, has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from weakref import WeakKeyDictionary

from llad.ir.core import Function, Op, Region, Value, loop_carries, loop_inits, loop_yields, walk
from llad.ir.types import F64, BufferType, LifoType

Roots = frozenset[Value]
Writes = Mapping[str, frozenset[int]]
_Node = Value | tuple[Value, int]  # a value, or field k of whatever was pushed on a lifo
_NONE: Roots = frozenset()


def _tracked(value: Value) -> bool:
    return isinstance(value.type, BufferType | LifoType)


class Aliases:
    """The memory questions of one function, answered from one walk over it. Keep it only as long as `fn`.

    `in_copies`: what a `derivative` op writes in copies counts as written, too. Who has to know whether overlap
    matters asks so, because copies do not overlap.
    """

    def __init__(self, fn: Function, writes: Writes | None = None, in_copies: bool = False) -> None:
        self._fn = fn
        self._in_copies = in_copies
        self._effects: dict[Region | Op, tuple[Roots, Roots]] = {}
        self._flow = _flow(fn)
        self._writes = _writes(tuple(fn.functions.values()), in_copies) if writes is None else writes

    def roots(self, value: Value) -> Roots:
        """The parameters, allocations and lifos to whose memory `value` may refer; empty for a number."""
        return self._flow.roots.get(value, _NONE)

    def may_alias(self, a: Value, b: Value) -> bool:
        """Whether some element of `a` may be an element of `b`."""
        return not self.roots(a).isdisjoint(self.roots(b))

    def written(self, what: Function | Region | Op) -> Roots:
        """The roots whose memory `what` may change or free (a push or pop changes its lifo)."""
        return self._effects_of(what)[1]

    def read(self, what: Function | Region | Op) -> Roots:
        """The roots whose elements `what` may read. Asking an extent reads nothing."""
        return self._effects_of(what)[0]

    def touched(self, what: Function | Region | Op) -> Roots:
        """What may be read or written."""
        return self.read(what) | self.written(what)

    def is_read_only(self, value: Value) -> bool:
        """Whether the memory of `value` comes from parameters only, none of them written in the function."""
        roots = self.roots(value)
        return roots <= set(self._fn.params) and roots.isdisjoint(self.written(self._fn))

    def escapes(self, alloc: Value) -> bool:
        """Whether a handle on the allocation is yielded, carried, returned, pushed, given to `derivative` or `call`.

        If not, it is used only by loads, stores, dims and views in the region of its `alloc` (and in regions
        inside that one), and dies with it.
        """
        return alloc in self._flow.escaped

    def outlives(self, alloc: Value) -> bool:
        """Whether it escapes to where a handle stays: not to a call that has nowhere to keep it."""
        return alloc in self._flow.kept

    def _effects_of(self, what: Function | Region | Op) -> tuple[Roots, Roots]:
        if isinstance(what, Function):
            what = what.body
        if what not in self._effects:
            if isinstance(what, Op):
                self._effects[what] = self._op_effects(what)
            else:
                self._effects[what] = _union(
                    self._effects_of(op) for op in what.ops if op.regions or op.name in _TOUCHES_MEMORY
                )
        return self._effects[what]

    def _op_effects(self, op: Op) -> tuple[Roots, Roots]:
        match op.name:
            case "load":
                return self.roots(op.operands[0]), _NONE
            case "print":
                return _NONE.union(*(self.roots(o) for o in op.operands if _tracked(o))), _NONE
            case "store":
                return _NONE, self.roots(op.operands[1])
            case "matmul":
                read = op.operands[:2] if op.attrs["fresh"] else op.operands
                return _NONE.union(*map(self.roots, read)), self.roots(op.operands[2])
            case "free" | "push":
                return _NONE, self.roots(op.operands[0])
            case "pop":
                return self.roots(op.operands[0]), self.roots(op.operands[0])
            case "call":
                tracked = [o for o in op.operands if _tracked(o)]
                writes = self._writes.get(op.attrs["callee"])
                changed = [o for k, o in enumerate(op.operands) if _tracked(o) and (writes is None or k in writes)]
                if any(isinstance(o.type, LifoType) and _handles(o.type) for o in tracked):  # what it pops, too
                    tracked, changed = [*tracked, self._flow.inside[op]], [*changed, self._flow.inside[op]]
                return _NONE.union(*map(self.roots, tracked)), _NONE.union(*map(self.roots, changed))
            case "derivative":  # its expansion copies what its callee writes
                changed = written_operands(op) if self._in_copies else []
                return _NONE.union(*map(self.roots, op.operands)), _NONE.union(*map(self.roots, changed))
            case _:
                return _union(self._effects_of(r) for r in op.regions)


_TOUCHES_MEMORY = frozenset({"load", "store", "matmul", "free", "push", "pop", "derivative", "call", "print"})
# What makes a second name for a handle, or keeps it beyond the op.
_KEEPS_HANDLES = frozenset({"yield", "return", "for", "while", "push", "derivative", "call"})
# Where handles come from and go: these, and what makes them.
_MOVES_HANDLES = _KEEPS_HANDLES | {"alloc", "lifo", "view", "if", "pop"}


def _only_lends(op: Op) -> bool:
    """Whether the op is a call that has nowhere to leave a handle on its arguments."""
    if op.name != "call":
        return False
    lifos = [o.type for o in op.operands if isinstance(o.type, LifoType)]
    return not any(map(_tracked, op.results)) and not any(_handles(lifo) for lifo in lifos)


@lru_cache(maxsize=256)
def _handles(lifo: LifoType) -> tuple[int, ...]:
    """The fields of its records that are handles."""
    return tuple(k for k, field in enumerate(lifo.fields) if isinstance(field, BufferType | LifoType))


def written_operands(derivative: Op) -> list[Value]:
    """The operands of a `derivative` op of which its expansion writes copies."""
    callee: Function = derivative.attrs["callee"]
    written = Aliases(callee, in_copies=True).written(callee)
    return [o for o, p in zip(derivative.operands, callee.params, strict=False) if p in written]


@lru_cache(maxsize=4)  # each pass asks for every function of a table
def _writes(functions: tuple[Function, ...], in_copies: bool) -> Writes:
    """Per function, the numbers of the parameters through which it may write: the least fixpoint over its calls."""
    writes: dict[str, frozenset[int]] = {fn.name: frozenset() for fn in functions}
    # Here a parameter stands for what is reached by its own name, so overlap is not asked for.
    apart = [replace(fn, attrs={}) for fn in functions]
    grows = True
    while grows:
        grows = False
        for fn in apart:
            roots = Aliases(fn, writes, in_copies).written(fn)
            found = frozenset(k for k, p in enumerate(fn.params) if p in roots)
            grows |= found != writes[fn.name]
            writes[fn.name] = found
    return writes


def _union(effects: Iterable[tuple[Roots, Roots]]) -> tuple[Roots, Roots]:
    reads: set[Value] = set()
    writes: set[Value] = set()
    for read, written in effects:
        reads |= read
        writes |= written
    return frozenset(reads), frozenset(writes)


_flows: WeakKeyDictionary[Region, dict[tuple[tuple[Value, ...], bool], _Flow]] = WeakKeyDictionary()


def _flow(fn: Function) -> _Flow:
    """Found once for each body, which is finished: pass after pass asks about what the one before left as it was."""
    key = fn.params, bool(fn.attrs.get("may_alias"))
    known = _flows.setdefault(fn.body, {})
    if key not in known:
        known[key] = _Flow(fn, shared=key[1])
    return known[key]


class _Flow:
    """Roots carried along the ways that a handle can take, to a fixpoint. It does not hold the body itself.

    `shared`: whether arguments may overlap. `escaped`, `kept`: the roots of what gets a second name, of what is kept.
    """

    def __init__(self, fn: Function, shared: bool) -> None:
        self._sets: dict[_Node, set[Value]] = {}
        self._next: dict[_Node, list[_Node]] = {}
        self._pushes: list[Op] = []
        self._pops: list[Op] = []
        self.inside: dict[Op, Value] = {}  # per call, what stands for any handle in the callee
        params = [p for p in fn.params if isinstance(p.type, BufferType)]
        for param in fn.params:
            if _tracked(param):
                self._add(param, params if shared and param in params else [param])
        lifos = [p for p in fn.params if isinstance(p.type, LifoType)]
        for lifo in lifos:
            assert isinstance(lifo.type, LifoType)
            for k in _handles(lifo.type):
                self._add((lifo, k), [*params, *lifos])
        moving = [op for op in walk(fn.body) if op.name in _MOVES_HANDLES]
        for op in moving:
            self._visit(op)
        self._resolve_lifos()
        self.roots = {node: frozenset(s) for node, s in self._sets.items() if isinstance(node, Value)}
        self.escaped: set[Value] = set()
        self.kept: set[Value] = set()
        for op in moving:
            if op.name in _KEEPS_HANDLES:
                for operand in filter(_tracked, op.operands):
                    roots = self.roots.get(operand, _NONE)
                    self.escaped |= roots
                    if not _only_lends(op):
                        self.kept |= roots

    def _visit(self, op: Op) -> None:
        match op.name:
            case "alloc" | "lifo":
                self._add(op.result, [op.result])
            case "view":
                self._edge(op.operands[0], op.result)
            case "if":
                for region in op.regions:
                    self._edges(region.terminator.operands, op.results)
            case "for" | "while":
                for source in (loop_inits(op), loop_yields(op)):
                    self._edges(source, op.results)
                    for region in op.regions:
                        self._edges(source, loop_carries(op, region))
            case "push":
                self._pushes.append(op)
            case "pop":
                self._pops.append(op)
            case "call":
                self._call(op)
            case "derivative":  # its callee may hand an argument back, or make new memory
                for result in op.results:
                    if _tracked(result):
                        self._add(result, [result])
                        for operand in op.operands:
                            self._edge(operand, result)

    def _call(self, op: Op) -> None:
        """Any handle that goes in may come out, from any side; results may be new, and the same."""
        outs = [r for r in op.results if _tracked(r)]
        inside = Value(BufferType(F64, 0), "inside")
        self.inside[op] = inside
        self._add(inside, outs)
        for operand in op.operands:
            if isinstance(operand.type, BufferType):
                self._edge(operand, inside)
        for out in outs:
            self._edge(inside, out)

    def _edges(self, sources: Iterable[_Node], targets: Iterable[_Node]) -> None:
        for source, target in zip(sources, targets, strict=False):
            self._edge(source, target)

    def _edge(self, source: _Node, target: _Node) -> None:
        tracked = isinstance(source, tuple) or _tracked(source)
        if tracked and source is not target and target not in (out := self._next.setdefault(source, [])):
            out.append(target)
            self._add(target, self._sets.get(source, ()))

    def _add(self, node: _Node, roots: Iterable[Value]) -> None:
        """`node` may refer to `roots`, and so may everything that it flows into."""
        pending = [(node, roots)]
        while pending:
            node, roots = pending.pop()
            known = self._sets.setdefault(node, set())
            fresh = [r for r in roots if r not in known]
            if fresh:
                known.update(fresh)
                pending += [(target, fresh) for target in self._next.get(node, ())]

    def _resolve_lifos(self) -> None:
        """A pop may give what any push put on the same lifo, which may itself have been popped."""
        pushes, pops = self._pushes, self._pops
        before = -1
        while before != (before := sum(map(len, self._next.values()))):
            for op, values in [(p, p.operands[1:]) for p in pushes] + [(p, p.results) for p in pops]:
                for lifo in list(self._sets.get(op.operands[0], ())):
                    for k, value in enumerate(values):
                        if not _tracked(value):
                            continue
                        if op.name == "push":
                            self._edge(value, (lifo, k))
                        else:
                            self._edge((lifo, k), value)
            for op, inside in self.inside.items():
                for operand in op.operands:
                    if isinstance(operand.type, LifoType):
                        for lifo in list(self._sets.get(operand, ())):
                            assert isinstance(lifo.type, LifoType)
                            self._add(inside, [lifo])
                            for k in _handles(lifo.type):
                                self._edge((lifo, k), inside)
                                self._edge(inside, (lifo, k))
