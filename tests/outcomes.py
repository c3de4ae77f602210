"""What a call comes to, be it an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    """What the call returns, or the class of its error."""
    try:
        return call(*args)
    except (ValueError, IndexError) as error:
        return type(error)
