"""Typed parameters while a query is bound: of its own header, and the arguments of calls."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from . import ast
from .bind_aggregates import AggregateBinder
from .bind_expr import BindStop
from .expr import Expr, Literal, is_late
from .fieldparams import with_fields
from .header import Param
from .option_values import Unfit
from .parse import parse_expression
from .parsed import Parsed, Query
from .procedures import Library, Unit
from .records import dataclass
from .text import QueryError, Span, nearest
from .typed import FIELD, FIELDS, fits_late, from_text, from_value, written_default
from .types import Schema


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose stages are being bound: names of procedures are looked up in `unit`; `calls` leads to here."""

    library: Library
    unit: Unit
    calls: tuple[tuple[tuple[str, str], str], ...] = ()  # key and name of each procedure
    outer: frozenset[str] = frozenset()  # parameters of the callers, which are not seen here


@dataclass(frozen=True, slots=True)
class Frame:
    """What the stages of one call see: its parameters, and the names of its file."""

    params: dict[str, Expr]
    scope: Scope


@dataclass(frozen=True, slots=True)
class Arguments:
    """Parameters of a query as its caller gives them. `is_text`: from a command line, to be read by their types.

    `is_file`: of a saved query, which takes no parameter that its header does not declare.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    is_text: bool = False
    is_file: bool = False


class ParameterBinder(AggregateBinder):
    """The part of a binder that knows typed parameters."""

    scope: Scope
    _unknown: set[str]

    def parse_time(self, text: str) -> int | None:
        raise NotImplementedError

    def _unseen(self, name: str) -> str:
        if name not in self.scope.outer:
            return ""
        return f"a procedure sees its own parameters only: pass it the caller's, {name}=${name}"

    # parameters of the query itself

    def main_params(self, given: Arguments) -> None:
        """Values of all parameters of the query's header by their types. E410 for what does not fit."""
        unit = self.scope.unit
        known = {p.name: p for p in unit.header.params}
        for name in given.values:
            if name not in known:
                here = "it has " + ", ".join(known) if known else "it has none"
                self.fail("E410", f"{unit.file or 'the query'} has no parameter '{name}'", Span(0, 0), stage="", command="",
                          suggestions=nearest(name, known, 1), hint=here)  # fmt: skip
        self.params = {}
        for p in unit.header.params:
            try:
                if p.name not in given.values:
                    self.params[p.name] = self._default(p)
                    continue
                value = given.values[p.name]
                self.params[p.name] = (
                    from_text(value, p.type, self.parse_time) if given.is_text
                    else from_value(value, p.type, self.parse_time, self.zone)
                )  # fmt: skip
            except Unfit as why:
                shown = repr(given.values[p.name])
                self.fail("E410", f"parameter '{p.name}' cannot be {shown}", p.span, hint=f"it takes {why}", stage="",
                          command="")  # fmt: skip
            except BindStop:
                pass
        self.finish()

    def finish(self) -> None:
        raise NotImplementedError

    def _default(self, p: Param) -> Literal:
        """The value of a parameter that is not given. It sees the parameters above it."""
        quiet = {"stage": "", "command": ""}
        if p.default is None:
            self.fail(
                "E410", f"parameter '{p.name}' ({p.type}) has no value", p.span, hint=f"give it: {p.name}=...", **quiet
            )
            raise BindStop
        try:
            found = written_default(p.type, p.written, self.parse_time)
            if found is not None:
                return found
            parsed = parse_expression(self.text, self.scope.library.language, p.default)
            value = self._worked_out(parsed, f"the default of '{p.name}'", p.span, **quiet)
            if not isinstance(value, Literal):
                raise Unfit("a value that is known before the query runs")
            return from_value(value, p.type, self.parse_time, self.zone)
        except Unfit as why:
            self.fail("E410", f"parameter '{p.name}' cannot be {p.written}", p.span, hint=f"it takes {why}", **quiet)
            raise BindStop from None
        except QueryError as found:
            for f in found.faults:
                self.fail("E410", f"the default of '{p.name}': {f.message}", f.span, hint=f.hint, suggestions=f.suggestions,
                          expected=f.expected, **quiet)  # fmt: skip
            raise BindStop from None

    def _worked_out(self, parsed: ast.Expr, what: str, span: Span, **more: Any) -> Expr:
        """The value of an expression without fields, in which nothing may fail and nothing may be left open."""
        faults, notes = self.faults, self.notes
        self.faults, self.notes = [], []
        try:
            with self._heard():
                expr = self.typed(parsed, Schema())
            wrong = [(f.message, f.span, f.hint, f.suggestions) for f in self.faults]
            wrong += [(n.reason, n.span, n.hint, ()) for n in self.notes if n.message]
            notes += [n for n in self.notes if not n.message and n not in notes]
        finally:
            self.faults, self.notes = faults, notes
        if not wrong:
            if is_late(expr):
                return expr
            value, refused = self._value(expr)
            if not refused:
                return value
            wrong = [("a value in it cannot be converted", parsed.span, "", ())]
        for message, at, hint, near in wrong:
            self.fail(
                "E410", f"{what}: {message}", at if at.end > at.start else span, hint=hint, suggestions=near, **more
            )
        raise BindStop

    def _value(self, expr: Expr) -> tuple[Literal, bool]:
        if isinstance(expr, Literal):
            return replace(expr, pattern=None), False
        value, refused = self._evaluate(expr, self)
        return Literal(type=expr.type, value=value, span=expr.span), refused

    @contextmanager
    def _heard(self) -> Any:
        """Warnings are collected even where the stages are bound for the first of two times."""
        silent, self._silent = self._silent, 0
        try:
            yield
        finally:
            self._silent = silent

    def named_params(self, query: Query, params: Mapping[str, Param]) -> Query:
        """The query with its parameters of type field, fields and table as the names that they hold now."""
        fields: dict[str, tuple[str, ...]] = {}
        tables: dict[str, str] = {}
        for name, value in self.params.items():
            if not isinstance(value, Literal) or not value.value:
                continue
            if value.type == FIELD:
                fields[name] = (value.value,)
            elif value.type == FIELDS:
                fields[name] = tuple(value.value)
            elif name in params and params[name].type == "table":
                tables[name] = value.value
        return with_fields(query, fields, tables, lambda stage: not self.is_control(stage))

    @property
    def text(self) -> str:
        """All texts of the query, which spans point into."""
        return self.scope.library.sources.text

    def _argument(self, p: Param, given: ast.Expr, call: ast.Call) -> Expr:
        what = f"argument '{p.name}' of {call.name}"
        try:
            names = self._names(p, given)
            if names is not None:
                return names
            if isinstance(given, ast.Name):
                raise Unfit("a value; text stands in quotes")
            if p.type == "date" and isinstance(given, ast.Number) and isinstance(given.value, int):
                return from_text(given.text(), p.type, self.parse_time)
            value = self._worked_out(given, what, given.span)
            if isinstance(value, Literal):
                return from_value(value, p.type, self.parse_time, self.zone)
            if fits_late(value.type, p.type):
                return value
            raise Unfit(f"a {p.type}; a value that a subquery gives is not converted, and shapes no stage")
        except Unfit as why:
            self.fail("E410", f"{what} cannot be {given.text()}", given.span, hint=f"it takes {why}")
            raise BindStop from None

    def _names(self, p: Param, given: ast.Expr) -> Literal | None:
        """A field or a table that is named as fields are; None: the argument is an expression that gives the name."""
        if p.type not in ("field", "fields", "table"):
            return None
        match given:
            case ast.Name(name=name):
                pass
            case ast.Call(name="field", op=False, args=(ast.Text(value=name),), named=()) if p.type != "table":
                pass
            case ast.Call(op=False) if p.type != "table" and given.name in self.commands.aggregates:
                name = given.text()
            case _:
                return None
        return from_value([name] if p.type == "fields" else name, p.type, self.parse_time, self.zone)

    @contextmanager
    def inside(self, frame: Frame) -> Any:
        """Names and parameters are those of a procedure's call."""
        held = self.params, self.scope, self.stage
        self.params, self.scope = dict(frame.params), frame.scope
        try:
            yield
            frame.params.update(self.params)  # what a stage sets, the next ones see
        finally:
            self.params, self.scope, self.stage = held

    def is_control(self, stage: Parsed) -> bool:
        raise NotImplementedError
