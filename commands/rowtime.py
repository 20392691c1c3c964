"""Which field is the time of a row: what commands with `time=` ask (LANGUAGE part 3, "Row time")."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from ..planner import ast
from ..planner.types import DATE, Schema, Type
from .base import Args

HINT = 'make one: eval _time = date(x, "yyyy-MM-dd HH:mm:ss")'


def row_time(args: Args, schema: Schema | None = None, option: str = "time") -> tuple[str, Type]:
    """Name and type of the row's time: `time=F`, else `_time`, else the one date field (noted). E340 if there is none.

    The type is a date's, or `any`/`null` where the schema does not know it.
    """
    schema = args.schema if schema is None else schema
    given = args.option(option)
    if given is not None:
        name, kind = args.field(ast.Field(given, args.option_span(option)), always=True)
        if kind.kind not in ("date", "any", "null"):
            args.abort("E340", f"'{given}' is no date ({kind})", args.option_span(option), hint=HINT)
        return name, kind
    return implied_time(args, schema, option)


def implied_time(args: Args, schema: Schema, option: str = "time") -> tuple[str, Type]:
    """As `row_time` where no field is given."""
    return time_field(schema, args.abort, args.note, f"{option}=F")


def time_field(
    schema: Schema, fail: Callable[..., NoReturn], note: Callable[[str, str], None], way: str, whose: str = "the row's"
) -> tuple[str, Type]:
    """`_time`, or the only date field, which is noted; else E340. `way`: how a user names the field F."""
    if "_time" in schema:
        kind = schema.type("_time") or DATE
        if kind.kind not in ("date", "any", "null"):
            fail("E340", f"'_time' is no date ({kind})", hint=f"eval _time = date(_time), or {way}")
        return "_time", kind
    dates = [(n, t) for n, t in schema.fields if t.kind == "date"]
    if len(dates) == 1:
        note("info", f"{whose} time is '{dates[0][0]}', the only date field")
        return dates[0]
    if schema.open:
        return "_time", DATE
    if dates:
        names = ", ".join(n for n, _ in dates)
        fail("E340", "which field is the time of a row?", hint=f"{way}, one of: {names}")
    fail("E340", "no field is the time of a row: there is no '_time' and no date", hint=HINT, fields=schema.names())
