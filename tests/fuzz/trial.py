"""One program, compiled and interpreted, each form once and only when a check asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from reference import Reference

import llad
from llad.testing import Vector, copy_arguments, differentiable_leaves, flatten, unflatten

from .subject import Outcome, Subject, outcome


@dataclass(eq=False)
class Trial:
    """`subject`, and what the checks share."""

    subject: Subject

    @cached_property
    def size(self) -> int:
        """How many numbers the gradient has."""
        return flatten(self.subject.args).size

    def direction(self, seed: int) -> Vector:
        return np.random.default_rng(seed).normal(size=self.size)

    def tangents(self, v: Vector, args: Any = None) -> Any:
        return unflatten(v, self.subject.args if args is None else args, lambda _: None)

    @cached_property
    def argnums(self) -> tuple[int, ...]:
        """The arguments that have a derivative."""
        return tuple(k for k, a in enumerate(self.subject.args) if any(True for _ in differentiable_leaves((a,))))

    # -- machine code

    @cached_property
    def native(self) -> Any:
        return llad.jit_grad(self.subject.function)

    @cached_property
    def pulled(self) -> Outcome:
        """Value and gradient by machine code."""
        return self.subject.run(self.native.value_and_grad, self.subject.args)

    @cached_property
    def gradient(self) -> Vector:
        """By reverse mode: of machine code if it is there, else interpreted."""
        if "pulled" not in vars(self) and "interpreted" in vars(self):
            return self.interpreted[1]
        return flatten((self.pulled.result[1],))

    def push(self, v: Vector, args: Any = None) -> Any:
        """(value, tangent) by machine code."""
        args = self.subject.args if args is None else args
        return self.native.jvp(copy_arguments(args), self.tangents(v, args))

    @cached_property
    def curvature(self) -> Any:
        """v → the Hessian times v, by forward mode over reverse mode."""
        f = llad.grad(self.subject.function, self.argnums)

        def product(v: Vector) -> Vector:
            return flatten((llad.jvp(f, copy_arguments(self.subject.args), self.tangents(v))[1],))

        return product

    # -- the interpreter

    @cached_property
    def traced(self) -> Reference:
        return Reference(self.subject.function, self.subject.args, optimised=False)

    @cached_property
    def optimised(self) -> Reference:
        return Reference(self.subject.function, self.subject.args, optimised=True, traced=self.traced.traced)

    @cached_property
    def interpreted(self) -> tuple[Any, Vector]:
        """(value, gradient) of the IR as differentiation leaves it."""
        return self.traced.gradient()

    def interpret(self, reference: Reference) -> Outcome:
        """The value, and the arguments afterwards."""
        args = copy_arguments(self.subject.args)
        return outcome(lambda *_: reference.value_of(args), args, self.subject.file)

    @property
    def scale(self) -> float:
        """The size of the gradient: what an error in the last place grows to, roughly."""
        return 1.0 + float(np.max(np.abs(self.gradient), initial=0.0))
