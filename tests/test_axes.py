"""Axes of one element broadcast: what a trace depends on, and that calls of both kinds find the right one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")


def product(a, b):
    return np.sum(np.exp(a) * b)


SHAPES = [((4,), (4,)), ((1,), (4,)), ((4,), (1,)), ((1,), (1,)), ((0,), (1,)), ((3, 4), (4,)), ((3, 1), (1, 4))]


@pytest.mark.parametrize("order", [1, -1])
def test_each_call_broadcasts_by_its_own_shapes(order):
    f = llad.jit_grad(product)
    rng = np.random.default_rng(0)
    for shapes in 2 * SHAPES[::order]:
        a, b = map(rng.standard_normal, shapes)
        assert_close(f(a, b), product(a, b))
        a_bar, b_bar = f.grad(a, b)
        full = np.broadcast(a, b).shape
        assert_close(a_bar, np.exp(a) * unbroadcast(np.broadcast_to(b, full), a.shape))
        assert_close(b_bar, unbroadcast(np.broadcast_to(np.exp(a), full), b.shape))


def unbroadcast(x, shape):
    for k, extent in enumerate(shape, start=x.ndim - len(shape)):
        if extent == 1:
            x = x.sum(axis=k, keepdims=True)
    return x.sum(axis=tuple(range(x.ndim - len(shape)))).reshape(shape)


def test_sizes_are_traced_once_and_ones_only_where_they_are_asked_for():
    f = llad.jit(product)
    for n in (2, 3, 7):
        f(np.ones(n), np.ones(n))
    assert count(f) == 1
    f(np.ones(1), np.ones(3))
    assert count(f) == 2
    g = llad.jit(lambda x: np.sum(x * x))
    for n in (2, 1, 0):
        g(np.ones(n))
    assert count(g) == 1


def inner(a, b):
    return np.sum(a[1:-1] * b[2:])


def test_slices_are_asked_for_the_length_at_which_they_have_one_element():
    f = llad.jit(inner)
    for n in (5, 8, 6):
        a, b = np.linspace(1.0, 2.0, n), np.linspace(0.0, 3.0, n)
        assert_close(f(a, b), inner(a, b))
    assert count(f) == 1
    assert f.dump_ir(a, b).count(" = for ") == 1, "loops over the slices are written twice"
    for n, m in ((3, 6), (7, 3), (3, 3), (2, 2), (1, 1), (0, 0), (2, 3), (3, 2)):
        a, b = np.linspace(1.0, 2.0, n), np.linspace(0.0, 3.0, m)
        assert_close(f(a, b), inner(a, b))
    made = count(f)
    for n in (4, 9):
        f(np.ones(n), np.ones(n))
    assert count(f) == made
    with pytest.raises(ValueError, match=r"could not be broadcast together with shapes \(3,\) \(2,\)"):
        f(np.ones(5), np.ones(4))


def test_derivatives_of_slices_that_broadcast():
    f = llad.jit_grad(inner)
    for n, m in ((5, 5), (3, 5), (5, 3), (3, 3)):
        a, b = np.linspace(1.0, 2.0, n), np.linspace(0.0, 3.0, m)
        a_bar, b_bar = f.grad(a, b)
        left, right = np.broadcast_arrays(a[1:-1], b[2:])
        wanted_a, wanted_b = np.zeros(n), np.zeros(m)
        wanted_a[1:-1], wanted_b[2:] = unbroadcast(right, a[1:-1].shape), unbroadcast(left, b[2:].shape)
        assert_close(a_bar, wanted_a)
        assert_close(b_bar, wanted_b)


def count(f):
    return len({made.stage for made in f.specialisations})


def test_shapes_that_do_not_fit_raise_whatever_was_called_before():
    f = llad.jit(product)
    f(np.ones(1), np.ones(3))
    f(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"could not be broadcast together with shapes \(2,\) \(3,\)"):
        f(np.ones(2), np.ones(3))


def test_captured_arrays_may_broadcast():
    one, many = np.full(1, 2.0), np.arange(3.0)
    f = llad.jit(lambda x: np.sum(one * x * many))
    assert_close(f(np.arange(3.0)), 10.0)
    assert_close(f(np.ones(1)), 6.0)


def test_derivatives_inside_traced_code_know_the_axes():
    @llad.jit
    def f(a, b):
        return llad.grad(product, argnums=(0, 1))(a, b)

    for n, m in [(3, 3), (1, 3), (3, 1)]:
        a, b = np.linspace(0, 1, n), np.linspace(1, 2, m)
        assert_close(f(a, b)[1], llad.jit_grad(product).grad(a, b)[1])


def test_assignment_broadcasts_by_the_shapes_of_the_call():
    @llad.jit
    def f(target, source):
        target[:] = source
        target += source

    for shape in [(2, 3), (1, 3), (2, 1), (1, 1), (3,), (1,)]:
        target, source = np.zeros((2, 3)), np.random.default_rng(1).standard_normal(shape)
        f(target, source)
        assert_close(target, np.broadcast_to(2 * source, (2, 3)))


def test_lengths_that_a_check_has_told_are_compared_as_numbers() -> None:
    """`m` has four elements, after the sum, so its halves have two."""

    def f(m: Any) -> Any:
        n = m + np.ones(4)
        return m[2:] - m[:2] + n[1:3]

    m = np.arange(4.0)
    np.testing.assert_array_equal(llad.jit(f)(m), f(m))


def test_no_loop_is_left_over_an_axis_of_one_element() -> None:
    """It is known of both operands, so it is known of the result, and of what is made of that."""
    f = llad.jit(lambda a, b: np.sum(np.einsum("hik,hjk->hij", a, b)))
    one, two = (f.dump_ir(np.ones((heads, 20, 20)), np.ones((heads, 20, 20))).count(" = for ") for heads in (1, 2))
    assert one < two
