"""Odd programs are what Python makes of them, or are refused with a place: the compiler's inside never shows."""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from odd_programs import PROGRAMS

import llad
from llad.testing import assert_close, copy_arguments

pytestmark = pytest.mark.usefixtures("quick_code")


def written(name: str) -> Callable[..., Any]:
    """The function `f` of a program, as if it stood in a file."""
    text, _ = PROGRAMS[name]
    file = f"<odd {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    namespace: dict[str, Any] = {"math": math, "np": np, "llad": llad, "π": math.pi}
    exec(compile(text, file, "exec"), namespace)
    return namespace["f"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", PROGRAMS)
def test_is_python_s_or_refused(name):
    function, args = written(name), PROGRAMS[name][1]
    try:
        got: Any = llad.jit(function)(*copy_arguments(args))
    except llad.LladError as refused:
        where = refused.span
        assert isinstance(refused, llad.ArgumentError) or (where is not None and where.file.startswith("<odd"))
        assert refused.code or isinstance(refused, llad.ArgumentError)
        assert refused.hint
        return
    except Exception as error:
        assert f"(<odd {name}>, line " in str(error), error  # raised by compiled code
        with pytest.raises(type(error)):
            function(*copy_arguments(args))
        return
    expected = function(*copy_arguments(args))
    if isinstance(expected, (float, np.ndarray, tuple)):
        assert_close(got, expected, rtol=1e-12)
    else:
        assert got == expected


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [n for n in PROGRAMS if type(PROGRAMS[n][1][0]) is float])
def test_its_gradient_is_one_or_refused(name):
    function, args = written(name), PROGRAMS[name][1]
    try:
        gradient = llad.grad(function)(*args)
    except llad.LladError as refused:
        assert refused.hint
    except Exception as error:
        assert f"(<odd {name}>, line " in str(error), error
    else:
        assert math.isfinite(gradient)
