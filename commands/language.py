"""The registry as the planner's parser sees it: command words, options, grammar; and what unknown names get."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..planner.grammar import ship_tables, whole_mark
from ..planner.text import nearest
from .base import REGISTRY, Registry, index_of_all, load
from .index import ship_index

FOREIGN = {
    theirs: tuple(ours.split("/"))
    for ours, names in {
        "stats": "summarize summarise aggregate agg group groupby group_by count sum avg min max sistats tstats",
        "eval": "extend mutate assign with_columns with_column derive compute makemv convert replace addtotals",
        "fields": "project select keep cut project-keep project-reorder columns returns",
        "fields -": "project-away exclude project_out remove",
        "rename": "project-rename",
        "search": "filter having grep",
        "table/textfile/csvfile": "from source read get fetch index datatable externaldata inputlookup",
        "csvfile": "read_csv loadcsv inputcsv csv",
        "jsonfile": "read_json loadjson",
        "textfile": "read_text cat",
        "parquetfile": "read_parquet parquet",
        "json": "print makeresults",
        "limit": "take first slice",
        "tail": "last",
        "sort": "orderby order_by sortby arrange",
        "dedup": "distinct uniq unique drop_duplicates",
        "explode": "mv-expand mvexpand unnest flatten expand mv-apply",
        "bin": "bucket discretize",
        "window": "transaction over serialize",
        "streamstats": "accum delta autoregress trendline",
        "rex": "extract erex grok",
        "search/rex": "regex",
        "timechart": "make-series timeseries render",
        "pivot/timechart": "chart",
        "parsejson": "spath unpack parse_json json_parse",
        "parsekv": "kv extract-kv parse-kv kvform",
        "parsexml": "xmlkv xpath",
        "fillnull": "fill_null fillna filldown",
        "unpivot": "untable melt gather pivot_longer stack",
        "pivot": "xyseries pivot_wider crosstab evaluate-pivot spread",
        "sample": "sample-distinct tablesample",
        "union": "append concat multisearch union_all unionall",
        "join": "inner_join left_join joinleft left inner outer right full cross anti semi appendcols",
        "lookup": "enrich",
        "describe": "getschema fieldsummary summary profile",
        "system": "show catalog list",
        "import": "insert-into collect save store into ingest",
        "outputcsv": "write_csv to_csv export write outputlookup",
        "outputcsv/outputparquet": "copy",
        "outputparquet": "write_parquet to_parquet sink_parquet",
        "create-table": "create",
        "purge": "delete",
        "alter-table": "alter",
        "top": "top-nested topn",
        "set": "let declare define param var",
        "setq": "with",
        "#": "comment note rem",
        "anomalies": "anomalydetection outlier",
        "forecast": "predict",
        "kmeans": "cluster",
        "repeat": "range generate_series replicate",
        "rollup": "addcoltotals",
        "explain": "analyze analyse plan",
    }.items()
    for theirs in names.split()
}
"""Commands of Splunk, Kusto, DuckDB, Polars and SQL that have another name here."""

HEADER_WORDS = {"use": 'use "file.cq" as name', "def": "def name(param: type = default) = [ | stage ]"}
SHARED_RULES = """
renames: rename ("," rename)*
rename: field _AS field
anchors: anchor ("," anchor)*
anchor: pattern _AS field
?rows_part: _BY keys -> by_keys
          | _ROWS keys -> by_keys
?cols_part: _FOR keys -> columns
          | _COLS keys -> columns
by_pairs: _BY pairs
columns_def: column_def ("," column_def)*
column_def: (NAME | BACKQUOTED) ":" NAME
"""
PRODUCT_PREFIXES = ("sonar-", "siem-", "forensic-", "sentry-", "evtctx", "sendmail", "sendsyslog")
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

    def takes_foreign(self, command: str) -> bool:
        found = self._all.commands.get(command)
        return found is not None and found.foreign

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
        chosen = [self._all.commands[n] for n in sorted(self._all.commands) if n in commands]
        rules = [f"{c.start}: {c.grammar}" for c in chosen]
        return SHARED_RULES + "\n".join(rules) + "\n", [c.start for c in chosen]

    def grammar_mark(self) -> str:
        return self._all.grammar_mark

    def unknown(self, command: str) -> tuple[str, str, tuple[str, ...], str]:
        later = self._all.later_commands.get(command)
        if later is not None:
            return "E309", f"'{command}' is not in this version", (), ""
        product = self._all.product.get(command)
        if product is None and command.startswith(PRODUCT_PREFIXES):
            product = ""
        if product is not None:
            hint = f"the nearest thing here: {product}" if product else ""
            return "E303", f"'{command}' belongs to a product, not to an engine", (), hint
        if command in HEADER_WORDS:
            return "E201", f"'{command}' stands before the query, in its header", (), HEADER_WORDS[command]
        names = [*self._all.commands, *self._all.later_commands]
        folded = [n for n in names if n == command.lower()]
        near = tuple(folded) or FOREIGN.get(command.lower()) or nearest(command, names, 1)
        hint = "table NAME | search ... | fields ..." if command.lower() == "select" else "system commands lists all"
        return "E302", f"unknown command '{command}'", near, hint


@lru_cache(maxsize=1)
def language() -> Language:
    """The whole language."""
    load()
    return Language(REGISTRY)


def ship() -> None:
    """Write what a built package has beside its modules: the parser's tables and the index of names."""
    ship_tables(language())
    ship_index(index_of_all(whole_mark(language())))


def option_names(command: Any) -> tuple[str, ...]:
    return tuple(o.name for o in command.options or ())
