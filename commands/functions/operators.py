"""`+ - * /` and unary minus: numbers, text read as numbers, dates, durations, calendar lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engine import arithmetic, decimals, numbertext
from ...engine.arrow import array_from, is_valid, nulls, numbers_of
from ...engine.arrow import call as call_
from ...engine.exprs import Eval, Value, plain
from ...planner import expr as e
from ...planner.records import dataclass
from ...planner.types import ANY, DATE, DATE_NS, DOUBLE, DURATION, LONG, MONTHS, NULL, Type
from ..base import NUMBER, REGISTRY, CallBinder, converted, function

GROUP = "Operators"
NUMBERS = ("long", "double")
MOST_MONTHS = 12 * 300_000  # as far as 64 bits of microseconds reach
HINTS = {
    "bool": "long(x) makes 1 and 0 of it", "string": "date(x) reads text as a date", "ip": "long(x) gives its number",
}  # fmt: skip
MOVES = {("date", "+", "duration"), ("duration", "+", "date"), ("date", "-", "duration")}
CALENDAR = {("date", "+", "months"), ("months", "+", "date"), ("date", "-", "months")}


@dataclass(frozen=True, slots=True)
class Plan:
    """How one call computes: which way, the operands' types, the result's."""

    way: str
    left: Type
    right: Type
    result: Type


def _bind(op: str, call: CallBinder) -> Type:
    call.args = [_number(a, _meets_time(call.types[1 - i])) for i, a in enumerate(call.args)]
    if {"duration", "decimal"} == {t.kind for t in call.types}:
        call.args = [a if a.type.kind == "duration" else converted(call, a, NUMBER) for a in call.args]
    left, right = call.types
    call.data = plan = _plan(op, left, right)
    if plan is None and {left.kind, right.kind} <= {"long", "decimal"}:
        call.fail("E330", f"the product would have more than {decimals.MOST_DIGITS} digits behind the point",
                  hint="decimal(x, SCALE) with a smaller SCALE, or double(x)")  # fmt: skip
    if plan is None:
        odd = next((t for t in (left, right) if t.kind in HINTS), None)
        call.fail("E330", f"{_said(left)} {op} {_said(right)} means nothing", hint=HINTS[odd.kind] if odd else "")
    return plan.result


def _said(type_: Type) -> str:
    return "calendar length" if type_.kind == "months" else type_.kind


def _meets_time(other: Type) -> bool:
    return other.kind in ("date", "duration", "months")


def _number(arg: e.Expr, meets_time: bool) -> e.Expr:
    """Text is read as a number, a constant at once; beside a time an unknown type stays as it is."""
    if isinstance(arg, e.Literal) and isinstance(arg.value, str):
        value = numbertext.constant(arg.value)
        if value is not None:
            return e.Literal(type=LONG if isinstance(value, int) else DOUBLE, value=value, span=arg.span)
    if arg.type.kind == "string" or (arg.type.kind == "any" and not meets_time):
        return e.Call(type=DOUBLE, function=REGISTRY.functions["@parsed"], args=(arg,), data=arg.type, span=arg.span)
    return arg


def _plan(op: str, left: Type, right: Type) -> Plan | None:
    """None: the types do not go together."""
    a, b = left.kind, right.kind
    kinds = {a, b}
    if "null" in kinds:
        other = right if a == "null" else left
        return Plan("null", left, right, _null_result(op, other))
    if "any" in kinds:
        return Plan("null", left, right, ANY)
    if kinds <= {"long", "double"}:
        if op == "/":
            return Plan("divide", left, right, DOUBLE)
        return Plan("long", left, right, LONG) if kinds == {"long"} else Plan("double", left, right, DOUBLE)
    if "decimal" in kinds and kinds <= {"long", "double", "decimal"}:
        return _of_decimals(op, left, right)
    if (a, op, b) in MOVES:
        return Plan("move", left, right, DATE_NS if "ns" in (left.unit, right.unit) else DATE)
    if (a, op, b) in CALENDAR:
        return Plan("calendar", left, right, left if a == "date" else right)
    if a == b == "date" and op == "-":
        return Plan("between", left, right, DURATION)
    if a == b == "duration":
        return {"+": Plan("long", left, right, DURATION), "-": Plan("long", left, right, DURATION),
                "/": Plan("divide", left, right, DOUBLE)}.get(op)  # fmt: skip
    if a == b == "months" and op in "+-":
        return Plan("long", left, right, MONTHS)
    return _scaled(op, left, right)


def _of_decimals(op: str, left: Type, right: Type) -> Plan | None:
    """Exact but for a quotient and beside a double."""
    if op == "/" or "double" in (left.kind, right.kind):
        return Plan("near", left, right, DOUBLE)
    digits = [decimals.scale_of(t) for t in (left, right)]
    scale = sum(digits) if op == "*" else max(digits)
    return Plan("exact", left, right, decimals.of_scale(scale)) if scale <= decimals.MOST_DIGITS else None


def _scaled(op: str, left: Type, right: Type) -> Plan | None:
    """A length times or by a number; calendar lengths times whole numbers only."""
    a, b = left.kind, right.kind
    if op == "*" and "duration" in (a, b) and (a in NUMBERS or b in NUMBERS):
        return Plan("long" if "long" in (a, b) else "scale", left, right, DURATION)
    if op == "/" and a == "duration" and b in NUMBERS:
        return Plan("shorten", left, right, DURATION)
    if op == "*" and {a, b} == {"months", "long"}:
        return Plan("long", left, right, MONTHS)
    return None


def _null_result(op: str, other: Type) -> Type:
    if other.kind == "null":
        return LONG if op != "/" else DOUBLE
    if other.kind in (*NUMBERS, "decimal"):
        return DOUBLE if op == "/" else other if other.kind == "decimal" else Type(other.kind)
    return other if other.kind in ("date", "duration", "months") else NULL


def _operand(value: Value) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    array = plain(value, 1) if isinstance(value, pa.Scalar) else plain(value, 0)
    return numbers_of(array), is_valid(array)


def _compute(op: str, ev: Eval, left: Value, right: Value) -> Value:
    plan: Plan = ev.data
    if plan.way == "null":
        return nulls(ev.n, plan.result.arrow)
    if plan.way == "exact":
        return _exact(op, ev, plan, left, right)
    if plan.way == "near":
        left, right = (_near(v, t) for v, t in ((left, plan.left), (right, plan.right)))
    (a, a_valid), (b, b_valid) = _operand(left), _operand(right)
    valid = a_valid & b_valid
    if plan.way == "divide" or (plan.way == "near" and op == "/"):
        return _divide(ev, a, b, valid, left)
    if plan.way in ("double", "near"):
        out: Any = arithmetic.of_doubles(op, a, b)
        return array_from(_full(out, ev.n), _full(~valid, ev.n))
    if plan.way == "shorten":
        _div0(ev, valid & (b == 0), left)
        valid = valid & (b != 0)
    if plan.way == "calendar":
        out, beyond, shifted = _calendar(op, ev, plan, a, b)
        ev.reject("dst", _full(shifted & valid, ev.n), left)
    else:
        out, beyond = _ticks(op, plan, a, b)
    if plan.result.kind == "months":  # an interval has 32 bits of them
        beyond = beyond | (out != out.astype(np.int32))
    beyond = beyond & valid
    if beyond.any():
        ev.reject("overflow", _full(beyond, ev.n), left, "double(x)" if plan.result.kind == "long" else "")
        valid = valid & ~beyond
    return array_from(_full(out, ev.n), _full(~valid, ev.n), plan.result.arrow)


def _near(value: Value, kind: Type) -> Value:
    """A decimal as the nearest double."""
    if kind.kind != "decimal":
        return value
    return decimals.to_double(plain(value, 1))[0] if isinstance(value, pa.Scalar) else decimals.to_double(value)


def _exact(op: str, ev: Eval, plan: Plan, left: Value, right: Value) -> Value:
    wide, scale = decimals.compute(op, ev.array(left), plan.left, ev.array(right), plan.right)
    made, beyond = decimals.narrowed(wide, scale)
    ev.reject("overflow", beyond, left, "double(x), or decimal(x, SCALE) with fewer digits")
    return made


def _full(values: NDArray[Any], n: int) -> NDArray[Any]:
    return values if len(values) == n else np.broadcast_to(values, (n,))


def _ticks(op: str, plan: Plan, a: Any, b: Any) -> tuple[Any, Any]:
    """Whole numbers in the result's unit, and where 64 bits cannot hold them."""
    match plan.way:
        case "long":
            return arithmetic.INTEGER[op](a, b)
        case "scale":
            return arithmetic.rounded(arithmetic.of_doubles("*", a, b))
        case "shorten":
            return arithmetic.rounded(arithmetic.of_doubles("/", a, b))
        case "between":
            return _between(a, b, plan)
    (a, far_a), (b, far_b) = _in_unit(a, plan.left, plan.result), _in_unit(b, plan.right, plan.result)
    out, beyond = arithmetic.INTEGER[op](a, b)
    return out, beyond | far_a | far_b


def _in_unit(values: Any, type_: Type, result: Type) -> tuple[Any, Any]:
    """Ticks of a date or duration in the unit of the resulting date."""
    if result.unit == "ns" and type_.unit != "ns":
        return arithmetic.multiply(values, np.array([1000]))
    return values, np.zeros(1, np.bool_)


def _between(a: Any, b: Any, plan: Plan) -> tuple[Any, Any]:
    """Microseconds from b to a; nanoseconds are cut towards the past."""
    if plan.left.unit == plan.right.unit:
        out, beyond = arithmetic.subtract(a, b)
        return (out // 1000 if plan.left.unit == "ns" else out), beyond
    a, b = (v // 1000 if t.unit == "ns" else v for v, t in ((a, plan.left), (b, plan.right)))
    return arithmetic.subtract(a, b)


def _calendar(op: str, ev: Eval, plan: Plan, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Also: where the wall time does not exist or is ambiguous, so that another instant had to be taken."""
    from ...engine.calendar import add_months

    dates, months = (a, b) if plan.left.kind == "date" else (b, a)
    n = max(len(dates), len(months))
    dates, months = _full(dates, n), _full(months, n)
    ticks = 1_000_000_000 if plan.result.unit == "ns" else 1_000_000
    beyond = np.abs(months) > MOST_MONTHS
    signed = np.where(beyond, 0, -months if op == "-" else months)
    out, shifted = add_months(dates, signed, ev.zone, ticks)
    return out, beyond, shifted


def _div0(ev: Eval, zero: NDArray[np.bool_], shown: Value) -> None:
    if zero.any():
        ev.reject("div0", _full(zero, ev.n), shown)


def _divide(ev: Eval, a: Any, b: Any, valid: Any, left: Value) -> Value:
    zero = b == 0
    _div0(ev, valid & zero, left)
    out = arithmetic.of_doubles("/", a, b)
    return array_from(_full(out, ev.n), _full(~(valid & ~zero), ev.n))


def _operator(op: str, summary: str, examples: list[tuple[str, str]]) -> None:
    @function(op, args=("any", "any"), returns=lambda call: _bind(op, call), operator=True, group=GROUP,
              syntax=f"A {op} B", summary=summary, examples=examples)  # fmt: skip
    def compute(ev: Eval, left: Value, right: Value) -> Value:
        return _compute(op, ev, left, right)


_operator("+", "Sum; date + duration is a date. Text is read as a number, nothing is concatenated.",
          [("1 + 2", "3"), ('"1" + 2.5', "3.5"), ("30m + 30m", "1h"), ("null + 1", "null")])  # fmt: skip
_operator("-", "Difference; date - date is a duration, date - duration a date.",
          [("1 - 2", "-1"), ("1h - 15m", "45m"), ("2.5 - 1", "1.5")])  # fmt: skip
_operator("*", "Product; of a duration and a number, a duration.",
          [("6 * 7", "42"), ("15m * 4", "1h"), ("9223372036854775807 * 2", "null")])  # fmt: skip
_operator("/", "Quotient, always a double; by zero null, counted.",
          [("7 / 2", "3.5"), ("1 / 0", "null"), ("1h / 4", "15m"), ("1h / 15m", "4.0")])  # fmt: skip


def _bind_neg(call: CallBinder) -> Type:
    call.args = [_number(call.args[0], False)]
    kind = call.types[0]
    call.data = kind
    return (
        (Type(kind.kind) if kind.kind in NUMBERS else kind)
        if kind.kind in (*NUMBERS, "duration", "months", "decimal")
        else LONG
    )


@function("neg", args=("any",), returns=_bind_neg, operator=True, group=GROUP, syntax="-A",
          summary="The number or duration with its sign turned; text is read as a number.",
          examples=[("-(1 + 2)", "-3"), ('-"1.5"', "-1.5"), ("-(5m)", "-5m")])  # fmt: skip
def neg(ev: Eval, value: Value) -> Value:
    kind: Type = ev.data
    if kind.kind == "null":
        return nulls(ev.n, pa.int64())
    array = ev.array(value)
    valid = is_valid(array)
    if kind.kind == "double":
        return array_from(-numbers_of(array), ~valid)
    if kind.kind == "decimal":
        return decimals.narrowed(call_("negate", decimals.widened(array, kind)), decimals.scale_of(kind))[0]
    if kind.kind not in ("long", "duration", "months"):
        ev.reject("type", valid, value)
        return nulls(ev.n, pa.int64())
    out, beyond = arithmetic.negate(numbers_of(array))
    if kind.kind == "months":
        beyond = beyond | (out != out.astype(np.int32))
    ev.reject("overflow", beyond & valid, value, "double(x)" if kind.kind == "long" else "")
    return array_from(out, ~valid | beyond, kind.arrow if kind.kind == "duration" else pa.int64())
