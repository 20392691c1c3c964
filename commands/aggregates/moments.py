"""Variance, deviation, covariance, correlation, regression."""

from __future__ import annotations

from typing import Any

from ...engine.operators.states.base import Maker
from ...planner.catalog import CallBinder
from ...planner.types import DOUBLE, DURATION, Type
from ..base import aggregate
from .basic import numeric


def _maker(types: list[Type], out: str) -> Maker:
    from ...engine.operators.states.moments import Moments
    from ...engine.operators.states.sums import Skipped

    fine = ("long", "double", "decimal", "duration")
    if any(t.kind not in fine for t in types):
        return Maker(Skipped)
    return Maker(lambda: Moments(types), out)


def _bind(call: CallBinder) -> Type:
    for i in range(len(call.args)):
        numeric(call, i)
    spread = call.name.startswith("stddev")
    return DURATION if spread and call.types[0].kind == "duration" else DOUBLE


def _enter(
    name: str, out: str, summary: str, examples: tuple[tuple[str, str], ...], aliases: tuple[str, ...] = (), n: int = 1
) -> None:
    @aggregate(
        name,
        least=n,
        returns=_bind,
        aliases=aliases,
        syntax=f"{name}(E)" if n == 1 else f"{name}(X, Y)",
        summary=summary,
        examples=examples,
    )
    def state(types: list[Type], data: Any) -> Maker:
        return _maker(types, out)


_enter(
    "var",
    "var",
    "Population variance; of one value 0.",
    (("var(x)", "0.6666666666666666"), ("var(x * 3)", "6.0")),
    ("var_pop",),
)
_enter(
    "stddev", "stddev", "Population standard deviation; of one value 0.",
    (("stddev(x)", "0.816496580927726"), ("stddev(x - x)", "0.0")), ("stddev_pop",),
)  # fmt: skip
_enter(
    "var_samp", "var_samp", "Sample variance; of one value null.", (("var_samp(x)", "1.0"), ("var_samp(2 * x)", "4.0"))
)
_enter(
    "stddev_samp", "stddev_samp", "Sample standard deviation; of one value null.",
    (("stddev_samp(x)", "1.0"), ("stddev_samp(2 * x)", "2.0")),
)  # fmt: skip
_enter(
    "cov", "cov", "Population covariance of the pairs in which both have a value.",
    (("cov(x, 3 * x)", "2.0"), ("cov(x, x - x)", "0.0")), ("covar",), 2,
)  # fmt: skip
_enter(
    "cov_samp", "cov_samp", "Sample covariance; of one pair null.",
    (("cov_samp(x, x)", "1.0"), ("cov_samp(x, -x)", "-1.0")), (), 2,
)  # fmt: skip
_enter(
    "corr", "corr", "Pearson correlation; null where a side has no spread.",
    (("corr(x, x * x)", "0.989743318610787"), ("corr(x, -x)", "-1.0")), ("correl",), 2,
)  # fmt: skip
_enter(
    "slope", "slope", "Slope of Y over X by least squares; null where X has no spread.",
    (("slope(x, 2 * x)", "2.0"), ("slope(x, 5 - x)", "-1.0")), (), 2,
)  # fmt: skip
_enter(
    "intercept", "intercept", "Y at X = 0 by least squares; null where X has no spread.",
    (("intercept(x, 2 * x + 1)", "1.0"), ("intercept(x, 5 - x)", "5.0")), (), 2,
)  # fmt: skip
_enter(
    "r2", "r2", "Share of Y's variance that X explains; null where a side has no spread.",
    (("r2(x, x * x)", "0.9795918367346939"), ("r2(x, -x)", "1.0")), (), 2,
)  # fmt: skip


def _shape(call: CallBinder) -> Type:
    numeric(call)
    return DOUBLE


def _enter_shape(name: str, summary: str, examples: tuple[tuple[str, str], ...]) -> None:
    @aggregate(name, returns=_shape, syntax=f"{name}(E)", summary=summary, examples=examples)
    def state(types: list[Type], data: Any) -> Maker:
        from ...engine.operators.states.shape import Shape
        from ...engine.operators.states.sums import Skipped

        known = types[0].kind in ("long", "double", "decimal", "duration")
        return Maker(lambda: Shape(types[0]) if known else Skipped(), name)


_enter_shape(
    "skew", "Skewness of the population; null without spread.",
    (("skew(x)", "0.0"), ("skew(x * x)", "0.29479962014482886")),
)  # fmt: skip
_enter_shape(
    "kurt", "Excess kurtosis of the population: 0 for a normal distribution; null without spread.",
    (("kurt(x)", "-1.5"), ("kurt(2 * x)", "-1.5")),
)  # fmt: skip
