"""What a trace assumed about Python objects outside of it: found once per trace, compared on later calls.

Invariant: everything that the trace read from a namespace that user code can rebind has a guard.
"""

from __future__ import annotations

import builtins
import inspect
import types
from collections.abc import Mapping
from typing import Any

from llad.frontend.signature import Guard, Missing

# Namespaces that nobody rebinds.
_TRUSTED = ("math", "cmath", "numpy", "builtins", "operator", "functools", "llad", "scipy")


class Guards:
    """The guards of one trace, each (holder, name) once, in the order in which they were met."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Guard] = {}

    def add(self, holder: Any, name: str, value: object) -> None:
        self._found.setdefault((id(holder), name), Guard(holder, name, value))

    def attribute(self, owner: object, name: str, value: object) -> None:
        """The attribute `name` of `owner` was read at trace time."""
        if isinstance(owner, types.ModuleType):
            if not trusted(owner):
                self.add(vars(owner), name, value)
            return
        own = vars(owner) if isinstance(getattr(owner, "__dict__", None), dict) else {}
        found = inspect.getattr_static(type(owner), name, None)
        if name in own and not isinstance(found, property):
            self.add(own, name, value)
            return
        if isinstance(found, types.MemberDescriptorType) and not isinstance(owner, type):  # a slot
            self.add(owner, name, value)
            return
        if own and not trusted(type(owner)):
            self.add(own, name, own.get(name, Missing))
        for kind in owner.__mro__ if isinstance(owner, type) else type(owner).__mro__:
            if not trusted(kind):
                self.add(vars(kind), name, vars(kind).get(name, Missing))
            if name in vars(kind):
                return

    def function(self, function: types.FunctionType) -> None:
        """The function was inlined: its code and defaults count."""
        self.add(function, "__code__", function.__code__)
        if function.__defaults__ is not None:
            self.add(function, "__defaults__", function.__defaults__)
        if function.__kwdefaults__ is not None:
            self.add(function, "__kwdefaults__", function.__kwdefaults__)
            for name, value in function.__kwdefaults__.items():
                self.add(function.__kwdefaults__, name, value)

    def all(self) -> tuple[Guard, ...]:
        return tuple(self._found.values())


def trusted(owner: types.ModuleType | type) -> bool:
    """Whether the namespace belongs to a library whose names are not rebound."""
    name = owner.__name__ if isinstance(owner, types.ModuleType) else owner.__module__
    return name.partition(".")[0] in _TRUSTED


def global_value(namespace: Mapping[str, Any], name: str) -> Any:
    """What a global name means: the module's, else the builtin, else `Missing`."""
    if name in namespace:
        return namespace[name]
    return vars(builtins).get(name, Missing)
