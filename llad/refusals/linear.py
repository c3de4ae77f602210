"""Products of arrays, and linear algebra: LL65…"""

from llad.refusals.record import Refusal

LINEAR = (
    Refusal(
        "LL651", "einsum-subscripts", "`np.einsum` without a string of subscripts",
        'write them first, e.g. `np.einsum("ij,jk->ik", a, b)`',
        """
        return ▸np.einsum(a, [0], a, [0])
        """,
        """
        return np.einsum("i,i", a, a)
        """,
    ),
    Refusal(
        "LL652", "linalg-rank", "linear algebra with {got}", "pass one matrix; of a stack of them, one after the other",
        """
        return np.sum(▸np.linalg.lstsq(np.eye(3) * np.full((2, 1, 1), x), np.ones(3))[0])
        """,
        """
        total = 0.0
        for matrix in np.eye(3) * np.full((2, 1, 1), x):
            total += np.sum(np.linalg.lstsq(matrix, np.ones(3))[0])
        return total
        """,
    ),
    Refusal(
        "LL653", "linalg-known", "{got} as {what}", "give a constant",
        """
        return np.sum(▸np.linalg.matrix_power(np.eye(2) * x, n))
        """,
        """
        power = np.eye(2)
        for _ in range(n):
            power = power @ (np.eye(2) * x)
        return np.sum(power)
        """,
    ),
    Refusal(
        "LL654", "linalg-norm", "the norm of order {order} of an array with {rank} axes",
        "use a norm of vectors, or `'fro'`, `'nuc'`, 2, 1, inf, -2, -1 or -inf for a matrix",
        """
        return ▸np.linalg.norm(np.eye(2) * x, 3)
        """,
        """
        return np.linalg.norm(np.eye(2) * x, "fro")
        """,
    ),
    Refusal(
        "LL655", "linalg-argument", "`{argument}={got}`", "{hint}",
        """
        return np.sum(▸np.linalg.qr(np.eye(2) * x, mode="raw"))
        """,
        """
        return np.sum(np.linalg.qr(np.eye(2) * x, mode="r"))
        """,
    ),
)  # fmt: skip
