"""Names and results whose kinds do not agree."""
# ruff: noqa
import numpy as np

WEIGHTS = [0.0] * 1001
RATES = type("Rates", (dict,), {})(slow=0.5)


def a_name_of_two_kinds(x, a):
    y = x
    if x > 0:
        y = a
    return y  # error: `y` is array of f64 with 1 axis (line 12) or f64 (line 10)
    #      ^


def a_carry_of_two_ranks(a, n):
    y = a
    for i in range(n):
        y = y[0]  # error: `y` is array of f64 with 1 axis (line 18) or f64 (line 20)
    #       ^
    return y


def a_carry_of_two_lengths(x, n):
    t = (x,)
    for i in range(n):
        t = (*t, x)  # error: `t` is (f64,) (line 26) or (f64, f64) (line 28)
    #         ^
    return t


def returns_of_two_kinds(x, a):
    return pick(x, a)  # error: `pick` returns f64 (line 40) or array of f64 with 1 axis (line 41)
    #      ^


def pick(x, a):
    if x > 0:
        return x
    return a


def no_return_at_the_end(x):
    y = only_positive(x)  # error: `only_positive` returns f64 on some paths and nothing on others
    #   ^
    return y


def only_positive(x):
    if x > 0:
        return x


def never_assigned(x):
    return x + total  # error: `total` before it is assigned
    #          ^
    total = x  # noqa


def not_defined(x):
    return x + undefined_name  # error: the name `undefined_name`, which is not defined
    #          ^


def a_global_list(x):
    return WEIGHTS[0] * x  # error: a list of 1001 items from outside the function
    #      ^


def a_global_dict(x):
    rate = RATES["slow"]  # error: a Rates from outside the function
    #      ^
    return rate * x


def growing_a_dict(x):
    out = {}
    while x > 0.5:
        x *= 0.5
        out["x"] = x  # error: changing a dict on some paths only, or from another scope
    #   ^
    return sum(out)


def growing_a_dict_in_a_branch(x):
    out = {"x": x}
    if x > 0:
        out["y"] = 2 * x  # error: changing a dict on some paths only, or from another scope
    #   ^
    return out["x"]


def growing_a_list_unless_continued(x):
    out = []
    for c in (1.0, 2.0):
        if x > c:
            continue
        out.append(c)  # error: changing a list on some paths only, or from another scope
    #   ^
    return sum(out)


def a_function_from_one_branch(x):
    if x > 0:
        scale = scaler(2 * x)
    return scale(x)  # error: `scale` is a function (line 106) or nothing
    #      ^


def scaler(k):
    return lambda v: v * k


def a_run_time_tuple_slice(x, n):
    return (x, 2.0)[n:]  # error: indexing (f64, 2.0) with a number known only at run time
    #      ^


def both_sides_of_an_expression(x, a):
    return np.sum(a if x > 0 else (a, a))  # error: an expression that is array of f64 with 1 axis or (
    #             ^


def ünïcode_columns(x):
    ähnlich = "ü"; return x + ähnlich  # error: `+` between f64 and 'ü'
    #                     ^


def wide_text(x):
    return x + f"幅{x}"  # error: a string made from a number known only at run time
    #          ^


def key_of_a_dict(x):
    table = {"a": x, "b": 2.0}
    return table["c"]  # error: the key 'c' of a dict with the keys 'a', 'b'
#          ^


def dicts_with_other_keys(x):
    p = {"a": x} if x > 1.0 else {"b": x}  # error: an expression that is a dict with the keys 'a' or a dict with the keys 'b'
#       ^
    return sum(p.values())


def one_function_or_another(x):
    return (np.sin if x > 0 else max)(x)  # error: an expression that is the function sin or the function max
    #       ^


def a_function_that_is_not_called(x):
    return x + np.sin  # error: `+` between f64 and the function sin
    #      ^


def text_of_a_number(x):
    return x * len(str(x))  # error: a string made from a number known only at run time
#                  ^


def method_of_a_number(x):
    return x.as_integer_ratio()  # error: the attribute `as_integer_ratio` of f64
#          ^
