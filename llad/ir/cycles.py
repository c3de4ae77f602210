"""Cycles of a graph: what waits for itself, as a recurrence does."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Set
from typing import TypeVar

N = TypeVar("N", bound=Hashable)


def cycles(after: Mapping[N, Set[N]]) -> list[list[N]]:
    """The strongly connected components that hold a cycle (R. Tarjan, SIAM J. Comput. 1, 1972)."""
    order = {node: k for k, node in enumerate(after)}
    index: dict[N, int] = {}
    low: dict[N, int] = {}
    stack: list[N] = []
    waiting: set[N] = set()
    found: list[list[N]] = []

    for root in after:
        if root in index:
            continue
        path = [root]  # a chain of ops may be longer than Python's stack is deep
        branches = {root: iter(sorted(after[root], key=order.__getitem__))}
        while path:
            node = path[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                waiting.add(node)
            other = next(branches[node], None)
            if other is None:
                path.pop()
                if path:
                    low[path[-1]] = min(low[path[-1]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    component = stack[at:]
                    del stack[at:]
                    waiting.difference_update(component)
                    if len(component) > 1 or node in after[node]:
                        found.append(component)
            elif other not in index:
                path.append(other)
                branches[other] = iter(sorted(after[other], key=order.__getitem__))
            elif other in waiting:
                low[node] = min(low[node], index[other])
    return found
