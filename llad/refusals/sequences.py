"""Lists whose length is known only at run time, and iterators: LL4…"""

from llad.refusals.record import Refusal

_POINT = """
from dataclasses import dataclass

@dataclass
class Point:
    x: float
"""

SEQUENCES = (
    Refusal(
        "LL428", "growing", "a list that grows in a loop, but {why}",
        "give it a name of its own and items of one kind, or use an array, e.g. `out = np.zeros(n)`, and `out[i] = …`",
        """
        out = []
        every = out
        for v in a:
            ▸out.append(v * v)
        return sum(every)
        """,
        """
        out = []
        for v in a:
            out.append(v * v)
        every = out
        return float(sum(every))
        """,
    ),
    Refusal(
        "LL429", "late-write",
        "an array as an item of a list that grows in a loop, and a write to it after that (line {written})",
        "append a copy, e.g. `traj.append(u.copy())`",
        """
        u = np.zeros(2)
        traj = []
        for v in a:
            u[0] += v
            ▸traj.append(u)
        return np.sum(np.array(traj))
        """,
        """
        u = np.zeros(2)
        traj = []
        for v in a:
            u[0] += v
            traj.append(u.copy())
        return float(np.sum(np.array(traj)))
        """,
    ),
    Refusal(
        "LL430", "spent", "an iterator {got}",
        "write it where it is gone over, e.g. `for … in zip(…)`, or make a list, `[… for …]`",
        """
        pairs = zip(a, a[1:])
        total = sum(u * v for u, v in pairs)
        return total + sum(u for u, v in ▸pairs)
        """,
        """
        total = sum(u * v for u, v in zip(a, a[1:]))
        return total + sum(u for u, v in zip(a, a[1:]))
        """,
    ),
    Refusal(
        "LL431", "met-mutation", "changing a {type} that is one of those which several paths or iterations have made",
        "give its parts names of their own; a list may be begun anew by `xs = […]`",
        """
        batch, total = [], 0.0
        for v in a:
            ▸batch.append(v)
            if len(batch) > 1:
                total += sum(batch)
                batch = batch[1:]
        return total
        """,
        """
        batch, total = [], 0.0
        for v in a:
            batch.append(v)
            if len(batch) > 1:
                total += sum(batch)
                batch = [batch[-1]]
        return total
        """,
    ),
    Refusal(
        "LL432", "early",
        "an iterator that is asked for its items (line {read}) after what it reads is written (line {written})",
        "make a list of it first, `[… for …]`",
        """
        total = 0.0
        u = a.copy()
        for k, v in enumerate(▸(v * w for v in u for w in u if v < w)):
            u[0] = x
            total += k * v
        return total
        """,
        """
        total = 0.0
        u = a.copy()
        for k, v in enumerate([v * w for v in u for w in u if v < w]):
            u[0] = x
            total += k * v
        return total
        """,
    ),
    Refusal(
        "LL433", "list-in-place", "`{op}` on {got}, which would have to change in place",
        "make a new list, e.g. `xs = xs * n`",
        """
        xs = [x, y]
        ▸xs *= n
        return sum(xs)
        """,
        """
        xs = [x, y]
        xs = xs * n
        return float(sum(xs))
        """,
    ),
    Refusal(
        "LL434", "sort-keys", "sorting by what are no numbers, and no tuples of numbers",
        "give a key that is a number or a tuple of numbers, e.g. `key=lambda row: row[0]`",
        """
        rows = ▸sorted(np.outer(a, a))
        return rows[0][0] * x
        """,
        """
        rows = sorted(np.outer(a, a), key=lambda row: row[0])
        return rows[0][0] * x
        """,
    ),
    Refusal(
        "LL435", "kept-mutation",
        "changing a {type} that has been copied: another name, or a list that grows, may refer to it",
        "change it before, or let the other have a copy, e.g. `list(xs)`, `copy.copy(p)`",
        """
        one, other = [x, y], [y, x]
        chosen = one if x > y else other
        ▸one[0] = 2.0
        return chosen[0] * x
        """,
        """
        one, other = [x, y], [y, x]
        chosen = list(one) if x > y else list(other)
        one[0] = 2.0
        return chosen[0] * x
        """,
    ),
    Refusal(
        "LL436", "stale", "a {type} that may be one which has changed, on line {line}",
        "read it before, or change and read it by one name",
        """
        one, other = Point(x), Point(y)
        chosen = one if x > y else other
        one.x = 2.0
        return ▸chosen.x * x
        """,
        """
        one, other = Point(x), Point(y)
        chosen = 2.0 if x > y else other.x
        one.x = 2.0
        return chosen * x
        """,
        _POINT,
    ),
    Refusal(
        "LL437", "torn", "`{name}` of a {type} that {got}",
        "let the attribute be there, and of one kind, on every path",
        """
        point = Point(x)
        if x > y:
            point.x = a
        return np.sum(▸point.x)
        """,
        """
        point = Point(x)
        if x > y:
            point.x = np.sum(a)
        return np.sum(point.x)
        """,
        _POINT,
    ),
)  # fmt: skip
