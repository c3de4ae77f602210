"""The run-time's product of matrices: C (+)= A B for any strides, in tiles that stay in registers.

A tile of C, a few rows of a few vectors, stays in registers while k goes along rows of A and down a panel of B. Each
element of A that is loaded meets all vectors of the tile, and each vector of B all its rows. The panel has at most
`_DEPTH` rows, as wide as one tile. It is copied to the stack first, so its vectors lie one after the other in the
nearest cache; A is read where it is. (After K. Goto and R. van de Geijn, Anatomy of high-performance matrix
multiplication, ACM TOMS 34 (2008), without their levels of blocks for an A that fits into no cache.)

Every element of C is the sum over blocks of `_DEPTH` terms, of which each is added up in order, wherever the element
lies: the same numbers give the same result, to the bit.

Invariant: rows beyond the last repeat the last one, columns beyond it are zeros in the panel; neither is stored.
Strides are in bytes and may be negative; of C no two elements are the same, and none is one of A or B.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from llad.codegen.lower_emit import MEMORY
from llad.codegen.target import vectors
from llad.ir.types import F32, F64, ScalarType

_DEPTH = 128  # rows of a panel
_LINE = 64  # bytes of a line of a cache


@cache
def matmul_text(symbol: str) -> str | None:
    """The LLVM text of `llad.matmul.f64`, or of `f32`, or of a part of it, or of an intrinsic that it needs."""
    for product in map(_Product, (F64, F32)):
        if write := product.writers().get(symbol):
            return write()
    return None


class _Product:
    """Writes the functions for one type. `rows`, `vectors`: of a tile; `lanes`: elements of a vector."""

    def __init__(self, kind: ScalarType) -> None:
        size, registers = vectors()
        self.kind = kind
        self.scalar = MEMORY[kind.name]
        self.bytes = kind.bytes
        self.lanes = size // kind.bytes
        self.vector = f"<{self.lanes} x {self.scalar}>"
        self.rows, self.vectors = (8, 3) if registers >= 32 else (6, 2)
        self.attributes = f'nounwind "min-legal-vector-width"="{8 * size}"'

    def writers(self) -> dict[str, Callable[[], str]]:
        """What writes the text, by name."""
        added = f"llvm.fmuladd.v{self.lanes}{self.kind.name}"
        counts = range(1, self.vectors + 1)
        tiles = {self.name(f"tile{count}")[1:]: partial(self._tile, count) for count in counts}
        return {
            f"llad.matmul.{self.kind.name}": self._driver,
            self.name("pack")[1:]: self._pack,
            self.name("fetch")[1:]: self._fetch,
            added: lambda: f"declare {self.vector} @{added}({', '.join([self.vector] * 3)})\n",
            **tiles,
        }

    def name(self, part: str) -> str:
        return f"@llad.matmul.{part}.{self.kind.name}"

    @property
    def width(self) -> int:
        """Columns of the widest tile."""
        return self.vectors * self.lanes

    # -- blocks and panels

    def _driver(self) -> str:
        """Over blocks of k, panels of columns, and tiles of rows."""
        item, name = self.bytes, f"llad.matmul.{self.kind.name}"
        operands = "i64 %m, i64 %n, i64 %k, ptr %a, i64 %ras, i64 %cas, ptr %b, i64 %rbs, i64 %cbs"
        turned = "i64 %n, i64 %m, i64 %k, ptr %b, i64 %cbs, i64 %rbs, ptr %a, i64 %cas, i64 %ras"
        calls = "\n".join(
            f"""tile{v}:
  call void {self.name(f"tile{v}")}(i64 %kc, ptr %a.at, i64 %ras, i64 %cas, ptr %panel, ptr %c.at, i64 %rcs, i64 %ccs, \
i64 %rows, i64 %columns, i1 %new)
  br label %tiled"""
            for v in range(1, self.vectors + 1)
        )
        targets = " ".join(f"i64 {v}, label %tile{v}" for v in range(1, self.vectors))
        return f"""
define void @{name}({operands}, ptr %c, i64 %rcs, i64 %ccs, i1 %fresh) noinline {self.attributes} {{
  %panel = alloca [{_DEPTH * self.width} x {self.scalar}], align 64
  %some.rows = icmp sgt i64 %m, 0
  %some.columns = icmp sgt i64 %n, 0
  %some = and i1 %some.rows, %some.columns
  br i1 %some, label %look, label %done
look:
  %flat = icmp ne i64 %ccs, {item}
  %upright = icmp eq i64 %rcs, {item}
  %turn = and i1 %flat, %upright
  br i1 %turn, label %turned, label %block
turned:
  tail call void @{name}({turned}, ptr %c, i64 %ccs, i64 %rcs, i1 %fresh)
  ret void
block:
  %p = phi i64 [0, %look], [%p.next, %blocked]
  %k.left = sub nsw i64 %k, %p
  %kc = call i64 @llvm.smin.i64(i64 %k.left, i64 {_DEPTH})
  %first = icmp eq i64 %p, 0
  %new = and i1 %first, %fresh
  %a.skip = mul i64 %p, %cas
  %a.block = getelementptr i8, ptr %a, i64 %a.skip
  %b.skip = mul i64 %p, %rbs
  %b.block = getelementptr i8, ptr %b, i64 %b.skip
  br label %panels
panels:
  %j = phi i64 [0, %block], [%j.next, %paneled]
  %j.left = sub nsw i64 %n, %j
  %columns = call i64 @llvm.smin.i64(i64 %j.left, i64 {self.width})
  %padded = add nsw i64 %columns, {self.lanes - 1}
  %count = sdiv i64 %padded, {self.lanes}
  %b.across = mul i64 %j, %cbs
  %b.at = getelementptr i8, ptr %b.block, i64 %b.across
  call void {self.name("pack")}(i64 %kc, i64 %columns, i64 %count, ptr %b.at, i64 %rbs, i64 %cbs, ptr %panel)
  %c.across = mul i64 %j, %ccs
  %c.panel = getelementptr i8, ptr %c, i64 %c.across
  br label %tiles
tiles:
  %i = phi i64 [0, %panels], [%i.next, %tiled]
  %i.left = sub nsw i64 %m, %i
  %rows = call i64 @llvm.smin.i64(i64 %i.left, i64 {self.rows})
  %a.down = mul i64 %i, %ras
  %a.at = getelementptr i8, ptr %a.block, i64 %a.down
  %c.down = mul i64 %i, %rcs
  %c.at = getelementptr i8, ptr %c.panel, i64 %c.down
  %ahead = icmp eq i64 %j, 0
  br i1 %ahead, label %soon, label %now
soon:
  %a.skipped = mul i64 %ras, {self.rows}
  %a.next = getelementptr i8, ptr %a.at, i64 %a.skipped
  call void {self.name("fetch")}(i64 %kc, ptr %a.next, i64 %ras, i64 %cas)
  br label %now
now:
  switch i64 %count, label %tile{self.vectors} [{targets}]
{calls}
tiled:
  %i.next = add nuw nsw i64 %i, {self.rows}
  %i.more = icmp slt i64 %i.next, %m
  br i1 %i.more, label %tiles, label %paneled
paneled:
  %j.next = add nuw nsw i64 %j, {self.width}
  %j.more = icmp slt i64 %j.next, %n
  br i1 %j.more, label %panels, label %blocked
blocked:
  %p.next = add nuw nsw i64 %p, {_DEPTH}
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %block, label %done
done:
  ret void
}}
"""

    def _fetch(self) -> str:
        """Ask for the elements of A that the next tile needs: rows that are short are no streams to a processor."""
        return f"""
define internal void {self.name("fetch")}(i64 %k, ptr %a, i64 %ras, i64 %cas) noinline {self.attributes} {{
  %along = icmp eq i64 %cas, {self.bytes}
  %lines = select i1 %along, i64 {self.rows}, i64 1
  %reach = select i1 %along, i64 {_LINE // self.bytes}, i64 1
  br label %line
line:
  %r = phi i64 [0, %0], [%r.next, %done]
  %down = mul i64 %r, %ras
  %row = getelementptr i8, ptr %a, i64 %down
  br label %piece
piece:
  %p = phi i64 [0, %line], [%p.next, %piece]
  %across = mul i64 %p, %cas
  %at = getelementptr i8, ptr %row, i64 %across
  call void @llvm.prefetch.p0(ptr %at, i32 0, i32 3, i32 1)
  %p.next = add nuw nsw i64 %p, %reach
  %more = icmp slt i64 %p.next, %k
  br i1 %more, label %piece, label %done
done:
  %r.next = add nuw nsw i64 %r, 1
  %r.more = icmp slt i64 %r.next, %lines
  br i1 %r.more, label %line, label %end
end:
  ret void
}}
"""

    def _pack(self) -> str:
        """Copy `k` rows of `columns` elements to a panel of `count` vectors a row, the rest of it zeros."""
        return f"""
define internal void {self.name("pack")}(i64 %k, i64 %columns, i64 %count, ptr %b, i64 %rbs, i64 %cbs, \
ptr noalias %panel) noinline {self.attributes} {{
  %none = icmp slt i64 %k, 1
  br i1 %none, label %done, label %start
start:
  %pitch = mul nuw nsw i64 %count, {self.lanes}
  %full = icmp eq i64 %columns, %pitch
  %dense = icmp eq i64 %cbs, {self.bytes}
  %whole = and i1 %full, %dense
  br i1 %whole, label %row, label %column
{self._rows_of_vectors()}
{self._columns_of_elements()}
done:
  ret void
}}
"""

    def _rows_of_vectors(self) -> str:
        """Rows of B that are as wide as the panel, and contiguous."""
        return f"""\
row:
  %r = phi i64 [0, %start], [%r.next, %row.end]
  %r.from = mul i64 %r, %rbs
  %from = getelementptr i8, ptr %b, i64 %r.from
  %r.to = mul nuw nsw i64 %r, %pitch
  %to = getelementptr {self.scalar}, ptr %panel, i64 %r.to
  br label %piece
piece:
  %v = phi i64 [0, %row], [%v.next, %piece]
  %e = mul nuw nsw i64 %v, {self.lanes}
  %source = getelementptr {self.scalar}, ptr %from, i64 %e
  %target = getelementptr {self.scalar}, ptr %to, i64 %e
  %several = load {self.vector}, ptr %source, align {self.bytes}
  store {self.vector} %several, ptr %target, align {self.bytes * self.lanes}
  %v.next = add nuw nsw i64 %v, 1
  %v.more = icmp slt i64 %v.next, %count
  br i1 %v.more, label %piece, label %row.end
row.end:
  %r.next = add nuw nsw i64 %r, 1
  %r.more = icmp slt i64 %r.next, %k
  br i1 %r.more, label %row, label %done"""

    def _columns_of_elements(self) -> str:
        """Any others: column by column, as the panel has them, with zeros behind the last."""
        return f"""\
column:
  %c = phi i64 [0, %start], [%c.next, %column.end]
  %c.from = mul i64 %c, %cbs
  %head = getelementptr i8, ptr %b, i64 %c.from
  %foot = getelementptr {self.scalar}, ptr %panel, i64 %c
  %inside = icmp slt i64 %c, %columns
  br i1 %inside, label %element, label %zero
element:
  %x = phi i64 [0, %column], [%x.next, %element]
  %x.from = mul i64 %x, %rbs
  %x.source = getelementptr i8, ptr %head, i64 %x.from
  %x.to = mul nuw nsw i64 %x, %pitch
  %x.target = getelementptr {self.scalar}, ptr %foot, i64 %x.to
  %one = load {self.scalar}, ptr %x.source
  store {self.scalar} %one, ptr %x.target
  %x.next = add nuw nsw i64 %x, 1
  %x.more = icmp slt i64 %x.next, %k
  br i1 %x.more, label %element, label %column.end
zero:
  %z = phi i64 [0, %column], [%z.next, %zero]
  %z.to = mul nuw nsw i64 %z, %pitch
  %z.target = getelementptr {self.scalar}, ptr %foot, i64 %z.to
  store {self.scalar} 0.0, ptr %z.target
  %z.next = add nuw nsw i64 %z, 1
  %z.more = icmp slt i64 %z.next, %k
  br i1 %z.more, label %zero, label %column.end
column.end:
  %c.next = add nuw nsw i64 %c, 1
  %c.more = icmp slt i64 %c.next, %pitch
  br i1 %c.more, label %column, label %done"""

    # -- tiles

    def _tile(self, count: int) -> str:
        """A tile of `count` vectors a row, added to C, or stored there if it is `new`."""
        return f"""\
define internal void {self.name(f"tile{count}")}(i64 %k, ptr %a, i64 %ras, i64 %cas, ptr %panel, ptr %c, \
i64 %rcs, i64 %ccs, i64 %rows, i64 %columns, i1 %new) noinline {self.attributes} {{
  %edge = alloca [{self.rows * count} x {self.vector}], align {self.bytes * self.lanes}
{self._products(count)}
  %dense = icmp eq i64 %ccs, {self.bytes}
  %all.rows = icmp eq i64 %rows, {self.rows}
  %all.columns = icmp eq i64 %columns, {count * self.lanes}
  %whole = and i1 %all.rows, %all.columns
  %plain = and i1 %whole, %dense
  br i1 %plain, label %vectors, label %elements
vectors:
{self._whole(count)}
elements:
{self._edge(count)}
}}
"""

    def _cells(self, count: int) -> list[tuple[int, int]]:
        """The vectors of a tile, by row and number."""
        return [(r, v) for r in range(self.rows) for v in range(count)]

    def _products(self, count: int) -> str:
        """Go along rows of A and down the panel; `%t` are the vectors of the tile so far, `%u` those at the end."""
        rows, vector, cells = range(self.rows), self.vector, self._cells(count)
        lines = ["  %last = sub nsw i64 %rows, 1"]
        for r in rows:
            lines += [
                f"  %row{r} = call i64 @llvm.smin.i64(i64 {r}, i64 %last)",
                f"  %down{r} = mul i64 %row{r}, %ras",
                f"  %a{r} = getelementptr i8, ptr %a, i64 %down{r}",
            ]
        lines += [
            "  %none = icmp slt i64 %k, 1",
            "  br i1 %none, label %summed, label %next",
            "next:",
            "  %p = phi i64 [0, %0], [%p.next, %next]",
            "  %along = phi i64 [0, %0], [%along.next, %next]",
            "  %b = phi ptr [%panel, %0], [%b.next, %next]",
        ]
        lines += [f"  %s{r}.{v} = phi {vector} [zeroinitializer, %0], [%t{r}.{v}, %next]" for r, v in cells]
        for v in range(count):
            lines += [
                f"  %b{v}.at = getelementptr inbounds {vector}, ptr %b, i64 {v}",
                f"  %b{v} = load {vector}, ptr %b{v}.at, align {self.bytes * self.lanes}",
            ]
        for r in rows:
            lines += [
                f"  %a{r}.at = getelementptr i8, ptr %a{r}, i64 %along",
                f"  %x{r} = load {self.scalar}, ptr %a{r}.at",
                f"  %y{r} = insertelement {vector} poison, {self.scalar} %x{r}, i64 0",
                f"  %z{r} = shufflevector {vector} %y{r}, {vector} poison, <{self.lanes} x i32> zeroinitializer",
            ]
            lines += [
                f"  %t{r}.{v} = call {vector} @llvm.fmuladd.v{self.lanes}{self.kind.name}({vector} %z{r}, "
                f"{vector} %b{v}, {vector} %s{r}.{v})"
                for v in range(count)
            ]
        lines += [
            "  %p.next = add nuw nsw i64 %p, 1",
            "  %along.next = add i64 %along, %cas",
            f"  %b.next = getelementptr inbounds {vector}, ptr %b, i64 {count}",
            "  %more = icmp slt i64 %p.next, %k",
            "  br i1 %more, label %next, label %summed",
            "summed:",
        ]
        lines += [f"  %u{r}.{v} = phi {vector} [zeroinitializer, %0], [%t{r}.{v}, %next]" for r, v in cells]
        return "\n".join(lines)

    def _whole(self, count: int) -> str:
        """A tile that C has all of: vectors, in place."""
        vector, align, cells = self.vector, self.bytes, self._cells(count)
        lines = []
        for r in range(self.rows):
            lines += [
                f"  %c{r}.down = mul i64 {r}, %rcs",
                f"  %c{r} = getelementptr i8, ptr %c, i64 %c{r}.down",
                *(f"  %c{r}.{v} = getelementptr {vector}, ptr %c{r}, i64 {v}" for v in range(count)),
            ]
        lines += ["  br i1 %new, label %stored, label %added", "stored:"]
        lines += [f"  store {vector} %u{r}.{v}, ptr %c{r}.{v}, align {align}" for r, v in cells]
        lines += ["  ret void", "added:"]
        for r, v in cells:
            lines += [
                f"  %o{r}.{v} = load {vector}, ptr %c{r}.{v}, align {align}",
                f"  %w{r}.{v} = fadd {vector} %o{r}.{v}, %u{r}.{v}",
                f"  store {vector} %w{r}.{v}, ptr %c{r}.{v}, align {align}",
            ]
        return "\n".join([*lines, "  ret void"])

    def _edge(self, count: int) -> str:
        """Any other tile: by way of the stack, element by element, as far as C goes."""
        stores = "\n".join(
            f"  %e{r}.{v} = getelementptr inbounds {self.vector}, ptr %edge, i64 {number}\n"
            f"  store {self.vector} %u{r}.{v}, ptr %e{r}.{v}, align {self.bytes * self.lanes}"
            for number, (r, v) in enumerate(self._cells(count))
        )
        return f"""\
{stores}
  br label %line
line:
  %i = phi i64 [0, %elements], [%i.next, %line.end]
  %i.down = mul i64 %i, %rcs
  %c.line = getelementptr i8, ptr %c, i64 %i.down
  %i.edge = mul nuw nsw i64 %i, {count * self.lanes}
  %edge.line = getelementptr inbounds {self.scalar}, ptr %edge, i64 %i.edge
  br label %element
element:
  %j = phi i64 [0, %line], [%j.next, %element]
  %j.across = mul i64 %j, %ccs
  %c.at = getelementptr i8, ptr %c.line, i64 %j.across
  %edge.at = getelementptr inbounds {self.scalar}, ptr %edge.line, i64 %j
  %part = load {self.scalar}, ptr %edge.at
  %old = load {self.scalar}, ptr %c.at
  %sum = fadd {self.scalar} %old, %part
  %value = select i1 %new, {self.scalar} %part, {self.scalar} %sum
  store {self.scalar} %value, ptr %c.at
  %j.next = add nuw nsw i64 %j, 1
  %j.more = icmp slt i64 %j.next, %columns
  br i1 %j.more, label %element, label %line.end
line.end:
  %i.next = add nuw nsw i64 %i, 1
  %i.more = icmp slt i64 %i.next, %rows
  br i1 %i.more, label %line, label %done
done:
  ret void"""
