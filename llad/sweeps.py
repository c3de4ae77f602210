"""The machine code of a pullback: a forward sweep that leaves a tape, and reverse sweeps that start from it.

Both are cut from one trace of `(primals, seed) -> (value, cotangents)` (`ad/cut.py`). They are called without a look at
guards, with captured arrays among the arguments, so that a pullback is that of the moment when it was made.

Invariant: a tape is memory of the forward sweep that nothing of Python sees; its `Tape` frees it, once. The entry point
makes the `Tape`, so no signal handler comes between them. A reverse sweep that ends leaves a tape as it was.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from typing import Any

from llad.calls import Numbering, memories_of
from llad.codegen.jit import Linked
from llad.codegen.outline import Outline
from llad.codegen.plan import Argument, Leaf, NumberArgument, Plan
from llad.codegen.vectorcall import Native
from llad.fit import fit
from llad.frontend.signature import leaf_ranges
from llad.ir.types import I64
from llad.program import Stage
from llad.returned import Constant, Output, Result, outputs_of
from llad.specialise import MakePlan, Specialisation, compile_native
from llad.structures import TUPLE, Form, Node


def sweep_plans(stage: Stage, code: _Code) -> tuple[MakePlan, MakePlan]:
    """The sweeps of a trace of `(primals, seed) -> (value, cotangents)`, called without a look at guards:
    `(primals, captured arrays)` to `(value, tape)`, and `(primals, seed, captured arrays, tape)` to the cotangents.
    `code`: that of the forward sweep.
    """
    assert isinstance(stage.facts.result, Node)
    value_tree, cotangents = stage.facts.result.items
    late, value = leaf_ranges(stage.specs)[1], outputs_of(value_tree)
    others = [k for k in range(len(stage.facts.outputs)) if k not in value]

    def arguments() -> tuple[tuple[Argument, Argument], Argument, int]:
        numbering = Numbering(stage, writes=False)
        primals, seed = map(numbering.argument, stage.specs)
        captured = Node(TUPLE, tuple(argument for argument, _ in numbering.captured()))
        return (primals, seed), captured, numbering.next

    def forward(made: Outline, raised: Callable[..., BaseException]) -> Plan:
        (primals, _), captured, count = arguments()
        outputs = made.outputs
        return Plan(
            target=made.name,
            arguments=(primals, captured),
            operands=tuple(map(Leaf, range(count - len(late)))),
            outputs=outputs,
            result=Node(TUPLE, (_at(value_tree, value), Node(Form(Tape), (Output(len(outputs) - 1), Constant(code))))),
            raised=raised,
            work=made.work,
            keeps=True,
        )

    def reverse(made: Outline, raised: Callable[..., BaseException]) -> Plan:
        (primals, seed), captured, count = arguments()
        return Plan(
            target=made.name,
            arguments=(primals, seed, captured, NumberArgument(I64, (int,))),
            operands=tuple(map(Leaf, range(count + 1))),
            outputs=made.outputs,
            memories=memories_of(made, windows=False),
            result=_at(cotangents, others),
            raised=raised,
            work=made.work,
        )

    return forward, reverse


def _at(tree: Result, outputs: Sequence[int]) -> Result:
    """The tree of a function that has only these outputs."""
    match tree:
        case Output(index=index):
            return Output(outputs.index(index))
        case Node():
            return tree.map(lambda item: _at(item, outputs))
        case _:
            return tree


class Sweeps:
    """The machine code of the pullbacks of one trace."""

    def __init__(self, stage: Stage) -> None:
        code = _Code()
        forward, reverse = sweep_plans(stage, code)
        self._forward = _Strict(compile_native(stage, "forward", (), False, forward))
        self._reverse = _Strict(compile_native(stage, "reverse", (), False, reverse))
        made = self._forward.made
        code.linked = made.linked
        code.drop = ctypes.PYFUNCTYPE(None, ctypes.c_int64)(made.linked.addresses[f"{made.plan.target}.drop"])

    def forward(self, primals: Any, captured: Any) -> tuple[Any, Tape]:
        """The value, and the tape."""
        both: tuple[Any, Tape] = self._forward(primals, captured)
        return both

    def reverse(self, primals: Any, seed: Any, captured: Any, tape: Tape) -> Any:
        """The cotangents."""
        return self._reverse(primals, seed, captured, tape.address)


class _Strict:
    """Machine code that is called with arguments made for it."""

    def __init__(self, made: Specialisation) -> None:
        self.made = made
        self.native = Native(self._refused)
        if made.entry is not None:
            self.native.prepend(made.linked.addresses[made.entry.symbol], made.entry.pins, made)

    def __call__(self, *values: Any) -> Any:
        fitted = fit(self.made.plan, values)
        return self.made.call(fitted) if self.made.entry is None else self.native.strict(*fitted)

    def _refused(self, *values: Any) -> Any:
        raise AssertionError("only strict calls are made")


class _Code:
    """The loaded code of a forward sweep, and how a tape of it is freed: by its address."""

    __slots__ = ("drop", "linked")
    drop: Callable[[int], None]
    linked: Linked


class Tape(tuple[int, _Code]):
    """Memory that a forward sweep left, by its address; freed with this object. One reverse sweep at a time uses it."""

    __slots__ = ()

    @property
    def address(self) -> int:
        return self[0]

    def __del__(self, ending: Callable[[], bool] = sys.is_finalizing) -> None:
        if not ending():  # else the process lets go of it all
            address, code = self
            code.drop(address)
