"""The op table, row by row: typing, text, meaning, spellings, rules, values at singular points, native code.

Every test runs over the whole table, so a new row is tested by adding it. `docs/conventions.md` is the source of
`SINGULAR`.
"""

from __future__ import annotations

import builtins
import itertools
import math
import operator
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from native import Native

from llad.ad.forward import tangent
from llad.diagnostics import DerivativeError
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.interp import run
from llad.ir.interp_values import normal
from llad.ir.parse import parse
from llad.ir.text import show
from llad.ir.types import BOOL, F32, F64, FLOATS, I32, I64, ScalarType
from llad.ir.verify import verify
from llad.ops.expr import Expr, leaf
from llad.ops.record import OpRecord
from llad.ops.table import OPS
from llad.testing import assert_close

INF, NAN = math.inf, math.nan
RECORDS = list(OPS.values())
every_op = pytest.mark.parametrize("record", RECORDS, ids=lambda r: r.name)


def no_rule(record: OpRecord) -> bool:
    """Whether the rule is there to say that it is missing."""
    try:
        assert record.partial is not None
        record.partial(leaf(1.0), leaf(1.0), *[leaf(1.0) for _ in record.domain])
    except NotImplementedError:
        return True
    return False


DIFFERENTIABLE = [r for r in RECORDS if r.partial is not None and not no_rule(r) and not r.held]
every_rule = pytest.mark.parametrize("record", DIFFERENTIABLE, ids=lambda r: r.name)


def signatures(record: OpRecord) -> Iterator[tuple[ScalarType, ...]]:
    """The operand types that the op accepts."""
    for types in itertools.product((F64, F32, I64, I32, BOOL), repeat=len(record.domain)):
        try:
            record.typing(types)
        except TypeError:
            continue
        yield types


def function_of(record: OpRecord, types: tuple[ScalarType, ...]) -> Function:
    b = Builder()
    params = [Value(t, f"x{k}") for k, t in enumerate(types)]
    b.return_(b.op(record.name, *params))
    return b.function(record.name, params)


def samples(record: OpRecord, types: tuple[ScalarType, ...], count: int) -> Iterator[list[float | int | bool]]:
    """Points of the op's domain, the same at every run."""
    source = random.Random(record.name)
    for _ in range(count):
        point: list[float | int | bool] = []
        for type, (lo, hi) in zip(types, record.domain, strict=True):
            whole = math.ceil(lo), math.floor(hi)
            if type in FLOATS:
                point.append(normal(source.uniform(lo, hi), type))
            else:
                point.append(source.random() < 0.5 if type == BOOL else source.randint(*whole))
        yield point


def float_types(record: OpRecord) -> tuple[ScalarType, ...]:
    return next(s for s in signatures(record) if F64 in s)


def value_of(tree: Expr) -> float:
    """A rule's tree as a number, by the `eval` of its ops."""
    if tree.name in ("leaf", "const"):
        return tree.payload
    return OPS[tree.name].eval(*map(value_of, tree.args))


def partials(record: OpRecord, d: float, point: list[float]) -> list[float | None]:
    """The rule as the differentiator applies it (strong products where flagged), run by the interpreter."""
    b, types = Builder(), float_types(record)
    params = [Value(F64, "d"), *(Value(t) for t in types)]
    result = b.op(record.name, *params[1:])
    leaves = [leaf(p) for p in params]
    trees = record.partial(leaves[0], leaf(result), *leaves[1:])
    b.return_(*(b.expr(t, F64, leaves[0], record.singular) for t in trees if t is not None))
    results = iter(run(verify(b.function("rule", params)), [d, *point]))
    return [None if t is None else next(results) for t in trees]


def slopes(f: Callable[..., float], point: list[float], at: int) -> tuple[float, float]:
    """Central differences along operand `at`, with two steps."""

    def difference(h: float) -> float:
        ends = [[*point[:at], point[at] + s * h, *point[at + 1 :]] for s in (-1, 1)]
        return (f(*ends[1]) - f(*ends[0])) / (2 * h)

    return difference(1e-4), difference(2e-4)


def assert_slope(derivative: float, f: Callable[..., float], point: list[float], at: int) -> bool:
    """Whether the differences converged; if so, `derivative` must be their limit (Richardson's extrapolation)."""
    fine, coarse = slopes(f, point, at)
    if abs(fine - coarse) > 1e-4 * (1 + abs(fine)):
        return False  # a jump or kink lies between
    assert_close(derivative, fine + (fine - coarse) / 3, rtol=1e-7, atol=1e-8, what=f"slope {at} at {point}")
    return True


# -- typing and text


@every_op
def test_accepts_its_operand_types_and_no_others(record):
    accepted = list(signatures(record))
    assert accepted
    for types in accepted:
        if len(types) > 1:
            with pytest.raises(TypeError, match="want"):
                record.typing((*types[:-1], BOOL if types[-1] != BOOL else F64))
        with pytest.raises(TypeError, match="want"):
            record.typing((*types, types[0]))


@every_op
def test_verifies_prints_and_reads_back(record):
    for types in signatures(record):
        fn = verify(function_of(record, types))
        text = show(fn)
        assert show(verify(parse(text))) == text


@every_op
def test_names_code_for_every_class_of_operand(record):
    for types in signatures(record):
        kind = {F64: "f", F32: "f", I64: "i", I32: "i", BOOL: "b"}[types[-1]]
        assert kind in record.lower


# -- meaning

FLOAT_POINTS = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, -2.0, 2.5, -2.5, 3.0, 7.25, -8.0, 1e-300, 5e-324, 1e15 + 0.5]
FLOAT_POINTS += [710.0, -746.0, 171.7, 1e308, -1e308, INF, -INF, NAN]

# Where a spelling departs from C's function of that name: NumPy takes `x ** 0.5` for a square root.
DEPARTURES = {("numpy.power", (-INF, 0.5))}


def python_function(spelling: str) -> Callable[..., float] | None:
    module, name = spelling.split(".")
    return getattr({"math": math, "numpy": np, "operator": operator, "builtins": builtins}[module], name, None)


@every_op
def test_float_eval_never_raises(record):
    for types in signatures(record):
        if set(types) == {F64}:
            for point in itertools.product(FLOAT_POINTS, repeat=len(types)):
                assert isinstance(record.eval(*point), float | bool), point


@every_op
def test_eval_is_what_its_python_spellings_mean(record):
    compared = 0
    for spelling in record.spellings:
        function = python_function(spelling)
        for types in signatures(record) if function else ():
            if F32 in types or I32 in types or (BOOL in types and record.name not in ("select", "and", "or", "xor")):
                continue
            points = list(samples(record, types, 20))
            if set(types) == {F64}:
                points += map(list, itertools.product(FLOAT_POINTS, repeat=min(2, len(types))))
            for point in points:
                if len(point) == len(types) and (spelling, tuple(point)) not in DEPARTURES:
                    compared += compare(record, function, spelling, point)
    assert compared or not any(map(python_function, record.spellings))


def compare(record: OpRecord, function: Callable[..., float], spelling: str, point: list[float]) -> bool:
    try:
        with np.errstate(all="ignore"):
            expected = function(*point)
    except (ValueError, ArithmeticError, TypeError):  # Python raises where the op is IEEE
        return False
    if isinstance(expected, complex):
        return False
    got = record.eval(*point)
    # Python, NumPy and C may round elementary functions differently
    exact = record.name in ("add", "sub", "mul", "div", "sqrt", "floor", "rint", "fmod", "min", "max", "lt", "eq")
    assert_close(got, expected, 0.0 if exact else 1e-14, 0.0, equal_nan=True, what=f"{spelling}{tuple(point)}")
    return True


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("exp", [1000.0], INF), ("log", [0.0], -INF), ("log", [-1.0], NAN), ("div", [1.0, 0.0], INF),
        ("div", [1.0, -0.0], -INF), ("div", [0.0, 0.0], NAN), ("sqrt", [-1.0], NAN), ("sqrt", [-0.0], -0.0),
        ("pow", [0.0, -1.0], INF), ("pow", [-0.0, -3.0], -INF), ("pow", [-8.0, 1 / 3], NAN),
        ("pow", [-1e300, 3.0], -INF), ("pow", [NAN, 0.0], 1.0), ("fmod", [1.0, 0.0], NAN), ("fmod", [-1.0, INF], -1.0),
        ("mod", [-1.0, 3.0], 2.0), ("mod", [-1, 3], 2), ("mod", [1.0, 0.0], NAN), ("mod", [-0.0, 2.0], 0.0),
        ("floordiv", [-7, 2], -4), ("floordiv", [1.0, 0.0], INF), ("floordiv", [-7.0, 2.0], -4.0),
        ("remainder", [5.0, 2.0], 1.0), ("remainder", [7.0, 2.0], -1.0), ("rint", [2.5], 2.0), ("rint", [-0.3], -0.0),
        ("ceil", [-0.5], -0.0), ("floor", [INF], INF), ("gamma", [-0.0], -INF), ("gamma", [-1.0], NAN),
        ("gamma", [172.0], INF), ("lgamma", [-3.0], INF), ("atanh", [1.0], INF), ("atanh", [-1.0], -INF),
        ("log1p", [-1.0], -INF), ("sinh", [-1000.0], -INF), ("sin", [INF], NAN),
        ("min", [NAN, 1.0], NAN), ("min", [1.0, NAN], 1.0), ("max", [0.0, -0.0], 0.0),
        ("minimum", [1.0, NAN], NAN), ("minimum", [0.0, -0.0], -0.0), ("maximum", [-0.0, 0.0], 0.0),
        ("mulz", [0.0, INF], 0.0), ("mulz", [INF, 0.0], NAN), ("mulz", [0.0, NAN], 0.0),
        ("fma", [1e308, 10.0, -INF], -INF), ("fma", [0.1, 10.0, -1.0], 2.0**-54), ("fma", [INF, 0.0, 1.0], NAN),
        ("sign", [-0.0], 0.0), ("sign", [NAN], NAN), ("sign", [-3], -1), ("not", [False], True), ("not", [5], -6),
        ("add_overflows", [2**63 - 1, 1], True), ("sub_overflows", [-(2**63), 1], True),
        ("mul_overflows", [-(2**63), -1], True), ("mul_overflows", [3, 5], False),
        ("ipow_overflows", [-2, 63], False), ("ipow_overflows", [2, 63], True), ("ipow_overflows", [-1, 10**15], False),
        ("ipow", [3, 4], 81), ("ipow", [-2, 63], -(2**63)), ("ipow", [7, 0], 1),
        # ψ and ψ', from tables
        ("digamma", [0.1], -10.423754940411076), ("digamma", [1.0], -0.5772156649015329),
        ("digamma", [10.0], 2.251752589066721), ("digamma", [-1.5], 0.7031566406452432), ("digamma", [0.0], -INF),
        ("digamma", [-2.0], NAN), ("digamma", [1e10], 23.02585092989046), ("digamma", [1.5], 0.036489973978576521),
        ("trigamma", [0.1], 101.43329915079275), ("trigamma", [1.0], math.pi**2 / 6),
        ("trigamma", [10.0], 0.10516633568168575), ("trigamma", [-1.5], 9.379246644989124), ("trigamma", [-1.0], INF),
    ],
)  # fmt: skip
def test_values_at_special_points(name, point, expected):
    got = OPS[name].eval(*point)
    rtol = 1e-14 if name.endswith("gamma") else 0.0
    assert_close(got, expected, rtol, equal_nan=True)
    if expected == 0:
        assert math.copysign(1.0, got) == math.copysign(1.0, expected)


# -- rules


@every_rule
def test_partial_is_the_central_difference(record):
    types = float_types(record)
    converged = 0
    for point in samples(record, types, 20):
        rule = record.partial(leaf(0.7), leaf(record.eval(*point)), *map(leaf, point))
        emitted = partials(record, 0.7, point)
        assert len(rule) == len(point)
        for at, tree in enumerate(rule):
            if tree is not None:
                value = value_of(tree)
                assert_close(emitted[at], value, 1e-14, 1e-300)  # mulz(d, 1/x) rounds once more than d/x
                converged += assert_slope(value / 0.7, record.eval, point, at)
            elif types[at] in FLOATS:
                converged += assert_slope(0.0, record.eval, point, at)
    assert converged >= 10 * sum(t in FLOATS for t in types)


@every_op
def test_an_op_without_a_rule_is_piecewise_constant(record):
    types = next(signatures(record))
    if record.partial is None and set(types) == {F64}:
        flat = [
            assert_slope(0.0, record.eval, point, at)
            for point in samples(record, types, 20)
            for at in range(len(point))
        ]
        assert sum(flat) >= len(flat) // 2


# Ops whose second derivative is not written down, as their rule's own rule is missing.
ONCE_ONLY = {"digamma"}


@every_rule
def test_second_derivatives_exist_and_are_right(record):
    if record.name in ONCE_ONLY:
        return
    types = float_types(record)
    wrt = tuple(k for k, t in enumerate(types) if t in FLOATS)
    first = tangent(function_of(record, types), wrt)
    second = tangent(first, wrt)
    verify(second)
    source = random.Random(7)
    converged = 0
    for point in samples(record, types, 10):
        v = [source.uniform(-1, 1) for _ in wrt]
        w = [source.uniform(-1, 1) for _ in wrt]

        def along(t: float, point=point, v=v, w=w) -> float:
            moved = list(point)
            for k, step in zip(wrt, w, strict=True):
                moved[k] += t * step
            return run(first, [*moved, *v])[-1]

        got = run(second, [*point, *v, *w])[-1]
        converged += assert_slope(got, along, [0.0], 0)
    assert converged >= 5


def test_ops_whose_derivative_is_not_that_of_their_value():
    """The first operand is held: an ordinary value of the derivative, so the next one takes its derivative too."""
    values = {"held_mul": (6.0, 2.0), "held_mulz": (6.0, 2.0), "with_derivative": (2.0, 1.0), "logistic": (2.0, -2.0)}
    for name, (value, slope) in values.items():
        assert OPS[name].eval(2.0, 3.0) == value
        assert partials(OPS[name], 1.0, [2.0, 3.0]) == [None, slope]
    first = tangent(function_of(OPS["held_mul"], (F64, F64)), (0, 1))
    second = tangent(first, (0, 1))
    assert run(second, [2.0, 3.0, 5.0, 7.0, 11.0, 13.0]) == (6.0, 14.0, 26.0, 77.0)
    assert partials(OPS["held_mulz"], 0.0, [INF, 3.0]) == [None, 0.0]
    with pytest.raises(DerivativeError, match="third derivative"):
        tangent(function_of(OPS["underived"], (F64,)), (0,))


def test_a_missing_rule_says_so():
    with pytest.raises(NotImplementedError, match="trigamma"):
        OPS["trigamma"].partial(leaf(1.0), leaf(1.0), leaf(1.0))


# `docs/conventions.md`, and more of its kind; d = 1 unless it says otherwise
SINGULAR = [
    ("abs", [0.0], [0.0]), ("abs", [-2.0], [-1.0]), ("abs", [-0.0], [0.0]),
    *[(name, [1.5, 1.5], [0.5, 0.5]) for name in ("min", "max", "minimum", "maximum")],
    ("min", [1.0, 2.0], [1.0, 0.0]), ("max", [1.0, 2.0], [0.0, 1.0]),
    ("minimum", [2.0, 1.0], [0.0, 1.0]), ("maximum", [2.0, 1.0], [1.0, 0.0]),
    ("min", [1.0, NAN], [1.0, 0.0]), ("max", [NAN, 1.0], [1.0, 0.0]),
    ("sqrt", [0.0], [INF]), ("asin", [1.0], [INF]), ("acos", [1.0], [-INF]), ("log", [0.0], [INF]),
    ("cbrt", [0.0], [INF]), ("cbrt", [-8.0], [1 / 12]),
    ("atan2", [0.0, 0.0], [0.0, 0.0]), ("atan2", [1e-200, 1e-200], [5e199, -5e199]), ("hypot", [0.0, 0.0], [0.0, 0.0]),
    ("mod", [5.5, 2.0], [1.0, -2.0]), ("mod", [-5.5, 2.0], [1.0, 3.0]), ("fmod", [-5.5, 2.0], [1.0, 2.0]),
    ("remainder", [5.5, 2.0], [1.0, -3.0]), ("fmod", [1.0, 0.1], [1.0, -9.0]),
    ("copysign", [3.0, -1.0], [-1.0, None]), ("copysign", [-3.0, -1.0], [1.0, None]),
    ("copysign", [0.0, 1.0], [0.0, None]),
    ("tanh", [1000.0], [0.0]), ("tanh", [-1000.0], [0.0]), ("erf", [1e200], [0.0]), ("atan", [1e200], [0.0]),
    ("asinh", [1e200], [1e-200]), ("acosh", [1e200], [1e-200]), ("acosh", [-2.0], [NAN]), ("acosh", [1.0], [INF]),
    ("pow", [0.0, 2.0], [0.0, 0.0]), ("pow", [0.0, 1.0], [1.0, 0.0]), ("pow", [0.0, 0.0], [0.0, 0.0]),
    ("pow", [-2.0, 3.0], [12.0, NAN]), ("pow", [0.0, 3.0], [0.0, 0.0]), ("pow", [0.0, 0.5], [INF, 0.0]),
    ("pow", [5.0, 0.0], [0.0, math.log(5.0)]),
    ("expm1", [-50.0], [math.exp(-50.0)]), ("log1p", [-1.0], [INF]), ("div", [1.0, 0.0], [INF, -INF]),
    ("select", [True, 1.0, 2.0], [None, 1.0, 0.0]), ("select", [False, 1.0, 2.0], [None, 0.0, 1.0]),
    ("lgamma", [0.0], [-INF]), ("exp", [1000.0], [INF]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "expected"), SINGULAR)
def test_derivatives_at_singular_points(name, point, expected):
    assert_close(partials(OPS[name], 1.0, point), expected, 1e-15, equal_nan=True)


def test_the_second_derivative_of_a_power_at_zero():
    # d²/dx² of x², x³, x¹ at 0
    first = tangent(function_of(OPS["pow"], (F64, F64)), (0,))
    second = tangent(first, (0,))
    assert [run(second, [0.0, y, 1.0, 1.0])[-1] for y in (2.0, 3.0, 1.0)] == [2.0, 0.0, 0.0]


FINITE = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 3.5, 1000.0, -1000.0, 1e308, -1e308, 5e-324]


@every_rule
def test_a_zero_cotangent_gives_exactly_zero_at_every_finite_point(record):
    """Strong zero: this is what the flag `singular` is for."""
    choices = [[True, False] if t == BOOL else FINITE for t in float_types(record)]
    for point in itertools.product(*choices):
        got = [p for p in partials(record, 0.0, list(point)) if p is not None]
        assert got == [0.0] * len(got), point


# -- native code

NATIVE_FLOATS = [*FLOAT_POINTS, math.pi, -1e-10, 100.25, 3e-39]
NATIVE_INTS = [0, 1, -1, 2, 3, -7, 12, 31, 62, 10**9, -(2**31), 2**31 - 1]
# Python, C and LLVM must agree to the bit on these; on the others to the given units in the last place of f64
# (1 if not given), and to 4 of f32, whose functions C computes by themselves.
EXACT = {
    "add", "sub", "mul", "div", "neg", "abs", "sign", "min", "max", "minimum", "maximum", "floordiv", "mod", "fmod",
    "remainder", "mulz", "sqrt", "fma", "floor", "ceil", "trunc", "rint", "copysign", "select",
}  # fmt: skip
ULPS = {"gamma": 20, "lgamma": 20, "digamma": 16, "trigamma": 16}


def native_points(record: OpRecord, types: tuple[ScalarType, ...]) -> Iterator[list[float | int | bool]]:
    """Special values in all combinations, and samples of the domain; only points where the op is defined."""
    choices: list[list[float | int | bool]] = []
    for t in types:
        choices.append(NATIVE_FLOATS if t in FLOATS else [True, False] if t == BOOL else NATIVE_INTS)
        if t == I64 and len(types) == 2:
            choices[-1] = [*NATIVE_INTS, -(2**63), 2**63 - 1, 3037000500]
    if len(choices) == 3:
        choices = [c[:9] + c[-6:] for c in choices]
    for point in (*samples(record, types, 50), *itertools.product(*choices)):
        if types[-1] not in FLOATS and record.name in ("floordiv", "mod") and point[1] == 0:
            continue
        if record.name in ("shl", "shr") and not 0 <= point[1] < 8 * types[0].bytes:
            continue
        if record.name in ("ipow", "ipow_overflows") and point[1] < 0:
            continue
        yield [normal(x, t) for x, t in zip(point, types, strict=True)]


def agree(got: float, want: float, name: str, type: ScalarType) -> bool:
    if want != want or got != got:
        return want != want and got != got
    if got == want:
        return got != 0 or type not in FLOATS or math.copysign(1.0, got) == math.copysign(1.0, want)
    if type not in FLOATS or name in EXACT or math.isinf(want) or math.isinf(got):
        return False
    ulps, coarser, smallest = (ULPS.get(name, 1), 1, 5e-324) if type == F64 else (4, 2**29, 1.5e-45)
    # log Γ and ψ have zeros, near which only an absolute accuracy can be asked for
    scale = max(abs(want), 1.0 if name in ("lgamma", "digamma") else 0.0)
    return abs(got - want) <= ulps * max(math.ulp(scale) * coarser, smallest)


@pytest.mark.parametrize(
    "types", sorted({s for r in RECORDS for s in signatures(r)}, key=str), ids=lambda s: "-".join(map(str, s))
)
def test_native_code_means_what_eval_means(types):
    records = [r for r in RECORDS if types in signatures(r)]
    b, params = Builder(), [Value(t) for t in types]
    b.return_(*(b.op(r.name, *params) for r in records))
    fn = b.function("all", params)
    native = Native(fn)
    wrong, known = [], {}
    for number, record in enumerate(records):
        for point in native_points(record, types):
            result = record.typing(types)
            want = normal(record.eval(*point), result)
            if (key := repr(point)) not in known:  # -0.0 is not 0.0, and nan is nan
                known[key] = native(*point)
            got = known[key][number]
            if not agree(got, want, record.name, result):
                wrong.append(f"{record.name}{tuple(point)}: native {got!r}, eval {want!r}")
    assert not wrong, "\n".join(wrong[:40])


# -- a new op


@pytest.fixture
def documented(monkeypatch: pytest.MonkeyPatch) -> OpRecord:
    """The op that `docs/adding-an-op.md` adds, in the table for one test."""
    page = (Path(__file__).parent.parent / "docs" / "adding-an-op.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    scope: dict[str, OpRecord] = {}
    exec(compile(block, "adding-an-op.md", "exec"), scope)
    record = scope["RECORD"]
    assert record.name not in OPS, "the example must be an op that is not there"
    monkeypatch.setitem(OPS, record.name, record)
    return record


def test_a_record_is_all_that_a_new_op_needs(documented):
    test_accepts_its_operand_types_and_no_others(documented)
    test_verifies_prints_and_reads_back(documented)
    test_names_code_for_every_class_of_operand(documented)
    test_float_eval_never_raises(documented)
    test_partial_is_the_central_difference(documented)
    test_second_derivatives_exist_and_are_right(documented)
    test_a_zero_cotangent_gives_exactly_zero_at_every_finite_point(documented)
    assert_close(Native(function_of(documented, (F64,)))(1.5), (10**1.5,), 1e-15)
