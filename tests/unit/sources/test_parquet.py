"""`parquetfile` against pyarrow, and the promise that pruning never loses a row."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import operator
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine.sources.columnar import Window
from cortado.engine.sources.files import FileOptions
from cortado.engine.sources.hive import hive_of
from cortado.engine.sources.parquet import ParquetRelation, survey
from cortado.engine.sources.pruning import Bound
from cortado.engine.storage.paths import Gate
from cortado.planner.catalog import ScanRequest
from cortado.planner.text import QueryError
from cortado.planner.types import LONG

from .reading import AT, read


def relation(*paths: Path, columns: Any = None, window: Window | None = None, **options: Any) -> ParquetRelation:
    gate = Gate()
    found = survey(gate, [str(p) for p in paths])
    return ParquetRelation(gate, found, FileOptions(**options), str(paths[0]), AT, columns=columns, window=window)


def written(tmp_path: Path, table: pa.Table, name: str = "x.parquet", **options: Any) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)
    return path


TABLE = pa.table(
    {
        "i": pa.array(range(1000), pa.int32()),
        "s": [f"v{k % 7}" if k % 11 else None for k in range(1000)],
        "f": [float(k) if k % 100 else float("nan") for k in range(1000)],
        "t": pa.array([k * 1_000_000 for k in range(1000)], pa.timestamp("us", "UTC")),
        "l": [[k, None] if k % 3 else None for k in range(1000)],
        "m": [{"a": k, "b": str(k)} if k % 5 else None for k in range(1000)],
    }
)


@pytest.mark.parametrize("batch_rows", [1, 37, 65_536])
def test_rows_are_those_of_pyarrow(tmp_path: Path, batch_rows: int) -> None:
    path = written(tmp_path, TABLE.slice(0, 200) if batch_rows == 1 else TABLE, row_group_size=90)
    got, wanted = read(relation(path), batch_rows=batch_rows), pq.read_table(path)
    assert got.table.drop(["f"]).to_pylist() == wanted.drop(["f"]).to_pylist()
    assert np.array_equal(got.table["f"].to_numpy(), wanted["f"].to_numpy(), equal_nan=True)
    assert not got.notes


def test_text_comes_as_dictionaries(tmp_path: Path) -> None:
    from .reading import context

    source = relation(written(tmp_path, TABLE)).scan(ScanRequest(fields=("s",)))
    batch = next(iter(source.partitions(1)[0].batches(context())))
    assert batch.coded(0) is not None


def test_fields_in_any_order_and_none(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE, row_group_size=300)
    assert read(relation(path), fields=["t", "i"]).table.column_names == ["t", "i"]
    assert read(relation(path), fields=[]).table.num_rows == 1000
    assert read(relation(path, columns=("s", "i"))).table.column_names == ["s", "i"]


def test_physical_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "u": pa.array([1, 2**63], pa.uint64()),
            "d": pa.array([dt.date(2026, 1, 1), None]),
            "c": pa.array([decimal.Decimal("1.5"), None]),
            "n": pa.array([1, None], pa.timestamp("ns")),
            "v": pa.array(["x", None], pa.large_string()),
            "w": pa.array([dt.datetime(2026, 3, 8, 2, 30), None], pa.timestamp("ms")),
        }
    )
    got = read(relation(written(tmp_path, table), zone="America/New_York"))
    assert got.rows[0]["d"] == dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC)
    assert got.table["c"].to_pylist() == [1.5, None]
    assert got.table["u"].to_pylist() == [1, None]
    assert got.table.schema.field("n").type == pa.timestamp("ns", "UTC")
    assert got.notes == {("reject", "overflow"): 1, ("reject", "dst"): 1}
    assert survey(Gate(), [str(tmp_path / "x.parquet")]).decimals == ["c"]


def test_files_are_joined_by_name_and_widened(tmp_path: Path) -> None:
    a = written(tmp_path, pa.table({"x": [1], "s": [1]}), "a.parquet")
    b = written(tmp_path, pa.table({"x": [1.5], "s": ["t"], "z": [True]}), "b.parquet")
    got = read(relation(a, b))
    assert [(r["x"], r["s"], r["z"], r["_file"]) for r in got.rows] == [
        (1.0, "1", None, str(a)),
        (1.5, "t", True, str(b)),
    ]


def test_hive_folders_become_fields(tmp_path: Path) -> None:
    a = written(tmp_path, TABLE.slice(0, 2), "y=2025/c=a%20b/x.parquet")
    b = written(tmp_path, TABLE.slice(2, 1), "y=2026/c=__HIVE_DEFAULT_PARTITION__/x.parquet")
    got = read(relation(a, b), fields=["i", "y", "c"])
    assert got.rows == [
        {"i": 0, "y": 2025, "c": "a b"},
        {"i": 1, "y": 2025, "c": "a b"},
        {"i": 2, "y": 2026, "c": None},
    ]
    assert hive_of("k=v/plain/x.parquet") == {}


def test_notes_name_the_row_of_the_file_after_pruning(tmp_path: Path) -> None:
    table = pa.table({"i": list(range(100)), "u": pa.array([2**63 if k == 95 else k for k in range(100)], pa.uint64())})
    path = written(tmp_path, table, row_group_size=10)
    source = relation(path)
    source_of = source.scan
    bound = Bound("i", ">=", 90, LONG)

    def scan(request: ScanRequest) -> Any:
        made = source_of(request)
        made.bounds = (bound,)
        made.groups = list(made._kept(None))
        return made

    source.scan = scan  # type: ignore[method-assign]
    got = read(source)
    assert got.table.num_rows == 10
    assert got.samples["reject", "overflow"] == [f"{path}:96  9223372036854775808"]


def _with_text_that_is_none() -> pa.Table:
    """Values that are UTF-8 only beside each other, as a whole they are; and null."""
    raw = pa.array([b"ok", b"\xc3", b"\xa9", None, b"more"] * 40)
    text = pa.Array.from_buffers(pa.string(), 200, raw.buffers())
    lists = pa.ListArray.from_arrays(pa.array(range(201), pa.int32()), text)
    return pa.table({"s": text, "l": lists, "n": range(200)})


@pytest.mark.parametrize("kernels", ["never", "always"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_dictionary": False},
        {"use_dictionary": False, "column_encoding": {"s": "DELTA_BYTE_ARRAY"}},
        {"dictionary_pagesize_limit": 3, "data_page_size": 50, "write_batch_size": 3},
    ],
    ids=["dictionary", "plain", "delta", "mixed"],
)
def test_text_that_is_no_utf8_is_damage(tmp_path: Path, options: Any, kernels: str) -> None:
    path = written(tmp_path, _with_text_that_is_none(), **options)
    with cortado.connect(kernels=kernels) as session:
        for rest in ("", "| stats count by s", "| search n == 2", "| sort limit=2 s", '| search s == "o*" | fields n'):
            with pytest.raises(QueryError, match=r"field `s`: .*UTF8") as found:
                session.query(f'parquetfile "{path}" {rest}').run()
            assert found.value.code == "E605"
        with pytest.raises(QueryError, match=r"field `l`: .*UTF8"):
            session.query(f'parquetfile "{path}" | fields l').run()
        assert len(session.query(f'parquetfile "{path}" | fields n').run()) == 200


@pytest.mark.parametrize("kernels", ["never", "always"])
def test_days_beyond_64_bits_are_null_and_told(tmp_path: Path, kernels: str) -> None:
    """Infinity of other engines lies there; 106,751,991 days are the last whose microseconds fit."""
    days = pa.array([0, 106_751_991, 106_751_992, -106_751_992, 2**31 - 1, -(2**31), None], pa.int32()).cast(
        pa.date32()
    )
    path = written(tmp_path, pa.table({"d": days}))
    with cortado.connect(kernels=kernels, timezone="UTC") as session:
        result = session.query(f'parquetfile "{path}"').run()
    got = result.to_arrow()["d"].cast(pa.int64()).to_pylist()
    assert got == [0, 106_751_991 * 86_400_000_000, None, None, None, None, None]
    assert [(n.kind, n.reason, n.count) for n in result.notes] == [("reject", "overflow", 4)]
    assert [s.rpartition("  ")[2] for s in result.notes[0].samples] == [
        "106751992 days",
        "-106751992 days",
        "2147483647 days",
    ]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b"nope", lambda b: b[: len(b) // 2], lambda b: b[:-300] + bytes(292) + b[-8:]],
    ids=["empty", "other", "cut", "footer"],
)
def test_damaged_files_are_named(tmp_path: Path, damage: Any) -> None:
    path = written(tmp_path, TABLE)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(QueryError, match=r"x\.parquet") as found:
        read(relation(path))
    assert found.value.code == "E605"


def test_a_flipped_bit_is_found_by_the_page_checksum(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        pa.table({"a": np.random.default_rng(0).integers(0, 2**60, 5000)}),
        write_page_checksum=True,
        use_dictionary=False,
    )
    raw = bytearray(path.read_bytes())
    raw[20_000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(QueryError) as found:
        read(relation(path))
    assert found.value.code == "E605"


def test_window(tmp_path: Path) -> None:
    path = written(tmp_path, TABLE, row_group_size=100)
    found = relation(path, window=Window(field="t", low=250 * 10**6, high=255 * 10**6))
    assert [r["i"] for r in read(found, fields=["i"]).rows] == [250, 251, 252, 253, 254]
    assert "1 of 10 row groups" in found.describe(ScanRequest())
    lost = written(tmp_path, pa.table({"t": pa.array([0, None], pa.timestamp("us", "UTC"))}), "n.parquet")
    got = read(relation(lost, window=Window(field="t", low=0)))
    assert (got.table.num_rows, got.notes) == (1, {("drop", "no time"): 1})


def test_limit_reads_no_more_groups_than_it_needs(tmp_path: Path) -> None:
    source = relation(written(tmp_path, TABLE, row_group_size=100)).scan(ScanRequest(limit=150))
    assert len(source.groups) == 2


OPS: dict[str, Any] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
FILTERS = [
    "i == 250", "i < 5", "i <= 4.5", "i > 995", "i >= 999", "i in (3, 999)", "between(i, 10, 20)", "f > 995", "f >= 999.0", "f < 3",
    "f == 7", 's == "v3"', 's == "v*"', 's == "w*"', 's > "v6"', 's < "v0"', "isnotnull(s)", "t >= date(\"1970-01-01T00:16:30Z\")",
    "t < date(\"1970-01-01T00:00:05Z\")", "n == 3", "n > 90", "n < 5", "z == 1", "isnotnull(z)", "i == 3 or i == 999", "not i > 10",
    "i > 100 and i < 110", "i == \"250\"", "k == \"a\"", "k > \"a\"", "isnull(s)",
]  # fmt: skip


def _pruned(tmp_path: Path) -> Path:
    table = TABLE.select(["i", "s", "f", "t"]).append_column(
        "n", pa.array([None if k < 300 else k % 100 for k in range(1000)])
    )
    table = table.append_column("k", pa.array(["é" * 80 + "a" if k < 500 else "b" for k in range(1000)]))
    path = written(tmp_path, table.append_column("z", pa.nulls(1000, pa.int64())), row_group_size=50)
    return path


@pytest.mark.parametrize("text", FILTERS)
def test_pruning_loses_no_row(tmp_path: Path, text: str) -> None:
    """The optimiser pushes filters into the scan; without it every group is read."""
    path = _pruned(tmp_path)
    query = f'parquetfile "{path}" | search {text} | fields i'
    results = []
    for optimiser in (True, False):
        with cortado.connect(timezone="UTC", optimiser=optimiser) as session:
            results.append(session.query(query).run().to_pylist())
    assert results[0] == results[1]


def test_pruning_prunes(tmp_path: Path) -> None:
    path = _pruned(tmp_path)
    for text, kept in (
        ("i == 250", 1),
        ("f < 3", 1),
        ('s == "w*"', 0),
        ("n > 0", 14),
        ("z == 1", 0),
        ("i in (3, 999)", 20),
    ):
        with cortado.connect(timezone="UTC") as session:
            plan = session.query(f'parquetfile "{path}" | search {text}').explain()
        assert f"{kept} of 20 row groups" in plan, (text, plan)


def test_bounds_hold_for_random_values() -> None:
    chosen = random.Random(2)
    for _ in range(3000):
        values = [chosen.choice([chosen.randint(-5, 5), chosen.uniform(-5, 5)]) for _ in range(4)]
        low, high, wanted = min(values), max(values), chosen.choice([*values, 6, -6])
        for op, holds in OPS.items():
            if any(holds(v, wanted) for v in values):
                assert Bound("x", op, wanted, LONG).may_hold(low, high)
    assert Bound("x", ">", 9, LONG).may_hold(0, 1, has_nan=True)
    assert not math.isnan(Bound("x", ">", 9, LONG).value)
