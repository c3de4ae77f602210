"""The problems: each objective as loops, in array style, in C and as others have it, with data of any size.

Data are drawn from fixed seeds, so all means of one problem see the same numbers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import by_hand, by_hand_in_time, loops, styles, symbolic
from benchmarks.c_library import Reference
from examples import bundle_adjustment, digits, gaussian_mixture, goldstein_price, linear_regression, lstm, n_body
from examples.rosenbrock import rosenbrock
from llad.demo import five_wells


@dataclass(frozen=True)
class Problem:
    """An objective, and the derivative that is timed: by the arguments `argnums`, in reverse.

    `loops` is an ordinary Python function. `fill` is set where the derivative is no gradient but a Jacobian: another
    such function, which takes further arguments, of the shapes `blocks`, and writes them. `arrays` is
    the objective in array style. `forward`: JAX cannot go in reverse here. None: nobody has written the reference in
    C, the gradient `by_hand`, the `symbolic` expression.
    """

    args: tuple[Any, ...]
    argnums: tuple[int, ...]
    loops: Callable[..., Any]
    arrays: Callable[..., Any]
    reference: Reference | None = None
    by_hand: Callable[..., Any] | None = None
    symbolic: Callable[..., Any] | None = None
    fill: Callable[..., Any] | None = None
    blocks: tuple[tuple[int, ...], ...] = ()
    forward: bool = False


@dataclass(frozen=True)
class Family:
    """`make(*size)` is a problem. `sizes` are timed, the least first; `tiny` is for tests."""

    name: str
    make: Callable[..., Problem]
    sizes: tuple[tuple[int, ...], ...]
    tiny: tuple[int, ...]


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def padded(n: int) -> int:
    """The length of a row in the scratch of stencils in C."""
    return -(-n // 4) * 4 + 8


def mixture(d: int, k: int, n: int) -> Problem:
    random = generator()
    alphas, means, x = random.normal(size=k), random.normal(size=(k, d)), random.normal(size=(n, d))
    q, l = 0.1 * random.normal(size=(k, d)), 0.1 * random.normal(size=(k, d * (d - 1) // 2))
    args = alphas, means, q, l, x
    reference = Reference(
        "gmm_prim",
        "gmm_grad",
        sizes=(d, k, n),
        inputs=args,
        gradients=tuple(a.shape for a in args[:4]),
        value_scratch=1,
        gradient_scratch=1,
        integer=ctypes.c_long,
        returned=False,
    )
    return Problem(args, (0, 1, 2, 3), loops.mixture, styles.mixture, reference, by_hand.mixture)


def language(layers: int, count: int) -> Problem:
    """With ADBench's width of 14."""
    random = generator()
    width = 14
    main, extra = random.normal(size=(2 * layers, 4 * width)), random.normal(size=(3, width))
    args = main, extra, random.normal(size=(2 * layers, width)), random.uniform(size=(count, width))
    reference = Reference(
        "lstm_value",
        "lstm_grad",
        sizes=(layers, width, count),
        inputs=args,
        gradients=(main.shape, extra.shape),
        integer=ctypes.c_int,
    )
    return Problem(args, (0, 1), lstm.loss.py_func, styles.lstm, reference, by_hand_in_time.lstm)


def adjustment(cameras: int, points: int, observations: int) -> Problem:
    """Blocks of the Jacobian, 2 × 15 an observation, written into arrays that are there."""
    random = generator()
    poses = np.hstack(
        [
            random.normal(0.0, 0.2, (cameras, 3)),
            random.normal((0.0, 0.0, -5.0), 0.3, (cameras, 3)),
            random.normal((800.0, 320.0, 240.0, -0.1, 0.02), (20.0, 1.0, 1.0, 0.01, 0.002), (cameras, 5)),
        ]
    )
    cloud, weights = random.uniform(-1.0, 1.0, (points, 3)), random.uniform(0.5, 1.5, observations)
    pairs = np.column_stack([random.integers(0, most, observations) for most in (cameras, points)])
    args = poses, cloud, weights, pairs, random.normal(300.0, 100.0, (observations, 2))
    reference = Reference(
        "ba_value",
        "ba_jacobian",
        sizes=(cameras, points, observations),
        inputs=args,
        values=((observations, 2), (observations,)),
        gradients=((observations, 2, 15), (observations,)),
        integer=ctypes.c_int,
        returned=False,
    )
    residuals = bundle_adjustment.residuals.py_func
    return Problem(
        args,
        (0, 1, 2),
        residuals,
        styles.residuals,
        reference,
        symbolic=symbolic.blocks,
        fill=bundle_adjustment.fill_blocks,
        blocks=reference.gradients,
    )


def log_sum_exp(n: int) -> Problem:
    x = generator().normal(size=n)
    reference = Reference("logsumexp", "logsumexp_grad", sizes=(n,), inputs=(x,), gradients=((n,),))
    others = by_hand.log_sum_exp, symbolic.log_sum_exp
    return Problem((x,), (0,), gaussian_mixture.logsumexp, styles.log_sum_exp, reference, *others)


def valley(n: int) -> Problem:
    x = generator().normal(size=n)
    reference = Reference("rosenbrock", "rosenbrock_grad", sizes=(n,), inputs=(x,), gradients=((n,),))
    others = by_hand.rosenbrock, symbolic.rosenbrock
    return Problem((x,), (0,), rosenbrock.py_func, styles.rosenbrock, reference, *others)


def gravity(n: int) -> Problem:
    random = generator()
    args = random.normal(size=(n, 3)), random.uniform(size=n), 1.0, 0.1
    reference = Reference(
        "nbody_energy",
        "nbody_energy_grad",
        sizes=(n,),
        inputs=args,
        gradients=((n, 3),),
        value_scratch=3 * n,
        gradient_scratch=6 * n,
    )
    return Problem(args, (0,), n_body.potential_energy.py_func, styles.n_body, reference, by_hand.n_body)


def options(n: int) -> Problem:
    random = generator()
    ranges = ((80.0, 120.0), (80.0, 120.0), (0.1, 2.0), (0.1, 0.5))
    args = (*(random.uniform(low, high, n) for low, high in ranges), 0.03)
    reference = Reference(
        "black_scholes", "black_scholes_grad", sizes=(n,), inputs=args, gradients=((n,), (n,), (n,), (n,), ())
    )
    others = by_hand.black_scholes, symbolic.black_scholes
    return Problem(args, (0, 1, 2, 3, 4), loops.black_scholes, styles.black_scholes, reference, *others)


def heat(n: int, steps: int) -> Problem:
    random = generator()
    args = random.normal(size=(n, n)), random.normal(size=(n, n)), 0.1, steps
    plane = (n + 2) * padded(n)
    reference = Reference(
        "heat",
        "heat_grad",
        sizes=(n, steps),
        inputs=args[:3],
        gradients=((n, n), ()),
        value_scratch=2 * plane,
        gradient_scratch=(13 + -(-steps // 10)) * plane,
    )
    return Problem(args, (0, 2), loops.heat, styles.heat, reference, by_hand_in_time.heat)


def brusselator(n: int, steps: int) -> Problem:
    random = generator()
    start = 1.0 + 0.1 * random.normal(size=n), 3.0 + 0.1 * random.normal(size=n)
    args = (*start, 1.0, 3.0, 0.02, 0.01, 0.001, steps)
    reference = Reference(
        "brusselator",
        "brusselator_grad",
        sizes=(n, steps),
        inputs=args[:7],
        gradients=((n,), (n,), (), ()),
        value_scratch=4 * padded(n),
        gradient_scratch=(19 + -(-steps // 16)) * 2 * padded(n),
    )
    others = by_hand_in_time.brusselator, symbolic.brusselator
    return Problem(args, (0, 1, 2, 3), loops.brusselator, styles.brusselator, reference, *others)


def lotka_volterra(steps: int) -> Problem:
    args = np.array([1.1, 0.4, 0.4, 0.1]), np.array([10.0, 5.0]), 0.001, steps
    reference = Reference(
        "lotka_volterra",
        "lotka_volterra_grad",
        sizes=(steps,),
        inputs=args[:3],
        gradients=((4,), (2,)),
        gradient_scratch=2 * steps,
    )
    others = by_hand_in_time.lotka_volterra, symbolic.lotka_volterra
    return Problem(args, (0, 1), loops.lotka_volterra, styles.lotka_volterra, reference, *others)


def k_means(n: int, k: int, d: int) -> Problem:
    random = generator()
    args = random.normal(size=(n, d)), random.normal(size=(k, d))
    scratch = d * -(-k // 8) * 8
    reference = Reference(
        "kmeans",
        "kmeans_grad",
        sizes=(n, k, d),
        inputs=args,
        gradients=((k, d),),
        value_scratch=scratch,
        gradient_scratch=scratch,
    )
    return Problem(args, (1,), loops.k_means, styles.k_means, reference, by_hand.k_means)


def newton_sqrt() -> Problem:
    reference = Reference("newton_sqrt", "newton_sqrt_grad", sizes=(), inputs=(2.0,), gradients=((),))
    return Problem((2.0,), (0,), loops.newton_sqrt, styles.newton_sqrt, reference, by_hand.newton_sqrt, forward=True)


def perceptron(batch: int, images: int, hidden: int) -> Problem:
    """Of the size of the digits; pixels and labels are drawn, so that no other package is needed."""
    random = generator()
    pixels, labels = random.uniform(-1.0, 1.0, (images, 64)), random.integers(0, 10, images)
    args = *digits.initial(hidden), pixels, labels, random.permutation(images)[:batch], 1e-3
    others = by_hand.perceptron, symbolic.perceptron
    return Problem(args, (0, 1, 2, 3), digits.loss.py_func, styles.perceptron, None, *others)


def regression(points: int) -> Problem:
    args = 1.0, 0.5, *linear_regression.measurements(points)
    others = by_hand.regression, symbolic.regression
    return Problem(args, (0, 1), linear_regression.squared_error.py_func, styles.regression, None, *others)


def wells() -> Problem:
    return of_scalars(five_wells.py_func, 0.5, -0.5)


def goldstein() -> Problem:
    return of_scalars(goldstein_price.goldstein_price.py_func, 2.5, 3.5)


def of_scalars(function: Callable[..., Any], *args: float) -> Problem:
    arrays, expression = styles.of_scalars(function), symbolic.of_scalars(function)
    return Problem(args, tuple(range(len(args))), function, arrays, symbolic=expression)


FAMILIES = (
    Family("mixture", mixture, ((2, 5, 1000), (64, 5, 1000), (64, 25, 1000)), (3, 2, 5)),
    Family("lstm", language, ((2, 1024), (2, 4096), (4, 1024), (4, 4096)), (2, 70)),
    Family("bundle adjustment", adjustment, ((49, 7776, 31_843), (372, 47_423, 204_472)), (3, 5, 13)),
    Family("logsumexp", log_sum_exp, ((2500,), (10_000,), (40_000,), (160_000,), (640_000,)), (7,)),
    Family("rosenbrock", valley, ((2,), (10,), (100,), (1000,), (10_000,)), (37,)),
    Family("n-body", gravity, ((128,), (1024,)), (6,)),
    Family("black-scholes", options, ((1000,), (100_000,)), (9,)),
    Family("heat", heat, ((256, 100),), (5, 23)),
    Family("brusselator", brusselator, ((1024, 1000),), (6, 37)),
    Family("lotka-volterra", lotka_volterra, ((100_000,),), (50,)),
    Family("k-means", k_means, ((10_000, 100, 16),), (11, 5, 3)),
    Family("newton sqrt", newton_sqrt, ((),), ()),
    Family("perceptron", perceptron, ((32, 1437, 48), (1437, 1437, 48)), (3, 5, 4)),
    Family("regression", regression, ((10_000,),), (9,)),
    Family("five wells", wells, ((),), ()),
    Family("goldstein price", goldstein, ((),), ()),
)


def named(family: Family, size: tuple[int, ...]) -> str:
    return " ".join([family.name, ",".join(map(str, size))]).strip()
