"""The cheapest way to cut a network in two: what the reverse sweep keeps is such a cut (`keep.py`).

Maximum flow by shortest augmenting paths, all of one length at a time (Dinitz 1970). The nodes to which more could flow
then are the near side of a cut that costs as much as the flow brings (Ford & Fulkerson 1956). Costs are integers.
"""

from __future__ import annotations

UNCUTTABLE = 1 << 60  # more than all that may be cut costs together


class Network:
    """Nodes are numbers, `source` and `sink` the first of them."""

    source = 0
    sink = 1

    def __init__(self) -> None:
        self._leaving: list[list[int]] = [[], []]  # per node, the numbers of the edges that leave it
        self._to: list[int] = []
        self._left: list[int] = []  # what an edge can still take; edge e ^ 1 is e backwards

    def node(self) -> int:
        """A new node."""
        self._leaving.append([])
        return len(self._leaving) - 1

    def edge(self, start: int, end: int, cost: int = UNCUTTABLE) -> None:
        """Let it cost so much if `start` is on the side of the source and `end` on that of the sink."""
        for node, other, room in ((start, end, cost), (end, start, 0)):
            self._leaving[node].append(len(self._to))
            self._to.append(other)
            self._left.append(room)

    def cut(self) -> tuple[int, frozenset[int]]:
        """What the cheapest cut costs, and the nodes on the side of the source. The network is used up."""
        total = 0
        while True:
            level = self._levels()
            if level[self.sink] < 0:
                return total, frozenset(node for node, k in enumerate(level) if k >= 0)
            total += self._saturate(level)

    def _levels(self) -> list[int]:
        """How many edges with room it takes from the source to each node; -1 where there is no way."""
        level = [-1] * len(self._leaving)
        level[self.source] = 0
        reached = [self.source]
        for node in reached:
            for e in self._leaving[node]:
                if self._left[e] and level[self._to[e]] < 0:
                    level[self._to[e]] = level[node] + 1
                    reached.append(self._to[e])
        return level

    def _saturate(self, level: list[int]) -> int:
        """Send along shortest ways until none is left; how much that was."""
        to, left, leaving = self._to, self._left, self._leaving
        tried = [0] * len(leaving)  # how many of a node's edges lead nowhere any more
        path: list[int] = []
        node, sent = self.source, 0
        while True:
            if node == self.sink:
                amount = min(left[e] for e in path)
                for e in path:
                    left[e] -= amount
                    left[e ^ 1] += amount
                sent += amount
                full = next(k for k, e in enumerate(path) if not left[e])
                node = to[path[full] ^ 1]
                del path[full:]
                continue
            edges = leaving[node]
            while tried[node] < len(edges):
                e = edges[tried[node]]
                if left[e] and level[to[e]] == level[node] + 1:
                    break
                tried[node] += 1
            if tried[node] < len(edges):
                path.append(e)
                node = to[e]
            elif path:
                node = to[path.pop() ^ 1]
                tried[node] += 1
            else:
                return sent
