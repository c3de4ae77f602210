"""Statements and displays that are outside the language: LL1…"""

from llad.refusals.record import Refusal

STATEMENTS = (
    Refusal(
        "LL101", "try", "`try`", "test the condition with `if` before the operation that may fail",
        """
        ▸try:
            z = 1 / x
        except ZeroDivisionError:
            z = 0.0
        return z
        """,
        """
        return 1 / x if x != 0.0 else 0.0
        """,
    ),
    Refusal(
        "LL102", "with", "`with`",
        "do it outside the compiled function, or by a class of your own with `__enter__` and `__exit__` "
        "(`np.errstate` may ignore and warn)",
        """
        ▸with np.errstate(all="raise"):
            return x / y
        """,
        """
        with np.errstate(all="ignore"):
            return x / y
        """,
    ),
    Refusal(
        "LL103", "raise", "`raise` {got}",
        "raise an exception of Python's own with one text, e.g. `raise ValueError('text')`",
        """
        if x < 0.0:
            ▸raise ValueError("negative", 1)
        return x * x
        """,
        """
        if x < 0.0:
            raise ValueError("negative")
        return x * x
        """,
    ),
    Refusal(
        "LL104", "class", "`class` inside a compiled function", "define the class outside",
        """
        ▸class Point:
            pass
        return x
        """,
        """
        point = (x, y)
        return point[0] * point[1]
        """,
    ),
    Refusal(
        "LL105", "del", "`del` of {got}", "leave it, or take a slice, e.g. `a[1:]`; unused memory is freed by itself",
        """
        b = a * 2.0
        ▸del b[0]
        return b[0]
        """,
        """
        b = a * 2.0
        b = b[1:]
        return b[0]
        """,
    ),
    Refusal(
        "LL106", "global", "assignment to the global `{names}`",
        "pass the value as an argument and return the new one",
        """
        ▸global counter
        counter = counter + 1
        return x * counter
        """,
        """
        count = n + 1
        return x * count
        """,
        "counter = 0",
    ),
    Refusal(
        "LL107", "nonlocal", "assignment to the outer `{names}`{where}", "return the new value from the inner function",
        """
        total = x
        def add(v):
            ▸nonlocal total
            if v < 0:
                return
            total += v
        add(y)
        return total
        """,
        """
        def added(total, v):
            if v < 0:
                return total
            return total + v
        total = added(x, y)
        return total
        """,
    ),
    Refusal(
        "LL109", "match", "{got}",
        "match numbers, strings, `None`, classes, dicts and sequences of known length, with `|` between what binds no "
        "names; else write `if` and `elif`",
        """
        match x, y:
            case ▸(at, 0.0) | (0.0, at):
                return at
        return x * y
        """,
        """
        match x, y:
            case (at, 0.0):
                return at
            case (0.0, at):
                return at
        return x * y
        """,
    ),
    Refusal(
        "LL110", "async", "asynchronous code", "write an ordinary function",
        """
        ▸async def later():
            return x
        return x
        """,
        """
        def later():
            return x
        return later()
        """,
    ),
    Refusal(
        "LL111", "yield", "a generator {what}", "write the loop itself, or fill an array and return it",
        """
        def halves(v):
            while True:
                yield v
                v = 0.5 * v
        total = 0.0
        for v in ▸halves(x):
            if v < 0.01:
                break
            total += v
        return total
        """,
        """
        total = 0.0
        v = x
        while v >= 0.01:
            total += v
            v = 0.5 * v
        return total
        """,
    ),
    Refusal(
        "LL112", "statement", "`{what}`", "see docs/language.md for what can be compiled",
        "", "",
    ),
    Refusal(
        "LL113", "expression", "`{what}`", "see docs/language.md for what can be compiled",
        "", "",
    ),
    Refusal(
        "LL115", "decorator", "a decorator on a nested function", "decorate a function at the top level",
        """
        @▸functools.cache
        def square(v):
            return v * v
        return square(x)
        """,
        """
        def square(v):
            return v * v
        return square(x)
        """,
        "import functools",
    ),
    Refusal(
        "LL116", "attribute-assignment", "assignment to the attribute `{name}`",
        "use a local variable, or an element of an array",
        """
        ▸math.scale = x
        return math.scale * y
        """,
        """
        scale = x
        return scale * y
        """,
    ),
    Refusal(
        "LL117", "complex", "`{name}` of a complex number", "compute with `.real` and `.imag`",
        """
        z = x + 1j
        return ▸np.log1p(z).real
        """,
        """
        z = x + 1j
        return np.log(1.0 + z).real
        """,
    ),
    Refusal(
        "LL118", "print", "`print` of {got}", "print numbers, arrays, f-strings, and tuples, lists, dicts of numbers",
        """
        ▸print((x, a))
        return x * np.sum(a)
        """,
        """
        print(x, a)
        return x * np.sum(a)
        """,
    ),
    Refusal(
        "LL119", "prange", "a loop over `prange` that {got}",
        "write to elements of arrays that are this iteration's own, e.g. `y[i]`, and add to numbers; or use `range`",
        """
        p = 1.0
        ▸for i in llad.prange(len(a)):
            p *= a[i]
        return p
        """,
        """
        s = 0.0
        for i in llad.prange(len(a)):
            s += math.log(abs(a[i]))
        return math.exp(s)
        """,
    ),
    Refusal(
        "LL120", "with-left", "`with` {why}",
        "let control come to its end, and `return` or `break` behind it; let `__exit__` return nothing",
        """
        for v in a:
            ▸with Count():
                if v > x:
                    break
        return x
        """,
        """
        for v in a:
            with Count():
                late = v > x
            if late:
                break
        return x
        """,
        """
        class Count:
            def __init__(self):
                self.n = 0
            def __enter__(self):
                self.n += 1
            def __exit__(self, *error):
                self.n += 1
        """,
    ),
)  # fmt: skip
