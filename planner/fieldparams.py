"""Parameters of type `field` and `fields` in a parsed query become the names that they hold: bound as names, never pasted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from . import ast
from .parse import Parsed, Query
from .text import Fault, error

VALUES = frozenset({"path", "count", "table", "tables"})  # parts where a parameter stands for a value, or for a table

Names = Mapping[str, tuple[str, ...]]


def with_fields(query: Query, names: Names) -> Query:
    """The query with `$x` as the fields that `names` gives for `x`, wherever a field may stand.

    In a list several fields take the place of one; elsewhere several are E410.
    """
    if not names:
        return query
    return replace(query, stages=tuple(_stage(s, names, query.text) for s in query.stages))


def _stage(stage: Parsed, names: Names, text: str) -> Parsed:
    parts = tuple((n, v if n in VALUES else _named(v, names, text)) for n, v in stage.parts)
    return replace(stage, parts=parts)


def _named(value: Any, names: Names, text: str) -> Any:
    match value:
        case ast.Param(names=(one,)) if one in names:
            return ast.Name(name=_only(value, names[one], text), span=value.span)
        case ast.Field(param=ast.Param(names=(one,))) if one in names:
            return ast.Field(_only(value, names[one], text), value.span)
        case ast.Field():
            return value
        case Parsed():
            return _stage(value, names, text)
        case tuple():
            made = tuple(_named(v, names, text) for item in value for v in _spread(item, names))
            is_same = len(made) == len(value) and all(a is b for a, b in zip(made, value, strict=True))
            return value if is_same else made
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for f in fields(value):
        old = getattr(value, f.name)
        new = _named(old, names, text)
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
        case ast.Item(where=None, alias=None, fill=None):
            return tuple(replace(item, expr=expr) for expr in _spread(item.expr, names))
    return (item,)


def _only(value: Any, held: tuple[str, ...], text: str) -> str:
    if len(held) == 1:
        return held[0]
    told = f"a parameter of {len(held)} fields cannot stand where one field does"
    raise error(text, [Fault(code="E410", message=told, span=value.span)])


__all__ = ["with_fields"]
