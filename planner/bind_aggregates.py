"""Aggregates and keys of a query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from . import ast
from .bind_call import BoundCall, CallFault
from .bind_expr import ExpressionBinder, counts
from .expr import Bound, Expr, Literal
from .plan import HIDDEN, AggCall, Derived, Key, column_name, is_hidden
from .records import dataclass
from .text import Span, nearest
from .types import DURATION, Schema

PICKS = frozenset((
    "count", "c", "countif", "dc", "distinct", "estdc", "estdcount", "entropy", "first", "last", "any", "earliest", "latest",
    "min", "max", "values", "array", "list", "mode", "argmin", "argmax", "arg_min", "arg_max", "anytrue", "alltrue",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class AggregatePlaces:
    """Where aggregates stand: the fields of a row, the keys of the groups, and what the command knows of time."""

    schema: Schema
    keys: tuple[Key, ...]
    span: bool
    time: str | None
    window: bool = False


class AggregateBinder(ExpressionBinder):
    """The part of a binder that knows aggregates."""

    def keys(self, items: Sequence[ast.Item], schema: Schema) -> tuple[Key, ...]:
        out = []
        for item in items:
            bound = self.bound(item.expr, schema)
            out.append(Key(bound, self.field_name(item.alias) if item.alias else column_name(item.expr)))
        return tuple(out)

    def aggregates(
        self,
        items: Sequence[ast.Item],
        schema: Schema,
        *,
        keys: Sequence[Key] = (),
        span: bool = False,
        time: str | None = None,
        window: bool = False,
    ) -> tuple[tuple[AggCall, ...], tuple[Derived, ...]]:
        """The aggregates of a list, and the columns that are expressions over some of them (`plan.Derived`).

        `keys`: what such expressions may read besides. `span`: there are buckets of a length. `time`: the field that is
        the time of a row, if the command was given one. `window`: each row has a place among others.
        """
        aggs: list[AggCall] = []
        derived: list[Derived] = []
        places = AggregatePlaces(schema, tuple(keys), span, time, window)
        for item in items:
            made = self._item(item, places, aggs)
            if made is not None:
                derived.append(made)
        return tuple(aggs), tuple(derived)

    def _item(self, item: ast.Item, places: AggregatePlaces, aggs: list[AggCall]) -> Derived | None:
        e: ast.Expr = item.expr
        where = self.bound(item.where, places.schema) if item.where else None
        if is_expression(self, e):
            return self._expression(item, where, places, aggs)
        if isinstance(e, ast.Name):
            e = ast.Call(name=e.name, bare=True, span=e.span)
        if not isinstance(e, ast.Call) or e.op:
            self.fail("E201", f"no aggregate in {e.text()}", item.span,
                      hint="an aggregate is count, or a call such as sum(x)")  # fmt: skip
            return None
        made = self._aggregate(e, where, self.field_name(item.alias) if item.alias else column_name(e), places)
        if made is not None:
            aggs.append(made)
        return None

    def _expression(
        self, item: ast.Item, where: Bound | None, places: AggregatePlaces, aggs: list[AggCall]
    ) -> Derived | None:
        if item.alias is None:
            self.fail("E201", "an expression over aggregates needs a name", item.span,
                      hint=f"{item.expr.text()} as NAME")  # fmt: skip
            return None
        faults, name = len(self.faults), self.field_name(item.alias)
        own: list[AggCall] = []

        def column(call: ast.Call) -> ast.Expr:
            text = call.text()
            known = next((a.name for a in own if a.parsed.text() == text), None)
            if known is None:
                known = f"{HIDDEN}{len(aggs) + len(own)}" if own else name
                made = self._aggregate(call, where, known, places)
                if made is None:
                    return ast.Constant(value=None, span=call.span)
                own.append(made)
            return ast.Name(name=known, span=call.span)

        over = replaced(self, item.expr, column, {k.name for k in places.keys} - {name})
        if len(self.faults) > faults:
            return None
        schema = Schema((*((k.name, k.expr.type) for k in places.keys), *((a.name, a.type) for a in own)))
        value = self.typed(over, schema)
        aggs += own
        return Derived(name, Bound(value, item.expr), where)

    def spread(self, items: Sequence[ast.Item], schema: Schema) -> tuple[ast.Item, ...]:
        """The items, with those that are short for several aggregates as these: `ohlc(x) as p` is `... as p_open, ...`."""
        return tuple(part for item in items for part in self._spread(item, schema))

    def _spread(self, item: ast.Item, schema: Schema) -> tuple[ast.Item, ...]:
        e = item.expr
        found = self.commands.aggregates.get(e.name) if isinstance(e, ast.Call) and not e.op else None
        if found is None or not found.parts or not isinstance(e, ast.Call):
            return (item,)
        args = e.args
        if found.least <= len(args) <= found.most:
            bound = [self.typed(a, schema) for a in args]
            call = BoundCall(self, e.name, bound, {}, [a.span for a in args], e.span, [a.text() for a in args], schema)
            found.bind(call)
            if call.data is not None:  # what stands in place of arguments that are passed over
                args = call.data
        else:
            return (item,)
        first = "" if item.alias is None else f"{self.field_name(item.alias)}_"
        return tuple(
            replace(
                item, expr=ast.Call(name=name, args=args, named=e.named, span=e.span), alias=ast.Field(first + column, e.span)
            )
            for column, name in found.parts
        )  # fmt: skip

    def outside(self, e: ast.Name) -> None:
        self.fail("E201", f"'{e.name}' stands outside an aggregate", e.span,
                  hint=f"an aggregate of it, such as first({e.text()}), or a field of `by`")  # fmt: skip

    def _aggregate(self, e: ast.Call, where: Bound | None, name: str, places: AggregatePlaces) -> AggCall | None:
        schema = places.schema
        function = self.commands.aggregates.get(e.name)
        exact = [
            _exact_length(a) if i and function is not None and function.window_only else None
            for i, a in enumerate(e.args)
        ]
        args = tuple(x or self._computed(e.name, self.bound(a, schema)) for a, x in zip(e.args, exact, strict=True))
        if function is None:
            self.no_aggregate(e)
            return None
        if function.span_only and not places.span:
            self.fail("E307", f"{e.name} needs buckets of a length: use it in timechart", e.span)
            return None
        if function.window_only and not places.window:
            self.fail("E307", f"{e.name} goes by a row's place among others", e.span, hint="use it in window")
            return None
        if function.window_only and where is not None:
            self.fail("E201", f"{e.name} takes no 'where'", e.span, hint="it looks at all rows of the group")
            return None
        if not function.least <= len(args) <= function.most:
            self.fail("E306", f"{e.name} takes {counts(function.least, function.most)}, not {len(args)}", e.span)
            return None
        if function.parts:
            self.fail("E201", f"{e.name} is {len(function.parts)} columns: it is no part of an expression", e.span,
                      hint=", ".join(f"{n}({e.args[0].text()})" for _, n in function.parts))  # fmt: skip
            return None
        call = BoundCall(self, e.name, [a.expr for a in args], {k: self._named(v, schema) for k, v in e.named},
                         [a.span for a in e.args], e.span, [a.text() for a in e.args], schema,
                         places.time)  # fmt: skip
        try:
            type_ = function.bind(call)
        except CallFault:
            return None
        if call.named:
            self.fail("E306", f"{e.name} has no argument named '{next(iter(call.named))}'", e.span)
        parsed = [*(a.parsed for a in args), *(ast.Constant(value=None) for _ in call.args[len(args) :])][
            : len(call.args)
        ]
        bound = tuple(Bound(x, p) for x, p in zip(call.args, parsed, strict=True))
        return AggCall(function, bound, type_, where, name, e, call.data)

    def _named(self, e: ast.Expr, schema: Schema) -> Expr:
        exact = _exact_length(e)
        return self.typed(_flag(e), schema) if exact is None else exact.expr

    def _computed(self, name: str, arg: Bound) -> Bound:
        """Decimals are computed as doubles, but for the aggregates that only pick or tell apart values."""
        if arg.type.kind != "decimal" or name in PICKS:
            return arg
        return Bound(self.apply("@number", [arg.expr], [arg.expr.span], arg.expr.span, Schema()), arg.parsed)

    def no_aggregate(self, e: ast.Call) -> None:
        at = Span(e.span.start, e.span.start + len(e.name))
        if e.name in self.commands.later_aggregates:
            self.fail("E309", f"aggregate '{e.name}' is not in this version", at)
            return
        hint = ""
        if e.bare:
            hint = "an aggregate is count, or a call such as sum(x)"
        elif e.name in self.commands.functions:
            hint = f"'{e.name}' is a function of one row: use it inside an aggregate or in eval"
        from . import foreign

        names = [n for n in self.commands.aggregates if not (n[0] == "p" and n[1:].isdigit())]
        near = foreign.AGGREGATES.get(e.name.lower()) or nearest(e.name, names, 1)
        self.fail("E305", f"unknown aggregate '{e.name}'", at, suggestions=near, hint=hint)

    def distinct_columns(self, columns: Sequence[Key | AggCall], spans: Sequence[Span]) -> None:
        """Two columns of one name are E350."""
        seen: set[str] = set()
        for column, span in zip([c for c in columns if not is_hidden(c.name)], spans, strict=False):
            if column.name in seen:
                self.fail("E350", f"two columns are named '{column.name}'", span, hint="name one with 'as'")
            seen.add(column.name)


def _exact_length(e: ast.Expr) -> Bound | None:
    """A length that is no whole number of microseconds, for functions that compare times with it; durations as values are whole."""
    if not isinstance(e, ast.Duration) or not e.ns % 1000:
        return None
    return Bound(Literal(type=DURATION, value=e.ns // 1000, ns=e.ns % 1000, span=e.span), e)


def _flag(e: ast.Expr) -> ast.Expr:
    """Named arguments of aggregates are constants, so `t` and `f` are what they are in options."""
    return ast.Constant(value=e.name == "t", span=e.span) if isinstance(e, ast.Name) and e.name in ("t", "f") else e


def is_expression(binder: AggregateBinder, e: ast.Expr) -> bool:
    """Whether it is more than one aggregate, and has an aggregate in it."""
    return isinstance(e, ast.Call) and not e.bare and not _is_aggregate(binder, e) and _has_aggregate(binder, e)


def _is_aggregate(binder: AggregateBinder, e: ast.Call) -> bool:
    """A call that is an aggregate here. Of a name that is also a function's, unless its arguments say otherwise:

    `max(x)` is an aggregate; `max(sum(x), sum(y))` and `max(sum(x), 0)` are the function.
    """
    if e.op:
        return False
    found = binder.commands.aggregates.get(e.name)
    if found is None or e.name not in binder.commands.functions:
        return found is not None or e.name in binder.commands.later_aggregates
    return found.least <= len(e.args) <= found.most and not any(_has_pure(binder, a) for a in e.args)


def _calls(e: ast.Expr) -> list[ast.Call]:
    """All calls in an expression. A loop: long chains are no nesting."""
    out, todo = [], [e]
    while todo:
        at = todo.pop()
        if isinstance(at, ast.Call):
            out.append(at)
            todo += at.args
            todo += [v for _, v in at.named]
    return out


def _has_pure(binder: AggregateBinder, e: ast.Expr) -> bool:
    """An aggregate in it whose name no function has."""
    names, functions = binder.commands.aggregates, binder.commands.functions
    return any(not c.op and c.name in names and c.name not in functions for c in _calls(e))


def _has_aggregate(binder: AggregateBinder, e: ast.Call) -> bool:
    """An aggregate in it: a call of one, or a bare `count`."""
    todo: list[ast.Expr] = [e]
    while todo:
        at = todo.pop()
        if _is_bare(binder, at) or (isinstance(at, ast.Call) and _is_aggregate(binder, at)):
            return True
        if isinstance(at, ast.Call):
            todo += [*at.args, *(v for _, v in at.named)]
    return False


def _is_bare(binder: AggregateBinder, e: ast.Expr) -> bool:
    if not isinstance(e, ast.Name):
        return False
    found = binder.commands.aggregates.get(e.name)
    return found is not None and found.least == 0


def replaced(
    binder: AggregateBinder, e: ast.Expr, column: Callable[[ast.Call], ast.Expr], keys: Collection[str]
) -> ast.Expr:
    """The expression with each aggregate as the column that `column` makes of it. A loop down the first arguments."""
    spine: list[ast.Call] = []
    while isinstance(e, ast.Call) and not e.bare and not _is_aggregate(binder, e) and e.args:
        if not e.op and e.name not in binder.commands.functions:
            binder.no_aggregate(e)
            return ast.Constant(value=None, span=e.span)
        spine.append(e)
        e = e.args[0]
    if _is_bare(binder, e):
        assert isinstance(e, ast.Name)
        e = column(ast.Call(name=e.name, bare=True, span=e.span))
    elif isinstance(e, ast.Call) and _is_aggregate(binder, e):
        e = column(e)
    elif isinstance(e, ast.Name) and e.name not in keys:
        binder.outside(e)
    for call in reversed(spine):
        rest = tuple(replaced(binder, a, column, keys) for a in call.args[1:])
        named = tuple((k, replaced(binder, v, column, keys)) for k, v in call.named)
        e = replace(call, args=(e, *rest), named=named)
    return e
