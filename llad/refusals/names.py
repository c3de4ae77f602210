"""Names, what paths that meet have in common, and what a function returns: LL2…"""

from llad.refusals.record import Refusal

NAMES = (
    Refusal(
        "LL201", "unbound", "`{name}` before it is assigned", "assign it first",
        """
        y = ▸z * 2.0
        z = x
        return y
        """,
        """
        z = x
        y = z * 2.0
        return y
        """,
    ),
    Refusal(
        "LL202", "undefined", "the name `{name}`, which is not defined", "define it, or pass it as an argument",
        """
        return x * ▸scale
        """,
        """
        scale = 2.0
        return x * scale
        """,
    ),
    Refusal(
        "LL203", "conflict", "`{name}` is {first} (line {first_line}) or {second} (line {second_line})",
        "use two names, or give it the same kind of value on every path",
        """
        z = x
        if x > 0.0:
            z = a
        return np.sum(▸z)
        """,
        """
        z = x
        if x > 0.0:
            z = np.sum(a)
        return z
        """,
    ),
    Refusal(
        "LL204", "return-types",
        "`{name}` returns {first} (line {first_line}) or {second} (line {second_line})",
        "return the same kind of value on every path",
        """
        def chosen():
            if x > 0.0:
                return x
            return a
        return np.sum(▸chosen())
        """,
        """
        def chosen():
            if x > 0.0:
                return x
            return np.sum(a)
        return chosen()
        """,
    ),
    Refusal(
        "LL205", "falls-off", "`{name}` returns {got} on some paths and nothing on others",
        "end the function with a `return`",
        """
        def positive(v):
            if v > 0.0:
                return v
        return ▸positive(x)
        """,
        """
        def positive(v):
            if v > 0.0:
                return v
            return 0.0
        return positive(x)
        """,
    ),
    Refusal(
        "LL206", "branch-types", "an expression that is {first} or {second}",
        "give both sides the same kind of value; of two functions, call one on each side",
        """
        return np.sum(▸x if c else a)
        """,
        """
        return x if c else np.sum(a)
        """,
    ),
    Refusal(
        "LL208", "return-list", "returning a {type}",
        "return numbers, arrays, and structures of them, e.g. `np.array(values)` of a list",
        """
        return ▸lambda: x * y
        """,
        """
        return (lambda: x * y)()
        """,
    ),
    Refusal(
        "LL209", "or-none", "what is {got}",
        "ask first whether it is, e.g. `if value is None`, and use it where it is not",
        """
        best = None
        for v in a:
            if best is None or v > best:
                best = v
        return ▸best
        """,
        """
        best = None
        for v in a:
            if best is None or v > best:
                best = v
        return 0.0 if best is None else best
        """,
    ),
)  # fmt: skip
