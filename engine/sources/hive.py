"""Folders named `key=value`: fields whose value is the same for all rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from ...planner.types import NULL, STRING, Type
from ..batch import Column
from ..exprs import spread
from .infer import type_of_text

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def hive_of(path: str) -> dict[str, str | None]:
    """`year=2026/month=11/x.parquet`: the run of such folders right above the file."""
    out: dict[str, str | None] = {}
    for folder in reversed(path.replace("\\", "/").split("/")[:-1]):
        name, equals, value = folder.partition("=")
        if not equals or not name:
            break
        out[unquote(name)] = None if value == NO_VALUE else unquote(value)
    return dict(reversed(out.items()))


def type_of_values(values: Sequence[str | None]) -> Type:
    from ..values import texts_from

    found = type_of_text(texts_from(values)).type
    return STRING if found is NULL else found


def constant_of(value: str | None, kind: Type, n: int, zone: str) -> Column:
    """A folder's value as a column."""
    from ..values import texts_from
    from . import isodate
    from .csvcells import _general

    text = texts_from([value])
    if kind.kind == "date":
        return spread(isodate.parse(text, zone, kind.unit)[0][0], n)
    one = text if kind.kind == "string" else _general(text, kind, zone, lambda *a, **k: None)
    return spread(one[0], n)
