"""Textual LLVM IR → machine code in this process.

`link` has the objects of a module made (`optimise.py`), of which there may be several that call each other, and
links them with ORC against the addresses in `symbols.py`, those handed in, and the resident run-time. Only
the input text is kept: what O2 made of it, and the assembly, are produced again when somebody asks, which is
deterministic and costs nothing to those who do not ask.

An object is the same in every process: text holds no address, only names (`assembly.py`). So it is kept on disk under
the digest of what determines its text and of all else that it depends on (`environment.py`, `store.py`), with the
external names in it before it, and the next process links it as it is.

Invariant: code is unloaded only under `LOCK` and never from a finaliser, which can run in the middle of another
thread's compile: finalisers leave the tracker in a list that the next `link` empties.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import llvmlite.binding as llvm

from llad.codegen import layout
from llad.codegen.deferred import undisturbed
from llad.codegen.environment import digest, keep, kept
from llad.codegen.optimise import after_o2, assembly, objects
from llad.codegen.printing import CALLBACKS
from llad.codegen.runtime import RESIDENT, SERVING, resident_text
from llad.codegen.symbols import c_library, scipy_functions
from llad.codegen.target import LOCK, immortal, linker

_OBJECT = b"object"
_END = b"\0"  # of the names before an object on disk
_SCIPY = "scipy."

_serial = itertools.count()
_unloadable: deque[Any] = deque()


class Module:
    """The texts of a module, made when they are needed, and its `key`: a digest of what determines them.

    Each text becomes an object of its own.
    """

    def __init__(self, key: bytes, make: Callable[[], Sequence[str]]) -> None:
        self.key = key
        self._make = make

    @cached_property
    def texts(self) -> Sequence[str]:
        return self._make()


class Linked:
    """Machine code in this process. It stays loaded as long as this object lives.

    `addresses` are those of the exports; `times` are seconds: `llvm` (parse to object, or what it took to find the
    object on disk), `link`; `objects` the bytes; `kept`: whether they were found on disk.
    """

    def __init__(
        self,
        module: Module,
        images: Sequence[bytes],
        tracker: Any,
        exports: Sequence[str],
        times: dict[str, float],
        kept: bool,
    ) -> None:
        self.kept = kept
        self._module = module
        self.objects = images
        self.addresses = {name: int(tracker[name]) for name in exports}
        self.times = times
        weakref.finalize(self, _unloadable.append, tracker).atexit = False

    @property
    def llvm_before(self) -> str:
        """The text of the module."""
        return "\n".join(self._module.texts)

    @cached_property
    def llvm_after(self) -> str:
        """The module as O2 left it."""
        return self._after_o2(str)

    @cached_property
    def asm(self) -> str:
        """The assembly of the whole module."""
        return self._after_o2(assembly)

    def _after_o2(self, show: Callable[[Any], str]) -> str:
        return "\n".join([undisturbed(after_o2, text, show) for text in self._module.texts])


def link(
    module: Module | str, exports: Sequence[str], symbols: Mapping[str, int] | None = None, whole: bool = False
) -> Linked:
    """Compile a module, or its text, and load it; `exports` are the functions whose addresses are wanted.

    `symbols`: addresses of what the module declares beyond the C library, which they may also override. `whole`: it has
    all that it needs of the run-time.

    Raises:
        RuntimeError: the text is not valid LLVM IR, or a symbol cannot be resolved; both are bugs of llad.
    """
    if isinstance(module, str):
        text = module
        module = Module(digest(text.encode()), lambda: [text])
    with LOCK:
        return undisturbed(_link, module, exports, symbols or {}, whole)


def recall(module: Module, exports: Sequence[str], symbols: Mapping[str, int] | None = None) -> Linked | None:
    """What `link` gives, if the object is on disk."""
    with LOCK:
        return undisturbed(_recall, module, exports, symbols or {}, False)


def _link(
    module: Module, exports: Sequence[str], symbols: Mapping[str, int], whole: bool, quick: bool = False
) -> Linked:
    """`quick`: the text is turned into code as it stands, in a tenth of the time."""
    if (kept := _recall(module, exports, symbols, whole)) is not None:
        return kept
    texts = module.texts
    start = time.perf_counter()
    images = objects(texts, quick)
    names = _external(images, symbols)
    keep(_OBJECT, module.key, _encoded(images, names))
    compiled = time.perf_counter()
    tracker = _load(images, names, exports, symbols, whole)
    times = {"llvm": compiled - start, "link": time.perf_counter() - compiled}
    return Linked(module, images, tracker, exports, times, False)


def _recall(module: Module, exports: Sequence[str], symbols: Mapping[str, int], whole: bool) -> Linked | None:
    start = time.perf_counter()
    data = kept(_OBJECT, module.key)
    if data is None:
        return None
    found = time.perf_counter()
    images, wanted = _decoded(data)
    try:
        tracker = _load(images, wanted, exports, symbols, whole)
    except RuntimeError:  # LLVM does not take it
        return None
    times = {"llvm": found - start, "link": time.perf_counter() - found}
    return Linked(module, images, tracker, exports, times, True)


def _encoded(images: Sequence[bytes], names: Sequence[str]) -> bytes:
    """Objects as they are kept: their lengths, the external names in them, and they themselves."""
    head = " ".join([",".join(str(len(image)) for image in images), *names])
    return b"".join([head.encode(), _END, *images])


def _decoded(data: bytes) -> tuple[list[bytes], list[str]]:
    head, _, rest = data.partition(_END)
    lengths, *names = head.decode().split(" ")
    ends = list(itertools.accumulate(map(int, lengths.split(",")), initial=0))
    return [rest[start:end] for start, end in itertools.pairwise(ends)], names


@cache
def _resident(group: tuple[str, ...]) -> Linked:
    """The run-time functions of a group, linked for as long as the process lives: arrays may outlive all else.

    Their text depends on nothing but what all keys on disk stand under, so it is only made to be compiled.
    """
    module = Module(digest(b"resident", *map(str.encode, group)), lambda: [resident_text(group)])
    symbols = {} if layout.LAYOUT is None else layout.symbols()
    return immortal(_link(module, group, symbols, whole=True, quick=group in SERVING))


def _external(images: Sequence[bytes], symbols: Mapping[str, int]) -> list[str]:
    """Every external name in the objects, and maybe others: it takes a while to find them."""
    known = [*c_library(), *CALLBACKS, *symbols, *(name for group in RESIDENT for name in group)]
    if any(_SCIPY.encode() in image for image in images):
        known += scipy_functions()
    return [name for name in known if any(name.encode() in image for image in images)]


def _imports(names: Sequence[str], symbols: Mapping[str, int], whole: bool) -> dict[str, int]:
    """The addresses of the names."""
    given = {**c_library(), **CALLBACKS, **symbols}
    if any(name.startswith(_SCIPY) for name in names):
        given.update(scipy_functions())
    found = {name: given[name] for name in names if name in given}
    for group in () if whole else RESIDENT:
        if not set(group).isdisjoint(names):
            found.update(_resident(group).addresses)
    return found


def _load(
    images: Sequence[bytes], names: Sequence[str], exports: Sequence[str], symbols: Mapping[str, int], whole: bool
) -> Any:
    while _unloadable:
        _unloadable.popleft().close()
    library = llvm.JITLibraryBuilder()
    for image in images:
        library.add_object_img(image)
    for name, address in _imports(names, symbols, whole).items():
        library.import_symbol(name, address)
    for name in exports:
        library.export_symbol(name)
    return library.link(linker(), f"llad.{next(_serial)}")
