"""Fill the generated parts of the documents from the tables they describe: `python -m docs.generate`.

A generated part stands between `<!-- begin NAME -->` and `<!-- end -->`; the prose around it is written by hand.
`tests/test_docs.py` fails when a part is not what the tables say.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llad import diagnostics
from llad.compile import (
    FAST,
    HANDED_ON,
    IN_STRIPS,
    OVER_TIME,
    PASSES,
    RELEASED,
    REVERSED,
    SETTLED,
    SLOPES,
    STRICT,
    TAKEN_APART,
    WRITTEN_OUT,
    Pass,
)
from llad.frontend.decompositions import LINALG, SCIPY
from llad.frontend.expressions import EXPRESSIONS
from llad.frontend.library import ATTRIBUTES, FUNCTIONS, METHODS
from llad.frontend.signature import DTYPES
from llad.frontend.special import SPECIAL
from llad.frontend.spellings import CODE_OF_METHODS, NAMES
from llad.frontend.statements import STATEMENTS
from llad.frontend.statics import BUILTINS
from llad.frontend.ufuncs import COMPOSED
from llad.ops.table import OPS
from llad.refusals.record import Program
from llad.refusals.table import PARTS as PARTS_OF_TABLE
from llad.refusals.table import TABLE
from llad.traced.table import METHODS_OF_NUMBERS, PYTHON, SECTIONS, functions_of, place_of

DOCS = Path(__file__).parent

# The lists of passes, by when they run.
PIPELINE: dict[str, tuple[Pass, ...]] = {
    "Before differentiation, and again after it": PASSES,
    "Before either mode, with fastmath": SLOPES,
    "Before reverse mode": OVER_TIME,
    "Before machine code, where there is no reverse sweep": IN_STRIPS,
    "After either of these, where it changes anything": TAKEN_APART,
    "Then, before reverse mode": REVERSED,
    "First, when nothing is left to differentiate": RELEASED,
    "Once, then": SETTLED,
    "Where loops hand on small arrays": HANDED_ON,
    "Where loops over records were written for their usual length": WRITTEN_OUT,
    "Before machine code": FAST,
    "Before machine code, where sums keep their order": STRICT,
}

# How a node of Python's grammar is written.
SPELLED: dict[type[ast.AST], str] = {
    ast.Assign: "`x = …`, also to elements, slices and several targets",
    ast.AnnAssign: "`x: float = …` (the annotation is not read)",
    ast.AugAssign: "`x += …` and its like, in place on arrays",
    ast.Expr: "a call for its effect, a docstring",
    ast.Return: "`return` anywhere",
    ast.Break: "`break`",
    ast.Continue: "`continue`",
    ast.Pass: "`pass`",
    ast.Assert: "`assert condition, 'message'`",
    ast.Raise: "`raise ValueError('message')` and its like, of Python's own exceptions",
    ast.Delete: "`del` of names and of items of lists and dicts",
    ast.Global: "`global` of names that are only read",
    ast.Nonlocal: "`nonlocal`, of names that are assigned in functions which return at their end",
    ast.FunctionDef: "`def` inside a function",
    ast.Import: "`import` and `from … import …`, done when the function is traced",
    ast.With: "`with np.errstate(…)` that ignores or warns",
    ast.If: "`if … elif … else`",
    ast.Match: "`match` on numbers, strings, `None`, classes, dicts, and tuples and lists of known length, with guards",
    ast.For: "`for … else` over a `range`, an array, a tuple, `enumerate`, `zip`, `reversed`",
    ast.While: "`while … else`",
    ast.Name: "names, also of closures and globals",
    ast.Constant: "constants",
    ast.BinOp: "`+ - * / // % ** @ & | ^ << >>`",
    ast.UnaryOp: "`-x`, `+x`, `~x`, `not x`",
    ast.BoolOp: "`and`, `or`, evaluated only as far as needed",
    ast.Compare: "comparisons, also chained",
    ast.IfExp: "`a if c else b`",
    ast.Call: "calls: of the functions below, and of Python functions",
    ast.Attribute: "attributes",
    ast.Subscript: "indexing; slices are views",
    ast.Slice: "slices, which are views",
    ast.Tuple: "tuples",
    ast.List: "lists (at trace time)",
    ast.Set: "sets (at trace time)",
    ast.Dict: "dicts (at trace time)",
    ast.JoinedStr: "f-strings (at trace time; of run-time values in `print`)",
    ast.NamedExpr: "`:=`",
    ast.ListComp: "list comprehensions, also with `if` and several `for`",
    ast.GeneratorExp: "generator expressions, as arguments of functions",
    ast.SetComp: "set comprehensions (at trace time)",
    ast.DictComp: "dict comprehensions (at trace time)",
    ast.Lambda: "`lambda`",
    ast.Starred: "`*args`",
}


def accepted(table: Mapping[Any, Callable[..., Any]], *others: type[ast.AST]) -> str:
    """A list of the node types whose handler does not refuse them, and of others that have no handler."""
    kinds = [*others, *(k for k, handler in table.items() if k in SPELLED and "_refuse" not in handler.__qualname__)]
    return "\n".join(f"- {SPELLED[kind]}" for kind in kinds)


def functions() -> str:
    """The functions that are known, a paragraph for each module."""
    groups: dict[str, list[str]] = {}
    for name in NAMES:
        module, _, short = name.rpartition(".")
        groups.setdefault(module, []).append(f"`{short}`")
    titles = {"": "Builtins", "math": "`math.`", "np": "`np.`", "operator": "`operator.`"}
    titles |= {name: f"`{name}.`" for name in ("np.linalg", "scipy.special", "scipy.linalg")}
    modules = {f: getattr(f, "__module__", None) for f in BUILTINS}  # methods have none
    groups[""] = sorted({*groups[""], *(f"`{f.__name__}`" for f in BUILTINS if modules[f] == "builtins"), "`print`"})
    groups["math"] = sorted([*groups["math"], *(f"`{f.__name__}`" for f in PYTHON)])
    for module in ("itertools", "dataclasses"):
        groups[module] = sorted(f"`{f.__name__}`" for f in BUILTINS if modules[f] == module)
    titles |= {"itertools": "`itertools.`", "dataclasses": "`dataclasses.`"}
    return "\n\n".join(f"**{titles[module]}** " + " ".join(names) for module, names in sorted(groups.items()))


def arrays() -> str:
    dtypes = " ".join(f"`{dtype.name}`" for dtype in DTYPES)
    attributes = " ".join(f"`.{name}`" for name in ATTRIBUTES)
    methods = " ".join(f"`.{name}()`" for name in sorted({*METHODS, *CODE_OF_METHODS}))
    numbers = " ".join(f"`.{name}()`" for name in sorted(METHODS_OF_NUMBERS))
    parts = {"Element types": dtypes, "Attributes": attributes, "Methods": methods, "Methods of numbers": numbers}
    return "\n\n".join(f"**{title}** {names}" for title, names in parts.items())


def numpy_functions() -> str:
    """What is known of NumPy and of `scipy.special`: ufuncs, functions of the compiler, functions in Python."""
    ufuncs = [spelling.split(".")[1] for record in OPS.values() for spelling in record.spellings if "numpy" in spelling]
    composed = [name for name in FUNCTIONS if name in COMPOSED and FUNCTIONS[name].__doc__ is None]
    parts = ["## Element by element", " ".join(f"`{name}`" for name in sorted({*ufuncs, *COMPOSED, *composed}))]
    usages = [f.__doc__ or "" for name, f in FUNCTIONS.items() if name not in COMPOSED]
    usages = sorted({usage.partition("\n")[0] for usage in usages if usage.startswith("np.")})
    parts += ["## Arrays, reductions, views and joins", "\n".join(f"- `{usage}`" for usage in usages)]
    for title, module in SECTIONS.items():
        rows = ["| function | |", "|---|---|"]
        for name, function in functions_of(module).items():
            spelled = f"{place_of(module, name)}.{name}{inspect.signature(function)}"
            about = " ".join((function.__doc__ or "").split()).replace("|", "\\|")
            rows.append(f"| `{spelled}` | {about} |")
        parts += [f"## {title}", "\n".join(rows)]
    rows = ["| function | |", "|---|---|"]
    for handler in (*LINALG.values(), *SCIPY.values()):
        spelled, _, about = (handler.__doc__ or "").partition("\n")
        rows.append(f"| `{spelled}` | {' '.join(about.split())} |")
    parts += ["## Linear algebra", "\n".join(rows)]
    parts += ["## `scipy.special`", " ".join(f"`{name}`" for name in sorted(SPECIAL))]
    return "\n\n".join(parts)


def refusals() -> str:
    """The table of what is refused: code, what, what to write instead."""
    rows = ["| code | what | write instead |", "|---|---|---|"]
    for row in TABLE.values():
        code = f"[{row.code}](errors.md#{row.code.lower()})"
        cells = (code, templated(row.message), templated(row.hint))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def programs() -> str:
    """A section for every code: what was met, what to write instead, a program before and after."""
    out: list[str] = []
    for title, rows in PARTS_OF_TABLE:
        out.append(f"## {title}\n")
        for row in rows:
            out.append(f"### {row.code}\n\n{templated(row.message)}: {templated(row.hint)}.\n")
            if row.wrong:
                out.append(f"```python\n{pointed(row.failing)}```\n\n```python\n{row.fixed.text}```\n")
    return "\n".join(out)


def pointed(program: Program) -> str:
    """The program with a caret below what is refused, if that is in it."""
    if program.place is None:
        return program.text
    line, column = program.place
    lines = program.text.splitlines()
    mark = f"# {' ' * (column - 3)}^" if column > 2 else "^"
    return "\n".join([*lines[:line], mark, *lines[line:], ""])


def templated(text: str) -> str:
    """Without the braces of the fields; a text that is one field stands for what depends on the case."""
    if re.fullmatch(r"{\w+}", text):
        return "(says what is nearest)"
    return re.sub(r"{(\w+)}", r"…", text)


def kinds() -> str:
    """The classes of errors that are llad's own."""
    rows = ["| class | shown as | meaning |", "|---|---|---|"]
    for kind in error_classes():
        about = (kind.__doc__ or "").strip().splitlines()[0]
        base = ", a `TypeError`" if issubclass(kind, TypeError) else ""
        rows.append(f"| `{kind.__name__}`{base} | `{kind.kind}` | {about} |")
    return "\n".join(rows)


def error_classes() -> Iterator[type[diagnostics.LladError]]:
    base = diagnostics.LladError
    for value in vars(diagnostics).values():
        if isinstance(value, type) and issubclass(value, base) and value is not base:
            yield value


def passes() -> str:
    """The pipeline: which passes run when, and the first line of what each says of itself."""
    parts: list[str] = []
    told: set[Pass] = set()
    for title, steps in PIPELINE.items():
        parts.append(f"**{title}**: " + " ".join(f"`{step.__name__}`" for step in steps))
        fresh = [step for step in dict.fromkeys(steps) if step not in told]
        told.update(fresh)
        parts.append("\n".join(f"- `{step.__name__}`: {_first_sentence(step)}" for step in fresh))
    return "\n\n".join(part for part in parts if part)


def _first_sentence(step: Pass) -> str:
    text = importlib.import_module(step.__module__).__doc__ or ""
    return text.strip().splitlines()[0]


PARTS: dict[str, Callable[[], str]] = {
    "statements": lambda: accepted(STATEMENTS, ast.Import, ast.If, ast.Match),
    "expressions": lambda: accepted(EXPRESSIONS),
    "functions": functions,
    "arrays": arrays,
    "numpy functions": numpy_functions,
    "refusals": refusals,
    "programs": programs,
    "error kinds": kinds,
    "passes": passes,
}

PART = re.compile(r"(<!-- begin ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with every generated part as the tables have it now."""
    return PART.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}\n{match[3]}", text)


def documents() -> list[Path]:
    return [path for path in sorted(DOCS.glob("*.md")) if PART.search(path.read_text())]


if __name__ == "__main__":
    for path in documents():
        path.write_text(filled(path.read_text()))
        print(f"wrote {path}")
