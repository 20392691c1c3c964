"""What a function or an aggregate sees of its call while it is bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from .expr import Call, Expr, FieldRef, Late, Literal, walk
from .text import Span
from .types import Schema, Type

if TYPE_CHECKING:
    from .bind_expr import ExpressionBinder


class CallFault(Exception):
    """The call cannot be bound; the fault is recorded already."""


class BoundCall:
    """`planner.catalog.CallBinder` for one call."""

    def __init__(
        self, binder: ExpressionBinder, name: str, args: list[Expr], named: dict[str, Expr], spans: list[Span], span: Span, texts: list[str],
        schema: Schema, time: str | None = None,
    ) -> None:  # fmt: skip
        self._binder, self._spans, self._span = binder, spans, span
        self.name, self.args, self.named, self.texts, self.schema = name, args, named, texts, schema
        self.time = time
        self.data: Any = None
        self.replaced: Expr | None = None

    @property
    def types(self) -> list[Type]:
        return [a.type for a in self.args]

    def type_of(self, i: int) -> Type:
        """Of one argument: `types` of a call with thousands of them is not made for each."""
        return self.args[i].type

    @property
    def zone(self) -> str:
        return self._binder.zone

    @property
    def now_us(self) -> int:
        return self._binder.now_us

    @property
    def strict(self) -> bool:
        return self._binder.strict

    @property
    def safe(self) -> bool:
        return bool(self._binder.settings["safe"])

    def is_constant(self, i: int) -> bool:
        return i < len(self.args) and isinstance(self.args[i], Literal)

    def constant(self, i: int) -> Any:
        arg = self.args[i] if i < len(self.args) else None
        return arg.value if isinstance(arg, Literal) else None

    def number(self, i: int) -> int | float | None:
        """The number that argument `i` is, if it is a constant one. Dates and durations are kept as whole numbers, but are none."""
        arg = self.args[i] if i < len(self.args) else None
        known: int | float | None = arg.value if isinstance(arg, Literal) and arg.type.is_number else None
        return known

    def whole(self, i: int) -> int | None:
        """As `number`, of whole numbers."""
        known = self.number(i)
        return known if isinstance(known, int) else None

    def worked_out(self, i: int) -> Any:
        """As `constant`, also of a call without fields, such as date("2026-11-01"); None if its value is not known yet."""
        return self.value_of(self.args[i])

    def value_of(self, arg: Expr) -> Any:
        """As `worked_out`, of an expression such as a named argument."""
        if isinstance(arg, Literal):
            return arg.value
        if any(isinstance(e, FieldRef | Late) or (isinstance(e, Call) and e.function.volatile) for e in walk(arg)):
            return None
        value, refused = self._binder._evaluate(arg, self._binder)
        return None if refused else value

    def apply(self, name: str, *args: Expr) -> Expr:
        """A function's call, with the types and faults that it has where it is written."""
        return self._binder.apply(name, list(args), [self._span] * len(args), self._span, self.schema)

    def span_of(self, at: int | Expr | None) -> Span:
        if isinstance(at, Expr):
            return at.span if at.span.end > at.span.start else self._span
        return self._spans[at] if at is not None and at < len(self._spans) else self._span

    def fail(self, code: str, message: str, at: int | Expr | None = None, **more: Any) -> NoReturn:
        self._binder.fail(code, message, self.span_of(at), **more)
        raise CallFault

    def warn(self, code: str, message: str, at: int | None = None, **more: Any) -> None:
        self._binder.warn(code, message, self.span_of(at), **more)

    def mixed(self, message: str) -> None:
        """Values of several types become text: a note, under strict an error."""
        if self.strict:
            self._binder.fail("E504", message, self._span, strict=True)
        else:
            self._binder.note("mixed", message, self._span)

    def note(self, kind: str, reason: str, at: int | None = None, hint: str = "") -> None:
        self._binder.note(kind, reason, self.span_of(at), hint)
