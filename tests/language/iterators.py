"""What is lazy computes an item when it is asked for one: what was written until then is seen, and what is not taken
is not computed."""
# ruff: noqa

import itertools

import numpy as np

from language.case import case

A = np.array([0.5, 1.5, -2.0, 0.25])


def total_after(items, a, first):
    a[0] = first
    return sum(items)


@case(A, 3.0)
def generators_that_wait(a, x):
    early = total_after((v * v for v in a), a, x)
    chosen = total_after((v * a[0] for v in a if v > 0), a, -x)
    pairs = total_after((v * w for v in a for w in a if v < w), a, x)
    b, c = np.array([x, 2.0]), [x, 2.0]
    return early + chosen + pairs + total_after((b[k] for k in range(2)), b, 9.0) + total_after((v for v in c), c, 9.0)


@case(A, 3.0)
def maps_that_wait(a, x):
    squares, twice, b = map(lambda v: v * v, a), map(lambda v: v * x, [1.0, 2.0]), [x, 1.0]
    later = map(lambda k: b[k] * x, (0, 1))
    a[0], x, b[0] = x, x * x, 5.0
    return sum(squares) + sum(twice) + sum(later)


@case(A, 3.0)
def pairs_that_wait(a, x):
    known, both = zip(a, (1.0, 2.0)), zip(a, a[1:])
    counted, chained = enumerate(a), itertools.chain([x], map(lambda v: v * a[0], (1.0, 2.0)))
    a[0], a[1] = x, -x
    total = 0.0
    for (u, w), (v, z) in zip(known, both):
        total += u * w + v * z
    return total + sum(k * v for k, v in counted) + sum(chained)


@case(A, 0.5)
def arrays_that_a_loop_writes(a, x):
    total = 0.0
    for v, w in zip(a, (1.0, 2.0, 3.0)):
        a[1:3] += x
        total = total * x + v * w
    for k, v in enumerate(u * u for u in a):
        a[k:] *= x
        total = total * x + v
    for v in (u * u for u in a if u > 0.0 if u < 4.0):
        a[3] = -a[3] * 1.5
        total = total * x + v
    for v in filter(lambda u: u > 0.1, a):
        a[2] = 0.2
        total = total * x + v
    return total


@case(A, 0.5)
def lists_that_a_loop_writes(a, x):
    b, total = [x, 2.0, a[0]], 0.0
    for v in map(lambda u: u * b[2], b):
        b[1], b[2] = b[1] + a[1], x
        total += v
    for v in itertools.chain(b, [x]):
        b[2] = x * x
        total += v
    for v, w in itertools.pairwise(b):
        b[1] = 1.0
        total += v * w
    return total


@case(A, 0.5)
def what_leaves_a_loop_over_a_generator(a, x):
    for v in (2.0 * u for u in a if u > 0.4):
        if v > 2.0:
            break
    else:
        v = x
    for w in (u * x for u in a if u > 1.0):
        last = w
    for u in filter(None, a - 0.3):
        if u < 0.0:
            return u * v * last * w
    return x


@case(A, 0.5)
def known_or_not(a, x):
    few = list(filter(lambda v: v > 0.0, (x, -x, a[0])))
    p, q, *_ = map(abs, a)
    r, s = (v * x for v in a[:2])
    out = [x]
    out.extend(v * v for v in a if v > 0.0)
    out += map(lambda v, w: v * w, a, a[1:])
    return sum(few) * p * q * r + s + max(map(abs, a)) + sorted(map(lambda v: v * v, a))[1] + sum(out) * len(out)


@case(A, 0.5)
def neighbours_of_run_time_sequences(a, x):
    total, path = 0.0, []
    for k, (v, w) in enumerate(itertools.pairwise(a)):
        total += v * w * w * k
        path.append((k * x, v - w))
    for (s, v), (t, w) in itertools.pairwise(path):
        total += 0.5 * (t - s) * (v + w) ** 2
    for (k, v), (_, w) in itertools.pairwise(enumerate(map(lambda v: v * a[0], a))):
        total += k * v - w * w
    for few in (a[:0], a[:1]):
        total += sum(v * w for v, w in itertools.pairwise(few)) + len(list(itertools.pairwise(few)))
    for i, j in itertools.pairwise(range(int(abs(a[2]) + 0.5) + 2)):
        total += a[i] * a[j]
    return total + max(v * w for v, w in itertools.pairwise(a)) + list(itertools.pairwise(path))[-1][0][1]


@case(A, 0.5)
def neighbouring_rows_that_a_loop_writes(a, x):
    table, total = np.outer(a, a[:3] + x), 0.0
    for u, v in itertools.pairwise(table):
        v += x * u
        u[0] *= v[1]
        total += u[0] * v[0]
    pairs = itertools.pairwise(a)
    a[0] = x
    return total + np.sum(table**2) + sum(v * w for v, w in pairs)


@case(np.arange(6.0).reshape(2, 3) + 0.5, 0.5)
def indices_of_all_axes(a, x):
    total, b = 0.0, np.zeros((3, *a.shape))
    for i, j in np.ndindex(a.shape):
        total = total * x + a[i, j]
    for place in np.ndindex(3, len(a), a.shape[1]):
        b[place] = total * a[place[1:]]
        if place[0] == 2 and place[2] > 0:
            break
    for (i, j), v in np.ndenumerate(a):
        a[-1, -1] = x
        total += v * (i - j)
    for (k,) in np.ndindex(len(a)):
        total += k * a[k, 0]
    for i, j in np.ndindex(len(a), 0):
        total += a[9 * i, j]
    return (
        total + np.sum(b * b) + sum((x, 2.0, 3.0)[i] * j for i, j in np.ndindex(2, 3)) + len(list(np.ndindex(a.shape)))
    )


@case(np.arange(7.0) - 2.5, 0.5)
@case(np.arange(2.0) - 2.5, 0.5)
def what_sequences_of_any_length_have_together(a, x):
    total, table = x, np.outer(a, a[1:])
    grown = [v for v in a if v > 0.0]
    for i, j in itertools.combinations(range(len(a)), 2):
        total = total * 0.9 + a[i] * (i - 2 * j)
    for (i, v), (j, w) in itertools.combinations(enumerate(a), 2):
        total += v * w * (i - 3 * j)
        a[0] = x
    for v, w in itertools.combinations(table, 2):
        total += np.sum(v * w)
        table[-1] = x * x
    for v, w in itertools.combinations(grown, 2):
        total += v - w * w
        grown[0] = x
    for i, v, k in itertools.product(range(len(a)), a, range(3)):
        total = total * 0.9 + v * k * (i + 1)
        a[1] = x
        if total > 50.0:
            break
    for i, j in itertools.product(range(40), range(1, 80, 2)):
        total += np.sin(x * (i - 5 * j)) / 100.0
    for i, j in itertools.combinations(range(len(a), 100), 2):
        total += np.sin(x * (i - 5 * j)) / 100.0
    return total + sum(v * w for v, w in itertools.product(a[:0], a))


@case(0.5)
def put_together(x):
    pairs = itertools.product([x, 1.0], [2.0, 3.0])
    b = [x, 2.0]
    three = itertools.combinations_with_replacement(b, 2)
    b[0] = 9.0  # which it no longer sees
    total = sum(u * v for u, v in pairs) + sum(u * v for u, v in three)
    for u, v in itertools.zip_longest([x, 2.0, 3.0], (v * x for v in (1.0, 2.0)), fillvalue=x):
        total += u * v
    late = [lambda v: v * k for k in (1.0, 2.0)]
    own = list((lambda v: v * k) for k in (1.0, 2.0))
    return total + late[0](x) + own[0](x) + sum(f(x) for f in ((lambda v: v * k) for k in (1.0, 2.0)))


@case(0.5)
def lists_that_change_before_they_are_gone_over(x):
    out = [x, 2.0]
    for v in map(abs, out):
        out[1] = v * x
    pairs = zip(out, (1.0, 2.0, 3.0))
    out.append(x)
    return sum([p * q for p, q in pairs])


@case(A, 1.25)
def the_first_of_a_generator(a, bound):
    total = next((v * v for v in a if v > bound), -1.0) + next((v for v in a if v > 9.0), bound)
    total += next(v * w for v in a for w in a if v * w > bound) + next(i for i, v in enumerate(a) if v >= bound) * bound
    total += next(iter(a)) * next(map(abs, a[1:])) + next(iter((bound, 7.0)))
    names = {"low": a[0], "high": a[3]}
    return total * next(v for name, v in names.items() if len(name) > 3) + next((a[k] for k in () if k), bound)


@case(A, 3)
def in_order_of_their_items(a, n):
    best, place = max((v * (3.0 - v), i) for i, v in enumerate(a))
    least = min((a[0], 1), (a[1], 2), (a[0], 0))
    known = max([(n, a[0]), (n, a[1]), (2, a[2])])
    flags = ((a[0], a[1]) < (a[0], a[2]), (n, 2) >= (n, 3), (n,) < (n, 1), [a[1], 1] <= [a[0], 2], (1, n) > (0, a[0]))
    return best * (place + 1) + least[0] * least[1] + known[1] + sum(flags) * a[1]
