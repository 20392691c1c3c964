"""`holidays country=KR from=T to=T`: public holidays as rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ..planner.plan import Scan
from ..planner.text import QueryError
from ..planner.unparse import stage_text
from .base import Args, Command, Example, Node, Option, kinds, register

DAY_US = 86_400_000_000
MOST_YEARS = 1000


@register
class Holidays(Command[Scan]):
    name = "holidays"
    summary = "The public holidays of a country."
    syntax = "holidays country=CODE [subdiv=CODE] from=T to=T"
    source = True
    options = (
        Option("country", kinds.TEXT, "its ISO 3166 code: KR, US, DE, ..."),
        Option("subdiv", kinds.TEXT, "a state or region, with its own holidays as well: CA, BY, ..."),
        Option("from", kinds.TIME, "holidays of this day or later"),
        Option("to", kinds.TIME, "holidays that begin before this time"),
    )
    details = """
    One row a day that is a holiday, in order: `_time` is its midnight in the session's zone, `name` what the country calls
    it (several holidays on one day are one name), `country` the code. `from` is inclusive, `to` exclusive: a day that began before `from`
    is left out.

    They come from the Python package `holidays`: `pip install 'cortado[holidays]'`. It knows most countries from about 1950 to
    2100; of years that it does not know there are no rows. A country that it does not know is E311.
    """
    examples = (
        Example(
            title="a month of South Korea",
            query="holidays country=KR from=20261001 to=20261101 | fields name, country",
            expect='name:string country:string\n개천절 KR\n"개천절 대체 휴일" KR\n한글날 KR',
        ),
        Example(
            title="of a state",
            query="holidays country=DE subdiv=BY from=20260101 to=20260201 | fields name",
            expect='name:string\nNeujahr\n"Heilige Drei Könige"',
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        from ..engine.sources.memory import relation_of

        for name in ("country", "from", "to"):
            if not args.given(name):
                args.abort("E310", f"holidays needs {name}=", hint="holidays country=KR from=20260101 to=20270101")
        low, high = args.option("from"), args.option("to")
        country, part = country_of(args)
        if high - low > MOST_YEARS * 366 * DAY_US:
            args.abort("E311", f"'to' cannot be more than {MOST_YEARS} years behind 'from'", args.option_span("to"))
        rows = _rows(country, part, low, high, args.zone)
        return Scan(**args.common, relation=relation_of(rows, "holidays", zone=args.zone), key=stage_text(args.parsed))


def country_of(args: Args) -> tuple[str, str | None]:
    """The codes that `country=` and `subdiv=` name; E311 for what has no holidays, E610 without the package."""
    from ..engine.holidays import Unknown, checked

    option = "country"
    try:
        country, part = checked(args.option("country"))
        if args.given("subdiv"):
            option = "subdiv"
            country, part = checked(country, args.option("subdiv"))
    except Unknown as why:
        args.abort("E311", str(why), args.option_span(option), suggestions=why.near, hint=why.hint)
    except QueryError as why:
        args.abort(why.code, why.first.message, hint=why.first.hint)
    return country, part


def _rows(country: str, part: str | None, low: int, high: int, zone_name: str) -> pa.Table:
    from ..engine.calendar import zone
    from ..engine.holidays import table

    where = zone(zone_name)
    days, names = table(country, part, low // DAY_US - 1, high // DAY_US + 2)
    starts, _ = where.to_utc(days * DAY_US)
    kept = np.flatnonzero((starts >= low) & (starts < high))
    return pa.table(
        {
            "_time": pa.array(starts[kept], pa.timestamp("us", "UTC")),
            "name": pa.array([names[i] for i in kept.tolist()], pa.string()),
            "country": pa.array([country] * len(kept), pa.string()),
        }
    )
