"""Textual LLVM IR → machine code in this process.

`link` parses and verifies a module, runs the O3 pipeline for the host (with SLP vectorisation, which is off by
default, unless a basic block is so long that it would take longer than all the rest together), emits an object and
links that with ORC against the addresses in `symbols.py` and those handed in. Only
the input text is kept: what O3 made of it, and the assembly, are produced again when somebody asks, which is
deterministic and costs nothing to those who do not ask.

An object is the same in every process: text holds no address, only names (`assembly.py`). So it is kept on disk under
the digest of its text and of all else that it depends on (`environment.py`, `store.py`), and the next process links it
as it is.

Invariants: `verify` comes before every pass, since this LLVM has assertions on and misuse aborts the process. Code is
unloaded only under `LOCK` and never from a finaliser, which can run in the middle of another thread's compile:
finalisers leave the tracker in a list that the next `link` empties.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import llvmlite.binding as llvm

from llad.codegen.deferred import undisturbed
from llad.codegen.environment import digest, environment
from llad.codegen.printing import CALLBACKS
from llad.codegen.store import store
from llad.codegen.symbols import c_library
from llad.codegen.target import LOCK, header, linker, machine

# The longest basic block, in lines, for which SLP is tried: 200 mixed operations take 70 ms with it, 4 without.
SLP_LINES = 250

_serial = itertools.count()
_unloadable: deque[Any] = deque()


class Linked:
    """Machine code in this process. It stays loaded as long as this object lives.

    `addresses` are those of the exports; `times` are seconds: `llvm` (parse to object, or what it took to find the
    object on disk), `link`; `object` the bytes; `kept`: whether they were found on disk.
    """

    def __init__(
        self, text: str, image: bytes, tracker: Any, exports: Sequence[str], times: dict[str, float], kept: bool
    ) -> None:
        self.kept = kept
        self.llvm_before = text
        self.object = image
        self.addresses = {name: int(tracker[name]) for name in exports}
        self.times = times
        weakref.finalize(self, _unloadable.append, tracker).atexit = False

    @cached_property
    def llvm_after(self) -> str:
        """The module as O3 left it."""
        return undisturbed(self._after_o3, str)

    @cached_property
    def asm(self) -> str:
        """The assembly of the whole module."""
        return undisturbed(self._after_o3, lambda module: str(machine().emit_assembly(module)))

    def _after_o3(self, show: Callable[[Any], str]) -> str:
        with _optimised(self.llvm_before) as module:
            return show(module)


def link(text: str, exports: Sequence[str], symbols: Mapping[str, int] | None = None) -> Linked:
    """Compile `text` and load it; `exports` are the functions whose addresses are wanted.

    `symbols`: addresses of what the module declares beyond the C library, which they may also override.

    Raises:
        RuntimeError: the text is not valid LLVM IR, or a symbol cannot be resolved; both are bugs of llad.
    """
    with LOCK:
        return undisturbed(_link, text, exports, symbols or {})


def _link(text: str, exports: Sequence[str], symbols: Mapping[str, int]) -> Linked:
    while _unloadable:
        _unloadable.popleft().close()
    known = {**c_library(), **CALLBACKS, **symbols}
    start = time.perf_counter()
    keep, facts = store(), environment()
    key = b"" if keep is None or facts is None else digest(b"object", facts, text.encode())
    image = keep.read(key) if keep and key else None
    if image is not None:
        found = time.perf_counter()
        with suppress(RuntimeError):  # LLVM does not take it: it is made anew
            tracker = _load(image, exports, known)
            times = {"llvm": found - start, "link": time.perf_counter() - found}
            return Linked(text, image, tracker, exports, times, True)
    with _optimised(text) as module:
        made: bytes = machine().emit_object(module)
    if keep and key:
        keep.write(key, made)
    compiled = time.perf_counter()
    tracker = _load(made, exports, known)
    times = {"llvm": compiled - start, "link": time.perf_counter() - compiled}
    return Linked(text, made, tracker, exports, times, False)


@contextmanager
def _optimised(text: str) -> Iterator[Any]:
    """The module after O3, in a context of its own so that nothing of it outlives the `with`."""
    with LOCK, llvm.create_context() as context:
        module = llvm.parse_assembly(header() + text, context)
        with module:
            module.verify()
            tuning = llvm.create_pipeline_tuning_options(speed_level=3)
            tuning.slp_vectorization = _longest_block(text) <= SLP_LINES
            with llvm.create_pass_builder(machine(), tuning) as builder:
                builder.getModulePassManager().run(module, builder)
            yield module


def _longest_block(text: str) -> int:
    longest = run = 0
    for line in text.splitlines():
        run = run + 1 if line.startswith("  ") else 0  # labels stand at the margin
        longest = max(longest, run)
    return longest


def _load(image: bytes, exports: Sequence[str], symbols: Mapping[str, int]) -> Any:
    library = llvm.JITLibraryBuilder().add_object_img(image)
    for name, address in symbols.items():
        library.import_symbol(name, address)
    for name in exports:
        library.export_symbol(name)
    return library.link(linker(), f"llad.{next(_serial)}")
