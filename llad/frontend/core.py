"""The tracer: what the handlers of expressions and statements share, and nothing of what they do.

It owns the builder, the frame being traced, the guards and the captured arrays. The handlers are functions in
tables, handed over once: so each file of handlers depends on this one only, and no file on the whole.

Invariant: `builder.span` is the span of the innermost expression or statement being traced.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from llad.complex_numbers import Complex, is_complex
from llad.dataclass import dataclass
from llad.diagnostics import ArgumentError, Span
from llad.frontend import refused
from llad.frontend.alike import Alike
from llad.frontend.assumed import Assumed
from llad.frontend.axes import Axes
from llad.frontend.guards import Guards
from llad.frontend.ledger import Ledger
from llad.frontend.loose import Copied
from llad.frontend.parts import compose, reaches
from llad.frontend.signature import ArraySpec, spec_of
from llad.frontend.state import Active, Change, Changed, Frame, Local, Outlined, PathEnds, Scope, State, held_by
from llad.frontend.values import Array, Marker, NotHandled, OrNone, Record, Rows, Table, argument, describe
from llad.ir.build import Builder
from llad.ir.core import Region, Value
from llad.ir.types import BOOL
from llad.structures import Form, form_of, has_operators


@dataclass(frozen=True, slots=True)
class Handlers:
    """Who traces what. `control` maps statements that may take the statements after them into their regions; they
    return whether they did. `call` applies anything callable."""

    expressions: Mapping[type[ast.expr], Callable[[Tracer, Any], Any]]
    statements: Mapping[type[ast.stmt], Callable[[Tracer, Any], None]]
    branch: Callable[[Tracer, ast.If, Sequence[ast.stmt]], bool]
    rest: Callable[[Tracer, Sequence[ast.stmt]], None]
    call: Callable[[Tracer, Any, Sequence[Any], Mapping[str, Any]], Any]


# So many items of a list from outside become constants of the code.
_MOST_ITEMS = 1000


class Tracer:
    """One trace. It is the `Context` of arithmetic, indexing and spellings."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self.builder = Builder()
        self.guards = Guards()
        self.axes = Axes()
        self.choosing = True  # whether items are chosen by run-time indices, or a loop is to be written out for them
        self.alike = Alike()
        self.assumed = Assumed()
        self.ledger = Ledger()
        self.captured: dict[int, tuple[np.ndarray[Any, Any], Value]] = {}
        self.complexes: dict[int, tuple[np.ndarray[Any, Any], ...]] = {}  # captured ones: real and imaginary part
        self.active: list[Active] = []
        self.home: dict[str, Local] = {}  # the table of the function being made
        self.locals: list[Local] = []  # the functions of tables that calls may name here
        self.outlined: dict[object, Outlined] = {}
        self.made: dict[tuple[object, Value], Any] = {}  # per function and array: what was made of it (`once.py`)
        self.scope = Scope(None, "straight")
        self.generating: Scope | None = None  # in which a generator function computes its items
        self.seen_by_generators: list[Any] = []  # what those may read that were gone over
        self.returned: Span | None = None  # where the last call traced returned
        self._frame: Frame | None = None

    @property
    def frame(self) -> Frame:
        assert self._frame is not None, "nothing is being traced"
        return self._frame

    @property
    def state(self) -> State:
        return self.frame.state

    # -- walking

    def eval(self, node: ast.expr) -> Any:
        """The value of an expression: `Scalar`, `Array`, or what is known at trace time."""
        value = self.open(node)
        return self.refuse_or_none(value, node) if isinstance(value, OrNone) else value

    def refuse_or_none(self, value: OrNone, node: ast.expr | None = None) -> NoReturn:
        """Refuse what may be `None`, where it is not asked whether it is."""
        refused.refuse("or-none", self.builder.span if node is None else self.frame.span(node), got=describe(value))

    def open(self, node: ast.expr) -> Any:
        """The value of an expression, which may also be what some paths give and `None` elsewhere."""
        outer = self.builder.span
        self.builder.span = self.frame.span(node)
        handler = self.handlers.expressions.get(type(node))
        if handler is None:
            self.refuse("expression", what=type(node).__name__)
        value = handler(self, node)
        self.builder.span = outer
        return self.assumed.narrow(value) if isinstance(value, OrNone) else value

    def execute(self, body: Sequence[ast.stmt]) -> None:
        """Trace statements, up to where control has left on every path."""
        for k, statement in enumerate(body):
            left = self.state.left
            if left is True:
                return
            if left is not False:
                self.handlers.rest(self, body[k:])
                return
            outer = self.builder.span
            self.builder.span = self.frame.span(statement)
            try:
                if isinstance(statement, ast.If):
                    if self.handlers.branch(self, statement, body[k + 1 :]):
                        return
                else:
                    self._statement(statement)
            except PathEnds:
                self.state.die()
            self.builder.span = outer

    def _statement(self, statement: ast.stmt) -> None:
        handler = self.handlers.statements.get(type(statement))
        if handler is None:
            self.refuse("statement", what=type(statement).__name__)
        handler(self, statement)

    @contextmanager
    def enter(self, frame: Frame) -> Iterator[Frame]:
        """Trace inside `frame` for the `with` body."""
        outer, scope, span = self._frame, self.scope, self.builder.span
        self._frame, self.scope = frame, frame.scope
        try:
            yield frame
        finally:
            self._frame, self.scope, self.builder.span = outer, scope, span

    @contextmanager
    def standing_in(self, frame: Frame) -> Iterator[None]:
        """Evaluate expressions of `frame` for the `with` body, at this point of the trace."""
        outer, span = self._frame, self.builder.span
        self._frame = frame
        try:
            yield
        finally:
            self._frame, self.builder.span = outer, span

    @contextmanager
    def within(self, region: Region, state: State, kind: str = "region") -> Iterator[Scope]:
        """Append to `region`, with `state` as the frame's, in a scope of its own; a path that ends is dead.

        The caller takes the state that results from `frame.state` and puts back the one that it wants."""
        scope, span = self.scope, self.builder.span
        self.scope = own = Scope(scope, kind, self.frame.extent if kind == "rest" else None, frame=self.frame)
        self.frame.state = state
        try:
            with self.builder.inside(region):
                try:
                    yield own
                except PathEnds:
                    self.frame.state.die()
        finally:
            self.scope, self.builder.span = scope, span

    @contextmanager
    def iteration(self, fresh: bool = False) -> Iterator[None]:
        """One iteration of a loop, for the `with` body; `fresh`: one done at trace time, in this region."""
        scope, extent = self.scope, self.frame.extent
        if fresh:
            self.scope = Scope(scope, "straight")
        frame = self.frame
        frame.extent = self.scope
        try:
            yield
        finally:
            self.scope, frame.extent = scope, extent

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Trace, for the `with` body, what may run never or again, and must change nothing that was made before."""
        scope, self.scope = self.scope, Scope(self.scope, "function")
        try:
            yield
        finally:
            self.scope = scope

    # -- Context

    def refuse(self, name: str, /, **details: object) -> NoReturn:
        refused.refuse(name, self.builder.span, **details)

    def call(self, function: object, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return self.handlers.call(self, function, args, kwargs)

    def lift(self, value: Any) -> Any:
        """What traced code sees of an object found outside of it."""
        if has_operators(value):
            self.refuse("number-class", name=type(value).__name__)
        if is_complex(value):
            return self._complex(value)
        if isinstance(value, np.ndarray):
            return self.capture(value)
        if isinstance(value, tuple) and (form := form_of(value)) is not None:
            return form.build(tuple(map(self.lift, value)))
        if isinstance(value, (list, dict, set, bytearray)) and self.ledger.birth(value) is None:
            return self._container(value)
        return value

    def _container(self, value: Any) -> Any:
        """A list, dict or set from outside is constant: traced code reads it and does not change it."""
        kind = type(value)
        if kind not in (list, dict, set) or len(value) > _MOST_ITEMS:
            size = f" of {len(value)} items" if len(value) > _MOST_ITEMS else ""
            self.refuse("captured-container", type=kind.__name__ + size)
        if id(value) not in self.ledger.found:
            made: Any = value if kind is set else kind()
            self.ledger.found[id(value)] = value, made
            items = self.guards.contents(value)
            if kind is list:
                made.extend(map(self.lift, items))
            elif kind is dict:
                made.update(zip(items[::2], map(self.lift, items[1::2]), strict=True))
            self.give(made)
        made = self.ledger.found[id(value)][1]
        if self.ledger.birth(made) is None:
            self.refuse("captured-container", type=f"{kind.__name__} that contains itself,")
        return made

    def _complex(self, value: Any) -> Any:
        """A complex number is Python's; an array is captured in its two parts, each a window on it."""
        if not isinstance(value, np.ndarray):
            return complex(value)
        _, *parts = self.complexes.setdefault(id(value), (value, value.real, value.imag))
        re, im = map(self.capture, parts)
        return self.give(Record(Complex, {"re": re, "im": im}))

    def capture(self, array: np.ndarray[Any, Any]) -> Array:
        """A captured array is a hidden parameter, the same one wherever the same object is met."""
        if id(array) not in self.captured:
            try:
                spec = spec_of(array)
            except ArgumentError as error:
                self.refuse("captured-array", got=error.message)
            assert isinstance(spec, ArraySpec)
            self.captured[id(array)] = (array, Value(spec.type, "captured"))
            self.axes.give(self.captured[id(array)][1], spec.shape)
        return argument(self.captured[id(array)][1])

    # -- trace-time objects

    def make(self, thing: Any) -> Any:
        """Note that a list, dict or set was made by traced code here."""
        if isinstance(thing, set):
            self.guards.used(thing)
        self.ledger.make(thing, self.scope)
        return thing

    def note_copy(self, copy: Value, source: Value) -> None:
        """Note that a copy was made where NumPy may have a view."""
        self.ledger.copied.append(Copied(copy, source, self.builder.span))

    def compose(self, form: Form, items: Sequence[Any]) -> Any:
        """A structure of this form, made here."""
        made = compose(form, items)
        return made if isinstance(made, (tuple, Rows, Table)) else self.make(made)

    def give(self, thing: Any, kind: str = "given") -> Any:
        """Note that a list, dict or record is from outside, or (`met`) from one of several paths: it may be read, and
        not be changed."""
        if not isinstance(thing, tuple):
            self.ledger.make(thing, Scope(None, kind))
        return thing

    def met(self, form: Form, items: Sequence[Any]) -> Any:
        """A structure of this form that is also elsewhere, so that it must not be changed."""
        return self.give(compose(form, items), "met")

    def mutate(self, thing: object, name: str | None = None) -> None:
        """Note that `thing`, or this attribute of it, is about to be changed; refuse it, unless whoever may see it sees
        the change."""
        others = self.ledger.relatives(thing)
        if any(map(self.ledger.is_kept, (thing, *others))):
            self.refuse_kept(thing)
        birth = self.ledger.birth(thing)
        outside = self.generating is not None and (birth is None or not birth.inside(self.generating))
        if outside or any(reaches(value, thing) for value in self.seen_by_generators):
            self.refuse("yield", what="whose loop, or which itself, changes what is seen elsewhere")
        if birth is None or not self.scope.may_change(birth):
            self.refuse_mutation(thing, self.builder.span)
        self.note(thing, self.builder.span)
        for other in others:
            self._outdate(other, name)

    def _outdate(self, other: Record, name: str | None) -> None:
        """Note that an attribute is about to change of an object which may be this other one."""
        birth, span = self.ledger.birth(other), self.builder.span
        if birth is None or birth.kind in ("given", "met"):
            other.stale = span
        elif self.scope.sees(birth):
            self.note(other, span)
            names = tuple(other.fields) if name is None else (name,)
            other.fields.update(dict.fromkeys(names, Changed(first_span=span)))

    def note(self, thing: object, span: Span | None) -> None:
        """Note in the scopes around that `thing` is about to be changed there."""
        birth = self.ledger.birth(thing)
        assert birth is not None
        for scope in self.scope.before(birth):
            if scope.kind in ("region", "rest") and id(thing) not in scope.changed:
                scope.changed[id(thing)] = Change(thing, held_by(thing), span)

    def refuse_kept(self, thing: object) -> NoReturn:
        """Refuse that `thing` is changed, of which there is a copy."""
        self.refuse("kept-mutation", type=(thing.cls if isinstance(thing, Record) else type(thing)).__name__)

    def refuse_mutation(self, thing: object, span: Span | None) -> NoReturn:
        """Refuse that `thing` was changed there."""
        kind = thing.cls if isinstance(thing, Record) else type(thing)
        birth = self.ledger.birth(thing)
        whose = {"given": "given-mutation", "met": "met-mutation"}.get("" if birth is None else birth.kind, "mutation")
        refused.refuse(whose, span, type=kind.__name__)

    def end_path(self, error: str, message: str, *values: Value) -> NoReturn:
        """Raise `error` at run time, always; nothing after this is reached."""
        self.builder.check(self.builder.const(False, BOOL), error, message, *values)
        raise PathEnds


def handled(value: Any) -> bool:
    return not (isinstance(value, Marker) and value is NotHandled)
