"""A native CPython entry point, written from a plan: what Python's call instruction jumps to.

It takes the arguments apart (`unpack.py`), makes the arrays that the result needs, calls the native function,
without the GIL if the work is large, and turns what comes out into Python objects. A call that the plan does not
cover goes on, arguments untouched, to the function in word 0 of its pins: an older specialisation, in the end
the slow path.

Invariants: on every way out the call's native memory is released, or a tape owns it, and each reference made is either
in the result or dropped; no reference to an argument is kept. Code that runs without the GIL touches no Python object.
Nothing fails, and nothing of Python runs, once the object exists that owns the tape: it is the last of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from llad.codegen import handover
from llad.codegen.assembly import Assembly, Pins
from llad.codegen.context import BLOCKS, THREAD
from llad.codegen.handover import Handover, size_of
from llad.codegen.layout import Layout
from llad.codegen.lower_poll import INTERRUPTED
from llad.codegen.plan import (
    NUMPY_TYPES,
    ArrayArgument,
    Leaf,
    Plan,
    taken,
)
from llad.codegen.unpack import Unpacked, llvm_type, unpack
from llad.codegen.work import LARGE
from llad.dataclass import dataclass
from llad.ir.types import BOOL, BufferType, ScalarType, Type, is_float
from llad.returned import Constant, Fresh, Output, Passed, Result
from llad.structures import LIST, TUPLE, Form, Node

DECLARATIONS = f"""\
{handover.DECLARATIONS}\
@_Py_TrueStruct = external global i8
@_Py_FalseStruct = external global i8
declare i64 @llvm.abs.i64(i64, i1)
declare ptr @PyFloat_FromDouble(double)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PySequence_List(ptr)
declare ptr @PyTuple_New(i64)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """The text of a vectorcall function `symbol`, and the table that it reads."""

    symbol: str
    text: str
    pins: Pins


def emit_entry(plan: Plan, layout: Layout) -> Entry:
    """The entry point of `plan`; its module must also hold the native function and `@llad.release`."""
    plan.check()
    symbol = f"{plan.target}.entry"
    pins = Pins(f"{plan.target}.pins")
    code = Assembly(pins)
    code.do("%ctx = alloca %llad.ctx")
    code.do("%overflow = alloca i32")
    code.do("%made = alloca ptr")
    outputs = [code.let(f"alloca {output_type(t)}, align 8") for t in plan.outputs]
    slots = [code.let("alloca ptr") for _ in plan.fresh]
    owned = [code.let("alloca ptr") for argument in plan.arguments for _ in taken(argument)]
    for slot in owned:
        code.do(f"store ptr null, ptr {slot}")
    leaves = unpack(code, plan, layout, owned)
    for slot in ("%made", *slots):
        code.do(f"store ptr null, ptr {slot}")
    code.do("store %llad.ctx zeroinitializer, ptr %ctx")
    fresh = [_fresh(code, plan, layout, leaves, k, slots[k]) for k in range(len(plan.fresh))]
    for k, (leaf, argument) in enumerate(zip(leaves, plan.leaves(), strict=True)):
        if isinstance(argument, ArrayArgument) and plan.is_cleared(Leaf(k)):
            _clear(code, leaf.data, leaf.extents, argument.dtype)
    failed = _call(code, plan, leaves, fresh, outputs)
    code.require(code.let(f"icmp eq i32 {failed}, 0"), "raise")
    result = _Results(code, plan, layout, leaves, outputs, slots).build(plan.result)
    if plan.keeps:
        block = code.let(f"inttoptr i64 {code.load('i64', outputs[-1])} to ptr")
        code.do(f"store ptr {code.load('ptr', '%ctx', BLOCKS)}, ptr {block}")
    else:
        code.do("call void @llad.release(ptr %ctx)")
    _drop(code, owned)
    code.do(f"ret ptr {result}")
    _end_otherwise(code, plan, failed, slots, owned)
    text = "\n".join(
        (
            f"@{pins.symbol} = external global [0 x ptr]",
            f"define ptr @{symbol}(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) {{",
            *code.lines,
            "}",
            "",
        )
    )
    return Entry(symbol, text, pins)


def _end_otherwise(code: Assembly, plan: Plan, failed: str, slots: list[str], owned: list[str]) -> None:
    """The other ways out: an error of the native function, or of Python, and a call that the plan does not cover."""
    _raise(code, plan, failed)
    code.start("fail")
    code.do("call void @llad.release(ptr %ctx)")
    _drop(code, ["%made", *slots, *owned])
    code.do("ret ptr null")
    if owned:
        code.start("broken")
        _drop(code, owned)
        code.do("ret ptr null")
    code.start("miss")
    _drop(code, owned)
    onward = code.load("ptr", code.pin_address(0))
    onward = code.let(f"musttail call ptr {onward}(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames)")
    code.do(f"ret ptr {onward}")


def _drop(code: Assembly, slots: Sequence[str]) -> None:
    """Let go of what the slots own."""
    for slot in slots:
        code.do(f"call void @Py_DecRef(ptr {code.load('ptr', slot)})")  # accepts null


def output_type(type: Type) -> str:
    """What the native function stores for a result: a number, or a buffer's pointer, extents and strides."""
    if isinstance(type, ScalarType):
        return "i8" if type == BOOL else llvm_type(type)
    assert isinstance(type, BufferType)
    words = type.rank * (2 if type.layout == "strided" else 1)
    return "{ " + ", ".join(["ptr", *["i64"] * words]) + " }"


def _clear(code: Assembly, data: str, extents: list[str], dtype: ScalarType) -> None:
    size = size_of(code, extents, dtype)
    code.do(f"call void @llvm.memset.p0.i64(ptr align 8 {data}, i8 0, i64 {size}, i1 false)")


def _fresh(code: Assembly, plan: Plan, layout: Layout, leaves: list[Unpacked], index: int, slot: str) -> Unpacked:
    """Fresh array `index`, of a leaf's dtype and extents, owned by `slot`."""
    argument, leaf = plan.leaves()[plan.fresh[index]], leaves[plan.fresh[index]]
    assert isinstance(argument, ArrayArgument)
    number, rank, shape = NUMPY_TYPES[argument.dtype].num, argument.rank, leaf.shape or "null"
    size = size_of(code, leaf.extents, argument.dtype)
    array = code.let(f"call ptr @llad.array(i32 {number}, i32 {rank}, ptr {shape}, i64 {size})")
    code.require(code.let(f"icmp ne ptr {array}, null"), "fail")
    code.do(f"store ptr {array}, ptr {slot}")
    data = code.load("ptr", array, layout.data)
    if plan.is_cleared(Fresh(index)):
        _clear(code, data, leaf.extents, argument.dtype)
    return Unpacked(array, data=data, extents=leaf.extents)


def _call(code: Assembly, plan: Plan, leaves: list[Unpacked], fresh: list[Unpacked], outputs: list[str]) -> str:
    """Call the native function; its error code."""
    parameters = ["ptr %ctx"]
    operands = [fresh[o.index] if isinstance(o, Fresh) else leaves[o.index] for o in plan.operands]
    arguments = plan.leaves()
    for operand, registers in zip(plan.operands, operands, strict=True):
        argument = arguments[plan.fresh[operand.index] if isinstance(operand, Fresh) else operand.index]
        if isinstance(argument, ArrayArgument):
            parameters.append(f"ptr {registers.data}")
            parameters += [f"i64 {x}" for x in (*registers.extents, *registers.strides)]
        else:
            parameters.append(f"{llvm_type(argument.type)} {registers.value}")
    parameters += [f"ptr {output}" for output in outputs]
    if plan.work:
        release, run = code.name("release"), code.name("run")
        code.branch(_work(code, plan, operands), release, run)
        code.start(release)
        thread = code.let("call ptr @PyEval_SaveThread()")
        code.do(f"store ptr {thread}, ptr {code.at('%ctx', THREAD)}")
        code.go(run)
        code.start(run)
    failed = code.let(f"call i32 @{plan.target}({', '.join(parameters)})")
    code.do("call void @llad.regain(ptr %ctx)")
    return failed


def _work(code: Assembly, plan: Plan, operands: list[Unpacked]) -> str:
    """Whether the estimate of the call's work is large."""
    total = "0.0"
    for term in plan.work:
        product = f"{term.scale:e}"
        for factor in term.factors:
            registers = operands[factor.operand]
            number = registers.value if factor.axis is None else registers.extents[factor.axis]
            product = code.let(f"fmul double {product}, {code.let(f'sitofp i64 {number} to double')}")
        total = code.let(f"fadd double {total}, {product}")
    return code.let(f"fcmp ogt double {total}, {LARGE:e}")


def _raise(code: Assembly, plan: Plan, failed: str) -> None:
    """Have Python make the exception of the error code, and set it."""
    code.start("raise")
    code.require(code.let(f"icmp ne i32 {failed}, {INTERRUPTED}"), "fail")  # its exception is set
    code.do(f"call void @llad.raise(ptr %ctx, i32 {failed}, ptr {code.pin(plan.raised)})")
    code.go("fail")


@dataclass(frozen=True, slots=True)
class _Results:
    """Makes Python objects of the outputs. What is unfinished hangs on `%made`, which `fail` drops."""

    code: Assembly
    plan: Plan
    layout: Layout
    leaves: list[Unpacked]
    outputs: list[str]
    slots: list[str]

    def build(self, result: Result, place: str = "%made") -> str:
        """A register that holds a new reference."""
        code = self.code
        match result:
            case Output(index=index):
                type = self.plan.outputs[index]
                if isinstance(type, ScalarType):
                    return self._number(self.outputs[index], type)
                assert isinstance(type, BufferType)
                arguments = zip(self.leaves, self.plan.leaves(), strict=True)
                alike = [leaf.object for leaf, a in arguments if isinstance(a, ArrayArgument) and a.dtype == type.dtype]
                memory = self.plan.memory_of(index)
                return Handover(code, self.layout, self.outputs[index], type, tuple(alike)).make(memory)
            case Passed(leaf=leaf):
                return self._referenced(self.leaves[leaf].object)
            case Constant(value=value):
                return self._referenced(code.pin(value))
            case Fresh(index=index):  # the slot's reference moves into the result
                array = code.load("ptr", self.slots[index])
                code.do(f"store ptr null, ptr {self.slots[index]}")
                return array
            case Node(form=form, items=items):
                made = self._tuple(items, place)
                return made if form == TUPLE else self._structure(form, made, place)
            case _:
                assert_never(result)

    def _referenced(self, object: str) -> str:
        self.code.do(f"call void @Py_IncRef(ptr {object})")
        return object

    def _number(self, output: str, type: ScalarType) -> str:
        code = self.code
        if type == BOOL:
            true = code.let(f"icmp ne i8 {code.load('i8', output)}, 0")
            return self._referenced(code.let(f"select i1 {true}, ptr @_Py_TrueStruct, ptr @_Py_FalseStruct"))
        number = code.load(llvm_type(type), output)
        if is_float(type):
            wide = number if type.bytes == 8 else code.let(f"fpext float {number} to double")
            object = code.let(f"call ptr @PyFloat_FromDouble(double {wide})")
        else:
            wide = number if type.bytes == 8 else code.let(f"sext i32 {number} to i64")
            object = code.let(f"call ptr @PyLong_FromLongLong(i64 {wide})")
        code.require(code.let(f"icmp ne ptr {object}, null"), "fail")
        return object

    def _structure(self, form: Form, items: str, place: str) -> str:
        """The structure that takes the place of the tuple of its items."""
        code = self.code
        if form == LIST:
            made = code.let(f"call ptr @PySequence_List(ptr {items})")
        else:
            given = code.let("alloca ptr")
            code.do(f"store ptr {items}, ptr {given}")
            build = code.pin(form.builder)
            made = code.let(f"call ptr @PyObject_Vectorcall(ptr {build}, ptr {given}, i64 1, ptr null)")
        code.require(code.let(f"icmp ne ptr {made}, null"), "fail")
        code.do(f"store ptr {made}, ptr {place}")
        code.do(f"call void @Py_DecRef(ptr {items})")
        return made

    def _tuple(self, items: tuple[Result, ...], place: str) -> str:
        """Hang the tuple on its owner at once, then fill it: what is unfinished is dropped with its owner."""
        code = self.code
        made = code.let(f"call ptr @PyTuple_New(i64 {len(items)})")
        code.require(code.let(f"icmp ne ptr {made}, null"), "fail")
        code.do(f"store ptr {made}, ptr {place}")
        for k, item in enumerate(items):
            inside = code.at(made, self.layout.items + 8 * k)
            code.do(f"store ptr {self.build(item, inside)}, ptr {inside}")
        return made
