"""IR → textual LLVM IR.

`define internal i32 @NAME(ptr %ctx, <parameters>, <results>)` returns 0; or 1 + the index of the error site at
which it failed; or -1 if a signal handler raised meanwhile (`lower_poll.py`). A scalar parameter is passed as such
(bool as `i1`), a buffer as its pointer, its extents (i64) and, unless its layout is C, its byte strides (i64);
elements of bool buffers are bytes; data and strides are aligned to the element. A result is a pointer to where to
leave it: a scalar (bool as `i8`), or a buffer's pointer, extents and strides in this order, 8 bytes each.

`%ctx` points to a zeroed `%llad.ctx` (`context.py`): the heap blocks that the call owns, the values of the message of
the check that failed, the lowest stack address that calls may reach, three words for polls, and so on. The
functions of the table become internal functions of the same form, with the error sites of the root; `lower_call.py`
tells how they are called. Results may lie in those blocks: the caller copies what it wants and then calls
`@llad.release`. What a function keeps of them for another one, or takes, is the address of a tape (`lower_tape.py`).
Before it touches Python again, it calls `@llad.regain` (`runtime_poll.py`).

Buffers of parameters do not overlap, unless the function's attribute `may_alias` says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from llad.codegen.constants import number
from llad.codegen.context import CONTEXT_WORDS
from llad.codegen.loop_hints import ends_under_mask
from llad.codegen.lower_call import largest_frames, lower_call, note_stack
from llad.codegen.lower_control import lower_check, lower_if
from llad.codegen.lower_emit import NO_LIFO, REGISTER, Emitter, ErrorSite, Lifo, Operand, assemble, register_types
from llad.codegen.lower_flags import flags_of
from llad.codegen.lower_lines import lower_copy, lower_fetch
from llad.codegen.lower_loops import lower_for, lower_while
from llad.codegen.lower_memory import (
    lifo_parameter,
    lower_alloc,
    lower_dim,
    lower_free,
    lower_lifo,
    lower_load,
    lower_matmul,
    lower_pop,
    lower_push,
    lower_store,
    lower_view,
    store_result,
)
from llad.codegen.lower_print import lower_print
from llad.codegen.lower_products import shared_products
from llad.codegen.lower_scalar import lower_cast, lower_scalar
from llad.codegen.lower_sweep import sweep, sweep_mark
from llad.codegen.lower_tape import lower_keep, lower_take
from llad.codegen.lower_threads import lower_chunks, lower_turn, runner
from llad.codegen.lower_totals import lower_totals
from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region, Value, makers, walk
from llad.ir.overtaken import overtaken
from llad.ir.revisits import Revisits
from llad.ir.types import I64, BufferType, LifoType, ScalarType, Type

__all__ = ["ErrorSite", "Lowered", "lower"]

_ONCE = frozenset({"part", "chunk"})  # functions of a table that are the better for standing alone
_EXTENT = "i64 noundef range(i64 0, -9223372036854775808)"  # not negative
_RESULT = "ptr noalias noundef nonnull writeonly dereferenceable"


@dataclass(frozen=True, slots=True)
class Lowered:
    """The text of one function, what it can raise (by code − 1), and what `runtime.module_text` must add.

    `beside`: the text of functions that it calls and that may be compiled apart from it, at the same time.
    """

    name: str
    text: str
    errors: tuple[ErrorSite, ...]
    declarations: tuple[tuple[str, str], ...]
    beside: str = ""


def lower(fn: Function, name: str, fastmath: bool = False) -> Lowered:
    """`fn` as LLVM's internal function `@name`, in the calling convention above.

    `fn` holds no `derivative`. Without `fastmath` results equal Python's bit for bit, except where a loop is a
    `reduction` or an op carries the attribute `reassoc`, and for the last places of functions in `vector_math.py`.
    """
    callees = {callee: f"{name}.{callee}" for callee in fn.functions}
    calls = (op for f in (fn, *fn.functions.values()) for op in walk(f.body) if op.name == "call")
    packed = {op.attrs["callee"] for op in calls if op.attrs.get("chunks") or op.attrs.get("turn")}
    e = _emitter(fn, fastmath, callees)
    e.frames = largest_frames(fn)
    lines = _lower_function(e, fn, name)
    beside: list[str] = []
    nodes_beside: tuple[list[str], dict[str, str]] = ([], {})
    for callee, local in fn.functions.items():
        inner = _emitter(local, fastmath, callees)
        inner.called, inner.frames = True, e.frames
        inner.errors, inner.declarations = e.errors, e.declarations
        apart = bool(local.attrs.get("beside"))
        inner.nodes, inner.node_of = nodes_beside if apart else (e.nodes, e.node_of)
        (beside if apart else lines).extend(_lower_function(inner, local, callees[callee]))
        if callee in packed:
            lines += runner(local, callees[callee])
    texts = [_text(lines, e.nodes), _text(beside, nodes_beside[0])]
    return Lowered(name, texts[0], tuple(e.errors), tuple(e.declarations.items()), texts[1])


def _text(lines: Sequence[str], nodes: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in (*lines, *(f"!{k} = {node}" for k, node in enumerate(nodes))))


def _emitter(fn: Function, fastmath: bool, callees: dict[str, str]) -> Emitter:
    used = frozenset(operand for op in walk(fn.body) for operand in op.operands)
    definitions = makers(fn.body)
    flags = flags_of(fn, fastmath)
    products = shared_products(fn, flags, fastmath)
    masked = frozenset(ends_under_mask(fn.body))
    aliased = bool(fn.attrs.get("may_alias"))
    known = used, definitions, Revisits(fn), overtaken(fn)
    return Emitter(*known, flags, products, fastmath, aliased, callees=callees, masked=masked)


def arguments(fn: Function) -> tuple[Value, ...]:
    """The parameters that are passed one by one: all but those of a tape."""
    return fn.params[: len(fn.params) - fn.attrs.get("takes", 0)]


def outputs(fn: Function) -> tuple[Type, ...]:
    """The types of what the native function leaves: its results, the address of a tape in place of the last."""
    types = tuple(r.type for r in fn.results)
    return (*types[: len(types) - fn.attrs["keeps"]], I64) if "keeps" in fn.attrs else types


def _lower_function(e: Emitter, fn: Function, name: str) -> list[str]:
    """The lines of one LLVM function."""
    parameters = [f"ptr noalias noundef nonnull align 8 dereferenceable({8 * CONTEXT_WORDS}) %ctx", *_parameters(e, fn)]
    parameters += [f"{_RESULT}({_room(type)}) %r{k}" for k, type in enumerate(outputs(fn))]
    if any("part" not in f.attrs for f in fn.functions.values()):
        note_stack(e)
    e.mark = sweep_mark(e, fn.body.terminator)
    e.keeps = fn.attrs.get("keeps")
    if "takes" in fn.attrs:
        lower_take(e, fn.params[len(fn.params) - fn.attrs["takes"] :])
    _lower_region(e, fn.body)
    alone = not e.called or not _ONCE.isdisjoint(fn.attrs)
    loops = alone and any(op.name in ("for", "while") for op in walk(fn.body))
    linkage = "" if fn.attrs.get("beside") else "internal "
    head = f"define {linkage}i32 @{name}({', '.join(parameters)}) nounwind {'noinline ' if loops else ''}{{"
    return [head, "entry:", *e.slots, *e.lines, *e.failures, "}"]


def _parameters(e: Emitter, fn: Function) -> list[str]:
    """The declarations of the parameters; `e` learns what they are called."""
    shared = range(len(fn.params)) if e.may_alias else fn.attrs.get("part", ())
    aligned = fn.attrs.get("aligned", ())
    defined = "" if e.called else "noundef "  # one function may pass on to another what neither reads
    declared = []
    for k, param in enumerate(arguments(fn)):
        match param.type:
            case ScalarType(name=type):
                e.values[param] = f"%p{k}"
                declared.append(f"{REGISTER[type]} {defined}%p{k}")
            case BufferType(dtype=dtype, rank=rank):
                types = register_types(param.type)
                names = [f"%p{k}", *(f"%p{k}.{j}" for j in range(len(types) - 1))]
                e.values[param] = assemble(param.type, names)
                e.nonnegative.update(names[1 : 1 + rank])
                alias = "" if k in shared else "noalias "
                begin = 64 if k in aligned else dtype.bytes
                declared.append(f"ptr {alias}{defined}align {begin} {names[0]}")
                extent = _EXTENT.replace("noundef ", defined)
                declared += [f"{extent} {n}" for n in names[1 : 1 + rank]]
                declared += [f"i64 {defined}{n}" for n in names[1 + rank :]]
            case LifoType():
                assert e.called, "a lifo cannot be a parameter of a function called from outside"
                e.values[param] = lifo_parameter(e, f"%p{k}", param.type)
                declared.append(f"ptr noalias noundef nonnull align 8 dereferenceable(24) %p{k}")
    return [*declared, "i64 noundef %tape"] if "takes" in fn.attrs else declared


def _room(type: Type) -> int:
    """Bytes in which a result is left."""
    return type.bytes if isinstance(type, ScalarType) else 8 * len(register_types(type))


def _undefined(type: Type) -> Operand:
    """Poison: nothing that matters depends on it, so LLVM may choose what suits."""
    if isinstance(type, LifoType):
        return NO_LIFO
    return assemble(type, ["poison"] * len(register_types(type)))


def _lower_region(e: Emitter, region: Region) -> None:
    """The ops of a region; what its checks established holds until its end."""
    outer = set(e.exact)
    for op in region.ops:
        _lower_op(e, op)
    e.exact = outer


def _lower_op(e: Emitter, op: Op) -> None:
    run = partial(_lower_region, e)
    match op.name:
        case "const":
            assert isinstance(op.result.type, ScalarType)
            e.values[op.result] = number(op.attrs["value"], op.result.type)
        case "undef":
            e.values[op.result] = _undefined(op.result.type)
        case "cast":
            lower_cast(e, op)
        case "alloc":
            lower_alloc(e, op)
        case "free":
            lower_free(e, op)
        case "load":
            lower_load(e, op)
        case "store":
            lower_store(e, op)
        case "dim":
            lower_dim(e, op)
        case "view":
            lower_view(e, op)
        case "matmul":
            lower_matmul(e, op)
        case "lifo":
            lower_lifo(e, op)
        case "push":
            lower_push(e, op)
        case "pop":
            lower_pop(e, op)
        case "check":
            lower_check(e, op)
        case "print":
            lower_print(e, op)
        case "if":
            lower_if(e, op, run)
        case "for" if op.attrs.get("copies"):
            lower_copy(e, op, run)
        case "for" if op.attrs.get("fetches"):
            lower_fetch(e, op, run)
        case "for" if op.attrs.get("totals"):
            lower_totals(e, op, run)
        case "for":
            lower_for(e, op, run)
        case "while":
            lower_while(e, op, run)
        case "yield":
            pass  # the op that owns the region reads what it yields
        case "return":
            _lower_return(e, op)
        case "call" if op.attrs.get("chunks"):
            lower_chunks(e, op)
        case "call" if op.attrs.get("turn"):
            lower_turn(e, op)
        case "call":
            lower_call(e, op)
        case "derivative":
            raise AssertionError("`derivative` is expanded before lowering")
        case _:
            lower_scalar(e, op)


def _lower_return(e: Emitter, op: Op) -> None:
    count = len(op.operands) - (e.keeps or 0)
    for k, value in enumerate(op.operands[:count]):
        operand = e.values[value]
        assert not isinstance(operand, Lifo), "a lifo cannot be a result"
        store_result(e, f"%r{k}", operand, value.type)
    sweep(e, e.mark, op.operands)
    if e.keeps is not None:
        lower_keep(e, op.operands[count:], f"%r{count}", op.span)
    for lifo in e.lifos if e.called else ():
        e.do(f"call void @llad.drop(ptr %ctx, ptr {e.new(f'load ptr, ptr {lifo.data}')})")
    e.do("ret i32 0")
