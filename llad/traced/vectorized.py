"""`np.vectorize`."""

import numpy as np


def vectorized(function, dtype, *args):
    """The function of the elements at each place. Where it returns ints and floats, the elements are floats: NumPy
    makes all elements what the first one is."""
    arrays = np.broadcast_arrays(*args)
    shape = arrays[0].shape
    if arrays[0].size == 0 and dtype is None:
        raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
    flat = [np.ravel(a) for a in arrays]
    if dtype is None:
        function(*[a[0] for a in flat])  # as NumPy does, to see what it returns
    found = [function(*[a[k] for a in flat]) for k in range(len(flat[0]))]
    if dtype is None and isinstance(found[0], tuple):
        return tuple([np.array(part).reshape(shape) for part in zip(*found)])  # noqa: B905
    out = np.array(found) if dtype is None else np.array(found).astype(dtype)
    if out.ndim > 1:
        raise ValueError("setting an array element with a sequence.")
    return out.reshape(shape)
