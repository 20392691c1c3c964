"""Expressions of a query: names, functions and constants to typed expressions. Faults and notes are collected."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from . import ast
from .bind_call import BoundCall, CallFault
from .catalog import Function, Note
from .expr import Bound, Call, Expr, FieldRef, Literal, is_late
from .literals import INT32
from .opening import Asked
from .parsed import Parsed
from .plan import column_name
from .text import Fault, Span, nearest
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
)

COERCED = {
    "text": "string",
    "number": "",
    "parsed": "",
    "integer": "long",
    "date": "date",
    "bool": "bool",
    "duration": "duration",
}
STRICT_CODE = {"W330": "E320", "W331": "E307", "W110": "E201", "W321": "E320", "W322": "E320"}


class BindStop(Exception):
    """A command cannot go on; its fault is recorded."""


class ExpressionBinder:
    """The part of a binder that knows expressions."""

    commands: Any  # `bind.Commands`
    params: dict[str, Expr]
    settings: dict[str, Any]
    now_us: int
    stage: Parsed
    faults: list[Fault]
    notes: list[Note]
    _evaluate: Callable[[Expr, Any], tuple[Any, bool]]
    _sites: int
    _silent: int
    asked: Asked | None  # while stages are bound on trial: what they look up in an open schema
    forgiving: bool  # the data might have had a field of any name: one that it lacks is null, without a word
    must_know: bool

    @property
    def strict(self) -> bool:
        return bool(self.settings.get("strict"))

    @property
    def zone(self) -> str:
        return str(self.settings["timezone"])

    # faults and notes

    def fail(self, code: str, message: str, span: Span, **more: Any) -> None:
        known = {"stage": self.stage.number, "command": self.stage.command, **more}
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
            strict = STRICT_CODE.get(code, "E" + code[1:])
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

    def evaluated(self, expr: Expr) -> tuple[Any, bool]:
        """The value of an expression without fields, and whether it was refused."""
        return self._evaluate(expr, self)

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
        always = always or self.must_know
        if self.forgiving and not always:
            return
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
        self._ask(name, schema)
        if type_ is None:
            self.unknown(name, f.span, schema, always=always)
        return name, type_ or NULL

    def _ask(self, name: str, schema: Schema) -> None:
        if self.asked is not None and schema.open and name not in schema:
            self.asked.names[name] = None

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
            if schema.open and self.asked is not None:
                self.asked.by_pattern = True
            if not hits and not schema.open and not self.forgiving:
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
            hint = self._unseen(e.names[0])
            self.warn("W410", f"nothing sets the parameter '{e.names[0]}': it is null", e.span, hint, near)
        return known[0] if known else Literal(type=NULL, value=None)

    def _first_known(self, e: ast.Param, known: list[Expr]) -> Expr:
        """The same where a subquery gives one of them: which is null is known when it has run."""
        parts = [*known, *([self.typed(e.default, Schema())] if e.default is not None else [])]
        parts = [p for p in parts if not (isinstance(p, Literal) and p.value is None)]
        if len(parts) == 1:
            return parts[0]
        return self.apply("coalesce", parts, [e.span] * len(parts), e.span, Schema())

    def _unseen(self, name: str) -> str:
        """What to say where a parameter is one of the caller's, which a procedure does not see."""
        return ""

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
            self._ask(e.name, schema)
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
        args = self._arguments(e, schema)
        named = {k: self.typed(v, schema) for k, v in e.named}
        return self.apply(e.name, args, [a.span for a in e.args], e.span, schema, named, [a.text() for a in e.args])

    def _arguments(self, e: ast.Call, schema: Schema) -> list[Expr]:
        if e.name != "foreach" or len(e.args) < 2:
            return [self.typed(a, schema) for a in e.args]
        given = [self.typed(a, schema) for a in e.args[1:]]
        inner = schema  # the first argument sees the elements of the others as _1, _2, ...
        for i, arg in enumerate(given, 1):
            inner = inner.put(f"_{i}", (arg.type.item or NULL) if arg.type.kind == "array" else arg.type)
        return [self.typed(e.args[0], inner), *given]

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
        if how == "integer" and isinstance(arg, Literal) and not arg.type.is_number:
            said = "text" if kind == "string" else str(arg.type)
            self.fail("E307", f"{function.name} takes a whole number here, not {said}", arg.span)
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
        from . import foreign

        near = foreign.FUNCTIONS.get(e.name.lower()) or nearest(e.name, names, 1)
        hint = ""
        if e.name in self.commands.aggregates:
            column = column_name(e)
            near = (f"`{column}`",) if column in schema else ()
            hint = "back quotes read the field" if near else _used_in(e.name, self.commands)
        self.fail("E305", f"unknown function '{e.name}'", at, suggestions=near, hint=hint)


def _fields_here(schema: Schema) -> str:
    names = schema.names()
    return "fields here: " + ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else ""


def spelled(value: Any, type_: Type | None = None) -> str:
    """A constant as a query writes it; `type_` tells lengths of time from numbers."""
    if isinstance(value, list):
        return "[" + ", ".join(spelled(v, type_.item if type_ is not None else None) for v in value) + "]"
    if type_ is not None and type_.kind in ("duration", "months") and value is not None:
        length = ast.Duration(months=abs(value)) if type_.kind == "months" else ast.Duration(ns=abs(value) * 1000)
        return f"-{length.text()}" if value < 0 else length.text()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f'"{value}"' if isinstance(value, str) else str(value)


def counts(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} or more" if most > 99 else f"{least} to {most}"


def _used_in(name: str, commands: Any) -> str:
    where = "window" if commands.aggregates[name].window_only else "stats"
    return f"'{name}' is an aggregate: use it in {where}"
