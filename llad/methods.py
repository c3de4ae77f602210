"""Methods, partials and callable objects: a compiled function and the arguments that are given already.

What is compiled is always the Python function underneath, once for all objects: the object is an ordinary argument.
"""

from __future__ import annotations

import copy
import functools
import inspect
from types import FunctionType, MethodType
from typing import Any

from llad.frontend.transforms import Argnums, Kind, Transformed, transform_of, vjp


class Bound(functools.partial):  # type: ignore[type-arg]
    """A compiled function with its first arguments given.

    Its derivatives are by the other arguments, unless the function was made with `argnums`: these count all arguments.
    """

    @property
    def grad(self) -> Bound:
        """The gradient by the arguments that are not given."""
        return self._derived("grad")

    @property
    def value_and_grad(self) -> Bound:
        """The value, and the gradient by the arguments that are not given."""
        return self._derived("value_and_grad")

    def jvp(self, primals: Any, tangents: Any) -> Any:
        """The value, and its derivative along tangents of the arguments that are not given."""
        return along(self.func.jvp, self.args, self.keywords, primals, tangents)  # type: ignore[attr-defined]

    def vjp(self, *primals: Any) -> Any:
        """The value, and a function of its cotangent that gives those of the arguments that are not given."""
        return vjp(self, *primals)

    def __deepcopy__(self, memo: dict[int, Any]) -> Bound:
        """Of copies of what is given, as that of a method is."""
        return type(self)(self.func, *copy.deepcopy(self.args, memo), **copy.deepcopy(self.keywords, memo))

    def _derived(self, kind: Kind) -> Bound:
        held = self.func.holding(kind, len(self.args), frozenset(self.keywords))  # type: ignore[attr-defined]
        return Bound(held, *self.args, **self.keywords)

    def __getattr__(self, name: str) -> Any:
        """All else is as the compiled function has it."""
        return getattr(self.func, name)


def along(jvp: Any, args: tuple[Any, ...], keywords: dict[str, Any], primals: Any, tangents: Any) -> Any:
    """The value and the derivative where the first arguments are given, and stay as they are."""
    return jvp((*args, *primals), (*[None] * len(args), *tangents), **keywords)


def pulled(made: Any, args: tuple[Any, ...], *primals: Any) -> tuple[Any, Any]:
    """The value and the pullback where the first arguments are given."""
    value, pullback = made(*args, *primals)
    return value, lambda seed: pullback(seed)[len(args) :]


def parted(function: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """The function underneath, Python's or a jitted one, and the arguments that come with it."""
    args: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    while True:
        if isinstance(function, functools.partial):
            args, keywords = (*function.args, *args), {**function.keywords, **keywords}
            function = function.func
        elif isinstance(function, MethodType):
            function, args = function.__func__, (function.__self__, *args)
        elif (call := _call_of(function)) is not None:
            function, args = call, (function, *args)
        else:
            return function, args, keywords


def _call_of(function: Any) -> Any:
    """The method by which an object is called, if that is one written in Python and the object stands for no other."""
    if isinstance(function, type | Transformed) or hasattr(function, "py_func") or hasattr(function, "__wrapped__"):
        return None
    call = inspect.getattr_static(type(function), "__call__", None)
    jitted = (transform := transform_of(call)) is not None and transform.kind == "primal"
    return call if jitted or isinstance(call, FunctionType) else None


def shifted(argnums: Argnums, count: int) -> Argnums:
    """`argnums` when `count` arguments come before those that it counts."""
    if argnums is None:
        return None
    if isinstance(argnums, int):
        return argnums + count if argnums >= 0 else argnums
    return tuple(n + count if n >= 0 else n for n in argnums)
