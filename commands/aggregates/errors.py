"""rmse, mae, mape, smape: how far predictions are from what happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.expr import Expr, Literal
from ...planner.types import DOUBLE, LONG, Type
from ..base import aggregate
from .basic import numeric

Error = Callable[[CallBinder, Expr, Expr], Expr]


def _binder(error: Error) -> Callable[[CallBinder], Type]:
    def bind(call: CallBinder) -> Type:
        """The error of each row becomes the one argument: what it cannot be worked out for is told as in any expression."""
        fine = [numeric(call, i) and call.types[i].kind != "duration" for i in range(2)]
        for i in range(2):
            if call.types[i].kind == "duration":
                call.warn("W320", f"`{call.name}` takes numbers", i, hint=f"seconds({call.texts[i]})")
        if all(fine):
            call.args = [error(call, *(call.apply("double", a) for a in call.args))]
            call.data = True
        return DOUBLE

    return bind


def _distance(call: CallBinder, actual: Expr, guess: Expr) -> Expr:
    return call.apply("abs", call.apply("-", actual, guess))


def _square(call: CallBinder, actual: Expr, guess: Expr) -> Expr:
    away = call.apply("-", actual, guess)
    return call.apply("*", away, away)


def _relative(call: CallBinder, actual: Expr, guess: Expr) -> Expr:
    return call.apply("/", _distance(call, actual, guess), call.apply("abs", actual))


def _symmetric(call: CallBinder, actual: Expr, guess: Expr) -> Expr:
    sizes = call.apply("+", call.apply("abs", actual), call.apply("abs", guess))
    share = call.apply("/", _distance(call, actual, guess), sizes)
    return call.apply(
        "if", call.apply("==", sizes, Literal(type=LONG, value=0)), Literal(type=DOUBLE, value=0.0), share
    )


def _enter(name: str, error: Error, summary: str, examples: tuple[tuple[str, str], ...], details: str = "") -> None:
    @aggregate(
        name,
        least=2,
        returns=_binder(error),
        tier=3,
        syntax=f"{name}(ACTUAL, PREDICTED)",
        summary=summary,
        examples=examples,
        details=details,
    )
    def state(types: list[Type], data: Any) -> Maker:
        from ...engine.operators.states.errors import MeanError
        from ...engine.operators.states.sums import Skipped

        return Maker(lambda: MeanError(name)) if data and types[0].kind == "double" else Maker(Skipped)


PAIRS = "\nRows where either is null do not count. Both are read as doubles; the sum of the errors is exact and rounded once.\n"
_enter(
    "rmse", _square, "Root of the mean squared difference of two values.",
    (("rmse(x, 2)", "0.816496580927726"), ("rmse(x, x)", "0.0")), PAIRS,
)  # fmt: skip
_enter(
    "mae", _distance, "Mean absolute difference of two values.",
    (("mae(x, 2)", "0.6666666666666666"), ("mae(x, x + 1)", "1.0")), PAIRS,
)  # fmt: skip
_enter(
    "mape", _relative, "Mean absolute difference in percent of the actual value.",
    (("mape(x, 2 * x)", "100.0"), ("mape(x, x)", "0.0")),
    PAIRS + "Rows whose actual value is 0 are left out and counted `div0`.\n",
)  # fmt: skip
_enter(
    "smape", _symmetric, "Mean absolute difference in percent of the mean of both sizes: from 0 to 200.",
    (("smape(x, x)", "0.0"), ("smape(x, -x)", "200.0")),
    PAIRS + "The error of a row is `200 * abs(A - P) / (abs(A) + abs(P))`, the form of the M4 competition; 0 where both are 0.\n",
)  # fmt: skip
