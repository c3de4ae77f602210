"""The exceptions that a `check` raises, by name: Python's own, and NumPy's for linear algebra."""

from __future__ import annotations

import builtins

from numpy.linalg import LinAlgError


def exception_named(name: str) -> type[Exception]:
    """The class; a text makes one of it."""
    found: type[Exception] = LinAlgError if name == LinAlgError.__name__ else getattr(builtins, name)
    return found


def is_known(error: type) -> bool:
    """Whether this very class is found by its name."""
    return error is LinAlgError or getattr(builtins, error.__name__, None) is error
