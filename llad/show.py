"""`python -m llad show FILE.py:FUNCTION`: print any stage of any function of any file.

The file is executed as a module (so not as `__main__`), with its directory on `sys.path` as Python does for a
script. The arguments are Python expressions in which `np` is NumPy and the file's own names are known; only
their types matter.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from llad.api import jit_grad


class ShowError(Exception):
    """What was asked for does not exist; the message says so in one line."""


def load(file: Path) -> ModuleType:
    """The module that `file` defines.

    Raises: ShowError when there is no such file.
    """
    if not file.is_file():
        raise ShowError(f"no file {file}")
    sys.path.insert(0, str(file.resolve().parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ShowError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def find(target: str) -> tuple[Any, ModuleType]:
    """The function that FILE.py:FUNCTION names, as one with a gradient, and its module.

    Raises: ShowError when the target is not of that form or names nothing.
    """
    path, colon, name = target.rpartition(":")
    if not colon or not name:
        raise ShowError(f"want FILE.py:FUNCTION, got {target!r}")
    module = load(Path(path))
    function: Any = module
    for part in name.split("."):
        if not hasattr(function, part):
            raise ShowError(f"{path} has no {name}")
        function = getattr(function, part)
    if not callable(function):
        raise ShowError(f"{name} in {path} is not a function")
    if not hasattr(function, "grad"):
        function = jit_grad(getattr(function, "py_func", function))
    return function, module


def arguments(text: str, module: ModuleType) -> tuple[Any, ...]:
    """The tuple that `text` (expressions with commas between them) evaluates to."""
    if not text.strip():
        return ()
    try:
        return tuple(eval(f"({text},)", {**vars(module), "np": np}))
    except Exception as error:
        raise ShowError(f"--args {text!r}: {type(error).__name__}: {error}") from None


def show(target: str, args: str, stage: str, of: str, before: bool) -> str:
    """The text of one stage. `before`: the IR as traced, or the LLVM IR before O2."""
    function, module = find(target)
    values = arguments(args, module)
    if stage == "ir":
        return str(function.dump_ir(*values, of=of, stage="traced" if before else "optimised"))
    if stage == "llvm":
        return str(function.dump_llvm(*values, of=of, stage="before" if before else "after"))
    return str(function.dump_asm(*values, of=of))
