"""Rows chosen where they are read: filters and sorts with a limit over files of several writers, against DuckDB."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado

WAYS: list[dict[str, Any]] = [
    {"threads": 1, "kernels": "always"},
    {"threads": 3, "kernels": "always", "batch_rows": 50},
    {"threads": 2, "kernels": "never"},
    {"threads": 2, "kernels": "always", "optimiser": False},
]
WRITERS = ("snappy", "small pages", "v2 zstd", "plain", "full dictionary", "rows alone", "duckdb", "polars", "delta")
WORDS = ["", "a", "search", "/search?q=1", "research", "bär", "x" * 30, "Search", "%s%"]


def table(rng: random.Random, n: int) -> pa.Table:
    """`i` and `t` are in order, `u` differs in nearly all rows, the others have few values; all but `i` have nulls."""

    def some(make: Any, kind: pa.DataType, nulls: float = 0.1) -> pa.Array[Any]:
        return pa.array([None if rng.random() < nulls else make() for _ in range(n)], kind)

    return pa.table(
        {
            "i": pa.array(range(n), pa.int64()),
            "status": some(lambda: rng.choice([200, 200, 200, 404, 500]), pa.int32(), 0.02),
            "u": some(lambda: rng.randrange(10**12), pa.int64()),
            "f": some(lambda: rng.choice([-1.5, 0.0, 2.25, 1e9, rng.random()]), pa.float64()),
            "path": some(lambda: rng.choice(WORDS), pa.string()),
            "text": some(lambda: f"{rng.choice(WORDS)}{rng.randrange(10**6)}", pa.string()),
            "t": pa.array([None if rng.random() < 0.05 else k * 10**6 for k in range(n)], pa.timestamp("us")),
            "void": pa.array([None] * n, pa.int64()),
        }
    )


def write(rows: pa.Table, path: Path, writer: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "snappy": {"row_group_size": 900},
        "small pages": {"row_group_size": 1500, "data_page_size": 256, "write_page_checksum": True},
        "v2 zstd": {"row_group_size": 700, "data_page_version": "2.0", "compression": "zstd", "data_page_size": 400},
        "plain": {"row_group_size": 800, "use_dictionary": False, "compression": "none", "data_page_size": 1000},
        "full dictionary": {"dictionary_pagesize_limit": 300, "data_page_size": 500, "row_group_size": 1600},
        "rows alone": {"row_group_size": 1},
        "delta": {"use_dictionary": ["path"], "column_encoding": {"u": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY"}},
    }  # fmt: skip
    if writer == "duckdb":
        with duckdb.connect() as db:
            db.register("rows", rows)
            db.execute(f"copy rows to '{path}' (format parquet, row_group_size 2048)")
    elif writer == "polars":
        frame: Any = pl.from_arrow(rows)
        frame.write_parquet(path, row_group_size=700, data_page_size=600)
    else:
        pq.write_table(rows, path, **options[writer])


@pytest.fixture(scope="module", params=WRITERS)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = random.Random(WRITERS.index(request.param))
    path = tmp_path_factory.mktemp("chosen") / "x.parquet"
    write(table(rng, 120 if request.param == "rows alone" else 2500), path, request.param)
    return path


PARTS = [  # as we say it, and as DuckDB does
    ("status == 404", "status = 404"),
    ("status in (404, 500)", "status in (404, 500)"),
    ("status < 300", "status < 300"),
    ("status == 999", "status = 999"),
    ("u > 700000000000", "u > 700000000000"),
    ("between(u, 1, 400000000000)", "u between 1 and 400000000000"),
    ("i >= 1700 and i < 1750", "i >= 1700 and i < 1750"),
    ("i == 77", "i = 77"),
    ("f > 1", "f > 1"),
    ('contains(path, "search")', "contains(path, 'search')"),
    ('path == "*search*"', "path like '%search%'"),
    ('path == "bär"', "path = 'bär'"),
    ("isnull(path)", "path is null"),
    ("isnotnull(text)", "text is not null"),
    ('startswith(text, "research1")', "starts_with(text, 'research1')"),
    ("isnull(void)", "void is null"),
    ("void > 3", "void > 3"),
    ("i > u or status == 404", "i > u or status = 404"),
    ('t >= date("1970-01-01T00:20:00Z")', "t >= timestamp '1970-01-01 00:20:00'"),
]


@pytest.fixture(scope="module", params=range(len(WAYS)), ids=lambda i: "-".join(str(v) for v in WAYS[i].values()))
def session(request: pytest.FixtureRequest) -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", **WAYS[request.param]) as made:
        yield made


@pytest.fixture(scope="module")
def db() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        made.execute("set threads = 1")
        yield made


def ours(query: str, session: cortado.Session) -> list[tuple[Any, ...]]:
    found = session.query(query).to_arrow()
    columns = [c.cast(pa.int64()) if pa.types.is_timestamp(c.type) else c for c in found.columns]
    return list(zip(*(c.to_pylist() for c in columns), strict=True)) if found.num_rows else []


def theirs(query: str, db: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return db.execute(query).fetchall()


SHOWN = "i, status, u, f, path, text, epoch_us(t), void"


def check_filters(
    source: str, view: str, session: cortado.Session, db: duckdb.DuckDBPyConnection, seed: str, then: str = ""
) -> None:  # fmt: skip
    """`source` and `view`: the rows as we and as DuckDB name them."""
    rng = random.Random(seed)
    for k in range(len(PARTS) + 8):
        parts = [PARTS[k]] if k < len(PARTS) else rng.sample(PARTS, rng.choice([2, 2, 3]))
        mine, other = " and ".join(f"({p})" for p, _ in parts), " and ".join(f"({p})" for _, p in parts)
        got = ours(f"{source} | search {mine} {then}", session)
        assert got == theirs(f"select {SHOWN} from {view} where {other} order by i", db), mine
        if k % 3:
            continue
        few = ours(f"{source} | search {mine} | stats count, sum(u) by path", session)
        sums = theirs(f"select path, count(*), sum(u)::bigint from {view} where {other} group by 1", db)
        assert sorted(few, key=repr) == sorted(sums, key=repr), mine


def check_sorts(
    source: str, view: str, session: cortado.Session, db: duckdb.DuckDBPyConnection, limit: int, then: str = ""
) -> None:  # fmt: skip
    rng = random.Random(limit)
    for key in ("i", "status", "u", "f", "path", "text", "t", "void"):
        for sign, order in (("-", "desc"), ("", "asc")):
            nulls = rng.choice(("first", "last"))
            part, other = rng.choice((("", "true"), ("| search status == 404", "status = 404")))
            got = ours(f"{source} {part} {then} | sort limit={limit} nulls={nulls} {sign}{key}", session)
            wanted = f"select {SHOWN} from {view} where {other} order by {key} {order} nulls {nulls}, i limit {limit}"
            assert got == theirs(wanted, db), (key, order, nulls, part)


def test_filters(file: Path, session: cortado.Session, db: duckdb.DuckDBPyConnection) -> None:
    check_filters(f'parquetfile "{file}"', f"'{file}'", session, db, str(file))


@pytest.mark.parametrize("limit", [1, 200])
def test_sorts_with_a_limit(file: Path, session: cortado.Session, db: duckdb.DuckDBPyConnection, limit: int) -> None:
    check_sorts(f'parquetfile "{file}"', f"'{file}'", session, db, limit)


def test_files_that_differ(tmp_path: Path, session: cortado.Session, db: duckdb.DuckDBPyConnection) -> None:
    """One lacks a field, one has it in another type, one has it as a folder's name."""
    rng = random.Random(4)
    rows = table(rng, 900)
    write(rows, tmp_path / "a.parquet", "snappy")
    write(rows.drop_columns(["path"]), tmp_path / "b.parquet", "small pages")
    wide = rows.set_column(1, "status", rows["status"].cast(pa.int64()))
    write(wide, tmp_path / "c.parquet", "v2 zstd")
    paths = (
        f"read_parquet(['{tmp_path}/a.parquet', '{tmp_path}/b.parquet', '{tmp_path}/c.parquet'], union_by_name=true)"
    )
    for mine, other in PARTS:
        got = ours(f'parquetfile "{tmp_path}/*.parquet" | search {mine} | stats count, sum(i), dc(path)', session)
        assert got == theirs(f"select count(*), sum(i)::bigint, count(distinct path) from {paths} where {other}", db), (
            mine
        )
        got = ours(f'parquetfile "{tmp_path}/*.parquet" | search {mine} | sort limit=9 -u | fields u', session)
        assert got == theirs(f"select u from {paths} where {other} order by u desc nulls last limit 9", db), mine


def test_a_bound_keeps_the_order_of_ties(
    tmp_path: Path, session: cortado.Session, db: duckdb.DuckDBPyConnection
) -> None:
    """Groups are begun where the greatest values are, and rows of equal keys stay in the order of the file."""
    n = 5000
    rng = random.Random(9)
    keys = [rng.randrange(40) + (k // 500) % 7 for k in range(n)]
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"k": keys, "i": range(n)}), path, row_group_size=500)
    wanted = sorted(range(n), key=lambda i: (-keys[i], i))[:60]
    for _ in range(5):
        assert [i for _, i in ours(f'parquetfile "{path}" | sort limit=60 -k', session)] == wanted


@pytest.mark.parametrize("behind", ["stats count", "sort limit=1 -u | fields u", "fields u | sort limit=1 u"])
def test_notes_are_those_of_the_filter(file: Path, behind: str) -> None:
    """`!=` tells of the nulls that it leaves out: it is not asked below, and no row is kept from it."""
    told = []
    for way in WAYS:
        with cortado.connect(timezone="UTC", **way) as session:
            result = session.query(f'parquetfile "{file}" | search status != 404 and i > 10 | {behind}').run()
            rows = result.to_pylist()
            told.append((rows, [(n.reason, n.count) for n in result.notes]))
    assert all(one == told[0] for one in told)
