"""ema: exponentially weighted means. twap: the mean of a value over time."""

from __future__ import annotations

import math
from typing import Any

from ...engine.operators.states.base import Maker, is_numeric
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, Type
from ..base import aggregate
from .basic import numeric
from .ordered import with_time

SPEEDS = ("alpha", "halflife", "tau")
WAY = "rename F as _time"
HINT = "one of ema(x, 10), alpha=0.2, halflife=30s, tau=1m"


def _ema_bind(call: CallBinder) -> Type:
    from ...engine.operators.states.smooth import Decay

    given = [s for s in SPEEDS if s in call.named]
    if len(given) + (len(call.args) > 1) != 1:
        call.fail("E306", "ema takes one speed", hint=HINT)
    adjust = _flag(call)
    known = numeric(call) and call.types[0].kind != "duration"
    if len(call.args) > 1:
        decay = Decay(alpha=_of_count(call), adjust=adjust)
    elif given == ["alpha"]:
        decay = Decay(alpha=_alpha(call), adjust=adjust)
    else:
        tau = _length(call, given[0]) / (math.log(2.0) if given == ["halflife"] else 1.0)
        decay = Decay(tau_us=tau, adjust=adjust)
    call.args = with_time(call, WAY) if decay.by_time else call.args[:1]
    call.data = decay if known else None
    return DOUBLE


def _of_count(call: CallBinder) -> float:
    """alpha = 2 / (N + 1)."""
    n = call.worked_out(1)
    if (
        isinstance(n, bool)
        or not isinstance(n, int | float)
        or not 1 <= n < math.inf
        or call.types[1].kind == "duration"
    ):
        call.fail("E307", "ema takes a number of values, 1 or more", 1, hint=HINT)
    return 2.0 / (n + 1.0)


def _alpha(call: CallBinder) -> float:
    given = call.named.pop("alpha")
    alpha = call.value_of(given)
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= 1:
        call.fail("E307", "alpha is a number above 0, at most 1", given, hint=HINT)
    return float(alpha)


def _length(call: CallBinder, name: str) -> float:
    """In microseconds."""
    given = call.named.pop(name)
    value, beyond = call.value_of(given), getattr(given, "ns", 0)
    if given.type.kind != "duration" or not isinstance(value, int) or value < 0 or not value + beyond:
        hint = "a duration stands without quotes: 30s" if given.type.kind == "string" else "such as 30s"
        call.fail("E307", f"{name} is a length above 0, without months", given, hint=hint)
    return value + beyond / 1000


def _flag(call: CallBinder) -> bool:
    given = call.named.pop("adjust", None)
    if given is None:
        return False
    value = call.value_of(given)
    if not isinstance(value, bool):
        call.fail("E307", "adjust is t or f", given)
    return value


@aggregate(
    "ema",
    least=1,
    most=2,
    returns=_ema_bind,
    ordered=True,
    tier=3,
    syntax="ema(E, N), ema(E, alpha=A), ema(E, halflife=DUR), ema(E, tau=DUR), each with adjust=B",
    summary="Exponentially weighted mean: in `window` at each row, elsewhere behind the last one.",
    examples=(
        ("ema(x, 3)", "2.25"),
        ("ema(x, alpha=0.5, adjust=t)", "2.4285714285714284"),
        ("ema(x, halflife=10s)", "2.25"),
    ),
    details="""
`m = w * m + (1 - w) * E` from the first value on. `N` and `alpha` go by values in input order: `w = 1 - alpha`, where
`alpha = 2 / (N + 1)`. `halflife` and `tau` go by the row's time, ties in input order: `w = exp(-dt / tau)`, where `dt` is the time
since the value before and `tau = halflife / ln 2`; a second value of one time so counts only with `adjust=t`, which gives the
mean with weights `w ** age`, as pandas' `ewm(adjust=True)`.

A null keeps the mean and decays nothing. NaN stays. In `window` it looks at no frame: it goes over all rows of the group up to
this one; with `order=F` in that order.
""",
)
def ema(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.smooth import Ema
    from ...engine.operators.states.sums import Skipped

    return Maker(lambda: Ema(types, data)) if data is not None and is_numeric(types[0]) else Maker(Skipped)


def _twap_bind(call: CallBinder) -> Type:
    known = numeric(call) and call.types[0].kind != "duration"
    if call.types[0].kind == "duration":
        call.warn("W320", "`twap` takes numbers", 0)
    call.args = with_time(call, WAY)
    call.data = known
    return DOUBLE


@aggregate(
    "twap",
    returns=_twap_bind,
    ordered=True,
    tier=3,
    syntax="twap(E)",
    summary="Mean weighted by time: each value holds until the next one.",
    examples=(("twap(x)", "1.5"), ("twap(-x)", "-1.5")),
    details="""
Values go in order of the row's time, of equal times the last in input order holds. The last one holds to the end of its bucket
where there are buckets (`timechart`, `resample`), else for no time. What was before the first value of a bucket does not count. A null
neither holds nor ends what holds. Null where no time passes. In `window`, rows are in order of time, also for frames that
count rows.
""",
)
def twap(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Skipped
    from ...engine.operators.states.twap import Twap

    return Maker(lambda: Twap(types)) if data else Maker(Skipped)
