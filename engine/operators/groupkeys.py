"""The keys of a table of groups as a run has them, and their order where they are words of a short text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrow import array_from, indices
from .grouping import Keys, ManyKeys, OneKey
from .grouprows import Run
from .keyform import is_opaque
from .keysort import ranks
from .keytable import Ids, KeyTable


def word_order(word0: NDArray[np.uint64], word1: NDArray[np.uint64]) -> Ids:
    from ..kernels import group

    order = np.argsort(word0).astype(np.int32)
    group.sort_ties(word0, word1, order)
    return order


def tuple_order(keys: ManyKeys) -> Ids | None:
    """The order of the groups by the ranks of each key's values, which are fewer; None where these do not fit a word."""
    n = keys.n
    packed, bits, number = np.zeros(n, np.int64), 0, (n - 1).bit_length() if n else 0
    for j, coder in enumerate(keys.coders):
        rank = ranks(coder.table.keys())
        width = int(rank.max()).bit_length() if len(rank) else 0
        bits += width
        if bits + number > 63:
            return None
        packed <<= width
        packed |= rank[keys.codes(j)]
    packed <<= number
    packed |= np.arange(n)
    packed.sort()
    packed &= (1 << number) - 1
    return packed.astype(np.int32)


def keyed(keys: Keys) -> Run:
    """The keys of all groups, in order of number."""
    if isinstance(keys, OneKey):
        table = keys.coder.table
        inline = isinstance(table, KeyTable) and not table.words and not table.has_long()
        if isinstance(table, KeyTable) and inline and not is_opaque(keys.coder.type):
            return Run([array_from(w) for w in table.sort_words()], [], inline=True)
    normal = [c.table.keys() for c in keys.coders]
    values = {j: c.values() for j, c in enumerate(keys.coders) if is_opaque(c.type)}
    if isinstance(keys, ManyKeys):
        rows = [indices(keys.codes(j)) for j in range(len(normal))]
        normal = [k.take(r) for k, r in zip(normal, rows, strict=True)]
        values = {j: v.take(rows[j]) for j, v in values.items()}
    return Run(normal, [], opaque=values)
