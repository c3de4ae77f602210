"""What machine code depends on besides the text that it is made of, as one digest, which is part of every key on disk.

Invariant: two processes with the same digest make the same code of the same text, or an equally good one.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from functools import cache
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
    """The digest of llad's sources (its version is in them), of LLVM and its target, of the interpreter and of NumPy;
    `None` if it cannot be told, since the sources are not there or are no longer those that run."""
    sources = _sources()
    if sources is None:
        return None
    with LOCK:
        target = [machine().triple, str(machine().target_data), llvm.get_host_cpu_name()]
        target.append(llvm.get_host_cpu_features().flatten())
    facts = [
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


@cache
def unchanged() -> bool:
    """Whether no source file of llad was written between the import of llad and now, as far as that can be told."""
    now = time.time()
    try:
        return not any(_IMPORTED <= os.stat(path).st_mtime <= now for _, path in _files())
    except OSError:
        return True


def _sources() -> bytes | None:
    """The digest of all source files of llad, unless one was written after llad was imported."""
    parts: list[bytes] = []
    try:
        for name, path in _files():
            with open(path, "rb", buffering=0) as file:
                known = os.fstat(file.fileno())
                if known.st_mtime >= _IMPORTED:
                    return None
                parts += [name.encode(), file.read(known.st_size)]
    except OSError:
        return None
    return digest(*parts) if parts else None


def _files() -> list[tuple[str, str]]:
    """The source files of llad: their names, from its folder on, and paths."""
    found: list[tuple[str, str]] = []
    folders = [("", str(_SOURCES))]
    for prefix, folder in folders:  # which grow
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".py"):
                    found.append((prefix + entry.name, entry.path))
                elif entry.is_dir() and entry.name != "__pycache__":
                    folders.append((f"{prefix}{entry.name}/", entry.path))
    return sorted(found)
