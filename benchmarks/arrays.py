"""Array expressions as NumPy's users write them: values and gradients by llad, JAX, autograd and NumPy.

    python -m benchmarks.arrays [--rounds N] [--seconds S] [--only NAME] [--sizes N,N] [--json FILE]

The same text is traced by each package with its own `np`. All means of one problem are timed in turn within each round,
on one core; the median of the rounds is reported, in microseconds, and llad's share of what the others take. Values
and gradients are compared first. Arguments are ready in each package's own arrays; compilation is not timed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy

from benchmarks.timing import Budget, Call, bind_to_one_core, interleave, seconds_of
from llad import jit_grad

RESULTS = Path(__file__).parent / "results" / "arrays.json"
COLUMNS = ("numpy value", "jax value", "llad gradient", "jax gradient", "autograd gradient")


def logsumexp(np: Any) -> Any:
    def objective(x):  # type: ignore[no-untyped-def]
        top = np.max(x)
        return top + np.log(np.sum(np.exp(x - top)))

    return objective


def softmax_regression(np: Any) -> Any:
    def objective(weights, x, y):  # type: ignore[no-untyped-def]
        scores = x @ weights
        scores = scores - np.max(scores, axis=1)[:, None]
        partition = np.log(np.sum(np.exp(scores), axis=1))
        return np.mean(partition - np.sum(scores * y, axis=1))

    return objective


def perceptron(np: Any) -> Any:
    def objective(w1, b1, w2, b2, x, y):  # type: ignore[no-untyped-def]
        scores = np.tanh(x @ w1 + b1) @ w2 + b2
        scores = scores - np.max(scores, axis=1)[:, None]
        partition = np.log(np.sum(np.exp(scores), axis=1))
        return np.mean(partition - np.sum(scores * y, axis=1))

    return objective


def distances(np: Any) -> Any:
    def objective(x, y):  # type: ignore[no-untyped-def]
        apart = x[:, None, :] - y[None, :, :]
        return np.mean(np.exp(-np.sum(apart * apart, axis=2)))

    return objective


def black_scholes(np: Any) -> Any:
    def normal(x):  # type: ignore[no-untyped-def]
        return 1.0 / (1.0 + np.exp(-1.5976 * x - 0.070565992 * x**3))

    def objective(spot, strike, time, sigma, rate):  # type: ignore[no-untyped-def]
        spread = sigma * np.sqrt(time)
        up = (np.log(spot / strike) + (rate + 0.5 * sigma**2) * time) / spread
        return np.sum(spot * normal(up) - strike * np.exp(-rate * time) * normal(up - spread))

    return objective


def heat(np: Any) -> Any:
    def objective(u, k):  # type: ignore[no-untyped-def]
        flow = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1]
        after = u[1:-1, 1:-1] + k * flow
        return 0.5 * np.sum(after**2)

    return objective


def _softmax_arguments(rng: numpy.random.Generator, n: int) -> tuple[Any, ...]:
    rows = max(n // 64, 2)
    return rng.standard_normal((64, 10)) / 8, rng.standard_normal((rows, 64)), numpy.eye(10)[numpy.arange(rows) % 10]


def _perceptron_arguments(rng: numpy.random.Generator, n: int) -> tuple[Any, ...]:
    rows = max(n // 64, 2)
    weights = (rng.standard_normal(shape) / 8 for shape in ((64, 48), (48,), (48, 10), (10,)))
    return *weights, rng.standard_normal((rows, 64)), numpy.eye(10)[numpy.arange(rows) % 10]


def _prices(rng: numpy.random.Generator, n: int) -> tuple[Any, ...]:
    return (*(rng.uniform(lo, hi, n) for lo, hi in ((80, 120), (80, 120), (0.2, 2), (0.1, 0.4))), 0.03)


def _points(rng: numpy.random.Generator, n: int) -> tuple[Any, ...]:
    return tuple(rng.standard_normal((round(n**0.5), 3)) for _ in "xy")


def _grid(rng: numpy.random.Generator, n: int) -> tuple[Any, ...]:
    return rng.standard_normal(2 * (round(n**0.5),)), 0.1


# name → how it is written, its arguments for about n elements of temporaries, how many of the first are differentiated
PROBLEMS: dict[str, tuple[Callable[[Any], Any], Callable[[numpy.random.Generator, int], tuple[Any, ...]], int]] = {
    "logsumexp": (logsumexp, lambda rng, n: (rng.standard_normal(n),), 1),
    "softmax regression": (softmax_regression, _softmax_arguments, 1),
    "perceptron": (perceptron, _perceptron_arguments, 4),
    "pairwise distances": (distances, _points, 2),
    "Black-Scholes": (black_scholes, _prices, 4),
    "heat, by slices": (heat, _grid, 1),
}


def flat(values: Any) -> numpy.ndarray[Any, Any]:
    """All numbers of a value or gradient in order."""
    parts = values if isinstance(values, tuple | list) else (values,)
    return numpy.concatenate([numpy.ravel(numpy.asarray(p, dtype=float)) for p in parts])


def calls(name: str, n: int, others: Sequence[str] = ("jax", "autograd")) -> dict[str, Call]:
    """A call per means, run once; what they give agrees. `others`: the packages to be asked, if they are installed.

    Raises: AssertionError where something differs.
    """
    write, make, count = PROBLEMS[name]
    args = make(numpy.random.default_rng(0), n)
    argnums = tuple(range(count))
    ours = jit_grad(write(numpy), argnums=argnums)
    found: dict[str, Call] = {
        "llad value": lambda: ours(*args),
        "llad gradient": lambda: ours.value_and_grad(*args),
        "numpy value": lambda: write(numpy)(*args),
    }
    if "jax" in others and importlib.util.find_spec("jax"):
        jax = importlib.import_module("jax")
        jax.config.update("jax_enable_x64", True)
        theirs = write(importlib.import_module("jax.numpy"))
        there = [jax.device_put(a) for a in args]
        value, both = jax.jit(theirs), jax.jit(jax.value_and_grad(theirs, argnums))
        found["jax value"] = lambda: jax.block_until_ready(value(*there))
        found["jax gradient"] = lambda: jax.block_until_ready(both(*there))
    if "autograd" in others and importlib.util.find_spec("autograd"):
        autograd = importlib.import_module("autograd")
        gradient = autograd.grad(write(importlib.import_module("autograd.numpy")), argnums)
        found["autograd gradient"] = lambda: (None, gradient(*args))
    value_here, (_, gradient_here) = flat(found["llad value"]()), found["llad gradient"]()
    for means, call in found.items():
        got, want = (call(), value_here) if "value" in means else (call()[1], flat(gradient_here))
        scale = float(numpy.abs(want).max())
        numpy.testing.assert_allclose(flat(got), want, rtol=1e-7, atol=1e-9 * scale, err_msg=f"{name}: {means}")
    return found


def row(name: str, n: int, medians: dict[str, float]) -> str:
    cells = [f"{name:20}{n:>9}{medians['llad value'] * 1e6:12.2f}"]
    for column in COLUMNS:
        ours = medians["llad gradient" if "gradient" in column else "llad value"]
        other = medians.get(column)
        shown = "" if other is None else f"{ours * 1e6:.2f}" if column.startswith("llad") else f"{ours / other:.2f}"
        cells.append(f"{shown:>{len(column) + 2}}")
    return "".join(cells)


def main(argv: list[str] | None = None) -> dict[str, dict[str, float]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.02, help="for each means in each round")
    parser.add_argument("--only", default="", help="the problems whose name holds this")
    parser.add_argument("--sizes", default="1000,1000000", help="elements (default: %(default)s)")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the medians are written")
    args = parser.parse_args(argv)
    print("llad in microseconds; under the others, llad's share of what they take")
    print(f"{'':20}{'n':>9}{'llad value':>12}" + "".join(f"  {column}" for column in COLUMNS))
    results: dict[str, dict[str, float]] = {}
    budget = Budget(args.rounds, args.seconds, patience=60.0)
    bind_to_one_core()
    for name in PROBLEMS:
        for n in map(int, args.sizes.split(",") if args.only in name else []):
            timers = {means: partial(seconds_of, call) for means, call in calls(name, n).items()}
            spreads, _ = interleave(timers, budget)
            medians = {means: spread.median for means, spread in spreads.items()}
            results[f"{name}, {n}"] = medians
            print(row(name, n, medians), flush=True)
    args.json.parent.mkdir(exist_ok=True)
    args.json.write_text(json.dumps(results, indent=1) + "\n")
    return results


if __name__ == "__main__":
    main()
