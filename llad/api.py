"""What users call: `jit`, `jit_grad`, and the objects that they make.

A decorated function is a native callable with attributes. Nothing is compiled before the first call: per kind of
argument (dtype, rank, layout, never size) one trace and one piece of machine code for each of value, gradient and
tangent that is asked for. When a global or a closure value that a trace used changes, the next call compiles anew.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import types
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal, Self, TypeVar, overload

from llad import methods, pickling
from llad.codegen.target import LOCK
from llad.codegen.vectorcall import Native
from llad.dispatch import NOTHING, Dispatcher, Held
from llad.explain import describe
from llad.facts import What
from llad.frontend import transforms
from llad.frontend.checkpoints import checkpoint
from llad.frontend.transforms import (
    Argnums,
    Kind,
    Transform,
    Transformed,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    value_and_grad,
    vjp,
)
from llad.ir.text import show
from llad.program import Program, Stage
from llad.pullback import Vjp
from llad.specialise import Specialisation
from llad.structures import library_of

__all__ = [
    "Compiled",
    "Jit",
    "JitGrad",
    "checkpoint",
    "grad",
    "hessian",
    "jacfwd",
    "jacrev",
    "jit",
    "jit_grad",
    "jvp",
    "value_and_grad",
    "vjp",
]


J = TypeVar("J", bound="Jit")


class Compiled(Native, Transformed):
    """A native callable that stands for a Python function or a derivative of one."""

    def __init__(self, program: Program, kind: Kind, argnums: Argnums = None, held: Held = NOTHING) -> None:
        self.dispatcher = Dispatcher(program, kind, argnums, held)
        self.owner: Compiled | None = None  # of which this is an attribute
        super().__init__(self.dispatcher)
        self.dispatcher.native = self
        self.transform = Transform(kind, program.py_func, argnums)
        suffix = "" if kind == "primal" else f".{kind}"
        for name in ("__module__", "__doc__"):
            setattr(self, name, getattr(program.py_func, name, None))
        self.__name__ = program.name + suffix
        self.__qualname__ = getattr(program.py_func, "__qualname__", program.name) + suffix
        if kind != "jvp":
            self.__wrapped__ = program.py_func

    def __repr__(self) -> str:
        return f"<llad {self.__qualname__}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        """By name where that is possible, as functions are; else by the Python function (`pickling.py`)."""
        if self.owner is not None:
            return getattr, (self.owner, self.transform.kind)
        program = self.dispatcher.program
        how = (self.transform.kind, self.transform.argnums, program.fastmath, self.dispatcher.held)
        return pickling.reduced(self, _derive, pickling.named(program.py_func), *how)

    def __get__(self, owner: object, kind: type | None = None) -> Any:
        """As a method: bound to the object that it is an attribute of."""
        return self if owner is None else methods.Bound(self, owner)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @cached_property
    def _stand_in(self) -> Callable[..., Any]:
        """A copy of the Python function, by which the compiled one is pickled."""
        return pickling.make_stand_in(self, self.dispatcher.program.py_func)

    @property
    def py_func(self) -> Callable[..., Any]:
        """The Python function as it was written."""
        function: Callable[..., Any] = self.dispatcher.program.py_func
        return function

    @property
    def specialisations(self) -> tuple[Specialisation, ...]:
        """The machine code made so far for this callable, oldest first."""
        return tuple(self.dispatcher.made.values())

    @property
    def compile_times(self) -> dict[str, float]:
        """Seconds spent so far in `trace`, `passes`, `differentiate`, `llvm` and `link`."""
        steps = dict.fromkeys(("trace", "passes", "differentiate", "llvm", "link"), 0.0)
        made = self.specialisations
        for times in [*(s.times for s in self._stages()), *(s.linked.times for s in made)]:
            for step, seconds in times.items():
                steps[step] += seconds
        return steps

    def _stages(self) -> list[Stage]:
        """The traces behind the specialisations."""
        return list(dict.fromkeys(s.stage for s in self.specialisations))


class Jit(Compiled):
    """A Python function with native code: what `llad.jit` makes."""

    def __init__(self, program: Program, argnums: Argnums = None) -> None:
        super().__init__(program, "primal", argnums)

    def __reduce__(self) -> str | tuple[Any, ...]:
        program = self.dispatcher.program
        how = (type(self), self.dispatcher.argnums, program.fastmath)
        return pickling.reduced(self, _rejit, program.py_func, *how)

    def dump_ir(self, *args: Any, of: What = "primal", stage: Literal["traced", "optimised"] = "optimised") -> str:
        """The IR for such arguments, which may be left out when there is one specialisation.

        `stage`: `traced` is the IR as tracing or differentiation left it, `optimised` what machine code is made of.
        """
        found, wrt = self._stage(args, of)
        with LOCK:
            return show(found.function(of, wrt, last=stage == "optimised"))

    def dump_llvm(self, *args: Any, of: What = "primal", stage: Literal["before", "after"] = "after") -> str:
        """The LLVM IR of the native function for such arguments, `before` or `after` O2."""
        listing = self._specialisation(args, of).listing
        return listing.llvm_before if stage == "before" else listing.llvm_after

    def dump_asm(self, *args: Any, of: What = "primal") -> str:
        """The assembly of the native function for such arguments."""
        return self._specialisation(args, of).listing.asm

    def _derived(self, of: What) -> Dispatcher:
        if of != "primal":
            raise ValueError(f"{self.__name__} has no {of}: it was made by llad.jit, not llad.jit_grad")
        return self.dispatcher

    def _stage(self, args: tuple[Any, ...], of: What) -> tuple[Stage, tuple[int, ...]]:
        dispatcher = self._derived(of)
        with LOCK:
            stages = self._stages()
            if args or not stages:
                stage = dispatcher.program.learning(lambda: dispatcher.program.stage(*dispatcher.bind(args, {})))
            elif len(stages) == 1:
                stage = stages[0]
            else:
                raise ValueError(f"{self.__name__} has {len(stages)} specialisations: say which by arguments")
            return stage, dispatcher.wrt(stage)

    def _specialisation(self, args: tuple[Any, ...], of: What) -> Specialisation:
        stage, _ = self._stage(args, of)
        with LOCK:
            return self._derived(of).specialise(stage)


class JitGrad(Jit):
    """A Python function with native code for its value and derivatives: what `llad.jit_grad` makes.

    `grad(*args)`: the gradient by all arguments that have one (or by `argnums`), shaped like the arguments: bare
    when there is one parameter or `argnums` is an int, else a tuple with `None` for what has none. Gradients of
    arrays are fresh C-contiguous arrays, or those given as `out=`. `value_and_grad(*args)`: the value too.
    `jvp(primals, tangents)`: the value and its derivative along the tangents, by forward mode.
    `vjp(*primals)`: the value and a function of its cotangent, by reverse mode: see `llad.vjp`.
    As a method, `object.f.grad(*args)` is the gradient by `args`; `Class.f.grad(object, *args)` by the object too.
    Arrays that the function writes are written by a call of the function itself only.
    """

    def __init__(self, program: Program, argnums: Argnums = None) -> None:
        super().__init__(program, argnums)
        self.grad = Compiled(program, "grad", argnums)
        self.value_and_grad = Compiled(program, "value_and_grad", argnums)
        self.jvp = Compiled(program, "jvp")
        self.vjp = Vjp(program, self)
        self.grad.owner = self.value_and_grad.owner = self.jvp.owner = self

    def explain(self, *args: Any) -> str:
        """How the gradient reverses each loop, and why; `args` as for `dump_ir`. One line a loop, in program order,
        then one for each array that is made on the way; sizes are formulas of extents, integers and indices.

        `fused`: forward and reverse of an iteration in one loop. `recomputed`: the reversed loop runs its iteration
        again. `checkpointed`: it goes on from copies of the loop's state, as asked for. `taped`: what it needs is kept,
        so many bytes an iteration. A loop or array without a line is not there any more (joined, unrolled, unneeded).
        """
        stage, wrt = self._stage(args, "gradient")
        with LOCK:
            return describe(stage.explain(wrt))

    def holding(self, kind: Kind, count: int, names: frozenset[str]) -> Compiled | Vjp:
        """The derivative for calls whose first `count` arguments, and those of the names, are given already."""
        return _derived(self.dispatcher.program, kind, self.dispatcher.argnums, (count, names))

    def _derived(self, of: What) -> Dispatcher:
        return {"primal": self, "gradient": self.grad, "tangent": self.jvp}[of].dispatcher

    @property
    def specialisations(self) -> tuple[Specialisation, ...]:
        """The machine code made so far for value, gradient and tangent."""
        natives = (self, self.grad, self.value_and_grad, self.jvp)
        return tuple(s for native in natives for s in native.dispatcher.made.values())


def program_of(function: Any, fastmath: bool = False) -> Program:
    """The program of a Python function: the same one for the same function, as long as the function lives."""
    if not isinstance(function, types.FunctionType) or library_of(function):
        return _other_program(function, fastmath)
    programs: dict[bool, Program] = function.__dict__.get("__llad__", {})
    known = programs.get(fastmath)
    if known is not None and known.py_func is function:
        return known
    # `functools.wraps` copies a function's attributes: what stands there may be another function's
    made = Program(function, fastmath)
    others = {key: program for key, program in programs.items() if program.py_func is function}
    function.__dict__["__llad__"] = {**others, fastmath: made}
    return made


@functools.lru_cache(maxsize=64)
def _other_program(function: Any, fastmath: bool) -> Program:
    """The program of another callable (a method, `math.sin`, a derivative): what is traced is a call of it."""
    if not callable(function) and not isinstance(function, Transform):
        raise TypeError(f"want a function, got {function!r}")

    def called(*args, **kwargs):  # type: ignore[no-untyped-def]
        return function(*args, **kwargs)

    called.__name__ = called.__qualname__ = str(getattr(function, "__name__", type(function).__name__))
    with contextlib.suppress(ValueError):  # some builtins have no signature
        shown = function.function if isinstance(function, Transform) else function
        called.__signature__ = inspect.signature(shown)  # type: ignore[attr-defined]
    called.called = _innermost(function)  # type: ignore[attr-defined]
    return Program(function, fastmath, called)


def _innermost(function: Any) -> Any:
    """What derivatives, compiled functions and bound arguments are of."""
    names = ("py_func", "__func__", "function", "func")
    for _ in range(20):
        inner = next((f for name in names if (f := getattr(function, name, None)) is not None), None)
        if inner is None:
            break
        function = inner
    return function


def _derived(program: Program, kind: Kind, argnums: Argnums, held: Held = NOTHING) -> Compiled | Vjp:
    """A derivative; the same one each time."""
    key = (kind, argnums, held if argnums is None and kind != "vjp" else NOTHING)
    with LOCK:
        if key not in program.derived:
            program.derived[key] = Vjp(program) if kind == "vjp" else Compiled(program, *key)
        made: Compiled | Vjp = program.derived[key]
        return made


def _make(transform: Transform) -> Callable[..., Any]:
    """The callable that a functional form returns."""
    if transform.kind in ("jacfwd", "jacrev"):
        return _jacobian(transform)
    function, args, keywords = methods.parted(transform.function)
    with LOCK:
        program = function.dispatcher.program if isinstance(function, Jit) else program_of(function)
    if transform.kind == "vjp" and keywords:
        return _derived(program_of(transform.function), "vjp", None)
    argnums, held = methods.shifted(transform.argnums, len(args)), (len(args), frozenset(keywords))
    made = _derived(program, transform.kind, argnums, held)
    if not args and not keywords:
        return made
    if transform.kind == "vjp":
        return functools.partial(methods.pulled, made, args)
    if transform.kind == "jvp":
        return functools.partial(methods.along, made, args, keywords)
    return methods.Bound(made, *args, **keywords)


@functools.lru_cache(maxsize=64)
def _jacobian(transform: Transform) -> Jit:
    return Jit(program_of(transform))


transforms.install(_make)


def _compiled(f: Any, compiled: Callable[[Any, int], J]) -> J:
    """What `compiled(function, n)` makes of the function under `f`, with the `n` arguments that `f` brings."""
    made: Any
    if isinstance(f, staticmethod | classmethod):
        made = type(f)(_compiled(f.__func__, compiled))
    else:
        function, args, keywords = methods.parted(transforms.function_of(f))
        made = compiled(transforms.function_of(function), len(args))
        if args or keywords:
            made = methods.Bound(made, *args, **keywords)
    known: J = made  # a decorated function is one; what stands for a bound one answers as one does
    return known


def _rejit(function: Any, sources: pickling.Sources, kind: type[Jit], argnums: Argnums, fastmath: bool) -> Jit:
    """The function that was pickled, or one like it."""
    owner: Jit | None = pickling.received(function, sources)
    return kind(program_of(function, fastmath), argnums) if owner is None else owner


def _derive(
    function: Any, sources: pickling.Sources, kind: Kind, argnums: Argnums, fastmath: bool, held: Held
) -> Compiled | Vjp:
    """The derivative that was pickled, or one like it."""
    pickling.received(function, sources)
    jitted = function if isinstance(function, Jit) else Jit(program_of(function, fastmath))
    return _derived(jitted.dispatcher.program, kind, argnums, held)


@overload
def jit(f: Callable[..., Any], *, fastmath: bool = False) -> Jit: ...
@overload
def jit(f: None = None, *, fastmath: bool = False) -> Callable[[Callable[..., Any]], Jit]: ...
def jit(f: Callable[..., Any] | None = None, *, fastmath: bool = False) -> Jit | Callable[[Callable[..., Any]], Jit]:
    """`f` as native code, compiled when it is first called with arguments of a kind. Also a decorator.

    `fastmath`: floating-point operations may be reordered and contracted; infinities and NaNs stay what they are.

    Raises:
        LladError: when called, if `f` lies outside of the language; it names the line and what to write instead.

    >>> import llad
    >>> double = llad.jit(lambda x: x + x)
    >>> double(1.5)
    3.0
    """
    if f is None:
        return lambda g: jit(g, fastmath=fastmath)
    return _compiled(f, lambda function, _: Jit(program_of(function, fastmath)))


@overload
def jit_grad(f: Callable[..., Any], *, argnums: Argnums = None, fastmath: bool = False) -> JitGrad: ...
@overload
def jit_grad(
    f: None = None, *, argnums: Argnums = None, fastmath: bool = False
) -> Callable[[Callable[..., Any]], JitGrad]: ...
def jit_grad(
    f: Callable[..., Any] | None = None, *, argnums: Argnums = None, fastmath: bool = False
) -> JitGrad | Callable[[Callable[..., Any]], JitGrad]:
    """`f` as native code with native derivatives: `f.grad`, `f.value_and_grad`, `f.jvp`, `f.vjp`. Also a decorator.

    `argnums`: the arguments to differentiate by, an int or a tuple of ints; by default all that can be.

    Raises:
        LladError: when called, if `f` lies outside of the language, or has no derivative.

    >>> import llad
    >>> square = llad.jit_grad(lambda x: x * x)
    >>> square(3.0), square.grad(3.0), square.jvp((3.0,), (2.0,))
    (9.0, 6.0, (9.0, 12.0))
    """
    if f is None:
        return lambda g: jit_grad(g, argnums=argnums, fastmath=fastmath)
    return _compiled(f, lambda function, n: JitGrad(program_of(function, fastmath), methods.shifted(argnums, n)))
