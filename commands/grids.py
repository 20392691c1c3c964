"""Grids of time: what `timechart`, `resample` and `gapfill` read of them from their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.calendar import BadSpan, Span, reach
from ..engine.zones import NS, US
from ..planner import ast
from ..planner.expr import Bound, Call, FieldRef, Literal
from ..planner.plan import Key
from ..planner.records import dataclass
from ..planner.types import DATE, DATE_NS, STRING, Type
from .base import REGISTRY, Args, Option, kinds
from .fills import METHODS

MOST_ROWS = 10**8
LEFT, RIGHT = "left", "right"
REGULAR_OPTIONS = (
    Option("span", kinds.DURATION, "length of a bucket; days and longer go by the wall clock"),
    Option("offset", kinds.DURATION, "moves the grid"),
    Option("from", kinds.TIME, "the grid begins at this time's bucket at the latest; leaves no row out"),
    Option("to", kinds.TIME, "the grid ends with the bucket before this time at the earliest; leaves no row out"),
    Option(
        "grid", ("key", "global"), "key: from the first to the last row of each key; global: of all rows", default="key"
    ),
    Option(
        "fill",
        kinds.LITERAL,
        "what is filled in: null, zero, prev, next, linear, or a constant; default null",
        words=METHODS,
    ),
    Option("maxgap", kinds.DURATION, "longer gaps stay null as a whole"),
    Option("flag", kinds.FIELD, "adds this field: true in rows where a value was filled in"),
    Option("label", (LEFT, RIGHT), "the time of a bucket is that of its start, or of its end", default=LEFT),
    Option("maxrows", kinds.NUMBER, "more rows than this are E701", default=MOST_ROWS),
    Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
)


def ticks_of(kind: Type) -> int:
    """Ticks a second of a row's time."""
    return NS if kind.kind == "date" and kind.unit == "ns" else US


def grid_of(args: Args, ticks: int) -> Span:
    """The grid of `span=` and `offset=`; E311 where there is none."""
    span = args.option("span")
    try:
        grid = Span.of(span, args.option("offset"))
    except BadSpan as why:
        offset = args.option("offset")
        blamed = "offset" if offset is not None and offset.months and not span.months else "span"
        args.abort("E311", str(why), args.option_span(blamed))
    if grid.is_zero:
        args.abort("E311", "a span of 0 makes no buckets", args.option_span("span"))
    if not grid.fits(ticks):
        args.abort("E311", "times of microseconds have no buckets of nanoseconds", args.option_span("span"))
    return grid


def bucket_key(args: Args, time: str, kind: Type, grid: Span, name: str) -> Key:
    """The bucket's start as a key; the text of span and offset makes keys of other grids unequal."""
    span, offset = args.option("span"), args.option("offset")
    length = Literal(type=STRING, value=span.text() + (f"+{offset.text()}" if offset is not None else ""))
    result = DATE_NS if kind.kind == "date" and kind.unit == "ns" else DATE
    field = FieldRef(type=result if kind.kind != "date" else kind, name=time)
    call = Call(type=result, function=REGISTRY.functions["datetrunc"], args=(field, length), data=grid)
    shown = ast.Call(name="datetrunc", args=(ast.Name(name=time), ast.Text(value=str(length.value))))
    return Key(Bound(call, shown), name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Regular:
    """A grid of rows. Instants are in `ticks` a second: `begin` the first and `end` the last that it reaches at least."""

    span: Span
    ticks: int
    begin: int | None = None
    end: int | None = None
    is_global: bool = False
    most_ticks: int | None = None  # of a gap
    flag: str | None = None
    at_end: bool = False  # buckets are labelled by their end
    most: int = MOST_ROWS

    def lowered(self, extent: Callable[[], tuple[int, int] | None], **more: Any) -> Any:
        from ..engine.operators.regular import Grid

        return Grid(
            span=self.span, ticks=self.ticks, begin=self.begin, end=self.end, extent=extent if self.is_global else None,
            at_end=self.at_end, flagged=self.flag is not None, most=self.most, **more,
        )  # fmt: skip


def regular_of(args: Args, kind: Type) -> Regular:
    """From REGULAR_OPTIONS. `kind`: the type of the row's time."""
    if args.option("span") is None:
        args.abort("E310", f"{args.parsed.command} needs span=", hint=f"{args.parsed.command} span=1m ...")
    ticks = ticks_of(kind)
    begin, end = args.option("from"), args.option("to")
    if begin is not None and end is not None and begin > end:
        args.fail("E311", "'from' is behind 'to'", args.option_span("from"))
    scale = ticks // US
    grid = grid_of(args, ticks)
    first, last = reach(grid, ticks)
    for option, at in (("from", begin), ("to", end)):
        if at is not None and not first <= at * scale <= last:
            args.abort("E311", f"'{option}' is beyond what 64 bits of {'nanoseconds' if ticks == NS else 'microseconds'} hold",
                       args.option_span(option))  # fmt: skip
    gap = args.option("maxgap")
    if gap is not None and gap.months:
        args.abort("E311", "maxgap= takes no months", args.option_span("maxgap"), hint="such as 30d")
    return Regular(
        span=grid,
        ticks=ticks,
        begin=None if begin is None else begin * scale,
        end=None if end is None else end * scale - 1,
        is_global=args.option("grid") == "global",
        most_ticks=None if gap is None else gap.ns * ticks // NS,
        flag=args.option("flag"),
        at_end=args.option("label") == RIGHT,
        most=_most(args),
    )


def _most(args: Args) -> int:
    given = args.option("maxrows")
    if not given >= 1 or given != given // 1 or given >= 2**63:
        args.abort(
            "E311", f"'maxrows' cannot be {given}", args.option_span("maxrows"), hint="a whole number of 1 or more"
        )
    return int(given)
