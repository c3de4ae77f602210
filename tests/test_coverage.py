"""Scratch of loops: what each iteration writes before it reads it, and what rests at zero; and what is neither."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from building import loop, when

from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Value, walk
from llad.ir.overwrites import Overwrites
from llad.ir.types import F64, I64, BufferType
from llad.ir.verify import verify


class Nest:
    """A loop over the rows of `x`, around what a case emits by `iteration`; `after` it, and `before` it in its epoch.

    `s` is scratch of as many elements as a row, and `t` has as many in each row, too.
    """

    def __init__(self, zero: bool, epochs: bool, iteration: Case, before: Case, after: Case) -> None:
        self.b = b = Builder()
        self.x, self.c = Value(BufferType(F64, 2), "x"), Value(I64, "c")
        self.n, self.d = b.dim(self.x, 0), b.dim(self.x, 1)
        self.s = b.alloc(F64, [self.d], zero=zero, hint="s")
        self.t = b.alloc(F64, [self.d, self.d], zero=zero, hint="t")
        self.u = b.load(self.x, b.i64(0), b.i64(0))
        self.results: list[Value] = [self.u]

        def epoch(*_: Value) -> list[Value]:
            before(self)
            loop(b, 0, self.n, [], self.sample(iteration))
            after(self)
            return []

        if epochs:
            loop(b, 0, 2, [], epoch)
        else:
            epoch()
        b.return_(*self.results)
        self.function = verify(b.function("nest", [self.x, self.c]))

    def sample(self, iteration: Case) -> Callable[..., list[Value]]:
        def body(i: Value) -> list[Value]:
            self.i = i
            iteration(self)
            return []

        return body

    # -- what cases are made of; indices are numbers or values, `d - 1` is the last one

    def index(self, at: Value | int) -> Value:
        return self.b.i64(at) if isinstance(at, int) else at

    def plus(self, at: Value, number: int) -> Value:
        return self.b.op("add", at, self.b.i64(number))

    @property
    def last(self) -> Value:
        return self.plus(self.d, -1)

    @property
    def chosen(self) -> Value:
        """An index that only this iteration knows."""
        return self.b.cast(self.b.load(self.x, self.i, self.index(0)), I64)

    @property
    def taken(self) -> Value:
        return self.b.op("gt", self.b.load(self.x, self.i, self.index(0)), self.b.f64(0.0))

    def fill(self, row: Value, count: Value | None = None) -> None:
        self.each(lambda j: self.put(row, j), 0, count)

    def briefly(self, j: Value) -> None:
        """An element that the iteration chooses is other than zero while another one is read."""
        at = self.chosen
        self.add(self.s, at)
        self.get(self.s, j)
        self.put(self.s, at, value=0.0)

    def backwards(self, a: Value, step: int = 1) -> Value:
        """The row of `t`, or every so many of it, from its end."""
        b = self.b
        count = b.op("floordiv", self.d, b.i64(step))
        return b.view(self.t, ["index", "slice"], a, self.last, count, b.i64(-step))

    def put(self, array: Value, *at: Value | int, value: float | None = None) -> None:
        self.b.store(self.u if value is None else self.b.f64(value), array, *map(self.index, at))

    def get(self, array: Value, *at: Value | int) -> None:
        """Read, and keep, so that it counts."""
        self.b.store(self.b.load(array, *map(self.index, at)), self.x, self.index(0), self.index(0))

    def add(self, array: Value, *at: Value | int) -> None:
        self.b.store(self.b.op("add", self.b.load(array, *map(self.index, at)), self.u), array, *map(self.index, at))

    def each(
        self, what: Callable[[Value], None], lo: Value | int = 0, hi: Value | None = None, step: int = 1, **how: bool
    ) -> None:
        def body(j: Value) -> list[Value]:
            what(j)
            return [self.b.op("gt", j, self.c)] if how else []

        loop(self.b, lo, self.d if hi is None else hi, [], body, step, **how)

    def down(self, what: Callable[[Value], None]) -> None:
        self.each(what, self.last, self.b.i64(-1), -1)

    def either(self, then: Callable[[], None], otherwise: Callable[[], None] = lambda: None) -> None:
        when(self.b, self.taken, lambda: [then()][1:], lambda: [otherwise()][1:])


Case = Callable[[Nest], object]


def nothing(_: Nest) -> None:
    pass


def judged(iteration: Case, zero: bool = False, epochs: bool = False, **around: Case) -> dict[str, tuple[bool, bool]]:
    """By name of the allocation, whether it is private to an iteration, and whether it rests at zero between them."""
    nest = Nest(zero, epochs, iteration, around.get("before", nothing), around.get("after", nothing))
    overwrites = Overwrites(nest.function, Aliases(nest.function))
    loop = next(op for op in walk(nest.function.body) if op.name == "for" and op.regions[0].args[0] is nest.i)
    return {v.name: (overwrites.private(v, loop), overwrites.rests(v, loop)) for v in (nest.s, nest.t)}


# -- what is written before it is read

PRIVATE: dict[str, Case] = {
    "up and down": lambda n: (n.each(lambda j: n.put(n.s, j)), n.down(lambda j: n.get(n.s, j))),
    "down and up": lambda n: (n.down(lambda j: n.put(n.s, j)), n.each(lambda j: n.get(n.s, j))),
    "in parts": lambda n: (
        n.put(n.s, 0),
        n.each(lambda j: n.put(n.s, j), 1, n.last),
        n.put(n.s, n.last),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "each from the one before": lambda n: (
        n.put(n.s, 0),
        n.each(lambda j: (n.get(n.s, n.plus(j, -1)), n.put(n.s, j)), 1),
        n.get(n.s, n.last),
        n.down(lambda j: n.get(n.s, j)),
    ),
    "each from the one behind": lambda n: (
        n.put(n.s, n.last),
        n.each(lambda j: (n.get(n.s, n.plus(j, 1)), n.put(n.s, j)), n.plus(n.d, -2), n.b.i64(-1), -1),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "mirrored": lambda n: (
        n.each(lambda j: n.put(n.s, n.b.op("sub", n.last, j))),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "in both branches": lambda n: (
        n.either(lambda: n.each(lambda j: n.put(n.s, j)), lambda: n.each(lambda j: n.put(n.s, j, value=0.0))),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "added to": lambda n: (
        n.each(lambda j: n.put(n.s, j)),
        n.add(n.s, n.chosen),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "at its only place": lambda n: (n.put(n.s, n.chosen), n.each(lambda j: n.put(n.s, j)), n.get(n.s, n.chosen)),
    "what is read in a branch": lambda n: (
        n.each(lambda j: n.put(n.s, j)),
        n.either(lambda: n.get(n.s, n.chosen)),
    ),
}

TAPES: dict[str, Case] = {
    "rows": lambda n: (
        n.each(lambda j: n.put(n.t, 0, j)),
        n.each(lambda a: n.each(lambda j: (n.get(n.t, n.plus(a, -1), j), n.put(n.t, a, j))), 1),
        n.each(lambda j: n.get(n.t, n.last, j)),
        n.down(lambda a: n.down(lambda j: n.get(n.t, a, j))),
    ),
    "columns": lambda n: (
        n.each(lambda a: n.each(lambda j: n.put(n.t, j, a))),
        n.each(lambda a: n.each(lambda j: n.get(n.t, a, j))),
    ),
    "triangle": lambda n: n.each(
        lambda a: (
            n.each(lambda j: n.put(n.t, a, j), 0, a),
            n.each(lambda j: n.get(n.t, a, j), 0, a),
        )
    ),
    "the one row that is used": lambda n: (
        n.each(lambda j: n.put(n.t, 0, j)),
        n.each(lambda j: n.get(n.t, 0, j)),
    ),
    "a view": lambda n: n.each(
        lambda a: (
            n.fill(n.b.view(n.t, ["index", "full"], a)),
            n.each(lambda j: n.get(n.t, a, j)),
        )
    ),
    "transposed": lambda n: n.each(
        lambda a: (
            n.fill(n.b.view(n.b.transposed(n.t, (1, 0)), ["full", "index"], a)),
            n.each(lambda j: n.get(n.t, a, j)),
        )
    ),
    "from its end": lambda n: n.each(
        lambda a: (
            n.fill(n.backwards(a)),
            n.each(lambda j: n.get(n.t, a, j)),
        )
    ),
}

SHARED: dict[str, Case] = {
    "nothing": lambda n: n.get(n.s, 0),
    "all but the last": lambda n: (n.each(lambda j: n.put(n.s, j), 0, n.last), n.each(lambda j: n.get(n.s, j))),
    "all but the first": lambda n: (n.each(lambda j: n.put(n.s, j), 1), n.each(lambda j: n.get(n.s, j))),
    "in parts that leave a gap": lambda n: (
        n.put(n.s, 0),
        n.each(lambda j: n.put(n.s, j), 2),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "every other": lambda n: (n.each(lambda j: n.put(n.s, j), 0, n.d, 2), n.each(lambda j: n.get(n.s, j))),
    "in one branch": lambda n: (
        n.either(lambda: n.each(lambda j: n.put(n.s, j))),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "in a loop's branches": lambda n: (
        n.each(lambda j: n.either(lambda: n.put(n.s, j))),
        n.each(lambda j: n.get(n.s, j)),
    ),
    "until left": lambda n: (n.each(lambda j: n.put(n.s, j), exits=True), n.each(lambda j: n.get(n.s, j))),
    "over another range": lambda n: (n.each(lambda j: n.put(n.s, j), 0, n.c), n.each(lambda j: n.get(n.s, j))),
    "perhaps no turn": lambda n: (n.each(lambda j: n.put(n.s, 0)), n.get(n.s, 0)),
    "too late": lambda n: (n.each(lambda j: n.get(n.s, j)), n.each(lambda j: n.put(n.s, j))),
    "each from the one before, without a first": lambda n: n.each(
        lambda j: (n.get(n.s, n.plus(j, -1)), n.put(n.s, j)), 1
    ),
    "the one before, going down": lambda n: (
        n.put(n.s, 0),
        n.each(lambda j: (n.get(n.s, n.plus(j, -1)), n.put(n.s, j)), n.last, n.b.i64(0), -1),
    ),
    "the next one": lambda n: (
        n.put(n.s, 0),
        n.each(lambda j: (n.put(n.s, j), n.get(n.s, n.plus(j, 1))), 0, n.last),
    ),
    "somewhere": lambda n: (n.each(lambda j: n.put(n.s, n.chosen)), n.each(lambda j: n.get(n.s, j))),
    "elsewhere": lambda n: (n.put(n.s, n.chosen), n.get(n.s, 0)),
    "added to": lambda n: n.each(lambda j: n.add(n.s, j)),
}

OPEN: dict[str, Case] = {
    "a diagonal": lambda n: (n.each(lambda j: n.put(n.t, j, j)), n.each(lambda j: n.get(n.t, j, 0))),
    "a triangle": lambda n: (
        n.each(lambda a: n.each(lambda j: n.put(n.t, a, j), 0, a)),
        n.each(lambda a: n.each(lambda j: n.get(n.t, a, j))),
    ),
    "the row before, without a first": lambda n: n.each(
        lambda a: n.each(lambda j: (n.get(n.t, n.plus(a, -1), j), n.put(n.t, a, j))), 1
    ),
    "another row": lambda n: (n.each(lambda j: n.put(n.t, 0, j)), n.each(lambda j: n.get(n.t, j, 0))),
    "every other one of a view": lambda n: n.each(
        lambda a: (
            n.fill(n.backwards(a, 2), n.b.op("floordiv", n.d, n.b.i64(2))),
            n.each(lambda j: n.get(n.t, a, j)),
        )
    ),
}


@pytest.mark.parametrize("name", PRIVATE)
def test_written_before_it_is_read(name: str) -> None:
    assert judged(PRIVATE[name])["s"][0]


@pytest.mark.parametrize("name", TAPES)
def test_tapes_written_before_they_are_read(name: str) -> None:
    assert judged(TAPES[name])["t"][0]


@pytest.mark.parametrize("name", SHARED)
def test_read_without_being_written(name: str) -> None:
    assert not judged(SHARED[name], zero=True)["s"][0]


@pytest.mark.parametrize("name", OPEN)
def test_tapes_read_without_being_written(name: str) -> None:
    assert not judged(OPEN[name], zero=True)["t"][0]


def test_many_elements_stored_one_by_one_are_few_boxes() -> None:
    """All that can be made of sixty elements are some 1800 boxes: it took minutes to look at them."""

    def rows(n: Nest) -> None:
        for k in range(60):
            n.each(lambda j, k=k: n.put(n.t, n.plus(n.i, k), j))
        n.each(lambda j: n.get(n.t, n.plus(n.i, 59), j))
        n.each(lambda j: n.get(n.t, n.i, j))

    def corners(n: Nest) -> None:
        for a, c in ((0, 0), (1, 1), (0, 1), (1, 0)):
            n.put(n.t, a, c)
        n.each(lambda a: n.each(lambda c: n.get(n.t, a, c), 0, n.b.i64(2)), 0, n.b.i64(2))

    assert judged(rows)["t"][0]
    assert judged(corners)["t"][0]


def test_what_is_read_after_the_loop_is_not_private() -> None:
    fill = PRIVATE["up and down"]
    read: Case = lambda n: n.get(n.s, 0)  # noqa: E731
    again: Case = lambda n: (n.each(lambda j: n.put(n.s, j)), n.get(n.s, n.last))  # noqa: E731
    assert judged(fill, epochs=True)["s"][0]
    assert not judged(fill, after=read)["s"][0]
    assert not judged(fill, epochs=True, before=read)["s"][0], "the next epoch reads it"
    assert judged(fill, epochs=True, before=again, after=again)["s"][0]


def test_what_is_handed_on_is_not_private() -> None:
    fill = PRIVATE["up and down"]

    def carried(n: Nest) -> None:
        loop(n.b, 0, 2, [n.s], lambda _, handle: [handle])

    assert not judged(fill, after=carried)["s"][0]
    assert not judged(RESTS["added and wiped"], zero=True, after=carried)["s"][1]


# -- what is zero again

RESTS: dict[str, Case] = {
    "added and wiped": lambda n: (n.each(lambda j: n.add(n.s, j)), n.each(lambda j: n.put(n.s, j, value=0.0))),
    "wiped from the end": lambda n: (n.each(lambda j: n.add(n.s, j)), n.down(lambda j: n.put(n.s, j, value=0.0))),
    "wiped one by one": lambda n: n.each(lambda j: (n.add(n.s, j), n.get(n.s, j), n.put(n.s, j, value=0.0))),
    "wiped where it was changed": lambda n: n.each(lambda j: n.briefly(j)),
    "changed somewhere": lambda n: (n.add(n.s, n.chosen), n.each(lambda j: n.put(n.s, j, value=0.0))),
    "changed in a branch": lambda n: (
        n.either(lambda: n.each(lambda j: n.add(n.s, j))),
        n.each(lambda j: n.put(n.s, j, value=0.0)),
    ),
    "wiped in both branches": lambda n: (
        n.add(n.s, n.chosen),
        n.either(*[lambda: n.each(lambda j: n.put(n.s, j, value=0.0))] * 2),
    ),
    "changed until left": lambda n: (
        n.each(lambda j: n.add(n.s, j), exits=True),
        n.each(lambda j: n.put(n.s, j, value=0.0)),
    ),
    "wiped in parts": lambda n: (
        n.each(lambda j: n.add(n.s, j)),
        n.put(n.s, 0, value=0.0),
        n.each(lambda j: n.put(n.s, j, value=0.0), 1),
    ),
    "only read": lambda n: n.get(n.s, n.chosen),
}

SOILED: dict[str, Case] = {
    "added to": lambda n: n.each(lambda j: n.add(n.s, j)),
    "wiped but for the first": lambda n: (
        n.each(lambda j: n.add(n.s, j)),
        n.each(lambda j: n.put(n.s, j, value=0.0), 1),
    ),
    "wiped to minus zero": lambda n: (n.each(lambda j: n.add(n.s, j)), n.each(lambda j: n.put(n.s, j, value=-0.0))),
    "wiped before": lambda n: (n.each(lambda j: n.put(n.s, j, value=0.0)), n.each(lambda j: n.add(n.s, j))),
    "wiped in a branch": lambda n: (
        n.add(n.s, n.chosen),
        n.either(lambda: n.each(lambda j: n.put(n.s, j, value=0.0))),
    ),
    "wiped where a branch says": lambda n: n.each(
        lambda j: (n.add(n.s, j), n.either(lambda: n.put(n.s, j, value=0.0)))
    ),
    "wiped until left": lambda n: (
        n.each(lambda j: n.add(n.s, j)),
        n.each(lambda j: n.put(n.s, j, value=0.0), exits=True),
    ),
    "wiped elsewhere": lambda n: (n.add(n.s, n.chosen), n.put(n.s, 0, value=0.0)),
    "wiped over another range": lambda n: (
        n.each(lambda j: n.add(n.s, j)),
        n.each(lambda j: n.put(n.s, j, value=0.0), 0, n.c),
    ),
    "wiped one behind": lambda n: n.each(lambda j: (n.add(n.s, j), n.put(n.s, n.plus(j, -1), value=0.0)), 1),
    "soiled again": lambda n: (
        n.each(lambda j: n.add(n.s, j)),
        n.each(lambda j: n.put(n.s, j, value=0.0)),
        n.either(lambda: n.add(n.s, 0)),
    ),
}


@pytest.mark.parametrize("name", RESTS)
def test_zero_again(name: str) -> None:
    assert judged(RESTS[name], zero=True)["s"][1]
    assert not judged(RESTS[name], zero=False)["s"][1], "memory that never was zero"


@pytest.mark.parametrize("name", SOILED)
def test_not_zero_again(name: str) -> None:
    assert not judged(SOILED[name], zero=True)["s"][1]


def test_what_others_write_does_not_rest() -> None:
    tidy = RESTS["added and wiped"]
    assert judged(tidy, zero=True, epochs=True)["s"][1]
    assert not judged(tidy, zero=True, before=lambda n: n.put(n.s, 0))["s"][1]
    assert not judged(tidy, zero=True, epochs=True, after=lambda n: n.put(n.s, 0))["s"][1]
    assert judged(tidy, zero=True, after=lambda n: n.get(n.s, 0))["s"][1]
