"""Loops over records get a version in which records have their usual length.

What: a loop whose iterations copy, fill or sum over a row (a camera's 11 numbers, a point's 3) has loops inside that
run over an extent. What is checked of such an extent (`3 < dim`) says what it most likely is: one more than the
greatest index. The outermost loop is written twice: for the case that all these extents are as they are guessed,
with numbers in their place, and for all others. In the first, `unroll` and `scalars` leave straight code.

When: all loops inside then run a known number of times, and all allocations inside are of known size; what that comes
to when written out is not large. Both versions are the same ops, so nothing else changes.

Before:

    func @f(%a: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %width: i64 = dim %a, 1
      %ok: bool = lt %one, %width
      check %ok, %width, IndexError "index 1 is out of bounds for axis 1 with size {}"
      %trips: i64 = for %i in %zero..%n step %one {
        %inner: i64 = for %j in %zero..%width step %one {
          %x: f64 = load %a[%i, %j]
          %y: f64 = mul %x, %x
          store %y, %a[%i, %j]
          yield
        }
        yield
      }
      return
    }

After:

    func @f(%a: buffer<f64, 2, C>, %n: i64) {
      %zero: i64 = const 0
      %one: i64 = const 1
      %two: i64 = const 2
      %width: i64 = dim %a, 1
      %ok: bool = lt %one, %width
      check %ok, %width, IndexError "index 1 is out of bounds for axis 1 with size {}"
      %guess: i64 = const 2
      %usual: bool = eq %width, %guess
      %trips: i64 = if %usual {
        %known: i64 = const 2
        %t1: i64 = for %i in %zero..%n step %one {
          %inner: i64 = for %j in %zero..%known step %one {
            %x: f64 = load %a[%i, %j]
            %y: f64 = mul %x, %x
            store %y, %a[%i, %j]
            yield
          }
          yield
        }
        yield %t1
      } else {
        %t2: i64 = for %i in %zero..%n step %one {
          %inner: i64 = for %j in %zero..%width step %one {
            %x: f64 = load %a[%i, %j]
            %y: f64 = mul %x, %x
            store %y, %a[%i, %j]
            yield
          }
          yield
        }
        yield %t2
      }
      return
    }
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llad.ir.core import TAPE, Function, Makers, Op, Region, Value, constant, makers, walk
from llad.ir.rewrite import Mapping, copy_region
from llad.ir.types import BOOL, I64, ScalarType
from llad.ops.table import OPS
from llad.passes.fold import Number, evaluate
from llad.passes.rebuild import Rebuild

_LONGEST = 32  # numbers in a record
_LARGEST = 5000  # ops of an iteration, written out

_STRANGERS = TAPE | {"call", "derivative", "while", "print", "free"}


def records(fn: Function) -> Function:
    """`fn` with its loops over records written for the usual length of a record, too; `fn` itself if it has none."""
    numbers = _guessed(fn)
    if not numbers.guesses:
        return fn
    return _Records(numbers).function(fn)


class _Numbers:
    """What integers and truths are, if the guesses are right."""

    def __init__(self, made: Makers, guesses: dict[Value, int]) -> None:
        self.made = made
        self.guesses = guesses
        self._known: dict[Value, Number | None] = {}

    def number(self, value: Value) -> Number | None:
        """The integer or truth that `value` is; None if it depends on more than that."""
        if value not in self._known:
            self._known[value] = self.guesses.get(value)
            if value not in self.guesses:
                self._known[value] = self._evaluated(value)
        return self._known[value]

    def _evaluated(self, value: Value) -> Number | None:
        op = self.made.get(value)
        if op is None or value.type not in (BOOL, I64):
            return None
        if op.name == "const":
            number: Number = op.attrs["value"]
            return number
        if op.name == "cast":
            inner = self.number(op.operands[0])
            return None if inner is None else bool(inner) if value.type == BOOL else int(inner)
        if op.name == "dim":
            counts = {self.number(v) for v in self._counts(op.operands[0], op.attrs["axis"])}
            return counts.pop() if len(counts) == 1 else None
        if op.name not in OPS:
            return None
        numbers = [self.number(o) for o in op.operands]
        known = [n for n in numbers if n is not None]
        assert isinstance(value.type, ScalarType)
        return evaluate(op.name, known, value.type) if len(known) == len(numbers) else None

    def _counts(self, buffer: Value, axis: int) -> list[Value]:
        """What an extent may be of an array that is made in the function."""
        made = self.made.get(buffer)
        if made is None or made.name not in ("alloc", "if"):
            return []
        if made.name == "alloc":
            return [made.operands[axis]]
        position = made.results.index(buffer)
        ways = [self._counts(region.terminator.operands[position], axis) for region in made.regions]
        return [v for way in ways for v in way] if all(ways) else []

    def extents(self, values: Sequence[Value]) -> Iterator[Value]:
        """The extents of given arrays on which the values depend."""
        pending = list(values)
        seen: set[Value] = set()
        while pending:
            value = pending.pop()
            made = self.made.get(value)
            if value in seen or made is None:
                continue
            seen.add(value)
            if made.name == "dim":
                counts = self._counts(made.operands[0], made.attrs["axis"])
                pending += counts
                if not counts:
                    yield value
            elif made.name in OPS or made.name == "cast":
                pending += made.operands


def _guessed(fn: Function) -> _Numbers:
    """What the extents most likely are of which checks speak."""
    made = makers(fn.body)
    checks = [op for op in walk(fn.body) if op.name == "check"]
    found: dict[Value, int] = {}
    asked = [condition for check in checks for condition in _parts(check.operands[0], made)]
    for low, high in [pair for condition in asked for pair in _less(condition, made)]:
        number, extent = constant(low, made), made.get(high)
        if number is None or extent is None or extent.name != "dim":
            continue
        if extent.operands[0] not in made or made[extent.operands[0]].name not in ("alloc", "if"):
            found[high] = max(found.get(high, 0), int(number) + 1)
    numbers = _Numbers(made, {extent: guess for extent, guess in found.items() if 0 < guess <= _LONGEST})
    while numbers.guesses and (solved := _solved(asked, numbers)):
        numbers = _Numbers(made, {**numbers.guesses, **solved})
    return numbers


def _solved(asked: list[Value], numbers: _Numbers) -> dict[Value, int]:
    """The extents for which there is one number with which all conditions hold that speak of no other unknown extent.

    A row of one number would often do as well, as it is broadcast: that is not what people have.
    """
    about: dict[Value, list[Value]] = {}
    for condition in asked:
        unknown = [v for v in numbers.extents([condition]) if v not in numbers.guesses]
        if len(unknown) == 1:
            about.setdefault(unknown[0], []).append(condition)
    found = {}
    for extent, conditions in about.items():
        tried = [_Numbers(numbers.made, {**numbers.guesses, extent: k}) for k in range(1, _LONGEST + 1)]
        right = [n.guesses[extent] for n in tried if all(n.number(c) for c in conditions)]
        if len(right) == 1 or (len(right) == 2 and right[0] == 1):
            found[extent] = right[-1]
    return found


def _parts(condition: Value, made: Makers) -> Iterator[Value]:
    """The conditions of which this one is that all hold."""
    op = made.get(condition)
    if op is not None and op.name == "and" and condition.type == BOOL:
        for operand in op.operands:
            yield from _parts(operand, made)
    else:
        yield condition


def _less(condition: Value, made: Makers) -> Iterator[tuple[Value, Value]]:
    """The pair of integers of which the condition says that the first is less, if it does."""
    op = made.get(condition)
    if op is not None and op.name in ("lt", "gt") and op.operands[0].type == I64:
        first, second = op.operands
        yield (first, second) if op.name == "lt" else (second, first)


class _Records(Rebuild):
    def __init__(self, numbers: _Numbers) -> None:
        super().__init__()
        self._looked = False  # whether what is visited is part of a nest that has been looked at
        self._guesses = numbers.guesses
        self._made = numbers.made
        self._numbers = numbers
        self._number = numbers.number

    def visit(self, op: Op) -> None:
        if op.name != "for" or self._looked:
            self.keep(op)
        elif known := self._known(op):
            self._split(op, known)
        else:
            self._looked = True
            self.keep(op)
            self._looked = False

    def _split(self, op: Op, known: dict[Value, Number]) -> None:
        usual = []
        for extent in [v for v in self._guesses if v in known]:
            guess = self.const(known[extent], I64, op.span)
            usual.append(self.emit("eq", [self.get(extent), guess], [BOOL], op.span).result)
        condition = self.all_of(usual, op.span)
        versions = []
        for numbers in (known, {}):
            with self.written() as version:
                mapping: Mapping = dict(self.mapping)
                for value, number in numbers.items():
                    assert isinstance(value.type, ScalarType)
                    mapping[value] = self.const(number, value.type, op.span)
                results = tuple([Value(r.type, r.name) for r in op.results])
                operands = tuple([mapping.get(o, o) for o in op.operands])
                self.ops.append(Op("for", operands, results, op.attrs, (copy_region(op.regions[0], mapping),), op.span))
                self.ops.append(Op("yield", results))
            versions.append(version)
        self.decide(op, condition, versions)

    # -- what is known if the guesses are right

    def _known(self, loop: Op) -> dict[Value, Number]:
        """What the values are from outside that depend on the guesses, if with them the nest is straight code."""
        inner = list(walk(loop.regions[0]))
        if any(op.name in _STRANGERS or op.attrs.get("exits") for op in (loop, *inner)):
            return {}
        if not all(isinstance(r.type, ScalarType) for r in loop.results):
            return {}
        if not any(op.name in ("for", "alloc") for op in inner):
            return {}
        if any(op.name == "alloc" and None in map(self._number, op.operands) for op in inner):
            return {}
        size = self._size(loop.regions[0])
        if size is None or size > _LARGEST:
            return {}
        inside = {r for op in inner for r in op.results}
        used = dict.fromkeys(o for op in inner for o in op.operands if o not in inside)
        used |= dict.fromkeys(v for op in inner for v in self._numbers.extents(op.operands) if v in self._guesses)
        if any(v in inside for v in used):
            return {}
        found = {v: number for v in used if self._is_computed(v) and (number := self._number(v)) is not None}
        return found if any(v in self._guesses for v in found) else {}

    def _is_computed(self, value: Value) -> bool:
        made = self._made.get(value)
        return value.type in (BOOL, I64) and made is not None and made.name != "const"

    def _size(self, region: Region) -> int | None:
        """The ops of the region, loops written out; None if nobody knows how often a loop runs."""
        total = 0
        for op in region.ops:
            sizes = [self._size(inner) for inner in op.regions]
            if None in sizes:
                return None
            trips = 1
            if op.name == "for":
                bounds = [self._number(o) for o in op.operands[:3]]
                if None in bounds or not bounds[2]:
                    return None
                trips = len(range(*[int(b) for b in bounds if b is not None]))
            total += 1 + trips * sum(size for size in sizes if size is not None)
        return total
