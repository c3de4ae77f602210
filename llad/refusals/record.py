"""One thing that llad refuses: what is said about it, and a program before and after.

The programs are bodies of a function of `x`, `y` (floats), `n` (an int), `c` (a bool), `a` (an array of floats) and
`k` (an array of ints), of which it has those that it mentions. In the wrong one, `▸` stands before the place that
the caret shows; the right one computes what was meant, and returns a float. `docs/errors.md` shows both, and
`tests/test_refused.py` runs both.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

from llad.dataclass import dataclass
from llad.diagnostics import LladError, UnsupportedError

MARK = "▸"
PARAMETERS = ("x", "y", "n", "c", "a", "k")
_IMPORTS = {"itertools": "import itertools", "math": "import math", "np": "import numpy as np", "llad": "import llad"}


@dataclass(frozen=True, slots=True)
class Program:
    """The text of a file with a function `f` of `parameters`; `place` is the line and column that were marked."""

    text: str
    parameters: tuple[str, ...]
    place: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is stable and shown; `name` is what the compiler's own code calls it.

    `kind` is the class of the error. `message` (what was met) and `hint` (what to write instead) are `str.format`
    templates over the details.
    `outside`: what stands in the file before the programs; `asks`: after the wrong and the right one, where it is not
    the function that is refused but its call. No programs: nothing that can be written meets it.
    """

    code: str
    name: str
    message: str
    hint: str
    wrong: str = ""
    right: str = ""
    outside: str = ""
    kind: type[LladError] = UnsupportedError
    asks: tuple[str, str] = ("", "")

    @property
    def failing(self) -> Program:
        return self._program(self.wrong, self.asks[0])

    @property
    def fixed(self) -> Program:
        return self._program(self.right, self.asks[1])

    def _program(self, body: str, ask: str) -> Program:
        body, outside = inspect.cleandoc(body), inspect.cleandoc(self.outside)
        tree = ast.parse(f"{body}\n{outside}\n{ask}".replace(MARK, ""))
        written = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        parameters = tuple(p for p in PARAMETERS if p in written)
        imports = "\n".join(line for name, line in _IMPORTS.items() if name in written)
        function = f"def f({', '.join(parameters)}):\n{textwrap.indent(body, '    ')}"
        text = "\n\n".join(part for part in (imports, outside, function, ask) if part) + "\n"
        before, mark, _ = text.partition(MARK)
        place = (before.count("\n") + 1, len(before) - before.rfind("\n")) if mark else None
        return Program(text.replace(MARK, ""), parameters, place)
