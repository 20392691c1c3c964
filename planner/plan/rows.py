"""Nodes that read, keep, compute or name the fields of single rows."""

from __future__ import annotations

from dataclasses import field, replace

from .. import ast
from ..catalog import Relation, ScanRequest
from ..expr import Bound, fields_of, is_volatile
from ..records import dataclass
from ..types import NULL, Schema
from .node import Names, Node

_ALL = ScanRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Node):
    """A source."""

    relation: Relation = field(compare=False, repr=False)
    key: str = ""  # canonical text of the stage: what the scan means
    request: ScanRequest = _ALL

    def repeats(self) -> bool:
        kept = [getattr(self.relation, name, None) for name in ("options", "form", "_form")]
        writes = any(getattr(k, "quarantine", None) is not None for k in kept)
        return not writes and not getattr(self.relation, "is_live", False)

    def derive(self) -> Schema:
        full = self.relation.schema
        if self.request.fields is None:
            return full
        return Schema(full.select(self.request.fields).fields, full.open)

    def text(self) -> str:
        return self.key

    def detail(self) -> str:
        return self.relation.describe(self.request) or self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Node):
    """`search`, `where`: keeps rows for which the predicate is truthy; at most `limit` of them.

    `carried`: the fields that stages behind it read, and so the only ones that it hands on; None: all.
    """

    predicate: Bound | None
    limit: int | None = None
    carried: tuple[str, ...] | None = field(default=None, compare=False)
    command = "search"

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        return schema if self.carried is None else Schema(schema.select(self.carried).fields, schema.open)

    @property
    def needs_order(self) -> bool:
        return self.limit is not None or (self.predicate is not None and is_volatile(self.predicate.expr))

    def text(self) -> str:
        limit = f"limit={self.limit}" if self.limit is not None else ""
        return " ".join(w for w in ("search", limit, self.predicate.text() if self.predicate else "") if w)

    def needs(self, wanted: Names) -> Names:
        return wanted | (fields_of(self.predicate.expr) if self.predicate else frozenset())

    def prune(self, wanted: Names) -> Node:
        names = self.inputs[0].schema.names()
        carried = tuple(n for n in names if n in wanted)
        return self if len(carried) == len(names) else replace(self, carried=carried)

    def lets_filter_through(self, fields: Names) -> bool:
        return self.limit is None and not (self.predicate and is_volatile(self.predicate.expr))

    def repeats(self) -> bool:
        return not self.needs_order


@dataclass(frozen=True, slots=True)
class Assignment:
    names: tuple[str, ...]
    value: Bound

    def text(self) -> str:
        return " = ".join([*map(ast.quote_name, self.names), self.value.text()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Node):
    """`eval`: each assignment in turn; later ones see earlier ones."""

    assigns: tuple[Assignment, ...]
    command = "eval"

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        for a in self.assigns:
            for name in reversed(a.names):
                schema = schema.put(name, a.value.type)
        return schema

    @property
    def needs_order(self) -> bool:
        return any(is_volatile(a.value.expr) for a in self.assigns)

    def text(self) -> str:
        return "eval " + ", ".join(a.text() for a in self.assigns)

    def needs(self, wanted: Names) -> Names:
        """What every assignment reads: those that nobody asks for may be here for the rows that they refuse.

        A field that is overwritten is still asked for: it holds the place of the new one among the columns.
        """
        in_place = wanted & frozenset(self.inputs[0].schema.names())
        for a in reversed(self.assigns):
            wanted = wanted - frozenset(a.names) | fields_of(a.value.expr)
        return wanted | in_place

    def lets_filter_through(self, fields: Names) -> bool:
        made = {n for a in self.assigns for n in a.names}
        return not self.needs_order and fields.isdisjoint(made)

    def repeats(self) -> bool:
        return not self.needs_order

    def lets_limit_through(self) -> bool:
        return not self.needs_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(Node):
    """`fields`: the names after patterns were expanded; a dropped list stays a dropped list."""

    names: tuple[str, ...]
    drop: bool = False
    command = "fields"

    def derive(self) -> Schema:
        old = self.inputs[0].schema
        if self.drop:
            return Schema(tuple(f for f in old.fields if f[0] not in self.names), old.open)
        return Schema(tuple((n, old.type(n) or NULL) for n in self.names))

    def text(self) -> str:
        if not self.names and not self.drop:
            return "fields - *"
        return "fields " + ("- " if self.drop else "") + ", ".join(map(ast.quote_name, self.names))

    def needs(self, wanted: Names) -> Names:
        return wanted & frozenset(self.inputs[0].schema.names())

    def prune(self, wanted: Names) -> Node:
        if self.drop:
            return self
        return replace(self, names=tuple(n for n in self.names if n in wanted))

    def lets_filter_through(self, fields: Names) -> bool:
        return fields <= frozenset(self.inputs[0].schema.names())

    def repeats(self) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(Node):
    """All at once. An existing target is overwritten."""

    pairs: tuple[tuple[str, str], ...]
    command = "rename"

    def derive(self) -> Schema:
        old = self.inputs[0].schema
        pairs = {a: b for a, b in self.pairs if a in old or old.open}
        fresh = set(pairs.values())
        kept = [(pairs.get(n, n), t) for n, t in old.fields if n in pairs or n not in fresh]
        return Schema(tuple(kept), old.open)

    def sources(self) -> dict[str, str]:
        """Output name -> input name."""
        old = self.inputs[0].schema
        pairs = {a: b for a, b in self.pairs if a in old or old.open}
        fresh = set(pairs.values())
        return {pairs.get(n, n): n for n in old.names() if n in pairs or n not in fresh}

    def text(self) -> str:
        return "rename " + ", ".join(f"{ast.quote_name(a)} as {ast.quote_name(b)}" for a, b in self.pairs)

    def needs(self, wanted: Names) -> Names:
        sources = self.sources()
        return frozenset(sources[n] for n in wanted if n in sources)

    def lets_filter_through(self, fields: Names) -> bool:
        touched = {n for pair in self.pairs for n in pair}
        return fields.isdisjoint(touched)

    def repeats(self) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True
