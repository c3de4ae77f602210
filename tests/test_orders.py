"""The order of elements in memory, as far as a program can tell: it is NumPy's, or what tells it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference import Reference

import llad

Program = Callable[[Any], Any]


def _written_through(make: Program, flat: Program) -> Program:
    """What is made, after its elements were written by way of `flat` of it."""

    def f(x: Any) -> Any:
        y = make(x)
        flat(y)[0] = 7.0
        return y

    return f


def _read_late(make: Program, part: Program) -> Program:
    """What `part` is of an array that is written after that."""

    def f(x: Any) -> Any:
        y = make(x)
        r = part(y)
        y[...] = 7.0
        return r * 1.0

    return f


MAKERS: list[Program] = [
    lambda x: x * 2.0,
    lambda x: x.T * 2.0,
    lambda x: (x + x.T) * 2.0,
    lambda x: x[:, ::-1] - 1.0,
    lambda x: np.sort(x.T),
    lambda x: np.where(x.T > 1.0, x.T, 0.0),
    lambda x: np.zeros_like(x.T),
    lambda x: np.array(x.T),
    lambda x: x.T.copy(),
    lambda x: x.T.astype(np.float32),
    lambda x: np.ascontiguousarray(x.T),
    lambda x: np.asfortranarray(x),
    lambda x: x.T @ x,
    lambda x: x.T[[0, 2]],
    lambda x: x[:, [0, 2]],
    lambda x: np.concatenate([x.T, x.T]),
    lambda x: np.full((2, 3), x[0], order="F"),
    lambda x: np.array(x, order="F"),
    lambda x: x.copy(order="F"),
    lambda x: np.ones((2, 3), np.float32, "F"),
    lambda x: np.cumsum(np.exp(x.T), axis=0),
]
FLATS: list[Program] = [lambda y: y.ravel(), lambda y: np.reshape(y, (-1,))]
PARTS: list[Program] = [
    lambda y: y.ravel(), lambda y: np.diag(y), lambda y: y.diagonal(1), lambda y: np.broadcast_to(y, (2, *y.shape)),
    lambda y: np.einsum("ii->i", y), lambda y: np.einsum("ij->ji", y), lambda y: np.take(y, 0, axis=1),
]  # fmt: skip
PROGRAMS = [
    *[_written_through(make, FLATS[k % 2]) for k, make in enumerate(MAKERS)],
    *[_read_late(make, part) for part in PARTS for make in MAKERS[:2]],
    _written_through(lambda x: x * 2.0, lambda y: np.einsum("ij->ji", y)[1]),
    _written_through(lambda x: x * 2.0, lambda y: np.floor(y.astype(np.int64))[1]),
]
KNOWN = {0, 2, 3, 8, 10, 12}  # of the makers: in order whatever the order of C-contiguous arguments is


def test_what_tells_the_order_is_as_in_numpy_or_refused() -> None:
    x = 1.0 + np.arange(9.0).reshape(3, 3)
    refused = set()
    for k, f in enumerate(PROGRAMS):
        for given in (x, np.asfortranarray(x)):
            try:
                found = Reference(f, (given,), optimised=False).value()[0]
            except llad.UnsupportedError as error:
                assert error.code in ("LL623", "LL624")
                refused.add(k) if given is x else None
            else:
                np.testing.assert_array_equal(found, f(given.copy(order="K")))
    assert refused.isdisjoint(KNOWN) and len(refused) > 10


def test_what_is_not_told_needs_no_copy_of_ones_own() -> None:
    """Only reading, or writing what nobody reads again."""

    def f(x: Any) -> Any:
        y = np.exp(x.T)
        return y.ravel() @ y.ravel() + np.trace(y) * np.diag(y).sum() + np.einsum("ii->i", y) @ np.diagonal(y)

    x = np.arange(9.0).reshape(3, 3) / 9
    np.testing.assert_allclose(Reference(f, (x,), optimised=False).value()[0], f(x), rtol=1e-12)


@pytest.mark.parametrize("make", [np.ones_like, np.array, np.copy])
def test_an_order_that_there_is_not_is_refused(make: Any) -> None:
    with pytest.raises(llad.UnsupportedError, match="order must be one of"):
        Reference(lambda x: make(np.ones(2), order="Q") * x, (1.0,), optimised=False)
