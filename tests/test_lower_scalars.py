"""Lowered scalar ops, constants and casts mean what their records evaluate to."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from building import build, run
from native import Native

from llad.ir.interp_values import normal
from llad.ir.types import BOOL, F32, F64, I32, I64, ScalarType, Type
from llad.ops.table import OPS

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -7.25, 3.0, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan)
INTEGERS = (0, 1, -1, 2, -2, 3, 7, -7, 13, 62, 63, 64, 2**31 - 1, -(2**31), 3037000500, 2**62, 2**63 - 1, -(2**63))


def _same(name: str, got: Any, want: Any, args: Any, places: float) -> None:
    if isinstance(want, float):
        if math.isnan(want) or math.isinf(want) or want == 0:
            assert np.array_equal(got, want, equal_nan=True), (name, args, got, want)
            assert math.isnan(want) or math.copysign(1, got) == math.copysign(1, want), (name, args, got, want)
        else:
            assert math.isclose(got, want, rel_tol=places, abs_tol=places), (name, args, got, want)
    else:
        assert got == want and type(got) is type(want), (name, args, got, want)


@pytest.mark.parametrize("type", [F64, F32], ids=str)
@pytest.mark.parametrize("arity", [1, 2, 3])
def test_float_ops_mean_what_their_records_evaluate_to(type: ScalarType, arity: int) -> None:
    records = [r for r in OPS.values() if "f" in r.lower and r.name != "select" and len(r.domain) == arity]
    fn = build([type] * arity, lambda b, *a: [b.op(r.name, *a) for r in records])
    native = Native(fn)
    rng = np.random.default_rng(0)
    values = SPECIAL if arity < 3 else (0.0, 1.5, -2.0, math.inf, math.nan)
    points = [*product(values, repeat=arity), *(tuple(map(float, rng.normal(0, 3, arity))) for _ in range(50))]
    places = 4e-15 if type == F64 else 1e-6
    for point in points:
        args = [normal(x, type) for x in point]
        for record, got in zip(records, native(*args), strict=True):
            want = normal(record.eval(*args), interp_type(record.typing((type,) * arity)))
            if type == F32 and isinstance(want, float) and abs(want) < 1e-37:
                assert abs(got) < 1e-36
            else:
                _same(record.name, got, want, args, places)


@pytest.mark.parametrize("source", [BOOL, I32, I64], ids=str)
@pytest.mark.parametrize("type", [F64, F32], ids=str)
def test_float_ops_of_what_was_an_integer_call_nothing_that_is_missing(type: ScalarType, source: ScalarType) -> None:
    records = [r for r in OPS.values() if "f" in r.lower and r.name != "select" and len(r.domain) <= 2]

    def body(b: Any, x: Any, n: Any) -> Any:
        number = b.cast(n, type)
        return [b.op(r.name, *([x, number] if len(r.domain) == 2 else [number])) for r in records]

    native = Native(build([type, source], body), fastmath=True)
    for x, n in product((0.5, 1.25, 3.0), (True,) if source == BOOL else (1, 3)):
        for record, got in zip(records, native(x, n), strict=True):
            args = [x, float(n)] if len(record.domain) == 2 else [float(n)]
            want = normal(record.eval(*args), interp_type(record.typing((type,) * len(args))))
            _same(record.name, got, want, args, 4e-15 if type == F64 else 1e-6)


def interp_type(type: Type) -> ScalarType:
    assert isinstance(type, ScalarType)
    return type


@pytest.mark.parametrize("type", [I64, I32, BOOL], ids=str)
def test_integer_ops_mean_what_their_records_evaluate_to(type: ScalarType) -> None:
    key = "b" if type == BOOL else "i"
    for arity in (1, 2):
        records = []
        for record in OPS.values():
            if key in record.lower and record.name != "select" and len(record.domain) == arity:
                try:
                    record.typing((type,) * arity)
                except TypeError:
                    continue
                records.append(record)
        native = Native(build([type] * arity, lambda b, *a, records=records: [b.op(r.name, *a) for r in records]))
        values = {normal(x, type) for x in INTEGERS} if type != BOOL else (False, True)
        for args in product(sorted(values), repeat=arity):
            for record, got in zip(records, native(*args), strict=True):
                if record.name in ("floordiv", "mod") and args[1] == 0:
                    continue
                if record.name in ("shl", "shr") and not 0 <= args[1] < type.bytes * 8:
                    continue
                if record.name == "ipow" and args[1] < 0:
                    continue
                want = normal(record.eval(*args), interp_type(record.typing((type,) * arity)))
                _same(record.name, got, want, args, 0.0)


def test_digamma_and_trigamma_are_accurate_away_from_their_roots() -> None:
    native = Native(build([F64], lambda b, x: [b.op("digamma", x), b.op("trigamma", x)]))
    euler, catalan, pi = 0.57721566490153286, 0.91596559417721902, math.pi
    quarter = -euler - pi / 2 - 3 * math.log(2)
    exact = {
        1.0: (-euler, pi**2 / 6),
        0.5: (-euler - 2 * math.log(2), pi**2 / 2),
        0.25: (quarter, pi**2 + 8 * catalan),
        30.0: (
            math.fsum([-euler, *(1 / k for k in range(1, 30))]),
            math.fsum([pi**2 / 6, *(-1 / k**2 for k in range(1, 30))]),
        ),
        -0.5: (-euler - 2 * math.log(2) + 2, pi**2 / 2 + 4),
        -2.75: (quarter + 4 / 3 + 4 / 7 + 4 / 11, pi**2 + 8 * catalan + 16 / 9 + 16 / 49 + 16 / 121),
    }
    for x, want in exact.items():
        for got, value in zip(native(x), want, strict=True):
            assert math.isclose(got, value, rel_tol=1e-14, abs_tol=2e-15), (x, got, value)


def test_python_division_agrees_with_python() -> None:
    native = Native(build([F64, F64], lambda b, x, y: [b.op("floordiv", x, y), b.op("mod", x, y)]))
    rng = np.random.default_rng(1)
    numbers = [
        0.0,
        -0.0,
        0.1,
        -0.3,
        1.0,
        5.5,
        -7.0,
        1e16,
        -1e-300,
        math.inf,
        -math.inf,
        *map(float, rng.normal(0, 9, 9)),
    ]
    for x, y in product(numbers, numbers):
        if y == 0:
            continue
        for got, want in zip(native(x, y), (x // y, x % y), strict=True):
            assert np.array_equal(got, want, equal_nan=True) and (
                math.isnan(want) or math.copysign(1, got) == math.copysign(1, want)
            ), (x, y, got, want)


def test_constants_are_exact() -> None:
    numbers = [0.1, -0.0, 5e-324, math.inf, -math.inf, 1e308]
    got = run([], lambda b: [b.f64(x) for x in numbers] + [b.const(x, F32) for x in numbers[:5]])
    assert math.copysign(1.0, got[1]) == -1.0
    run([], lambda b: [b.i64(-(2**63)), b.const(7, I32), b.const(True, BOOL), b.const(False, BOOL)])
    assert math.isnan(Native(build([], lambda b: b.f64(math.nan)))()[0])


def test_casts_between_all_scalar_types() -> None:
    types = (F64, F32, I64, I32, BOOL)
    for source in types:
        for value in (0, 1, -3, 5.75, 2**24 + 1):
            x = normal(int(value) if source in (I64, I32) else value, source)
            run([source], lambda b, a: [b.cast(a, t) for t in types], x)
    run([F64, F32], lambda b, x, y: [b.cast(x, BOOL), b.cast(y, BOOL)], math.nan, -0.0)


def test_select_and_undef_side() -> None:
    for c in (True, False):
        run([BOOL, F64, I32], lambda b, c, x, i: [b.op("select", c, x, b.f64(2.0)), b.op("select", c, i, i)], c, 1.0, 5)
    assert run([F64], lambda b, x: b.op("select", b.const(True, BOOL), x, b.undef(F64)), 4.0) == (4.0,)
