"""A Python function, and what is known of it for each kind of argument: recalled from disk, or traced.

A `Program` is one Python function; a `Stage` is one trace of it (per specs, as long as the guards hold) with every IR
that is made of it, each once and only when asked for; `specialise.py` makes machine code of one of these. Where a
process before this one made the trace, its facts will do (`facts.py`), and the pipeline is not even loaded.
"""

from __future__ import annotations

import linecache
import time
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from operator import is_
from typing import TYPE_CHECKING, Any, TypeVar

from llad.codegen.outline import Identity, identity
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.facts import VERIFY, Facts, What, facts_of, recall, remember, remember_need
from llad.frontend.signature import ArgSpec, ScalarSpec, Traced, attached, leaves, spec_of
from llad.frontend.state import NeedsAttribute
from llad.ir.core import Function
from llad.ir.types import F64, is_float
from llad.later import Later
from llad.structures import Node

if TYPE_CHECKING:
    from llad import compile as pipeline
    from llad.ad.report import Report
else:
    pipeline = Later("llad.compile")

T = TypeVar("T")


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
    _forms: pipeline.Forms | None = None

    @property
    def recalled(self) -> bool:
        """Whether the trace is one of another process, and not made here so far."""
        return self._forms is None

    @property
    def forms(self) -> pipeline.Forms:
        """The trace, and what was made of it.

        Raises: ChangedError, if it is made only now and is no longer that of the facts.
        """
        if self._forms is None:
            made = pipeline.traced(self.py_func, self.specs, self.keywords, self.times)
            facts, known = facts_of(made), self.facts
            alike = len(facts.captured) == len(known.captured) and all(map(is_, facts.captured, known.captured))
            if not alike or facts != known or identity(made.function).digest != self.identity.digest:
                name = made.function.name
                raise ChangedError(f"what {name} was compiled from has changed: say by arguments for what to do it")
            self._forms = pipeline.Forms(made, self.specs, self.definition, self.fastmath, self.times)
        return self._forms

    @property
    def traced(self) -> Traced:
        """The trace."""
        return self.forms.traced

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
        """The IR of the primal, the gradient or the tangent: see `Forms.function`."""
        return self.forms.function(what, wrt, may_alias, last)

    def lowerable(self, what: What, wrt: tuple[int, ...], may_alias: bool) -> Function:
        """The IR that machine code is made of."""
        return pipeline.separated(self.function(what, wrt, may_alias))

    def explain(self, wrt: tuple[int, ...]) -> Report:
        """How the gradient reverses the loops of the function, and what memory they take."""
        return self.forms.explain(wrt)


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
        try:
            found = recall(function, specs, keywords)
        except NeedsAttribute as needed:
            self._check_need(needed, specs, keywords)
            raise
        if found is None:
            return None
        facts, known = found
        times = {"trace": time.perf_counter() - start}
        stage = Stage(specs, keywords, function, facts, self.definition, self.fastmath, times, known)
        if VERIFY:
            try:
                assert stage.forms
            except ChangedError as error:
                raise AssertionError(f"{self.name}: what was recalled is not what is traced") from error
        return stage

    def _check_need(self, recalled: NeedsAttribute, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> None:
        """With the verifier: that the trace asks for just this attribute."""
        if VERIFY:
            try:
                pipeline.traced(self.traced or self.py_func, specs, keywords, {})
            except NeedsAttribute as needed:
                assert needed.args == recalled.args, (needed, recalled)
            else:
                raise AssertionError(f"{recalled} was recalled, and is not needed")

    def _fresh(self, specs: tuple[ArgSpec, ...], keywords: tuple[str, ...]) -> Stage:
        times: dict[str, float] = {}
        function = self.traced or self.py_func
        try:
            traced = pipeline.traced(function, specs, keywords, times)
        except NeedsAttribute as needed:
            remember_need(function, specs, keywords, needed)
            raise
        facts = facts_of(traced)
        known = remember(function, specs, keywords, traced, facts)
        forms = pipeline.Forms(traced, specs, self.definition, self.fastmath, times)
        return Stage(specs, keywords, function, facts, self.definition, self.fastmath, times, known, forms)


def _weakened(spec: ArgSpec) -> ArgSpec:
    """The spec with `np.float64` taken for `float`, which is the same wherever nothing is narrower than 64 bits."""
    match spec:
        case ScalarSpec(type=type) if type == F64:
            return ScalarSpec(F64, True)
        case Node():
            return spec.map(_weakened)
        case _:
            return spec
