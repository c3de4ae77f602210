"""Options and switches of the test suite."""

from __future__ import annotations

import gc
import os
from functools import cache
from typing import Any

import pytest

# Between passes the IR is verified, before anything of llad is imported.
os.environ["LLAD_VERIFY"] = "1"
# All code is made by the process that tests it, and nobody's folder is filled.
os.environ["LLAD_CACHE_DIR"] = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/*.txt, then read the diff")


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: the collector of cycles need not look at them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture
def quick_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code that is right, not fast, for tests of values: after all of O3, LLVM chooses instructions and
    registers without optimising, which takes a sixth of the time; and what has the same text is compiled once."""
    from llad.codegen import jit

    monkeypatch.setattr(jit, "machine", _quick_machine)
    monkeypatch.setattr(jit, "kept", lambda kind, key: _quick_objects.get((kind, key)))
    monkeypatch.setattr(jit, "keep", lambda kind, key, data: _quick_objects.setdefault((kind, key), data))


_quick_objects: dict[tuple[bytes, bytes], bytes] = {}


@cache
def _quick_machine() -> Any:
    """The host's machine without optimisation of its own."""
    import llvmlite.binding as llvm

    from llad.codegen import jit, runtime, target

    usual = target.machine()
    with pytest.MonkeyPatch.context() as patch:  # the run-time stays to the end, so it is the usual one
        patch.setattr(jit, "machine", target.machine)
        patch.setattr(jit, "kept", lambda kind, key: None)
        for group in runtime.RESIDENT:
            jit._resident(group)
    return llvm.Target.from_triple(usual.triple).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=target._features(), opt=0, codemodel="jitdefault", jit=True
    )
