"""The state of a trace at one point: what the names of the function being traced hold, and where control may be.

Python's jumps become three flags, each `False`, `True` or a run-time bool: `left`, control has left the statements
that follow (by any jump); `stop`, it has left the loop too (`break` or `return`); `ret`, it has left the function.
`stop` implies `left`, `ret` implies `stop`. A `dead` state is one that no execution reaches: its names hold
nothing, and its flags say `left`.

Invariant: a state is copied before a region is traced, never shared by two paths; lists and dicts in it are shared,
what they hold is handed on beside it (`contents.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import field
from types import FunctionType
from typing import Any, ClassVar, Final

import numpy as np

from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.frontend.signature import Guard, Lengths
from llad.frontend.source import Source
from llad.frontend.values import Marker, Record, Unbound
from llad.ir.core import Region, Value

Flag = bool | Value

# What llad itself has written to be traced.
TRACED: Final = "llad.traced."

# A name that is not carried or merged because nobody reads it before it is assigned again.
Dropped: Final = Marker("Dropped")

# A name before the first round of a loop in which only earlier iterations may have bound it.
Unknown: Final = Marker("Unknown")


# What a name holds, or an expression gives, on a path that does not come by.
Gone: Final = Marker("Gone")


# An outer name while a call has borrowed it, to assign it (`lending.py`).
Lent: Final = Marker("Lent")


@dataclass(frozen=True, slots=True)
class Maybe:
    """What a name holds when only some paths assigned it: reading it checks the run-time bool `bound`.

    `on_exit`: every path that stops the innermost loop has assigned it."""

    inner: Any
    bound: Value
    on_exit: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """What a name holds after paths that gave it values which have no common type: reading it is refused."""

    first: str
    second: str
    first_span: Span | None
    second_span: Span | None


@dataclass(frozen=True, slots=True)
class Changed(Conflict):
    """What an attribute holds that was set, at the first span, of an object which may be this one."""

    first: str = "what it was"
    second: str = "what was set by another name"
    first_span: Span | None = None
    second_span: Span | None = None
    outdated: ClassVar[bool] = True


@dataclass(slots=True)
class State:
    """What the names hold, where each was assigned, and the flags. `result` is the value of a `return`."""

    values: dict[str, Any] = field(default_factory=dict)
    spans: dict[str, Span | None] = field(default_factory=dict)
    left: Flag = False
    stop: Flag = False
    ret: Flag = False
    dead: bool = False
    result: Any = Unbound
    result_span: Span | None = None

    def copy(self) -> State:
        return State(
            dict(self.values),
            dict(self.spans),
            self.left,
            self.stop,
            self.ret,
            self.dead,
            self.result,
            self.result_span,
        )

    def become(self, other: State) -> None:
        """Hold what another state does."""
        self.values, self.spans = dict(other.values), dict(other.spans)
        self.left, self.stop, self.ret, self.dead = other.left, other.stop, other.ret, other.dead
        self.result, self.result_span = other.result, other.result_span

    def die(self) -> None:
        """No execution gets here."""
        self.left, self.dead = True, True

    def jump(self, stop: bool = False, ret: bool = False) -> None:
        """Leave the statements that follow; the loop too; the function too."""
        self.left, self.stop, self.ret = True, stop or ret, ret

    def land(self) -> None:
        """Control is here again: no flag is set."""
        self.left, self.stop, self.ret = False, False, False


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """That a list, dict, set or object was changed, which held `before`, and where it was first changed."""

    thing: Any
    before: Any
    span: Span | None


def held_by(thing: Any) -> Any:
    """A copy of what a list, dict, set or object holds."""
    return thing.fields.copy() if isinstance(thing, Record) else thing.copy()


def hold(thing: Any, contents: Any) -> None:
    """Let a list, dict, set or object hold this."""
    if isinstance(thing, list):
        thing[:] = contents
        return
    holder = thing.fields if isinstance(thing, Record) else thing
    holder.clear()
    holder.update(contents)


@dataclass(eq=False)
class Scope:
    """A stretch of tracing in which each step follows the one before on every path.

    `kind`: `straight` opens a function call or an iteration done at trace time; `region` a branch or loop body that
    may run never or again; `function` one that is traced apart, for its derivative, and `table` for its recursion;
    `rest` what follows a jump that some path took, within `extent`; `given` stands for all that came before the trace,
    `met` for what paths made that meet. `frame`: whose state is another one within, if one is. `changed`: the objects
    from before that were changed in a branch, loop body or rest (`contents.py`).
    """

    parent: Scope | None
    kind: str
    extent: Scope | None = None
    changed: dict[int, Change] = field(default_factory=dict)
    frame: Frame | None = None

    def inside(self, outer: Scope | None) -> bool:
        scope: Scope | None = self
        while scope is not None and scope is not outer:
            scope = scope.parent
        return scope is outer and outer is not None

    def before(self, born: Scope) -> Iterator[Scope]:
        """This scope and those around it, up to the one where an object was made."""
        scope: Scope | None = self
        while scope is not None and not born.inside(scope):
            yield scope
            scope = scope.parent

    def may_mutate(self, born: Scope) -> bool:
        """Whether an object made in `born` may be changed here: every path that sees it later comes by here.

        What a call or an iteration has made, once it is over, was made where that stood.
        """
        return self._follows(born, ("region", "function", "table"), rest=False)

    def may_change(self, born: Scope) -> bool:
        """Whether what an object holds, which was made in `born`, may be changed here, and is handed on from here."""
        return self._follows(born, ("function", "table"))

    def sees(self, born: Scope) -> bool:
        """Whether an object made in `born` is there on every path that comes by here."""
        return self._follows(born, ())

    def _follows(self, born: Scope, unless: tuple[str, ...], rest: bool = True) -> bool:
        while born.kind == "straight" and born.parent is not None and not self.inside(born):
            born = born.parent
        scope: Scope | None = self
        while scope is not None and scope is not born:
            if scope.kind in unless or not (rest or scope.kind != "rest" or born.inside(scope.extent)):
                return False
            scope = scope.parent
        return scope is born


@dataclass(eq=False)
class Frame:
    """A function being traced: its source, its state, and where free names are looked up.

    `function` is the Python function, for its cells and globals; a function defined in traced code has none and
    looks into `parent`, the frame that defined it. `extent` is the scope of the innermost loop iteration, or of
    the call. `caller` is where it was called.
    """

    source: Source
    function: FunctionType | None
    parent: Frame | None
    scope: Scope
    extent: Scope
    state: State = field(default_factory=State)
    caller: Span | None = None

    def span(self, node: ast.AST) -> Span:
        """Where the node stands; what llad wrote to be traced stands where it is called."""
        if self.caller is not None and (self.module or "").startswith(TRACED):
            return self.caller
        return self.source.span(node, self.caller)

    @property
    def module(self) -> str | None:
        """The name of the module whose text this is."""
        if self.function is not None:
            return self.function.__module__
        return None if self.parent is None else self.parent.module


@dataclass(frozen=True, slots=True, eq=False)
class Closure:
    """A function or lambda defined in traced code, with the frame whose names it sees."""

    shown: ClassVar[str] = "a function"

    source: Source
    frame: Frame
    defaults: tuple[Any, ...]
    keyword_defaults: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A `functools.partial` made in traced code."""

    shown: ClassVar[str] = "a function"

    function: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(slots=True, eq=False)
class Active:
    """A call being traced: whose, with which arguments, in which table its recursion would stand, and what it is."""

    identity: object
    key: object
    names: Mapping[str, Any]
    scope: Scope
    home: dict[str, Local]
    local: Local | None = None


@dataclass(slots=True, eq=False)
class Local:
    """A function of the table, with the shapes of its arguments and (once known) of its result.

    `open`: it is being traced; `asked`: it was called in this round.
    """

    name: str
    identity: object
    home: dict[str, Local]
    shapes: dict[str, Any]
    result: Any = None
    open: bool = True
    asked: bool = False
    params: tuple[Value, ...] = ()
    region: Region = field(default_factory=Region)


class NeedsAttribute(Exception):
    """An attribute of a plain object was asked for that was not among those taken from arguments of its class.

    `reads`, `captured` and `lengths`: what the trace had come to know until then, as `Traced` has it.
    """

    def __init__(self, cls: type, name: str) -> None:
        super().__init__(cls, name)
        self.cls = cls
        self.name = name
        self.reads: tuple[Guard, ...] | None = None
        self.captured: tuple[np.ndarray[Any, Any], ...] = ()
        self.lengths: Lengths = {}


@dataclass(slots=True, eq=False)
class Outlined:
    """What is known of a function that is called again and again (`outline.py`): the table it would stand in, the
    arguments of its first call (which keep what identifies them alive), and how many ops its calls were inlined to."""

    home: dict[str, Local]
    names: Mapping[str, Any]
    length: int = 0
    calls: int = 0
    local: Local | None = None
    unfit: bool = False


class PathEnds(Exception):
    """Control does not come past here: a check that always fails was emitted."""
