"""How the keys of groups, or of a join, were found; for `explain analyze`."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .grouping import Coder, Keys, ManyKeys, NoKeys, OneKey
from .keyhash import INLINE, NULL_TAG
from .keytable import KeyTable

if TYPE_CHECKING:
    from .densekeys import DenseKeys

WAYS = ("codes", "dense", "inline", "long", "general")
TUPLES = ("bits", "grid", "words", "texts", "general", "sorted")


class KeyWays:
    """Of all tables of one operator. Of each key the ways in which its values were found:

    `codes` of a dictionary, `dense` whole numbers by their distance from one, `inline` texts of at most 15 bytes and other
    words that lie in the table, `long` texts that lie beside it, `general` by Arrow, without compiled kernels. Where keys are
    several also how the tuple of their numbers was: by a bit of its own (`bits`), by its place in a `grid`, as `words`, or as `texts`, or in the end, `sorted` with all others. More than one way
    was taken where the data, or the kernels that came, made a table change in the midst of the run.
    """

    def __init__(self) -> None:
        self._keys: list[set[str]] = []
        self._tuples: set[str] = set()
        self._lock = threading.Lock()

    def add(self, keys: Keys | DenseKeys) -> None:
        if not isinstance(keys, NoKeys | OneKey | ManyKeys):
            self._add([{"dense"}], ())
        elif keys.coders and any(c.n for c in keys.coders):
            tuples = keys.left | ({keys.way} if keys.n else set()) if isinstance(keys, ManyKeys) else ()
            self._add([_ways(coder) for coder in keys.coders], tuples)

    def add_inline(self) -> None:
        """One key, of texts that lie in the table."""
        self._add([{"inline"}], ())

    def _add(self, keys: list[set[str]], tuples: Iterable[str]) -> None:
        with self._lock:
            known = self._keys or [set() for _ in keys]
            self._keys = [a | b for a, b in zip(known, keys, strict=True)]
            self._tuples.update(tuples)

    def told(self) -> dict[str, str]:
        """As `keys=codes, inline+long`, a word a key, and `tuples=grid`; empty where there is no key."""
        keys = " ".join(_in_order(ways, WAYS) for ways in self._keys)
        return {"keys": keys, "tuples": _in_order(self._tuples, TUPLES)}


def _in_order(ways: set[str], order: Iterable[str]) -> str:
    return "+".join(way for way in order if way in ways)


def _ways(coder: Coder) -> set[str]:
    found = {"codes"} if coder.by_code else set()
    if coder.was_general:
        found.add("general")
    if coder.by_row:
        found |= _of_table(coder.table) if isinstance(coder.table, KeyTable) else {"general"}
    return found


def _of_table(table: KeyTable) -> set[str]:
    n = table.n
    if not table.words:
        is_long = table.sizes[:n] > INLINE if table.arena_used else np.zeros(1, np.bool_)
        return ({"long"} if is_long.any() else set()) | (set() if is_long.all() else {"inline"})
    first = slice(min(n, len(table.near) + 1))  # numbers are given in order of sight, and only so many are near
    values = table.key0[first][table.key1[first] != NULL_TAG].byteswap()
    is_near = values - table.base[0] < np.uint64(len(table.near))
    return ({"dense"} if is_near.any() else set()) | (set() if len(values) and is_near.all() else {"inline"})


__all__ = ["KeyWays"]
