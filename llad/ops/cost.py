"""What an operation costs, about: for passes and derivatives that choose between computing and loading."""

from __future__ import annotations

# Functions that cost more than to load a number.
DEAR = frozenset({
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "atan2",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "gamma", "lgamma", "pow", "cbrt",
})  # fmt: skip
_COSTS = {"div": 5, "sqrt": 5, **dict.fromkeys(DEAR, 20)}
_FREE = frozenset({"load", "const", "undef"})


def additions(name: str) -> int:
    """The cost of an op on floats, in additions."""
    return 0 if name in _FREE else _COSTS.get(name, 1)
