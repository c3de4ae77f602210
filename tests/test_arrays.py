"""Numbers, arrays, indexing and spellings: what is traced gives what Python and NumPy give.

Every program is a plain Python function. It is called as it is, and traced and interpreted; results, what it wrote
into its arguments, and what it raised must agree. Where llad means to differ (Python ints overflow, floats follow
IEEE) the test says what it expects.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from llad.api import jit, jit_grad
from llad.diagnostics import LladError, UnsupportedError
from llad.frontend.signature import (
    spec_of,
)
from llad.frontend.trace import trace
from llad.ir import interp
from llad.ir.core import walk
from llad.ir.verify import verify
from llad.returned import Constant, Output, Passed, Result
from llad.structures import Node


def leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, tuple) else [value]


def _rebuild(tree: Result, types: list[Any], results: tuple[Any, ...], arguments: list[Any]) -> Any:
    match tree:
        case Output(index, weak):
            value = results[index]
            if isinstance(value, np.ndarray) or weak:
                return value
            return np.dtype(str(types[index]).replace("f", "float").replace("i", "int")).type(value)
        case Passed(leaf):
            return arguments[leaf]
        case Constant(value):
            return value
        case Node(form, items):
            return form.build([_rebuild(item, types, results, arguments) for item in items])


def traced(f: Callable[..., Any], *args: Any) -> Any:
    """What `f` gives when it is traced and interpreted."""
    result = trace(f, tuple(map(spec_of, args)))
    verify(result.function)
    arguments = [x for x in leaves(args) if isinstance(x, (bool, int, float, np.ndarray, np.generic))]
    passed = [x.item() if isinstance(x, np.generic) else x for x in arguments]
    results = interp.run(result.function, [*passed, *result.captured])
    types = [r.type for r in result.function.results]
    return _rebuild(result.result, types, results, arguments)


def assert_same(got: Any, want: Any) -> None:
    if want is None or got is None:
        assert got is want, (got, want)
        return
    if isinstance(want, tuple):
        assert isinstance(got, tuple) and len(got) == len(want), (got, want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
        return
    if isinstance(want, (np.ndarray, np.generic)):
        assert isinstance(got, type(want)), (got, want)
        assert np.asarray(got).dtype == want.dtype, (got, want)
        assert np.shape(got) == want.shape, (got, want)
    else:
        assert type(got) is type(want), (got, want)
    rtol = 3e-6 if getattr(want, "dtype", None) == np.float32 else 1e-14
    np.testing.assert_allclose(got, want, rtol=rtol, atol=0, equal_nan=True)
    if np.asarray(want).dtype.kind == "f":
        zero = np.asarray(want) == 0
        np.testing.assert_array_equal(np.signbit(got)[zero], np.signbit(want)[zero])


def fresh(args: Any) -> Any:
    """Copies with the same strides."""
    if isinstance(args, tuple):
        return tuple(map(fresh, args))
    if isinstance(args, np.ndarray):
        copy = np.copy(args, order="K")
        if not args.flags.c_contiguous and args.ndim:
            wide = np.zeros([2 * n for n in args.shape], args.dtype)
            copy = wide[tuple(slice(None, None, -2) for _ in args.shape)] if args.size else copy
            copy[...] = args
        return copy
    return args


def same(f: Callable[..., Any], *args: Any) -> None:
    """`f` traced and interpreted does what `f` does: result, writes, or error."""
    mine, theirs = fresh(args), fresh(args)
    error: Exception | None = None
    want = None
    with np.errstate(all="ignore"):
        try:
            want = f(*theirs)
        except Exception as raised:
            error = raised
    if error is not None:
        with pytest.raises(type(error)) as caught:
            traced(f, *mine)
        assert str(error) in str(caught.value)
        return
    assert_same(traced(f, *mine), want)
    for a, b in zip(leaves(mine), leaves(theirs), strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)


def raises(error: type[Exception], text: str, f: Callable[..., Any], *args: Any) -> None:
    with pytest.raises(error) as caught:
        traced(f, *args)
    assert text in str(caught.value)


def refuses(text: str, f: Callable[..., Any], *args: Any) -> None:
    raises(UnsupportedError, text, f, *args)


X = np.array([3.0, -1.0, 4.0, 1.0, -5.0])
Y = np.array([2.0, 7.0, 1.0, 8.0, 2.0])
M = np.arange(12.0).reshape(3, 4) - 5
N = np.array([3, 1, 4, 1, 5])
F = X.astype(np.float32)
I = N.astype(np.int32)
B = X > 0
EMPTY = np.zeros(0)


# -- numbers


@pytest.mark.parametrize(
    "x,y", [(2.5, 1.5), (-7, 2), (7, -2), (2.5, 3), (True, 2), (True, False), (np.float32(0.1), 0.1)]
)
def test_operators_on_scalars(x: Any, y: Any) -> None:
    same(lambda x, y: (x + y, x - y, x * y), x, y)
    same(lambda x, y: (x < y, x <= y, x > y, x >= y, x == y, x != y), x, y)
    same(lambda x, y: (-x, +x, abs(x), not x, float(x), int(x), bool(x)), x, y)


@pytest.mark.parametrize(
    "x,y", [(7, 2), (-7, 2), (7, -2), (-7, -2), (6, -3), (5.5, -2.0), (-5.5, 2.0), (0, 5), (7, -1)]
)
def test_division(x: Any, y: Any) -> None:
    same(lambda x, y: (x / y, x // y, x % y), x, y)
    same(lambda x, y: divmod(x, y), x, y)


@pytest.mark.parametrize(
    "x,y",
    [
        (np.float32(0.1), np.float64(0.1)),
        (np.int32(3), 4),
        (np.int64(3), np.float32(2.5)),
        (np.float32(2.5), 7),
        (np.bool_(True), 2),
        (np.bool_(True), np.bool_(True)),
    ],
)
def test_promotion_of_numpy_scalars(x: Any, y: Any) -> None:
    if x.dtype == np.int32:
        assert traced(lambda x, y: x * y, x, y) == 12
    else:
        same(lambda x, y: (x + y, x * y, y + x, x < y), x, y)


def test_integer_division_by_zero_raises() -> None:
    same(lambda x, y: x // y, 1, 0)
    same(lambda x, y: x % y, 1, 0)
    same(lambda x, y: x / y, 1, 0)
    same(lambda x: x // 0, 1)


def test_float_division_by_zero_is_ieee() -> None:
    assert traced(lambda x: x / 0.0, 1.0) == math.inf
    assert math.isnan(traced(lambda x: 0.0 / x, 0.0))


BIG = 2**62


@pytest.mark.parametrize("f", [lambda n: n + n, lambda n: n * 2, lambda n: -n - n - 1, lambda n: n**2, lambda n: n**3,
                               lambda n: n << 1, lambda n: 2**(n - BIG + 63), lambda n: abs(-n - n)])  # fmt: skip
def test_overflow_raises(f: Callable[..., Any]) -> None:
    raises(OverflowError, "does not fit in 64 bits", f, BIG)


def test_the_least_integer() -> None:
    least = -(2**63)
    raises(OverflowError, "", lambda n: -n, least)
    raises(OverflowError, "", lambda n, m: n // m, least, -1)
    raises(OverflowError, "", lambda n: abs(n), least)
    same(lambda n, m: n % m, least, -1)
    same(lambda n, m: n // m, least, 1)
    same(lambda n: n + BIG + BIG - 1, least)


@pytest.mark.parametrize("x", [1.7, -0.3, 0.0, -2.0, math.inf, math.nan])
def test_constant_powers_of_floats(x: float) -> None:
    same(lambda x: (x**0, x**1, x**2, x**3, x**2.0, x**7, x**16), x)
    same(lambda x: (x**17, x**2.5) if x >= 0 or x != x else (1.0, 1.0), x)
    if x:
        same(lambda x: (x**-1, x**-2), x)


@pytest.mark.parametrize("x,n", [(3, 4), (-3, 3), (2, 0), (0, 0), (1, 62), (-1, 63), (2, 62)])
def test_integer_powers(x: int, n: int) -> None:
    same(lambda x, n: x**n, x, n)
    same(lambda x, n: (x**0, x**1, x**2, 2**n), x, min(n, 5))
    same(lambda x: x**-2, 2)
    raises(ValueError, "negative integer powers", lambda x, n: x**n, 2, -1)


@pytest.mark.parametrize("x,y", [(12, 10), (-12, 3), (5, 0), (-1, 64), (0, 70)])
def test_bits(x: int, y: int) -> None:
    same(lambda x, y: (x & y, x | y, x ^ y, ~x, x >> y), x, y)
    same(lambda x, y: x << (y & 3), x, y)
    same(lambda p, q: (p & q, p | q, p ^ q, ~p if p else 0), True, False)
    same(lambda x, y: x << -y, 1, 2)


def test_int_of_a_float_is_checked() -> None:
    for x in (2.9, -2.9, -(2.0**63), 2.0**53, math.nan, math.inf):
        same(lambda x: int(x), x)
    raises(OverflowError, "too large", lambda x: int(x), 2.0**63)
    raises(OverflowError, "too large", lambda x: int(x), -(2.0**64))


def test_rounding() -> None:
    for x in (0.5, 1.5, 2.5, -0.5, -1.7, 3.2, 7, True):
        same(lambda x: (round(x), math.floor(x), math.ceil(x), math.trunc(x)), x)
    same(lambda x: (np.floor(x), np.ceil(x), np.trunc(x), np.rint(x)), -0.3)
    same(lambda x: (np.floor(x), np.ceil(x), np.trunc(x)), N)
    same(lambda x: round(x), np.float64(2.5))
    refuses("`round` to a number of digits known only at run time", lambda x, n: round(x, n), 1.0, 2)
    same(lambda x: (round(x, 2), round(x, -1)), np.float64(1.115))


def test_min_and_max_of_numbers() -> None:
    for args in ((1.0, 2.0, -3.0), (2, 5, 3), (math.nan, 1.0, 2.0), (1.0, math.nan, 0.0)):
        same(lambda x, y, z: (min(x, y, z), max(x, y, z), min((x, y)), max([y, z])), *args)
    same(lambda x: max(x, 0.0), -0.5)


def test_builtins_on_what_is_known() -> None:
    same(lambda x: (abs(-3), round(2.567, 2), int("7"), float("inf"), len((1, 2, 3)), sum((x, 1, x)), max(1, 2)), 0.5)
    same(lambda x: (pow(x, 3), divmod(7, 2), bool(x), bool(()), len("abc")), 0.5)


# -- functions


ONE_ARGUMENT = """
    sqrt exp expm1 log log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh asinh atanh
    fabs erf erfc gamma lgamma degrees radians
"""


@pytest.mark.parametrize("name", ONE_ARGUMENT.split())
def test_math_functions(name: str) -> None:
    f = getattr(math, name)
    same(lambda x: f(x), 0.3)
    same(lambda x: f(x), np.float32(0.3))
    same(lambda x: f(0.3) + x, 1.0)
    refuses(f"math.{name}", lambda x: f(x), X)


def test_math_functions_of_more_arguments() -> None:
    same(lambda x, y: (math.atan2(x, y), math.hypot(x, y), math.copysign(x, y), math.fmod(x, y)), 2.5, -1.5)
    same(lambda x, y: (math.pow(x, 3), math.pow(x, -y), math.remainder(x, y), math.hypot(x, y, 2.0)), 2.5, -1.5)
    same(lambda x: (math.log(x, 2), math.log(x, 10.0), math.log(x)), 8.0)
    same(lambda x: (math.isnan(x), math.isinf(x), math.isfinite(x)), math.inf)
    same(lambda n: (math.sqrt(n), math.sin(n), math.pi * n, math.e), 4)


def test_domain_errors_are_ieee() -> None:
    assert traced(lambda x: math.log(x), 0.0) == -math.inf
    assert math.isnan(traced(lambda x: math.sqrt(x), -1.0))
    assert traced(lambda x: math.log(0.0) + x, 1.0) == -math.inf


@pytest.mark.parametrize("x", [0.3, 1, np.float32(0.3), X[:3] / 9, F / 9, M / 99, N, I, EMPTY], ids=str)
def test_ufuncs(x: Any) -> None:
    same(lambda x: (np.sqrt(np.abs(x)), np.exp(x), np.sin(x), np.arctan(x), np.tanh(x), np.sign(x)), x)
    same(lambda x: (np.square(x), np.negative(x), np.isnan(x), np.isfinite(x), np.log1p(np.abs(x))), x)
    same(lambda x: (np.deg2rad(x), np.degrees(x), np.cbrt(x), np.expm1(x), np.exp2(x)), x)


@pytest.mark.parametrize("x,y", [(X, Y), (F, F), (N, I), (X, 2.0), (F, 2.0), (2.0, X), (1.5, 2.5), (M, X[:4])])
def test_ufuncs_of_two(x: Any, y: Any) -> None:
    same(lambda x, y: (np.add(x, y), np.subtract(x, y), np.multiply(x, y), np.divide(x, y)), x, y)
    same(lambda x, y: (np.maximum(x, y), np.minimum(x, y), np.less(x, y), np.equal(x, y)), x, y)
    same(lambda x, y: (np.arctan2(x, y), np.hypot(x, y), np.copysign(x, y)), x, y)
    same(lambda x, y: np.where(x > y, x, y) * 1, x, y)
    same(lambda x, y: (np.logical_and(x, y), np.logical_not(x), np.logaddexp(x, y)), x, y)


def test_clip() -> None:
    same(lambda x: (np.clip(x, -1.0, 2.0), x.clip(0, 3), np.clip(x, None, 1.0)), X)
    same(lambda x: (np.clip(x, 0, 1), np.clip(0.5, 0.0, x)), 1.5)
    same(lambda x: (x.clip(min=0.5), x.clip(max=1.0), x.clip(max=1.0, min=0.0), np.clip(x, a_max=1.0, a_min=0.5)), X)
    with pytest.raises(LladError, match="the argument `min` of"):
        jit(lambda x: np.clip(x, a_min=0.0, a_max=1.0, min=0.5))(X)


def test_logaddexp_of_infinities() -> None:
    same(
        lambda x, y: np.logaddexp(x, y),
        np.array([math.inf, -math.inf, 1000.0]),
        np.array([math.inf, -math.inf, 1000.0]),
    )


def test_constants_are_plain() -> None:
    same(lambda x: (x * np.pi, x * np.e, x + np.inf, math.tau * x), 2.0)


def test_what_is_known_is_computed_by_python() -> None:
    same(lambda x: (math.comb(5, 2) * x, math.factorial(4), math.gcd(12, 18), np.finfo(float).eps * x), 1.0)
    refuses("factorial", lambda x: math.factorial(-1) * x, 1.0)


def test_unknown_functions_are_refused_with_the_nearest() -> None:
    refuses("`np.fft.hfft`", lambda x: np.fft.hfft(x), X)
    refuses("of `np.linalg` there are", lambda x: np.linalg.cond(x), X)
    refuses("np.argsort", lambda x: np.lexsort(x), X)
    refuses("as an argument", lambda x: np.random.rand(3) + x, X)
    refuses("`math.frexp`", lambda x: math.frexp(x), 1.0)
    refuses("`initial`", lambda x: np.mean(x, initial=1.0), X)
    refuses("`casting`", lambda x: np.sin(x, casting="no"), X)
    refuses("np.sum(a, axis", lambda x: np.sum(), X)


# -- arrays


@pytest.mark.parametrize("x", [X, F, M, EMPTY, X[::-2], M[::-1, ::2], M.T, np.array(2.5), N, I], ids=str)
def test_operators_on_arrays(x: np.ndarray) -> None:
    same(lambda x: (x + 1, x * 2.5, 3 - x, x / 2, -x, abs(x), x * x), x)
    same(lambda x: (x**2, x**3, x // 2, x % 3, x > 0, x == 1), x)
    if x.dtype.kind == "f":
        same(lambda x: (x**0.5, x**x, x**-1, x**0), x)


@pytest.mark.parametrize("x,y", [(X, Y), (X, F), (F, N), (I, N), (I, F), (B, X), (B, N), (M, X[:4]), (M, M[:, :1]),
                                 (M[:1], M), (X[:, None], Y), (np.array(2.0), X), (X, np.array(2.0)), (EMPTY, X[:1]),
                                 (M[:, 1:2], M[1:2, :]), (M.T, X[:3])])  # fmt: skip
def test_broadcasting(x: np.ndarray, y: np.ndarray) -> None:
    same(lambda x, y: (x + y, x * y, y - x if y.dtype != np.bool_ else 0, x < y), x, y)


def test_shapes_that_do_not_broadcast() -> None:
    add: Callable[..., Any] = lambda x, y: x + y  # noqa: E731
    same(add, X, Y[:3])
    same(add, M, X[:3])
    same(add, X[:2], EMPTY)
    same(lambda x: np.zeros(2) + np.zeros(3), 1.0)
    same(lambda x: x + np.zeros(3), X)
    same(lambda x, y: np.where(x > 0, x, y), X, Y[:3])


def test_equal_names_of_extents_need_no_check() -> None:
    def f(x: Any) -> Any:
        y = np.zeros(len(x))
        z = x * x + np.zeros_like(x) * y
        return z + np.zeros(x.shape)

    function = trace(f, (spec_of(X),)).function
    assert "check" not in {op.name for op in walk(function.body)}
    same(f, X)


def test_sequences_beside_an_array_are_arrays() -> None:
    same(lambda x, t: (x[:2] - [t, 1], (1, 2) * x[:2], x[:2] < (t, 0)), X, 0.5)


def test_bool_arrays_follow_numpy() -> None:
    same(lambda b: (b & ~b, b | b, b ^ b, b + b, b * b, b + 1, b * 2.5, b == b), B)
    refuses("`-` on NumPy bools", lambda b: b - b, B)
    refuses("the truth of an array", lambda b: 1 if b else 2, B)


def test_integer_arrays() -> None:
    same(lambda n: (n // 2, n % 2, n & 3, n << 2, n >> 1, ~n, n**2, n / 2, n // -1, n * n), N)
    same(lambda n: (n // 2, n % 2, n & 3, n << 2, n >> 1, ~n, n**2, n / 2, n // -1, n * n), I)
    same(lambda n, m: n**m, N, N)
    same(lambda n, m: n**m, N, -N)
    raises(ZeroDivisionError, "", lambda n, m: n // m, N, N - 1)
    refuses("does not fit in i32", lambda n: n + 2**40, I)
    same(lambda n, k: n + k, I, 2**40)
    refuses("negative integer powers", lambda n: n**-1, N)


def test_in_place() -> None:
    def f(x: Any, y: Any) -> Any:
        x += y
        x *= 2
        x -= x
        x[1:] += y[:-1]
        x[1:] += x[:-1]
        x[::2] /= 3.0
        return x

    same(f, X, Y)
    same(f, F, Y)
    same(f, X[::-1], F)


def test_in_place_keeps_the_element_type() -> None:
    def f(n: Any) -> None:
        n += 2
        n *= n
        n //= 3
        n <<= 1

    same(f, N)
    same(f, I)
    refuses("`/=`", lambda n: exec_div(n), N)


def exec_div(n: Any) -> Any:
    n /= 2
    return n


def test_in_place_shapes() -> None:
    def f(x: Any, y: Any) -> Any:
        x += y
        return x

    same(f, M, X[:4])
    same(f, X, Y[:3])


# -- indexing


@pytest.mark.parametrize("k", [0, 2, 4, -1, -5, 5, 7, -6])
def test_elements(k: int) -> None:
    same(lambda x, k: x[k], X, k)
    same(lambda x, k: x[k, 1], M, k)
    same(lambda x, k: x[1, k], M, k)
    same(lambda x, k: x[1][k], M, k)

    def write(x: Any, k: int) -> None:
        x[k] = 9.5

    same(write, X, k)


def test_constant_indices() -> None:
    same(lambda x: (x[0], x[-1], x[4], x[-5]), X)
    same(lambda x: x[5], X)
    same(lambda x: x[-6], X)
    same(lambda x: x[1, -1], M)
    same(lambda x: np.zeros(3)[3] + x, 1.0)
    same(lambda x: np.zeros(3)[-1] + x, 1.0)


def test_dtypes_of_elements() -> None:
    same(lambda f: (f[0], f[0] * 0.1, f[0] + np.float64(1.0)), F)
    same(lambda b: (b[0], b[0] + b[0], b[0] + 1, not b[0]), B)
    assert traced(lambda i: i[0] * 10**9, I) == 3 * 10**9


PARTS = [slice(None), slice(1, None), slice(None, -1), slice(None, None, 2), slice(None, None, -1), slice(3, 1),
         slice(-2, None), slice(None, -7), slice(9, None), slice(4, 0, -2), slice(-1, -9, -3), slice(2, 2),
         slice(None, 2, -1), slice(1, 4, 2), slice(-9, 9, 3), slice(-3, 0, -1)]  # fmt: skip


@pytest.mark.parametrize("part", PARTS, ids=str)
@pytest.mark.parametrize("x", [X, X[::-2], EMPTY, X[:1]], ids=len)
def test_constant_slices(part: slice, x: np.ndarray) -> None:
    same(lambda x: x[part] * 2, x)
    same(lambda x: len(x[part]), x)


@pytest.mark.parametrize("step", [1, 2, -1, -3, 0, -(2**63), 2**63 - 1])
def test_run_time_slices(step: int) -> None:
    for start in (0, 1, -2, 7, -9):
        for stop in (0, 3, -1, 9, -8, -(2**63), 2**63 - 1):
            same(lambda x, i, j, k: x[i:j:k] * 2, X, start, stop, step)
    same(lambda x, k: (x[::k] * 2, x[k:] * 2, x[:k] * 2, x[1::k] + 1), X, step)


def test_partial_indices_and_new_axes() -> None:
    same(lambda m: (m[1] * 1, m[:, 1] * 1, m[..., 1] * 1, m[1, ...] * 1, m[1:, ::-1] * 1, m[-1, 1:] * 1), M)
    same(lambda x: (x[:, None] * x[None, :], x[None] * 1, x[np.newaxis, ..., 1:] * 1), X)
    same(lambda m: (m[:, None, 1:] * 1, m[None, 0, ::2, None] * 1), M)
    same(lambda m: (m[::-1][1:, 2][0], m[1][::2][-1]), M)


def test_views_share_memory() -> None:
    def f(m: Any) -> Any:
        row = m[1]
        row[0] = 99.0
        column = m[:, 2]
        column[...] = 7.0
        m[0, ::2] = row[1::2]
        return row[0]

    same(f, M)
    same(f, M[::-1, ::-1])


def test_what_is_no_index() -> None:
    refuses("an index that is 1.0", lambda x: x[1.0], X)
    refuses("an index that is True", lambda x: x[True], X)
    refuses("an index that is f64", lambda x, t: x[t], X, 1.0)
    refuses("indexing with an array of floats", lambda x: x[x], X)
    refuses("2 indices for an array with 1 axes", lambda x: x[1, 2], X)
    refuses("indexing f64", lambda t: t[0], 1.0)
    refuses("known only at run time", lambda n: (1.0, 2.0)[n:], 1)


def test_tuples_are_indexed_at_trace_time() -> None:
    same(lambda x, y: (x, y)[-1] + (x, y)[0], 1.0, 2.0)
    same(lambda x: (x.shape[0], x.shape[-1], x.shape[1:]), M)


@pytest.mark.parametrize("v", [X[:3], X[:1], F[:3], N[:3], X[:2], M[:1, :3]], ids=str)
def test_assignment_to_slices(v: np.ndarray) -> None:
    def f(x: Any, v: Any) -> None:
        x[1:4] = v
        x[::2] = v

    same(f, X, v)
    same(f, F, v)


def test_assignment_of_numbers() -> None:
    def f(x: Any, m: Any, k: Any) -> None:
        x[1:] = 3
        x[:k] = 2.5
        m[:] = x[0]
        m[1] = True
        m[..., -1] = k

    same(f, X, M, 2)
    same(f, F, M, -1)


def test_overlapping_assignment() -> None:
    def f(x: Any, k: Any) -> None:
        x[1:] = x[:-1]
        x[:-1] = x[1:]
        x[:] = x[::-1]
        x[k:] = x[: len(x) - k] * 2 + 1

    same(f, X, 2)
    same(f, X[::-1], 1)

    def g(m: Any) -> None:
        m[1:, 1:] = m[:-1, :-1]
        m[0] = m[:, 0][0]

    same(g, M)


def test_conversions_on_assignment() -> None:
    def f(n: Any, x: Any) -> None:
        n[0] = x[0]
        n[1] = 1.7
        n[2:] = x[2:]

    same(f, N, X - 0.3)
    same(f, I, X - 0.3)

    def g(n: Any, v: Any) -> None:
        n[0] = v

    for v in (math.nan, math.inf):
        same(g, N, v)
    same(g, I, 2**31 - 1)
    same(g, I, 2**31)
    same(g, F, 0.1)
    same(g, B, 2.0)
    raises(ValueError, "NaN", lambda n, x: put(n, x), N, np.full(5, math.nan))


def put(n: Any, x: Any) -> None:
    n[:] = x


def test_assignment_that_does_not_fit() -> None:
    def f(x: Any, v: Any) -> None:
        x[1:] = v

    same(f, X, Y[:3])
    same(f, M, X)
    refuses("a value to store", lambda x: put(x, "a"), X)
    refuses("assignment into", lambda x: put((x, x), 1.0), 1.0)


def test_sequences_are_assigned_as_arrays() -> None:
    def f(x: Any, t: Any) -> None:
        x[:3] = (t, 2.0, 3)
        x[3:] = [t * 2]

    same(f, X, 0.5)


# -- creation


def test_creation() -> None:
    same(lambda n: (np.zeros(n), np.ones((n, 2)), np.full(n, 2.5), np.full((2, n), n), np.zeros(3)), 4)
    same(lambda n: (np.zeros(n, dtype=np.float32), np.ones(n, int), np.zeros((), bool), np.full(2, True)), 0)
    same(lambda x: (np.zeros_like(x), np.ones_like(x), np.full_like(x, 7), np.zeros_like(x, dtype=int)), F)
    same(lambda x: (np.zeros(x.shape), np.zeros(x.shape[0]), np.eye(len(x)), np.ones(x.size)), M)
    same(lambda n: (1.0 / np.full(n, -0.0), 1.0 / np.full_like(np.ones(n), -0.0), np.full(n, -0.0, int)), 4)
    same(lambda n: np.zeros(n), -1)
    same(lambda n: np.zeros(-1) + n, 1)
    refuses("the element type", lambda n: np.zeros(n, dtype=np.float16), 1)
    refuses("the shape", lambda t: np.zeros(t), 1.0)


def test_empty_arrays_are_written_first() -> None:
    def f(n: Any) -> Any:
        x = np.empty(n)
        x[:] = 2.0
        y = np.empty_like(x)
        y.fill(3)
        return x + y

    same(f, 3)


def test_arrays_of_nested_sequences() -> None:
    same(lambda x: (np.array([1.0, x, 3]), np.array([[1, 2], [3, 4]]), np.array((x, x)), np.array([])), 0.5)
    same(lambda x: (np.array([x, 1], dtype=np.float32), np.array(x), np.array([True, False]), np.array([[x]])), 0.5)
    same(lambda x, y: (np.array([x, y]), np.array([x[0], y[1]])), X, Y)
    same(lambda f: (np.array([f[0], f[1]]), np.array([f[0], 1.0])), F)
    refuses("`np.array` of", lambda x: np.array([[x], [x, x]]), 1.0)
    refuses("`np.array` of", lambda x: np.array([x, "a"]), 1.0)


def test_ranges() -> None:
    same(lambda n: (np.arange(n), np.arange(2, n), np.arange(n, 0, -2), np.arange(3), np.arange(1.0, n, 0.5)), 5)
    same(lambda n: (np.arange(n), np.arange(2, n), np.arange(n, 0, -2)), -3)
    same(lambda n: (np.linspace(0.0, 1.0, n), np.linspace(0, 1, 5), np.linspace(2.0, 3.0, 1)), 4)


def test_copies() -> None:
    def f(x: Any) -> Any:
        y = x.copy()
        y[0] = 9
        z = np.copy(x)
        z += 1
        return x[0], y, z, np.asarray(x)[0], np.asarray(x, dtype=np.float32), x.astype(int), np.array(x)

    same(f, X)
    same(f, X[::-2])


def test_attributes() -> None:
    same(lambda m: (m.shape, m.size, m.ndim, len(m), m[0].T * 1), M)
    same(lambda f: np.zeros(2, f.dtype), F)
    refuses("`strides`", lambda m: m.strides, M)
    refuses("`hex`", lambda x: x.hex(), 1.0)


# -- reductions


@pytest.mark.parametrize("x", [X, F, M, M[::-1, ::2], X[:1], X[::-2], N, B, np.array(2.5)], ids=str)
def test_reductions(x: np.ndarray) -> None:
    same(lambda x: (np.sum(x), np.prod(x), np.mean(x), np.max(x), np.min(x), x.sum(), x.max()), x)
    if x.ndim:
        same(lambda x: (np.argmax(x), np.argmin(x), np.any(x), np.all(x)), x)


def test_integers_are_reduced_in_64_bits() -> None:
    same(lambda x: (np.sum(x), np.prod(x), np.mean(x)), I)
    assert traced(lambda x: np.max(x) * 10**10, I) == 5 * 10**10


def test_reductions_of_nothing() -> None:
    same(lambda x: (np.sum(x), np.prod(x)), EMPTY)
    assert math.isnan(traced(lambda x: np.mean(x), EMPTY))
    same(lambda x: np.max(x), EMPTY)
    same(lambda x: np.min(x), np.zeros((3, 0)))
    same(lambda x: np.argmax(x), EMPTY)


def test_reductions_propagate_nan() -> None:
    x = np.array([1.0, math.nan, 3.0, math.nan])
    same(lambda x: (np.max(x), np.min(x), np.argmax(x), np.argmin(x)), x)


@pytest.mark.parametrize("x", [np.array(v) for v in ([2.0, 2.0, 1.0], [-0.0, -0.0], [math.inf, math.inf, 1.0],
                                                     [-math.inf, -math.inf], [0.1, 0.1, 0.1])], ids=str)  # fmt: skip
def test_shared_extrema_are_exact(x: np.ndarray) -> None:
    same(lambda x: (np.max(x), np.min(x), np.argmax(x), np.max(-x)), x)
    same(lambda x: (np.max(x), np.min(x)), np.stack([x, x]))


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_reductions_along_an_axis(axis: int) -> None:
    same(lambda m: (np.sum(m, axis=axis), m.mean(axis), np.max(m, axis), np.argmax(m, axis=axis)), M)
    same(lambda m: (np.sum(m, axis=axis), m.mean(axis), np.max(m, axis)), M.astype(np.float32))
    refuses("the axis", lambda m, k: np.sum(m, axis=k), M, 1)


def test_sum_adds_in_order() -> None:
    same(lambda x: sum(x), X)
    same(lambda n: sum(n), N)
    same(lambda x: sum(x, 10.0), np.array([1e16, 1.0, -1e16]))
    same(lambda m: (sum(m), sum(m, 1.5)), M)
    refuses("`sum` of", lambda m: sum(m), M > 0)


@pytest.mark.parametrize("a,b", [(X, Y), (M, X[:4]), (X[:3], M), (M, M.T), (F, F), (F, X), (N, N), (X[:0], Y[:0]),
                                 (X, Y[:2])])  # fmt: skip
def test_products(a: np.ndarray, b: np.ndarray) -> None:
    same(lambda a, b: np.dot(a, b), a, b)
    same(lambda a, b: a @ b, a, b)
    same(lambda a, b: a.dot(b), a, b)


def test_matrices_that_do_not_fit() -> None:
    raises(ValueError, "shapes (3,4) and (5,) not aligned", lambda a, b: np.dot(a, b), M, X)
    same(lambda a, b: a @ b, M, X)
    same(lambda a, b: a @ b, M, M)


def test_other_products() -> None:
    same(lambda x, y: (np.outer(x, y), np.dot(x, 2.0), np.vdot(x, y), np.inner(x, y), np.matmul(x, y)), X, Y)


def test_every_refusal_is_an_error_of_llad() -> None:
    with pytest.raises(LladError) as caught:
        traced(lambda x: x[1.0], X)
    assert "test_arrays.py" in str(caught.value)


# -- derivatives of what is composed here


def test_equal_extrema_share_the_derivative() -> None:
    x = np.array([1.0, 3.0, 3.0, 2.0, 3.0])
    np.testing.assert_allclose(jit_grad(lambda x: np.max(x)).grad(x), [0, 1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-15)
    np.testing.assert_array_equal(jit_grad(lambda x: np.min(x)).grad(x), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(jit_grad(lambda x: np.max(x) ** 2).grad(np.ones(4)), [0.5] * 4)
    m = np.array([[1.0, 2.0], [2.0, 0.0]])
    np.testing.assert_array_equal(jit_grad(lambda m: np.max(m)).grad(m), [[0, 0.5], [0.5, 0]])
    np.testing.assert_array_equal(jit_grad(lambda m: np.sum(np.max(m, axis=0))).grad(m), [[0, 1], [1, 0]])


def test_a_value_of_an_extremum_asks_for_no_position() -> None:
    assert jit(lambda x: np.max(x) - np.min(x)).dump_ir(np.ones(3)).count(" for ") <= 2


def test_derivatives_at_bounds_and_ties() -> None:
    x = np.array([0.0, 0.5, 1.0, 2.0])
    np.testing.assert_array_equal(jit_grad(lambda x: np.sum(np.clip(x, 0.0, 1.0))).grad(x), [1, 1, 1, 0])
    np.testing.assert_array_equal(jit_grad(lambda x: np.sum(np.maximum(x, 1.0))).grad(x), [0, 0, 0.5, 1])
    np.testing.assert_array_equal(jit_grad(lambda x: np.sum(np.where(x > 0, np.log(x), 0.0))).grad(x), [0, 2, 1, 0.5])
    np.testing.assert_array_equal(jit_grad(lambda x: np.prod(x)).grad(np.array([0.0, 2.0, 3.0])), [6, 0, 0])
    np.testing.assert_array_equal(jit_grad(lambda x: np.sum(x**0 + x**3)).grad(x), 3 * x**2)
    assert jit_grad(lambda x, y: np.logaddexp(x, y)).grad(1000.0, 1000.0) == (0.5, 0.5)
