"""Whether calls leak: the references and the memory that repeated work leaves behind."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Sequence


def left_behind(work: Callable[[], None], watched: Sequence[object]) -> tuple[list[int], int]:
    """Per object of `watched`, the references gained by running `work` twice; the bytes gained by the second run."""
    work()
    gc.collect()
    gc.freeze()  # what is there already need not be looked at again
    before = [sys.getrefcount(w) for w in watched]
    tracemalloc.start()
    work()
    gc.collect()
    first = tracemalloc.get_traced_memory()[0]
    work()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    return [sys.getrefcount(w) - b for w, b in zip(watched, before, strict=True)], grown
