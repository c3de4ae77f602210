"""Python objects in words: what two processes can compare of what a trace depends on.

A description is data that JSON can hold. It says all of an object that a trace may come to know without a note of its
own (`guards.py`): numbers and texts in full, functions by their code and the text that it stands in, objects of the
libraries by where they are found. All else is `Undescribed`, so whatever depends on it is traced in every process.

Objects that are told apart by identity are numbered as they are met, and met again they are their number. So if
two inventories described the same in the same order, what was one object in one process is one in the other.

Invariant: equal descriptions mean that a trace that took one object for the other would be the same, but for what notes
tell of it: names in namespaces, contents of cells, attributes, defaults.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import hashlib
import sys
from collections import namedtuple
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

import numpy as np

from llad.frontend.signature import ArgSpec, ArraySpec, Missing, ScalarSpec, is_plain_array
from llad.frontend.source import text_of
from llad.frontend.transforms import Transform, Transformed
from llad.frontend.words import Description, Undescribed, data_of, digest_of
from llad.structures import ABSENT, Node, of_library

# What the frontend does not ask a class for; whoever reads it leaves a note.
_NOT_ASKED_FOR = {"__doc__", "__annotations__", "__orig_bases__", "__parameters__", "__firstlineno__"}
_NOT_ASKED_FOR |= {"__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"}
# What the standard library puts into classes that it writes.
_FACTORY = getattr(dataclasses, "_HAS_DEFAULT_FACTORY", dataclasses.MISSING)
_GETTER = type(namedtuple("_Named", "x").x)  # type: ignore[attr-defined]


class Inventory:
    """The objects met so far, by number: those with an identity, namespaces, cells, arrays, and the files of functions.

    `files`: name, lines as Python has them now, and the digest of these.
    """

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.namespaces: list[dict[str, Any]] = []
        self.cells: list[CellType] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.files: list[tuple[str, list[str], str]] = []
        self._numbers: dict[int, int] = {}  # of objects, by identity

    def copy(self) -> Inventory:
        made = Inventory()
        made.objects, made.namespaces, made.cells = list(self.objects), list(self.namespaces), list(self.cells)
        made.arrays, made.files, made._numbers = list(self.arrays), list(self.files), dict(self._numbers)
        return made

    # -- values

    def describe(self, value: Any) -> Description:
        """The description of a value.

        Raises: Undescribed.
        """
        if value is Missing or value is ABSENT:
            return [repr(value)]
        if (data := data_of(value)) is not None or value is None:
            return data
        if type(value) is tuple:
            return ["tuple", *map(self.describe, value)]
        if isinstance(value, np.ndarray):
            return ["array", self._array(value)]
        if isinstance(value, CodeType):
            return ["code", digest_of(value)]
        if (number := self._numbers.get(id(value))) is not None:
            return ["object", number]
        self._meet(value)
        return self._object(value)

    def names(self, value: dict[str, Any] | None) -> Description:
        """The description of a function's defaults of keywords, the values of which have notes of their own."""
        if value is None:
            return None
        if (number := self._numbers.get(id(value))) is not None:
            return ["object", number]
        self._meet(value)
        return ["names", *value]

    def _meet(self, value: Any) -> None:
        self._numbers[id(value)] = len(self.objects)
        self.objects.append(value)

    def spec(self, spec: ArgSpec) -> Description:
        """The description of the spec of an argument.

        Raises: Undescribed.
        """
        match spec:
            case ScalarSpec(type=type, weak=weak):
                return ["scalar", type.name, int(weak)]
            case ArraySpec(dtype=dtype, rank=rank, layout=layout):
                return ["array", dtype.name, rank, layout]
            case Node(form=form, items=items):
                how = [int(form.partial), int(form.conjugate), *map(self.describe, form.keys)]
                return ["structure", self.describe(form.cls), how, *map(self.spec, items)]
            case _:
                return ["static", self.describe(spec.value)]

    def _array(self, array: np.ndarray[Any, Any]) -> int:
        if not is_plain_array(array):
            raise Undescribed
        return _number(self.arrays, array)

    def _object(self, value: Any) -> Description:
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, ModuleType):
            if sys.modules.get(value.__name__) is not value:
                raise Undescribed
            return ["module", value.__name__, self._namespace(vars(value))]
        if type(value) is functools.partial and not vars(value):
            names = [[name, self.describe(item)] for name, item in value.keywords.items()]
            return ["partial", self.describe(value.func), [self.describe(item) for item in value.args], names]
        if type(value) is MethodType:
            return ["method", self.describe(value.__func__), self.describe(value.__self__)]
        if isinstance(value, Transform):
            return ["derivative", value.kind, self.describe(value.function), self.describe(value.argnums)]
        if isinstance(value, Transformed):
            return ["compiled", self.describe(type(value)), self.describe(value.transform)]
        if type(value) is type and not of_library(value.__module__):
            return self._class(value)
        if type(value) in (list, dict, set):  # what is in them has a note of its own
            return ["container", type(value).__name__]
        return self._of_library(value)

    def _class(self, cls: type) -> Description:
        """All of a class, as the frontend asks classes for much without a note."""
        own = [[name, self.member(name, value)] for name, value in vars(cls).items() if name not in _NOT_ASKED_FOR]
        return ["class", *_path(cls), [self.describe(base) for base in cls.__bases__], own]

    def member(self, name: str, value: Any) -> Description:
        """The description of what stands under a name in a namespace, that of a class perhaps.

        Raises: Undescribed.
        """
        match value:
            case FunctionType():
                generated = value.__code__.co_filename == "<string>" or value.__module__ == "collections"
                defaults = self.member("", value.__defaults__) if generated else None
                return ["function", self.describe(value), defaults]
            case staticmethod() | classmethod():
                return [type(value).__name__, self.member("", value.__func__)]
            case property():
                return ["property", *(self.member("", f) for f in (value.fget, value.fset, value.fdel))]
            case functools.cached_property():
                return ["cached", self.member("", value.func)]
            case MemberDescriptorType() | GetSetDescriptorType():
                return ["slot", value.__name__]
            case tuple() if type(value) is tuple:
                return ["tuple", *(self.member("", item) for item in value)]
            case dict() if name in ("__dataclass_fields__", "_field_defaults"):
                return ["fields", *([key, self.member("", item)] for key, item in value.items())]
            case dataclasses.Field():
                kind = [str(getattr(value, flag)) for flag in ("init", "compare", "kw_only", "_field_type")]
                defaults = value.default, value.default_factory
                return ["field", value.name, *kind, *(self.member("", default) for default in defaults)]
        if name == "__dataclass_params__" and of_library(type(value).__module__):
            return ["options", repr(value)]
        if value is dataclasses.MISSING:
            return ["no default"]
        if value is _FACTORY:
            return ["factory"]
        if type(value) is _GETTER:
            return ["getter", value.__reduce__()[1][0]]
        return self.describe(value)

    def _function(self, function: FunctionType) -> Description:
        code = function.__code__
        file = self._file(code.co_filename, function)
        return [
            "function",
            function.__module__,
            function.__name__,
            function.__qualname__,
            int(_found(*_path(function)) is function),
            digest_of(code),
            file,
            self.files[file][2],
            [int(x is None) for x in (function.__defaults__, function.__kwdefaults__)],
            self._namespace(function.__globals__),
            [_number(self.cells, cell) for cell in function.__closure__ or ()],
        ]

    def _file(self, name: str, function: FunctionType) -> int:
        for k, file in enumerate(self.files):
            if file[0] == name:
                return k
        lines = text_of(function)
        text = "".join(lines).encode(errors="surrogatepass")
        self.files.append((name, lines, hashlib.sha256(text).hexdigest()))
        return len(self.files) - 1

    def lines(self, name: str) -> list[str] | None:
        """The lines of a file without their ends, if there is a function of it."""
        texts = [lines for file, lines, _ in self.files if file == name]
        return [line.rstrip("\r\n") for line in texts[0]] if texts else None

    def _namespace(self, namespace: dict[str, Any]) -> Description:
        module = sys.modules.get(str(namespace.get("__name__")))
        name = module.__name__ if module is not None and vars(module) is namespace else None
        return [_number(self.namespaces, namespace), name]

    def _of_library(self, value: Any) -> Description:
        if not of_library(type(value).__module__):
            raise Undescribed
        if isinstance(value, np.ufunc):
            places = [("numpy", value.__name__), ("scipy.special", value.__name__)]
        elif isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, np.ufunc):
            return ["of", self.describe(value.__self__), value.__name__]
        else:
            places = [_path(value)]
        for module, name in places:
            if of_library(module) and _found(module, name) is value:
                version = getattr(sys.modules[module.partition(".")[0]], "__version__", "")
                return ["library", module, name, str(version)]
        raise Undescribed

    # -- holders of what was read

    def place(self, holder: Any) -> Description:
        """How to get to the holder of a name from what was described before.

        Raises: Undescribed.
        """
        if (number := self._numbers.get(id(holder))) is not None:
            return ["object", number]
        if holder is sys.modules:
            return ["modules"]
        for kind, known in (("namespace", self.namespaces), ("cell", self.cells)):
            for k, one in enumerate(known):
                if one is holder:
                    return [kind, k]
        if isinstance(holder, MappingProxyType):
            (holder,) = gc.get_referents(holder)
        for k, value in enumerate(self.objects):
            if _own(value) is holder:
                return ["attributes", k]
        for k, value in enumerate(self.objects):
            if type(value) is functools.partial and value.keywords is holder:
                return ["keywords", k]
        if isinstance(holder, (FunctionType, ModuleType)):
            module, name = (holder.__name__, "") if isinstance(holder, ModuleType) else _path(holder)
            if of_library(module) and _found(module, name) is holder:
                return ["found", module, name, self.describe(holder)]
        raise Undescribed

    def find(self, place: Description) -> Any:
        """The holder that is there now.

        Raises: Undescribed, if there is none like it.
        """
        match place:
            case ["object", number]:
                return self.objects[number]
            case ["modules"]:
                return sys.modules
            case ["namespace", number]:
                return self.namespaces[number]
            case ["cell", number]:
                return self.cells[number]
            case ["attributes", number]:
                return vars(self.objects[number])
            case ["keywords", number]:
                return self.objects[number].keywords
            case ["found", module, name, description]:
                holder = _found(module, name)
                if holder is not None and self.describe(holder) == description:
                    return holder
        raise Undescribed


def _own(value: Any) -> Any:
    """The dict of the attributes of an object itself."""
    if type(value) is type:
        (own,) = gc.get_referents(vars(value))
        return own
    return getattr(value, "__dict__", None)


def _number(known: list[Any], value: Any) -> int:
    """The number of an object in a list, to which it is added if it is not there."""
    for k, one in enumerate(known):
        if one is value:
            return k
    known.append(value)
    return len(known) - 1


def _path(value: Any) -> tuple[str, str]:
    """The module and the name under which a class or function was defined."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return (module, name) if isinstance(module, str) and isinstance(name, str) else ("", "")


def _found(module: str, name: str) -> Any:
    """What stands there, in a module that is loaded; the module itself, if there is no name."""
    found: Any = sys.modules.get(module)
    for part in name.split(".") if name else ():
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    return found
