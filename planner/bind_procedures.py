"""Procedures in a plan: a call is bound by binding the stages of its procedure in its place, with parameters of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from . import ast
from .args import Args
from .bind_aggregates import AggregateBinder
from .bind_expr import BindStop
from .expr import Expr, Literal, is_late
from .fieldparams import with_fields
from .header import Param
from .option_values import Unfit
from .parse import Parsed, Query, parse_expression
from .plan import Node, Procedure
from .procedures import Library, Unit, numbered
from .procedures import Procedure as Called
from .stages import RawOption
from .text import Fault, QueryError, Span, nearest
from .typed import FIELD, FIELDS, fits_late, from_text, from_value, written_default
from .types import Schema

CALL = "proc"  # the command whose stages are put in place


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

    params: Mapping[str, Expr]
    scope: Scope


def covered_by(stage: Parsed) -> str:
    """How the numbers begin of the stages that the text of a call stands for, where a stage is one of them or their end."""
    outermost = stage.calls[0] if stage.calls else stage.number if stage.command == CALL else ""
    return outermost and f"{outermost}."


def behind_calls(stages: Sequence[Parsed], i: int) -> int:
    """The first stage from i on that is no end of a call."""
    while i < len(stages) and stages[i].command == CALL and stages[i].known:
        i += 1
    return i


@dataclass(frozen=True, slots=True)
class Arguments:
    """Parameters of a query as its caller gives them. `is_text`: from a command line, to be read by their types.

    `is_file`: of a saved query, which takes no parameter that its header does not declare.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    is_text: bool = False
    is_file: bool = False


class ProcedureBinder(AggregateBinder):
    """The part of a binder that knows procedures and typed parameters."""

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

    # calls

    def inlined(self, stages: Sequence[Parsed], has_rows: bool = False) -> list[Parsed]:
        """The stages with those of procedures in front of the calls, which stay as the end of what they stand for.

        Nothing of a call depends on the rows, so its stages can be bound, tried and put off as any others.
        """
        out: list[Parsed] = []
        is_known = True  # whether rows come to the stage
        for stage in stages:
            if stage.command != CALL or not stage.known:
                out.append(stage)
            else:
                self.stage = stage
                try:
                    out += self._inlined(stage, stage.one("procedure"), has_rows or bool(out), is_known)
                except BindStop:
                    out.append(replace(stage, known=False))
            is_known = is_known and out[-1].known
        return out

    def _inlined(self, stage: Parsed, call: ast.Call, has_rows: bool, is_known: bool) -> list[Parsed]:
        called = self._called(call)
        if called.body.is_stage and not has_rows:
            self._stop("E308", f"'{call.name}' is a stage: it needs rows, and no source stands before it", self._name_of(call),
                       hint="its body begins with a pipe")  # fmt: skip
        if not called.body.is_stage and has_rows and is_known:
            self._stop("E308", f"'{call.name}' is a source: it begins a query", self._name_of(call),
                       hint="a procedure whose body begins with a pipe is a stage")  # fmt: skip
        params = self._call_values(called, call)
        outer = self.scope.outer | frozenset(self.params)
        calls = (*self.scope.calls, (called.key, called.name))
        frame = Frame(params, replace(self.scope, unit=called.unit, calls=calls, outer=outer))
        with self.inside(frame):
            query = self.named_params(
                numbered(called.body.query, f"{stage.number}."), {p.name: p for p in called.params}
            )
            self.faults += [f for f in query.faults if f not in self.faults]
            self.warned(query.warnings)
            self.set_all(query.stages)
            frame = replace(frame, params=dict(self.params))
            rows = [s for s in query.stages if not self.is_control(s)]
            if query.explain:
                rows = [self._explained(query, rows, has_rows)]
            elif not rows and not has_rows:
                self.fail("E308", "the query has no source", query.stages[-1].span,
                          hint="begin with table, json, textfile, csvfile, ...")  # fmt: skip
                raise BindStop
            inner = self.inlined(rows, has_rows)
        return [*(self._framed(s, frame, stage.number) for s in inner), stage]

    def end_of_call(self, args: Args, rows: Node) -> Procedure:
        """The call itself, behind the stages that it stands for."""
        if rows.stage in self._unknown:  # nobody knows whether rows come from here
            self._unknown.add(args.stage)
        return Procedure(**args.common, inputs=(rows,))

    @staticmethod
    def _framed(stage: Parsed, frame: Frame, call: str) -> Parsed:
        return replace(stage, frame=stage.frame or frame, calls=(call, *stage.calls))

    def _explained(self, query: Query, rows: Sequence[Parsed], has_rows: bool) -> Parsed:
        """A file that begins with `explain`, as the stage that explains a subquery."""
        first = query.stages[0]
        if has_rows:
            self.stage = first
            self._stop("E308", "'explain' is a source: it begins a query", first.span)
        analyze = (RawOption("analyze", "t", first.span, first.span),) if query.explain == "analyze" else ()
        return Parsed(first.number, "explain", first.command_span, analyze, (("subquery", tuple(rows)),), first.span)

    def _stop(self, code: str, message: str, span: Span, **more: Any) -> NoReturn:
        self.fail(code, message, span, **more)
        raise BindStop

    def _name_of(self, call: ast.Call) -> Span:
        return Span(call.span.start, call.span.start + len(ast.quote_name(call.name)))

    def _called(self, call: ast.Call) -> Called:
        library, unit = self.scope.library, self.scope.unit
        at = self._name_of(call)
        try:
            found = library.resolve(call.name, unit)
        except QueryError as why:
            if why.text:
                raise
            for f in why.faults:
                self.fail(f.code, f.message, at, hint=f.hint, suggestions=f.suggestions)
            raise BindStop from None
        if found is None:
            known = library.known(unit)
            self._stop("E304", f"no procedure is named '{call.name}'", at, suggestions=nearest(call.name, known, 1),
                       hint=library.files.where(unit.folder))  # fmt: skip
        keys = [k for k, _ in self.scope.calls]
        if found.key in keys:
            names = [n for _, n in self.scope.calls[keys.index(found.key) :]]
            told = " -> ".join([*names, call.name])
            self._stop("E412", f"a procedure calls itself: {told}", at)
        return found

    def _call_values(self, called: Called, call: ast.Call) -> dict[str, Expr]:
        """Values of all parameters of a call, each by its type. Faults stand at the argument."""
        by_name: dict[str, ast.Expr] = {}
        names = [p.name for p in called.params]
        takes = f"it takes {called.signature}" if called.params else "it takes none"
        failed = False
        for i, value in enumerate(call.args):
            if i < len(names):
                by_name[names[i]] = value
                continue
            self.fail("E410", f"{call.name} takes {len(names)} argument{'s' if len(names) != 1 else ''}, not {len(call.args)}",
                      value.span, hint=takes)  # fmt: skip
            failed = True
            break
        for name, value in call.named:
            if name not in names:
                self.fail("E410", f"{call.name} has no parameter '{name}'", self._word_before(value.span, name),
                          suggestions=nearest(name, names, 1), hint=takes)  # fmt: skip
                failed = True
            elif name in by_name:
                self.fail("E410", f"parameter '{name}' is given twice", self._word_before(value.span, name))
                failed = True
            else:
                by_name[name] = value
        out: dict[str, Expr] = {}
        given: dict[str, Expr] = {}
        for p in called.params:
            if p.name in by_name:
                try:
                    given[p.name] = self._argument(p, by_name[p.name], call)
                except BindStop:
                    failed = True
            elif p.default is None:
                self.fail(
                    "E410", f"{call.name} needs its parameter '{p.name}' ({p.type})", self._name_of(call), hint=takes
                )
                failed = True
        if failed:
            raise BindStop
        with self.inside(Frame({}, replace(self.scope, unit=called.unit))):
            for p in called.params:
                out[p.name] = given[p.name] if p.name in given else self._default(p)
                self.params = dict(out)
        return out

    def _word_before(self, value: Span, name: str) -> Span:
        """Where the name of an argument stands: in front of its value."""
        begin = self.text.rfind(name, 0, value.start)
        return Span(begin, begin + len(name)) if begin >= 0 else value

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
        finally:
            self.params, self.scope, self.stage = held

    # of the binder itself

    def warned(self, found: Sequence[Fault]) -> None:
        """What parsing warned of becomes notes, under strict faults."""
        raise NotImplementedError

    def set_all(self, stages: Sequence[Parsed]) -> list[Parsed]:
        raise NotImplementedError

    def is_control(self, stage: Parsed) -> bool:
        raise NotImplementedError
