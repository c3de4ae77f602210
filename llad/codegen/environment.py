"""What machine code depends on besides the text that it is made of, as one digest, which is part of every key on disk.

Invariant: two processes with the same digest make the same code of the same text, or an equally good one.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import llvmlite
import llvmlite.binding as llvm
import numpy as np

from llad.codegen.layout import LAYOUT
from llad.codegen.store import store
from llad.codegen.target import LOCK, machine

_SOURCES = Path(__file__).parents[1]
_IMPORTED = time.time()


def digest(*parts: bytes) -> bytes:
    """32 bytes that tell these parts, in this order, from all others."""
    made = hashlib.sha256()
    for part in parts:
        made.update(len(part).to_bytes(8, "little"))
        made.update(part)
    return made.digest()


def keeping() -> bool:
    """Whether code is kept at all."""
    return store() is not None and environment() is not None


def kept(kind: bytes, key: bytes) -> bytes | None:
    """What is on disk of this kind under this key, and was made in such an environment."""
    place, facts = store(), environment()
    return None if place is None or facts is None else place.read(digest(kind, facts, key))


def keep(kind: bytes, key: bytes, payload: bytes) -> None:
    """Put it there, if that is possible."""
    place, facts = store(), environment()
    if place is not None and facts is not None:
        place.write(digest(kind, facts, key), payload)


@cache
def environment() -> bytes | None:
    """The digest of llad's sources, of LLVM and its target, of the interpreter and of NumPy; `None` if it cannot be
    told, since the sources are not there or are no longer those that run."""
    sources = _sources()
    if sources is None:
        return None
    with LOCK:
        target = [machine().triple, str(machine().target_data), llvm.get_host_cpu_name()]
        target.append(llvm.get_host_cpu_features().flatten())
    facts = [
        _version(),
        *target,
        llvmlite.__version__,
        *map(str, llvm.llvm_version_info),
        sys.version,
        sys.implementation.cache_tag or "",
        getattr(sys, "abiflags", ""),
        np.__version__,
        repr(LAYOUT),
    ]
    return digest(sources, *(fact.encode() for fact in facts))


def _version() -> str:
    try:
        return version("llad")
    except PackageNotFoundError:  # run from its sources
        return ""


def _sources() -> bytes | None:
    """The digest of all source files of llad, unless one was written after llad was imported."""
    parts: list[bytes] = []
    try:
        for path in sorted(_SOURCES.rglob("*.py")):
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_mtime >= _IMPORTED:
                    return None
                parts += [path.relative_to(_SOURCES).as_posix().encode(), file.read()]
    except OSError:
        return None
    return digest(*parts) if parts else None
