"""Quantiles of the normal and the t distribution, and what a store keeps because of them; distances on the Earth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, call, is_valid, numbers_of
from ...engine.exprs import Eval, Value, plain
from ...engine.random import normal_quantile
from ...engine.strings import Ints, Mask
from ..base import DOUBLE, NUMBER, CallBinder, Type, function

GROUP = "statistics, space, inventory"
EARTH_M = 6_371_008.8  # mean radius (IUGG)


def _columns(ev: Eval, *values: Value) -> tuple[list[Ints], Mask]:
    """Doubles (what a null holds is 0), and where all are there."""
    parts = [_one_or_rows(ev, v) for v in values]
    valid = np.ones(ev.n, np.bool_)
    for _, ok in parts:
        valid &= ok
    return [np.where(ok, x, 0).astype(np.float64) for x, ok in parts], valid


def _one_or_rows(ev: Eval, value: Value) -> tuple[Ints, Mask]:
    """Values and where they are there; of a constant one of each, which is computed with once."""
    if isinstance(value, pa.Scalar):
        value = plain(value, 1)
        return numbers_of(value), is_valid(value)
    return ev.numbers(value)


def _rows(values: Ints, valid: Mask) -> pa.Array[Any]:
    """A column of all rows."""
    return array_from(np.broadcast_to(values, valid.shape), ~valid)


def _level(call_: CallBinder, at: int = 0) -> None:
    level = call_.constant(at)
    if isinstance(level, int | float) and not 0 <= level <= 1:
        call_.fail("E307", f"a probability lies between 0 and 1; {level} does not", at=at)


def _level_first(call_: CallBinder) -> Type:
    _level(call_)
    return DOUBLE


def _quantiles(ev: Eval, p: Ints, valid: Mask, shown: Value) -> tuple[Ints, Mask]:
    """z of each probability; outside of 0..1 null, at the ends infinite, both counted."""
    inside = (p > 0) & (p < 1)
    ev.reject("domain", valid & ~inside & (p == p), shown, "a probability between 0 and 1")
    with np.errstate(invalid="ignore", divide="ignore"):
        z = normal_quantile(np.where(inside, p, 0.5))
    z = np.where(inside, z, np.where(p == 0, -np.inf, np.where(p == 1, np.inf, np.nan)))
    return z, valid & ((p >= 0) & (p <= 1) | (p != p))


def _spread(ev: Eval, sd: Ints, valid: Mask, shown: Value) -> Mask:
    """Where the standard deviation is above 0 (or NaN); others are refused."""
    odd = valid & (sd <= 0)
    ev.reject("domain", odd, shown, "a standard deviation above 0")
    return valid & ~odd


@function(
    "norminv", args=(NUMBER,), least=1, most=3, returns=_level_first, group=GROUP, tier=3,
    syntax="norminv(P[, MEAN=0, SD=1])",
    summary="The value that a normal variable stays below with probability P; P outside 0..1 and SD of 0 or less are null, counted.",
    examples=[("round(norminv(0.975), 6)", "1.959964"), ("norminv(0.5, 10, 2)", "10.0"), ("norminv(null)", "null")],
)  # fmt: skip
def norminv(ev: Eval, p: Value, mean: Value | None = None, sd: Value | None = None) -> Value:
    given = [v for v in (p, mean, sd) if v is not None]
    (x, *rest), valid = _columns(ev, *given)
    z, valid = _quantiles(ev, x, valid, p)
    if sd is not None:
        valid = _spread(ev, rest[1], valid, sd)
    with np.errstate(invalid="ignore", over="ignore"):
        z = z * rest[1] if sd is not None else z
        return _rows(z + rest[0] if rest else z, valid)


@function(
    "normcdf", args=(NUMBER,), least=1, most=3, returns=DOUBLE, group=GROUP, tier=3,
    syntax="normcdf(X[, MEAN=0, SD=1])",
    summary="The probability that a normal variable stays below X; SD of 0 or less is null, counted.",
    examples=[("normcdf(0)", "0.5"), ("round(normcdf(12, 10, 2), 6)", "0.841345")],
)  # fmt: skip
def normcdf(ev: Eval, value: Value, mean: Value | None = None, sd: Value | None = None) -> Value:
    from scipy.special import ndtr  # type: ignore[import-untyped,unused-ignore]

    given = [v for v in (value, mean, sd) if v is not None]
    (x, *rest), valid = _columns(ev, *given)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        x = x - rest[0] if rest else x
        if sd is not None:
            valid = _spread(ev, rest[1], valid, sd)
            x = x / rest[1]
        return _rows(np.asarray(ndtr(x), np.float64), valid)


@function(
    "tinv", args=(NUMBER, NUMBER), returns=_level_first, group=GROUP, tier=3,
    syntax="tinv(P, DF)",
    summary="The value that Student's t with DF degrees of freedom stays below with probability P (one-sided).",
    examples=[("round(tinv(0.975, 10), 6)", "2.228139"), ("tinv(0.5, 3)", "0.0"), ("tinv(0.9, null)", "null")],
)  # fmt: skip
def tinv(ev: Eval, p: Value, df: Value) -> Value:
    from scipy.special import stdtrit  # type: ignore[import-untyped,unused-ignore]

    (x, n), valid = _columns(ev, p, df)
    odd = valid & (n <= 0)
    ev.reject("domain", odd, df, "degrees of freedom above 0")
    z, valid = _quantiles(ev, x, valid & ~odd, p)
    inside = np.isfinite(z) & valid
    out = np.where(
        inside & (x != 0.5), stdtrit(np.where(inside, n, 1), np.where(inside, x, 0.5)), np.where(x == 0.5, 0.0, z)
    )
    return _rows(out, valid)


@function(
    "zscore", args=(NUMBER, NUMBER, NUMBER), returns=DOUBLE, group=GROUP, tier=3,
    syntax="zscore(X, MEAN, SD)",
    summary="How many standard deviations X lies above the mean; SD = 0 is null, counted.",
    examples=[("zscore(13, 10, 2)", "1.5"), ("zscore(1, 1, 0)", "null")],
)  # fmt: skip
def zscore(ev: Eval, value: Value, mean: Value, sd: Value) -> Value:
    (x, m, s), valid = _columns(ev, value, mean, sd)
    zero = valid & (s == 0)
    ev.reject("div0", zero, value)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return _rows((x - m) / np.where(zero, 1, s), valid & ~zero)


@function(
    "servicez", args=(NUMBER,), returns=_level_first, group=GROUP, tier=3,
    syntax="servicez(LEVEL)",
    summary="z for a service level, the same as norminv(LEVEL).",
    examples=[("round(servicez(0.95), 4)", "1.6449"), ("servicez(0.5)", "0.0")],
)  # fmt: skip
def servicez(ev: Eval, level: Value) -> Value:
    (p,), valid = _columns(ev, level)
    z, valid = _quantiles(ev, p, valid, level)
    return _rows(z, valid)


def _stock(ev: Eval, values: tuple[Value, ...], level: Value, sd: Ints, lead: Ints, avg: Ints, sd_lead: Ints,
           p: Ints, valid: Mask) -> tuple[Ints, Mask]:  # fmt: skip
    """z * sqrt(lead * sd^2 + avg^2 * sd_lead^2); negative spreads and lead times are refused."""
    odd = valid & ((sd < 0) | (lead < 0) | (sd_lead < 0))
    ev.reject("domain", odd, values[1], "standard deviations and a lead time of 0 or more")
    z, valid = _quantiles(ev, p, valid & ~odd, level)
    with np.errstate(invalid="ignore", over="ignore"):
        return z * np.sqrt(np.where(odd, 0, lead * sd * sd + avg * avg * sd_lead * sd_lead)), valid


def _stock_type(call_: CallBinder) -> Type:
    if len(call_.args) == 4:
        call_.fail("E306", "safetystock takes 3 or 5 arguments, not 4", hint="SD_LEAD goes with AVG_DEMAND")
    return _level_first(call_)


@function(
    "safetystock", args=(NUMBER,), least=3, most=5, returns=_stock_type, group=GROUP, tier=3,
    syntax="safetystock(LEVEL, SD_DEMAND, LEAD[, AVG_DEMAND, SD_LEAD])",
    summary="z * sqrt(LEAD * SD_DEMAND^2 + AVG_DEMAND^2 * SD_LEAD^2): what is kept so that a service level holds. LEAD counts "
    "the periods that demand is measured in.",
    examples=[("ceil(safetystock(0.95, 10, 7))", "44"), ("ceil(safetystock(0.95, 10, 7, 50, 2))", "171"), ("safetystock(0.95, null, 7)", "null")],
)  # fmt: skip
def safetystock(ev: Eval, *values: Value) -> Value:
    (p, sd, lead, *rest), valid = _columns(ev, *values)
    avg, sd_lead = rest or (np.zeros(1), np.zeros(1))
    out, valid = _stock(ev, values, values[0], sd, lead, avg, sd_lead, p, valid)
    return _rows(out, valid)


@function(
    "reorderpoint", args=(NUMBER,), least=4, most=5, returns=_level_first, group=GROUP, tier=3,
    syntax="reorderpoint(LEVEL, AVG_DEMAND, SD_DEMAND, LEAD[, SD_LEAD])",
    summary="The safety stock plus AVG_DEMAND * LEAD: order when there is no more than this.",
    examples=[("ceil(reorderpoint(0.95, 50, 10, 7))", "394"), ("ceil(reorderpoint(0.95, 50, 10, 7, 2))", "521")],
)  # fmt: skip
def reorderpoint(ev: Eval, *values: Value) -> Value:
    (p, avg, sd, lead, *rest), valid = _columns(ev, *values)
    out, valid = _stock(ev, values, values[0], sd, lead, avg, rest[0] if rest else np.zeros(1), p, valid)
    with np.errstate(invalid="ignore", over="ignore"):
        return _rows(out + avg * lead, valid)


@function(
    "haversine", args=(NUMBER, NUMBER, NUMBER, NUMBER), returns=DOUBLE, group=GROUP, tier=3,
    syntax="haversine(LAT1, LON1, LAT2, LON2)",
    summary="Metres between two places along the Earth's surface (mean radius 6,371,008.8 m), from degrees; a latitude beyond 90 is null, counted.",
    examples=[("round(haversine(37.5665, 126.978, 35.1796, 129.0756), -3)", "325000"), ("haversine(0, 0, 0, 0)", "0.0"), ("haversine(91, 0, 0, 0)", "null")],
)  # fmt: skip
def haversine(ev: Eval, lat1: Value, lon1: Value, lat2: Value, lon2: Value) -> Value:
    (a, b, c, d), valid = _columns(ev, lat1, lon1, lat2, lon2)
    odd = valid & ((np.abs(a) > 90) | (np.abs(c) > 90))
    ev.reject("domain", odd, lat1, "a latitude between -90 and 90")
    to_rad = np.pi / 180.0
    with np.errstate(invalid="ignore"):
        north, east = _sin((c - a) * (to_rad / 2)), _sin((d - b) * (to_rad / 2))
        part = north * north + _cos(a * to_rad) * _cos(c * to_rad) * (east * east)
        root = np.sqrt(np.minimum(part, 1.0))
    return _rows(2 * EARTH_M * numbers_of(call("asin", array_from(root))), valid & ~odd)


def _sin(x: Ints) -> Ints:
    return numbers_of(call("sin", array_from(x)))  # Arrow's libm: bits do not depend on the place in a batch


def _cos(x: Ints) -> Ints:
    return numbers_of(call("cos", array_from(x)))
