"""The checkers checked: each error that they are there to find is made on purpose, and must be found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from programs import indexing, objectives, overwritten, recurrences, statistics, trips
from reference import Reference
from test_programs import check_on_ir

from llad.ad.adjoint import Adjoint
from llad.ad.bars import Bars
from llad.ir.core import Op, Value
from llad.ops.table import OPS
from llad.testing import assert_close, check_gradient, directional_difference, finite_differences

inf, nan = math.inf, math.nan

# -- assert_close


@pytest.mark.parametrize(
    "actual, expected",
    [
        (1.0 + 1e-6, 1.0),
        (nan, 1.0),
        (1.0, nan),
        (nan, nan),
        (inf, -inf),
        (inf, 1e308),
        (1e308, inf),
        (0.0, 1e-300),
        (None, 0.0),
        (0.0, None),
        (np.zeros(2), np.zeros(3)),
        (np.zeros(1), 0.0),
        (np.array([1.0, nan]), np.array([1.0, nan])),
        ((1.0, 2.0), (1.0,)),
        (1.0, (1.0,)),
        ({"a": 1.0}, {"b": 1.0}),
        ("1.0", 1.0),
        (1.0 + 0.0j, 1.0),
    ],
)
def test_assert_close_rejects(actual: Any, expected: Any) -> None:
    with pytest.raises(AssertionError):
        assert_close(actual, expected)


@pytest.mark.parametrize("pair", [(nan, 1.0), (1.0, nan), (inf, nan), (nan, inf)])
def test_an_expected_nan_matches_only_a_nan(pair: tuple[float, float]) -> None:
    with pytest.raises(AssertionError):
        assert_close(*pair, equal_nan=True)
    assert_close(nan, nan, equal_nan=True)


def test_assert_close_accepts_what_is_close() -> None:
    assert_close((1.0, None, {"a": np.array([inf, -0.0])}), (1.0 + 1e-12, None, {"a": np.array([inf, 0.0])}))
    assert_close(1e-10, 0.0, atol=1e-9)


def test_a_failure_prints_both_values() -> None:
    with pytest.raises(AssertionError, match=r"gradient\[1\] is 2.5, expected 3.5"):
        assert_close(np.array([1.0, 2.5]), np.array([1.0, 3.5]), what="gradient")


# -- check_gradient


@dataclasses.dataclass
class Pretender:
    """A function with a hand-made gradient, right unless something is replaced."""

    reverse: Callable[[Any], Any] = lambda x: 2.0 * x
    forward: Callable[[Any, Any], Any] = lambda x, v: float(2.0 * x @ v)
    value: Callable[[Any], Any] = lambda x: float(x @ x)
    py_func: Callable[[Any], Any] = lambda x: float(x @ x)

    def __call__(self, x: Any) -> Any:
        return self.value(x)

    def value_and_grad(self, x: Any) -> Any:
        return self.value(x), self.reverse(x)

    def jvp(self, primals: Any, tangents: Any) -> Any:
        return self.value(*primals), self.forward(*primals, *tangents)


def spoil(x: Any) -> Any:
    x[0] += 1.0
    return 2.0 * x


class Accumulator:
    def __init__(self) -> None:
        self.shadow = np.zeros(3)

    def __call__(self, x: Any) -> Any:
        self.shadow = self.shadow + 2.0 * x
        return self.shadow.copy()


WRONG = {
    "reverse by 0.1 %": lambda: Pretender(reverse=lambda x: 2.002 * x),
    "forward by 0.1 %": lambda: Pretender(forward=lambda x, v: float(2.002 * x @ v)),
    "both by 0.1 %": lambda: Pretender(lambda x: 2.002 * x, lambda x, v: float(2.002 * x @ v)),
    "one element": lambda: Pretender(reverse=lambda x: 2.0 * x * np.array([1.0, 1.0, 0.999])),
    "a NaN in reverse": lambda: Pretender(reverse=lambda x: np.array([nan, 2.0, 2.0]) * x),
    "NaNs everywhere": lambda: Pretender(lambda x: nan * x, lambda x, v: nan),
    "value": lambda: Pretender(value=lambda x: float(x @ x) * 1.001),
    "writes the argument": lambda: Pretender(reverse=spoil),
    "accumulates between calls": lambda: Pretender(reverse=Accumulator()),
    "shape": lambda: Pretender(reverse=lambda x: (2.0 * x)[:, None]),
    "dtype": lambda: Pretender(reverse=lambda x: (2.0 * x).astype(np.float32)),
    "not contiguous": lambda: Pretender(reverse=lambda x: np.repeat(2.0 * x, 2)[::2]),
    "not an array": lambda: Pretender(reverse=lambda x: tuple(2.0 * x)),
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG.keys())
def test_check_gradient_rejects(make: Callable[[], Pretender]) -> None:
    with pytest.raises(AssertionError):
        check_gradient(make(), np.array([1.0, -0.5, 2.0]))


def test_check_gradient_accepts_what_is_right() -> None:
    check_gradient(Pretender(), np.array([1.0, -0.5, 2.0]))


def test_check_gradient_rejects_the_arguments_own_memory() -> None:
    f = Pretender(lambda x: x, lambda x, v: float(x @ v), lambda x: float(x @ x) / 2, lambda x: float(x @ x) / 2)
    with pytest.raises(AssertionError, match="shares"):
        check_gradient(f, np.array([1.0, -0.5, 2.0]))


# -- differences


def test_differences_are_sharp() -> None:
    estimate, error = directional_difference(lambda x: math.exp(x), (1.0,), np.ones(1))
    assert abs(estimate[0] - math.e) < 1e-10 and error[0] < 1e-9


@pytest.mark.parametrize("function", [abs, math.floor, lambda x: float(x > 0.0), lambda x: math.sqrt(abs(x))])
def test_differences_at_a_kink_or_jump_are_refused(function: Callable[[float], float]) -> None:
    with pytest.raises(AssertionError, match="do not converge"):
        finite_differences(lambda x: float(function(x)), (1e-4,), [np.ones(1)])


# -- the corpus: errors in a rule and in the reverse sweep, found by the interpreter alone

SUBJECTS = (
    objectives.rosenbrock,
    overwritten.overwritten_by_constant,
    overwritten.repeated_in_place,
    indexing.gather_with_repeats,
    indexing.scatter_overwrites,
    recurrences.stencil,
    statistics.logsumexp,
    trips.triangle,
)


def corpus_fails() -> bool:
    """Whether some subject gives a wrong derivative."""
    for subject in SUBJECTS:
        program = subject.program  # type: ignore[attr-defined]
        try:
            check_on_ir(program, Reference(program.function, program.draw(), True))
        except AssertionError:
            return True
    return False


def test_the_subjects_are_right() -> None:
    assert not corpus_fails()


@pytest.mark.parametrize("name", ["add", "sub", "mul", "exp", "sin"])
def test_a_rule_wrong_by_a_thousandth_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = OPS[name]
    assert record.partial is not None

    def wrong(d: Any, *rest: Any) -> Any:
        assert record.partial is not None
        return tuple(None if t is None else t * 1.001 for t in record.partial(d, *rest))

    monkeypatch.setitem(OPS, name, dataclasses.replace(record, partial=wrong))
    assert corpus_fails()


def assign_instead_of_add(self: Bars, a: Value, b: Value) -> Value:
    return b


def store_without_zeroing(self: Adjoint, op: Op) -> None:
    value, buffer, *indices = op.operands
    if self.activity.active(buffer) and self.activity.active(value):
        self.bars.contribute(value, self.b.load(self.shadows.of(buffer), *indices))


def store_zeroing_only_the_active(self: Adjoint, op: Op) -> None:
    if self.activity.active(op.operands[0]):
        STORE(self, op)


def ignore_stores(self: Adjoint, op: Op) -> None:
    pass


STORE = Adjoint.store
SWEEPS = [
    (Bars, "sum", assign_instead_of_add),
    (Adjoint, "store", store_without_zeroing),
    (Adjoint, "store", store_zeroing_only_the_active),
    (Adjoint, "store", ignore_stores),
]


@pytest.mark.parametrize("place, method, wrong", SWEEPS, ids=[w.__name__ for *_, w in SWEEPS])
def test_a_wrong_reverse_sweep_is_found(
    place: type, method: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, method, wrong)
    assert corpus_fails()


def test_ops_visited_in_order_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An accumulation that depends on the order in which it is done."""
    monkeypatch.setattr("llad.ad.adjoint.reversed", lambda ops: iter(list(ops)), raising=False)
    assert corpus_fails()
