"""Results that cannot be handed over, and calls that cannot be made."""
# ruff: noqa
import llad
import numpy as np


class Plain:
    def __init__(self, x):
        self.x = x


def a_plain_object(x):
    return Plain(x)  # error: returning a Plain
    #      ^


def a_dict_of_functions(x):
    return {"x": abs, "y": lambda: x}  # error: returning a function
    #      ^


def a_set(x):
    return (x, {1})  # error: returning a set
    #      ^


def a_function(x):
    return lambda y: x + y  # error: returning a function
    #      ^


def factorial(n):
    return n * factorial(n - 1)  # error: `factorial` calls itself on every path
    #          ^


def without_end(x, level=0):
    return without_end(x, level + 1)  # error: more than 60 calls inside one another, at `without_end`
    #      ^


def opening(x):
    f = open("data")  # error: a call of open
    #   ^
    return x


def wrong_arguments(x):
    return factorial(x, 2)  # error: the arguments of `factorial`: too many positional arguments
    #      ^


def gradient_of_two(x):
    return llad.grad(lambda y: (y, y))(x)  # error: the gradient of a function that returns
    #      ^


def gradient_of_an_integer(n):
    return llad.grad(lambda k: k * 2)(n)  # error: the gradient of a function that returns i64
    #      ^


def calling_a_number(x):
    return x(2)  # error: a call of f64
    #      ^


def an_attribute(x):
    x.rate = 2.0  # error: assignment to the attribute `rate`
#   ^
    return x
