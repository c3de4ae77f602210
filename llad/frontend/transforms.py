"""What stands for a derivative, in traced code and outside of it.

`grad`, `vjp` and the others here are ordinary functions that users call; inside traced code the frontend recognises
them by identity and, for what they return, asks `transform_of`: it then emits a `derivative` op instead of calling.
Called eagerly they hand a `Transform` to `make`, which the compiler installs: this row knows nothing of machine code.

Invariant: everything callable that llad makes is a `Transformed`, so traced code can look through it: a
jitted function is `Transform("primal", f)`, its `.grad` is `Transform("grad", f, argnums)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from llad.dataclass import dataclass

Kind = Literal["primal", "grad", "value_and_grad", "jvp", "vjp", "jacfwd", "jacrev"]
Argnums = int | tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Transform:
    """`function` (a Python function, or something `Transformed`) and what is wanted of it.

    `argnums`: an int gives a bare gradient, a tuple gives a tuple of gradients, `None` means all arguments:
    bare when the function has one parameter, else a tuple with `None` for each that cannot be differentiated.
    A `"jvp"` is called with `(primals, tangents)`, two tuples; the others as the function is.
    """

    kind: Kind
    function: Any
    argnums: Argnums = None

    @property
    def __name__(self) -> str:
        """What errors call it."""
        return f"{self.kind}({getattr(self.function, '__name__', type(self.function).__name__)})"


class Transformed:
    """A callable that stands for `transform`."""

    __slots__ = ()
    transform: Transform


def transform_of(value: object) -> Transform | None:
    """What a call of `value` means to traced code, or `None` if `value` is none of llad's callables."""
    if isinstance(value, Transform):
        return value
    return value.transform if isinstance(value, Transformed) else None


def function_of(value: Any) -> Any:
    """The Python function under a jitted one; any other value as it is."""
    while (transform := transform_of(value)) is not None and transform.kind == "primal":
        value = transform.function
    return value


def _unset(transform: Transform) -> Callable[..., Any]:
    raise AssertionError(f"no compiler installed to run {transform}")


make: Callable[[Transform], Callable[..., Any]] = _unset


def install(maker: Callable[[Transform], Callable[..., Any]]) -> None:
    """Let `maker` turn transforms into callables."""
    global make
    make = maker


def grad(fun: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the gradient of `fun`, a float function, by the arguments `argnums`.

    The gradient by an argument has its structure, shapes and dtypes, and `None` for what has no derivative. It is bare
    for an int, in a tuple for a tuple. Its arrays are fresh and C-contiguous; no argument is written.

    Raises:
        LladError: when called, if `fun` cannot be compiled, has no derivative, or does not return one float.

    >>> import llad
    >>> llad.grad(lambda x: x * x * x)(2.0)
    12.0
    """
    return make(Transform("grad", fun, argnums))


def value_and_grad(fun: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns `(fun(…), grad(fun, argnums)(…))`, both from one run.

    Raises:
        LladError: as `grad`.

    >>> import llad
    >>> llad.value_and_grad(lambda x: x * x * x)(2.0)
    (8.0, 12.0)
    """
    return make(Transform("value_and_grad", fun, argnums))


def jvp(fun: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """`(fun(*primals), its derivative in the direction of tangents)`, by forward mode.

    `tangents` has the structure, shapes and dtypes of `primals`; what cannot be differentiated has the tangent `None`.
    The derivative has the structure and shapes of the value. No primal is written.

    Raises:
        LladError: if `fun` cannot be compiled or differentiated, or if the tangents do not fit.

    >>> import llad
    >>> llad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    value, tangent = make(Transform("jvp", fun))(primals, tangents)
    return value, tangent


def vjp(fun: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """`(fun(*primals), pullback)`: by reverse mode, `pullback(seed)` is the tuple of the cotangents of the primals.

    The seed has the structure, dtypes and shapes of the value (`None` for what has no derivative); a primal that
    cannot be differentiated has the cotangent `None`. The pullback can be called any number of times, from any thread,
    and is the derivative at the values of now, whatever is written to arrays later. Nothing that `fun` writes is seen.
    `fun` runs once: the pullback keeps what its calls need of that, as long as it lives.

    Raises:
        LladError: if `fun` cannot be compiled or differentiated, or, by the pullback, if the seed does not fit.

    >>> import llad
    >>> value, pullback = llad.vjp(lambda x, y: (x * y, x + y), 2.0, 3.0)
    >>> value, pullback((1.0, 0.0)), pullback((0.0, 1.0))
    ((6.0, 5.0), (3.0, 2.0), (1.0, 1.0))
    """
    value, pullback = make(Transform("vjp", fun))(*primals)
    return value, pullback


def jacfwd(fun: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the Jacobian of `fun` by the arguments `argnums`, by forward mode, column by column.

    For a result of shape `(m,)` and an argument of shape `(n,)` it has the shape `(m, n)`; a number has shape `()`.
    Of a structure it is the structure of the Jacobians; for a tuple `argnums` each is a tuple.

    Raises:
        LladError: when called, if `fun` is outside the language, or an argument is no float or float array.

    >>> import llad, numpy as np
    >>> llad.jacfwd(lambda x: x[:2] * x[1:])(np.array([1.0, 2.0, 3.0]))
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    return make(Transform("jacfwd", fun, argnums))


def jacrev(fun: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """As `jacfwd`, with its shapes and errors, by reverse mode, row by row: for results with few elements.

    >>> import llad, numpy as np
    >>> llad.jacrev(lambda x: np.sum(x * x))(np.array([1.0, 2.0, 3.0]))
    array([2., 4., 6.])
    """
    return make(Transform("jacrev", fun, argnums))


def hessian(fun: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """The function that returns the second derivatives of `fun` by the arguments: `jacfwd(jacrev(fun))`.

    For a float result and an argument of shape `(n,)` they have the shape `(n, n)`.

    Raises:
        LladError: as `jacfwd`.

    >>> import llad, numpy as np
    >>> llad.hessian(lambda x: x[0] * x[0] * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacfwd(jacrev(fun, argnums), argnums)
