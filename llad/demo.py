"""`python -m llad demo`: one function from its source to its native gradient, then a descent of five wells.

Everything that is printed is computed on the spot by the public API, so the demonstration is also a check: it
fails, with an exit status of 1, when the gradient is not the known one.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from llad.api import JitGrad, jit_grad

POINT = (0.5, -0.5)
GRADIENT = (-17 / 18, 25 / 36)  # of f at POINT, by hand

Path = list[tuple[float, float]]


@jit_grad
def f(x: float, y: float) -> float:
    return x**2 * y + 1 / (x**2 + y**2 + 1)


@jit_grad
def five_wells(x: float, y: float) -> float:
    """The potential with five local minima of I. Pavlyukevich, J. Comput. Phys. 226 (2007) 1830-1844."""
    wells = (
        1
        - 1 / (1 + 0.05 * x**2 + (y - 10) ** 2)
        - 1 / (1 + 0.05 * (x - 10) ** 2 + y**2)
        - 1.5 / (1 + 0.03 * (x + 10) ** 2 + y**2)
        - 2 / (1 + 0.05 * (x - 5) ** 2 + (y + 10) ** 2)
        - 1 / (1 + 0.1 * (x + 5) ** 2 + (y + 10) ** 2)
    )
    far: float = (x**2 + y**2) ** 1.2
    return wells * (1 + 0.0001 * far)


def f_gradient(x: float, y: float) -> tuple[float, float]:
    """The gradient of `f` as one would write it by hand in plain Python, to be timed."""
    r = 1 / (x**2 + y**2 + 1)
    return 2 * x * y - 2 * x * r * r, x**2 - 2 * y * r * r


def central_differences(g: Callable[[float, float], float], x: float, y: float) -> tuple[float, float]:
    """(∂g/∂x, ∂g/∂y) to about ten digits, from four values."""
    h = 6e-6  # near the cube root of the rounding error, where cutting off and rounding cost the same
    return (g(x + h, y) - g(x - h, y)) / (2 * h), (g(x, y + h) - g(x, y - h)) / (2 * h)


def nanoseconds(call: Callable[[float, float], object], calls: int = 20_000, rounds: int = 7) -> float:
    """The median over rounds of the time of one call at POINT."""
    x, y = POINT
    times = []
    for _ in range(rounds):
        begin = time.perf_counter_ns()
        for _ in range(calls):
            call(x, y)
        times.append((time.perf_counter_ns() - begin) / calls)
    return sorted(times)[rounds // 2]


def instructions(text: str) -> int:
    """How many instructions LLVM IR or assembly has: indented lines that are not comments or directives."""
    lines = (line.strip() for line in text.splitlines() if line[:1] in (" ", "\t"))
    return sum(bool(line) and line[0] not in ";.#}]" for line in lines)


def progress(steps: int, label: str, stream: TextIO) -> Iterator[int]:
    """0 … steps - 1, with a bar on `stream`; a stream that is not a terminal gets the finished bar only."""
    width = 40
    shown = -1
    for step in range(steps + 1):
        if step < steps:
            yield step
        filled = width * min(step + 1, steps) // steps
        if filled != shown and (stream.isatty() or step == steps):
            shown = filled
            bar = "█" * filled + "·" * (width - filled)
            stream.write(f"\r{label} {bar} {100 * filled // width:3d} %")
            stream.flush()
    stream.write("\n")


def descend(potential: JitGrad, start: tuple[float, float], steps: int = 500) -> Path:
    """The points of a gradient descent by Armijo's rule whose steps are at most half a unit long.

    The step is twice the last one, halved until the potential falls by a tenth of what the slope promises.
    """
    x, y = start
    path = [(x, y)]
    step = 1.0
    for _ in range(steps):
        value, (gx, gy) = potential.value_and_grad(x, y)
        slope = math.hypot(gx, gy)
        if slope < 1e-7:
            break
        step = min(2 * step, 0.5 / slope)
        while potential(x - step * gx, y - step * gy) > value - 0.1 * step * slope**2 and step > 1e-9:
            step *= 0.5
        x, y = x - step * gx, y - step * gy
        path.append((x, y))
    return path


ANGLES = tuple(math.radians(30 * k + 12) for k in range(12))
STARTS = tuple((13 * math.cos(angle), 13 * math.sin(angle)) for angle in ANGLES)


def picture(potential: JitGrad, paths: Sequence[Path], file: str) -> None:
    """Write the surface, arrows of its negative gradient and the descents to `file`.

    Raises: ImportError without matplotlib; OSError when `file` cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    fine = [-15 + 30 * k / 150 for k in range(151)]
    figure, axes = pyplot.subplots(layout="constrained", figsize=(8, 7))
    height = [[potential(x, y) for x in fine] for y in fine]
    surface = axes.contourf(fine, fine, height, levels=40, cmap="viridis")
    figure.colorbar(surface, label="potential")
    coarse = [-14 + 28 * k / 20 for k in range(21)]
    arrows = [(x, y, *potential.grad(x, y)) for x in coarse for y in coarse]
    axes.quiver(
        [a[0] for a in arrows],
        [a[1] for a in arrows],
        [-a[2] / (math.hypot(a[2], a[3]) + 0.02) for a in arrows],
        [-a[3] / (math.hypot(a[2], a[3]) + 0.02) for a in arrows],
        color="white",
        alpha=0.5,
    )
    for path in paths:
        axes.plot([p[0] for p in path], [p[1] for p in path], color="orange", linewidth=1.5)
        axes.plot(*path[-1], "o", color="red", markersize=5)
    axes.set(xlabel="x", ylabel="y", title="Descents of the five wells", xlim=(-15, 15), ylim=(-15, 15))
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def show_function(out: TextIO) -> bool:
    """Print every stage of `f` and its gradient; whether the gradient is the known one."""

    def section(title: str, text: str) -> None:
        print(f"── {title} " + "─" * max(0, 78 - len(title)), text.rstrip(), "", sep="\n", file=out)

    section("the function", inspect.getsource(f.py_func))
    section("its IR", f.dump_ir(*POINT, of="primal"))
    section("the IR of its gradient", f.dump_ir(*POINT, of="gradient"))
    sizes = "\n".join(
        f"{of:9} {instructions(f.dump_llvm(*POINT, of=of)):5d} LLVM instructions after O2, "
        f"{instructions(f.dump_asm(*POINT, of=of)):5d} machine instructions"
        for of in ("primal", "gradient")
    )
    section("sizes", sizes)

    gradient = f.grad(*POINT)
    numeric = central_differences(f.py_func, *POINT)
    error: float = max(abs(a - b) for a, b in zip(gradient, GRADIENT, strict=True))
    apart: float = max(abs(a - b) for a, b in zip(gradient, numeric, strict=True))
    rows = [
        f"f{POINT} = {f(*POINT)!r}, plain Python {f.py_func(*POINT)!r}",
        f"gradient            ({gradient[0]:.16f}, {gradient[1]:.16f})",
        f"exact (-17/18, 25/36) differs by {error:.1e}",
        f"central differences ({numeric[0]:.10f}, {numeric[1]:.10f}) differ by {apart:.1e}",
    ]
    section(f"the gradient at {POINT}", "\n".join(rows))

    pairs = (("value", f, f.py_func), ("gradient", f.grad, f_gradient))
    table = [f"{'':9}{'llad':>8}  plain Python"]
    for name, native, python in pairs:
        table.append(f"{name:9}{nanoseconds(native):5.0f} ns  {nanoseconds(python):9.0f} ns")
    table.append("(plain Python's gradient is written by hand)")
    section("the time of a call", "\n".join(table))
    return error < 1e-14 and apart < 1e-8


def show_descents(out: TextIO) -> list[Path]:
    """Descend the five wells from STARTS and print where each descent ended."""
    paths = []
    begin = time.perf_counter()
    for k in progress(len(STARTS), "descending five wells", out):
        paths.append(descend(five_wells, STARTS[k]))
    seconds = time.perf_counter() - begin
    steps = sum(len(path) - 1 for path in paths)
    print(f"{len(paths)} descents, {steps} steps, {seconds * 1e3:.1f} ms with compilation", file=out)
    for path in paths:
        (x0, y0), (x, y) = path[0], path[-1]
        ends = f"({x0:7.3f}, {y0:7.3f}) → ({x:7.3f}, {y:7.3f})"
        print(f"  {ends}  potential {five_wells(x, y):.6f} after {len(path) - 1} steps", file=out)
    return paths


def run(output: str) -> int:
    """The whole demonstration on standard output; the exit status."""
    out = sys.stdout
    right = show_function(out)
    paths = show_descents(out)
    try:
        picture(five_wells, paths, output)
        print(f"wrote {output}")
    except ImportError:
        print("matplotlib is not installed, so there is no picture (python -m pip install matplotlib)")
    if not right:
        print("the gradient is wrong", file=sys.stderr)
    return 0 if right else 1
