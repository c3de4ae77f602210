"""Linear algebra of complex matrices, which are given by their real and their imaginary part.

    (A + iB)(x + iy) = b + ic               [A -B] [x]   [b]
                                            [B  A] [y] = [c]
"""

import numpy as np


def solve(re, im, right_re, right_im):
    """`np.linalg.solve`: the parts of the solution."""
    n = re.shape[-1]
    above, below = np.concatenate((re, -im), axis=-1), np.concatenate((im, re), axis=-1)
    matrix = np.concatenate((above, below), axis=-2)
    if right_re.ndim == 1:
        both = np.linalg.solve(matrix, np.concatenate((right_re, right_im)))
        return both[..., :n], both[..., n:]
    both = np.linalg.solve(matrix, np.concatenate((right_re, right_im), axis=-2))
    return both[..., :n, :], both[..., n:, :]


def inv(re, im):
    """`np.linalg.inv`: the parts of the inverse."""
    one = np.eye(re.shape[-1], dtype=re.dtype)
    return solve(re, im, one, np.zeros_like(one))
