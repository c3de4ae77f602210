"""Objects known at trace time, what is iterated over and unpacked, and strings: LL4…"""

from llad.refusals.record import Refusal

OBJECTS = (
    Refusal(
        "LL401", "static-error", "what raises when it is traced: {error}",
        "correct it; it does not depend on run-time values",
        """
        place = ▸"abc".index("z")
        return x * place
        """,
        """
        place = "abc".index("c")
        return x * place
        """,
    ),
    Refusal(
        "LL402", "static-key", "a key or set element that is known only at run time",
        "use an array indexed by integers",
        """
        weights = ▸{n: x}
        return weights[n]
        """,
        """
        weights = np.zeros(n + 1)
        weights[n] = x
        return weights[n]
        """,
    ),
    Refusal(
        "LL403", "captured-container", "a {type} from outside the function",
        "use a NumPy array, or a plain list or dict of few items, or pass it as an argument",
        """
        return x * ▸RATES["slow"]
        """,
        """
        return x * PARAMETERS["rate"]
        """,
        """
        from collections import defaultdict

        RATES = defaultdict(float, slow=0.5)
        PARAMETERS = {"rate": 0.5}
        """,
    ),
    Refusal(
        "LL404", "captured-array", "a captured array that is {got}",
        "convert it to float64, float32, int64, int32 or bool",
        """
        return x * ▸WAVES[0]
        """,
        """
        return x * REAL[0]
        """,
        """
        WAVES = np.ones(2, np.float16)
        REAL = np.ones(2)
        """,
    ),
    Refusal(
        "LL405", "mutation", "changing a {type} on some paths only, or from another scope",
        "give it all keys, or as many items as it may have, before; or append to a list that only a name of the "
        "function holds, which an object may get later; or use an array, e.g. `out = np.zeros(n)`, and `out[i] = …`",
        """
        best = {"loss": x * x}
        for v in a:
            if (v - x) ** 2 < best["loss"]:
                ▸best["x"] = v
                best["loss"] = (v - x) ** 2
        return best["x"] * x
        """,
        """
        best = {"x": x, "loss": x * x}
        for v in a:
            if (v - x) ** 2 < best["loss"]:
                best["x"] = v
                best["loss"] = (v - x) ** 2
        return best["x"] * x
        """,
    ),
    Refusal(
        "LL406", "identity", "`is` between {left} and {right}", "compare with `==`",
        """
        return x if ▸x is y else y
        """,
        """
        return x if x == y else y
        """,
    ),
    Refusal(
        "LL407", "membership", "`in` between {item} and {container}", "write comparisons, or a loop",
        """
        return x if ▸x in a else y
        """,
        """
        return x if np.any(a == x) else y
        """,
    ),
    Refusal(
        "LL408", "format", "a string made from a number known only at run time",
        "format it outside the compiled function, `print` it, or write it where an error is raised",
        """
        name = ▸f"x is {x}"
        return x * len(name)
        """,
        """
        name = f"pi is {math.pi}"
        return x * len(name)
        """,
    ),
    Refusal(
        "LL409", "message", "a message made from {got}", "use a text, or an f-string with up to four numbers",
        """
        assert x > 0.0, ▸x
        return math.log(x)
        """,
        """
        assert x > 0.0, f"{x} is not positive"
        return math.log(x)
        """,
    ),
    Refusal(
        "LL410", "comprehension", "a comprehension {got}, over what is known only at run time",
        "write a loop, and append to a list of numbers or of arrays of one shape",
        """
        last = 0.0
        squares = ▸[(last := v * v) for v in a]
        return sum(squares) * last
        """,
        """
        squares = [v * v for v in a]
        return sum(squares) * squares[-1]
        """,
    ),
    Refusal(
        "LL412", "materialise", "the items of {got}, one by one",
        "its length must be known; use the array itself, or a comprehension",
        """
        return sum(u * v for u, v in ▸itertools.permutations(a, 2))
        """,
        """
        return float(sum(a[i] * a[k] for k in range(len(a)) for i in range(len(a)) if i != k))
        """,
    ),
    Refusal(
        "LL413", "not-iterable", "iterating over {got}",
        "iterate over a `range`, an array, a tuple, or what `__iter__` makes of these; instead of by `__next__` or "
        "`__getitem__`, give the items by an `__iter__` that has `yield`",
        """
        total = 0.0
        ▸for v in x:
            total += v
        return total
        """,
        """
        total = 0.0
        for v in (x, y):
            total += v
        return total
        """,
    ),
    Refusal(
        "LL414", "zip-mixture", "`zip` of arrays and of {count} items known at trace time",
        "make arrays of all, or index them",
        """
        total = 0.0
        for v, w in ▸zip(a, WEIGHTS):
            total += v * w
        return total
        """,
        """
        total = 0.0
        for v, w in zip(a, np.array(WEIGHTS)):
            total += v * w
        return total
        """,
        """
        WEIGHTS = tuple(range(100))
        """,
    ),
    Refusal(
        "LL415", "range-type", "`range` of {got}", "use integers, e.g. `range(int(x))`",
        """
        for _ in ▸range(y):
            x = x * x
        return x
        """,
        """
        for _ in range(int(y)):
            x = x * x
        return x
        """,
    ),
    Refusal(
        "LL416", "range-arguments", "`range` with no or more than three arguments",
        "give stop, start and stop, or start, stop and step",
        """
        for _ in ▸range():
            x = x * x
        return x
        """,
        """
        for _ in range(2):
            x = x * x
        return x
        """,
    ),
    Refusal(
        "LL417", "unpack-type", "unpacking {got}",
        "unpack tuples, lists, and arrays into a fixed number of names",
        """
        ▸first, second = x
        return first
        """,
        """
        first, second, third = a
        return first * second
        """,
    ),
    Refusal(
        "LL418", "unpack-count", "unpacking {count} values into {wanted} names",
        "use as many names as there are values",
        """
        ▸first, second = x, y, 3.0
        return first
        """,
        """
        first, second, third = x, y, 3.0
        return first * third
        """,
    ),
    Refusal(
        "LL419", "static-index", "indexing {got} with a number known only at run time",
        "use an array, e.g. `np.array(values)`",
        """
        weights = [1.0, 2.0, 4.0, 8.0]
        ▸weights[n] = y
        return x * weights[0] + weights[3]
        """,
        """
        weights = np.array([1.0, 2.0, 4.0, 8.0])
        weights[n] = y
        return x * weights[0] + weights[3]
        """,
    ),
    Refusal(
        "LL420", "not-indexable", "indexing {got}", "index arrays, tuples and lists",
        """
        return ▸x[0]
        """,
        """
        return a[0]
        """,
    ),
    Refusal(
        "LL421", "bad-index", "indexing {got}: {error}", "index tuples and lists within their length",
        """
        pair = (x, y)
        return ▸pair[2]
        """,
        """
        pair = (x, y)
        return pair[1]
        """,
    ),
    Refusal(
        "LL422", "missing-key", "the key {key} of {got}", "use a key that is there",
        """
        p = {"a": x, "b": y}
        return ▸p["c"]
        """,
        """
        p = {"a": x, "b": y}
        return p["b"]
        """,
    ),
    Refusal(
        "LL423", "given-mutation", "changing a {type} from outside the function",
        "change a copy, e.g. `{{**p, 'key': x}}` or `[*p, x]`",
        """
        ▸x["a"] = 2.0 * x["a"]
        return x["a"]
        """,
        """
        x = {**x, "a": 2.0 * x["a"]}
        return x["a"]
        """,
        asks=('llad.jit(f)({"a": 1.5})', 'llad.jit(f)({"a": 1.5})'),
    ),
    Refusal(
        "LL424", "checkpoint-limit", "`llad.checkpoint` with the {name} {got}",
        "use an integer that is known when the function is traced",
        """
        for i in ▸llad.checkpoint(range(n), slots=n // 2 + 1):
            x = math.sin(x)
        return x
        """,
        """
        for i in llad.checkpoint(range(n), slots=3):
            x = math.sin(x)
        return x
        """,
    ),
    Refusal(
        "LL425", "checkpoint-items", "`llad.checkpoint` of {got}", "give it a `range` or an array",
        """
        for v in ▸llad.checkpoint((x, y)):
            x = math.sin(x * v)
        return x
        """,
        """
        for v in (x, y):
            x = math.sin(x * v)
        return x
        """,
    ),
    Refusal(
        "LL426", "number-class", "a number of the class {name}, which has operators of its own",
        "use a plain number, e.g. `float(value)`, or pass it as an argument",
        """
        return x * ▸RATE
        """,
        """
        return x * float(HALF)
        """,
        """
        class Percent(float):
            def __rmul__(self, other):
                return other * float(self) / 100.0

        RATE = Percent(50.0)
        HALF = 0.5
        """,
    ),
    Refusal(
        "LL427", "module-getattr", "the attribute `{name}` of the module `{module}`, which a function of it finds",
        "import it by name: `from {module} import {name}`",
        """
        return x * ▸SETTINGS.rate
        """,
        """
        return x * RATE
        """,
        """
        from types import ModuleType

        SETTINGS = ModuleType("settings")
        SETTINGS.__getattr__ = len
        RATE = SETTINGS.rate
        """,
    ),
)  # fmt: skip
