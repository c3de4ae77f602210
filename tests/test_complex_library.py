"""NumPy's functions of complex arrays: the value is NumPy's, the derivative that of its parts; what is not known is
refused by the name that was written, and never computed as if the numbers were real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import llad
from llad.testing import assert_close, check_gradient

pytestmark = pytest.mark.usefixtures("scalar_code")

M = np.array([[2.0, 0.3, -0.4], [0.1, 1.5, 0.7], [0.6, -0.2, 1.1]])


def of_statistics(m):
    z = m + 1j * m.T @ m
    return np.sum(np.var(z, axis=0, ddof=1) * np.std(z, axis=1)) + np.var(z) + np.std(1j * m[0])


def of_differences(m):
    z = m[0] + 1j * m[1]
    both = np.diff(z, prepend=m[2, 0], append=1.0), np.diff(m[2], prepend=z[:1]), np.append(m[2], z), np.append(z, 2.0)
    return np.sum(np.abs(np.concatenate(both)) ** 2) + np.sum(z, initial=2.0).imag


def of_correlations(m):
    z, w = m[0] + 1j * m[1], m[2] - 0.3j * m[0]
    parts = np.correlate(z, w[:2]), np.correlate(z[:2], w, "same"), np.correlate(m[0], z, "full"), np.correlate(w, m[1])
    return np.sum(np.concatenate(parts).real * 0.5) + np.sum(np.concatenate(parts).imag ** 2)


def of_systems(m):
    z = m + 1j * m.T @ m
    several = np.linalg.solve(np.stack((z, z.T)), m[:, :2])[1, 2, 0] + np.linalg.solve(m, z)[0, 1]
    x = np.linalg.solve(z, m[0] * (1 + 2j))
    return np.sum(np.abs(x) ** 2) + several.imag + np.abs(np.linalg.inv(z)[1, 2]) + np.linalg.solve(z, m[0])[0].imag


def of_norms(m):
    z = m + 1j * m.T @ m
    return np.linalg.norm(z) + np.linalg.norm(z[0], 1) * np.linalg.norm(z, axis=1)[2] + np.linalg.norm(z, np.inf)


@pytest.mark.parametrize("f", [of_statistics, of_differences, of_correlations, of_systems, of_norms])
def test_values_are_numpy_s_and_derivatives_agree(f: Callable[[Any], Any]) -> None:
    ours = llad.jit_grad(lambda m: float(f(m)))
    assert_close(ours(M), float(f(M)), rtol=1e-12)
    check_gradient(ours, M)


def test_a_singular_complex_system_raises() -> None:
    def f(m):
        return np.linalg.solve(m * (1 + 1j), m[0])[0].real

    with pytest.raises(np.linalg.LinAlgError):
        llad.jit(f)(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda z: np.linalg.det(z), "det"),
        (lambda z: np.linalg.eigh(z)[0], "eigh"),
        (lambda z: np.linalg.norm(z, 2), r"norm\(…, 2\)"),
        (lambda z: np.sort(z[0])[0], "sort"),
        (lambda z: np.prod(z), "prod"),
        (lambda z: np.einsum("ij,j", z, z[0])[0], "einsum"),
        (lambda z: np.linspace(z[0, 0], 1.0, 3)[1], "linspace"),
    ],
)
def test_what_has_no_meaning_here_is_refused_by_its_name(f, name):
    with pytest.raises(llad.LladError, match=f"unsupported: `{name}` of a complex number"):
        llad.jit(f)(M + 1j)


def test_lists_of_complex_elements_are_refused():
    with pytest.raises(llad.LladError, match="`tolist` of a complex array"):
        llad.jit(lambda z: z[0].tolist()[0])(M + 1j)
