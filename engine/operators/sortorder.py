"""The order of a block of rows by its keys: words packed into as few as hold them, then sorted stably."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import buffer_of, bytes_of, call, indices
from ..context import Context, Stopped
from .keyform import SIGN
from .sortkeys import Keys, Same, Texts
from .sortplaces import Order

TEXT_DEPTH = 64  # bytes of text compared eight by eight; what is alike so far is ranked by Arrow
SMALL = 2048  # rows for which a compiled sort gains nothing

Words = NDArray[np.uint64]
PlacesOf = Callable[[], NDArray[np.int64]]  # of the rows as they stand
AS_IT_IS = np.uint64(0)


def order_of(keys: Keys, ctx: Context, places_of: PlacesOf | None = None) -> Order:
    """Row numbers in sorted order; ties by place, which is asked for where there are any, or as they stand."""
    packed = pack(words_of(keys, len(keys.parts), ctx))
    order, has_ties = _sorted(packed, keys.n_rows, ctx)
    if has_ties and places_of is not None and _ties_astray(packed, order, places := places_of()):
        order = sort_words([*packed, *pack([places.view(np.uint64)])], keys.n_rows, ctx)
    return order


def group_begins(keys: Keys, ctx: Context) -> NDArray[np.bool_]:
    """For each row of a sorted block whether its keys of `by` differ from those of the row before; the first does."""
    return begins_of(words_of(keys, keys.n_by, ctx), np.arange(keys.n_rows, dtype=np.int32))


def words_of(keys: Keys, end: int, ctx: Context, begin: int = 0) -> list[Words]:
    """Of the parts begin .. end, but those that are the same for all rows."""
    return [w for i in range(begin, end) if (w := _part_words(keys, i, ctx)) is not None]


def _part_words(keys: Keys, i: int, ctx: Context) -> Words | None:
    part = keys.parts[i]
    ctx.check()
    if isinstance(part, Same):
        return None
    if isinstance(part, Texts):
        ranks = text_ranks(part, ctx)
        return ~ranks if part.descending else ranks
    return part.astype(np.uint64, copy=False)


def pack(words: Sequence[Words]) -> list[Words]:
    """The same order in fewer words: each takes only the bits that its range needs, neighbours share a word."""
    out: list[Words] = []
    room = 0
    for word in words:
        if not len(word):
            return []
        low, high = word.min(), word.max()
        bits = int(high - low).bit_length()
        if not bits:
            continue
        word = word - low if int(high).bit_length() > bits else word
        if bits <= room:
            out[-1] = (out[-1] << np.uint64(bits)) | word
            room -= bits
        else:
            out.append(word)
            room = 64 - bits
    return out


def sort_words(words: Sequence[Words], n: int, ctx: Context) -> Order:
    """Stable order by the words, the first the most significant."""
    return _sorted(words, n, ctx)[0]


def _sorted(words: Sequence[Words], n: int, ctx: Context) -> tuple[Order, bool]:
    """The order, and whether rows may be alike in all words."""
    if n < 2 or is_ordered(words, np.ones(n - 1, np.bool_)):
        return np.arange(n, dtype=np.int32), True
    if n > SMALL and ctx.compiled:
        return _radix(words, n, ctx)
    if len(words) == 1:
        # 16 bits or fewer: NumPy's radix sort; else a merge sort that makes use of sorted stretches
        word = words[0].astype(np.uint16) if int(words[0].max()) < 1 << 16 else words[0]
        return np.argsort(word, kind="stable").astype(np.int32), True
    return np.lexsort(tuple(reversed(words))).astype(np.int32), True


def is_ordered(words: Sequence[Words], equal: NDArray[np.bool_], order: Order | None = None) -> bool:
    """Whether rows, in `order`, ascend by the words as far as each is `equal` to the one before by what stands in front."""
    for i, word in enumerate(words):
        if order is not None:
            word = word[order]
        before, after = word[:-1], word[1:]
        if bool(((after < before) & equal).any()):
            return False
        if i < len(words) - 1:
            equal = equal & (after == before)
    return True


def _radix(words: Sequence[Words], n: int, ctx: Context) -> tuple[Order, bool]:
    order, equal = np.arange(n, dtype=np.int32), n
    for word in reversed(words):
        low, high = word.min(), word.max()
        if low != high:
            order, equal = _by_word(word, AS_IT_IS, low, int(high - low).bit_length(), order, ctx)
    return order, equal > 0


def _by_word(
    word: Words, flip: np.uint64, least: np.uint64, bits: int, order: Order, ctx: Context
) -> tuple[Order, int]:
    """`order` by word ^ flip; and how many neighbours are equal."""
    from ..kernels.sortkeys import DIGIT, order_by_word

    n = len(word)
    out = np.empty(n, np.int32)
    key, other = ctx.scratch("sort.key", n, np.uint64)[:n], ctx.scratch("sort.key2", n, np.uint64)[:n]
    counts = ctx.scratch("sort.counts", 1 << DIGIT, np.int64)
    equal = order_by_word(word, flip, least, bits, order, out, key, other, counts, ctx.stop)
    if equal < 0:
        raise Stopped
    ctx.check()
    return out, equal


def order_of_longs(
    values: NDArray[np.int64], descending: bool, ctx: Context, places_of: PlacesOf | None = None
) -> Order:
    """As `order_of`, of one key of whole numbers none of which is null, which are read as they are; compiled."""
    words, flip, order = values.view(np.uint64), ~SIGN if descending else SIGN, np.arange(len(values), dtype=np.int32)
    before, after = values[:-1], values[1:]
    equal = len(values)
    if bool((before < after if descending else after < before).any()):
        first, last = (values.max(), values.min()) if descending else (values.min(), values.max())
        bits = abs(int(last) - int(first)).bit_length()
        order, equal = _by_word(words, flip, first.view(np.uint64) ^ flip, bits, order, ctx)
    if equal and places_of is not None and _ties_astray([words], order, places := places_of()):
        order = sort_words([*pack([words ^ flip]), *pack([places.view(np.uint64)])], len(values), ctx)
    return order


def _ties_astray(words: Sequence[Words], order: Order, places: NDArray[np.int64]) -> bool:
    arrival = places[order]
    back = arrival[1:] < arrival[:-1]
    for word in words:
        if not back.any():
            return False
        ordered = word[order]
        back &= ordered[1:] == ordered[:-1]
    return bool(back.any())


def begins_of(words: Sequence[Words], order: Order) -> NDArray[np.bool_]:
    """Of each row in `order` whether it differs from the one before; the first does."""
    begins = np.zeros(len(order), np.bool_)
    begins[:1] = True
    for word in words:
        ordered = word[order]
        begins[1:] |= ordered[1:] != ordered[:-1]
    return begins


def text_ranks(text: Texts, ctx: Context) -> Words:
    """A word for each row whose order is that of the bytes; equal for equal bytes."""
    if text.codes is not None and len(text.start) < len(text.codes):
        values = text_ranks(Texts(text.data, text.start, text.length, False), ctx)
        return values[text.codes]
    if text.codes is not None:
        text = Texts(text.data, text.start[text.codes], text.length[text.codes], False)
    return _refined(text.readable(), ctx)


def _refined(text: Texts, ctx: Context) -> Words:
    """The rank of a row is the number of rows before its group; groups are split eight bytes at a time."""
    ranks = np.zeros(len(text.start), np.uint64)
    rows: NDArray[Any] | None = None  # those whose group is not settled; None: all
    begin = _common_prefix(text)
    if len(ranks) > SMALL and ctx.compiled:
        return _settled(text, begin, ctx)
    for depth in range(begin, begin + TEXT_DEPTH, 8):
        ctx.check()
        length = text.length if rows is None else text.length[rows]
        rows = _split(ranks, rows, text.words(rows, depth), np.clip(length - depth, 0, 9), ctx)
        if not len(rows):
            return ranks
    ctx.check()
    if rows is not None:
        _split(ranks, rows, _arrow_ranks(text, rows), None, ctx)
    return ranks


def _settled(text: Texts, begin: int, ctx: Context) -> Words:
    """As `_refined`, compiled."""
    from ..kernels.sortkeys import settle_text, text_words

    n = len(text.start)
    ranks, rows, depth = np.zeros(n, np.uint64), np.arange(n), begin
    word, left = np.empty(n, np.uint64), np.empty(n, np.int64)
    while len(rows):
        ctx.check()
        size = len(rows)
        text_words(text.data, text.start, text.length, rows, depth, word[:size])
        group = ranks[rows]
        order = sort_words(pack([group, word[:size]]), size, ctx)
        n_left = settle_text(
            text.data, text.start, text.length, rows, order, word[:size], group, depth, ranks, left, ctx.stop
        )  # fmt: skip
        if n_left < 0:
            raise Stopped
        depth += 8
        rows = left[:n_left].copy()
        if n_left and depth >= begin + TEXT_DEPTH:
            _split(ranks, rows, _arrow_ranks(text, rows), None, ctx)
            break
    return ranks


def _common_prefix(text: Texts) -> int:
    """Bytes that all values but the empty ones begin with, and that leave something of each."""
    sizes = text.length[text.length > 0]
    if not len(sizes):
        return 0
    least, empty = int(sizes.min()) - 1, text.length == 0
    for depth in range(0, min(least, 64 * TEXT_DEPTH), 8):
        words = text.words(None, depth)
        if len(sizes) < len(words):
            words = words[~empty]
        differing = int(words.min() ^ words.max())
        if differing:
            return min(least, depth + (64 - differing.bit_length()) // 8)
    return max(0, min(least, 64 * TEXT_DEPTH))


def _split(
    ranks: Words, rows: NDArray[Any] | None, word: Words, sizes: NDArray[np.int64] | None, ctx: Context
) -> NDArray[Any]:
    """Split the groups of `rows` by a word. `sizes`: bytes the word holds, 9: more follow. Returns the rows still alike."""
    group = ranks if rows is None else ranks[rows]
    words = pack([word] if rows is None else [group, word])
    order = sort_words(words, len(group), ctx)
    begins = begins_of(words, order)
    if sizes is not None:
        ordered = sizes[order]
        if bool((~begins[1:] & (ordered[1:] != ordered[:-1])).any()):  # zero bytes: "a" and "a\0" have one word
            words = [*words, sizes.astype(np.uint64)]
            order = sort_words(words, len(group), ctx)
            begins = begins_of(words, order)
            ordered = sizes[order]
    at = np.arange(len(group))
    first = np.maximum.accumulate(np.where(begins, at, 0))
    old = group[order]
    outer = np.ones(len(group), np.bool_)
    outer[1:] = old[1:] != old[:-1]
    fresh = old + (first - np.maximum.accumulate(np.where(outer, at, 0))).astype(np.uint64)
    moved = order if rows is None else rows[order]
    ranks[moved] = fresh
    if sizes is None:
        return moved[:0]
    alone = begins.copy()
    alone[:-1] &= begins[1:]
    left: NDArray[Any] = moved[~alone & (ordered == 9)]
    return left


def _arrow_ranks(text: Texts, rows: NDArray[Any]) -> Words:
    """Whole values compared by Arrow: for text alike over many bytes."""
    offsets = np.append(text.start, text.start[-1:] + text.length[-1:])
    data = text.data
    if bool((np.diff(offsets) != text.length).any()):  # bytes behind a null: Arrow's offsets know no gaps
        data = np.concatenate([data[b : b + n] for b, n in zip(text.start.tolist(), text.length.tolist(), strict=True)])
        offsets = np.concatenate([[0], np.cumsum(text.length)])
    values = pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, [None, buffer_of(offsets), buffer_of(data)])
    ranked = call("rank", values.take(indices(rows)), tiebreaker="dense")
    ranks: Words = bytes_of(ranked.buffers()[1])[: 8 * len(rows)].view(np.uint64)
    return ranks
