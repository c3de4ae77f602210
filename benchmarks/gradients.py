"""Gradients of the examples' objectives, by llad and by others: agreement, median times, ratios.

    python -m benchmarks.gradients [--rounds N] [--seconds S] [--only NAME] [--json FILE]

All means of one objective are timed in turn within each round, so that a drift of the machine's speed meets all of
them; the median of the rounds is reported, and its ratio to llad's gradient. Every gradient is compared with
llad's first. Arguments are ready in each package's own arrays; compilation is not timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.objectives import cases
from benchmarks.peers import PEERS, Case
from benchmarks.timing import Call, interleave

RESULTS = Path(__file__).parent / "results" / "gradients.json"


def installed() -> list[str]:
    """The names of the means that can be run here; says which cannot."""
    missing = sorted({p for p, _, _ in PEERS.values() if p and importlib.util.find_spec(p) is None})
    for package in missing:
        print(f"skipped: {package} is not installed")
    return [name for name, (package, _, _) in PEERS.items() if package not in missing]


def flat(gradient: Any) -> np.ndarray[Any, Any]:
    """All numbers of a gradient in order; leaves that are None are left out."""
    parts = gradient if isinstance(gradient, tuple | list) else (gradient,)
    return np.concatenate([np.ravel(np.asarray(p, dtype=float)) for p in parts if p is not None])


def prepare(case: Case, names: list[str]) -> dict[str, Call]:
    """A call per means, compiled by calling it once; gradients agree with llad's.

    Raises: AssertionError where a gradient differs.
    """
    calls: dict[str, Call] = {}
    reference = flat(case.function.grad(*case.args))
    for name in names:
        _, make, is_gradient = PEERS[name]
        call = make(case)
        if call is None:
            continue
        result = call()
        if is_gradient:
            scale = float(np.abs(reference).max())
            np.testing.assert_allclose(flat(result), reference, rtol=1e-8, atol=1e-9 * scale, err_msg=name)
        calls[name] = call
    return calls


def row(name: str, medians: dict[str, float], names: list[str]) -> str:
    base = medians["llad gradient"]
    cells = [f"{base * 1e6:12.2f}"]
    cells += [f"{medians[n] / base:19.2f}" if n in medians else f"{'':19}" for n in names[1:]]
    return f"{name:24}" + "".join(cells)


def main(argv: list[str] | None = None) -> dict[str, dict[str, float]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.02, help="for each means in each round")
    parser.add_argument("--only", default="", help="the objectives whose name holds this")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the medians are written")
    args = parser.parse_args(argv)

    names = installed()
    print("llad's gradient in microseconds; the others as multiples of it")
    print(f"{'':24}{'llad':>12}" + "".join(f"{name:>19}" for name in names[1:]))
    results = {}
    for case in cases():
        if args.only in case.name:
            spreads = interleave(prepare(case, names), args.rounds, args.seconds)
            results[case.name] = {name: spread.median for name, spread in spreads.items()}
            print(row(case.name, results[case.name], names), flush=True)
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(results, indent=1))
    print(f"wrote {args.json}")
    return results


if __name__ == "__main__":
    main()
