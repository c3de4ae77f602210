"""Shadows: the buffer beside each active buffer in which its cotangent accumulates.

A shadow is made where it lives shortest. If a buffer is only used through views, its shadow is made, zeroed, in
the reverse sweep, at the mirror of the region that allocated it. If it is carried, yielded or chosen, primal and
shadow must travel together: the shadow is made beside it in the forward sweep, and the reverse sweep is handed
the handle like any value that it needs. Such a handle is named by a *token* until the forward sweep is written.
"""

from __future__ import annotations

from llad.ad import names
from llad.ad.activity import Activity
from llad.ad.mirror import Mirror
from llad.ad.structure import Structure
from llad.ir.alias import Aliases
from llad.ir.core import Value
from llad.ir.types import BufferType, LifoType, Type, carries_derivative, is_float


def float_fields(type: LifoType) -> list[int]:
    """The fields of a stack's records whose cotangents its stack of cotangents holds."""
    return [k for k, field in enumerate(type.fields) if is_float(field)]


def handle_fields(type: LifoType) -> list[int]:
    """The fields of a stack's records that are buffers with shadows."""
    return [k for k, field in enumerate(type.fields) if isinstance(field, BufferType) and carries_derivative(field)]


def with_shadows(type: Type) -> Type:
    """The type in the forward sweep of what is `type` in the primal: in a stack, shadows stand behind the record."""
    if not isinstance(type, LifoType):
        return type
    return LifoType((*type.fields, *[type.fields[k] for k in handle_fields(type)]))


class Shadows:
    """Shadows as the reverse sweep names them. `given` are those of parameters, handed in by the caller."""

    def __init__(
        self, mirror: Mirror, structure: Structure, activity: Activity, aliases: Aliases, given: dict[Value, Value]
    ) -> None:
        self.mirror = mirror
        self.structure = structure
        self.activity = activity
        self.aliases = aliases
        self.given = given
        self.tokens: dict[Value, Value] = {}
        self._of: dict[Value, Value] = {}
        self._lifos: dict[Value, tuple[Value, list[int]]] = {}

    def of(self, buffer: Value) -> Value:
        """The shadow of a primal buffer, usable where the buffer is in scope in the mirror."""
        if buffer in self.given:
            return self.given[buffer]
        if buffer not in self._of:
            self._of[buffer] = self._make(buffer)
        return self._of[buffer]

    def travels(self, buffer: Value) -> bool:
        """Whether the shadow is made in the forward sweep: the buffer is not just an allocation used locally."""
        op = self.structure.op_of.get(buffer)
        return op is None or op.name != "alloc" or self.aliases.escapes(buffer)

    def _make(self, buffer: Value) -> Value:
        type, op, b = buffer.type, self.structure.op_of.get(buffer), self.mirror.builder
        assert isinstance(type, BufferType)
        region = self.structure.region_of[buffer]
        if op is not None and op.name == "view":
            base = self.of(op.operands[0])
            with b.inside(self.mirror.shadows(region)):
                return b.view_like(op, base, *op.operands[1:])
        if not self.travels(buffer):
            assert op is not None
            with b.inside(self.mirror.shadows(region)):
                return b.alloc(type.dtype, op.operands, zero=True, hint=names.bar(buffer))
        is_fresh = op is None or op.name == "alloc"
        in_scope = self.structure.is_root(region)
        local = BufferType(type.dtype, type.rank, "C") if is_fresh and in_scope else type
        token = Value(local, names.bar(buffer))
        self.tokens[token] = buffer
        return token

    def give_lifo(self, lifo: Value, shadow: Value) -> None:
        """Let `shadow`, handed in by the caller, be the stack of cotangents beside a parameter."""
        assert isinstance(lifo.type, LifoType)
        self._lifos[lifo] = shadow, float_fields(lifo.type)

    def lifo(self, lifo: Value) -> tuple[Value, list[int]]:
        """The stack of cotangents beside a stack, and which fields of a record it holds: the floats.

        The shadows of buffers in a record travel with it in the forward sweep."""
        if lifo not in self._lifos:
            type, b = lifo.type, self.mirror.builder
            assert isinstance(type, LifoType)
            fields = float_fields(type)
            with b.inside(self.mirror.shadows(self.structure.region_of[lifo])):
                self._lifos[lifo] = b.lifo([type.fields[k] for k in fields]), fields
        return self._lifos[lifo]
