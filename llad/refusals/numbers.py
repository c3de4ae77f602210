"""Arithmetic and comparisons of numbers: LL5…"""

from llad.refusals.record import Refusal

NUMBERS = (
    Refusal(
        "LL501", "operand", "arithmetic on {got}",
        "use numbers and NumPy arrays of float64, float32, int64, int32 or bool",
        """
        return x if n > 5 else ▸-None
        """,
        """
        return x if n > 5 else -y
        """,
    ),
    Refusal(
        "LL502", "operator", "`{op}` between {left} and {right}",
        "use numbers and NumPy arrays; `np.array(values)` makes an array of a tuple",
        """
        moved = ▸x + (1.0, 2.0)
        return moved[0]
        """,
        """
        moved = x + np.array((1.0, 2.0))
        return moved[0]
        """,
    ),
    Refusal(
        "LL503", "comparison", "a comparison between {left} and {right}",
        "compare numbers, or compare the items one by one",
        """
        return x if ▸x < "a" else y
        """,
        """
        return x if x < 2.0 else y
        """,
    ),
    Refusal(
        "LL504", "big-int", "the integer {value} does not fit in {type}", "write it as a float, e.g. `1e30`",
        """
        return x * (▸n + 2**70)
        """,
        """
        return x * (n + 2.0**70)
        """,
    ),
    Refusal(
        "LL505", "bool-arithmetic", "`{op}` on NumPy bools",
        "use `&`, `|`, `^`, `~`, or convert first, e.g. `int(flag)`",
        """
        between = ▸(a > 0.0) - (a > 1.0)
        return np.sum(between * a)
        """,
        """
        between = (a > 0.0) ^ (a > 1.0)
        return np.sum(between * a)
        """,
    ),
    Refusal(
        "LL506", "float-bits", "`{op}` on floats", "convert to an integer first, e.g. `int(x)`",
        """
        return x if ▸y & 1 else y
        """,
        """
        return x if int(y) & 1 else y
        """,
    ),
    Refusal(
        "LL507", "negative-power", "an integer array to a negative power",
        "convert the array to floats first, e.g. `1.0 / n`",
        """
        return x * np.sum(▸k ** -1)
        """,
        """
        return x * np.sum(1.0 / k)
        """,
    ),
    Refusal(
        "LL508", "round-digits", "`round` to a number of digits {got}",
        "give a constant between -22 and 22",
        """
        return x * ▸round(y, n)
        """,
        """
        return x * round(y, 2)
        """,
    ),
    Refusal(
        "LL509", "not-a-number", "`{name}` of {got}", "pass a number",
        """
        return x * ▸abs("3.0")
        """,
        """
        return x * abs(-3.0)
        """,
    ),
)  # fmt: skip
