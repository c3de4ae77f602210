"""A process for each tool, so that threads and signal handlers of one do not disturb another; asked one at a time.

While one works the others wait for their pipes. One that dies or does not answer in time is given up for the
problem at hand, and started anew for the next.
"""

from __future__ import annotations

import multiprocessing
import os
import traceback
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.problems import FAMILIES
from benchmarks.solution import Means, Results
from benchmarks.timing import Unavailable, bind_to_one_core, seconds_of
from benchmarks.tools import TOOLS

# What the libraries below the tools read when they are loaded.
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LLAD_NUM_THREADS")
START = 120.0  # seconds


def serve(connection: Connection, tool: str, all_threads: bool) -> None:
    """Answers requests until the pipe is closed: an answer is (True, what was asked for) or (False, why not)."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    if not all_threads:
        os.environ.update(dict.fromkeys(LIMITS, "1"))
        bind_to_one_core()
    make = None
    means: Means | None = None
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        try:
            answer: Any = None
            match request:
                case ("start",):
                    make = TOOLS[tool].start()
                case ("prepare", family, size):
                    assert make is not None
                    means = make(next(f for f in FAMILIES if f.name == family).make(*size))
                    answer = means.results()
                case ("time", kind, repeats):
                    answer = seconds_of(getattr(means, kind), repeats)
            connection.send((True, answer))
        except Unavailable as reason:
            connection.send((False, str(reason)))
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(last.filename)}:{last.lineno}"
            connection.send((False, f"{type(error).__name__}: {error} ({where})"))


class Worker:
    """The process of one tool. All that is asked raises `Unavailable` where there is no answer, and says why."""

    def __init__(self, tool: str, all_threads: bool, patience: float) -> None:
        self.tool, self.all_threads, self.patience = tool, all_threads, patience
        self.process: Any = None

    def start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, self.tool, self.all_threads), daemon=True)
        self.process.start()
        other.close()
        self.ask(START, "start")

    def prepare(self, family: str, size: tuple[int, ...]) -> Results:
        """What the value and the gradient come to; they are compiled now."""
        if self.process is None:
            self.start()
        answer: Results = self.ask(self.patience, "prepare", family, size)
        return answer

    def time(self, kind: str, repeats: int) -> float:
        seconds: float = self.ask(self.patience, "time", kind, repeats)
        return seconds

    def ask(self, patience: float, *request: Any) -> Any:
        if self.process is None:
            raise Unavailable("was given up before")
        try:
            self.connection.send(request)
            if not self.connection.poll(patience):
                self.stop()
                raise Unavailable(f"took longer than {patience:g} s")
            fine, answer = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            code = self.process.exitcode
            self.stop()
            raise Unavailable(f"its process ended with {code}") from None
        if not fine:
            raise Unavailable(answer)
        return answer

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None
