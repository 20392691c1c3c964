"""Packed files and Parquet cut or flipped anywhere: all rows, or a clear error; never a fault of ours and no silent loss."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado

from .damage import bitten, same_everywhere, seen
from .rounds import draws, rounds

Sessions = dict[str, cortado.Session]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
}  # fmt: skip
N = 40
FILES = {
    "log": ("textfile", b"".join(b"line %d\n" % i for i in range(N))),
    "csv": ("csvfile", b"a,b\n" + b"".join(b"%d,x\n" % i for i in range(N))),
    "json": ("jsonfile", b"".join(b'{"a":%d}\n' % i for i in range(N))),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kind", FILES)
def test_a_packed_file_cut_anywhere_is_an_error(ways: Sessions, tmp_path: Path, kind: str, packer: str) -> None:
    command, raw = FILES[kind]
    path, packed = tmp_path / f"x.{kind}.{packer}", PACKERS[packer](raw)
    for end in range(1, len(packed), 1 + len(packed) // 12):
        path.write_bytes(packed[:end])
        assert seen(ways["general"], f"{command} {path} | stats count")[0] == "E605", end
    path.write_bytes(packed + packed)
    assert seen(ways["general"], f"{command} {path} | stats count")[1] in ([("80",)], [("81",)])  # two files in one
    path.write_bytes(packed + b"garbage!")
    assert seen(ways["general"], f"{command} {path} | stats count")[0] == "E605"


def test_packed_files_with_faults_are_read_alike(ways: Sessions, tmp_path: Path) -> None:
    draw = draws("packed")
    for _ in rounds(40):
        kind, packer = draw.choice(list(FILES)), draw.choice(list(PACKERS))
        command, raw = FILES[kind]
        path = tmp_path / f"x.{kind}.{packer}"
        path.write_bytes(bitten(draw, PACKERS[packer](raw)))
        same_everywhere(ways, f"{command} {path}" + (" | fields line" if kind == "log" else ""), path)


def test_parquet_with_faults_is_read_or_refused(ways: Sessions, tmp_path: Path) -> None:
    draw, path = draws("parquet"), tmp_path / "x.parquet"
    for _ in rounds(60):
        n = draw.choice([1, 5, 300])
        times = [dt.datetime(2026, 1, 1) + dt.timedelta(minutes=i) for i in range(n)]
        table = pa.table({"a": list(range(n)), "b": [draw.choice(["x", "yy", None]) for _ in range(n)], "c": [draw.random() for _ in range(n)],
                          "d": pa.array(times, pa.timestamp("us", "UTC")), "l": [[1, 2]] * n})  # fmt: skip
        out = io.BytesIO()
        codec: Any = draw.choice(["zstd", "snappy", "none", "gzip"])
        pq.write_table(table, out, compression=codec, row_group_size=draw.choice([7, 1000]), write_page_checksum=True)
        whole = out.getvalue()
        path.write_bytes(whole[: draw.randrange(len(whole))] if draw.random() < 0.3 else bitten(draw, whole))
        query = f"parquetfile {path}" + draw.choice(
            [" | fields a, b, c", " | search a > 3 | stats count", " | sort -c | limit 3 | fields a"]
        )
        for session in ways.values():
            found = seen(session, query)
            assert found[0] == "E605" or isinstance(found[1], list), found
