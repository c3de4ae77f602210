"""Modules that are loaded when they are first used: a process that finds all its code on disk needs no compiler.

To type checkers and to `tests/test_layers.py` these are ordinary imports, under `TYPE_CHECKING`.

Invariant: what is loaded is of the llad that is running; if its files have changed since, nothing is loaded.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from llad.codegen.environment import unchanged
from llad.collector import uncollected


class Later:
    """Stands for the module of this name.

    Raises: RuntimeError, when it should be loaded and llad's files are no longer those that this process runs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._module is None:
            if not unchanged():
                raise RuntimeError("the files of llad have changed since it was imported: start Python again")
            with uncollected():
                self._module = import_module(self._name)
        return getattr(self._module, name)
