"""The public interface: what the callables accept and return, when they compile, and what they refuse."""

from __future__ import annotations

import functools
import gc
import inspect
import math
import os
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from leaks import left_behind

import llad
from llad import specialise as pipeline
from llad.codegen import layout
from llad.testing import assert_close

ROOT = Path(__file__).parents[1]


def product(x, y):
    """x² y"""
    return x * x * y


def total(x):
    s = 0.0
    for i in range(len(x)):
        s += x[i] * x[i]
    return s


PICKLED = llad.jit_grad(product)
PICKLED.__qualname__ = "PICKLED"


# -- decorators


def test_decorators_with_and_without_parentheses():
    for make in (
        llad.jit,
        llad.jit_grad,
        llad.jit(),
        llad.jit_grad(),
        llad.jit(fastmath=True),
        llad.jit_grad(argnums=0),
    ):
        assert make(product)(2.0, 3.0) == 12.0


def test_a_callable_looks_like_its_function():
    for f in (llad.jit(product), llad.jit_grad(product)):
        assert (f.__name__, f.__doc__, f.__module__) == ("product", "x² y", __name__)
        assert f.py_func is f.__wrapped__ is product
        assert str(inspect.signature(f)) == "(x, y)"
        assert repr(f) == "<llad product>"
    f = llad.jit_grad(product)
    assert f.grad.__name__ == "product.grad" and str(inspect.signature(f.grad)) == "(x, y)"
    f.note = 1
    assert f.note == 1 and callable(f) and weakref.ref(f)() is f
    assert pickle.loads(pickle.dumps(PICKLED)) is PICKLED
    assert llad.jit_grad(f)(2.0, 3.0) == 12.0
    assert functools.partial(f, 2.0)(3.0) == 12.0


def test_what_is_not_a_function_is_refused():
    for wrong in (3, "x", None.__class__.__mro__):
        with pytest.raises(TypeError):
            llad.jit(wrong)
        with pytest.raises(TypeError):
            llad.grad(wrong)


# -- gradients and their shape


def test_shape_of_gradients():
    f = llad.jit_grad(product)
    assert f.grad(3.0, 2.0) == (12.0, 9.0)
    assert f.value_and_grad(3.0, 2.0) == (18.0, (12.0, 9.0))
    assert llad.jit_grad(product, argnums=1).grad(3.0, 2.0) == 9.0
    assert llad.jit_grad(product, argnums=-1).grad(3.0, 2.0) == 9.0
    assert llad.jit_grad(product, argnums=(1,)).grad(3.0, 2.0) == (9.0,)
    assert llad.jit_grad(product, argnums=(1, 0)).value_and_grad(3.0, 2.0) == (18.0, (9.0, 12.0))
    assert llad.jit_grad(lambda x: x * x).grad(3.0) == 6.0
    assert f.grad(3.0, 2) == (12.0, None)
    assert llad.jit_grad(lambda x, mode: x * x if mode == "square" else x).grad(3.0, "square") == (6.0, None)


def test_gradients_mirror_tuples():
    @llad.jit_grad
    def f(pair, z):
        (x, n), a = pair
        return x * n + a[0] * z

    gradient, z_bar = f.grad(((3.0, 2), np.array([5.0, 6.0])), 7.0)
    assert gradient[0] == (2.0, None) and z_bar == 5.0
    np.testing.assert_array_equal(gradient[1], [7.0, 0.0])
    only = llad.jit_grad(lambda p: p[0] * p[1])
    assert only.grad((2.0, 3.0)) == (3.0, 2.0)
    assert only.grad((2, 3.0)) == (None, 2.0)


def test_array_gradients_are_fresh_contiguous_and_of_the_arguments_dtype():
    f = llad.jit_grad(total)
    for dtype in (np.float64, np.float32):
        x = np.arange(10, dtype=dtype)
        for a in (x, x[::2], x[::-1], x[:0], x[3:4]):
            value, gradient = f.value_and_grad(a)
            np.testing.assert_array_equal(gradient, 2 * a)
            assert gradient.dtype == dtype and gradient.flags.c_contiguous and gradient.flags.owndata
            assert value == (a * a).sum()
            assert f.grad(a) is not f.grad(a)


def test_out_receives_gradients():
    f = llad.jit_grad(total)
    x, out = np.arange(4.0), np.full(4, np.nan)
    assert f.grad(x, out=out) is out
    np.testing.assert_array_equal(out, 2 * x)
    value, same = f.value_and_grad(x, out=out)
    assert value == 14.0 and same is out
    assert f.grad(x, out=None) is not out

    @llad.jit_grad
    def g(a, s, b):
        return a[0] * s + b[1]

    out = (np.zeros(2), None, np.zeros(3))
    got = g.grad(np.ones(2), 3.0, np.ones(3), out=out)
    assert got[0] is out[0] and got[1] == 1.0 and got[2] is out[2]
    np.testing.assert_array_equal(got[0], [3.0, 0.0])
    np.testing.assert_array_equal(got[2], [0.0, 1.0, 0.0])
    got = g.grad(np.ones(2), 3.0, np.ones(3), out=list(out))
    assert got[0] is out[0]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros(3), r"shape \(3,\) for an argument of shape \(4,\)"),
        (np.zeros(4, np.float32), "out wants float64"),
        (np.zeros((2, 2)), "with 1 axes"),
        (np.zeros(8)[::2], "C-contiguous"),
        ([0.0] * 4, "out wants an array"),
        ((np.zeros(4),), "out wants an array"),
    ],
)
def test_a_wrong_out_is_refused(out, message):
    with pytest.raises(llad.LladError, match=message):
        llad.jit_grad(total).grad(np.arange(4.0), out=out)


def test_an_out_that_overlaps_or_is_read_only_is_refused():
    f = llad.jit_grad(total)
    x = np.arange(8.0)
    for out in (x[:4], x[2:6]):
        with pytest.raises(llad.LladError, match="out overlaps an argument"):
            f.grad(x[:4], out=out)
    np.testing.assert_array_equal(f.grad(x[:4], out=x[4:]), 2 * x[:4])
    x.flags.writeable = False
    with pytest.raises(llad.LladError, match="writeable"):
        f.grad(np.ones(8), out=x)


def test_what_has_no_gradient_says_so():
    for function, args, message in (
        (lambda x: (x, x), (1.0,), "the function returns a tuple of 2"),
        (lambda x: x * 2, (np.ones(3),), "the function returns an array of f64 with 1 axis"),
        (lambda x: x * 2, (3,), "no argument can be differentiated|returns an i64"),
        (lambda x: x > 0, (1.0,), "the function returns a bool"),
        (lambda x: None, (1.0,), "the function returns None"),
    ):
        with pytest.raises(llad.LladError, match=message) as caught:
            llad.jit_grad(function).grad(*args)
        assert "test_api.py" in str(caught.value)
    with pytest.raises(llad.ArgumentError, match=r"argument 1 \(i64\) has no derivative"):
        llad.jit_grad(product, argnums=1).grad(1.0, 2)
    with pytest.raises(llad.ArgumentError, match="argnums names argument 2, but the call has 2"):
        llad.jit_grad(product, argnums=2).grad(1.0, 2.0)
    with pytest.raises(llad.ArgumentError):
        llad.grad(lambda x: x * 1.0)(3)


def test_a_constant_function_has_gradient_zero():
    f = llad.jit_grad(lambda x: 3.0)
    assert f.value_and_grad(2.0) == (3.0, 0.0)
    np.testing.assert_array_equal(f.grad(np.ones(3)), np.zeros(3))


# -- forward mode


def test_jvp():
    f = llad.jit_grad(product)
    assert f.jvp((3.0, 2.0), (1.0, 0.0)) == (18.0, 12.0)
    assert f.jvp([3.0, 2.0], [0.0, 1]) == (18.0, 9.0)
    assert f.jvp((3.0, 2), (1.0, None)) == (18.0, 12.0)
    assert f.jvp((3.0, 2.0), (None, 1.0)) == (18.0, 9.0)
    x = np.arange(4.0)
    assert llad.jit_grad(total).jvp((x,), (np.ones(8)[::2],)) == (14.0, 12.0)
    x = x.astype(np.float32)
    assert llad.jit_grad(total).jvp((x,), (np.ones(4, np.float32),)) == (14.0, 12.0)
    value, tangent = llad.jvp(lambda x: (x, 2 * x, 1, None), (np.arange(2.0),), (np.ones(2),))
    np.testing.assert_array_equal(value[1], [0.0, 2.0])
    np.testing.assert_array_equal(tangent[1], [2.0, 2.0])
    np.testing.assert_array_equal(tangent[0], [1.0, 1.0])
    assert value[2:] == (1, None) and tangent[2:] == (None, None)


def test_jvp_of_tuples():
    f = llad.jit_grad(lambda p, q: p[0] * p[1] + q)
    assert f.jvp(((2.0, 3.0), 1.0), ((1.0, 0.0), 0.0)) == (7.0, 3.0)
    assert f.jvp(((2.0, 3.0), 1.0), ((1.0, None), 5.0)) == (7.0, 8.0)
    assert f.jvp(((2, 3.0), 1.0), (None, 5.0)) == (7.0, 5.0)


@pytest.mark.parametrize(
    ("primals", "tangents", "message"),
    [
        ((1.0,), 1.0, "tuples"),
        (1.0, (1.0,), "tuples"),
        ((1.0, 2.0), (1.0,), "2 primals but 1 tangents"),
        ((1, 2.0), (1, 1.0), "another kind than float"),
        ((1.0, 2.0), ("x", 1.0), "want a number"),
        ((1.0, 2.0), ((1.0,), 1.0), "want a number"),
    ],
)
def test_wrong_tangents_are_refused(primals, tangents, message):
    with pytest.raises(llad.LladError, match=message):
        llad.jit_grad(product).jvp(primals, tangents)


def test_a_tangent_of_another_shape_is_refused():
    with pytest.raises(llad.LladError, match=r"shape \(2,\)"):
        llad.jit_grad(total).jvp((np.ones(3),), (np.ones(2),))


# -- the functional forms


def test_functional_forms_have_the_defaults_of_jax():
    assert llad.grad(product)(3.0, 2.0) == 12.0
    assert llad.grad(product, argnums=(0, 1))(3.0, 2.0) == (12.0, 9.0)
    assert llad.grad(product, 1)(3.0, 2.0) == 9.0
    assert llad.value_and_grad(product)(3.0, 2.0) == (18.0, 12.0)
    assert llad.jvp(product, (3.0, 2.0), (1.0, 1.0)) == (18.0, 21.0)
    assert llad.grad(llad.jit(product))(3.0, 2.0) == 12.0
    assert llad.grad(product) is llad.grad(product)


def test_derivatives_nest():
    quartic = lambda x: x**4  # noqa: E731
    assert llad.grad(llad.grad(quartic))(2.0) == 48.0
    assert llad.grad(llad.grad(llad.grad(quartic)))(2.0) == 48.0
    assert llad.jvp(llad.grad(quartic), (2.0,), (1.0,)) == (32.0, 48.0)
    assert llad.jit(lambda x: llad.grad(quartic)(x) + quartic(x))(2.0) == 48.0
    f = llad.jit_grad(quartic)
    assert llad.jit_grad(lambda x: f.grad(x) * x).grad(2.0) == 16 * 8.0
    assert llad.grad(f.grad)(2.0) == 48.0


def test_callables_of_every_sort():
    class Spring:
        stiffness = 3.0

        def energy(self, x):
            return self.stiffness * x * x

    spring = Spring()
    assert llad.jit(spring.energy)(2.0) == 12.0 and llad.grad(spring.energy)(2.0) == 12.0
    assert llad.grad(math.sin)(0.0) == 1.0
    assert llad.jit(abs)(-3.0) == 3.0
    np.testing.assert_array_equal(llad.grad(np.sum)(np.ones(3)), np.ones(3))
    assert llad.grad(functools.partial(product, 3.0))(2.0) == 9.0
    assert llad.jit_grad(lambda *x: x[0] * x[1]).grad(2.0, 3.0) == (3.0, 2.0)
    assert llad.jit_grad(lambda g, x: g(x)).grad(math.exp, 0.0) == (None, 1.0)


def test_a_function_of_a_library_that_is_written_in_python_is_the_librarys():
    linalg = pytest.importorskip("scipy.linalg")
    np.testing.assert_array_equal(llad.jit(linalg.expm)(np.zeros((2, 2))), np.eye(2))


def test_wrapping_a_function_does_not_give_it_anothers_code():
    llad.grad(product)(1.0, 2.0)

    @functools.wraps(product)
    def other(x, y):
        return x + y

    assert llad.grad(other)(1.0, 2.0) == 1.0
    assert llad.jit(other)(1.0, 2.0) == 3.0


# -- arguments


def test_keywords_and_defaults():
    @llad.jit_grad
    def f(x, n=3, *, scale=2.0):
        return x * n * scale

    assert f(2.0) == 12.0 and f(2.0, 4) == 16.0 and f(n=5, x=2.0) == 20.0
    assert f.grad(2.0) == (6.0, None) and f.grad(x=2.0, n=4) == (8.0, None)
    with pytest.raises(TypeError, match=r"f\(\) missing a required argument: 'x'"):
        f()
    with pytest.raises(TypeError, match=r"f\(\) too many positional arguments"):
        f(1.0, 2, 3)
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        f(1.0, y=2)
    assert f(1.0, scale=3.0) == 9.0


def test_defaults_can_be_exchanged():
    def function(x, n=3):
        return x * n

    f = llad.jit_grad(function)
    assert f(2.0) == 6.0 and f.grad(2.0) == (3.0, None)
    function.__defaults__ = (4,)
    assert f(2.0) == 8.0 and f.grad(2.0) == (4.0, None) and f(2.0, n=5) == 10.0
    function.__defaults__ = (0.5,)
    assert f(2.0) == 1.0 and f.grad(2.0) == (0.5, 2.0)
    function.__defaults__ = None
    with pytest.raises(TypeError, match="missing"):
        f(2.0)


def test_numpy_scalars_do_as_numbers():
    f = llad.jit_grad(product)
    f(3.0, 2.0), f.grad(3.0, 2.0)
    for x in (np.float64(3.0), np.float32(3.0), np.int64(3), np.int32(3), 3, True, np.True_, np.longlong(3)):
        got = f(x, 2.0)
        assert got == product(x, 2.0) and type(got) in (float, int)
    assert f.grad(np.float64(3.0), np.float64(2.0)) == (12.0, 9.0)
    assert sum(s.what == "primal" for s in f.specialisations if "f64, f64" in repr(s)) == 1


def test_ints_beyond_64_bits_are_refused():
    f = llad.jit(lambda n: n + 0)
    assert f(2**63 - 1) == 2**63 - 1
    for n in (2**63, -(2**63) - 1, 10**30):
        with pytest.raises(OverflowError):
            f(n)


def test_arrays_that_are_not_plain():
    f = llad.jit_grad(total)
    x = np.arange(4.0)
    misaligned = np.zeros(4 * 8 + 1, np.uint8)[1:].view(np.float64)
    misaligned[:] = x
    assert f(misaligned) == 14.0
    np.testing.assert_array_equal(f.grad(misaligned), 2 * x)
    readonly = x.copy()
    readonly.flags.writeable = False
    assert f(readonly) == 14.0
    longlong = llad.jit(lambda a: a[1])
    assert longlong(np.arange(3, dtype=np.longlong)) == 1
    dtypes = x.astype(">c16"), x.astype(">f8"), x.astype(np.float16)
    for wrong in (*dtypes, {1.0}, np.ma.array(x), bytearray(2), object):
        with pytest.raises(llad.LladError):
            f(wrong)


def test_a_mapped_file_is_written_through(tmp_path):
    @llad.jit
    def fill(a):
        for i in range(len(a)):
            a[i] = i * 1.0

    mapped = np.memmap(tmp_path / "m", np.float64, "w+", shape=(4,))
    fill(mapped)
    np.testing.assert_array_equal(mapped, np.arange(4.0))


def test_results_of_every_kind():
    x = np.arange(3.0)
    for function, args in (
        (lambda a: (1, 2.5, True, None, "s", a * 2, (a[0], a[1] > 0)), (x,)),
        (lambda n: (n, n > 2, -n), (3,)),
        (lambda a: (a, a.copy(), a[::2].copy(), a), (x,)),
        (lambda: 3, ()),
        (lambda a: (), (1.0,)),
    ):
        got, expected = llad.jit(function)(*args), function(*args)
        assert isinstance(got, tuple) == isinstance(expected, tuple)
        pairs = zip(got, expected, strict=True) if isinstance(expected, tuple) else [(got, expected)]
        for g, e in pairs:
            if isinstance(e, np.ndarray):
                np.testing.assert_array_equal(g, e)
            else:
                assert (g == e and type(g) is type(e)) or isinstance(e, (tuple, np.generic))
    same, copied, view, again = llad.jit(lambda a: (a, a.copy(), a[::2].copy(), a))(x)
    assert same is x and again is x and copied is not x and view.flags.c_contiguous
    assert type(llad.jit(lambda a: a[0])(x.astype(np.float32))) is float


# -- writes


def test_a_write_is_seen_by_the_caller_but_not_from_a_gradient():
    @llad.jit_grad
    def f(a):
        a[0] = a[0] * a[1]
        return a[0] * a[0]

    a = np.array([2.0, 3.0])
    np.testing.assert_array_equal(f.grad(a), [36.0, 24.0])
    assert f.value_and_grad(a)[0] == 36.0
    assert f.jvp((a,), (np.array([1.0, 0.0]),)) == (36.0, 36.0)
    np.testing.assert_array_equal(a, [2.0, 3.0])
    assert f(a) == 36.0
    np.testing.assert_array_equal(a, [6.0, 3.0])
    a.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        f(a)
    np.testing.assert_array_equal(f.grad(a), [6 * 6.0 * 3 * 3 / 3, 6.0 * 6 * 2 * 3])


def test_written_arrays_may_overlap_in_the_primal_only():
    @llad.jit_grad
    def f(a, b):
        for i in range(len(a)):
            a[i] = a[i] + b[i]
        return a[0] + b[len(b) - 1]

    x = np.arange(6.0)
    y = x.copy()
    assert f(x[1:], x[:-1]) == f.py_func(y[1:], y[:-1])
    np.testing.assert_array_equal(x, y)
    assert f(x[1:].copy(), x[:-1].copy()) == f.py_func(x[1:].copy(), x[:-1].copy())
    x, y = np.arange(6.0), np.arange(6.0)
    assert f(x, x) == f.py_func(y, y)
    with pytest.raises(llad.LladError, match="overlaps another"):
        f.grad(x[1:], x[:-1])
    assert [g.sum() for g in f.grad(np.ones(3), np.ones(3))] == [1.0, 2.0]


def test_overlapping_arrays_that_are_only_read_are_fine():
    f = llad.jit_grad(lambda a, b: a[0] * b[0] + a[1] * b[1])
    x = np.array([2.0, 3.0])
    a_bar, b_bar = f.grad(x, x)
    np.testing.assert_array_equal(a_bar, x)
    np.testing.assert_array_equal(b_bar, x)


# -- what the function refers to


SCALE = 2.0
TABLE = np.array([1.0, 2.0, 3.0])


def test_a_changed_global_recompiles():
    global SCALE
    f = llad.jit_grad(lambda x: x * SCALE)
    try:
        for value in (2.0, 5.0, 2.0, 7.0):
            SCALE = value
            for _ in range(3):
                assert f(3.0) == 3.0 * value and f.grad(3.0) == value
    finally:
        SCALE = 2.0
    stages = {s.stage for s in f.specialisations}
    assert len(stages) == len(f.specialisations) / 2


def test_a_changed_closure_recompiles():
    k = 2.0

    def change(value):
        nonlocal k
        k = value

    f = llad.jit_grad(lambda x: x * k)
    assert f(3.0) == 6.0
    change(4.0)
    assert f(3.0) == 12.0 and f.grad(3.0) == 4.0


def test_captured_arrays_are_read_at_each_call():
    f = llad.jit_grad(lambda x: x * TABLE[1])
    assert f(3.0) == 6.0 and f.grad(3.0) == 2.0
    TABLE[1] = 5.0
    try:
        assert f(3.0) == 15.0 and f.grad(3.0) == 5.0
    finally:
        TABLE[1] = 2.0


# -- compilation


def test_compilation_is_lazy_per_kind_of_argument_never_per_size():
    f = llad.jit_grad(total)
    assert f.specialisations == () and f.compile_times["llvm"] == 0.0
    for n in (1, 5, 50):
        f(np.ones(n))
    assert [s.what for s in f.specialisations] == ["primal"]
    times = f.compile_times
    assert set(times) == {"trace", "passes", "differentiate", "llvm", "link"} and times["differentiate"] >= 0
    f.grad(np.ones(2)), f.grad(np.ones(3))
    f(np.ones(4, np.float32)), f(np.ones(8)[::2]), f(np.ones(6)[::3])
    assert [s.what for s in f.specialisations] == ["primal"] * 3 + ["gradient"]
    assert repr(f.specialisations[0]) == "<primal of (array of f64 with 1 axis)>"
    assert all(t > 0 for t in f.compile_times.values())


def test_every_stage_can_be_printed():
    f = llad.jit_grad(total)
    x = np.ones(3)
    for of in ("primal", "gradient", "tangent"):
        for stage in ("traced", "optimised"):
            assert "func @total" in f.dump_ir(x, of=of, stage=stage)
        assert "define" in f.dump_llvm(x, of=of, stage="before") and "define" in f.dump_llvm(of=of)
        assert "ret" in f.dump_asm(of=of)
    f(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="2 specialisations"):
        f.dump_ir()
    with pytest.raises(ValueError, match=r"made by llad\.jit"):
        llad.jit(total).dump_ir(x, of="gradient")


def test_tracing_errors_propagate_each_time():
    @llad.jit_grad
    def f(x):
        with x:
            return x

    for _ in range(2):
        with pytest.raises(llad.UnsupportedError, match=r"test_api\.py:\d+"):
            f(1.0)
        with pytest.raises(llad.UnsupportedError):
            f.grad(1.0)


def test_errors_in_native_code_are_pythons_and_name_the_line():
    @llad.jit_grad
    def f(a, i):
        return a[i] * 2.0

    line = f.py_func.__code__.co_firstlineno + 2
    a = np.arange(3.0)
    assert f(a, -1) == 4.0
    for call in (lambda: f(a, 3), lambda: f.grad(a, -4), lambda: f.jvp((a, 7), (a, None))):
        with pytest.raises(IndexError, match=rf"out of bounds .* \(test_api\.py, line {line}\)"):
            call()
    with pytest.raises(ZeroDivisionError, match=r"test_api\.py, line"):
        llad.jit(lambda n: 1 // n)(0)
    with pytest.raises(OverflowError, match=r"test_api\.py, line"):
        llad.jit(lambda n: n * n)(2**40)


# -- with others


def test_scipy_minimises():
    optimize = pytest.importorskip("scipy.optimize")

    @llad.jit_grad
    def rosenbrock(x):
        s = 0.0
        for i in range(len(x) - 1):
            s += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return s

    result = optimize.minimize(rosenbrock.value_and_grad, np.zeros(5), jac=True)
    np.testing.assert_allclose(result.x, np.ones(5), atol=1e-5)
    result = optimize.minimize(rosenbrock, np.zeros(5), jac=rosenbrock.grad, method="L-BFGS-B")
    np.testing.assert_allclose(result.x, np.ones(5), atol=1e-4)


def test_threads_share_one_compilation():
    f = llad.jit_grad(total)
    x = np.arange(100.0)
    results, barrier = [], threading.Barrier(4)

    def work():
        barrier.wait()
        results.extend(f.value_and_grad(x)[0] for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [(x * x).sum()] * 200
    assert len(f.specialisations) == 1


def test_references_balance_over_calls_and_errors():
    f = llad.jit_grad(total)
    g = llad.jit(lambda a, i: (a, a[i], a * 2, (i, None)))
    x, out = np.arange(20.0), np.zeros(20)
    watched = [x, out, None, f, g]

    def work():
        for _ in range(100):
            f(x), f.grad(x), f.value_and_grad(x, out=out), f.jvp((x,), (x,)), g(x, 3)
            for wrong in (lambda: g(x, 50), lambda: f.grad(x, out=x), lambda: f([1.0])):
                try:
                    wrong()
                except (IndexError, llad.LladError):
                    continue

    gained, grown = left_behind(work, watched)
    assert all(abs(g) < 20 for g in gained), gained
    assert grown < 10_000  # one leaked array a call would be 16 kB


def test_functions_and_their_code_are_collected():
    def make():
        def f(x):
            return x * 3.0

        llad.grad(f)(1.0)
        jitted = llad.jit_grad(f)
        jitted(1.0), jitted.grad(1.0), jitted.jvp((1.0,), (1.0,))
        return weakref.ref(f), weakref.ref(jitted), weakref.ref(jitted.specialisations[0].linked)

    gone = make()
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]


@pytest.mark.skipif(layout.LAYOUT is None, reason="there is no other way of calling to compare with")
def test_calls_through_ctypes_agree(monkeypatch):
    monkeypatch.setattr(pipeline, "LAYOUT", None)

    @llad.jit_grad
    def f(a, s, n, flag):
        if flag:
            return a[0, 0] * s + a[1, 1] * n
        return a[0, 1] * s

    a = np.arange(6.0).reshape(2, 3)
    for matrix in (a, a.astype(np.float32), a[:, ::-1]):
        for args in ((matrix, 2.5, 3, True), (matrix, np.float32(1.5), 3, np.False_)):
            assert f(*args) == pytest.approx(f.py_func(*args), rel=1e-6)
            value, gradient = f.value_and_grad(*args)
            assert gradient[0].shape == matrix.shape and gradient[0].sum() > 0 and gradient[2:] == (None, None)
            assert value == f(*args)
    out = (np.ones((2, 3)), None, None, None)
    assert f.grad(a, 2.5, 3, True, out=out)[0] is out[0]
    np.testing.assert_array_equal(out[0], [[2.5, 0, 0], [0, 3, 0]])
    g = llad.jit(lambda a, i: (a, a[i].copy(), a[:, ::2] * 2, a[::-1].copy(), (i, None), np.zeros((0, 2))))
    same, row, double, flipped, rest, empty = g(a, 1)
    assert same is a and rest == (1, None) and empty.shape == (0, 2)
    np.testing.assert_array_equal(row, a[1])
    np.testing.assert_array_equal(double, a[:, ::2] * 2)
    np.testing.assert_array_equal(flipped, a[::-1])
    with pytest.raises(IndexError, match="line"):
        g(a, 5)


def test_without_known_layout_calls_still_work(tmp_path):
    code = """
import llad.codegen.layout as layout
layout.LAYOUT = None
import numpy as np, llad
f = llad.jit_grad(lambda x, n: x[0] * x[1] * n)
x = np.array([2.0, 3.0])
assert f(x, 2) == 12.0 and f.jvp((x, 1), (x, None)) == (6.0, 12.0)
assert f.value_and_grad(x, n=2)[0] == 12.0 and list(f.grad(x, 2)[0]) == [6.0, 4.0]
try:
    f(x[:1], 2)
except IndexError as error:
    print(error)
"""
    file = tmp_path / "program.py"
    file.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, env=environment)
    assert "out of bounds" in done.stdout


def test_arguments_that_are_all_discrete_have_none():
    assert llad.jit_grad(lambda n: n * 1.5).grad(3) is None
    assert llad.jit_grad(lambda n: n * 1.5).value_and_grad(3) == (4.5, None)
    assert llad.jit_grad(lambda n, k: n * 1.5 + k[0]).grad(3, np.arange(2)) == (None, None)
    assert llad.jit_grad(lambda n, k: n * 1.5 + k[0]).grad(3, np.arange(2), out=(None, None)) == (None, None)
    assert llad.jit(lambda n: llad.value_and_grad(lambda m, x: m * x, (0, 1))(n, 2.0)[1])(3) == (None, 3.0)


@pytest.mark.parametrize("collects", [True, False])
def test_compiling_leaves_the_collector_as_it_was(collects):
    before = gc.isenabled()
    try:
        (gc.enable if collects else gc.disable)()
        assert llad.grad(lambda x: x * llad.grad(lambda y: y * y * x)(x))(3.0) == 54.0
        assert gc.isenabled() == collects
        with pytest.raises(llad.UnsupportedError):
            llad.jit(lambda x: x + "1")(1.0)
        assert gc.isenabled() == collects
    finally:
        (gc.enable if before else gc.disable)()


def squeezed(x):
    return np.squeeze(np.sum(x**3, keepdims=True))


def stored(x):
    y = np.zeros(())
    for v in x:
        y[...] = y * 0.5 + v**3
    return y


@pytest.mark.parametrize("function, weights", [(squeezed, [1.0, 1.0, 1.0]), (stored, [0.25, 0.5, 1.0])])
def test_a_float_in_an_array_without_axes_has_a_gradient(function, weights):
    x = np.array([1.0, 2.0, 3.0])
    slope = 3.0 * x**2 * weights
    f = llad.jit_grad(function)
    value, gradient = f.value_and_grad(x)
    assert_close(value, function(x))
    assert_close(gradient, slope)
    assert_close(llad.hessian(function)(x), np.diag(6.0 * x * weights))
    assert_close(llad.jit_grad(lambda x: np.sum(llad.grad(function)(x) ** 2)).grad(x), 2.0 * slope * 6.0 * x * weights)
    for seed in (2.0, np.array(2.0), np.float64(2.0)):
        assert_close(f.vjp(x)[1](seed)[0], 2.0 * slope)
