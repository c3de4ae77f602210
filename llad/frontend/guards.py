"""What a trace assumed about Python objects outside of it: found once per trace, compared on later calls.

Here, and nowhere else in the frontend, names are looked up in what user code can rebind, and what was found is noted.
The notes serve twice: as guards, which the calls of this process check, and as what the next process has to find
before it believes that the trace would be the same (`reads.py`).

Invariant: everything that the trace read from a namespace that user code can rebind has a guard; what else it read
outside of its arguments has a note, or `complete` is false.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import sys
import types
from typing import Any

import numpy as np

from llad.frontend.signature import ALL, Guard, Missing, contents
from llad.structures import of_library

# Namespaces that nobody rebinds.
_TRUSTED = ("math", "cmath", "numpy", "builtins", "operator", "functools", "llad", "scipy")
# What means the same in every process.
_DATA = (bool, int, float, complex, str, bytes, range, slice, type(None), type(Ellipsis))
# What has no attribute that could be another one tomorrow, but by its class. Lists, dicts and sets are of the trace's
# making.
_NUMPY = (np.generic, np.dtype, np.ufunc, np.finfo, np.iinfo)
_FIXED = (*_DATA, *_NUMPY, tuple, list, dict, set, types.BuiltinFunctionType)


class Guards:
    """The notes of one trace, each (holder, name) once, in the order in which they were met.

    `complete`: they tell all that the trace depends on.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[int, str], Guard] = {}
        self.complete = True

    def add(self, holder: Any, name: str, value: object, lasting: bool = False) -> None:
        known = self._found.get((id(holder), name))
        if known is None or (known.lasting and not lasting):
            self._found[id(holder), name] = Guard(holder, name, value, lasting)

    def free(self, function: types.FunctionType, name: str) -> Any:
        """What a name means that the function does not bind: its cell's contents, else the module's, else the builtin,
        else `Missing`."""
        code = function.__code__
        if name in code.co_freevars:
            cell = (function.__closure__ or ())[code.co_freevars.index(name)]
            try:
                value = cell.cell_contents
            except ValueError:
                return Missing
            self.add(cell, name, value)
            return value
        found = function.__globals__.get(name, Missing)
        self.add(function.__globals__, name, found)
        if found is Missing:
            found = vars(builtins).get(name, Missing)
            self.add(builtins, name, found, lasting=True)
        return found

    def attribute(self, owner: object, name: str, value: object) -> None:
        """The attribute `name` of `owner` was read at trace time."""
        own = vars(owner) if isinstance(getattr(owner, "__dict__", None), dict) else None
        if isinstance(owner, _FIXED):
            if not of_library(type(owner).__module__):
                if own is not None and not isinstance(owner, tuple):  # which is another one in each trace
                    self.add(own, name, own.get(name, Missing))
                self._of_class(type(owner), name)
            return
        found = inspect.getattr_static(type(owner), name, None)
        slot = isinstance(found, types.MemberDescriptorType) and not isinstance(owner, type)
        in_own = own is not None and name in own and not isinstance(found, property)
        if not isinstance(owner, type) or trusted(owner):
            self.add(owner, name, value, lasting=in_own or not slot)
        if isinstance(owner, types.ModuleType):
            if not trusted(owner):
                self.add(vars(owner), name, value)
            return
        if in_own:
            self.add(vars(owner), name, value)
            return
        if slot:
            return
        if own is not None and not trusted(type(owner)):
            self.add(own, name, own.get(name, Missing))
        self._of_class(owner if isinstance(owner, type) else type(owner), name)

    def presence(self, owner: object, name: str) -> None:
        """It was asked whether `owner` has the attribute `name`."""
        own, found = getattr(owner, "__dict__", None), inspect.getattr_static(type(owner), name, Missing)
        of_class = isinstance(own, dict) and name not in own and not isinstance(owner, type)
        if of_class and found is not Missing and not isinstance(found, types.MemberDescriptorType):
            self.add(own, name, Missing)
            self._of_class(type(owner), name)
        else:
            self.attribute(owner, name, getattr(owner, name, Missing))

    def _of_class(self, cls: type, name: str) -> None:
        """The attribute was found in a class, or in one of its bases."""
        for kind in cls.__mro__:
            if not trusted(kind):
                self.add(vars(kind), name, vars(kind).get(name, Missing))
            if name in vars(kind):
                return

    def contents(self, container: list[Any] | dict[Any, Any] | set[Any]) -> tuple[Any, ...]:
        """All that is in a container that traced code has found outside: it may be changed where it stands."""
        found = contents(container)
        self.add(container, ALL, found)
        return found

    def module(self, name: str) -> types.ModuleType:
        """The module of this name, which traced code imports.

        Raises: ImportError.
        """
        module = importlib.import_module(name)
        self.add(sys.modules, name, module, lasting=trusted(module))
        return module

    def partial(self, function: functools.partial[Any]) -> None:
        """A call of it was traced: what it passes by name can be changed."""
        for name, value in function.keywords.items():
            self.add(function.keywords, name, value)

    def function(self, function: types.FunctionType) -> None:
        """The function was inlined: its code and defaults count."""
        self.add(function, "__code__", function.__code__)
        if function.__defaults__ is not None:
            self.add(function, "__defaults__", function.__defaults__)
        if function.__kwdefaults__ is not None:
            self.add(function, "__kwdefaults__", function.__kwdefaults__)
            for name, value in function.__kwdefaults__.items():
                self.add(function.__kwdefaults__, name, value)

    def used(self, *values: object) -> None:
        """Python itself was given these values. What it does with objects that may have an address in their text, or
        a hash that is another in the next process, no note tells."""
        self.complete = self.complete and all(map(_plain, values))

    def all(self) -> tuple[Guard, ...]:
        """What the calls of this process check."""
        return tuple(guard for guard in self._found.values() if not guard.lasting)

    def reads(self) -> tuple[Guard, ...] | None:
        """All notes; `None` if they are not complete."""
        return tuple(self._found.values()) if self.complete else None


def _plain(value: object) -> bool:
    """Whether a value means the same in every process: numbers, text, types of those, and structures of them.

    A set of texts does not: its order is another in each process.
    """
    if isinstance(value, (tuple, list)):
        return all(map(_plain, value))
    if type(value) is dict:
        return all(map(_plain, value)) and all(map(_plain, value.values()))
    if isinstance(value, (set, frozenset)):
        return all(type(item) in (int, float, bool) for item in value)
    if isinstance(value, type):  # others may ask code of the user's
        return type(value) is type
    return type(value) in _DATA or isinstance(value, (np.generic, np.dtype))


def trusted(owner: types.ModuleType | type) -> bool:
    """Whether the namespace belongs to a library whose names are not rebound."""
    name = owner.__name__ if isinstance(owner, types.ModuleType) else owner.__module__
    return name.partition(".")[0] in _TRUSTED
