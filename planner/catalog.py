"""What the planner must know of things it does not own: functions, aggregates, and relations that can be scanned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from .records import dataclass
from .text import Span
from .types import Schema, Type

if TYPE_CHECKING:
    from .expr import Expr

MANY = 1 << 20


class CallBinder(Protocol):
    """What a function sees of its call when it is bound."""

    name: str
    args: Sequence[Expr]
    named: dict[str, Expr]
    zone: str  # IANA name of the session's zone
    now_us: int
    strict: bool
    safe: bool
    schema: Schema  # the fields that the call's expressions see
    texts: list[str]  # the arguments as written
    time: str | None  # of an aggregate: the field that is the time of a row, if its command was given one
    data: Any  # set it: it reaches the kernel as `ev.data`
    replaced: Expr | None  # set it: stands in place of the call

    @property
    def types(self) -> list[Type]: ...
    def type_of(self, i: int) -> Type: ...  # of argument i
    def is_constant(self, i: int) -> bool: ...
    def constant(self, i: int) -> Any: ...  # Python's value of a literal argument; None for a null or none
    def number(self, i: int) -> int | float | None: ...  # the same, of numbers only
    def whole(self, i: int) -> int | None: ...
    def worked_out(self, i: int) -> Any: ...  # as `constant`, also of a call without fields
    def value_of(self, arg: Expr) -> Any: ...  # the same of an expression, such as a named argument
    def apply(self, name: str, *args: Expr) -> Expr: ...  # a function's call, with the types and faults that it has
    def fail(
        self, code: str, message: str, at: int | Expr | None = None, **more: Any
    ) -> NoReturn: ...  # at: an argument, or its number
    def warn(self, code: str, message: str, at: int | None = None, **more: Any) -> None: ...
    def mixed(self, message: str) -> None: ...
    def note(self, kind: str, reason: str, at: int | None = None, hint: str = "") -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A scalar function. Identity is equality: there is one object a name."""

    name: str
    least: int
    most: int
    bind: Callable[[CallBinder], Type]  # the result type; raises by `fail`
    kernel: Any  # see commands.base.function
    syntax: str = ""
    summary: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    tier: int = 1
    volatile: bool = False  # random, seq
    special: bool = False  # the kernel gets its arguments unevaluated (if, case, and, or, ...)
    spans: frozenset[int] = frozenset()  # arguments that the kernel takes as Spans where they are
    coerce: tuple[str, ...] = ()  # how each argument is brought to a type before the kernel; the last repeats
    operator: bool = False
    group: str = ""
    details: str = ""  # Markdown, for its reference page
    alias_of: str = ""  # the name that it is another name of
    codes: Any = (
        None  # as `kernel`, with few values and the number of its value a row; None where that is not to be had
    )


@dataclass(frozen=True, slots=True, eq=False)
class AggregateFunction:
    """An aggregate: `state(types, options)` makes the object that keeps it for all groups (engine.operators.states)."""

    name: str
    least: int
    most: int
    bind: Callable[[CallBinder], Type]
    state: Any
    syntax: str = ""
    summary: str = ""
    examples: tuple[tuple[str, str], ...] = ()
    tier: int = 1
    ordered: bool = False  # depends on input order: it gets each row's place
    span_only: bool = False  # per_second ...: only where buckets have a length
    details: str = ""
    alias_of: str = ""
    window_only: bool = False  # lag, rank ...: a function of a row's place among others, no aggregate
    parts: tuple[tuple[str, str], ...] = ()  # it is short for these: the column's name, and the aggregate that it is


class Pushdown(Enum):
    EXACT = auto()  # the source applies the predicate: the filter goes
    PRUNES = auto()  # the source skips some of what fails: the filter stays
    NO = auto()


class Ordering(Enum):
    NONE = auto()
    INPUT = auto()


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What a scan must give: these fields (None: all, in schema order), at most what these predicates let through."""

    fields: tuple[str, ...] | None = None
    filters: tuple[Expr, ...] = ()  # conjuncts for which `pushdown` said EXACT or PRUNES
    limit: int | None = None  # rows the query needs at most
    judged: tuple[str, ...] | None = None  # fields whose values are told of where they do not fit; None: all of them

    def unjudged(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that nothing is told of."""
        return frozenset() if self.judged is None else frozenset(names) - frozenset(self.judged)


class Relation(Protocol):
    """Something that can be scanned: a file, a table, an Arrow stream. Resolved at bind; reads no row before `scan`."""

    schema: Schema
    name: str  # as the user knows it

    def pushdown(self, predicate: Expr) -> Pushdown: ...
    def scan(self, request: ScanRequest) -> Any: ...  # -> engine.operator.Source, called when the plan is lowered
    def describe(self, request: ScanRequest) -> str: ...  # pruning and pushed work, for `explain`


class LateRelation(Relation, Protocol):
    """A relation that can give fields of single rows afterwards, for less than of all rows.

    `late_fields`: which of these it can, such that reading them refuses no value. `placed`: the same rows with a field
    more that tells each row's place, and its name. `fetch`: the request's fields by places of a scan that differs from
    it in the fields only.
    """

    def late_fields(self, names: Sequence[str]) -> frozenset[str]: ...
    def placed(self) -> tuple[Relation, str]: ...
    def fetch(self, request: ScanRequest) -> Any: ...


@dataclass(frozen=True, slots=True)
class Note:
    """One entry of the ledger, known at bind."""

    kind: str  # warn, info, ...
    reason: str
    message: str
    stage: str = ""
    command: str = ""
    span: Span = field(default=Span(0, 0), compare=False)
    hint: str = ""
    count: int = 1
