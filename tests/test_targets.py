"""Code for other CPUs than the one at hand: it is emitted, is an object of its kind, and uses its vectors."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from building import build, loop

import llad
from benchmarks import loops
from llad.codegen import loop_hints, optimise, runtime, runtime_matmul, vector_math, vector_text, vector_trig
from llad.codegen.lower import Lowered, lower
from llad.ir.build import Builder
from llad.ir.parse import parse
from llad.ir.types import F32, F64, BufferType, ScalarType
from llad.ops.table import OPS


@dataclass(frozen=True)
class Cpu:
    triple: str
    name: str
    features: str
    fuses: bool
    scales: bool
    masks: bool
    size: int  # bytes of a vector
    registers: int  # for vectors
    machine: int  # the number of the architecture in ELF
    vectors: str  # what an instruction on vectors of doubles looks like


LINUX, ARM_LINUX = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
CPUS = {
    "generic": Cpu(LINUX, "x86-64", "", False, False, False, 16, 16, 62, r"mulpd\s+.*%xmm"),
    "AVX-512": Cpu(LINUX, "skylake-avx512", "-prefer-256-bit", True, True, True, 64, 32, 62, r"vmulpd\s+.*%zmm"),
    "aarch64": Cpu(ARM_LINUX, "generic", "+neon", True, False, False, 16, 32, 183, r"fmul\s+v\d+\.2d"),
}


@pytest.fixture(params=CPUS)
def cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cpu]:
    """The CPU that code is made for, in place of the host. Nothing is linked."""
    wanted = CPUS[request.param]
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(wanted.triple).create_target_machine(
        cpu=wanted.name, features=wanted.features, opt=3, codemodel="jitdefault", jit=True
    )
    layout = f'target datalayout = "{machine.target_data}"\ntarget triple = "{wanted.triple}"\n'
    vector_math.vector_text.cache_clear()
    runtime_matmul.matmul_text.cache_clear()
    monkeypatch.setattr(vector_text, "fuses", lambda: wanted.fuses)
    monkeypatch.setattr(vector_text, "scales", lambda: wanted.scales)
    monkeypatch.setattr(loop_hints, "masks", lambda stores: wanted.masks)
    monkeypatch.setattr(loop_hints, "narrower", lambda: wanted.size // 2 if wanted.size == 64 else 0)
    monkeypatch.setattr(runtime_matmul, "vectors", lambda: (wanted.size, wanted.registers))
    monkeypatch.setattr(optimise, "machine", lambda quick=False, number=0: machine)
    monkeypatch.setattr(optimise, "header", lambda: layout)
    yield wanted
    vector_math.vector_text.cache_clear()
    runtime_matmul.matmul_text.cache_clear()


def assembly_of(text: str) -> str:
    return optimise.after_o2(text, optimise.assembly)


def assert_emitted(text: str, cpu: Cpu, symbol: str, vectors: bool) -> None:
    """What is emitted is an ELF object of the CPU with code and the symbol in it, and `vectors` if asked."""
    (image,) = optimise.objects([text])
    if vectors:
        assert re.search(cpu.vectors, assembly_of(text)), symbol
    kind, machine = struct.unpack_from("<HH", image, 16)
    assert image[:4] == b"\x7fELF" and (kind, machine) == (1, cpu.machine)
    file = llvm.ObjectFileRef.from_data(image)  # which the sections need
    assert any(section.is_text() and section.size() > 16 for section in file.sections())
    assert symbol.encode() in image
    assert not re.search(rb"llad\.(scaled|eighth)", image)  # nothing that is inlined late is left


def mapped_text(name: str, dtype: ScalarType) -> str:
    """y[i] = name(x[i], …)."""
    arity = len(OPS[name].domain)

    def body(b: Builder, *buffers: Any) -> list[Any]:
        def step(i: Any) -> list[Any]:
            b.store(b.op(name, *(b.load(x, i) for x in buffers[:-1])), buffers[-1], i)
            return []

        loop(b, 0, b.dim(buffers[-1], 0), [], step, kind="parallel")
        return []

    lowered = lower(build([BufferType(dtype, 1)] * (arity + 1), body), name + "_of_all", False)
    return visible(lowered)


def visible(lowered: Lowered) -> str:
    """The module of a function, which is not internal."""
    return runtime.module_text([replace(lowered, text=lowered.text.replace("define internal", "define", 1))])


@pytest.mark.parametrize("dtype", [F64, F32])
def test_every_elementary_function_is_vectorised_for_every_cpu(cpu: Cpu, dtype: ScalarType) -> None:
    for name in vector_math.NAMES:
        assert_emitted(mapped_text(name, dtype), cpu, name + "_of_all", dtype == F64)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_an_exponential_is_scaled_by_one_instruction_where_there_is_one(cpu: Cpu, dtype: ScalarType) -> None:
    assembly = assembly_of(mapped_text("exp", dtype))
    packed, single = ("pd", "sd") if dtype == F64 else ("ps", "ss")
    register = "zmm" if cpu.scales else "[xyz]mm"
    assert bool(re.search(rf"vscalef{packed}\s+.*%{register}", assembly)) == cpu.scales
    assert (f"vscalef{single}" in assembly) <= cpu.scales


@pytest.mark.parametrize("name", vector_trig.FAR)
def test_nothing_is_called_in_a_loop_of_vectors_unless_an_argument_is_huge(cpu: Cpu, name: str) -> None:
    called = re.findall(r"call <\d x double> @llad\.(\w+)\.", optimise.after_o2(mapped_text(name, F64), str))
    assert set(called) == {f"lanes_{name}"}


@pytest.mark.parametrize("name", ["exp", "tanh"])
@pytest.mark.parametrize("dtype", [F64, F32])
def test_roots_of_two_come_from_one_register_where_eight_fit_in(cpu: Cpu, name: str, dtype: ScalarType) -> None:
    assert ("vpermpd" in assembly_of(mapped_text(name, dtype))) == (cpu.scales and dtype == F64)


def heat(u: Any, steps: int) -> Any:
    for _ in range(steps):
        v = u.copy()
        for i in range(1, len(u) - 1):
            v[i] = u[i] + 0.1 * (u[i - 1] - 2.0 * u[i] + u[i + 1])
        u = v
    return np.sum(u * u)


def until_small(x: Any, limit: float) -> Any:
    count = 0.0
    while x > limit:
        x = x * 0.5 if math.floor(x) % 2.0 == 0.0 else x - 1.0
        count += math.lgamma(x * x + 1.0)
    return count


def products(a: Any, b: Any) -> Any:
    return np.sum(np.tanh(a @ b) ** 3)


def fib(x: Any, n: int) -> Any:
    return x if n < 2 else fib(x, n - 1) * 0.5 + fib(x, n - 2)


PROGRAMS: list[tuple[Any, tuple[Any, ...]]] = [
    (loops.black_scholes, (*[np.ones(3)] * 4, 0.1)),
    (heat, (np.ones(5), 3)),
    (until_small, (9.0, 0.1)),
    (products, (np.ones((3, 4)), np.ones((4, 2)))),
    (fib, (1.0, 5)),
]


def test_whole_programs_are_emitted_for_every_cpu(cpu: Cpu) -> None:
    for k, (f, args) in enumerate(PROGRAMS):
        gradient = parse(llad.jit_grad(f).dump_ir(*args, of="gradient"))
        assert_emitted(visible(lower(gradient, f.__name__, bool(k % 2))), cpu, f.__name__, False)


def squares(x: Any) -> Any:
    total = 0.0
    for i in range(len(x)):
        total += (x[i] - 1.0) * (x[i] * x[i] + 2.0 * x[i]) * (3.0 - x[i]) + x[i]
    return total


def test_the_terms_of_an_ordered_sum_are_in_vectors_that_do_not_slow_it_down(cpu: Cpu) -> None:
    function = parse(llad.jit(squares).dump_ir(np.ones(3)))
    assembly = assembly_of(visible(lower(function, "squares", False)))
    assert "zmm" not in assembly
    assert ("ymm" in assembly) == (cpu.size == 64)


def test_the_product_of_matrices_holds_its_tiles_in_registers(cpu: Cpu) -> None:
    """What is added up in the loop over k stays there: it stores nothing."""
    text = runtime.resident_text(["llad.matmul.f64"])
    assert_emitted(text, cpu, "llad.matmul.f64", False)
    assembly = assembly_of(text)
    fused = {"generic": r"addpd", "AVX-512": r"vfmadd\d+pd\s+.*%zmm", "aarch64": r"fmla\s+v\d+\.2d"}
    name = next(key for key, value in CPUS.items() if value is cpu)
    blocks = re.split(r"^\S*:.*$", assembly, flags=re.MULTILINE)
    hot = max(blocks, key=lambda block: len(re.findall(fused[name], block)))
    assert len(re.findall(fused[name], hot)) >= 12
    assert not re.search(r"%[xyz]mm\d+, \S*\(|\bst[rp]\s+q", hot)
