"""`stl [period=P,...] [robust=B] F [by G, ...]`: trend, season and what is left of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..planner import option_values
from ..planner.records import dataclass
from ..planner.types import DOUBLE
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .rowtime import row_time
from .scoring import Scored, lowered, number_fields

if TYPE_CHECKING:
    from ..engine.operators.window.seasonal import Wanted

PERIOD_HINT = "auto, none, or whole numbers of steps of 2 or more or durations, by commas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stl(Scored):
    """`periods` None: found in the data."""

    periods: tuple[Wanted, ...] | None
    robust: bool
    command = "stl"


@lowers(Stl)
@register
class StlCommand(Command[Stl]):
    name = "stl"
    summary = "Decompose a series into trend, season and remainder; rows stay as they are."
    syntax = "stl [period={auto,none,N,DUR},...] [robust=B] [time=F] F [by G, ...]"
    grammar = "field [by_names]"
    tier = 3
    options = (
        Option(
            "period",
            kinds.TEXT,
            "steps or lengths of a period, by commas; auto finds one, none looks for none",
            default="auto",
            words=("auto", "none"),
        ),
        Option("robust", kinds.BOOL, "values far from their season and trend weigh less", default=False),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    )
    details = """
Adds `_trend`, `_seasonal` and `_error` to each row: F = `_trend` + `_seasonal` + `_error`. It is STL (Cleveland and others, 1990)
with the windows and figures of statsmodels; of several periods MSTL (Bandara and others, 2021), with a column for each,
`_seasonal_24`, `_seasonal_168`, named as the period is written.

**Order and step.** With a row time the series goes by it and stands on a grid: the step is the commonest distance of two
times, or months where all times are of one day of the month and one time of the day. Fewer than 80 % of the times on one grid: the
group is not decomposed. Rows of one time are one point, their mean. Without any date field each row is one step, in input
order. Steps that have no row, or whose F is null, are filled for the fit (by a line between the neighbours without their season)
and shift nothing; where they are more than half, the group is not decomposed.

**Period.** A number is so many steps, a duration is divided by the step. `auto` takes a quadratic trend away and looks for a
peak of the autocorrelation: first at the periods that are natural to the step (of hours 24 and 168, days 7 and 365, weeks 52, months
12, quarters 4), then anywhere; it needs two whole periods. The notes say what was chosen. Where there is none, `_seasonal` is
null and `_trend` is a LOESS line over a third of the points; with `period=none` there is no column `_seasonal`.

**Rows without a result.** A row whose F is null, NaN or infinite has nulls and is counted, as is a row without a time. A group of fewer than
4 values, or of fewer than two periods that were asked for, passes with nulls and is counted (`drop`).

Blocking; input order is kept. Rows spill when memory is short; one group must fit, and is worked on by one thread.
"""
    examples = (
        Example(
            title="a week's rhythm on a line",
            given={"t": "x:long\n1\n6\n3\n8\n5\n10\n7\n12"},
            query="table t | stl period=2 x | eval t = round(_trend, 1), s = round(_seasonal, 1), e = abs(round(_error, 1)) | fields x, t, s, e",
            expect="x:long t:double s:double e:double\n1 3.0 -2.0 0.0\n6 4.0 2.0 0.0\n3 5.0 -2.0 0.0\n8 6.0 2.0 0.0\n"
            "5 7.0 -2.0 0.0\n10 8.0 2.0 0.0\n7 9.0 -2.0 0.0\n12 10.0 2.0 0.0",
        ),
        Example(
            title="a trend alone, for each key",
            given={"t": "k:string x:long\na 1\na 2\nb 9\na 3\na 4\na 5"},
            query="table t | stl period=none x by k | eval _trend = round(_trend, 6), _error = abs(round(_error, 6))",
            expect="k:string x:long _trend:double _error:double\na 1 1.0 0.0\na 2 2.0 0.0\nb 9 null null\na 3 3.0 0.0\na 4 4.0 0.0\na 5 5.0 0.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        name, _ = args.field(args.one("field"), always=True)
        number_fields(args, [name], part="field")
        periods, written = _periods(args)
        time = _time(args, periods)
        seasons = ["_seasonal"] if len(written) == 1 else [f"_seasonal_{w}" for w in written]
        return Stl(
            **args.common, inputs=(source,), fields=(name,), by=tuple(args.fields(args.many("by_names"), always=True)),
            made=tuple((n, DOUBLE) for n in ("_trend", *seasons, "_error")), time=time, periods=periods,
            robust=args.option("robust"),
        )  # fmt: skip

    def lower(self, node: Stl) -> list[Any]:
        from ..engine.operators.window.seasonal import Decompose

        outs = ["trend", *(f"season {i}" for i in range(len(node.made) - 2)), "error"]
        return lowered(node, Decompose(arity=1, periods=node.periods, robust=node.robust), outs)


def _periods(args: Args) -> tuple[tuple[Wanted, ...] | None, list[str]]:
    """The periods, shortest first, and how each is written; one of no name where it is found in the data."""

    text = str(args.option("period"))
    if text == "auto":
        return None, [""]
    if text == "none":
        return (), []
    found: dict[Wanted, str] = {}
    for part in text.split(","):
        wanted = _period(part.strip())
        if wanted is None or wanted in found:
            args.abort("E311", f"'period' cannot be {text}", args.option_span("period"), hint=f"it takes {PERIOD_HINT}")
        found[wanted] = part.strip()
    if len({bool(w.steps) for w in found}) > 1 or len({bool(w.months) for w in found}) > 1:
        args.abort("E311", "periods are all numbers of steps, or all months and years, or all of fixed length",
                   args.option_span("period"))  # fmt: skip
    ordered = sorted(found, key=lambda w: (w.steps, w.months, w.us))
    return tuple(ordered), [found[w] for w in ordered]


def _period(text: str) -> Wanted | None:
    from ..engine.operators.window.seasonal import Wanted

    if text.isascii() and text.isdigit():
        return Wanted(steps=int(text)) if 2 <= int(text) < 2**31 else None
    length = option_values.parse_duration(text)
    if length is None:
        return None
    if length.months:
        return Wanted(months=length.months)
    return Wanted(us=length.ns // 1000) if length.ns >= 1000 and not length.ns % 1000 else None


def _time(args: Args, periods: tuple[Wanted, ...] | None) -> str | None:
    """The row's time; None: there is no date, each row is a step."""
    schema = args.schema
    if args.given("time") or "_time" in schema or schema.open or any(t.kind == "date" for _, t in schema.fields):
        return row_time(args)[0]
    if any(not w.steps for w in periods or ()):
        args.fail("E340", "a period that is a length needs the time of a row: there is no '_time' and no date",
                  args.option_span("period"), hint="period=N counts rows")  # fmt: skip
    return None
