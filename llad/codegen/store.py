"""The folder in which code is kept from one process to the next: entries on disk by key, never trusted.

Whoever can write an entry can run code as the user, and whatever is on disk can be damaged. So the folder and each
file must belong to this user and be writable by nobody else, and an entry is used only if its bytes are those that
were written under its key. All else counts as absent, and what is absent is made anew: nothing here fails.

    entry = b"llad cache 1\\n"  key: 32 bytes  length of the payload: 8 bytes, little-endian  payload  SHA-256: 32 bytes

The checksum is of all that stands before it. An entry is written beside its place under a name of its own and then
renamed, so that no reader sees half of it, and of two writers one wins.

Invariant: `read(key)` is either what some `write(key, payload)` of this user was given, or `None`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from llad.dataclass import dataclass

FOLDER = "LLAD_CACHE_DIR"
MEGABYTES = "LLAD_CACHE_MB"
DEFAULT_MEGABYTES = 256.0

_MAGIC = b"llad cache 1\n"
_DIGEST = 32
_HEAD = len(_MAGIC) + _DIGEST + 8
_SUFFIX, _UNFINISHED = ".entry", ".part"
_ABANDONED = 3600.0  # seconds after which an unfinished entry has no writer any more
_KEPT = 0.75  # of the limit, when entries are removed
_LOOK = 1 / 64  # of the limit: what is written before the folder is measured again


@dataclass
class Store:
    """The entries in one folder, which is made when the first is written. `limit`: of their size together, in bytes."""

    folder: Path
    limit: int
    _unmeasured: float = float("inf")  # bytes written since the folder was last measured
    _warned: bool = False

    def read(self, key: bytes) -> bytes | None:
        """The payload that was written under a key of 32 bytes, if it is there and whole."""
        try:
            if not self._trusted():
                return None
            place = self._place(key)
            with open(place, "rb", opener=lambda name, flags: os.open(name, flags | _FLAGS)) as file:
                found = os.fstat(file.fileno())
                if not (stat.S_ISREG(found.st_mode) and self._ours(found, place)):
                    return None
                raw = file.read()
                with contextlib.suppress(OSError):
                    os.utime(place)  # those that were used longest ago go first
        except OSError:
            return None
        return _payload(raw, key)

    def write(self, key: bytes, payload: bytes) -> None:
        """Keep a payload, if that is possible."""
        raw = _MAGIC + key + len(payload).to_bytes(8, "little") + payload
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._trusted():
                self._put(self._place(key), raw + hashlib.sha256(raw).digest())
                self._unmeasured += len(raw) + _DIGEST
                if self._unmeasured > self.limit * _LOOK:
                    self._unmeasured = 0.0
                    self._evict()

    def entries(self) -> list[tuple[Path, os.stat_result]]:
        """The files of the entries, the one used longest ago first."""
        found = [(path, entry) for path, entry in self._files() if path.suffix == _SUFFIX]
        return sorted(found, key=lambda pair: (pair[1].st_mtime_ns, pair[0].name))

    def clear(self) -> int:
        """Remove all entries; how many there were."""
        gone = 0
        for path, _ in self._files():
            with contextlib.suppress(OSError):
                path.unlink()
                gone += path.suffix == _SUFFIX
        return gone

    def _place(self, key: bytes) -> Path:
        return self.folder / (key.hex() + _SUFFIX)

    def _put(self, place: Path, raw: bytes) -> None:
        number, name = tempfile.mkstemp(_UNFINISHED, "", self.folder)  # mode 0600
        try:
            with open(number, "wb") as file:
                file.write(raw)
            os.replace(name, place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """What is ours to remove: entries, and what is left of unfinished ones."""
        with contextlib.suppress(OSError), os.scandir(self.folder) as listed:
            for one in listed:
                if Path(one.name).suffix in (_SUFFIX, _UNFINISHED):
                    with contextlib.suppress(OSError):
                        yield Path(one.path), one.stat(follow_symlinks=False)

    def _evict(self) -> None:
        for path, entry in list(self._files()):
            if path.suffix == _UNFINISHED and entry.st_mtime < time.time() - _ABANDONED:
                with contextlib.suppress(OSError):
                    path.unlink()
        found = self.entries()
        size = sum(entry.st_size for _, entry in found)
        if size <= self.limit:
            return
        for path, entry in found:
            if size <= self.limit * _KEPT:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            size -= entry.st_size

    def _trusted(self) -> bool:
        """Whether the folder is there and nobody else can write to it."""
        found = os.lstat(self.folder)
        return stat.S_ISDIR(found.st_mode) and self._ours(found, self.folder)

    def _ours(self, found: os.stat_result, path: Path) -> bool:
        if sys.platform == "win32":  # where folders of a user are the user's by inheritance
            return True
        theirs = "is owned by someone else" if found.st_uid != os.geteuid() else ""
        theirs = theirs or ("can be written by others" if found.st_mode & 0o022 else "")
        if theirs and not self._warned:
            self._warned = True
            warnings.warn(f"no compiled code is kept: {path} {theirs}", RuntimeWarning, stacklevel=2)
        return not theirs


# no detour, and no wait for what is no file
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def _payload(raw: bytes, key: bytes) -> bytes | None:
    """The payload of an entry; `None` if it is not just what was written under the key."""
    body, checksum = raw[:-_DIGEST], raw[-_DIGEST:]
    length = len(body) - _HEAD
    if length < 0 or body[:_HEAD] != _MAGIC + key + length.to_bytes(8, "little"):
        return None
    return body[_HEAD:] if hashlib.sha256(body).digest() == checksum else None


def store() -> Store | None:
    """Where code is kept, as the environment says now; `None` if nowhere."""
    return _store(os.environ.get(FOLDER), os.environ.get(MEGABYTES))


@cache
def _store(given: str | None, megabytes: str | None) -> Store | None:
    folder = Path(given) if given else default_folder() if given is None else None
    try:
        limit = DEFAULT_MEGABYTES if megabytes is None else float(megabytes)
    except ValueError:
        warnings.warn(f"{MEGABYTES} is not a number: {megabytes!r}", RuntimeWarning, stacklevel=2)
        limit = DEFAULT_MEGABYTES
    if folder is None or not limit > 0:
        return None
    try:
        return Store(folder.resolve(), int(min(limit, 2.0**40) * 2**20))
    except (OSError, RuntimeError):  # links that lead in a circle, a working directory that is gone
        return None


def default_folder() -> Path | None:
    """Where this platform keeps what programs can make again, for llad; `None` if the user has no such place."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", ""))
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", ""))
        base = base if base.is_absolute() else home / ".cache"
    return base / "llad" if base.is_absolute() else None
