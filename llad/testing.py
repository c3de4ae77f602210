"""Checks of values and derivatives, for the tests of llad and for the tests of those who use it.

A derivative is believed when independent computations agree: native reverse mode, native forward mode,
differences of the plain Python function, and the duality `<x_bar, v> == <seed, jvp(v)>` that ties the first
two together. `assert_close` is the only comparison: a NaN never matches by accident, shapes must be equal, and
a failure prints both values.

Invariant: nothing here widens a tolerance. Where differences do not converge, the check fails and says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from llad.structures import opened

LEVELS = 5
COORDINATES = 24

Vector = npt.NDArray[np.float64]


class Differentiable(Protocol):
    """What `llad.jit_grad` makes, as far as the checks need it."""

    @property
    def py_func(self) -> Callable[..., Any]: ...

    def __call__(self, *args: Any) -> Any: ...

    def value_and_grad(self, *args: Any) -> tuple[Any, Any]: ...

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]: ...


def assert_close(
    actual: Any,
    expected: Any,
    rtol: float = 1e-9,
    atol: float = 0.0,
    *,
    equal_nan: bool = False,
    what: str = "value",
) -> None:
    """`|actual - expected| <= atol + rtol * |expected|`, element by element and leaf by leaf.

    Tuples, lists, dicts and dataclasses must have equal structure, arrays equal shapes, `None` matches only `None`, an
    infinity only itself. A NaN fails unless `equal_nan` expects it, and then it matches only a NaN.

    Raises: `AssertionError` that shows both values and where they differ.

    >>> assert_close((1.0, None), (1.0 + 1e-12, None))
    """
    if isinstance(expected, dict):
        alike = isinstance(actual, dict) and actual.keys() == expected.keys()
        _require(alike, what, actual, expected, "keys differ")
        for key in expected:
            assert_close(actual[key], expected[key], rtol, atol, equal_nan=equal_nan, what=f"{what}[{key!r}]")
        return
    if isinstance(expected, tuple | list):
        alike = isinstance(actual, tuple | list) and len(actual) == len(expected)
        _require(alike, what, actual, expected, "structures differ")
        for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
            assert_close(a, e, rtol, atol, equal_nan=equal_nan, what=f"{what}[{k}]")
        return
    if is_dataclass(expected) and not isinstance(expected, type):
        _require(type(actual) is type(expected), what, actual, expected, "classes differ")
        for field in fields(expected):
            a, e = getattr(actual, field.name), getattr(expected, field.name)
            assert_close(a, e, rtol, atol, equal_nan=equal_nan, what=f"{what}.{field.name}")
        return
    if isinstance(expected, str):
        _require(actual == expected, what, actual, expected, "strings differ")
        return
    if expected is None or actual is None:
        _require(expected is None and actual is None, what, actual, expected, "one is None")
        return
    _assert_numbers_close(actual, expected, rtol, atol, equal_nan, what)


def _assert_numbers_close(actual: Any, expected: Any, rtol: float, atol: float, equal_nan: bool, what: str) -> None:
    """Of two numbers or arrays."""
    a, e = np.asarray(actual), np.asarray(expected)
    _require(a.dtype.kind in "biuf" and e.dtype.kind in "biuf", what, actual, expected, "not numbers")
    _require(a.shape == e.shape, what, actual, expected, f"shapes {a.shape} and {e.shape}")
    a, e = a.astype(np.float64), e.astype(np.float64)
    with np.errstate(all="ignore"):
        near = (a == e) | (np.isfinite(e) & (np.abs(a - e) <= atol + rtol * np.abs(e)))
    if equal_nan:
        near |= np.isnan(a) & np.isnan(e)
    if near.all():
        return
    where = tuple(int(k) for k in np.argwhere(~near)[0])
    first, wanted = float(a[where]), float(e[where])
    place = f"{what}[{', '.join(map(str, where))}]" if where else what
    relative = abs(first - wanted) / abs(wanted) if wanted else math.inf
    raise AssertionError(
        f"{place} is {first!r}, expected {wanted!r} "
        f"(off by {abs(first - wanted):.3g}, relative {relative:.3g}; rtol {rtol:g}, atol {atol:g}; "
        f"{int((~near).sum())} of {near.size} differ)\nactual:\n{actual!r}\nexpected:\n{expected!r}"
    )


def _require(ok: bool, what: str, actual: Any, expected: Any, why: str) -> None:
    if not ok:
        raise AssertionError(f"{what}: {why}\nactual:\n{actual!r}\nexpected:\n{expected!r}")


def differentiable_leaves(tree: Any) -> Iterator[Any]:
    """The floats and float arrays in arguments and structures of them, in order; all else has no derivative."""
    if (structure := opened(tree)) is not None:
        for item in structure[1]:
            yield from differentiable_leaves(item)
    elif isinstance(tree, float | np.floating) or (isinstance(tree, np.ndarray) and tree.dtype.kind == "f"):
        yield tree


def replace_leaves(tree: Any, leaves: Iterator[Any], discrete: Callable[[Any], Any] = lambda x: x) -> Any:
    """`tree` with its differentiable leaves taken from `leaves` in order, and `discrete` of the others."""
    if (structure := opened(tree)) is not None:
        return structure[0].build([replace_leaves(item, leaves, discrete) for item in structure[1]])
    if isinstance(tree, float | np.floating) or (isinstance(tree, np.ndarray) and tree.dtype.kind == "f"):
        return next(leaves)
    return discrete(tree)


def copy_arguments(args: Any) -> Any:
    """Arguments whose arrays are copies, with the dtype and the strides' signs and order of the originals."""
    if (structure := opened(args)) is not None:
        return structure[0].build([copy_arguments(a) for a in structure[1]])
    return copy_layout(args) if isinstance(args, np.ndarray) else args


def copy_layout(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy of the array which is strided as the array is."""
    if array.flags.c_contiguous:
        return array.copy()
    low = sum(min(0, s * (n - 1)) for s, n in zip(array.strides, array.shape, strict=True))
    high = sum(max(0, s * (n - 1)) for s, n in zip(array.strides, array.shape, strict=True))
    memory = np.zeros(high - low + array.itemsize, dtype=np.uint8)
    copy = np.ndarray(array.shape, array.dtype, memory, offset=-low, strides=array.strides)
    copy[...] = array
    return copy


def flatten(tree: Any) -> Vector:
    """All differentiable leaves as one f64 vector."""
    parts = [np.asarray(leaf, dtype=np.float64).ravel() for leaf in differentiable_leaves(tree)]
    return np.concatenate(parts) if parts else np.zeros(0)


def unflatten(vector: Vector, like: Any, discrete: Callable[[Any], Any] = lambda x: x) -> Any:
    """The inverse of `flatten`: leaves have the shapes and dtypes of those of `like`."""
    position = 0

    def take(leaf: Any) -> Any:
        nonlocal position
        size = int(np.size(leaf))
        part = vector[position : position + size]
        position += size
        if isinstance(leaf, np.ndarray):
            shaped = copy_layout(leaf)
            shaped[...] = part.reshape(leaf.shape)
            return shaped
        return type(leaf)(part[0])

    return replace_leaves(like, iter([take(leaf) for leaf in differentiable_leaves(like)]), discrete)


def directional_difference(
    function: Callable[..., Any], args: Sequence[Any], direction: Vector, step: float = 1e-3
) -> tuple[Vector, Vector]:
    """The derivative of `flatten(function(*args))` along `direction`, and an estimate of its error.

    Central differences with steps `step`, `step/2`, … are extrapolated to step 0 (Richardson; the choice by
    smallest disagreement is Ridders'), which for a smooth function leaves an error of about 1e-11. Float
    arguments are used in f64. The arguments are not written.
    """
    base = flatten(args)
    wide = as_float64(args)

    def at(h: float) -> Vector:
        with np.errstate(all="ignore"):
            moved = unflatten(base + h * direction, wide, copy_arguments)
            return flatten((function(*moved),))

    best: Vector | None = None
    error: Vector | None = None
    previous: list[Vector] = []
    for level in range(LEVELS):
        h = step / 2**level
        row = [(at(h) - at(-h)) / (2 * h)]
        for k, coarse in enumerate(previous):
            row.append(row[k] + (row[k] - coarse) / (4 ** (k + 1) - 1))
            spread = np.maximum(np.abs(row[k + 1] - row[k]), np.abs(row[k + 1] - coarse))
            if best is None or error is None:
                best, error = row[k + 1], spread
            else:
                best = np.where(spread < error, row[k + 1], best)
                error = np.where(spread < error, spread, error)
        previous = row
    assert best is not None and error is not None
    return best, error


def as_float64(args: Any) -> Any:
    """Arguments with f32 leaves widened to f64 (copies)."""

    def wide(leaf: Any) -> Any:
        return leaf.astype(np.float64) if isinstance(leaf, np.ndarray) else float(leaf)

    return replace_leaves(args, iter([wide(leaf) for leaf in differentiable_leaves(args)]), copy_arguments)


def directions_for(size: int, seed: int = 0) -> list[Vector]:
    """The coordinate directions if they are few, otherwise as many random ones of unit size."""
    if size <= COORDINATES:
        return list(np.eye(size))
    random = np.random.default_rng(seed)
    return [v / np.linalg.norm(v) for v in random.normal(size=(COORDINATES, size))]


def finite_differences(
    function: Callable[..., Any], args: Sequence[Any], directions: Sequence[Vector], step: float = 1e-3
) -> Vector:
    """`directional_difference` along each of the directions, stacked.

    Raises: `AssertionError` if the differences do not settle to about seven digits: the function has a kink
    or a jump near the arguments, or `step` does not suit its scale.
    """
    pairs = [directional_difference(function, args, d, step) for d in directions]
    if not pairs:
        return np.zeros((0, 1))
    estimates, errors = np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
    if not (errors <= 1e-8 + 1e-7 * np.abs(estimates)).all():
        raise AssertionError(
            f"differences do not converge (not smooth here, or step {step:g} does not suit)\n"
            f"estimates:\n{estimates!r}\nerrors:\n{errors!r}"
        )
    return estimates


def tolerance_for(args: Any) -> tuple[float, float]:
    """(rtol, atol) for derivatives: of f64 1e-7 and 1e-9; as soon as one argument is f32, 1e-3 and 1e-4."""
    narrow = any(np.asarray(leaf).dtype == np.float32 for leaf in differentiable_leaves(args))
    return (1e-3, 1e-4) if narrow else (1e-7, 1e-9)


def check_gradient(
    f: Differentiable,
    *args: Any,
    rtol: float | None = None,
    atol: float | None = None,
    step: float = 1e-3,
    differences: Vector | None = None,
) -> Any:
    """The gradient `f.value_and_grad(*args)[1]`, once it has been found right.

    Checked: the value against `f.py_func`; the gradient against forward mode and against extrapolated central
    differences along every coordinate (random directions if there are many); the duality of the two modes
    along a random direction; shapes, dtypes and contiguity; that a second call repeats the answer to the bit
    and that the caller's arrays are not written. `f` is differentiated by all its float arguments (no
    `argnums`). `atol` is relative to the largest entry of the gradient. `differences`, if known, replaces the
    differences along `directions_for(…)`.

    Raises: `AssertionError` that shows what differs.

    >>> import llad
    >>> check_gradient(llad.jit_grad(lambda x, y: x * y), 2.0, 3.0)
    (3.0, 2.0)
    """
    default = tolerance_for(args)
    rtol, atol = rtol or default[0], atol or default[1]
    before = copy_arguments(args)
    with np.errstate(all="ignore"):
        expected = f.py_func(*as_float64(args))
    value, gradient = f.value_and_grad(*args)
    assert_close(args, before, rtol=0, equal_nan=True, what="argument after value_and_grad")
    assert_close(value, expected, rtol=rtol, atol=atol, what="value")
    _check_shapes(gradient, args)
    again = f.value_and_grad(*args)
    assert_close(again, (value, gradient), rtol=0, equal_nan=True, what="second call")

    reverse = flatten((gradient,))
    scale = atol * max(1.0, float(np.max(np.abs(reverse), initial=0.0)))
    directions = directions_for(reverse.size)
    forward = np.array([flatten((push(f, args, d),))[0] for d in directions])
    along = np.array([d @ reverse for d in directions])
    assert_close(forward, along, rtol, scale, what="forward against reverse")
    v = np.random.default_rng(1).normal(size=reverse.size)
    pushed = flatten((push(f, args, v),))
    assert_close(pushed, np.array([v @ reverse]), rtol, scale, what="<seed, jvp(v)> against <x_bar, v>")
    if differences is None:
        differences = finite_differences(f.py_func, args, directions, step)[:, 0]
    assert_close(along, differences, rtol, scale, what="reverse against differences")
    return gradient


def check_tangent(f: Differentiable, *args: Any, rtol: float | None = None, atol: float | None = None) -> None:
    """Forward mode of a function with any result, against central differences along a few random directions.

    Raises: `AssertionError` that shows what differs.
    """
    default = tolerance_for(args)
    rtol, atol = rtol or default[0], atol or default[1]
    size = flatten(args).size
    for v in np.random.default_rng(2).normal(size=(3, size)):
        expected, _ = directional_difference(f.py_func, args, v)
        tangent = flatten((push(f, args, v),))
        scale = atol * max(1.0, float(np.max(np.abs(expected), initial=0.0)))
        assert_close(tangent, expected, rtol, scale, what="forward against differences")


def push(f: Differentiable, args: Sequence[Any], direction: Vector) -> Any:
    """The tangent of `f` along a flat direction."""
    return f.jvp(copy_arguments(args), unflatten(direction, args, lambda _: None))[1]


def _check_shapes(gradient: Any, args: Any) -> None:
    """Every leaf has the shape and dtype of its argument; arrays are C-contiguous and fresh."""
    pairs = itertools.zip_longest(differentiable_leaves((gradient,)), differentiable_leaves(args))
    for leaf, argument in pairs:
        alike = leaf is not None and argument is not None
        _require(alike, "gradient", gradient, args, "leaves differ in number")
        if isinstance(argument, np.ndarray):
            _require(isinstance(leaf, np.ndarray), "gradient", leaf, argument, "not an array")
            _require(leaf.shape == argument.shape, "gradient", leaf, argument, "shapes differ")
            _require(leaf.dtype == argument.dtype, "gradient", leaf, argument, "dtypes differ")
            _require(leaf.flags.c_contiguous, "gradient", leaf, argument, "not C-contiguous")
            fresh = not np.shares_memory(leaf, argument)
            _require(fresh, "gradient", leaf, argument, "shares the argument's memory")
