"""How compiled functions travel: by name where that leads back to them, else as the Python function that they compile.

Machine code is never pickled: whoever receives a function compiles it again, for the machine that it is on.

A function in `__main__` is a name to `pickle` (multiprocessing runs the script again in a spawned process), but has to
be taken apart for `cloudpickle`, and an object is not told which of the two is asking. Both treat plain Python
functions rightly. So such a function hands out a *stand-in*: a copy of its Python function that can be found by name,
as an attribute of the compiled one.

What is taken apart takes its source text along, and that of the functions that it calls, since code is compiled from
source, which the receiver may not have.
"""

from __future__ import annotations

import linecache
import sys
import weakref
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

from llad.frontend.source import learn_source
from llad.frontend.transforms import function_of

Sources = tuple[tuple[str, str], ...]

_STAND_IN = "._stand_in"
_SOURCES = "__llad_sources__"
_owners: weakref.WeakKeyDictionary[FunctionType, weakref.ref[Any]] = weakref.WeakKeyDictionary()


def found_by_name(value: Any) -> Any:
    """What stands where the module and qualified name of `value` lead, or `None`."""
    found: Any = sys.modules.get(value.__module__ or "")
    for part in value.__qualname__.split("."):
        found = getattr(found, part, None)
    return found


def named(function: Any) -> Any:
    """A Python function, or the compiled function that a decorator has put in its place."""
    found = found_by_name(function) if isinstance(function, FunctionType) else None
    return found if found is not None and function_of(found) is function else function


def make_stand_in(owner: Any, function: FunctionType) -> FunctionType:
    """A copy of `function` whose name leads to the attribute `_stand_in` of `owner`."""
    copied = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copied.__kwdefaults__, copied.__doc__ = function.__kwdefaults__, function.__doc__
    copied.__module__, copied.__qualname__ = function.__module__, owner.__qualname__ + _STAND_IN
    copied.__dict__[_SOURCES] = sources_of(function)
    _owners[copied] = weakref.ref(owner)
    return copied


def sources_of(function: Any) -> Sources:
    """The text of `function` and of those that it refers to, as far as these cannot be imported."""
    texts: dict[str, str] = {}
    for reached in _reachable(function):
        file = reached.__code__.co_filename
        if file not in texts and (reached.__module__ == "__main__" or found_by_name(named(reached)) is None):
            texts[file] = "".join(linecache.getlines(file, reached.__globals__))
    return tuple((file, text) for file, text in texts.items() if text)


def _reachable(function: Any) -> Iterator[FunctionType]:
    """The Python functions that a call of `function` may come to, by its globals and closures."""
    seen: set[int] = set()
    pending = [function]
    while pending:
        reached = function_of(pending.pop())
        reached = getattr(reached, "__func__", reached)
        if not isinstance(reached, FunctionType) or id(reached) in seen:
            continue
        seen.add(id(reached))
        yield reached
        pending += [reached.__globals__[name] for name in _names(reached) if name in reached.__globals__]
        for cell in reached.__closure__ or ():
            try:
                pending.append(cell.cell_contents)
            except ValueError:  # still empty
                continue


def _names(function: FunctionType) -> Iterator[str]:
    pending = [function.__code__]
    while pending:
        code = pending.pop()
        yield from code.co_names
        pending += [const for const in code.co_consts if isinstance(const, type(code))]


Remake = Callable[..., Any]


def reduced(compiled: Any, remake: Remake, function: Any, *how: Any) -> str | tuple[Any, ...]:
    """What `__reduce__` returns for a compiled function: its name, or the call of `remake` that makes one like it."""
    if found_by_name(compiled) is not compiled:
        return remake, (function, sources_of(function), *how)
    if compiled.__module__ != "__main__":
        return str(compiled.__qualname__)
    return remake, (compiled._stand_in, (), *how)


def received(function: Any, sources: Sources) -> Any:
    """Whom a function found by name stands in for, or `None`; a copy from elsewhere gets its name back."""
    if isinstance(function, FunctionType) and function.__qualname__.endswith(_STAND_IN):
        if function in _owners:
            return _owners[function]()
        function.__qualname__ = function.__qualname__.removesuffix(_STAND_IN)
        sources = function.__dict__.pop(_SOURCES, ())
    for name, text in sources:
        learn_source(name, text)
    return None
