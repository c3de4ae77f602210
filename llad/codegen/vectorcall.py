"""Callables whose calls jump straight into machine code, and which are Python objects otherwise.

`Native` is an ordinary Python class (attributes, properties, weak references, garbage collection) over a base type
made through `PyType_FromSpec` that has a vectorcall slot: CPython calls the C function whose address stands in the
instance. Instances begin with `slow`, a Python callable, as the only thing to call; `prepend` puts entry points
before it, newest first, each of which passes on what it does not accept.

Where the interpreter's layout is not as expected, `Native` is a class with a `__call__` that always goes `slow`.

Invariant: whoever calls holds the object, the object holds `slow` and the code of its entries, so none of it is
unloaded during a call. An entry that was removed is kept too, since another thread may be inside it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from llad.codegen.assembly import Pins
from llad.codegen.jit import Linked, link
from llad.codegen.layout import LAYOUT, c_symbol
from llad.codegen.target import LOCK

_HAVE_VECTORCALL, _BASETYPE = 1 << 11, 1 << 10
_TP_CALL, _TP_MEMBERS, _TP_DOC = 50, 72, 56
_T_PYSSIZET, _READONLY = 19, 1


class _Slot(ctypes.Structure):
    _fields_ = (("slot", ctypes.c_int), ("value", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("basicsize", ctypes.c_int),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    )


class _Member(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_VECTORCALL = object.__basicsize__  # the slot's offset in an instance: the first word after the header
_SLOW = _VECTORCALL + 8  # that of the first `__slots__` entry of a subclass


def _make_base() -> type:
    """A type with nothing but the header and a vectorcall slot."""
    members = (_Member * 2)(_Member(b"__vectorcalloffset__", _T_PYSSIZET, _VECTORCALL, _READONLY, None), _Member())
    doc = ctypes.c_char_p(b"Calls the machine code whose address it holds.")
    slots = (_Slot * 4)(
        _Slot(_TP_CALL, c_symbol("PyVectorcall_Call")),
        _Slot(_TP_MEMBERS, ctypes.addressof(members)),
        _Slot(_TP_DOC, ctypes.cast(doc, ctypes.c_void_p).value),
        _Slot(0, None),
    )
    spec = _Spec(b"llad.codegen.vectorcall.Base", _VECTORCALL + 8, 0, _HAVE_VECTORCALL | _BASETYPE, slots)
    make = ctypes.pythonapi.PyType_FromSpec
    make.restype, make.argtypes = ctypes.py_object, [ctypes.POINTER(_Spec)]
    base = make(ctypes.byref(spec))
    assert isinstance(base, type)
    return base


def _flags_offset() -> int | None:
    """Where a type keeps its flags, found by looking for them; `None` unless there is just one such place."""
    probes = [int, dict, type("Probe", (), {})]
    offsets = range(object.__basicsize__, int(vars(type)["__basicsize__"].__get__(type)) - 8, 8)
    hits = [o for o in offsets if all(ctypes.c_ulong.from_address(id(t) + o).value == t.__flags__ for t in probes)]
    return hits[0] if len(hits) == 1 else None


def accept_vectorcall(cls: type) -> None:
    """Let a subclass of `Native` use the slot: CPython 3.11 passes the flag on to no class made in Python."""
    if LAYOUT is None or cls.__flags__ & _HAVE_VECTORCALL:
        return
    offset = _flags_offset()
    assert offset is not None, "a type's flags were not found"
    ctypes.c_ulong.from_address(id(cls) + offset).value |= _HAVE_VECTORCALL
    assert cls.__flags__ & _HAVE_VECTORCALL


_TRAMPOLINE = f"""\
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
define ptr @llad.slow(ptr %self, ptr %args, i64 %nargsf, ptr %kwnames) {{
  %place = getelementptr i8, ptr %self, i64 {_SLOW}
  %slow = load ptr, ptr %place
  %result = musttail call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %nargsf, ptr %kwnames)
  ret ptr %result
}}
"""


@cache
def _trampoline() -> Linked:
    """The code at the end of every chain: it calls the object's `slow`. Made once, so called under `LOCK`."""
    return link(_TRAMPOLINE, ["llad.slow"], {"PyObject_Vectorcall": c_symbol("PyObject_Vectorcall")})


class _Interpreted:
    """The base where there is no native calling: Python's call protocol, always slow."""

    __slots__ = ()
    _slow: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._slow(*args, **kwargs)


_Base: Any = _Interpreted if LAYOUT is None else _make_base()


class _Chained(_Base):  # type: ignore[misc]
    """Holds `slow` where the trampoline looks for it: a class's only slot comes right behind its base's words."""

    __slots__ = ("_slow",)


class _Twin(_Chained):
    """Starts where a `Native` starts and ends in an error: for calls that an entry point must accept."""

    __slots__ = ()


class UnacceptedError(AssertionError):
    """No entry point accepts what should be acceptable."""


def _unaccepted(*args: object, **kwargs: object) -> None:
    raise UnacceptedError(f"no entry point accepts {args} {kwargs}")


class Native(_Chained):
    """A callable with a chain of entry points that ends in the Python callable `slow`.

    `strict` is the same chain without the slow path.
    """

    __slots__ = ("__dict__", "__weakref__", "_chain", "_owned", "strict")

    def __init__(self, slow: Callable[..., Any]) -> None:
        self._slow = slow
        self.strict = _Twin()
        self.strict._slow = _unaccepted
        self._owned: dict[int, object] = {}
        self._relink([])

    def prepend(self, address: int, pins: Pins, owner: object) -> None:
        """Try the entry point at `address` before all others; `owner` keeps its code loaded."""
        self._owned[id(owner)] = (owner, pins)
        self._relink([(address, pins), *self._chain])

    def holds(self, pins: Pins) -> bool:
        """Whether the entry point that reads `pins` is in the chain."""
        return any(entry[1] is pins for entry in self._chain)

    def drop(self, pins: Pins) -> None:
        """Try the entry point that reads `pins` no more."""
        self._relink([entry for entry in self._chain if entry[1] is not pins])

    def _relink(self, chain: list[tuple[int, Pins]]) -> None:
        """Go through the chain from now on. Other threads may be calling: from the end, each link leads on."""
        if not isinstance(self, _Interpreted):
            self._write_links(chain)
        self._chain = chain

    def _write_links(self, chain: list[tuple[int, Pins]]) -> None:
        with LOCK:
            onward = _trampoline().addresses["llad.slow"]
        for address, pins in reversed(chain):
            pins.next = onward
            onward = address
        for start in (self, self.strict):
            assert ctypes.c_void_p.from_address(id(start) + _SLOW).value == id(start._slow)
            accept_vectorcall(type(start))
            ctypes.c_void_p.from_address(id(start) + _VECTORCALL).value = onward
