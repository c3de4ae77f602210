"""Lists that grow in a loop: how many items come, and where an item comes from, is known only when the program runs."""

import math
from dataclasses import dataclass

import numpy as np

from programs.case import program


@program(lambda r: (0.3, r.normal(size=6), 6), second=True)
def trajectory_of_a_filter(x0, u, n):
    xs = [x0]
    for t in range(n):
        xs.append(math.tanh(0.7 * xs[-1] + u[t]))
    states = np.array(xs)
    return np.sum((states[1:] - 0.5 * states[:-1]) ** 2)


@program(lambda r: (np.array([0.4, -0.3, 1.2, -2.0, 0.7]),), second=True)
def mean_of_what_is_chosen(a):
    out = []
    for v in a:
        if v > 0.0:
            out.append(np.exp(v))
    return sum(out) / len(out)


@program(lambda r: (np.array([1.0, 0.2]), 0.3, 5), second=True)
def loss_of_a_simulation(y, h, n):
    traj = [y]
    for _ in range(n):
        middle = y + 0.5 * h * np.array([y[1], -np.sin(y[0])])
        y = y + h * np.array([middle[1], -np.sin(middle[0])])
        traj.append(y)
    positions = np.stack(traj)
    target = np.cos(h * np.arange(n + 1))
    return np.sum((positions[:, 0] - target) ** 2) + 0.1 * traj[-1] @ traj[len(traj) // 2]


@program(lambda r: (1.3, 0.1, 1e-3), step=1e-5, f32=False)
def steps_that_an_adaptive_method_takes(rate, h, tolerance):
    t, y = 0.0, 1.0
    times, values = [t], [y]
    for _ in range(200):
        if t >= 1.0:
            break
        coarse = y * (1.0 - h * rate)
        fine = y * (1.0 - 0.5 * h * rate) ** 2
        if abs(fine - coarse) > tolerance:
            h = 0.5 * h
            continue
        t, y = t + h, 2.0 * fine - coarse
        times.append(t)
        values.append(y)
        h = 1.2 * h
    area = 0.0
    for k in range(len(times) - 1):
        area += 0.5 * (times[k + 1] - times[k]) * (values[k + 1] + values[k])
    return area * values[-1]


@program(lambda r: (np.array([1.0, 0.4]), r.normal(size=8)), second=True)
def residuals_of_a_filter(theta, z):
    mean, spread = 0.0, 1.0
    residuals, spreads = [], []
    for v in z:
        mean, spread = theta[0] * mean, theta[0] ** 2 * spread + theta[1] ** 2
        total = spread + 0.5
        residuals.append(v - mean)
        spreads.append(total)
        gain = spread / total
        mean, spread = mean + gain * residuals[-1], (1.0 - gain) * spread
    return sum([r * r / s + math.log(s) for r, s in zip(residuals, spreads, strict=True)])


@program(lambda r: (np.array([0.1, 0.9, 1.4, 0.3, 2.0, 1.9, 0.2]), 1.0), second=True)
def times_of_events(signal, level):
    events = []
    for k in range(len(signal) - 1):
        before, after = signal[k], signal[k + 1]
        if (before - level) * (after - level) < 0.0:
            events.append(k + (level - before) / (after - before))
    if len(events) < 2:
        return 0.0
    total = events[-1]
    for k in range(1, len(events)):
        total += (events[k] - events[k - 1]) ** 2
    return total


@program(lambda r: (np.array([0.5, 1.5]), r.normal(size=(12, 2)), np.log(r.uniform(size=12))), f32=False)
def a_chain_of_metropolis(scale, steps, logs):
    x = np.array([0.1, -0.2])
    level = -0.5 * np.sum(x * x / scale)
    chain, accepted = [], 0
    for step, u in zip(steps, logs, strict=True):
        proposal = x + 0.5 * step * scale
        new = -0.5 * np.sum(proposal * proposal / scale)
        if u < new - level:
            x, level = proposal, new
            accepted += 1
        chain.append(x)
    samples = np.array(chain)
    return np.sum(np.mean(samples, axis=0) ** 2) + np.sum(samples[-1] * scale) + accepted


@program(lambda r: (r.normal(size=(4, 3)), 2), second=True)
def a_table_of_rows(m, n):
    rows = []
    for p in m:
        row = []
        for q in m[:n]:
            row.append(np.exp(-np.sum((p - q) ** 2)))
        rows.append(row)
    table = np.array(rows)
    return np.sum(table @ table.T) + rows[-1][0] * len(rows[0])


@program(lambda r: (r.normal(size=5),), second=True)
def distances_of_pairs(x):
    out = []
    for i in range(len(x)):
        for j in range(i + 1, len(x)):
            out.append((x[i] - x[j]) ** 2)
    return np.mean(np.array(out)) + out[0] * out[-1]


@program(lambda r: (r.normal(size=4), 3), second=True)
def grown_by_several_loops(x, n):
    out = [x[0], 2.0]
    out.append(x[1] * x[2])
    for v in x:
        out += [v, v * out[0]]
        out.append(math.sin(v) * out[-1])
    out.append(x[3])
    for k in range(n):
        if k == 1:
            continue
        out.append(out[k] * out[-1] + k)
    out.extend([x[0], 3.0])
    return sum(out) * out[5]


@program(lambda r: (r.normal(size=3), 0), second=True)
def a_loop_of_no_trips(x, n):
    out = [x[0]]
    for k in range(n):
        out.append(out[-1] * x[k])
    for v in x[:n]:
        out.append(v)
    return out[-1] * x[1] + len(out)


@program(lambda r: (np.array([2.0, 3.0, -1.0, 5.0]), 0.5), second=True)
def pairs_until_the_first_negative_one(x, a):
    pairs = []
    for v in x:
        if v < 0.0:
            break
        pairs.append((v, a * v * v))
    total = 0.0
    for p, q in pairs:
        total += p * q
    return total * pairs[0][1]


@program(lambda r: (r.normal(size=3), 40), second=True)
def more_trips_than_are_written_out(x, n):
    out = []
    for k in range(40):
        out.append(x[k % 3] * k)
    first, *_, last = out
    return sum(out[1:]) * last + first


@program(lambda r: (r.normal(size=(3, 4)), np.full(4, 0.1)), second=True, f32=False)
def arrays_that_hold_still(m, w):
    seen = []
    state = np.zeros(4)
    for row in m:
        state += np.tanh(row * w)
        seen.append(state.copy())
        seen.append(row)
    total = 0.0
    for s in seen:
        total += s @ w
    return total + np.sum(np.concatenate(seen) ** 2)


@program(lambda r: (np.array([1.0, 0.2]), 0.3, 1e-3), step=1e-6, f32=False)
def loss_of_adaptive_steps(y, h, tolerance):
    t = 0.0
    times, states = [t], [y]
    while t < 2.0:
        first = np.array([y[1], -np.sin(y[0])])
        middle = y + h * first
        change = np.array([middle[1], -np.sin(middle[0])]) - first
        error = 0.5 * h * np.max(np.abs(change))
        if error < tolerance:
            t = t + h
            y = middle + 0.5 * h * change
            times.append(t)
            states.append(y)
        h = 0.9 * h * min(2.0, max(0.3, math.sqrt(tolerance / error)))
    trajectory = np.array(states)
    return np.sum(trajectory[:, 0] * np.exp(-np.array(times))) + states[-1][1] + times[-2]


@program(lambda r: (3.0, 0.7), second=True)
def halved_until_small(x, rate):
    out = []
    while x > 0.1:
        x *= rate
        out.append(x)
    return sum(out) + out[-1] * out[len(out) // 2]


@program(lambda r: (np.array([1.33, 0.23, 2.1, 1.27]),), second=True)
def inner_loops_of_unknown_trips(a):
    out = []
    for v in a:
        x = v
        while x > 0.1:
            x *= 0.5
            out.append(x * v)
        if len(out) > 10:
            break
    return sum(out) * out[0] + len(out)


@program(lambda r: (r.normal(size=4), np.array([1, 3, 0, 2, 4, 4])), second=True)
def as_many_as_are_read(a, counts):
    out = []
    for m in counts:
        for j in range(m):
            out.append(a[j] * a[j])
    return sum(out) * out[0]


@program(lambda r: (1.7, np.array([0.2, -0.4])), second=True)
def a_function_that_collects(x, w):
    def halved(x):
        out = []
        while x > 0.2:
            x *= 0.5
            out.append(x * w)
        return out

    first = halved(x)
    first.append(3.0 * x * w)
    while x < 5.0:
        x *= 2.0
        first.append(x * w)
    for v in halved(2.0 * x):
        first.append(v * x)
    return np.sum(np.stack(first) ** 2) + len(first) * x


@program(lambda r: (1.3, 0.4), second=True)
def pairs_that_follow_each_other(x, y):
    pairs = [(x, y)]
    while pairs[-1][0] > 0.01:
        p, q = pairs[-1]
        pairs.append((p * 0.5, q + p * y))
    total = 0.0
    for p, q in pairs:
        total += p * q
    return total


@program(lambda r: (r.normal(size=3), 2.5), second=True)
def extended_while_large(a, x):
    out = []
    while x > 0.1:
        out.extend(a * x)
        out += [v * v for v in a]
        x *= 0.5
    return sum(out) + out[3]


@program(lambda r: (np.array([0.33, -0.8, 1.1, 0.27]), r.normal(size=(3, 2))), second=True)
def comprehensions_that_choose(a, m):
    squares = np.array([x * x for x in a if x > 0.0 if x < 1.0])
    places = [i for i in range(len(a)) if a[i] > 0.0]
    pairs = [(u, u * v) for u in a if u > 0.0 for v in a if v < u]
    total = sum([p * q for p, q in pairs]) + np.sum(a[np.array(places)] ** 3)
    total += sum([a[i] * a[j] for i in places for j in places if i < j])
    total += np.sum(np.stack([2.0 * row for row in m if row[0] < 10.0]) ** 2)
    chosen = [v for v in a if v > 0.3]
    chosen.append(2.0 * a[3])
    return total * np.mean(squares) + chosen[-1] * chosen[0] * len(chosen)


@program(lambda r: (0.7, -0.4, 3), second=True)
def comprehensions_over_what_is_known(x, y, n):
    total = sum([v * v for v in (x, y, 3.0 * x) if v > 0.0]) * max(v for v in (x, y, 0.3) if v < 0.5)
    total += math.prod(v for v in (x, y, 2.0) if v > 0.0) + len([v for v in (x, y) if v > 0.0])
    total += sum([x**i * j for i in range(3) for j in range(n) if i != j])
    return total + sum(x * i * j for i in range(3) for j in range(n) if i * y < j)


@program(lambda r: (np.array([0.33, -0.8, 1.1, 0.27]), 3), second=True)
def comprehensions_in_loops(a, n):
    total = 0.0
    for k in range(n):
        total += sum([v * k for v in a if v > 0.1 * k]) ** 2
        total += sum([a[i] * a[j] for i in range(k) for j in range(i)])
    return total + np.sum(np.array([v for v in a if v > 100.0]))


@program(lambda r: (r.normal(size=7), 3), second=True)
def batches_of_samples(x, size):
    batch, total, places = [], 0.0, []
    for k, v in enumerate(x):
        batch.append(v * v)
        places.append(k)
        if len(batch) == size:
            total += np.mean(np.array(batch)) ** 2 * places[0]
            batch = []
            places = [k]
    if len(batch) > 0:
        total += batch[-1] * sum(batch)
    return total + len(places)


@program(lambda r: (r.normal(size=9), 2), second=True)
def a_window_that_is_cut(x, width):
    window, out = [x[0]], []
    for v in x:
        window.append(0.5 * window[-1] + v)
        kept = window[:]
        if len(window) > width:
            window = [window[-2], window[-1] * kept[0]]
        out.append(sum(kept) * v + window[0])
    return sum(out) + out[-1] * window[-1]


@program(lambda r: (1.33,), second=True)
def a_stack_of_intervals(x):
    stack, total = [(0.0, x)], 0.0
    while stack:
        a, b = stack.pop()
        middle = 0.5 * (a + b)
        if b - a > 0.3:
            stack.append((a, middle))
            stack.append((middle, b))
        else:
            total += (b - a) * math.sin(middle) ** 2
    return total


@program(lambda r: (np.array([0.9, -0.3, 1.4, 0.2, -1.1]),), second=True)
def sorted_by_exchanges(a):
    xs = list(a)
    first = xs[1:]
    for i in range(len(xs)):
        for j in range(len(xs) - 1 - i):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
    total = 0.0
    for k, v in enumerate(xs):
        total += k * v * first[0]
    return total


@program(lambda r: (r.normal(size=5), 7), second=True)
def counters_in_a_known_list(a, n):
    sums, best = [0.0, 0.0, 1.0], [a[0], 0.0]
    for k in range(n):
        sums[k % 3] += a[k % 5] * sums[(k + 1) % 3] + 0.1
        if a[k % 5] > best[0]:
            best[0], best[1] = a[k % 5], sums[0]
    return sums[0] * sums[1] + sums[2] * best[1]


@program(lambda r: (r.normal(size=(3, 2)), 4), second=True)
def states_that_are_replaced(m, n):
    states = []
    for row in m:
        states.append(2.0 * row)
    first = states[0]
    for k in range(n):
        states[k % 3] = np.sin(states[(k + 1) % 3] + first)
    last = states.pop()
    states[-1] = last * states[0]
    return np.sum(np.stack(states) ** 2) + np.sum(first * last) * len(states)


@program(lambda r: (0.7, 1.2), second=True)
def a_list_that_a_branch_changes(x, y):
    values = [x, 2.0 * x]
    if y > 0.5:
        values[0] = 3.0 * x * y
        values.append(y)
    if x > y:
        values.pop()
    values[-1] = values[-1] * values[0]
    return sum(values) * values[1]


@program(lambda r: (np.array([1.0, 0.2]), 0.11, 1.0), second=True)
def points_of_a_path(y, h, end):
    path = [(0.0, y)]
    t = 0.0
    while t < end:
        t, y = t + h, y + h * np.array([y[1], -y[0] * y[0]])
        path.append((t, y))
    times, states = zip(*path, strict=True)
    total = np.sum(np.array(times) * np.stack(states)[:, 0]) + path[-1][1][1] * path[len(path) // 2][0]
    for k, (s, u) in enumerate(reversed(path)):
        total += 0.1 * k * s * u[1]
    return total


@dataclass
class Sample:
    time: float
    state: np.ndarray


@program(lambda r: (r.normal(size=5), 4), second=True)
def records_of_samples(a, n):
    samples, tables = [], []
    for k in range(n):
        samples.append(Sample(0.1 * k * a[0], a * k))
        tables.append({"y": a[k], "pair": (k, a[k] ** 2)})
        if len(tables) > 2:
            tables = [tables[-1]]
    total = sum([s.time * np.sum(s.state) for s in samples]) + samples[1].state[2]
    return total + tables[-1]["pair"][1] * tables[0]["y"] + sum(d["y"] * d["pair"][0] for d in tables)


@program(lambda r: (1.3, r.normal(size=3)), second=True, f32=False)
def a_tree_that_is_walked(x, w):
    stack, leaves = [(0, x, w)], []
    while stack:
        depth, v, u = stack.pop()
        if depth < 3:
            stack.append((depth + 1, 0.5 * v, u * v))
            stack.append((depth + 1, 0.3 * v, np.sin(u)))
        else:
            leaves.append((v, u))
    keep = leaves[0]
    leaves[0] = (leaves[1][0], leaves[2][1] * keep[0])
    return sum([v * np.sum(u * u) for v, u in leaves]) + np.sum(keep[1] * leaves[0][1]) * len(leaves)


@program(lambda r: (r.normal(size=5),), second=True)
def structures_in_comprehensions(a):
    chosen = [(k, v) for k, v in enumerate(a) if v > -10.0]
    every = [(k, v * v, a * v) for k, v in enumerate(a)]
    total = sum([k * v for k, v in chosen[1:]]) * every[2][1]
    for (k, v, u), (_, w) in zip(every, chosen, strict=True):
        total += k * v * u[0] * w
    return total


@program(lambda r: (np.array([0.33, -0.8, 1.1, 0.27]),), second=True)
def complex_numbers_in_a_list(a):
    roots = [complex(a[0], 1.0)]
    for v in a:
        if abs(roots[-1]) > 0.1:
            roots.append(roots[-1] * complex(v, 2.0 * v) + 0.5)
    total = 0j
    for z in roots:
        total += z * z
    return total.real + abs(roots[0] - roots[-1])
