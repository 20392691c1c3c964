"""Canonical text of a parsed stage: `parse(unparse(stages)) == stages`. The default behind every node's `text()`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import ast
from .parsed import Parsed

BARE_PATH = re.compile(r"[^\s\"'`|\[\]$/][^\s\"`|\[\]]*\Z")


def unparse(stages: Iterable[Parsed]) -> str:
    return " | ".join(stage_text(s) for s in stages)


def stage_text(args: Parsed) -> str:
    words = [args.command, *(f"{o.name}={o.value}" for o in args.options)]
    fields = 0
    for name, value in args.parts:
        fields += name == "field"
        if args.command == "lookup" and name == "field" and fields == 2:
            words.append("as")
        if args.command == "lookup" and name == "pairs":
            words.append("output")
        words.append(_part(name, value))
        if name == "target":
            words.append("=")
    return " ".join(words)


def _part(name: str, value: Any) -> str:
    match name:
        case "subquery":
            return f"[ {unparse(value)} ]"
        case "names":
            return _list(value, ast.Field.text)
        case "by_names":
            return "by " + _list(value, ast.Field.text)
        case "pairs" | "renames":
            return _list(value, pair_text)
        case "by_pairs":
            return "by " + _list(value, pair_text)
        case "by_keys" | "keys":
            return "by " + _list(value, item_text)
        case "columns":
            return "for " + _list(value, item_text)
        case "aggs" | "filled":
            return _list(value, item_text)
        case "assigns":
            return _list(value, assign_text)
        case "signed_names":
            return _list(value, signed_text)
        case "anchors":
            return _list(value, lambda a: f"{pattern_text(a[0])} as {a[1].text()}")
        case "procedure":
            return f"{ast.quote_name(value.name)}{value.text()[len(value.name) :]}"
        case "pattern":
            return pattern_text(value)
        case "tables":
            return _list(value, table_text)
        case "table":
            return table_text(value)
        case "path" | "profile" | "archive":
            return path_text(value)
        case "columns_def":
            return _list(value, ast.Column.text)
        case "MINUS":
            return "-"
    return str(value) if isinstance(value, str) else value.text()


def _list(values: Iterable[Any], text: Any) -> str:
    return ", ".join(text(v) for v in values)


def pair_text(pair: ast.Pair) -> str:
    return pair.left.text() + (f" as {pair.right.text()}" if pair.right else "")


def signed_text(signed: ast.Signed) -> str:
    return ("-" if signed.descending else "") + signed.key.text()


def assign_text(assign: ast.Assign) -> str:
    return " = ".join([*(t.text() for t in assign.targets), assign.expr.text()])


def item_text(item: ast.Item) -> str:
    out = item.expr.text()
    if item.where:
        out += f" where {item.where.text()}"
    if item.alias:
        out += f" as {item.alias.text()}"
    if item.fill is not None:
        out += f" fill {item.fill.text()}"
    return out


def pattern_text(pattern: str) -> str:
    """A pattern is raw in both quotes; the single ones can hold any text."""
    return "'" + pattern.replace("'", "''") + "'"


def table_text(value: Any) -> str:
    return value if isinstance(value, str) else value.text()


def path_text(value: Any) -> str:
    return value.text() if isinstance(value, ast.Param) else value if BARE_PATH.match(value) else pattern_text(value)
