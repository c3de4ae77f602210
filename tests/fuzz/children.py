"""Work in a child process, so that a crash or a hang of what is tested ends the child and not the search."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Died:
    """The child was ended by a signal: `SIGALRM` if it took too long."""

    signal: int

    def __str__(self) -> str:
        return "hangs" if self.signal == signal.SIGALRM else f"ends by {signal.Signals(self.signal).name}"


def stream(work: Callable[[Callable[[Any], None]], None]) -> Iterator[Any]:
    """What `work(send)` sends from a child process, as it comes; last a `Died` if that did not end well.

    `work` should set an alarm (`signal.alarm`) for what may take too long.
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
