"""Values of given ranks among many words that lie in several pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

U64: TypeAlias = NDArray[np.uint64]
FEW = 1 << 14  # words that are cheaper put in one piece
BITS = 13  # of a word's distance from the least that say in which stretch it lies


def words_of_ranks(pieces: Sequence[U64], ranks: NDArray[np.int64]) -> U64:
    """The words that would stand at `ranks` (ascending) if all pieces were sorted as one. Compiled only. O(words).

    Words are counted by stretches of equal width, and those of the stretches with a rank are looked at: where the words are
    nearly all in one of them it is as a selection among all.
    """
    total = sum(map(len, pieces))
    if total < FEW:
        whole = np.concatenate(pieces)
        whole.partition(ranks)
        few: U64 = whole[ranks]
        return few
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
