"""`forecast F, ... [by G, ...]`: series go on: point forecasts, their intervals, and the trend behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..engine.forecast.asked import Asked
from ..engine.lower import at_of
from ..planner.plan import Names, Order, Sort, SortKey
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
        from ..engine.operators.forecast.emit import suffixes

        out = []
        for name in self.fields if len(self.fields) > 1 else ("",):
            widths = [f"_{side}{s}" for s in suffixes(self.asked.levels) for side in ("lower", "upper")]
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
        ),
        Option("confidence", kinds.NUMBERS, "percents that are to lie within the interval", default=(95.0,)),
        Option("model", kinds.TEXT, f"{', '.join(MODELS)}, or a code of ETS such as MAdM", default="auto"),
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
    details = ""
    examples = (
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
        from ..engine.operators.forecast.timed import TimedTransform
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
        made = ForecastTransform(node.asked, fields, schema, node.schema, at)
        return [*first, TimedTransform(time, measures, at), *sink, made]
