"""What `forecast` reads of its options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..engine.forecast.asked import MOST_AHEAD, SEVERAL, Asked
from ..planner.text import nearest
from .base import Args
from .holidays import country_of

MODELS = (
    "auto", "best", "ets", "theta", "snaive", "naive", "linear", "croston", "sba", "tsb", "stl", "calendar", "trees", "bakeoff",
)  # fmt: skip
DRAWN = ("auto", "ets", "best", "croston", "sba", "tsb")
SMOOTHERS = {"linear": "linear", "loess": "stl", "ets": "auto"}
CODE = re.compile(r"[AM](N|Ad?|Md?)[NAM]\Z")
TRUTH = {"auto": None, "t": True, "f": False}
MOST_ORIGINS = 1000


def asked_of(args: Args, names: Sequence[str], *, is_timed: bool) -> Asked:
    args.check_options()
    if args.given("count") and args.given("horizon"):
        args.fail("E311", "count= and horizon= say the same thing: one of them", args.option_span("horizon"))
    horizon, every, lead = (_length(args, name, is_timed) for name in ("horizon", "every", "lead"))
    count = args.option("count")
    if count > MOST_AHEAD:
        args.fail("E311", f"'count' cannot be {count}: at most {MOST_AHEAD:,}", args.option_span("count"))
    model = _model(args)
    safety = _safety(args, model)
    if model == "calendar" and not is_timed:
        args.fail(
            "E340", "model=calendar needs the time of a row: there is no '_time' and no date", args.option_span("model")
        )
    beside = tuple(args.option("beside") or ())
    _check_beside(args, beside, names, model)
    if safety is not None and args.option("explain"):
        args.fail("E311", "explain=t has no rows of stock: without safety=", args.option_span("safety"))
    backtest = args.option("backtest") or 0
    if backtest > MOST_ORIGINS:
        args.fail("E311", f"'backtest' cannot be {backtest}: at most {MOST_ORIGINS}", args.option_span("backtest"))
    if args.option("fit") == "ml" and not (model in ("auto", "best", "ets") or CODE.match(model)):
        args.fail("E311", f"fit=ml is of ETS, not of model={model}", args.option_span("fit"))
    if args.given("country") and model != "calendar":
        args.fail(
            "E311", "country= is of model=calendar", args.option_span("country"), hint="model=calendar country=KR"
        )
    country = country_of(args)[0] if args.given("country") else None
    return Asked(
        count=None if horizon is not None else count, horizon=horizon, levels=_levels(args), model=model, how=args.option("fit"),
        periods=_periods(args, model), every=every, fill=args.option("fill"), dup=args.option("dup"), nonneg=TRUTH[args.option("nonneg")],
        normalize=args.option("normalize"), accumulate=args.option("accumulate"), backtest=backtest,
        explain=args.option("explain"), safety=safety, lead=lead, country=country, seed=args.option("seed"),
        beside=beside,
    )  # fmt: skip


def _length(args: Args, name: str, is_timed: bool) -> Any:
    length = args.option(name)
    if length is None:
        return None
    if not is_timed:
        args.fail("E340", f"{name}= needs the time of a row: there is no '_time' and no date", args.option_span(name))
    if not length.months and length.ns < 1000:
        args.fail("E311", f"'{name}' cannot be so short", args.option_span(name))
    return length


def _levels(args: Args) -> tuple[float, ...]:
    given = args.option("confidence")
    levels = []
    for value in given:
        if value is None or not 0 < value < 100:
            args.abort(
                "E311",
                f"'confidence' cannot be {value}",
                args.option_span("confidence"),
                hint="percents, such as 80,95",
            )
        levels.append(float(value) / 100)
    if len(set(levels)) < len(levels):
        args.fail("E311", "confidence= names a level twice", args.option_span("confidence"))
    return tuple(sorted(levels))


def _model(args: Args) -> str:
    model: str = args.option("model")
    smoother = args.option("smoother")
    if smoother is not None:
        if args.given("model"):
            args.fail("E311", "smoother= is another word for model=: one of them", args.option_span("smoother"))
        return SMOOTHERS[smoother]
    if model in MODELS or CODE.match(model):
        return model
    args.abort(
        "E311", f"'model' cannot be {model}", args.option_span("model"), suggestions=nearest(model, MODELS, 1),
        hint=f"one of {', '.join(MODELS)}, or a code of ETS: error A or M, trend N, A, Ad, M or Md, season N, A or M",
    )  # fmt: skip


def _periods(args: Args, model: str) -> tuple[int, ...] | None:
    text = str(args.option("period"))
    if text == "auto":
        return None
    if text == "none":
        return ()
    parts = [p.strip() for p in text.split(",")]
    if not all(p.isascii() and p.isdigit() and 2 <= int(p) < 2**31 for p in parts) or len(set(parts)) < len(parts):
        args.abort(
            "E311", f"'period' cannot be {text}", args.option_span("period"),
            hint="auto, none, or different whole numbers of steps of 2 or more by commas",
        )  # fmt: skip
    if len(parts) > 1 and model not in SEVERAL:
        args.fail(
            "E311", f"model={model} knows one season, not {len(parts)}", args.option_span("period"), hint=f"model={' or '.join(SEVERAL)}"
        )  # fmt: skip
    return tuple(sorted(map(int, parts)))


def _safety(args: Args, model: str) -> float | None:
    level = args.option("safety")
    if level is None:
        if args.given("lead"):
            args.fail("E311", "lead= is of safety=", args.option_span("lead"), hint="safety=0.95 lead=7d")
        return None
    if not 0.5 <= level < 1:
        args.fail(
            "E311",
            f"'safety' cannot be {level}",
            args.option_span("safety"),
            hint="a service level from 0.5 to below 1, such as 0.95",
        )
    if not (model in DRAWN or CODE.match(model)):
        args.fail(
            "E311", f"safety= is of models that are simulated, not of {model}", args.option_span("safety"),
            hint=f"{', '.join(DRAWN)}, or a code of ETS",
        )  # fmt: skip
    if args.option("normalize"):
        args.fail("E311", "safety= takes the values as they are: without normalize=t", args.option_span("normalize"))
    if args.option("lead") is None:
        args.fail("E310", "safety= needs lead=", args.option_span("safety"), hint="safety=0.95 lead=7d")
    return float(level)


def _check_beside(args: Args, beside: Sequence[str], names: Sequence[str], model: str) -> None:
    if beside and model not in ("calendar", "trees"):
        args.fail("E311", f"beside= is of model=calendar and trees, not of {model}", args.option_span("beside"))
    for name in beside:
        type_ = args.schema.type(name)
        if type_ is None and not args.schema.open:
            args.fail("E301", f"there is no field '{name}'", args.option_span("beside"), fields=args.schema.names())
        elif type_ is not None and type_.kind not in ("long", "double", "decimal", "bool", "null", "any"):
            args.fail("E320", f"beside= takes numbers; '{name}' is {type_}", args.option_span("beside"))
        if name in names:
            args.fail("E311", f"'{name}' is what is forecast", args.option_span("beside"))
