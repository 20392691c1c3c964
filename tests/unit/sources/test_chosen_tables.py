"""Rows of stored tables chosen where they are read: as of Parquet files, against DuckDB on the table's files.

The tables have files that lack a field, files of several commits, and files that another engine wrote.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake.transaction import AddAction

import cortado
from cortado.engine.storage import parquet as files

from .test_chosen_rows import PARTS, WAYS, check_filters, check_sorts, ours, table, theirs

TABLES = ("whole", "older files", "foreign", "other types")


def rows(seed: int, n: int, begin: int = 0) -> pa.Table:
    made = table(random.Random(seed), n)
    ids: Any = pa.array(range(begin, begin + n), pa.int64())
    moved = made.set_column(0, "i", ids)
    return moved.set_column(moved.schema.get_field_index("t"), "t", moved["t"].cast(pa.timestamp("us", "UTC")))


@pytest.fixture(scope="module", params=TABLES)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("db") / "database"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ROW_GROUP_ROWS", 400)
        with cortado.connect(folder, timezone="UTC") as session:
            make(session, folder, request.param)
            make_other(session)
    yield folder


def make(session: cortado.Session, folder: Path, kind: str) -> None:
    store = session.services().tables
    if kind == "whole":
        store.append("x", rows(1, 2100), create=True)
        store.append("x", rows(2, 300, 2100))
        return
    lacking = ["path", "void", "u"] if kind == "older files" else []
    store.append("x", rows(3, 900).drop_columns(lacking), create=True)
    store.append("x", rows(4, 1300, 900))
    where = str(folder / "tables" / "x")
    if kind == "foreign":
        rest = rows(5, 800, 2200)
        deltalake.write_deltalake(where, rest.set_column(7, "void", pa.nulls(800, pa.int64())), mode="append")
    if kind == "other types":
        add_file(where, rows(6, 700, 2200))


def make_other(session: cortado.Session) -> None:
    """A table `z` that lacks a field of `x`, has one in another type, and one more."""
    rest = rows(7, 900, 5000).drop_columns(["path"]).append_column("more", pa.array(range(900), pa.int64()))
    wide = rest.set_column(1, "status", rest["status"].cast(pa.float64()))
    session.services().tables.append("z", wide, create=True)


def add_file(where: str, rest: pa.Table) -> None:
    """A file whose widths and units are not the table's, as another engine may leave it."""
    kinds = {"status": pa.int64(), "t": pa.timestamp("ms", "UTC"), "path": pa.large_string(), "void": pa.int32()}
    for name, kind in kinds.items():
        rest = rest.set_column(rest.schema.get_field_index(name), name, rest[name].cast(kind))
    path = Path(where) / "other.parquet"
    pq.write_table(rest, path, row_group_size=300)
    known = deltalake.DeltaTable(where)
    action = AddAction("other.parquet", path.stat().st_size, {}, 4_000_000_000_000, data_change=True, stats="{}")
    known.create_write_transaction([action], "append", known.schema())


@pytest.fixture(params=range(len(WAYS)), ids=lambda i: "-".join(str(v) for v in WAYS[i].values()))
def session(request: pytest.FixtureRequest, database: Path) -> Iterator[cortado.Session]:
    with cortado.connect(database, timezone="UTC", **WAYS[request.param]) as made:
        yield made


@pytest.fixture
def db(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """With a view `x` of the rows, and `pair` of these and those of `z`."""
    with duckdb.connect() as made:
        made.execute("set threads = 1")
        made.execute("set timezone = 'UTC'")
        for name in ("x", "z"):
            paths = deltalake.DeltaTable(str(database / "tables" / name)).file_uris()
            read = f"read_parquet({paths}, union_by_name = true)"
            made.execute(f"create view {name} as select * replace (t::timestamp as t) from {read}")
        made.execute("create view pair as from x union all by name from z")
        yield made


FIELDS = "| fields i, status, u, f, path, text, t, void"  # other engines' order


def test_filters(session: cortado.Session, db: duckdb.DuckDBPyConnection, database: Path) -> None:
    check_filters("table x", "x", session, db, str(database), FIELDS)


@pytest.mark.parametrize("limit", [1, 200])
def test_sorts_with_a_limit(session: cortado.Session, db: duckdb.DuckDBPyConnection, limit: int) -> None:
    check_sorts("table x", "x", session, db, limit, FIELDS)


def test_several_tables(session: cortado.Session, db: duckdb.DuckDBPyConnection) -> None:
    """A filter goes to those whose fields are of the whole's types."""
    for mine, other in (*PARTS, ("more > 100 and i > 5100", "more > 100 and i > 5100")):
        got = ours(f"table x, z | search {mine} | fields i, path, more, u", session)
        assert got == theirs(f"select i, path, more, u from pair where {other} order by i", db), mine
        got = ours(f"table x, z | search {mine} | sort limit=9 -u | fields u, status", session)
        wanted = f"select u, status::double from pair where {other} order by u desc nulls last, i limit 9"
        assert got == theirs(wanted, db), mine


def test_rows_have_their_numbers(session: cortado.Session, db: duckdb.DuckDBPyConnection) -> None:
    """`_id` counts all rows of the table, also those that were not read."""
    got = ours('table meta=t x | search contains(path, "search") and status == 404 | fields i, _id, _table', session)
    wanted = theirs("select i from x where contains(path, 'search') and status = 404 order by i", db)
    assert got == [(i, i, "x") for (i,) in wanted]
    got = ours("table meta=t x | search _id >= 1000 and status == 404 | sort limit=3 -_id | fields i", session)
    assert got == theirs("select i from x where i >= 1000 and status = 404 order by i desc limit 3", db)


def test_notes_are_those_of_the_general_way(database: Path) -> None:
    told = []
    queries = (
        "search status != 404 and i > 10 | stats count",
        "search status == 404 | eval n = long(text) | stats count, sum(n)",
        "search u > 5 | sort limit=7 u | eval n = long(text)",
    )
    for way in WAYS:
        with cortado.connect(database, timezone="UTC", **way) as session:
            for query in queries:
                result = session.query(f"table x | {query}").run()
                notes = [(n.reason, n.count, [str(s) for s in n.samples]) for n in result.notes]
                told.append((query, result.to_pylist(), notes))
    assert all(one == told[i % len(queries)] for i, one in enumerate(told))


def test_other_columns_are_read_where_rows_survive(database: Path) -> None:
    """None does: of each row group the filter's column is read alone."""
    with cortado.connect(database, timezone="UTC", kernels="always", threads=1) as session:
        scan = session.query('table x | search text == "nothing" | stats sum(f) by i').run().stats.operators[0]
        read = int(re.findall(r"row_groups=(\d+) of", scan.detail)[0])
        assert f"columns={read} of {3 * read}" in scan.detail and "rows=0 of" in scan.detail
