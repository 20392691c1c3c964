"""A stage while it is bound: what its command asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NoReturn

from . import ast, option_values
from .bind_expr import BindStop, spelled
from .expr import Bound, Expr, Literal
from .options import RAW, TEXT, Option
from .parsed import Parsed
from .plan import AggCall, Derived, Keep, Key, Node, Project, is_hidden
from .stages import RawOption
from .text import QueryError, Span
from .types import Schema, Type

if TYPE_CHECKING:
    from .bind import Binder


class Args:
    """A stage while it is bound: its options and parts as values, and the schema its fields are looked up in."""

    def __init__(self, binder: Binder, parsed: Parsed, command: Any, source: Node | None) -> None:
        self.binder, self.parsed, self._command = binder, parsed, command
        self.schema = source.schema if source is not None else Schema()
        self._options: dict[str, Any] = {}
        self._spread: dict[str, tuple[ast.Item, ...]] = {}
        self._keys: tuple[Key, ...] = ()
        self._derived: tuple[Derived, ...] = ()
        self._hidden: tuple[str, ...] = ()
        self._known = {o.name: o for o in command.options or ()}
        for raw in parsed.options:
            if raw.name in self._known and self._known[raw.name].tier > 1:
                self.fail("E309", f"option '{raw.name}' is not in this version", raw.name_span)

    @property
    def span(self) -> Span:
        return self.parsed.span

    @property
    def stage(self) -> str:
        return self.parsed.number

    @property
    def services(self) -> Any:
        return self.binder.services

    @property
    def zone(self) -> str:
        return self.binder.zone

    @property
    def now_us(self) -> int:
        return self.binder.now_us

    @property
    def strict(self) -> bool:
        return self.binder.strict

    @property
    def common(self) -> dict[str, Any]:
        """What every node is given: where it stands and how it was written."""
        return {"span": self.parsed.span, "stage": self.parsed.number, "written": self.parsed}

    # faults

    def fail(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        """Record a fault and go on, so that others are found too."""
        self.binder.fail(code, message, span or self.parsed.command_span, **more)

    def abort(self, code: str, message: str, span: Span | None = None, **more: Any) -> NoReturn:
        """Record a fault and give up this stage."""
        self.fail(code, message, span, **more)
        raise BindStop

    def abort_as(self, why: QueryError, part: str) -> NoReturn:
        """What went wrong outside, told at the part of the stage that names it."""
        first = why.first
        self.abort(first.code, first.message, self.place(part), hint=first.hint, suggestions=first.suggestions)

    def warn(self, code: str, message: str, span: Span | None = None, **more: Any) -> None:
        self.binder.warn(code, message, span or self.parsed.command_span, **more)

    def note(self, kind: str, reason: str, span: Span | None = None, hint: str = "", count: int = 1) -> None:
        self.binder.note(kind, reason, span or self.parsed.command_span, hint, count=count)

    # parts

    def one(self, part: str) -> Any:
        return self.parsed.one(part)

    def many(self, part: str) -> tuple[Any, ...]:
        """A list part (names, aggs, ...) as a tuple; empty if it is not there."""
        return self.parsed.one(part) or ()

    def place(self, part: str) -> Span:
        return self.parsed.place(part)

    def place_of(self, name: str, part: str = "names") -> Span:
        """Where a field of a list of names is written, itself or the pattern that it comes from."""
        written: Any = dict(self.parsed.parts).get(part, ())
        for f in written if isinstance(written, tuple | list) else (written,):
            if isinstance(f, ast.Field) and (fnmatchcase(name, f.name) if f.pattern else f.name == name):
                return f.span
        return self.place(part)

    def has(self, part: str) -> bool:
        return any(n == part for n, _ in self.parsed.parts)

    # options

    def given(self, name: str) -> bool:
        """Whether the option stands there; one that is null stands for none."""
        raw = self.parsed.option(name)
        if raw is None or not raw.value.startswith("$"):
            return raw is not None
        try:
            names = option_values.parameter(raw.value)
        except option_values.Unfit:
            return True
        found = self.binder.param(replace(names, span=raw.span)) if names is not None else None
        return not (isinstance(found, Literal) and found.value is None)

    def option_span(self, name: str) -> Span:
        raw = self.parsed.option(name)
        return raw.span if raw is not None else self.parsed.command_span

    def option(self, name: str) -> Any:
        """The option's value in the Python type of its kind; its default if it is not given."""
        if name not in self._options:
            self._options[name] = self._value(self._known[name])
        return self._options[name]

    def time(self, name: str, zone: str) -> int | None:
        """The value of an option of kind TIME, where a text without a zone is of `zone`."""
        found: int | None = self._value(self._known[name], lambda text: self.binder.parse_time(text, zone))
        return found

    def check_options(self) -> None:
        """Every option that is given can be read, also one that this use of the command does not look at."""
        for given in self.parsed.options:
            if given.name in self._known:
                self.option(given.name)

    def _value(self, option: Option, time: Callable[[str], int | None] | None = None) -> Any:
        raw = self.parsed.option(option.name)
        if raw is None:
            return option.default
        param: Literal | None = None
        try:
            param = self._param(raw)
            if param is not None and param.value is None:
                return option.default
            if param is not None:
                return option_values.of_literal(param, option, time or self.binder.parse_time)
            text = option_values.unquote(raw.value, pattern=option.kind in (RAW, TEXT, "path"))
            return option_values.of_text(text, option, time or self.binder.parse_time, raw.value)
        except option_values.Unfit as why:
            shown = raw.value if param is None else f"{raw.value}, which is {spelled(param.value, param.type)}"
            from . import foreign

            near = foreign.OPTION_VALUES.get((self.parsed.command, option.name, shown.lower()), ())
            self.abort("E311", f"'{option.name}' cannot be {shown}", raw.span, hint=f"it takes {why}", suggestions=near)

    def option_param(self, name: str) -> Literal | None:
        """The parameter that stands as the option's value, if one does."""
        raw = self.parsed.option(name)
        return None if raw is None else self._param(raw)

    def _param(self, raw: RawOption) -> Literal | None:
        names = option_values.parameter(raw.value)
        if names is None:
            return None
        found = self.binder.param(replace(names, span=raw.span))
        if not isinstance(found, Literal):
            self.abort("E410", "a value that a subquery gives may not shape a stage", raw.span)
        return found

    def late_option(self, name: str) -> Expr | None:
        """The option's value as an expression where a subquery gives it; for options that shape no columns."""
        raw = self.parsed.option(name)
        names = option_values.parameter(raw.value) if raw is not None else None
        if raw is None or names is None:
            return None
        found = self.binder.param(replace(names, span=raw.span))
        if isinstance(found, Literal):
            return None
        self._options[name] = None
        return found

    # names and expressions

    def field(self, f: ast.Field | str, *, span: Span | None = None, always: bool = False) -> tuple[str, Type]:
        """Name and type; an unknown name warns (E301 with `always`, for commands that Logpresso does not have)."""
        if isinstance(f, str):
            f = ast.Field(f, span or self.parsed.command_span)
        return self.binder.field(f, self.schema, always=always)

    def fields(self, fields: Iterable[ast.Field], *, always: bool = False) -> list[str]:
        """Names after patterns were expanded."""
        return self.binder.expand(fields, self.schema, always=always)

    def expr(self, e: ast.Expr, schema: Schema | None = None) -> Bound:
        return self.binder.bound(e, self.schema if schema is None else schema)

    def constant(self, e: ast.Expr) -> Literal:
        """The value of an expression that may not use fields."""
        return self.binder.constant(self.binder.typed(e, Schema()))

    def keys(self, items: Sequence[ast.Item], schema: Schema | None = None) -> tuple[Key, ...]:
        keys = self.binder.keys(items, self.schema if schema is None else schema)
        self._keys = (*self._keys, *keys)
        return keys

    def aggregates(
        self,
        items: Sequence[ast.Item],
        schema: Schema | None = None,
        *,
        span: bool = False,
        time: str | None = None,
        window: bool = False,
    ) -> tuple[AggCall, ...]:
        """The aggregates of a list; `keys` come first, since expressions over aggregates may read them.

        Of such expressions only the parts are among the aggregates. A command whose node works them out itself
        calls `take_derived`; for all others stages behind the node do (`completed`).
        """
        aggs, derived = self.binder.aggregates(
            items, self.schema if schema is None else schema, keys=self._keys, span=span, time=time, window=window
        )
        self._derived = (*self._derived, *derived)
        self._hidden = (*self._hidden, *(a.name for a in aggs if is_hidden(a.name)))
        return aggs

    def items(self, part: str = "aggs", schema: Schema | None = None) -> tuple[ast.Item, ...]:
        """A list of aggregates, with what is short for several (`ohlc`) as these: an item for each column."""
        if part not in self._spread:
            self._spread[part] = self.binder.spread(self.many(part), self.schema if schema is None else schema)
        return self._spread[part]

    @contextmanager
    def known_fields(self) -> Iterator[None]:
        """Within it an unknown field is E301: for expressions of commands that Logpresso does not have."""
        before, self.binder.must_know = self.binder.must_know, True
        try:
            yield
        finally:
            self.binder.must_know = before

    def put_derived(self, derived: Sequence[Derived], hidden: Sequence[str]) -> None:
        """Expressions over aggregates in place of those that `take_derived` gave, and the columns only they read."""
        self._derived, self._hidden = tuple(derived), tuple(hidden)

    def take_derived(self) -> tuple[Derived, ...]:
        """The expressions over aggregates that `aggregates` found."""
        derived, self._derived, self._hidden = self._derived, (), ()
        return derived

    def completed(self, node: Node) -> Node:
        """Behind a node whose columns the aggregates are: the expressions over them in place of their parts."""
        if not self._derived:
            return node
        common: dict[str, Any] = {"span": self.parsed.span, "stage": self.parsed.number, "implied": True}
        made = Project(**common, inputs=(node,), assigns=tuple(d.assignment() for d in self._derived))
        return Keep(**common, inputs=(made,), names=self._hidden, drop=True) if self._hidden else made

    def whole(self, given: ast.Number | ast.Param | None, default: int = 0) -> int:
        """A count: a whole number of 0 or more, or a parameter that holds one."""
        if given is None:
            return default
        value: Any = given.value if isinstance(given, ast.Number) else None
        if isinstance(given, ast.Param):
            found = self.binder.param(given)
            if not isinstance(found, Literal):
                self.abort("E410", "a value that a subquery gives may not shape a stage", given.span)
            value = found.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
            shown = given.text() if isinstance(given, ast.Number) else f"{given.text()}, which is {spelled(value)},"
            self.abort("E307", f"{shown} is no count", given.span, hint="a whole number of 0 or more")
        return value

    def path(self, given: str | ast.Param) -> str:
        """A path as written, or the text that a parameter holds; `~/` is the user's folder."""
        if isinstance(given, str):
            return os.path.expanduser(given) if given.startswith("~/") else given
        found = self.binder.param(given)
        if not isinstance(found, Literal) or not isinstance(found.value, str):
            self.abort("E410", "a parameter in place of a path must hold text", given.span)
        return self.path(found.value)

    def table_name(self, part: str = "table") -> str:
        """The name of a stored table, bare, quoted either way, or in a parameter."""
        given = self.one(part)
        if isinstance(given, ast.Name):
            return given.name
        return given.value if isinstance(given, ast.Text) else self.path(given)

    def subquery(self, nth: int | None = 0) -> Node:
        """The plan of the stage's subquery number `nth`; its columns are known, unless `nth` is None."""
        subqueries = self.parsed.all("subquery")
        return self.binder.subquery(subqueries[nth or 0], nth)

    def subqueries(self) -> tuple[Node, ...]:
        return tuple(self.subquery(i) for i in range(len(self.parsed.all("subquery"))))
