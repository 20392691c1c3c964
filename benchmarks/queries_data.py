"""Files of the speed benchmark, made when a query first asks for them; the same for the same number of lines."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from string import Formatter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .weblog import DATA, make

ROW_GROUP = 250_000
SORTED = 4  # times as many rows as lines
PACKED = 5  # lines over those of the packed files
NUMBERED = ("id", "k", "v")


def read_anew(path: str) -> None:
    """Into the page cache from the disk, as files come there that others have written: pages of what was just written lie one by one, and
    every engine takes half as long again to copy them as those that were read together."""
    with open(path, "rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(1 << 20):
            pass


class Files:
    """Paths by the name that stands in braces in a query's text."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.few = max(1, lines // PACKED)
        self._read: set[str] = set()

    def of(self, *texts: str) -> dict[str, str]:
        """The files that some texts name."""
        names = {name for text in texts for _, name, _, _ in Formatter().parse(text) if name}
        found = {name: str(self._path(name)) for name in sorted(names)}
        for path in {*found.values()} - self._read:
            read_anew(path)
            self._read.add(path)
        return found

    def _path(self, name: str) -> Path:
        log, parquet = make(self.lines)
        match name:
            case "log":
                return log
            case "pq":
                return parquet
            case "events" | "dims":
                from .join import make as join_files

                return join_files(self.lines)[name == "dims"]
        suffix, n, how = MAKERS[name]
        path = DATA / f"{name.partition('_')[0]}_{n(self)}.{suffix}"
        if not path.exists():
            begun = path.with_name(path.name + ".part")
            how(self, begun)
            begun.rename(path)
        return path


def _text(kind: str, lines: int, path: Path) -> None:
    """The table as text, by DuckDB, which writes times as `2026-01-01 00:00:00`."""
    import duckdb

    source = make(lines)[1]
    duckdb.sql(f"copy (select * from '{source}') to '{path}' ({kind})")


def _costs(files: Files, path: Path) -> None:
    """The table with a double that has all its digits, in place of the whole number."""
    source = pq.ParquetFile(make(files.lines)[1])
    rng = np.random.default_rng(13)
    writer: pq.ParquetWriter | None = None
    for i in range(source.num_row_groups):
        table = source.read_row_group(i)
        cost = pa.array(rng.lognormal(3.0, 2.0, table.num_rows))
        table = table.append_column("cost", cost)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="snappy")
        writer.write_table(table, row_group_size=ROW_GROUP)
    assert writer is not None
    writer.close()


def _keys(files: Files, path: Path) -> None:
    from .group import data

    table = data(files.lines).select(["status", "place", "day", "bytes"])
    pq.write_table(table, path, row_group_size=ROW_GROUP)


def _numbers(files: Files, path: Path) -> None:
    """Rows in no order; every key once."""
    n, rng = files.lines * SORTED, np.random.default_rng(17)
    schema = pa.schema([("id", pa.int64()), ("k", pa.int64()), ("v", pa.float64())])
    with pq.ParquetWriter(path, schema) as out:
        for low in range(0, n, ROW_GROUP):
            ids = np.arange(low, min(low + ROW_GROUP, n))
            keys = (ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)).astype(np.int64)
            out.write_batch(
                pa.record_batch([pa.array(c) for c in (ids, keys, rng.normal(0, 1, len(ids)))], list(NUMBERED))
            )


def _packed(source: Callable[[Files], Path], codec: str, level: int) -> Callable[[Files, Path], None]:
    def pack(files: Files, path: Path) -> None:
        with (
            pa.OSFile(str(path), "wb") as out,
            pa.CompressedOutputStream(out, pa.Codec(codec, level).name) as packed,
            open(source(files), "rb") as raw,
        ):
            shutil.copyfileobj(raw, packed, 4 << 20)

    return pack


def _few_log(files: Files) -> Path:
    return make(files.few)[0]


def _few_csv(files: Files) -> Path:
    return Files(files.few)._path("csv")


def _all(files: Files) -> int:
    return files.lines


def _few(files: Files) -> int:
    return files.few


Maker = tuple[str, Callable[[Files], int], Callable[[Files, Path], None]]
MAKERS: dict[str, Maker] = {
    "csv": ("csv", _all, lambda files, path: _text("format csv, header", files.lines, path)),
    "json": ("jsonl", _all, lambda files, path: _text("format json", files.lines, path)),
    "costs": ("parquet", _all, _costs),
    "keys": ("parquet", _all, _keys),
    "numbers": ("parquet", lambda files: files.lines * SORTED, _numbers),
    "csv_gz": ("csv.gz", _few, _packed(_few_csv, "gzip", 6)),
    "csv_zst": ("csv.zst", _few, _packed(_few_csv, "zstd", 3)),
    "log_gz": ("log.gz", _few, _packed(_few_log, "gzip", 6)),
    "log_zst": ("log.zst", _few, _packed(_few_log, "zstd", 3)),
}
