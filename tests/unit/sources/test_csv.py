"""`csvfile` against DuckDB, Polars and Python's csv on good files, and the corpus of bad ones."""

from __future__ import annotations

import bz2
import csv as python_csv
import datetime as dt
import gzip
import io
import lzma
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb as duckdb_module
import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.sources.csv import CsvFormat, CsvRelation, survey
from cortado.engine.sources.csvtext import Dialect, cut
from cortado.engine.sources.files import FileOptions, Input
from cortado.engine.sources.infer import BadSchema, declared
from cortado.engine.storage.paths import Gate
from cortado.planner.text import QueryError

from .reading import AT, Read, read

duckdb: Any = duckdb_module
HOW: list[dict[str, Any]] = [
    {},
    {"compiled": True},
    {"batch_rows": 1, "target": 5},
    {"batch_rows": 3, "target": 64, "compiled": True},
]


def relation(*paths: Path, form: CsvFormat | None = None, **options: Any) -> CsvRelation:
    form, chosen, gate = form or CsvFormat(), FileOptions(**options), Gate()
    inputs = [Input(gate, str(p), chosen.encoding) for p in paths]
    return CsvRelation(survey(inputs, form, chosen), form, chosen, str(paths[0]), AT)


def given(tmp_path: Path, data: bytes, name: str = "x.csv", form: CsvFormat | None = None, **options: Any) -> Read:
    """Reads the bytes in every way there is; all must agree."""
    path = tmp_path / name
    path.write_bytes(data)
    found = relation(path, form=form, **options)
    first, *others = [read(found, **how) for how in HOW]
    for other in others:
        assert other.table.equals(first.table)
        assert other.notes == first.notes
        assert other.samples == first.samples
    return first


def columns(got: Read) -> dict[str, str]:
    return {n: str(t) for n, t in got.schema.fields}


def test_types_are_recognised(tmp_path: Path) -> None:
    data = b"l,d,b,t,z,s,m\n1,1.5,true,2026-01-02,2026-01-02T03:04:05+09:00,x,1949-01\n-2,1e3,FALSE,2026-01-02 03:04:05,2026-01-02T03:04:05.5Z,,y\n"
    got = given(tmp_path, data)
    assert columns(got) == {
        "l": "long",
        "d": "double",
        "b": "bool",
        "t": "date",
        "z": "date",
        "s": "string",
        "m": "string",
    }
    second = got.rows[1]
    assert second["z"] == dt.datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=dt.UTC)
    assert second["s"] is None
    assert not got.notes


def test_zoneless_dates_are_in_the_zone_and_doubtful_ones_are_told(tmp_path: Path) -> None:
    got = given(tmp_path, b"t\n2026-03-08 02:30:00\n2026-07-01 12:00\n", zone="America/New_York")
    assert [r["t"].hour for r in got.rows] == [7, 16]
    assert got.notes == {("reject", "dst"): 1}


def test_empty_is_null_and_quoted_empty_is_text(tmp_path: Path) -> None:
    got = given(tmp_path, b'a,b\n"",1\n,2\n')
    assert got.rows == [{"a": "", "b": 1}, {"a": None, "b": 2}]


def test_quoted_numbers_are_numbers_and_quoted_nothing_is_null(tmp_path: Path) -> None:
    got = given(tmp_path, b'a\n"1"\n""\n"3"\n')
    assert [r["a"] for r in got.rows] == [1, None, 3]
    assert not got.notes


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(tmp_path: Path, end: bytes, last: bool) -> None:
    data = end.join([b"a,b", b"1,x", b'2,"y' + end + b'z"', b"3,w"]) + (end if last else b"")
    got = given(tmp_path, data)
    assert [r["a"] for r in got.rows] == [1, 2, 3]
    assert got.rows[1]["b"] == "y" + end.decode() + "z"


def test_mixed_line_ends(tmp_path: Path) -> None:
    assert [r["a"] for r in given(tmp_path, b"a\r\n1\n2\r3\r\n4").rows] == [1, 2, 3, 4]


def test_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert given(tmp_path, b"\xef\xbb\xbfa\n1\n").rows == [{"a": 1}]


@pytest.mark.parametrize(("codec", "named"), [("utf-16", "utf-16"), ("utf-16-be", "utf-16"), ("utf-32", "utf-32")])
def test_other_unicode_encodings_are_named_and_can_be_read(tmp_path: Path, codec: str, named: str) -> None:
    mark = "" if codec in ("utf-16", "utf-32") else "\ufeff"
    data = (mark + "이름,n\n매출,1\n").encode(codec)
    with pytest.raises(QueryError) as found:
        given(tmp_path, data)
    assert found.value.code == "E605"
    assert f"cs={named}" in found.value.hint
    assert given(tmp_path, data, encoding=named).rows == [{"이름": "매출", "n": 1}]


def test_korean_code_page(tmp_path: Path) -> None:
    assert given(tmp_path, "이름\n가나다\n".encode("cp949"), encoding="cp949").rows == [{"이름": "가나다"}]


def test_names_blank_and_repeated(tmp_path: Path) -> None:
    assert list(columns(given(tmp_path, b"a,,a,a\n1,2,3,4\n"))) == ["a", "column1", "a_2", "a_3"]


def test_header_off(tmp_path: Path) -> None:
    got = given(tmp_path, b"1,x\n2,y,z\n", form=CsvFormat(header=False))
    assert got.rows == [{"column0": 1, "column1": "x", "column2": None}, {"column0": 2, "column1": "y", "column2": "z"}]


def test_short_and_long_records_are_told_with_their_lines(tmp_path: Path) -> None:
    got = given(tmp_path, b"a,b\n1,x\n2\n3,y,z\n4,w\n")
    assert [r["b"] for r in got.rows] == ["x", None, "y", "w"]
    assert got.notes == {("reject", "short"): 1, ("reject", "surplus"): 1}
    assert got.samples["reject", "short"] == [f"{tmp_path}/x.csv:3  2"]
    assert got.samples["reject", "surplus"] == [f"{tmp_path}/x.csv:4  3,y,z"]


def test_rest_keeps_surplus_cells(tmp_path: Path) -> None:
    got = given(tmp_path, b'a\n1\n2,"x,y",z\n3,\n', form=CsvFormat(rest=True))
    assert [r["_rest"] for r in got.rows] == [None, [("column1", "x,y"), ("column2", "z")], [("column1", None)]]
    assert not got.notes


def test_maxcol(tmp_path: Path) -> None:
    got = given(tmp_path, b"a,b,c\n1,2,3\n", form=CsvFormat(maxcol=2))
    assert got.rows == [{"a": 1, "b": 2}]
    assert got.notes == {("reject", "surplus"): 1}


LATE = b"n,t,s\n1,2026-01-01,a\n2,2026-01-02,b\nx,2026-13-01,c\n9999999999999999999,2026-01-04,d\n5,never,e\n"


def test_late_misfits_are_null_and_told(tmp_path: Path) -> None:
    got = given(tmp_path, LATE, infer=2)
    assert [r["n"] for r in got.rows] == [1, 2, None, None, 5]
    assert [r["t"] is None for r in got.rows] == [False, False, True, False, True]
    assert got.notes == {("reject", "number"): 1, ("reject", "overflow"): 1, ("reject", "date"): 2}
    assert got.samples["reject", "date"] == [f"{tmp_path}/x.csv:4  2026-13-01", f"{tmp_path}/x.csv:6  never"]


def test_skip_leaves_each_bad_record_out_once(tmp_path: Path) -> None:
    got = given(tmp_path, LATE, infer=2, bad="skip")
    assert [r["s"] for r in got.rows] == ["a", "b", "d"] or [r["s"] for r in got.rows] == ["a", "b"]
    dropped = sum(n for (kind, _), n in got.notes.items() if kind == "drop")
    assert len(got.rows) + dropped == 5


def test_fail_raises_the_first_in_input_order(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"n\n" + b"1\n" * 5000 + b"x\n" + b"2\n" * 5000 + b"y\n")
    ways: list[dict[str, Any]] = [{"threads": 4, "morsel_bytes": 1000}, {"threads": 1, "batch_rows": 7}]
    for way in ways:
        with cortado.connect(**way) as session, pytest.raises(QueryError) as found:
            session.query(f"csvfile bad=fail infer=10 {tmp_path}/x.csv").run()
    assert found.value.code == "E501"
    assert found.value.samples == (f"{tmp_path}/x.csv:5002  x",)


def test_declared_types_hold(tmp_path: Path) -> None:
    got = given(tmp_path, b"a,b\n007,2026-01-01\n70000,x\n", declared=declared("a: string, b: date, c: long"))
    assert columns(got) == {"a": "string", "b": "date", "c": "long"}
    assert [r["a"] for r in got.rows] == ["007", "70000"]
    assert got.notes == {("reject", "date"): 1}
    assert given(tmp_path, b"a\n1\n70000\n", declared=declared("a: short")).notes == {("reject", "overflow"): 1}


@pytest.mark.parametrize("text", ["a", "a: nothing", "a: long, a: long", ": long"])
def test_a_bad_schema_is_refused(text: str) -> None:
    with pytest.raises(BadSchema):
        declared(text)


def test_an_empty_file_needs_a_schema(tmp_path: Path) -> None:
    for data in (b"", b"\n\n", b"\xef\xbb\xbf"):
        with pytest.raises(QueryError) as found:
            given(tmp_path, data)
        assert found.value.code == "E605"
        got = given(tmp_path, data, declared=declared("a: long"))
        assert (columns(got), got.rows) == ({"a": "long"}, [])


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    got = given(tmp_path, b"a,b\n")
    assert (columns(got), got.rows) == ({"a": "string", "b": "string"}, [])


def test_invalid_utf8_is_replaced_and_told(tmp_path: Path) -> None:
    got = given(tmp_path, b"a,b\nok,1\n\xff\xfe,2\nx\xef\xbf\xbd,3\n", infer=1)
    assert [r["a"] for r in got.rows] == ["ok", "\ufffd\ufffd", "x\ufffd"]
    assert got.notes == {("reject", "utf8"): 1}
    assert got.samples["reject", "utf8"] == [f"{tmp_path}/x.csv:3  \ufffd\ufffd,2"]


def test_invalid_utf8_in_the_header_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="header"):
        given(tmp_path, b"a\xff,b\n1,2\n")


def test_nul_bytes_are_kept(tmp_path: Path) -> None:
    assert given(tmp_path, b"a\nx\0y\n").rows == [{"a": "x\0y"}]


def test_blank_lines_are_no_records_but_nulls_of_one_column(tmp_path: Path) -> None:
    assert len(given(tmp_path, b"a,b\n\n1,2\n\n\n3,4\n").rows) == 2
    assert [r["a"] for r in given(tmp_path, b"a\n1\n\n2\n").rows] == [1, None, 2]


def test_line_numbers_count_lines_in_quotes(tmp_path: Path) -> None:
    got = given(tmp_path, b'a,n\n"x\ny",1\n\nz,bad\n', infer=1)
    assert got.samples["reject", "number"] == [f"{tmp_path}/x.csv:5  bad"]


def test_a_very_long_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,short\n2," + b"x" * (20 << 20) + b"\n3,last\n")
    for compiled in (False, True):
        got = read(relation(path, infer=1), fields=["a", "b"], compiled=compiled, target=1 << 20).table
        assert got["a"].to_pylist() == [1, 2, 3]
        assert len(got["b"][1].as_py()) == 20 << 20


def test_stray_quotes_are_text(tmp_path: Path) -> None:
    got = given(tmp_path, b'a,b\n5" disk,"x"y\n"p ""q"" r",s\n')
    assert got.rows == [{"a": '5" disk', "b": "xy"}, {"a": 'p "q" r', "b": "s"}]


def test_strict_refuses_stray_quotes(tmp_path: Path) -> None:
    form = CsvFormat(dialect=Dialect(strict=True))
    got = given(tmp_path, b'a,b\n5" disk,x\n"p ""q"" r",s\n"x"y,z\n', form=form)
    assert [r["a"] for r in got.rows] == [None, 'p "q" r', None]
    assert got.notes == {("reject", "quotes"): 2}


def test_an_unclosed_quote_takes_no_rows_away(tmp_path: Path) -> None:
    got = given(tmp_path, b'a,b\n"open,1\nx,2\ny,3\n')
    assert [r["b"] for r in got.rows] == [1, 2, 3]
    assert got.rows[0]["a"] == '"open'
    assert got.notes == {("reject", "quotes"): 1}


def test_packed_files(tmp_path: Path) -> None:
    data = b"a,b\n" + b"".join(b"%d,x%d\n" % (i, i) for i in range(200))
    plain = given(tmp_path, data)
    zst = pa.BufferOutputStream()
    with pa.CompressedOutputStream(zst, "zstd") as out:
        out.write(data)
    for suffix, packed in (
        (".gz", gzip.compress(data)),
        (".bz2", bz2.compress(data)),
        (".xz", lzma.compress(data)),
        (".zst", zst.getvalue().to_pybytes()),
    ):
        assert given(tmp_path, packed, f"x.csv{suffix}").table.equals(plain.table)


def test_a_cut_gzip_gives_its_good_rows_then_an_error(tmp_path: Path) -> None:
    random.seed(1)
    data = b"a,b\n" + b"".join(b"%d,%d\n" % (i, random.getrandbits(60)) for i in range(200_000))
    packed = gzip.compress(data)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    source = relation(path)
    from cortado.planner.catalog import ScanRequest

    from .reading import context

    rows, ctx = 0, context()
    with pytest.raises(QueryError) as found:
        for part in source.scan(ScanRequest()).partitions(1 << 20):
            for batch in part.batches(ctx):
                rows += batch.n_rows
    assert found.value.code == "E605"
    assert rows > 10_000
    assert f"{rows} records before that are good" in found.value.message


def test_files_are_joined_by_name(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,x\n")
    (tmp_path / "2.csv").write_bytes(b"b,c\ny,2.5\n")
    got = read(relation(tmp_path / "1.csv", tmp_path / "2.csv"))
    file = [f"{tmp_path}/1.csv", f"{tmp_path}/2.csv"]
    assert got.rows == [
        {"a": 1, "b": "x", "c": None, "_file": file[0]},
        {"a": None, "b": "y", "c": 2.5, "_file": file[1]},
    ]


def test_notes_name_the_file_and_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"n\n1\n2\n")
    (tmp_path / "2.csv").write_bytes(b"n\n3\nx\n")
    got = read(relation(tmp_path / "1.csv", tmp_path / "2.csv", infer=2))
    assert got.samples["reject", "number"] == [f"{tmp_path}/2.csv:3  x"]


def test_row_time_from_dates_text_and_numbers(tmp_path: Path) -> None:
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for cell in ("2026-01-01", str(int(day.timestamp())), str(int(day.timestamp()) * 1000)):
        got = given(tmp_path, b"t,x\n" + cell.encode() + b",1\n", time="t")
        assert got.rows[0]["_time"] == day
    got = given(tmp_path, b"t,x\n2026-01-01,1\nsoon,2\n", time="t")
    assert [r["_time"] for r in got.rows] == [day, None]
    assert got.notes == {("reject", "date"): 1}


def test_only_wanted_fields_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b,c\n1,x,2026-01-01\n")
    assert read(relation(path), fields=["c", "a"]).rows == [{"c": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "a": 1}]
    assert read(relation(path), fields=[]).table.num_rows == 1


def test_types_off_keeps_text(tmp_path: Path) -> None:
    assert given(tmp_path, b"a\n007\n", form=CsvFormat(typed=False)).rows == [{"a": "007"}]


def test_a_mostly_numeric_text_column_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,x\n2,y\n-,7\n")
    form, options = CsvFormat(), FileOptions()
    found = survey([Input(Gate(), str(path))], form, options)
    assert found.mixed == {"a": {"long": 2, "text": 1}}


def test_standard_input_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(b"a\n" + b"1\n" * 100_000)

    monkeypatch.setattr("sys.stdin", Stdin)
    gate = Gate()
    form, options = CsvFormat(), FileOptions(infer=10)
    found = CsvRelation(survey([Input(gate, "-")], form, options), form, options, "-", AT)
    assert read(found).table["a"].to_pylist() == [1] * 100_000
    with pytest.raises(QueryError) as second:
        read(found)
    assert second.value.code == "E604"


def cells_of(data: bytes, *, final: bool, compiled: bool) -> list[list[bytes]]:
    padded = np.zeros(len(data) + 128, np.uint8)
    padded[64 : 64 + len(data)] = np.frombuffer(data, np.uint8)
    found = cut(padded, 64, 64 + len(data), Dialect(), final=final, keep_blank=False, compiled=compiled)
    if found.unclosed:
        return [[b"unclosed"]]
    first = found.first.tolist()
    return [[padded[found.start[i] : found.stop[i]].tobytes() for i in range(a, b)] for a, b in pairwise(first)]


def test_cells_are_those_of_pythons_csv() -> None:
    """Random bytes from the alphabet of the format; the compiled machine, the general one and Python agree."""
    chosen = random.Random(7)
    checked = 0
    for _ in range(1500):
        data = bytes(chosen.choice(b'a,"\n"\r,x') for _ in range(chosen.randint(0, 14)))
        whole = cells_of(data, final=True, compiled=False)
        assert whole == cells_of(data, final=True, compiled=True)
        assert cells_of(data, final=False, compiled=False) == cells_of(data, final=False, compiled=True)
        if whole == [[b"unclosed"]]:
            continue
        wanted = [row for row in python_csv.reader(io.StringIO(data.decode(), newline="")) if row]
        got = [
            [
                next(python_csv.reader(io.StringIO(c.decode() + ",", newline="")))[0] if c[:1] == b'"' else c.decode()
                for c in row
            ]
            for row in whole
        ]
        assert got == wanted, data
        checked += 1
    assert checked > 700


def random_csv(chosen: random.Random, n: int) -> bytes:
    def text() -> str:
        return "".join(
            chosen.choice(["a", "b", ",", '"', "\n", " ", "é", "한", "\r\n"]) for _ in range(chosen.randint(1, 8))
        )

    out = io.StringIO(newline="")
    writer = python_csv.writer(out, lineterminator=chosen.choice(["\n", "\r\n"]))
    writer.writerow(["i", "f", "s", "d"])
    for k in range(n):
        day = f"2026-{chosen.randint(1, 12):02d}-{chosen.randint(1, 28):02d}"
        writer.writerow([chosen.randint(-(10**12), 10**12) if k % 7 else "", chosen.uniform(-1e6, 1e6), text(), day])
    return out.getvalue().encode()


@pytest.mark.parametrize("seed", range(2))
def test_good_files_read_as_duckdb_reads_them(tmp_path: Path, seed: int) -> None:
    data = random_csv(random.Random(seed), 150)
    got = given(tmp_path, data)
    path = tmp_path / "x.csv"
    types = "{'i':'BIGINT','f':'DOUBLE','s':'VARCHAR','d':'DATE'}"
    wanted = (
        duckdb.sql(
            f"select * from read_csv('{path}', columns={types}, header=true, quote='\"', escape='\"', new_line='\\n')"
        ).fetchall()
        if b"\r\n" not in data
        else None
    )
    rows = [(r["i"], r["f"], r["s"], r["d"].date()) for r in got.rows]
    if wanted is not None:
        assert rows == wanted
    oracle = list(python_csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    assert [(str(i) if i is not None else "", f, s) for i, f, s, _ in rows] == [
        (a, float(b), c) for a, b, c, _ in oracle
    ]


def test_any_range_size_gives_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(random_csv(random.Random(11), 60))
    found = relation(path)
    first = read(found).table
    for target in (1, 2, 3, 7, 20, 33):
        assert read(found, target=target).table.equals(first)


def test_records_read_are_rows_out_and_rows_dropped(tmp_path: Path) -> None:
    """The law, on files broken at random."""
    chosen = random.Random(3)
    for _ in range(20):
        lines = []
        for _ in range(chosen.randint(1, 30)):
            cells = [
                chosen.choice(["1", "x", "", "2.5", "\xff", "9" * 25]) for _ in range(chosen.choice([1, 2, 2, 2, 3]))
            ]
            lines.append(",".join(cells))
        data = ("a,b\n1,1\n" + "\n".join(lines) + "\n").encode("latin-1")
        records = 1 + sum(1 for line in lines if line)
        kept = given(tmp_path, data, infer=1)
        assert len(kept.rows) == records
        skipped = given(tmp_path, data, infer=1, bad="skip")
        assert len(skipped.rows) + sum(n for (kind, _), n in skipped.notes.items() if kind == "drop") == records
        assert (len(skipped.rows) < records) == any(reason != "dst" for _, reason in kept.notes)


def test_ranges_of_broken_files_agree(tmp_path: Path) -> None:
    """Where a range begins may not change what a stray or unclosed quote does."""
    chosen, path = random.Random(9), tmp_path / "x.csv"
    for _ in range(150):
        path.write_bytes(b"a,b\n" + bytes(chosen.choice(b'a,"\n"\r,x\n') for _ in range(chosen.randint(0, 60))))
        found = relation(path, form=CsvFormat(typed=False))
        whole = read(found)
        for target in (1, 3, 9):
            part = read(found, target=target)
            assert part.table.equals(whole.table), path.read_bytes()
            assert part.samples == whole.samples, path.read_bytes()


def test_more_files_than_may_be_open(tmp_path: Path) -> None:
    """Each of the readers of plain files, in a process that may hold few descriptors."""
    for i in range(300):
        (tmp_path / f"{i:03}.csv").write_text(f"a\n{i}\n")
        (tmp_path / f"{i:03}.json").write_text(f'{{"a":{i}}}\n')
    script = (
        "import cortado, resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))\n"
        "for source in ('csvfile *.csv', 'jsonfile *.json'):\n"
        "    print(cortado.query(source + ' | stats count, sum(a) as s').to_pylist())\n"
        "print(cortado.query('textfile *.csv | stats count').to_pylist())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [*["[{'count': 300, 's': 44850}]"] * 2, "[{'count': 600}]"], done.stderr
