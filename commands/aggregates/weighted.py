"""wavg, vwap: means by weight."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, DURATION, Type
from ..base import aggregate
from .basic import numeric


def _bind(call: CallBinder) -> Type:
    for i in range(2):
        numeric(call, i)
    return DURATION if call.types[0].kind == "duration" else DOUBLE


@aggregate(
    "wavg",
    least=2,
    returns=_bind,
    aliases=("vwap",),
    syntax="wavg(E, W), vwap(PRICE, SIZE)",
    summary="sum(E * W) / sum(W) over the rows where both have a value; null where the weights sum to 0; of durations a duration.",
    examples=(("wavg(x, x)", "2.3333333333333335"), ("wavg(x, x - x)", "null")),
)
def wavg(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Skipped
    from ...engine.operators.states.weightcells import Bases
    from ...engine.operators.states.weighted import Weighted

    fine = ("long", "double", "decimal", "duration")
    kind = DURATION if types[0].kind == "duration" else DOUBLE
    if any(t.kind not in fine for t in types):
        return Maker(lambda: Skipped(kind))
    bases = Bases()
    return Maker(lambda: Weighted(types, bases))
