"""`key=value` texts taken apart, all rows of a batch in step: the first pair of each row, then the second, and so on.

A pair is `key`, the key's delimiter, `value`; pairs are parted by a delimiter of their own. Blanks around keys and values
are trimmed. A value that begins with a quote ends at the same quote, unescaped, behind which only blanks stand before the
next pair or the end; a quote that is not closed so is an ordinary character. Words without the key's delimiter are passed
over, and so are pairs without a key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from .arrow import bytes_of, is_valid, offsets_of
from .batch import Spans

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
QUOTES = (34, 39)
BACKSLASH = 92
TAIL = 16  # readable bytes behind the text, so that whole words can be loaded
FEW = 24  # rows below which a loop over pairs is quicker than a step over rows
CHECKED = 1000  # pairs of one row between two looks at a cancel
FAR = 1 << 60
BLANKS = b" \t\n\r\x0b\x0c"


@dataclass(frozen=True, slots=True)
class PairForm:
    """How keys and values are parted. `whole`: quoted values know all escapes of JSON, else only those of quotes and
    backslashes."""

    kv: bytes = b"="
    pair: bytes = b" "
    whole: bool = False
    name: str = ""  # of a form that is read in a way of its own


class Pairs(NamedTuple):
    """Pairs of some rows; those of one row stand in order. Places are bytes in the text's data."""

    rows: Ints
    key_start: Ints
    key_length: Ints
    start: Ints
    length: Ints
    escaped: Mask  # a quoted value with a backslash in it


@dataclass(slots=True)
class Texts:
    """Texts whose rows lie one behind the other in `data`, which goes on for TAIL bytes behind them.

    `base`: what is to be added to a place to have it in the column's own buffer.
    """

    data: NDArray[np.uint8]
    start: Ints
    stop: Ints
    valid: Mask
    base: int

    @property
    def size(self) -> int:
        return len(self.data) - TAIL


def texts_of(column: pa.Array[Any] | Spans) -> tuple[Texts, pa.Array[Any] | Spans]:
    """The column's bytes and rows; the column itself, or a copy of it where its rows lie scattered."""
    if isinstance(column, Spans):
        length = np.maximum(column.length, 0)
        start, valid = column.start.astype(np.int64), column.length >= 0
        if _is_dense(start, length):
            return _texts(column.data, start, start + length, valid), column
        column = column.to_arrow()
    offsets = offsets_of(column).astype(np.int64)
    return _texts(bytes_of(column.buffers()[2]), offsets[:-1], offsets[1:], is_valid(column)), column


def _is_dense(start: Ints, length: Ints) -> bool:
    if not len(start) or not (start[1:] >= (start + length)[:-1]).all():
        return not len(start)
    region = int(start[-1] + length[-1] - start[0])
    return region <= 4 * int(length.sum()) + 4096


def _texts(data: NDArray[np.uint8], start: Ints, stop: Ints, valid: Mask) -> Texts:
    low, high = (int(start[0]), int(stop[-1])) if len(start) else (0, 0)
    part = np.zeros(high - low + TAIL, np.uint8)
    part[: high - low] = data[low:high]
    return Texts(part, start - low, stop - low, valid, low)


def tokens(texts: Texts, form: PairForm, check: Callable[[], None]) -> Iterator[Pairs]:
    """All pairs with a key, a step at a time; the pairs of a row come in order. `check` is called between steps."""
    marks = Marks(texts, form)
    rows = np.flatnonzero(texts.valid & (texts.stop > texts.start))
    at, end = texts.start[rows], texts.stop[rows]
    while len(rows) > FEW:
        check()
        pairs, rows, at, end = _step(texts.data, marks, form, rows, at, end)
        if len(pairs.rows):
            yield pairs
    for row, begin, stop in zip(rows.tolist(), at.tolist(), end.tolist(), strict=True):
        check()
        yield from _singly(texts.data[begin:stop].tobytes(), row, begin, form, check)


class Marks:
    """Where delimiters, blanks, quotes and backslashes stand."""

    def __init__(self, texts: Texts, form: PairForm) -> None:
        data = texts.data[: texts.size]
        self.kv, self.pair = _found(data, form.kv), _found(data, form.pair)
        self.blank = np.zeros(len(data) + 1, np.bool_)
        self.blank[:-1] = (data == 32) | ((data >= 9) & (data <= 13))
        at = np.flatnonzero(self.blank)
        first = np.flatnonzero(np.diff(at, prepend=-2) != 1)
        sizes = np.diff(first, append=len(at))
        self.blanks = at
        self.run_start = np.repeat(at[first], sizes)
        self.run_stop = np.repeat(at[first] + sizes, sizes)
        self.slashes = _ended(np.flatnonzero(data == BACKSLASH))
        self.quotes = {q: np.flatnonzero(data == q) for q in QUOTES}
        self.closing = {q: _ended(self._closing(self.quotes[q], texts, form)) for q in QUOTES}

    def behind_blanks(self, at: Ints) -> Ints:
        """The first place from `at` on that is no blank."""
        here = self.blank[at]
        if not here.any():
            return at
        out = at.copy()
        out[here] = self.run_stop[np.searchsorted(self.blanks, at[here])]
        return out

    def before_blanks(self, at: Ints) -> Ints:
        """The last place up to `at` with no blank before it."""
        here = self.blank[at - 1] & (at > 0)
        if not here.any():
            return at
        out = at.copy()
        out[here] = self.run_start[np.searchsorted(self.blanks, at[here] - 1)]
        return out

    def _closing(self, quotes: Ints, texts: Texts, form: PairForm) -> Ints:
        """The quotes that can close a value."""
        if not len(quotes):
            return quotes
        quotes = self.unescaped(quotes)
        row = np.searchsorted(texts.start, quotes, side="right") - 1
        end = texts.stop[np.maximum(row, 0)]
        ink = self.behind_blanks(quotes + 1)
        delimiter = next_of(self.pair, quotes + 1)
        return quotes[(ink >= end) | ((delimiter <= ink) & (delimiter + len(form.pair) <= end))]

    def unescaped(self, places: Ints) -> Ints:
        """Those that no odd run of backslashes stands before."""
        slashes = self.slashes[:-1]
        if not len(slashes) or not len(places):
            return places
        first = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
        begin = slashes[first]
        stop = begin + np.diff(first, append=len(slashes))
        at = np.minimum(np.searchsorted(stop, places), len(stop) - 1)
        out: Ints = places[~((stop[at] == places) & ((stop - begin)[at] % 2 == 1))]
        return out


def next_of(places: Ints, at: Ints) -> Ints:
    """The first of `places` (which end in FAR) from `at` on."""
    out: Ints = places[np.searchsorted(places, at)]
    return out


def _ended(places: Ints) -> Ints:
    return np.append(places, FAR)


def _found(data: NDArray[np.uint8], what: bytes) -> Ints:
    at = np.flatnonzero(data[: max(len(data) - len(what) + 1, 0)] == what[0])
    for i, byte in enumerate(what[1:], 1):
        at = at[data[at + i] == byte]
    return _ended(at)


def _step(
    data: NDArray[np.uint8], marks: Marks, form: PairForm, rows: Ints, at: Ints, end: Ints
) -> tuple[Pairs, Ints, Ints, Ints]:
    """The next pair of each row, the rows that go on, and where."""
    at = marks.behind_blanks(at)
    kv = next_of(marks.kv, at)
    go = kv + len(form.kv) <= end
    rows, at, end, kv = rows[go], at[go], end[go], kv[go]
    key, key_stop = _keys(data, marks, form, at, kv)
    start, stop, after, escaped = _values(data, marks, form, kv + len(form.kv), end)
    named = key_stop > key
    pairs = Pairs(rows[named], key[named], (key_stop - key)[named], start[named], (stop - start)[named], escaped[named])
    go = after < end
    return pairs, rows[go], after[go], end[go]


def _keys(data: NDArray[np.uint8], marks: Marks, form: PairForm, at: Ints, kv: Ints) -> tuple[Ints, Ints]:
    last = np.searchsorted(marks.pair, kv - len(form.pair), side="right") - 1
    before = marks.pair[np.maximum(last, 0)]
    key = np.minimum(marks.behind_blanks(np.where((last >= 0) & (before >= at), before + len(form.pair), at)), kv)
    stop = np.maximum(marks.before_blanks(kv), key)
    quotes = marks.quotes[34]
    if len(quotes):
        quoted = np.flatnonzero((stop > at) & (data[stop - 1] == 34))
        before = np.searchsorted(quotes, stop[quoted] - 1) - 1
        opening = quotes[np.maximum(before, 0)]
        edge = (opening == at[quoted]) | marks.blank[opening - 1] | (data[opening - 1] == form.pair[-1])
        good = (before >= 0) & (opening >= at[quoted]) & edge
        quoted, opening = quoted[good], opening[good]
        key[quoted], stop[quoted] = opening + 1, stop[quoted] - 1
    return key, stop


def _values(
    data: NDArray[np.uint8], marks: Marks, form: PairForm, at: Ints, end: Ints
) -> tuple[Ints, Ints, Ints, Mask]:
    """Where values begin and end, where the next pair may begin, and which values need unescaping."""
    delimiter = next_of(marks.pair, at)
    has_more = delimiter + len(form.pair) <= end
    border = np.where(has_more, delimiter, end)
    start = np.minimum(marks.behind_blanks(at), border)
    stop = np.maximum(marks.before_blanks(border), start)
    after = np.where(has_more, delimiter + len(form.pair), end)
    escaped = np.zeros(len(at), np.bool_)
    first = np.where(start < border, data[start], 0)
    for quote in QUOTES:
        opened = np.flatnonzero(first == quote)
        if not len(opened):
            continue
        close = next_of(marks.closing[quote], start[opened] + 1)
        good = close < end[opened]
        opened, close = opened[good], close[good]
        start[opened] += 1
        stop[opened] = close
        escaped[opened] = next_of(marks.slashes, start[opened]) < close
        behind = next_of(marks.pair, close + 1) + len(form.pair)
        after[opened] = np.where(behind <= end[opened], behind, end[opened])
    return start, stop, after, escaped


def _singly(raw: bytes, row: int, base: int, form: PairForm, check: Callable[[], None]) -> Iterator[Pairs]:
    """The pairs of one row by a loop: for the last few rows, which may be very long."""
    found: list[tuple[int, int, int, int, bool]] = []
    for pair in pairs_in(raw, form):
        if pair[1]:
            found.append(pair)
        if len(found) % CHECKED == 0:
            check()
    if found:
        numbers = np.array(found, np.int64).reshape(-1, 5)
        yield Pairs(np.full(len(found), row), base + numbers[:, 0], numbers[:, 1], base + numbers[:, 2], numbers[:, 3],
                    numbers[:, 4] > 0)  # fmt: skip


def pairs_in(raw: bytes, form: PairForm) -> Iterator[tuple[int, int, int, int, bool]]:
    """The same rules for one text: key's place and length, value's place and length, whether it is escaped."""
    at, end = 0, len(raw)
    unclosed = set[int]()  # quotes that nothing closes from here on
    while True:
        at = _ink(raw, at)
        kv = raw.find(form.kv, at)
        if kv < 0:
            return
        key, key_stop = _key(raw, form, at, kv)
        begin = kv + len(form.kv)
        delimiter = raw.find(form.pair, begin)
        border = end if delimiter < 0 else delimiter
        at = end if delimiter < 0 else delimiter + len(form.pair)
        start = min(_ink(raw, begin), border)
        stop, escaped = start + len(raw[start:border].rstrip(BLANKS)), False
        quote = raw[start] if start < border else 0
        if quote in QUOTES and quote not in unclosed:
            close = _close(raw, start + 1, quote, form.pair)
            if close < 0:
                unclosed.add(quote)
            else:
                start, stop = start + 1, close
                escaped = BACKSLASH in raw[start:stop]
                delimiter = raw.find(form.pair, close + 1)
                at = end if delimiter < 0 else delimiter + len(form.pair)
        yield key, key_stop - key, start, stop - start, escaped


def _ink(raw: bytes, at: int) -> int:
    found = _BLANKS.match(raw, at)
    return found.end() if found is not None else at


def _key(raw: bytes, form: PairForm, at: int, kv: int) -> tuple[int, int]:
    last = raw.rfind(form.pair, at, kv)
    key = min(_ink(raw, last + len(form.pair) if last >= 0 else at), kv)
    stop = key + len(raw[key:kv].rstrip(BLANKS))
    if stop > at and raw[stop - 1] == QUOTES[0]:
        opening = raw.rfind(b'"', at, stop - 1)
        if opening >= 0 and (opening == at or raw[opening - 1] in BLANKS or raw[opening - 1] == form.pair[-1]):
            return opening + 1, stop - 1
    return key, stop


def _close(raw: bytes, at: int, quote: int, pair: bytes) -> int:
    """The quote that ends a value which goes on at `at`; -1 if there is none."""
    sign = bytes((quote,))
    while (at := raw.find(sign, at)) >= 0:
        slashes = at - len(raw[max(at - 64, 0) : at].rstrip(b"\\")) - max(at - 64, 0)
        if slashes == min(64, at):
            slashes = at - len(raw[:at].rstrip(b"\\"))
        ink = _ink(raw, at + 1)
        if slashes % 2 == 0 and (ink >= len(raw) or 0 <= raw.find(pair, at + 1, ink + len(pair)) <= ink):
            return at
        at += 1
    return -1


_BLANKS = re.compile(rb"[ \t-\r]*")
