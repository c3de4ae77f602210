"""The pipeline: from a Python function and the specs of its arguments to the IR that machine code is made of.

    Python source --trace--> IR --PASSES--> IR --differentiate--> IR --PASSES--> IR --lower--> LLVM IR --O2--> code

All that is needed to make IR is reached from here only, and loaded when IR is first made (`program.py`).

Invariant: with `VERIFY` (the environment variable LLAD_VERIFY=1) the verifier runs after the trace, every pass and
every differentiation, so the step that broke the IR is the one that is named. (With LLAD_VERIFY=stages, as tests have
it, the passes of a list count as one step.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from functools import lru_cache
from typing import Any

from llad.ad.cut import cut, shorten
from llad.ad.expand import expand, expand_apart
from llad.ad.forward import tangent
from llad.ad.report import Report
from llad.ad.reverse import explain, gradient
from llad.codegen.target import WIDEST, vectors
from llad.collector import uncollected
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.facts import EACH_PASS, VERIFY, What
from llad.frontend.signature import ArgSpec, Traced, leaf_ranges
from llad.frontend.trace import trace
from llad.ir.core import Function, called, walk
from llad.ir.verify import verify
from llad.loop_passes import (
    LoopPass,
    accumulate,
    across,
    afterwards,
    ascend,
    aside,
    blocks,
    columns,
    contract,
    decide,
    distribute,
    distribute_strips,
    extrema,
    fetch,
    flat,
    flatten,
    foresee,
    fuse,
    independent,
    induction,
    interchange,
    jam,
    latest,
    licm,
    lodge,
    onward,
    panels,
    peel,
    postpone,
    presume,
    products,
    reuse,
    rows,
    singles,
    singly,
    sooner,
    stages,
    states,
    stream,
    tabulate,
    tiles,
    unwrap,
    version,
    whole,
    winner,
)
from llad.objective import objective, tangible
from llad.passes.checks import checks
from llad.passes.choose import choose
from llad.passes.chunks import chunks
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.either import either
from llad.passes.fold import fold
from llad.passes.halves import halves
from llad.passes.overwritten import overwritten
from llad.passes.ownership import ownership
from llad.passes.parts import parts
from llad.passes.permit import permit
from llad.passes.records import records
from llad.passes.relax import relax
from llad.passes.release import release
from llad.passes.rotate import rotate
from llad.passes.scalars import scalars
from llad.passes.sigmoids import sigmoids
from llad.passes.simplify import simplify
from llad.passes.states import hands_on_few
from llad.passes.unite import unite
from llad.passes.unpack import unpack
from llad.passes.unroll import unroll
from llad.passes.zeros import zeros
from llad.returned import outputs_of
from llad.structures import Node

Pass = Callable[[Function], Function]

# In this order, before and after differentiation.
PASSES: tuple[Pass, ...] = (
    fold, simplify, cse, checks, dce, fuse, contract, choose, unite, peel, checks, induction, fold, licm, overwritten,
    cse, tabulate, accumulate, dce,
)  # fmt: skip
# Once, before either mode, where rounding may differ.
SLOPES: tuple[Pass, ...] = (sigmoids,)
# Once, before reverse mode; or where nothing is left to differentiate, and no reverse sweep was made.
OVER_TIME: tuple[Pass, ...] = (distribute,)
IN_STRIPS: tuple[Pass, ...] = (distribute_strips,)
# Then, if that changed anything.
TAKEN_APART: tuple[Pass, ...] = (*PASSES, overwritten)
# Once, then.
REVERSED: tuple[Pass, ...] = (unpack, permit, rotate, winner, relax, decide, dce, independent)
# First, when nothing is left to differentiate.
RELEASED: tuple[Pass, ...] = (release,)
# Once, then, since a derivative would ask what memory is zero.
SETTLED: tuple[Pass, ...] = (permit, zeros, fold, dce)
# After loops over records were written for the usual length, too.
WRITTEN_OUT: tuple[Pass, ...] = (
    fold, unite, fold, unroll, fold, simplify, fold, dce, either, scalars, *PASSES, scalars, cse, dce,
)  # fmt: skip
# Where loops hand on small arrays, which become numbers.
HANDED_ON: tuple[Pass, ...] = (
    fold, unroll, fold, simplify, fold, dce, either, scalars, states, *PASSES, scalars, cse, dce,
)  # fmt: skip
# Once, before machine code is made: where floating-point sums keep their order, and where they need not.
STRICT: tuple[Pass, ...] = (
    relax, singles, unwrap, products, afterwards, interchange, singly, across, flat, aside, jam, panels, reuse,
    independent, ascend, whole, foresee, presume, flatten, cse, dce, extrema, tiles, lodge, rows, columns, version,
    stages, blocks, stream, fetch, sooner, postpone, onward, latest, ownership,
)  # fmt: skip
FAST: tuple[Pass, ...] = (
    singles, unwrap, products, afterwards, interchange, singly, across, flat, aside, jam, panels, reuse, independent,
    ascend, whole, foresee, presume, flatten, cse, dce, extrema, tiles, lodge, rows, columns, version, stages, stream,
    fetch, sooner, postpone, onward, latest, ownership,
)  # fmt: skip


def run_passes(fn: Function, passes: tuple[Pass, ...] = PASSES) -> Function:
    """`fn` after each of the passes in turn, and the functions of its table, as far as they are still called.

    What a pass gives back as it was needs no second look: neither by the verifier nor, before anything else changes
    it, by that pass.
    """
    finished: dict[Pass, Function] = {}  # what each pass found nothing to do in
    loops = _has_loops(fn)  # no pass makes the first one
    for step in passes:
        if finished.get(step) is fn or (isinstance(step, LoopPass) and not loops):
            continue
        known = fn.functions
        made = {name: _changed(f, step(replace(f, functions=known))) for name, f in known.items()}
        stepped = _changed(fn, step(fn))
        functions = {name: made[name] for name in called(stepped.body, made)} if made else {}
        if stepped is fn and functions == known:
            finished[step] = fn
        else:
            fn = replace(stepped, functions=functions)
            fn = verify(fn) if EACH_PASS else fn
    return fn if EACH_PASS else checked(fn)


def _has_loops(fn: Function) -> bool:
    return any(op.name in ("for", "while") for f in (fn, *fn.functions.values()) for op in walk(f.body))


def _changed(before: Function, after: Function) -> Function:
    """`after` without a table, or `before`, if a pass left it as it was."""
    same = after.body is before.body and after.params == before.params and after.attrs == before.attrs
    return before if same else replace(after, functions={})


def optimised(fn: Function, passes: tuple[Pass, ...] = PASSES) -> Function:
    """`fn` after the passes, with numbers where loops hand on small arrays."""
    return _handed_on(run_passes(fn, passes))


def _apart(fn: Function, passes: tuple[Pass, ...]) -> Function:
    """`fn` with loops taken apart."""
    split = run_passes(fn, passes)
    return fn if split is fn else run_passes(split, TAKEN_APART)


def _handed_on(fn: Function) -> Function:
    return run_passes(fn, HANDED_ON) if hands_on_few(fn) else fn


def _marked(fn: Function, attribute: str) -> Function:
    """`fn` and its functions with an attribute: `fastmath`, no sum needs its order; `wide`, vectors are the widest."""
    functions = {name: _marked(f, attribute) for name, f in fn.functions.items()}
    return replace(fn, attrs={**fn.attrs, attribute: True}, functions=functions)


def checked(fn: Function) -> Function:
    """`fn`, verified if the verifier is on."""
    return _verified(fn) if VERIFY else fn


@lru_cache(maxsize=8)  # where a step leaves it as it is, it comes again
def _verified(fn: Function) -> Function:
    return verify(fn)


@contextmanager
def timed(times: dict[str, float], what: str) -> Iterator[None]:
    """Add the seconds that the `with` body takes to those of a step; what is timed inside is not counted twice."""
    start = time.perf_counter()
    before = sum(times.values())
    try:
        with uncollected():
            yield
    finally:
        inner = sum(times.values()) - before
        times[what] = times.get(what, 0.0) + time.perf_counter() - start - inner


def traced(function: Any, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...], times: dict[str, float]) -> Traced:
    """The trace of a Python function.

    Raises: LladError when the function lies outside of what can be compiled.
    """
    with timed(times, "trace"):
        made = trace(function, specs, keywords)
        checked(made.function)
    return made


def separated(fn: Function) -> Function:
    """`fn` as it is lowered: in parts, if it is long, and about half of it beside it, if there is enough."""
    return checked(halves(parts(fn)))


@dataclass(eq=False, repr=False)
class Forms:
    """One trace, and every IR made of it, each once and only when asked for. `fastmath`: sums need no order.

    `times`: seconds spent in `trace`, `passes` and `differentiate`.
    """

    traced: Traced
    specs: tuple[ArgSpec, ...]
    definition: Span | None
    fastmath: bool
    times: dict[str, float]
    _made: dict[object, Function] = field(default_factory=dict)

    def function(self, what: What, wrt: tuple[int, ...] = (), may_alias: bool = False, last: bool = True) -> Function:
        """The IR of the primal, the gradient or the tangent. `last`: as it is lowered, else as it first came to be.

        Raises:
            DerivativeError: a gradient of something other than one float, or of an op without a rule.
        """
        key = (what, wrt, may_alias, last)
        if key not in self._made:
            self._made[key] = self._make(what, wrt, may_alias, last)
        return self._made[key]

    def _make(self, what: What, wrt: tuple[int, ...], may_alias: bool, last: bool) -> Function:
        if what in ("forward", "reverse"):
            self._make_sweeps()
            return self._made[what, wrt, may_alias, last]
        if what == "primal":
            fn = self.traced.function
            if may_alias:
                fn = replace(fn, attrs={**fn.attrs, "may_alias": True})
            return self._finish_primal(fn) if last else fn
        if last:
            made = self.function(what, wrt, may_alias, last=False)
            return self._finish(made, IN_STRIPS if what == "tangent" else ())
        fn, result = self.traced.function, self.traced.result
        base = tangible(fn, result)[0] if what == "tangent" else objective(fn, result, self.definition)
        with timed(self.times, "passes"):
            base = _handed_on(self._begun(base))
            base = self._reversible(base) if what == "gradient" else self._sloped(base, (permit,))
        with timed(self.times, "differentiate"):
            return checked(gradient(base, wrt) if what == "gradient" else tangent(base, wrt))

    def _make_sweeps(self) -> None:
        """The sweeps of a trace of `(primals, seed) -> (value, cotangents)`: from the primals to the value, and on."""
        assert isinstance(self.traced.result, Node)
        first, late = outputs_of(self.traced.result.items[0]), leaf_ranges(self.specs)[1]
        with timed(self.times, "differentiate"):
            fn, length = expand_apart(self.traced.function, self._prepared)
            sweeps = cut(checked(fn), length, late, first)
        self._made["forward", (), False, False], self._made["reverse", (), False, False] = map(checked, sweeps)
        forward, reverse = shorten(sweeps[0], self._finish(sweeps[1]))
        self._made["forward", (), False, True] = self._finish(checked(forward))
        self._made["reverse", (), False, True] = checked(reverse)

    def _expand(self, fn: Function) -> Function:
        with timed(self.times, "differentiate"):
            return checked(expand(fn, self._prepared))

    def _prepared(self, fn: Function) -> Function:
        """`fn` as it is differentiated when that was asked for in traced code."""
        return self._sloped(optimised(fn, (*PASSES, permit)), (rotate,))

    def _reversible(self, fn: Function) -> Function:
        """`fn` as reverse mode takes it."""
        return self._sloped(_apart(fn, OVER_TIME), REVERSED)

    def _sloped(self, fn: Function, passes: tuple[Pass, ...]) -> Function:
        return run_passes(fn, (*SLOPES, *passes) if self.fastmath else passes)

    def _begun(self, fn: Function) -> Function:
        """`fn` after `PASSES`, which are run once for the value of the traced function and all of its derivatives."""
        if fn not in self._made:
            self._made[fn] = run_passes(self._expand(fn))
        return self._made[fn]

    def _finish_primal(self, fn: Function) -> Function:
        expanded = self._expand(fn)
        if expanded is not fn or run_passes(fn, RELEASED) is not fn:
            return self._finish(expanded, IN_STRIPS if expanded is fn else ())
        with timed(self.times, "passes"):
            return self._settled(run_passes(self._begun(fn), SETTLED), IN_STRIPS)

    def _finish(self, fn: Function, apart: tuple[Pass, ...] = ()) -> Function:
        with timed(self.times, "passes"):
            return self._settled(run_passes(fn, (*RELEASED, *PASSES, *SETTLED)), apart)

    def _settled(self, fn: Function, apart: tuple[Pass, ...]) -> Function:
        """What is left to do with a function after `SETTLED`; `apart` takes loops apart."""
        with timed(self.times, "passes"):
            fn = run_passes(_apart(_handed_on(fn), apart), (rotate,))
            if (cut := chunks(fn)) is not fn:
                fn = run_passes(checked(cut))
            if (split := records(fn)) is not fn:
                fn = run_passes(checked(split), WRITTEN_OUT)
            if vectors()[0] == WIDEST:
                fn = _marked(fn, "wide")
            return run_passes(_marked(fn, "fastmath"), FAST) if self.fastmath else run_passes(fn, STRICT)

    def explain(self, wrt: tuple[int, ...]) -> Report:
        """How the gradient reverses the loops of the function, and what memory they take."""
        base = objective(self.traced.function, self.traced.result, self.definition)
        return explain(self._reversible(_handed_on(self._begun(base))), wrt)
