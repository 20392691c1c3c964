"""`quarantine=TABLE`: what does not fit is kept as it lay in its file, in input order, and only where the query succeeds."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado
from cortado.engine.sources import quarantine
from tests.worlds import WORLDS

N = 200


@pytest.fixture(params=list(WORLDS))
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with cortado.connect(tmp_path / "db", timezone="UTC", **WORLDS[request.param]) as made:
        yield made


def kept(session: cortado.Session, table: str = "bad") -> list[dict[str, Any]]:
    return session.query(f"table {table}").run().to_pylist()


def damaged_lines(seed: int) -> list[bytes]:
    """Lines of `number,word`; some are short, long, of another kind, or no UTF-8."""
    draw = random.Random(seed)
    kinds = [b"%d,w", b"x%d,w", b"%d", b"%d,w,more", b"%d,\xff\xfe", b"%d,\xed\x95\x9c\xea\xb8\x80"]
    return [draw.choice(kinds) % i for i in range(N)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_csv_records_lie_where_the_table_says(session: Any, tmp_path: Path, end: bytes, packed: bool) -> None:
    lines = damaged_lines(1)
    whole = b"n,w" + end + b"".join(line + end for line in lines)
    path = tmp_path / ("x.csv.gz" if packed else "x.csv")
    path.write_bytes(gzip.compress(whole) if packed else whole)
    query = f'csvfile schema="n: long, w: string" bad=skip quarantine=bad "{path}" | fields n'
    result = session.query(query).run()
    rows = kept(session)
    assert len(result) + len(rows) == N  # records read = rows out + rows rejected
    assert len(rows) == sum(n.count for n in result.notes if n.kind == "drop")
    assert [r["line"] for r in rows] == sorted(r["line"] for r in rows)
    for row in rows:
        assert row["raw"] == lines[row["line"] - 2]
        assert whole[row["offset"] : row["offset"] + len(row["raw"])] == row["raw"]
        assert row["source"] == str(path)
    assert {(r["column"], r["reason"]) for r in rows} == {
        (None, "short"),
        (None, "surplus"),
        (None, "utf8"),
        ("n", "number"),
    }


def test_lines_and_objects_lie_where_the_table_says(session: Any, tmp_path: Path) -> None:
    lines = [b"\xff%d" % i if i % 3 else b'{"a": %d}' % i for i in range(N)]
    whole = b"\xef\xbb\xbf" + b"\n".join(lines)
    path = tmp_path / "x.log"
    path.write_bytes(whole)
    for command in ("textfile", "jsonfile"):
        result = session.query(f'{command} bad=skip quarantine=bad_{command} "{path}"').run()
        rows = kept(session, f"bad_{command}")
        assert len(result) + len(rows) == N
        for row in rows:
            assert row["raw"] == lines[row["line"] - 1]
            assert whole[row["offset"] : row["offset"] + len(row["raw"])] == row["raw"]


def test_one_json_array(session: Any, tmp_path: Path) -> None:
    whole = b'[{"a": 1},\n {"a": "x\xff"}, 7,\n{"a": 2}]'
    path = tmp_path / "x.json"
    path.write_bytes(whole)
    session.query(f'jsonfile schema="a: long" quarantine=bad "{path}"').run()
    rows = kept(session)
    assert [(r["line"], r["reason"], r["raw"]) for r in rows] == [
        (2, "utf8", b'{"a": "x\xff"}'),
        (2, "type", b'{"a": "x\xff"}'),
        (2, "json", b"7"),
    ]
    assert all(whole[r["offset"] : r["offset"] + len(r["raw"])] == r["raw"] for r in rows)


def test_records_of_many_lines_are_whole(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"# a\n  one\xff\n# b\n# c\n  \xfe\n")
    session.query(f'textfile brex="^#" quarantine=bad "{path}"').run()
    assert [(r["line"], r["raw"]) for r in kept(session)] == [(1, b"# a\n  one\xff"), (4, b"# c\n  \xfe")]


def test_another_encoding_keeps_the_text(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("n\n한\n2\n".encode("euc-kr"))
    session.query(f'csvfile cs=euc-kr schema="n: long" quarantine=bad "{path}"').run()
    (row,) = kept(session)
    assert row["raw"].decode() == "한" and row["offset"] is None and row["line"] == 2


def test_rows_of_arrow_files_have_numbers(session: Any, tmp_path: Path) -> None:
    table = pa.table({"n": pa.array([1, 2**63 + 1, 3, 2**64 - 1, None], pa.uint64()), "k": list("abcde")})
    for name in ("a.arrow", "b.arrow"):
        with pa.ipc.new_file(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    result = session.query(f'arrowfile quarantine=bad "{tmp_path}/*.arrow" | fields k').run()
    assert len(result) == 10
    found = [(Path(r["source"]).name, r["line"], r["column"], r["reason"], r["raw"]) for r in kept(session)]
    one = [(2, "n", "overflow", b"9223372036854775809"), (4, "n", "overflow", b"18446744073709551615")]
    assert found == [(name, *row) for name in ("a.arrow", "b.arrow") for row in one]


def test_a_query_that_fails_keeps_nothing(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n1\nx\n2\n")
    query = f'csvfile schema="n: long" quarantine=bad "{path}"'
    with pytest.raises(cortado.QueryError) as found:
        session.query(f"set option.strict = true | {query}").run()
    assert found.value.code == "E501" and "bad" not in session.tables()
    session.query(query).run()
    with pytest.raises(cortado.QueryError):
        session.query(f"{query} | outputcsv {path}").run()  # the file is there: E602
    assert len(kept(session)) == 1
    session.query(query).run()
    assert len(kept(session)) == 2  # tables grow


def test_the_table_is_made_where_nothing_is_refused(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n1\n")
    session.query(f'csvfile quarantine=bad "{path}"').run()
    assert kept(session) == [] and "bad" in session.tables()


def test_behind_a_limit_nothing_is_kept(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n" + "x\n" * 50)
    session.query(f'csvfile schema="n: long" quarantine=bad "{path}" | limit 3').run()
    assert [r["line"] for r in kept(session)] == [2, 3, 4]


@pytest.mark.parametrize(("threads", "batch_rows", "morsel_bytes"), [(1, 65536, 2 << 20), (4, 1, 3), (2, 3, 9)])
@pytest.mark.parametrize("bad", ["null", "skip"])
@pytest.mark.parametrize("limit", [1, 3, 6, 7])
def test_what_is_counted_is_kept(
    tmp_path: Path, threads: int, batch_rows: int, morsel_bytes: int, bad: str, limit: int
) -> None:
    """Behind a limit, too: the notes tell of the rows that the table has, at any thread count."""
    path = tmp_path / "x.csv"
    path.write_text("n\n1\n2\nx\n4\ny\n6\nz\nw\n9\n")
    with cortado.connect(tmp_path / "db", threads=threads, batch_rows=batch_rows, morsel_bytes=morsel_bytes) as session:
        result = session.query(f'csvfile schema="n: long" bad={bad} quarantine=bad "{path}" | limit {limit}').run()
        noted = [n for n in result.notes if n.reason == "number"]
        lines = [4, 6, 8, 9]
        last = [i for i, t in enumerate("12x4y6zw9", 2) if bad == "null" or t.isdigit()][:limit][-1]
        found = [r["line"] for r in kept(session)]
        assert found == [i for i in lines if i <= last]
        assert sum(n.count for n in noted) == len(found)
        assert [s.split("  ")[0].rsplit(":", 1)[1] for n in noted for s in n.samples] == [str(i) for i in found[:3]]


def test_both_sides_of_a_union_count_what_they_keep(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("n\n1\nx\ny\n")
    one = f'csvfile schema="n: long" quarantine=%s "{path}"'
    with cortado.connect(tmp_path / "db") as session:
        result = session.query(f"{one % 'a'} | union [ {one % 'b'} ] | limit 5").run()
        counts = {n.stage: n.count for n in result.notes if n.reason == "number"}
        assert counts == {"1": 2, "2.1": 1}
        assert [session.query(f"table {t} | stats count as n").run().to_pylist()[0]["n"] for t in "ab"] == [2, 1]


def test_what_does_not_fit_in_memory_goes_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "KEPT_BYTES", 1000)
    path = tmp_path / "x.csv"
    path.write_text("n\n" + "".join(f"x{i}\n" for i in range(5000)))
    with cortado.connect(tmp_path / "db", threads=4, batch_rows=7, morsel_bytes=500) as session:
        session.query(f'csvfile schema="n: long" quarantine=bad "{path}" | stats count').run()
        assert [r["raw"] for r in kept(session)] == [b"x%d" % i for i in range(5000)]
        assert not [f for f in session.spill_area().folder.iterdir() if f.is_file()]
