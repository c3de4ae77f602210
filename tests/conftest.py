"""Options and switches of the test suite."""

from __future__ import annotations

import gc
import os
from functools import cache
from typing import Any

import pytest

# The IR is verified after each stage; after each pass it is by tests of passes and by `python -m tests.fuzz`.
os.environ.setdefault("LLAD_VERIFY", "stages")
# All code is made by the process that tests it, and nobody's folder is filled.
os.environ["LLAD_CACHE_DIR"] = ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden/*.txt, then read the diff")


gc.disable()  # until all is collected: what is imported stays


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end: the collector of cycles need not look at them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(300_000, 20, 20)
    gc.enable()


@pytest.fixture(autouse=True)
def drawn_anew(request: pytest.FixtureRequest) -> None:
    """The generator of a module, `RANDOM`, begins anew: what a test draws does not depend on those that ran before."""
    generator = getattr(request.module, "RANDOM", None)
    if generator is not None:
        generator.bit_generator.state = _beginning(request.module.__name__, generator)


@cache
def _beginning(module: str, generator: Any) -> Any:
    """The state when the first test of the module asks: what drew before are the tables of the module."""
    return generator.bit_generator.state


@pytest.fixture
def quick_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code that is right, not fast, for tests of values: after all of O2, LLVM chooses instructions and
    registers without optimising, in a fraction of the time; and what has the same text is compiled once."""
    from llad.codegen import optimise, target

    _residents()
    monkeypatch.setattr(optimise, "machine", lambda quick=True, number=0: target.machine(True, number))
    _remember(monkeypatch, _quick_objects)


@pytest.fixture
def scalar_code(quick_code: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that LLVM leaves as it is, where its passes add nothing: another test compiles the like of it in full."""
    from llad.codegen import optimise

    usual = optimise._tuning

    def tuning(text: str) -> Any:
        options = usual(text)
        options.speed_level = 0
        return options

    monkeypatch.setattr(optimise, "_tuning", tuning)
    _remember(monkeypatch, _scalar_objects)


_Objects = dict[tuple[bytes, bytes], bytes]
_quick_objects: _Objects = {}
_scalar_objects: _Objects = {}


def _remember(patch: pytest.MonkeyPatch, objects: _Objects) -> None:
    """Let what was compiled be found in `objects`, by what determines its text."""
    from llad.codegen import jit

    patch.setattr(jit, "kept", lambda kind, key: objects.get((kind, key)))
    patch.setattr(jit, "keep", lambda kind, key, data: objects.setdefault((kind, key), data))


@cache
def _residents() -> None:
    """Link what stays to the end, so it is the usual code."""
    from llad.codegen import jit, runtime

    for group in runtime.RESIDENT:
        jit._resident(group)
