"""What Python calls when it lets go of a large array that a call has returned: its block goes to the pool.

The capsule that owns the block (`llad.capsule` in `runtime_pool.py`) outlives the code that made it, so this is linked
once a process and stays. The capsule's context is the length of the block.
"""

from __future__ import annotations

from functools import cache

from llad.codegen.jit import Linked, link
from llad.codegen.layout import c_symbol
from llad.codegen.runtime import module_text
from llad.codegen.runtime_pool import RECLAIM
from llad.codegen.target import LOCK, immortal

_MADE = ("PyCapsule_New", "PyCapsule_SetContext")
_READ = ("PyCapsule_GetPointer", "PyCapsule_GetContext")
_TEXT = f"""
declare ptr @PyCapsule_GetPointer(ptr, ptr)
declare ptr @PyCapsule_GetContext(ptr)
define void @{RECLAIM}(ptr %capsule) {{
  %block = call ptr @PyCapsule_GetPointer(ptr %capsule, ptr null)
  %word = call ptr @PyCapsule_GetContext(ptr %capsule)
  %length = ptrtoint ptr %word to i64
  call void @llad.give(ptr %block, i64 %length)
  ret void
}}
"""


@cache
def _linked() -> Linked:
    return immortal(link(module_text([_TEXT]), [RECLAIM], {name: c_symbol(name) for name in _READ}))


def reclaiming() -> dict[str, int]:
    """The address behind each external name that `llad.capsule` mentions."""
    with LOCK:
        return {RECLAIM: _linked().addresses[RECLAIM], **{name: c_symbol(name) for name in _MADE}}
