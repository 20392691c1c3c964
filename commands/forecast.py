"""`forecast F, ... [by G, ...]`: series go on: point forecasts, their intervals, and the trend behind them."""

from __future__ import annotations

from typing import Any

from ..engine.forecast.asked import Asked
from ..engine.lower import at_of
from ..planner.plan import Names, Order, Sort, SortKey
from ..planner.records import dataclass
from ..planner.types import DOUBLE, LONG, STRING, Schema, Type
from .base import Args, Command, Example, Node, Option, kinds, lowers, register
from .forecasting import MODELS, asked_of
from .rowtime import row_time
from .scoring import as_number, number_fields

EXPLAINED: tuple[tuple[str, Type], ...] = (
    ("_model", STRING), ("_period", LONG), ("_n", LONG), ("_filled", LONG), ("_aicc", DOUBLE), ("_alpha", DOUBLE),
    ("_beta", DOUBLE), ("_gamma", DOUBLE), ("_phi", DOUBLE), ("_sigma", DOUBLE), ("_mase", DOUBLE), ("_coverage", DOUBLE),
    ("_note", STRING),
)  # fmt: skip
HELD = "\0"  # begins the names of columns that nobody sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast(Node):
    fields: tuple[str, ...]
    by: tuple[str, ...]
    time: str | None
    asked: Asked
    command = "forecast"
    blocking = True
    order = Order.SETS

    def derive(self) -> Schema:
        schema = self.inputs[0].schema
        if self.asked.explain:
            keys = tuple((n, schema.type(n) or STRING) for n in self.by)
            measure = (("_field", STRING),) if len(self.fields) > 1 else ()
            return Schema((*keys, *measure, *EXPLAINED))
        for name in self.made():
            schema = schema.put(name, DOUBLE)
        return schema

    def made(self) -> list[str]:
        out = []
        for name in self.fields if len(self.fields) > 1 else ("",):
            widths = [f"_{side}{s}" for s in self.asked.suffixes for side in ("lower", "upper")]
            more = ["_safety", "_reorder"] if self.asked.safety is not None else []
            out += [f"{name}{made}" for made in ("_future", *widths, "_trend", *more)]
        return out

    def needs(self, wanted: Names) -> Names:
        used = {*self.fields, *self.by, *self.asked.beside, *(() if self.time is None else (self.time,))}
        names = frozenset(self.inputs[0].schema.names())
        kept = frozenset() if self.asked.explain else wanted
        return (kept | used) & names


@lowers(Forecast)
@register
class ForecastCommand(Command[Forecast]):
    name = "forecast"
    summary = "Go on with a series: forecasts with honest intervals, for one series or thousands."
    syntax = (
        "forecast [count=5 or horizon=DUR] [period={auto,none,N,...}] [confidence=95,...] [model=M] [every=DUR] "
        "[fill={auto,missing,zero,linear,prev,none}] [dup={auto,sum,mean,last}] [nonneg={auto,t,f}] [normalize=B] [accumulate=t] "
        "[fit={shrunk,ml}] [backtest=N] [explain=B] [safety=LEVEL lead=DUR] [country=C] [beside=F,...] [seed=0] [time=F] F, ... [by G, ...]"
    )
    grammar = "names [by_names]"
    tier = 3
    options = (
        Option("count", kinds.INT, "steps to forecast", default=5, least=1),
        Option("horizon", kinds.DURATION, "forecast the steps within this length of time"),
        Option(
            "period",
            kinds.TEXT,
            "steps of a season, or of several by commas; auto finds them, none looks for none",
            default="auto",
            words=("auto", "none"),
        ),
        Option("confidence", kinds.NUMBERS, "percents that are to lie within the interval", default=(95.0,)),
        Option(
            "model", kinds.TEXT, f"{', '.join(MODELS)}, or a code of ETS such as MAdM", default="auto", words=MODELS
        ),
        Option("smoother", ("linear", "loess", "ets"), "Logpresso's word for model: linear, stl, auto"),
        Option("every", kinds.DURATION, "the step, where the times do not tell it"),
        Option(
            "fill",
            ("auto", "missing", "zero", "linear", "prev", "none"),
            "what steps without a value are",
            default="auto",
        ),
        Option("dup", ("auto", "sum", "mean", "last"), "what several rows of one step become", default="auto"),
        Option("nonneg", ("auto", "t", "f"), "nothing below 0; auto: where there never was", default="auto"),
        Option("normalize", kinds.BOOL, "fit to a Box-Cox transform of the values", default=False),
        Option(
            "accumulate", kinds.BOOL, "intervals widen with the distance; f: all are as wide as the first", default=True
        ),
        Option("fit", ("shrunk", "ml"), "ml: plain maximum likelihood, as R's ets", default="shrunk"),
        Option("backtest", kinds.INT, "score forecasts from so many earlier origins", least=1),
        Option("explain", kinds.BOOL, "a row for each series about its model, instead", default=False),
        Option("safety", kinds.NUMBER, "service level, such as 0.95: adds _safety and _reorder for lead="),
        Option("lead", kinds.DURATION, "time from an order to its delivery"),
        Option("country", kinds.TEXT, "whose holidays model=calendar knows, such as KR"),
        Option(
            "beside", kinds.FIELDS, "fields that model=calendar and trees look at, too; known ahead in rows without F"
        ),
        Option("seed", kinds.INT, "of random draws", default=0),
        Option("time", kinds.FIELD, "the time of a row; default _time, or the only date field"),
    )
    details = """
All rows stay, in order of the keys and of time. Behind each group come `count` rows (or those of the steps that end within `horizon`)
with its keys and the next times: F is null there, `_future` is the forecast, `_lower` and `_upper` are to hold `confidence` percent of what
comes (`_lower80`, `_upper80` and so on where there are several). On history `_future` is null. `_trend` is on all rows: the level and
trend that the model had come to, without season, and how they go on. With several F each name goes before: `F_future`.
Rows behind the last value of F that are there already take the forecast of their step.

**Models.** `auto` blends exponential smoothing (ETS; Hyndman, Koehler, Ord & Snyder, 2008): error additive or multiplicative, trend none,
additive or damped, season none, additive or multiplicative, all that the values allow, each fitted with priors that keep short series
from what they cannot know, weighed by AICc and by how well they would have forecast several steps ahead. Demand that is mostly 0 goes to
`sba`, seasons of more than 24 steps and several seasons go to `stl`. Simple, Holt's and Holt-Winters smoothing are codes of ETS.

| model | |
| --- | --- |
| `auto` | as above |
| `ets` | the blend of ETS, whatever the series |
| `best` | the one ETS of the lowest AICc |
| `ANN`, `AAN`, `MAdM`, ... | that ETS: error A, M; trend N, A, Ad, M, Md; season N, A, M. Where the values do not allow it the nearest that they do, which is said |
| `theta` | the Theta method (Assimakopoulos & Nikolopoulos 2000; optimised: Fiorucci and others 2016) |
| `snaive`, `naive`, `linear` | the last season, the last value, a line |
| `croston`, `sba`, `tsb` | intermittent demand: sizes and gaps (Croston 1972; Syntetos & Boylan 2005; Teunter, Syntetos & Babai 2011) |
| `stl` | seasons taken out by STL, or MSTL for several, the rest by ETS |
| `calendar` | lines with bends, Fourier seasons, holidays of `country=`, fields `beside=`: what Prophet is used for |
| `trees` | boosted trees over all groups at once: lags, calendar, fields `beside=` |
| `bakeoff` | of each series that of `auto`, `theta`, `snaive`, `sba`, `tsb` that would have been best at three earlier ends; another than `auto` must beat it by 30 % |

`fit=ml` is plain maximum likelihood from many starts, as R's `ets`. `smoother=linear`, `loess`, `ets` are Logpresso's words for `linear`,
`stl`, `auto`. `normalize=t` forecasts a Box-Cox transform of positive values (Guerrero 1993), so that `_future` is a median.
`accumulate=f`: intervals stay as wide as at the first step.

**Steps.** The step of a group is its commonest distance of times: months (also ends of months), whole days by the wall clock, days
without weekends where no row has one, or a fixed length. A group of few times, or of gaps of many lengths, stands on the grid
of all groups together, if it does: what is asked for now and then has no step of its own. Fewer than 80 % of the times on one grid: E342 without `by`, else the group
passes with the reason (`drop`). `every=` says it instead. Without any date field each row is a step. Several rows of one step: `dup=`; `auto` sums
whole numbers of 0 and more, and takes the mean of others, noted. A step that is not over at the time of the query is left out, noted.

**Gaps.** A null, NaN or infinite F is a step without a value. `fill=auto`: where a fifth of the steps have no row and no value
is negative, their absence means 0; other gaps are passed over: nothing is learnt from them, and nothing invented. `missing` passes over all,
`zero`, `linear`, `prev` fill, `none` leaves series with gaps out. What was filled is counted in the notes.

**Seasons.** `period=auto` tries what people live by (minutes 60 and 1440, hours 24 and 168, days 7 and 365, workdays 5, weeks 52, months
12, quarters 4) and takes what the data confirm; other steps are searched. It needs two whole periods. `period=none` looks for none;
`period=24,168` takes these, where they are there twice. Models of one season take one, the shortest that was found.

**Short series.** One value is repeated without a band; two or three are repeated with the band of a random walk; a constant has a band
of no width; a group without values has no rows ahead, with the reason. No forecast is NaN or infinite; one beyond ten times the
range of the series is held back, and said. `nonneg=auto`: nothing is below 0 where no value was.

**Trust.** The notes name the model, the step and the period. `backtest=N` forecasts from N earlier ends and adds MASE, sMAPE, RMSSE,
MAPE (actual values of 0 left out), RMSE, bias and the part of the values within the band, beside those of the seasonal naive forecast.
`explain=t` gives a row for each series instead: `_model`, `_period`, `_n` values, `_filled` steps, `_aicc`, `_alpha`, `_beta`, `_gamma`,
`_phi`, `_sigma` of the heaviest model, `_mase` and `_coverage` of the backtest, `_note`.

**Stock.** `safety=0.95 lead=7d` adds `_reorder`, what is asked for within the lead time in no more than 5 % of 4,000 simulated futures, and
`_safety`, that less the mean. Draws depend on `seed=` and the group's keys alone: results are the same for any number of threads.

Blocking; rows are sorted and spill; one group must fit in memory.
"""
    examples = (
        Example(
            title="what is in stock must do for a week",
            given={
                "t": "_time:date item:string qty:long\n"
                + "\n".join(f"2026-03-{d:02}T00:00:00Z a 4" for d in range(1, 15))
            },
            query="table t | forecast safety=0.95 lead=7d qty by item | stats max(_safety) as safety, max(_reorder) as reorder by item",
            expect="item:string safety:double reorder:double\na 0.0 28.0",
        ),
        Example(
            title="a straight line goes on",
            given={"t": "_time:date x:long\n" + "\n".join(f"2026-{m:02}-01T00:00:00Z {10 * m}" for m in range(1, 9))},
            query="table t | forecast count=2 x | eval _future = round(_future, 1) | fields _time, x, _future | tail 3",
            expect="_time:date x:long _future:double\n2026-08-01T00:00:00Z 80 null\n2026-09-01T00:00:00Z null 90.0\n2026-10-01T00:00:00Z null 100.0",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        assert source is not None
        names = tuple(args.fields(args.many("names"), always=True))
        number_fields(args, names)
        by = tuple(args.fields(args.many("by_names"), always=True))
        schema = args.schema
        timed = (
            args.given("time") or "_time" in schema or schema.open or any(t.kind == "date" for _, t in schema.fields)
        )
        time = row_time(args)[0] if timed else None
        asked = asked_of(args, names, is_timed=timed)
        for name in names:
            if name in by or name == time:
                args.fail("E311", f"'{name}' is a key or the time of a row: it is not forecast", args.place_of(name))
        return Forecast(**args.common, inputs=(source,), fields=names, by=by, time=time, asked=asked)

    def lower(self, node: Forecast) -> list[Any]:
        from ..engine.operators.forecast.chunk import Fields
        from ..engine.operators.forecast.gather import ForecastTransform
        from ..engine.operators.forecast.timed import Moments, TimedTransform
        from ..engine.operators.sort import SortSink
        from ..engine.operators.window.inputs import InputsTransform
        from ..engine.operators.window.spec import Computed
        from ..planner.expr import FieldRef

        at, before = at_of(node), node.inputs[0].schema
        schema, computed, places = before, [], {}
        for name in (*node.fields, *node.asked.beside):
            expr = as_number(name, before)
            held = name if isinstance(expr, FieldRef) else HELD + name
            if held not in schema:
                schema = schema.put(held, expr.type)
                computed.append(Computed(expr))
            places[name] = schema.index(held)
        measures = tuple(places[n] for n in node.fields)
        time = None if node.time is None else before.index(node.time)
        fields = Fields(
            measures=measures, names=node.fields, whole=tuple((before.type(n) or DOUBLE).kind == "long" for n in node.fields),
            time=time, keys=tuple(before.index(n) for n in node.by), beside=tuple(places[n] for n in node.asked.beside),
        )  # fmt: skip
        first: list[Any] = [InputsTransform(computed, before, at)] if computed else []
        order = (*node.by, *(() if node.time is None else (node.time,)))
        sort = Sort(inputs=node.inputs, keys=tuple(SortKey(n) for n in order))
        sink: list[Any] = [SortSink(sort, schema, at)] if order else []
        moments = Moments() if node.by and time is not None else None
        made = ForecastTransform(node.asked, fields, schema, node.schema, moments, at)
        return [*first, TimedTransform(time, measures, moments, at), *sink, made]
