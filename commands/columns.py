"""What `parquetfile` and `arrowfile` share: their options, and the stage bound over what was found in the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.notes import At
from ..engine.sources.files import REFUSING, SHARED, note_decimal, note_mixed, scan_of, shared_options
from ..planner import ast
from ..planner.types import Schema
from .base import Args, Node, Option, kinds

OPTIONS = (
    Option("columns", kinds.FIELDS, "read these fields only, in this order"),
    Option("from", kinds.TIME, "rows of this time or later"),
    Option("to", kinds.TIME, "rows before this time"),
    *SHARED,
    *REFUSING,
)
SYNTAX = (
    "[columns=F,...] [from=T] [to=T] [tz=ZONE] [time=F] [meta=f] [limit=N] [offset=N] [bad={null,skip,fail}] "
    "[quarantine=TABLE] PATH"
)


def bind_columns(args: Args, survey: Callable[[Any, Any], Any], relation: Callable[..., Any]) -> Node:
    """`survey(gate, paths)` looks at the files, `relation` is made of what it found."""
    options = shared_options(args)
    path = args.path(args.one("path"))
    gate = args.services.gate
    found = survey(gate, gate.glob(path))
    for name in found.renamed:
        args.note("info", f"a column name is there twice: the later one is '{name}'")
    for name in found.decimals:
        note_decimal(args, name)
    for name in found.others:
        args.note("info", f"field '{name}' is of type {found.types[name]}: it passes through, functions see its text")
    note_mixed(args, found.mixed, hint="long(x), double(x) or date(x) reads it")
    data = Schema((*found.types.items(), *found.hive.items()))
    columns = _columns(args, data)
    if options.time is not None and data.type(options.time) is None:
        args.binder.unknown(options.time, args.option_span("time"), data, always=True)
    window = _window(args, data, options.time)
    at = At(args.stage, args.parsed.command, args.span)
    return scan_of(args, relation(gate, found, options, path, at, columns=columns, window=window))


def _columns(args: Args, data: Schema) -> tuple[str, ...] | None:
    names: tuple[str, ...] | None = args.option("columns")
    if names is None:
        return None
    span = args.option_span("columns")
    fields = [ast.Field(n, span, pattern="*" in n and n not in data) for n in names]
    return tuple(args.binder.expand(fields, data, always=True))


def _window(args: Args, data: Schema, time: str | None) -> Any:
    from ..engine.sources.columnar import Window

    zone = args.option("tz") or args.zone
    low, high = args.time("from", zone), args.time("to", zone)
    if low is None and high is None:
        return None
    dates = [n for n, t in data.fields if t.kind == "date"]
    name = time or ("_time" if "_time" in dates else None)
    if name is None and len(dates) == 1:
        name = dates[0]
        args.note("info", f"the row time is '{name}', the only date field")
    if name is None or (data.type(name) is not None and name not in dates):
        which = "from" if args.given("from") else "to"
        said = (
            f"'{name}' is no date field"
            if name
            else "no field tells the row time"
            if not dates
            else "several fields could be the row time"
        )
        args.abort(
            "E340",
            said,
            args.option_span(which),
            hint="time= names it" + (f": {', '.join(dates)}" if dates else ""),
        )
    return Window(field=name, low=low, high=high)
