"""`np.einsum` and `np.tensordot`: the letters of a product as the user writes them, and the order of several products.

More than two operands are multiplied two at a time. Next are always the two whose product has the fewest axes, so
letters that only they have are summed over as early as possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NoReturn

from llad.frontend import extents as ext
from llad.frontend.arguments import bind
from llad.frontend.arrays import merge
from llad.frontend.contractions import LETTERS, Term, contract
from llad.frontend.creation import as_array
from llad.frontend.extents import extents_of, measure
from llad.frontend.promotion import is_static_number, plain
from llad.frontend.rearrange import copied, ordered
from llad.frontend.values import Array, Context, Extent, Scalar, describe
from llad.ir.core import Value


def einsum(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """`np.einsum(subscripts, *operands)`: subscripts as a string; axes that are only put in order are a view."""
    bind(ctx, "np.einsum(subscripts, optimize)", args[:1], kwargs, [False])
    if not args or not isinstance(args[0], str) or len(args) < 2:
        ctx.refuse("einsum-subscripts")
    arrays = [as_array(ctx, x) for x in args[1:]]
    parts, output = _parsed(ctx, args[0], [a.rank for a in arrays])
    if len(parts) == 1 and sorted(parts[0]) == sorted(output):
        return ordered(ctx, arrays[0], [parts[0].index(c) for c in output])
    terms = [Term(a, letters) for a, letters in zip(arrays, parts, strict=True)]
    sizes = _sizes(ctx, terms)
    loose = "".join(sizes)
    while len(terms) > 2:
        first, second = _next_two(terms, output)
        rest = [t for t in terms if t is not first and t is not second]
        kept = _kept(first, second, rest, output)
        made = contract(ctx, [first, second], kept, sizes, loose)
        terms = [*rest, Term(as_array(ctx, made), kept)]
    made = contract(ctx, terms, output, sizes, loose)
    diagonal = len(parts) == 1 and len(set(parts[0])) == len(output)
    return copied(ctx, made, arrays[0]) if diagonal and isinstance(made, Array) else made


def _next_two(terms: Sequence[Term], output: str) -> tuple[Term, Term]:
    def cost(pair: tuple[Term, Term]) -> tuple[int, int]:
        rest = [t for t in terms if t is not pair[0] and t is not pair[1]]
        return len(_kept(*pair, rest, output)), len(set(pair[0].letters + pair[1].letters))

    return min(combinations(terms, 2), key=cost)


def _kept(first: Term, second: Term, rest: Sequence[Term], output: str) -> str:
    wanted = output + "".join(t.letters for t in rest)
    return "".join(c for c in dict.fromkeys(first.letters + second.letters) if c in wanted)


def _parsed(ctx: Context, subscripts: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result; those of `...` are letters that occur nowhere else."""
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    parts = inputs.split(",")
    if len(parts) != len(ranks):
        count = "more" if len(ranks) > len(parts) else "fewer"
        _wrong(ctx, f"{count} operands provided to einstein sum function than specified in the subscripts string")
    bare = [part.replace("...", "") for part in parts]
    spare = [c for c in reversed(LETTERS) if c not in subscripts]
    extra = [rank - len(letters) for rank, letters in zip(ranks, bare, strict=True)]
    for k, (part, letters) in enumerate(zip(parts, bare, strict=True)):
        odd = next((c for c in letters if c not in LETTERS), None)
        if odd is not None or part.count("...") > 1:
            _wrong(ctx, f"invalid subscript {odd or '.'!r} in einstein sum subscripts string")
        if extra[k] < 0:
            _wrong(ctx, f"einstein sum subscripts string contains too many subscripts for operand {k}")
        if extra[k] > 0 and "..." not in part:
            _wrong(
                ctx, "operand has more dimensions than subscripts given in einstein sum, but no '...' ellipsis "
                "provided to broadcast the extra dimensions."
            )  # fmt: skip
    ellipsis = "".join(spare[: max(extra)])
    full = [p.replace("...", ellipsis[len(ellipsis) - n :]) for p, n in zip(parts, extra, strict=True)]
    if not arrow:
        counted = Counter("".join(bare))
        return full, ellipsis + "".join(sorted(c for c, n in counted.items() if n == 1))
    if ellipsis and "..." not in output:
        _wrong(ctx, "output has less dimensions than subscripts: it lacks the `...` of the operands")
    output = output.replace("...", ellipsis)
    for c in output:
        if c not in "".join(full):
            text = f"einstein sum subscripts string included output subscript {c!r} which never appeared in an input"
            _wrong(ctx, text)
        if output.count(c) > 1:
            _wrong(ctx, f"einstein sum subscripts string includes output subscript {c!r} multiple times")
    return full, output


def _wrong(ctx: Context, text: str) -> NoReturn:
    ctx.refuse("static-error", error=text)


def _sizes(ctx: Context, terms: Sequence[Term]) -> dict[str, Extent]:
    """The extent of each letter; checks that all axes have it, or one element, and those of a diagonal the same."""
    sizes: dict[str, Extent] = {}
    fits: bool | Value = True
    for number, term in enumerate(terms):
        own: dict[str, Extent] = {}
        for letter, extent in zip(term.letters, extents_of(term.array), strict=True):
            if letter in own and own[letter] != extent:
                text = f"dimensions in operand {number} for collapsing index {letter!r} don't match ({{}} != {{}})"
                one, other = measure(ctx, own[letter]), measure(ctx, extent)
                ext.check(ctx, ext.compare(ctx, "eq", one, other), "ValueError", text, one, other)
            own.setdefault(letter, extent)
        for letter, extent in own.items():
            sizes[letter], fine, _ = merge(ctx, sizes.get(letter, 1), extent)
            fits = ext.both(ctx, fits, fine)
    ext.check(ctx, fits, "ValueError", "operands could not be broadcast together with remapped shapes")
    return sizes


def tensordot(ctx: Context, a: Any, b: Any, axes: Any) -> Scalar | Array:
    """`np.tensordot`: over the last and first axes, as many as `axes`, or over the pairs that it lists."""
    x, y = as_array(ctx, a), as_array(ctx, b)
    first, second = _axes(ctx, axes, x.rank, y.rank)
    if len(first) != len(second) or len(set(first)) < len(first) or len(set(second)) < len(second):
        _wrong(ctx, "shape-mismatch for sum")
    left = LETTERS[: x.rank]
    spare = iter(LETTERS[x.rank :])
    pairs = dict(zip(second, first, strict=True))
    right = "".join(left[pairs[k]] if k in pairs else next(spare) for k in range(y.rank))
    for j, k in zip(first, second, strict=True):
        if extents_of(x)[j] != extents_of(y)[k]:
            same = ext.compare(ctx, "eq", measure(ctx, extents_of(x)[j]), measure(ctx, extents_of(y)[k]))
            ext.check(ctx, same, "ValueError", "shape-mismatch for sum")
    sizes = dict(zip(right, extents_of(y), strict=True)) | dict(zip(left, extents_of(x), strict=True))
    output = "".join(c for c in left if c not in right) + "".join(c for c in right if c not in left)
    return contract(ctx, [Term(x, left), Term(y, right)], output, sizes)


def _axes(ctx: Context, axes: Any, left: int, right: int) -> tuple[list[int], list[int]]:
    """The axes of the two operands that are summed over, in pairs."""
    if is_static_number(axes):
        count = int(plain(axes))
        if not 0 <= count <= min(left, right):
            _wrong(ctx, "shape-mismatch for sum")
        return list(range(left - count, left)), list(range(count))
    if not isinstance(axes, (tuple, list)) or len(axes) != 2:
        ctx.refuse("axis", axis=describe(axes), rank=left)
    found: list[list[Any]] = []
    for group, rank in zip(axes, (left, right), strict=True):
        listed = group if isinstance(group, (tuple, list)) else [group]
        numbers = [plain(k) if is_static_number(k) else k for k in listed]
        if any(type(k) is not int or not -rank <= k < rank for k in numbers):
            ctx.refuse("axis", axis=describe(group), rank=rank)
        found.append([k % rank for k in numbers])
    return found[0], found[1]
