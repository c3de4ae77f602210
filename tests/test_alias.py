"""The memory questions: roots through every way that a handle can take, overlap, writes, escapes."""

from __future__ import annotations

from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Value
from llad.ir.types import BOOL, F64, I64, BufferType, LifoType

VECTOR = BufferType(F64, 1)


def vectors(*names: str) -> list[Value]:
    return [Value(VECTOR, n) for n in names]


def test_parameters_are_distinct_unless_they_may_alias():
    x, y = vectors("x", "y")
    b = Builder()
    fresh = b.alloc(F64, [b.i64(3)])
    b.store(b.f64(1.0), x, b.i64(0))
    b.return_()
    distinct = Aliases(b.function("f", [x, y]))
    assert distinct.roots(x) == {x} and not distinct.may_alias(x, y)
    assert distinct.is_read_only(y) and not distinct.is_read_only(x)
    overlapping = Aliases(b.function("f", [x, y], may_alias=True))
    assert overlapping.may_alias(x, y) and not overlapping.is_read_only(y)
    assert not overlapping.may_alias(x, fresh)


def test_views_and_branches_keep_roots():
    (x,) = vectors("x")
    c = Value(BOOL, "c")
    b = Builder()
    fresh = b.alloc(F64, [b.i64(3)])
    window = b.view(x, ["slice"], b.i64(0), b.i64(2), b.i64(1))
    with b.region() as then:
        b.yield_(fresh)
    with b.region() as otherwise:
        b.yield_(x)
    (either,) = b.if_(c, then, otherwise)
    b.return_()
    aliases = Aliases(b.function("f", [x, c]))
    assert aliases.roots(window) == {x}
    assert aliases.roots(either) == {fresh, x}
    assert aliases.may_alias(window, either) and aliases.escapes(fresh)


def test_swapped_carries_have_both_roots_and_inner_allocs_flow_out():
    x, y = vectors("x", "y")
    n = Value(I64, "n")
    b = Builder()
    zero, one = b.i64(0), b.i64(1)
    with b.region([I64, VECTOR, VECTOR, VECTOR], ["i", "a", "b", "t"]) as body:
        _, first, second, third = body.args
        fresh = b.alloc(F64, [n])
        scratch = b.alloc(F64, [n])
        b.store(b.f64(0.0), scratch, zero)
        b.yield_(second, first, fresh)
    a, s, t, _ = b.for_(zero, n, one, [x, y, x], body)
    b.return_()
    aliases = Aliases(b.function("f", [x, y, n]))
    assert aliases.roots(a) == aliases.roots(s) == aliases.roots(first) == {x, y}
    assert aliases.roots(t) == aliases.roots(third) == {x, fresh}
    assert aliases.escapes(fresh) and not aliases.escapes(scratch)
    assert aliases.written(body) == {scratch}


def test_while_carries_reach_the_condition():
    x, y = vectors("x", "y")
    b = Builder()
    zero = b.i64(0)
    with b.region([VECTOR]) as condition:
        b.yield_(b.op("add", b.load(condition.args[0], zero), b.f64(0.0)))
    condition.ops[-1].operands[0].type = BOOL  # no comparisons are needed to ask about memory
    with b.region([VECTOR]) as body:
        b.yield_(y)
    last, _ = b.while_([x], condition, body)
    b.return_()
    aliases = Aliases(b.function("f", [x, y]))
    assert aliases.roots(condition.args[0]) == aliases.roots(last) == {x, y}
    assert aliases.read(condition) == {x, y} and not aliases.written(condition)


def test_a_pop_gives_what_was_pushed_there():
    x, y, z = vectors("x", "y", "z")
    b = Builder()
    stack, other = b.lifo([VECTOR, F64]), b.lifo([VECTOR, F64])
    b.push(stack, x, b.f64(1.0))
    b.push(stack, y, b.f64(1.0))
    b.push(other, z, b.f64(1.0))
    popped, number = b.pop(stack)
    b.return_()
    aliases = Aliases(fn := b.function("f", [x, y, z]))
    assert aliases.roots(popped) == {x, y} and not aliases.roots(number)
    assert aliases.written(fn) == {stack, other}


def test_a_lifo_on_a_lifo():
    (x,) = vectors("x")
    b = Builder()
    inner = b.lifo([VECTOR])
    outer = b.lifo([LifoType((VECTOR,))])
    b.push(outer, inner)
    (again,) = b.pop(outer)
    b.push(again, x)
    (popped,) = b.pop(inner)
    b.return_()
    aliases = Aliases(b.function("f", [x]))
    assert aliases.roots(again) == {inner} and aliases.roots(popped) == {x}


def test_a_derivative_reads_its_operands_and_may_hand_them_back():
    x, y = vectors("x", "y")
    b = Builder()
    callee = Builder()
    p = Value(VECTOR)
    callee.return_(callee.load(p, callee.i64(0)))
    _, x_bar = b.derivative(callee.function("g", [p]), "grad", [0], [x], [F64, VECTOR])
    b.return_()
    aliases = Aliases(b.function("f", [x, y]))
    assert aliases.roots(x_bar) == {x, x_bar}
    fn = b.function("f", [x, y])
    assert Aliases(fn).read(fn) == {x} and not Aliases(fn).written(fn)


def test_an_undefined_buffer_has_no_roots():
    (x,) = vectors("x")
    b = Builder()
    nothing = b.undef(VECTOR)
    b.return_()
    assert not Aliases(b.function("f", [x])).may_alias(nothing, x)
