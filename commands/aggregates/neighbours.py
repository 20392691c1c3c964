"""lag, lead, delta, pct, row, rank, dense_rank, ntile, zscore: functions of a row's place among others, in `window`."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...engine.operators.states.base import Maker, is_numeric
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, DURATION, LONG, Type
from ..base import aggregate

_of_window = partial(aggregate, window_only=True, tier=2)
_of_order = partial(_of_window, ordered=True)


def _shift_bind(call: CallBinder) -> Type:
    """The distance: a number of rows, months, or nanoseconds."""
    call.data = ("rows", 1)
    if len(call.args) > 1:
        value = call.worked_out(1)
        kind = call.types[1].kind
        if kind in ("duration", "months") and isinstance(value, int):
            if value < 0:
                call.fail("E307", f"{call.name} takes a length of 0 or more", 1, hint=_other(call.name))
            call.data = (kind, value if kind == "months" else 1000 * value + getattr(call.args[1], "ns", 0))
        elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            call.data = ("rows", value)
        else:
            negative = isinstance(value, int) and not isinstance(value, bool)
            hint = _other(call.name) if negative else "a duration stands without quotes: 5s" if kind == "string" else ""
            call.fail("E307", f"{call.name} takes a number of rows, 0 or more, or a duration", 1, hint=hint)
    return call.types[0]


def _other(name: str) -> str:
    return f"{'lead' if name == 'lag' else 'lag'} goes the other way"


def _shift(data: Any, ahead: bool) -> Maker:
    from ...engine.operators.window import functions
    from ...engine.operators.window.spec import Length

    kind, value = data
    if kind == "rows":
        return Maker(lambda: functions.Shift(rows=-value if ahead else value))
    length = Length(months=value) if kind == "months" else Length(ticks=value)
    return Maker(lambda: functions.ShiftTime(by=length, ahead=ahead))


@_of_order(
    "lag",
    least=1,
    most=2,
    returns=_shift_bind,
    syntax="lag(E[, N or DUR])",
    summary="E of the row N before (1 unless given), null or not; with a duration of the last row at or before that time.",
    examples=(("lag(x)", "[null, 1, 2]"), ("lag(x, 20s)", "[null, null, 1]")),
)
def lag(types: list[Type], data: Any) -> Maker:
    return _shift(data, ahead=False)


@_of_order(
    "lead",
    least=1,
    most=2,
    returns=_shift_bind,
    syntax="lead(E[, N or DUR])",
    summary="E of the row N behind (1 unless given), null or not; with a duration of the first row at or after that time.",
    examples=(("lead(x)", "[2, 3, null]"), ("lead(x, 2)", "[3, null, null]")),
)
def lead(types: list[Type], data: Any) -> Maker:
    return _shift(data, ahead=True)


def _number(call: CallBinder, dates: bool) -> str:
    kind = call.types[0].kind
    if is_numeric(call.types[0]) or kind in ("null", "any") or (dates and kind == "date"):
        return kind
    hint = f"{call.name}(double(x))" if kind == "string" else ""
    call.fail("E320", f"{call.name} takes numbers, not {call.types[0]}", 0, hint=hint)


def _delta_bind(call: CallBinder) -> Type:
    kind = _number(call, dates=True)
    return DURATION if kind in ("date", "duration") else LONG if kind == "long" else DOUBLE


def _difference(types: list[Type], kind: str) -> Maker:
    from ...engine.operators.states.sums import Skipped
    from ...engine.operators.window import functions

    if types[0].kind in ("null", "any"):
        return Maker(Skipped)
    return Maker(lambda: functions.Difference(kind=kind))


@_of_order(
    "delta",
    returns=_delta_bind,
    syntax="delta(E)",
    summary="E less that of the row before; of dates a duration; null if either is.",
    examples=(("delta(x)", "[null, 1, 1]"), ("delta(x * x)", "[null, 3, 5]")),
)
def delta(types: list[Type], data: Any) -> Maker:
    return _difference(types, "delta")


def _pct_bind(call: CallBinder) -> Type:
    _number(call, dates=False)
    return DOUBLE


@_of_order(
    "pct",
    returns=_pct_bind,
    syntax="pct(E)",
    summary="Change from the row before as a part of that one: 0.5 is half as much again; null, counted, if that is 0.",
    examples=(("pct(x)", "[null, 1.0, 0.5]"), ("pct(x * x)", "[null, 3.0, 1.25]")),
)
def pct(types: list[Type], data: Any) -> Maker:
    return _difference(types, "pct")


@_of_order(
    "row",
    least=0,
    returns=LONG,
    syntax="row()",
    summary="The row's number in its group, from 1, in the order of the window.",
    examples=(("row()", "[1, 2, 3]"), ("10 * row()", "[10, 20, 30]")),
)
def row(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.window import functions

    return Maker(functions.RowNumber)


def _rank_bind(call: CallBinder) -> Type:
    if call.types[0].kind in ("map", "other"):
        call.fail("E330", f"values of type {call.types[0]} have no order", 0)
    return LONG


def _rank(name: str, dense: bool, summary: str, examples: tuple[tuple[str, str], ...]) -> None:
    @_of_window(name, returns=_rank_bind, syntax=f"{name}(E)", summary=summary, examples=examples)
    def rank(types: list[Type], data: Any) -> Maker:
        from ...engine.operators.window import functions

        return Maker(lambda: functions.Rank(dense=dense))


_rank(
    "rank", False, "Place of E among all of the group, the least is 1; equal values share it and the next ones are passed over.",
    (("rank(-x)", "[3, 2, 1]"), ("rank(x < 2)", "[3, 1, 1]")),
)  # fmt: skip
_rank(
    "dense_rank", True, "Place of E among the different values of the group, the least is 1.",
    (("dense_rank(-x)", "[3, 2, 1]"), ("dense_rank(x < 2)", "[2, 1, 1]")),
)  # fmt: skip


def _tile_bind(call: CallBinder) -> Type:
    n = call.worked_out(0)
    if not isinstance(n, int) or isinstance(n, bool) or n < 1 or call.types[0].kind != "long":
        call.fail("E307", "ntile takes how many tiles there are: a whole number from 1", 0)
    call.data = n
    return LONG


@_of_order(
    "ntile",
    returns=_tile_bind,
    syntax="ntile(N)",
    summary="Which of N tiles of the group the row is in, from 1: as even as can be, the longer ones first.",
    examples=(("ntile(3)", "[1, 2, 3]"), ("ntile(2)", "[1, 1, 2]")),
)
def ntile(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.window import functions

    return Maker(lambda: functions.Tile(tiles=data))


def _zscore_bind(call: CallBinder) -> Type:
    _number(call, dates=False)
    return DOUBLE


@_of_window(
    "zscore",
    returns=_zscore_bind,
    syntax="zscore(E)",
    summary="How many population deviations of its frame E is above the frame's mean; null without spread.",
    examples=(("zscore(x)", "[null, 1.0, 1.224744871391589]"), ("zscore(x - x)", "[null, null, null]")),
)
def zscore(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Skipped
    from ...engine.operators.window import functions

    return Maker(Skipped) if types[0].kind in ("null", "any") else Maker(functions.ZScore)


def _flow_bind(call: CallBinder) -> Type:
    for i in range(4):
        kind = call.types[i].kind
        if kind not in ("long", "double", "null", "any"):
            hint = "double(x)" if kind == "string" else ""
            call.fail("E320", f"ofi takes numbers, not {call.types[i]}", i, hint=hint)
    return LONG if {call.types[1].kind, call.types[3].kind} == {"long"} else DOUBLE


@_of_order(
    "ofi",
    least=4,
    returns=_flow_bind,
    tier=3,
    syntax="ofi(BID, BIDSIZE, ASK, ASKSIZE)",
    summary="Order-flow imbalance of a quote against the one before: what came to the bid less what came to the ask.",
    examples=(("ofi(x, x, x + 1, x)", "[null, 3, 5]"), ("ofi(1, 10 * x, 2, 0)", "[null, 10, 10]")),
    details="""
Each quote is compared with the one before it in its group, in the order of the window: its bid size counts if the bid is not
lower, the previous bid size is taken off if the bid is not higher, and the other way round for the ask. The first row of a group
is null. A quote with a null among the four is null, and is no previous quote for the next one.
""",
)
def ofi(types: list[Type], data: Any) -> Maker:
    from ...engine.operators.states.sums import Skipped
    from ...engine.operators.window.flow import Imbalance

    known = all(t.kind in ("long", "double") for t in types)
    return (
        Maker(Imbalance)
        if known
        else Maker(lambda: Skipped(LONG if types[1].kind == types[3].kind == "long" else DOUBLE))
    )
