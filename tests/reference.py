"""Running traced Python on the reference interpreter, with and without passes: the oracle beside native code.

A `Traced`'s function takes the run-time leaves of the arguments, then the captured arrays; `Reference` flattens and
rebuilds, so tests speak of Python arguments and results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from llad.ad.expand import expand
from llad.ad.forward import tangent
from llad.ad.reverse import gradient
from llad.ad.strategies import Preference, cheapest
from llad.compile import run_passes
from llad.frontend.signature import Traced, spec_of
from llad.frontend.trace import trace
from llad.ir.core import Function
from llad.ir.interp import run
from llad.ir.types import carries_derivative
from llad.ir.verify import verify
from llad.returned import Constant, Fresh, Output, Passed, Result
from llad.structures import Node
from llad.testing import Vector, copy_arguments, differentiable_leaves, flatten, unflatten

Run = Callable[[Function, Sequence[Any]], Sequence[Any]]


def runtime_leaves(args: Any) -> list[Any]:
    """The numbers and arrays in (nested tuples of) arguments: what the traced function takes."""
    if isinstance(args, tuple):
        return [leaf for item in args for leaf in runtime_leaves(item)]
    return [args] if isinstance(args, bool | int | float | np.generic | np.ndarray) else []


def rebuild(tree: Result, results: Sequence[Any], leaves: Sequence[Any]) -> Any:
    """The Python result."""
    match tree:
        case Output(index=index):
            return results[index]
        case Passed(leaf=leaf):
            return leaves[leaf]
        case Constant(value=value):
            return value
        case Node(form=form, items=items):
            return form.build([rebuild(item, results, leaves) for item in items])
        case Fresh():
            raise AssertionError(tree)


class Reference:
    """A Python function on IR: as it was traced, or (`optimised`) after the passes, before and after differentiation.

    `run` is the interpreter or anything that runs a `Function` as it does; `prefer` chooses how loops are reversed;
    `traced` is the function's trace, if there is one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        optimised: bool,
        run: Run = run,
        prefer: Preference = cheapest,
        traced: Traced | None = None,
    ) -> None:
        self.prefer = prefer
        self._reversed: dict[Preference, Function] = {}
        self.args = tuple(args)
        self.traced = traced or trace(function, tuple(map(spec_of, self.args)))
        self.optimise = run_passes if optimised else verify
        self.run = run
        self.primal = self.optimise(expand(verify(self.traced.function), self.optimise))
        self.wrt = tuple(k for k, p in enumerate(self.primal.params[: self.count]) if carries_derivative(p.type))

    @property
    def count(self) -> int:
        """How many parameters are arguments; the rest are captured arrays."""
        return len(runtime_leaves(self.args))

    def value(self) -> tuple[Any, Any]:
        """(result, the arguments afterwards)."""
        args = copy_arguments(self.args)
        return self.value_of(args), args

    def value_of(self, args: Sequence[Any]) -> Any:
        """The result for other arguments of the same kind, which may be written."""
        leaves = runtime_leaves(tuple(args))
        results = self.run(self.primal, [*leaves, *self.traced.captured])
        return rebuild(self.traced.result, results, leaves)

    def reversed(self) -> Function:
        """The gradient as differentiation leaves it, made once for each preference."""
        if self.prefer not in self._reversed:
            self._reversed[self.prefer] = gradient(self.primal, self.wrt, self.prefer)
        return self._reversed[self.prefer]

    def gradient(self) -> tuple[Any, Vector]:
        """(value, flat gradient); asserts that the arguments were not written."""
        fn = self.optimise(verify(self.reversed()))
        args = copy_arguments(self.args)
        leaves = runtime_leaves(args)
        shadows = {k: np.zeros_like(leaves[k], order="C") for k in self.wrt if isinstance(leaves[k], np.ndarray)}
        results = self.run(fn, [*leaves, *self.traced.captured, *shadows.values()])
        for before, after in zip(runtime_leaves(self.args), leaves, strict=True):
            assert np.array_equal(before, after, equal_nan=True), "the gradient wrote to an argument"
        scalars = iter(results[len(self.primal.results) :])
        bars = [shadows[k] if k in shadows else float(next(scalars)) for k in self.wrt]
        return results[0], flatten(tuple(bars))

    def tangent(self, direction: Vector) -> Vector:
        """The flat tangent of the float results along a flat direction."""
        fn = self.optimise(verify(tangent(self.primal, self.wrt)))
        args = copy_arguments(self.args)
        dots = [
            np.ascontiguousarray(d) if isinstance(d, np.ndarray) else d
            for d in differentiable_leaves(unflatten(direction, self.args))
        ]
        results = self.run(fn, [*runtime_leaves(args), *self.traced.captured, *dots])
        kinds = [r.type for r in self.primal.results]
        of_result = iter(results[len(kinds) :])
        tangents = [next(of_result) if carries_derivative(t) else None for t in kinds]
        return flatten((rebuild(self.traced.result, tangents, [None] * self.count),))
