"""Products that several sums share, and nobody else uses, are multiplied again in each: one instruction, `fma`.

LLVM itself contracts a product into a sum only where it has no other use. But an adjoint is often added to one element
and subtracted from another, and so needs no instruction of its own if each of the two multiplies as it adds. Under
`fastmath` that holds for the double `p + p` of a product, too, the derivative of a square: it is `(2 a) b`, and `2 a`
is often the same for several of them.

Invariant: what is fused here, LLVM might fuse, too: each sum and each product carries `contract`, or all the function.
"""

from __future__ import annotations

from collections.abc import Iterator

from llad.dataclass import dataclass
from llad.ir.core import Function, Op, Region, Value, users, walk
from llad.ir.types import is_float

_FUSED = frozenset({"mul", "add", "sub"})


@dataclass(frozen=True, slots=True)
class Product:
    """`a b`, or twice that; `value` is what the program has in its place."""

    value: Value
    a: Value
    b: Value
    twice: bool = False


def shared_products(fn: Function, flags: dict[Op, str], fastmath: bool) -> dict[Op, Product]:
    """Per sum or difference that is to be fused with one of its operands, the product that this is."""
    used_by = users(fn.body)
    found: dict[Op, Product] = {}
    for region in _regions(fn.body):
        products: dict[Value, Product] = {}
        for op in region.ops:
            contracts = fastmath or "contract" in flags.get(op, "")
            if op.name not in _FUSED or not is_float(op.result.type) or not contracts or op.attrs.get("alone"):
                continue
            if op.name == "mul":
                a, b = sorted(op.operands, key=lambda v: -len(used_by[v]))
                products[op.result] = Product(op.result, a, b)
            else:
                first, second = (products.get(v) for v in op.operands)
                if (product := second or first) and op.operands[0] is not op.operands[1]:
                    found[op] = product
                elif fastmath and op.name == "add" and first:
                    products[op.result] = Product(op.result, first.a, first.b, twice=True)
    pays = {p.value: len(set(used_by[p.value])) > 1 for p in found.values()}
    for product in found.values():
        pays[product.value] &= all(found.get(user) is product for user in used_by[product.value])
    return {op: product for op, product in found.items() if pays[product.value]}


def _regions(region: Region) -> Iterator[Region]:
    yield region
    for op in walk(region):
        yield from op.regions
