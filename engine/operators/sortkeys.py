"""Sort keys in a form that compares as the language orders values: unsigned words, and bytes for text.

A key is a flag (null or not) and then words or bytes; descending words are inverted, so that every part ascends but
bytes, which carry their direction. Arrays become bytes that order element by element, maps and foreign types their text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..arrow import bools_of, bytes_of, is_valid, numbers_of, offsets_of
from ..batch import Column, Spans
from ..values import other_text
from .keyform import SIGN, double_words, text_form
from .sortplaces import Places

MASKS = np.array(
    [0, *(~((1 << 64 - 8 * n) - 1) & (2**64 - 1) for n in range(1, 9))], np.uint64
)  # keep the first n bytes
BOUND_DEPTH = 64  # bytes of text that `Keys.before` compares; beyond it says "perhaps"


@dataclass(frozen=True, slots=True)
class SortBy:
    """One key: a column of the rows that are sorted."""

    column: int
    descending: bool
    nulls_first: bool


class Down:
    """Bytes in descending order."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    def __lt__(self, other: Down) -> bool:
        return other.value < self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Down) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Same:
    """A part that is the same for all rows."""

    value: np.uint8


@dataclass(frozen=True, slots=True)
class Texts:
    """Bytes of n rows: start and length (0 for null) in `data`. `codes`: the rows are these entries of start and length."""

    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    descending: bool
    codes: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.start if self.codes is None else self.codes)

    def __getitem__(self, row: int) -> bytes | Down:
        entry = row if self.codes is None else self.codes[row]
        begin = int(self.start[entry])
        value = self.data[begin : begin + int(self.length[entry])].tobytes()
        return Down(value) if self.descending else value

    def slice(self, begin: int, end: int) -> Texts:
        if self.codes is not None:
            return Texts(self.data, self.start, self.length, self.descending, self.codes[begin:end])
        return Texts(self.data, self.start[begin:end], self.length[begin:end], self.descending)

    def nbytes(self) -> int:
        return self.start.nbytes + self.length.nbytes + (0 if self.codes is None else self.codes.nbytes)

    def readable(self) -> Texts:
        """The same text with eight bytes readable behind each value, cut down to the part that is used."""
        if not len(self.start):
            return self
        low, high = int(self.start.min()), int((self.start + self.length).max())
        if high + 8 <= len(self.data):
            return self
        data = np.zeros(high - low + 8, np.uint8)
        data[: high - low] = self.data[low:high]
        return Texts(data, self.start - low, self.length, self.descending, self.codes)

    def words(self, entries: NDArray[Any] | None, depth: int) -> NDArray[np.uint64]:
        """Eight bytes from `depth` on as big-endian words, zeros behind the end. Needs `readable`."""
        start, length = (self.start, self.length) if entries is None else (self.start[entries], self.length[entries])
        if len(self.data) < 8:
            return np.zeros(len(start), np.uint64)
        left = np.clip(length - depth, 0, 8)
        loads: NDArray[np.uint64] = np.ndarray(
            (len(self.data) - 7,), np.uint64, self.data.data, strides=(1,)
        )  # unaligned
        return loads[np.where(left > 0, start + depth, 0)].byteswap() & MASKS[left]


Part: TypeAlias = "NDArray[Any] | Texts | Same"
Row: TypeAlias = tuple[Any, ...]  # one row's parts and its place


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys of n rows, most significant part first. `n_by`: parts that belong to the keys of `by`."""

    n_rows: int
    parts: tuple[Part, ...]
    n_by: int = 0

    def slice(self, begin: int, end: int) -> Keys:
        cut = (
            p if isinstance(p, Same) else p.slice(begin, end) if isinstance(p, Texts) else p[begin:end]
            for p in self.parts
        )
        return Keys(end - begin, tuple(cut), self.n_by)

    def nbytes(self) -> int:
        return sum(p.nbytes() if isinstance(p, Texts) else p.nbytes for p in self.parts if not isinstance(p, Same))

    def row(self, i: int, places: Places) -> Row:
        """Compares with the rows of any other block of the same keys."""
        return (*(p.value if isinstance(p, Same) else p[i] for p in self.parts), places[i])

    def upto(self, row: Row, places: Places, low: int = 0) -> int:
        """Where the rows end, of this sorted block from `low` on, that are not behind `row`."""
        high = self.n_rows
        for part, value in zip(self.parts, row, strict=False):
            if isinstance(part, Same):
                if part.value == value:
                    continue
                return high if part.value < value else low
            if isinstance(part, Texts):
                low, high = bisect_left(part, value, low, high), bisect_right(part, value, low, high)  # type: ignore[call-overload,type-var,unused-ignore]
            else:
                cut = part[low:high]
                low, high = low + int(cut.searchsorted(value)), low + int(cut.searchsorted(value, "right"))
            if low == high:
                return low
        return low + int(places[low:high].searchsorted(row[-1], "right"))

    def ends(self, rows: Sequence[Row], places: Places) -> list[int]:
        """`upto` of each of these rows, which ascend."""
        words = [i for i, part in enumerate(self.parts) if isinstance(part, np.ndarray)]
        same = [(i, part.value) for i, part in enumerate(self.parts) if isinstance(part, Same)]
        if len(words) != 1 or len(same) + 1 < len(self.parts) or any(row[i] != v for row in rows for i, v in same):
            return [self.upto(row, places) for row in rows]
        word: Any = self.parts[words[0]]
        values = np.array([row[words[0]] for row in rows], word.dtype)
        low, high = word.searchsorted(values), word.searchsorted(values, "right")
        pairs = zip(rows, low.tolist(), high.tolist(), strict=True)
        return [a if a == b else a + int(places[a:b].searchsorted(row[-1], "right")) for row, a, b in pairs]

    def before(self, row: Row, places: Places) -> NDArray[np.bool_]:
        """True for all rows that come before `row`, and perhaps for some behind it."""
        sure = np.zeros(self.n_rows, np.bool_)
        rows: NDArray[Any] | None = None  # still equal; None: all
        for part, value in zip(self.parts, row, strict=False):
            if isinstance(part, Same):
                if part.value == value:
                    continue
                if part.value < value:
                    sure[slice(None) if rows is None else rows] = True
                return sure
            if isinstance(part, Texts):
                less, equal = _compare_text(part, value, rows)
            else:
                values = part if rows is None else part[rows]
                less, equal = values < value, values == value
            if rows is None:
                sure |= less
                rows = np.flatnonzero(equal)
            else:
                sure[rows[less]] = True
                rows = rows[equal]
            if not len(rows):
                return sure
        last = np.arange(self.n_rows) if rows is None else rows
        sure[last[places[last] < row[-1]]] = True
        return sure


def _compare_text(
    part: Texts, value: bytes | Down, rows: NDArray[Any] | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Less (in the part's direction), equal. Rows alike over BOUND_DEPTH bytes count as less."""
    raw = value.value if isinstance(value, Down) else value
    entries = rows if part.codes is None else part.codes if rows is None else part.codes[rows]
    text = part.readable()
    n = len(text.start) if entries is None else len(entries)
    alike = np.arange(n)
    less = np.zeros(n, np.bool_)
    for depth in range(0, min(len(raw), BOUND_DEPTH) + 8, 8):
        chosen = alike if entries is None else entries[alike]
        got, word = text.words(chosen, depth), np.uint64(int.from_bytes(raw[depth : depth + 8].ljust(8, b"\0"), "big"))
        less[alike[got > word if part.descending else got < word]] = True
        alike = alike[got == word]
        if not len(alike):
            break
    equal = np.zeros(n, np.bool_)
    if len(raw) > BOUND_DEPTH:
        less[alike] = True
        return less, equal
    sizes = text.length[alike if entries is None else entries[alike]]
    less[alike[sizes > len(raw) if part.descending else sizes < len(raw)]] = True
    equal[alike[sizes == len(raw)]] = True
    return less, equal


def is_derived(kind: pa.DataType) -> bool:
    """Whether a column of this type is ordered by bytes or text made from it."""
    t = pa.types
    plain = t.is_primitive(kind) or t.is_decimal128(kind) or t.is_null(kind) or _is_text(kind)
    return not (plain or t.is_fixed_size_binary(kind) or t.is_dictionary(kind))


def derived(column: pa.Array[Any]) -> pa.Array[Any]:
    """Bytes or text by which a nested or foreign column is ordered."""
    if pa.types.is_list(column.type):
        from .sortbytes import encode

        return encode(column)
    return text_form(column)


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return t.is_string(kind) or t.is_binary(kind)


def parts_of(column: Column, by: SortBy) -> list[Part]:
    """Flag and value parts of one key column (plain, dictionary or Spans)."""
    valid = np.uint8(1 if by.nulls_first else 0)
    if isinstance(column, Spans):
        nulls = column.length < 0
        size = np.maximum(column.length, 0).astype(np.int64)
        part: list[Part] = [Texts(column.data, column.start.astype(np.int64), size, by.descending)]
        return [_flag(nulls, valid) if nulls.any() else Same(valid), *part]
    if pa.types.is_interval(column.type):  # has no order of its own
        column = other_text(column)
    if pa.types.is_null(column.type):
        return [Same(np.uint8(1 - valid))]
    missing = ~is_valid(column) if column.null_count else None
    flag: Part = Same(valid) if missing is None else _flag(missing, valid)
    if pa.types.is_dictionary(column.type) or _is_text(column.type):
        return [flag, _texts(column, missing, by.descending)]
    words = fixed_words(column)
    for i, word in enumerate(words):
        if by.descending:
            words[i] = ~word
        if missing is not None:
            words[i] = np.where(missing, np.uint64(0), words[i])
    return [flag, *words]


def _flag(nulls: NDArray[np.bool_], valid: np.uint8) -> NDArray[np.uint8]:
    return (~nulls if valid else nulls).view(np.uint8)


def _texts(column: pa.Array[Any], missing: NDArray[np.bool_] | None, descending: bool) -> Texts:
    codes = None
    if isinstance(column, pa.DictionaryArray):
        indices = column.indices
        codes = np.frombuffer(bytes_of(indices.buffers()[1]), np.int32, len(indices) + indices.offset)[indices.offset :]
        column = column.dictionary
    ends = offsets_of(column).astype(np.int64)
    start, length = ends[:-1], np.diff(ends)
    if codes is not None and missing is not None:  # one entry more, for null
        codes = np.where(missing, np.int32(len(start)), codes)
        start, length = np.append(start, 0), np.append(length, 0)
    elif missing is not None:
        length[missing] = 0
    return Texts(bytes_of(column.buffers()[2]), start, length, descending, codes)


def fixed_words(column: pa.Array[Any]) -> list[NDArray[np.uint64]]:
    """Ascending words of a fixed-width column; what a null holds is undefined."""
    kind, t, n = column.type, pa.types, len(column)
    if t.is_boolean(kind):
        return [bools_of(column).astype(np.uint64)]
    if t.is_float64(kind):
        return [double_words(numbers_of(column))]
    if t.is_fixed_size_binary(kind) and not t.is_decimal(kind):
        return _byte_words(column, kind.byte_width)
    if t.is_decimal128(kind):
        halves = np.frombuffer(bytes_of(column.buffers()[1]), np.uint64)[2 * column.offset : 2 * (column.offset + n)]
        return [halves[1::2] ^ SIGN, halves[::2].copy()]
    if kind.bit_width != 64 or t.is_floating(kind) or t.is_unsigned_integer(kind):
        return fixed_words(_widened(column))
    return [numbers_of(column).view(np.uint64) ^ SIGN]


def _widened(column: pa.Array[Any]) -> pa.Array[Any]:
    """Narrow numbers and times of day, which only foreign columns hold, as 64 bits."""
    kind, t = column.type, pa.types
    if t.is_floating(kind):
        return column.cast(pa.float64())
    if t.is_uint64(kind):
        return column.cast(pa.decimal128(20, 0))
    if t.is_time32(kind) or t.is_date32(kind):
        column = column.cast(pa.int32())
    return column.cast(pa.int64())


def _byte_words(column: pa.Array[Any], width: int) -> list[NDArray[np.uint64]]:
    """A fixed number of bytes as big-endian words, the odd bytes first: an IP is its family and two words."""
    n = len(column)
    data = bytes_of(column.buffers()[1])
    raw = (
        data[width * column.offset : width * (column.offset + n)].reshape(n, width)
        if n and len(data)
        else np.zeros((n, width), np.uint8)
    )
    padded = np.zeros((n, -(-width // 8) * 8), np.uint8)
    padded[:, padded.shape[1] - width :] = raw
    words = padded.view(">u8").astype(np.uint64)
    return [np.ascontiguousarray(words[:, i]) for i in range(words.shape[1])]


def keys_of(columns: Sequence[Column], sort_by: Sequence[SortBy], n_rows: int, n_by: int = 0) -> Keys:
    """Keys of a block of rows; `n_by` of the keys come from `by`."""
    parts: list[Part] = []
    by_parts = 0
    for i, by in enumerate(sort_by):
        parts += parts_of(columns[by.column], by)
        if i < n_by:
            by_parts = len(parts)
    return Keys(n_rows, tuple(parts), by_parts)
