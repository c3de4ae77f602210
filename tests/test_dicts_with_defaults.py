"""`collections.defaultdict` and `Counter` in traced code."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

import llad
from tests.objects_for_loops import A, check_numbers


def sums_by_name(x):
    sums = defaultdict(float)
    for name, v in zip(("a", "b", "a"), (x, 2 * x, x * x), strict=True):
        sums[name] += v
    sums["a"] *= 3
    return sum(sums.values()) + sums["new"] + len(sums) + sums["a"]


def lists_by_name(x):
    lists = defaultdict(list)
    lists["a"].append(x)
    lists["a"].append(2 * x)
    lists["b"].append(x * x)
    return sum(k * v for values in lists.values() for k, v in enumerate(values, 1)) * len(lists)


def changed_in_a_loop(a):
    sums = defaultdict(float, up=0.0, down=0.0)
    for v in a:
        if v > 2:
            sums["up"] += v
        else:
            sums["down"] -= v * v
    return sums["up"] * sums["down"]


def a_graph(x):
    weights = defaultdict(dict)
    weights["a"]["b"] = x
    weights["b"]["c"] = 2 * x
    return sum(w * w for to in weights.values() for w in to.values())


def as_a_dict(x):
    d = defaultdict(lambda: x, {"q": 2 * x}, r=3.0)
    total = sum(v for _, v in d.items()) + sum(2 * d[k] for k in d) + d["new"] + d.get("other", 7.0)
    total += (1.0 if "new" in d else 2.0) + (4.0 if "other" in d else 8.0) + d.pop("q") + len(d)
    d.setdefault("u", x)
    d.update(v=2 * x)
    del d["r"]
    plain = {**d}
    plain["u"] += 1.0
    same = d == {"new": 1.0} or d != dict(d)
    total += np.sum(list(d.copy().values())) + (1.0 if same else 2.0) + sorted(d)[0].count("n")
    return total + plain["u"] * d["u"]


def its_class(x):
    d, c = defaultdict(float, a=x), Counter("aab")
    kinds = [isinstance(d, dict), isinstance(d, defaultdict), type(d) is dict, type(d) is defaultdict]
    kinds += [isinstance(c, dict), isinstance(c, Counter), isinstance(c, defaultdict)]
    return sum(2.0**k for k, there in enumerate(kinds) if there) * x


def counted(x):
    counts = Counter(["a", "b", "a"])
    counts["a"] += 1
    counts["z"] += 2
    counts.update("aab")
    counts.update({"q": x})
    return x * counts["a"] + counts["b"] + counts["nothing"] + counts.total() * len(counts)


PROGRAMS = [
    (sums_by_name, 0.7), (lists_by_name, 0.7), (changed_in_a_loop, A), (a_graph, 0.7), (as_a_dict, 0.7),
    (its_class, 0.7), (counted, 0.7),
]  # fmt: skip


@pytest.mark.parametrize("fastmath", [False, True])
@pytest.mark.parametrize(("program", "args"), [(f, a) for f, *a in PROGRAMS], ids=lambda p: getattr(p, "__name__", ""))
def test_the_numbers_are_python_s(program, args, fastmath):
    check_numbers(program, args, fastmath)


def begun_in_a_loop(x):
    sums = defaultdict(float)
    for k in range(int(x) + 5):
        sums["a"] += x * k
    return sums["a"]


def returned(x):
    return defaultdict(float, a=x)


@pytest.mark.parametrize(
    ("program", "text"), [(begun_in_a_loop, "changing a dict on some paths"), (returned, "returning a defaultdict")]
)
def test_keys_come_before_loops(program, text):
    with pytest.raises(llad.UnsupportedError, match=text):
        llad.jit(program)(0.5)


def test_without_a_factory_a_key_must_be_there():
    with pytest.raises(KeyError):
        llad.jit(lambda x: x * defaultdict(None)["a"])(0.5)
