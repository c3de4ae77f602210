"""`python -m tests.fuzz --minutes N [--seed S]`: search for programs that llad gets wrong."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("LLAD_VERIFY", "1")  # before anything of llad is imported
sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.checks import HARD, INTERPRETED, NATIVE
from fuzz.hunt import Hunt, checks_of, guarded, small_of, subject_of
from fuzz.keep import FOUND, as_test, kept


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to search")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first program")
    parser.add_argument("--directory", type=Path, default=FOUND, help="where small failing programs are stored")
    parser.add_argument("--program", type=int, help="run this one only, show it, and make it small if it fails")
    parser.add_argument("--file", type=Path, help="run all checks on a stored program")
    options = parser.parse_args()
    if options.file is not None:
        verdict = guarded(kept(options.file), (*INTERPRETED, *NATIVE, *HARD))
        print(verdict.check + ": " + verdict.message if verdict else "all is well")
        return int(verdict is not None)
    if options.program is not None:
        return show(options.program)
    return 0 if Hunt(options.directory).run(options.minutes, options.seed) else 1


def show(seed: int) -> int:
    subject, checks = subject_of(seed), checks_of(seed)
    print(subject.source, subject.args, ", ".join(check.__name__ for check in checks), sep="\n")
    verdict = guarded(subject, checks)
    if verdict is None or verdict.refused:
        print(verdict.message if verdict else "all is well")
        return 0
    print(verdict.check, verdict.message, sep=": ")
    print(as_test(*small_of(subject, verdict, checks), origin=f"Program {seed}, made smaller"))
    return 1


if __name__ == "__main__":
    sys.exit(main())
