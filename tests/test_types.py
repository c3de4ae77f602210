"""Types of the IR as values: scalars are one object each, wherever they come from."""

from __future__ import annotations

import copy
import pickle

import pytest

from llad.ir.types import F32, SCALARS, BufferType


@pytest.mark.parametrize("type", SCALARS.values(), ids=str)
def test_a_scalar_type_that_is_copied_or_pickled_is_the_same_object(type):
    again = [copy.copy(type), copy.deepcopy(type), pickle.loads(pickle.dumps(type))]
    assert all(copied is type for copied in again)
    assert pickle.loads(pickle.dumps(BufferType(type, 2))) == BufferType(type, 2)
    assert (type == F32) is (type is F32)
