"""`llad.vjp` outside of traced code: the value, and an object that takes seeds to cotangents.

Both are traced programs that apply `vjp` inside, where it is defined (`frontend/pullbacks.py`). A `Pullback` owns what
it is a function of: copies of the primals and of captured arrays, and the machine code of the trace that held when it
was made. So nothing that happens later changes it, and as no call writes what it owns, calls may overlap. Each
call runs the forward sweep and the reverse sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from llad.calls import Passing, primal_plan
from llad.codegen.outline import Outline
from llad.codegen.plan import Plan
from llad.codegen.target import LOCK
from llad.codegen.vectorcall import Native
from llad.compile import Program, Stage
from llad.dispatch import Dispatcher
from llad.fit import arrays_of, fit, laid_out, plain, refuse_shared
from llad.frontend.transforms import Transform, Transformed, vjp
from llad.refusals.table import refusal
from llad.specialise import Specialisation, compile_native
from llad.structures import TUPLE, Node, opened

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

        def pull(primals, seed):  # type: ignore[no-untyped-def]
            return vjp(function, *primals)[1](seed)

        dispatcher = Dispatcher(Program(function, program.fastmath, value), "primal")
        self._value = dispatcher.native = Native(dispatcher)
        self._pull = Program(function, program.fastmath, pull)
        self._made: dict[Stage, _Code] = {}

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
            value = self._value(*held)
            stage, (given, seed) = self._pull.learning(lambda: self._traced(held, value))
            shown = plain(primals, self._pull.attributes), seed
            refuse_shared([*arrays_of(shown), *stage.traced.captured], stage.apart)
            if stage not in self._made:
                self._made[stage] = _Code(stage)
            code = self._made[stage]
        captured = tuple(plain(laid_out(array), {}) for array in stage.traced.captured)
        return value, Pullback(code, _owned(given), captured, _like(value))

    def _traced(self, primals: Any, value: Any) -> tuple[Stage, Any]:
        """The trace of the pullback, and the primals and a seed as it takes them."""
        arguments = plain(primals, self._pull.attributes), plain(_like(value), {})
        return self._pull.stage(arguments), arguments


class _Code:
    """The machine code of the pullbacks of one trace, called with `(primals, seed, captured arrays)`."""

    def __init__(self, stage: Stage) -> None:
        def plan(outline: Outline, raised: Callable[..., BaseException]) -> Plan:
            made = primal_plan(stage, "none", Passing())(outline, raised)
            captured = Node(TUPLE, tuple(argument for argument, _ in made.captured))
            return replace(made, arguments=(*made.arguments, captured), captured=(), guards=())

        self.made: Specialisation = compile_native(stage, "primal", (), False, plan)
        self.native = Native(self._refused)
        if self.made.entry is not None:
            entry = self.made.entry
            self.native.prepend(self.made.linked.addresses[entry.symbol], entry.pins, self.made)

    def __call__(self, *values: Any) -> Any:
        fitted = fit(self.made.plan, values)
        return self.made.call(fitted) if self.made.entry is None else self.native.strict(*fitted)

    def _refused(self, *values: Any) -> Any:
        raise AssertionError("only strict calls are made")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Pullback:
    """`pullback(seed)`: the cotangents of the primals, a tuple with `None` for what has none.

    The seed has the structure, dtypes and shapes of the value, and `None` for what carries no derivative.

    Raises:
        ArgumentError: the seed has not.
    """

    _code: _Code
    _primals: tuple[Any, ...]
    _captured: tuple[Array, ...]
    _like: Any

    def __call__(self, seed: Any) -> tuple[Any, ...]:
        cotangents: tuple[Any, ...] = self._code(self._primals, plain(_checked(seed, self._like), {}), self._captured)
        return cotangents

    def __repr__(self) -> str:
        return "<llad pullback>"


def _held(value: Any) -> Any:
    """The value with copies of the arrays in it."""
    if type(value) is np.ndarray or type(value) is np.memmap:
        return np.array(value, order="C")
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


def _like(value: Any) -> Any:
    """A seed for the value: itself where it carries a derivative, else `None`."""
    structure = opened(value)
    if structure is not None:
        return structure[0].build([_like(item) for item in structure[1]])
    if isinstance(value, np.ndarray):
        return np.empty(value.shape, value.dtype) if value.dtype.kind == "f" else None
    return value if isinstance(value, (float, np.floating)) else None


def _checked(seed: Any, like: Any) -> Any:
    """The seed, if it fits."""
    structure = opened(like)
    if structure is not None:
        form, likes = structure
        items = seed if form == TUPLE and isinstance(seed, list) else form.parts(seed)
        if items is None or len(items) != len(likes):
            raise refusal("seed-structure", count=len(likes), form=form, got=_described(seed))
        return form.build([_checked(item, x) for item, x in zip(items, likes, strict=True)])
    match like:
        case None:
            fits = seed is None
        case np.ndarray():
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
