"""The pipeline: from a Python function and the specs of its arguments to the IR that machine code is made of.

    Python source --trace--> IR --PASSES--> IR --differentiate--> IR --PASSES--> IR --lower--> LLVM IR --O3--> code

A `Program` is one Python function; a `Stage` is one trace of it (per specs, as long as the guards hold) with every IR
that was made of it, each once and only when asked for; `specialise.py` makes machine code of one of these. Where a
process before this one made the trace, its facts will do (`facts.py`), and even that is only made when asked for.

Invariant: with `VERIFY` (the environment variable LLAD_VERIFY=1, which the tests set) the verifier runs after the
trace, every pass and every differentiation, so the step that broke the IR is the one that is named.
"""

from __future__ import annotations

import gc
import linecache
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import is_
from typing import Any, Literal, TypeVar

from llad.ad.cut import cut, shorten
from llad.ad.expand import expand, expand_apart
from llad.ad.forward import tangent
from llad.ad.report import LoopReport
from llad.ad.reverse import explain, gradient
from llad.codegen.outline import Identity, identity
from llad.diagnostics import Span
from llad.facts import Facts, facts_of, recall, remember
from llad.frontend.signature import ArgSpec, ScalarSpec, Traced, attached, leaf_ranges, leaves, spec_of
from llad.frontend.state import NeedsAttribute
from llad.frontend.trace import trace
from llad.ir.core import Function, called
from llad.ir.types import F64, is_float
from llad.ir.verify import verify
from llad.objective import objective, tangible
from llad.passes.accumulate import accumulate
from llad.passes.blocks import blocks
from llad.passes.checks import checks
from llad.passes.choose import choose
from llad.passes.chunks import chunks
from llad.passes.columns import columns
from llad.passes.contract import contract
from llad.passes.cse import cse
from llad.passes.dce import dce
from llad.passes.either import either
from llad.passes.flatten import flatten
from llad.passes.fold import fold
from llad.passes.foresee import foresee
from llad.passes.fuse import fuse
from llad.passes.independent import independent
from llad.passes.induction import induction
from llad.passes.jam import jam
from llad.passes.licm import licm
from llad.passes.overwritten import overwritten
from llad.passes.ownership import ownership
from llad.passes.peel import peel
from llad.passes.permit import permit
from llad.passes.records import records
from llad.passes.relax import relax
from llad.passes.release import release
from llad.passes.reuse import reuse
from llad.passes.rows import rows
from llad.passes.scalars import scalars
from llad.passes.simplify import simplify
from llad.passes.stages import stages
from llad.passes.tabulate import tabulate
from llad.passes.unite import unite
from llad.passes.unroll import unroll
from llad.passes.version import version
from llad.passes.winner import winner
from llad.passes.zeros import zeros
from llad.returned import outputs_of
from llad.structures import Node

T = TypeVar("T")
What = Literal["primal", "gradient", "tangent", "forward", "reverse"]
Pass = Callable[[Function], Function]

# In this order, before and after differentiation.
PASSES: tuple[Pass, ...] = (
    fold, simplify, cse, checks, dce, fuse, contract, choose, unite, peel, checks, induction, fold, licm, overwritten,
    cse, tabulate, accumulate, dce,
)  # fmt: skip
# Once, before reverse mode.
REVERSED: tuple[Pass, ...] = (permit, winner, relax, dce, independent)
# First, when nothing is left to differentiate.
RELEASED: tuple[Pass, ...] = (release,)
# Once, then, since a derivative would ask what memory is zero.
SETTLED: tuple[Pass, ...] = (permit, zeros, fold, dce)
# After loops over records were written for the usual length, too.
WRITTEN_OUT: tuple[Pass, ...] = (
    fold, unite, fold, unroll, fold, simplify, fold, dce, either, scalars, *PASSES, scalars, cse, dce,
)  # fmt: skip
# Once, before machine code is made: where floating-point sums keep their order, and where they need not.
STRICT: tuple[Pass, ...] = (
    relax, jam, reuse, independent, foresee, flatten, cse, dce, rows, columns, version, stages, blocks, ownership,
)  # fmt: skip
FAST: tuple[Pass, ...] = (
    jam, reuse, independent, foresee, flatten, cse, dce, rows, columns, version, stages, ownership,
)  # fmt: skip

VERIFY = os.environ.get("LLAD_VERIFY", "0") != "0"


def run_passes(fn: Function, passes: tuple[Pass, ...] = PASSES) -> Function:
    """`fn` after each of the passes in turn, and the functions of its table, as far as they are still called."""
    for step in passes:
        known = fn.functions
        made = {name: replace(step(replace(f, functions=known)), functions={}) for name, f in known.items()}
        fn = step(fn)
        fn = checked(replace(fn, functions={name: made[name] for name in called(fn.body, made)}))
    return fn


def prepared(fn: Function) -> Function:
    """`fn` as it is differentiated."""
    return run_passes(fn, (*PASSES, permit))


def _unordered(fn: Function) -> Function:
    """`fn` as one of which no sum needs its order."""
    functions = {name: _unordered(f) for name, f in fn.functions.items()}
    return replace(fn, attrs={**fn.attrs, "fastmath": True}, functions=functions)


def checked(fn: Function) -> Function:
    """`fn`, verified if the verifier is on."""
    return verify(fn) if VERIFY else fn


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python's collector of cycles waiting: it would look at growing IR again and again, which hardly has any."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class ChangedError(RuntimeError):
    """What was compiled cannot be traced any more: something that the trace depends on is another."""


@dataclass(eq=False, repr=False)
class Stage:
    """One trace, and every IR made of it. The last arguments are passed by `keywords`. `fastmath`: sums need no order.

    `facts` are known at once; the trace itself is made when it is wanted, if a process before this one made it.
    `times`: seconds spent in `trace`, `passes` and `differentiate`.
    """

    specs: tuple[ArgSpec, ...]
    keywords: tuple[str, ...]
    py_func: Any
    facts: Facts
    definition: Span | None
    fastmath: bool = False
    times: dict[str, float] = field(default_factory=dict)
    _identity: Identity | None = None
    _traced: Traced | None = None
    _made: dict[object, Function] = field(default_factory=dict)

    @property
    def recalled(self) -> bool:
        """Whether the trace is one of another process, and not made here so far."""
        return self._traced is None

    @property
    def traced(self) -> Traced:
        """The trace.

        Raises: ChangedError, if it is made only now and is no longer that of the facts.
        """
        if self._traced is None:
            with self._timed("trace"):
                made = _trace(self.py_func, self.specs, self.keywords)
            facts, known = facts_of(made), self.facts
            alike = len(facts.captured) == len(known.captured) and all(map(is_, facts.captured, known.captured))
            if not alike or facts != known or identity(made.function).digest != self.identity.digest:
                name = made.function.name
                raise ChangedError(f"what {name} was compiled from has changed: say by arguments for what to do it")
            self._traced = made
        return self._traced

    @cached_property
    def identity(self) -> Identity:
        """What tells the traced function from others."""
        return self._identity or identity(self.traced.function)

    @property
    def apart(self) -> list[bool]:
        """Per array among the arguments, then the captured ones, whether it may not overlap others."""
        kinds = [leaf for spec in self.specs for leaf in leaves(spec)]
        arrays = [k for k, leaf in enumerate(kinds) if not isinstance(leaf, ScalarSpec)]
        arrays += [len(kinds) + k for k in range(len(self.facts.captured))]
        return [k in self.facts.unshared for k in arrays]

    @property
    def differentiable(self) -> tuple[int, ...]:
        """The leaves of the arguments that have a derivative."""
        found = [(leaf, able) for spec in self.specs for leaf, able in attached(spec)]
        kinds = [(x.type if isinstance(x, ScalarSpec) else x.dtype, able) for x, able in found]
        return tuple(k for k, (kind, able) in enumerate(kinds) if able and is_float(kind))

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
            return self._finish(self._expand(fn)) if last else fn
        if last:
            return self._finish(self.function(what, wrt, may_alias, last=False))
        fn, result = self.traced.function, self.facts.result
        base = tangible(fn, result)[0] if what == "tangent" else objective(fn, result, self.definition)
        with self._timed("passes"):
            base = run_passes(self._expand(base))
            if what == "gradient":
                base = run_passes(base, REVERSED)
            else:
                base = run_passes(base, (permit,))
        with self._timed("differentiate"):
            return checked(gradient(base, wrt) if what == "gradient" else tangent(base, wrt))

    def _make_sweeps(self) -> None:
        """The sweeps of a trace of `(primals, seed) -> (value, cotangents)`: from the primals to the value, and on."""
        assert isinstance(self.facts.result, Node)
        first, late = outputs_of(self.facts.result.items[0]), leaf_ranges(self.specs)[1]
        with self._timed("differentiate"):
            fn, length = expand_apart(self.traced.function, prepared)
            sweeps = cut(checked(fn), length, late, first)
        self._made["forward", (), False, False], self._made["reverse", (), False, False] = map(checked, sweeps)
        forward, reverse = shorten(sweeps[0], self._finish(sweeps[1]))
        self._made["forward", (), False, True] = self._finish(checked(forward))
        self._made["reverse", (), False, True] = checked(reverse)

    def _expand(self, fn: Function) -> Function:
        with self._timed("differentiate"):
            return checked(expand(fn, prepared))

    def _finish(self, fn: Function) -> Function:
        with self._timed("passes"):
            fn = run_passes(fn, (*RELEASED, *PASSES, *SETTLED))
            if (cut := chunks(fn)) is not fn:
                fn = run_passes(checked(cut))
            if (split := records(fn)) is not fn:
                fn = run_passes(checked(split), WRITTEN_OUT)
            return run_passes(_unordered(fn), FAST) if self.fastmath else run_passes(fn, STRICT)

    def explain(self, wrt: tuple[int, ...]) -> list[LoopReport]:
        """How the gradient reverses the loops of the function."""
        base = objective(self.traced.function, self.facts.result, self.definition)
        return explain(run_passes(self._expand(base), PASSES + REVERSED), wrt)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        before = sum(self.times.values())
        try:
            with uncollected():
                yield
        finally:  # what was timed inside is not counted twice
            inner = sum(self.times.values()) - before
            self.times[what] = self.times.get(what, 0.0) + time.perf_counter() - start - inner


@dataclass(eq=False, repr=False)
class Program:
    """A Python function, and its traces by the specs of its arguments. `traced` stands in for what has no source."""

    py_func: Any
    fastmath: bool = False
    traced: Any = None
    stages: dict[object, list[Stage]] = field(default_factory=dict)
    attributes: dict[type, tuple[str, ...]] = field(default_factory=dict)  # that traces have asked plain objects for
    derived: dict[object, Any] = field(default_factory=dict)  # callables made of it, for those who make them
    distrustful: bool = False  # of traces of other processes

    def __reduce__(self) -> tuple[Any, ...]:
        """A function that is pickled takes no program along: this one is nobody's."""
        return Program, (None, self.fastmath)

    @cached_property
    def name(self) -> str:
        return str(getattr(self.py_func, "__name__", type(self.py_func).__name__))

    @cached_property
    def definition(self) -> Span | None:
        """Where the function is defined, if in Python."""
        code = getattr(self.py_func, "__code__", None)
        if code is None:
            return None
        first = code.co_firstlineno
        lines = linecache.getlines(code.co_filename)[first - 1 : first + 20]
        word = "lambda" if code.co_name == "<lambda>" else "def "
        skip = next((k for k, line in enumerate(lines) if word in line), 0)  # decorators come first
        text = lines[skip].rstrip() if lines else ""
        column = len(text) - len(text.lstrip()) + 1
        return Span(code.co_filename, first + skip, column, max(len(text), column) + 1, text)

    def learning(self, trace: Callable[[], T]) -> T:
        """What `trace` gives, once it is known which attributes of plain objects count: it starts again for each."""
        known = self.attributes
        while True:
            try:
                return trace()
            except NeedsAttribute as missing:
                assert missing.name not in known.get(missing.cls, ()), missing
                known[missing.cls] = (*known.get(missing.cls, ()), missing.name)

    def stage(self, arguments: tuple[Any, ...], keywords: tuple[str, ...] = ()) -> Stage:
        """The trace for such arguments, the last of them by `keywords`, that holds now; made if there is none.

        Raises: LladError when the function or an argument lies outside of what can be compiled.
        """
        specs = tuple(map(spec_of, arguments))
        weak = tuple(map(_weakened, specs))
        if weak != specs:
            stage = self._stage(weak, keywords)
            if stage.facts.uniform:
                return stage
        return self._stage(specs, keywords)

    def _stage(self, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> Stage:
        known = self.stages.setdefault((specs, keywords), [])
        for stage in known:
            if stage.facts.holds() and stage.facts.fits(specs):
                return stage
        recalled = None if self.distrustful else self._recalled(specs, keywords)
        known.insert(0, recalled or self._fresh(specs, keywords))
        return known[0]

    def distrust(self) -> None:
        """Trace everything anew, and recall nothing more."""
        self.distrustful = True
        self.stages.clear()

    def _recalled(self, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> Stage | None:
        """A stage whose trace some process before this one made."""
        start = time.perf_counter()
        function = self.traced or self.py_func
        found = recall(function, specs, keywords)
        if found is None:
            return None
        facts, known = found
        times = {"trace": time.perf_counter() - start}
        stage = Stage(specs, keywords, function, facts, self.definition, self.fastmath, times, known)
        if VERIFY:
            assert stage.traced is not None
        return stage

    def _fresh(self, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> Stage:
        start = time.perf_counter()
        function = self.traced or self.py_func
        traced = _trace(function, specs, keywords)
        facts = facts_of(traced)
        times = {"trace": time.perf_counter() - start}
        known = remember(function, specs, keywords, traced, facts)
        return Stage(specs, keywords, function, facts, self.definition, self.fastmath, times, known, traced)


def _trace(function: Any, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> Traced:
    with uncollected():
        traced = trace(function, specs, keywords)
        checked(traced.function)
    return traced


def _weakened(spec: ArgSpec) -> ArgSpec:
    """The spec with `np.float64` taken for `float`, which is the same wherever nothing is narrower than 64 bits."""
    match spec:
        case ScalarSpec(type=type) if type == F64:
            return ScalarSpec(F64, True)
        case Node():
            return spec.map(_weakened)
        case _:
            return spec
