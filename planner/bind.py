"""Names and types: parsed stages to a bound plan, left to right. Collects every fault before it raises BindError."""

from __future__ import annotations

import datetime as dt
import fnmatch
import os
import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from . import ast, foreign, option_values
from .bind_call import BoundCall, CallFault
from .catalog import AggregateFunction, Function, Note
from .combine import Given
from .expr import Bound, Call, Expr, FieldRef, Late, Literal, is_late
from .options import RAW, TEXT, Option
from .parse import Parsed, Query
from .plan import AggCall, Here, Key, Node, Pending, Rename, column_name
from .stages import RawOption
from .text import Fault, QueryError, Span, error, nearest
from .types import (
    ANY,
    BOOL,
    DATE,
    DOUBLE,
    DURATION,
    INT,
    LONG,
    MONTHS,
    NULL,
    STRING,
    Schema,
    Type,
    array_of,
    join,
)
from .unparse import stage_text

OPEN = Schema(open=True)
COERCED = {
    "text": "string",
    "number": "",
    "parsed": "",
    "integer": "long",
    "date": "date",
    "bool": "bool",
    "duration": "duration",
}
INT32 = range(-(2**31), 2**31)


class BindStop(Exception):
    """A command cannot go on; its fault is recorded."""


class Waits(Exception):
    """The columns of a stage's subquery are known only when that has run: the stage is bound then."""

    def __init__(self, node: Node, nth: int) -> None:
        super().__init__()
        self.node, self.nth = node, nth


class Commands:
    """What the binder needs of the language: commands, functions and aggregates by name."""

    commands: Mapping[str, Any]
    functions: Mapping[str, Function]
    aggregates: Mapping[str, AggregateFunction]
    later_functions: Mapping[str, int]
    later_aggregates: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BoundQuery:
    """A query whose names and types are checked."""

    text: str
    plan: Node
    controls: tuple[Parsed, ...]
    notes: tuple[Note, ...]
    settings: Mapping[str, Any]
    explain: str = ""


def literal_of(value: Any, zone: str = "UTC") -> Literal:
    """A Python value as a literal; TypeError if it is of no type of the language. A naive time is wall time of `zone`."""
    match value:
        case None:
            return Literal(type=NULL, value=None)
        case bool():
            return Literal(type=BOOL, value=value)
        case int():
            if not -(2**63) <= value < 2**63:
                raise TypeError(f"{value} does not fit 64 bits")
            return Literal(type=INT if value in INT32 else LONG, value=value)
        case float():
            return Literal(type=DOUBLE, value=value)
        case str():
            try:
                value.encode()
            except UnicodeEncodeError as why:
                raise TypeError(f"its text holds half a character, U+{ord(value[why.start]):04X}") from None
            return Literal(type=STRING, value=value)
        case dt.datetime():
            if value != value:  # pandas' NaT
                return Literal(type=NULL, value=None)
            moment = value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
            delta = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
            return Literal(type=DATE, value=(delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds)
        case dt.date():
            return literal_of(dt.datetime(value.year, value.month, value.day), zone)
        case dt.timedelta():
            return Literal(type=DURATION, value=(value.days * 86_400 + value.seconds) * 10**6 + value.microseconds)
        case list() | tuple():
            return array_literal([literal_of(v, zone) for v in value])
    if type(value).__name__ == "Decimal":  # its module is imported by whoever made one
        return Literal(type=DOUBLE, value=float(value))
    if hasattr(value, "as_py"):  # an Arrow scalar
        return literal_of(value.as_py(), zone)
    if hasattr(value, "item"):  # a NumPy scalar, or an array of one value
        inner = value.item()
        if type(inner) is int and type(value).__name__ in ("datetime64", "timedelta64"):  # nanoseconds
            inner = value.astype(f"{type(value).__name__}[us]").item()
        if type(value).__name__ not in ("datetime64", "timedelta64") or isinstance(inner, dt.date | dt.timedelta):
            return literal_of(inner, zone)
    raise TypeError(f"a parameter cannot be a {type(value).__name__}")


def array_literal(items: Sequence[Literal]) -> Literal:
    """TypeError where the values are not of one type (null and the widths of numbers aside)."""
    element = join(i.type for i in items)
    if element.kind == "string" and any(i.type.kind not in ("string", "null") for i in items):
        raise TypeError("a parameter's list holds values of one type")
    return Literal(type=array_of(element), value=[i.value for i in items])


class Binder:
    """One bind of one query. Subqueries share it."""

    def __init__(
        self,
        query: Query,
        commands: Any,
        services: Any,
        *,
        params: Mapping[str, Literal],
        settings: dict[str, Any],
        now_us: int,
        evaluate: Callable[[Expr, Binder], tuple[Any, bool]],
        parse_time: Callable[[str, str], int | None],
        check_setting: Callable[[str, Any], Any],
        file: str = "",
    ) -> None:
        self.query, self.text, self.commands, self.services = query, query.text, commands, services
        self.params: dict[str, Expr] = dict(params)  # literals, and expressions over what `setq` gives
        self.settings, self.now_us = settings, now_us
        self._evaluate, self._parse_time, self._check_setting = evaluate, parse_time, check_setting
        self._file = file
        self.faults: list[Fault] = list(query.faults)
        self.notes: list[Note] = []
        self.controls: list[Parsed] = []
        self.stage: Parsed = query.stages[0] if query.stages else _NOTHING
        self._unknown: set[str] = set()  # stages of unknown commands: nobody knows whether rows come from them
        self._sites = 0
        self._silent = 0
        self._late = 0  # parameters that subqueries give, so far
        self._givers: list[tuple[Parsed, Node, tuple[tuple[str, str], ...]]] = []  # of the pipeline being bound
        self._known: dict[tuple[str, int], Node] = {}  # subqueries that have run: by stage and number
        self._again = threading.Lock()  # what waited may come to be known in two branches at once

    @property
    def strict(self) -> bool:
        return bool(self.settings.get("strict"))

    @property
    def zone(self) -> str:
        return str(self.settings["timezone"])

    # faults and notes

    def fail(self, code: str, message: str, span: Span, **more: Any) -> None:
        known = {"stage": self.stage.number, "command": self.stage.command, "file": self._file, **more}
        fault = Fault(code=code, message=message, span=span, **known)
        if fault not in self.faults:
            self.faults.append(fault)

    def warn(
        self, code: str, message: str, span: Span, hint: str = "", suggestions: tuple[str, ...] = (), **more: Any
    ) -> None:
        """A warning; under strict the error of the same number."""
        if self._silent:
            return
        if self.strict:
            strict = _STRICT_CODE.get(code, "E" + code[1:])
            self.fail(strict, message, span, hint=hint, suggestions=suggestions, strict=True, **more)
            return
        said = f"did you mean {' or '.join(suggestions)}?" if suggestions else ""
        self.note("warn", message, span, hint="; ".join(h for h in (said, hint) if h), code=code)

    def note(self, kind: str, reason: str, span: Span, hint: str = "", code: str = "", count: int = 1) -> None:
        """Something the result must say."""
        if self._silent:
            return
        note = Note(kind, reason, code, self.stage.number, self.stage.command, span, hint, count)
        if note not in self.notes:
            self.notes.append(note)

    def finish(self) -> None:
        if self.faults:
            raise error(self.text, sorted(self.faults, key=lambda f: f.span.start))

    # pipelines

    def bind(self) -> BoundQuery:
        try:
            plan = self.pipeline(self.query.stages, top=True)
        except RecursionError:
            self.faults = [Fault(code="E201", message="brackets are nested too deeply", span=Span(0, len(self.text)))]
            plan = None
        for w in self.query.warnings:
            if self.strict:
                self.faults.append(replace(w, code=_STRICT_CODE.get(w.code, "E" + w.code[1:]), strict=True))
            else:
                self.notes.append(Note("warn", w.message, w.code, w.stage, "", w.span, w.hint))
        self.finish()
        assert plan is not None
        return BoundQuery(self.text, plan, tuple(self.controls), tuple(self.notes), self.settings, self.query.explain)

    def pipeline(self, stages: Sequence[Parsed], *, top: bool = False) -> Node | None:
        outer, givers = dict(self.params), self._givers  # what a subquery sets is seen in it only
        self._givers = []
        control = [s for s in stages if self._is_control(s)]
        for stage in control:
            self.stage = stage
            self._guarded(stage, None)
            if top:
                self.controls.append(stage)
        node = self._rows([s for s in stages if not self._is_control(s)], None)
        if node is None and not self.faults:
            self.stage = stages[-1] if stages else self.stage
            span = stages[-1].span if stages else Span(0, len(self.text))
            self.fail("E308", "the query has no source", span, hint="begin with table, json, textfile, csvfile, ...")
        if node is not None and self._givers:
            node = Given(
                span=node.span, stage=node.stage, inputs=(node, *(n for _, n, _ in self._givers)), implied=True,
                names=tuple(names for _, _, names in self._givers), setters=tuple(p for p, _, _ in self._givers),
            )  # fmt: skip
        self._givers = givers
        if not top:
            self.params = outer
        return node

    def _is_control(self, stage: Parsed) -> bool:
        found = self.commands.commands.get(stage.command)
        return found is not None and found.control

    def _rows(self, stages: Sequence[Parsed], node: Node | None) -> Node | None:
        for i, stage in enumerate(stages):
            self.stage = stage
            if node is not None and node.schema.open and stage.known:
                return self._pending(node, stages[i:])
            try:
                node = self._stage(stage, node)
            except Waits as waits:
                return self._waiting(waits, node, stages[i:])
        return node

    def _stage(self, stage: Parsed, before: Node | None) -> Node:
        if not stage.known:
            self._unknown.add(stage.number)
            for part in stage.all("subquery"):
                self.subquery(part)
            return Here(span=stage.span, stage=stage.number, columns=OPEN)
        command = self.commands.commands[stage.command]
        if before is None and not command.source:
            self.fail("E308", f"'{stage.command}' needs rows, and no source stands before it", stage.command_span,
                      hint="begin with table, json, textfile, csvfile, ...")  # fmt: skip
        elif before is not None and command.source and before.stage not in self._unknown:
            self.fail("E308", f"'{stage.command}' is a source: it begins a query", stage.command_span)
            return before
        return self._guarded(stage, before or (None if command.source else Here(columns=OPEN)))

    def _guarded(self, stage: Parsed, before: Node | None) -> Node:
        command = self.commands.commands[stage.command]
        try:
            args = Args(self, stage, command, before)
            node: Node = command.bind(args, before)
            args.check_options()
            return node if before is not None else composed(node)
        except BindStop:
            return Here(span=stage.span, stage=stage.number, columns=OPEN)
        except QueryError as found:
            if found.text:
                raise
            named = next((stage.place(p) for p in ("path", "tables", "table") if stage.one(p) is not None), stage.span)
            where = named if found.code.startswith("E6") or found.code == "E705" else stage.span
            for f in found.faults:
                placed = replace(f, stage=stage.number, command=stage.command, span=_span_or(f.span, where))
                self.faults.append(placed)
            return Here(span=stage.span, stage=stage.number, columns=OPEN)

    def _pending(self, node: Node, stages: Sequence[Parsed]) -> Node:
        """The columns here depend on data: check what can be checked now, bind again when they are known."""
        self._silent += 1
        provisional: Node | None = Here(columns=OPEN, stage=node.stage)
        for stage in stages:
            self.stage = stage
            try:
                provisional = self._stage(stage, provisional)
            except Waits:
                provisional = Here(columns=OPEN, stage=stage.number)
        self._silent -= 1
        return self._later(node, stages, lambda here: (stages, here))

    def _waiting(self, waits: Waits, before: Node | None, stages: Sequence[Parsed]) -> Node:
        """The columns of a subquery depend on data: its stage and those behind it are bound when it has run."""
        key = (stages[0].number, waits.nth)

        def begin(here: Here) -> tuple[Sequence[Parsed], Node | None]:
            self._known[key] = here
            return stages, before

        self._silent += 1
        self._known[key] = Here(columns=OPEN, stage=waits.node.stage)
        self.stage = stages[0]
        provisional: Node | None = self._rows(stages, before)  # what can be checked now is
        del self._known[key]
        self._silent -= 1
        assert provisional is not None
        return self._later(waits.node, stages, begin, beside=before)

    def _later(
        self, node: Node, stages: Sequence[Parsed], begin: Callable[[Here], tuple[Sequence[Parsed], Node | None]],
        beside: Node | None = None,
    ) -> Pending:  # fmt: skip
        params = dict(self.params)

        def rest(schema: Schema, slot: int) -> tuple[Node, tuple[Note, ...]]:
            with self._again:
                self.faults, self.notes, self.params = [], [], dict(params)
                bound = self._rows(*begin(Here(columns=schema, slot=slot)))
                self.finish()
                assert bound is not None
                return bound, tuple(self.notes)

        first = stages[0]
        return Pending(
            span=first.span, stage=first.number, inputs=(node,), rest=rest, body=" | ".join(map(stage_text, stages)),
            beside=beside,
        )  # fmt: skip

    def subquery(self, stages: Sequence[Parsed], nth: int | None = None) -> Node:
        """Its plan. `nth` of the stage's, for a stage that needs to know its columns."""
        outer = self.stage
        known = self._known.get((outer.number, nth)) if nth is not None else None
        if known is not None:
            return known
        node = self.pipeline(stages)
        self.stage = outer
        if nth is not None and node is not None and node.schema.open and not self.faults:
            raise Waits(node, nth)
        return node or Here(columns=OPEN)

    def set_late(self, stage: Parsed, node: Node) -> None:
        """`setq`: the fields of the subquery's first row become parameters, whose values are known when it has run."""
        names = []
        for name, kind in node.schema.fields:
            self._late += 1
            key = f"{self._late}:{name}"
            names.append((name, key))
            self.params[name] = Late(type=kind, name=key)
        self._givers.append((stage, node, tuple(names)))

    # settings and parameters

    def set_param(self, name: str, value: ast.Expr, span: Span) -> None:
        """`set NAME = E`: the value is known now; `option.NAME` is a setting of the engine."""
        before = len(self.faults)
        expr = self.typed(value, Schema())
        if len(self.faults) > before:
            self.params[name] = Literal(type=ANY, value=None)
            return
        if is_late(expr):
            if name.startswith("option."):
                self.fail("E410", "a value that a subquery gives cannot be a setting", value.span)
            self.params[name] = expr
            return
        literal = self.constant(expr)
        if not name.startswith("option."):
            self.params[name] = literal
            return
        try:
            self.settings[name[7:]] = self._check_setting(name[7:], literal.value)
        except QueryError as found:
            hint = found.hint
            if literal.value is None and not isinstance(value, ast.Constant):
                hint = f"{hint}; text stands in quotes"
            at = span if found.message.startswith("no setting") else value.span
            self.fail(found.code, found.message, at, hint=hint, suggestions=found.suggestions)

    def constant(self, expr: Expr) -> Literal:
        """The value of an expression without fields."""
        if isinstance(expr, Literal):
            return replace(expr, pattern=None)  # a parameter's star is a star, not a wildcard
        value, refused = self._evaluate(expr, self)
        if refused:
            self.note("reject", "a parameter became null", expr.span)
        return Literal(type=expr.type, value=value, span=expr.span)

    # fields

    def unknown(self, name: str, span: Span, schema: Schema, *, always: bool = False) -> None:
        near = (name.lower(),) if name in ("TRUE", "FALSE", "NULL") else nearest(name, schema.names(), 1)
        if always or self.strict:
            self.fail(
                "E301", f"unknown field '{name}'", span, strict=not always, suggestions=near, fields=schema.names()
            )
        else:
            self.warn(
                "W301",
                f"unknown field '{name}'",
                span,
                suggestions=near,
                hint=_fields_here(schema) or f'text stands in quotes: "{name}"',
            )

    def field(self, f: ast.Field, schema: Schema, *, always: bool = False) -> tuple[str, Type]:
        name = self.field_name(f)
        type_ = schema.type(name)
        if type_ is None:
            self.unknown(name, f.span, schema, always=always)
        return name, type_ or NULL

    def field_name(self, f: ast.Field) -> str:
        """A field parameter stands for the name that it holds."""
        if f.param is None:
            return f.name
        value = self.param(f.param)
        if isinstance(value, Literal) and isinstance(value.value, str):
            return value.value
        self.fail("E410", "a parameter in place of a field must hold its name", f.span)
        raise BindStop

    def expand(self, fields: Iterable[ast.Field], schema: Schema, *, always: bool = False) -> list[str]:
        """Names after patterns were expanded, in order, each once."""
        out: list[str] = []
        for f in fields:
            if not f.pattern:
                out.append(self.field(f, schema, always=always)[0])
                continue
            pattern = f.name.replace("[", "[[]").replace("?", "[?]")
            hits = [n for n in schema.names() if fnmatch.fnmatchcase(n, pattern)]
            if not hits and not schema.open:
                self.warn("W301", f"no field matches '{f.name}'", f.span, hint=_fields_here(schema))
            out += hits
        return list(dict.fromkeys(out))

    # expressions

    def bound(self, e: ast.Expr, schema: Schema) -> Bound:
        return Bound(self.typed(e, schema), e)

    def typed(self, e: ast.Expr, schema: Schema) -> Expr:
        match e:
            case ast.Text():
                return Literal(type=STRING, value=e.value, pattern=e, span=e.span)
            case ast.Number(value=int() as n):
                if n == 2**63:
                    self.fail("E307", "a whole number above 9223372036854775807", e.span, hint=f"write {n}.0")
                return Literal(type=INT if n in INT32 else LONG, value=min(n, 2**63 - 1), span=e.span)
            case ast.Number():
                return Literal(type=DOUBLE, value=e.value, span=e.span)
            case ast.Constant(value=None):
                return Literal(type=NULL, value=None, span=e.span)
            case ast.Constant():
                return Literal(type=BOOL, value=e.value, span=e.span)
            case ast.Duration():
                return self._duration(e)
            case ast.Param():
                return replace(self.param(e), span=e.span)
            case ast.Name():
                return self._name(e, schema)
            case ast.Call(name="neg", op=True, args=(ast.Number(value=int() as n),)):
                return Literal(type=INT if -n in INT32 else LONG, value=-n, span=e.span)
            case ast.Call():
                return self._call(e, schema)
        raise AssertionError(type(e))

    def _duration(self, e: ast.Duration) -> Literal:
        if e.months:
            return Literal(type=MONTHS, value=e.months, span=e.span)
        if e.ns % 1000:
            self.fail("E307", "durations are whole microseconds", e.span)
        return Literal(type=DURATION, value=e.ns // 1000, weeks=e.weeks, span=e.span)

    def param(self, e: ast.Param) -> Expr:
        """The first non-null of the names, then the default; a name that nothing sets is null."""
        known = [self.params[n] for n in e.names if n in self.params]
        late = [v for v in known if not isinstance(v, Literal)]
        if late:
            return self._first_known(e, known)
        for value in known:
            if isinstance(value, Literal) and value.value is not None:
                return value
        if e.default is not None:
            default = self.typed(e.default, Schema())
            return default if is_late(default) else self.constant(default)
        if not known:
            near = nearest(e.names[0], self.params, 1)
            self.warn("W410", f"nothing sets the parameter '{e.names[0]}': it is null", e.span, suggestions=near)
        return known[0] if known else Literal(type=NULL, value=None)

    def _first_known(self, e: ast.Param, known: list[Expr]) -> Expr:
        """The same where a subquery gives one of them: which is null is known when it has run."""
        parts = [*known, *([self.typed(e.default, Schema())] if e.default is not None else [])]
        parts = [p for p in parts if not (isinstance(p, Literal) and p.value is None)]
        if len(parts) == 1:
            return parts[0]
        return self.apply("coalesce", parts, [e.span] * len(parts), e.span, Schema())

    def _name(self, e: ast.Name, schema: Schema) -> Expr:
        if e.name in schema:
            return FieldRef(type=schema.type(e.name) or ANY, name=e.name, span=e.span)
        parts = e.name.split(".")
        for cut in range(len(parts) - 1, 0, -1):  # the longest part that is a field
            base = ".".join(parts[:cut])
            kind = schema.type(base) if base in schema else None
            if kind is not None and kind.kind in ("map", "any"):
                inner: Expr = FieldRef(type=kind, name=base, span=e.span)
                for member in parts[cut:]:
                    inner = self._member(inner, member, e.span)
                return inner
        if schema.open:
            return FieldRef(type=ANY, name=e.name, span=e.span)
        self.unknown(e.name, e.span, schema)
        return Literal(type=NULL, value=None, span=e.span)

    def _member(self, inner: Expr, member: str, span: Span) -> Expr:
        key = Literal(type=STRING, value=member, span=span)
        return self.apply("@member", [inner, key], [span, span], span, Schema())

    def _call(self, e: ast.Call, schema: Schema) -> Expr:
        if e.op:
            left_deep = self._spine(e, schema)
            if left_deep is not None:
                return left_deep
        function = self.commands.functions.get(e.name)
        if (
            function is None
            or e.name.startswith("@")
            or (function.operator and not e.op and e.name not in ("in", "not"))
        ):
            self._no_function(e, schema)
            args = [self.typed(a, schema) for a in e.args]
            return Literal(type=ANY, value=None, span=e.span)
        inner = self._element_schema(e, schema)
        args = [self.typed(a, inner if i == 0 else schema) for i, a in enumerate(e.args)]
        named = {k: self.typed(v, schema) for k, v in e.named}
        return self.apply(e.name, args, [a.span for a in e.args], e.span, schema, named, [a.text() for a in e.args])

    def _element_schema(self, e: ast.Call, schema: Schema) -> Schema:
        if e.name == "foreach":  # its first argument sees the elements as _1, _2, ...
            for i in range(1, len(e.args)):
                schema = schema.put(f"_{i}", ANY)
        return schema

    def _spine(self, e: ast.Call, schema: Schema) -> Expr | None:
        """`a + b + c + ...` is deep on the left: bound by a loop, so that long chains are no nesting."""
        if len(e.args) != 2 or e.name in ("in",):
            return None
        chain: list[ast.Call] = []
        node: ast.Expr = e
        while isinstance(node, ast.Call) and node.op and len(node.args) == 2 and node.name in ast.BINARY:
            chain.append(node)
            node = node.args[0]
        if not chain:
            return None
        left = self.typed(node, schema)
        for link in reversed(chain):
            right = self.typed(link.args[1], schema)
            spans = [a.span for a in link.args]
            left = self.apply(link.name, [left, right], spans, link.span, schema, None, [])
        return left

    def apply(
        self, name: str, args: list[Expr], spans: list[Span], span: Span, schema: Schema,
        named: dict[str, Expr] | None = None, texts: list[str] | None = None,
    ) -> Expr:  # fmt: skip
        """A call of a known function over bound arguments: counts, types and constants checked, casts put in."""
        function = self.commands.functions[name]
        if not function.least <= len(args) <= function.most:
            self.fail("E306", f"{name} takes {counts(function.least, function.most)}, not {len(args)}", span,
                      hint=function.syntax and f"syntax: {function.syntax}")  # fmt: skip
            return Literal(type=ANY, value=None, span=span)
        call = BoundCall(self, name, args, dict(named or {}), spans, span, texts or [], schema)
        try:
            type_ = function.bind(call)
        except CallFault:
            return Literal(type=ANY, value=None, span=span)
        if call.named:
            self.fail("E306", f"{name} has no argument named '{next(iter(call.named))}'", span)
        if isinstance(replaced := getattr(call, "replaced", None), Expr):
            return replaced
        coerced = tuple(self._coerced(a, i, function) for i, a in enumerate(call.args))
        self._sites += function.volatile
        return Call(type=type_, function=function, args=coerced, data=call.data, span=span, site=self._sites)

    def _coerced(self, arg: Expr, i: int, function: Function) -> Expr:
        if not function.coerce or function.special:
            return arg
        how = function.coerce[min(i, len(function.coerce) - 1)]
        kind = arg.type.kind
        if how == "any" or kind == COERCED[how] or (how in ("number", "parsed") and kind in ("long", "double")):
            return arg
        if isinstance(arg, Literal) and arg.value is None:
            typed = {
                "text": STRING,
                "number": DOUBLE,
                "parsed": DOUBLE,
                "integer": LONG,
                "date": DATE,
                "bool": BOOL,
                "duration": DURATION,
            }
            return replace(arg, type=typed[how])
        if how == "integer" and isinstance(arg, Literal) and kind == "string":
            self.fail("E307", f"{function.name} takes a whole number here, not text", arg.span)
            return replace(arg, type=LONG, value=None)
        return self.apply("@" + how, [arg], [arg.span], arg.span, Schema())

    def _no_function(self, e: ast.Call, schema: Schema) -> None:
        at = Span(e.span.start, e.span.start + len(e.name))
        if e.name in self.commands.later_functions:
            self.fail("E309", f"function '{e.name}' is not in this version", at)
            return
        names = [
            n for n, f in self.commands.functions.items() if n[0].isalpha() and (not f.operator or n in ("in", "not"))
        ]
        near = foreign.FUNCTIONS.get(e.name.lower()) or nearest(e.name, names, 1)
        hint = ""
        if e.name in self.commands.aggregates:
            column = column_name(e)
            near = (f"`{column}`",) if column in schema else ()
            hint = "back quotes read the field" if near else f"'{e.name}' is an aggregate: use it in stats"
        self.fail("E305", f"unknown function '{e.name}'", at, suggestions=near, hint=hint)

    # aggregates

    def keys(self, items: Sequence[ast.Item], schema: Schema) -> tuple[Key, ...]:
        out = []
        for item in items:
            bound = self.bound(item.expr, schema)
            out.append(Key(bound, item.alias.name if item.alias else column_name(item.expr)))
        return tuple(out)

    def aggregates(self, items: Sequence[ast.Item], schema: Schema, *, span: bool = False) -> tuple[AggCall, ...]:
        return tuple(a for item in items if (a := self._aggregate(item, schema, span)) is not None)

    def _aggregate(self, item: ast.Item, schema: Schema, has_span: bool) -> AggCall | None:
        e: ast.Expr = item.expr
        if isinstance(e, ast.Name):
            e = ast.Call(name=e.name, bare=True, span=e.span)
        if not isinstance(e, ast.Call) or e.op:
            self.fail("E309", "an expression over aggregates is not in this version", item.span,
                      hint="give each aggregate a name and compute with eval in the next stage")  # fmt: skip
            return None
        where = self.bound(item.where, schema) if item.where else None
        args = tuple(self.bound(a, schema) for a in e.args)
        function = self.commands.aggregates.get(e.name)
        if function is None:
            self._no_aggregate(e)
            return None
        if function.span_only and not has_span:
            self.fail("E307", f"{e.name} needs buckets of a length: use it in timechart", e.span)
            return None
        if not function.least <= len(args) <= function.most:
            self.fail("E306", f"{e.name} takes {counts(function.least, function.most)}, not {len(args)}", e.span)
            return None
        call = BoundCall(self, e.name, [a.expr for a in args], {k: self.typed(v, schema) for k, v in e.named},
                         [a.span for a in e.args], e.span, [a.text() for a in e.args], schema)  # fmt: skip
        try:
            type_ = function.bind(call)
        except CallFault:
            return None
        if call.named:
            self.fail("E306", f"{e.name} has no argument named '{next(iter(call.named))}'", e.span)
        bound = tuple(Bound(x, a.parsed) for x, a in zip(call.args, args, strict=False))
        return AggCall(function, bound, type_, where, item.alias.name if item.alias else column_name(e), e, call.data)

    def _no_aggregate(self, e: ast.Call) -> None:
        at = Span(e.span.start, e.span.start + len(e.name))
        if e.name in self.commands.later_aggregates:
            self.fail("E309", f"aggregate '{e.name}' is not in this version", at)
            return
        hint = ""
        if e.bare:
            hint = "an aggregate is count, or a call such as sum(x)"
        elif e.name in self.commands.functions:
            hint = f"'{e.name}' is a function of one row: use it inside an aggregate or in eval"
        names = [n for n in self.commands.aggregates if not (n[0] == "p" and n[1:].isdigit())]
        near = foreign.AGGREGATES.get(e.name.lower()) or nearest(e.name, names, 1)
        self.fail("E305", f"unknown aggregate '{e.name}'", at, suggestions=near, hint=hint)

    def distinct_columns(self, columns: Sequence[Key | AggCall], spans: Sequence[Span]) -> None:
        """Two columns of one name are E350."""
        seen: set[str] = set()
        for column, span in zip(columns, spans, strict=False):
            if column.name in seen:
                self.fail("E350", f"two columns are named '{column.name}'", span, hint="name one with 'as'")
            seen.add(column.name)

    # options

    def parse_time(self, text: str) -> int | None:
        return self._parse_time(text, self.zone)


def composed(source: Node) -> Node:
    """Names of a source in NFC, as the names of a query are: a file from another system may have them in parts."""
    names = source.schema.names()
    apart = {n: made for n in names if (made := unicodedata.normalize("NFC", n)) != n and made not in names}
    pairs = {made: n for n, made in apart.items()}  # of two that become one, the last
    if not pairs:
        return source
    return Rename(
        span=source.span, stage=source.stage, inputs=(source,), implied=True,
        pairs=tuple((n, made) for made, n in pairs.items()),
    )  # fmt: skip


_STRICT_CODE = {"W330": "E320", "W110": "E201", "W321": "E320", "W322": "E320"}
_NOTHING = Parsed("1", "", Span(0, 0), (), (), Span(0, 0))


def _span_or(span: Span, other: Span) -> Span:
    return span if span.end > span.start else other


def _fields_here(schema: Schema) -> str:
    names = schema.names()
    return "fields here: " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else ""


def spelled(value: Any) -> str:
    """A constant as a query writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f'"{value}"' if isinstance(value, str) else str(value)


def counts(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} or more" if most > 99 else f"{least} to {most}"


class Args:
    """A stage while it is bound: its options and parts as values, and the schema its fields are looked up in."""

    def __init__(self, binder: Binder, parsed: Parsed, command: Any, source: Node | None) -> None:
        self.binder, self.parsed, self._command = binder, parsed, command
        self.schema = source.schema if source is not None else Schema()
        self._options: dict[str, Any] = {}
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

    def has(self, part: str) -> bool:
        return any(n == part for n, _ in self.parsed.parts)

    # options

    def given(self, name: str) -> bool:
        return self.parsed.option(name) is not None

    def option_span(self, name: str) -> Span:
        raw = self.parsed.option(name)
        return raw.span if raw is not None else self.parsed.command_span

    def option(self, name: str) -> Any:
        """The option's value in the Python type of its kind; its default if it is not given."""
        if name not in self._options:
            self._options[name] = self._value(self._known[name])
        return self._options[name]

    def check_options(self) -> None:
        """Every option that is given can be read, also one that this use of the command does not look at."""
        for given in self.parsed.options:
            if given.name in self._known:
                self.option(given.name)

    def _value(self, option: Option) -> Any:
        raw = self.parsed.option(option.name)
        if raw is None:
            return option.default
        param: Literal | None = None
        try:
            param = self._param(raw)
            if param is not None:
                return option_values.of_literal(param, option, self.binder.parse_time)
            text = option_values.unquote(raw.value, pattern=option.kind in (RAW, TEXT, "path"))
            return option_values.of_text(text, option, self.binder.parse_time, raw.value)
        except option_values.Unfit as why:
            shown = raw.value if param is None else f"{raw.value}, which is {spelled(param.value)}"
            self.abort("E311", f"'{option.name}' cannot be {shown}", raw.span, hint=f"it takes {why}")

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
        return self.binder.keys(items, self.schema if schema is None else schema)

    def aggregates(
        self, items: Sequence[ast.Item], schema: Schema | None = None, *, span: bool = False
    ) -> tuple[AggCall, ...]:
        return self.binder.aggregates(items, self.schema if schema is None else schema, span=span)

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
