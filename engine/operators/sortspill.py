"""Runs on disk: Arrow IPC streams in the query's scratch space, and the passes that make few runs of many."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.text import QueryError, fault
from ..arrow import array_from, bytes_of, decode
from ..context import Context
from .sortkeys import Row
from .sortruns import UNIT_BYTES, Chunk, Cursor, Layout, Limiter, merged

if TYPE_CHECKING:
    from ..storage.spill import SpillArea, SpillFile

CHUNK_BYTES = 256 << 10  # of a run in memory at once while it is merged
LEAST_CHUNK = 4 << 10
WORK = 3  # steps' worth of memory that one step holds: rows stacked, rows in order, their keys


@dataclass(slots=True, eq=False)
class FileRun:
    file: SpillFile
    widest: int  # bytes of the largest chunk
    n_rows: int
    last: Row  # its last row
    level: int = 0  # passes its rows have been through

    def need(self) -> int:
        """Memory that reading it takes: one chunk and its keys."""
        return self.widest + self.widest // 2

    def chunks(self, layout: Layout) -> Iterator[Chunk]:
        for batch in self.file.batches():
            *columns, places = batch.columns
            yield Chunk(tuple(columns), _places(places), layout)
        self.file.close()


def _places(column: pa.Array[Any]) -> NDArray[np.int64]:
    return bytes_of(column.buffers()[1]).view(np.int64)[column.offset : column.offset + len(column)]


def chunk_bytes(memory: int) -> int:
    return max(LEAST_CHUNK, min(CHUNK_BYTES, memory // 64))


def merge_step(room: int) -> int:
    """Bytes that one step of a merge puts out."""
    return max(LEAST_CHUNK, min(UNIT_BYTES, room // 12))


def write_run(chunks: Iterable[Chunk], area: SpillArea, what: str, size: int, level: int = 0) -> FileRun | None:
    """Sorted chunks as a file whose batches have about `size` bytes; None if there are no rows."""
    file = area.new_file(what)
    widest = n_rows = 0
    last: Row = ()
    try:
        for chunk in chunks:
            last = chunk.sample(range(len(chunk) - 1, len(chunk)))[0]
            for batch in _batches(chunk, size):
                file.write_batch(batch)
                widest, n_rows = max(widest, batch.nbytes), n_rows + batch.num_rows
        file.finish()
    except BaseException:
        file.close()
        raise
    if not n_rows:
        file.close()
        return None
    return FileRun(file, widest, n_rows, last, level)


def _batches(chunk: Chunk, size: int) -> Iterator[pa.RecordBatch]:
    begin, n = 0, len(chunk)
    step = max(1, n * size // max(1, chunk.nbytes()))
    while begin < n:
        part = chunk.slice(begin, min(begin + step, n))
        columns = [decode(c) if isinstance(c, pa.DictionaryArray) else c for c in part.columns]
        columns.append(array_from(np.asarray(part.places)))
        batch = pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])
        if batch.nbytes > 4 * size and step > 1:  # much wider rows than the chunk has on average
            step = max(1, step // 4)
            continue
        yield batch
        begin += batch.num_rows


def too_little(command: str, needed: int) -> QueryError:
    return fault(
        "E702",
        f"{command} needs {needed} bytes more than its part of the memory",
        hint="raise the setting `memory`, or sort fewer or narrower fields",
    )


def reduce_runs(
    runs: Sequence[FileRun], room: int, layout: Layout, ctx: Context, area: SpillArea, command: str
) -> tuple[list[FileRun], int]:
    """Merge runs, the oldest first, until one merge of all that is left takes no more than `room` bytes.

    Returns the runs and the bytes written. After an error the runs it made are gone, those it was given are not.
    """
    todo, made = deque(runs), list[FileRun]()
    step = merge_step(room)
    room -= WORK * step
    try:
        while sum(r.need() for r in todo) > room:
            chosen = _that_fit(todo, room)
            if len(chosen) < 2:
                raise too_little(command, WORK * step + sum(r.need() for r in (*chosen, *list(todo)[:1])))
            stream = limited(merged([Cursor(r.chunks(layout)) for r in chosen], layout, ctx, step), layout, ctx)
            run = write_run(stream, area, command, chunk_bytes(ctx.memory.limit), 1 + max(r.level for r in chosen))
            if run is not None:
                todo.append(run)
                made.append(run)
    except BaseException:
        for run in made:
            run.file.close()
        raise
    return list(todo), sum(r.file.nbytes for r in made)


def _that_fit(todo: deque[FileRun], room: int) -> list[FileRun]:
    """Takes from the front the runs that can be merged at once."""
    chosen: list[FileRun] = []
    held = 0
    while todo and held + todo[0].need() <= room:
        chosen.append(todo.popleft())
        held += chosen[-1].need()
    return chosen


def limited(chunks: Iterable[Chunk], layout: Layout, ctx: Context) -> Iterator[Chunk]:
    limiter = Limiter(layout, ctx)
    if limiter.full:
        return
    for chunk in chunks:
        cut = limiter.cut(chunk)
        if len(cut):
            yield cut
        if limiter.full:
            return
