"""What llad's gradients are to keep, with fastmath and one thread: at most so many times as long as others'."""

from __future__ import annotations

from benchmarks.results import Row

OTHERS = ("JAX", "PyTorch", "CasADi", "autograd")

# beginning of a problem's name → at most of C -ffast-math, at most of the best of the others
BARS: dict[str, tuple[float | None, float]] = {
    "mixture 64,": (1.0, 0.65),
    "lstm 2,1024": (2.0, 0.06),
    "lstm 4,4096": (2.0, 0.06),
    "bundle adjustment": (1.5, 0.05),
    "logsumexp 160000": (1.3, 0.8),
    "logsumexp 640000": (1.3, 0.8),
    "logsumexp": (1.3, 0.4),
    "n-body": (1.3, 0.4),
    "black-scholes": (1.3, 0.4),
    "rosenbrock 100": (1.3, 0.4),
    "rosenbrock 2": (None, 0.05),
    "k-means": (1.3, 0.8),
    "lotka-volterra": (1.3, 0.4),
    "heat": (2.0, 0.4),
    "brusselator": (2.0, 0.4),
    "newton sqrt": (None, 0.05),
}


def ratio(row: Row, above: str, below: str) -> float | None:
    """How many times as long a gradient by one takes as by another, where both were timed."""
    if above not in row.seconds or below not in row.seconds:
        return None
    return row.seconds[above]["gradient"].median / row.seconds[below]["gradient"].median


def of_value(row: Row, tool: str) -> float | None:
    """A gradient as a multiple of the value by the same tool."""
    if tool not in row.seconds:
        return None
    return row.seconds[tool]["gradient"].median / row.seconds[tool]["value"].median


def verdict(name: str, row: Row) -> list[str]:
    """The cells of a problem that has bars, if it has: what was found, what is allowed, what follows."""
    bar = next((bar for beginning, bar in BARS.items() if name.startswith(beginning)), None)
    if bar is None:
        return []
    against_c, against_others = bar
    others = {tool: found for tool in OTHERS if (found := ratio(row, "llad fastmath", tool)) is not None}
    best = max(others, key=lambda tool: others[tool]) if others else None
    of_c, of_best = ratio(row, "llad fastmath", "C -ffast-math"), others[best] if best else None
    pairs = [(of_c, against_c), (of_best, against_others)]
    known = [found <= most for found, most in pairs if found is not None and most is not None]
    cells = [name]
    for (found, most), of in zip(pairs, ("", f" ({best})"), strict=True):
        cells += ["" if found is None else f"{found:.3g}{of}", "" if most is None else f"{most:g}"]
    return [*cells, "" if not known else "kept" if all(known) else "MISSED"]
