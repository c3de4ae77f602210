"""Textual LLVM IR → machine code in this process.

`link` parses and verifies a module, runs the O2 pipeline for the host (with SLP vectorisation, which is off by
default, unless a basic block is so long that it would take longer than all the rest together), emits an object and
links that with ORC against the addresses in `symbols.py`, those handed in, and the resident run-time. Only
the input text is kept: what O2 made of it, and the assembly, are produced again when somebody asks, which is
deterministic and costs nothing to those who do not ask.

An object is the same in every process: text holds no address, only names (`assembly.py`). So it is kept on disk under
the digest of what determines its text and of all else that it depends on (`environment.py`, `store.py`), with the
external names in it before it, and the next process links it as it is.

Invariants: `verify` comes before every pass, since this LLVM has assertions on and misuse aborts the process. Code is
unloaded only under `LOCK` and never from a finaliser, which can run in the middle of another thread's compile:
finalisers leave the tracker in a list that the next `link` empties.
"""

from __future__ import annotations

import itertools
import re
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property, partial
from typing import Any, TypeVar

import llvmlite.binding as llvm

from llad.codegen import late, layout
from llad.codegen.deferred import undisturbed
from llad.codegen.environment import digest, keep, kept
from llad.codegen.printing import CALLBACKS
from llad.codegen.runtime import RESIDENT, SERVING, resident_text
from llad.codegen.symbols import c_library, scipy_functions
from llad.codegen.target import LOCK, header, immortal, linker, machine

# The longest basic block, in lines, for which SLP is tried: 200 mixed operations take 70 ms with it, 4 without.
SLP_LINES = 250

T = TypeVar("T")

_OBJECT = b"object"
_END = b"\0"  # of the names before an object on disk
_SCIPY = "scipy."
_BLOCK = re.compile("(?:^  .*\n)+", re.MULTILINE)  # labels stand at the margin

_serial = itertools.count()
_unloadable: deque[Any] = deque()


class Module:
    """The text of a module, made when it is needed, and its `key`: a digest of what determines the text."""

    def __init__(self, key: bytes, make: Callable[[], str]) -> None:
        self.key = key
        self._make = make

    @cached_property
    def text(self) -> str:
        return self._make()


class Linked:
    """Machine code in this process. It stays loaded as long as this object lives.

    `addresses` are those of the exports; `times` are seconds: `llvm` (parse to object, or what it took to find the
    object on disk), `link`; `object` the bytes; `kept`: whether they were found on disk.
    """

    def __init__(
        self, module: Module, image: bytes, tracker: Any, exports: Sequence[str], times: dict[str, float], kept: bool
    ) -> None:
        self.kept = kept
        self._module = module
        self.object = image
        self.addresses = {name: int(tracker[name]) for name in exports}
        self.times = times
        weakref.finalize(self, _unloadable.append, tracker).atexit = False

    @property
    def llvm_before(self) -> str:
        """The text of the module."""
        return self._module.text

    @cached_property
    def llvm_after(self) -> str:
        """The module as O2 left it."""
        return undisturbed(self._after_o2, str)

    @cached_property
    def asm(self) -> str:
        """The assembly of the whole module."""
        return undisturbed(self._after_o2, lambda module: str(_emitted(machine().emit_assembly, module)))

    def _after_o2(self, show: Callable[[Any], str]) -> str:
        with _optimised(self.llvm_before) as module:
            return show(module)


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
        module = Module(digest(module.encode()), partial(str, module))
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
    text = module.text
    start = time.perf_counter()
    with _optimised(text, quick) as made:
        image: bytes = _emitted(machine(quick).emit_object, made)
    names = _external(image, symbols)
    keep(_OBJECT, module.key, " ".join(names).encode() + _END + image)
    compiled = time.perf_counter()
    tracker = _load(image, names, exports, symbols, whole)
    times = {"llvm": compiled - start, "link": time.perf_counter() - compiled}
    return Linked(module, image, tracker, exports, times, False)


def _recall(module: Module, exports: Sequence[str], symbols: Mapping[str, int], whole: bool) -> Linked | None:
    start = time.perf_counter()
    data = kept(_OBJECT, module.key)
    if data is None:
        return None
    found = time.perf_counter()
    names, _, image = data.partition(_END)
    try:
        tracker = _load(image, names.decode().split(), exports, symbols, whole)
    except RuntimeError:  # LLVM does not take it
        return None
    times = {"llvm": found - start, "link": time.perf_counter() - found}
    return Linked(module, image, tracker, exports, times, True)


@contextmanager
def _switched(option: str, value: bool) -> Iterator[None]:
    """LLVM with a switch of it turned. It is the whole process's, which others may share: so it is turned back."""
    with LOCK:
        llvm.set_option("", f"-{option}={str(value).lower()}")
        try:
            yield
        finally:
            llvm.set_option("", f"-{option}={str(not value).lower()}")


def _emitted(emit: Callable[[Any], T], module: Any) -> T:
    """What `emit` makes of a module, without LLVM's loop strength reduction.

    That takes a third of the time of code generation, and its addresses are no better than those of x86-64 and aarch64
    as they are.
    """
    with _switched("disable-lsr", True):
        return emit(module)


@contextmanager
def _optimised(text: str, quick: bool = False) -> Iterator[Any]:
    """The module after O2, or as it stands, in a context of its own so that nothing of it outlives the `with`."""
    with LOCK, llvm.create_context() as context, llvm.parse_assembly(header() + text, context) as module:
        module.verify()
        if not quick:
            _optimise(module, text, context)
        yield module


def _optimise(module: Any, text: str, context: Any) -> None:
    with llvm.create_pass_builder(machine(), _tuning(text)) as builder:
        # What the next iteration loads again would be carried to it, which takes longer with vectors.
        with _switched("enable-load-pre", False):
            _run(builder.getModulePassManager(), module, builder)
        if late.mentioned(text):
            _define(module, builder, context)


def _define(module: Any, builder: Any, context: Any) -> None:
    """Link in what O2 was not to see, and inline it."""
    module.link_in(llvm.parse_assembly(header() + late.definitions(), context))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    _run(passes, module, builder)


def _run(passes: Any, module: Any, builder: Any) -> None:
    """Run the passes, which exist no more then. (llvmlite's `close` finds a `_dispose` that does nothing.)"""
    passes.run(module, builder)
    llvm.NewPassManager._dispose(passes)
    passes.detach()


def _tuning(text: str) -> Any:
    """What is asked of the passes of LLVM.

    O3 would write loops a second time for branches that do not change in them, and little else: loops over time steps
    take a sixth longer to compile, and none of what is measured ran faster.
    """
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.slp_vectorization = _longest_block(text) <= SLP_LINES
    return tuning


def _longest_block(text: str) -> int:
    return max((block.count("\n") for block in _BLOCK.findall(text)), default=0)


@cache
def _resident(group: tuple[str, ...]) -> Linked:
    """The run-time functions of a group, linked for as long as the process lives: arrays may outlive all else.

    Their text depends on nothing but what all keys on disk stand under, so it is only made to be compiled.
    """
    module = Module(digest(b"resident", *map(str.encode, group)), partial(resident_text, group))
    symbols = {} if layout.LAYOUT is None else layout.symbols()
    return immortal(_link(module, group, symbols, whole=True, quick=group in SERVING))


def _external(image: bytes, symbols: Mapping[str, int]) -> list[str]:
    """Every external name in the object, and maybe others: it takes a while to find them."""
    known = [*c_library(), *CALLBACKS, *symbols, *(name for group in RESIDENT for name in group)]
    if _SCIPY.encode() in image:
        known += scipy_functions()
    return [name for name in known if name.encode() in image]


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


def _load(image: bytes, names: Sequence[str], exports: Sequence[str], symbols: Mapping[str, int], whole: bool) -> Any:
    while _unloadable:
        _unloadable.popleft().close()
    library = llvm.JITLibraryBuilder().add_object_img(image)
    for name, address in _imports(names, symbols, whole).items():
        library.import_symbol(name, address)
    for name in exports:
        library.export_symbol(name)
    return library.link(linker(), f"llad.{next(_serial)}")
