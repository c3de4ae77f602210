"""The slow path of a native callable: what happens in a call that no entry point accepts.

It binds names and defaults, finds or makes the trace and the machine code for such arguments, puts the entry point
before the others and calls it. A call comes here once per kind of argument, and whenever arguments need converting.

Invariant: traces and specialisations are made under one lock, so each is made once.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import field
from itertools import takewhile
from typing import Any

from llad.calls import Overlap, Passing, Selection, gradient_plan, primal_plan, tangent_plan
from llad.codegen.target import LOCK
from llad.codegen.vectorcall import Native, UnacceptedError
from llad.dataclass import dataclass
from llad.facts import What
from llad.fit import arrays_of, fit, overlapping, parts_for, plain
from llad.frontend.signature import ArgSpec, Guard, leaves
from llad.frontend.transforms import Argnums, Kind
from llad.program import ChangedError, Program, Stage
from llad.refusals.table import refusal
from llad.specialise import Specialisation, compile_native
from llad.structures import Node

# How often a call starts again because a global changed between compiling for it and calling.
_PATIENCE = 100
Held = tuple[int, frozenset[str]]
NOTHING: Held = (0, frozenset())

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_UNNAMED = (*_POSITIONAL, inspect.Parameter.VAR_POSITIONAL)


@dataclass(eq=False, repr=False)
class Dispatcher:
    """What a native callable of `program` does when its entry points give up. `native` is that callable.

    `held`: a gradient is not by so many first arguments, nor by those of these names, unless `argnums` says so.
    """

    program: Program
    kind: Kind
    argnums: Argnums = None
    held: Held = NOTHING
    native: Native | None = None
    made: dict[object, Specialisation] = field(default_factory=dict)
    _signature: tuple[tuple[Any, ...], inspect.Signature] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        out = kwargs.pop("out", None) if self._takes_out else None
        for _ in range(_PATIENCE):
            found, fitted = self._prepare(args, kwargs, out)
            try:
                return self._run(found, fitted, out is not None)
            except UnacceptedError:
                if not found.plan.guards:
                    raise
        raise RuntimeError(f"{self.program.name}: another thread keeps changing the globals that it reads")

    def _prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> tuple[Specialisation, Any]:
        """The specialisation for such a call, made and active, and the arguments that it accepts."""
        with LOCK:
            try:
                found, values = self._found(args, kwargs, out)
            except ChangedError:  # while it was being compiled
                self.program.distrust()
                found, values = self._found(args, kwargs, out)
            self._activate(found)
        return found, fit(found.plan, values if out is None else (*values, out))

    def _found(self, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> tuple[Specialisation, Any]:
        if self.kind == "jvp":
            return self.program.learning(lambda: self._jvp(*args, **kwargs))
        return self.program.learning(lambda: self._find(*self.bind(args, kwargs), out))

    def _run(self, found: Specialisation, fitted: tuple[Any, ...], with_out: bool) -> Any:
        assert self.native is not None
        if found.entry is None:
            return found.call(fitted)
        keywords = () if self.kind == "jvp" else found.stage.keywords
        if with_out:
            keywords = (*keywords, "out")
        count = len(fitted) - len(keywords)
        return self.native.strict(*fitted[:count], **dict(zip(keywords, fitted[count:], strict=True)))

    @property
    def signature(self) -> inspect.Signature:
        function = self.program.traced or self.program.py_func
        # what the signature depends on can be exchanged
        by_name = function.__kwdefaults__ or {}
        state = (function.__code__, function.__defaults__, *by_name, *by_name.values())
        if self._signature is None or list(map(id, self._signature[0])) != list(map(id, state)):
            self._signature = (state, inspect.signature(function))
        return self._signature[1]

    @property
    def _simple(self) -> int | None:
        """How many parameters there are, if all are positional."""
        parameters = self.signature.parameters.values()
        return len(parameters) if all(p.kind in _POSITIONAL for p in parameters) else None

    def _passing(self, stage: Stage) -> Passing:
        """What an entry point for the stage may take by name or leave out."""
        function = self.program.py_func
        count = len(stage.specs) - len(stage.keywords)
        limit = count if stage.keywords else None
        if self.program.traced is not None:
            return Passing((*[None] * count, *stage.keywords), limit)
        parameters = self.signature.parameters
        named = {p.name: p for p in parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        positional = [p for p in named.values() if p.kind in _POSITIONAL]
        if len(positional) != count:  # arguments without a name stand behind them
            positional = []
        names = [p.name if p.kind is p.POSITIONAL_OR_KEYWORD else None for p in positional] or [None] * count
        passed = [*positional, *(named[name] for name in stage.keywords if name in named)]
        defaults = [p.default for p in takewhile(lambda p: p.default is not p.empty, reversed(passed))]
        if not defaults or len(passed) < len(stage.specs):
            return Passing((*names, *stage.keywords), limit)
        guards = [Guard(function, "__defaults__", function.__defaults__)]
        if by_name := function.__kwdefaults__:
            guards.append(Guard(function, "__kwdefaults__", by_name))
            guards += [Guard(by_name, name, value) for name, value in by_name.items()]
        return Passing((*names, *stage.keywords), limit, tuple(reversed(defaults)), tuple(guards))

    @property
    def _takes_out(self) -> bool:
        return self.kind in ("grad", "value_and_grad") and "out" not in self.signature.parameters

    def bind(self, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
        """The arguments, defaults included, and the keywords by which the last of them are passed.

        Raises: TypeError as Python does when they do not fit the signature.
        """
        if kwargs or len(args) != self._simple:
            try:
                bound = self.signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{self.program.name}() {error}") from None
            if self.program.traced is None:  # else the defaults are those of what is called
                bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        return tuple(plain(value, self.program.attributes) for value in (*args, *kwargs.values())), tuple(kwargs)

    def wrt(self, stage: Stage) -> tuple[int, ...]:
        """The leaves that a gradient, or a tangent that says nothing else, is by.

        Raises: LladError when there are none.
        """
        match self.kind:
            case "primal":
                return ()
            case "jvp":
                return stage.differentiable
            case _:
                return self._selection.wrt(stage)

    @property
    def _selection(self) -> Selection:
        unnamed = [p for p in self.signature.parameters.values() if p.kind in _UNNAMED]
        count, names = self.held
        held = frozenset(k for k, p in enumerate(unnamed) if k < count or p.name in names)
        free = [p for k, p in enumerate(unnamed) if k not in held]
        return Selection(self.argnums, len(free) == 1 and free[0].kind in _POSITIONAL, held | frozenset(range(count)))

    def specialise(
        self, stage: Stage, overlap: Overlap = "none", out: bool = False, wrt: tuple[int, ...] | None = None
    ) -> Specialisation:
        """Machine code for arguments of the stage's kind; made if there is none."""
        wrt = self.wrt(stage) if wrt is None else wrt
        key = (stage, overlap, out, wrt)
        if key in self.made:
            return self.made[key]
        what: What
        match self.kind:
            case "primal":
                what, plan = "primal", primal_plan(stage, overlap, self._passing(stage))
            case "jvp":
                what, plan = "tangent", tangent_plan(stage, wrt)
            case _:
                what = "gradient"
                passing = self._passing(stage)
                plan = gradient_plan(stage, wrt, self._selection, self.kind == "value_and_grad", out, passing)
        self.made[key] = compile_native(stage, what, wrt, overlap == "some", plan)
        return self.made[key]

    def _find(
        self, values: tuple[Any, ...], keywords: tuple[str, ...], out: Any
    ) -> tuple[Specialisation, tuple[Any, ...]]:
        stage = self.program.stage(values, keywords)
        overlap: Overlap = "some" if self.kind == "primal" and _overlaps(stage, values) else "none"
        return self.specialise(stage, overlap, out is not None), values

    def _jvp(self, primals: Any, tangents: Any, **kwargs: Any) -> tuple[Specialisation, tuple[Any, Any]]:
        for given in (primals, tangents):
            if not isinstance(given, (tuple, list)):
                raise refusal("jvp-tuples", got=repr(given))
        if len(primals) != len(tangents):
            raise refusal("jvp-count", primals=len(primals), tangents=len(tangents))
        values, keywords = self.bind(primals, kwargs)
        dots = (*tangents, *[None] * (len(values) - len(tangents)))
        stage = self.program.stage(values, keywords)
        return self.specialise(stage, wrt=_directions(stage, dots)), (values, dots)

    def _activate(self, found: Specialisation) -> None:
        """Put the entry point into the chain, and take those out whose traces are overtaken."""
        assert self.native is not None
        if found.entry is None or self.native.holds(found.entry.pins):
            return
        for other in self.made.values():
            if other is not found and other.entry is not None and not other.stage.facts.holds():
                self.native.drop(other.entry.pins)
        self.native.prepend(found.linked.addresses[found.entry.symbol], found.entry.pins, found)


def _overlaps(stage: Stage, values: tuple[Any, ...]) -> bool:
    """Whether an array that the function writes shares bytes with another argument or captured array."""
    return bool(stage.facts.unshared) and overlapping([*arrays_of(values), *stage.facts.captured], stage.apart)


def _directions(stage: Stage, tangents: Sequence[Any]) -> tuple[int, ...]:
    """The leaves that have a tangent."""
    given: list[bool] = []

    def visit(spec: ArgSpec, tangent: Any) -> None:
        if not isinstance(spec, Node) or tangent is None:
            given.extend([tangent is not None] * len(list(leaves(spec))))
            return
        for item, part in zip(spec.items, parts_for(spec, tangent), strict=True):
            visit(item, part)

    for spec, tangent in zip(stage.specs, tangents, strict=True):
        visit(spec, tangent)
    able = set(stage.differentiable)
    wrong = [k for k, g in enumerate(given) if g and k not in able]
    if wrong:
        raise refusal("tangent-discrete")
    return tuple(k for k, g in enumerate(given) if g)
