"""Parameters of type `field`, `fields` and `table` in a parsed query become the names that they hold: never pasted text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from . import ast
from .parsed import Parsed, Query
from .records import dataclass
from .text import Fault, error

VALUES = frozenset({"path", "count", "procedure"})  # parts where a parameter stands for a value
TABLES = frozenset({"table", "tables"})

Names = Mapping[str, tuple[str, ...]]


def with_fields(
    query: Query, names: Names, tables: Mapping[str, str], sees_rows: Callable[[Parsed], bool] = lambda stage: True
) -> Query:
    """The query with `$x` as the fields that `names` gives for `x`, wherever a field may stand, and as the table likewise.

    In a list several fields take the place of one; elsewhere several are E410. A stage that sees no rows has no fields:
    there `$x` is the name itself.
    """
    if not names and not tables:
        return query
    return replace(query, stages=tuple(_stage(s, _Held(names, tables, query.text, sees_rows)) for s in query.stages))


@dataclass(frozen=True, slots=True)
class _Held:
    names: Names
    tables: Mapping[str, str]
    text: str
    sees_rows: Callable[[Parsed], bool]


def _stage(stage: Parsed, held: _Held) -> Parsed:
    keeps = not held.sees_rows(stage)
    return replace(
        stage, parts=tuple((n, v if keeps and n != "subquery" else _part(n, v, held)) for n, v in stage.parts)
    )


def _part(name: str, value: Any, held: _Held) -> Any:
    if name in VALUES:
        return value
    if name in TABLES:
        return tuple(_table(v, held) for v in value) if isinstance(value, tuple) else _table(value, held)
    return _named(value, held)


def _table(value: Any, held: _Held) -> Any:
    match value:
        case ast.Param(names=(one,)) if one in held.tables:
            return ast.Name(name=held.tables[one], span=value.span)
    return value


def _named(value: Any, held: _Held) -> Any:
    names, text = held.names, held.text
    match value:
        case ast.Param(names=(one,)) if one in names:
            return ast.Name(name=_only(value, names[one], text), span=value.span)
        case ast.Field(param=ast.Param(names=(one,))) if one in names:
            return ast.Field(_only(value, names[one], text), value.span)
        case ast.Field():
            return value
        case Parsed():
            return _stage(value, held)
        case (str() as word, inner):  # an argument with its name
            new = _named(inner, held)
            return value if new is inner else (word, new)
        case tuple():
            made = tuple(_named(v, held) for item in value for v in _spread(item, names))
            is_same = len(made) == len(value) and all(a is b for a, b in zip(made, value, strict=True))
            return value if is_same else made
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for f in fields(value):
        old = getattr(value, f.name)
        new = _named(old, held)
        if new is not old:
            changed[f.name] = new
    return replace(value, **changed) if changed else value


def _spread(item: Any, names: Names) -> tuple[Any, ...]:
    """One item for each field of a parameter that stands in a list."""
    match item:
        case ast.Param(names=(one,)) if len(names.get(one, ())) > 1:
            return tuple(ast.Name(name=n, span=item.span) for n in names[one])
        case ast.Field(param=ast.Param(names=(one,))) if len(names.get(one, ())) > 1:
            return tuple(ast.Field(n, item.span) for n in names[one])
        case ast.Signed():
            return tuple(replace(item, key=key) for key in _spread(item.key, names))
        case ast.Pair(right=None):
            return tuple(replace(item, left=left) for left in _spread(item.left, names))
        case ast.Item(where=None, alias=None, fill=None):
            return tuple(replace(item, expr=expr) for expr in _spread(item.expr, names))
    return (item,)


def _only(value: Any, held: tuple[str, ...], text: str) -> str:
    if len(held) == 1:
        return held[0]
    told = f"a parameter of {len(held)} fields cannot stand where one field does"
    raise error(text, [Fault(code="E410", message=told, span=value.span)])


__all__ = ["with_fields"]
