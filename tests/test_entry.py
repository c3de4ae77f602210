"""Native entry points against kernels written by hand: what they accept, return, raise and keep references to."""

from __future__ import annotations

import contextlib
import gc
import threading
import time

import numpy as np
import pytest
from leaks import left_behind

from llad.codegen.entry import DECLARATIONS, emit_entry
from llad.codegen.jit import link
from llad.codegen.layout import LAYOUT, symbols
from llad.codegen.plan import (
    ArrayArgument,
    GuardCheck,
    Leaf,
    NumberArgument,
    Plan,
    StaticArgument,
)
from llad.codegen.runtime import module_text
from llad.codegen.vectorcall import Native
from llad.codegen.work import Factor, Term
from llad.ir.types import BOOL, F32, F64, I32, I64, BufferType
from llad.returned import Constant, Fresh, Output, Passed
from llad.structures import ABSENT, TUPLE, Node

pytestmark = pytest.mark.skipif(LAYOUT is None, reason="no native entry points on this interpreter")

FLOAT = NumberArgument(F64, (float,))
VECTOR = ArrayArgument(F64, 1)


class Missed(Exception):
    """The call went to the slow path."""


def missed(*args, **kwargs):
    raise Missed(args, kwargs)


def raised(code, *values):
    return IndexError(f"code {code}, values {values}")


def build(kernel: str, arguments, operands, outputs, result, **more) -> Native:
    """A callable for the kernel `define internal i32 @k(ptr %ctx, …)`."""
    plan = Plan("k", tuple(arguments), tuple(operands), tuple(outputs), result, raised, **more)
    assert LAYOUT is not None
    entry = emit_entry(plan, LAYOUT)
    table = symbols() | {entry.pins.symbol: entry.pins.seal()}
    linked = link(module_text([DECLARATIONS, kernel, entry.text]), [entry.symbol], table)
    native = Native(missed)
    native.prepend(linked.addresses[entry.symbol], entry.pins, linked)
    return native


def identity(llvm: str, type, argument, stored: str = "") -> Native:
    """x → x for a number of an LLVM type."""
    kernel = f"define internal i32 @k(ptr %ctx, {llvm} %x, ptr %r) {{\n"
    kernel += f"  {'%y = zext i1 %x to i8' if llvm == 'i1' else ''}\n"
    kernel += f"  store {stored or llvm} {'%y' if llvm == 'i1' else '%x'}, ptr %r\n  ret i32 0\n}}\n"
    return build(kernel, [argument], [Leaf(0)], [type], Output(0))


def test_numbers_pass_through_by_exact_type():
    for llvm, type, accepts, values in (
        ("double", F64, (float,), (1.5, -0.0, float("inf"))),
        ("double", F64, (float, np.float64), (1.5, np.float64(2.5))),
        ("float", F32, (np.float32,), (np.float32(0.1),)),
        ("i64", I64, (int,), (0, -1, 2**63 - 1, -(2**63))),
        ("i64", I64, (np.int64,), (np.int64(-5),)),
        ("i32", I32, (np.int32,), (np.int32(-5),)),
        ("i1", BOOL, (bool,), (True, False)),
        ("i1", BOOL, (bool, np.bool_), (True, False, np.True_, np.False_)),
    ):
        f = identity(llvm, type, NumberArgument(type, accepts), "i8" if llvm == "i1" else "")
        for value in values:
            got = f(value)
            assert got == value and type.name[0] == {float: "f", int: "i", bool: "b"}[got.__class__]
        for other in (1.5, np.float32(1), 3, True, np.int64(3), np.int32(3), np.True_, "x", None, [1.0]):
            if other.__class__ not in accepts:
                with pytest.raises(Missed):
                    f(other)
    with pytest.raises(Missed):
        identity("i64", I64, NumberArgument(I64, (int,)))(2**63)


def test_wrong_number_of_arguments_and_keywords_go_the_slow_way():
    f = identity("double", F64, FLOAT)
    for args, kwargs in (((), {}), ((1.0, 2.0), {}), ((1.0,), {"y": 2.0}), ((), {"x": 1.0})):
        with pytest.raises(Missed) as caught:
            f(*args, **kwargs)
        assert caught.value.args == (args, kwargs)


SUM = """
define internal i32 @k(ptr %ctx, ptr %x, i64 %n, ptr %g, i64 %gn, ptr %r) {
entry:
  %none = icmp eq i64 %n, 0
  br i1 %none, label %done, label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]
  %s = phi double [ 0.0, %entry ], [ %s1, %loop ]
  %p = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %p
  %s1 = fadd double %s, %v
  %q = getelementptr double, ptr %g, i64 %i
  %old = load double, ptr %q
  %new = fadd double %old, %v
  store double %new, ptr %q
  %i1 = add i64 %i, 1
  %more = icmp slt i64 %i1, %n
  br i1 %more, label %loop, label %done
done:
  %t = phi double [ 0.0, %entry ], [ %s1, %loop ]
  store double %t, ptr %r
  ret i32 0
}
"""


def value_and_gradient(**more) -> Native:
    result = Node(TUPLE, (Output(0), Fresh(0)))
    return build(SUM, [VECTOR], [Leaf(0), Fresh(0)], [F64], result, fresh=(0,), **more)


def test_gradient_arrays_are_fresh_and_start_at_zero():
    f = value_and_gradient()
    for n in (0, 1, 3, 1000):
        x = np.arange(float(n))
        for _ in range(3):
            value, gradient = f(x)
            assert value == x.sum() and gradient.flags.owndata and gradient is not x
            np.testing.assert_array_equal(gradient, x)


def test_arrays_of_another_kind_go_the_slow_way():
    f = value_and_gradient()
    x = np.arange(8.0)
    swapped, misaligned = x.astype(">f8"), np.zeros(65, np.uint8)[1:].view(np.float64)
    for other in (x[::2], x.astype("f4"), x.reshape(2, 4), x.view(np.matrix), [1.0], None, 3.0, swapped, misaligned):
        with pytest.raises(Missed):
            f(other)


def test_out_by_keyword_is_zeroed_and_returned():
    arguments = [VECTOR, ArrayArgument(F64, 1, like=0, writeable=True, apart=True, clear=True)]
    result = Passed(1)
    f = build(SUM, arguments, [Leaf(0), Leaf(1)], [F64], result, keywords=("out",))
    x, out = np.arange(4.0), np.full(4, 9.0)
    assert f(x, out=out) is out
    np.testing.assert_array_equal(out, x)
    readonly = np.zeros(4)
    readonly.flags.writeable = False
    for wrong in (np.zeros(5), np.zeros(8)[::2], readonly, x, None):
        with pytest.raises(Missed):
            f(x, out=wrong)
    overlapping = np.zeros(6)
    with pytest.raises(Missed):
        f(overlapping[:4], out=overlapping[2:])
    np.testing.assert_array_equal(f(overlapping[:3], out=overlapping[3:]), np.zeros(3))
    for args, kwargs in (((x, out), {}), ((x,), {"into": out}), ((x,), {"out": out, "more": 1})):
        with pytest.raises(Missed):
            f(*args, **kwargs)


def test_some_overlap_is_the_other_half_of_none():
    arguments = [VECTOR, ArrayArgument(F64, 1, writeable=True, apart=True)]
    x = np.arange(8.0)
    pairs = [(x[:4], x[4:]), (x[:4], x[3:7]), (x, x), (x[3:3], x), (x[2:5], x[:3])]
    for overlap in ("none", "some"):
        f = build(SUM, arguments, [Leaf(0), Leaf(1)], [F64], Output(0), overlap=overlap)
        for a, b in pairs:
            meets = np.shares_memory(a, b)
            if meets == (overlap == "some") and len(a) <= len(b):
                f(a, b)
            elif meets != (overlap == "some"):
                with pytest.raises(Missed):
                    f(a, b)


def test_strided_ranges_of_bytes():
    strided = ArrayArgument(F64, 1, "strided", writeable=True, apart=True)
    kernel = "define internal i32 @k(ptr %c, ptr %x, i64 %n, i64 %s, ptr %y, i64 %m, ptr %r) {\n"
    kernel += "  store i64 %s, ptr %r\n  ret i32 0\n}\n"
    f = build(kernel, [strided, VECTOR], [Leaf(0), Leaf(1)], [I64], Output(0))
    x = np.arange(16.0)
    assert f(x[8::2], x[:8]) == 16
    assert f(x[:7:-2], x[:8]) == -16
    for a, b in ((x[7:0:-2], x[1:2]), (x[::2], x[15:]), (x[6::-2], x[:1])):
        touch = a.min() * 8 < (b[-1] + 1) * 8 and b[0] * 8 < (a.max() + 1) * 8
        if touch:
            with pytest.raises(Missed):
                f(a, b)
        else:
            f(a, b)
    with pytest.raises(Missed):
        f(np.lib.stride_tricks.as_strided(x, (4,), (0,)), np.zeros(1))
    with pytest.raises(Missed):
        f(x[:8], np.zeros(1))  # contiguous: there is a better specialisation


PAIR = """
define internal i32 @k(ptr %ctx, double %a, i64 %b, ptr %r, ptr %q) {
  store double %a, ptr %r
  store i64 %b, ptr %q
  ret i32 0
}
"""


def test_tuples_statics_and_nested_results():
    pair = Node(TUPLE, (FLOAT, Node(TUPLE, (NumberArgument(I64, (int,)), StaticArgument("mode")))))
    number, other = Output(0), Output(1)
    result = Node(TUPLE, (Node(TUPLE, (number, Node(TUPLE, (other,)))), Node(TUPLE, ()), Constant(None)))
    f = build(PAIR, [pair, StaticArgument(None)], [Leaf(0), Leaf(1)], [F64, I64], result)
    assert f((2.5, (7, "mode")), None) == ((2.5, (7,)), (), None)
    for wrong in ((2.5, (7,)), (2.5, (7, "other")), (2.5, 7), [2.5, (7, "mode")], (2.5, (7, "mode"), 1), 1.0):
        with pytest.raises(Missed):
            f(wrong, None)
    with pytest.raises(Missed):
        f((2.5, (7, "mode")), False)


def test_arguments_by_name_in_order_and_defaults():
    kernel = """
define internal i32 @k(ptr %ctx, double %a, i64 %b, i64 %c, ptr %r, ptr %q, ptr %s) {
  store double %a, ptr %r
  store i64 %b, ptr %q
  store i64 %c, ptr %s
  ret i32 0
}
"""
    number = NumberArgument(I64, (int,))
    result = Node(TUPLE, (Output(0), Output(1), Output(2)))
    f = build(
        kernel, [FLOAT, number, number], [Leaf(0), Leaf(1), Leaf(2)], [F64, I64, I64], result,
        names=(None, "b", "c"), defaults=(5, 7),
    )  # fmt: skip
    assert f(1.5) == (1.5, 5, 7) and f(1.5, 2) == (1.5, 2, 7) and f(1.5, 2, 3) == (1.5, 2, 3)
    assert f(1.5, b=2) == (1.5, 2, 7) and f(1.5, b=2, c=3) == (1.5, 2, 3) and f(1.5, 2, c=3) == (1.5, 2, 3)
    assert f(1.5, **{}) == (1.5, 5, 7)
    for args, kwargs in (
        ((), {}),
        ((1.5, 2, 3, 4), {}),
        ((1.5,), {"c": 3}),
        ((1.5,), {"c": 3, "b": 2}),
        ((1.5, 2), {"b": 2}),
        ((1.5, 2, 3), {"c": 3}),
        ((), {"a": 1.5}),
        ((1.5,), {"b": 2.0}),
        ((1.5,), {"d": 2}),
    ):
        with pytest.raises(Missed) as caught:
            f(*args, **kwargs)
        assert caught.value.args == (args, kwargs)


def copier(layout: str, extra: str = "") -> Native:
    strides = ", i64 %s, i64 %t" if layout == "strided" else ""
    kernel = f"define internal i32 @k(ptr %c, ptr %x, i64 %n, i64 %m{strides}, ptr %r) {{\n"
    for k, word in enumerate(["ptr %x", "i64 %n", "i64 %m", *strides.split(", ")[1:]]):
        kernel += f"  %p{k} = getelementptr i8, ptr %r, i64 {8 * k}\n  store {word}, ptr %p{k}\n"
    kernel += "  ret i32 0\n}\n"
    return build(
        kernel, [ArrayArgument(F32, 2, layout)], [Leaf(0)], [BufferType(F32, 2, layout)],
        Output(0),
    )  # fmt: skip


def test_result_arrays_are_copies():
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for f, a in ((copier("C"), x), (copier("strided"), x.T), (copier("strided"), x[::-1, ::2])):
        for _ in range(2):
            got = f(a)
            np.testing.assert_array_equal(got, a)
            assert got.flags.c_contiguous and got.flags.owndata and got.dtype == np.float32
    assert copier("C")(np.zeros((0, 3), np.float32)).shape == (0, 3)


FAIL = """
define internal i32 @k(ptr %ctx, i64 %n, ptr %x, i64 %len, ptr %r) {
  %bad = icmp slt i64 %n, 0
  %p = getelementptr i8, ptr %ctx, i64 8
  %q = getelementptr i8, ptr %ctx, i64 16
  store i64 %n, ptr %p
  store i64 77, ptr %q
  store i64 %n, ptr %r
  %c = select i1 %bad, i32 2, i32 0
  ret i32 %c
}
"""


def failing() -> Native:
    arguments = [NumberArgument(I64, (int,)), VECTOR]
    result = Node(TUPLE, (Output(0), Fresh(0)))
    return build(FAIL, arguments, [Leaf(0), Leaf(1)], [I64], result, fresh=(1,))


def test_an_error_code_becomes_an_exception():
    f = failing()
    with pytest.raises(IndexError, match=r"code 2, values \(-3, 77, 0, 0\)") as caught:
        f(-3, np.zeros(3))
    assert len(caught.traceback) == 1  # no frame of llad's
    assert f(3, np.zeros(3))[0] == 3


def test_guards_on_globals_cells_and_functions():
    namespace = {"a": (1,), "b": (2,)}
    value = (3,)

    def make():
        cell = value

        def inner(x=1):
            return cell

        def change(new):
            nonlocal cell
            cell = new

        return inner, change

    inner, change = make()
    held = inner.__closure__[0]
    verdict = [True]
    guards = (
        GuardCheck(namespace, "a", namespace["a"], missed),
        GuardCheck(namespace, "b", namespace["b"], missed),
        GuardCheck(namespace, "absent", ABSENT, missed),
        GuardCheck(held, "", value, missed),
        GuardCheck(inner, "__defaults__", inner.__defaults__, missed),
        GuardCheck(inner, "__kwdefaults__", None, missed),
        GuardCheck(Missed.__dict__, "__doc__", Missed.__doc__, missed),
        GuardCheck(object(), "", None, lambda: verdict[0]),
    )
    kernel = "define internal i32 @k(ptr %c, double %x, ptr %r) {\n  store double %x, ptr %r\n  ret i32 0\n}\n"
    f = build(kernel, [FLOAT], [Leaf(0)], [F64], Output(0), guards=guards)

    def stands():
        for _ in range(3):
            assert f(1.0) == 1.0

    def fell():
        for _ in range(3):
            with pytest.raises(Missed):
                f(1.0)

    def exchange(do, undo):
        stands()
        do()
        fell()
        undo()
        stands()

    a, defaults = namespace["a"], inner.__defaults__
    exchange(lambda: namespace.update(a=(9,)), lambda: namespace.update(a=a))
    exchange(lambda: namespace.update(absent=1), lambda: namespace.pop("absent"))
    exchange(lambda: change(None), lambda: change(value))
    exchange(lambda: setattr(inner, "__defaults__", (2,)), lambda: setattr(inner, "__defaults__", defaults))
    exchange(lambda: setattr(inner, "__kwdefaults__", {}), lambda: setattr(inner, "__kwdefaults__", None))
    doc = Missed.__doc__
    exchange(lambda: setattr(Missed, "__doc__", "other"), lambda: setattr(Missed, "__doc__", doc))
    exchange(lambda: verdict.__setitem__(0, False), lambda: verdict.__setitem__(0, True))
    namespace["unrelated"] = 1
    stands()
    del namespace["b"]
    fell()


def test_captured_arrays_are_read_where_they_are():
    data = np.arange(3.0)
    f = build(SUM, [], [Leaf(0), Fresh(0)], [F64], Output(0), captured=((VECTOR, data),), fresh=(0,))
    assert f() == 3.0
    data[0] = 5.0
    assert f() == 8.0
    data.resize(1, refcheck=False)
    assert f() == 5.0
    data.shape = (1, 1)
    with pytest.raises(Missed):
        f()


def test_references_balance():
    x, out = np.arange(50.0), np.zeros(50)
    keyed = build(
        SUM, [VECTOR, ArrayArgument(F64, 1, like=0, writeable=True, apart=True, clear=True)], [Leaf(0), Leaf(1)], [F64],
        Node(TUPLE, (Node(TUPLE, (Passed(1), Constant(x))), Constant(None))), keywords=("out",),
    )  # fmt: skip
    gradient, fail = value_and_gradient(), failing()
    watched = [x, out, None, raised, keyed, gradient, fail]

    def work():
        for _ in range(200):
            keyed(x, out=out)
            gradient(x)
            for wrong in (lambda: fail(-1, x), lambda: gradient(x[::2])):
                with contextlib.suppress(IndexError, Missed):
                    wrong()

    gained, grown = left_behind(work, watched)
    assert [g for g in gained if abs(g) > 5] == []
    assert grown < 2000


def test_the_gil_is_released_for_large_work_only():
    kernel = """
@stop = external global i64
define internal i32 @k(ptr %ctx, i64 %n, ptr %r) {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %i1, %loop ]
  %s = load volatile i64, ptr @flag
  %i1 = add i64 %i, 1
  %limit = icmp sge i64 %i1, %n
  %seen = icmp ne i64 %s, 0
  %end = or i1 %limit, %seen
  br i1 %end, label %done, label %loop
done:
  store i64 %s, ptr %r
  store i64 0, ptr @flag
  ret i32 0
}
@flag = global i64 0
define void @raise_flag() {
  store volatile i64 1, ptr @flag
  ret void
}
""".replace("@stop = external global i64\n", "")
    import ctypes

    plan_work = (Term(1.0, (Factor(0),)),)
    plan = Plan("k", (NumberArgument(I64, (int,)),), (Leaf(0),), (I64,), Output(0), raised, work=plan_work)
    entry = emit_entry(plan, LAYOUT)
    table = symbols() | {entry.pins.symbol: entry.pins.seal()}
    linked = link(module_text([DECLARATIONS, kernel, entry.text]), [entry.symbol, "raise_flag"], table)
    f = Native(missed)
    f.prepend(linked.addresses[entry.symbol], entry.pins, linked)
    raise_flag = ctypes.CFUNCTYPE(None)(linked.addresses["raise_flag"])
    assert f(1000) == 0

    def later():
        time.sleep(0.05)
        raise_flag()

    thread = threading.Thread(target=later)
    thread.start()
    assert f(10**11) == 1  # would run for a minute if the other thread could not
    thread.join()


def test_newer_entries_come_first_and_dropped_ones_no_more():
    first, second = identity("double", F64, FLOAT), identity("i64", I64, NumberArgument(I64, (int,)))
    (address, pins), owner = second._chain[0], second._owned
    first.prepend(address, pins, owner)
    assert first(1.5) == 1.5 and first(3) == 3
    assert first.strict(3) == 3
    with pytest.raises(AssertionError):
        first.strict("x")
    first.drop(pins)
    assert first(1.5) == 1.5
    with pytest.raises(Missed):
        first(3)


def test_a_native_is_collected_with_its_cycles():
    import weakref

    f = identity("double", F64, FLOAT)
    f.me = f
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None
