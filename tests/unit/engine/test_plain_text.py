"""Texts cut out of codes by the workers are those that Arrow cuts out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.batch import Batch, Origin
from cortado.engine.operators.plaintext import plain

from ..functions.harness import spans_of, strings

texts = st.text("aé€😀", max_size=12) | st.text("xyz", min_size=14, max_size=50)


def coded(codes: Sequence[int | None], values: Sequence[str | None]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(values, pa.string()))


def made(column: Any, *, compiled: bool) -> Any:
    got = plain(Batch(len(column), (column,), Origin(0)), compiled).columns[0]
    assert isinstance(got, pa.Array)
    got.validate(full=True)
    return got


@st.composite
def columns(draw: st.DrawFn) -> Any:
    values = draw(st.lists(texts, min_size=1, max_size=6))
    codes = draw(st.lists(st.none() | st.integers(0, len(values) - 1), max_size=30))
    skipped = draw(st.integers(0, len(codes)))
    first = draw(st.integers(0, len(values) - 1))
    whole = coded(codes, values)
    cut = pa.array(values).slice(first)  # a dictionary that is a slice
    within = [None if c is None else c % len(cut) for c in codes]
    return draw(
        st.sampled_from(
            [whole, whole.slice(skipped), pa.DictionaryArray.from_arrays(pa.array(within, pa.int32()), cut)]
        )
    )


@settings(max_examples=300, deadline=None)
@given(columns())
def test_codes(column: Any) -> None:
    wanted = column.to_pylist()
    for compiled in (False, True):
        assert made(column, compiled=compiled).to_pylist() == wanted
        assert made(column, compiled=compiled).type == pa.string()


def test_a_null_value_of_the_dictionary_and_codes_beneath_nulls() -> None:
    assert made(coded([0, 1, None, 2], ["a", None, "c"]), compiled=True).to_pylist() == ["a", None, None, "c"]
    wild = pa.Array.from_buffers(
        pa.int32(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([0, -7, 1], np.int32).tobytes())]
    )
    column: Any = pa.DictionaryArray.from_arrays(wild, pa.array(["a", "b"]), safe=False)
    assert made(column, compiled=True).to_pylist() == ["a", None, "b"]


def test_no_value_and_no_row() -> None:
    assert made(coded([None, None], []), compiled=True).to_pylist() == [None, None]
    assert made(coded([], ["a"]), compiled=True).to_pylist() == []


@pytest.mark.parametrize("compiled", [False, True])
def test_spans_and_other_columns(compiled: bool) -> None:
    spans, numbers = spans_of(strings("a", None, "é" * 20)), pa.array([1, 2, 3])
    batch = plain(Batch(3, (spans, numbers), Origin(4, row=7)), compiled)
    assert batch.columns[0].to_pylist() == ["a", None, "é" * 20]  # type: ignore[union-attr]
    assert batch.columns[1] is numbers
    assert batch.origin == Origin(4, row=7)
