"""Benchmarks: `python -m benchmarks` lists them, `python -m benchmarks.NAME` runs one.

Importing this package, which happens before NumPy is imported, lets OpenBLAS choose its kernels for the CPU that
it finds, whatever the environment says.
"""

from __future__ import annotations

import os

os.environ.pop("OPENBLAS_CORETYPE", None)
