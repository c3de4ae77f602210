"""`dataclass` as in the standard library, but no method is written before it is first called.

The standard library compiles the text of up to six methods for each class, which took half the time of importing llad,
and in most processes few of the classes are used.

Invariant: a class behaves as the one that `dataclasses.dataclass` makes, for the options and fields that llad has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import cache, partial
from types import CodeType, FunctionType
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
        case "__init__" if all(f.init and f.default_factory is MISSING for f in known) and not _has_more(cls):
            return _plain_init(cls, known, frozen)
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
        scope[f"set_{f.name}"] = _setter(cls, f)
        scope[f"default_{f.name}"], scope[f"make_{f.name}"] = f.default, f.default_factory
    exec(f"def {name}({', '.join(head)}):\n " + "\n ".join(body or ["pass"]), scope)
    scope[name].__qualname__ = f"{cls.__qualname__}.{name}"
    return scope[name]


def _plain_init(cls: type, known: Sequence[Field[Any]], frozen: bool) -> Any:
    """An `__init__` that sets each field to its argument.

    What is compiled is that of any class with as many fields, which takes other names in a tenth of the time.
    """
    names = tuple(f.name for f in known)
    code = _init_of_so_many(len(names), frozen)
    code = code.replace(
        co_varnames=("self", *names),
        co_names=code.co_names if frozen else names,
        co_qualname=f"{cls.__qualname__}.__init__",
    )
    setters = {f"set{k}": _setter(cls, f) for k, f in enumerate(known)}
    return FunctionType(code, setters, argdefs=tuple(f.default for f in known if f.default is not MISSING))


@cache
def _init_of_so_many(count: int, frozen: bool) -> CodeType:
    head = ", ".join(["self", *(f"a{k}" for k in range(count))])
    body = [f"set{k}(self, a{k})" if frozen else f"self.n{k} = a{k}" for k in range(count)]
    scope: dict[str, Any] = {}
    exec(f"def __init__({head}):\n " + "\n ".join(body or ["pass"]), scope)
    made: CodeType = scope["__init__"].__code__
    return made


def _setter(cls: type, field: Field[Any]) -> Callable[[object, object], None]:
    """What sets a field, also if the class refuses that: its slot, if it has one."""
    setter: Callable[[object, object], None] | None = getattr(vars(cls).get(field.name), "__set__", None)
    return setter or partial(_set, field.name)


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
    if _has_more(cls):
        yield "self.__post_init__()"


def _has_more(cls: type) -> bool:
    return hasattr(cls, "__post_init__")


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
