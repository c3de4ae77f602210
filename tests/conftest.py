"""Options and switches of the test suite."""

from __future__ import annotations

import gc
import os

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
