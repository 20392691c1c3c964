"""Keys found by their place: numbers in order of first sight, as a dict gives them, and no key that is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.kernels import dense
from cortado.engine.operators.densekeys import CELLS_A_KEY, LEAST_CELLS, DenseKeys, dense_keys
from cortado.engine.operators.keytable import CLOSE
from cortado.planner.types import BOOL, DATE, DOUBLE, LONG, STRING, Type

LEAST, MOST = -(1 << 63), (1 << 63) - 1
AMPLE = 1 << 40
NO_STOP = np.zeros(1, np.uint8)
PLACES = {"low": LEAST, "high": MOST - 40, "about 0": -20, "far": 1 << 40}


def longs(values: list[int | None]) -> pa.Array[Any]:
    return pa.array(values, pa.int64())


def built(columns: list[pa.Array[Any]], types: list[Type] | None = None, memory: int = AMPLE) -> DenseKeys | None:
    return dense_keys(types or [LONG] * len(columns), columns, len(columns[0]), memory)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[int | None]], list[list[int | None]]]:
    """Key columns of rows that are entered, and of rows that are looked up: near them, and anywhere."""
    n_keys, n, m = draw(st.integers(1, 3)), draw(st.integers(1, 30)), draw(st.integers(0, 30))
    entered, asked = [], []
    for _ in range(n_keys):
        base = draw(st.sampled_from(sorted(PLACES.values())))
        near = st.integers(base, base + draw(st.integers(0, 5)))
        around = st.integers(max(LEAST, base - 3), min(MOST, base + 9))
        nothing = st.none() if draw(st.booleans()) else near
        entered.append(draw(st.lists(near | nothing, min_size=n, max_size=n)))
        asked.append(draw(st.lists(around | st.sampled_from([LEAST, MOST, 0]) | st.none(), min_size=m, max_size=m)))
    return entered, asked


@settings(max_examples=400, deadline=None)
@given(tables(), st.integers(1, 30))
def test_numbers_are_those_of_a_dict(
    case: tuple[list[list[int | None]], list[list[int | None]]], piece: int
) -> None:  # fmt: skip
    entered, asked = case
    keys = built([longs(c) for c in entered])
    assert keys is not None
    wanted: dict[Any, int] = {}
    rows = list(zip(*entered, strict=True))
    numbers = [wanted.setdefault(row, len(wanted)) for row in rows]
    got: list[int] = []
    for low in range(0, len(rows), piece):
        part = [longs(c).slice(low, piece) for c in entered]
        got += keys.ids(part, len(part[0]), NO_STOP).tolist()
    assert got == numbers
    assert keys.n == len(wanted)
    found = keys.find([longs(c) for c in asked], len(asked[0])).tolist()
    assert found == [wanted.get(row, -1) for row in zip(*asked, strict=True)]
    keys.renumber(np.arange(keys.n, dtype=np.int32)[::-1] * 2)
    again = keys.find([longs(c) for c in asked], len(asked[0])).tolist()
    assert again == [2 * (len(wanted) - 1 - n) if n >= 0 else -1 for n in found]


def test_how_wide_a_range_may_be() -> None:
    few = LEAST_CELLS // CELLS_A_KEY // 4
    wide = CELLS_A_KEY * few  # as many cells as so few keys may have
    values = [0] * (few - 1)
    assert built([longs([*values, wide - 1])]) is not None
    assert built([longs([*values, wide])]) is None
    assert built([longs([0, 9])], memory=4 * 10) is not None
    assert built([longs([0, 9, None])], memory=4 * 10) is None  # null has a cell of its own
    many = 4 * LEAST_CELLS // CLOSE
    column = np.zeros(many, np.int64)
    column[-1] = CLOSE * many - 1
    assert built([pa.array(column)]) is not None
    column[-1] += 1
    assert built([pa.array(column)]) is None
    assert built([longs([LEAST, MOST])]) is None


def test_ranges_of_several_keys_multiply() -> None:
    n = 1000
    narrow, wide = pa.array(np.arange(n) % 10), pa.array(np.arange(n))
    assert built([narrow, wide]) is not None
    assert built([narrow, wide, pa.array(np.arange(n) % 64)]) is None
    assert built([narrow, wide], memory=4 * 10 * n - 4) is None  # a cell is four bytes
    assert built([narrow, wide], memory=4 * 10 * n) is not None


@pytest.mark.parametrize("types", [[STRING], [DOUBLE], [LONG, STRING], []])
def test_what_is_left_to_hashing(types: list[Type]) -> None:
    assert dense_keys(types, [longs([1, 2])] * len(types), 2, AMPLE) is None
    assert dense_keys([LONG], [longs([])], 0, AMPLE) is None


def test_booleans_times_and_columns_without_a_value() -> None:
    flags, times = pa.array([True, False, None, True]), pa.array([5, 6, 5, 5], pa.timestamp("us"))
    keys = built([flags, times], [BOOL, DATE])
    assert keys is not None
    assert keys.ids([flags, times], 4, NO_STOP).tolist() == [0, 1, 2, 0]
    assert keys.find([flags.slice(1), times.slice(1)], 3).tolist() == [1, 2, 0]
    assert keys.find([pa.nulls(2), times.slice(0, 2)], 2).tolist() == [2, -1]
    empty = built([longs([None, None])])
    assert empty is not None
    assert empty.ids([longs([None, None])], 2, NO_STOP).tolist() == [0, 0]
    assert empty.find([longs([None, 0, LEAST])], 3).tolist() == [0, -1, -1]


@pytest.mark.parametrize("numbers", [[], [-1], [3], [-1, 0, -1, 2, 2], [-1] * 5, [1] * 5])
def test_rows_with_and_without_a_number(numbers: list[int]) -> None:
    given_ = np.array(numbers, np.int32)
    rows, found = np.empty(len(numbers) + 1, np.int32), np.empty(len(numbers) + 1, np.int32)
    n = dense.rows_with(given_, rows, found)
    assert rows[:n].tolist() == [i for i, k in enumerate(numbers) if k >= 0]
    assert found[:n].tolist() == [k for k in numbers if k >= 0]
    n = dense.rows_without(given_, rows)
    assert rows[:n].tolist() == [i for i, k in enumerate(numbers) if k < 0]
