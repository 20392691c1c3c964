"""Values of given ranks among many words that lie in several pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

U64: TypeAlias = NDArray[np.uint64]
FEW = 1 << 14  # words that are cheaper put in one piece
BITS = 13  # of a word's distance from the least that say in which stretch it lies


SAMPLED = 1 << 12  # words that tell between which two a rank will be found
DEVIATIONS = 4.0  # standard ones of a rank in the sample, to either side; beyond them all words are counted once more
MOST_BANDS = 3  # of ranks far from each other, each of which takes a pass; counting by stretches takes two passes and a look at all


def words_of_ranks(pieces: Sequence[U64], ranks: NDArray[np.int64]) -> U64:
    """The words that would stand at `ranks` (ascending) if all pieces were sorted as one. Compiled only. O(words).

    A sample says between which words those of the ranks lie, and one pass finds whether that is so, and which they are.
    Source: Floyd and Rivest, "Expected time bounds for selection", CACM 18 (1975).
    """
    total = sum(map(len, pieces))
    if total < FEW:
        whole = np.concatenate(pieces)
        whole.partition(ranks)
        few: U64 = whole[ranks]
        return few
    bands = _bands(pieces, ranks, total)
    found = [_of_band(pieces, band, total) for band in bands] if len(bands) <= MOST_BANDS else [None]
    missed = any(f is None for f in found)
    return _by_stretches(pieces, ranks) if missed else np.concatenate([f for f in found if f is not None])


Band: TypeAlias = "tuple[NDArray[np.int64], np.uint64, np.uint64]"  # ranks, and two words that enclose theirs


def _bands(pieces: Sequence[U64], ranks: NDArray[np.int64], total: int) -> list[Band]:
    step = max(1, total // SAMPLED)
    sample = np.sort(np.concatenate([p[::step] for p in pieces]))
    at, n = ranks / total, len(sample)
    reach = DEVIATIONS * np.sqrt(n * at * (1 - at)) + DEVIATIONS
    low, high = np.floor(at * n - reach).astype(np.int64), np.ceil(at * n + reach).astype(np.int64)
    ends = np.flatnonzero(low[1:] > high[:-1]) + 1
    out: list[Band] = []
    for some in np.split(np.arange(len(ranks)), ends):
        first, last = low[some[0]], high[some[-1]]
        least = sample[first] if first >= 0 else np.uint64(0)
        most = sample[last] if last < n else np.uint64(2**64 - 1)
        out.append((ranks[some], least, most))
    return out


def _of_band(pieces: Sequence[U64], band: Band, total: int) -> U64 | None:
    """None where a rank is not within the band, or too much is."""
    from ...kernels import ranked

    ranks, low, high = band
    counts, inside = np.zeros(4, np.int64), np.empty(total // 8 + 2, np.uint64)
    for piece in pieces:
        ranked.band_words(piece, low, high, counts, inside)
    below, at_low, n, at_high = counts.tolist()
    upto_low = below + at_low
    if ranks[0] < below or ranks[-1] >= upto_low + n + at_high or n >= len(inside):
        return None
    out = np.where(ranks < upto_low, low, high)
    within = (ranks >= upto_low) & (ranks < upto_low + n)
    if within.any():
        places, kept = ranks[within] - upto_low, inside[:n]
        kept.partition(places)
        out[within] = kept[places]
    return out


def _by_stretches(pieces: Sequence[U64], ranks: NDArray[np.int64]) -> U64:
    """Words are counted by stretches of equal width, and those of the stretches with a rank are looked at: where the words are
    nearly all in one of them it is as a selection among all.
    """
    from ...kernels import ranked

    low = min(int(p.min()) for p in pieces if len(p))
    reach = max(int(p.max()) for p in pieces if len(p)) - low
    first, shift = np.array([low], np.uint64), max(0, reach.bit_length() - BITS)
    counts = np.zeros((reach >> shift) + 1, np.int64)
    for piece in pieces:
        ranked.count_words(piece, first, shift, counts)
    ends = np.cumsum(counts)
    stretch = np.searchsorted(ends, ranks, "right")
    wanted = np.zeros(len(counts), np.uint8)
    wanted[stretch] = 1
    sizes = np.where(wanted, counts, 0)
    found, n = np.empty(int(sizes.sum()) + 1, np.uint64), 0
    for piece in pieces:
        n = int(ranked.pick_words(piece, first, shift, wanted, n, found))
    places = ranks - ends[stretch] + np.cumsum(sizes)[stretch]
    picked: U64 = found[:n]
    picked.partition(places)
    chosen: U64 = picked[places]
    return chosen
