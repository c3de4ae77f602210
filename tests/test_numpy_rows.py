"""Every function that `llad/traced` has for NumPy's: values on arrays of several kinds, derivatives of all orders."""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy_rows
import pytest
from reference import Reference

import llad
from llad.testing import flatten
from llad.traced.table import SECTIONS, functions_of

pytestmark = pytest.mark.usefixtures("quick_code")


def rows_of(table: dict[str, list[str]]) -> list[tuple[str, int, str]]:
    """The rows of a table, but for functions that this NumPy does not have."""
    rows = [(name, k, text) for name, texts in table.items() for k, text in enumerate(texts)]
    return [row for row in rows if all(hasattr(np, name) for name in re.findall(r"np\.(\w+)\(", row[2]))]


ROWS, DISCRETE = rows_of(numpy_rows.SMOOTH), rows_of(numpy_rows.DISCRETE)


def test_every_function_has_a_row():
    known = {name for module in SECTIONS.values() for name in functions_of(module)}
    tables = (numpy_rows.SMOOTH, numpy_rows.DISCRETE)
    written = " ".join(text for table in tables for texts in table.values() for text in texts)
    assert known <= set(re.findall(r"\.(\w+)\(", written))


@pytest.fixture(scope="module")
def functions(tmp_path_factory) -> Callable[[str], Any]:
    """The rows as functions of (x, v, w, n, m), and `loss` of them: in a file, for their text is traced."""
    lines = ["import numpy as np", ""]
    for k, text in enumerate(numpy_rows.ANY_RANK):
        lines += [f"def odd_{k}(a):", f"    return {text}", ""]
    for name, k, text in (*ROWS, *DISCRETE):
        lines += [f"def {name}_{k}(x, v, w, n, m):", f"    return {text}", ""]
        lines += [f"def {name}_{k}_loss(x, v, w, n, m):", f"    return np.sum(np.sin({text}))", ""]
    path = tmp_path_factory.mktemp("rows") / "rows.py"
    path.write_text("\n".join(lines))
    spec = importlib.util.spec_from_file_location("rows", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda name: getattr(module, name)


def arguments(seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    x, v, w = rng.uniform(-1.0, 1.0, (3, 4)), rng.uniform(-1.0, 1.0, 5), rng.uniform(0.2, 1.0, 5)
    return x, v, w, np.array([3, 0, 4, 1, 3]), np.array([True, False, True, True, False])


def strided(x: Any, v: Any, w: Any, n: Any, m: Any) -> tuple[Any, ...]:
    """Of single precision, with negative strides and gaps, every array."""
    x, v, w = (a.astype(np.float32) for a in (x, v, w))
    return np.asfortranarray(x[::-1])[::-1], np.repeat(v, 2)[::2], w[::-1].copy()[::-1], n[::-1].copy()[::-1], m


def agree(found: Any, expected: Any, rtol: float) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    kinds = [a.dtype if a.shape else a.dtype.kind for a in (found, expected)]  # numbers are Python's
    assert (found.shape, kinds[0]) == (expected.shape, kinds[1])
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol)


every_row = pytest.mark.parametrize(("name", "k", "text"), [*ROWS, *DISCRETE], ids=[r[2] for r in (*ROWS, *DISCRETE)])


def check_values(ours: Any, f: Any, args: tuple[Any, ...], rtol: float) -> None:
    """And that the arguments are what they were."""
    kept = [a.copy() for a in args]
    agree(ours(*args), f(*kept), rtol)
    for a, b in zip(args, kept, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("scalar_code")
@every_row
def test_values_of_strided_arrays_of_single_precision(functions, name, k, text):
    """By machine code for the first of each function; the others as they are traced, on the interpreter."""
    f, args = functions(f"{name}_{k}"), strided(*arguments(1))
    check_values(llad.jit(f) if k == 0 else interpreted(f, args), f, args, 2e-5)


def interpreted(f: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    """The trace of `f` for such arguments, as a function of them."""
    reference = Reference(f, args, optimised=False)
    return lambda *args: reference.value_of(args)


@every_row
def test_values_are_those_of_numpy(functions, name, k, text, request):
    """Also of no elements: by machine code, that of the first of each function by all of LLVM's passes; and by the same
    trace on the interpreter, which finds what is not there."""
    if k:
        request.getfixturevalue("scalar_code")
    f = functions(f"{name}_{k}")
    ours = llad.jit(f)
    check_values(ours, f, arguments(), 1e-12)
    x, *others = arguments()
    for rows in (x[:0], x[:, :0].copy()) if text not in numpy_rows.ELSEWHERE else ():  # the same machine code
        empty = rows, *[a[:0] for a in others]
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            try:
                expected = f(*empty)
            except Exception:
                with pytest.raises((llad.LladError, ValueError, TypeError, LookupError, ArithmeticError)):
                    ours(*empty)
            else:
                agree(ours(*empty), expected, 0.0)
    for args in EMPTY if not any(unlike in text for unlike in OF_NOTHING_UNLIKE) else ():
        check_empty(ours, f, args)


# Of nothing: NumPy's quirk in the shape, its own kind of error, a polynomial without coefficients, an axis to be named.
OF_NOTHING_UNLIKE = ("nanquantile", "np.average(x, axis=0)", "np.polymul", "np.squeeze")
NOTHING = np.zeros(0)
EMPTY = [
    (np.zeros((0, 4)), NOTHING, NOTHING, NOTHING.astype(int), NOTHING.astype(bool)),
    (np.ones((3, 0)), *arguments()[1:]),
]


def check_empty(ours: Any, f: Any, args: tuple[Any, ...]) -> None:
    """The value that the interpreter finds of the trace that `ours` has for these arguments, too; or both raise."""
    reference = Reference(f, args, False, traced=ours.dispatcher.program.stage(args).traced)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        found = outcome(lambda: reference.value()[0])
        expected = outcome(lambda: f(*args))
    assert isinstance(found, Exception) == isinstance(expected, Exception), (found, expected)
    if not isinstance(expected, Exception):
        parts = [r if isinstance(r, tuple) else (r,) for r in (found, expected)]
        for one, other in zip(*parts, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return error


def alike(found: Any, expected: Any) -> None:
    """`agree`, part by part, of single precision."""
    if isinstance(expected, (tuple, list)):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            alike(one, other)
    else:
        agree(found, expected, 2e-5)


@pytest.mark.parametrize("k", range(len(numpy_rows.ANY_RANK)), ids=numpy_rows.ANY_RANK)
@pytest.mark.parametrize("a", [np.float32([[[0.3, -1.2, 0.5]], [[-0.1, 0.9, 0.5]]]), np.array([3])], ids=["3-D", "one"])
def test_values_of_odd_shapes(functions, k, a):
    """Of axes of one element, of three axes, of one element in all; on the interpreter, which compiles nothing."""
    f = functions(f"odd_{k}")
    with np.errstate(all="ignore"):
        alike(Reference(f, (a,), optimised=False).value()[0], f(a))


def check_first_order(
    f: Any, args: tuple[Any, ...], d: tuple[Any, ...], n: Any, m: Any, value: Any, gradient: Any, slope: Any
) -> None:
    """A value, the gradient in reverse and the slope along `d` in forward mode."""

    def at(h: float) -> tuple[Any, ...]:
        return tuple(a + h * b for a, b in zip(args, d, strict=True))

    np.testing.assert_allclose(value, f(*args, n, m), rtol=1e-12)
    h = 1e-6
    reverse = sum(np.sum(g * b) for g, b in zip(gradient, d, strict=True))
    difference = (f(*at(h), n, m) - f(*at(-h), n, m)) / (2 * h)
    np.testing.assert_allclose(reverse, difference, rtol=2e-6, atol=1e-8)
    np.testing.assert_allclose(slope, reverse, rtol=1e-10, atol=1e-12)


FURTHER = [row for row in ROWS if row[1]]  # the first of each function is differentiated twice


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize(("name", "k", "text"), FURTHER, ids=[r[2] for r in FURTHER])
def test_derivatives(functions, name, k, text):
    """Reverse mode by machine code, forward mode of the same trace on the interpreter."""
    f = functions(f"{name}_{k}_loss")
    x, v, w, n, m = arguments(2)
    ours = llad.jit_grad(lambda x, v, w, n=n, m=m: f(x, v, w, n, m), argnums=(0, 1, 2))
    rng = np.random.default_rng(4)
    d = tuple(rng.normal(size=a.shape) for a in (x, v, w))
    value, gradient = ours.value_and_grad(x, v, w)
    forward = Reference(f, (x, v, w), False, traced=ours.dispatcher.program.stage((x, v, w)).traced).tangent(flatten(d))
    check_first_order(f, (x, v, w), d, n, m, value, gradient, forward[0])


@pytest.mark.usefixtures("scalar_code")
@pytest.mark.parametrize("name", numpy_rows.SMOOTH)
def test_derivatives_of_both_orders(functions, name):
    """Reverse, forward, and forward over reverse: one compilation gives them all, and the differences, too."""
    f = functions(f"{name}_0_loss")
    x, v, w, n, m = arguments(3)
    gradient = llad.value_and_grad(lambda x, v, w, n=n, m=m: f(x, v, w, n, m), argnums=(0, 1, 2))
    both = llad.jit(lambda args, dots: llad.jvp(gradient, args, dots))
    d = tuple(np.cos(np.arange(a.size)).reshape(a.shape) for a in (x, v, w))
    (value, first), (slope, curvature) = both((x, v, w), d)
    check_first_order(f, (x, v, w), d, n, m, value, first, slope)
    h = 1e-5
    high, low = (both(tuple(a + s * b for a, b in zip((x, v, w), d, strict=True)), d)[0][1] for s in (h, -h))
    for found, one, two in zip(curvature, high, low, strict=True):
        np.testing.assert_allclose(found, (one - two) / (2 * h), rtol=1e-5, atol=1e-6)
