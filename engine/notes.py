"""The ledger: what happened to rows that did not come through as they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from ..planner.text import Span
from ..planner.types import of_arrow
from .arrow import decode
from .batch import Batch, Column, Origin, Spans
from .values import to_text

N_SAMPLES = 3
REMOVED = "duplicates removed"
NULL_VALUE, NOT_FINITE = "null value", "NaN or infinity"  # rows that a computation leaves out
SAMPLE_CHARS = 200
NOWHERE = 1 << 61  # partition of what has no place: behind all rows


@dataclass(frozen=True, slots=True)
class At:
    """The stage that something is said of."""

    stage: str
    command: str
    span: Span = field(default=Span(0, 0), compare=False)


Key = tuple[At, str, str]  # stage, kind, reason


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """One row, by its place at the source; `text` is the offending value."""

    seq: int
    row: int
    source: str = field(compare=False)  # the place in words, where it is known
    text: str = field(compare=False)


@dataclass(slots=True)
class Entry:
    count: int = 0
    hint: str = ""
    samples: list[Sample] = field(default_factory=list)  # the least, sorted


class WorkerNotes:
    """One worker's counters: no lock. Rows are resolved only while they would be among the first samples."""

    def __init__(self, on_fault: Callable[[Key, Sample, str], None] | None = None, zone: str = "UTC") -> None:
        self.entries: dict[Key, Entry] = {}
        self._zone = zone  # in which samples show dates
        self._on_fault = on_fault  # under strict: the first row of each call, with its hint

    def rows(
        self, at: At, kind: str, reason: str, batch: Batch, rows: NDArray[Any], text: Column | None, hint: str = "",
        n_others: int = 0,
    ) -> None:  # fmt: skip
        """`rows`: indices in the batch, ascending, not empty; `text`: a column of the batch's length with the offending values.
        `n_others`: so many more that are no rows of the batch and stood behind its first N_SAMPLES that were refused."""
        key = (at, kind, reason)
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(hint=hint)
        entry.count += len(rows) + n_others
        origin = batch.origin
        for row in rows[:N_SAMPLES].tolist():
            if len(entry.samples) == N_SAMPLES and origin.seq > entry.samples[-1].seq:
                break
            sample = self._sample(origin, row, text)
            entry.samples.append(sample)
            entry.samples.sort()
            del entry.samples[N_SAMPLES:]
        if self._on_fault is not None and kind != "info":
            row = int(rows[0])
            self._on_fault(key, self._sample(origin, row, text), hint)

    def _sample(self, origin: Origin, row: int, text: Column | None) -> Sample:
        at = origin.source_row(row)
        return Sample(origin.seq, at, origin.told(at) if origin.told else "", shown(text, row, self._zone))

    def count(self, at: At, kind: str, reason: str, n: int, hint: str = "", samples: Sequence[str] = ()) -> None:
        """Something that is said of a stage, or of rows whose places are not known."""
        entry = self.entries.setdefault((at, kind, reason), Entry(hint=hint))
        entry.count += n
        told = [Sample(NOWHERE, i, "", s[:SAMPLE_CHARS]) for i, s in enumerate(samples)]
        entry.samples = sorted([*entry.samples, *told])[:N_SAMPLES]
        if self._on_fault is not None and kind != "info":
            self._on_fault((at, kind, reason), told[0] if told else Sample(NOWHERE, 0, "", ""), hint)

    def told(
        self, at: At, kind: str, reason: str, n: int, batch: Batch, told: Sequence[tuple[int, str]], hint: str = ""
    ) -> None:  # fmt: skip
        """Something of `n` values that groups hold, which have no places. `told`: the first of them, in order: the row of the batch
        that is the group, and a text."""
        entry = self.entries.setdefault((at, kind, reason), Entry(hint=hint))
        entry.count += n
        origin = batch.origin
        found = [Sample(NOWHERE + origin.seq, origin.source_row(r), "", s[:SAMPLE_CHARS]) for r, s in told]
        entry.samples = sorted([*entry.samples, *found])[:N_SAMPLES]
        if self._on_fault is not None and kind != "info":
            self._on_fault((at, kind, reason), found[0] if found else Sample(NOWHERE, 0, "", ""), hint)


def of_group(keys: str, value: str) -> str:
    """A value of a group, as samples show it."""
    return f"{keys}: {value}" if keys else value


def shown(text: Column | None, row: int, zone: str = "UTC") -> str:
    """The offending value of one row, as the language writes it."""
    if text is None:
        return ""
    if isinstance(text, Spans):
        return (text.text(row) or "")[:SAMPLE_CHARS]
    column = text.slice(row, 1)
    if isinstance(column, pa.DictionaryArray):
        column = decode(column)
    kind = of_arrow(column.type)
    got = to_text(column, kind, zone)[0].as_py() if column.type == kind.arrow else _foreign(column[0])
    return "null" if got is None else str(got)[:SAMPLE_CHARS]


def _foreign(value: Any) -> Any:
    """A value in a form that is not the engine's own, as a reader refused it."""
    if not pa.types.is_temporal(value.type):
        return value.as_py()
    try:
        return str(value)
    except (OverflowError, ValueError):  # beyond what Python's dates hold
        return f"{value.value} {getattr(value.type, 'unit', 'days' if pa.types.is_date32(value.type) else 'ms')}"


class Ledger:
    """All workers' notes of one pipeline, and the line counts that turn (seq, row) into a line number at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: list[WorkerNotes] = []
        self.rows_by_seq: dict[int, int] = {}  # one store a morsel: atomic under the GIL, no lock
        self.files_by_seq: dict[int, str] = {}  # the file of a partition: lines are counted within a file
        self.has_places = True  # whether the number of a row at the source says anything
        self.whole: Ledger | None = None  # of the union that this is a branch of
        self.first = 0  # number there of this one's first partition
        self.parts: list[tuple[int, int, Ledger]] = []  # behind a union: partitions first .. end and their own places
        self.is_enough = False  # a limit is reached that waits for a row to tell of: what fails now is not wanted
        self.last: tuple[int, int] | None = None  # partition and row behind which nothing was wanted
        self._behind: dict[Key, int] = {}  # rows behind it that were counted, of what is told of wanted rows only

    def last_wanted(self) -> tuple[int, int] | None:
        """As `last`; of a branch of a union by its own partitions."""
        if self.whole is None:
            return self.last
        last = self.whole.last
        return None if last is None else (last[0] - self.first, last[1])

    def take_back(self, key: Key, n: int) -> None:
        """`n` of the rows that were counted lie behind the last wanted one: nothing is told of them."""
        ledger = self if self.whole is None else self.whole
        with ledger._lock:
            ledger._behind[key] = ledger._behind.get(key, 0) + n

    def counts_wanted(self, key: Key) -> bool:
        """Whether this is told of rows up to the last wanted one only."""
        return key in self._behind

    def worker(self, on_fault: Callable[[Key, Sample, str], None] | None = None, zone: str = "UTC") -> WorkerNotes:
        notes = WorkerNotes(on_fault, zone)
        with self._lock:
            self._workers.append(notes)
        return notes

    def merged(self) -> dict[Key, Entry]:
        total: dict[Key, Entry] = {}
        for notes in list(self._workers):
            for key, entry in list(notes.entries.items()):
                into = total.setdefault(key, Entry(hint=entry.hint))
                into.count += entry.count
                into.samples = sorted(into.samples + entry.samples)[:N_SAMPLES]
        for key, n in list(self._behind.items()):
            entry = total[key]
            entry.count -= n
            entry.samples = [s for s in entry.samples if self.last is None or (s.seq, s.row) <= self.last]
            if not entry.count:
                del total[key]
        return total

    def lines(self) -> Callable[[int], int]:
        """By partition, the number (from 1, within the file where there is one) of its first row.

        A prefix sum over the rows of earlier partitions: right because partitions are handed out in order and each
        counts its lines first.
        """
        counts, files = self.rows_by_seq.copy(), self.files_by_seq.copy()
        seqs = np.array(sorted(counts), np.int64)
        before = np.concatenate([[0], np.cumsum([counts[int(s)] for s in seqs])])
        first: dict[str, int] = {}
        for seq, file in files.items():
            first[file] = min(seq, first.get(file, seq))

        def rows_before(seq: int) -> int:
            return int(before[np.searchsorted(seqs, seq)])

        def line(seq: int) -> int:
            file = files.get(seq)
            return rows_before(seq) - (rows_before(first[file]) if file is not None else 0) + 1

        return line

    def places(self) -> Callable[[Sample], str]:
        """`file:line` or `row N` of samples known by now; empty where the place is not known."""
        line, files = self.lines(), self.files_by_seq.copy()
        parts = [(low, end, ledger.places()) for low, end, ledger in self.parts]

        def place(sample: Sample) -> str:
            if sample.source:
                return sample.source
            for low, end, inner in parts:
                if low <= sample.seq < end:
                    return inner(replace(sample, seq=sample.seq - low))
            if not 0 <= sample.seq < NOWHERE or not self.has_places:
                return ""
            file = files.get(sample.seq)
            number = line(sample.seq) + sample.row
            return f"row {number}" if file is None else f"{file}:{number}"

        return place
