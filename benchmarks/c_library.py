"""The hand-written C of benchmarks/reference: built when it is wanted, and called without anything in between.

What is passed is converted once, so a call costs ctypes' own microsecond or less, and results are written to the
same arrays each time.
"""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SOURCES = Path(__file__).parent / "reference"
FLAGS = ("-O3", "-march=native", "-fPIC")
# Not for linking: gcc would then set flush-to-zero for the whole process.
WAYS = {"C": (), "C -ffast-math": ("-ffast-math",)}


@dataclass(frozen=True)
class Reference:
    """A function in C and its gradient: what their parameters are.

    These are, in order: `sizes`, as `integer`s; `inputs`, floats and arrays; arrays of the shapes of the result,
    where it is no number (`values`) or a gradient (`gradients`); scratch of so many doubles. `returned`: whether the
    value is what the C function returns; if not it is the first double of the scratch.
    """

    value: str
    gradient: str
    sizes: tuple[int, ...]
    inputs: tuple[Any, ...]
    gradients: tuple[tuple[int, ...], ...]
    values: tuple[tuple[int, ...], ...] = ()
    value_scratch: int = 0
    gradient_scratch: int = 0
    integer: Any = ctypes.c_size_t
    returned: bool = True


@dataclass(frozen=True)
class Bound:
    """A C function with all it is called with: `call()`, then the arrays that it wrote are in `parts`."""

    call: Callable[[], Any]
    parts: tuple[Array, ...]
    scratch: Array
    returned: bool

    def value(self) -> float:
        """Calls it, and returns the number."""
        result = self.call()
        return float(result if self.returned else self.scratch[0])


def compiler() -> str | None:
    return shutil.which("gcc")


def build(folder: Path, way: str) -> ctypes.CDLL:
    """The library, made in the folder in one of `WAYS`.

    Raises: RuntimeError with what gcc said, where it failed.
    """
    objects = []
    for source in sorted(SOURCES.glob("*.c")):
        objects.append(folder / f"{source.stem}.o")
        run_gcc(*FLAGS, *WAYS[way], "-c", str(source), "-o", str(objects[-1]))
    library = folder / "reference.so"
    run_gcc("-shared", *map(str, objects), "-lmvec", "-lm", "-o", str(library))
    return ctypes.CDLL(str(library))


def run_gcc(*arguments: str) -> None:
    done = subprocess.run([compiler() or "gcc", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"gcc: {done.stderr.strip()}")


def bind_value(library: ctypes.CDLL, of: Reference) -> Bound:
    return bind(library, of.value, of, of.values, of.value_scratch)


def bind_gradient(library: ctypes.CDLL, of: Reference) -> Bound:
    return bind(library, of.gradient, of, of.gradients, of.gradient_scratch)


def bind(library: ctypes.CDLL, name: str, of: Reference, shapes: tuple[tuple[int, ...], ...], scratch: int) -> Bound:
    parts = tuple(aligned(shape) for shape in shapes)
    work = aligned((max(scratch, 1),))
    function = library[name]
    function.restype = ctypes.c_double if of.returned else None
    arrays = (*parts, work) if scratch else parts
    parameters = [of.integer(size) for size in of.sizes]
    parameters += [pointer(x) if isinstance(x, np.ndarray) else ctypes.c_double(x) for x in (*of.inputs, *arrays)]
    return Bound(functools.partial(function, *parameters), parts, work, of.returned)


def pointer(array: Array) -> Any:
    """Keeps the array alive as long as it is alive itself."""
    assert array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)


def aligned(shape: tuple[int, ...]) -> Array:
    """An array of doubles at a multiple of 64 bytes."""
    size = int(np.prod(shape, dtype=int))
    room = np.zeros(8 * size + 64, dtype=np.uint8)
    begin = -room.ctypes.data % 64
    return room[begin : begin + 8 * size].view(np.float64).reshape(shape)
