"""Work in a child process, so that a crash or a hang of what is tested ends the child and not the search."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

LATE = (signal.SIGPROF, signal.SIGALRM)
PATIENCE = 20  # how much longer than by itself a process may take on a machine that is busy


def limit(seconds: int) -> None:
    """From here on this process may compute for so long, also if it waits for its turn; or else it is ended."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(PATIENCE * seconds)


@dataclass(frozen=True)
class Died:
    """The child was ended by a signal: by one of `LATE` if it took too long."""

    signal: int

    def __str__(self) -> str:
        return "hangs" if self.signal in LATE else f"ends by {signal.Signals(self.signal).name}"


def stream(work: Callable[[Callable[[Any], None]], None]) -> Iterator[Any]:
    """What `work(send)` sends from a child process, as it comes; last a `Died` if that did not end well.

    `work` should set a `limit` for what may take too long.
    """
    sys.stdout.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        out = os.fdopen(writer, "wb")

        def send(value: Any) -> None:
            pickle.dump(value, out)
            out.flush()

        try:
            work(send)
        except BaseException as error:
            print(f"search: {error!r}", file=sys.stderr)
            os._exit(1)
        finally:
            os._exit(0)  # whatever happens, the child does not go on with what its parent does
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        while True:
            try:
                yield pickle.load(source)
            except (EOFError, pickle.UnpicklingError):
                break
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        yield Died(os.WTERMSIG(status))
