"""What complex numbers have, asked of real ones."""

import numpy as np


def real(val):
    """The real part: the numbers themselves."""
    return np.asarray(val) if isinstance(val, (list, tuple)) else val


def imag(val):
    """The imaginary part: zeros."""
    return np.zeros_like(val) if np.ndim(val) else np.zeros_like(np.asarray(val))[()]


def angle(z, deg=False):
    """The angle in the plane: 0, or π below zero. Constant in between: no derivative passes."""
    found = np.arctan2(0.0, np.asarray(z) if isinstance(z, (list, tuple)) else z)
    return found * (180.0 / np.pi) if deg else found


def iscomplexobj(x):
    """Whether the numbers are complex."""
    return False


def isrealobj(x):
    """Whether the numbers are real."""
    return True
