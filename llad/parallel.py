"""`prange`: what a loop runs over whose iterations may run on threads."""

from __future__ import annotations


def prange(start: int, stop: int | None = None, step: int = 1) -> range:
    """The same as `range`, whose iterations run on threads where compiled code loops over it.

    An iteration may write only elements of arrays that no other one reads or writes, and add to numbers and elements
    that all share. Each chunk of iterations sums up its own part, and the parts are added in order, so the result is
    the same for any number of threads (`LLAD_NUM_THREADS`, or as many as there are CPUs). How many chunks there are
    depends on the length of the loop and what it does; a short loop is one chunk. A loop inside another such loop, or
    in a function that calls itself, is an ordinary one.

    Raises:
        UnsupportedError: while compiling, if it cannot be shown that iterations do not meet.

    >>> import numpy as np
    >>> import llad
    >>> @llad.jit_grad
    ... def loss(x):
    ...     total = 0.0
    ...     for i in llad.prange(len(x)):
    ...         total += x[i] * x[i]
    ...     return total
    >>> loss(np.array([1.0, 2.0])), loss.grad(np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """
    return range(start) if stop is None else range(start, stop, step)
