"""Arrays whose memory is shared, locked or not aligned: what Python makes of it, or refused; in every mode."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import llad
from llad.testing import assert_close

pytestmark = pytest.mark.usefixtures("quick_code")

MODES = {
    "grad": lambda f, *args: llad.grad(f, tuple(range(len(args))))(*args),
    "value_and_grad": lambda f, *args: llad.jit_grad(f).value_and_grad(*args),
    "jvp": lambda f, *args: llad.jvp(f, args, tuple(np.ones(a.shape) for a in args)),
    "vjp": lambda f, *args: llad.vjp(f, *args)[1](1.0),
}
every_mode = pytest.mark.parametrize("mode", MODES)
TABLE = np.arange(6.0)
LOCKED = np.ones(3)
LOCKED.flags.writeable = False


def unaligned(array: np.ndarray) -> np.ndarray:
    """The same numbers, as strided, one byte beside where they belong."""
    record = np.zeros(array.shape, np.dtype([("pad", "u1"), ("value", array.dtype)]))
    record["value"] = array
    return record["value"]


def running(x, y):
    for i in range(1, len(x)):
        x[i] = y[i - 1] * 2.0 + x[i - 1]
    return np.sum(x * y)


def from_table(x):
    for i in range(1, len(x)):
        x[i] = TABLE[i - 1] + x[i]
    return np.sum(x)


@every_mode
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_a_written_array_that_overlaps_has_no_derivative(mode, shift):
    b = np.linspace(0.1, 1.0, 8)
    before = b.copy()
    with pytest.raises(llad.ArgumentError, match="overlaps another"):
        MODES[mode](running, b[:5], b[shift : shift + 5])
    assert_close(b, before)
    with pytest.raises(llad.ArgumentError, match="overlaps another"):
        MODES[mode](from_table, TABLE)
    MODES[mode](running, b[:4], b[4:])


def first_column_then_row(m):
    m[:, 0] = m[0] * 2.0
    m[0, 1] += m[1, 0]
    return m[1, 0] * m[0, 1]


SHARING = {
    "windows": lambda: sliding_window_view(np.arange(5.0), 3, writeable=True),
    "smaller steps": lambda: as_strided(np.arange(7.0), (3, 3), (16, 8)),
    "equal steps": lambda: as_strided(np.arange(7.0), (3, 3), (8, 8))[::-1],
    "one row": lambda: as_strided(np.arange(3.0), (3, 3), (0, 8)),
    "one column": lambda: as_strided(np.arange(3.0), (3, 3), (8, 0)),
}


@pytest.mark.parametrize("mode", ["value", *MODES])
@pytest.mark.parametrize("kind", SHARING)
def test_an_array_that_meets_itself_is_not_written(mode, kind):
    run = MODES.get(mode, lambda f, a: llad.jit(f)(a))
    array = SHARING[kind]()
    before = array.copy()
    for _ in range(2):
        with pytest.raises(llad.ArgumentError, match="share memory"):
            run(first_column_then_row, array)
    assert_close(array, before)
    run(lambda m: np.sum(m * m), array)


def test_every_ordinary_array_is_written():
    f, h = llad.jit(first_column_then_row), np.arange(27.0)
    kinds = [
        lambda a: a.reshape(3, 3, 3)[1],
        lambda a: a.reshape(3, 3, 3)[:, 1],
        lambda a: a.reshape(3, 3, 3)[:, :, 1],
        lambda a: a.reshape(3, 3, 3)[:, ::-1, 2].T,
        lambda a: a.reshape(3, 9)[::-1, 6::-3],
        lambda a: a.reshape(9, 3, order="F")[::4],
        lambda a: a.reshape(3, 3, 3).diagonal(0, 0, 2).T.copy(order="F"),
        lambda a: np.einsum("iji->ij", a.reshape(3, 3, 3)),
    ]
    for kind in kinds:
        got, expected = h.copy(), h.copy()
        assert_close(f(kind(got)), first_column_then_row(kind(expected)))
        assert_close(got, expected)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (2, 0, 2)])
@pytest.mark.parametrize("mode", ["value", *MODES])
def test_written_arrays_without_elements(mode, shape):
    def doubled(m):
        for i in range(m.shape[0]):
            m[i] *= 2.0
        return np.sum(m)

    empty = np.zeros(shape)
    for array in (empty, empty[::-1], as_strided(empty, shape, (0,) * len(shape))):
        MODES.get(mode, lambda f, a: llad.jit(f)(a))(doubled, array)


def test_unaligned_arrays_are_read_but_not_written():
    f = llad.jit_grad(lambda a: np.sum(a * a))
    for x in (np.arange(6.0), np.arange(6.0)[::2], np.arange(6.0).reshape(2, 3)):
        shifted = unaligned(x)
        assert not shifted.flags.aligned
        assert_close(f(shifted), np.sum(x * x))
        assert_close(f.grad(shifted), 2.0 * x)
        assert_close(f.jvp((x,), (shifted,))[1], 2.0 * np.sum(x * x))
        assert_close(f.jvp((shifted,), (x,))[1], 2.0 * np.sum(x * x))
        assert_close(f.vjp(shifted)[1](1.0)[0], 2.0 * x)
        assert_close(llad.vjp(lambda a: a * 3.0, x)[1](shifted)[0], 3.0 * x)
    g = llad.jit_grad(first_column_then_row)
    square = np.arange(9.0).reshape(3, 3)
    with pytest.raises(llad.ArgumentError, match="not aligned"):
        g(unaligned(square))
    assert_close(g.grad(unaligned(square)), g.grad(square))


def test_a_locked_table_is_read_but_not_written():
    def filled(x):
        LOCKED[1] = x
        return LOCKED[1] * x

    assert llad.jit(lambda x: x * LOCKED[0])(2.0) == 2.0
    f = llad.jit_grad(filled)
    for _ in range(2):
        with pytest.raises(ValueError, match="read-only"):
            f(2.0)
    assert f.grad(2.0) == 4.0


def test_a_table_that_is_not_aligned_is_refused():
    table = unaligned(np.arange(4.0))
    f = llad.jit_grad(lambda x: x * table[2])
    for call in (f, f.grad):
        with pytest.raises(llad.ArgumentError, match="a captured array that is not aligned"):
            call(2.0)


@pytest.mark.parametrize("kind", ["unpickled", "mapped"])
def test_tables_of_other_origin_are_tables(kind, tmp_path):
    """What pickle makes has a dtype of its own, which only equals NumPy's; a file mapped to memory is a subclass."""
    if kind == "unpickled":
        table, still = (pickle.loads(pickle.dumps(np.arange(4.0))) for _ in range(2))
        assert table.dtype is not np.dtype(np.float64)
    else:
        table, still = (np.memmap(tmp_path / name, np.float64, "w+", shape=4) for name in "ab")
        table[:] = still[:] = np.arange(4.0)

    def filled(x):
        table[1] = x * table[3]
        return table[1] * still[2]

    f = llad.jit_grad(filled)
    assert f(2.0) == 12.0 and table[1] == 6.0
    assert f.grad(2.0) == 6.0
    assert f.jvp((2.0,), (1.0,)) == (12.0, 6.0)
    assert f.vjp(2.0)[1](1.0) == (6.0,)
    assert llad.jit(lambda: table)() is table
    assert llad.grad(lambda x: np.sum(x * table))(still).tolist() == [0.0, 6.0, 2.0, 3.0]


def test_a_table_that_changes_its_shape_is_traced_again():
    table = np.arange(1.0, 5.0)
    f = llad.jit_grad(lambda x: x * np.sum(table[1]))
    for shape, dtype, expected in (((4,), "f8", 4.0), ((2, 2), "f8", 14.0), ((4,), "f8", 4.0), ((4,), "i8", None)):
        table.shape, table.dtype = shape, dtype
        assert f(2.0) == (expected or 2.0 * float(table[1]))
        assert f.grad(2.0) == (expected or 2.0 * float(table[1])) / 2.0
