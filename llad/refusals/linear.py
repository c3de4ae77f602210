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
)  # fmt: skip
