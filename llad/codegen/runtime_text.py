"""Phrases of LLVM text that the functions of the run-time share: what lies at an offset from an address.

`%x.p` is the address of what `%x` holds.
"""

from __future__ import annotations


def address(name: str, base: str, offset: int) -> str:
    """Let `%name` be the address so many bytes behind another one."""
    return f"%{name} = getelementptr inbounds i8, ptr {base}, i64 {offset}"


def loaded(name: str, type: str, base: str, offset: int) -> str:
    """Let `%name` be what lies there, and `%name.p` the address."""
    return f"{address(f'{name}.p', base, offset)}\n  %{name} = load {type}, ptr %{name}.p"


def stored(name: str, type: str, base: str, offset: int) -> str:
    """Store `%name` there, and let `%name.p` be the address."""
    return f"{address(f'{name}.p', base, offset)}\n  store {type} %{name}, ptr %{name}.p"
