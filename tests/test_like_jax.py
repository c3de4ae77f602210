"""Gradients of NumPy's functions are those of JAX, where that is installed and has the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy_rows
import pytest

import llad

# Of functions that are no Python of `llad/traced`: elementwise, reductions, shapes, indexing, products.
OTHERS = [
    "np.exp(x) * np.tanh(v[:4]) + np.log1p(w[:3, None])", "np.arctan2(x, w[:4]) - np.hypot(x, w[0]) + np.cbrt(x)",
    "np.where(x > 0.0, x**3, np.sqrt(w[:4])) + np.maximum(x, w[:4]) * np.minimum(x, 0.1)", "np.clip(v, -0.3, 0.4)",
    "np.logaddexp(v, w) + np.expm1(v) / np.cosh(w) + np.sign(v) * np.square(w) + np.reciprocal(w)", "w**v + w**1.5",
    "np.abs(x) % w[:4] + np.heaviside(x, 0.5) * x + np.deg2rad(x) + np.float_power(w[:4], 3)",
    "np.sinc(x) + np.sin(x)", "x.sum(axis=0) * np.mean(x, axis=0, keepdims=True) + np.prod(x, axis=1)[:, None]",
    "np.sum(x, where=x > 0.2, initial=v[0])",
    "np.max(x, axis=1) * x.min(axis=0)[0] + np.var(x, axis=1, ddof=1) + x.std() + np.ptp(x)",
    "np.median(v) + np.sort(v)", "np.cumsum(x, axis=0) + np.cumprod(x, axis=1) + np.trapezoid(x, axis=0)",
    "np.linalg.norm(x, axis=1)", "x.T.reshape(2, 6) * np.ravel(x)[:6] + np.tile(v, 3)[:6]",
    "np.concatenate([x, x[::-1]])[1:5, ::2] * v[:4:2]",
    "np.stack([v, w], axis=1) @ x[:2] + np.roll(np.flip(v), 2)[:, None] * np.repeat(w, 1)[:, None]",
    "np.pad(x, 1)[1:4] * v[0]", "x[[2, 0, 0]][:, n[:3]] + v[n][:3] * np.take(w, n)[0]",
    "np.take_along_axis(x, np.argsort(x, axis=1), axis=1) * w[:4]",
    "np.diff(x, axis=1) @ np.outer(v[:3], w) + np.triu(x)[:, :1] * np.trace(x)", "np.meshgrid(v, w)[0] * np.diag(w)",
    "np.einsum('ij,kj->ik', x, x) @ x + np.tensordot(x, x, 2) * np.kron(x, v[:1])",
    "np.vdot(v, w) * np.inner(x, x) @ x", "np.cross(v[:3], w[:3]) * np.linalg.det(x[:, :3] + 2.0 * np.eye(3))",
    "np.linalg.inv(x @ x.T + np.eye(3)) @ w[:3]",
    "np.linalg.solve(x @ x.T + np.eye(3), x) * np.linalg.slogdet(x @ x.T + np.eye(3))[1]",
    "np.linalg.cholesky(x @ x.T + np.eye(3)) @ np.linalg.matrix_power(x[:, :3], 3)", "np.linalg.pinv(x) @ v[:3]",
]  # fmt: skip
ROWS = [text for texts in numpy_rows.SMOOTH.values() for text in texts] + OTHERS
# What JAX says of functions, arguments and methods that it has not got, or not for tracers.
LACKS = (AttributeError, KeyError, NotImplementedError, TypeError, ValueError)
# Where a value is chosen: of what is masked by nan, of decompositions up to signs, between two pieces.
CHOSEN = ("nan", "linalg.svd", "linalg.eig", "linalg.qr", "np.interp(v, np.repeat")


def both(path: Any, jax: Any) -> tuple[Any, Any]:
    """The rows as functions of (x, v, w, n, m) by NumPy's names, and by those of JAX."""
    lines = [f"def row_{k}(x, v, w, n, m):\n    return np.sum(np.sin({text}))\n" for k, text in enumerate(ROWS)]
    path.write_text("import numpy as np\n\n" + "\n".join(lines))
    ours: dict[str, Any] = {}
    theirs: dict[str, Any] = {"np": jax.numpy}
    exec(compile(path.read_text(), str(path), "exec"), ours)
    exec(compile("\n".join(lines), "jax", "exec"), theirs)
    return ours, theirs


def test_gradients_of_every_row_that_jax_has(tmp_path: Any, quick_code: None) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    ours, theirs = both(tmp_path / "rows.py", jax)
    r = np.random.default_rng(2)
    x, v, w = r.uniform(-1.0, 1.0, (3, 4)), r.uniform(-1.0, 1.0, 5), r.uniform(0.2, 1.0, 5)
    n, m = np.array([3, 0, 4, 1, 3]), np.array([True, False, True, True, False])
    compared, unlike = 0, []
    for k, text in enumerate(ROWS):
        if any(word in text for word in CHOSEN):
            continue
        try:
            arrays = [jax.numpy.asarray(a) for a in (x, v, w)]
            expected = jax.grad(lambda x, v, w, k=k: theirs[f"row_{k}"](x, v, w, n, m), (0, 1, 2))(*arrays)
        except LACKS:
            continue
        f = ours[f"row_{k}"]
        found = llad.grad(lambda x, v, w, f=f: f(x, v, w, n, m), argnums=(0, 1, 2))(x, v, w)
        compared += 1
        pairs = zip(found, expected, strict=True)
        if not all(np.allclose(a, b, rtol=1e-8, atol=1e-10) for a, b in pairs):
            unlike.append(text)
    assert not unlike, unlike
    assert compared > 0.6 * len(ROWS), (compared, len(ROWS))
