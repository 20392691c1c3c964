"""Nodes that order rows, or cut them by their order."""

from __future__ import annotations

from dataclasses import field

from .. import ast
from ..catalog import LateRelation, ScanRequest
from ..records import dataclass
from ..types import Schema
from .node import Names, Node, Order


@dataclass(frozen=True, slots=True)
class SortKey:
    name: str
    descending: bool = False

    def text(self) -> str:
        return ("-" if self.descending else "") + ast.quote_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort(Node):
    """Stable. `limit`: the first rows only (per partition of `by`)."""

    keys: tuple[SortKey, ...]
    by: tuple[str, ...] = ()
    limit: int | None = None
    nulls: str | None = None  # first, last; by default first ascending, last descending
    hidden: int = 0  # so many of the last keys were added by a rule and are not the user's
    unknown: tuple[SortKey, ...] = ()  # keys of no field: null in each row, so they order nothing
    command = "sort"
    blocking = True
    order = Order.SETS

    def text(self) -> str:
        words = ["sort"]
        if self.limit is not None:
            words.append(f"limit={self.limit}")
        if self.nulls is not None:
            words.append(f"nulls={self.nulls}")
        told = (*self.keys[: len(self.keys) - self.hidden], *self.unknown)
        words.append(", ".join(k.text() for k in told))
        if self.by:
            words.append("by " + ", ".join(map(ast.quote_name, self.by)))
        return " ".join(words)

    def needs(self, wanted: Names) -> Names:
        return wanted | {k.name for k in self.keys} | frozenset(self.by)

    def lets_filter_through(self, fields: Names) -> bool:
        return self.limit is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch(Node):
    """Fields of a relation for rows that are known by their place, which is a field of the input."""

    relation: LateRelation = field(compare=False, repr=False)
    request: ScanRequest  # the scan's, but for the fields
    place: str
    columns: Schema  # those that come out
    command = "fetch"
    blocking = True

    def derive(self) -> Schema:
        return self.columns

    def text(self) -> str:
        return "fetch " + ", ".join(map(ast.quote_name, self.request.fields or ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Node):
    """`limit`, `head`: rows offset .. offset + count in input order; then the source is stopped."""

    count: int
    offset: int = 0
    command = "limit"
    order = Order.NEEDS

    def repeats(self) -> bool:
        return True

    def text(self) -> str:
        return f"limit {self.offset} {self.count}" if self.offset else f"limit {self.count}"

    def needs(self, wanted: Names) -> Names:
        return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail(Node):
    """The last rows, in input order."""

    count: int
    command = "tail"
    blocking = True
    order = Order.NEEDS

    def text(self) -> str:
        return f"tail {self.count}"

    def needs(self, wanted: Names) -> Names:
        return wanted
