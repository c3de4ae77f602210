"""What a loop around others only copies is copied before it: memory is the same afterwards, and errors are."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import llad
from llad.ir import interp
from llad.ir.core import Function, walk
from llad.ir.parse import parse
from llad.ir.verify import verify
from llad.passes.aside import aside
from llad.testing import assert_close

TAPE = "{'tape': True}"


def nest(body: str, lo: int = 0, attrs: str = "", room: tuple[str, str] = ("%n", "%m"), kind: str = "") -> Function:
    """A loop over all of `x`, from `lo`, with a loop inside; the caller sees the tapes at the end."""
    return verify(parse(f"""
        func @f(%x: buffer<f64, 1, C>, %y: buffer<f64, 2, C>, %out: buffer<f64, 2, C>, %k: i64) {{
          %zero: i64 = const {lo}
          %one: i64 = const 1
          %n: i64 = dim %x, 0
          %m: i64 = dim %y, 1
          %s: buffer<f64, 1, C> = alloc({room[0]}) zero {kind}
          %t: buffer<f64, 2, C> = alloc(%n, {room[1]}) zero {kind}
          %trips: i64 = for %i in %zero..%n step %one {attrs}{{
            %before: i64 = sub %i, %one
            {body}
            yield
          }}
          %copied: i64 = for %p in %zero..%n step %one {{
            %a: f64 = load %s[%p]
            %b: f64 = load %t[%k, %p]
            store %a, %out[%zero, %p]
            store %b, %out[%one, %p]
            yield
          }}
          return
        }}
    """))


INNER = """
    %inner{k}: i64 = for %j{k} in %zero..%m step %one {{
      %e{k}: f64 = load %y[%zero, %j{k}]
      %f{k}: f64 = mul %e{k}, {value}
      store %f{k}, {target}[%zero, %j{k}]
      yield
    }}
"""


def memory(fn: Function) -> tuple[Any, ...]:
    x, y, out = np.cos(np.arange(5.0)), np.sin(np.arange(18.0)).reshape(3, 6), np.zeros((2, 5))
    try:
        interp.run(fn, [x, y, out, 1])
        error = ""
    except IndexError as raised:
        error = str(raised)
    return x.tobytes(), y.tobytes(), out.tobytes(), error


PLACES = ["%x[%i]"] * 4 + ["%s[%i]", "%t[%k, %i]"] * 3 + ["%x[%zero]", "%t[%i, %k]", "%y[%zero, %k]"]


def test_random_loops_leave_the_same_memory() -> None:
    rng = random.Random(5)
    changed = 0
    for _ in range(400):
        lines, known = [f"%a: f64 = load {rng.choice(PLACES[:7])}", f"store %a, {rng.choice(PLACES[4:])}"], ["%a", "%c"]
        for k in range(rng.randint(0, 4)):
            kind = rng.random()
            place = rng.choice(PLACES)
            if kind < 0.4:
                lines.append(f"%l{k}: f64 = load {place}")
                known.append(f"%l{k}")
            elif kind < 0.8:
                lines.append(f"store {rng.choice(known)}, {place}")
            elif kind < 0.95:
                target = rng.choice(["%y", "%y", "%t"]) 
                lines.append(INNER.format(k=k, value=rng.choice(known), target=target))
            else:
                lines.append(f'%q{k}: bool = lt %i, %k\ncheck %q{k}, IndexError "far"')
        body = "\n".join(["%c: f64 = const 0.5", *lines, INNER.format(k=99, value="%c", target="%y")])
        fn = nest(body, kind=rng.choice(["", TAPE]))
        made = verify(aside(fn))
        assert memory(made) == memory(fn), lines
        changed += made is not fn
    assert changed > 50


COPIED = """
    %a: f64 = load {source}
    store %a, {target}
    {more}
"""


@pytest.mark.parametrize(
    ("source", "target", "more", "leaves"),
    [
        ("%x[%i]", "%s[%i]", "", True),
        ("%x[%i]", "%t[%k, %i]", "", True),
        ("%s[%i]", "%t[%k, %i]", "", True),
        ("%x[%i]", "%t[%i, %k]", "", False),  # not side by side
        ("%x[%zero]", "%s[%i]", "", False),  # `x` may be empty
        ("%y[%zero, %i]", "%s[%i]", "", False),  # `y` may be shorter
        ("%x[%i]", "%y[%zero, %i]", "", False),  # the caller sees it
        ("%x[%i]", "%s[%i]", "%u: f64 = load %s[%i]", False),
        ("%x[%i]", "%s[%i]", "%u: f64 = load %s[%zero]\nstore %u, %y[%zero, %zero]", False),
        ("%x[%i]", "%s[%i]", "store %a, %s[%zero]", False),
        ("%x[%i]", "%s[%i]", "store %a, %x[%zero]", False),
    ],
)
def test_what_may_leave(source: str, target: str, more: str, leaves: bool) -> None:
    body = COPIED.format(source=source, target=target, more=more) + INNER.format(k=0, value="%a", target="%y")
    fn = nest(body)
    made = verify(aside(fn))
    assert (made is not fn) is leaves
    assert memory(made) == memory(fn)


@pytest.mark.parametrize(("room", "kind", "leaves"), [(("%k", "%k"), "", False), (("%n", "%m"), TAPE, True)])
@pytest.mark.parametrize("place", ["%s[%i]", "%t[%zero, %i]"])
def test_where_something_is_checked_only_tapes_are_filled_before(
    place: str, room: tuple[str, str], kind: str, leaves: bool
) -> None:
    """The check, behind the inner loop, may say that there is no place: that loop has run when the error is raised."""
    inner = INNER.format(k=0, value="%c", target="%y")
    check = '%q: bool = lt %i, %k\ncheck %q, IndexError "no place"'
    fn = nest(f"%c: f64 = const 0.5\n{inner}\n{check}\n%a: f64 = load %x[%i]\nstore %a, {place}", room=room, kind=kind)
    made = verify(aside(fn))
    assert (made is not fn) is leaves
    assert memory(made) == memory(fn)


@llad.jit
def copied_until_it_is_full(x: Any, y: Any, room: Any) -> Any:
    """Errors are of two classes, so no check may come before the loop."""
    kept = np.zeros(room)
    s = 0.0
    for i in range(len(x)):
        for j in range(y.shape[1]):
            if y[i, j] < -3.0:
                raise ValueError("too little")
            s = s * 0.5 + y[i, j]
        kept[i] = x[i]
    return s + np.sum(kept)


@pytest.mark.parametrize("room", [0, 3, 70])
def test_nothing_is_copied_to_where_there_is_no_room(room: int) -> None:
    """This much memory beyond the array is not the process's."""
    enough = np.arange(1.0, room + 1), np.ones((room, 2)), room
    assert copied_until_it_is_full(*enough) == copied_until_it_is_full.py_func(*enough)
    with pytest.raises(IndexError, match=f"index {room} is out of bounds for axis 0 with size {room}"):
        copied_until_it_is_full(np.ones(2_000_000), np.ones((2_000_000, 2)), room)


def test_a_loop_without_others_is_left_alone() -> None:
    fn = nest(COPIED.format(source="%x[%i]", target="%s[%i]", more=""))
    assert aside(fn) is fn


@llad.jit_grad
def eliminated(rows: Any, v: Any) -> Any:
    """Columns below a diagonal add to rows; the reverse sweep, which waits for all sums, wants all that they add."""
    d = v.shape[1]
    total = 0.0
    scaled, centred, sums = np.zeros(d), np.zeros(d), np.zeros(len(rows))
    for i in range(v.shape[0]):
        for k in range(len(rows)):
            for j in range(d):
                centred[j] = v[i, j] - rows[k, j]
                scaled[j] = centred[j]
            for column in range(d):
                for row in range(column + 1, d):
                    scaled[row] += 0.1 * rows[k, row] * centred[column]
            distance = 0.0
            for j in range(d):
                distance += scaled[j] ** 2
            sums[k] = distance
        part = 0.0
        for k in range(len(rows)):
            part += sums[k]
        total += np.log(1.0 + part)
    return total


@pytest.mark.parametrize("d", [0, 1, 2, 7, 8, 16, 17, 31, 32, 64])
def test_values_and_gradients(d: int) -> None:
    random = np.random.default_rng(d)
    rows, v = random.normal(size=(3, d)), random.normal(size=(2, d))
    assert_close(eliminated(rows, v), eliminated.py_func(rows, v))
    found, step = eliminated.grad(rows, v), 1e-6
    for j in range(d):
        moved = np.array([[0.0], [step]]) * np.eye(d)[j]
        by_difference = (eliminated.py_func(rows, v + moved) - eliminated.py_func(rows, v - moved)) / (2 * step)
        assert found[1][1, j] == pytest.approx(by_difference, rel=1e-5, abs=1e-6)


def test_copies_leave_a_loop_over_columns() -> None:
    """In the gradient, what was centred is in a tape: its loop has nothing but loads and stores."""
    text = eliminated.dump_ir(np.ones((3, 8)), np.ones((2, 8)), of="gradient")
    fn = parse(text)
    bodies = [[o.name for o in op.regions[0].ops] for op in walk(fn.body) if op.name == "for"]
    assert any(set(names) == {"load", "store", "yield"} for names in bodies)
