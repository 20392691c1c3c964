"""`zipfile`: entries of every kind, and archives that are damaged, encrypted or out of proportion."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado
from cortado.planner.text import QueryError

from .test_wav import wav


@pytest.fixture
def session(tmp_path: Path) -> Any:
    with cortado.connect(tmp_path / "db", threads=2, timezone="UTC") as made:
        yield made


def archive(path: Path, *, how: int = zipfile.ZIP_DEFLATED, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", how) as made:
        for name, raw in entries.items():
            made.writestr(name.replace("__", "."), raw)
    return path


def code(session: Any, query: str) -> tuple[str, str]:
    with pytest.raises(QueryError) as found:
        session.query(query).run()
    return found.value.code, found.value.message


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_kind_of_entry(session: Any, tmp_path: Path, how: int) -> None:
    table = pa.table({"a": [1, 2], "s": ["x", "y"]})
    parquet, arrow, stream = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    csv = b"a,s\n1,x\n2,y\n"
    path = archive(
        tmp_path / "x.zip", how=how, t__csv=csv, t__tsv=csv.replace(b",", b"\t"), t__csv__gz=gzip.compress(csv), t__json=b'[{"a":1,"s":"x"},{"a":2,"s":"y"}]',
        t__parquet=parquet.getvalue(), t__arrow=arrow.getvalue(), t__arrows=stream.getvalue(), t__wav=wav(b"\1\0\2\0"), t__log=b"1\n2\n",
    )  # fmt: skip
    wanted = table.to_pylist()
    for name in ("t.csv", "t.csv.gz", "t.json", "t.parquet", "t.arrow", "t.arrows"):
        assert session.query(f'zipfile "{path}" {name}').run().to_pylist() == wanted, name
        assert session.query(f'zipfile "{path}" {name} | search a > 1 | fields s').run().to_pylist() == [{"s": "y"}], (
            name
        )
    assert session.query(f'zipfile tab=t "{path}" t.tsv').run().to_pylist() == wanted
    assert session.query(f'zipfile raw=t "{path}" t.wav | fields ch0').run().to_pylist() == [{"ch0": 1}, {"ch0": 2}]
    assert session.query(f'zipfile "{path}" t.log | fields line').run().to_pylist() == [{"line": "1"}, {"line": "2"}]


def test_a_long_entry_in_parts(session: Any, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", a__csv=b"n\n" + b"".join(b"%d\n" % i for i in range(500_000)))
    rows = session.query(f'zipfile "{path}" a.csv | stats count, sum(n) as s').run().to_pylist()
    assert rows == [{"count": 500_000, "s": 124_999_750_000}]
    assert len(session.query(f'zipfile "{path}" a.csv | limit 3').run()) == 3


def test_damage(session: Any, tmp_path: Path) -> None:
    raw = b"".join(b"line %d\n" % i for i in range(20_000))
    path = archive(tmp_path / "x.zip", how=zipfile.ZIP_STORED, a__log=raw)
    whole = path.read_bytes()
    at = whole.index(b"line 15000")
    path.write_bytes(whole[:at] + b"L" + whole[at + 1 :])  # its checksum is another by now
    assert code(session, f'zipfile "{path}" a.log | stats count')[0] == "E605"
    assert len(session.query(f'zipfile "{path}" a.log | limit 10').run()) == 10
    for end in range(0, len(whole), len(whole) // 7):
        path.write_bytes(whole[:end])
        assert code(session, f'zipfile "{path}" a.log | stats count')[0] == "E605"
    small = archive(tmp_path / "y.zip", a__log=b"one\ntwo\n").read_bytes()
    for i in range(len(small)):
        path.write_bytes(small[:i] + bytes([small[i] ^ 255]) + small[i + 1 :])
        try:
            result = session.query(f'zipfile "{path}" a.log | fields line').run()
        except QueryError as why:
            assert why.code in ("E605", "E601", "E701"), (i, str(why))
        else:
            assert result.to_pylist() == [{"line": "one"}, {"line": "two"}], i


def test_a_bomb(session: Any, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", a__log=bytes(100 << 20))
    assert code(session, f'zipfile "{path}" a.log | stats count')[0] == "E701"


def test_an_encrypted_entry(session: Any, tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", a__log=b"x\n")
    raw = bytearray(path.read_bytes())
    for mark, flag in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        raw[raw.index(mark) + flag] |= 1
    path.write_bytes(bytes(raw))
    found, said = code(session, f'zipfile "{path}" a.log')
    assert found == "E605" and "encrypted" in said


def test_only_below_the_roots(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", a__log=b"x\n")
    with cortado.connect(safe=True, files=[tmp_path / "other"]) as session:
        assert code(session, f'zipfile "{path}" a.log')[0] == "E705"
    with cortado.connect(safe=True, files=[tmp_path]) as session:
        assert len(session.query(f'zipfile "{path}" a.log').run()) == 1


def test_canonical_text(session: Any, tmp_path: Path) -> None:
    path = archive(tmp_path / "my logs.zip", a__csv=b"n\n1\n2\n")
    query = session.query(f'zipfile limit=1 header=t "{path}" a.csv | search n > 0')
    again = session.query(query.canonical())
    assert again.canonical() == query.canonical() and again.run().to_pylist() == query.run().to_pylist()
