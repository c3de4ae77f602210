"""Which function of NumPy, and which method of arrays, is which function here."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType, ModuleType

import numpy as np

from llad.traced import (
    accumulating,
    choosing,
    editing,
    floats,
    fourier,
    indexing,
    integers,
    missing,
    numbers,
    ordering,
    parts,
    polynomials,
    rearranging,
    series,
    spaces,
    stacked,
    statistics,
    windows,
)

SECTIONS: dict[str, ModuleType] = {
    "Statistics": statistics,
    "Without nan": missing,
    "Running sums, differences and integrals": accumulating,
    "Polynomials": polynomials,
    "Series of polynomials": series,
    "Choosing": choosing,
    "Order": ordering,
    "Indices": indexing,
    "Shapes": rearranging,
    "Progressions": spaces,
    "Elements taken out and put in": editing,
    "Products of stacks": stacked,
    "Windows": windows,
    "Fourier transforms": fourier,
    "Parts of numbers": parts,
}

# Where NumPy has the functions of a module, if not at the top.
_FAMILIES = ("polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")
_PLACES: dict[ModuleType, tuple[ModuleType, ...]] = {
    fourier: (np.fft,),
    series: tuple(getattr(np.polynomial, name) for name in _FAMILIES),
}

# Of these there are methods, too.
_METHODS = (
    "var", "std", "cumsum", "cumprod", "argsort", "searchsorted", "repeat", "diagonal", "trace",
    "flatten", "round", "nonzero", "take",
)  # fmt: skip


def functions_of(module: ModuleType) -> dict[str, FunctionType]:
    """The functions that a module has for NumPy's, by name, in their order."""
    return {
        name: f
        for name, f in vars(module).items()
        if isinstance(f, FunctionType) and f.__module__ == module.__name__ and not name.startswith("_")
    }


def place_of(module: ModuleType, name: str) -> str:
    """Where NumPy has a function of a module, in words."""
    places = [place.__name__ for place in _PLACES.get(module, ()) if hasattr(place, name)]
    return places[0].replace("numpy", "np") if places else "np"


_NAMED = {name: f for module in SECTIONS.values() if module not in _PLACES for name, f in functions_of(module).items()}


LIBRARY: dict[Callable[..., object], Callable[..., object]] = {
    function: f
    for module in SECTIONS.values()
    for name, f in functions_of(module).items()
    for place in _PLACES.get(module, (np, np.lib.stride_tricks))
    if (function := getattr(place, name, None)) is not None
}
# Those of Python, where not all arguments are known when the function is traced.
PYTHON: dict[Callable[..., object], FunctionType] = {
    getattr(math, n): f for module in (integers, floats) for n, f in functions_of(module).items()
}
METHODS_OF_NUMBERS = functions_of(numbers)
LIBRARY |= {np.polynomial.Polynomial: series.Power, np.polynomial.Polynomial.__call__: vars(series)["_value_of"]}
METHODS: dict[str, FunctionType] = {name: _NAMED[name] for name in _METHODS}
BETWEEN: FunctionType = vars(spaces)["_between"]
MEAN_WHERE: FunctionType = vars(statistics)["_mean_where"]
METHODS |= {"sort": vars(ordering)["_sort_in_place"], "compress": vars(indexing)["_compress_method"]}
