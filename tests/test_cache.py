"""Code that is kept for the next process: found again, made anew when anything that counts changed, never trusted."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import random
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import programs
import pytest
from programs.case import Program, programs_of

import llad
import llad.program
from llad import later
from llad.__main__ import main
from llad.codegen import environment, jit
from llad.codegen.outline import decoded, encoded, outline
from llad.codegen.store import Store, default_folder, store
from llad.compile import run_passes
from llad.diagnostics import Span
from llad.ir.core import walk
from llad.specialise import Subject

ROOT = Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.iter_modules(programs.__path__))
CORPUS = [p for name in MODULES for p in programs_of(importlib.import_module(f"programs.{name}"))]
KEY = bytes(range(32))
MEGABYTE = 2**20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for code, which this test uses."""
    place = tmp_path / "kept"
    monkeypatch.setenv("LLAD_CACHE_DIR", str(place))
    return place


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.entry"))


def text(number: int) -> str:
    return f"define i64 @f() {{\n  ret i64 {number}\n}}\n"


def gradient_of(source: str, tmp_path: Path, *args: Any, **names: Any) -> tuple[Any, Any]:
    """The gradient of the function `f` of a new module with this text, and what was compiled for it."""
    path = tmp_path / "made.py"
    path.write_text(source)
    module: dict[str, Any] = {"__name__": "made", "__file__": str(path), **names}
    exec(compile(source, str(path), "exec"), module)
    f = llad.jit_grad(module["f"])
    return f.grad(*args), f.grad.specialisations[0]


# --- entries on disk


def test_what_was_written_is_read(tmp_path: Path) -> None:
    kept = Store(tmp_path / "a" / "b", MEGABYTE)
    assert kept.read(KEY) is None and not kept.folder.exists()
    for payload in (b"", b"code", bytes(range(256)) * 40):
        kept.write(KEY, payload)
        assert kept.read(KEY) == payload
    assert kept.read(KEY[::-1]) is None
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept.folder.iterdir()] == [0o600]


def test_a_damaged_entry_is_absent(tmp_path: Path) -> None:
    kept = Store(tmp_path, MEGABYTE)
    kept.write(KEY, bytes(range(200)))
    (path,) = entries(tmp_path)
    whole = path.read_bytes()
    choose = random.Random(1)
    for place in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[place] ^= 1 << choose.randrange(8)
        path.write_bytes(spoilt)
        assert kept.read(KEY) is None, place
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert kept.read(KEY) is None, length
    path.write_bytes(whole + b"\0")
    assert kept.read(KEY) is None
    path.write_bytes(whole)
    assert kept.read(KEY) == bytes(range(200))


def test_an_entry_under_a_foreign_key_is_absent(tmp_path: Path) -> None:
    kept = Store(tmp_path, MEGABYTE)
    kept.write(KEY, b"code")
    (path,) = entries(tmp_path)
    path.rename(tmp_path / (KEY[::-1].hex() + ".entry"))
    assert kept.read(KEY[::-1]) is None


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: os.mkfifo(p), lambda p: p.symlink_to("/dev/zero")])
def test_what_is_no_file_is_absent(tmp_path: Path, make: Callable[[Path], None]) -> None:
    kept = Store(tmp_path, MEGABYTE)
    make(tmp_path / (KEY.hex() + ".entry"))
    assert kept.read(KEY) is None
    kept.write(KEY, b"code")  # may or may not replace it


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path, mode: int) -> None:
    kept = Store(tmp_path / "kept", MEGABYTE)
    kept.write(KEY, b"code")
    kept.folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="can be written by others"):
        assert kept.read(KEY) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it was said once
        kept.write(KEY[::-1], b"code")
        assert kept.read(KEY) is None
    assert len(entries(kept.folder)) == 1


def test_a_file_that_others_can_write_is_not_used(tmp_path: Path) -> None:
    kept = Store(tmp_path / "kept", MEGABYTE)
    kept.write(KEY, b"code")
    entries(kept.folder)[0].chmod(0o620)
    with pytest.warns(RuntimeWarning, match="can be written by others"):
        assert kept.read(KEY) is None
    kept.write(KEY, b"new")
    assert kept.read(KEY) == b"new"


def test_what_someone_else_owns_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Store(tmp_path / "kept", MEGABYTE)
    kept.write(KEY, b"code")
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    with pytest.warns(RuntimeWarning, match="is owned by someone else"):
        assert kept.read(KEY) is None
    kept.write(KEY[::-1], b"code")
    monkeypatch.undo()
    assert len(entries(kept.folder)) == 1


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    for folder in (blocked, blocked / "below", Path("/proc/llad")):
        kept = Store(folder, MEGABYTE)
        kept.write(KEY, b"code")
        assert kept.read(KEY) is None


def test_links_to_a_folder_are_followed_and_circles_are_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    monkeypatch.setenv("LLAD_CACHE_DIR", str(tmp_path / "link"))
    kept = store()
    assert kept is not None and kept.folder == tmp_path / "real"
    monkeypatch.setenv("LLAD_CACHE_DIR", str(tmp_path / "circle"))
    circle = store()
    assert circle is None or circle.read(KEY) is None


def test_the_oldest_entries_make_room(tmp_path: Path) -> None:
    kept = Store(tmp_path, 20_000)
    keys = [bytes([k]) * 32 for k in range(60)]
    for k, key in enumerate(keys):
        kept.write(key, bytes(1000))
        os.utime(tmp_path / (key.hex() + ".entry"), (1000 + k, 1000 + k))
        if kept.read(keys[0]) is not None:
            os.utime(tmp_path / (keys[0].hex() + ".entry"), (2000 + k, 2000 + k))  # as if just used
    found = [k for k, key in enumerate(keys) if kept.read(key) is not None]
    assert found[0] == 0 and found[1:] == list(range(found[1], 60))
    assert len(found) > 8 and sum(p.stat().st_size for p in entries(tmp_path)) <= 21_000


def test_reading_makes_an_entry_young(tmp_path: Path) -> None:
    kept = Store(tmp_path, MEGABYTE)
    kept.write(KEY, b"code")
    (path,) = entries(tmp_path)
    os.utime(path, (1000, 1000))
    kept.read(KEY)
    assert path.stat().st_mtime > 1000


def test_what_was_left_unfinished_is_removed(tmp_path: Path) -> None:
    old, new, other = tmp_path / "a.part", tmp_path / "b.part", tmp_path / "c.txt"
    for path in (old, new, other):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    kept = Store(tmp_path, MEGABYTE)
    kept.write(KEY, b"code")
    assert not old.exists() and new.exists()
    assert kept.clear() == 1
    assert list(tmp_path.iterdir()) == [other]


def test_writers_and_readers_at_once(tmp_path: Path) -> None:
    payloads = [bytes([k]) * 5000 for k in range(4)]
    wrong: list[object] = []
    end = time.monotonic() + 0.3

    def work(mine: bytes) -> None:
        kept = Store(tmp_path, 12_000)
        while time.monotonic() < end:
            kept.write(KEY, mine)
            kept.write(mine[:32], mine)
            found = kept.read(KEY)
            if found is not None and found not in payloads:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(payload,)) for payload in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and list(tmp_path.glob("*.part")) == []


# --- where they are


def test_the_environment_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAD_CACHE_DIR", "")
    assert store() is None
    monkeypatch.setenv("LLAD_CACHE_DIR", str(tmp_path / "x"))
    kept = store()
    assert kept is not None and kept is store()
    assert (kept.folder, kept.limit) == (tmp_path / "x", 256 * MEGABYTE)
    monkeypatch.setenv("LLAD_CACHE_MB", "0.5")
    kept = store()
    assert kept is not None and kept.limit == MEGABYTE // 2
    monkeypatch.setenv("LLAD_CACHE_MB", "0")
    assert store() is None
    monkeypatch.setenv("LLAD_CACHE_MB", "many")
    with pytest.warns(RuntimeWarning, match="'many'"):
        kept = store()
    assert kept is not None and kept.limit == 256 * MEGABYTE


@pytest.mark.parametrize(
    ("platform", "names", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x/llad"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/me/.cache/llad"),
        ("linux", {}, "/home/me/.cache/llad"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/me/Library/Caches/llad"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/llad"),
        ("win32", {}, None),
    ],
)
def test_by_default_it_is_the_users_folder(
    platform: str, names: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **names}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert default_folder() == (None if expected is None else Path(expected))


def test_the_command_line_tells_and_clears(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jit.link(text(1), ["f"])
    jit.link(text(2), ["f"])
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out == f"{folder}: 2 entries, 0.0 MB of at most 256\n"
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{folder}: 2 entries removed\n"
    assert entries(folder) == []


def test_the_command_line_says_that_it_is_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LLAD_CACHE_DIR", "")
    assert main(["cache", "info"]) == 0 and capsys.readouterr().out == "off\n"


# --- objects


def test_an_object_is_found_again(folder: Path) -> None:
    first, second = jit.link(text(3), ["f"]), jit.link(text(3), ["f"])
    assert (first.kept, second.kept) == (False, True)
    assert first.objects == second.objects and first.addresses != second.addresses
    assert "ret i64 3" in second.llvm_after and second.asm == first.asm
    assert not jit.link(text(4), ["f"]).kept


def test_a_damaged_object_is_made_anew(folder: Path) -> None:
    whole = jit.link(text(5), ["f"]).objects
    (path,) = entries(folder)
    raw = path.read_bytes()
    choose = random.Random(2)
    for _ in range(20):
        spoilt = bytearray(raw)
        spoilt[choose.randrange(len(raw))] ^= 1 << choose.randrange(8)
        path.write_bytes(spoilt)
        again = jit.link(text(5), ["f"])
        assert not again.kept and again.objects == whole
        assert path.read_bytes() == raw  # and kept again


def test_an_object_that_cannot_be_loaded_is_made_anew(folder: Path) -> None:
    """An entry may be whole and still of no use: here, without the function that is wanted."""
    other = jit.link("define i64 @g() {\n  ret i64 6\n}\n", ["g"]).objects
    before = set(entries(folder))
    jit.link(text(6), ["f"])
    (path,) = set(entries(folder)) - before
    kept = store()
    assert kept is not None
    kept.write(bytes.fromhex(path.stem), jit._encoded(other, []))
    assert not jit.link(text(6), ["f"]).kept
    assert jit.link(text(6), ["f"]).kept


def test_sources_that_changed_keep_nothing(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the import the files of llad say nothing about the code that runs."""
    (tmp_path / "a.py").write_text("a = 1\n")
    monkeypatch.setattr(environment, "_SOURCES", tmp_path)
    uncached = environment.environment.__wrapped__
    monkeypatch.setattr(environment, "_IMPORTED", time.time() + 10)
    first = uncached()
    (tmp_path / "a.py").write_text("a = 2\n")
    second = uncached()
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert first is not None and len({first, second, uncached()}) == 3
    monkeypatch.setattr(environment, "_IMPORTED", time.time() - 10)
    assert uncached() is None
    monkeypatch.setattr(environment, "environment", uncached)
    assert [jit.link(text(7), ["f"]).kept for _ in range(2)] == [False, False] and entries(folder) == []


def test_nothing_is_loaded_of_another_llad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    monkeypatch.setattr(environment, "_SOURCES", tmp_path)
    monkeypatch.setattr(later, "unchanged", environment.unchanged.__wrapped__)
    monkeypatch.setattr(environment, "_IMPORTED", time.time() - 10)
    with pytest.raises(RuntimeError, match="have changed since it was imported"):
        later.Later("llad.compile").run_passes  # noqa: B018
    os.utime(tmp_path / "a.py", (2**33, 2**33))  # by another clock
    assert later.Later("llad.compile").run_passes is run_passes
    monkeypatch.setattr(environment, "_IMPORTED", time.time() + 10)
    assert later.Later("llad.compile").run_passes is run_passes


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        (environment.llvmlite, "__version__", "9"),
        (environment.llvm, "llvm_version_info", (9, 9, 9)),
        (environment.llvm, "get_host_cpu_name", lambda: "other"),
        (environment.np, "__version__", "9"),
        (environment.sys, "version", "9"),
        (environment, "LAYOUT", None),
    ],
)
def test_the_environment_counts(module: Any, name: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    uncached = environment.environment.__wrapped__
    monkeypatch.setattr(environment, "_IMPORTED", time.time() + 10)
    before = uncached()
    monkeypatch.setattr(module, name, value)
    assert before is not None and uncached() not in (None, before)


# --- functions


SOURCE = """
from math import sin
c = 2.0
def g(x):
    return x * x
def f(x):
    return c * g(x) + sin(x)
"""


@pytest.mark.parametrize(
    ("change", "argument", "hit"),
    [
        (lambda s: s, 1.5, True),
        (lambda s: "# nothing\n" + s + "# that counts\n", 1.5, True),
        (lambda s: s.replace("c = 2.0", "c = 3.0"), 1.5, False),
        (lambda s: s.replace("x * x", "x * x * x"), 1.5, False),
        (lambda s: s.replace("+ sin", "- sin"), 1.5, False),
        (lambda s: s, np.float32(1.5), False),
    ],
)
def test_what_counts_is_what_the_function_does(
    change: Callable[[str], str], argument: Any, hit: bool, folder: Path, tmp_path: Path
) -> None:
    gradient_of(SOURCE, tmp_path, 1.5)
    new = change(SOURCE)
    kept, found = gradient_of(new, tmp_path, argument)
    assert found.linked.kept == hit
    os.environ["LLAD_CACHE_DIR"] = ""
    assert gradient_of(new, tmp_path, argument)[0] == kept


def test_an_option_counts(folder: Path) -> None:
    def f(x: float, y: float) -> float:
        return x * y + x

    def made(**options: Any) -> list[bool]:
        own = llad.jit_grad(f, **options)
        calls = (lambda: own(2.0, 3.0), lambda: own.grad(2.0, 3.0), lambda: own.jvp((2.0, 3.0), (1.0, 0.0)))
        for call in calls:
            call()
        return [s.linked.kept for s in own.specialisations]

    assert made() == [False] * 3
    del f.__dict__["__llad__"]
    assert made() == [True] * 3
    assert made(fastmath=True) == [False] * 3
    assert made(argnums=0)[1] is False


def test_errors_and_prints_are_those_of_the_function(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "def f(a, k):\n    print('at', k)\n    return a[k] * a[k]\n"
    for _ in range(2):
        gradient, found = gradient_of(source, tmp_path, np.ones(3), 1)
        assert gradient[0].tolist() == [0.0, 2.0, 0.0] and "at 1" in capsys.readouterr().out
        with pytest.raises(IndexError, match=r"made\.py, line 3") as caught:
            gradient_of(source, tmp_path, np.ones(3), 5)
        assert caught.traceback[-1].lineno == 2  # from 0
    assert found.linked.kept


def test_a_derivative_that_is_found_skips_all_else(folder: Path, tmp_path: Path) -> None:
    gradient_of(SOURCE, tmp_path, 1.5)
    _, found = gradient_of(SOURCE, tmp_path, 1.5)
    assert set(found.times) == {"trace", "llvm", "link"}
    assert [op.name for op in walk(found.function.body)][-1] == "return"  # it is made when it is wanted
    assert set(found.stage.times) == {"trace", "passes", "differentiate"}


def test_half_of_it_is_nothing(folder: Path, tmp_path: Path) -> None:
    """An outline without its object, or the object without its outline: both are made anew."""
    expected, _ = gradient_of(SOURCE, tmp_path, 1.5)
    made = 0
    for path in entries(folder):
        raw = path.read_bytes()
        path.unlink()
        gradient, found = gradient_of(SOURCE, tmp_path, 1.5)
        made += "passes" in found.times
        assert gradient == expected and path.read_bytes() == raw
    assert made == 2


def test_a_kept_refusal_is_none(folder: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(llad.DerivativeError, match="returns a tuple of 2"):
            gradient_of("def f(x):\n    return x, x\n", tmp_path, 1.5)


def test_lines_that_move_move_in_errors(folder: Path, tmp_path: Path) -> None:
    source = "def g(a, k):\n    return a[k]\ndef f(a, k):\n    return g(a, k) * 2.0\n"
    found: Any = None
    for lines in range(3):
        place = tmp_path / str(lines)
        place.mkdir()
        _, found = gradient_of("\n" * lines + source, place, np.ones(3), 1)
        with pytest.raises(IndexError, match=rf"made\.py, line {lines + 2}\)") as caught:
            gradient_of("\n" * lines + source, place, np.ones(3), 5)
        where = [(str(entry.path), entry.name, entry.lineno + 1) for entry in caught.traceback[-2:]]
        assert where == [(str(place / "made.py"), "f", lines + 4), (str(place / "made.py"), "g", lines + 2)]
    assert found.linked.kept and "passes" not in found.times


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("return x * 0.0", "return x * -0.0"),
        ("return x ** 2", "return x ** 3"),
        ("return x > 0 and x < 1", "return x > 0 or x < 1"),
        ("assert x > 0, 'a'; return x", "assert x > 0, 'b'; return x"),
        ("print(x, 'a'); return x", "print(x, 'b'); return x"),
        ("return 2.0", "return 3.0"),
    ],
)
def test_functions_that_differ_have_different_keys(one: str, other: str, folder: Path, tmp_path: Path) -> None:
    def key(body: str, argument: object) -> bytes:
        path = tmp_path / "made.py"
        path.write_text(f"def f(x):\n    {body}\n")
        module: dict[str, Any] = {}
        exec(compile(path.read_text(), str(path), "exec"), module)
        f = llad.jit(module["f"])
        f(argument)
        found: bytes = f.specialisations[0].subject.key
        return found

    assert key(one, 0.5) == key(one, 0.5) != key(other, 0.5)
    assert key(one, 0.5) != key(one, np.float32(0.5))


@pytest.mark.parametrize("program", CORPUS[::5], ids=lambda p: p.name)
def test_an_outline_survives(program: Program) -> None:
    stage = llad.program.Program(program.function).stage(program.draw())
    subject = Subject(stage, "primal", (), False)
    made = outline(subject.function, subject.lowered)
    data = encoded(made, stage.identity.spans)
    assert data is not None
    again = decoded(data, stage.identity.spans)
    assert again == made and repr(again) == repr(made)
    assert [_callers(e.span) for e in again.errors] == [_callers(e.span) for e in made.errors]


def _callers(span: Span | None) -> list[tuple[Span, str]]:
    return [] if span is None else [(span, span.function), *_callers(span.caller)]


def test_what_was_found_can_be_shown(folder: Path, tmp_path: Path) -> None:
    shown = []
    for _ in range(2):
        _, found = gradient_of(SOURCE, tmp_path, 1.5)
        shown.append((found.listing.llvm_after, found.listing.asm, found.linked.llvm_before))
    assert found.linked.kept and shown[0] == shown[1] and "define" in shown[0][0]


# --- processes

PROGRAM = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import llad, made
f = llad.jit_grad(made.f)
out = [f.grad(1.5), f.grad(np.float32(0.5)), f(2.0)]
kept = [s.linked.kept for s in f.specialisations]
recalled = [s.stage.recalled for s in f.specialisations]
loaded = "llad.compile" in sys.modules
print(json.dumps([[float(x) for x in out], kept, f.compile_times, recalled, loaded]))
"""


def start(tmp_path: Path, folder: str, program: str = PROGRAM, **names: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "LLAD_CACHE_DIR": folder, "PYTHONPATH": str(ROOT), **names}
    command = [sys.executable, "-c", program, str(tmp_path)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> Any:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(out)


def test_the_next_process_finds_everything(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "made.py").write_text(SOURCE)
    first = result(start(tmp_path, str(folder)))
    second = result(start(tmp_path, str(folder), PYTHONHASHSEED="77", LLAD_VERIFY="0"))
    off = result(start(tmp_path, ""))
    assert first[1] == off[1] == [False] * 3 and second[1] == [True] * 3
    assert first[3] == off[3] == [False] * 3 and second[3] == [True] * 3
    assert (first[4], second[4]) == (True, False)
    assert first[0] == second[0] == off[0]
    assert second[2]["llvm"] < first[2]["llvm"] / 3


def test_processes_at_once(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "made.py").write_text(SOURCE)
    several = [start(tmp_path, str(folder)) for _ in range(3)]
    values = [result(process)[0] for process in several]
    assert values[0] == values[1] == values[2]
    assert list(folder.glob("*.part")) == [] and result(start(tmp_path, str(folder)))[1] == [True] * 3


CORPUS_PROGRAM = """
import importlib, json, sys
import numpy as np
import llad
out = []
for name in sys.argv[2:]:
    module, _, function = name.partition(".")
    program = getattr(importlib.import_module("programs." + module), function).program
    f = llad.jit_grad(program.function)
    gradient = f.grad(*program.draw())
    out.append((repr(gradient), [s.linked.kept for s in f.specialisations]))
print(json.dumps(out))
"""


def test_programs_are_the_same_in_every_process(tmp_path: Path, folder: Path) -> None:
    """Text and keys depend on no address and no order of a set; what is found computes the same."""
    names = [p.name for p in CORPUS if p.scalar][::30]

    def run(seed: str) -> list[Any]:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", CORPUS_PROGRAM, "", *names]
        out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
        found: list[Any] = json.loads(out.stdout)
        return found

    first, second = run("1"), run("2")
    assert [value for value, _ in first] == [value for value, _ in second]
    missed = [name for name, (_, kept) in zip(names, second, strict=True) if kept != [True]]
    assert missed == [] and len(names) > 5
