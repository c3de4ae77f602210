"""Facts of traces that are recalled: by a process that would trace the same, and by no other.

Here each module that is made anew is another process, as far as llad can tell.
"""

from __future__ import annotations

import ast
import builtins
import gc
import importlib
import math
import pkgutil
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import programs
import pytest
from programs.case import Program, programs_of

import llad
import llad.program
from llad.codegen.outline import identity
from llad.diagnostics import Span
from llad.facts import facts_of
from llad.fit import plain
from llad.frontend.inventory import Inventory
from llad.frontend.reads import asked, found, written
from llad.frontend.signature import ALL, Guard, spec_of
from llad.frontend.trace import trace
from llad.frontend.words import Undescribed, data_of, value_of

FRONTEND = Path(__file__).parents[1] / "llad" / "frontend"
MODULES = sorted(m.name for m in pkgutil.iter_modules(programs.__path__))
CORPUS = [p for name in MODULES for p in programs_of(importlib.import_module(f"programs.{name}"))]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for code; what is recalled is not traced all the same, as it is in other tests."""
    place = tmp_path / "kept"
    monkeypatch.setenv("LLAD_CACHE_DIR", str(place))
    monkeypatch.setattr(llad.program, "VERIFY", False)
    for name in ("made", "other"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    return place


class Made:
    """A module of this text, and `f` of it."""

    def __init__(self, tmp_path: Path, text: str, **names: Any) -> None:
        path = tmp_path / "made.py"
        path.write_text(text)
        self.module = types.ModuleType("made")
        vars(self.module).update(names)
        sys.modules["made"] = self.module
        exec(compile(text, str(path), "exec"), vars(self.module))
        self.program = llad.program.Program(self.module.f)

    def stage(self, *args: Any) -> llad.program.Stage:
        return self.program.stage(args)


def recalls(made: Made, *args: Any) -> bool:
    """Whether it is recalled; then all of it is held against a trace that is made now."""
    stage = made.stage(*args)
    recalled = stage.recalled
    fresh = trace(made.module.f, stage.specs)
    want = identity(fresh.function)
    assert stage.identity.digest == want.digest
    assert [callers(span) for span in stage.identity.spans] == [callers(span) for span in want.spans]
    assert guarded(stage.facts.guards) == guarded(fresh.guards)
    assert list(map(id, stage.facts.captured)) == list(map(id, fresh.captured))
    assert facts_of(fresh) == stage.facts
    return recalled


def callers(span: Span | None) -> list[tuple[Span, str]]:
    return [] if span is None else [(span, span.function), *callers(span.caller)]


def guarded(guards: tuple[Guard, ...]) -> list[tuple[int, str, int]]:
    """What can be compared of guards: namespaces of classes are read through views that are made anew."""
    views = types.MappingProxyType
    holders = [gc.get_referents(g.holder)[0] if isinstance(g.holder, views) else g.holder for g in guards]
    values = [hash(tuple(map(id, g.value))) if g.name == ALL else id(g.value) for g in guards]
    return [(id(holder), g.name, value) for holder, g, value in zip(holders, guards, values, strict=True)]


SOURCE = """
import math
from math import sin
c = 2.0
pair = (1.5, 3)
w = np.array([1.0, 2.0])
v = np.array([3.0, 4.0])
def g(x, k=2.0, *, m=1.0):
    return k * x * x + m
def closing(k):
    return lambda x: k * x
def again(k):
    return lambda x: k * x
h = closing(3.0)
def f(x):
    return c * g(x) + sin(x) + math.cos(abs(x)) + pair[0] + h(x) + w[0] * x + v[0] + other.a
"""


def other(a: float = 0.5) -> types.ModuleType:
    """A module of the user's."""
    made = types.ModuleType("other")
    made.a = a  # type: ignore[attr-defined]
    sys.modules["other"] = made
    return made


def make(tmp_path: Path, text: str = SOURCE, **names: Any) -> Made:
    return Made(tmp_path, text, **{"np": np, "other": other(), **names})


def test_what_did_not_change_is_recalled(tmp_path: Path) -> None:
    assert not recalls(make(tmp_path), 1.5)
    assert recalls(make(tmp_path), 1.5)
    assert not recalls(make(tmp_path), np.float32(1.5))
    assert recalls(make(tmp_path), np.float64(2.5))  # which nothing tells from a float here


CHANGES: dict[str, Callable[[Any], object]] = {
    "number": lambda m: vars(m).update(c=3.0),
    "type": lambda m: vars(m).update(c=2),
    "NumPy's type": lambda m: vars(m).update(c=np.float64(2.0)),
    "sign of zero": lambda m: vars(m).update(pair=(-0.0, 3)),
    "length": lambda m: vars(m).update(pair=(1.5,)),
    "contents of a cell": lambda m: vars(m).update(h=m.closing(4.0)),
    "function": lambda m: vars(m).update(h=m.g),
    "library's function": lambda m: vars(m).update(sin=math.cos),
    "function in place of the library's": lambda m: vars(m).update(sin=m.g),
    "function in place of a builtin": lambda m: vars(m).update(abs=m.h),
    "dtype": lambda m: vars(m).update(w=np.array([1, 2])),
    "layout": lambda m: vars(m).update(w=np.arange(8.0)[::2]),
    "arrays that are one": lambda m: vars(m).update(w=m.v),
    "attribute": lambda m: setattr(m.other, "a", 0.25),
    "module": lambda m: vars(m).update(other=other(0.75)),
    "defaults": lambda m: setattr(m.g, "__defaults__", (3.0,)),
    "defaults of keywords": lambda m: setattr(m.g, "__kwdefaults__", {"m": 2.0}),
    "default of a keyword": lambda m: m.g.__kwdefaults__.update(m=2.0),
    "code": lambda m: setattr(m.h, "__code__", m.again(1.0).__code__),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_is_traced(name: str, tmp_path: Path) -> None:
    make(tmp_path).stage(1.5)
    made = make(tmp_path)
    CHANGES[name](made.module)
    assert not recalls(made, 1.5)
    assert recalls(make(tmp_path), 1.5)  # both are kept


@pytest.mark.parametrize(
    ("old", "new"),
    [("k * x * x + m", "k * x + m"), ("k * x\n", "k - x\n"), ("c = 2.0", "c = 2.5"), ("f(x)", "f(x, y=1.0)")],
)
def test_another_text_is_traced(old: str, new: str, tmp_path: Path) -> None:
    make(tmp_path).stage(1.5)
    assert old in SOURCE and not recalls(make(tmp_path, SOURCE.replace(old, new)), 1.5)


def test_the_library_is_looked_at_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for holder, name in ((math, "cos"), (builtins, "abs")):
        make(tmp_path).stage(1.5)
        made = make(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(holder, name, made.module.h)
            assert not recalls(made, 1.5)
        assert recalls(make(tmp_path), 1.5)


def test_elements_are_read_when_it_is_called(tmp_path: Path) -> None:
    make(tmp_path).stage(1.5)
    made = make(tmp_path)
    made.module.w[:] = 7.0, 8.0
    assert recalls(made, 1.5)
    assert llad.grad(made.module.f)(1.5) == pytest.approx(12.0 + math.cos(1.5) - math.sin(1.5) + 3.0 + 7.0)


def test_an_axis_of_one_element_is_no_other(tmp_path: Path) -> None:
    text = "def f(x):\n    return np.sum(x * w)\n"
    x = np.ones(3)
    assert not recalls(make(tmp_path, text, w=np.ones(3)), x)
    assert recalls(make(tmp_path, text, w=np.ones(4)), x)
    assert not recalls(make(tmp_path, text, w=np.ones(1)), x)
    assert not recalls(make(tmp_path, text, w=np.ones(3)), np.ones(1))
    assert recalls(make(tmp_path, text, w=np.ones(1)), x)


def test_closures_of_one_function_are_kept_side_by_side(tmp_path: Path) -> None:
    text = "def made(k):\n    return lambda x: k * x\nf = made(scale)\n"
    for scale in range(12):
        assert not recalls(make(tmp_path, text, scale=scale), 1.5)
    assert [recalls(make(tmp_path, text, scale=scale), 1.5) for scale in range(11, 3, -1)] == [True] * 8
    assert not recalls(make(tmp_path, text, scale=0), 1.5)


def test_cells_that_are_shared_are_no_others(tmp_path: Path) -> None:
    text = """
def made(k, m):
    return lambda x: k * x, lambda x: k + m * x
a, b = made(2.0, 3.0)
def f(x):
    return a(x) + b(x)
"""
    make(tmp_path, text).stage(1.5)
    assert recalls(make(tmp_path, text), 1.5)
    made = make(tmp_path, text)
    made.module.b = made.module.made(5.0, 3.0)[1]
    assert not recalls(made, 1.5)


CONTAINERS = """
rows = [[0.5, 2.0], [1.0]]
held = {"rate": 3.0, "rows": rows, "w": np.ones(2), "names": {"a"}}
class C:
    rates = [0.25]
def f(x):
    return held["rate"] * x + rows[0][1] * held["rows"][1][0] + held["w"][0] + ("a" in held["names"]) + C.rates[0]
"""

CONTAINER_CHANGES: dict[str, Callable[[Any], object]] = {
    "number": lambda m: m.held.update(rate=4.0),
    "type": lambda m: m.held.update(rate=3),
    "key": lambda m: m.held.update(more=3.0),
    "order": lambda m: m.held.update(rate=m.held.pop("rate")),
    "item of an item": lambda m: m.rows[0].append(1.0),
    "lists that are one": lambda m: m.held.update(rows=[[0.5, 2.0], [1.0]]),
    "kind of a container": lambda m: m.rows.__setitem__(1, {0: 1.0}),
    "dtype": lambda m: m.held.update(w=np.ones(2, int)),
    "set": lambda m: m.held["names"].add("b"),
    "what a class holds": lambda m: m.C.rates.append(1.0),
}


IMPORTING = """
def f(x):
    from math import sin
    import other as o
    from numpy import linalg
    return sin(x) * o.a + linalg.norm(np.ones(2))
"""


def test_what_is_imported_is_read_again(tmp_path: Path) -> None:
    assert not recalls(make(tmp_path, IMPORTING), 1.5)
    assert recalls(make(tmp_path, IMPORTING), 1.5)
    made = make(tmp_path, IMPORTING)
    sys.modules["other"].a = 0.25  # type: ignore[attr-defined]
    assert not recalls(made, 1.5)
    assert recalls(make(tmp_path, IMPORTING), 1.5)


def test_containers_are_told_by_all_that_is_in_them(tmp_path: Path) -> None:
    assert not recalls(make(tmp_path, CONTAINERS), 1.5)
    assert recalls(make(tmp_path, CONTAINERS), 1.5)


@pytest.mark.parametrize("name", CONTAINER_CHANGES)
def test_a_container_that_changed_is_traced(name: str, tmp_path: Path) -> None:
    make(tmp_path, CONTAINERS).stage(1.5)
    made = make(tmp_path, CONTAINERS)
    CONTAINER_CHANGES[name](made.module)
    assert not recalls(made, 1.5)
    assert recalls(make(tmp_path, CONTAINERS), 1.5)


TEXTS = {
    "the address of a function": "def f(x):\n    print(f'{g}')\n    return x\n",
    "the hash of a text": "def f(x):\n    return x * hash('a')\n",
    "the order of a set": "def f(x):\n    return x if ''.join({'a', 'b', 'c'}) == 'abc' else -x\n",
    "what an object says of itself": "def f(x):\n    return x if hasattr(other, 'a') else -x\n",
    "an object": "class C:\n    k = 2.0\nc = C()\ndef f(x):\n    return x * c.k\n",
    "a number of a class": "class N(np.float64):\n    k = 2.0\nn = N(3.0)\ndef f(x):\n    return x * n.k\n",
    "a class of another kind": "class M(type):\n    pass\nclass C(metaclass=M):\n    k = 2.0\ndef f(x): return C.k\n",
    "what a class holds": "class C:\n    k = 2.0\n    m = bytearray()\ndef f(x):\n    return x * C.k\n",
    "parts of a complex array": "z = np.ones(2) * 1j\ndef f(x):\n    return x * z[0].imag\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_no_words_can_tell_is_traced(name: str, tmp_path: Path) -> None:
    for _ in range(2):
        assert not make(tmp_path, TEXTS[name], g=other).stage(1.5).recalled


CLASSES = """
import dataclasses
from typing import NamedTuple
class Base:
    scale = 2.0
    def scaled(self, x):
        return self.scale * x + self.rate
class Model(Base):
    def __init__(self, rate):
        self.rate, self.name = rate, "model"
    def __call__(self, x):
        return self.scaled(x) if self.name == "model" else x
    @property
    def double(self):
        return 2.0 * self.rate
    @staticmethod
    def cubed(x):
        return x * x * x
@dataclasses.dataclass
class Point:
    a: float
    b: float = 3.0
    c: tuple = dataclasses.field(default_factory=tuple)
    def __add__(self, other):
        return Point(self.a + other.a, self.b)
class Pair(NamedTuple):
    a: float
    b: float = 4.0
    def total(self):
        return self.a + self.b
def f(m, p, q, x):
    made = p + Point(x)
    return made, Pair(m(x) + m.double + Model.cubed(made.b) + q.total(), b=m.rate), Pair(x)
"""


def with_classes(tmp_path: Path, text: str = CLASSES) -> tuple[Made, tuple[Any, ...]]:
    made = make(tmp_path, text)
    m = made.module
    return made, (m.Model(0.5), m.Point(1.0), m.Pair(2.0), 1.5)


def learnt(made: Made, args: tuple[Any, ...]) -> llad.program.Stage:
    attributes = made.program.attributes
    return made.program.learning(lambda: made.program.stage(tuple(plain(value, attributes) for value in args)))


def test_classes_are_told_by_all_that_is_in_them(tmp_path: Path) -> None:
    assert not learnt(*with_classes(tmp_path)).recalled
    made, args = with_classes(tmp_path)
    stage = learnt(made, args)
    assert stage.recalled
    fresh = trace(made.module.f, stage.specs)
    assert guarded(stage.facts.guards) == guarded(fresh.guards) and facts_of(fresh) == stage.facts
    assert stage.traced.result == fresh.result
    assert made.program.attributes[made.module.Model] == ("name", "scaled", "scale", "rate")


def test_attributes_that_a_trace_asks_for_are_recalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learnt(*with_classes(tmp_path))
    monkeypatch.setattr(llad.program, "pipeline", None)  # nothing is traced
    assert learnt(*with_classes(tmp_path)).recalled


CLASS_CHANGES: dict[str, Callable[[Any], object]] = {
    "attribute": lambda m: setattr(m.Base, "scale", 3.0),
    "attribute that hides another": lambda m: setattr(m.Model, "scale", 3.0),
    "method": lambda m: setattr(m.Base, "scaled", m.Model.cubed),
    "method that hides another": lambda m: setattr(m.Model, "scaled", m.Model.cubed),
    "property": lambda m: setattr(m.Model, "double", property(lambda self: self.rate)),
    "base": lambda m: setattr(m.Model, "__bases__", (type("Other", (m.Base,), {}),)),
    "operator": lambda m: delattr(m.Point, "__add__"),
    "default": lambda m: setattr(m.Point.__dataclass_fields__["b"], "default", 5.0),
    "default of what is generated": lambda m: setattr(m.Point.__init__, "__defaults__", (5.0, ())),
    "default of a named tuple": lambda m: setattr(m.Pair.__new__, "__defaults__", (5.0,)),
    "class": lambda m: vars(m).update(Point=m.Pair),
}


@pytest.mark.parametrize("name", CLASS_CHANGES)
def test_a_class_that_changed_is_traced(name: str, tmp_path: Path) -> None:
    learnt(*with_classes(tmp_path))
    made, args = with_classes(tmp_path)
    CLASS_CHANGES[name](made.module)
    try:
        assert not learnt(made, args).recalled
    except llad.LladError:  # which only a trace can find
        assert name in ("operator", "class", "method", "method that hides another")


def test_arguments_are_part_of_the_question(tmp_path: Path) -> None:
    text = "def f(x, *y, **k):\n    return x\n"
    z = np.ones((2, 2))
    calls: list[tuple[Any, ...]] = [
        (1.5,), (1.5, 1), (1.5, "a"), (1.5, "b"), (1.5, None), (1.5, (1, 2.0)), (1.5, [1, 2.0]), (1.5, {"a": 1}),
        (1.5, {"b": 1}), (1.5, z), (1.5, z.T), (1.5, 1j), (1.5, math.sin), (1.5, math.cos), (1.5, make), (z, 1.5),
    ]  # fmt: skip
    for want in (False, True):
        made = make(tmp_path, text)
        assert [recalls(made, *args) for args in calls] == [want] * len(calls)
    assert not recalls(make(tmp_path, text), 1.5, Made)
    assert not recalls(make(tmp_path, text), 1.5, types.SimpleNamespace)


def test_what_is_recalled_outlives_its_file(tmp_path: Path) -> None:
    """The trace is made when it is wanted, of the text that was there when it was recalled."""
    make(tmp_path).stage(1.5)
    made = make(tmp_path)
    stage = made.stage(1.5)
    (tmp_path / "made.py").write_text("nothing = 1\n")
    assert stage.recalled and stage.traced.function and not stage.recalled


def test_a_text_that_is_not_that_of_the_code_is_nothing_to_go_by(tmp_path: Path, folder: Path) -> None:
    make(tmp_path).stage(1.5)
    (path,) = folder.glob("*.entry")
    whole = path.read_bytes()
    made = make(tmp_path)
    (tmp_path / "made.py").write_text(SOURCE.replace("2.0", "9.0"))
    assert not made.stage(1.5).recalled and path.read_bytes() == whole


def test_a_trace_that_is_wanted_too_late_is_none(tmp_path: Path) -> None:
    """What was compiled is right for what was read; of anything else there is no IR to be shown."""
    text = "c = 2.0\ndef f(x):\n    return c * x\n"
    llad.jit_grad(make(tmp_path, text).module.f).grad(1.5)
    made = make(tmp_path, text)
    f = llad.jit_grad(made.module.f)
    assert f.grad(1.5) == 2.0 and f.grad.specialisations[0].stage.recalled
    made.module.c = 3.0
    with pytest.raises(llad.program.ChangedError, match="what f was compiled from has changed"):
        f.dump_ir()
    assert f.grad(1.5) == 3.0 and "3.0" in f.dump_ir(1.5) and f.explain(1.5) == "no loops"


def test_what_turns_out_wrong_is_traced_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that the trace does not bear out are dropped, and no others are believed."""
    text = "c = 2.0\ndef f(x):\n    return c * x\n"
    make(tmp_path, text).stage(1.5)
    made = make(tmp_path, text)
    recall = llad.program.recall

    def wrong(*args: Any) -> Any:
        facts, known = recall(*args)  # type: ignore[misc]
        return facts, type(known)(bytes(32), known.spans)

    monkeypatch.setattr(llad.program, "recall", wrong)
    f = llad.jit_grad(made.module.f)
    assert f.grad(1.5) == 2.0 and not f.grad.specialisations[0].stage.recalled


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-40], lambda raw: raw[:99] + b"?" + raw[100:], lambda raw: b""])
def test_damaged_facts_are_made_anew(spoil: Callable[[bytes], bytes], tmp_path: Path, folder: Path) -> None:
    make(tmp_path).stage(1.5)
    (path,) = folder.glob("*.entry")
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    assert not recalls(make(tmp_path), 1.5)
    assert path.read_bytes() == whole and recalls(make(tmp_path), 1.5)


def test_facts_lead_to_code_or_to_a_trace(tmp_path: Path, folder: Path) -> None:
    """The next process finds all; without an outline or an object it makes them of a trace that it makes then."""
    llad.grad(make(tmp_path).module.f)(1.5)
    for path in folder.glob("*.entry"):  # with those of the run-time, if this process has not had it yet
        path.unlink()
    want = llad.grad(make(tmp_path).module.f)(1.5)
    files = set(folder.glob("*.entry"))
    for path in [None, *files]:
        if path is not None:
            path.unlink()
        f = llad.jit_grad(make(tmp_path).module.f)
        assert f.grad(1.5) == want
        made = f.grad.specialisations[0]
        assert made.stage.recalled == (path is None) or made.linked.kept
        assert set(folder.glob("*.entry")) == files


# --- nothing is read without a note


@pytest.mark.parametrize("program", CORPUS[::3], ids=lambda p: p.name)
def test_nothing_else_is_read(program: Program) -> None:
    """A trace for which there are no globals but those in its notes is the same."""
    specs = tuple(map(spec_of, program.draw()))
    known = asked(program.function, specs, ())
    assert known is not None
    traced = trace(program.function, specs)
    inventory, _ = known
    again = inventory.copy()
    notes = written(inventory, traced.reads)
    assert notes is not None
    guards = found(again, notes)
    assert guards is not None and guarded(guards) == guarded(traced.reads or ())
    read = {(id(guard.holder), guard.name) for guard in guards}
    with without(inventory, read):
        bare = trace(program.function, specs)
    assert identity(bare.function).digest == identity(traced.function).digest


@contextmanager
def without(inventory: Inventory, read: set[tuple[int, str]]) -> Iterator[None]:
    """The namespaces of the user's modules without the names that were not read."""
    mine = [n for n in inventory.namespaces if str(n.get("__name__")).startswith("programs")]
    olds = [dict(namespace) for namespace in mine]
    for namespace in mine:
        for name in [n for n in namespace if n[:2] != "__" and (id(namespace), n) not in read]:
            del namespace[name]
    try:
        yield
    finally:
        for namespace, old in zip(mine, olds, strict=True):
            namespace.update(old)


# Ways into Python objects. `guards.py` goes them and notes what it finds; the others of `LOOKING` describe what was
# found, read sources, or ask again. Whoever else goes one (so often, by file) notes it there, or looks at llad's own.
WAYS = {"vars", "getattr", "hasattr", "getattr_static", "import_module", "cell_contents", "modules", "environ"}
WAYS |= {"of_class", "__globals__", "__closure__", "__dict__", "__defaults__", "__kwdefaults__", "__wrapped__"}
LOOKING = {"guards.py", "inventory.py", "reads.py", "source.py", "signature.py"}
# Look into syntax trees and states.
NODES = {"desugar.py", "generating.py", "generators.py", "tree.py", "fork.py", "rows.py"}
IN_FULL = {"__module__", "__name__", "__qualname__", "__self__"}  # of which a description tells all
ELSEWHERE = {
    "attributes.py": 7, "callables.py": 1, "calls.py": 5, "comparing.py": 5, "complex_values.py": 2, "contents.py": 2,
    "exits.py": 1, "functions.py": 1, "imports.py": 2, "inherited.py": 2, "iteration.py": 1, "matching.py": 1,
    "records.py": 13, "results.py": 1, "spellings.py": 1, "statics.py": 2, "trace.py": 1, "values.py": 3,
}  # fmt: skip


def test_one_file_looks_into_objects() -> None:
    ways: dict[str, int] = {}
    for path in sorted(FRONTEND.glob("*.py")):
        if path.name not in LOOKING | NODES and (count := len(list(ways_in(ast.parse(path.read_text()))))):
            ways[path.name] = count
    assert ways == ELSEWHERE, "what is read of objects outside of a trace needs a note of `guards.py`"


def ways_in(tree: ast.Module) -> Iterator[str]:
    """The ways that functions go, but for those into NumPy and its like."""
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)):
        fine = {call.func for call in ast.walk(function) if isinstance(call, ast.Call) and harmless(call)}
        for node in ast.walk(function):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name in WAYS and node not in fine:
                yield name


def harmless(call: ast.Call) -> bool:
    match call.args:
        case [ast.Name(id="np" | "math" | "operator") | ast.Subscript(value=ast.Name(id="_MODULES")), *_]:
            return True
        case [_, ast.Constant(value=name), *_]:
            return name in IN_FULL
        case [ast.Attribute(value=ast.Name(id="np")), *_]:
            return True
    return False


NUMBERS = [None, True, 0, -(10**30), 0.1, -0.0, math.inf, 1j, "é\ud800", np.float32(0.1), np.int64(-1), np.bool_(True)]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_and_texts_survive(value: Any) -> None:
    again = value_of(data_of(value))
    assert type(again) is type(value) and repr(again) == repr(value)


def test_numbers_that_differ_have_other_words() -> None:
    values = [1, 1.0, True, np.int64(1), np.float64(1.0), np.float32(1.0), 1 + 0j, "1", b"1", (1,), 0.0, -0.0, 0, False]
    words = [repr(Inventory().describe(value)) for value in values]
    assert len(set(words)) == len(values)
    with pytest.raises(Undescribed):
        Inventory().describe(bytearray(b"1"))
