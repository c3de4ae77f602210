"""The command line: `python -m llad demo`, `python -m llad show FILE.py:FUNCTION`."""

from __future__ import annotations

import argparse
import sys

from llad import demo
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
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        if args.command == "demo":
            return demo.run(args.output)
        print(show(args.target, args.args, args.stage, args.of, args.before).rstrip())
    except (ShowError, LladError) as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, ShowError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
