"""Objects with attributes in traced code: their fields hold traced values, their class is the user's own.

Calling a class makes a `Record`: a dataclass by its fields, a plain class by tracing its `__init__`. Methods,
properties and operators of the class are traced like functions.

Invariant: no code of the user's class runs in Python; what of the class was used has a guard.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MemberDescriptorType
from typing import Any

from llad.frontend.contents import refuse_torn, settled
from llad.frontend.core import Tracer
from llad.frontend.fork import Fork
from llad.frontend.iteration import unspent
from llad.frontend.parts import parts_of
from llad.frontend.state import Bound, Maybe, NeedsAttribute
from llad.frontend.values import NotHandled, Record, describe
from llad.ir.core import Value
from llad.structures import ABSENT, Form, is_named_tuple, is_plain_object, of_class, of_library
from llad.traced import deques, dicts

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


def field(t: Tracer, record: Record, name: str) -> Any:
    """`record.name`."""
    found = of_class(record.cls, name, None)
    if isinstance(found, property) and found.fget is not None:
        t.guards.attribute(record.cls, name, found)
        return t.call(found.fget, [record], {})
    if name == "__class__":
        return python_class(record)
    if record.partial and name not in record.fields:
        raise NeedsAttribute(record.cls, name)
    if isinstance(found, functools.cached_property):
        return _cached(t, record, name, found)
    if record.fields.get(name, ABSENT) is not ABSENT:
        return unspent(t, settled(t, record, name))
    if found is None or isinstance(found, MemberDescriptorType):
        t.refuse("static-error", error=f"'{record.cls.__name__}' object has no attribute '{name}'")
    t.guards.attribute(record.cls, name, found)
    match found:
        case staticmethod():
            return found.__func__
        case classmethod():
            return Bound(found.__func__, (record.cls,), {})
    if hasattr(type(found), "__get__"):
        return Bound(found, (record,), {})
    refuse_torn(t, record, name)
    return t.lift(found)


def _cached(t: Tracer, record: Record, name: str, found: functools.cached_property[Any]) -> Any:
    """What was computed once, and stands where an attribute would."""
    known = record.fields.get(name, ABSENT)
    if known is not ABSENT and not isinstance(known, Maybe):
        return settled(t, record, name)
    t.guards.attribute(record.cls, name, found)
    if isinstance(known, Maybe):
        fork = Fork(t, known.bound)
        fork.run(0, lambda: known.inner)
        fork.run(1, lambda: t.call(found.func, [record], {}))
        value = fork.join()
    else:
        value = t.call(found.func, [record], {})
    birth = t.ledger.birth(record)
    if t.ledger.may_be_elsewhere(record) or birth is None:
        return value
    if t.scope.may_change(birth):
        _set(t, record, name, value)
    else:
        t.ledger.keep(record)  # it must not change, as it would be computed again
    return value


def has(t: Tracer, record: Record, name: str) -> bool | Value:
    """Whether `record.name` is there."""
    refuse_torn(t, record, name)
    if record.partial and name not in record.fields:
        raise NeedsAttribute(record.cls, name)
    found = of_class(record.cls, name, ABSENT)
    in_class = found is not ABSENT and not isinstance(found, MemberDescriptorType)
    value = record.fields.get(name, ABSENT)
    return value.bound if isinstance(value, Maybe) and not in_class else value is not ABSENT or in_class


def set_field(t: Tracer, record: Any, name: str, value: Any) -> None:
    """`record.name = value`, for an object that was made here."""
    if not isinstance(record, Record):
        t.refuse("attribute-assignment", name=name)
    found = of_class(record.cls, name, None)
    if isinstance(found, property):
        if found.fset is None:
            t.refuse("attribute-assignment", name=name)
        t.guards.attribute(record.cls, name, found)
        t.call(found.fset, [record, value], {})
        return
    if record.is_dataclass and record.cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        t.refuse("static-error", error=f"cannot assign to field '{name}'")
    _set(t, record, name, value)


def _set(t: Tracer, record: Any, name: str, value: Any) -> None:
    if not isinstance(record, Record):
        t.refuse("attribute-assignment", name=name)
    t.mutate(record, name)
    record.fields[name] = value


def _set_attribute(t: Tracer, owner: Any, name: Any, value: Any) -> None:
    """`setattr(owner, name, value)`."""
    if not isinstance(name, str):
        t.refuse("call", got="setattr with a name that is not known")
    set_field(t, owner, name, value)


def remove_field(t: Tracer, record: Any, name: str) -> None:
    """`del record.name`, of an object that was made here."""
    if not isinstance(record, Record) or (record.is_dataclass and record.cls.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        t.refuse("del", got="an attribute")
    if record.fields.get(name, ABSENT) is ABSENT:
        t.refuse("static-error", error=f"'{record.cls.__name__}' object has no attribute '{name}'")
    settled(t, record, name)
    t.mutate(record, name)
    del record.fields[name]


def has_setter(owner: Any, name: str) -> bool:
    """Whether an attribute of an object is set by a method."""
    return isinstance(owner, Record) and isinstance(of_class(owner.cls, name, None), property)


# -- making


def construct(t: Tracer, cls: type, args: Args, kwargs: Kwargs) -> Any:
    """`cls(*args, **kwargs)`, or `NotHandled` for a class that is not written in Python."""
    if is_named_tuple(cls) and is_generated(cls.__new__):
        fields = cls._fields  # type: ignore[attr-defined]
        names = _bound(t, cls, args, kwargs)
        return Form(cls).build([names[name] for name in fields])
    if dataclasses.is_dataclass(cls) and is_generated(cls.__init__):
        return _dataclass(t, cls, args, kwargs)
    init = of_class(cls, "__init__", None)
    maker: Any = cls.__new__
    if type(cls) is type and isinstance(init, FunctionType) and maker is object.__new__:
        t.guards.attribute(cls, "__init__", init)
        record = t.make(Record(cls, {}))
        t.call(init, [record, *args], kwargs)
        return record
    bare = type(cls) is type and init is object.__init__ and maker is object.__new__ and not of_library(cls.__module__)
    if bare and not args and not kwargs:
        t.guards.attribute(cls, "__init__", None)
        return t.make(Record(cls, {}))
    return NotHandled


def is_generated(function: Any) -> bool:
    """Whether the standard library wrote the function, from the fields of the class."""
    if not isinstance(function, FunctionType):
        return False
    return function.__code__.co_filename == "<string>" or function.__globals__ is vars(collections)


def python(t: Tracer, method: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    """A method of a named tuple that the library wrote: it handles any items, traced ones too."""
    try:
        result = method(*args, **kwargs)
    except (TypeError, ValueError) as error:
        t.refuse("static-error", error=error)
    return t.make(result) if isinstance(result, dict) else result


def _bound(t: Tracer, cls: type, args: Args, kwargs: Kwargs) -> dict[str, Any]:
    try:
        bound = inspect.signature(cls).bind(*args, **kwargs)
    except TypeError as error:
        t.refuse("call-arguments", name=cls.__name__, error=error)
    given = set(bound.arguments)
    bound.apply_defaults()
    return {name: value if name in given else t.lift(value) for name, value in bound.arguments.items()}


def _dataclass(t: Tracer, cls: Any, args: Args, kwargs: Kwargs) -> Record:
    t.guards.attribute(cls, "__init__", of_class(cls, "__init__"))
    names = _bound(t, cls, args, kwargs)
    given = set(inspect.signature(cls).bind(*args, **kwargs).arguments)
    fields: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.init and (f.name in given or f.default_factory is dataclasses.MISSING):
            fields[f.name] = names[f.name]
        elif f.default_factory is not dataclasses.MISSING:
            fields[f.name] = t.call(f.default_factory, [], {})
        elif f.default is not dataclasses.MISSING:
            fields[f.name] = t.lift(f.default)
    record: Record = t.make(Record(cls, fields))
    after = of_class(cls, "__post_init__", None)
    if after is not None:
        t.guards.attribute(cls, "__post_init__", after)
        known = {f.name for f in dataclasses.fields(cls)}
        t.call(after, [record, *(v for name, v in names.items() if name not in known)], {})
    return record


# -- what the library asks


def _replace(t: Tracer, value: Any, **changes: Any) -> Any:
    if not isinstance(value, Record) or not value.is_dataclass:
        t.refuse("call", got=f"dataclasses.replace of {describe(value)}")
    kept = {f.name: settled(t, value, f.name) for f in dataclasses.fields(value.cls) if f.init}
    for f in dataclasses.fields(value.cls):
        if not f.init and f.name in changes:
            t.refuse("static-error", error=f"field {f.name} is declared with init=False")
    return construct(t, value.cls, (), {**kept, **changes})


def _as_dict(t: Tracer, value: Any) -> Any:
    if isinstance(value, Record):
        return t.make({name: _as_dict(t, settled(t, value, name)) for name in value.fields})
    parts = parts_of(value)
    return value if parts is None else t.compose(parts[0], [_as_dict(t, item) for item in parts[1]])


def _as_tuple(t: Tracer, value: Any) -> Any:
    if isinstance(value, Record):
        return tuple(_as_tuple(t, settled(t, value, name)) for name in value.fields)
    parts = parts_of(value)
    return value if parts is None else t.compose(parts[0], [_as_tuple(t, item) for item in parts[1]])


def _fields(t: Tracer, value: Any) -> Any:
    return dataclasses.fields(value.cls if isinstance(value, Record) else value)


def _is_dataclass(t: Tracer, value: Any) -> bool:
    return dataclasses.is_dataclass(value.cls if isinstance(value, Record) else value)


HANDLERS: dict[Any, Callable[..., Any]] = {
    dataclasses.replace: _replace,
    dataclasses.asdict: _as_dict,
    dataclasses.astuple: _as_tuple,
    dataclasses.fields: _fields,
    dataclasses.is_dataclass: _is_dataclass,
    object.__setattr__: _set,
    setattr: _set_attribute,
}


# -- operators

_DUNDER = {
    "add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "floordiv": "floordiv", "mod": "mod", "pow": "pow",
    "matmul": "matmul", "and": "and", "or": "or", "xor": "xor", "shl": "lshift", "shr": "rshift",
}  # fmt: skip


def has_methods(value: Any) -> bool:
    """Whether operators of the value may be methods written by the user."""
    return isinstance(value, Record) or is_named_tuple(type(value))


def is_object(value: Any) -> bool:
    """Whether what Python asks of the value may be methods written by the user."""
    return has_methods(value) or is_plain_object(value)


def asked(t: Tracer, value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """What the method `__name__` of an object gives, `NotHandled` if it has none, or is no object of a user's class."""
    if not is_object(value):
        return NotHandled
    if method_of(value, f"__{name}__") is None and not isinstance(value, tuple):
        kind = class_of(value)
        if of_class(kind, f"__{name}__", None) is not None:
            t.refuse("call", got=f"{kind.__name__}.__{name}__")
        t.guards.attribute(kind, f"__{name}__", None)
        return NotHandled
    return special(t, value, name, *args, **kwargs)


def method_of(value: Any, name: str) -> FunctionType | None:
    """The Python method of an object in traced code, if its class has one."""
    found = of_class(class_of(value), name, None)
    return found if isinstance(found, FunctionType) else None


def special(t: Tracer, value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """What the method `__name__` of an object gives, or `NotHandled` if its class has none written in Python."""
    kind, method = class_of(value), method_of(value, f"__{name}__")
    if is_object(value) and not isinstance(value, tuple):
        t.guards.attribute(kind, f"__{name}__", getattr(kind, f"__{name}__", None))
    if method is None or is_generated(method):
        return NotHandled
    result = t.call(method, [value, *args], kwargs)
    return NotHandled if result is NotImplemented else result


def class_of(value: Any) -> type:
    """What `type(value)` is in traced code, of an object."""
    return value.cls if isinstance(value, Record) else type(value)


# Classes that llad has written, and those that they are in Python.
STANDS_FOR: dict[type, type] = {
    deques.deque: collections.deque,
    dicts.defaultdict: collections.defaultdict,
    dicts.Counter: collections.Counter,
}


def python_class(record: Record) -> type:
    """What Python says that the class of an object is."""
    return STANDS_FOR.get(record.cls, record.cls)


def is_derived(value: Any, other: Any) -> bool:
    """Whether the class of an object is derived from that of another one: then it is asked first."""
    kind, base = class_of(value), class_of(other)
    return kind is not base and issubclass(kind, base)


def operator(t: Tracer, op: str, a: Any, b: Any) -> Any:
    """`a op b` by the methods of the operands' classes, or `NotHandled`."""
    name = _DUNDER[op]
    ways = [(a, name, b)]
    if class_of(a) is not class_of(b):
        ways.append((b, "r" + name, a))
        if is_derived(b, a) and method_of(b, f"__r{name}__") is not method_of(a, f"__r{name}__"):
            ways.reverse()
    for value, way, other in ways:
        result = special(t, value, way, other) if is_object(value) else NotHandled
        if result is not NotHandled:
            return result
    return NotHandled


def in_place(t: Tracer, op: str, old: Any, value: Any) -> Any:
    """What `old` becomes by `old op= value`, if its class says so itself."""
    return asked(t, old, "i" + _DUNDER[op], value)
