"""The registry as the planner's parser sees it: command words, options, grammar; and what unknown names get."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..planner.text import nearest
from .base import REGISTRY, Registry, load

FOREIGN = {
    "summarize": "stats", "extend": "eval", "project": "fields", "filter": "search", "select": "fields", "from": "table",
    "take": "limit", "mv-expand": "explode", "bucket": "bin", "transaction": "window", "group": "stats", "extract": "rex",
    "chart": "timechart", "regex": "rex", "spath": "parsejson", "distinct": "dedup", "read": "csvfile",
}  # fmt: skip
"""Commands of Splunk, Kusto, DuckDB and Polars that have another name here."""

SHARED_RULES = """
renames: rename ("," rename)*
rename: field "as" field
anchors: anchor ("," anchor)*
anchor: pattern "as" field
columns: keys
by_pairs: "by" pairs
columns_def: column_def ("," column_def)*
column_def: NAME ":" NAME
"""
HIDDEN = "parallel"  # accepted wherever options are, without effect, and not shown


class Language:
    """`planner.parse.Language` over a registry."""

    def __init__(self, registry: Registry) -> None:
        self._all = registry

    def options(self, command: str) -> tuple[str, ...] | None:
        found = self._all.commands.get(command)
        return None if found is None or found.options is None else tuple(o.name for o in found.options)

    def shown_options(self, command: str) -> tuple[str, ...]:
        found = self._all.commands.get(command)
        return tuple(o.name for o in (found.options or ()) if not o.hidden and o.tier <= 1) if found else ()

    def open_options(self, command: str) -> bool:
        found = self._all.commands.get(command)
        return found is not None and found.open_options

    def is_source(self, command: str) -> bool:
        found = self._all.commands.get(command)
        return found is not None and found.source

    def is_known(self, command: str) -> bool:
        return command in self._all.commands

    def names(self) -> list[str]:
        return list(self._all.commands)

    def start(self, command: str) -> str:
        return self._all.commands[command].start

    def grammar(self, commands: frozenset[str]) -> tuple[str, list[str]]:
        chosen = [c for n, c in sorted(self._all.commands.items()) if n in commands]
        rules = [f"{c.start}: {c.grammar}" for c in chosen]
        return SHARED_RULES + "\n".join(rules) + "\n", [c.start for c in chosen]

    def unknown(self, command: str) -> tuple[str, str, tuple[str, ...], str]:
        later = self._all.later_commands.get(command)
        if later is not None:
            return "E309", f"'{command}' is not in this version", (), ""
        product = self._all.product.get(command)
        if product is not None:
            hint = f"the nearest thing here: {product}" if product else ""
            return "E303", f"'{command}' belongs to a product, not to an engine", (), hint
        names = [*self._all.commands, *self._all.later_commands]
        near = (FOREIGN[command],) if command in FOREIGN else nearest(command, names, 1)
        return "E302", f"unknown command '{command}'", near, "system commands lists all"


@lru_cache(maxsize=1)
def language() -> Language:
    """The whole language; loads every command."""
    load()
    return Language(REGISTRY)


def option_names(command: Any) -> tuple[str, ...]:
    return tuple(o.name for o in command.options or ())
