"""By hand: each byte of a data file flipped, and the newest commit cut at each byte, bare and filled with NUL.

python tests/scripts/damage_every_byte.py
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

import cortado
from cortado.engine.storage import parquet
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore
from cortado.planner.text import QueryError


def rows(n: int) -> pa.Table:
    rng = random.Random(n)
    times: Any = pa.array([1000 * i for i in range(n)]).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "_time": times,
            "host": [rng.choice(["a", "b", None]) for _ in range(n)],
            "text": [f"{rng.random()}" for _ in range(n)],
            "n": [rng.randrange(1000) for _ in range(n)],
            "l": [[1] * rng.randrange(3) for _ in range(n)],
        }
    )


def everything(folder: Path, compiled: bool = False) -> list[dict[str, Any]]:
    store = TableStore(Gate(), folder, durable=False)
    return [r for s in store.snapshot("t").splits() for b in s.read(compiled=compiled) for r in b.to_pylist()]


def chosen(folder: Path) -> list[Any]:
    """What a filter and a sort's bound choose while they read."""
    with cortado.connect(folder, threads=1, timezone="UTC", kernels="always") as session:
        asked = ('search host == "b" and n > 300', "search n > 300 | sort limit=3 -_time", "sort limit=5 n")
        return [session.query(f"table t | {query}").run().to_pylist() for query in asked]


def flip(folder: Path, read: Callable[[Path], list[Any]]) -> Counter[str]:
    parquet.ROW_GROUP_ROWS = 40
    store = TableStore(Gate(), folder, durable=False)
    store.append("t", rows(100), create=True)
    snap = store.snapshot("t")
    path = snap.folder / snap.files[0].path
    raw, right = path.read_bytes(), read(folder)
    seen: Counter[str] = Counter()
    rng = random.Random(1)
    for at in range(len(raw)):
        bad = bytearray(raw)
        bad[at] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        try:
            seen["right rows" if read(folder) == right else "OTHER ROWS"] += 1
        except QueryError as why:
            seen[why.code] += 1
    return seen


def cut(folder: Path) -> Counter[str]:
    store = TableStore(Gate(), folder, durable=False)
    for _ in range(3):
        store.append("t", rows(10), create=True)
    table, spare = store.snapshot("t").folder, folder / "spare"
    shutil.copytree(table, spare)
    commit = table / "_delta_log" / f"{2:020d}.json"
    raw = commit.read_bytes().rstrip(b"\n")
    seen: Counter[str] = Counter()
    for at in range(len(raw)):
        for fill in (b"", bytes(len(raw) - at)):
            shutil.rmtree(table)
            shutil.copytree(spare, table)
            commit.write_bytes(raw[:at] + fill)
            notes: list[str] = []
            again = TableStore(Gate(), folder, durable=False, note=notes.append)
            n = sum(s.n_rows for s in again.snapshot("t").splits())
            seen["repaired and said" if n == 20 and len(notes) == 1 else f"WRONG: {n} rows, {len(notes)} notes"] += 1
            if at % 50 == 0 and (again.append("t", rows(10)).version, again.snapshot("t").n_rows) != (2, 30):
                seen["WRONG: no append after it"] += 1
    return seen


def main() -> int:
    flipped: Counter[str] = Counter()
    ways: dict[str, Callable[[Path], list[Any]]] = {
        "general reader": everything, "our reader": partial(everything, compiled=True), "chosen rows": chosen,
    }  # fmt: skip
    for name, read in ways.items():
        found = flip(Path(tempfile.mkdtemp(prefix="flip-")), read)
        print(f"flipped bytes, {name}:", dict(found), flush=True)
        flipped += found
    parts = cut(Path(tempfile.mkdtemp(prefix="cut-")))
    print("cut commits:", dict(parts))
    return 1 if set(flipped) - {"right rows", "E605"} or set(parts) != {"repaired and said"} else 0


if __name__ == "__main__":
    sys.exit(main())
