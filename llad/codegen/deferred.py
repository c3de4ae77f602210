"""Work that no signal handler may interrupt: what arrives meanwhile is handled afterwards.

A handler that raises (Ctrl-C does) in the middle of llvmlite's bookkeeping leaves objects that LLVM has already freed
and that Python will free again. Python runs handlers in the main thread only, between any two instructions.

Invariant: when `undisturbed` returns or raises, all handlers are back.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def undisturbed(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work(*args, **kwargs)` returns.

    Raises: what it raises; else what a handler raises when it is over.
    """
    if threading.current_thread() is not threading.main_thread():
        return work(*args, **kwargs)
    kept: dict[int, Any] = {}
    arrived: list[tuple[int, Any]] = []

    def note(number: int, frame: Any) -> None:
        arrived.append((number, frame))

    try:
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if handler is not None and not isinstance(handler, signal.Handlers):
                kept[number] = handler
                signal.signal(number, note)
        return work(*args, **kwargs)
    finally:
        _restore(dict(kept))
        for arrival, frame in arrived:
            kept[arrival](arrival, frame)


def _restore(handlers: dict[int, Any]) -> None:
    raised = None
    while handlers:
        try:
            for number in list(handlers):
                signal.signal(number, handlers[number])
                del handlers[number]
        except BaseException as error:  # by a handler that is back
            raised = error
    if raised is not None:
        raise raised
