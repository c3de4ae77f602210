"""`dataclass` as in the standard library, but no method is written before it is first called.

The standard library compiles the text of up to six methods for each class, which took half the time of importing llad,
and in most processes few of the classes are used.

Invariant: a class behaves as the one that `dataclasses.dataclass` makes, for the options and fields that llad has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import partial
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: Any = None, *, frozen: bool = False, eq: bool = True, repr: bool = True, **options: bool) -> Any:
        """What `dataclasses.dataclass` makes of the class. Further options: `slots`, `weakref_slot`."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq, repr=repr, **options)
        cls.__doc__ = cls.__doc__ or cls.__name__
        given = {name for name, value in vars(cls).items() if value is not None}  # no `__hash__` with `__eq__`
        cls = dataclasses.dataclass(cls, init=False, repr=False, eq=False, **options)
        wanted = {"__init__": True, "__repr__": repr, "__eq__": eq, "__hash__": eq}
        for name in wanted:
            if wanted[name] and name not in given:
                hidden = name == "__hash__" and not frozen
                setattr(cls, name, None if hidden else _later(cls, name, frozen))
        if frozen:
            cls.__setattr__, cls.__delattr__ = _forbid("assign to"), _forbid("delete")
            cls.__getstate__, cls.__setstate__ = _state, _restore
        return cls


def _later(cls: type, name: str, frozen: bool) -> Callable[..., Any]:
    """The method that puts the written one in its own place, and calls it."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        written = _written(cls, name, frozen)
        setattr(cls, name, written)
        return written(self, *args, **kwargs)

    return method


def _written(cls: type, name: str, frozen: bool) -> Any:
    known: tuple[Field[Any], ...] = fields(cls)
    match name:
        case "__init__":
            head, body = ["self", *_parameters(known)], [*_assignments(cls, known, frozen)]
        case "__repr__":
            shown = ", ".join(f"{f.name}={{self.{f.name}!r}}" for f in known if f.repr)
            head, body = ["self"], [f'return f"{{self.__class__.__qualname__}}({shown})"']
        case "__eq__":
            equal = f"{_compared('self', known)} == {_compared('other', known)}"
            head, body = ["self", "other"], [f"return {equal} if other.__class__ is self.__class__ else NotImplemented"]
        case _:
            head, body = ["self"], [f"return hash({_compared('self', known)})"]
    scope: dict[str, Any] = {"MISSING": MISSING}
    for f in known:
        setter = getattr(vars(cls).get(f.name), "__set__", None)  # of a slot, which the class itself refuses
        scope[f"set_{f.name}"] = setter or partial(_set, f.name)
        scope[f"default_{f.name}"], scope[f"make_{f.name}"] = f.default, f.default_factory
    exec(f"def {name}({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), scope)
    scope[name].__qualname__ = f"{cls.__qualname__}.{name}"
    return scope[name]


def _compared(name: str, known: Sequence[Field[Any]]) -> str:
    return f"({''.join(f'{name}.{f.name},' for f in known if f.compare)})"


def _parameters(known: Sequence[Field[Any]]) -> Iterator[str]:
    for f in known:
        if f.init:
            optional = "=MISSING" if f.default_factory is not MISSING else ""
            yield f.name + (f"=default_{f.name}" if f.default is not MISSING else optional)


def _assignments(cls: type, known: Sequence[Field[Any]], frozen: bool) -> Iterator[str]:
    for f in known:
        made = f.default_factory is not MISSING
        if f.init or made:
            value = f"make_{f.name}()" if made else f.name
            value += f" if {f.name} is MISSING else {f.name}" if f.init and made else ""
            yield f"set_{f.name}(self, {value})" if frozen else f"self.{f.name} = {value}"
    if hasattr(cls, "__post_init__"):
        yield "self.__post_init__()"


def _set(name: str, self: object, value: object) -> None:
    object.__setattr__(self, name, value)


def _forbid(what: str) -> Callable[..., None]:
    def method(self: object, name: str, *value: object) -> None:
        raise FrozenInstanceError(f"cannot {what} field {name!r}")

    return method


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in fields(self)]


def _restore(self: Any, state: Sequence[Any]) -> None:
    for f, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, f.name, value)
