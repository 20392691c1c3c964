"""Groups on disk: by radix part of their keys' hash, as Arrow IPC streams of keys and exported states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.text import fault
from ..aside import aside
from ..context import Context
from .grouprows import Run
from .keytable import Ids
from .states import State

if TYPE_CHECKING:
    from ..storage.spill import SpillArea, SpillFile
    from .grouping import Keys

RADIX_BITS = 4
N_PARTS = 1 << RADIX_BITS
MAX_LEVEL = 12  # parts are cut again by the next bits of the hash, at most so often
KEY_WORK = 32  # bytes that are made for a key while keys are cut into parts
CHUNK_BYTES = 256 << 10
LEAST_CHUNK = 16 << 10


def part_of(hashes: NDArray[np.uint64], level: int) -> NDArray[np.uint8]:
    """The radix part of each hash; each level looks at the next four bits from the top."""
    return ((hashes >> np.uint64(64 - RADIX_BITS * (level + 1))) & np.uint64(N_PARTS - 1)).astype(np.uint8)


def by_part(hashes: NDArray[np.uint64], level: int) -> tuple[Ids, NDArray[np.int64]]:
    """Groups in order of part, and where each part begins."""
    parts = part_of(hashes, level)
    order = np.argsort(parts, kind="stable").astype(np.int32)
    bounds = np.zeros(N_PARTS + 1, np.int64)
    np.cumsum(np.bincount(parts, minlength=N_PARTS), out=bounds[1:])
    return order, bounds


def area_of(ctx: Context, command: str) -> SpillArea:
    area = ctx.query.spill
    if area is None:
        raise fault("E702", f"{command} is over its part of the memory", hint="raise the setting `memory`")
    return area


def chunk_bytes(memory: int) -> int:
    return max(LEAST_CHUNK, min(CHUNK_BYTES, memory // 64))


class PartFiles:
    """One file a radix part of one level; files are made when a part gets its first groups."""

    def __init__(self, area: SpillArea, command: str, level: int, chunk: int) -> None:
        self._area, self._command, self._chunk = area, command, chunk
        self.level = level
        self.files: list[SpillFile | None] = [None] * N_PARTS
        self.written = 0

    def write(self, ctx: Context, keys: Keys, states: Sequence[State], nbytes: int) -> None:
        """All groups of a table that takes `nbytes`."""
        n = keys.n
        if not n:
            return
        for state in states:
            aside(ctx, state.nbytes(), state.seal)
        values, (order, bounds) = aside(ctx, KEY_WORK * n, lambda: (keys.values(), by_part(keys.hashes(), self.level)))
        step = max(1, n * self._chunk // max(1, nbytes))
        for part in range(N_PARTS):
            for low in range(bounds[part], bounds[part + 1], step):
                ctx.check()
                members = order[low : min(low + step, bounds[part + 1])]
                self._append(part, members, values, states)

    def _append(self, part: int, members: Ids, values: list[pa.Array[Any]], states: Sequence[State]) -> None:
        from ..arrow import indices, nulls

        rows = indices(members)
        columns = [v.take(rows) for v in values]
        for state in states:
            columns += state.export(members)
        if not columns:
            columns = [nulls(len(members), pa.null())]
        file = self.files[part]
        if file is None:
            file = self.files[part] = self._area.new_file(self._command)
        batch = pa.RecordBatch.from_arrays(columns, names=[str(i) for i in range(len(columns))])
        before = file.nbytes
        file.write_batch(batch)
        self.written += file.nbytes - before

    def finish(self) -> None:
        """No more writing; safe to read from other threads."""
        for file in self.files:
            if file is not None:
                file.finish()

    def batches(self, part: int) -> Iterator[pa.RecordBatch]:
        file = self.files[part]
        if file is None:
            return
        yield from file.batches()
        file.close()
        self.files[part] = None

    def close(self) -> None:
        for file in self.files:
            if file is not None:
                file.close()


class RunFile:
    """A sorted run on disk, read from the front in chunks."""

    def __init__(self, run: Run, area: SpillArea, command: str, chunk: int) -> None:
        self._file = area.new_file(command)
        self.n = len(run)
        named = run.named()
        batch = pa.RecordBatch.from_arrays([a for _, a in named], names=[n for n, _ in named])
        step = max(1, len(run) * chunk // max(1, batch.nbytes))
        try:
            for low in range(0, len(run), step):
                self._file.write_batch(batch.slice(low, step))
            self._file.finish()
        except BaseException:
            self._file.close()
            raise
        self.written = self._file.nbytes

    def __len__(self) -> int:
        return self.n

    def chunks(self) -> Iterator[Run]:
        for batch in self._file.batches():
            yield Run.of_named(list(zip(batch.schema.names, batch.columns, strict=True)))
        self._file.close()

    def close(self) -> None:
        self._file.close()
