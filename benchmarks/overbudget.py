"""Sort, join and group-by whose state is ten times the memory they may have, against the same with all they want.

python -m benchmarks.overbudget [--memory 256MB] [--times 10] [--only sort]

Each run is a process of its own. The answers are compared value by value (a digest of each column, in order); the spill folder
has to be empty when the query has ended. A run over budget may take four times the processor time of
the unlimited one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MOST = 4.0
ROW = 56  # bytes of a row: three numbers, a text of 28 and its offset
BLOCK = 1 << 19


def queries(folder: Path) -> dict[str, str]:
    rows = f"parquetfile {folder / 'rows.parquet'}"
    keys = f"parquetfile {folder / 'keys.parquet'}"
    return {
        "sort": f"{rows} | sort key, id",
        "join": f"{keys} | join key [ {rows} | fields key, v, text ] | stats count, sum(v), max(text), min(text)",
        "group": f"{rows} | stats sum(v) as v, count by text",
    }


def make(folder: Path, n: int) -> None:
    """n rows in no order, with a key of 64 bits and a text of its own; a file of every eighth key."""
    rng = np.random.default_rng(1)
    schema = pa.schema([("id", pa.int64()), ("key", pa.int64()), ("v", pa.int64()), ("text", pa.string())])
    how: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    with (
        pq.ParquetWriter(folder / "rows.parquet", schema, **how) as rows,
        pq.ParquetWriter(folder / "keys.parquet", pa.schema([("key", pa.int64())]), **how) as keys,
    ):
        for at in range(0, n, BLOCK):
            m = min(BLOCK, n - at)
            ids = np.arange(at, at + m)
            key = (ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(1)).astype(np.int64)
            digits = np.char.zfill(key.astype("U19"), 28)
            batch = pa.record_batch([pa.array(c) for c in (ids, key, rng.integers(0, 1000, m), digits)], schema)
            rows.write_batch(batch)
            keys.write_batch(pa.record_batch([pa.array(key[::8])], ["key"]))


def values_of(column: Any) -> list[Any]:
    """The memory that its rows take, no more: lengths and bytes of texts, else numbers."""
    _, first, *more = column.buffers()
    if not pa.types.is_string(column.type):
        return [np.frombuffer(first, np.int64)[column.offset :][: len(column)]]
    offsets = np.frombuffer(first, np.int32)[column.offset :][: len(column) + 1]
    return [np.diff(offsets), memoryview(more[0])[offsets[0] : offsets[-1]] if more[0] is not None else b""]


def digest(reader: pa.RecordBatchReader) -> tuple[int, str]:
    """Rows, and what their values are, however they are cut into batches."""
    sums: dict[tuple[str, int], Any] = {}
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for i, part in enumerate(values_of(column)):
                sums.setdefault((name, i), hashlib.blake2b(digest_size=8)).update(part)
            assert not column.null_count
    return rows, " ".join(s.hexdigest() for s in sums.values())


def run(query: str, memory: str | None, spill: Path) -> None:
    """What the process does: one query, its figures as JSON."""
    import cortado

    settings: dict[str, Any] = {"threads": 2, "spill_dir": str(spill), "kernels": "always"}
    if memory is not None:
        settings["memory"] = memory
    with cortado.connect(**settings) as session:
        session.query('json "[{}]"').run()
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun, cpu = time.perf_counter(), time.process_time()
        running = session.query(query).start()
        rows, values = digest(running.reader())
        wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
        spilled = running.stats().spilled_bytes
        running.close()
        left = [str(p) for p in spill.rglob("*") if p.is_file() and p.stat().st_size]
    left += [str(p) for p in spill.rglob("*")]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {
        "rows": rows,
        "values": values,
        "wall": wall,
        "cpu": cpu,
        "spilled": spilled,
        "left": left,
        "peak": peak >> 10,
        "base": base >> 10,
    }
    print(json.dumps(told))


def one(query: str, memory: str | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as spill:
        told = json.dumps([query, memory, spill])
        code = f"import sys, json; from pathlib import Path; from benchmarks.overbudget import run; q, m, s = json.loads({told!r}); run(q, m, Path(s))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """A query with all the memory it wants, and over budget."""

    what: str
    free: dict[str, Any]
    tight: dict[str, Any]

    @property
    def ratio(self) -> float:
        """Of the processor's time: disks and neighbours do as they like."""
        return float(self.tight["cpu"] / self.free["cpu"])

    def failures(self) -> list[str]:
        free, tight = self.free, self.tight
        left = tight["left"] + free["left"]
        said = {
            "the answers differ": (free["rows"], free["values"]) != (tight["rows"], tight["values"]),
            f"{left} is left behind": bool(left),
            "nothing was spilled, so nothing was tested": not tight["spilled"],
            f"{self.ratio:.1f} times as slow as unlimited": self.ratio > MOST,
        }
        return [f"{self.what}: {text}" for text, is_so in said.items() if is_so]


def measured(memory: str, times: float = 10, only: str = "") -> Iterator[Pair]:
    from cortado.engine.settings import size

    n = int(size(memory) * times / ROW)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, n)
        print(f"{n:,} rows, {n * ROW >> 20} MB of state, {memory} allowed", file=sys.stderr, flush=True)
        for what, query in queries(folder).items():
            if not only or only == what:
                pair = Pair(what, one(query, None), one(query, memory))
                print(markdown([pair]).splitlines()[-1], file=sys.stderr, flush=True)
                yield pair


def markdown(pairs: Iterable[Pair]) -> str:
    out = [
        "| over budget | unlimited s | peak MB | over budget s | peak MB | spilled MB | processor time, over : unlimited | faults |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for p in pairs:
        sides = [f"{s['wall']:.1f} / {s['cpu']:.1f} | {s['peak']}" for s in (p.free, p.tight)]
        out.append(
            f"| {p.what} | {' | '.join(sides)} | {p.tight['spilled'] >> 20} | {p.ratio:.2f} | {'; '.join(p.failures())} |"
        )
    return "\n".join(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memory", default="256MB")
    parser.add_argument("--times", type=float, default=10)
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    pairs = list(measured(args.memory, args.times, args.only))
    print(markdown(pairs))
    failures = [text for p in pairs for text in p.failures()]
    for failure in failures:
        print("FAILED", failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
