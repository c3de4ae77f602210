"""The command line: `python -m llad demo`, `python -m llad show FILE.py:FUNCTION`, `python -m llad cache info`."""

from __future__ import annotations

import argparse
import sys

from llad import demo
from llad.codegen.store import store
from llad.diagnostics import LladError
from llad.show import ShowError, show


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m llad", description="Native gradients of plain Python.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("demo", help="one function from source to native gradient, then a descent")
    one.add_argument("--output", default="five_wells.png", metavar="FILE", help="picture (default: %(default)s)")
    two = commands.add_parser("show", help="print any stage of any function")
    two.add_argument("target", metavar="FILE.py:FUNCTION")
    two.add_argument("--args", default="", metavar="'…'", help="arguments, e.g. '0.5, np.zeros(3)'")
    two.add_argument("--stage", choices=("ir", "llvm", "asm"), default="ir")
    two.add_argument("--of", choices=("primal", "gradient", "tangent"), default="primal")
    two.add_argument("--before", action="store_true", help="the stage before it is optimised (ir, llvm)")
    three = commands.add_parser("cache", help="the compiled code that is kept for the next process")
    three.add_argument("action", choices=("info", "clear"))
    return top


def cache(action: str) -> str:
    """What there is to say about the kept code, after `clear` has removed it."""
    kept = store()
    if kept is None:
        return "off"
    if action == "clear":
        return f"{kept.folder}: {kept.clear()} entries removed"
    sizes = [entry.st_size for _, entry in kept.entries()]
    return f"{kept.folder}: {len(sizes)} entries, {sum(sizes) / 2**20:.1f} MB of at most {kept.limit / 2**20:g}"


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        if args.command == "demo":
            return demo.run(args.output)
        if args.command == "cache":
            print(cache(args.action))
            return 0
        print(show(args.target, args.args, args.stage, args.of, args.before).rstrip())
    except (ShowError, LladError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, ShowError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
