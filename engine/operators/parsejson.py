"""`parsejson`: objects in a text column as columns; which there are, and of which types, the first rows say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any
from unicodedata import normalize

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import Type, join
from ..arrow import array_from, bytes_of, call, concat, is_valid, nulls, offsets_of
from ..batch import Batch, Column, Spans
from ..context import Context
from ..exprs import plain
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..sources.jsonrecords import RecordReader
from ..sources.jsonsurvey import Surveyed, merge, sampled
from ..sources.jsontextblocks import Records
from ..sources.jsonvalues import Seen, settled
from ..sources.refused import Refused
from ..values import unify
from .overlay import Overlay, by_width, each
from .pairs import TextField, has_value
from .reasons import Reasons

LF, CR = 10, 13
PIECE_ROWS, PIECE_BYTES = 20_000, 8 << 20


def records_of(text: pa.Array[Any] | Spans) -> Records:
    """Each row as a record; no row is null. Lines of a file stay where they are, other texts are copied."""
    if isinstance(text, Spans):
        start = text.start.astype(np.int64)
        stop = start + text.length
        if _are_lines(text.data, start, stop):
            return _records(text.buffer, text.data, start, stop)
        text = text.to_arrow()
    joined = call("binary_join_element_wise", text, "\n", "")
    offsets = offsets_of(joined).astype(np.int64)
    buffer = joined.buffers()[2] or pa.py_buffer(b"")
    return _records(buffer, bytes_of(buffer), offsets[:-1], offsets[1:] - 1)


def _are_lines(data: NDArray[np.uint8], start: NDArray[np.int64], stop: NDArray[np.int64]) -> bool:
    """Whether nothing but line ends stands between the texts."""
    gap = start[1:] - stop[:-1]
    if not len(start) or not ((gap == 1) | (gap == 2)).all():
        return False
    first, last = data[stop[:-1]], data[start[1:] - 1]
    return bool((((first == LF) | (first == CR)) & ((last == LF) | (last == CR))).all())


def _records(buffer: pa.Buffer, data: NDArray[np.uint8], start: Any, stop: Any) -> Records:
    return Records(buffer, data, start, stop, np.arange(len(start)), len(start), int(stop[-1]) if len(stop) else 0)


@dataclass(slots=True)
class FoundTypes:
    """`waiting`: texts that are looked at together, so that what is said of them does not depend on how they came."""

    ctx: Context
    left: int
    seen: dict[str, Seen] = field(default_factory=dict)
    waiting: list[pa.Array[Any]] = field(default_factory=list)
    n_rows: int = 0  # of those that wait
    n_bytes: int = 0


class FindTypes:
    """Passes all rows on; the first `infer` of them say which fields there are and of which types. `wanted`: the names, if
    they are given. `ends`: no more rows are wanted then."""

    needs_order = True

    def __init__(
        self, text: TextField, infer: int, wanted: Sequence[str] | None, lenient: bool, *, ends: bool = False
    ) -> None:
        self._text, self._infer, self._wanted, self._lenient, self.ends_early = text, infer, wanted, lenient, ends
        self.found = Surveyed()

    def open(self, ctx: Context) -> FoundTypes:
        return FoundTypes(ctx, self._infer)

    def push(self, batch: Batch, local: FoundTypes, emit: Emit) -> Flow:
        if local.left > 0:
            head = batch if batch.n_rows <= local.left else batch.slice(0, local.left)
            local.left -= head.n_rows
            self._take(plain(present(self._text.read(head, local.ctx)), -1), local)
            if not local.left and self.ends_early:
                local.ctx.last_row(batch, head.n_rows - 1)
                return Flow.DONE
        return emit(batch)

    def _take(self, text: pa.Array[Any], local: FoundTypes) -> None:
        begin = 0
        reached = np.cumsum(np.diff(offsets_of(text)).astype(np.int64))
        while begin < len(text):
            before = int(reached[begin - 1]) if begin else 0
            end = int(np.searchsorted(reached, before + PIECE_BYTES - local.n_bytes)) + 1
            end = min(end, begin + PIECE_ROWS - local.n_rows, len(text))
            local.waiting.append(text.slice(begin, end - begin))
            local.n_rows += end - begin
            local.n_bytes += int(reached[end - 1]) - before
            begin = end
            if local.n_rows >= PIECE_ROWS or local.n_bytes >= PIECE_BYTES:
                self._look(local)

    def _look(self, local: FoundTypes) -> None:
        if local.waiting:
            local.ctx.check()
            merge(local.seen, sampled(records_of(concat(local.waiting)), self._lenient))
        local.waiting.clear()
        local.n_rows = local.n_bytes = 0

    def finish(self, local: FoundTypes, emit: Emit) -> None:
        self._look(local)
        seen = local.seen
        names = [n for n in seen if self._wanted is None or normalize("NFC", n) in self._wanted]
        types = tuple((n, settled(seen[n].type())) for n in names)
        mixed = {place: kinds for n in names for place, kinds in seen[n].mixes(n)}
        mixes = []
        for place, kinds in mixed.items():
            shown = ", ".join(f"{n} {k}" for k, n in kinds.items())
            n = sum(kinds.values()) - max(kinds.values())
            mixes.append(
                (f"field '{place}' mixes {shown}: it is read as text", n, "eval F = ... brings it to one type")
            )
        self.found = Surveyed(types, mixed=frozenset(mixed), mixes=tuple(mixes))


def present(text: pa.Array[Any] | Spans) -> pa.Array[Any] | Spans:
    """The texts of rows that have one."""
    there = has_value(text)
    if there.all():
        return text
    return text.take(np.flatnonzero(there)) if isinstance(text, Spans) else text.filter(array_from(there))


@dataclass(slots=True)
class Told(Refused):
    """Refused rows of a stage: they stay, and their reasons may be wanted. `rows_of`: of each record its row."""

    reasons: Reasons | None = None
    rows_of: NDArray[np.int64] | None = None

    def rows(
        self, reason: str, mask: NDArray[np.bool_], text: Column | None, hint: str = "", *, told: bool = False,
        column: str | Sequence[str] = "",
    ) -> None:  # fmt: skip
        if not mask.any():
            return
        rows = np.flatnonzero(mask)
        if self.reasons is not None and not told:
            self.reasons.add(reason, rows if self.rows_of is None else self.rows_of[rows])
        self.ctx.notes.rows(self.at, "reject", reason, self.bare, rows, text, hint or HINTS.get(reason, ""))


HINTS = {"json": "the parsed fields are null"}


@dataclass(frozen=True, slots=True)
class Part:
    """A value inside of the records' fields: the names that lead to it, and its type."""

    path: tuple[str, ...]
    type: Type


class JsonTransform(StreamTransform):
    """`parts`: of each field that comes out, the values that it is made of: the last one that is there counts."""

    def __init__(
        self, text: TextField, reader: RecordReader, parts: Mapping[str, Sequence[Part]], overlay: Overlay, at: At
    ) -> None:
        self._text, self._reader, self._parts, self._overlay, self._at = text, reader, parts, overlay, at

    def push(self, batch: Batch, local: Context, emit: Emit) -> Flow:
        width = max(len(self._parts), len(self._reader.data))
        return each(by_width(batch, width), lambda piece: self._parsed(piece, local), emit)

    def _parsed(self, batch: Batch, local: Context) -> Batch:
        text, reasons = self._text.read(batch, local), Reasons(batch.n_rows)
        there = has_value(text)
        rows = None if there.all() else np.flatnonzero(there)
        bare = Batch(batch.n_rows, (), batch.origin)
        told = Told(self._at, "null", local, bare if rows is None else bare.take(rows.astype(np.int32)), reasons=reasons,
                    rows_of=rows)  # fmt: skip
        read = self._reader.columns(records_of(present(text)), told)
        back = None if rows is None else places_of(there)
        made = {name: self._made(parts, read, back, local) for name, parts in self._parts.items() if parts}
        return self._overlay.build(batch, made, reasons, local.settings.timezone)

    def _made(self, parts: Sequence[Part], read: Mapping[str, Column], back: Any, ctx: Context) -> Column:
        zone = ctx.settings.timezone
        kind = join(p.type for p in parts)
        out: Any = None
        for part in reversed(parts):
            column = unify(_inside(read[part.path[0]], part.path[1:]), part.type, kind, zone)
            out = column if out is None else call("coalesce", out, column)
        whole: pa.Array[Any] = out
        return whole if back is None else whole.take(back)


def _inside(column: Column, path: Sequence[str]) -> pa.Array[Any]:
    """A member of a member of a struct column; null where one of them is."""
    array: Any = plain(column, len(column))
    for name in path:
        part = array.field(name)
        array = (
            call("if_else", array_from(is_valid(array)), part, nulls(len(part), part.type))
            if array.null_count
            else part
        )
    return array  # type: ignore[no-any-return]


def places_of(there: NDArray[np.bool_]) -> pa.Array[Any]:
    """For each row the number of its record, null where it has none."""
    return array_from((np.cumsum(there) - 1).astype(np.int64), ~there)
