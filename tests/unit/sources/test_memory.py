"""Objects of the Python session: every library's frame of the same rows reads the same."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

import cortado
from cortado.engine.normalise import normalise
from cortado.engine.sources import memory
from cortado.engine.sources.memory import relation_of
from cortado.planner.text import QueryError
from cortado.planner.types import of_arrow

from .reading import read

TABLE = pa.table(
    {
        "i": pa.array([1, 2, None], pa.int32()),
        "s": pa.array(["x", None, "x"]).dictionary_encode(),
        "t": pa.array([dt.datetime(2026, 1, 1), None, dt.datetime(2026, 7, 1)], pa.timestamp("us")),
        "l": pa.array([[1, 2], None, []], pa.list_(pa.int64())),
    }
)
SEOUL = dt.datetime(2025, 12, 31, 15, tzinfo=dt.UTC)


class Capsule:
    """Only the Arrow stream interface."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        table: Any = self._table
        return table.__arrow_c_stream__(requested_schema)


class ArrayCapsule:
    """Only the Arrow array interface."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        batch: Any = TABLE.combine_chunks().to_batches()[0]
        return batch.__arrow_c_array__(requested_schema)


THINGS: dict[str, Any] = {
    "table": lambda: TABLE,
    "chunked": lambda: pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 1), TABLE.slice(2)]),
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(),
    "pandas": lambda: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": lambda: pl.from_arrow(TABLE),
    "lazy": lambda: pl.DataFrame(TABLE).lazy(),
    "duckdb": lambda: duckdb.from_arrow(TABLE),
    "dataset": lambda: ds.dataset(TABLE),
    "stream": lambda: Capsule(TABLE),
    "array": lambda: ArrayCapsule(),
}


@pytest.mark.parametrize("kind", THINGS)
@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_every_library_reads_the_same(kind: str, batch_rows: int) -> None:
    got = read(relation_of(THINGS[kind](), "t", zone="Asia/Seoul"), batch_rows=batch_rows, target=batch_rows)
    assert [(r["i"], r["s"], r["l"]) for r in got.rows] == [(1, "x", [1, 2]), (2, None, None), (None, "x", [])]
    assert got.rows[0]["t"] == SEOUL
    assert not got.notes


@pytest.mark.parametrize("kind", THINGS)
def test_some_fields_or_none(kind: str) -> None:
    assert read(relation_of(THINGS[kind](), "t"), fields=["l", "i"]).table.column_names == ["l", "i"]
    assert read(relation_of(THINGS[kind](), "t"), fields=[]).table.num_rows == 3


def test_a_stream_is_read_once() -> None:
    spent: set[int] = set()
    reader = TABLE.to_reader()
    read(relation_of(reader, "r", spent=spent))
    with pytest.raises(QueryError) as found:
        read(relation_of(reader, "r", spent=spent))
    assert found.value.code == "E604"


def test_a_frame_is_read_again() -> None:
    for kind in ("polars", "dataset", "stream", "duckdb"):
        found = relation_of(THINGS[kind](), "t")
        assert read(found).table.equals(read(found).table)


def test_the_index_is_dropped() -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
    assert read(relation_of(frame, "f")).rows == [{"a": 1}, {"a": 2}]


def test_mixed_objects_are_text() -> None:
    found = relation_of(pd.DataFrame({"a": [1, "x", None, 2.5], "b": [1, 2, 3, 4]}), "f")
    assert [r["a"] for r in read(found).rows] == ["1", "x", None, "2.5"]
    assert found.mixed == {"a": {"int": 1, "str": 1, "float": 1}}


def test_what_holds_no_rows_is_refused() -> None:
    for thing in (5, "text", object(), None):
        with pytest.raises(QueryError) as found:
            relation_of(thing, "x")
        assert found.value.code == "E605"


def test_repeated_names() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert read(relation_of(table, "t")).rows == [{"a": 1, "a_2": 2}]


def told_of(array: pa.Array[Any], zone: str = "UTC") -> tuple[pa.Array[Any], dict[str, list[bool]]]:
    told: dict[str, list[bool]] = {}
    made = normalise(
        array, of_arrow(array.type), zone, lambda reason, rows, values, hint: told.__setitem__(reason, rows.tolist())
    )
    made.validate(full=True)
    return made, told


NAIVE = dt.datetime(2026, 3, 8, 2, 30)
PHYSICAL: list[tuple[Any, list[Any]]] = [
    (pa.array([1, None], pa.int8()), [1, None]),
    (pa.array([1, None], pa.uint32()), [1, None]),
    (pa.array([1.5, None], pa.float32()), [1.5, None]),
    (pa.array([decimal.Decimal("1.25"), None]), [1.25, None]),
    (pa.array(["a", None], pa.large_string()), ["a", None]),
    (pa.array(["a", None], pa.string_view()), ["a", None]),
    (pa.array([b"a", None], pa.large_binary()), [b"a", None]),
    (pa.array([b"ab", None], pa.binary(2)), [b"ab", None]),
    (pa.array([1, None, 1]).dictionary_encode(), [1, None, 1]),
    (pa.array([dt.timedelta(seconds=1), None], pa.duration("s")), [dt.timedelta(seconds=1), None]),
    (pa.array([[1], None, []], pa.large_list(pa.int8())), [[1], None, []]),
    (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [[1, 2], None]),
    (pa.array([{"a": 1}, None], pa.struct([("a", pa.int8())])), [{"a": 1}, None]),
    (pa.array([[("k", 1)], None, []], pa.map_(pa.large_string(), pa.int8())), [[("k", 1)], None, []]),
]


@pytest.mark.parametrize(("array", "wanted"), PHYSICAL, ids=[str(a.type) for a, _ in PHYSICAL])
def test_one_physical_form(array: pa.Array[Any], wanted: list[Any]) -> None:
    for begin in (0, 1):
        made, told = told_of(array.slice(begin))
        assert made.type == of_arrow(array.type).arrow
        assert made.to_pylist() == wanted[begin:]
        assert not told


def test_text_dictionaries_stay() -> None:
    made, _ = told_of(pa.array(["a", None, "a"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.large_string())))
    assert made.type == pa.dictionary(pa.int32(), pa.string())
    assert made.to_pylist() == ["a", None, "a"]


def test_unsigned_beyond_64_bits_is_null_and_told() -> None:
    made, told = told_of(pa.array([1, 2**63, None], pa.uint64()))
    assert (made.to_pylist(), told) == ([1, None, None], {"overflow": [False, True, False]})


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_naive_times_are_in_the_zone(unit: Any) -> None:
    made, told = told_of(pa.array([NAIVE, None], pa.timestamp(unit)), "America/New_York")
    assert made.to_pylist() == [dt.datetime(2026, 3, 8, 7, 30, tzinfo=dt.UTC), None]
    assert told == {"dst": [True, False]}


def test_nanoseconds_are_kept_and_days_are_midnights() -> None:
    made, _ = told_of(pa.array([1_000_000_001], pa.timestamp("ns")))
    assert made.type == pa.timestamp("ns", "UTC")
    assert made.cast(pa.int64()).to_pylist() == [1_000_000_001]
    for kind in (pa.date32(), pa.date64()):
        made, _ = told_of(pa.array([dt.date(2026, 1, 1), None], kind), "Asia/Seoul")
        assert made.to_pylist() == [SEOUL, None]


def test_far_times_are_null_and_told() -> None:
    made, told = told_of(pa.array([2**62], pa.timestamp("s")))
    assert made.to_pylist() == [None]
    assert "overflow" in told


def test_rows_may_have_different_keys() -> None:
    assert read(relation_of([{"a": 1}, {"b": "x"}], "t")).rows == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_a_named_index_is_a_column() -> None:
    frame = pd.DataFrame({"v": [1]}, index=pd.Index(["p"], name="key"))
    assert read(relation_of(frame, "t")).rows == [{"key": "p", "v": 1}]


def test_odd_layouts_are_plain_columns() -> None:
    ends = pa.array([2, 3], pa.int32())
    table = pa.table(
        {
            "runs": pa.RunEndEncodedArray.from_arrays(ends, pa.array(["a", "b"])),
            "view": pa.array([[1, 2], None, []], pa.list_view(pa.int32())),
            "none": pa.array([{}, None, {}], pa.struct([])),
        }
    )
    assert read(relation_of(table, "t")).rows == [
        {"runs": "a", "view": [1, 2], "none": []},
        {"runs": "a", "view": None, "none": None},
        {"runs": "b", "view": [], "none": []},
    ]


def test_times_beyond_64_bits_are_null_and_told() -> None:
    table = pa.table({"t": pa.array([10**15], pa.timestamp("s", "UTC")), "d": pa.array([2**62], pa.duration("s"))})
    got = read(relation_of(table, "t"))
    assert got.rows == [{"t": None, "d": None}]
    assert got.notes == {("reject", "overflow"): 2}


def test_meta_tells_the_table_and_the_row() -> None:
    table = pa.table({"a": pa.chunked_array([[1, 2], [3]])})
    rows = read(relation_of(table, "t", meta=True)).rows
    assert [(r["_table"], r["_id"]) for r in rows] == [("t", 0), ("t", 1), ("t", 2)]
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    assert [r["_id"] for r in read(relation_of(reader, "s", meta=True)).rows] == [0, 1, 2]


def test_slices_are_larger_where_groups_alone_stand_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are those of NumPy whatever the slices are."""
    n = 3_000_000
    k, x = np.arange(n) * 7 % 1000, np.arange(n) % 12_345
    table = pa.table({"k": k, "x": x})
    sizes: list[int] = []
    slices = memory.TableSlice.batches

    def noted(self: Any, ctx: Any) -> Any:
        sizes.append(self.high - self.low)
        return slices(self, ctx)

    monkeypatch.setattr(memory.TableSlice, "batches", noted)
    largest = {}
    for query in ("stats sum(x) as s by k", "eval x = x + 0 | stats sum(x) as s by k"):
        sizes.clear()
        with cortado.connect(threads=1, kernels="always") as session:
            found = session.query(f"table t | {query}", sources={"t": table}).to_arrow()
        assert sum(sizes) == n
        largest[query] = max(sizes)
        assert found["k"].to_pylist() == list(range(1000))
        assert found["s"].to_pylist() == np.bincount(k, x, 1000).astype(int).tolist()
    quick, other = largest.values()
    assert quick > other
