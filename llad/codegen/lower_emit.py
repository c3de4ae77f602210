"""What lowering writes into: the text of one LLVM function, and what each IR value is called there.

Text is appended a line at a time, straight into basic blocks; a phi whose incoming values are not known yet is a
reserved line that is filled in later. Names are counted (`%v12`, `b12`), so the text is deterministic.

A scalar is a string (an SSA name or a literal; bools are `i1`). A buffer is the tuple of its SSA components: the
pointer, the extents, and unless its layout is C the byte strides; a merge of buffers is one phi per component. A LIFO
is a stack slot of three words that LLVM promotes to registers unless it is passed on; it has no components, so only
a merge with `undef` is possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import assert_never

from llad.codegen.context import VALUES
from llad.codegen.lower_products import Product
from llad.dataclass import dataclass
from llad.diagnostics import Span
from llad.ir.core import Makers, Op, Value
from llad.ir.revisits import Revisits
from llad.ir.types import BufferType, LifoType, ScalarType, Type

REGISTER = {"f64": "double", "f32": "float", "i64": "i64", "i32": "i32", "bool": "i1"}
MEMORY = {**REGISTER, "bool": "i8"}


@dataclass(frozen=True, slots=True)
class ErrorSite:
    """One way in which a lowered function can fail: what to raise, the message with `{}`s, and where.

    `types`: those of the values that the message shows, by name.
    """

    error: str
    message: str
    span: Span | None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Buffer:
    """`strides` are in bytes and empty for C layout, where the extents imply them."""

    pointer: str
    extents: tuple[str, ...]
    strides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lifo:
    """Addresses, one after the other, of: the data's address, the bytes in use, the bytes there are.

    `fields`: offset of each component.
    """

    data: str
    used: str
    capacity: str
    fields: tuple[tuple[int, ...], ...]
    record: int


Operand = str | Buffer | Lifo


@dataclass(frozen=True, slots=True)
class Mark:
    """How many blocks there were before a loop, or at the beginning of a function, that frees what is left behind.

    `heights`: of the stacks that tell whether handles are left on them; `level`: whether, so far, none was.
    """

    blocks: str
    heights: tuple[tuple[Lifo, str], ...]
    level: str


NO_LIFO = Lifo("", "", "", (), 0)  # `undef`


def literal(text: str) -> int | None:
    """The integer that `text` spells, if it is not a name."""
    digits = text[1:] if text[:1] == "-" else text
    return int(text) if digits.isdecimal() else None


def register_types(type: Type) -> list[str]:
    """LLVM's types of the components of a value."""
    match type:
        case ScalarType(name=name):
            return [REGISTER[name]]
        case BufferType(rank=rank, layout=layout):
            return ["ptr", *["i64"] * (rank if layout == "C" else 2 * rank)]
        case LifoType():
            raise AssertionError("a lifo can be neither merged nor stored")
        case _:
            assert_never(type)


def components(operand: Operand) -> list[str]:
    """The SSA names of a value, in the order of `register_types`."""
    match operand:
        case str():
            return [operand]
        case Buffer():
            return [operand.pointer, *operand.extents, *operand.strides]
        case Lifo():
            raise AssertionError("a lifo can be neither merged nor stored")
        case _:
            assert_never(operand)


def assemble(type: Type, names: Sequence[str]) -> Operand:
    """The value of `type` whose components are `names`."""
    if isinstance(type, BufferType):
        return Buffer(names[0], tuple(names[1 : 1 + type.rank]), tuple(names[1 + type.rank :]))
    (name,) = names
    return name


@dataclass(slots=True)
class Emitter:
    """The function being written. `block` is the label of the open basic block; the entry block is `entry`."""

    used: frozenset[Value]
    definitions: Makers
    revisits: Revisits
    overtaken: frozenset[Op]
    flags: dict[Op, str]
    products: dict[Op, Product]
    fastmath: bool
    may_alias: bool
    lines: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: dict[tuple[int | str, ...], str] = field(default_factory=dict)  # the blocks of `failures`
    block: str = "entry"
    counter: int = 0
    values: dict[Value, Operand] = field(default_factory=dict)
    # Integer operations that a check before this point has found not to overflow: (op, operands…).
    exact: set[tuple[str | Value, ...]] = field(default_factory=set)
    nonnegative: set[str] = field(default_factory=set)
    declarations: dict[str, str] = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)
    node_of: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    lifos: list[Lifo] = field(default_factory=list)  # made here
    errors: dict[ErrorSite, int] = field(default_factory=dict)
    callees: dict[str, str] = field(default_factory=dict)  # the symbols of the functions that may be called
    called: bool = False
    masked: frozenset[Value] = frozenset()  # where loops end that have the last few iterations run under a mask
    depth: int = 0  # how many loops are open
    writes_out: bool = False  # whether LLVM may vectorise the innermost loop, if no function of C is called in it
    stops: bool = False  # but that it may end within an iteration
    chained: set[Value] = field(default_factory=set)  # what waits there for the iteration before
    mark: Mark | None = None  # of the function, if it sweeps
    keeps: int | None = None  # how many results are a tape, if any may be
    frames: int = 0  # bytes of stack that a call may take (`lower_call.py`)
    counted: set[Op] = field(default_factory=set)  # loops that the loop around them counts (`lower_poll.py`)

    # -- lines

    def new(self, text: str) -> str:
        """Append an instruction; its result's name."""
        self.counter += 1
        name = f"%v{self.counter}"
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Append an instruction without a result."""
        self.lines.append("  " + text)

    def slot(self, type: str, initial: str = "") -> str:
        """A stack slot that lives as long as the function."""
        self.counter += 1
        name = f"%s{self.counter}"
        self.slots.append(f"  {name} = alloca {type}")
        if initial:
            self.slots.append(f"  store {initial}, ptr {name}")
        return name

    def name(self) -> str:
        """An SSA name for an instruction that will be filled into a reserved line."""
        self.counter += 1
        return f"%v{self.counter}"

    def reserve(self) -> int:
        """A line to be filled in later."""
        self.lines.append("")
        return len(self.lines) - 1

    def label(self) -> str:
        self.counter += 1
        return f"b{self.counter}"

    def open(self, label: str) -> None:
        """Begin the basic block `label`; the one before must have ended in a branch."""
        self.lines.append(f"{label}:")
        self.block = label

    def jump(self, label: str) -> None:
        self.lines.append(f"  br label %{label}")

    def branch(self, condition: str, true: str, false: str, metadata: str = "") -> None:
        self.lines.append(f"  br i1 {condition}, label %{true}, label %{false}{metadata}")

    # -- values

    def scalar(self, value: Value) -> str:
        operand = self.values[value]
        assert isinstance(operand, str), value
        return operand

    def buffer(self, value: Value) -> Buffer:
        operand = self.values[value]
        assert isinstance(operand, Buffer), value
        return operand

    def declare(self, symbol: str, result: str, arguments: Sequence[str]) -> None:
        """Declare a pure function of the C library or an intrinsic; the run-time's own come by name."""
        if symbol not in self.declarations:
            attributes = "" if symbol.startswith("@llvm.") else " memory(none) nounwind willreturn nofree nosync"
            self.declarations[symbol] = f"declare {result} {symbol}({', '.join(arguments)}){attributes}"

    # -- metadata

    def node(self, text: str) -> str:
        """The metadata node `text`, one for all that ask for the same."""
        if text not in self.node_of:
            self.nodes.append(text)
            self.node_of[text] = f"!{len(self.nodes) - 1}"
        return self.node_of[text]

    def distinct(self, *properties: str) -> str:
        """A node of its own, which begins with itself as loop metadata does."""
        name = f"!{len(self.nodes)}"
        self.nodes.append(f"distinct !{{{', '.join([name, *properties])}}}" if properties else "distinct !{}")
        return name

    def access(self) -> str:
        """What a load or store carries so that LLVM knows the loops around it to be parallel."""
        if not self.groups:
            return ""
        group = self.groups[0] if len(self.groups) == 1 else self.node(f"!{{{', '.join(self.groups)}}}")
        return f", !llvm.access.group {group}"

    # -- failures

    def fail_unless(self, condition: str, site: ErrorSite, values: Sequence[str]) -> None:
        """Leave the function with the site's code unless `condition`; `values` go into the message.

        They are of the site's types, or i64: each is stored as it is in eight bytes."""
        code = self.errors.setdefault(site, len(self.errors)) + 1
        failed, is_new = self._failure(condition, code, *values)
        if not is_new:
            return
        for k, value in enumerate(values):
            self.failures.append(f"  %{failed}.{k} = getelementptr inbounds i8, ptr %ctx, i64 {VALUES + 8 * k}")
            name = site.types[k] if site.types else "i64"
            if name == "bool":
                self.failures.append(f"  %{failed}.{k}.b = zext i1 {value} to i8")
                value = f"%{failed}.{k}.b"
            self.failures.append(f"  store {MEMORY[name]} {value}, ptr %{failed}.{k}")
        self.failures.append(f"  ret i32 {code}")

    def pass_on(self, code: str, only: int | None = None) -> None:
        """Leave the function with the code of a callee that failed, which is `only`, if that is known."""
        _, is_new = self._failure(self.new(f"icmp eq i32 {code}, 0"), code if only is None else only)
        if is_new:
            self.failures.append(f"  ret i32 {code if only is None else only}")

    def _failure(self, condition: str, *what: int | str) -> tuple[str, bool]:
        """Go on if the condition holds; else to the block for `what` failed: its label, and whether it stands open.

        It is one block for all that fail alike, whose values are the same wherever they are known.
        """
        is_new = what not in self.failed
        passed, failed = self.label(), self.failed.setdefault(what, f"f{len(self.failed)}")
        weights = self.node('!{!"branch_weights", i32 1048575, i32 1}')
        self.branch(condition, passed, failed, f", !prof {weights}")
        if is_new:
            self.failures.append(f"{failed}:")
        self.open(passed)
        return failed, is_new
