"""`super()`: what the classes behind one in an object's order of inheritance say."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from llad.dataclass import dataclass
from llad.frontend.core import Tracer
from llad.frontend.records import class_of
from llad.frontend.state import Bound
from llad.frontend.values import Unbound


@dataclass(frozen=True, slots=True, eq=False)
class Super:
    """What `super(after, value)` is; `value` is an object or a class."""

    shown: ClassVar[str] = "super()"

    after: type
    value: Any

    @property
    def order(self) -> tuple[type, ...]:
        """The classes that are asked, in their order."""
        order = _class_of(self.value).__mro__
        return order[order.index(self.after) + 1 :]


def _class_of(value: Any) -> type:
    return value if isinstance(value, type) else class_of(value)


def super_(t: Tracer, *args: Any) -> Super:
    """`super()` in a method, or `super(cls, self)`."""
    if not args and t.frame.function is not None and "__class__" in t.frame.function.__code__.co_freevars:
        parameters = t.frame.source.node.args
        names = [p.arg for p in (*parameters.posonlyargs, *parameters.args)]
        args = t.guards.free(t.frame.function, "__class__"), t.state.values.get(names[0], Unbound) if names else Unbound
    after, value = args if len(args) == 2 else (None, None)
    if not isinstance(after, type) or after not in _class_of(value).__mro__:
        t.refuse("call", got="super() of something else than a method's object")
    return Super(after, value)


def attribute(t: Tracer, asked: Super, name: str) -> Any:
    """`super().name`."""
    for kind in asked.order:
        if name not in vars(kind):
            t.guards.attribute(kind, name, None)
            continue
        found = vars(kind)[name]
        if kind is object and name in ("__init__", "__init_subclass__"):
            return _nothing
        t.guards.attribute(kind, name, found)
        match found:
            case property(fget=get) if get is not None:
                return t.call(get, [asked.value], {})
            case staticmethod():
                return found.__func__
            case classmethod():
                return Bound(found.__func__, (_class_of(asked.value),), {})
        if inspect.isfunction(found):
            return found if isinstance(asked.value, type) else Bound(found, (asked.value,), {})
        return t.refuse("call", got=f"super().{name}")
    return t.refuse("static-error", error=f"'super' object has no attribute '{name}'")


def _nothing() -> None:
    """What an object without further bases does to begin with."""
