"""Aggregates and keys of a query."""

from __future__ import annotations

from collections.abc import Sequence

from . import ast, foreign
from .bind_call import BoundCall, CallFault
from .bind_expr import ExpressionBinder, counts
from .expr import Bound
from .plan import AggCall, Key, column_name
from .text import Span, nearest
from .types import Schema


class AggregateBinder(ExpressionBinder):
    """The part of a binder that knows aggregates."""

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
