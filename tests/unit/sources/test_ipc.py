"""`arrowfile` against pyarrow's own reader: types, compression, dictionaries, streams in a row, standard input, damage."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado
from cortado.planner.text import QueryError
from tests.worlds import WORLDS

A: Any = pa
INNER = A.struct([("x", pa.int32()), ("y", A.list_(pa.string()))])
N = 10


def table() -> pa.Table:
    moment = dt.datetime(2026, 1, 1)
    made: pa.Table = A.table(
        {
            "i8": A.array([None, *range(N - 1)], pa.int8()),
            "f16": A.array([1.5] * N, pa.float16()),
            "coded": A.array(["a", None] * 5).dictionary_encode(),
            "view": A.array(["longer than twelve bytes", None] * 5, pa.string_view()),
            "large": A.array(["한글"] * N, pa.large_string()),
            "decimal": [decimal.Decimal("1.25")] * N,
            "day": A.array([dt.date(2026, 1, 1)] * N),
            "ms": A.array([moment] * N, pa.timestamp("ms", "UTC")),
            "seconds": A.array([5] * N, pa.duration("s")),
            "list": [[1, 2], None] * 5,
            "map": A.array([[("k", 1)]] * N, A.map_(pa.string(), pa.int64())),
            "struct": A.array([{"x": 1, "y": ["q"]}] * N, INNER),
            "bytes": A.array([b"\x00\xff"] * N, pa.binary()),
            "flag": [True, None] * 5,
            "none": pa.nulls(N),
            "runs": A.RunEndEncodedArray.from_arrays([5, 10], ["p", "q"]),
            "coded_list": A.array([["a", "b"]] * N, A.list_(A.dictionary(pa.int32(), pa.string()))),
        }
    )
    return made


def packed(found: pa.Table, kind: str, *, rows: int = 3, codec: str | None = None) -> bytes:
    out = io.BytesIO()
    options = A.ipc.IpcWriteOptions(compression=codec, unify_dictionaries=kind == "file")
    make = A.ipc.new_file if kind == "file" else A.ipc.new_stream
    with make(out, found.schema, options=options) as writer:
        writer.write_table(found, max_chunksize=rows)
    return out.getvalue()


@pytest.fixture(params=["plain", "rows1", "threads", "large"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with cortado.connect(tmp_path / "db", **{**WORLDS[request.param], "timezone": "UTC"}) as made:
        yield made


@pytest.mark.parametrize("codec", [None, "lz4", "zstd"])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_every_type_as_the_table_itself(session: Any, tmp_path: Path, kind: str, codec: str | None) -> None:
    path, whole = tmp_path / "x.arrow", table()
    path.write_bytes(packed(whole, kind, codec=codec))
    wanted = session.query("table t", t=whole).run().to_pylist()
    assert session.query(f'arrowfile "{path}"').run().to_pylist() == wanted
    for name in whole.column_names:
        got = session.query(f'arrowfile "{path}" | fields {name}').run().to_pylist()
        assert got == [{name: row[name]} for row in wanted], name
    assert session.query(f'arrowfile "{path}" | stats count').run().to_pylist() == [{"count": N}]


def test_dictionaries_that_grow_and_change(session: Any, tmp_path: Path) -> None:
    parts = [A.array(v).dictionary_encode() for v in (["a", "b"], ["b", "c", None], ["d"], ["a"])]
    whole = A.table({"s": A.chunked_array(parts), "n": range(7)})
    for deltas in (False, True):
        path = tmp_path / "x.arrows"
        with A.ipc.new_stream(
            str(path), whole.schema, options=A.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        ) as writer:
            for batch in whole.to_batches():
                writer.write_batch(batch)
        got = session.query(f'arrowfile "{path}"').run().to_pylist()
        assert [r["s"] for r in got] == ["a", "b", "b", "c", None, "d", "a"]


def test_streams_in_a_row_are_one(session: Any, tmp_path: Path) -> None:
    path, one = tmp_path / "x.arrows", packed(table().select(["i8"]), "stream")
    path.write_bytes(one + one)
    assert len(session.query(f'arrowfile "{path}"').run()) == 2 * N
    path.write_bytes(one + packed(table().select(["flag"]), "stream"))
    with pytest.raises(QueryError, match=r"behind row 10: another stream follows"):
        session.query(f'arrowfile "{path}"').run()


def test_a_stream_without_its_end_mark_is_noted(session: Any, tmp_path: Path) -> None:
    path, one = tmp_path / "x.arrows", packed(table().select(["i8"]), "stream")
    path.write_bytes(one[:-8])
    result = session.query(f'arrowfile "{path}" | stats count').run()
    assert result.to_pylist() == [{"count": N}]
    assert [(n.kind, n.reason) for n in result.notes] == [("info", "the stream has no end mark: it may be cut off")]


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_packed_files(session: Any, tmp_path: Path, kind: str) -> None:
    path, whole = tmp_path / "x.arrow.gz", packed(table(), kind)
    path.write_bytes(gzip.compress(whole))
    assert session.query(f'arrowfile "{path}" | stats count(coded) as n').run().to_pylist() == [{"n": 5}]
    path.write_bytes(gzip.compress(whole)[:-30])
    with pytest.raises(QueryError) as found:
        session.query(f'arrowfile "{path}" | stats count').run()
    assert found.value.code == "E605"


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("pack", [False, True])
def test_standard_input(kind: str, pack: bool) -> None:
    raw = packed(table(), kind)
    query = "arrowfile - | stats count, count(coded) as n, max(large) as l"
    done = subprocess.run(
        [sys.executable, "-m", "cortado.repl", "-c", query],
        input=gzip.compress(raw) if pack else raw,
        capture_output=True,
    )
    assert done.stdout.decode().splitlines()[-1] == "10,5,한글", done.stderr.decode()


def test_a_column_name_that_is_there_twice(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    twice = A.table([A.array([1]), A.array(["x"])], names=["a", "a"])
    path.write_bytes(packed(twice, "file"))
    result = session.query(f'arrowfile "{path}" | search a_2 == "x"').run()
    assert result.to_pylist() == [{"a": 1, "a_2": "x"}]
    assert [n.reason for n in result.notes] == ["a column name is there twice: the later one is 'a_2'"]


def test_small_record_batches_are_joined(tmp_path: Path) -> None:
    whole = A.table({"n": range(20_000), "s": A.array([str(i % 7) for i in range(20_000)]).dictionary_encode()})
    path = tmp_path / "x.arrow"
    path.write_bytes(packed(whole, "file", rows=10))
    with cortado.connect(threads=2) as session:
        result = session.query(f'arrowfile "{path}" | stats sum(n) as n, dc(s) as s').run()
        assert result.to_pylist() == [{"n": 199_990_000, "s": 7}]
        assert result.stats.operators[0].batches < 100


def test_a_file_that_was_replaced_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.arrow"
    path.write_bytes(packed(table(), "file"))
    with cortado.connect() as session:
        query = session.query(f'arrowfile "{path}" | fields i8')
        path.write_bytes(packed(table(), "file", rows=5))
        with pytest.raises(QueryError) as found:
            query.run()
        assert found.value.code == "E605" and "replaced" in found.value.message


DAMAGE = """
import sys, cortado
from pathlib import Path
path, whole = Path(sys.argv[1]), Path(sys.argv[1] + ".whole").read_bytes()
n = 0
with cortado.connect(threads=2, timezone="UTC") as session:
    for at in range(int(sys.argv[2]), len(whole), int(sys.argv[3])):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ int(sys.argv[4])]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            try:
                session.query(f'arrowfile "{path}"').run()
            except cortado.QueryError as why:
                assert why.code in ("E605", "E701"), (at, why.code, why.message)
            n += 1
print("done", n)
"""


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("codec", [None, "lz4"])
def test_damage_anywhere_is_an_error_or_other_rows(tmp_path: Path, kind: str, codec: str | None) -> None:
    """In a process of its own: what Arrow does not check would end it."""
    path = tmp_path / "x.arrow"
    small = table().select(["i8", "coded", "view", "list", "struct", "flag", "runs"]).slice(0, 4)
    Path(f"{path}.whole").write_bytes(packed(small, kind, rows=2, codec=codec))
    draw = random.Random(f"{kind} {codec}")
    first, bit = draw.randrange(5), draw.choice([1, 4, 64, 128])
    done = subprocess.run(
        [sys.executable, "-c", DAMAGE, str(path), str(first), "5", str(bit)], capture_output=True, text=True
    )
    assert done.stdout.startswith("done"), (bit, done.returncode, done.stderr[-2000:])
