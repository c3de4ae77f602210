"""What the first gradient takes: of a function that was never seen, in an interpreter that has compiled others.

    python -m benchmarks.first [--rounds N] [--json FILE]

Each time the function is another object with the same code, so it is traced, differentiated, optimised and compiled
anew, and run once; medians are reported. The same is timed in a new process that finds the code kept by one before it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from .calls import in_new_process, write

RESULTS = Path(__file__).parent / "results" / "first.json"

# problem → seconds that its first gradient may take
BARS = {
    ("five wells", ()): 0.06,
    ("lstm", (2, 1024)): 0.25,
    ("mixture", (64, 5, 1000)): 0.3,
}
KEPT = 0.01  # seconds it may take where the code is found

_CODE = """
import statistics, time, types
from benchmarks.problems import FAMILIES
import llad
problem = next(f for f in FAMILIES if f.name == {name!r}).make(*{size!r})
def first():
    f = problem.loops
    fresh = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    begin = time.perf_counter()
    llad.jit_grad(fresh, argnums=problem.argnums, fastmath={fastmath}).grad(*problem.args)
    return time.perf_counter() - begin
times = [first() for _ in range({rounds})]
print(statistics.median(times[1:] or times))
"""


def measure(name: str, size: tuple[int, ...], fastmath: bool, rounds: int) -> tuple[float, float]:
    """Median seconds of the first gradient in a warm interpreter, and of that in a new process with kept code."""
    warm = _CODE.format(name=name, size=size, fastmath=fastmath, rounds=rounds + 1)
    alone = _CODE.format(name=name, size=size, fastmath=fastmath, rounds=1)
    with tempfile.TemporaryDirectory() as folder:
        kept = [in_new_process(alone, folder) for _ in range(rounds + 1)]
    return in_new_process(warm), statistics.median(kept[1:])


def main(argv: list[str] | None = None) -> dict[str, tuple[float, float]]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULTS, help="where the medians are written")
    args = parser.parse_args(argv)

    results = {}
    for (name, size), most in BARS.items():
        for fastmath in (False, True):
            title = " ".join([name, ",".join(map(str, size)), "fastmath" if fastmath else "strict"])
            first, kept = results[title] = measure(name, size, fastmath, args.rounds)
            verdicts = ["kept" if found <= bar else "MISSED" for found, bar in ((first, most), (kept, KEPT))]
            print(
                f"{title:32}{first * 1e3:7.1f} ms (at most {most * 1e3:.0f}: {verdicts[0]})"
                f"{kept * 1e3:9.1f} ms with kept code (at most {KEPT * 1e3:.0f}: {verdicts[1]})",
                flush=True,
            )
    write(results, args.json)
    return results


if __name__ == "__main__":
    main()
