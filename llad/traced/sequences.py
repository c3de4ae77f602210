"""Builtins of Python over sequences whose length is known at run time only."""

import numpy as np


def reduced(function, items):
    """`functools.reduce` without a first value."""
    if len(items) == 0:
        raise TypeError("reduce() of empty iterable with no initial value")
    total = items[0]
    for k in range(1, len(items)):
        total = function(total, items[k])
    return total


def reduced_from(function, items, total):
    """`functools.reduce` from a first value on."""
    for item in items:
        total = function(total, item)
    return total


def accumulated(function, items):
    """The list of `itertools.accumulate` without a first value."""
    items = [v for v in items]  # noqa: C416
    if len(items) == 0:
        return []
    total = items[0]
    out = [total]
    for k in range(1, len(items)):
        total = function(total, items[k])
        out.append(total)
    return out


def accumulated_from(function, items, total):
    """The list of `itertools.accumulate` from a first value on."""
    out = [total]
    for item in items:
        total = function(total, item)
        out.append(total)
    return out


def itself(item):
    """The key by which tuples are compared as they are."""
    return item


def greatest(items, key):
    """The first item whose key is the greatest."""
    if len(items) == 0:
        raise ValueError("max() arg is an empty sequence")
    best = items[0]
    rank = key(best)
    for k in range(1, len(items)):
        other = key(items[k])
        if other > rank:
            best, rank = items[k], other
    return best


def least(items, key):
    """The first item whose key is the least."""
    if len(items) == 0:
        raise ValueError("min() arg is an empty sequence")
    best = items[0]
    rank = key(best)
    for k in range(1, len(items)):
        other = key(items[k])
        if other < rank:
            best, rank = items[k], other
    return best


def greatest_or(items, key, default):
    """The greatest item, or the one whose key is; `default` if there is none."""
    return default if len(items) == 0 else max(items) if key is None else greatest(items, key)


def least_or(items, key, default):
    """The least item, or the one whose key is; `default` if there is none."""
    return default if len(items) == 0 else min(items) if key is None else least(items, key)


def listed(items):
    """The list of the items."""
    return [v for v in items]  # noqa: C416


def all_but_last(items):
    """The list of the items but the last one."""
    return [v for v in items[:-1]]  # noqa: C416


def neighbours(items):
    """The list of each item and the next one."""
    found = [v for v in items]  # noqa: C416
    return [(found[k], found[k + 1]) for k in range(len(found) - 1)]


def repeated(items, count):
    """`items * count`."""
    return [v for _ in range(count) for v in items]


def repeated_item(item, count):
    """`[item] * count`."""
    return [item for _ in range(count)]


def joined(first, second):
    """`first + second`."""
    out = [v for v in first]  # noqa: C416
    out.extend(second)
    return out


def kept(function, items):
    """The list of the items for which a function holds."""
    return [v for v in items if function(v)]


def ordered(items, reverse):
    """The list of the numbers in their order; equal ones stay as they were, for `np.sort` is stable here."""
    found = np.asarray(items)
    found = np.sort(found[::-1])[::-1] if reverse else np.sort(found)
    return [v for v in found]  # noqa: C416


def place_of(items, value, start=0, stop=None):
    """`items.index(value, start, stop)`."""
    count = len(items)
    start = max(start + count, 0) if start < 0 else start
    stop = count if stop is None else stop + count if stop < 0 else stop
    for k, v in enumerate(items):
        if start <= k and k < stop and v == value:
            return k
    raise ValueError("the value is not in the list")


def number_of(items, value):
    """`items.count(value)`."""
    if value != value:  # Python counts the objects that are this one
        raise ValueError("list.count(nan) counts objects, not numbers")
    total = 0
    for v in items:
        if v == value:
            total += 1
    return total


def keys_of(items, key):
    """The list of what a function makes of the items."""
    return [key(v) for v in items]


def in_order_of(items, columns, reverse):
    """The list of the items in the order of columns of keys; equal ones stay as they were, for these sorts are stable.

    The first column decides, where it is equal the second, and so on.
    """
    columns = [np.asarray(column)[::-1] if reverse else np.asarray(column) for column in columns]
    places = np.argsort(columns[0]) if len(columns) == 1 else np.lexsort(columns[::-1])
    if reverse:
        return [items[len(places) - 1 - k] for k in places[::-1]]
    return [items[k] for k in places]


def floats_of(a):
    """The elements as Python's floats."""
    return [float(v) for v in a]


def ints_of(a):
    """The elements as Python's ints."""
    return [int(v) for v in a]


def bools_of(a):
    """The elements as Python's bools."""
    return [bool(v) for v in a]
