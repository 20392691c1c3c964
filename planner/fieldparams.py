"""Parameters of type field in a parsed query become the names that they hold: bound as names, never pasted as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from . import ast
from .parse import Parsed, Query

VALUES = frozenset({"path", "count", "table", "tables"})  # parts where a parameter stands for a value, or for a table


def with_fields(query: Query, names: Mapping[str, str]) -> Query:
    """The query with `$x` as the field that `names` gives for `x`, wherever a field may stand."""
    return replace(query, stages=tuple(_stage(s, names) for s in query.stages)) if names else query


def _stage(stage: Parsed, names: Mapping[str, str]) -> Parsed:
    return replace(stage, parts=tuple((n, v if n in VALUES else _named(v, names)) for n, v in stage.parts))


def _named(value: Any, names: Mapping[str, str]) -> Any:
    match value:
        case ast.Param(names=(one,)) if one in names:
            return ast.Name(name=names[one], span=value.span)
        case ast.Field(param=ast.Param(names=(one,))) if one in names:
            return ast.Field(names[one], value.span)
        case ast.Field():
            return value
        case Parsed():
            return _stage(value, names)
        case tuple():
            made = tuple(_named(v, names) for v in value)
            return value if all(a is b for a, b in zip(made, value, strict=True)) else made
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {}
    for f in fields(value):
        old = getattr(value, f.name)
        new = _named(old, names)
        if new is not old:
            changed[f.name] = new
    return replace(value, **changed) if changed else value


__all__ = ["with_fields"]
