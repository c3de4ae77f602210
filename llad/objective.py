"""What a derivative is taken of: the traced function, with the results that can be differentiated.

A gradient is that of one float, so of a function with that one result, which may stand in an array without axes; a
tangent belongs to every result, so an argument that is returned becomes one like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llad.diagnostics import Span
from llad.frontend.signature import ArraySpec
from llad.ir.build import Builder
from llad.ir.core import Function, Value
from llad.ir.rewrite import inline
from llad.ir.types import BufferType, ScalarType, is_float
from llad.refusals.table import refusal
from llad.returned import Constant, Fresh, Output, Passed, Result
from llad.structures import Node


def objective(fn: Function, result: Result, definition: Span | None) -> Function:
    """The function with its one float as the only result.

    Raises: DerivativeError, if it returns anything else.
    """
    if isinstance(result, Constant) and isinstance(result.value, float):
        value = result.value
        return with_results(fn, lambda b, new: [b.f64(value)])
    if isinstance(result, Output):
        kept = fn.results[result.index]
        if isinstance(kept.type, ScalarType) and is_float(kept.type):
            return fn if fn.results == (kept,) else with_results(fn, lambda b, new: [new[kept]])
        if isinstance(kept.type, BufferType) and kept.type.rank == 0 and is_float(kept.type.dtype):
            return with_results(fn, lambda b, new: [b.load(new[kept])])
    raise refusal("gradient-result", definition, got=describe_result(fn, result))


def describe_result(fn: Function, result: Result) -> str:
    """A result in words."""
    match result:
        case Output(index=index):
            type = fn.results[index].type
            shown = str(ArraySpec(type.dtype, type.rank) if isinstance(type, BufferType) else type)
            return f"an {shown}" if shown[0] in "aei" else f"a {shown}"
        case Node(form=form, items=items):
            return f"{form} of {len(items)}" if form.cls in (tuple, list) else str(form)
        case Passed():
            return "one of its arguments"
        case Constant(value=value):
            return repr(value)
        case Fresh():
            raise AssertionError(result)


def with_results(fn: Function, pick: Callable[[Builder, dict[Value, Value]], list[Value]]) -> Function:
    """`fn` with other results: `pick` is given a builder at the end of the body, and where each value went."""
    b = Builder(fn.body.terminator.span)
    params = [Value(p.type, p.name) for p in fn.params]
    new = dict(zip(fn.params, params, strict=True))
    new |= dict(zip(fn.results, inline(b, fn, params), strict=True))
    b.return_(*pick(b, new))
    return replace(b.function(fn.name, params, **fn.attrs), functions=fn.functions)


def tangible(fn: Function, result: Result) -> tuple[Function, Result]:
    """`fn` with arguments that it returns as such made ordinary results: a tangent call returns copies of them."""
    tree, passed = tangible_result(result, len(fn.results))
    if not passed:
        return fn, result
    returned = [fn.params[leaf] for leaf in passed]
    return with_results(fn, lambda b, new: [*(new[r] for r in fn.results), *(new[p] for p in returned)]), tree


def tangible_result(result: Result, count: int) -> tuple[Result, list[int]]:
    """The result of `tangible`, of a function of `count` results, and the leaves of the arguments that follow them."""
    passed: list[int] = []

    def visit(tree: Result) -> Result:
        match tree:
            case Passed(leaf=leaf):
                passed.append(leaf)
                return Output(count + len(passed) - 1)
            case Node():
                return tree.map(visit)
            case _:
                return tree

    return visit(result), passed
