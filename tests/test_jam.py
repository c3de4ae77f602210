"""Iterations side by side: random nests keep their meaning; which loops are taken and which not; what sums come to."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from random_nests import nests, outcome

import llad
from llad.ir import interp
from llad.ir.alias import Aliases
from llad.ir.core import Function, Op, Region, Value, walk
from llad.ir.overwrites import Overwrites
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes import jam as jam_pass
from llad.passes import jam_plan
from llad.passes.jam import jam
from llad.passes.jam_plan import plans
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

# -- random nests


def test_random_nests_keep_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those for which it does not pay. Each kind of sharing is met often enough."""
    monkeypatch.setattr(jam_plan.Plan, "pays", True)
    monkeypatch.setattr(jam_pass, "NEAR", 5)  # elements, so that squares are sometimes too large,
    monkeypatch.setattr(jam_pass, "FAR", 20)  # and what is read is
    met: Counter[str] = Counter()
    for seed, fn, many in nests(1000):
        found = plans(fn)
        met["taken"] += bool(found)
        for plan in found.values():
            varying = plan.varying
            met["own"] += bool(plan.own)
            met["in turn"] += bool(plan.in_turn)
            met["alone"] += any(map(varying.alone, walk(fn.body)))
            met["added"] += any(map(varying.is_sum, walk(fn.body)))
        if not found:
            continue
        jammed = verify(jam(fn))
        for args in many:
            want = outcome(fn, args)
            assert want.startswith("unsound") or outcome(jammed, args) == want, f"program {seed}, {args}"
            met["raised"] += "Error" in want
    expected = {"taken": 210, "own": 11, "in turn": 28, "alone": 42, "added": 84, "raised": 28}
    assert all(met[kind] >= least for kind, least in expected.items()), met


class Watch:
    """While the interpreter runs: what an iteration leaves in private memory is lost, and what rests is zero."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.private: dict[Region | Op, list[Value]] = {}
        self.resting: dict[Region | Op, list[Value]] = {}
        region, loop = interp._region, interp._for

        def watched_region(entered: Region, env: interp.Env) -> list[Any]:
            self.look(entered, env)
            return region(entered, env)

        def watched_loop(op: Op, env: interp.Env) -> None:
            loop(op, env)
            self.look(op, env)

        monkeypatch.setattr(interp, "_region", watched_region)
        monkeypatch.setattr(interp, "_for", watched_loop)

    def look(self, at: Region | Op, env: interp.Env) -> None:
        for root in self.private.get(at, ()):
            if root in env:
                env[root].written[...] = False
        for root in self.resting.get(at, ()):
            if root in env:
                assert env[root].written.all() and not env[root].data.any(), "not at rest"


def test_what_is_private_is_read_by_nobody_later_and_what_rests_is_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every judgement about every loop of random nests, held against what the loop does."""
    watch = Watch(monkeypatch)
    met: Counter[str] = Counter()
    for seed, fn, many in nests(1000):
        aliases = Aliases(fn)
        overwrites = Overwrites(fn, aliases)
        allocs = [op.result for op in walk(fn.body) if op.name == "alloc"]
        loops = [op for op in walk(fn.body) if op.name == "for"]
        wanted = None
        for kind, judge in (("private", overwrites.private), ("resting", overwrites.rests)):
            places: dict[Region | Op, list[Value]] = {}
            for loop in loops:
                inside = set(walk(loop.regions[0]))
                outer = [v for v in allocs if not any(v in op.results for op in inside)]
                found = [v for v in outer if v in aliases.written(loop) and judge(v, loop)]
                places |= {at: found for at in (loop.regions[0], loop) if found}
                met[kind] += len(found)
            if not places:
                continue
            wanted = wanted or [outcome(fn, args) for args in many]
            setattr(watch, kind, places)
            for args, want in zip(many, wanted, strict=True):
                assert want.startswith("unsound") or outcome(fn, args) == want, f"program {seed}, {kind}, {args}"
            setattr(watch, kind, {})
    assert met["private"] >= 42 and met["resting"] >= 42, met


# -- programs


def regression(w, x, y):
    s = 0.0
    for i in range(len(x)):
        t = 0.0
        for j in range(len(w)):
            t += w[j] * x[i, j]
        s += t * t - y[i]
        s -= t * y[i]
    return s


def perceptron(w, x, y):
    """Through scratch of each sample's own, in which what the samples share is not; and a branch for some of them."""
    h = np.zeros(len(w))
    s = y[0]
    for i in range(len(x)):
        for a in range(len(w)):
            t = 0.0
            for j in range(len(w)):
                t += w[(a + j) % len(w)] * x[i, j]
            h[a] = t if t > 0.0 else 0.1 * t
        o = 0.0
        for a in range(len(w)):
            o += h[a] * w[a]
        if o > y[i]:
            o = 2.0 * o - y[i]
        s += o
    return s


def histogram(w, x, y):
    """Elements that all samples add to, and a row that each leaves zero."""
    total, row = np.zeros(len(w)), np.zeros(len(w))
    s = 0.0
    for i in range(len(x)):
        for j in range(len(w)):
            row[(2 * j + i) % len(w)] += x[i, j] * w[j]
        for j in range(len(w)):
            total[j] += row[j] * y[i]
            row[j] = 0.0
    for j in range(len(w)):
        s += total[j] * w[j]
    return s


def recursion(w, x, y):
    """A tape of each sample's own, read backwards."""
    n, d = x.shape
    t = np.zeros((d + 1, d))
    s = 0.0
    for i in range(n):
        for j in range(d):
            t[0, j] = x[i, j]
        for k in range(d):
            for j in range(d):
                t[k + 1, j] = 0.5 * t[k, j] + w[j] * t[k, (j + 1) % d]
        v = 0.0
        for k in range(d, 0, -1):
            for j in range(d):
                v += t[k, j] * w[j]
        s += v * y[i]
    return s


def columns(w, x, y):
    """Samples that lie side by side in memory."""
    s = 0.0
    z = x.T.copy()
    for i in range(len(x)):
        t = y[i]
        for j in range(len(w)):
            t += z[j, i] * w[j]
        s += t * t
    return s


def triangle(w, x, y):
    """As many terms as the sample's number says: a loop that each goes through alone, beside one for all."""
    s = 0.0
    for i in range(len(x)):
        t = y[i]
        for j in range(len(w)):
            t += w[j] * x[i, j]
        for j in range(min(i, len(w))):
            t -= w[j] * t
        s += t * 0.5
    return s


PROGRAMS = [regression, perceptron, histogram, recursion, columns, triangle]


def values(n: int, d: int = 3) -> tuple[np.ndarray[Any, Any], ...]:
    r = np.random.default_rng(n)
    return r.normal(size=d), r.normal(size=(n, d)), r.normal(size=n + d)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many loops each function had whose iterations went side by side; those for which it does not pay, too."""
    counts: list[int] = []

    def found(fn: Function) -> Any:
        made = plans(fn)
        counts.append(len(made))
        return made

    monkeypatch.setattr(jam_pass, "plans", found)
    monkeypatch.setattr(jam_plan.Plan, "pays", True)
    return counts


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
def test_values_are_those_of_python_to_the_bit(function: Any, counted: list[int]) -> None:
    compiled = llad.jit(function)
    for n in range(10):
        assert compiled(*values(n)) == function(*values(n)), n
    assert any(counted) == (function is not histogram), "a sum in memory has an order"


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("fastmath", [False, True])
def test_gradients_of_any_number_of_samples(function: Any, fastmath: bool, counted: list[int]) -> None:
    compiled = llad.jit_grad(function, argnums=(0, 1, 2), fastmath=fastmath)
    v = [np.random.default_rng(5).normal(size=a.shape) for a in values(9)]
    for n in range(1, 10):
        args = values(n)
        value, gradient = compiled.value_and_grad(*args)
        assert_close(value, function(*args), rtol=1e-12, atol=1e-12)
        direction = [d[tuple(map(slice, a.shape))] for d, a in zip(v, args, strict=True)]
        slope = sum(float(np.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
        step = 1e-6
        up, down = (function(*[a + k * step * d for a, d in zip(args, direction, strict=True)]) for k in (1, -1))
        assert_close(slope, (up - down) / (2 * step), rtol=1e-6, atol=1e-6)
    scattered = function is recursion or (function is histogram and not fastmath)
    assert any(counted) != scattered, "samples may use the same elements of the shadow of scratch"


# -- which loops


NEST = """
func @f(%x: buffer<f64, 2, C>, %w: VECTOR, %y: VECTOR, %g: VECTOR, %n: i64, %d: i64, %c: bool) ATTRS {
  %zero: i64 = const 0
  %one: i64 = const 1
  %none: f64 = const 0.0
  BEFORE
  %s: f64, %t: i64 = for %i in %zero..%n step %one carry (%sum: f64 = %none) {
    %p: f64 = load %y[%i]
    %q: bool = gt %p, %none
    %dot: f64, %u: i64 = for %j in %zero..%d step %one carry (%a: f64 = %none) {
      %b: f64 = load %x[%i, %j]
      %e: f64 = load %w[%j]
      %h: f64 = mul %b, %e
      %k: f64 = add %a, %h
      yield %k
    }
    %total: f64 = add %sum, %dot
    BODY
    yield %total
  }
  AFTER
  return %s
}
""".replace("VECTOR", "buffer<f64, 1, C>")
HISTOGRAM = """
    %t1: i64 = for %j1 in %zero..%d step %one {
      %o1: f64 = load %HANDLE[%j1]
      %n1: f64 = add %o1, %dot {'reassoc': True}
      store %n1, %HANDLE[%j1]
      yield
    }
"""
CHECKED = """
    if %q {
      check %c, ValueError "no"
      yield
    } else {
      yield
    }
"""
CHOSEN = """
  %r: buffer<f64, 1, C> = if %c {
    yield %g
  } else {
    yield %w2
  }
"""


def nest(body: str = "", before: str = "", after: str = "", attrs: str = "") -> Function:
    text = NEST.replace("ATTRS", attrs).replace("BEFORE", before).replace("BODY", body).replace("AFTER", after)
    return verify(parse(text))


TAKEN = {
    "nothing else": nest(),
    "a check for all": nest('check %c, ValueError "no"'),
    "sums in memory": nest(HISTOGRAM.replace("HANDLE", "g")),
    "sums behind a handle": nest(
        HISTOGRAM.replace("HANDLE", "r"),
        "%w2: buffer<f64, 1, C> = alloc(%d) zero" + CHOSEN,
        "%last: f64 = load %r[%zero]",
    ),
    "an element of its own": nest("store %dot, %y[%i]"),
}
LEFT = {
    "memory that may overlap": nest(attrs="{'may_alias': True}"),
    "a check for some": nest(CHECKED),
    "a check of a number": nest('check %q, ValueError "no"'),
    "printing": nest('print "{}" (%dot)'),
    "an element of the next one": nest("%m: i64 = add %i, %one\n store %dot, %y[%m]"),
    "an element for all": nest("store %dot, %g[%zero]"),
    "an ordered sum in memory": nest(HISTOGRAM.replace("HANDLE", "g").replace(" {'reassoc': True}", "")),
    "sums of what is read": nest(HISTOGRAM.replace("HANDLE", "w")),
    "scratch that is read later": nest(
        "store %dot, %v[%zero]", "%v: buffer<f64, 1, C> = alloc(%d)", "%last: f64 = load %v[%zero]"
    ),
    "two orders in one element": nest(
        HISTOGRAM.replace("HANDLE", "g").replace("store %n1", "%z1: f64 = mul %n1, %n1\n store %z1")
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    assert len(plans(TAKEN[name])) == 1


@pytest.mark.parametrize("name", LEFT)
def test_left_as_they_are(name: str) -> None:
    assert jam(LEFT[name]) is LEFT[name]


SEARCH = """
    %t1: i64, %t2: i64 = for %j1 in %zero..%d step %one carry (%at: i64 = %d) {
      %o1: f64 = load %x[%i, %j1]
      %o2: bool = eq %o1, %dot
      %o3: i64 = select %o2, %j1, %d
      %n1: i64 = min %at, %o3
      yield %n1
    }
    store %t1, %found[%i, %k]
"""


def test_iterations_that_share_nothing_gain_nothing() -> None:
    """Not even if what an inner loop does is counted as free, as a search is."""
    text = f"""
        func @f(%x: buffer<f64, 2, C>, %found: buffer<i64, 2, C>, %n: i64, %d: i64) {{
          %zero: i64 = const 0
          %one: i64 = const 1
          %dot: f64 = const 2.0
          %t: i64 = for %i in %zero..%n step %one {{
            %s: i64 = for %k in %zero..%n step %one {{
              {SEARCH}
              yield
            }}
            yield
          }}
          return
        }}
    """
    fn = verify(parse(text))
    assert plans(fn).keys().isdisjoint(fn.body.ops)


def test_sums_behind_a_chosen_handle() -> None:
    """What is added to is known by where a handle may come from."""
    fn, r = TAKEN["sums behind a handle"], np.random.default_rng(3)
    args = [np.round(r.normal(size=s) * 4) for s in ((9, 3), 3, 9, 3)]
    for chosen in (True, False):
        assert outcome(jam(fn), [*args, 9, 3, chosen]) == outcome(fn, [*args, 9, 3, chosen])


def test_machine_code_is_told_how_the_terms_lie() -> None:
    """Rows lie apart: sums that stay four numbers; columns side by side: loops whose iterations are not made one."""
    text = NEST.replace("ATTRS", "").replace("BEFORE", "").replace("BODY", "").replace("AFTER", "")
    rows, columns = parse(text), parse(text.replace("load %x[%i, %j]", "load %x[%j, %i]"))
    fast = parse(text.replace(" {\n", " {'fastmath': True} {\n", 1))
    found = [list(walk(jam(fn).body)) for fn in (rows, columns, fast)]
    alone = [sum(op.attrs.get("alone", False) for op in ops) for ops in found]
    packed = [sum(op.attrs.get("packed", False) for op in ops) for ops in found]
    assert alone == [4, 0, 0] and packed == [0, 1, 0]


def test_what_only_reads_one_row_after_the_other_is_left_if_sums_need_no_order() -> None:
    """One stream is read as fast as memory gives; sums whose order counts wait for each other."""
    assert len(plans(nest())) == 1 and not plans(nest(attrs="{'fastmath': True}"))
    adds = HISTOGRAM.replace("HANDLE", "g")
    assert len(plans(nest(adds, attrs="{'fastmath': True}"))) == 1


def test_what_goes_down_columns_goes_side_by_side_though_sums_need_no_order() -> None:
    """A row of four sums is one vector, an element far from the next one is none."""
    text = NEST.replace("ATTRS", "{'fastmath': True}").replace("BEFORE", "").replace("BODY", "").replace("AFTER", "")
    rows, columns = text, text.replace("%x[%i, %j]", "%x[%j, %i]")
    assert [len(plans(verify(parse(source)))) for source in (rows, columns)] == [0, 1]


CLENSHAW = """
    func @f(%c: buffer<f64, 1, C>, %x: buffer<f64, 1, C>, %n: i64, %m: i64) {'fastmath': True} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %total: f64, %t: i64 = for %i in %zero..%m step %one carry (%a: f64 = %z) {
        %u: f64 = load %x[%i]
        %b1: f64, %b2: f64, %ends: i64 = for %k in %zero..%n step %one carry (%y1: f64 = %z, %y2: f64 = %z) {
          %p: f64 = mul %u, %y1
          %q: f64 = FACTOR, %y2
          %ck: f64 = load %c[%k]
          %r: f64 = add %q, %ck
          yield %r, %y1
        }
        %b: f64 = add %a, %b1
        yield %b
      }
      return %total
    }
"""


def test_what_is_handed_on_is_waited_for_though_sums_need_no_order() -> None:
    """A recurrence (`y1 * u - y2 + c`) cannot be a sum of several: other iterations have something to do meanwhile."""
    recurrence, sums = (verify(parse(CLENSHAW.replace("FACTOR", f))) for f in ("sub %p", "sub %u"))
    assert len(plans(recurrence)) == 1 and not plans(sums)
    args = [np.arange(1.0, 6.0), np.linspace(-1.0, 1.0, 11), 5, 11]
    assert_close(interp.run(jam(recurrence), args)[0], interp.run(recurrence, args)[0], rtol=1e-12)


def test_truths_that_a_loop_leaves_as_they_are_are_no_sums() -> None:
    """`a == a` of integers is known, so nothing but the carries is left of the nest."""
    assert llad.jit(lambda a: bool(np.all(a == a)))(np.ones((2, 3, 4), np.int64)) is True


def added_until_an_index_is_out_of_range(y, w, k, wanted):
    for e in range(len(w)):
        for i in range(len(y)):
            y[i] += w[e, i] * w[e, e]
        if wanted:
            t = w[0, k[0]]
            for i in range(len(y)):
                y[i] += t * w[0, i]
    return y[0]


@pytest.mark.parametrize("fastmath", [False, True])
def test_iterations_behind_the_one_that_raises_have_not_stored(fastmath: bool) -> None:
    w = np.random.default_rng(4).normal(size=(9, 9))
    found, expected = np.zeros(9), np.zeros(9)
    f = llad.jit(added_until_an_index_is_out_of_range, fastmath=fastmath)
    for function, y in ((f, found), (f.py_func, expected)):
        with pytest.raises(IndexError):
            function(y, w, np.array([9]), True)
    assert_close(found, expected, rtol=1e-12)


CONVOLUTION = """
    func @f(%x: buffer<f64, 2, C>, %k: buffer<f64, 2, C>, %n: i64, %m: i64) {ATTRS} {
      %zero: i64 = const 0
      %one: i64 = const 1
      %z: f64 = const 0.0
      %all: f64, %t0: i64 = for %i in %zero..%n step %one carry (%total: f64 = %z) {
        %row: f64, %t1: i64 = for %j in %zero..%n step %one carry (%part: f64 = %total) {
          %u: f64, %t2: i64 = for %a in %zero..%m step %one carry (%s: f64 = %z) {
            %v: f64, %t3: i64 = for %b in %zero..%m step %one carry (%w: f64 = %s) {
              %p: i64 = add %i, %a
              %q: i64 = add %j, %b
              %e: f64 = load %x[PLACE]
              %g: f64 = load %k[%a, %b]
              %h: f64 = mul %e, %g
              %c: f64 = add %w, %h
              yield %c
            }
            yield %v
          }
          %d: f64 = mul %u, %u
          %o: f64 = add %part, %d
          yield %o
        }
        yield %row
      }
      return %all
    }
"""


@pytest.mark.parametrize(("place", "index"), [("%p, %q", "j"), ("%q, %p", "i")])
def test_iterations_that_load_neighbours_rather_than_those_of_the_loop_around(place: str, index: str) -> None:
    fn = verify(parse(CONVOLUTION.replace("PLACE", place).replace("{ATTRS}", "{'fastmath': True}")))
    (loop,) = plans(fn)
    assert loop.regions[0].args[0].name == index
    args = [np.sin(np.arange(121.0)).reshape(11, 11), np.cos(np.arange(9.0)).reshape(3, 3), 9, 3]
    assert_close(interp.run(verify(jam(fn)), args), interp.run(fn, args), rtol=1e-12)
