"""The bound plan: frozen nodes, equal by meaning. A node that says nothing about itself is never optimised wrongly."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from . import ast
from .catalog import AggregateFunction, LateRelation, Relation, ScanRequest
from .expr import Bound, Expr, fields_of, is_volatile
from .text import Span
from .types import DATE, DOUBLE, LONG, NULL, STRING, Schema, Type
from .unparse import stage_text

if TYPE_CHECKING:
    from .parse import Parsed

Names = frozenset[str]
_ALL = ScanRequest()


class Order(Enum):
    """What a node does with the order of its rows."""

    KEEPS = "keeps"
    SETS = "sets"  # its output has an order of its own
    NEEDS = "needs"  # takes its rows in sequence
    FREE = "free"  # the order of its input does not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One stage. `schema` is derived once, when the node is made; `dataclasses.replace` derives it anew."""

    span: Span = field(default=Span(0, 0), compare=False, repr=False)
    stage: str = field(default="", compare=False, repr=False)  # as users count: "2", in a subquery "3.1"
    written: Parsed | None = field(default=None, compare=False, repr=False)
    implied: bool = field(
        default=False, compare=False, repr=False
    )  # by an option of the source before it: prints nothing
    inputs: tuple[Node, ...] = ()
    schema: Schema = field(init=False, compare=False, repr=False)

    command: ClassVar[str] = ""
    blocking: ClassVar[bool] = False
    order: ClassVar[Order] = Order.KEEPS
    writes: ClassVar[bool] = False  # gets all rows whatever stands below it
    bounded: ClassVar[bool] = False  # what it needs is known, also while nobody knows what is read of it

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", self.derive())

    def derive(self) -> Schema:
        """The columns that come out; by default those that go in."""
        return self.inputs[0].schema

    @property
    def name(self) -> str:
        """The command as the user wrote it (`where` is a Filter, as `search` is)."""
        return self.written.command if self.written is not None else self.command

    @property
    def needs_order(self) -> bool:
        return self.order is Order.NEEDS

    def text(self) -> str:
        """Canonical stage; parsing and binding it gives an equal node."""
        return stage_text(self.written) if self.written is not None else self.command

    def detail(self) -> str:
        """What `explain` shows behind the operator's name."""
        whole = self.text()
        return whole.split(" ", 1)[1] if " " in whole else ""

    def needs(self, wanted: Names) -> Names:
        """Fields of the input that must be there so that the fields `wanted` of the output can be."""
        return frozenset(self.inputs[0].schema.names())

    def needs_each(self, wanted: Names) -> tuple[Names, ...]:
        """The same for each input."""
        return (
            tuple(frozenset(n.schema.names()) for n in self.inputs) if len(self.inputs) != 1 else (self.needs(wanted),)
        )

    def prune(self, wanted: Names) -> Node:
        """The same node made to produce no more than needed; the rows' wanted fields stay the same."""
        return self

    def lets_filter_through(self, fields: Names) -> bool:
        """True if a filter over these fields may stand before this node instead of behind it."""
        return False

    def lets_limit_through(self) -> bool:
        """True if each row in gives exactly one row out, in the same order."""
        return False

    def repeats(self) -> bool:
        """True if it gives the same rows when its input is read again, and does nothing else."""
        return False

    def refuses_nothing(self) -> bool:
        """True if nothing is ever noted of its rows, so that fewer of them leave the notes as they are."""
        return False

    @property
    def before(self) -> Node:
        """The stage before this one; its other inputs are subqueries of its own."""
        return self.inputs[0]

    def walk(self) -> Iterator[Node]:
        """Self, then inputs: from the result back to the sources. A loop: long pipelines are no nesting."""
        todo: list[Node] = [self]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(reversed(node.inputs))


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
        from dataclasses import replace

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
        from dataclasses import replace

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


@dataclass(frozen=True, slots=True)
class Key:
    """A column of `by`: an expression and its name."""

    expr: Bound
    name: str

    def text(self) -> str:
        own = column_name(self.expr.parsed)
        out = self.expr.text()
        return out if self.name == own else f"{out} as {ast.quote_name(self.name)}"


@dataclass(frozen=True, slots=True)
class AggCall:
    """One aggregate: function, arguments, its filter, its name."""

    function: AggregateFunction
    args: tuple[Bound, ...]
    type: Type
    where: Bound | None
    name: str
    parsed: ast.Expr
    data: Any = field(default=None, compare=False, repr=False)

    def text(self) -> str:
        own = column_name(self.parsed)
        out = self.parsed.text() + (f" where {self.where.text()}" if self.where else "")
        return out if self.name == own else f"{out} as {ast.quote_name(self.name)}"

    def fields(self) -> Names:
        out: Names = frozenset()
        for b in (*self.args, *((self.where,) if self.where else ())):
            out |= fields_of(b.expr)
        return out


HIDDEN = "\0"  # begins the names of columns that only expressions over aggregates read


def is_hidden(name: str) -> bool:
    return name.startswith(HIDDEN)


@dataclass(frozen=True, slots=True)
class Derived:
    """An expression over aggregates: `sum(a) / sum(b) as r`.

    Its first aggregate is a column of this name, the others are hidden ones; `value` reads these and the keys, and is
    put in the first one's place. `value.parsed` is the expression as written.
    """

    name: str
    value: Bound
    where: Bound | None = None  # of all its aggregates

    def text(self) -> str:
        where = f" where {self.where.text()}" if self.where else ""
        return f"{self.value.text()}{where} as {ast.quote_name(self.name)}"

    def assignment(self) -> Assignment:
        return Assignment((self.name,), self.value)

    def reads(self, aggs: Container[str]) -> Names:
        """The aggregates that it is made of."""
        return frozenset(n for n in (self.name, *fields_of(self.value.expr)) if n in aggs)


def visible(aggs: Iterable[AggCall], derived: Sequence[Derived] = ()) -> tuple[tuple[str, Type], ...]:
    """Names and types of the columns that users see of these aggregates: one for each that was written."""
    made = {d.name: d.value.type for d in derived}
    return tuple((a.name, made.get(a.name, a.type)) for a in aggs if not is_hidden(a.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Node):
    """`stats`: keys first, then aggregates as written; sorted by keys unless `sorted` is off."""

    aggs: tuple[AggCall, ...]
    keys: tuple[Key, ...]
    derived: tuple[Derived, ...] = ()
    drop_null_keys: bool = False
    sorted: bool = True  # off where a sort follows that has the keys as its last ones
    command = "stats"
    blocking = True
    bounded = True
    order = Order.SETS

    @property
    def needs_order(self) -> bool:
        """Random draws and row numbers go by the place of a row."""
        made = [*(k.expr for k in self.keys), *(b for a in self.aggs for b in (*a.args, a.where) if b is not None)]
        return any(is_volatile(b.expr) for b in made)

    def derive(self) -> Schema:
        return Schema(tuple((k.name, k.expr.type) for k in self.keys) + self.columns())

    def columns(self) -> tuple[tuple[str, Type], ...]:
        """What stands behind the keys."""
        return visible(self.aggs, self.derived)

    def grouped(self) -> Schema:
        """The columns before expressions over aggregates are worked out: keys, then all aggregates."""
        return Schema(tuple((k.name, k.expr.type) for k in self.keys) + tuple((a.name, a.type) for a in self.aggs))

    def text(self) -> str:
        by = ", ".join(k.text() for k in self.keys)
        head = "stats nulls=drop " if self.drop_null_keys else "stats "
        return head + self.aggs_text() + (f" by {by}" if by else "")

    def aggs_text(self) -> str:
        made = {d.name: d.text() for d in self.derived}
        return ", ".join(made.get(a.name) or a.text() for a in self.aggs if not is_hidden(a.name))

    def needs(self, wanted: Names) -> Names:
        out: Names = frozenset()
        for k in self.keys:
            out |= fields_of(k.expr.expr)
        for a in self.kept(wanted):
            out |= a.fields()
        return out

    def kept(self, wanted: Names) -> tuple[AggCall, ...]:
        """The aggregates that stay if only `wanted` is read: those, and what may refuse values; one column at least without keys."""
        from .rules.total import is_total, is_total_aggregate

        parts = {a.name: a for a in self.aggs}
        read = {n: frozenset([n]) for n, _ in self.columns()} | {d.name: d.reads(parts) for d in self.derived}
        refusing = {d.name for d in self.derived if not is_total(d.value.expr)}
        refusing |= {n for n, names in read.items() if not all(is_total_aggregate(parts[p]) for p in names)}
        found = [n for n in read if n in wanted or n in refusing]
        if not found and not self.keys:
            found = list(read)[:1]
        names = frozenset().union(*(read[n] for n in found))
        return tuple(a for a in self.aggs if a.name in names)

    def prune(self, wanted: Names) -> Node:
        from dataclasses import replace

        kept = self.kept(wanted)
        if len(kept) == len(self.aggs):
            return self
        names = {a.name for a in kept}
        return replace(self, aggs=kept, derived=tuple(d for d in self.derived if d.name in names))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening(Node):
    """A stage that makes fields which only the data knows. While its schema is open it cannot run; `closed` makes of it
    one that makes these fields and no other."""

    @property
    def is_settled(self) -> bool:
        """Whether it can run: its fields and their types are known."""
        return not self.schema.open

    def guess(self, name: str) -> Type | None:
        """The type of a field of this name, whether the data has it or not; None where only the data says."""
        return None

    def certain(self) -> Schema:
        """The fields that come out of the stage, as it is, whatever the data has."""
        return self.schema

    @property
    def hands_on(self) -> bool:
        """Whether fields of the row go on beside its own."""
        return True

    streams: ClassVar[bool] = True  # names are all that it must be told
    by_sample: ClassVar[bool] = False  # its first rows say what there is to know

    def closed(self, found: Schema, *, settled: bool = False) -> Opening:
        """`settled`: all rows were looked at before, and what was wrong with them was told."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Node):
    """Holds the rows in front of a stage whose fields only the data knows, and finds which they are."""

    opens: Opening
    command = "settle"
    blocking = True
    bounded = True

    def derive(self) -> Schema:
        return self.inputs[0].schema.select(n for n in self.inputs[0].schema.names() if n in self.needs(frozenset()))

    @property
    def name(self) -> str:
        return self.opens.name

    def text(self) -> str:
        return self.opens.text()

    def detail(self) -> str:
        return self.opens.detail()

    def needs(self, wanted: Names) -> Names:
        return self.opens.needs(frozenset(self.opens.schema.names()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Settle):
    """Reads the first rows in front of such a stage, which say what there is to know; then they are read again with the rest."""

    def derive(self) -> Schema:
        return Schema(())

    def needs(self, wanted: Names) -> Names:
        return self.opens.needs(frozenset())


# Of the columns of the rows that were waited for, their slot, and for a Settle node the fields that were found in them:
# a plan over Here(slot), and notes.
Rest: TypeAlias = "Callable[[Schema, int, Schema], tuple[Node, Any]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Node):
    """Stages behind a node whose columns only the data decides: bound again when that node is done."""

    rest: Rest = field(compare=False, repr=False)
    body: str = ""
    beside: Node | None = field(
        default=None, compare=False, repr=False
    )  # what stands before it, where that is not the input
    covers: str = field(
        default="", compare=False
    )  # stages that begin so are told by `body`: it begins inside a procedure
    names: Schema | None = field(default=None, compare=False, repr=False)  # its columns, where only types are unknown
    command = "..."

    def derive(self) -> Schema:
        return Schema((), open=True)

    @property
    def before(self) -> Node:
        return self.inputs[0] if self.beside is None else self.beside

    def text(self) -> str:
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Node):
    """A call of a procedure, whose stages are its inputs in place. It changes nothing, and goes before the plan runs."""

    command = "proc"

    @property
    def covers(self) -> str:
        return f"{self.stage}."

    def needs(self, wanted: Names) -> Names:
        return wanted

    def lets_filter_through(self, fields: Names) -> bool:
        return True

    def lets_limit_through(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Here(Node):
    """The rows that a Pending node waited for. `slot`: which of them."""

    columns: Schema
    slot: int = 0

    def derive(self) -> Schema:
        return self.columns


EXPLAIN = (
    ("stage", STRING), ("operator", STRING), ("detail", STRING), ("mode", STRING), ("order", STRING), ("rows_in", LONG),
    ("rows_out", LONG), ("bytes", LONG), ("ms", DOUBLE), ("memory", LONG), ("spilled", LONG),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Explain(Node):
    """The rows of a plan. The plan is no input: its rows do not flow into this one."""

    plan: Node
    analyze: bool = False
    command = "explain"

    def derive(self) -> Schema:
        return Schema(EXPLAIN)


def line_of(plan: Node) -> list[Node]:
    """The plan's nodes from its result down to the source, along the first inputs. A loop: only subqueries nest."""
    line = [plan]
    while line[-1].inputs:
        line.append(line[-1].inputs[0])
    return line


def rebuilt(above: list[Node], made: Node) -> Node:
    """`made` below the nodes `above`, of which the last stands next to it; their subqueries stay."""
    from dataclasses import replace

    for node in reversed(above):
        made = replace(node, inputs=(made, *node.inputs[1:]))
    return made


def column_name(expr: ast.Expr) -> str:
    """The name of an unaliased column: the canonical text; a field's own name without back quotes."""
    return expr.name if isinstance(expr, ast.Name) else expr.text()


def query_text(node: Node) -> str:
    """Canonical query: binding it again gives an equal plan. A call stands for the stages of its procedure."""
    line = [node]
    while line[-1].inputs:  # a loop along the pipeline: only subqueries nest
        line.append(line[-1].before)
    stages: list[str] = []
    at = 0
    while at < len(line):
        told, covered = line[at], 0
        if isinstance(told, Procedure | Pending) and told.covers:
            covered = _covered(told.covers, line[at + 1 :])
            among = line[at + 1 : at + 1 + covered]  # a limit that was moved among them was written behind the call
            stages += [n.text() for n in among if not n.stage.startswith(told.covers) and not n.implied]
        if not told.implied:
            stages.append(told.text())
        at += 1 + covered
    return " | ".join(reversed(stages))


def _covered(prefix: str, below: list[Node]) -> int:
    """So many nodes end with the last that is a stage of the call."""
    if not below or not (below[0].stage.startswith(prefix) or any(isinstance(n, Limit) for n in below)):
        return 0
    return max((i + 1 for i, n in enumerate(below) if n.stage.startswith(prefix)), default=0)


ROW_TIME = ("_time", DATE)
__all__ = [
    "EXPLAIN", "AggCall", "Aggregate", "Assignment", "Derived", "Explain", "Expr", "Filter", "Here", "Keep", "Key", "Limit", "Node", "Opening",
    "Order", "Pending", "Procedure", "Project", "Rename", "Sample", "Scan", "Settle", "Sort", "SortKey", "Tail", "column_name", "is_hidden", "query_text",
    "visible",
]  # fmt: skip
