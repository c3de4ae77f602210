"""Products that several sums share: what is fused, what is not, and that the numbers are the same."""

from __future__ import annotations

import numpy as np
import pytest
from building import build
from native import Native

from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.types import F64, I64

FREE = {"reassoc": True}


def sums(attrs: dict[str, bool], double: bool = False, kept: bool = False) -> Function:
    """x + ab, y - ab, ab - z; of 2 ab if `double`; and ab, too, if `kept`."""

    def body(b: Builder, x: Value, y: Value, z: Value, p: Value, q: Value) -> list[Value]:
        product = b.op("mul", p, q)
        if double:
            product = b.emit("add", [product, product], [F64], attrs).result
        pairs = ("add", x, product), ("sub", y, product), ("sub", product, z)
        made = [b.emit(name, operands, [F64], attrs).result for name, *operands in pairs]
        return [*made, product] if kept else made

    return build([F64] * 5, body)


@pytest.mark.parametrize(
    ("attrs", "fastmath", "double", "kept", "fused"),
    [
        ({}, False, False, False, 0),
        (FREE, False, False, False, 3),
        ({}, True, False, False, 3),
        ({}, True, False, True, 0),
        (FREE, False, True, False, 0),
        ({}, True, True, False, 3),
    ],
)
def test_what_is_fused(attrs: dict[str, bool], fastmath: bool, double: bool, kept: bool, fused: int) -> None:
    native = Native(sums(attrs, double, kept), fastmath)
    assert native.lowered.text.count("double @llvm.fmuladd.f64(double %") == fused
    for x, y, z, p, q in np.random.default_rng(0).normal(size=(5, 5)).tolist():
        product = (2.0 if double else 1.0) * p * q
        expected = x + product, y - product, product - z
        assert native(x, y, z, p, q)[:3] == pytest.approx(expected, rel=1e-13, abs=1e-15)


def test_a_product_of_itself_and_a_sum_of_the_same() -> None:
    """`(ab + ab) + ab` has users of the product that are fused and one that is not."""

    def body(b: Builder, p: Value, q: Value) -> list[Value]:
        product = b.op("mul", p, q)
        return [b.op("add", b.op("add", product, product), product), b.op("sub", product, product)]

    assert Native(build([F64] * 2, body), fastmath=True)(3.0, 5.0) == (45.0, 0.0)


def test_integers_stay_as_they_are() -> None:
    def body(b: Builder, p: Value, q: Value) -> list[Value]:
        product = b.op("mul", p, q)
        return [b.op("add", p, product), b.op("sub", product, q)]

    assert Native(build([I64] * 2, body), fastmath=True)(3, 5) == (18, 10)
