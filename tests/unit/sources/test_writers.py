"""`outputcsv`, `outputjson`, `outputparquet`: what is written reads back; files appear whole or not at all."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import duckdb as duckdb_module
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.engine.operators.writers import safe_name

UTC = dt.UTC
duckdb: Any = duckdb_module
ROWS = pa.table(
    {
        "i": pa.array([1, None, -(2**63), 2**63 - 1, 5]),
        "d": pa.array([1.5, -0.0, None, 1e300, 0.1]),
        "b": pa.array([True, None, False, True, False]),
        "s": pa.array(["plain", "", None, 'q "x", y\r\nz', " é한 "]),
        "t": pa.array([dt.datetime(2026, 1, 1, tzinfo=UTC), None, dt.datetime(1969, 7, 20, 20, 17, 40, 123456, tzinfo=UTC),
                       dt.datetime(2026, 7, 1, 12, tzinfo=UTC), dt.datetime(2026, 7, 2, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "l": pa.array([[1, 2], [], None, [None], [3]]),
        "m": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": 'q"'}, {"a": 3, "b": ""}]),
    }
)  # fmt: skip


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(query: str, table: pa.Table | None = None, **settings: Any) -> Any:
    with cortado.connect(**{"timezone": "Asia/Seoul", **settings}) as session:
        session.register("t", ROWS if table is None else table)
        return session.query(query).run()


@pytest.mark.parametrize("batch_rows", [1, 3, 65_536])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst", ".bz2", ".xz"])
def test_csv_reads_back(batch_rows: int, suffix: str) -> None:
    run(f"table t | outputcsv x.csv{suffix} i, d, b, s, t", batch_rows=batch_rows)
    got = run(f"csvfile x.csv{suffix}").to_arrow()
    assert got.to_pylist() == ROWS.select(["i", "d", "b", "s", "t"]).to_pylist()


def test_csv_is_what_python_pandas_and_duckdb_read() -> None:
    run("table t | outputcsv x.csv i, s, t")
    rows = list(csv.reader(io.StringIO(Path("x.csv").read_bytes().decode(), newline="")))
    assert rows[0] == ["i", "s", "t"]
    assert [r[1] for r in rows[1:]] == ["plain", "", "", 'q "x", y\r\nz', " é한 "]
    assert [r[2] for r in rows[1:3]] == ["2026-01-01T09:00:00+09:00", ""]
    assert Path("x.csv").read_text().splitlines()[2] == ',"",'
    frame = pd.read_csv("x.csv", dtype={"i": "Int64"}, keep_default_na=False, na_values={"i": [""]})
    assert frame["i"].tolist()[0] == 1
    assert duckdb.sql("select count(*), max(i) from read_csv('x.csv', all_varchar=false)").fetchall() == [
        (5, 2**63 - 1)
    ]


def test_csv_options() -> None:
    run("table t | outputcsv tab=t bom=t header=f x.csv i, b | stats count")
    assert (
        Path("x.csv").read_bytes()
        == b"\xef\xbb\xbf1\ttrue\n\t\n-9223372036854775808\tfalse\n9223372036854775807\ttrue\n5\tfalse\n"
    )
    run("table t | outputcsv encoding=utf-16 y.csv s")
    assert Path("y.csv").read_bytes().decode("utf-16").startswith("s\nplain\n")
    assert run("csvfile cs=utf-16 y.csv").to_arrow()["s"].to_pylist() == ROWS["s"].to_pylist()
    with pytest.raises(cortado.QueryError) as found:
        run("table t | outputcsv encoding=ascii z.csv s")
    assert found.value.code == "E605"
    assert not Path("z.csv").exists()


def test_nulls_of_one_column_come_back() -> None:
    table = pa.table({"s": ["a", None, "", "b", None]})
    run("table t | outputcsv x.csv", table)
    assert run("csvfile x.csv").to_arrow()["s"].to_pylist() == ["a", None, "", "b", None]


@pytest.mark.parametrize("batch_rows", [1, 65_536])
def test_json_reads_back(batch_rows: int) -> None:
    run("table t | fields - t | outputjson x.json", batch_rows=batch_rows)
    lines = [json.loads(line) for line in Path("x.json").read_text().splitlines()]
    assert lines == ROWS.drop(["t"]).to_pylist()
    assert run("jsonfile x.json").to_arrow().to_pylist() == ROWS.drop(["t"]).to_pylist()


def test_json_has_no_nan_and_says_so() -> None:
    table = pa.table({"x": [1.0, float("nan"), float("inf"), None], "l": [[1.0], [float("nan")], None, [None]]})
    result = run("table t | outputjson x.json", table)
    assert [json.loads(line) for line in Path("x.json").read_text().splitlines()] == [
        {"x": 1.0, "l": [1.0]}, {"x": None, "l": [None]}, {"x": None, "l": None}, {"x": None, "l": [None]},
    ]  # fmt: skip
    assert [(n.kind, n.count) for n in result.notes] == [("reject", 2)]


def test_rows_without_fields() -> None:
    run('json "[{},{}]" | outputjson x.json')
    assert Path("x.json").read_text() == "{}\n{}\n"


@pytest.mark.parametrize("codec", ["zstd", "snappy", "gzip", "lz4", "brotli", "none"])
def test_parquet_reads_back(codec: str) -> None:
    run(f"table t | outputparquet codec={codec} rowgroup=2 x.parquet", batch_rows=3)
    assert pq.read_table("x.parquet").to_pylist() == ROWS.to_pylist()
    assert pq.read_schema("x.parquet").field("t").type == pa.timestamp("us", "Asia/Seoul")
    meta = pq.ParquetFile("x.parquet").metadata
    assert [meta.row_group(i).num_rows for i in range(meta.num_row_groups)] == [2, 2, 1]
    got = run("parquetfile x.parquet", timezone="UTC").to_arrow()
    assert got.schema == ROWS.schema
    assert got.to_pylist() == ROWS.to_pylist()


def test_parquet_keeps_durations_nanoseconds_and_addresses() -> None:
    table = pa.table(
        {
            "t": pa.array([1, None], pa.timestamp("ns", "UTC")),
            "d": pa.array([dt.timedelta(seconds=1), None], pa.duration("us")),
        }
    )
    run('table t | eval a = ip("10.0.0.1"), n = null | outputparquet x.parquet', table)
    got = run("parquetfile x.parquet | eval a = string(a)", timezone="UTC").to_arrow()
    assert got.schema.field("t").type == pa.timestamp("ns", "UTC")
    assert got["d"].to_pylist() == [dt.timedelta(seconds=1), None]
    assert got["a"].to_pylist() == ["10.0.0.1"] * 2


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_all_rows_are_written_whatever_stands_below(form: str) -> None:
    big = pa.table({"i": range(5000)})
    got = run(f"table t | output{form} x.{form} | limit 2", big, batch_rows=100, threads=2).to_arrow()
    assert got["i"].to_pylist() == [0, 1]
    assert run(f"{form}file x.{form}").to_arrow()["i"].to_pylist() == list(range(5000))


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_an_existing_file_is_kept_unless_said_otherwise(form: str) -> None:
    small = pa.table({"i": [1, 2]})
    query = "table t | output{0} {1} x.{0}"
    run(query.format(form, ""), small)
    before = Path(f"x.{form}").read_bytes()
    with pytest.raises(cortado.QueryError) as found:
        run(query.format(form, ""), small)
    assert found.value.code == "E602"
    assert Path(f"x.{form}").read_bytes() == before
    run(query.format(form, "append=t"), pa.table({"i": [3]}))
    assert run(f"{form}file x.{form}").to_arrow()["i"].to_pylist() == [1, 2, 3]
    run(query.format(form, "overwrite=t"), pa.table({"i": [4]}))
    assert run(f"{form}file x.{form}").to_arrow()["i"].to_pylist() == [4]


def test_appended_rows_must_fit() -> None:
    run("table t | outputcsv x.csv i, s")
    run("table t | outputparquet x.parquet i, s")
    for query in ("outputcsv append=t x.csv s, i", "outputparquet append=t x.parquet i"):
        with pytest.raises(cortado.QueryError) as found:
            run("table t | " + query)
        assert found.value.code == "E603"
    assert len(run("csvfile x.csv").to_arrow()) == 5


def test_append_begins_a_line_of_its_own() -> None:
    Path("x.csv").write_bytes(b"i\n1")
    run("table t | outputcsv append=t x.csv", pa.table({"i": [2]}))
    assert Path("x.csv").read_bytes() == b"i\n1\n2\n"
    Path("y.csv.gz").write_bytes(gzip.compress(b"i\n1\n"))
    run("table t | outputcsv append=t y.csv.gz", pa.table({"i": [2]}))
    assert gzip.decompress(Path("y.csv.gz").read_bytes()) == b"i\n1\n2\n"


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_a_failed_query_leaves_nothing_behind(form: str) -> None:
    Path("bad.csv").write_bytes(b"n\n" + b"1\n" * 3000 + b"x\n")
    with pytest.raises(cortado.QueryError):
        run(f"csvfile bad=fail infer=10 bad.csv | output{form} x.{form}", batch_rows=100)
    assert sorted(os.listdir(".")) == ["bad.csv"]


def test_no_rows_still_make_a_file() -> None:
    empty = pa.table({"i": pa.array([], pa.int64())})
    run("table t | outputcsv x.csv", empty)
    run("table t | outputparquet x.parquet", empty)
    run("table t | outputjson x.json", empty)
    assert (Path("x.csv").read_bytes(), Path("x.json").read_bytes()) == (b"i\n", b"")
    assert pq.read_table("x.parquet").num_rows == 0


def test_partitions() -> None:
    table = pa.table(
        {
            "k": ["a", "b/..", None, "a"],
            "n": [1, 2, 3, 4],
            "_time": pa.array([0, 86_400_000_000, None, 0], pa.timestamp("us", "UTC")),
        }
    )
    run("table t | outputcsv partition=t out/k={k}/{n}.csv n", table)
    assert run("csvfile out/**/*.csv | sort n").to_arrow()["n"].to_pylist() == [1, 2, 3, 4]
    run("table t | outputparquet partition=t hive/k={k}/x.parquet n", table)
    got = run("parquetfile hive/**/*.parquet | fields n, k | sort n").to_arrow()
    assert got.to_pylist() == [{"n": 1, "k": "a"}, {"n": 2, "k": "b/.."}, {"n": 3, "k": None}, {"n": 4, "k": "a"}]
    run("table t | outputjson partition=t log-{logtime:yyyyMMdd}.json", table)
    assert sorted(p.name for p in Path().glob("log-*")) == [
        "log-19700101.json",
        "log-19700102.json",
        "log-__HIVE_DEFAULT_PARTITION__.json",
    ]
    run("table t | outputjson now-{now:yyyy}.json", table)
    assert len(list(Path().glob("now-20*.json"))) == 1


def test_partition_order_is_input_order() -> None:
    chosen = random.Random(1)
    table = pa.table({"k": [chosen.randint(0, 3) for _ in range(500)], "n": list(range(500))})
    run("table t | outputcsv partition=t p{k}.csv", table, batch_rows=7, threads=2)
    for k in range(4):
        wanted = [n for key, n in zip(table["k"].to_pylist(), table["n"].to_pylist(), strict=True) if key == k]
        assert run(f"csvfile p{k}.csv").to_arrow()["n"].to_pylist() == wanted


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("outputcsv {s}.csv", "E311"), ("outputcsv partition=t {nosuch}.csv", "E301"), ("outputcsv append=t overwrite=t x.csv", "E311"),
        ("outputcsv {now:QQQQQQ}.csv", "E307"), ("outputparquet codec=rar x", "E311"), ("outputcsv no/such/x.csv", "E601"),
        ("outputparquet rowgroup=0 x", "E311"),
    ],
)  # fmt: skip
def test_what_cannot_be_written(query: str, code: str) -> None:
    with pytest.raises(cortado.QueryError) as found:
        run("table t | " + query)
    assert found.value.code == code


def test_values_in_paths_stay_one_name() -> None:
    assert safe_name("../a/b") == "..%2Fa%2Fb".replace("..", "%2E.", 1) or "/" not in safe_name("../a/b")
    for value in ("..", ".", "a/b", "a\\b", "\0", ".hidden", "C:x", "k=v"):
        assert "/" not in safe_name(value) and not safe_name(value).startswith(".")
    assert safe_name("가나 x-1.5") == "가나 x-1.5"
