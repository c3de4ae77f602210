"""Run-time loops: the `for` and `while` ops.

The body is traced with the carried names as block arguments, and traced again from the same state until the
types of the carries hold (`carries.py`). Which names are carried is a matter of liveness: what an iteration may
read before it assigns it, and what is read after the loop. `break` and `return` set the flag `stop`, which is the
`exits` bool; the value returned from inside a loop is a carry that only the last iteration sets.

Invariant: a discarded round is forgotten (`moments.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from llad.dataclass import dataclass
from llad.frontend import contents, rounds
from llad.frontend.carries import Carry, initial, late, widen
from llad.frontend.conditions import condition, constant_flag
from llad.frontend.contents import Path, Place
from llad.frontend.core import Tracer
from llad.frontend.effects import assigned, changed
from llad.frontend.fork import Fork, split
from llad.frontend.iteration import Walk, emit
from llad.frontend.moments import go_back, now, trial
from llad.frontend.rounds import Loop, Name, Round
from llad.frontend.state import Change, Conflict, Dropped, Flag, Maybe, State, held_by
from llad.frontend.values import Growing, OrNone, Unbound
from llad.ir.core import Limit, Region, Value, walk
from llad.ir.types import BOOL, I64, Type

_ROUNDS = 24
_EFFECTS = frozenset({"store", "push", "pop", "free", "call", "derivative", "print"})


def for_loop(
    t: Tracer, node: ast.For, walk: Walk, assign: Callable[[Any], None], limit: Limit | None = None
) -> None:
    """A `for` over a run-time walk; `limit`: what its reverse sweep may keep."""
    trips = walk.trips
    if trips == 0:
        return
    lo, hi, step = (emit(t, x) for x in (walk.lo, walk.hi, walk.step))

    def run(item: Any) -> None:
        assign(item)
        t.execute(node.body)

    def start(region: Region) -> None:
        if walk.chosen is None:
            run(walk.item(t, region.args[0]))
            return
        flag, item = walk.chosen(t, region.args[0])
        _if(t, node, flag, lambda: run(item()), lambda: None)

    loop = _prepare(t, node, True, start, (node.target, *node.body))
    if walk.chosen is not None:
        _carry_late(t, loop)
    loop.runs = trips is not None
    done = _settle(t, loop)

    def emit_op(inits: list[Value], exits: bool) -> tuple[Value, ...]:
        if exits and walk.threads:
            t.refuse("prange", got="may be left early")
        says = {"threads": "asked"} if walk.threads else {}
        return t.builder.for_(lo, hi, step, inits, done.region, exits=exits, limit=limit, says=says)

    _finish(t, loop, done, emit_op)


def while_loop(t: Tracer, node: ast.While) -> None:
    """A `while` whose condition is not known to be false."""

    def start(region: Region) -> None:
        t.execute(node.body)

    loop = _prepare(t, node, False, start, (node.test, *node.body))
    with trial(t):
        first = _test(t, loop)
    if first.flag is False:
        return
    writes = first.changed or assigned([node.test]) or changed([node.test]) or t.frame.source.rebound
    inside = bool(writes) or _has_effects(first.region)
    if inside:
        _tested_inside(t, node, loop)
    loop.runs = inside or first.flag is True
    done = _settle(t, loop)
    loop.endless = inside or (loop.runs and _always(t, loop))
    tests: list[Test] = []

    def emit_op(inits: list[Value], exits: bool) -> tuple[Value, ...]:
        types = [i.type for i in inits]
        if loop.endless:
            with t.builder.region(types) as test_region:
                t.builder.yield_(t.builder.const(True, BOOL))
        else:
            test = _test(t, loop)
            tests.append(test)
            for change in test.changed.values():  # in a part that the first iteration does not come to
                t.refuse_mutation(change.thing, change.span)
            test_region = test.region
            test_region.args += tuple(Value(x) for x in types[len(test_region.args) :])
            with t.builder.inside(test_region):
                t.builder.yield_(constant_flag(t, test.flag))
        return t.builder.while_(inits, test_region, done.region, exits=exits)

    _finish(t, loop, done, emit_op)
    if tests and done.end.stop is False:
        _narrow(t, tests[-1])


def _narrow(t: Tracer, test: Test) -> None:
    """Let names and attributes that may be `None` hold what the condition says of them by not holding."""
    known = t.assumed.following(test.flag, False) if isinstance(test.flag, Value) else {}
    for name, start in test.start.items():
        if isinstance(start, OrNone) and start.there.value in known:
            holder = t.state.values if isinstance(name, str) else held_by(name.thing)
            after = holder[name if isinstance(name, str) else name.key]
            if isinstance(after, OrNone):
                value = after.inner if known[start.there.value] else None
                if isinstance(name, str):
                    t.state.values[name] = value
                else:
                    contents.put(t, name, value)


def _carry_late(t: Tracer, loop: Loop) -> None:
    """Carry what is read after the loop, too: an iteration may run no part of the body."""
    loop.carried |= {n: initial(t, loop.before.values.get(n, Unbound)) for n in loop.late}
    loop.late = ()


def _index(node: ast.For | ast.While) -> str:
    """What the index of a loop is called: as the target, where that is it."""
    match node:
        case ast.For(target=ast.Name(id=name), iter=ast.Call()) if name.strip("_"):
            return name
        case _:
            return "i"


@dataclass
class Test:
    """The condition of a `while`, traced in its region."""

    region: Region
    flag: Flag
    changed: dict[int, Change]
    start: dict[Name, Any]


def _test(t: Tracer, loop: Loop) -> Test:
    """Trace the condition on the carries. What an unbound name raises, it raises at trace time."""
    assert isinstance(loop.node, ast.While)
    args = _args(loop)
    region = Region(tuple(args))
    flag: Flag = True
    with t.within(region, loop.before.copy()) as scope, t.iteration():
        start = _begin(t, loop, args)
        flag = condition(t, loop.node.test)
    changed = {number: c for number, c in scope.changed.items() if number not in loop.changed}
    Path().leave(scope)
    t.frame.state = loop.before
    return Test(region, flag, changed, start)


def _always(t: Tracer, loop: Loop) -> bool:
    """Whether the condition holds whatever iterations make of what it asks."""
    with trial(t):
        return _test(t, loop).flag is True


def _has_effects(region: Region) -> bool:
    return any(op.name in _EFFECTS for op in walk(region))


def _tested_inside(t: Tracer, node: ast.While, loop: Loop) -> None:
    """Move a condition that writes memory or names into the body: `while True: if not test: break; …`."""
    _carry_late(t, loop)

    def start(region: Region) -> None:
        _if(t, node, condition(t, node.test), lambda: t.execute(node.body), lambda: t.state.jump(stop=True))

    loop.start = start


def _if(
    t: Tracer, node: ast.For | ast.While, flag: Flag, then: Callable[[], None], otherwise: Callable[[], None]
) -> None:
    """The whole iteration in a branch."""
    if not isinstance(flag, Value):
        (then if flag else otherwise)()
        return
    live = t.frame.source.live
    names = live.start[node] | live.after[node]
    fork = Fork(t, flag)
    fork.run(0, then)
    fork.run(1, otherwise)
    fork.join(names, names)


# -- the rounds


def _prepare(
    t: Tracer, node: ast.For | ast.While, indexed: bool, start: Callable[[Region], None], parts: tuple[ast.AST, ...]
) -> Loop:
    live = t.frame.source.live
    at_start, after = live.start[node], live.after[node]
    before = t.state
    growing = [n for n in changed(parts) if isinstance(before.values.get(n), Growing)]
    names = tuple(dict.fromkeys([*assigned(parts), *growing, *sorted(t.frame.source.rebound)]))
    carried: dict[Name, Carry] = {n: initial(t, before.values.get(n, Unbound)) for n in names if n in at_start}
    late_names = tuple(n for n in names if n not in at_start and n in after)
    return Loop(node, names, carried, late_names, before, indexed, start)


def _args(loop: Loop) -> list[Value]:
    return [
        Value(type, name if isinstance(name, str) else str(name.key))
        for name, carry in loop.carried.items()
        for type in carry.types
    ]


def _settle(t: Tracer, loop: Loop) -> Round:
    """Trace the body until the carries hold."""
    before = now(t)
    for number in range(_ROUNDS):
        if number:
            go_back(t, before)
        done = _round(t, loop, first=number == 0)
        carried: dict[Name, Carry] = {p: initial(t, rounds.before(t, loop, p)) for p in done.places}
        carried |= loop.carried
        with t.builder.inside(done.region):
            wider = {n: widen(t, carry, rounds.held(t, loop, done, n), done.path) for n, carry in carried.items()}
        unknown = number == 0 and any(c.shape is None and c.conflict is None for c in wider.values())
        known = rounds.learn(t, loop, done)
        if wider == loop.carried and not unknown and known:
            contents.refuse_kept(t, loop.changed)
            return done
        loop.carried = wider
    raise AssertionError("the types of a loop's carries do not settle")


def _round(t: Tracer, loop: Loop, first: bool) -> Round:
    args = _args(loop)
    region = Region((*([Value(I64, _index(loop.node))] if loop.indexed else []), *args))
    state = loop.before.copy()
    state.values.update(dict.fromkeys(loop.names, Dropped))
    with t.within(region, state) as scope, t.iteration():
        start = _begin(t, loop, args, first)
        loop.start(region)
    end = t.frame.state
    t.frame.state = loop.before
    path = Path()
    path.leave(scope)
    return Round(region, end, start, path, {} if end.dead else path.differing(t, loop.carried))


def _begin(t: Tracer, loop: Loop, args: Sequence[Value], first_round: bool = False) -> dict[Name, Any]:
    """Let names and places hold what the loop carries, which the arguments of a region are."""
    leaves = iter(args)
    start = {name: carry.value(t, leaves, first_round) for name, carry in loop.carried.items()}
    contents.begin(t, start, loop.changed)
    for names in loop.common:
        contents.note_common(t, [start[name] for name in names if name in start])
    for name, value in start.items():
        if name in loop.foreign:
            contents.note_common(t, [value], foreign=True)
        contents.note_copies(t, value, loop.sources.get(name, ()))
        if isinstance(name, str):
            t.state.values[name] = value
    return start


# -- the op, and the state after it


def _finish(t: Tracer, loop: Loop, done: Round, emit_op: Callable[[list[Value], bool], tuple[Value, ...]]) -> None:
    """Close the body, emit the op, and let the names hold what it gives."""
    before, end = loop.before, done.end
    carries: dict[Name, Carry] = loop.carried | {
        n: late(t, n, before, end, done.path) for n in loop.late
    }
    stop, ret = (False, False) if end.dead else (end.stop, end.ret)
    result = _result_carry(t, end, done.path) if ret is not False else Carry()
    returns = ret is not False and not (loop.endless and ret is stop)
    inits = [leaf for n, c in carries.items() for leaf in c.leaves(t, rounds.before(t, loop, n))]
    inits += result.leaves(t, Unbound)
    if returns:
        inits.append(t.builder.const(False, BOOL))
    region = done.region
    types: list[Type] = [v.type for v in inits]
    known = len(region.args) - loop.indexed
    region.args += tuple(Value(x) for x in types[known:])
    with t.builder.inside(region), done.path.entered():
        nexts = [constant_flag(t, stop)] if stop is not False else []
        for name, carry in carries.items():
            nexts += carry.leaves(t, done.at_end(name), isinstance(name, str) and end.ret)
        nexts += result.leaves(t, end.result)
        returned = [*contents.objects_in(end.result)]
        if returns:
            nexts.append(constant_flag(t, ret))
        t.builder.yield_(*nexts)
    objects = {name: rounds.objects(t, loop, done, name) for name in carries}
    made = emit_op(inits, stop is not False)
    results = iter(made)
    state = before.copy()
    state.values.update(dict.fromkeys(loop.names, Dropped))
    for name, carry in carries.items():
        value = carry.value(t, results)
        if carry.ran and not loop.runs:
            value = Maybe(value, t.builder.op("gt", made[-1], t.builder.i64(0)))
        if isinstance(value, Maybe) and _bound_after(loop, done, name):
            value = value.inner
        contents.note_copies(t, value, objects[name])
        if isinstance(name, Place):
            t.note(name.thing, loop.changed[id(name.thing)].span)
            contents.put(t, name, value)
        else:
            state.values[name] = value
            state.spans[name] = end.spans.get(name) or before.spans.get(name)
    if ret is not False:
        state.result = result.value(t, results)
        contents.note_copies(t, state.result, returned)
        state.result_span = end.result_span
        after: Flag = next(results) if returns else True
        state.left = state.stop = state.ret = after
    if loop.endless and stop is False:
        state.die()
    t.frame.state = state


def _bound_after(loop: Loop, done: Round, name: Name) -> bool:
    """Whether a name is bound after the loop, whichever way it ended."""
    end = done.end
    if not loop.runs or end.dead:
        return False
    value = done.at_end(name)
    _, bound = split(value)
    if bound is True or bound is None:
        return True
    return loop.endless and (bound is end.stop or (isinstance(value, Maybe) and value.on_exit))


def _result_carry(t: Tracer, end: State, path: Path) -> Carry:
    """The value returned from inside the loop: set by the last iteration, never read by another."""
    if end.result is Unbound:
        return Carry()
    if isinstance(end.result, Conflict):
        return Carry(conflict=end.result)
    with path.entered():
        return Carry(initial(t, end.result).shape)
