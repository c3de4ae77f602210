"""Random IR programs for testing passes: arithmetic, memory, checks, nested control flow, tapes.

`program(rng)` gives a function of `(f64, f64, i64, i64, buffer, buffer)`. Every access is checked, loops are
short, and what it computes is returned, so a pass that changes anything is seen.
"""

from __future__ import annotations

import random

from llad.ir.build import Builder
from llad.ir.core import Function, Region, Value
from llad.ir.types import BOOL, F64, I64, BufferType, Type

VECTOR = BufferType(F64, 1)
FLOAT_OPS = ("add", "sub", "mul", "div", "min", "max", "maximum", "mulz")
FLOAT_UNARY = ("neg", "abs", "sqrt", "exp", "log")
FLOATS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -3.25, 1e300)


class Writer:
    """Emits random statements; `scope` holds the values that may be used, by type."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.b = Builder()
        self.scope: dict[Type, list[Value]] = {F64: [], I64: [], BOOL: [], VECTOR: []}
        self.along: list[tuple[Value, Value]] = []  # buffers, and the indices of loops over them
        self.budget = 60

    def note(self, value: Value) -> Value:
        self.scope[value.type].append(value)
        return value

    def pick(self, type: Type) -> Value:
        values = self.scope[type]
        if not values or (type != VECTOR and self.rng.random() < 0.2):
            return self.constant(type)
        return self.rng.choice(values[-6:] if self.rng.random() < 0.6 else values)

    def constant(self, type: Type) -> Value:
        choice = self.rng.choice
        if type == F64:
            return self.b.f64(choice(FLOATS))
        return self.b.i64(choice(range(-2, 5))) if type == I64 else self.b.const(choice((True, False)), BOOL)

    # -- statements

    def statements(self, count: int, depth: int) -> None:
        kinds = [self.arithmetic] * 4 + [self.integers] * 3 + [self.comparison] * 2 + [self.load] * 3 + [self.store] * 2
        kinds += [self.memory]
        nested = [self.branch, self.loop, self.loop, self.while_loop, self.tape, self.maybe]
        for _ in range(count):
            self.budget -= 1
            if self.budget < 0:
                return
            if depth < 3 and self.rng.random() < 0.3:
                self.rng.choice(nested)(depth)
            else:
                self.rng.choice(kinds)()

    def arithmetic(self) -> None:
        b, roll = self.b, self.rng.random()
        if roll < 0.6:
            self.note(b.op(self.rng.choice(FLOAT_OPS), self.pick(F64), self.pick(F64)))
        elif roll < 0.8:
            self.note(b.op(self.rng.choice(FLOAT_UNARY), self.pick(F64)))
        elif roll < 0.9:
            self.note(b.op("select", self.pick(BOOL), self.pick(F64), self.pick(F64)))
        else:
            self.note(b.cast(self.pick(self.rng.choice((I64, BOOL))), F64))

    def integers(self) -> None:
        b, name = (
            self.b,
            self.rng.choice(("add", "add", "sub", "mul", "min", "max", "floordiv", "mod", "select", "neg")),
        )
        x, y = self.pick(I64), self.pick(I64)
        if name == "select":
            self.note(b.op("select", self.pick(BOOL), x, y))
        elif name == "neg":
            self.note(b.op("neg", x))
        else:
            if name in ("add", "sub", "mul") and self.rng.random() < 0.7:
                b.check(b.op("not", b.op(f"{name}_overflows", x, y)), "OverflowError", "too large")
            if name in ("floordiv", "mod"):
                b.check(b.op("ne", y, b.i64(0)), "ZeroDivisionError", "division by zero")
            self.note(b.op(name, x, y))

    def comparison(self) -> None:
        b, roll = self.b, self.rng.random()
        if roll < 0.7:
            type = self.rng.choice((F64, I64, I64))
            name = self.rng.choice(("lt", "le", "gt", "ge", "eq", "ne"))
            self.note(b.op(name, self.pick(type), self.pick(type)))
        elif roll < 0.9:
            self.note(b.op(self.rng.choice(("and", "or", "xor")), self.pick(BOOL), self.pick(BOOL)))
        else:
            self.note(b.op("not", self.pick(BOOL)))

    def element(self) -> tuple[Value, Value]:
        """A buffer and a checked index: Python's (negative ones wrap), that of a loop, or one brought into range."""
        b = self.b
        if self.along and self.rng.random() < 0.5:
            buffer, i = self.rng.choice(self.along)
            if self.rng.random() < 0.3:
                buffer = self.pick(VECTOR)
        else:
            buffer, i = self.pick(VECTOR), self.pick(I64)
            if self.rng.random() < 0.8:
                n = b.dim(buffer, 0)
                b.check(b.op("gt", n, b.i64(0)), "IndexError", "empty")
                return buffer, b.op("mod", i, n)
        n = b.dim(buffer, 0)
        if self.rng.random() < 0.5:
            i = b.op("select", b.op("lt", i, b.i64(0)), b.op("add", i, n), i)
        inside = b.op("and", b.op("ge", i, b.i64(0)), b.op("lt", i, n))
        b.check(inside, "IndexError", "index {} of {}", i, n)
        return buffer, i

    def load(self) -> None:
        self.note(self.b.load(*self.element()))

    def store(self) -> None:
        value = self.pick(F64)
        self.b.store(value, *self.element())

    def memory(self) -> None:
        b = self.b
        if self.rng.random() < 0.6:
            extent = b.dim(self.pick(VECTOR), 0) if self.rng.random() < 0.5 else b.i64(self.rng.choice((1, 3, 300)))
            self.note(b.alloc(F64, [extent], zero=True))
        else:
            self.note(b.dim(self.pick(VECTOR), 0))

    # -- control

    def inner(self, count: int, depth: int, args: tuple[Value, ...] = ()) -> dict[Type, list[Value]]:
        """Statements in the open region; what was in scope outside, to be restored by the caller."""
        outer = self.scope
        self.scope = {t: list(v) for t, v in outer.items()}
        for arg in args:
            self.note(arg)
        self.statements(count, depth + 1)
        return outer

    def branch(self, depth: int) -> None:
        types = self.rng.choices((F64, F64, I64, VECTOR), k=self.rng.randrange(3))
        condition = self.pick(BOOL)
        regions: list[Region] = []
        for _ in range(2):
            with self.b.region() as region:
                outer = self.inner(self.rng.randrange(4), depth)
                self.b.yield_(*map(self.pick, types))
                self.scope = outer
            regions.append(region)
        for result in self.b.if_(condition, *regions):
            self.note(result)

    def loop(self, depth: int) -> None:
        b, rng = self.b, self.rng
        step = rng.choice((1, 1, 1, -1, 2))
        ends = [b.i64(rng.randrange(-1, 3)), b.op("min", self.pick(I64), b.i64(5)), b.dim(self.pick(VECTOR), 0)]
        lo, hi = b.op("max", ends[0], b.i64(-2)), b.op("min", rng.choice(ends), b.i64(6))
        hi = b.op("max", hi, b.i64(-3))
        whole = self.pick(VECTOR) if rng.random() < 0.6 else None
        if whole is not None:
            lo, hi, step = b.i64(0), b.dim(whole, 0), rng.choice((1, 1, -1))
            if step < 0:
                lo, hi = b.i64(-1), b.op("sub", hi, b.i64(1))
        types = rng.choices((F64, F64, I64, VECTOR), k=rng.randrange(4))
        if step < 0:
            lo, hi = hi, lo
        inits = list(map(self.pick, types))
        exits = rng.random() < 0.2
        with b.region([I64, *types]) as body:
            if whole is not None:
                self.along.append((whole, body.args[0]))
            outer = self.inner(1 + rng.randrange(5), depth, body.args)
            del self.along[len(self.along) - (whole is not None) :]
            leave = [self.pick(BOOL)] if exits else []
            b.yield_(*leave, *map(self.pick, types))
            self.scope = outer
        for result in b.for_(lo, hi, b.i64(step), inits, body, exits=exits):
            self.note(result)

    def while_loop(self, depth: int) -> None:
        b = self.b
        types = self.rng.choices((F64, I64, VECTOR), k=self.rng.randrange(3))
        limit = b.op("min", self.pick(I64), b.i64(4))
        inits = [b.i64(0), *map(self.pick, types)]
        with b.region([I64, *types]) as condition:
            b.yield_(b.op("lt", condition.args[0], limit))
        with b.region([I64, *types]) as body:
            outer = self.inner(1 + self.rng.randrange(4), depth, body.args)
            one = b.i64(1)
            b.check(b.op("not", b.op("add_overflows", body.args[0], one)), "OverflowError", "too large")
            b.yield_(b.op("add", body.args[0], one), *map(self.pick, types))
            self.scope = outer
        for result in b.while_(inits, condition, body):
            self.note(result)

    def tape(self, depth: int) -> None:
        """Push in one loop, pop in another of as many iterations, and perhaps use what was popped."""
        b = self.b
        stack = b.lifo([F64, I64])
        n, zero, one = b.op("max", b.op("min", self.pick(I64), b.i64(4)), b.i64(0)), b.i64(0), b.i64(1)
        with b.region([I64]) as body:
            outer = self.inner(2, depth, body.args)
            b.push(stack, self.pick(F64), self.pick(I64))
            b.yield_()
            self.scope = outer
        b.for_(zero, n, one, [], body)
        with b.region([I64, F64]) as body:
            number, whole = b.pop(stack)
            total = b.op("add", body.args[1], number) if self.rng.random() < 0.6 else body.args[1]
            b.yield_(b.op("add", total, b.cast(whole, F64)) if self.rng.random() < 0.5 else total)
        self.note(b.for_(zero, n, one, [self.pick(F64)], body)[0])

    def maybe(self, depth: int) -> None:
        """A variable that is set in one branch and read under the same condition, perhaps in a loop."""
        b, condition, old = self.b, self.pick(BOOL), self.pick(F64)
        with b.region() as then:
            b.yield_(old)
        with b.region() as otherwise:
            b.yield_(b.undef(F64))
        (value,) = b.if_(condition, then, otherwise)
        trips = b.op("select", condition, b.i64(2), b.i64(0))
        with b.region([I64, F64]) as body:
            outer = self.inner(1, depth, body.args)
            b.yield_(b.op("add", body.args[1], b.op("mul", value, value)))
            self.scope = outer
        self.note(b.for_(b.i64(0), trips, b.i64(1), [self.pick(F64)], body)[0])


def program(rng: random.Random) -> Function:
    """A random function that returns some of what it computes."""
    writer = Writer(rng)
    names = ("x", "y", "m", "k", "a", "c")
    params = [Value(t, n) for t, n in zip((F64, F64, I64, I64, VECTOR, VECTOR), names, strict=True)]
    for param in params:
        writer.note(param)
    writer.statements(4 + rng.randrange(10), 0)
    results = [writer.pick(F64), writer.pick(F64), writer.pick(I64), writer.pick(BOOL)]
    if rng.random() < 0.5:
        results.append(writer.pick(VECTOR))
    writer.b.return_(*results)
    return writer.b.function("random", params, **({"may_alias": True} if rng.random() < 0.2 else {}))
