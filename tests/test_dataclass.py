"""Classes that llad declares behave as the standard library's, though their methods are written later."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from llad import dataclass as module

own: Any = module.dataclass
Decorator = Callable[..., Any]


def plain(declare: Decorator) -> Any:
    @declare
    class Plain:
        a: int
        b: list[int] = dataclasses.field(default_factory=list)
        c: int = dataclasses.field(default=3, compare=False, repr=False)

    return Plain


def slotted(declare: Decorator) -> Any:
    @declare(slots=True, eq=False, weakref_slot=True)
    class Slotted:
        """Of three fields."""

        a: int
        b: int = 2
        c: int = dataclasses.field(init=False)

        def __post_init__(self) -> None:
            self.c = self.a + self.b

    return Slotted


def frozen(declare: Decorator) -> Any:
    @declare(frozen=True, slots=True)
    class Frozen:
        a: int
        b: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
        c: int = 3

        def __repr__(self) -> str:
            return f"<{self.a}>"

    return Frozen


def derived(declare: Decorator) -> Any:
    @declare(frozen=True)
    class Base:
        a: int
        c: int = 4

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Base) and self.a == other.a

    @declare(frozen=True, eq=False, repr=False)
    class Derived(Base):
        b: int = 5

    return Derived


def simple(declare: Decorator) -> Any:
    @declare
    class Simple:
        a: int
        c: int = 4

    return Simple


def simple_and_frozen(declare: Decorator) -> Any:
    @declare(frozen=True, slots=True)
    class SimpleAndFrozen:
        a: int
        b: int
        c: tuple[int, ...] = (4,)

    return SimpleAndFrozen


def empty(declare: Decorator) -> Any:
    @declare(frozen=True)
    class Empty:
        pass

    return Empty


def seen(work: Callable[[], Any]) -> Any:
    """What comes of it, in words."""
    try:
        return repr(work()).replace("Base.", "")
    except Exception as error:
        return type(error).__name__, str(error)


def behaviour(cls: Any, arguments: tuple[Any, ...]) -> list[Any]:
    def changed() -> Any:
        made = cls(*arguments)
        made.a = 7
        return made.a

    def deleted() -> None:
        del cls(*arguments).a

    def copied() -> Any:
        made = copy.copy(cls(*arguments))
        return [getattr(made, f.name, None) for f in dataclasses.fields(cls)]

    return [
        seen(lambda: cls(*arguments)),
        seen(lambda: cls(c=1, a=2)),
        seen(lambda: cls(*arguments) == cls(*arguments)),
        seen(lambda: cls(*arguments) == cls(*arguments[:1])),
        seen(lambda: cls(*arguments) == 1),
        seen(lambda: {cls(*arguments): 1}[cls(*arguments)]) if cls.__eq__ is not object.__eq__ else 0,
        seen(changed),
        seen(deleted),
        seen(copied),
        seen(lambda: dataclasses.replace(cls(*arguments), a=9).a),
        cls.__match_args__,
        seen(lambda: cls.c),
        seen(lambda: hasattr(cls(*arguments), "__dict__")),
    ]


@pytest.mark.parametrize("make", [plain, slotted, frozen, derived, simple, simple_and_frozen, empty])
def test_a_class_behaves_as_the_standard_librarys(make: Callable[[Decorator], Any]) -> None:
    ours, usual = make(own), make(dataclasses.dataclass)
    for arguments in ((1,), (1, 2), (1, 2, 3), ()):
        assert behaviour(ours, arguments) == behaviour(usual, arguments)
