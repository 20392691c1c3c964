"""What a scan of row groups read, and what it could leave out; for `explain analyze`."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

FIELDS = ("row_groups", "files", "rows", "columns", "pages")


class Tally:
    """Counts over all workers, each as (read, of). Row groups, and files, are those of the source; columns, and their pages,
    those of the row groups that were read. `decoded`: bytes of pages as they were unpacked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.read = dict.fromkeys(FIELDS, 0)
        self.of = dict.fromkeys(FIELDS, 0)
        self.decoded = 0

    @staticmethod
    def sum(tallies: Iterable[Tally]) -> Tally:
        out = Tally()
        for one in tallies:
            out.add(one)
        return out

    def kept(self, what: str, read: int, of: int) -> None:
        with self._lock:
            self.read[what] += read
            self.of[what] += of

    def add(self, other: Tally) -> None:
        for what in FIELDS:
            self.kept(what, other.read[what], other.of[what])
        with self._lock:
            self.decoded += other.decoded

    def row_group_behind(self) -> None:
        """It was to be read, but the bound of a sort left it out."""
        self.kept("row_groups", -1, 0)

    def is_wanted(self, rows: int) -> bool:
        """Whether of so many rows that were looked at one was wanted, at least."""
        with self._lock:
            return self.read["rows"] * rows >= max(self.of["rows"], 1)

    def rows_chosen(self, n: int, of: int) -> None:
        self.kept("rows", n, of)

    def read_whole(self, columns: int, nbytes: int) -> None:
        """Columns that the general reader read."""
        self.kept("columns", columns, 0)
        self.unpacked(0, nbytes)

    def column(self, pages: int, nbytes: int, groups: int = 1) -> None:
        """One whole column of so many row groups."""
        with self._lock:
            self.read["columns"] += groups
            self.read["pages"] += pages
            self.of["pages"] += pages
            self.decoded += nbytes

    def opened(self, pages: int) -> None:
        """A column of so many pages, of which not all need be unpacked."""
        with self._lock:
            self.read["columns"] += 1
            self.of["pages"] += pages

    def unpacked(self, pages: int, nbytes: int) -> None:
        with self._lock:
            self.read["pages"] += pages
            self.decoded += nbytes

    def told(self) -> str:
        """As `row_groups=3 of 10, ..., decoded=123`; what there was nothing of is left out."""
        with self._lock:
            parts = [f"{what}={self.read[what]} of {self.of[what]}" for what in FIELDS if self.of[what]]
            return ", ".join([*parts, *([f"decoded={self.decoded}"] if self.decoded else [])])


@runtime_checkable
class Tallied(Protocol):
    """A source that counts what it reads."""

    @property
    def tally(self) -> Tally: ...
