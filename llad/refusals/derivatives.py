"""What has no derivative: LL7…"""

from llad.diagnostics import DerivativeError
from llad.refusals.record import Refusal

DERIVATIVES = (
    Refusal(
        "LL701", "gradient-result", "a gradient is that of one float, but the function returns {got}",
        "return one float (e.g. the sum of an array), or use `jvp`, which takes any result",
        """
        return x * y, x + y
        """,
        """
        return x * y + x
        """,
        kind=DerivativeError,
    ),
    Refusal(
        "LL703", "no-rule", "{error}", "differentiate it less often, or write it with other functions",
        """
        third = llad.grad(llad.grad(llad.grad(lambda v: ▸math.lgamma(v))))
        return third(x)
        """,
        """
        return llad.grad(lambda v: math.lgamma(v))(x)
        """,
        kind=DerivativeError,
    ),
    Refusal(
        "LL704", "overlapping-operands",
        "a derivative of a function that writes an array which may overlap another one that it uses", "pass a copy",
        """
        def moved(v):
            v[0] = a[1] * 2.0
            return v[0] * a[0]
        return ▸llad.grad(moved)(a)[1]
        """,
        """
        def moved(v):
            v[0] = a[1] * 2.0
            return v[0] * a[0]
        return llad.grad(moved)(a.copy())[1]
        """,
        kind=DerivativeError,
    ),
    Refusal(
        "LL705", "checkpoint-loop", "`llad.checkpoint` of a loop that {why}", "{hint}",
        """
        ▸for i in llad.checkpoint(range(n)):
            x = math.sin(x)
            if x < 0.5:
                break
        return x
        """,
        """
        for i in llad.checkpoint(range(n)):
            x = math.sin(x) if x >= 0.5 else x
        return x
        """,
        kind=DerivativeError,
    ),
)  # fmt: skip
