"""Distinct keys of one column and their numbers, in order of first sight: compiled, or by Arrow and a Python dict."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import kernels
from ..arrow import (
    array_from,
    bitmap_of,
    buffer_of,
    bytes_of,
    call,
    concat,
    filled,
    grown,
    indices,
    is_valid,
    numbers_of,
    offsets_of,
    pooled,
    taken,
    zeros,
)
from ..arrow import nulls as null_array
from ..batch import PAD, Spans
from .keyform import Words
from .keyhash import INLINE, LONG_TAG, NULL_TAG, hash_of, words_for

Ids = NDArray[np.int32]
NO_ROWS = np.empty(0, np.int32)
REBUILT = 1 << 17  # groups entered anew between two looks at the stop byte: some milliseconds
MAX_GROUPS = (1 << 31) - 1
CLOSE = 8  # integers that lie so many times as wide as they are many


class Table(Protocol):
    """`ids` numbers the rows of a normal column. One table holds one kind: text or words."""

    words: bool

    @property
    def n(self) -> int: ...
    def ids(self, keys: Any, stop: NDArray[np.uint8]) -> Ids: ...
    def keys(self, members: Ids | None = None) -> pa.Array[Any]: ...  # normal form, in order of number or of `members`
    def hashes(self) -> NDArray[np.uint64]: ...
    def nbytes(self) -> int: ...


def spans_of(array: pa.Array[Any]) -> Spans:
    """Arrow text as spans: where the buffer has room on both sides of these rows, as it has in the midst of a column, in place.

    Otherwise in a padded copy, as buffers from elsewhere promise no room behind them.
    """
    n = len(array)
    ends = offsets_of(array)
    buffer, view, shift = padded(array, ends)
    start, length = pooled(n, np.int32), pooled(n, np.int32)
    np.add(ends[:n], np.int32(shift), out=start)
    np.subtract(ends[1 : n + 1], ends[:n], out=length)
    if array.null_count:
        length[~is_valid(array)] = -1
    return Spans(buffer, view, start, length)


def padded(array: pa.Array[Any], ends: Ids) -> tuple[pa.Buffer, NDArray[np.uint8], int]:
    """The buffer that has the bytes of these rows, a view of them with room on both sides, and what `ends` are off in it."""
    n = len(array)
    begin, end = (int(ends[0]), int(ends[n])) if n else (0, 0)
    data = array.buffers()[2]
    text = bytes_of(data)
    if data is not None and begin >= PAD and end + PAD <= len(text):
        return data, text[begin - PAD : end + PAD], PAD - begin
    buffer = pa.allocate_buffer(end - begin + 2 * PAD)
    view = bytes_of(buffer)
    view[PAD : PAD + end - begin] = text[begin:end]
    return buffer, view, PAD - begin


def _located(keys: Any) -> tuple[NDArray[np.uint8], Ids, Ids, int, int]:
    """As `kernels.group.group_ids` takes texts: where they begin, and how long they are, or, of Arrow without nulls, end."""
    if not isinstance(keys, Spans) and not keys.null_count:
        ends = offsets_of(keys)
        _, data, shift = padded(keys, ends)
        return data, ends[: len(keys)], ends[1 : len(keys) + 1], shift, 1
    spans = keys if isinstance(keys, Spans) else spans_of(keys)
    return spans.data, spans.start, spans.length, 0, 0


class KeyTable:
    """Open addressing over two words a key (see kernels.group); grows by doubling."""

    def __init__(self, words: bool = False, capacity: int = 1 << 10, type_: Any = None) -> None:
        self.words = words
        self.type = type_ or (pa.uint64() if words else pa.string())
        self.slots = filled(2 * capacity, -1)
        self.key0, self.key1 = np.empty(capacity, np.uint64), np.empty(capacity, np.uint64)
        self.sizes = np.empty(0 if words else capacity, np.int32)
        self.arena = np.zeros(0 if words else capacity + 16, np.uint8)
        self.state = np.zeros(2, np.int64)
        self.near = filled(4 * capacity if words else 0, -1)  # numbers of small integers, without hashing
        self.base = np.zeros(1, np.uint64)

    @property
    def n(self) -> int:
        return int(self.state[0])

    @property
    def arena_used(self) -> int:
        return int(self.state[1])

    def nbytes(self) -> int:
        return (
            self.slots.nbytes + self.key0.nbytes * 2 + self.sizes.nbytes + self.arena.nbytes + self.near.nbytes
        )  # fmt: skip

    def ids(self, keys: Any, stop: NDArray[np.uint8]) -> Ids:
        """Stops early, with zeros for the missing numbers, only when the stop byte is set: the caller checks."""
        out = pooled(len(keys), np.int32)
        row, n = 0, len(keys)
        if isinstance(keys, Words):
            nulls = keys.nulls.view(np.uint8) if keys.nulls is not None else np.empty(0, np.uint8)
            if not self.n and n:
                self.base[0] = (int(keys.values[0]) - len(self.near) // 2) & ((1 << 64) - 1)
            while True:
                row = kernels.group.word_ids(
                    keys.values, nulls, row, self.slots, self.key0, self.key1, self.state, self.near, self.base, out, stop
                )  # fmt: skip
                if row == n or stop[0]:
                    out[row:] = 0
                    return out
                self._grow(0, stop)
        data, start, length, shift, ends = _located(keys)
        while True:
            row = kernels.group.group_ids(
                data, start, length, shift, ends, row,
                self.slots, self.key0, self.key1, self.sizes, self.arena, self.state, out, stop,
            )  # fmt: skip
            if row == n or stop[0]:
                out[row:] = 0
                return out
            self._grow(int(length[row]) - ends * int(start[row]), stop)

    def _grow(self, size: int, stop: NDArray[np.uint8]) -> None:
        if self.n >= len(self.key0):
            self.reserve(2 * len(self.key0), stop)
        else:
            self.widen(len(self.arena) + size)

    def widen(self, more: int) -> None:
        """Room for so many more bytes of long keys."""
        used, made = self.arena_used, zeros((len(self.arena) + more,), np.uint8)
        made[:used] = self.arena[:used]
        self.arena = made

    def reserve(self, capacity: int, stop: NDArray[np.uint8] | None = None) -> None:
        """Room for so many groups. Left unfinished, and so of no more use, only when the stop byte is set."""
        from ..kernels import group

        if capacity <= len(self.key0):
            return
        if capacity > MAX_GROUPS:
            raise MemoryError("more than 2,147,483,647 groups in one part")
        n = self.n
        self.key0, self.key1 = grown(self.key0, n, capacity), grown(self.key1, n, capacity)
        if not self.words:
            self.sizes = grown(self.sizes, n, capacity)
        self.slots = filled(2 * capacity, -1)
        for begin in range(0, self.n, REBUILT):
            group.rebuild(self.key0, self.key1, begin, min(begin + REBUILT, self.n), self.slots)
            if stop is not None and stop[0]:
                return

    def expect(self, more: int, stop: NDArray[np.uint8]) -> None:
        """Room at once for so many keys, which are all different, though some may be known."""
        if more > len(self.key0) - self.n:
            self.reserve(1 << max(10, more.bit_length(), self.n.bit_length()), stop)

    def straighten(self) -> None:
        """Where the keys are integers that lie close together, each is found by its distance from the least alone."""
        n = self.n
        if not self.words or not n:
            return
        known = np.flatnonzero(self.key1[:n] != NULL_TAG)
        values = self.key0[known].byteswap()
        if not len(values):
            return
        low = values.min()
        width = int(values.max() - low) + 1
        if width > CLOSE * n:
            return
        self.near = filled(width, -1)
        self.near[(values - low).astype(np.int64)] = known.astype(np.int32)
        self.base[0] = low

    def merge(self, other: KeyTable, members: Ids) -> Ids:
        """The numbers here of another table's keys (each perhaps several times)."""
        from ..kernels import group

        self.reserve(1 << max(6, self.n + len(members) - 1).bit_length())
        room = other.arena_used
        if not self.words and room and len(self.arena) - self.arena_used < room + 16:
            self.widen(room + 16)
        ids = np.empty(len(members), np.int32)
        group.merge_groups(
            other.key0, other.key1, other.sizes_or_eight(), other.arena, members,
            self.slots, self.key0, self.key1, self.sizes_or_eight(), self.arena, self.state, ids,
        )  # fmt: skip
        return ids

    def sizes_or_eight(self) -> Ids:
        return self.sizes if not self.words else np.full(len(self.key0), 8, np.int32)

    def has_long(self) -> bool:
        return self.arena_used > 0

    def hashes(self) -> NDArray[np.uint64]:
        return hash_of(self.key0[: self.n], self.key1[: self.n])

    def sort_words(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """Words whose unsigned order is that of the keys, null first; only where no key is long."""
        from ..kernels import group

        out = np.empty((2, self.n), np.uint64)
        group.sort_words(self.key0, self.key1, self.n, out[0], out[1])
        return out[0], out[1]

    def keys(self, members: Ids | None = None) -> pa.Array[Any]:
        n = self.n
        if self.words:
            at = slice(n) if members is None else members
            nulls = self.key1[at] == NULL_TAG
            return array_from(np.where(nulls, np.uint64(0), self.key0[at].byteswap()), nulls)
        is_long = self.sizes[:n] > INLINE
        words = np.stack([self.key0[:n], self.key1[:n]], axis=1).ravel().view(np.uint8)
        data = np.concatenate([words, self.arena[: self.arena_used]])
        start = np.where(is_long, 16 * n + (self.key1[:n] ^ LONG_TAG).astype(np.int64), 16 * np.arange(n))
        if len(data) > MAX_GROUPS:
            raise MemoryError("the keys of one part are more than 2 GiB")
        spans = Spans(buffer_of(data), data, start.astype(np.int32), self.sizes[:n])
        if members is not None:
            spans = spans.take(members)
        got: pa.Array[Any] = spans.to_arrow()
        if got.type != self.type:
            got = pa.Array.from_buffers(self.type, len(got), got.buffers())
        return got


def inline_keys(word0: NDArray[np.uint64], word1: NDArray[np.uint64], order: Ids, type_: Any) -> pa.Array[Any]:
    """Keys given by their sort words, in `order`, as Arrow text."""
    from ..kernels import group

    offsets, data = np.empty(len(order) + 1, np.int32), np.empty(16 * len(order) + 16, np.uint8)
    used = group.write_keys(word0, word1, order, offsets, data)
    nulls = word1[order] == 0
    text = data[:used] if 4 * used > 3 * len(data) else data[:used].copy()
    return pa.Array.from_buffers(type_, len(order), [bitmap_of(nulls), buffer_of(offsets), buffer_of(text)])


class DictTable:
    """The same without compiled code: distinct values of a batch by Arrow, then one dict look-up each."""

    def __init__(self, words: bool = False, type_: Any = None) -> None:
        self.words = words
        self.type = type_ or (pa.uint64() if words else pa.string())
        self._places: dict[Any, int] = {}
        self._chunks: list[pa.Array[Any]] = []
        self._nbytes = 0

    @property
    def n(self) -> int:
        return len(self._places)

    def nbytes(self) -> int:
        return self._nbytes

    def number(self, value: Any) -> int:
        """Of a key; -1 if it is not there."""
        return self._places.get(value, -1)

    def ids(self, keys: Any, stop: NDArray[np.uint8]) -> Ids:
        if isinstance(keys, Words | Spans):
            keys = keys.to_arrow()
        if not len(keys):
            return NO_ROWS
        coded: Any = call("dictionary_encode", keys, null_encoding="encode")
        distinct = coded.dictionary
        places, before = self._places, len(self._places)
        found = np.empty(len(distinct), np.int32)
        fresh: list[int] = []
        for i, value in enumerate(distinct.to_pylist()):
            found[i] = places.setdefault(value, len(places))
            if len(places) > before + len(fresh):
                fresh.append(i)
        if fresh:
            new = taken(distinct, indices(np.array(fresh, np.int32)))
            self._chunks.append(new)
            self._nbytes += new.nbytes + 160 * len(fresh)
        return found[raw_codes(coded)]

    def keys(self, members: Ids | None = None) -> pa.Array[Any]:
        if len(self._chunks) != 1:
            self._chunks = [concat(self._chunks)] if self._chunks else [null_array(0, self.type)]
        got = self._chunks[0]
        return got if members is None else taken(got, indices(members))

    def hashes(self) -> NDArray[np.uint64]:
        keys = self.keys()
        column = Words(numbers_of(keys).view(np.uint64), ~is_valid(keys)) if self.words else keys
        return hash_of(*words_for(column))


def raw_codes(coded: pa.DictionaryArray[Any, Any]) -> Ids:
    data = coded.indices.buffers()[1]
    return bytes_of(data).view(np.int32)[: len(coded)]


def new_table(compiled: bool, words: bool, type_: Any, capacity: int = 1 << 10) -> KeyTable | DictTable:
    return KeyTable(words, capacity, type_=type_) if compiled else DictTable(words, type_)


def compile_table(table: DictTable, stop: NDArray[np.uint8]) -> KeyTable:
    """The same keys with the same numbers in a compiled table."""
    made = KeyTable(table.words, 1 << max(10, table.n.bit_length()), type_=table.type)
    keys = table.keys()
    made.ids(Words(numbers_of(keys).view(np.uint64), ~is_valid(keys)) if table.words else keys, stop)
    return made


def merge_tables(into: KeyTable | DictTable, other: KeyTable | DictTable, members: Ids, stop: Any) -> Ids:
    """The numbers in `into` of keys `members` of another table; both may be of either kind."""
    if isinstance(into, KeyTable) and isinstance(other, KeyTable):
        return into.merge(other, members)
    keys = other.keys(members)
    if other.words:
        return into.ids(Words(numbers_of(keys).view(np.uint64), ~is_valid(keys)), stop)
    return into.ids(keys, stop)
