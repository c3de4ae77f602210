"""Lists that grow in a loop, and programs that would see that they are none of Python's."""
# ruff: noqa

import numpy as np

import llad


def two_names(a):
    out = []
    every = out
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `every` refers to as well
    #   ^
    return sum(every)


def in_a_tuple(a):
    out = []
    pair = (out, 1.0)
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `pair` refers to as well
    #   ^
    return sum(pair[0])


def in_a_dict(a):
    out = []
    for k in range(1):
        {"out": out}
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is in another container as well
    #   ^
    return sum(out)


def in_the_default_of_a_function(a):
    out = []

    def total(values=out):
        return sum(values)

    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `total` refers to as well
    #   ^
    return total()


def in_a_function_that_was_called(a):
    def made():
        values = []

        def total():
            return sum(values)

        return values, total

    out, total = made()
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `total` refers to as well
    #   ^
    return total()


def a_parameter(a):
    def fill(values):
        for v in a:
            values.append(v)  # error: changing a list on some paths only
    #       ^
        return sum(values)

    out = []
    return fill(out) + sum(out)


def a_parameter_that_has_grown(a):
    def longer(values):
        values.append(1.0)  # error: the attribute `append` of a list of a length that is known only at run time
    #   ^
        return sum(values)

    out = []
    for v in a:
        out.append(v)
    return longer(out)


def a_name_from_within(a):
    out = []
    total = 0.0
    for v in a:
        before = out
        out.append(v)  # error: a list that grows in a loop, but is what `before` refers to as well
    #   ^
        total += len(before)
    return total


def a_tuple_from_within(a):
    out = []
    total = 0.0
    for v in a:
        pair = (out, v)
        out.append(v)  # error: a list that grows in a loop, but is what `pair` refers to as well
    #   ^
        total += len(pair[0])
    return total


def a_list_from_within(a):
    out = [1.0]
    total = 0.0
    for v in a:
        holder = [out]
        out.append(v)  # error: a list that grows in a loop, but is what `holder` refers to as well
    #   ^
        total += len(holder[0])
    return total


def a_name_from_a_function(a):
    out = [1.0]

    def same():
        return out

    total = 0.0
    for v in a:
        before = same()
        out.append(v)  # error: a list that grows in a loop, but is what `before` refers to as well
    #   ^
        total += len(before)
    return total


def a_name_between_two_loops(a):
    out = []
    for v in a:
        out.append(v)
    first = out
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `first` refers to as well
    #   ^
    return sum(first)


def a_name_before_a_last_item(a):
    out = []
    for v in a:
        out.append(v)
    first = out
    out.append(2.0)  # error: a list that grows in a loop, but is what `first` refers to as well
#   ^
    return sum(first)


def a_name_from_an_earlier_iteration(a):
    out = [1.0]
    before = [2.0]
    total = 0.0
    for v in a:  # error: a list that grows in a loop, but is what another name, or a result, may refer to as well
#   ^
        total += len(before)
        out.append(v)
        before = out
    return total


def iterated_meanwhile(a):
    out = [1.0]
    for v in a:
        out.append(v)
    for w in out:
        out.append(w)  # error: a list that grows in a loop, but is iterated over meanwhile
    #   ^
        if len(out) > 10:
            break
    return sum(out)


def iterated_beside_others_meanwhile(a):
    out = [1.0]
    for v in a:
        out.append(v)
        for k, (x, y) in enumerate(zip(reversed(out), a)):
            out.append(x * y)  # error: a list that grows in a loop, but is iterated over meanwhile
    #       ^
    return sum(out)


def in_a_branch_that_is_left(a, x):
    out = []
    for v in a:
        out.append(v)
    if x > 0.1:
        out.append(x)  # error: changing a list on some paths only
    #   ^
        return x
    return sum(out)


def on_threads(a):
    out = []
    for k in llad.prange(len(a)):
        out.append(a[k])  # error: changing a list on some paths only
    #   ^
    return sum(out)


def items_of_several_kinds(a):
    out = [1.0]
    for v in a:
        out.append((v, v))  # error: a list that grows in a loop, but has items of several kinds
    #   ^
    return len(out)


def items_of_several_lengths(a):
    out = [(1.0, 2.0)]
    for v in a:
        out.append((v, v, v))  # error: a list that grows in a loop, but has items of 2 elements and of 3
    #   ^
    return len(out)


def items_of_strings(a):
    out = []
    for v in a:
        out.append("a")  # error: a list that grows in a loop, but has 'a' as an item
    #   ^
    return len(out)


def arrays_of_unknown_shape(a):
    out = []
    for k in range(len(a)):
        out.append(a[k:])  # error: a list that grows in a loop, but has arrays as items whose shape is not known before
    #   ^
    return len(out)


def read_too_early(a):
    out = []
    for v in a:
        if len(out) > 0 and out[-1][0] > v:
            continue
        out.append((v, v))  # error: a list that grows in a loop, but is read before it is known what its items are
    #   ^
    return len(out)


def written_in_place_later(a, n):
    u = a.copy()
    out = []
    for k in range(n):
        out.append(u)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
        u += 1.0
    return np.sum(np.array(out))


def written_in_place_before(a, n):
    u = a.copy()
    out = []
    for k in range(n):
        u[0] += 1.0
        out.append(u)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
    return np.sum(np.array(out))


def written_behind_the_loop(a, n):
    u = a.copy()
    out = []
    for k in range(n):
        u = u + 1.0
        out.append(u)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
    u[0] = 3.0
    return np.sum(np.array(out))


def a_first_item_that_is_written(a, n):
    u = np.zeros(3)
    out = [u]
    for k in range(n):  # error: an array as an item of a list that grows in a loop, and a write to it after that
#   ^
        out.append(u + k)
    u[0] = 3.0
    return np.sum(np.array(out))


def a_window_that_is_written(a, n):
    table = np.zeros((n, 3))
    out = []
    for k in range(n):
        out.append(table[0])  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
        table[k, 1] = a[0]
    return np.sum(np.array(out))


def written_by_an_inner_loop(a, n):
    out = []
    for k in range(n):
        u = np.zeros(3)
        for j in range(n):
            u[0] = j
            out.append(u)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #       ^
    return np.sum(np.array(out))


def two_buffers_in_turns(a, n):
    u, w = a.copy(), a.copy()
    out = []
    for k in range(n):
        w[:] = 2.0 * u
        u, w = w, u
        out.append(u)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
    return np.sum(np.array(out))


def an_argument_that_is_written(a, n):
    out = []
    for k in range(n):
        out.append(a)  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
    a[0] = 3.0
    return np.sum(np.array(out))


def an_item_that_is_written(a, n):
    out = []
    for k in range(n):
        out.append(a * k)
        out[-1][0] = 3.0  # error: a write to an array that may be a copy of another
    #   ^
    return np.sum(np.array(out))


def a_row_that_grows_later(a, n):
    rows = []
    for k in range(n):
        row = []
        for v in a:
            row.append(v)
        rows.append(row)
        row.append(1.0)  # error: a list that grows in a loop, but has become an item of another
    #   ^
    return len(rows)


def a_row_that_is_changed_later(a, n):
    rows = []
    for k in range(n):
        row = [1.0, 2.0]
        rows.append(row)
        row[0] = 3.0  # error: changing a list that has been copied
    #   ^
    return np.sum(np.array(rows))


def a_row_that_grows_with_its_table(a):
    rows, row = [], []
    for v in a:
        row.append(v)
        rows.append(row)  # error: a list that grows in a loop, but has another as an item, to which the loop appends
    #   ^
    return len(rows)


def a_first_row_that_is_changed_later(a):
    first = [1.0, 2.0]
    rows = [first]
    for v in a:
        rows.append([v, v])
    first[0] = 2.0  # error: changing a list that has been copied
#   ^
    return np.sum(np.array(rows))


def an_item_that_may_be_a_window(a, n):
    u = np.zeros((3, 4))
    out = []
    for k in range(n):
        out.append(u[:, 1:].ravel())  # error: an array as an item of a list that grows in a loop, and a write to it
    #   ^
        u[0, 2] = k
    return np.sum(np.array(out))


def items_that_are_windows(a, n):
    u = np.zeros((3, 4))
    out = []
    for k in range(n):
        out.append([r for r in u])  # error: an array as an item of a list that grows in a loop, and a write to it
    #   ^
        u[0, 2] = k
    return np.sum(np.array(out))


def on_threads_inside(a, n):
    out = []
    for k in range(n):
        for j in llad.prange(len(a)):
            out.append(a[j])  # error: a list that grows in a loop, but is appended to by iterations on threads
    #       ^
    return sum(out)


def on_threads_behind(a, n):
    out = []
    for v in a:
        out.append(v)
    for j in llad.prange(len(a)):
        out += [a[j]]  # error: a list that grows in a loop, but is appended to by iterations on threads
    #   ^
    return sum(out)


def in_what_is_differentiated(a, n):
    out = [1.0]
    total = 0.0
    for v in a:
        slope = llad.grad(lambda x, values=out: x * len(values))
        out.append(v)  # error: a list that grows in a loop, but is what `slope` refers to as well
    #   ^
        total += slope(v)
    return total


def known_items_that_are_counted_while_a_loop_appends(x, a):
    out = [x, 2.0]
    for k, v in enumerate(out):
        for w in a:
            out.append(v * w)  # error: a list that grows in a loop, but is iterated over meanwhile
    #       ^
    return sum(out)


def a_list_that_was_returned_beside_a_function(a):
    def made():
        values = []
        for v in a:
            values.append(v)

        def total():
            return sum(values)

        return values, total

    out, total = made()
    out.append(1.0)  # error: a list that grows in a loop, but is what `total` refers to as well
#   ^
    return total()


def a_comprehension_with_two_names(a):
    out = [2 * v for v in a]
    every = out
    for v in a:
        out.append(v)  # error: a list that grows in a loop, but is what `every` refers to as well
    #   ^
    return sum(every)


def a_comprehension_of_arrays_one_of_which_has_a_name(a):
    out = [v * a for v in a]
    first = out[0]
    out.append(a)  # error: an array as an item of a list that grows in a loop, and a write to it after that (line 474)
#   ^
    first[0] = 2.0
    return out[0][0]


def a_comprehension_of_windows(a, n):
    m = np.outer(a, a)[:n]
    out = [row for row in m]
    out[1] = a  # error: an array as an item of a list that grows in a loop, and a write to it after that (line 483)
#   ^
    m[0, 0] = 2.0
    return out[0][0]


def a_comprehension_of_arrays_that_was_joined(a):
    out = [v * a for v in a]
    every = out + [a]  # error: an array as an item of a list that grows in a loop, and a write to it after that (line 491)
    #       ^
    out[0][0] = 2.0
    return every[0][0]


def a_comprehension_of_arrays_with_two_names(a):
    out = [v * a for v in a]
    every = out
    out.append(a)  # error: a list that grows in a loop, but is what `every` refers to as well
#   ^
    return len(every)


def a_slice_that_is_written(a):
    out = [2 * v for v in a]
    out[1:] = [1.0, 2.0]  # error: a list that grows in a loop, but is written by a slice
#   ^
    return sum(out)


def written_under_two_names(a):
    out = [2 * v for v in a]
    every = out
    out[0] = 3.0  # error: a list that grows in a loop, but is what `every` refers to as well
#   ^
    return sum(every)


def shortened_under_two_names(a):
    out = [2 * v for v in a]
    every = (out, 1.0)
    out.pop()  # error: a list that grows in a loop, but is what `every` refers to as well
#   ^
    return sum(every[0])


def written_while_it_is_iterated(a):
    out = [2 * v for v in a]
    total = 0.0
    for v in out:
        total += v
        out[-1] = total  # error: a list that grows in a loop, but is iterated over meanwhile
    #   ^
    return total


def begun_anew_under_two_names(a):
    batch = []
    other = [0.0]
    for v in a:
        batch.append(v)  # error: changing a list that is one of those which several paths or iterations have made
    #   ^
        if len(batch) > 1:
            batch = other = []
    return len(batch) + len(other)


def another_list_by_the_same_name(a):
    batch = []
    for v in a:
        batch.append(v)  # error: changing a list that is one of those which several paths or iterations have made
    #   ^
        if len(batch) > 1:
            batch = batch[1:]
    return sum(batch)


def written_by_a_function(a):
    out = [2 * v for v in a]

    def write():
        out[0] = 3.0  # error: assignment into a list of a length that is known only at run time
    #   ^

    write()
    return sum(out)


def a_number_in_place_of_an_array(a, n):
    out = [2 * a]
    for k in range(n):
        out.append(a * k)
    out[0] = 3.0  # error: a list that grows in a loop, but has items of several kinds
#   ^
    return len(out)


def a_dict_that_is_changed_later(a):
    out = []
    for v in a:
        item = {"t": 1, "y": v}
        out.append(item)
        item["y"] = 2.0  # error: changing a dict that has been copied
    #   ^
    return sum([o["y"] for o in out])


def an_item_that_is_a_dict_and_changed(a):
    out = []
    for v in a:
        out.append({"t": 1, "y": v})
    out[0]["y"] = 2.0  # error: changing a dict that is one of those which several paths or iterations have made
#   ^
    return sum([o["y"] for o in out])


def structures_of_several_forms(a):
    out = []
    for v in a:
        out.append((1, v))
        out.append((1, v, v))  # error: a list that grows in a loop, but has items of several kinds
    #   ^
    return len(out)


def an_array_within_that_is_written_later(a, n):
    u = a.copy()
    out = []
    for k in range(n):
        out.append((k, u))  # error: an array as an item of a list that grows in a loop, and a write to it after that
    #   ^
        u += 1.0
    return sum([np.sum(w) for _, w in out])


def an_array_within_an_item_that_is_written(a, n):
    out = []
    for k in range(n):
        out.append((k, a * k))
    out[0][1][0] = 3.0  # error: a write to an array that may be a copy of another
#   ^
    return sum([np.sum(w) for _, w in out])


def an_array_of_structures(a):
    out = [(k, a * v) for k, v in enumerate(a)]
    return np.sum(np.array(out))  # error: `np.array` of a list of structures
    #             ^


def a_list_that_a_comprehension_has_copies_of(a):
    row = [a[0], a[1]]
    table = [row for _ in range(len(a))]
    row[0] = 5.0  # error: changing a list that has been copied
#   ^
    return table[1][0]


def repeated_in_place(a):
    xs = [v * v for v in a]
    ys = xs
    xs *= 2  # error: `*=` on a list of a length that is known only at run time, which would have to change in place
#   ^
    return len(ys)


def repeated_in_place_so_many_times(x, n):
    xs = [x]
    xs *= n  # error: `*=` on [f64], which would have to change in place
#   ^
    return len(xs)


def added_to_in_place(a, n, c):
    rows = [a * k for k in range(n)] if c else [a - k for k in range(n)]
    rows += [a]  # error: `+=` on a list of a length that is known only at run time, which would have to change in place
#   ^
    return len(rows)


def what_no_list_can_hold(n):
    out = [None] * n  # error: a list that grows in a loop, but has None as an item, which is neither a number
    #     ^
    return len(out)


def one_list_or_another_that_is_changed_later(a):
    xs, ys = [v for v in a], [2 * v for v in a]
    either = xs if a[0] > 0 else ys
    xs.append(1.0)  # error: a list that grows in a loop, but has become an item of another, or may be what another
#   ^
    return len(either)


def handed_to_what_calls_itself_and_changed_later(a, n):
    def same(values, k):
        return values if k == 0 else same(values, k - 1)

    xs = [v for v in a]
    again = same(xs, n)
    xs.append(1.0)  # error: a list that grows in a loop, but has become an item of another, or may be what another
#   ^
    return len(again)


def several_items_taken_out(a):
    out = [v for v in a]
    del out[1:]  # error: a list that grows in a loop, but loses items by a slice
#   ^
    return len(out)


def put_into_a_known_list_at_a_place_that_is_not(x, n):
    out = [x, 1.0]
    out.insert(n, 2.0)  # error: indexing [f64, 1.0] with a number known only at run time
#   ^
    return out[1]


def joined_with_an_item_of_its_own(a):
    out = [v for v in a]
    both = out + [out.pop()]  # error: a list that grows in a loop, but changes in an expression that was given it before
    #             ^
    return len(both)


def given_away_with_an_item_of_its_own(a):
    out = [v for v in a]
    f = lambda values, v: len(values) * v
    return f((1.0, out) if len(out) > 2 else (2.0, out), out.pop(0))  # error: a list that grows in a loop, but changes in an
    #                                                    ^


def indexed_by_an_item_of_its_own(a):
    out = [v for v in a]
    return out[-1 - int(out.pop())]  # error: a list that grows in a loop, but changes in an expression that was given it before
    #                   ^


def reversed_under_two_names(a):
    out = [2 * v for v in a]
    every = out
    out.reverse()  # error: a list that grows in a loop, but is what `every` refers to as well
#   ^
    return every[0]


def sorted_though_a_loop_goes_over_it(a):
    out = [2 * v for v in a]
    for v in out:
        out.sort()  # error: a list that grows in a loop, but is iterated over meanwhile
    #   ^
    return out[0]


def sorted_by_what_reads_it(a):
    out = [2 * v for v in a]
    out.sort(key=lambda v: v * len(out))  # error: a list that grows in a loop, but is sorted by a key, and a function may
#   ^
    return out[0]


def sorted_structures(a):
    out = [(v, 1.0) for v in a]
    out.sort()  # error: a list that grows in a loop, but is sorted, though its items are no numbers
#   ^
    return out[0][0]


def sorted_where_it_is_given_before(a):
    out = [2 * v for v in a]
    both = [out, out.sort()]  # error: a list that grows in a loop, but changes in an expression that was given it before
    #            ^
    return both[0][0]


def reversed_by_a_function_that_was_given_it(a):
    def turn(values):
        values.reverse()  # error: the attribute `reverse` of a list of a length that is known only at run time, which may
    #   ^
        return values

    return turn([2 * v for v in a])[0]


def an_item_of_an_item_that_is_written(a):
    rows = [[u * v for v in a] for u in a]
    rows[0][1] = 2.0  # error: assignment into a list of a length that is known only at run time
#   ^
    return rows[0][1]
