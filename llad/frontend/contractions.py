"""Sums of products of arrays: each axis of an operand has a letter, and letters that the result lacks are summed over.

`@`, `np.dot`, `np.einsum` and their like all are such sums. The loops go over the letters of the result, and the
innermost over the last letter that is summed, so what several cells of the result read has a copy whose memory runs
along it; except where one operand has all letters of the result, and memory that runs along the last of them: then
the result is a sum of its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from llad.dataclass import dataclass
from llad.frontend import extents as ext
from llad.frontend.arrays import allocate, axes_of, merge, nest
from llad.frontend.extents import extents_of, measure, shape_of
from llad.frontend.promotion import kind_of, promote
from llad.frontend.values import Array, Context, Extent, Scalar
from llad.ir.core import Value
from llad.ir.types import BOOL, I32, I64, ScalarType

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Term:
    """An operand, with a letter for each of its axes."""

    array: Array
    letters: str


def contract(
    ctx: Context, terms: Sequence[Term], output: str, sizes: Mapping[str, Extent], loose: str = ""
) -> Scalar | Array:
    """The sum of the products of the elements, over the letters that `output` lacks.

    `sizes` has the extent of each letter. The caller has checked that the axes have them, or one element, for the
    letters that are `loose`.
    """
    type, _ = promote([kind_of(ctx, t.array) for t in terms], arrays=bool(output))
    if type == BOOL:
        ctx.refuse("bool-arithmetic", op="@")
    if not output and type == I32:
        type = I64
    terms = [_without_ones(ctx, term, sizes, loose) for term in terms]
    summed = "".join(dict.fromkeys(c for term in terms for c in term.letters if c not in output))
    by_rows = bool(summed and output) and any(
        output[-1] == t.letters[-1:] and set(output) <= set(t.letters) and not _is_known(t) for t in terms
    )
    if summed and not by_rows:
        terms = [_along(ctx, term, output, summed, type) for term in terms]
    product = _Product(ctx, terms, sizes, loose, type)
    if by_rows:
        return _sum_of_rows(ctx, product, output, summed)
    return _cells(ctx, product, output, summed)


def _is_known(term: Term) -> bool:
    """Whether all its extents are known, so that the loops over it are written out if they are short."""
    return all(isinstance(e, int) for e in extents_of(term.array))


@dataclass(slots=True)
class _Product:
    """The product of the elements of the operands that belong to an index for each letter."""

    ctx: Context
    terms: Sequence[Term]
    sizes: Mapping[str, Extent]
    loose: str
    type: ScalarType
    factors: list[list[Value | None]] = field(init=False)  # per operand and axis: what its index is multiplied with

    def __post_init__(self) -> None:
        self.factors = [self._factors(term) for term in self.terms]

    def _factors(self, term: Term) -> list[Value | None]:
        found: list[Value | None] = []
        for extent, letter in zip(extents_of(term.array), term.letters, strict=True):
            factor = None
            if letter in self.loose and extent != self.sizes[letter]:
                (axis,) = axes_of(self.ctx, [extent], [self.sizes[letter]])
                factor = axis.factor if isinstance(axis.factor, Value) else None
            found.append(factor)
        return found

    def highs(self, letters: str) -> list[ext.Int]:
        return [measure(self.ctx, self.sizes[c]) for c in letters]

    def at(self, indices: Mapping[str, Value]) -> Value:
        b = self.ctx.builder
        result: Value | None = None
        for term, factors in zip(self.terms, self.factors, strict=True):
            place = [
                indices[c] if factor is None else b.op("mul", indices[c], factor)
                for c, factor in zip(term.letters, factors, strict=True)
            ]
            x = b.cast(b.load(term.array.value, *place), self.type)
            result = x if result is None else b.op("mul", result, x)
        assert result is not None
        return result


def _cells(ctx: Context, product: _Product, output: str, summed: str) -> Scalar | Array:
    """Each element of the result as a sum."""
    b = ctx.builder

    def cell(outer: list[Value]) -> Value:
        fixed = dict(zip(output, outer, strict=True))
        if not summed:
            return product.at(fixed)

        def add(indices: list[Value], carries: list[Value]) -> Sequence[Value]:
            return [b.op("add", carries[0], product.at(fixed | dict(zip(summed, indices, strict=True))))]

        return nest(ctx, product.highs(summed), [b.const(0, product.type)], add, "reduction")[0]

    if not output:
        return Scalar(cell([]))
    out = allocate(ctx, product.type, [product.sizes[c] for c in output])

    def store(indices: list[Value], _: list[Value]) -> Sequence[Value]:
        b.store(cell(indices), out.value, *indices)
        return []

    nest(ctx, product.highs(output), [], store, "parallel")
    return out


def _sum_of_rows(ctx: Context, product: _Product, output: str, summed: str) -> Array:
    """The result as a sum of rows: the innermost loop is that of its last letter."""
    b = ctx.builder
    out = allocate(ctx, product.type, [product.sizes[c] for c in output], zero=True)

    def block(outer: list[Value], _: list[Value]) -> Sequence[Value]:
        def row(above: list[Value], _: list[Value]) -> Sequence[Value]:
            fixed = dict(zip(output[:-1] + summed, [*outer, *above], strict=True))

            def add(column: list[Value], _: list[Value]) -> Sequence[Value]:
                old = b.load(out.value, *outer, *column)
                b.store(b.op("add", old, product.at(fixed | {output[-1]: column[0]})), out.value, *outer, *column)
                return []

            nest(ctx, product.highs(output[-1]), [], add, "parallel")
            return []

        nest(ctx, product.highs(summed), [], row, "sequential")
        return []

    nest(ctx, product.highs(output[:-1]), [], block, "parallel")
    return out


def _without_ones(ctx: Context, term: Term, sizes: Mapping[str, Extent], loose: str) -> Term:
    """The operand without axes that are known to have one element where the result has more."""
    drop = [
        c in loose and e != sizes[c] and ext.is_one(ctx, e) is True
        for e, c in zip(extents_of(term.array), term.letters, strict=True)
    ]
    if not any(drop):
        return term
    b = ctx.builder
    view = b.view(term.array.value, ["index" if d else "full" for d in drop], *[b.i64(0) for d in drop if d])
    kept = [k for k, d in enumerate(drop) if not d]
    extents = tuple(extents_of(term.array)[k] for k in kept)
    return Term(replace(term.array, value=view, extents=extents), "".join(term.letters[k] for k in kept))


def _along(ctx: Context, term: Term, output: str, summed: str, type: ScalarType) -> Term:
    """The operand, or a copy whose memory runs along the last letter that is summed, if several cells read it."""
    letters = term.letters
    if summed[-1] not in letters or letters[-1] == summed[-1] or set(output) <= set(letters) or _is_known(term):
        return term
    if len(set(letters)) < len(letters):  # a diagonal
        return term
    order = sorted(range(len(letters)), key=lambda k: summed.find(letters[k]))
    extents = [extents_of(term.array)[k] for k in order]
    b = ctx.builder
    out = allocate(ctx, type, extents)

    def move(indices: list[Value], _: list[Value]) -> list[Value]:
        place = [indices[order.index(k)] for k in range(len(order))]
        b.store(b.cast(b.load(term.array.value, *place), type), out.value, *indices)
        return []

    nest(ctx, [measure(ctx, e) for e in extents], [], move, "parallel")
    return Term(out, "".join(letters[k] for k in order))


# -- NumPy's products of two arrays


def matmul(ctx: Context, a: Array, b: Array) -> Scalar | Array:
    """`a @ b`: vectors, matrices, and stacks of matrices, whose leading axes broadcast."""
    if not a.rank or not b.rank:
        ctx.refuse("matmul-rank", left=a.rank, right=b.rank)
    own, other = extents_of(a), extents_of(b)
    core = max(b.rank - 2, 0)
    if own[-1] != other[core]:
        text = (
            "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
            "(n?,k),(k,m?)->(n?,m?) (size {} is different from {})"
        )
        x, y = measure(ctx, own[-1]), measure(ctx, other[core])
        ext.check(ctx, ext.compare(ctx, "eq", x, y), "ValueError", text, y, x)
    stack = LETTERS[: max(a.rank, b.rank, 2) - 2]
    left = (stack[len(stack) - max(a.rank - 2, 0) :] + "YZ")[-a.rank :] if a.rank > 1 else "Z"
    right = (stack[len(stack) - max(b.rank - 2, 0) :] + "ZX")[-b.rank :] if b.rank > 1 else "Z"
    sizes = _stacked(ctx, a, b, stack)
    sizes |= {c: e for c, e in zip(right, other, strict=True) if c in "ZX"}
    sizes |= {c: e for c, e in zip(left, own, strict=True) if c in "YZ"}
    output = stack + ("Y" if a.rank > 1 else "") + ("X" if b.rank > 1 else "")
    return contract(ctx, [Term(a, left), Term(b, right)], output, sizes, stack)


def _stacked(ctx: Context, a: Array, b: Array, letters: str) -> dict[str, Extent]:
    """The extents of the leading axes of a product of stacks of matrices; checks that there are such."""
    shapes = [extents_of(x)[: max(x.rank - 2, 0)] for x in (a, b)]
    found: dict[str, Extent] = {}
    fits: bool | Value = True
    for k, letter in enumerate(letters):
        own = [shape[k - len(letters)] for shape in shapes if len(letters) - k <= len(shape)]
        extent, fine, _ = merge(ctx, own[0], own[-1])
        found[letter], fits = extent, ext.both(ctx, fits, fine)
    if fits is not True:
        brief = "operands could not be broadcast together with remapped shapes"
        full = [shape_of(ctx, x) for x in (a, b)]
        maps = [
            f"{ext.shape_text(shape)}->({','.join(['{}'] * (len(shape) - 2) + ['newaxis', 'newaxis'])})"
            for shape in full
        ]
        text = f"{brief} [original->remapped]: {' '.join(maps)}  and requested shape ({{}},{{}})"
        values = [*full[0], *full[0][:-2], *full[1], *full[1][:-2], full[0][-2], full[1][-1]]
        ext.check(ctx, fits, "ValueError", text, *values, brief=brief)
    return found


def dot(ctx: Context, a: Array, b: Array) -> Scalar | Array:
    """`np.dot`: over the last axis of `a` and the last but one of `b`."""
    return aligned(ctx, a, b, max(b.rank - 2, 0))


def inner(ctx: Context, a: Array, b: Array) -> Scalar | Array:
    """`np.inner`: over the last axes."""
    return aligned(ctx, a, b, b.rank - 1)


def aligned(ctx: Context, a: Array, b: Array, axis: int) -> Scalar | Array:
    """The sum over the last axis of `a` and one of the last two of `b`, for each index of the others."""
    if extents_of(a)[-1] != extents_of(b)[axis]:
        left, right, place = shape_of(ctx, a), shape_of(ctx, b), axis
        if axis == b.rank - 1 > 0:  # NumPy speaks of `b` as it passes it on, with these two axes swapped
            right, place = [*right[:-2], right[-1], right[-2]], b.rank - 2
        text = f"shapes {ext.shape_text(left)} and {ext.shape_text(right)} not aligned"
        brief = "the shapes are not aligned"
        values = [*left, *right]
        if sum(isinstance(v, Value) for v in [*values, left[-1], right[place]]) <= 4:
            text += f": {{}} (dim {a.rank - 1}) != {{}} (dim {place})"
            values += [left[-1], right[place]]
        ext.check(ctx, ext.compare(ctx, "eq", left[-1], right[place]), "ValueError", text, *values, brief=brief)
    left_letters = LETTERS[: a.rank]
    rest = LETTERS[a.rank : a.rank + b.rank - 1]
    right_letters = rest[:axis] + left_letters[-1] + rest[axis:]
    sizes = dict(zip(right_letters, extents_of(b), strict=True)) | dict(zip(left_letters, extents_of(a), strict=True))
    return contract(ctx, [Term(a, left_letters), Term(b, right_letters)], left_letters[:-1] + rest, sizes)
