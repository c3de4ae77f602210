"""llad: native code, value and gradient, from plain Python functions over floats and NumPy arrays.

>>> import llad
>>> @llad.jit_grad
... def f(x, y):
...     return x * x * y
>>> f(3.0, 2.0), f.grad(3.0, 2.0)
(18.0, (12.0, 9.0))

The compiler is loaded when one of the names below is first used, so that `import llad` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llad.api import checkpoint, grad, hessian, jacfwd, jacrev, jit, jit_grad, jvp, value_and_grad, vjp
    from llad.diagnostics import ArgumentError, DerivativeError, LladError, UnsupportedError
    from llad.parallel import prange

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "DerivativeError",
    "LladError",
    "UnsupportedError",
    "checkpoint",
    "grad",
    "hessian",
    "jacfwd",
    "jacrev",
    "jit",
    "jit_grad",
    "jvp",
    "prange",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'llad' has no attribute {name!r}")
    home = "diagnostics" if name.endswith("Error") else "parallel" if name == "prange" else "api"
    value = getattr(import_module(f"llad.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
