"""Programs kept in files: `tests/found/` holds what was found once, and what the random programs rerun first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from .judge import Verdict
from .subject import Subject

FOUND = Path(__file__).parents[1] / "found"


def literal(value: Any) -> str:
    """`value` as Python writes it."""
    if isinstance(value, np.ndarray):
        dtype = ", dtype=int" if value.dtype.kind == "i" and not value.size else ""
        return f"np.array({value.tolist()!r}{dtype})"
    return f"({''.join(f'{literal(v)}, ' for v in value).rstrip()})" if isinstance(value, tuple) else repr(value)


def as_test(subject: Subject, verdict: Verdict, origin: str) -> str:
    """The text of a file of `tests/found/`."""
    what = verdict.message.strip().splitlines()[0]
    body = subject.source.rstrip("\n")
    if "import numpy as np" not in body:  # the arguments want it
        body = f"import numpy as np\n\n\n{body}"
    return f'"""{verdict.check}: {what}\n\n{origin}.\n"""\n\n{body}\n\n\nARGUMENTS = {literal(subject.args)}\n'


def store(directory: Path, subject: Subject, verdict: Verdict, origin: str) -> Path:
    """Write the test into `directory`; its name says what failed."""
    stem = re.sub(r"[^a-z0-9]+", "_", f"{verdict.check} {verdict.kind}".lower())[:60].strip("_")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{stem}_{sum(1 for _ in directory.glob(f'{stem}*.py'))}.py"
    path.write_text(as_test(subject, verdict, origin))
    return path


def kept(path: Path) -> Subject:
    """The program in a file."""
    text = path.read_text()
    subject = Subject(text, ())
    subject.args = subject.function.__globals__["ARGUMENTS"]
    return subject
