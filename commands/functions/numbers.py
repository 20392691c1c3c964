"""Functions of numbers that stay numbers: signs, rounding, division, extremes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ...engine import choose, decimals
from ...engine.arrow import array_from, bools_of, call, is_valid, numbers_of
from ...engine.datecolumns import to_nanoseconds
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, Mask
from ...engine.values import unify
from ...planner.records import dataclass
from ...planner.types import NULL
from ..base import ANY_ARG, DOUBLE, INTEGER, LONG, MANY, NUMBER, PARSED, CallBinder, Type, converted, function
from ..base import join as joined

GROUP = "numbers"
LEAST, MOST = -(2**63), 2**63 - 1
WHOLE = 2.0**52  # doubles from here on have no fraction


def same_kind(call: CallBinder) -> Type:
    """long if all arguments are whole numbers, else double."""
    return LONG if all(t.kind == "long" for t in call.types) else DOUBLE


def doubles(ev: Eval, value: Value) -> tuple[Ints, Mask]:
    values, valid = ev.numbers(value)
    return values.astype(np.float64, copy=False), valid


def _kept(call: CallBinder) -> Type:
    """A decimal stays one, anything else is a number."""
    kind = call.types[0]
    if kind.kind == "decimal":
        call.data = kind
        return kind
    call.args = [converted(call, call.args[0], NUMBER)]
    return same_kind(call)


def _per_value(
    name: str, of_long: Callable[[Ints], tuple[Ints, Mask | None]], of_double: Callable[[Ints], Ints], syntax: str, summary: str,
    examples: list[tuple[str, str]],
) -> None:  # fmt: skip
    @function(name, args=(ANY_ARG,), returns=_kept, group=GROUP, syntax=syntax, summary=summary, examples=examples)
    def kernel(ev: Eval, value: Value) -> Value:
        if ev.data is not None:
            return decimals.magnitude(ev.array(value), ev.data)
        values, valid = ev.numbers(value)
        if values.dtype == np.float64:
            return array_from(of_double(values), ~valid)
        out, beyond = of_long(values)
        if beyond is None:
            return array_from(out, ~valid)
        ev.reject("overflow", beyond & valid, value, "double(x)")
        return array_from(out, ~valid | beyond)


def _abs_long(values: Ints) -> tuple[Ints, Mask | None]:
    beyond = values == LEAST
    return np.abs(values), beyond if beyond.any() else None


_per_value("abs", _abs_long, np.abs, "abs(N)", "The number without its sign.", [("abs(-3)", "3"), ("abs(-2.5)", "2.5")])


@function(
    "sign", args=(NUMBER,), returns=LONG, group=GROUP,
    syntax="sign(N)",
    summary="-1, 0 or 1; of NaN null, counted.",
    examples=[("sign(-2.5)", "-1"), ("sign(0)", "0")],
)  # fmt: skip
def sign(ev: Eval, value: Value) -> Value:
    values, valid = ev.numbers(value)
    odd = valid & np.isnan(values) if values.dtype == np.float64 else np.zeros(ev.n, np.bool_)
    ev.reject("domain", odd, value)
    return array_from((values > 0).astype(np.int64) - (values < 0), ~valid | odd)


# rounding

Step = Callable[..., Ints]


def _half_away(values: Ints, beyond: Ints | None = None) -> Ints:
    """To the next whole number, halves away from zero; exact, which adding a half before cutting is not.

    `beyond`: by how much the true number is farther from zero than the double that stands for it.
    """
    size = np.abs(values)
    low = np.floor(size)
    with np.errstate(invalid="ignore"):  # infinity less itself
        rest = size - low
        up = rest >= 0.5 if beyond is None else (rest > 0.5) | ((rest == 0.5) & (beyond >= 0))
        out: Ints = np.copysign(low + up, values)
    return out


_SPLIT = 2.0**27 + 1


def _lost(a: Ints, b: Any) -> Ints:
    """What the double a * b lacks to the true product (Dekker), unless that lies near the ends of the range."""
    product = a * b

    def halves(v: Any) -> tuple[Any, Any]:
        high = _SPLIT * v - (_SPLIT * v - v)
        return high, v - high

    (ah, al), (bh, bl) = halves(a), halves(np.float64(b))
    return cast(Ints, ((ah * bh - product) + ah * bl + al * bh) + al * bl)


def _round_longs(values: Ints, digits: Ints, name: str) -> tuple[Ints, Mask]:
    """Whole numbers to a multiple of 10^-digits (digits < 0); and where the result does not fit."""
    size = np.where(values < 0, -values.view(np.uint64), values.view(np.uint64)).astype(np.uint64)
    power = np.power(np.uint64(10), np.clip(-digits, 0, 19).astype(np.uint64))
    rest = size % power
    away = {
        "round": rest >= power - power // np.uint64(2), "trunc": np.zeros(len(values), np.bool_),
        "ceil": (values > 0) & (rest > 0), "floor": (values < 0) & (rest > 0),
    }[name]  # fmt: skip
    away = away & (power > 1)
    low = size - rest
    over = away & (low > np.uint64(2**64 - 1) - power)
    out = np.where(away, low + power, low)
    gone = digits < -19  # a step of 1e20 and more: zero is the only multiple in reach
    lost = gone & ({"ceil": values > 0, "floor": values < 0}.get(name, np.zeros(len(values), np.bool_)))
    out = np.where(gone, np.uint64(0), out)
    beyond = ~gone & (over | (out > np.where(values < 0, np.uint64(2**63), np.uint64(MOST)))) | lost
    signed = out.view(np.int64)
    return np.where(values < 0, -signed, signed), beyond


def _round_doubles(values: Ints, digits: int, step: Step) -> Ints:
    """Doubles to a multiple of 10^-digits, for any digits. A number that has no more digits stays as it is."""
    with np.errstate(over="ignore", invalid="ignore"):
        if digits >= 0:
            power = np.float64(10.0) ** min(digits, 400)
            scaled = values * power
            made = _half_away(scaled, _lost(np.abs(values), power)) if step is _half_away else step(scaled)
            out = made / power
            kept = (np.rint(scaled) / power == values) | (np.abs(scaled) >= 2 * WHOLE)
        else:
            power = np.float64(10.0) ** min(-digits, 400)
            scaled = values / power if np.isfinite(power) else np.copysign(1e-300, values)
            size = np.abs(scaled)
            beyond = (np.abs(values) - size * power) - _lost(size, power)
            made = _half_away(scaled, beyond) if step is _half_away else step(scaled)
            out = np.where(made == 0, made, made * power)
            kept = np.rint(scaled) * power == values
    return np.where(kept | (values == 0) | ~np.isfinite(values), values, out)


def _round_by_row(values: Ints, digits: Ints, step: Step) -> Ints:
    """Digits that are data: once for each that occurs; beyond 400 either way they all say the same."""
    digits = np.clip(digits, -400, 400)
    out = np.empty_like(values)
    for d in np.unique(digits).tolist():
        rows = digits == d
        out[rows] = _round_doubles(values[rows], d, step)
    return out


def _to_longs(values: Ints) -> tuple[Ints, Mask]:
    """Doubles without a fraction as longs, and where they do not fit."""
    beyond = ~((values >= -(2.0**63)) & (values < 2.0**63))
    return np.where(beyond, 0, values).astype(np.int64), beyond


def _digits_type(call: CallBinder) -> Type:
    if len(call.args) == 1:
        call.data = 0
    else:
        call.data = call.whole(1)
    kind = call.types[0]
    if kind.kind == "decimal" and call.data is not None:
        call.data = Places(kind, call.data)
        return LONG if call.data.digits <= 0 else decimals.of_scale(min(call.data.digits, decimals.scale_of(kind)))
    call.args = [converted(call, call.args[0], NUMBER), *call.args[1:]]
    if call.types[0].kind == "long":
        return LONG
    return LONG if call.data is not None and call.data <= 0 else DOUBLE


@dataclass(frozen=True, slots=True)
class Places:
    """Of a decimal that is rounded."""

    kind: Type
    digits: int


MODES = {"round": "half_towards_infinity", "ceil": "up", "floor": "down", "trunc": "towards_zero"}


def _rounded_decimal(ev: Eval, name: str, value: Value, places: Places) -> Value:
    array = ev.array(value)
    digits = min(places.digits, decimals.scale_of(places.kind))
    made, beyond = decimals.rounded(array, places.kind, digits, MODES[name])
    if places.digits > 0:
        ev.reject("overflow", beyond, value, "double(x)")
        return made
    whole, far = decimals.to_long(made)
    ev.reject("overflow", beyond | far, value, "double(x)")
    return whole


def _rounding(name: str, step: Step, summary: str, examples: list[tuple[str, str]]) -> None:
    @function(
        name, args=(ANY_ARG, INTEGER), least=1, most=2, returns=_digits_type, group=GROUP, syntax=f"{name}(N[, D=0])",
        summary=summary + "; a long when D <= 0, negative D counts left of the point.", examples=examples,
    )  # fmt: skip
    def kernel(ev: Eval, value: Value, digits: Value | None = None) -> Value:
        if isinstance(ev.data, Places):
            return _rounded_decimal(ev, name, value, ev.data)
        values, valid = ev.numbers(value)
        fixed: int | None = ev.data
        if values.dtype == np.int64:
            return _round_long_column(ev, name, value, digits, fixed)
        if fixed is None:
            places, known = ev.numbers(digits)  # type: ignore[arg-type]
            return array_from(_round_by_row(values, np.where(known, places, 0), step), ~(valid & known))
        if fixed > 0:
            return array_from(_round_doubles(values, fixed, step), ~valid)
        out, beyond = _to_longs(step(values) if fixed == 0 else _round_doubles(values, fixed, step))
        ev.reject("overflow", beyond & valid, value, "double(x)")
        return array_from(out, ~valid | beyond)


def _round_long_column(ev: Eval, name: str, value: Value, digits: Value | None, fixed: int | None) -> Value:
    """Whole numbers have no digits behind the point, so only negative D changes them."""
    if fixed is not None and fixed >= 0:
        return value
    values, valid = ev.numbers(value)
    places, known = (np.full(ev.n, fixed), valid) if digits is None or fixed is not None else ev.numbers(digits)
    valid, keep = valid & known, places >= 0
    out, beyond = _round_longs(np.ascontiguousarray(values), np.where(known, places, 0), name)
    out, beyond = np.where(keep, values, out), beyond & ~keep & valid
    ev.reject("overflow", beyond, value, "double(x)")
    return array_from(out, ~valid | beyond)


_rounding("round", _half_away, "The nearest number with D digits, halves away from zero",
          [("round(2.5)", "3"), ("round(-1.25, 1)", "-1.3"), ("round(1250, -2)", "1300")])  # fmt: skip
_rounding("ceil", np.ceil, "The least number with D digits that is not smaller",
          [("ceil(1.2)", "2"), ("ceil(-1.21, 1)", "-1.2")])  # fmt: skip
_rounding("floor", np.floor, "The greatest number with D digits that is not larger",
          [("floor(-1.2)", "-2"), ("floor(1999, -3)", "1000")])  # fmt: skip
_rounding("trunc", np.trunc, "The number cut to D digits", [("trunc(-1.9)", "-1"), ("trunc(1.27, 1)", "1.2")])


# division


def _divide(ev: Eval, a: Value, b: Value) -> tuple[Ints, Ints, Mask]:
    """Both sides in one kind (a zero divisor as 1), and where both are there; division by zero is counted."""
    (x, has_x), (y, has_y) = ev.numbers(a), ev.numbers(b)
    if x.dtype != y.dtype:
        x, y = x.astype(np.float64), y.astype(np.float64)
    valid = has_x & has_y
    zero = valid & (y == 0)
    ev.reject("div0", zero, a)
    valid = valid & ~zero
    if valid.all():
        return x, y, valid
    return np.where(valid, x, 0), np.where(valid, y, 1), valid


@function(
    "mod", args=(NUMBER, NUMBER), returns=same_kind, group=GROUP,
    syntax="mod(A, B)",
    summary="The rest of A divided by B, with the sign of A; B = 0 is null, counted.",
    examples=[("mod(-7, 3)", "-1"), ("mod(7.5, 2)", "1.5")],
)  # fmt: skip
def mod(ev: Eval, a: Value, b: Value) -> Value:
    x, y, valid = _divide(ev, a, b)
    if x.dtype == np.int64:
        return array_from(np.fmod(x, np.where(y == -1, 1, y)), ~valid)
    with np.errstate(invalid="ignore"):
        out = np.fmod(x, y)
    ev.reject("domain", valid & np.isnan(out) & ~np.isnan(x) & ~np.isnan(y), a)
    return array_from(out, ~valid)


@function(
    "div", args=(NUMBER, NUMBER), returns=same_kind, group=GROUP,
    syntax="div(A, B)",
    summary="A divided by B, cut to a whole number; B = 0 is null, counted.",
    examples=[("div(-7, 2)", "-3"), ("div(7.5, 2)", "3.0")],
)  # fmt: skip
def div(ev: Eval, a: Value, b: Value) -> Value:
    x, y, valid = _divide(ev, a, b)
    if x.dtype == np.float64:
        with np.errstate(over="ignore", invalid="ignore"):
            out = np.trunc(x / y)
        ev.reject("domain", valid & np.isnan(out) & ~np.isnan(x) & ~np.isnan(y), a)
        return array_from(out, ~valid)
    beyond = valid & (x == LEAST) & (y == -1)
    ev.reject("overflow", beyond, a, "double(x)")
    y = np.where(beyond, 1, y)
    if len(y) and y[0] > 0 and (y == y[0]).all():  # a division by one number is turned into a product
        return array_from((x + ((x >> 63) & (y[0] - 1))) // y[0], ~valid)
    quotient = x // y
    return array_from(quotient + ((x - quotient * y != 0) & ((x < 0) != (y < 0))), ~valid | beyond)


# extremes


def _extreme_type(call: CallBinder) -> Type:
    """Numbers widen; text beside numbers is parsed; other kinds must all be one."""
    kinds = {t.kind for t in call.types if t.kind != "null"}
    texts = kinds & {"string", "any"}
    if kinds & {"long", "double"} and texts:
        at = next(i for i, t in enumerate(call.types) if t.kind in texts)
        call.warn("W320", f"{call.name} reads text as numbers here", at, hint="double(x) says so")
        call.args = [converted(call, a, PARSED) for a in call.args]
        return DOUBLE if any(a.type.kind == "double" for a in call.args) else LONG
    if texts == kinds and kinds:
        call.data = "string"
        return Type("string")
    kind = joined(call.types)
    if kinds <= {"long", "double", "decimal"} and "decimal" in kinds:
        if kind.kind == "double":
            call.args = [converted(call, a, NUMBER) for a in call.args]
        else:
            call.data = kind, list(call.types)
        return kind
    if len({"long" if k == "double" else k for k in kinds}) > 1 or kind.kind in ("array", "map", "other"):
        call.fail("E330", f"{call.name} compares values of one kind, not {' and '.join(sorted(kinds))}")
    if kind.kind == "long":
        return LONG
    return kind if kinds else NULL


def _extreme(name: str, summary: str, examples: list[tuple[str, str]]) -> None:
    most = name == "max"

    @function(name, args=(ANY_ARG,), least=1, most=MANY, returns=_extreme_type, group=GROUP, syntax=f"{name}(E, ...)",
              summary=summary, examples=examples)  # fmt: skip
    def kernel(ev: Eval, *values: Value) -> Value:
        if isinstance(ev.data, tuple):
            return _extreme_decimals(ev, values, ev.data[0], ev.data[1], most)
        columns = [c for c in map(ev.array, values) if not pa.types.is_null(c.type)]
        if len({c.type for c in columns}) > 1 and pa.types.is_timestamp(columns[0].type):
            columns = [_in_nanoseconds(ev, c) for c in columns]
        if not columns:
            return pa.nulls(ev.n, pa.null())
        if pa.types.is_string(columns[0].type):
            return call(name + "_element_wise", *columns, skip_nulls=True)
        if pa.types.is_boolean(columns[0].type) or not pa.types.is_primitive(columns[0].type):
            return _extreme_by_order(columns, most, ev.compiled)
        return _extreme_numbers(columns, most, ev.compiled)


def _extreme_decimals(ev: Eval, values: tuple[Value, ...], kind: Type, types: list[Type], most: bool) -> Value:
    out: Any = None
    for value, type_ in zip(values, types, strict=True):
        if type_.kind == "null":
            continue
        column = unify(ev.array(value), type_, kind, ev.zone)
        if out is None:
            out = column
            continue
        beats = bools_of(call("greater" if most else "less", column, out)) | (is_valid(column) & ~is_valid(out))
        out = call("if_else", array_from(beats), column, out)
    return cast(Value, out)


def _in_nanoseconds(ev: Eval, dates: Any) -> Any:
    out, beyond = to_nanoseconds(dates)
    ev.reject("overflow", beyond, dates)
    return out


def _extreme_numbers(columns: list[Any], most: bool, compiled: bool) -> Value:
    """Numbers, dates, durations. NaN comes after all numbers, so it is the greatest."""
    parts = [(numbers_of(c), is_valid(c)) for c in columns]
    kind = columns[0].type
    if len({v.dtype for v, _ in parts}) > 1:
        parts, kind = [(v.astype(np.float64), ok) for v, ok in parts], pa.float64()
    out, valid = parts[0]
    for values, there in parts[1:]:
        with np.errstate(invalid="ignore"):
            beats = (values > out) | (values != values) if most else (values < out) | (out != out)
        out = choose.numbers(there & (beats | ~valid), values, out, compiled)
        valid = valid | there
    return array_from(out, ~valid, kind)


def _extreme_by_order(columns: list[Any], most: bool, compiled: bool) -> Value:
    """Booleans (false before true) and addresses, which Arrow does not order: as fixed text of their bytes."""
    if pa.types.is_boolean(columns[0].type):
        numbers = [call("cast", c, pa.int64()) for c in columns]
        return call("cast", _extreme_numbers(numbers, most, compiled), pa.bool_())
    keys = [call("cast", c, pa.binary()) for c in columns]
    made = call("max_element_wise" if most else "min_element_wise", *keys, skip_nulls=True)
    return call("cast", made, columns[0].type)


_extreme("max", "The greatest value, nulls skipped; NaN is greater than all numbers.",
         [("max(1, 3, 2)", "3"), ("max(1, null)", "1"), ('max("a", "b")', '"b"')])  # fmt: skip
_extreme("min", "The least value, nulls skipped.", [("min(1.5, 3)", "1.5"), ("min(null, null)", "null")])
