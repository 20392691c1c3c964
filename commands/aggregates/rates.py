"""per_second, per_minute, per_hour, per_day: sums scaled to the true length of a bucket."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, Type
from ..base import aggregate
from .basic import numeric

UNITS = {"per_second": 1, "per_minute": 60, "per_hour": 3600, "per_day": 86_400}


def _bind(call: CallBinder) -> Type:
    if call.types[0].kind == "duration":
        call.warn("W320", f"`{call.name}` takes numbers", 0)
    else:
        numeric(call)
    return DOUBLE


def _enter(name: str, seconds: int) -> None:
    @aggregate(
        name,
        returns=_bind,
        span_only=True,
        syntax=f"{name}(E)",
        summary=f"Sum of the bucket, scaled from its true length to {'an' if name.endswith('hour') else 'a'} {name[4:]}; only under a span.",
        examples=((f"{name}(x)", f"{6 * seconds / 60}"), (f"{name}(2 * x)", f"{12 * seconds / 60}")),
    )
    def state(types: list[Type], data: Any) -> Maker:
        from ...engine.operators.states.rates import Rate
        from ...engine.operators.states.sums import Skipped

        known = types[0].kind in ("long", "double", "decimal")
        return Maker(lambda: Rate(types[0], seconds) if known else Skipped())


for _name, _seconds in UNITS.items():
    _enter(_name, _seconds)
