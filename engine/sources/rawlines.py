"""Stretches of plain text files by kernels that read the file themselves, a call for thousands of lines.

A scan may be asked for what `rex` captures, or for the lines that hold a literal. Where a kernel gives up (a line that is no valid UTF-8
or very long, a file that cannot be read) the general way of reading goes on from that line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import bytes_of, pooled
from ..batch import PAD, Batch, Origin, Spans
from ..captured import CapturedLines, ReadSpans
from ..context import Context, Stopped
from ..kernels import regexcode
from ..pread import Ahead, read_address
from ..rarity import commonness
from ..regextiers import Asked
from ..scanwork import Groups, ScanWork
from .textlines import repaired

if TYPE_CHECKING:
    from .textfile import RangePartition, TextSource

MOST_REPAIRED = (
    1024  # lines of a call that are no valid UTF-8; where there are more the rest is read in the general way
)
TEXT = 2 << 20  # bytes of text that a call puts out
LONGEST = 64  # bytes of a literal that are looked for
_WORDS = np.zeros(0, np.int64)  # the kernel's program for the first and the last word
_NO_GROUPS = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Captures:
    """Groups of a pattern in each line, some of them read as whole numbers, too. `keeps`: the lines are wanted as well.
    `drops`: lines that certainly do not match are not, but for the first of a batch, which notes show.
    `groups`: the rows are grouped and added up by the scan, but for those of which it is not certain."""

    asked: Asked
    numbers: tuple[int, ...]
    keeps: bool
    drops: bool
    groups: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """Only lines that hold these bytes."""

    raw: bytes
    keeps: bool

    def rare(self) -> tuple[int, int]:
        """Places of the two bytes to look for: those that are likely to be the rarest, the second behind the first."""
        ranked = sorted(range(len(self.raw)), key=lambda i: (commonness(self.raw[i]), i))
        first = ranked[0]
        second = next((i for i in ranked if self.raw[i] != self.raw[first]), ranked[-1])
        return min(first, second), max(first, second)


class Stretch:
    """One partition at work."""

    def __init__(self, source: TextSource, part: RangePartition, ctx: Context) -> None:
        self._source, self._part, self._ctx = source, part, ctx
        self.n_lines = 0

    def batches(self, buffer: NDArray[np.uint8]) -> Iterator[Batch | ScanWork]:
        """`buffer`: of SPACE bytes, for as long as this runs."""

        state = self._begin()
        ahead = self._mapped(state)
        try:
            yield from self._calls(buffer, state)
        finally:
            if ahead is not None:
                ahead.close()

    def _calls(self, buffer: NDArray[np.uint8], state: NDArray[np.int64]) -> Iterator[Batch | ScanWork]:
        from ..kernels import rawread as r

        while True:
            call = partial(self._call, buffer, state)
            if isinstance(self._source.raw, Captures) and self._source.raw.groups:
                done: list[tuple[int, Batch]] = []
                yield ScanWork(self._origin(()), partial(self._grouped, call, state, done))
                code, batch = done[0]
            else:
                code, batch = call(None)
            if batch.n_rows:
                yield batch
            self._ctx.query.ledger.rows_by_seq[self._part.seq] = self.n_lines
            if code == r.DONE:
                return
            if code == r.STOPPED:
                raise Stopped
            if code == r.FULL:
                continue
            place = int(state[r.POS] - (state[r.END] - state[r.AT]))
            yield from self._part.rest(self._ctx, place, self.n_lines)
            return

    def _begin(self) -> NDArray[np.int64]:
        from ..kernels import rawread as r

        part, state = self._part, np.zeros(r.N_STATE, np.int64)
        state[r.AT] = state[r.END] = state[r.SEEN] = r.PAD
        state[r.HIGH], state[r.SIZE] = part.high, part.file_size
        if part.low:
            state[r.POS], state[r.SKIPS] = part.low - 1, 1  # one byte back tells whether a line starts exactly at low
        else:
            state[r.POS] = part.mark()
        return state

    def _mapped(self, state: NDArray[np.int64]) -> Ahead | None:
        from ..kernels import rawread as r

        if not self._source.maps.may_try():
            return None
        low = int(state[r.POS]) // r.WINDOW * r.WINDOW
        high = min(self._part.high + r.TAIL, self._part.file_size)
        with self._part.file.opened() as fd:
            ahead = Ahead(fd, low, high)
        self._source.maps.tell(ahead.address != 0)
        if ahead.address:
            state[r.MAP], state[[r.MAP_LOW, r.MAP_SEEN]], state[r.MAP_END] = ahead.address - low, low, high
            state[r.MADVISE] = ahead.madvise
        return ahead

    def _call(self, buffer: NDArray[np.uint8], state: NDArray[np.int64], groups: Groups | None) -> tuple[int, Batch]:
        from ..kernels import rawread as r

        state[list(r.COUNTS)] = 0
        state[r.USED] = PAD
        wanted = self._source.raw
        n_groups = len(wanted.asked.groups) if isinstance(wanted, Captures) else 0
        text: Any = pa.allocate_buffer(max(TEXT, (2 + n_groups) * r.ROOM + 2 * PAD))
        with self._part.file.opened() as fd:
            if isinstance(wanted, Captures):
                return self._captured(fd, buffer, state, text, wanted, groups)
            assert isinstance(wanted, Literal)
            return self._found(fd, buffer, state, text, wanted)

    @staticmethod
    def _grouped(
        call: Callable[[Groups], tuple[int, Batch]], state: NDArray[np.int64], done: list[tuple[int, Batch]], groups: Groups
    ) -> int:  # fmt: skip
        from ..kernels import rawread as r

        done.append(call(groups))
        return int(state[r.N_GROUPED])

    def _captured(
        self, fd: int, buffer: Any, state: Any, text: pa.Buffer, wanted: Captures, into: Groups | None
    ) -> tuple[int, Batch]:
        from ..kernels import rawread as r
        from ..kernels.rawscan import DROPS, KEEPS, scan_captures

        groups, room = wanted.asked.groups, self._rows(state)
        program = wanted.asked.program
        marks = np.empty(regexcode.PARTS * max(program.n_ops if program is not None else 0, 1), np.int64)
        if program is not None:
            words, at = program.code, int(program.code[regexcode.GROUPS_AT])
            ends = words[at : at + 2 * len(groups)]
        else:
            words, ends = _WORDS, np.array([2 * (g - 1) + k for g in groups for k in (0, 1)], np.int64)
        as_number = np.array([wanted.numbers.index(g) if g in wanted.numbers else -1 for g in groups], np.int64)
        line, length = pooled(room, np.int32), pooled(room, np.int32)
        starts, lengths = pooled(room * len(groups), np.int32), pooled(room * len(groups), np.int32)
        numbers, read = pooled(room * len(wanted.numbers), np.int64), pooled(room * len(wanted.numbers), np.uint8)
        is_sparse = wanted.drops or into is not None  # not every line is a row
        status, row = pooled(room, np.uint8), pooled(room if is_sparse else 0, np.int32)
        newlines, needles = buffer[r.ROOM :].view(np.int32).reshape(2, -1)
        bad = np.empty(MOST_REPAIRED, np.int32)
        while True:
            code = scan_captures(
                read_address(), fd, buffer[: r.ROOM], newlines, needles, state, words, marks, ends, as_number,
                wanted.keeps * KEEPS | wanted.drops * DROPS, bytes_of(text), row, line, length, starts, lengths, status,
                numbers, read, bad, *(into.arrays() if into is not None else _NO_GROUPS), self._ctx.stop,
            )  # fmt: skip
            if code != r.GROW or into is None:
                break
            into.grow()
        n, bad = int(state[r.N_ROWS]), bad[: int(state[r.N_BAD])]
        kept, data = _used(text, int(state[r.USED]))
        if len(bad):
            kept, data = _repaired(data, line, length, bad)
        made: dict[int, Spans] = {}
        for j, (group, number) in enumerate(zip(groups, as_number.tolist(), strict=True)):
            part = slice(j * room, j * room + n)
            if number < 0:
                made[group] = Spans(kept, data, starts[part], lengths[part])
            else:
                cells = slice(number * room, number * room + n)
                made[group] = ReadSpans(
                    kept, data, starts[part], lengths[part], numbers[cells], read[cells], not state[r.N_UNREAD]
                )
        is_clean, n_lines = not state[r.N_UNMATCHED], int(state[r.N_LINES])
        n_dropped = n_lines - n - int(state[r.N_MATCHED])
        lines = CapturedLines(kept, data, line[:n], length[:n], wanted.asked, made, status[:n], is_clean, n_dropped)
        batch = self._batch(lines, (row[:n],) if is_sparse else ())
        if len(bad):
            self._source.tell_replaced(batch, bad, lines, self._ctx)
        self.n_lines += n_lines
        return code, batch

    def _found(self, fd: int, buffer: Any, state: Any, text: pa.Buffer, wanted: Literal) -> tuple[int, Batch]:
        from ..kernels import rawread as r
        from ..kernels.rawfind import scan_for

        room = self._rows(state)
        row, start, length = (pooled(room, np.int32) for _ in range(3))
        bad = np.empty(MOST_REPAIRED, np.int32)
        code = scan_for(
            read_address(), fd, buffer[: r.ROOM], state, np.frombuffer(wanted.raw, np.uint8), *wanted.rare(), int(wanted.keeps),
            bytes_of(text), row, start, length, bad, self._ctx.stop,
        )  # fmt: skip
        n, bad = int(state[r.N_ROWS]), bad[: int(state[r.N_BAD])]
        kept, data = _used(text, int(state[r.USED]))
        if len(bad):
            kept, data = _repaired(data, start, length, bad)
        lines = Spans(kept, data, start[:n], length[:n])
        batch = self._batch(lines, (row[:n],))
        if len(bad):
            self._source.tell_replaced(batch, bad, lines, self._ctx)
        self.n_lines += int(state[r.N_LINES])
        return code, batch

    def _rows(self, state: NDArray[np.int64]) -> int:
        """Room for the rows of a call: what the rest of the stretch may have, within a batch."""
        from ..kernels import rawread as r

        left = max(int(state[r.HIGH] - state[r.POS]), 0) + r.PIECE
        return max(1, min(self._ctx.settings.batch_rows, left // 16))

    def _batch(self, lines: Spans, picks: tuple[NDArray[Any], ...]) -> Batch:
        return self._source.with_columns(lines, self._origin(picks))

    def _origin(self, picks: tuple[NDArray[Any], ...]) -> Origin:
        part = self._part
        return Origin(part.seq, part.path, max(part.low - 1, 0), self.n_lines, picks)


def _used(text: pa.Buffer, used: int) -> tuple[pa.Buffer, NDArray[np.uint8]]:
    """What was written, with room behind it; so a batch counts as large as it is."""
    kept = text.slice(0, min(used + PAD, text.size))
    return kept, bytes_of(kept)


def _repaired(
    data: NDArray[np.uint8], start: NDArray[np.int32], length: NDArray[np.int32], rows: NDArray[np.int32]
) -> tuple[pa.Buffer, NDArray[np.uint8]]:
    """The text with the lines of these rows as valid UTF-8 behind it, where `start` and `length` then say that they are."""
    places = zip(start[rows].tolist(), (start[rows] + length[rows]).tolist(), strict=True)
    fixed, size = repaired(b"".join(data[a:b].tobytes() + b"\n" for a, b in places))
    used = len(data) - PAD
    made: Any = pa.allocate_buffer(used + size + PAD)
    out = bytes_of(made)
    out[:used], out[used : used + size] = data[:used], bytes_of(fixed)[PAD : PAD + size]
    ends = np.flatnonzero(out[used : used + size] == 10).astype(np.int32) + np.int32(used)
    start[rows] = np.append(np.int32(used), ends[:-1] + np.int32(1))
    length[rows] = ends - start[rows]
    return made, out
