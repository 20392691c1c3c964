"""ohlc: four aggregates by one name."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner import ast
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, Type
from ..base import aggregate
from .basic import numeric


def _bind(call: CallBinder) -> Type:
    """Of what is passed over there are four columns without a value."""
    if not numeric(call) and call.types[0].kind not in ("null", "any"):
        call.data = (ast.Call(name="double", args=(ast.Constant(value=None),)),)
    return DOUBLE


@aggregate(
    "ohlc",
    returns=_bind,
    tier=3,
    parts=(("open", "earliest"), ("high", "max"), ("low", "min"), ("close", "latest")),
    syntax="ohlc(E)",
    summary="Four columns: open, high, low and close, which are the value of the earliest row, the greatest, the least and the latest.",
    examples=(("ohlc(x)", "[1, 3, 1, 3]"), ("ohlc(-x)", "[-1, -1, -3, -3]")),
    details="""
Short for `earliest(E) as open, max(E) as high, min(E) as low, latest(E) as close`; `ohlc(E) as A` names them `A_open`, `A_high`,
`A_low`, `A_close`. First and last go by the row's time, so the order of rows makes no difference; of equal times the first and
the last in input order. The columns keep the type of E. `where` holds for all four. As it is four columns, it is no part of
an expression. A row without a time is neither the earliest nor the latest; in a `window` of rows it counts for high and low, one
of time has no place for it.
""",
)
def ohlc(types: list[Type], data: Any) -> Maker:
    raise NotImplementedError("its parts are made")
