"""Common subexpressions, loads that are known already, checks that have been made.

What: a pure op equal to one that stands before it (in the same region or one around it) is replaced by that one's
result. So is a load of the same element when nothing between may have written it, and a load of what was
just stored. A store of what the element already holds, and a check whose condition was checked, are dropped.

When: the earlier op dominates, because it stands earlier in the same region or in one around it. Memory: each root
(`alias.py`) has an epoch, which a store changes; a load is the same only in the same epochs of all its roots.
A loop that writes a root starts a new epoch before it, so that no iteration sees a value from before the loop,
and one after it; so does an `if`. Buffers that change places have several roots, and a store through one of them
changes nothing for those that are distinct from it (`distinct.py`). Nor does a store to one element change what is
known of another of the same buffer, if their indices differ by a constant.

Before:

    func @f(%a: buffer<f64, 1, C>, %i: i64, %x: f64) {
      %u: f64 = mul %x, %x
      store %u, %a[%i]
      %v: f64 = load %a[%i]
      %w: f64 = mul %x, %x
      %s: f64 = add %v, %w
      return %s
    }

After:

    func @f(%a: buffer<f64, 1, C>, %i: i64, %x: f64) {
      %u: f64 = mul %x, %x
      store %u, %a[%i]
      %s: f64 = add %u, %u
      return %s
    }
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable

from llad.ir.alias import Aliases, Roots
from llad.ir.core import PURE_STRUCTURED, Function, Op, Region, Value
from llad.ir.distinct import Distinct
from llad.ir.elements import Elements
from llad.ops.table import OPS
from llad.passes.rebuild import Rebuild

_OTHERS = 16  # elements of a buffer, the last ones met, that are compared with one that is stored to
_NEVER: dict[Value | None, int] = {}


def cse(fn: Function) -> Function:
    """`fn` with each available expression computed once."""
    return _Cse(fn).function(fn)


class _Cse(Rebuild):
    """`known` maps what an op computes to its value, in the regions that are open."""

    def __init__(self, fn: Function) -> None:
        super().__init__()
        self._aliases = Aliases(fn)
        self._known: dict[Hashable, Value] = {}
        self._learned: list[Hashable] = []  # in the order learned, so that leaving a region can forget
        self._numbers: dict[Value, int] = {}
        self._distinct = Distinct(fn, self._aliases)
        # Of a root, by what wrote it: a handle, or more. A dict of a root is not edited.
        self._epochs: dict[Value, dict[Value | None, int]] = {}
        self._last_epoch = 0
        self._elements = Elements(fn)
        self._met: dict[Value, dict[tuple[Value, ...], None]] = {}  # per buffer, elements with their indices

    def visit(self, op: Op) -> None:
        operands = self.operands(op)
        match op.name:
            case "load":
                key = self._element(op.operands[0], operands)
                if (value := self._known.get(key)) is not None:
                    self.mapping[op.result] = value
                else:
                    self._learn(key, self.copy(op, operands).result)
                    self._meet(operands)
            case "store":
                if self._known.get(self._element(op.operands[1], operands[1:])) is not operands[0]:
                    self.copy(op, operands)
                    self._store(op, operands[1:], operands[0])
            case "check":
                if ("check", operands[0]) not in self._known:
                    self.copy(op, operands)
                    self._learn(("check", operands[0]), operands[0])
            case name if name in OPS or name in PURE_STRUCTURED:
                key = self._expression(op, operands)
                if (value := self._known.get(key)) is not None:
                    self.mapping[op.result] = value
                else:
                    self._learn(key, self.copy(op, operands).result)
            case _ if op.regions:
                self._control(op, operands)
            case _:
                self.copy(op, operands)
                self._write(self._aliases.written(op))

    def _store(self, op: Op, access: tuple[Value, ...], value: Value) -> None:
        """Learn what an element holds, and what others of the buffer hold still."""
        old, others = op.operands[1], self._met.get(access[0], {})
        differing = [other for other in others if self._elements.differ(access[1:], other[1:])]
        kept = [(other, self._known.get(self._element(old, other))) for other in differing]
        self._write(self._aliases.written(op), through=old)
        for other, known in kept:
            if known is not None:
                self._learn(self._element(old, other), known)
        self._learn(self._element(old, access), value)
        self._meet(access)

    def _meet(self, access: tuple[Value, ...]) -> None:
        met = self._met.setdefault(access[0], {})
        met.pop(access, None)
        met[access] = None
        if len(met) > _OTHERS:
            del met[next(iter(met))]

    def _control(self, op: Op, operands: tuple[Value, ...]) -> None:
        written = self._aliases.written(op)
        if op.name != "if":
            self._write(written)
        before = dict(self._epochs) if written else self._epochs
        regions = []
        for region in op.regions:
            self._epochs = dict(before) if written else before
            regions.append(self._scoped(region))
        self._epochs = before
        self._write(written)
        self.copy(op, operands, tuple(regions))

    def _scoped(self, region: Region) -> Region:
        """The region rebuilt; what it learns is forgotten at its end."""
        depth = len(self._learned)
        rebuilt = self.region(region)
        for key in self._learned[depth:]:
            del self._known[key]
        del self._learned[depth:]
        return rebuilt

    def _learn(self, key: Hashable, value: Value) -> None:
        if key not in self._known:
            self._learned.append(key)
        self._known[key] = value

    def _write(self, roots: Roots, through: Value | None = None) -> None:
        self._last_epoch += 1
        if len(roots) == 1 or through is None:  # nothing earlier is later
            whole: dict[Value | None, int] = {None: self._last_epoch}
            self._epochs.update(dict.fromkeys(roots, whole))
        else:
            for root in roots:
                self._epochs[root] = {**self._epochs.get(root, _NEVER), through: self._last_epoch}

    def _element(self, old_buffer: Value, access: tuple[Value, ...]) -> Hashable:
        """`access` is the buffer and its indices; the element it names holds the same value for an equal key."""
        roots = self._aliases.roots(old_buffer)
        if len(roots) == 1:
            (root,) = roots
            return access, self._epoch(root, old_buffer)
        return access, frozenset((root, self._epoch(root, old_buffer)) for root in roots)

    def _epoch(self, root: Value, buffer: Value) -> int:
        """Of the writes that may have changed what `buffer` holds of `root`, the last."""
        found = 0
        for through, epoch in self._epochs.get(root, _NEVER).items():
            if epoch > found and (through is None or not self._distinct(through, buffer)):
                found = epoch
        return found

    def _expression(self, op: Op, operands: tuple[Value, ...]) -> Hashable:
        if op.name == "const":
            value = op.attrs["value"]
            return "const", op.result.type, value, math.copysign(1.0, value)
        if op.name in OPS and OPS[op.name].commutative and self._number(operands[1]) < self._number(operands[0]):
            operands = (operands[1], operands[0], *operands[2:])
        return op.name, operands, op.result.type, _frozen(op.attrs.items())

    def _number(self, value: Value) -> int:
        """An arbitrary but fixed order of values, for the operands of commutative ops."""
        return self._numbers.setdefault(value, len(self._numbers))


def _frozen(items: Iterable[tuple[str, object]]) -> Hashable:
    return tuple(sorted(items))
