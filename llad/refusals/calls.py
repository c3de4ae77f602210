"""Calls, recursion, and derivatives taken inside traced code: LL3…"""

from llad.refusals.record import Refusal

CALLS = (
    Refusal(
        "LL301", "no-source", "`{name}`, whose source cannot be found in {file}",
        "define it in a file or a notebook cell",
        """
        return ▸square(x)
        """,
        """
        def square(v):
            return v * v
        return square(x)
        """,
        """
        exec("def square(v): return v * v")
        """,
    ),
    Refusal(
        "LL302", "stale-source", "`{name}`, whose source in {file} has changed since it was defined",
        "import the module again",
        """
        return ▸square(x)
        """,
        """
        return cube(x)
        """,
        """
        square = lambda v: v * v
        square.__code__ = square.__code__.replace(co_firstlineno=99)
        cube = lambda v: v * v * v
        """,
    ),
    Refusal(
        "LL303", "recursion", "`{name}` calls itself on every path",
        "return something without a further call when it is small enough",
        """
        def power(m):
            return x * ▸power(m - 1)
        return power(n)
        """,
        """
        def power(m):
            return 1.0 if m == 0 else x * power(m - 1)
        return power(n)
        """,
    ),
    Refusal(
        "LL304", "recursion-result", "the recursive `{name}` returns {got}",
        "return numbers, arrays and structures of them",
        """
        def chosen(m):
            return ▸(lambda: x) if m == 0 else chosen(m - 1)
        return chosen(n)()
        """,
        """
        def chosen(m):
            return x if m == 0 else chosen(m - 1)
        return chosen(n)
        """,
    ),
    Refusal(
        "LL307", "recursion-derivative", "`{name}` calls itself inside its own derivative",
        "differentiate it outside, or write it as a loop",
        """
        def slope(v, m):
            return v if m == 0 else ▸llad.grad(slope)(v, m - 1)
        return slope(x, n)
        """,
        """
        def power(v, m):
            product = 1.0
            for _ in range(m):
                product = product * v
            return product
        return llad.grad(power)(x, n)
        """,
    ),
    Refusal(
        "LL308", "depth", "more than {depth} calls inside one another, at `{name}`", "write it as a loop",
        """
        def product(m):
            return x if m == 0 else ▸product(m - 1) * 0.5
        return product(1000)
        """,
        """
        product = x
        for _ in range(1000):
            product = product * 0.5
        return product
        """,
    ),
    Refusal(
        "LL309", "call", "a call of {got}", "call Python functions, and functions of `math` and `numpy`",
        """
        return x * len(▸open("numbers.txt"))
        """,
        """
        return x * NUMBERS[0]
        """,
        "NUMBERS = (3.0, 4.0)",
    ),
    Refusal(
        "LL310", "call-arguments", "the arguments of `{name}`: {error}", "pass what its signature says",
        """
        def scaled(v, by):
            return v * by
        return ▸scaled(x)
        """,
        """
        def scaled(v, by):
            return v * by
        return scaled(x, 2.0)
        """,
    ),
    Refusal(
        "LL311", "grad-result", "the gradient of a function that returns {got}", "return one float",
        """
        return ▸llad.grad(lambda v: (v, v))(x)
        """,
        """
        return llad.grad(lambda v: v * v)(x)
        """,
    ),
    Refusal(
        "LL312", "argnums", "argnums {argnums} for a call with {count} positional arguments",
        "name existing arguments",
        """
        return ▸llad.grad(lambda v: v * v, 3)(x)
        """,
        """
        return llad.grad(lambda v: v * v, 0)(x)
        """,
    ),
    Refusal(
        "LL313", "jvp-arguments", "`jvp` without a tuple of primals and one of tangents, equally long",
        "call it as `llad.jvp(f, (x, y), (dx, dy))`",
        """
        return ▸llad.jvp(lambda v: v * v, x, 1.0)[1]
        """,
        """
        return llad.jvp(lambda v: v * v, (x,), (1.0,))[1]
        """,
    ),
    Refusal(
        "LL314", "tangent", "{got} as the tangent of {primal}", "give a tangent of the type and shape of the primal",
        """
        return ▸llad.jvp(lambda b: b[0], (a,), (1.0,))[1]
        """,
        """
        return llad.jvp(lambda b: b[0] * b[1], (a,), (np.ones(len(a)),))[1]
        """,
    ),
    Refusal(
        "LL315", "seed", "{got} as the seed of {result}", "give a seed of the type, shape and structure of the value",
        """
        value, pullback = llad.vjp(lambda b: b[0] * b[0], a)
        return ▸pullback(a)[0][0]
        """,
        """
        value, pullback = llad.vjp(lambda b: b[0] * b[0], a)
        return pullback(1.0)[0][0]
        """,
    ),
    Refusal(
        "LL316", "vjp-arguments", "the argument `{name}` of `vjp`, by name", "pass the primals by position",
        """
        return ▸llad.vjp(lambda v: v * v, v=x)[0]
        """,
        """
        return llad.vjp(lambda v: v * v, x)[0]
        """,
    ),
    Refusal(
        "LL317", "jacobian-argument", "`{kind}` by an argument that is {got}",
        "choose an argument that is a float or an array of floats; of complex numbers, pass the parts",
        """
        return ▸llad.jacfwd(lambda v: v * x)(n)
        """,
        """
        return llad.jacfwd(lambda v: v * v * x)(x)
        """,
    ),
    Refusal(
        "LL318", "library", "a call of `{name}`, in which there is {got}", "write it as a function of your own",
        """
        return ▸statistics.mean([x, y])
        """,
        """
        return (x + y) / 2.0
        """,
        "import statistics",
    ),
)  # fmt: skip
