"""How the calls of a function, its gradient and its tangent look to Python: which arguments, which result.

Turns what the trace knows (specs, result tree) into the plan of an entry point, and the arguments of a call that no
entry point accepted as they are into ones that it does accept (`fit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, Literal, assert_never

import numpy as np

from llad.codegen.outline import Outline
from llad.codegen.plan import (
    Argument,
    ArrayArgument,
    GuardCheck,
    Leaf,
    Memory,
    NumberArgument,
    Plan,
    StaticArgument,
)
from llad.codegen.plan import leaves as plan_leaves
from llad.complex_numbers import Complex
from llad.dataclass import dataclass
from llad.frontend.signature import (
    ArgSpec,
    ArraySpec,
    Guard,
    Missing,
    ScalarSpec,
    StaticSpec,
    leaves,
)
from llad.frontend.transforms import Argnums
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType, ScalarType, carries_derivative
from llad.objective import tangible_result
from llad.program import Stage
from llad.refusals.table import refusal
from llad.returned import Constant, Fresh, Output, Passed, Result
from llad.specialise import MakePlan
from llad.structures import ABSENT, TUPLE, Node

Overlap = Literal["none", "some", "any"]

_SCALARS: dict[ScalarType, tuple[type[Any], ...]] = {
    F64: (np.float64,),
    F32: (np.float32,),
    I64: (np.int64,),
    I32: (np.int32,),
    BOOL: (bool, np.bool_),
}


@dataclass(frozen=True, slots=True)
class Passing:
    """How arguments may be passed besides by position: see `Plan`. `guards`: what the defaults depend on."""

    names: tuple[str | None, ...] = ()
    positional: int | None = None
    defaults: tuple[Any, ...] = ()
    guards: tuple[Guard, ...] = ()


class Numbering:
    """Turns specs into arguments, numbering the leaves as it goes."""

    def __init__(self, stage: Stage, writes: bool) -> None:
        self.stage = stage
        self.writes = writes
        self.next = 0

    def argument(self, spec: ArgSpec) -> Argument:
        match spec:
            case ScalarSpec(type=type, weak=weak):
                self.next += 1
                if not weak or type == BOOL:
                    return NumberArgument(type, _SCALARS[type])
                if type == I64:
                    return NumberArgument(I64, (int,))
                return NumberArgument(F64, (float, np.float64) if self.stage.facts.uniform else (float,))
            case ArraySpec(dtype=dtype, rank=rank, layout=layout):
                written, apart = self.next in self.stage.facts.written, self.next in self.stage.facts.unshared
                lengths = self.stage.facts.lengths.items()
                asked = tuple((axis, count, so) for (k, axis, count), so in lengths if k == self.next)
                self.next += 1
                return ArrayArgument(dtype, rank, layout, written and self.writes, apart=apart, lengths=asked)
            case Node():
                return spec.map(self.argument)
            case StaticSpec(value=value):
                return StaticArgument(value)
            case _:
                assert_never(spec)

    def captured(self) -> tuple[tuple[ArrayArgument, np.ndarray[Any, Any]], ...]:
        out = []
        for array in self.stage.facts.captured:
            param = self.stage.facts.params[self.next]
            assert isinstance(param, BufferType)
            argument = self.argument(ArraySpec(param.dtype, param.rank, param.layout))
            assert isinstance(argument, ArrayArgument)
            out.append((argument, array))
        return tuple(out)


def primal_plan(stage: Stage, overlap: Overlap, passing: Passing) -> MakePlan:
    """The call `f(*arguments)`."""

    def make(made: Outline, raised: Callable[..., BaseException]) -> Plan:
        numbering = Numbering(stage, writes=True)
        arguments = tuple(map(numbering.argument, stage.specs))
        captured = numbering.captured()
        return Plan(
            target=made.name,
            arguments=arguments,
            operands=tuple(map(Leaf, range(numbering.next))),
            outputs=made.outputs,
            memories=memories_of(made, windows=True),
            result=stage.facts.result,
            raised=raised,
            captured=captured,
            guards=guard_checks((*stage.facts.guards, *passing.guards)),
            overlap=overlap,
            names=passing.names,
            positional=passing.positional,
            defaults=passing.defaults,
            work=made.work,
        )

    return make


def memories_of(made: Outline, windows: bool) -> tuple[Memory, ...]:
    """Per result, where its memory is. `windows`: Python may see the arguments' memory through it."""
    return tuple("own" if own else "shared" if windows else "copied" for own in made.own)


@dataclass(frozen=True, slots=True)
class Selection:
    """By which arguments to differentiate. `argnums`: an int (a bare result), a tuple, or `None` for all that can be.

    `held`: with `None`, these arguments (the `self` of a method) are held fixed.
    `bare`: with `None`, the result is that of the only other parameter rather than a tuple. Arguments passed by
    keyword are none of them.
    """

    argnums: Argnums
    bare: bool = False
    held: frozenset[int] = frozenset()

    def wrt(self, stage: Stage) -> tuple[int, ...]:
        """The leaves to differentiate by.

        Raises:
            ArgumentError: `argnums` names an argument that does not exist, or that has no derivative.
        """
        owner = [k for k, spec in enumerate(stage.specs) for _ in leaves(spec)]
        chosen = self._positions(stage)
        wrt = tuple(k for k in stage.differentiable if owner[k] in chosen)
        if self.argnums is not None:
            for n in chosen:
                if not any(owner[k] == n for k in wrt):
                    raise refusal("argnums-discrete", stage.definition, n=n, spec=stage.specs[n])
        return wrt

    def _positions(self, stage: Stage) -> tuple[int, ...]:
        count = len(stage.specs) - len(stage.keywords)
        if self.argnums is None:
            return tuple(n for n in range(count) if n not in self.held)
        given = (self.argnums,) if isinstance(self.argnums, int) else self.argnums
        for n in given:
            if not -count <= n < count:
                raise refusal("argnums-range", stage.definition, n=n, count=count)
        return tuple(n % count for n in given)

    def shape(self, stage: Stage, gradients: Sequence[Result]) -> Result:
        """The result, of the gradients by each argument."""
        if isinstance(self.argnums, int) or (self.argnums is None and self.bare):
            return gradients[self._positions(stage)[0]]
        return Node(TUPLE, tuple(gradients[n] for n in self._positions(stage)))


def gradient_plan(
    stage: Stage, wrt: tuple[int, ...], selection: Selection, with_value: bool, out: bool, passing: Passing
) -> MakePlan:
    """The call `f.grad(*arguments)` or `f.value_and_grad(*arguments)`; with `out`, `…, out=arrays`."""

    def make(made: Outline, raised: Callable[..., BaseException]) -> Plan:
        numbering = Numbering(stage, writes=False)
        arguments = tuple(map(numbering.argument, stage.specs))
        inputs = [leaf for argument in arguments for leaf in plan_leaves(argument)]
        captured = numbering.captured()
        buffers = [k for k in wrt if isinstance(inputs[k], ArrayArgument)]
        numbers = [k for k in wrt if isinstance(inputs[k], NumberArgument)]
        found: dict[int, Result] = {k: Passed(len(inputs) + n) if out else Fresh(n) for n, k in enumerate(buffers)}
        found |= {k: Output(1 + n) for n, k in enumerate(numbers)}
        position = count()
        gradients = selection.shape(stage, [_mirror(argument, position, found) for argument in arguments])
        if out and any(_is_complex(argument) for argument in arguments):
            raise refusal("complex-out", stage.definition)
        if out:
            arguments = (*arguments, _receiver(gradients, inputs, buffers))
        first_captured = len(inputs) + (len(buffers) if out else 0)
        operands = (
            *map(Leaf, range(len(inputs))),
            *(Leaf(first_captured + n) for n in range(len(captured))),
            *(Leaf(len(inputs) + n) if out else Fresh(n) for n in range(len(buffers))),
        )
        return Plan(
            target=made.name,
            arguments=arguments,
            operands=operands,
            outputs=made.outputs,
            memories=memories_of(made, windows=False),
            result=Node(TUPLE, (Output(0), gradients)) if with_value else gradients,
            raised=raised,
            captured=captured,
            fresh=() if out else tuple(buffers),
            guards=guard_checks((*stage.facts.guards, *passing.guards)),
            keywords=(*stage.keywords, "out") if out else (),
            names=() if out else passing.names,
            positional=None if out else passing.positional,
            defaults=() if out else passing.defaults,
            work=made.work,
            filled=tuple(k for k in range(len(inputs) + len(captured), len(operands)) if k not in made.zeroed),
        )

    return make


def _mirror(argument: Argument, position: Iterator[int], made: dict[int, Result]) -> Result:
    """The gradient by an argument: what was made for its leaves, `None` where there is nothing."""
    match argument:
        case NumberArgument() | ArrayArgument():
            return made.get(next(position), Constant(None))
        case StaticArgument():
            return Constant(None)
        case Node():
            parts = argument.map(lambda item: _mirror(item, position, made))
            if argument.form.partial:
                return Constant(None)
            found = any(p != Constant(None) for p in parts.items)
            return Node(argument.form.cotangent, parts.items) if found else Constant(None)
        case _:
            assert_never(argument)


def _is_complex(argument: Argument) -> bool:
    """Whether there is a complex number or array in an argument."""
    return isinstance(argument, Node) and (argument.form.cls is Complex or any(map(_is_complex, argument.items)))


def _receiver(gradients: Result, inputs: Sequence[NumberArgument | ArrayArgument], buffers: Sequence[int]) -> Argument:
    """The argument `out`: arrays where the gradient has arrays, `None` elsewhere."""
    match gradients:
        case Passed(leaf=leaf):
            like = buffers[leaf - len(inputs)]
            array = inputs[like]
            assert isinstance(array, ArrayArgument)
            return ArrayArgument(array.dtype, array.rank, "C", writeable=True, apart=True, like=like, clear=True)
        case Node():
            return gradients.map(lambda item: _receiver(item, inputs, buffers))
        case _:
            return StaticArgument(None)


def tangent_plan(stage: Stage, wrt: tuple[int, ...]) -> MakePlan:
    """The call `f.jvp(primals, tangents)`; the tangent of a leaf that is not in `wrt` is `None`."""

    def make(made: Outline, raised: Callable[..., BaseException]) -> Plan:
        numbering = Numbering(stage, writes=False)
        primals = Node(TUPLE, tuple(map(numbering.argument, stage.specs)))
        inputs = list(plan_leaves(primals))
        captured = numbering.captured()
        position = count()
        tangents = primals.map(lambda item: _tangent(item, position, wrt))
        known = stage.facts
        tree, passed = tangible_result(known.result, len(known.outputs))
        kinds = [*known.outputs, *(known.params[leaf] for leaf in passed)]
        dots = {k: n for n, k in enumerate(k for k, t in enumerate(kinds) if carries_derivative(t))}
        moved = {k: len(kinds) + n for k, n in dots.items()}
        return Plan(
            target=made.name,
            arguments=(primals, tangents),
            operands=(
                *map(Leaf, range(len(inputs))),
                *(Leaf(len(inputs) + len(wrt) + n) for n in range(len(captured))),
                *(Leaf(len(inputs) + n) for n in range(len(wrt))),
            ),
            outputs=made.outputs,
            memories=memories_of(made, windows=False),
            result=Node(TUPLE, (tree, _moved(tree, moved))),
            raised=raised,
            captured=captured,
            guards=guard_checks(stage.facts.guards),
            work=made.work,
        )

    return make


def _tangent(argument: Argument, position: Iterator[int], wrt: Sequence[int]) -> Argument:
    match argument:
        case NumberArgument(type=type):
            floats = (np.float32,) if type == F32 else (float, np.float64)
            return NumberArgument(type, floats) if next(position) in wrt else StaticArgument(None)
        case ArrayArgument(dtype=dtype, rank=rank):
            leaf = next(position)
            return ArrayArgument(dtype, rank, "C", like=leaf) if leaf in wrt else StaticArgument(None)
        case StaticArgument(value=value):
            return StaticArgument(None, instead=value)
        case Node():
            parts = argument.map(lambda item: _tangent(item, position, wrt))
            nothing = all(isinstance(p, StaticArgument) for p in parts.items)
            return StaticArgument(None) if nothing else parts
        case _:
            assert_never(argument)


def _moved(tree: Result, moved: dict[int, int]) -> Result:
    """The tree of the tangents of a result: 0.0 for a constant float, `None` for what has no tangent."""
    match tree:
        case Output(index=index):
            return Output(moved[index]) if index in moved else Constant(None)
        case Node():
            return tree.map(lambda item: _moved(item, moved))
        case Constant(value=value):
            return Constant(0.0 if isinstance(value, float) else None)
        case _:
            raise AssertionError(tree)


def guard_checks(guards: Sequence[Guard]) -> tuple[GuardCheck, ...]:
    """The guards of a trace as an entry point checks them (`ALL` is no name there, either)."""
    return tuple(GuardCheck(g.holder, g.name, ABSENT if g.value is Missing else g.value, g.holds) for g in guards)
