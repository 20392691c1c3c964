"""Fields out of texts of `key=value`: wanted ones as columns, or which there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ...planner.types import STRING, Schema, Type
from ..arrow import array_from, call, is_valid, nulls
from ..batch import Batch, Column, Spans
from ..context import Context
from ..exprs import plain
from ..notes import At
from ..operator import Emit, Flow, StreamTransform
from ..pairkeys import KeyIndex
from ..pairs import PairForm, Pairs, Texts, texts_of
from ..pairscan import can_scan, scan
from ..strings import cut
from ..values import text_column
from .overlay import Overlay, by_width, each
from .reasons import Reasons

Mask = NDArray[np.bool_]
Text: TypeAlias = "pa.Array[Any] | Spans"
Tokens: TypeAlias = "Callable[[Texts, Callable[[], None]], Iterator[Pairs]]"
NO_PAIR = "no pair"


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way to write pairs: how they are found, and how an escaped value is read."""

    tokens: Tokens
    unescape: Callable[[pa.Array[Any]], pa.Array[Any]]
    head: Callable[[Text], tuple[list[Column], Text, Mask]] | None = None  # fields before the pairs; rows need them
    head_names: tuple[str, ...] = ()
    form: PairForm | None = None  # for the compiled kernel

    @property
    def reason(self) -> str:
        """Why a text cannot be parsed."""
        return NO_PAIR if self.head is None else "no match"

    def split(self, text: Text) -> tuple[list[Column], Text, Mask | None]:
        """The fields of the head, the text of the pairs, and which rows have a head, if that is what counts."""
        return ([], text, None) if self.head is None else self.head(text)


@dataclass(frozen=True, slots=True)
class TextField:
    """The field that holds the text; `column` None: there is no such field."""

    column: int | None
    type: Type = STRING

    def read(self, batch: Batch, ctx: Context) -> pa.Array[Any] | Spans:
        if self.column is None:
            return nulls(batch.n_rows, pa.string())
        text = text_column(batch, self.column, self.type, ctx.settings.timezone)
        return text if isinstance(text, Spans) else plain(text, batch.n_rows)


@dataclass(slots=True)
class FoundKeys:
    """What one worker has seen: each name with the first place where it stands."""

    ctx: Context
    keys: KeyIndex = field(default_factory=KeyIndex)
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)  # partition, row of it, byte in the text
    latest: int = -1  # the last partition in which a name stands first


class FindKeys:
    """Passes all rows on and remembers the keys in them, in the order in which they first stand in the input."""

    needs_order = False

    def __init__(self, text: TextField, dialect: Dialect, at: At) -> None:
        self._text, self._dialect, self._at = text, dialect, at
        self._lock = threading.Lock()
        self._all: list[FoundKeys] = []

    def open(self, ctx: Context) -> FoundKeys:
        local = FoundKeys(ctx)
        with self._lock:
            self._all.append(local)
        return local

    def finish(self, local: FoundKeys, emit: Emit) -> None:
        return None

    @property
    def found(self) -> Schema:
        first: dict[str, tuple[int, int, int]] = {}
        for local in self._all:
            for number, place in local.places.items():
                name = local.keys.names[number]
                first[name] = min(place, first.get(name, place))
        found = dict.fromkeys((*self._dialect.head_names, *sorted(first, key=first.__getitem__)))
        return Schema(tuple((name, STRING) for name in found))

    def push(self, batch: Batch, local: FoundKeys, emit: Emit) -> Flow:
        text = self._text.read(batch, local.ctx)
        _, rest, has_head = self._dialect.split(text)
        texts, _ = texts_of(rest)
        if self._dialect.form is not None and can_scan(self._dialect.form) and local.ctx.compiled:
            self._scan(batch, texts, text, local)
            return emit(batch)
        seq, has_pair = batch.origin.seq, np.zeros(batch.n_rows, np.bool_)
        first: dict[int, tuple[int, int]] = {}
        for pairs in self._dialect.tokens(texts, local.ctx.check):
            has_pair[pairs.rows] = True
            known = len(local.keys.names)
            numbers = local.keys.find(texts.data, pairs.key_start, pairs.key_length, grow=True)
            if len(local.keys.names) > known or seq < local.latest or first:
                _earliest(first, numbers, pairs, texts)
        for number, (row, byte) in first.items():
            place = seq, batch.origin.source_row(row), byte
            local.places[number] = min(place, local.places.get(number, place))
        if first:
            local.latest = max(local.latest, seq)
        refused = texts.valid & ~has_pair if has_head is None else has_value(text) & ~has_head
        refuse_rows(local.ctx, self._at, self._dialect.reason, batch, refused, text)
        return emit(batch)

    def _scan(self, batch: Batch, texts: Texts, text: Text, local: FoundKeys) -> None:
        assert self._dialect.form is not None
        found = scan(texts, self._dialect.form, local.keys, local.ctx.check, learns=True, values=False)
        seq = batch.origin.seq
        for number in np.flatnonzero(found.first_row >= 0).tolist():
            known = local.places.get(number)
            if known is None or seq < known[0]:
                row = batch.origin.source_row(int(found.first_row[number]))
                local.places[number] = seq, row, int(found.first_byte[number])
                local.latest = max(local.latest, seq)
        refuse_rows(local.ctx, self._at, NO_PAIR, batch, texts.valid & ~found.has_pair, text)


def _earliest(into: dict[int, tuple[int, int]], numbers: NDArray[Any], pairs: Pairs, texts: Texts) -> None:
    order = np.lexsort((pairs.key_start, pairs.rows, numbers))
    heads = order[np.flatnonzero(np.diff(numbers[order], prepend=-1))]
    bytes_ = pairs.key_start - texts.start[pairs.rows]
    for i in heads.tolist():
        place = int(pairs.rows[i]), int(bytes_[i])
        number = int(numbers[i])
        into[number] = min(place, into.get(number, place))


def refuse_rows(ctx: Context, at: At, reason: str, batch: Batch, refused: Mask, text: Column, hint: str = "") -> None:
    if refused.any():
        told = hint or "the parsed fields are null"
        ctx.notes.rows(at, "reject", reason, batch, np.flatnonzero(refused), text, told)


class PairsTransform(StreamTransform):
    """The wanted keys' values as text columns; of a key that stands twice the last value. `quiet`: rows without a pair were
    told before."""

    def __init__(
        self, text: TextField, dialect: Dialect, names: Sequence[str], overlay: Overlay, at: At, *, quiet: bool = False
    ) -> None:
        self._text, self._dialect, self._names, self._overlay, self._at = text, dialect, tuple(names), overlay, at
        self._quiet, self._tier = quiet, "general"

    def describe_run(self) -> str:
        return self._tier

    def open(self, ctx: Context) -> Any:
        return ctx, KeyIndex(self._names)

    def push(self, batch: Batch, local: tuple[Context, KeyIndex], emit: Emit) -> Flow:
        return each(by_width(batch, len(self._names)), lambda piece: self._parsed(piece, *local), emit)

    def _parsed(self, batch: Batch, ctx: Context, keys: KeyIndex) -> Batch:
        text = self._text.read(batch, ctx)
        heads, rest, has_head = self._dialect.split(text)
        texts, column = texts_of(rest)
        start, length, escaped, has_pair = self._values(texts, keys, ctx, batch.n_rows)
        refused = texts.valid & ~has_pair if has_head is None else has_value(text) & ~has_head
        if not self._quiet:
            refuse_rows(ctx, self._at, self._dialect.reason, batch, refused, text)
        made = [self._column(column, s, n, e) for s, n, e in zip(start, length, escaped, strict=True)]
        made = self._with_heads(made, heads, batch.n_rows)
        reasons = Reasons(batch.n_rows)
        if refused.any():
            reasons.add(self._dialect.reason, refused)
        by_name = dict(zip(self._names, made, strict=True))
        return self._overlay.build(batch, by_name, reasons, ctx.settings.timezone)

    def _values(
        self, texts: Texts, keys: KeyIndex, ctx: Context, n: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], Mask, Mask]:
        """Of each wanted key and row the value's place in the column's buffer, its length (-1: none), whether it is escaped;
        and which rows have a pair."""
        if self._dialect.form is not None and can_scan(self._dialect.form) and ctx.compiled:
            self._tier = "pairs kernel"
            got = scan(texts, self._dialect.form, keys, ctx.check, learns=False, values=True)
            places = (got.start + texts.base).astype(np.int32)
            return places, got.length.astype(np.int32), got.escaped, got.has_pair
        shape = len(self._names), n
        start, length = np.zeros(shape, np.int32), np.full(shape, -1, np.int32)
        escaped, has_pair = np.zeros(shape, np.bool_), np.zeros(n, np.bool_)
        for pairs in self._dialect.tokens(texts, ctx.check):
            has_pair[pairs.rows] = True
            number = keys.find(texts.data, pairs.key_start, pairs.key_length)
            wanted = np.flatnonzero(number >= 0)
            at = number[wanted], pairs.rows[wanted]
            start[at], length[at] = pairs.start[wanted] + texts.base, pairs.length[wanted]
            escaped[at] = pairs.escaped[wanted]
        return start, length, escaped, has_pair

    def _with_heads(self, made: list[Column], heads: Sequence[Column], n: int) -> list[Column]:
        """A key that is named as a field of the head counts where it stands."""
        for name, head in zip(self._dialect.head_names, heads, strict=False):
            if name in self._names:
                i = self._names.index(name)
                here = has_value(made[i])
                made[i] = call("if_else", array_from(here), plain(made[i], n), plain(head, n)) if here.any() else head
        return made

    def _column(
        self, text: pa.Array[Any] | Spans, start: NDArray[np.int32], length: NDArray[np.int32], escaped: Mask
    ) -> Column:
        made = pieces(text, start, length)
        if not escaped.any():
            return made
        whole = plain(made, len(start))
        mask = array_from(escaped)
        return call("replace_with_mask", whole, mask, self._dialect.unescape(whole.filter(mask)))


def has_value(column: Column) -> Mask:
    return column.length >= 0 if isinstance(column, Spans) else is_valid(column)


def pieces(text: pa.Array[Any] | Spans, start: NDArray[np.int32], length: NDArray[np.int32]) -> Column:
    """Parts of a column's texts, by places in its buffer."""
    if isinstance(text, Spans):
        return Spans(text.buffer, text.data, start, length)
    from ..arrow import bytes_of

    return cut(bytes_of(text.buffers()[2]), start, length)
