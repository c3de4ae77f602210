"""Compiled functions in other processes: forked, spawned, pickled by name and by value; and in notebooks."""

from __future__ import annotations

import copy
import gc
import linecache
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from test_promises import resident

import llad
from llad.codegen.target import LOCK

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


@llad.jit_grad(argnums=1, fastmath=True)
def decorated(x, y):
    return x * y * y


def plain(x):
    return x * x * x


@llad.jit_grad
def halving(x):
    return x if x < 1.0 else halving(x * 0.5) * 3.0


wrapped = llad.jit_grad(plain)
derivative = llad.grad(decorated, argnums=(0, 1))


def cell(source, file="<cell>"):
    """Run a notebook's cell: the text is known to `linecache` only. Its namespace."""
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {"llad": llad, "np": np, "__name__": "__main__"}
    exec(compile(source, file, "exec"), namespace)
    return namespace


def in_child(act):
    """Fork; whether `act()` is true in the child, which has 20 seconds."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if act() else 2
        finally:
            os._exit(code)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.002)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    raise AssertionError("the child hangs")


def elsewhere(program, *args, **more):
    """What a program prints in a fresh process, which must end well."""
    done = subprocess.run(
        [sys.executable, *args], input=program, capture_output=True, env=ENVIRONMENT, timeout=60, **more
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


# -- fork

pytestmark = pytest.mark.filterwarnings("ignore:.*fork")  # which is warned of where there are threads, as here

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")


@needs_fork
def test_a_child_calls_and_compiles():
    assert wrapped.grad(2.0) == 12.0
    assert in_child(lambda: wrapped.grad(2.0) == 12.0 and llad.jit_grad(lambda x: x * 5.0).grad(1.0) == 5.0)


@needs_fork
def test_forks_while_other_threads_compile_and_run():
    stop = []

    def compiling():
        while not stop:
            k = float(len(gc.get_objects()))
            llad.jit_grad(lambda x, k=k: x * k).grad(1.0)

    def running():
        f = llad.jit(lambda n: sum_to(n))
        while not stop:
            f(10**6)

    threads = [threading.Thread(target=compiling), threading.Thread(target=running)]
    for t in threads:
        t.start()
    try:
        for k in range(8):
            assert in_child(lambda k=k: llad.jit_grad(lambda x: x * k).grad(1.0) == k and wrapped.grad(1.0) == 3.0)
    finally:
        stop.append(True)
        for t in threads:
            t.join()


def sum_to(n):
    s = 0.0
    for i in range(n):
        s = s * 0.5 + i
    return s


@needs_fork
def test_a_fork_while_compiling_in_the_same_thread():
    """As a signal handler may do."""
    with LOCK:
        assert in_child(lambda: llad.jit(lambda x: x + 1.0)(1.0) == 2.0)
    assert in_child(lambda: llad.jit(lambda x: x + 1.0)(1.0) == 2.0)


# -- pickle


@pytest.mark.parametrize("value", [decorated, decorated.grad, decorated.value_and_grad, decorated.jvp, halving])
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_what_a_name_leads_to_is_pickled_by_name(value, protocol):
    data = pickle.dumps(value, protocol)
    assert pickle.loads(data) is value and len(data) < 200


class Spring:
    def __init__(self, stiffness):
        self.stiffness = stiffness

    @llad.jit_grad
    def energy(self, x):
        return 0.5 * self.stiffness * x * x


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_methods_take_their_object_along(copied):
    spring = Spring(3.0)
    energy, gradient = copied(spring.energy), copied(spring.energy.grad)
    both = copied(spring.energy.value_and_grad)
    assert (energy(2.0), energy.grad(2.0), gradient(2.0), both(2.0)) == (6.0, 6.0, 6.0, (6.0, 6.0))
    spring.stiffness = 1.0
    own = copied is not copy.copy
    assert (energy(2.0), gradient(2.0)) == ((6.0, 6.0) if own else (2.0, 2.0))


def test_what_has_no_name_of_its_own_is_made_again():
    for f in (wrapped, pickle.loads(pickle.dumps(wrapped))):
        assert isinstance(f, llad.api.JitGrad) and f.py_func is plain and f.grad(2.0) == 12.0
    assert pickle.loads(pickle.dumps(derivative)) is derivative
    other = pickle.loads(pickle.dumps(llad.grad(plain)))
    assert other is llad.grad(plain) and other(2.0) == 12.0
    assert pickle.loads(pickle.dumps(wrapped.grad))(2.0) == 12.0
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(llad.jit(lambda x: x))


def test_copies_are_the_same_function():
    for f in (decorated, decorated.grad, wrapped, derivative, llad.jit(lambda x: x)):
        assert copy.copy(f) is f and copy.deepcopy(f) is f and copy.deepcopy([f])[0] is f


def test_cloudpickle_takes_lambdas_and_closures_by_value():
    factor = 3.0
    f = llad.jit_grad(lambda x, y: factor * x * y**2, argnums=(1,), fastmath=True)
    uncompiled = cloudpickle.dumps(f)
    f(1.0, 2.0), f.grad(1.0, 2.0)
    assert len(cloudpickle.dumps(f)) == len(uncompiled)
    data = cloudpickle.dumps((f, f.grad, llad.grad(lambda x: x**factor)))
    g, gradient, power = pickle.loads(data)
    assert g is not f and g.grad is gradient and g(1.0, 2.0) == 12.0 and gradient(1.0, 2.0) == (12.0,)
    assert power(1.0) == 3.0
    assert g.dispatcher.program.fastmath and g.dispatcher.argnums == (1,)
    assert cloudpickle.loads(cloudpickle.dumps(decorated)) is decorated


NOTEBOOK = """
SCALE = 2.0
def helper(x):
    return x * SCALE

@llad.jit_grad(argnums=0)
def f(x, n):
    return helper(x) if n == 0 else f(helper(x), n - 1)

class Model:
    def __init__(self, a):
        self.a = a
    def __call__(self, x):
        return self.a * helper(x)

model = llad.jit_grad(Model(4.0))
"""


def test_cloudpickle_takes_notebooks_to_processes_without_their_source():
    namespace = cell(NOTEBOOK, "<ipython-input-7>")
    main, before = sys.modules["__main__"], dict(vars(sys.modules["__main__"]))
    vars(main).update({k: v for k, v in namespace.items() if not k.startswith("__")})
    try:
        data = cloudpickle.dumps([namespace["f"], namespace["f"].grad, namespace["model"]])
        assert pickle.loads(pickle.dumps(namespace["f"])) is namespace["f"]
    finally:
        vars(main).clear()
        vars(main).update(before)
    program = f"""
import llad, pickle
f, gradient, model = pickle.loads({data!r})
print(f(1.0, 2), f.grad(1.0, 2), gradient(1.0, 3), f.__qualname__, f.py_func.__qualname__)
print(model(1.0), model.grad(1.0))
try:
    f(1.0, "x")
except llad.LladError as error:
    print(error.span)
"""
    assert elsewhere(program.encode(), "-") == "8.0 8.0 16.0 f f\n8.0 8.0\n<ipython-input-7>:8:50\n"


def test_spawned_processes_find_the_functions_of_the_script(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("""
import multiprocessing
import llad

@llad.jit_grad
def cube(x):
    return x ** 3

def work(f, x):
    return f(x), f is cube or f is cube.grad

if __name__ == "__main__":
    assert cube(1.0) == 1.0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(cube, [1.0, 2.0]), pool.map(cube.grad, [1.0, 2.0]))
        print(pool.starmap(work, [(cube, 2.0), (cube.grad, 2.0)]))
""")
    assert elsewhere(None, str(script)) == "[1.0, 8.0] [3.0, 12.0]\n[(8.0, True), (12.0, True)]\n"


# -- notebooks


def test_a_redefined_cell_of_the_same_name_is_compiled_anew():
    first = cell("@llad.jit_grad\ndef f(x):\n    return x * 2.0\n")["f"]
    assert (first(1.0), first.grad(1.0)) == (2.0, 2.0)
    second = cell("@llad.jit_grad\ndef f(x):\n    return x * 3.0\n")["f"]
    assert (second(1.0), second.grad(1.0)) == (3.0, 3.0)
    assert (first(1.0), first.grad(1.0)) == (2.0, 2.0)


def test_two_cells_with_the_same_lines():
    f = cell("@llad.jit\ndef f(x):\n    return x * 2.0\n", "<cell 1>")["f"]
    g = cell("@llad.jit\ndef f(x):\n    return x * 3.0\n", "<cell 2>")["f"]
    assert (f(1.0), g(1.0), f(1), g(1)) == (2.0, 3.0, 2.0, 3.0)


STALE = [
    ("return x * 2.0", "return x * 3.0"),
    ("return x * 2.0", "return x + 2.0"),
    ("return x - 1.0", "return 1.0 - x"),
    ("return -x * 2.", "return x * 2.0"),
    ("y = x; return x", "y = 2; return x"),
    ("return min(x, 2.0)", "return max(x, 2.0)"),
    ("return x if x < 2.0 else 1.0", "return x if x > 2.0 else 1.0"),
]


@pytest.mark.parametrize("old, new", STALE)
def test_a_function_whose_source_was_overwritten_keeps_its_meaning_or_is_refused(old, new):
    f = cell(f"def f(x):\n    {old}\n", "<again>")["f"]
    cell(f"def f(x):\n    {new}\n", "<again>")
    compiled = llad.jit(f)
    with pytest.raises(llad.UnsupportedError, match="source"):
        compiled(1.5)


def test_a_function_compiled_before_its_source_was_overwritten_keeps_its_meaning():
    text = "def helper(x):\n    return x * {}\n@llad.jit_grad\ndef f(x):\n    return helper(x) + {}\n"
    f = cell(text.format(2.0, 1.0), "<again>")["f"]
    assert f(1.0) == 3.0
    cell(text.format(5.0, 7.0), "<again>")
    assert f(1.0) == 3.0
    assert (f(1), f(np.float32(1.0)), f.grad(1.0)) == (3.0, 3.0, 2.0)


def test_two_functions_of_one_name_on_neighbouring_lines():
    namespace = cell(
        "def f(x):\n    return x * 2.0\ng = f\ndef f(x):\n    return x * 3.0\n"
        "h, k = (lambda x: x * 4.0), (lambda x: x * 5.0)\n"
    )
    assert [llad.jit(namespace[name])(1.0) for name in "gfhk"] == [2.0, 3.0, 4.0, 5.0]


def test_two_lambdas_of_one_shape():
    def make(k):
        return llad.jit(lambda x: x * k)

    f, g = make(2.0), make(3.0)
    assert (f(1.0), g(1.0), f(2.0), g(2.0)) == (2.0, 3.0, 4.0, 6.0)


def test_a_redefined_helper_is_seen():
    namespace = cell("def helper(x):\n    return x * 2.0\nf = llad.jit_grad(lambda x: helper(x))\n", "<cell a>")
    f = namespace["f"]
    assert f(1.0) == 2.0
    namespace["helper"] = cell("def helper(x):\n    return x * 3.0\n", "<cell b>")["helper"]
    assert (f(1.0), f.grad(1.0)) == (3.0, 3.0)


# -- what is dropped


def test_dropped_functions_take_their_code_along():
    def make(k):
        f = llad.jit_grad(lambda x: x * k + k)
        assert (f(1.0), f.grad(1.0)) == (2 * k, k)
        return weakref.ref(f), *(weakref.ref(s.linked) for s in f.specialisations)

    def run(n):
        alive = [ref for k in range(n) for ref in make(float(k))]
        gc.collect()
        return sum(ref() is not None for ref in alive)

    run(10)
    objects, before = len(gc.get_objects()), resident()
    assert run(20) == 0
    assert len(gc.get_objects()) - objects < 200
    used = resident() - before
    assert used < 20 * 2 * 60e3, used


LEFT_TO_THE_END = """
import numpy as np, llad

def f(x):
    return np.sin(x[:5]) * np.sum(np.exp(-x * x))

x = np.ones(40_000)
jacobian = llad.jacrev(f)
rows = jacobian(x)
value, pullback = llad.vjp(f, x)
row = pullback(value)
"""


def test_arrays_and_tapes_may_outlive_the_interpreter(tmp_path):
    (tmp_path / "script.py").write_text(LEFT_TO_THE_END)
    environment = ENVIRONMENT | {"PYTHONMALLOC": "debug"}  # what was freed is overwritten
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], env=environment, capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, "")
