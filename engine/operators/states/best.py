"""One row a group, the best by some key: first, last, argmin, argmax, earliest, latest, and min and max of text and nested values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....planner.types import Type
from ...arrow import array_from, bools_of, call, indices, is_valid, numbers_of
from ..keyform import Words, is_word, normal, normal_type, settled, words_of
from ..keysort import ranks
from .base import Finished, Groups, Rows, State, fit
from .extremes import NAN_WORD, TOP
from .store import Store

BY_ANOTHER = ("argmin", "argmax", "earliest", "latest")
LAST_PLACE = np.int64((1 << 63) - 1)
SLACK = 1 << 16  # values kept beyond twice the groups before they are cut down

U64 = NDArray[np.uint64]


class Best(State):
    """`mode`: first, last (by place); least, greatest (the value itself); argmin, argmax, earliest, latest (by the second argument).

    Ties go to the first row, of latest to the last. A null key is passed over; so is a null value, but of argmin and
    argmax.
    Keys of fixed-width types are compared as words, of which the least wins; texts by Arrow, against the one kept.
    """

    grows = True

    def __init__(self, type_: Type, by: Type | None, mode: str) -> None:
        self.type, self.by, self.mode = type_, by, mode
        self.arity = 2 if mode in BY_ANOTHER else 1
        self.ordered = mode not in ("least", "greatest")
        self.key_type = by or type_
        self.placed = mode in ("first", "last")
        self.textual = not self.placed and not is_word(self.key_type)
        self.upwards = mode in ("least", "argmin", "first", "earliest")
        self.word = np.zeros(0, np.uint64)  # the key, the least of which wins; a rank within the batch where textual
        self.place = np.zeros(0, np.int64)
        self.at = np.zeros(0, np.int64)  # number of the value kept, -1: none yet
        self.values = Store(type_.arrow)
        self.texts = Store(normal_type(self.key_type))

    def key(self) -> Hashable:
        return (Best, self.type, self.by, self.mode)

    def resize(self, n: int) -> None:
        self.word = fit(self.word, n, TOP)
        self.place = fit(self.place, n, LAST_PLACE)
        self.at = fit(self.at, n, -1)

    def nbytes(self) -> int:
        return 24 * len(self.at) + self.values.nbytes() + self.texts.nbytes()

    def update(self, rows: Rows) -> None:
        column = rows.args[-1]
        place = rows.place if rows.place is not None else np.zeros(len(rows.groups), np.int64)
        groups, values = rows.groups, rows.args[0]
        live = self._live(column, values)
        if self.mode == "latest":  # the last of ties: compared backwards
            place = LAST_PLACE - place
        if live is not None:
            groups, place = groups[live], place[live]
            column, values = column.take(indices(live)), values.take(indices(live))
        if not len(groups):
            return
        if not self.ordered and self.type.kind == "array":
            values = settled(self.type, values)
        if self.textual:
            self._offer_texts(groups, self._text(column), place, values)
        else:
            self._offer(groups, self._words(column, place), place, values, rows.compiled)

    def _live(self, column: pa.Array[Any], values: pa.Array[Any]) -> NDArray[Any] | None:
        """Rows that count; None: all."""
        both = self.mode in ("earliest", "latest") and values.null_count
        if not (column.null_count or both):
            return None
        return np.flatnonzero(is_valid(column) & is_valid(values) if both else is_valid(column))

    def _words(self, column: pa.Array[Any], place: NDArray[np.int64]) -> U64:
        if self.placed:
            words = place.view(np.uint64)
            return words if self.upwards else ~words
        words = words_of(self.key_type, column).values
        if self.upwards:
            return words
        return ~np.where(words == NAN_WORD, np.uint64(0), words) if self.key_type.kind == "double" else ~words

    def _text(self, column: pa.Array[Any]) -> pa.Array[Any]:
        form = normal(self.key_type, column)
        assert not isinstance(form, Words)
        return form  # type: ignore[return-value]

    def _offer(
        self, groups: Groups, words: U64, place: NDArray[np.int64], values: pa.Array[Any], compiled: bool
    ) -> None:
        """Rows that beat what is kept, then the best of them a group."""
        if compiled:
            from ...kernels import best

            rows = np.empty(len(groups), np.int64)
            rows = rows[: best.offer(groups, words, place, self.word, self.place, self.at, rows)]
            if len(rows):
                self._keep(groups[rows], values.take(indices(rows)))
            return
        kept = self.word[groups]
        better = (words < kept) | ((words == kept) & (place < self.place[groups]))
        better |= self.at[groups] < 0
        rows = np.flatnonzero(better)
        if not len(rows):
            return
        rows = self._winners(groups[rows], words[rows], place[rows], rows)
        self._keep(groups[rows], values.take(indices(rows)))

    def _winners(self, groups: Groups, words: U64, place: NDArray[np.int64], rows: NDArray[Any]) -> NDArray[Any]:
        """One row a group: the least word, then the least place; both are stored."""
        before = self.word[groups]
        np.minimum.at(self.word, groups, words)
        after = self.word[groups]
        self.place[groups[after < before]] = LAST_PLACE
        won = words == after
        groups, place, rows = groups[won], place[won], rows[won]
        np.minimum.at(self.place, groups, place)
        won = place == self.place[groups]
        groups, rows = groups[won], rows[won]
        # places are one a row, but for min and max, which have none: any of equals will do, so the last written
        self.at[groups] = np.arange(len(rows))
        return np.asarray(rows[self.at[groups] == np.arange(len(rows))])

    def _keep(self, groups: Groups, values: pa.Array[Any], texts: pa.Array[Any] | None = None) -> None:
        first = self.values.add(values)
        if texts is not None:
            self.texts.add(texts)
        self.at[groups] = np.arange(first, first + len(groups))
        if self.values.n > 2 * len(self.at) + SLACK:
            live = np.flatnonzero(self.at >= 0)
            self.values.keep(self.at[live])
            if self.textual:
                self.texts.keep(self.at[live])
            self.at[live] = np.arange(len(live))

    def _offer_texts(
        self, groups: Groups, texts: pa.Array[Any], place: NDArray[np.int64], values: pa.Array[Any]
    ) -> None:
        """The best row a group by rank within these rows; then against the text that is kept."""
        words = ranks(texts).view(np.uint64)
        if not self.upwards:
            words = ~words
        rows = self._best_rows(groups, words, place)
        groups, place = groups[rows], place[rows]
        texts, values = texts.take(indices(rows)), values.take(indices(rows))
        won = self.at[groups] < 0
        old = np.flatnonzero(~won)
        if len(old):
            mine, theirs = self.texts.take(self.at[groups[old]]), texts.take(indices(old))
            beats = bools_of(call("less" if self.upwards else "greater", theirs, mine))
            beats |= bools_of(call("equal", theirs, mine)) & (place[old] < self.place[groups[old]])
            won[old] = beats
        rows = np.flatnonzero(won)
        if len(rows):
            self.place[groups[rows]] = place[rows]
            self._keep(groups[rows], values.take(indices(rows)), texts.take(indices(rows)))

    def _best_rows(self, groups: Groups, words: U64, place: NDArray[np.int64]) -> NDArray[np.int64]:
        order = np.lexsort((place, words, groups))
        first = np.ones(len(order), np.bool_)
        first[1:] = groups[order[1:]] != groups[order[:-1]]
        return order[first]

    def merge(self, other: Best, members: Groups, groups: Groups, compiled: bool) -> None:
        live = other.at[members] >= 0
        members, groups = members[live], groups[live]
        if not len(members):
            return
        values, place = other.values.take(other.at[members]), other.place[members]
        if self.textual:
            self._offer_texts(groups, other.texts.take(other.at[members]), place, values)
        else:
            self._offer(groups, other.word[members], place, values, compiled)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        at = self.at[:n]
        if (at >= 0).all() and n:
            return Finished(self.values.take(at))
        rows = array_from(np.maximum(at, 0), at < 0)
        return Finished(self.values.take_nullable(rows))

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        at = self.at[members]
        held = array_from(at >= 0)
        rows = array_from(np.maximum(at, 0), at < 0)
        columns = [
            held,
            array_from(self.word[members]),
            array_from(self.place[members]),
            self.values.take_nullable(rows),
        ]
        return [*columns, self.texts.take_nullable(rows)] if self.textual else columns

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        held = bools_of(arrays[0])
        self.at = np.where(held, np.arange(len(held)), -1)
        self.word = numbers_of(arrays[1]).view(np.uint64).copy()
        self.place = numbers_of(arrays[2]).copy()
        self.values.add(arrays[3])
        if self.textual:
            self.texts.add(arrays[4])
