"""The one table of what lies outside the language: what is said about it, and what to write instead.

Each row has a code (named by the code that refuses), a message (what was met; `{}` fields are filled from the
details), a hint (what to write instead) and a small example that meets it. `docs/language.md` is generated from
this table, and `tests/test_refused.py` checks that every row is used.
"""

# ruff: noqa: E501 (a row is one line)

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from llad.diagnostics import Span, UnsupportedError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is refused. `message` and `hint` are `str.format` templates over the details."""

    code: str
    message: str
    hint: str
    example: str


STATEMENTS = (
    Refusal("try", "`try`", "test the condition with `if` before the operation that may fail", "try:\n    y = 1 / x\nexcept ZeroDivisionError:\n    y = 0.0"),
    Refusal("with", "`with`", "do it outside the compiled function", "with open('f') as f: ..."),
    Refusal("raise", "`raise` {got}", "raise an exception of Python's own with one text, e.g. `raise ValueError('text')`", "raise ValueError('x', 1)"),
    Refusal("class", "`class` inside a compiled function", "define the class outside", "class A: ..."),
    Refusal("del", "`del` of {got}", "leave it; unused memory is freed by itself", "del a[0]"),
    Refusal("global", "assignment to the global `{names}`", "pass the value as an argument and return the new one", "global counter\ncounter = x"),
    Refusal("nonlocal", "assignment to the outer `{names}`", "return the new value from the inner function", "def g():\n    nonlocal x\n    x = 2.0\ng()"),
    Refusal("import", "`import` inside a compiled function", "import at the top of the file", "import math"),
    Refusal("match", "`match`", "write `if` and `elif`", "match x:\n    case 1.0:\n        y = x"),
    Refusal("async", "asynchronous code", "write an ordinary function", "async def g(): ..."),
    Refusal("yield", "a generator", "fill an array and return it", "yield x"),
    Refusal("statement", "`{what}`", "see docs/language.md for what can be compiled", ""),
    Refusal("expression", "`{what}`", "see docs/language.md for what can be compiled", ""),
    Refusal("decorator", "a decorator on a nested function", "decorate a function at the top level", "@cache\ndef g(): ..."),
    Refusal("attribute-assignment", "assignment to the attribute `{name}`", "use a local variable, or an element of an array", "self.x = 1.0"),
    Refusal("complex", "a complex number", "compute with the real and the imaginary part", "z = 1j"),
    Refusal("print", "`print`", "return the value, or call `f.py_func` to print from Python", "print(x)"),
)  # fmt: skip

# Names, and what paths that meet have in common.
NAMES = (
    Refusal("unbound", "`{name}` before it is assigned", "assign it first", "y = z\nz = x"),
    Refusal("undefined", "the name `{name}`, which is not defined", "define it, or pass it as an argument", "return undefined"),
    Refusal("conflict", "`{name}` is {first} (line {first_line}) or {second} (line {second_line})", "use two names, or give it the same kind of value on every path", "y = x\nif c:\n    y = a\ny"),
    Refusal("return-types", "`{name}` returns {first} (line {first_line}) or {second} (line {second_line})", "return the same kind of value on every path", "if x > 0:\n    return x\nreturn a"),
    Refusal("falls-off", "`{name}` returns {got} on some paths and nothing on others", "end the function with a `return`", "if x > 0:\n    return x"),
    Refusal("branch-types", "an expression that is {first} or {second}", "give both sides the same kind of value", "x if c else a"),
    Refusal("return-view", "returning an array that shares memory with an argument", "return a copy, with `.copy()`", "return a[1:]"),
    Refusal("return-list", "returning a {type}", "return a tuple, e.g. `tuple(values)`, or an array", "return [x, y]"),
)  # fmt: skip

# Calls, and objects known at trace time.
CALLS = (
    Refusal("no-source", "`{name}`, whose source cannot be found in {file}", "define it in a file or a notebook cell", ""),
    Refusal("stale-source", "`{name}`, whose source in {file} has changed since it was defined", "import the module again", ""),
    Refusal("recursion", "`{name}` calls itself on every path", "return something without a further call when it is small enough", "def f(n):\n    return f(n - 1)\nf(n)"),
    Refusal("recursion-result", "the recursive `{name}` returns {got}", "return numbers, arrays and tuples of them", "def f(n):\n    return (lambda: x) if n == 0 else f(n - 1)\nf(n)()"),
    Refusal("recursion-array", "the recursive `{name}` returns an array that its caller has, or one array twice", "return a copy, with `.copy()`", "def f(b, n):\n    return b if n == 0 else f(b, n - 1)\nf(a, n)"),
    Refusal("recursion-argument", "a list or dict of run-time values as an argument of the recursive `{name}`", "pass a tuple or an array", "def f(v, n):\n    return v[0] if n == 0 else f([v[0] + x], n - 1)\nf([x], n)"),
    Refusal("recursion-derivative", "`{name}` calls itself inside its own derivative", "differentiate it outside, or write it as a loop", "def f(y, n):\n    return y if n == 0 else llad.grad(f)(y, n - 1)\nf(x, n)"),
    Refusal("depth", "more than {depth} calls inside one another, at `{name}`", "write it as a loop", "def f(n):\n    return 1 if n == 0 else n * f(n - 1)\nf(1000)"),
    Refusal("call", "a call of {got}", "call Python functions, and functions of `math` and `numpy`", "open('f')"),
    Refusal("call-arguments", "the arguments of `{name}`: {error}", "pass what its signature says", "def f(x):\n    return x\nf(1, 2)"),
    Refusal("static-error", "what raises when it is traced: {error}", "correct it; it does not depend on run-time values", "'abc'.index('z')"),
    Refusal("static-key", "a key or set element that is known only at run time", "use an array indexed by integers", "{x: 1.0}"),
    Refusal("captured-container", "a {type} from outside the function", "use a tuple or a NumPy array, or pass it as an argument", "PARAMETERS['rate']"),
    Refusal("captured-array", "a captured array that is {got}", "convert it to float64, float32, int64, int32 or bool", "COMPLEX[0]"),
    Refusal("mutation", "changing a {type} on some paths only, or from another scope", "use an array, e.g. `out = np.zeros(n)`, and `out[i] = …`", "out = []\nfor i in range(n):\n    out.append(a[i])"),
    Refusal("identity", "`is` between {left} and {right}", "compare with `==`", "x is y"),
    Refusal("membership", "`in` between {item} and {container}", "write comparisons, or a loop", "x in a"),
    Refusal("format", "a string made from a number known only at run time", "format it outside the compiled function", "f'{x}'"),
    Refusal("message", "a message made from a number known only at run time", "use a constant message", "assert x > 0, x"),
    Refusal("comprehension", "a comprehension over what is known only at run time", "use an array: `out = np.zeros(n)` and a loop", "[f(v) for v in a]"),
    Refusal("comprehension-if", "a comprehension whose `if` is known only at run time", "write a loop over an array", "[v for v in (x, y) if v > 0]"),
    Refusal("materialise", "a tuple or list of {got}", "its length must be known; use the array itself", "tuple(a)"),
    Refusal("not-iterable", "iterating over {got}", "iterate over a `range`, an array or a tuple", "for i in x: ..."),
    Refusal("zip-mixture", "`zip` of arrays and of what is known at trace time", "make arrays of all, or index them", "zip(a, (1.0, 2.0))"),
    Refusal("range-type", "`range` of {got}", "use integers, e.g. `range(int(x))`", "range(x)"),
    Refusal("range-arguments", "`range` with no or more than three arguments", "give stop, start and stop, or start, stop and step", "range()"),
    Refusal("unpack-type", "unpacking {got}", "unpack tuples, lists, and arrays into a fixed number of names", "a, b = x"),
    Refusal("unpack-count", "unpacking {count} values into {wanted} names", "use as many names as there are values", "a, b = 1, 2, 3"),
    Refusal("grad-result", "the gradient of a function that returns {got}", "return one float", "llad.grad(lambda x: (x, x))(x)"),
    Refusal("argnums", "argnums {argnums} for a call with {count} positional arguments", "name existing arguments", "llad.grad(lambda x: x * x, 3)(x)"),
    Refusal("jvp-arguments", "`jvp` without a tuple of primals and one of tangents, equally long", "call it as `llad.jvp(f, (x, y), (dx, dy))`", "llad.jvp(lambda x: x * x, x, 1.0)"),
    Refusal("tangent", "{got} as the tangent of {primal}", "give a tangent of the type and shape of the primal", "llad.jvp(lambda a: a[0], (a,), (1.0,))"),
)  # fmt: skip

# Arithmetic on numbers.
NUMBERS: tuple[Refusal, ...] = (
    Refusal("operand", "arithmetic on {got}", "use numbers and NumPy arrays of float64, float32, int64, int32 or bool", "-None"),
    Refusal("operator", "`{op}` between {left} and {right}", "use numbers and NumPy arrays; `np.array(values)` makes an array of a tuple", "x + (1.0, 2.0)"),
    Refusal("comparison", "a comparison between {left} and {right}", "compare numbers, or compare the items one by one", "x < 'a'"),
    Refusal("big-int", "the integer {value} does not fit in {type}", "write it as a float, e.g. `1e30`", "n + 2**70"),
    Refusal("bool-arithmetic", "`{op}` on NumPy bools", "use `&`, `|`, `^`, `~`, or convert first, e.g. `int(flag)`", "(a > 0) - (a > 1)"),
    Refusal("float-bits", "`{op}` on floats", "convert to an integer first, e.g. `int(x)`", "x & 1"),
    Refusal("negative-power", "an integer array to a negative power", "convert the array to floats first, e.g. `1.0 / n`", "k ** -1"),
    Refusal("join", "a variable that is {left} on one path and {right} on another", "give the two values different names", ""),
    Refusal("round-digits", "`round` to a number of digits", "round to integers, e.g. `round(x * 100) / 100`", "round(x, 2)"),
    Refusal("not-a-number", "`{name}` of {got}", "pass a number", "float(a)"),
)  # fmt: skip

# Arrays: indexing, creation, reductions, attributes.
ARRAYS: tuple[Refusal, ...] = (
    Refusal("dtype", "the element type {dtype}", "use float64, float32, int64, int32 or bool", "np.zeros(3, dtype=np.float16)"),
    Refusal("array-truth", "the truth of an array", "compare numbers, e.g. `a[0] > 0`, or use `np.any(a)` or `np.all(a)`", "if a: ..."),
    Refusal("in-place-type", "`{op}=` would make {array} into {result}", "write `b = a {op} …`, which makes a new array", "k /= 2"),
    Refusal("matmul-rank", "a product of arrays with {left} and {right} axes", "use vectors and matrices, or write loops", "np.zeros((2, 2, 2)) @ a"),
    Refusal("index-type", "an index that is {got}", "index with integers and slices, e.g. `a[int(x)]`", "a[1.5]"),
    Refusal("index-array", "indexing with an array", "write a loop, or `np.where(mask, a, b)` for a mask", "a[k]"),
    Refusal("index-count", "{count} indices for an array with {rank} axes", "give at most one index per axis", "a[1, 2]"),
    Refusal("static-index", "indexing {got} with a number known only at run time", "use an array, e.g. `np.array(values)`", "(1.0, 2.0)[n]"),
    Refusal("not-indexable", "indexing {got}", "index arrays, tuples and lists", "x[0]"),
    Refusal("bad-index", "indexing {got}: {error}", "index tuples and lists within their length", "(1.0, 2.0)[2]"),
    Refusal("store-into", "assignment into {got}", "assign to elements of an array, e.g. of `np.zeros(n)`", "(1.0, 2.0)[0] = x"),
    Refusal("store-value", "{got} as a value to store in an array", "store numbers and arrays", "a[0] = 'x'"),
    Refusal("shape", "the shape {got}", "give an integer or a tuple of integers", "np.zeros(1.5)"),
    Refusal("array-items", "`np.array` of {got}", "give a nested list of numbers, every row equally long", "np.array([[1.0], [1.0, 2.0]])"),
    Refusal("arange-step", "`np.arange` of integers with a step known only at run time", "give the step as a constant", "np.arange(0, 9, n)"),
    Refusal("axis", "the axis {axis} of an array with {rank} axes", "give one axis, an integer known at trace time", "np.sum(a, axis=n)"),
    Refusal("attribute", "the attribute `{name}` of {got}", "{hint}", "a.real"),
    Refusal("no-length", "`len` of {got}", "ask for the length of an array with axes, a tuple or a list", "len(1.0)"),
    Refusal("no-array", "`{name}` of {got}", "use the `numpy` function of that name for arrays", "math.sin(a)"),
    Refusal("function", "the function `{name}`", "{hint}", "np.fft.fft(a)"),
    Refusal("keyword", "the argument `{keyword}` of `{name}`", "leave it out", "np.sum(a, initial=1.0)"),
    Refusal("arguments", "`{name}` with {count} arguments", "call it as `{usage}`", "math.sin(x, x)"),
)  # fmt: skip

# Refusals that unrolling a loop over a known range may avoid.
NEED_STATIC = frozenset({"static-index", "static-key", "format", "axis", "mutation"})

TABLE: dict[str, Refusal] = {row.code: row for row in (*STATEMENTS, *NAMES, *CALLS, *NUMBERS, *ARRAYS)}


class NeedsStatic(UnsupportedError):
    """A number that is known only at run time stands where one must be known: a loop may be unrolled for it."""


def refuse(code: str, span: Span | None, **details: object) -> NoReturn:
    """Raise the refusal `code` at `span`.

    Raises: UnsupportedError, always.
    """
    row = TABLE[code]
    kind = NeedsStatic if code in NEED_STATIC else UnsupportedError
    raise kind(row.message.format(**details), span, row.hint.format(**details))
