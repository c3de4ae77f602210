"""Arguments and results with structure: named tuples, dataclasses, dicts, lists, and tuples of those."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytest
from leaks import left_behind

import llad
from llad.testing import assert_close, check_gradient, check_tangent

pytestmark = pytest.mark.usefixtures("scalar_code")

Line = namedtuple("Line", "slope offset")


class Pair(NamedTuple):
    first: Any
    second: Any = 2.0

    def swapped(self) -> Pair:
        return Pair(self.second, self.first)

    @property
    def product(self) -> Any:
        return self.first * self.second


@dataclass(frozen=True)
class Layer:
    w: Any
    b: Any
    kind: str = "tanh"

    def __call__(self, x):
        y = self.w @ x + self.b
        return np.tanh(y) if self.kind == "tanh" else y

    @property
    def energy(self):
        return np.sum(self.w * self.w) + self.bias_energy()

    def bias_energy(self):
        return np.sum(self.b * self.b)

    @staticmethod
    def doubled(x):
        return 2.0 * x

    @classmethod
    def of_zeros(cls, n, m):
        return cls(np.zeros((n, m)), np.zeros(n))


@dataclass
class Model:
    layers: list[Layer]
    scale: float
    meta: dict[str, Any] = field(default_factory=dict)
    order: ClassVar[int] = 2


@dataclass(slots=True)
class Slotted:
    x: Any
    n: int = 3


@dataclass
class Vector:
    x: Any
    y: Any

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, by):
        return Vector(self.x * by, self.y * by)

    def __rmul__(self, by):
        return self * by

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __getitem__(self, k):
        return self.x if k == 0 else self.y

    def dot(self, other):
        return self.x * other.x + self.y * other.y


@dataclass
class Ball:
    """Has fields that are computed, and code that must not run when a gradient is made."""

    radius: float
    area: float = field(init=False)
    made: ClassVar[list[float]] = []

    def __post_init__(self):
        self.area = 3.0 * self.radius * self.radius
        self.made.append(self.radius)


def network(seed: int = 0) -> Model:
    r = np.random.default_rng(seed)
    layers = [Layer(r.normal(size=(3, 2)), r.normal(size=3)), Layer(r.normal(size=(1, 3)), r.normal(size=1), "linear")]
    return Model(layers, 0.5, {"decay": 0.01, "steps": 3})


def line(p, x):
    return p.slope * x + p.offset


def by_key(p, x):
    return p["w"] * x * x + p[3] * x


def objective(m, x):
    for layer in m.layers:
        x = layer(x)
    decay = m.meta["decay"] * m.meta["steps"]
    return m.scale * np.sum(x * x) + decay * sum(layer.energy for layer in m.layers)


def over_items(p):
    total = 0.0
    for name, value in p.items():
        total += value * value if name == "square" else value
    return total + sum(p.values()) * len(p.keys())


def over_lists(xs, ys):
    total = 0.0
    for (a, b), y in zip(xs, ys, strict=True):
        total += a * b * y
    return total


def mixed(t):
    line, (pair, table) = t
    return line.slope * pair.product + table["a"][0] * line.offset


def operators(v, w):
    return (v + w * 2.0).dot(-v) + (3.0 * w)[1]


def swapped(p, x):
    q = p.swapped()
    first, second = q
    return q.first * x + second + p[0] + first


def chosen(p, q, x):
    r = p if x > 0.0 else replace(q, b=q.b * x)
    return np.sum(r.w * r.w) * x + np.sum(r.b)


def carried(v, n):
    for _ in range(n):
        v = Vector(v.x + 0.1 * v.y, v.y - 0.1 * v.x)
    return v.x * v.y


def slotted(s):
    return s.x * s.x * s.n


def rebound(p, x):
    p = {**p, "w": p["w"] * x}
    p["b"] = x
    return p["w"] * p["b"] + p["c"]


def recursive(v, n):
    return v.x if n == 0 else recursive(Vector(v.x * v.y, v.y), n - 1)


@dataclass
class Disc:
    radius: Any
    area: Any = field(init=False)
    history: list[Any] = field(default_factory=list)

    def __post_init__(self):
        self.area = 3.0 * self.radius * self.radius
        self.history.append(self.radius)


def built(x, y):
    disc = Disc(x * y)
    disc.radius = 2.0 * x
    disc.radius += y
    return disc.area + disc.radius + disc.history[0] + len(disc.history)


A, B = np.array([1.0, 2.0]), np.array([0.5, -1.5])
CORPUS = [
    (line, (Line(2.0, 3.0), 4.0)),
    (by_key, ({"w": 2.0, 3: 0.5}, 4.0)),
    (objective, (network(), A)),
    (over_items, ({"square": 3.0, "plain": 2.0, "n": 2},)),
    (over_lists, ([(1.0, 2.0), (3.0, 4.0)], [0.5, 0.25])),
    (mixed, ((Line(2.0, 3.0), (Pair(1.5), {"a": [4.0]})),)),
    (operators, (Vector(1.0, 2.0), Vector(3.0, 4.0))),
    (swapped, (Pair(1.0, 2.0), 3.0)),
    (chosen, (Layer(A, B), Layer(B, A), 1.5)),
    (chosen, (Layer(A, B), Layer(B, A), -1.5)),
    (carried, (Vector(1.0, 2.0), 4)),
    (slotted, (Slotted(1.5),)),
    (rebound, ({"w": 2.0, "b": 5.0, "c": 1.0}, 3.0)),
    (recursive, (Vector(1.5, 0.5), 3)),
    (built, (1.5, 0.5)),
]


@pytest.mark.parametrize(("function", "args"), CORPUS, ids=[f.__name__ for f, _ in CORPUS])
def test_values_and_gradients(function, args):
    f = llad.jit_grad(function)
    assert_close(f(*args), function(*args), rtol=1e-12)
    gradient = check_gradient(f, *args)
    assert_same_structure(gradient if len(args) > 1 else (gradient,), args)


def assert_same_structure(gradient: Any, value: Any) -> None:
    """`None` may stand for what cannot be differentiated."""
    if gradient is None:
        return
    assert type(gradient) is type(value) or isinstance(value, np.generic)
    if isinstance(value, dict):
        assert list(gradient) == list(value)
        pairs = [(gradient[k], value[k]) for k in value]
    elif isinstance(value, tuple | list):
        pairs = list(zip(gradient, value, strict=True))
    elif dataclasses.is_dataclass(value):
        pairs = [(getattr(gradient, f.name), getattr(value, f.name)) for f in dataclasses.fields(value)]
    else:
        return
    for g, v in pairs:
        assert_same_structure(g, v)


def test_leaves_without_a_derivative_have_none():
    m = network()
    gradient, _ = llad.jit_grad(objective).grad(m, A)
    assert gradient.meta["steps"] is None and isinstance(gradient.meta["decay"], float)
    assert gradient.layers[0].kind is None and gradient.layers[0].w.shape == (3, 2)
    assert llad.jit_grad(by_key).grad({"w": 2, 3: 1}, 4.0) == (None, 17.0)


def test_functional_forms():
    p = {"w": 2.0, 3: 0.5}
    assert llad.grad(by_key)(p, 4.0) == {"w": 16.0, 3: 4.0}
    assert llad.value_and_grad(by_key, (0, 1))(p, 4.0) == (34.0, ({"w": 16.0, 3: 4.0}, 16.5))
    assert llad.jvp(by_key, (p, 4.0), ({"w": 1.0, 3: 0.0}, 0.0)) == (34.0, 16.0)
    assert llad.jvp(line, (Line(2.0, 3.0), 4.0), (Line(1.0, None), None)) == (11.0, 4.0)
    assert llad.jvp(line, (Line(2.0, 3.0), 4.0), (None, 1.0)) == (11.0, 2.0)
    assert llad.jit_grad(by_key, argnums=0).grad(p, 4.0) == {"w": 16.0, 3: 4.0}


def test_tangents_of_static_leaves_may_be_none():
    m = network()
    f = llad.jit_grad(objective)
    gradient, x_bar = f.grad(m, A)
    value, along = f.jvp((m, A), (gradient, x_bar))
    leaves = [gradient.scale, gradient.meta["decay"], *(v for la in gradient.layers for v in (la.w, la.b)), x_bar]
    assert_close(along, sum(float(np.sum(np.square(v))) for v in leaves), rtol=1e-12)
    assert value == f(m, A)
    pairs = zip(gradient.layers, m.layers, strict=True)
    kept = replace(gradient, layers=[replace(la, kind=mine.kind) for la, mine in pairs])
    assert f.jvp((m, A), (kept, x_bar)) == (value, along)


def test_out_has_the_structure_of_the_gradient():
    def f(layer, table):
        return np.sum(layer.w * table["x"]) + layer.b

    g = llad.jit_grad(f)
    args = Layer(A, 2.0), {"x": B, "n": 1}
    out = Layer(np.ones(2), None, None), {"x": np.ones(2), "n": None}
    for _ in range(2):
        first, second = g.grad(*args, out=out)
        assert first.w is out[0].w and second["x"] is out[1]["x"] and first.b == 1.0
        assert_close((first, second), (Layer(B, 1.0, None), {"x": A, "n": None}), rtol=0)
    with pytest.raises(llad.ArgumentError, match="want a dict with the keys 'x', 'n'"):
        g.grad(*args, out=(out[0], {"x": np.ones(2)}))


def test_results_have_structure():
    def f(x, a):
        return {"pair": Pair(x, 2.0 * x), 3: [x, (a, Layer(a * x, None))]}, Line(1, "text"), []

    got = llad.jit(f)(1.5, A)
    want = f(1.5, A)
    assert repr(got) == repr(want) and got[0][3][1][0] is A
    assert list(got[0]) == ["pair", 3] and type(got[0]["pair"]) is Pair
    assert llad.jit(lambda p: p)(Line(1.0, A)) == (1.0, A)
    check_tangent(llad.jit_grad(lambda x, a: f(x, a)[0]), 1.5, A)
    value, tangent = llad.jvp(lambda v: Vector(v.x * v.y, 1), (Vector(2.0, 3.0),), (Vector(1.0, 0.0),))
    assert value == Vector(6.0, 1) and tangent == Vector(3.0, None)


def test_no_code_of_the_class_runs_when_a_structure_is_made():
    f = llad.jit_grad(lambda ball: ball.radius * ball.area)
    ball = Ball(2.0)
    made = len(Ball.made)
    gradient = f.grad(ball)
    assert (gradient.radius, gradient.area) == (12.0, 2.0) and len(Ball.made) == made


class Heir(Layer):
    """Is a dataclass by inheritance."""


def test_classes_that_inherit():
    f = llad.jit_grad(lambda la: np.sum(la.w * la.b))
    assert type(f.grad(Heir(A, B))) is Heir
    assert type(llad.jit(lambda x: Heir(x, x))(1.0)) is Heir


def test_derivatives_inside_traced_code():
    def step(m, x):
        g = llad.grad(objective)(m, x)
        layers = [replace(la, w=la.w - 0.1 * d.w, b=la.b - 0.1 * d.b) for la, d in zip(m.layers, g.layers, strict=True)]
        return replace(m, scale=m.scale - 0.1 * g.scale, layers=layers)

    m = network()
    g = llad.grad(objective)(m, A)
    new = llad.jit(step)(m, A)
    assert type(new) is Model and new.layers[1].kind == "linear" and new.meta == m.meta
    assert_close(new.layers[0].w, m.layers[0].w - 0.1 * g.layers[0].w, rtol=1e-12)
    assert_close(new.scale, m.scale - 0.1 * g.scale, rtol=1e-12)

    def slope(p, x):
        return llad.grad(lambda q: q["a"] ** 3 * q["b"].slope)(p)["a"] * x

    check_gradient(llad.jit_grad(slope), {"a": 1.5, "b": Line(2.0, "unused")}, 0.5)

    def along(v, w):
        value, dot = llad.jvp(lambda u: Vector(u.x * u.y, u.x), (v,), (w,))
        return value.x * dot.x + dot.y

    check_gradient(llad.jit_grad(along), Vector(1.0, 2.0), Vector(0.5, 0.25))


def test_library_functions_on_structures():
    def f(v, p):
        d = dataclasses.asdict(v)
        t = dataclasses.astuple(v)
        names = [f.name for f in dataclasses.fields(v)]
        moved = p._replace(slope=v.x)
        same = isinstance(v, Vector) and not isinstance(v, Line) and type(v) is Vector and hasattr(v, "dot")
        return d["x"] * t[1] + getattr(v, names[1]) * moved.slope + p._asdict()["offset"] * (1.0 if same else 0.0)

    check_gradient(llad.jit_grad(f), Vector(1.0, 2.0), Line(3.0, 4.0))
    assert llad.jit(lambda v, w: v == w)(Vector(1.0, 2.0), Vector(1.0, 2.0)) is True
    assert llad.jit(lambda v, w: v != w)(Vector(1.0, 2.0), Vector(1.0, 2.0)) is False
    assert llad.jit(lambda v: v is None or v.x is None)(Vector(1.0, 2.0)) is False
    assert llad.jit(lambda n: Layer.of_zeros(2, 3).w.shape)(1) == (2, 3)
    assert llad.jit(lambda la: la.doubled(la.b) + Model.order)(Layer(A, 1.5)) == 5.0


def test_a_changed_structure_is_another_specialisation():
    def f(p):
        total = 0.0
        for value in p.values():
            total = total * 2.0 + value
        return total

    g = llad.jit(f)
    p = {"a": 1.0, "b": 2.0}
    assert g(p) == 4.0 and g({"b": 2.0, "a": 1.0}) == 5.0 and g({"a": 1.0}) == 1.0 and g({"a": 1.0, "c": 2.0}) == 4.0
    made = len(g.specialisations)
    assert made == 4 and g(p) == 4.0 and len(g.specialisations) == made
    p["a"] = 3.0
    assert g(p) == 8.0
    p["d"] = 1.0
    assert g(p) == 17.0
    assert g({"a": 1, "b": 2}) == 4.0
    h = llad.jit(lambda q: q[0] if isinstance(q, list) else q[1] if type(q) is tuple else 3.0)
    assert [h(q) for q in ([1.0, 2.0], (1.0, 2.0), Line(1.0, 2.0), Pair(1.0, 2.0))] == [1.0, 2.0, 3.0, 3.0]
    k = llad.jit(lambda la: la.b if la.kind == "tanh" else 2.0 * la.b)
    assert [k(Layer(A, 1.0, kind)) for kind in ("tanh", "other", "tanh")] == [1.0, 2.0, 1.0]


def test_fields_of_other_types_and_layouts_are_converted():
    f = llad.jit_grad(lambda la: np.sum(la.w) * la.b)
    assert f(Layer(np.arange(3), 2)) == 6.0
    assert f(Layer(np.arange(6.0)[::2], np.float64(2.0))) == 12.0
    assert f.grad(Layer(np.arange(3, dtype=np.float32), 2.0)).w.dtype == np.float32
    misaligned = np.zeros(17, np.uint8)[1:].view(np.float64)
    assert f.grad(Layer(misaligned, 2.0)).w.tolist() == [2.0, 2.0]
    with pytest.raises(OverflowError):
        llad.jit(lambda v: v.x)(Vector(2**70, 0))


def test_arrays_in_structures_are_written_in_place():
    def f(p):
        p["x"][0] += 1.0
        return np.sum(p["x"])

    x = np.zeros(3)
    g = llad.jit_grad(f)
    assert g({"x": x}) == 1.0 and x[0] == 1.0
    assert g({"x": x}) == 2.0 and x[0] == 2.0
    assert g.grad({"x": x})["x"].tolist() == [1.0] * 3 and x[0] == 2.0


def deep(levels: int) -> Any:
    made: Any = 1.0
    for _ in range(levels):
        made = [made]
    return made


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({1.0, 2.0}, "an argument of type set"),
        (bytearray(1), "an argument of type bytearray"),
        (OrderedDict(a=1.0), "an argument of type OrderedDict"),
        ({(1, 2): 1.0}, "with the key"),
        ({1.5: 1.0}, "with the key"),
        (deep(80), "nested more than 64"),
        ([{1.0}], "an argument of type set"),
    ],
)
def test_what_is_no_structure_is_refused(value, match):
    with pytest.raises(llad.ArgumentError, match=match):
        llad.jit(lambda p: 1.0)(value)


def test_a_structure_that_contains_itself_is_refused():
    loop: list[Any] = [1.0]
    loop.append(loop)
    with pytest.raises(llad.ArgumentError, match="must not contain itself"):
        llad.jit(lambda p: p[0])(loop)
    table: dict[str, Any] = {}
    table["me"] = Vector(table, 1.0)
    with pytest.raises(llad.ArgumentError, match="must not contain itself"):
        llad.jit(lambda p: 1.0)(table)


def test_arguments_are_not_changed_at_trace_time():
    def put(p):
        p["a"] = 2.0
        return p["a"]

    def grow(p):
        p.append(1.0)
        return p[0]

    def move(p):
        p.x = 2.0
        return p.x

    for f, p in ((put, {"a": 1.0}), (grow, [1.0]), (move, Vector(1.0, 2.0))):
        with pytest.raises(llad.UnsupportedError, match="changing a"):
            llad.jit(f)(p)
        with pytest.raises(llad.UnsupportedError, match="changing a"):
            llad.jit(lambda p, f=f: llad.grad(lambda q: f(q))(p))(p)

    def frozen(x):
        layer = Layer(x, x)
        layer.w = 2.0
        return layer.w

    with pytest.raises(llad.UnsupportedError, match="cannot assign to field"):
        llad.jit(frozen)(1.0)


def test_what_two_paths_chose_is_not_changed_unseen():
    """It is one of two objects, of which others may see the change."""

    def items(x):
        a, b = [x], [2.0 * x]
        v = a if x > 0.0 else b
        v[0] = 7.0
        return a[0] + b[0]

    def fields(x):
        a, b = Vector(x, 2.0), Vector(1.0, x)
        if x > 0.0:
            v = a
        else:
            v = b
        v.x = 7.0
        return a.x + b.x

    def carried(x, n):
        a, b = [x], [2.0 * x]
        for _ in range(n):
            a, b = b, a
        a[0] = 7.0
        return b[0]

    for f, args in ((items, (1.0,)), (fields, (1.0,)), (carried, (1.0, 3))):
        with pytest.raises(llad.UnsupportedError, match=r"changing a list|a Vector that may be one which has changed"):
            llad.jit(f)(*args)


def test_what_derivatives_return_in_traced_code_is_made_there():
    """Structures inside structures, too, may be read and changed."""

    def energy(p):
        return p["w"][0] * p["w"][1] * p["v"].first[0] ** 2

    def scaled(p):
        return {"e": [energy(p), p["w"]], "v": Pair([p["w"][1]])}

    def changed(d, x):
        d["w"][0] *= x
        d["w"].append(x)
        d["v"].first[0] += d["w"][2]
        return d["w"][0] + d["v"].first[0]

    def by_grad(x, y):
        return changed(llad.grad(energy)({"w": [x, y], "v": Pair([x])}), x)

    def by_value_and_grad(x, y):
        return changed(llad.value_and_grad(energy)({"w": [x, y], "v": Pair([x])})[1], x)

    def by_vjp(x, y):
        _, pull = llad.vjp(scaled, {"w": [x, y], "v": Pair([x])})
        return changed(pull({"e": [x, [y, 1.0]], "v": Pair([2.0], 0.0)})[0], x)

    def by_jvp(x, y):
        dot = llad.jvp(scaled, ({"w": [x, y], "v": Pair([x])},), ({"w": [y, 1.0], "v": Pair([x], None)},))[1]
        dot["e"][1][0] *= y
        dot["e"].append(x)
        return dot["e"][0] * dot["e"][1][0] + dot["v"].first[0] * dot["e"][2]

    def by_jacobian(x, y):
        jacobian = llad.jacfwd(lambda z: scaled({"w": [z, y], "v": Pair([x])}))(x)
        jacobian["e"][1].append(y)
        return jacobian["e"][0] * jacobian["e"][1][2]

    def as_dict(x, y):
        d = dataclasses.asdict(Layer([x, [y]], (y, [x])))
        d["w"][1][0] *= x
        return d["w"][1][0] * d["b"][1][0]

    x, y = 1.2, 0.7
    e = energy({"w": [x, y], "v": Pair([x])})
    by_x, by_y = e / x, e / y
    for f in (by_grad, by_value_and_grad):
        assert llad.jit(f)(x, y) == pytest.approx(by_x * x + 2 * e / x + x)
    assert llad.jit(by_vjp)(x, y) == pytest.approx((x * by_x + y) * x + x * 2 * e / x + x)
    assert llad.jit(by_jvp)(x, y) == pytest.approx((by_x * y + by_y + 2 * e) * y * y + x)
    assert llad.jit(by_jacobian)(x, y) == pytest.approx(by_x * y)
    assert llad.jit(as_dict)(x, y) == pytest.approx(x * y * x)


def test_structures_leak_nothing():
    f = llad.jit_grad(objective)
    g = llad.jit(lambda m, x: {"m": m.layers, "x": [x, Line(x, m.scale)]})
    m = network()
    other = replace(m, meta={"decay": 1, "steps": 3})
    watched = [m, A, m.layers, m.layers[0], m.layers[0].w, Layer, Line, None]

    def work():
        for _ in range(100):
            f(m, A), f.grad(m, A), f(other, A), g(m, A), f.value_and_grad(m, A)

    gained, grown = left_behind(work, watched)
    assert max(gained) <= 2 and grown < 2000, (gained, grown)


def test_gradients_made_in_traced_code_may_be_read_and_changed():
    def inside(p):
        value, g = llad.value_and_grad(lambda q: q["a"] ** 2 * q["b"][0] * np.sum(q["b"][1] ** 2))(p)
        g["b"].append(value)
        _, tangent = llad.jvp(lambda q: {"s": [q["a"] ** 2]}, (p,), (g | {"b": g["b"][:2]},))
        _, pullback = llad.vjp(lambda q: q["b"][0] ** 2, p)
        return g["a"] * g["b"][0] + g["b"][2] + tangent["s"][0] + pullback(1.0)[0]["b"][0]

    p = {"a": 1.5, "b": [2.0, np.array([0.5, 1.5])]}
    by_a, by_0, value = 2 * 1.5 * 2.0 * 2.5, 1.5**2 * 2.5, 1.5**2 * 2.0 * 2.5
    assert_close(llad.jit(inside)(p), by_a * by_0 + value + 2 * 1.5 * by_a + 2 * 2.0, rtol=1e-14)


@pytest.mark.parametrize("empty", [(), [], {}, ((), [{}]), (3, "s"), None])
def test_a_direction_may_keep_the_structure_of_what_has_none(empty):
    def nothing(tree):
        if isinstance(tree, (tuple, list)):
            return type(tree)(map(nothing, tree))
        return {} if tree == {} else None

    f = llad.jit_grad(lambda p: p["x"] ** 3)
    for direction in (None, nothing(empty)):
        assert f.jvp(({"x": 2.0, "e": empty},), ({"x": 1.0, "e": direction},)) == (8.0, 12.0)
    assert f.grad({"x": 2.0, "e": empty}) == {"x": 12.0, "e": None}
    with pytest.raises(llad.LladError, match=r"LL809|LL812"):
        f.jvp(({"x": 2.0, "e": empty},), ({"x": 1.0, "e": (1.0,)},))
