"""`np.vectorize`: a function of numbers, called at each place of arrays (`llad/traced/vectorized.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.core import Tracer
from llad.frontend.state import Bound
from llad.traced import vectorized as written


def made(t: Tracer, pyfunc: Any, otypes: Any = None, doc: Any = None) -> Any:
    """What `np.vectorize(pyfunc)` is in traced code."""
    return Bound(written.vectorized, (pyfunc, _type(t, otypes)), {})


def called(t: Tracer, function: np.vectorize, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """A call of an object that NumPy has made."""
    if function.excluded or function.signature is not None:
        t.refuse("keyword", keyword="excluded" if function.excluded else "signature", name="np.vectorize")
    return t.call(written.vectorized, [function.pyfunc, _type(t, function.otypes), *args], kwargs)


def _type(t: Tracer, otypes: Any) -> Any:
    """The type of the elements, where it is given."""
    if not otypes:
        return None
    if len(otypes) > 1:
        t.refuse("keyword", keyword="otypes", name="np.vectorize")
    return np.dtype(otypes[0])
