"""Reverse mode: a function that computes its results and the gradient of the first, in one forward and one
reverse sweep.

Mirror (`adjoint.py`) → find what the mirror needs (`tape.py`) → write the forward sweep that keeps it
(`augment.py`) → append the mirror. The output is ordinary IR, tapes included, and can be differentiated again (I4).
"""

from __future__ import annotations

from llad.ad import names
from llad.ad.activity import Activity
from llad.ad.adjoint import Adjoint
from llad.ad.augment import Augment
from llad.ad.memory import privatise_written
from llad.ad.mirror import Mirror
from llad.ad.shadows import Shadows
from llad.ad.structure import Structure
from llad.ad.tape import Tape
from llad.ir.alias import Aliases
from llad.ir.build import Builder
from llad.ir.core import Function, Value, walk
from llad.ir.types import BufferType, is_float


def gradient(fn: Function, wrt: tuple[int, ...]) -> Function:
    """The gradient of result 0 of `fn` (a float) by the parameters in `wrt`.

    Parameters: those of `fn`, then a zeroed shadow `buffer<dtype, rank, C>` per buffer in `wrt`, which receives
    its gradient. Results: those of `fn`, then the cotangent of each scalar in `wrt`. The caller's buffers are not
    written: parameters that `fn` writes are copied first.
    """
    assert is_float(fn.results[0].type) and not fn.attrs.get("may_alias")
    fn = privatise_written(fn)
    buffers = [fn.params[i] for i in wrt if isinstance(fn.params[i].type, BufferType)]
    scalars = [fn.params[i] for i in wrt if not isinstance(fn.params[i].type, BufferType)]
    given = {p: _shadow_param(p) for p in buffers}

    structure = Structure(fn)
    aliases = Aliases(fn)
    activity = Activity(fn, aliases, [fn.params[i] for i in wrt], [fn.results[0]])
    mirror = Mirror(fn)
    shadows = Shadows(mirror, structure, activity, aliases, given)
    cotangents = Adjoint(mirror, structure, activity, shadows).run(fn.results[0], scalars)
    tape = Tape(mirror, structure, shadows, aliases)
    tape.resolve()
    mirror.assemble()

    b = Builder()
    params = [Value(p.type, p.name) for p in fn.params]
    new: dict[Value, Value] = dict(zip(fn.params, params, strict=True))
    new.update((s, s) for s in given.values())
    Augment(b, structure, activity, shadows, tape, new).run()
    for op in walk(mirror.builder.root):
        op.operands = tuple(_final(o, tape.name, new) for o in op.operands)
    b.root.ops += mirror.builder.root.ops
    b.span = fn.body.terminator.span
    b.return_(*[new[r] for r in fn.results], *[_final(c, tape.name, new) for c in cotangents])
    return b.function(f"{fn.name}_gradient", [*params, *given.values()], **fn.attrs)


def _shadow_param(param: Value) -> Value:
    assert isinstance(param.type, BufferType)
    return Value(BufferType(param.type.dtype, param.type.rank, "C"), names.bar(param))


def _final(value: Value, names: dict[Value, Value], new: dict[Value, Value]) -> Value:
    """What the reverse sweep was given for a value, as the forward sweep made it."""
    given = names.get(value, value)
    return new.get(given, given)
