"""Reverse mode: a function that computes its results and cotangents of its parameters, in one forward and one
reverse sweep. A gradient is the case of the seed 1 at the first result.

Mirror (`adjoint.py`) → find what the mirror needs (`tape.py`) → write the forward sweep that keeps it
(`augment.py`) → append the mirror. For functions that are called, each sweep is a function (`calls.py`). The output
is ordinary IR, tapes included, and can be differentiated again (I4).
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from typing import NamedTuple

from llad.ad import names
from llad.ad.activity import Activity
from llad.ad.adjoint import Adjoint
from llad.ad.augment import Augment
from llad.ad.calls import Calls, has_shadow, is_active_stack, seen_by_others
from llad.ad.inplace import in_place
from llad.ad.memory import as_layout, privatise_written
from llad.ad.mirror import Mirror
from llad.ad.report import Report, report
from llad.ad.shadows import Shadows, float_fields, with_shadows
from llad.ad.sheets import Sheets
from llad.ad.strategies import Preference, Strategies, cheapest
from llad.ad.structure import Structure
from llad.ad.tape import Tape
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import CHECKPOINT, LIKE, ZEROED, Function, Op, Region, Value, walk
from llad.ir.overwrites import Overwrites
from llad.ir.types import BufferType, LifoType, ScalarType, carries_derivative, derivative_type, is_float

Values = dict[Value, Value]


def gradient(fn: Function, wrt: tuple[int, ...], prefer: Preference = cheapest) -> Function:
    """The gradient of result 0 of `fn` (a float) by the parameters in `wrt`.

    Parameters: those of `fn`, then a zeroed shadow `buffer<dtype, rank, C>` per buffer in `wrt`, which receives
    its gradient. Results: those of `fn`, then the cotangent of each scalar in `wrt`. The caller's buffers are not
    written: parameters that `fn` writes are copied first. `prefer` chooses among the legal ways to reverse a loop.
    """
    root, seed = _objective(fn, wrt, prefer)
    made = _both_sweeps(root, f"{fn.name}_gradient", [seed], ())[0]
    if root.given:
        made.attrs[ZEROED] = tuple(range(len(fn.params), len(made.params)))
        arrays = [i for i in wrt if isinstance(fn.params[i].type, BufferType)]
        made.attrs[LIKE] = tuple(zip(made.attrs[ZEROED], arrays, strict=True))
    return made


def explain(fn: Function, wrt: tuple[int, ...]) -> Report:
    """How `gradient` reverses the loops of `fn`, and what memory it takes, in program order."""
    root, seed = _objective(fn, wrt, cheapest)
    root.reverse([seed], [])
    return report(root.fn, root.mirror, root.structure, root.strategies, root.tape)


def _objective(fn: Function, wrt: tuple[int, ...], prefer: Preference) -> tuple[_Sweeps, tuple[Value, Value]]:
    """The sweeps of a gradient, and its seed: result 0 and 1."""
    fn = in_place(privatise_written(fn))
    objective = fn.results[0]
    assert is_float(objective.type) and isinstance(objective.type, ScalarType)
    root = _Sweeps(fn, Calls(fn.functions), [fn.params[i] for i in wrt], fn.results[:1], prefer)
    root.mirror.builder.span = fn.body.terminator.span
    return root, (objective, root.mirror.builder.const(1.0, objective.type))


def vjp(
    fn: Function, wrt: tuple[int, ...], prefer: Preference = cheapest, absent: Container[int] = frozenset()
) -> Function:
    """The cotangents of the parameters of `fn` in `wrt`, given those of its results.

    Parameters: those of `fn`, then a seed per result that carries a derivative (buffers: C-contiguous, extents as
    the result, not written), then shadows as in `gradient`. Results, and what is written: as in `gradient`. The seeds
    whose numbers are `absent` are zero and not looked at, so what only they would reach costs nothing.
    """
    return _vjp(in_place(privatise_written(fn)), wrt, prefer, absent=absent)[0]


def vjp_apart(fn: Function, wrt: tuple[int, ...], prefer: Preference = cheapest) -> tuple[Function, int]:
    """`vjp` such that its reverse sweep can stand elsewhere and be run again; and how many ops come before it.

    The ops before it mention neither seeds nor the shadows of parameters. A reverse sweep leaves what these ops made as
    it was, but for records, which it pops, and for memory that it writes before it reads it.
    """
    fn = in_place(privatise_written(fn, handed_on=wrt))
    taped: set[Op] = set()
    while True:
        made, count, reruns = _vjp(fn, wrt, prefer, taped)
        harmful = _harmful(made, made.body.ops[count:], reruns)
        if not harmful:
            return made, count
        taped |= harmful


def _harmful(fn: Function, ops: Sequence[Op], reruns: Sequence[tuple[Op, list[Value]]]) -> set[Op]:
    """The loops of which a rerun in `ops` may write what `ops` read before, and next time would find changed."""
    overwrites = Overwrites(fn, Aliases(fn)) if reruns else None
    return {loop for loop, roots in reruns if overwrites and not all(overwrites.covers(ops, r) for r in roots)}


def _vjp(
    fn: Function,
    wrt: tuple[int, ...],
    prefer: Preference,
    apart: Collection[Op] | None = None,
    absent: Container[int] = (),
) -> _Joined:
    able = [r for r in fn.results if carries_derivative(r.type)]
    seeds = [Value(derivative_type(r.type), names.bar(r)) for r in able]
    given = [(r, seed) for k, (r, seed) in enumerate(zip(able, seeds, strict=True)) if k not in absent]
    calls = Calls(fn.functions, apart)
    root = _Sweeps(fn, calls, [fn.params[i] for i in wrt], [r for r, _ in given], prefer)
    return _both_sweeps(root, f"{fn.name}_vjp", given, seeds)


def _both_sweeps(
    root: _Sweeps, name: str, seeds: Sequence[tuple[Value, Value]], seed_params: Sequence[Value]
) -> _Joined:
    """One function of both sweeps, from (result, cotangent) pairs."""
    fn, calls = root.fn, root.calls
    assert not fn.attrs.get("may_alias")
    cotangents = root.reverse(seeds, [p for p in root.inputs if isinstance(p.type, ScalarType)])
    called: dict[str, _CalledSweeps] = {}
    for callee in calls.met:  # which grows on the way
        called[callee] = _CalledSweeps(fn.functions[callee], calls)

    stacks = [s for sweeps in (root, *called.values()) for s in sweeps.stacks]
    b = Builder(fn.body.ops[0].span)
    more = [*seed_params, *root.given.values()]
    new: Values = {p: Value(p.type, p.name) for p in fn.params} | {m: m for m in more}
    for stack in stacks:
        assert isinstance(stack.type, LifoType)
        new[stack] = b.lifo(stack.type.fields)
    root.forward(b, new)
    count = len(b.root.ops)
    b.root.ops += root.mirror.builder.root.ops
    root.name_kept(b.root, new)
    for op in walk(b.root):  # what was asked for is done: to a further derivative these are loops like others
        op.attrs = {k: v for k, v in op.attrs.items() if k != CHECKPOINT} if CHECKPOINT in op.attrs else op.attrs
    b.span = fn.body.terminator.span
    b.return_(*[new[r] for r in fn.results], *[root.final(c, new) for c in cotangents])
    made = b.function(name, [*[new[p] for p in fn.params], *more], **fn.attrs)
    calls.share(made, stacks, new)
    made.functions.update(fn.functions)
    for callee, sweeps in called.items():
        made.functions[calls.augmented(callee)] = sweeps.augmented(stacks)
        made.functions[calls.reverse(callee)] = sweeps.mirrored(stacks)
    return _Joined(made, count, [(loop, [new[r] for r in roots]) for loop, roots in root.reruns()])


class _Joined(NamedTuple):
    """Both sweeps in one function, the length of the forward sweep, and what of its memory loops write when rerun."""

    function: Function
    length: int
    reruns: list[tuple[Op, list[Value]]]


class _Sweeps:
    """The two sweeps of one function: the mirror first, since it says what the forward sweep has to keep."""

    def __init__(
        self,
        fn: Function,
        calls: Calls,
        inputs: Sequence[Value],
        useful: Sequence[Value],
        prefer: Preference = cheapest,
        called: bool = False,
        shared: Sequence[Value] = (),
    ) -> None:
        self.fn = fn
        self.calls = calls
        self.inputs = inputs
        self.structure = Structure(fn, called, calls.apart)
        self.aliases = Aliases(fn)
        self.activity = Activity(fn, self.aliases, [*inputs, *shared], [*useful, *shared])
        self.mirror = Mirror(fn)
        self.given = {p: _shadow_of(p, called) for p in inputs if isinstance(p.type, BufferType)}
        self.shadows = Shadows(self.mirror, self.structure, self.activity, self.aliases, self.given)
        overwrites = Overwrites(fn, self.aliases)
        sheets = Sheets(fn, self.structure, self.aliases)
        self.tape = Tape(self.mirror, self.structure, self.shadows, self.aliases, overwrites, sheets)
        self.strategies = Strategies(self.structure, self.activity, self.aliases, overwrites, prefer)

    @property
    def stacks(self) -> list[Value]:
        """The stacks that the sweeps of this function share."""
        return [record.lifo for record in self.tape.records.values()]

    def reverse(self, seeds: Sequence[tuple[Value, Value]], wrt: Sequence[Value]) -> list[Value]:
        """Write the mirror from (result, cotangent) pairs; the cotangents of the scalars in `wrt`."""
        adjoint = Adjoint(self.mirror, self.structure, self.activity, self.shadows, self.calls, self.strategies)
        cotangents = adjoint.run(seeds, wrt)
        self.tape.resolve()
        return cotangents

    def forward(self, b: Builder, new: Values) -> Augment:
        """Write the forward sweep but its `return`; `new` holds parameters, shadows and stacks, and learns the rest."""
        augment = Augment(b, self.structure, self.activity, self.shadows, self.tape, self.calls, self.strategies, new)
        augment.run()
        self.mirror.assemble()
        return augment

    def reruns(self) -> list[tuple[Op, list[Value]]]:
        """The loops of the body that are rerun, and the memory made in the body that each writes."""
        structure, body = self.structure, self.fn.body
        found = [structure.owner[region] for region, how in structure.reruns.items() if how == "recomputed"]
        loops = [loop for loop, home in found if home is body]
        written = [self.aliases.written(loop) for loop in loops]
        made = [r for r in structure.position if structure.region_of[r] is body]
        return [(loop, [r for r in made if r in roots]) for loop, roots in zip(loops, written, strict=True)]

    def name_kept(self, region: Region, new: Values) -> None:
        """Let the reverse sweep in `region` mention what it is given in place of primal values."""
        for op in walk(region):
            op.operands = tuple(self.final(o, new) for o in op.operands)

    def final(self, value: Value, new: Values) -> Value:
        given = self.tape.name.get(value, value)
        return new.get(given, given)


class _CalledSweeps(_Sweeps):
    """The sweeps of a function that is called, by all of its parameters and results: see `calls.py`."""

    def __init__(self, fn: Function, calls: Calls) -> None:
        shared = [p for p in fn.params if is_active_stack(p)]
        inputs = [p for p in fn.params if is_float(p.type) or has_shadow(p)]
        useful = [*[r for r in fn.results if is_float(r.type) or has_shadow(r)], *filter(has_shadow, fn.params)]
        super().__init__(fn, calls, inputs, useful, called=True, shared=[*shared, *seen_by_others(fn, shared)])
        self.stacks_of_cotangents = [self._stack_of_cotangents(lifo) for lifo in shared if _has_floats(lifo)]
        results = [r for r in fn.results if is_float(r.type)]
        self.seeds = [Value(r.type, names.bar(r)) for r in results]
        scalars = [p for p in inputs if is_float(p.type)]
        self.cotangents = self.reverse(list(zip(results, self.seeds, strict=True)), scalars)

    def _stack_of_cotangents(self, lifo: Value) -> Value:
        assert isinstance(lifo.type, LifoType)
        fields = tuple(lifo.type.fields[k] for k in float_fields(lifo.type))
        shadow = Value(LifoType(fields), names.bar(lifo))
        self.shadows.give_lifo(lifo, shadow)
        return shadow

    def augmented(self, stacks: list[Value]) -> Function:
        fn, b = self.fn, Builder(self.fn.body.ops[0].span)
        outer = [*fn.params, *self.given.values(), *stacks]
        new: Values = {v: Value(with_shadows(v.type), v.name) for v in fn.params}
        new |= {v: Value(v.type, v.name) for v in outer if v not in new}
        augment = self.forward(b, new)
        b.span = fn.body.terminator.span
        twins = [
            as_layout(b, augment.shadow_of(r), r.type)
            for r in fn.results
            if isinstance(r.type, BufferType) and has_shadow(r)
        ]
        b.return_(*[new[r] for r in fn.results], *twins)
        made = b.function(self.calls.augmented(fn.name), [new[v] for v in outer], **fn.attrs)
        self.calls.share(made, stacks, new)
        return made

    def mirrored(self, stacks: list[Value]) -> Function:
        fn, b = self.fn, self.mirror.builder
        mine: Values = {s: Value(s.type, s.name) for s in stacks}
        self.name_kept(b.root, mine)
        b.span = fn.body.terminator.span
        b.return_(*[self.final(c, mine) for c in self.cotangents])
        params = [*self.given.values(), *self.stacks_of_cotangents, *self.seeds, *mine.values()]
        made = b.function(self.calls.reverse(fn.name), params, **fn.attrs)
        self.calls.share(made, stacks, mine)
        return made


def _has_floats(lifo: Value) -> bool:
    return isinstance(lifo.type, LifoType) and bool(float_fields(lifo.type))


def _shadow_of(param: Value, called: bool) -> Value:
    assert isinstance(param.type, BufferType)
    layout = param.type.layout if called else "C"
    return Value(BufferType(param.type.dtype, param.type.rank, layout), names.bar(param))
