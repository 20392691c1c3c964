"""median, percentile, p1 .. p99: exact; estpercentile by buckets."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, DURATION, Type
from ..base import aggregate
from .basic import numeric

METHODS = ("linear", "midpoint", "lower", "higher", "nearest")


def _result(call: CallBinder, method: str) -> Type:
    type_ = call.types[0]
    if type_.kind in ("date", "duration"):
        return type_
    if not numeric(call):
        return DOUBLE
    return type_ if method in METHODS[2:] else DOUBLE


def _asked(call: CallBinder) -> float:
    percent = call.number(1)
    if percent is None or not 0 <= percent <= 100:
        call.fail("E307", "the percentile must be a number from 0 to 100", 1)
    return float(percent)


def _bind(call: CallBinder) -> Type:
    percent = _asked(call)
    method = "linear"
    if len(call.args) > 2:
        method = call.constant(2) if call.is_constant(2) else ""
        if method not in METHODS:
            call.fail("E307", f"the method must be one of {', '.join(METHODS)}", 2)
    call.data = (percent, method)
    return _result(call, method)


def _maker(types: list[Type], percent: float, method: str) -> Maker:
    from ...engine.operators.states.percentile import Percentile
    from ...engine.operators.states.sums import Skipped

    if types[0].kind not in ("long", "double", "date", "duration"):
        return Maker(Skipped)
    return Maker(lambda: Percentile(types[0]), f"{percent!r} {method}")


@aggregate(
    "percentile",
    least=2,
    most=3,
    returns=_bind,
    syntax="percentile(E, P[, METHOD])",
    summary="Exact percentile, P from 0 to 100; METHOD: linear, midpoint, lower, higher, nearest.",
    examples=(("percentile(x, 50)", "2.0"), ('percentile(x, 40, "lower")', "1")),
)
def percentile(types: list[Type], data: Any) -> Maker:
    return _maker(types, *data)


def _estimated(call: CallBinder) -> Type:
    call.data = _asked(call)
    return DURATION if numeric(call) and call.types[0].kind == "duration" else DOUBLE


@aggregate(
    "estpercentile",
    least=2,
    returns=_estimated,
    syntax="estpercentile(E, P)",
    summary="About the percentile: values are counted in buckets, so that the result is within 0.5 % of the exact one.",
    examples=(("estpercentile(x, 50)", "2.0"), ("estpercentile(10 * x, 100)", "30.0")),
)
def estpercentile(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.logbuckets import LogBuckets
    from ...engine.operators.states.sums import Skipped

    if types[0].kind not in ("long", "double", "decimal", "duration"):
        return Maker(Skipped)
    return Maker(lambda: LogBuckets(types[0]), repr(data))


def _fixed(percent: int) -> None:
    name = f"p{percent}"
    shown = "median" if percent == 50 else name

    @aggregate(
        name,
        returns=lambda call: _result(call, "linear"),
        aliases=("median",) if percent == 50 else (),
        syntax=f"{shown}(E)",
        summary="Exact median." if percent == 50 else f"Exact percentile {percent}, interpolated linearly.",
        examples=((f"{shown}(x)", f"{1 + 2 * percent / 100}"), (f"{shown}(100 * x)", f"{100 + 2 * percent}.0")),
    )
    def fixed(types: list[Type], data: Any) -> Maker:
        return _maker(types, float(percent), "linear")


for _percent in range(1, 100):
    _fixed(_percent)
