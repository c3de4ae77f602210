"""llad: native code, value and gradient, from plain Python functions over floats and NumPy arrays.

>>> import llad
>>> @llad.jit_grad
... def f(x, y):
...     return x * x * y
>>> f(3.0, 2.0), f.grad(3.0, 2.0)
(18.0, (12.0, 9.0))
"""

from llad.api import jit, jit_grad
from llad.diagnostics import ArgumentError, DerivativeError, LladError, UnsupportedError
from llad.frontend.transforms import grad, jvp, value_and_grad

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "DerivativeError",
    "LladError",
    "UnsupportedError",
    "grad",
    "jit",
    "jit_grad",
    "jvp",
    "value_and_grad",
]
