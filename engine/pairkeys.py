"""Which of some known names each of many keys is, without cutting the keys out."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
_LOW_BYTES = np.array([(1 << (8 * k)) - 1 for k in range(9)], np.uint64)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
UNKNOWN = -1
MOST_SPELLINGS = 65_536  # of names that are written in more than one way


class KeyIndex:
    """Numbers names from 0 on. A key is a name if its bytes are, or are so in NFC, as names of a query are.

    `data` of all calls holds eight readable bytes behind every key.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._spellings: dict[
            bytes, int
        ] = {}  # all that was seen of these names, and other names in letters beyond ASCII
        self._arrays: tuple[Words, Ints, Ints, list[Words]] | None = None
        self._slots: tuple[NDArray[np.uint8], Ints, NDArray[np.int32], Ints] | None = None
        for name in names:
            self.add(name)

    def add(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        self._spell(name.encode("utf-8", "surrogatepass"), number)
        return number

    def _spell(self, raw: bytes, number: int) -> None:
        if self._spellings.get(raw) != number:
            self._spellings[raw] = number
            self._arrays = self._slots = None

    def find(self, data: NDArray[np.uint8], start: Ints, length: Ints, *, grow: bool = False) -> Ints:
        """The number of each key; UNKNOWN for others, which become names with `grow`."""
        hashes, wide = _hashes(data, start, length)
        while True:
            found = self._look(data, start, length, hashes)
            odd = np.flatnonzero((found == UNKNOWN) & (True if grow else wide))
            if not len(odd):
                return found
            if not self._learn(data, start, length, hashes, odd, grow):
                return self._exactly(data, start, length, found, odd)

    def _look(self, data: NDArray[np.uint8], start: Ints, length: Ints, hashes: Words) -> Ints:
        if not self._spellings:
            return np.full(len(start), UNKNOWN)
        known, sizes, numbers, words = self._table()
        at = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        same = (known[at] == hashes) & (sizes[at] == length)
        view = _words(data)
        for i, step in enumerate(words):
            rows = np.flatnonzero(same & (length > 8 * i))
            if not len(rows):
                break
            same[rows] = _word(view, start[rows] + 8 * i, length[rows] - 8 * i) == step[at[rows]]
        return np.where(same, numbers[at], UNKNOWN)

    def _table(self) -> tuple[Words, Ints, Ints, list[Words]]:
        """Hashes in order; lengths, numbers and words of the spellings in that order."""
        if self._arrays is None:
            raws = list(self._spellings)
            data = np.frombuffer(b"".join(raws) + bytes(16), np.uint8)
            length = np.array([len(r) for r in raws], np.int64)
            start = np.cumsum(length) - length
            hashes, _ = _hashes(data, start, length)
            order = np.argsort(hashes, kind="stable")
            start, length = start[order], length[order]
            view, steps = _words(data), range(0, int(length.max()), 8)
            words = [_word(view, np.minimum(start + i, len(data) - 16), np.maximum(length - i, 0)) for i in steps]
            numbers = np.fromiter(self._spellings.values(), np.int64, len(raws))[order]
            self._arrays = hashes[order], length, numbers, words
        return self._arrays

    def hash_table(self) -> tuple[NDArray[np.uint8], Ints, NDArray[np.int32], Ints]:
        """For the compiled kernel: bytes of the spellings, where each begins and ends, their numbers by hash, their names."""
        if self._slots is None:
            raws = list(self._spellings)
            name_at = np.cumsum([0, *(len(r) for r in raws)], dtype=np.int64)
            slots = np.full(1 << (2 * len(raws) + 1).bit_length(), -1, np.int32)
            for i, raw in enumerate(raws):
                slot = _slot(raw) & (len(slots) - 1)
                while slots[slot] >= 0:
                    slot = (slot + 1) & (len(slots) - 1)
                slots[slot] = i
            numbers = np.fromiter(self._spellings.values(), np.int64, len(raws))
            self._slots = np.frombuffer(b"".join(raws) + bytes(8), np.uint8), name_at, slots, numbers
        return self._slots

    def trim(self) -> None:
        """Forgets spellings of other names when there are very many."""
        if len(self._spellings) > MOST_SPELLINGS + len(self.names):
            self._spellings = {raw: n for raw, n in self._spellings.items() if n >= 0}
            self._arrays = self._slots = None

    def take_in(self, data: NDArray[np.uint8], start: Ints, length: Ints, *, grow: bool) -> None:
        """Keys that the table does not have, in order: as names, or as spellings of names and of none."""
        for low, size in zip(start.tolist(), length.tolist(), strict=True):
            raw = data[low : low + size].tobytes()
            if raw not in self._spellings:
                name = _name(raw)
                self._spell(raw, self.add(name) if grow else self._numbers.get(name, UNKNOWN - 1))

    def _learn(self, data: NDArray[np.uint8], start: Ints, length: Ints, hashes: Words, odd: Ints, grow: bool) -> bool:
        """Takes in keys that were not known; whether that says anything new."""
        before = len(self._spellings)
        _, first = np.unique(hashes[odd], return_index=True)
        for row in odd[np.sort(first)].tolist():
            raw = data[start[row] : start[row] + length[row]].tobytes()
            name = _name(raw)
            if grow:
                self._spell(raw, self.add(name))
            elif raw not in self._spellings and len(self._spellings) < MOST_SPELLINGS:
                self._spell(raw, self._numbers.get(name, UNKNOWN - 1))
        return len(self._spellings) > before

    def _exactly(self, data: NDArray[np.uint8], start: Ints, length: Ints, found: Ints, odd: Ints) -> Ints:
        """Keys whose hash is another's: one by one."""
        for row in odd.tolist():
            raw = data[start[row] : start[row] + length[row]].tobytes()
            found[row] = self._spellings.get(raw, self._numbers.get(_name(raw), UNKNOWN))
        return found


def _slot(raw: bytes) -> int:
    """As the kernel has it."""
    value = 0xCBF29CE484222325
    for byte in raw:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 32)


def _name(raw: bytes) -> str:
    return unicodedata.normalize("NFC", raw.decode("utf-8", "replace"))


def _words(data: NDArray[np.uint8]) -> Words:
    """The eight bytes that begin at each byte."""
    return np.ndarray((max(len(data) - 7, 0),), "<u8", data, 0, (1,))


def _word(view: Words, at: Ints, left: Ints) -> Words:
    out: Words = view[at] & _LOW_BYTES[np.minimum(left, 8)]
    return out


def _hashes(data: NDArray[np.uint8], start: Ints, length: Ints) -> tuple[Words, NDArray[np.bool_]]:
    """A hash of each key, and whether it has bytes beyond ASCII."""
    view = _words(data)
    out = length.astype(np.uint64) * _FACTOR
    wide = np.zeros(len(start), np.bool_)
    for i, rows in _longer(length):
        word = _word(view, start[rows] + i, length[rows] - i)
        mixed = (out[rows] ^ word) * _FACTOR
        out[rows] = mixed ^ (mixed >> np.uint64(29))
        wide[rows] |= (word & np.uint64(0x8080808080808080)) != 0
    return out, wide


def _longer(length: Ints) -> Iterator[tuple[int, Ints | slice]]:
    """For each multiple of eight the keys that go on there."""
    if len(length):
        yield 0, slice(None)
    rows, at = np.flatnonzero(length > 8), 8
    while len(rows):
        yield at, rows
        at += 8
        rows = rows[length[rows] > at]
