"""`python -m benchmarks`: what there is to run."""

from __future__ import annotations

import ast
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    about = (ast.get_docstring(ast.parse(file.read_text())) or "").splitlines()
    if about and 'if __name__ == "__main__"' in file.read_text() and file != Path(__file__):
        print(f"python -m benchmarks.{file.stem:12} {about[0]}")
