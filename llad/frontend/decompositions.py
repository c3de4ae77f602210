"""Decompositions of matrices: arguments are checked here, the loops are traced Python (`llad/traced`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llad.frontend.arguments import bind
from llad.frontend.linear import SYSTEMS, TRIANGULAR, floats, of_matrix
from llad.frontend.operands import Handler
from llad.frontend.values import Context
from llad.traced import exponential, orthogonal

_UNIT = np.eye(1)
_QR: Any = type(np.linalg.qr(_UNIT))


def _qr(ctx: Context, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """np.linalg.qr(a, mode)

    "reduced", "complete" or "r". The columns from which R is inverted have to be independent.
    """
    a, mode = bind(ctx, "np.linalg.qr(a, mode)", args, kwargs, ["reduced"])
    if mode not in ("reduced", "complete", "r"):
        ctx.refuse("linalg-argument", argument="mode", got=repr(mode), hint='"reduced", "complete" and "r" are there')
    q, r = ctx.call(orthogonal.qr, [*floats(ctx, a), mode == "complete"], {})
    return r if mode == "r" else _QR(q, r)


LINALG: dict[str, Handler] = {**SYSTEMS, "qr": _qr}
SCIPY: dict[str, Handler] = {**TRIANGULAR, "expm": of_matrix("scipy.linalg.expm(A)", exponential.expm)}


def of_scipy(function: Any) -> Handler | None:
    """The handler of a function of `scipy.linalg`."""
    module = getattr(function, "__module__", None) or ""
    return SCIPY.get(getattr(function, "__name__", "")) if module.startswith("scipy.linalg") else None
