"""Values of known keys in `key=value` texts, found by the compiled kernel where there is one and delimiters are of one byte."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .pairkeys import KeyIndex
from .pairs import PairForm, Texts

ROOM = 4096  # unknown keys that one pass of the kernel takes


@dataclass(slots=True)
class Scanned:
    """Of field f in row i the value's place in the texts' data at [f, i] (length -1: none); which rows have a pair; of each
    field the first row and the first byte in it (-1: no row)."""

    start: NDArray[np.int64]
    length: NDArray[np.int64]
    escaped: NDArray[np.bool_]
    has_pair: NDArray[np.bool_]
    first_row: NDArray[np.int64]
    first_byte: NDArray[np.int64]


def can_scan(form: PairForm) -> bool:
    return not form.name and len(form.kv) == 1 and len(form.pair) == 1


def scan(
    texts: Texts, form: PairForm, keys: KeyIndex, check: Callable[[], None], *, learns: bool, values: bool
) -> Scanned:
    """One pass, and another one for each time that new keys, or spellings of keys, were met. `learns`: keys become names.
    `values`: else only which keys there are."""
    from .kernels import pairs as kernels

    n = len(texts.start)
    unknown = np.empty(3 * ROOM, np.int64)
    keys.trim()
    stop = np.where(texts.valid, texts.stop, texts.start)
    while True:
        check()
        names, name_at, slots, numbers = keys.hash_table()
        fields = len(keys.names)
        shape = (fields, n) if values else (fields, 0)
        start, length, escaped = np.zeros(shape, np.int64), np.full(shape, -1, np.int64), np.zeros(shape, np.uint8)
        has_pair = np.zeros(n, np.uint8)
        first_row, first_byte = np.full(fields, -1, np.int64), np.full(fields, -1, np.int64)
        count = kernels.scan_pairs(
            texts.data, texts.start, stop, form.kv[0], form.pair[0], names, name_at, slots, numbers, int(learns),
            start.ravel(), length.ravel(), escaped.ravel(), has_pair, first_row, first_byte, unknown,
        )  # fmt: skip
        if not count:
            return Scanned(start, length, escaped.view(np.bool_), has_pair.view(np.bool_), first_row, first_byte)
        found = unknown[: 3 * count].reshape(-1, 3)
        keys.take_in(texts.data, found[:, 1], found[:, 2], grow=learns)
