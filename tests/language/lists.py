"""Lists whose length is known only when the program runs."""
# ruff: noqa

import numpy as np

import llad

from language.case import case

A = np.array([0.5, 1.5, 2.0])
M = np.arange(6.0).reshape(2, 3) + 0.5
N = np.array([3, 1, 2])


@case(A, N)
def of_numbers(a, n):
    twice = [2 * v for v in a]
    late = [v for v in a[:0]]
    counts = [k * 2 for k in n]
    big = [v > 1 for v in a]
    total = twice[-1] * sum(twice) + len(twice) + sum(twice[1:]) + max(twice) * min(a) + sum(late)
    for k, (v, c) in enumerate(zip(twice, reversed(counts))):
        total += k * v * c
    x, y, z = twice
    total += x * y * z + a[counts[1]] + sum(big) + (1.0 if late else 2.0) * isinstance(twice, list)
    return total + np.sum(np.where(big, a, 0.0)) + np.dot(twice, a) + np.mean(twice) + (3.0 if any(big) else 0.0)


@case(M, A)
def of_arrays(m, a):
    rows = [np.tanh(r) * v for r, v in zip(m, a)]
    s, v, h, c, b = np.stack(rows, axis=1), np.vstack(rows), np.concatenate(rows), np.column_stack(rows), np.asarray(rows)
    b[0, 0] = 3.0
    rows[1][2] = 0.25
    outer = [np.outer(r, r) * k for k, r in enumerate(m)]
    t, u, w, x = np.concatenate(outer, axis=1), np.hstack(outer), np.stack(outer, axis=-1), np.vstack(outer)
    total = np.sum(s * c) + h @ np.arange(len(h)) + np.sum(v * b) + rows[-1] @ rows[0] + sum(rows) @ a
    return float(total + np.sum(t[0] * u[1]) + np.sum(w[0, 1] ** 2) + np.mean(outer) + np.sum(x[1:] * x[:-1]) + np.hypot(*rows[0][:2]))


@case(M, 2)
def of_lists(m, n):
    kernel = np.array([[np.exp(-np.sum((p - q) ** 2)) for q in m] for p in m[:n]])
    table = np.array([[v, v * v, 1.0 * k] for k, v in enumerate(m[0])])
    pairs = [(v, v * v) for v in m[1]]
    total = 0.0
    for p, q in pairs:
        total += p * q
    rows = np.array([[k * v for v in m[0]] for k in range(3)])
    return float(total + kernel.sum() + table.sum() * table.shape[1] + pairs[1][0] + rows[2, 1] + isinstance(pairs[0], tuple))


@case(A)
def in_loops_and_calls(a):
    def picked(values, k):
        return values[k] if k < 1 else picked(values, k - 1) * values[k]

    total = 0.0
    for k in range(len(a)):
        w = [v * k for v in a[: k + 1]]
        total += sum(w) + np.linalg.norm(w)
        if total > 100:
            break
    scaled = {"w": [v + total for v in a]}
    return float(picked(scaled["w"], len(a) - 1))


@case(M, A)
def of_windows_on_what_iterations_make(m, a):
    tables = [[row for row in m * v] for v in a]
    again = [table[1] for table in [[2.0 * row for row in m] for _ in a]]
    total = tables[0][0][0] + again[2][1]
    m[0, 0] = 7.0
    return float(total + tables[0][0][0] + np.sum(again[1]))


@case(A, N)
def growing(a, n):
    ints, chosen, flags, several = [0], [], [], []
    for k, v in enumerate(a):
        ints.append(ints[-1] + n[k])
        flags.append(v > 1)
        if chosen and chosen[-1] > v * v:
            continue
        chosen.append(v * v)
        several.extend((v, 1.0))
        several += [v * k, sum(several)]
    several.extend([w * 0.5 for w in a])
    several += chosen
    total = ints[-1] * len(chosen) + sum(several[::2]) * several[-1] + max(several) + (1.0 if flags else 2.0)
    for k, (c, f) in enumerate(zip(chosen, reversed(flags))):
        total += k * c * f
    return float(total + np.sum(np.where(flags, a, 0.0)) + np.dot(chosen, chosen) + isinstance(chosen, list))


@case(M, A, 3)
def growing_arrays(m, a, n):
    power, seen, x = [m[0]], [], np.ones(3)
    for k in range(n):
        power.append(0.5 * power[-1] + m[k % 2])
        x = np.array([[0.5, 0.1, 0.0], [0.2, 0.4, 0.1], [0.0, 0.3, 0.6]]) @ x
        seen.append(x)
    cube = []
    for r in m:
        plane = []
        for k in range(n):
            line = [a[0]]
            for v in r:
                line.append(v * k + line[-1])
            plane.append(line)
        cube.append(plane)
    c = np.array(cube)
    return float(np.sum(np.stack(power) * a) + np.sum(np.vstack(seen)) + np.sum(c**2) + cube[-1][1][2])


@case(A, 0.3)
def growing_tuples(a, h):
    states = [(0.0, 1.0)]
    for v in a:
        x, y = states[-1]
        states.append((x + h * y, y - h * x * v))
    xs = [q[0] for q in states]
    return float(sum(xs) + states[-1][1] * len(states))


@case(A, 3)
def growing_in_several_places(a, n):
    def simulated(x):
        xs = [x]
        for v in a:
            xs.append(np.sin(xs[-1] + v))
        return np.array(xs)

    values = [1.0]

    def last():
        return values[-1]

    total, k = 0.0, 0
    while k < n:
        row = [a[0]]
        if a[k] > 1.0:
            row.append(a[k] ** 2)
        else:
            row += [1.0, a[k], a[1]]
        for v in a:
            row.append(v * k)
        total += np.sum(simulated(0.1 * k) ** 2) + sum(row) * len(row)
        k += 1
    for i in range(len(a) - 1, -1, -1):
        for j in range(n, i, -2):
            values.append(a[i] * j + last() * 0.5)
        if len(values) > 3:
            break
    else:
        total += 100.0
    return float(total + last() + len(values))


@case(A)
def growing_while_it_is_iterated_over(a):
    queue = [a[0]]
    total = 0.0
    for v in queue:
        total += v
        if len(queue) < 6:
            queue.append(v * 0.5)
            queue.append(v * a[1])
    return float(total * len(queue))


@case(A)
def of_more_trips_than_are_written_out(a):
    xs, mixed, changed = [a[0]], [], [a[1]]
    for k in range(40):
        xs.append(0.9 * xs[-1])
        mixed.append(a[0] if k % 2 else (a[0], a[1]))
        changed.append(a[k % 3])
        changed[0] = changed[0] + 1.0
    x, *rest = xs
    whole = len(xs) + len(rest[:2]) + len(tuple(xs))
    return float(mixed[1] + mixed[2][1] + changed[0] * list(xs)[-1] + rest[-2] * x), whole


@case(A)
def added_to_by_an_array(a):
    xs = [1.0, 2.0, 4.0]
    xs += a
    return float(np.sum(xs * a))


@case(A, M)
def as_an_index_and_as_a_value(a, m):
    places, found = [], []
    for k in range(len(a)):
        if a[k] > 1.0:
            places.append(k)
            found.append(a[k] ** 2)
    b, c = np.zeros(3), m.copy()
    b[places] = found
    b[1:] += [v * 0.5 for v in a[1:]]
    c[0] = [v * v for v in a]
    c[:, places] *= 2.0
    return float(np.sum(a[places]) + b @ a + np.sum(c * m) + m[1, places] @ np.array(found))


@case(A, 3)
def growing_further(a, n):
    def simulated(x):
        xs = [x]
        for v in a:
            xs.append(xs[-1] + v)
        return xs

    xs, ys, squares = simulated(a[0]), simulated(1.0), [v * v for v in a]
    for v in a:
        xs.append(v)
        squares.append(v * ys[-1])
    squares += [v * n for v in xs]
    ys.append(squares[-1])
    return float(sum(xs) - ys[-1] * sum(squares) + len(squares))


@case(A)
def short_ranges_that_are_left(a):
    xs, seen = [1.0, 2.0], []
    for k in range(20):
        f, g = xs[-2] ** 2 - a[1], xs[-1] ** 2 - a[1]
        if abs(g) < 1e-12:
            break
        xs.append(xs[-1] - g * (xs[-1] - xs[-2]) / (g - f))
    for k in range(3):
        if a[k] < 1.0:
            continue
        seen.append(a[k] * k)
    return float(xs[-1] + sum(seen))


@case(0.5)
def short_ranges_that_are_left_for_known_reasons(x):
    xs = []
    for k in range(10):
        if k % 2:
            continue
        xs.append(x * k)
        if k > 6:
            break
    return [2.0 * v for v in xs][3] * len(xs), len(xs)


@case(A)
def changed_while_they_are_iterated_over(a):
    values = [a[0], a[1], a[2]]
    weights = [1.0, 2.0, 3.0]
    for k, v in enumerate(values):
        values[k] = 2.0 * v
        if k + 1 < len(values):
            values[k + 1] += v
    for k, (v, w) in enumerate(zip(values, weights)):
        if len(weights) < 5:
            values.append(v * w)
            weights.append(w + k)
    for v in reversed(weights):
        weights[0] = weights[0] + v
    total = 0.0
    short = [1.0, 2.0, 3.0]
    for v, x in zip(short, a):
        short[2] = v
        total += v * x
    return float(sum(values) * sum(weights) + total)


@case(A, 4)
def repeated(a, n):
    depths, counts, flags = [0.0] * (n + 1), n * [0], [False] * len(a)
    for i in range(n):
        depths[i + 1] = depths[i] + a[i % 3]
        counts[i % 2] += 1
        flags[i % 3] = i > 2
    turns, none, pairs = [a[0], a[1] * n] * n, [a[0]] * (1 - n), [(0.0, 1)] * n
    pairs[1] = (a[2], n)
    turns.append(a[2])
    total = depths[-1] * depths[2] + counts[0] * 0.5 + sum(turns[1:]) * turns[-2] + len(none) + (3.0 if flags[0] else 1.0)
    for k, (p, q) in enumerate(pairs):
        total += p * q * k
    return float(total + len(turns * 2) + sum([] * n) + np.sum(np.array([a[1]] * n) ** 2)), isinstance(turns, list)


@case(A, 3)
def put_together(a, n):
    front = [a[0]] + [0.0] * n
    for i in range(n):
        front[i + 1] = front[i] * a[i]
    both = front + [v * v for v in a]
    both[1] = 2.0
    known = [a[1]]
    same = known
    known *= 2
    return float(sum(both) * front[1] + sum(both + [a[2]]) + len(front) + sum(same) * len(same))


@case(A, 3)
def of_rows_that_are_as_long_as_is_known_before(a, n):
    table = [[v] * n for v in a]
    cube = [[[float(i + j)] * n for i in range(n)] for j in range(len(a))]
    table[1] = [a[0], 1.0, a[2]]
    table.append([2.0, a[1], 1.0])
    return float(table[1][2] * table[-1][1] + np.sum(np.array(cube)[1:] * np.array(table[0])) + len(table))


@case(A, 4)
def returned_from_a_loop(a, n):
    def until(limit):
        out, powers = [], []
        for k in range(n):
            out.append(a[0] * k)
            powers.append((k, a[1] ** k))
            if out[-1] > limit:
                return out, powers
        return out, powers

    def after(limit):
        out = []
        for v in a:
            if v > limit:
                return out
            out.append(v * v)
        return []

    values, powers = until(0.6)
    total = sum(values) * len(values) + sum([k * p for k, p in powers]) + len(until(9.0)[0])
    return float(total + sum(after(1.7)) + len(after(0.1)) + len(after(5.0)))


@case(A, 4)
def of_several_paths(a, n):
    chosen = [v * v for v in a] if a[0] > 1.0 else [1, 2 * n]
    if n > 2:
        chosen = chosen[1:] + [a[1]]
    row, best, path, cost = [1.0], [], [], 0.0
    for k in range(n):
        row = [1.0, *[0.0] * 0] + [row[i] * a[0] + row[i + 1] for i in range(len(row) - 1)] + [1.0]
        path.append((k, a[k % 3]))
        if path[-1][1] > cost:
            cost, best = path[-1][1], path[:]
    level = [v * a[1] for v in row]
    while len(level) > 1:
        level = [level[2 * i] + level[2 * i + 1] * 0.5 for i in range(len(level) // 2)]
    return float(sum(chosen) * len(chosen) + sum(row) * level[0] + sum([k * v for k, v in best]))


@case(A, 3)
def handed_to_what_calls_itself(a, n):
    def halved(values, k):
        return values if k == 0 else halved([v * 0.5 + values[-1] for v in values[:-1]], k - 1)

    slope = llad.grad(lambda values: sum(values) * values[0])([v * n for v in a])
    return float(sum(halved([v * v for v in a], n - 1)) + slope[0] + slope[1] * len(slope))


@case(A, 2)
def spread_in_a_display(a, n):
    xs = [v * v for v in a]
    ys = [1.0, *xs, a[1], *a, *range(n)]
    zs, copied = [*(v for v in a if v > 1.0)], [*xs]
    xs[0] = 5.0
    ys.append(a[2])
    return float(sum(ys) * ys[2] + len(zs) * zs[-1] + copied[0] * xs[0])


@case(A, M, 3)
def items_put_in_and_taken_out(a, m, n):
    queue, total, order, path, rows = [(0, a[0])], 0.0, [], [], []
    while queue and len(order) < 6:
        depth, v = queue.pop(0)
        total = total * 0.5 + v * depth
        order.insert(0, v)
        queue.append((depth + 1, v * a[1]))
        queue.insert(1, (depth + 2, v + 1.0))
    for k in range(n):
        path.insert(len(path) // 2, {"k": k, "v": a[k]})
        rows.insert(-1, m[k % 2] * k)
        if k == 1:
            del path[-1]
    window = []
    for v in a:
        window.append(v)
        if len(window) > 2:
            del window[0]
    window.insert(9, order.pop(2))
    first = rows.pop(-n)
    return float(total + sum(order) * window[-1] + path[0]["v"] * path[-1]["k"] + rows[0] @ rows[1] + first[0] + len(queue))


@case(A, M, 3)
def comprehensions_of_arrays_that_grow(a, m, n):
    xs, rows, total = [a * v for v in a], [row for row in m], 0.0
    xs[0][1] = 4.0
    xs[1] += 1.0
    first = xs[0]
    first *= 2.0
    if len(xs) > 2:
        xs[2][0] = 0.5
    for k in range(n):
        xs[k] *= a[k]
        xs[k][0] = 0.1
        xs[k][1] += a[0] * xs[k - 1][1]
    ys, zs = xs + [v - a for v in a], [a, *xs]
    for k in range(n):
        xs.append(0.5 * xs[-1] + a[k])
        rows.insert(k, m[k % 2] * a[k])
        own = [a * v for v in a]
        own[0][k] = 3.0
        own += [a, a * a[k]]
        total += (own.pop() @ own[0]) * own.pop(1)[k]
    while len(rows) < 9:
        rows += [rows[0] * rows[-1]]
    xs[0], xs[1] = xs[1], xs[0]
    del xs[2]
    return float(total + sum(xs) @ xs[0] + sum(ys) @ zs[1] + zs[0][0] + len(zs) + np.sum(np.stack(rows) * m[0]) + first[0])


@case(A, M, N)
def reordered_and_searched(a, m, n):
    xs, ks, pairs, rows = [v * v for v in a], [k for k in n], [(k, v) for k, v in zip(n, a)], [a * v for v in a]
    before, copied = xs[:], xs.copy()
    xs.sort(reverse=True)
    xs[1] *= 3.0
    xs.reverse()
    copied.append(xs[0])
    pairs.sort(key=lambda pair: pair[0])
    rows.reverse()
    ks.remove(3)
    window, total = [], 0.0
    for v in a:
        window.append(v * a[1])
        window.sort()
        if len(window) > 2:
            window.remove(window[0])
        total = 0.5 * total + window[-1] * v
    while ks:
        ks.sort()
        total += ks.pop() * len(ks)
    for v in a:
        if v > 1.0:
            window.reverse()
        for w in m[0]:
            ks.append(w * v)
        total += ks[-1] * len(ks)
        ks.clear()
    same = [v for v in n]
    total += a[same.index(2)] * same.count(3) + same.index(2, 1, -1 + 4) + (a[2], a[0], a[2]).index(a[0])
    return float(total + xs[0] * before[0] + copied[-1] * len(copied) + pairs[0][1] * pairs[2][0] + rows[0][1] + window[0])


@case(A, 3)
def arrays_of_tuples_of_several_types(a, n):
    pairs, found = [(k, v) for k, v in enumerate(a)], []
    for k in range(n):
        found.append((a[k] > 1.0, k, a[k] * k))
    x, y = np.array(pairs), np.asarray(found)
    return float(np.sum(x[:, 1] ** 2 * x[:, 0]) + np.sum(y * y) + x.shape[1] * y.shape[0] + np.array(pairs, dtype=int)[1, 1])


@case(np.array([1.0, -2.0, 3.0, 0.5, 4.0, 2.5]), 2)
def changed_by_what_it_is_given(a, n):
    """What is stored, or says where, takes an item out of the list first."""
    stack, queue, other = [v for v in a], [v for v in a], []
    for v in a:
        other.append(a * v)
        stack.append(stack.pop() * v)
        queue.insert(1, queue.pop(0) + queue.pop())
        queue.append(len(queue) + v)
    queue.extend([queue.pop(0), queue.pop()] * n)
    queue += [queue.pop(n), queue.pop(-2) * 0.5]
    other.append(other.pop(0) + other.pop())
    other.insert(-1, other.pop(0))
    stack[-1 - int(stack.pop() > 99.0)] += 10.0
    stack[int(stack.pop() < 99.0)] = 3.0 * stack[-1]
    del queue[-1 - int(queue.pop() > 99.0)]
    last = queue.pop(-1 - int(queue.pop() > 99.0))
    while stack and stack.pop() > 4.0:
        last += stack.pop() if stack else 0.0
    total = sum(queue) - queue.pop() * len(queue)
    return last, total, len(stack), len(queue), sum(stack), queue[0], queue[-1], sum(w[1] * len(other) for w in other)


@case(A, 2)
def ranges_as_indices(a, n):
    table = np.outer(a, a + 1.0)
    size = len(a)
    table[range(size), range(size)] = 0.5
    table[range(1, n), 0] *= 3.0
    return np.sum(table**2) + np.sum(a[range(size - 1, 0, -1)]) + np.sum(table[range(0, n, 2)][:, range(2)]) + len(a[range(0)])
