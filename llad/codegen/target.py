"""The machine that code is generated for: the one this process runs on, CPU name and features included.

LLVM's native target is initialised on first use, so importing llad does not pay for it. Everything here runs under
`LOCK`, which serialises all of llad's dealings with LLVM (llvmlite locks single calls only, and a compile is many), and
all tracing and compiling. A fork waits for it, so that no child is born with LLVM half-way through something, or with
a lock that nobody will release.

Invariant: nothing process-global stays set in LLVM, so Numba in the same process is not affected.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from functools import cache
from typing import Any, TypeVar

import llvmlite.binding as llvm

T = TypeVar("T")
LOCK = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@cache
def machine(quick: bool = False, number: int = 0) -> Any:
    """LLVM's target machine for this host: for code that is fast, or that is `quick` to have.

    Modules that are compiled at the same time need machines of different numbers.
    """
    with LOCK:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
        target = llvm.Target.from_triple(llvm.get_process_triple())
        return target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=_features(),
            opt=0 if quick else 3,
            jit=True,
            **({"reloc": "pic", "codemodel": "small"} if _together() else {"codemodel": "jitdefault"}),
        )


def _together() -> bool:
    """Whether an object's code and constants get their place in one piece, so that an instruction can read a constant.

    Otherwise its address is an instruction, too. JITLink gives them such a place, and calls out of it their way.
    """
    return llvm.get_process_triple().startswith("x86_64") and sys.platform == "linux"


def _features() -> str:
    """What the host can, and where LLVM is told otherwise than it assumes of AVX-512.

    Its scatter takes longer than a store for each element, and so does AMD's gather than a load; and Intel's processors
    run at nearly full clock with vectors of 64 bytes by now, so loops are not confined to 32.
    """
    features: str = llvm.get_host_cpu_features().flatten()
    gather = ",+prefer-no-gather" if _is_amd() else ""
    return f"{features}{gather},+prefer-no-scatter,-prefer-256-bit" if "+avx512f" in features else features


def _is_amd() -> bool:
    name: str = llvm.get_host_cpu_name()
    return name.startswith("znver")


@cache
def fuses() -> bool:
    """Whether a·b + c rounded once is one instruction of this host."""
    with LOCK:
        arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
        return arm or bool(llvm.get_host_cpu_features().get("fma"))


@cache
def scales() -> bool:
    """Whether x·2ᵏ, of vectors of any size, is one instruction of this host."""
    with LOCK:
        features = llvm.get_host_cpu_features()
        return bool(features.get("avx512f") and features.get("avx512vl"))


@cache
def masks(stores: bool) -> bool:
    """Whether vectors are loaded, and maybe stored, under a mask by one quick instruction of this host.

    AMD's processors without AVX-512 take a dozen cycles for such a store.
    """
    with LOCK:
        features = llvm.get_host_cpu_features()
        slow = stores and _is_amd()
        return bool(features.get("avx512f") or (features.get("avx2") and not slow))


@cache
def narrower() -> int:
    """The bytes of vectors between additions of single numbers that wait for each other; 0: as many as otherwise.

    While there are vectors of 64 bytes in them, Intel's processors do without one of the two units that add fast.
    """
    with LOCK:
        return 32 if vectors()[0] == 64 and not _is_amd() else 0


WIDEST = 64  # bytes of a vector of a processor that also has 32 registers for them, and masks


@cache
def vectors() -> tuple[int, int]:
    """Of the host's vectors: the bytes of one, and how many registers there are for them."""
    with LOCK:
        features = llvm.get_host_cpu_features()
        if features.get("avx512f"):
            return WIDEST, 32
        arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
        return (32 if features.get("avx") else 16), (32 if arm else 16)


@cache
def header() -> str:
    """The lines that every module begins with: data layout and triple of the host."""
    with LOCK:
        host = machine()
        return f'target datalayout = "{host.target_data}"\ntarget triple = "{host.triple}"\n'


@cache
def linker() -> Any:
    """The process's one ORC JIT, into which every specialisation is linked as a library of its own."""
    with LOCK:
        return immortal(llvm.create_lljit_compiler(machine(), use_jit_link=_together()))


def immortal(thing: T) -> T:
    """The same thing, which lives as long as the process.

    Arrays that a call returned may outlive every module of Python, and what frees their memory is machine code.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))
    return thing
