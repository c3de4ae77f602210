"""`llad.vjp` outside of traced code: the value, and an object that takes seeds to cotangents.

Both are one traced program that applies `vjp` inside, where it is defined (`frontend/pullbacks.py`), cut into a forward
sweep, which runs when the pullback is made, and a reverse sweep, which each call runs (`sweeps.py`). A `Pullback` owns
what it is a function of: the tape, copies of the primals and of captured arrays, and the machine code of the trace that
held when it was made. So nothing that happens later changes it. A tape serves one call at a time: calls that overlap
run the forward sweep again, each for a tape of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llad.codegen.plan import NUMPY_TYPES
from llad.codegen.target import LOCK
from llad.codegen.vectorcall import Native
from llad.dataclass import dataclass
from llad.dispatch import Dispatcher
from llad.fit import arrays_of, laid_out, plain, refuse_shared
from llad.frontend.transforms import Transform, Transformed, vjp
from llad.ir.types import BufferType, Type, carries_derivative
from llad.program import Program, Stage
from llad.refusals.table import refusal
from llad.returned import Constant, Output, Result
from llad.structures import COMPLEX, TUPLE, Node, opened
from llad.sweeps import Sweeps, Tape

Array = np.ndarray[Any, Any]


class Vjp(Transformed):
    """Stands for `(value, pullback)` of a function: called with the primals."""

    def __init__(self, program: Program, owner: object = None) -> None:
        self.owner = owner  # of which this is an attribute
        self.transform = Transform("vjp", program.py_func)
        self.__name__ = self.__qualname__ = f"{program.name}.vjp"
        function = program.py_func

        def value(*primals):  # type: ignore[no-untyped-def]
            return vjp(function, *primals)[0]

        def both(primals, seed):  # type: ignore[no-untyped-def]
            value, pull = vjp(function, *primals)
            return value, pull(seed)

        value.called = both.called = function  # type: ignore[attr-defined]  # where errors are that have no line there

        self._value = Program(function, program.fastmath, value)
        self._both = Program(function, program.fastmath, both)
        self._both.attributes = self._value.attributes
        self._made: dict[Stage, Sweeps] = {}
        dispatcher = Dispatcher(self._value, "primal")
        self._raising = dispatcher.native = Native(dispatcher)

    def __repr__(self) -> str:
        return f"<llad {self.__qualname__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as an attribute."""
        if self.owner is None:
            raise TypeError(f"{self!r} is not pickled: it is an intermediate object of `llad.vjp`")
        return getattr, (self.owner, "vjp")

    def __call__(self, *primals: Any) -> tuple[Any, Pullback]:
        held = _held(primals)
        with LOCK:  # one state of the globals for both
            stage, (given, seed) = self._both.learning(lambda: self._traced(held))
            shown = plain(primals, self._both.attributes), seed
            refuse_shared([*arrays_of(shown), *stage.facts.captured], stage.apart)
            if not isinstance(stage.facts.result, Node):
                self._raising(*held)
                raise AssertionError("what raises whatever it is given did not")
            if stage not in self._made:
                self._made[stage] = Sweeps(stage)
            sweeps = self._made[stage]
        state = _owned(given), tuple(plain(laid_out(array), {}) for array in stage.facts.captured)
        value, tape = sweeps.forward(*state)
        return value, Pullback(sweeps, *state, _like(value), [tape])

    def _traced(self, primals: Any) -> tuple[Stage, Any]:
        """The trace of the pullback, and the primals and a seed as it takes them."""
        given = plain(primals, self._value.attributes)
        known = self._value.stage(given).facts
        arguments = given, _blank(known.result, known.outputs)
        return self._both.stage(arguments), arguments


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pullback:
    """`pullback(seed)`: the cotangents of the primals, a tuple with `None` for what has none.

    The seed has the structure, dtypes and shapes of the value, and `None` for what carries no derivative.

    Raises:
        ArgumentError: the seed has not.
    """

    _sweeps: Sweeps
    _primals: tuple[Any, ...]
    _captured: tuple[Array, ...]
    _like: Any
    _tapes: list[Tape]  # that no call is using

    def __call__(self, seed: Any) -> tuple[Any, ...]:
        seed = plain(_checked(seed, self._like), {})
        try:
            tape = self._tapes.pop()
        except IndexError:  # another call is in the midst of its sweep
            _, tape = self._sweeps.forward(self._primals, self._captured)
        cotangents: tuple[Any, ...] = self._sweeps.reverse(self._primals, seed, self._captured, tape)
        self._tapes.append(tape)  # unless the sweep was interrupted: then its shadows may not be zero
        return cotangents

    def __copy__(self) -> Pullback:
        return self

    def __deepcopy__(self, memo: object) -> Pullback:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a pullback is not pickled: its tape is memory of this process; call `vjp` there")

    def __repr__(self) -> str:
        return "<llad pullback>"


def _held(value: Any) -> Any:
    """The value with copies of the arrays in it, that lie in memory as they do."""
    if type(value) is np.ndarray or type(value) is np.memmap:
        return laid_out(np.asarray(value))
    if isinstance(value, Node):
        return Node(value.form, tuple(map(_held, value.items)))
    structure = opened(value)
    return value if structure is None else structure[0].build([_held(item) for item in structure[1]])


def _owned(given: Any) -> Any:
    """The plain value with copies of the arrays that plain objects hold."""
    if isinstance(given, tuple):
        return tuple(map(_owned, given))
    if not isinstance(given, Node):
        return given
    return Node(given.form, tuple(_held(x) if given.form.partial else _owned(x) for x in given.items))


def _blank(result: Result, outputs: Sequence[Type]) -> Any:
    """A seed for a value of this result, plain, without its extents and numbers."""
    match result:
        case Node(form=form, items=items):
            parts = tuple(_blank(item, outputs) for item in items)
            return parts if form == TUPLE else Node(form, parts)
        case Output(index=index) if carries_derivative(type := outputs[index]):
            return np.empty((0,) * type.rank, NUMPY_TYPES[type.dtype]) if isinstance(type, BufferType) else 0.0
        case Constant(value=float()):
            return 0.0
        case _:
            return None


def _like(value: Any) -> Any:
    """A seed for the value: itself where it carries a derivative, else `None`."""
    structure = opened(value)
    if structure is not None:
        return structure[0].build([_like(item) for item in structure[1]])
    if isinstance(value, np.ndarray):
        return np.empty(value.shape, value.dtype) if value.dtype.kind == "f" else None
    return value if isinstance(value, (float, np.floating)) else None


def _checked(seed: Any, like: Any) -> Any:
    """The seed, if it fits, with contiguous arrays; of a complex one its parts."""
    structure = opened(like)
    if structure is not None:
        form, likes = structure
        items = seed if form == TUPLE and isinstance(seed, list) else form.parts(seed)
        if items is None or len(items) != len(likes):
            raise refusal("seed-structure", count=len(likes), form=form, got=_described(seed))
        made = [_checked(item, x) for item, x in zip(items, likes, strict=True)]
        return Node(form, tuple(made)) if form == COMPLEX else form.build(made)
    match like:
        case None:
            fits = seed is None
        case np.ndarray():
            if like.shape == () and isinstance(seed, (int, float, np.floating)) and not isinstance(seed, bool):
                return np.array(seed, like.dtype)
            fits = isinstance(seed, np.ndarray) and (seed.shape, seed.dtype) == (like.shape, like.dtype)
            if fits:
                return np.ascontiguousarray(seed).reshape(like.shape)
        case _:
            if isinstance(seed, np.ndarray) and seed.shape == ():
                seed = seed[()]
            fits = isinstance(seed, (int, float, np.integer, np.floating)) and not isinstance(seed, bool)
            if fits:
                return type(like)(seed)
    if fits:
        return seed
    raise refusal("seed-kind", want=_described(like), got=_described(seed))


def _described(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return "a number" if isinstance(value, (float, np.floating)) else repr(value)
