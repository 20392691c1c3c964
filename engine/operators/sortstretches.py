"""The order of rows that come in stretches of equal first keys: the stretches are sorted, and rows within them only looked at.

Series as they are stored, each in order of time, one behind the other, need no more than that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..context import Context
from .sortkeys import Keys, Part, Same, Texts
from .sortorder import TEXT_DEPTH, begins_of, is_ordered, pack, sort_words, words_of
from .sortplaces import Order

LEAST_ROWS = 8  # of a stretch, on average
LOOK = 1024  # rows that are looked at first

Mask = NDArray[np.bool_]


def order_by_stretches(keys: Keys, ctx: Context) -> Order | None:
    """Row numbers in sorted order, ties as they stand; None where it would not pay, or rows of a stretch are in no order.

    O(n) and a sort of the stretches.
    """
    n_lead = keys.n_by or min(2, len(keys.parts))  # a flag and a value
    if keys.n_rows < LOOK or not n_lead or any(isinstance(p, Texts) for p in keys.parts[n_lead:]):
        return None
    lead = keys.parts[:n_lead]
    few = _begins(Keys(LOOK, keys.slice(0, LOOK).parts[:n_lead]))
    if few is None or few.sum() * LEAST_ROWS > LOOK:
        return None
    ctx.check()
    begins = _begins(Keys(keys.n_rows, lead))
    if begins is None or begins.sum() * LEAST_ROWS > keys.n_rows:
        return None
    heads = np.flatnonzero(begins)
    words = pack(words_of(Keys(len(heads), tuple(_at(p, heads) for p in lead)), n_lead, ctx))
    order = sort_words(words, len(heads), ctx)
    sizes = np.diff(heads, append=keys.n_rows)[order]
    starts = np.cumsum(sizes) - sizes
    rows = (np.arange(keys.n_rows) + np.repeat(heads[order] - starts, sizes)).astype(np.int32)
    equal = np.ones(keys.n_rows, np.bool_)  # by the first keys, to the row before
    equal[starts[begins_of(words, order)]] = False
    rest = words_of(keys, len(keys.parts), ctx, n_lead)
    return rows if is_ordered(rest, equal[1:], rows) else None


def _begins(keys: Keys) -> Mask | None:
    """Rows that differ from the one before; None where texts are too long to tell."""
    out = np.zeros(keys.n_rows, np.bool_)
    out[:1] = True
    for part in keys.parts:
        if isinstance(part, Same):
            continue
        if not isinstance(part, Texts):
            out[1:] |= part[1:] != part[:-1]
        elif part.codes is not None:
            out[1:] |= part.codes[1:] != part.codes[:-1]
        elif not _text_begins(part, out):
            return None
    return out


def _text_begins(text: Texts, out: Mask) -> bool:
    """Rows whose text differs from the one before, eight bytes at a time; False where some are alike for too long."""
    text = text.readable()
    out[1:] |= text.length[1:] != text.length[:-1]
    longest = int(text.length.max())
    for depth in range(0, min(longest, TEXT_DEPTH), 8):
        words = text.words(None, depth)
        out[1:] |= words[1:] != words[:-1]
    return longest <= TEXT_DEPTH


def _at(part: Part, rows: NDArray[np.int64]) -> Part:
    if isinstance(part, Same):
        return part
    if not isinstance(part, Texts):
        taken: NDArray[np.uint64] = part[rows]
        return taken
    if part.codes is not None:
        return Texts(part.data, part.start, part.length, part.descending, part.codes[rows])
    return Texts(part.data, part.start[rows], part.length[rows], part.descending)
