"""By hand: kill -9 in the middle of appends, imports, reads and compactions; nothing acknowledged may be lost.

    python tests/scripts/kill9_append.py [--rounds 200] [--folder DIR]

Each round starts two writers (one appends, one imports several files at a time), a reader and a compactor, kills all
of them after a random while, and looks at the table. A writer goes on after its last acknowledged number, so what was
stored but not acknowledged is sent again under the same id.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

BATCH = 20
MODULES = ["pyarrow", "pyarrow.parquet", "deltalake", "cortado.engine.storage.tables", "cortado.engine.storage.paths"]


def open_store(folder: Path) -> Any:
    from cortado.engine.storage.paths import Gate
    from cortado.engine.storage.tables import TableStore

    return TableStore(Gate(), folder, note=lambda text: print("note:", text, flush=True))


def batch(writer: int, seq: int) -> Any:
    import pyarrow as pa

    return pa.table({"writer": [writer] * BATCH, "seq": [seq] * BATCH, "k": list(range(BATCH))})


def append(folder: Path, writer: int, seq: int, acks: Connection) -> None:
    store = open_store(folder)
    while True:
        store.append("t", batch(writer, seq), create=True, writer=f"w{writer}", seq=seq)
        acks.send(seq)
        seq += 1


def import_files(folder: Path, writer: int, seq: int, acks: Connection) -> None:
    """Row groups of 5 and files of 10 rows, so that each commit has several files."""
    from cortado.engine.storage import parquet

    parquet.ROW_GROUP_ROWS = 5
    defaults: Any = parquet.FilesWriter.__init__.__kwdefaults__
    defaults["file_rows"] = 10
    store = open_store(folder)
    while True:
        rows = batch(writer, seq)
        with store.begin_import("t", rows.schema, create=True, writer=f"w{writer}", seq=seq) as found:
            for begin in range(0, BATCH, 4):
                found.write(rows.slice(begin, 4))
        found.commit()
        acks.send(seq)
        seq += 1


def wanted() -> bool:
    """False once the script itself was ended: nobody would kill this process."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()


def watch(folder: Path, _writer: int, _seq: int, said: Connection) -> None:
    store, last = open_store(folder), 0
    while wanted():
        if store.exists("t"):
            found = Counter(
                v for s in store.snapshot("t").splits() for b in s.read(["writer"]) for v in b[0].to_pylist()
            )
            total = sum(found.values())
            if total < last or any(n % BATCH for n in found.values()):
                said.send(f"a reader saw {dict(found)} after {last}")
            last = total


def compact(folder: Path, _writer: int, _seq: int, _said: Connection) -> None:
    store = open_store(folder)
    while wanted():
        if store.exists("t"):
            store.compact("t")
        time.sleep(0.01)


def look(folder: Path, acked: list[int]) -> tuple[int, int, int, int]:
    """Lost, half, doubled batches, and those stored without an acknowledgement."""
    store = open_store(folder)
    if not store.exists("t"):
        return sum(a + 1 for a in acked), 0, 0, 0
    found: Counter[tuple[int, int]] = Counter()
    for split in store.snapshot("t").splits():
        for rows in split.read(["writer", "seq"]):
            found.update(zip(rows[0].to_pylist(), rows[1].to_pylist(), strict=True))
    lost = sum(1 for w, last in enumerate(acked) for seq in range(last + 1) if not found[(w, seq)])
    half = sum(1 for n in found.values() if n % BATCH)
    doubled = sum(1 for n in found.values() if n > BATCH)
    return lost, half, doubled, sum(1 for w, seq in found if seq > acked[w])


def drain(pipe: Connection) -> list[Any]:
    out = []
    try:
        while pipe.poll():
            out.append(pipe.recv())
    except EOFError:
        pass
    return out


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=200)
    options.add_argument("--folder", type=Path, default=None)
    options.add_argument("--seed", type=int, default=int(time.time()))
    given = options.parse_args()
    rng = random.Random(given.seed)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="kill9-"))
    context: Any = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(MODULES)  # they are imported once and never used in the server: forks start at once
    acked, totals, torn = [-1, -1], [0, 0, 0, 0], []
    begin = time.time()
    for number in range(1, given.rounds + 1):
        children, pipes = [], []
        for i, work in enumerate((append, import_files, watch, compact)):
            mine, theirs = context.Pipe(duplex=False)
            child = context.Process(target=work, args=(folder, i, acked[i] + 1 if i < 2 else 0, theirs), daemon=True)
            child.start()
            theirs.close()
            children.append(child)
            pipes.append(mine)
        if rng.random() < 0.8:  # else they may be killed while they start
            wait(pipes[:2], timeout=20)
        time.sleep(rng.uniform(0.01, 0.8))
        died = [c.exitcode for c in children if c.exitcode is not None]
        for child in rng.sample(children, len(children)):
            if child.exitcode is None:
                os.kill(child.pid, signal.SIGKILL)
        for child in children:
            child.join()
        for i, pipe in enumerate(pipes):
            said = drain(pipe)
            if i < 2 and said:
                acked[i] = said[-1]
            elif i >= 2:
                torn += said
        lost, half, doubled, unacked = look(folder, acked)
        totals = [a + b for a, b in zip(totals, (lost, half, doubled, unacked), strict=True)]
        if lost or half or doubled or torn or died:
            print(f"round {number}: lost {lost}, half {half}, doubled {doubled}, torn {torn}, died {died}", flush=True)
            return 1
        if number % 20 == 0:
            print(f"{number} rounds, {sum(acked) + 2} acknowledged, {time.time() - begin:.0f} s", flush=True)
    store = open_store(folder)
    opened = time.time()
    files = len(store.snapshot("t").files)
    opened = time.time() - opened
    removed = store.vacuum("t", keep_hours=0)
    lost, half, doubled, unacked = look(folder, acked)
    print(
        f"seed {given.seed}: {given.rounds} rounds, {sum(acked) + 2} batches acknowledged; lost {totals[0] + lost}, "
        f"half {totals[1] + half}, doubled {totals[2] + doubled}, stored but killed before the acknowledgement "
        f"{totals[3]}; {files} live files, opened in {opened * 1000:.0f} ms, vacuum removed {removed}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
