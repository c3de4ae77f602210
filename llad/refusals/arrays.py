"""Arrays: indexing, creation, reductions, attributes, and functions of the library: LL6…"""

from llad.refusals.record import Refusal

ARRAYS = (
    Refusal(
        "LL601", "dtype", "the element type {dtype}", "use float64, float32, int64, int32 or bool",
        """
        b = ▸np.zeros(3, dtype=np.float16)
        b[0] = x
        return b[0]
        """,
        """
        b = np.zeros(3, dtype=np.float64)
        b[0] = x
        return b[0]
        """,
    ),
    Refusal(
        "LL602", "array-truth", "the truth of an array",
        "compare numbers, e.g. `a[0] > 0`, or use `np.any(a)` or `np.all(a)`",
        """
        if ▸a > 0.0:
            return x
        return y
        """,
        """
        if np.all(a > 0.0):
            return x
        return y
        """,
    ),
    Refusal(
        "LL603", "in-place-type", "`{op}=` would make {array} into {result}",
        "write `b = a {op} …`, which makes a new array",
        """
        ▸k /= 2
        return x * k[0]
        """,
        """
        halves = k / 2
        return x * halves[0]
        """,
    ),
    Refusal(
        "LL604", "matmul-rank", "a product of arrays with {left} and {right} axes",
        "multiply by a number with `*`",
        """
        b = np.array(2.0)
        return np.sum(▸b @ a)
        """,
        """
        b = np.array(2.0)
        return np.sum(b * a)
        """,
    ),
    Refusal(
        "LL605", "index-type", "an index that is {got}", "index with integers and slices, e.g. `a[int(x)]`",
        """
        return ▸a[y]
        """,
        """
        return a[int(y)]
        """,
    ),
    Refusal(
        "LL606", "index-array", "indexing with an array of floats", "index with integers, e.g. `a[i.astype(int)]`",
        """
        return np.sum(▸a[a])
        """,
        """
        return np.sum(a[k])
        """,
    ),
    Refusal(
        "LL607", "index-count", "{count} indices for an array with {rank} axes", "give at most one index per axis",
        """
        return ▸a[1, 2]
        """,
        """
        return a[1] * a[2]
        """,
    ),
    Refusal(
        "LL608", "store-into", "assignment into {got}",
        "assign to an array: `out[i] = v` of `out = np.zeros(n)`, `out[i, j] = v` of `out = np.zeros((n, m))`",
        """
        pair = (x, y)
        ▸pair[0] = 2.0
        return pair[0]
        """,
        """
        pair = np.array((x, y))
        pair[0] = 2.0
        return pair[1]
        """,
    ),
    Refusal(
        "LL609", "store-value", "{got} as a value to store in an array", "store numbers and arrays",
        """
        b = np.zeros(3)
        ▸b[0] = "x"
        return b[0]
        """,
        """
        b = np.zeros(3)
        b[0] = x
        return b[0]
        """,
    ),
    Refusal(
        "LL610", "shape", "the shape {got}", "give an integer or a tuple of integers",
        """
        b = ▸np.zeros(x)
        return b[0]
        """,
        """
        b = np.zeros(int(x) + 1)
        return b[0] + x
        """,
    ),
    Refusal(
        "LL611", "array-items", "`np.array` of {got}", "give a nested list of numbers, every row equally long",
        """
        b = ▸np.array([[x], [1.0, 2.0]])
        return b[0, 0]
        """,
        """
        b = np.array([[x, 0.0], [1.0, 2.0]])
        return b[0, 0]
        """,
    ),
    Refusal(
        "LL612", "arange-step", "`np.arange` of integers with a step known only at run time",
        "give the step as a constant",
        """
        steps = ▸np.arange(0, 9, n)
        return x * steps[1]
        """,
        """
        steps = n * np.arange(0, 3, 1)
        return x * steps[1]
        """,
    ),
    Refusal(
        "LL613", "axis", "the axis {axis} of an array with {rank} axes",
        "give one axis, an integer known at trace time",
        """
        return ▸np.sum(a, axis=n)
        """,
        """
        return np.sum(a, axis=0)
        """,
    ),
    Refusal(
        "LL614", "attribute", "the attribute `{name}` of {got}", "{hint}",
        """
        return np.sum(▸a.tobytes())
        """,
        """
        return np.sum(a)
        """,
    ),
    Refusal(
        "LL615", "no-length", "`len` of {got}", "ask for the length of an array with axes, a tuple or a list",
        """
        return x * ▸len(x)
        """,
        """
        return x * len(a)
        """,
    ),
    Refusal(
        "LL616", "no-array", "`{name}` of {got}", "use the `numpy` function of that name, or an element, e.g. `a[0]`",
        """
        return np.sum(▸math.sin(a))
        """,
        """
        return np.sum(np.sin(a))
        """,
    ),
    Refusal(
        "LL617", "function", "the function `{name}`", "{hint}",
        """
        return np.sum(▸np.spacing(a))
        """,
        """
        return np.sum(np.abs(a) * np.finfo(float).eps)
        """,
    ),
    Refusal(
        "LL618", "keyword", "the argument `{keyword}` of `{name}`", "leave it out",
        """
        return np.sum(▸np.sin(a, order="F"))
        """,
        """
        return np.sum(np.sin(a))
        """,
    ),
    Refusal(
        "LL619", "arguments", "`{name}` with {count} arguments", "call it as `{usage}`",
        """
        return ▸math.sin(x, y)
        """,
        """
        return math.sin(x) * y
        """,
    ),
    Refusal(
        "LL620", "join-ranks", "arrays of {left} and {right} axes to be joined",
        "give them equally many axes, e.g. `a[None, :]`",
        """
        return np.sum(▸np.concatenate([a, np.ones((2, 3))]))
        """,
        """
        return np.sum(np.concatenate([a[None, :3], np.ones((2, 3))]))
        """,
    ),
    Refusal(
        "LL621", "join-parts", "{got} to be joined", "give a tuple or list of arrays",
        """
        return np.sum(▸np.concatenate(a))
        """,
        """
        return np.sum(np.concatenate([a, a]))
        """,
    ),
    Refusal(
        "LL623", "loose-write", "a write to an array that may be a copy of another",
        "write to the other array, or to a copy, e.g. `a[:, 2:].reshape(-1).copy()`",
        """
        b = np.zeros((4, 4))
        ▸b[:, 2:].reshape(4, 2)[0, 0] = x
        return np.sum(b)
        """,
        """
        b = np.zeros((4, 4))
        b.reshape(2, 8)[0, 0] = x
        return np.sum(b)
        """,
    ),
    Refusal(
        "LL624", "loose-read",
        "an array that may be a copy, read (line {read}) after what it was made of is written (line {written})",
        "copy it, e.g. `a[:, 2:].reshape(-1).copy()`, or make it after that",
        """
        b = np.full((4, 4), x)
        c = ▸b[:, 2:].reshape(4, 2)
        b[0, 2] = 1.0
        return np.sum(c)
        """,
        """
        b = np.full((4, 4), x)
        b[0, 2] = 1.0
        c = b[:, 2:].reshape(4, 2)
        return np.sum(c)
        """,
    ),
)
