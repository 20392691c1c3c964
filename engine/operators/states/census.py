"""What `describe` says of a field's values: how many distinct ones, the most frequent, and how often that occurs.

A group is counted exactly up to MOST distinct values. Beyond, they are estimated (`sketch.Estimate`) and no longer counted
one by one, so memory stays bounded: whether a group is beyond, and its estimate, depend on the set of its values alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ....planner.types import Type
from ...arrow import array_from, bools_of, call
from .base import Finished, Groups, Mask, Rows, State, fit
from .distinct import Distinct
from .sketch import Estimate

MOST = 1_000_000
BITS = 16
NEVER = np.zeros(1, np.uint8)


class Census(State):
    """`out`: distinct, top, top_count, estimated. Beyond MOST distinct values a group has no top."""

    raw = True
    grows = True

    def __init__(self, type_: Type) -> None:
        self.type = type_
        self.exact, self.rough = Distinct(type_, counted=True), Estimate(type_, BITS)
        self.over: Mask = np.zeros(0, np.bool_)
        self._looked = 0  # how many pairs there were when the groups were last counted

    def key(self) -> Hashable:
        return (Census, self.type)

    def resize(self, n: int) -> None:
        self.over = fit(self.over, n)

    def nbytes(self) -> int:
        return self.exact.nbytes() + self.rough.nbytes() + self.over.nbytes

    def update(self, rows: Rows) -> None:
        if not self.over.any():
            self.exact.update(rows)
        else:
            from ..groupprogram import chosen

            beyond = self.over[rows.groups]
            self.rough.update(chosen(rows, beyond))
            self.exact.update(chosen(rows, ~beyond))
        self._look(1.25)

    def _look(self, slack: float = 1.0) -> None:
        """Groups of too many values go over to the estimate. `slack`: looks when there are so many times more values."""
        if self.exact.n_pairs() <= max(MOST, int(self._looked * slack)):
            return
        groups, _ = self.exact.content()
        self._looked = len(groups)
        sizes = np.bincount(groups, minlength=len(self.over))
        found = np.flatnonzero(sizes > MOST).astype(np.int32)
        if len(found):
            self._give_up(found)

    def _give_up(self, found: Groups) -> None:
        self._estimate(self.exact, found, found)
        self.over[found] = True
        kept = np.flatnonzero(~self.over).astype(np.int32)
        rest = Distinct(self.type, counted=True)
        rest.merge(self.exact, kept, kept, self.exact.compiled)
        self.exact, self._looked = rest, 0

    def _estimate(self, exact: Distinct, members: Groups, groups: Groups) -> None:
        """The values of `members` into the estimates of `groups`."""
        values, sizes = exact.values_of(members)
        if len(values):
            to = np.repeat(groups, sizes).astype(np.int32)
            self.rough.update(Rows(to, [values], None, False, NEVER))

    def seal(self) -> None:
        self._look()
        self.exact.seal()
        self.rough.seal()

    def merge(self, other: Census, members: Groups, groups: Groups, compiled: bool) -> None:
        theirs = other.over[members]
        if theirs.any():
            fresh = np.unique(groups[theirs])
            fresh = fresh[~self.over[fresh]].astype(np.int32)
            if len(fresh):
                self._give_up(fresh)
            self.rough.merge(other.rough, members[theirs], groups[theirs], compiled)
        mine = self.over[groups] & ~theirs
        if mine.any():
            self._estimate(other.exact, members[mine], groups[mine])
        both = ~self.over[groups]
        if both.any():
            self.exact.merge(other.exact, members[both], groups[both], compiled)
        self._look(1.25)

    def finish(self, n: int, out: str, compiled: bool) -> Finished:
        self._look()
        over = self.over[:n]
        if out == "estimated":
            return Finished(array_from(over))
        if out == "distinct":
            exact = self.exact.finish(n, "dc", compiled).values
            if not over.any():
                return Finished(exact)
            return Finished(call("if_else", array_from(over), self.rough.finish(n, "", compiled).values, exact))
        return self.exact.finish(n, "mode" if out == "top" else "times", compiled)

    def export(self, members: Groups) -> list[pa.Array[Any]]:
        return [array_from(self.over[members]), *self.exact.export(members), *self.rough.export(members)]

    def load(self, arrays: Sequence[pa.Array[Any]]) -> None:
        self.over = bools_of(arrays[0]).copy()
        self.exact.load(arrays[1:3])
        self.rough.load(arrays[3:])
