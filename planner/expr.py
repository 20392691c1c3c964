"""Bound expressions: typed, frozen, names checked. The parsed form is kept beside for printing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from . import ast
from .records import dataclass
from .text import Span
from .types import Type

if TYPE_CHECKING:
    from .catalog import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    type: Type
    span: Span = field(default=Span(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Expr):
    """`value`: Python's own (dates and durations as integers in their unit, months as a number of them)."""

    value: Any
    pattern: ast.Text | None = None  # of a string literal: the text as written, whose stars may be wild
    weeks: bool = False  # of a duration: written in weeks alone (see ast.Duration)
    ns: int = 0  # of a duration, where its place takes them: nanoseconds beyond whole microseconds

    def __hash__(self) -> int:
        """By the text of an array: it is a list, and lists have no hash."""
        return hash((self.type, str(self.value) if isinstance(self.value, list) else self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef(Expr):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Late(Expr):
    """A `setq` parameter: its type is known at bind, its value when the pipeline is lowered."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Expr):
    function: Function
    args: tuple[Expr, ...]
    data: Any = field(default=None, compare=False, repr=False)  # what the function's bind prepared for its kernel
    site: int = 0  # number of this call in the query, for functions with a state of their own (seq, random)


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression and how the user wrote it."""

    expr: Expr
    parsed: ast.Expr

    @property
    def type(self) -> Type:
        return self.expr.type

    def text(self) -> str:
        return self.parsed.text()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all its parts. A loop: long chains are no nesting."""
    todo = [expr]
    while todo:
        e = todo.pop()
        yield e
        if isinstance(e, Call):
            todo.extend(reversed(e.args))


def fields_of(expr: Expr) -> frozenset[str]:
    return frozenset(e.name for e in walk(expr) if isinstance(e, FieldRef))


def is_volatile(expr: Expr) -> bool:
    """Depends on the row's number or on a random draw, so it may be moved past nothing."""
    return any(isinstance(e, Call) and e.function.volatile for e in walk(expr))


def is_late(expr: Expr) -> bool:
    """Depends on a value that a subquery gives, and so is not known before that has run."""
    return any(isinstance(e, Late) for e in walk(expr))


def conjuncts(expr: Expr) -> tuple[Expr, ...]:
    """The parts of a top-level `and`."""
    if isinstance(expr, Call) and expr.function.name == "and":
        return tuple(c for a in expr.args for c in conjuncts(a))
    return (expr,)


def rewrite(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Bottom up: `change` gives what stands instead, or None to keep. A loop down the first arguments."""
    chain: list[Call] = []
    while isinstance(expr, Call) and expr.args:
        chain.append(expr)
        expr = expr.args[0]
    made = change(expr) or expr
    for call in reversed(chain):
        args = (made, *(rewrite(a, change) for a in call.args[1:]))
        if any(a is not b for a, b in zip(args, call.args, strict=True)):
            call = replace(call, args=args)
        made = change(call) or call
    return made
