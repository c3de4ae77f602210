"""LLVM's passes and code generation: modules as text → objects, several at the same time.

A module goes through the O2 pipeline for the host (with SLP vectorisation, which is off by default, unless a basic
block is so long that it would take longer than all the rest together), and becomes an object.

LLVM lets threads work at the same time on modules of different contexts, with target machines of their own (its
Programmer's Manual, "Threads and LLVM"). llvmlite lets in one thread at a time, whatever for: so the two calls that
take all the time pass its lock by. What comes out does not depend on how many threads there are.

Invariants: `verify` comes before every pass, since this LLVM has assertions on and misuse aborts the process. All
threads have ended when `objects` returns.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import llvmlite.binding as llvm
from llvmlite.binding import ffi

from llad.codegen import late
from llad.codegen.lower_flags import MOVED
from llad.codegen.runtime_threads import thread_count
from llad.codegen.target import LOCK, header, machine
from llad.codegen.vector_trig import far_inlined

# The longest basic block, in lines, for which SLP is tried: 200 mixed operations take 70 ms with it, 4 without.
SLP_LINES = 250
_RECURRENCE = re.compile(f"f(add|sub|mul) {MOVED}")  # with `fastmath`: see `latest.py`

T = TypeVar("T")

_RUN, _EMIT = "LLVMPY_RunNewModulePassManager", "LLVMPY_TargetMachineEmitToMemory"
_BLOCK = re.compile("(?:^  .*\n)+", re.MULTILINE)  # labels stand at the margin


def objects(texts: Sequence[str], quick: bool = False) -> list[bytes]:
    """The object of each module. `quick`: the text is turned into code as it stands, in a tenth of the time.

    Raises:
        RuntimeError: a text is not valid LLVM IR, which is a bug of llad.
    """
    with LOCK, ExitStack() as opened:
        modules = [opened.enter_context(_parsed(text)) for text in texts]
        machines = [machine(quick, k) for k in range(len(texts))]
        if not quick:
            _optimise(texts, modules, machines)
        return _emitted(modules, machines)


def after_o2(text: str, show: Callable[[Any], T]) -> T:
    """What `show` makes of a module as the passes leave it."""
    with LOCK, _parsed(text) as module:
        _optimise([text], [module], [machine()])
        return show(module)


def assembly(module: Any) -> str:
    """What `after_o2` may show: the assembly."""
    with _switched("disable-lsr", True):
        return str(machine().emit_assembly(module))


@contextmanager
def _parsed(text: str) -> Iterator[Any]:
    """The module in a context of its own, so that nothing of it outlives the `with`."""
    with llvm.create_context() as context, llvm.parse_assembly(header() + text, context) as module:
        module.verify()
        yield module


def _optimise(texts: Sequence[str], modules: Sequence[Any], machines: Sequence[Any]) -> None:
    with ExitStack() as opened:
        builders = [
            opened.enter_context(llvm.create_pass_builder(m, _tuning(text)))
            for m, text in zip(machines, texts, strict=True)
        ]
        # What the next iteration loads again would be carried to it, which takes longer with vectors.
        with _switched("enable-load-pre", False):
            _run([builder.getModulePassManager() for builder in builders], modules, builders)
        for text, module, builder in zip(texts, modules, builders, strict=True):
            if definitions := late.definitions(text) + far_inlined(text):
                _define(definitions, module, builder)


def _define(definitions: str, module: Any, builder: Any) -> None:
    """Link in what O2 was not to see, and inline it."""
    module.link_in(llvm.parse_assembly(header() + definitions, module._context))
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    _run([passes], [module], [builder])


def _run(managers: Sequence[Any], modules: Sequence[Any], builders: Sequence[Any]) -> None:
    """Run the passes, which exist no more then. (llvmlite's `close` finds a `_dispose` that does nothing.)"""
    _at_once(_RUN, list(zip(managers, modules, builders, strict=True)))
    for passes in managers:
        llvm.NewPassManager._dispose(passes)
        passes.detach()


def _emitted(modules: Sequence[Any], machines: Sequence[Any]) -> list[bytes]:
    """The objects, without LLVM's loop strength reduction.

    That takes a third of the time of code generation, and its addresses are no better than those of x86-64 and aarch64
    as they are.
    """
    errors = [ffi.OutputString() for _ in modules]
    calls = [(m, module, 1, error) for m, module, error in zip(machines, modules, errors, strict=True)]
    with _switched("disable-lsr", True):
        buffers = _at_once(_EMIT, calls)
    try:
        for buffer, error in zip(buffers, errors, strict=True):
            if not buffer:
                raise RuntimeError(str(error))
        return [ctypes.string_at(ffi.lib.LLVMPY_GetBufferStart(b), ffi.lib.LLVMPY_GetBufferSize(b)) for b in buffers]
    finally:
        for buffer, error in zip(buffers, errors, strict=True):
            if buffer:
                ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)
            error.close()


def _at_once(function: str, calls: Sequence[Sequence[Any]]) -> list[Any]:
    """What a function of llvmlite's library returns for each list of arguments, which have nothing in common."""
    locked = getattr(ffi.lib, function)
    if len(calls) == 1 or thread_count().value == 1:
        return [locked(*arguments) for arguments in calls]
    free = getattr(locked, "_cfn", locked)
    results: list[Any] = [None] * len(calls)

    def make(numbers: Iterable[int]) -> None:
        for k in numbers:
            results[k] = free(*calls[k])

    waiting = iter(range(len(calls)))  # whose `next` no two threads are in, since it gives up no lock
    others = [threading.Thread(target=make, args=(waiting,), daemon=True) for _ in calls[1:]]
    begun = []
    try:
        for thread in others:
            thread.start()
            begun.append(thread)
    except RuntimeError:  # the system makes no more
        pass
    make(waiting)
    for thread in begun:
        thread.join()
    return results


@contextmanager
def _switched(option: str, value: bool) -> Iterator[None]:
    """LLVM with a switch of it turned. It is the whole process's, which others may share: so it is turned back."""
    with LOCK:
        llvm.set_option("", f"-{option}={str(value).lower()}")
        try:
            yield
        finally:
            llvm.set_option("", f"-{option}={str(not value).lower()}")


def _tuning(text: str) -> Any:
    """What is asked of the passes of LLVM.

    O3 would write loops a second time for branches that do not change in them, and little else: loops over time steps
    take a sixth longer to compile, and none of what is measured ran faster. Pairs of like operations are made one of
    vectors, but not where sums of recurrences were put in another order: to shuffle the pairs would make their way
    longer.
    """
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.slp_vectorization = _longest_block(text) <= SLP_LINES and not _RECURRENCE.search(text)
    return tuning


def _longest_block(text: str) -> int:
    return max((block.count("\n") for block in _BLOCK.findall(text)), default=0)
