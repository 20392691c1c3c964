"""`== != < <= > >=`, `in`, `same`, `between`, `like`: typed and exact, but for a string literal on the right of `==`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engine import compare, numbertext
from ...engine.arrow import array_from, bools_of, is_valid, no_value, nulls, numbers_of
from ...engine.arrow import call as compute
from ...engine.casting import to_double
from ...engine.choose import either
from ...engine.exprs import NULLS_SKIPPED, Eval, Value, plain
from ...engine.textmatch import match_pattern, pieces_of
from ...engine.values import texts_from, to_text
from ...planner import expr as e
from ...planner.records import dataclass
from ...planner.types import BOOL, DATE, DOUBLE, DURATION, IP, LONG, STRING, Type, scalar
from ..base import MANY, CallBinder, function

GROUP = "Operators"
CONDITIONS = "Reference, type, condition"
Mask = NDArray[np.bool_]
TEXTS = ("string", "any")
EXACT_WHOLE = 1 << 53  # whole numbers up to it are doubles
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
HINTS = {
    "date": "date(x) reads text as a date",
    "ip": "ip(x) reads text as an address",
    "bool": "bool(x) reads it as a boolean",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """How two operands are compared. `way`: null, direct, typed, text, left_parsed, right_parsed, pattern, never."""

    way: str
    left: Type
    right: Type
    pieces: tuple[str, ...] = ()


# bind


def plan_equal(call: CallBinder, right: int = 1) -> Plan:
    """`==` of argument 0 and argument `right`: a string literal there is a wildcard pattern. May change the arguments."""
    literal = call.args[right]
    if not isinstance(literal, e.Literal) or literal.pattern is None:
        return plan_typed(call, "==", 0, right)
    pieces, left = literal.pattern.pieces(), call.type_of(0)
    if left.kind == "null":
        return Plan("null", left, STRING)
    if len(pieces) == 1 and left.kind in ("date", "ip", "duration"):
        return plan_typed(call, "==", 0, right)
    if len(pieces) == 1 and left.kind == "long" and _is_canonical(pieces[0]):
        _replace(call, right, e.Literal(type=LONG, value=int(pieces[0]), span=literal.span))
        return Plan("direct", left, LONG)
    return Plan("pattern", left, STRING, pieces)


def _is_canonical(text: str) -> bool:
    """Whether the text is how a long is written, so that comparing numbers is comparing text."""
    value = numbertext.constant(text)
    return isinstance(value, int) and str(value) == text


def _replace(call: CallBinder, i: int, arg: e.Expr) -> None:
    call.args = [arg if j == i else a for j, a in enumerate(call.args)]


def plan_typed(call: CallBinder, op: str, i: int, j: int) -> Plan:
    """Exact comparison of two arguments; constant text beside a number, date or address is read here."""
    for one, other in ((i, j), (j, i)):
        read_constant(call, one, call.type_of(other))
        _widen_constant(call, one, call.type_of(other))
    left, right = call.type_of(i), call.type_of(j)
    kinds = {left.kind, right.kind}
    if "null" in kinds:
        return Plan("null", left, right)
    if compare.comparable(left, right) and ("map" not in kinds or op in ("==", "!=")):
        return Plan("direct" if compare.is_direct(left, right) else "typed", left, right)
    if left.kind in TEXTS and right.is_number:
        return _parsed(call, "left_parsed", i, left, right)
    if right.kind in TEXTS and left.is_number:
        return _parsed(call, "right_parsed", j, left, right)
    if "any" in kinds or kinds == {"other"} or kinds == {"other", "string"}:
        return Plan("text", left, right)
    hint = "" if "map" in kinds else next((h for k, h in HINTS.items() if k in kinds), "")
    call.fail("E330", f"{_said(left)} and {_said(right)} cannot be compared", j, hint=hint)


def _said(type_: Type) -> str:
    return "calendar length" if type_.kind == "months" else type_.kind


def _parsed(call: CallBinder, way: str, text: int, left: Type, right: Type) -> Plan:
    if call.type_of(text).kind == "string":
        call.warn(
            "W320",
            "text is compared with a number: each value is read as one",
            text,
            hint="long(x) or double(x) says so",
        )
    return Plan(way, left, right)


def read_constant(call: CallBinder, i: int, other: Type) -> None:
    """Argument i, where it is constant text, as a value of the other's kind. E307 for text that is none."""
    arg = call.args[i]
    if not isinstance(arg, e.Literal) or not isinstance(arg.value, str) or arg.type.kind != "string":
        return
    text = arg.value
    if other.is_number:
        number = numbertext.constant(text)
        if number is not None:
            _replace(call, i, e.Literal(type=LONG if isinstance(number, int) else DOUBLE, value=number, span=arg.span))
    elif other.kind == "date":
        _replace(call, i, e.Literal(type=DATE, value=_time(call, i, text), span=arg.span))
    elif other.kind == "ip":
        from ...engine.ip import pack

        packed = pack(text)
        if packed is None:
            call.fail("E307", f"'{text}' is no address", i)
        _replace(call, i, e.Literal(type=IP, value=packed, span=arg.span))
    elif other.kind == "duration":
        _replace(call, i, e.Literal(type=DURATION, value=_length(call, i, text), span=arg.span))


def _widen_constant(call: CallBinder, i: int, other: Type) -> None:
    """A whole number beside doubles that is itself a double becomes one: no exactness is lost."""
    arg = call.args[i]
    if other.kind != "double" or not isinstance(arg, e.Literal) or arg.type.kind != "long":
        return
    if isinstance(arg.value, int) and abs(arg.value) <= EXACT_WHOLE:
        _replace(call, i, e.Literal(type=DOUBLE, value=float(arg.value), span=arg.span))


def _time(call: CallBinder, i: int, text: str) -> int:
    from ...engine.dateparse import parse_time_literal

    us = parse_time_literal(text, call.zone)
    if us is None:
        call.fail(
            "E307",
            f"'{text}' is no time",
            i,
            hint="write it as 20261101, 2026-11-01T10:00 or 2026-11-01T10:00:00+09:00",
        )
    return us


def _length(call: CallBinder, i: int, text: str) -> int:
    from ...planner.option_values import Unfit, parse_duration

    try:
        length = parse_duration(text)
    except Unfit:
        length = None
    if length is None or length.months:
        call.fail("E307", f"'{text}' is no duration of fixed length", i, hint="such as 90s, 5m or 1h30m")
    return length.ns // 1000


# run


def equal(ev: Eval, plan: Plan, left: Value, right: Value) -> tuple[Mask, Mask]:
    """Where they are equal, and where neither is null (or unreadable)."""
    if plan.way == "null":
        return np.zeros(ev.n, np.bool_), np.zeros(ev.n, np.bool_)
    if plan.way == "pattern":
        text = left if plan.left.kind in TEXTS else to_text(ev.array(left), plan.left, ev.zone)
        return match_pattern(ev, text, plan.pieces), valid(left, ev.n)
    both = valid(left, ev.n) & valid(right, ev.n)
    if plan.way == "direct":
        return _spread(compute("equal", _plain(left), _plain(right)), ev.n), both
    order, known = ordered(ev, plan, left, right)
    return order[1] & known, both & known


def ordered(ev: Eval, plan: Plan, left: Value, right: Value) -> tuple[compare.Order, Mask]:
    """Order of each row, and where it is known."""
    a, b = ev.array(left), ev.array(right)
    if plan.way == "left_parsed":
        return _with_text(ev, a, b, plan.right)
    if plan.way == "right_parsed":
        (less, same_), known = _with_text(ev, b, a, plan.left)
        return (~(less | same_), same_), known
    left_type, right_type = plan.left, plan.right
    if plan.way == "text":
        a, b = to_text(a, left_type, ev.zone), to_text(b, right_type, ev.zone)
        left_type = right_type = STRING
    return compare.of_columns(a, left_type, b, right_type), is_valid(a) & is_valid(b)


def _with_text(ev: Eval, text: pa.Array[Any], number: pa.Array[Any], type_: Type) -> tuple[compare.Order, Mask]:
    """Whole numbers in text are compared as longs, so that none loses digits; text that is no number is counted."""
    if type_.kind == "decimal":
        number = to_double(number, type_, lambda *_: None)
    whole, double = numbertext.whole_and_double(text)
    known, other = is_valid(double), is_valid(number)
    ev.reject("number", is_valid(text) & ~known & other, text)
    less, same_ = compare.of_numbers(numbers_of(double), numbers_of(number))
    if whole.null_count < len(whole):
        exact = is_valid(whole)
        by_whole = compare.of_numbers(numbers_of(whole), numbers_of(number))
        less, same_ = np.where(exact, by_whole[0], less), np.where(exact, by_whole[1], same_)
    return (less, same_), known & other


def valid(value: Value, n: int) -> Mask:
    if isinstance(value, pa.Scalar):
        return np.full(n, value.is_valid)
    return value.length >= 0 if not isinstance(value, pa.Array) else is_valid(value)


def _spread(found: Any, n: int) -> Mask:
    """Arrow's answer as NumPy, null as False; a scalar stands for all rows."""
    return np.full(n, found.as_py() is True) if isinstance(found, pa.Scalar) else bools_of(found)


def _plain(value: Value) -> Any:
    return value if isinstance(value, pa.Scalar) else plain(value, 0)


def _bind_equal(call: CallBinder) -> Type:
    call.data = plan_equal(call)
    return BOOL


@function("==", args=("any", "any"), returns=_bind_equal, spans=(0,), operator=True, group=GROUP, syntax="A == B",
          summary="Equal; false if a side is null. A string literal on the right is a pattern: `*` is any text, `\\*` a star.",
          examples=[('"200" == "2*"', "true"), ("1 == 1.0", "true"), ("null == null", "false"), ('"a*" == "a\\*"', "true")])  # fmt: skip
def eq(ev: Eval, left: Value, right: Value) -> Value:
    if ev.data.way == "direct":
        found = compute("equal", _plain(left), _plain(right))
        if isinstance(found, pa.Array) and not found.null_count:  # as it is: no look at which rows are null
            return found
        return array_from(_spread(found, ev.n))
    return array_from(equal(ev, ev.data, left, right)[0])


@function("!=", args=("any", "any"), returns=_bind_equal, spans=(0,), operator=True, group=GROUP, syntax="A != B",
          summary="Not equal; false if a side is null (rows skipped for that are noted). Patterns as with ==.",
          examples=[('"200" != "2*"', "false"), ("1 != 2", "true"), ('null != "a"', "false")])  # fmt: skip
def ne(ev: Eval, left: Value, right: Value) -> Value:
    same_, known = equal(ev, ev.data, left, right)
    missing = ~(valid(left, ev.n) & valid(right, ev.n))
    ev.reject(NULLS_SKIPPED, missing, left)
    return array_from(known & ~same_)


def _order_operator(op: str, summary: str, examples: list[tuple[str, str]]) -> None:
    def bind(call: CallBinder) -> Type:
        call.data = plan_typed(call, op, 0, 1)
        return BOOL

    @function(op, args=("any", "any"), returns=bind, operator=True, group=GROUP, syntax=f"A {op} B", summary=summary,
              examples=examples)  # fmt: skip
    def run(ev: Eval, left: Value, right: Value) -> Value:
        return relation(ev, op, ev.data, left, right)


def relation(ev: Eval, op: str, plan: Plan, left: Value, right: Value) -> Value:
    """`<` and its kin: null where a side is."""
    if plan.way == "null":
        return nulls(ev.n, pa.bool_())
    if plan.way == "direct":
        return compute(compare.OPS[op], _plain(left), _plain(right))
    if plan.left.kind == plan.right.kind == "double":
        return _of_doubles(ev, op, left, right)
    order, known = ordered(ev, plan, left, right)
    return array_from(compare.holds(op, order), ~known)


def _of_doubles(ev: Eval, op: str, left: Value, right: Value) -> Value:
    """A constant beside a column stays a single number."""
    if isinstance(left, pa.Scalar) and isinstance(right, pa.Scalar):
        left = ev.array(left)
    known: Mask = np.ones(1, np.bool_)
    sides: list[Any] = []
    for value in (left, right):
        if isinstance(value, pa.Scalar) and value.is_valid:
            sides.append(np.float64(value.as_py()))
            continue
        numbers, there = ev.numbers(value)
        sides.append(numbers)
        known = known & there
    return array_from(compare.double_holds(op, *sides), ~known)


_order_operator(
    "<", "Less; null if a side is null.", [("1 < 2.5", "true"), ('"a" < "b"', "true"), ("null < 1", "null")]
)
_order_operator("<=", "Less or equal; null if a side is null.", [("2 <= 2.0", "true"), ('"b" <= "a"', "false")])
_order_operator(">", "Greater; null if a side is null.", [("2h > 90m", "true"), ("1 > null", "null")])
_order_operator(">=", "Greater or equal; null if a side is null.", [("2 >= 3", "false"), ('"b" >= "a"', "true")])


# in, same, between, like


@dataclass(frozen=True, slots=True)
class Members:
    """`in`: constants that one look-up answers, and the places of the values that are compared one by one."""

    texts: tuple[str, ...]
    longs: tuple[int, ...]
    rest: tuple[tuple[int, Plan, e.Literal | None], ...]  # with E as this comparison reads it, if not as it stands


def _bind_in(call: CallBinder) -> Type:
    texts: list[str] = []
    longs: list[int] = []
    rest: list[tuple[int, Plan, e.Literal | None]] = []
    given = call.args[0]
    for i in range(1, len(call.args)):
        plan = plan_equal(call, i)
        read = call.args[0]
        _replace(call, 0, given)
        if read is not given:
            assert isinstance(read, e.Literal)
            rest.append((i - 1, plan, read))
        elif plan.way == "pattern" and len(plan.pieces) == 1 and plan.left.kind in TEXTS:
            texts.append(plan.pieces[0])
        elif plan.way == "direct" and plan.left.kind == "long" and call.is_constant(i):
            longs.append(call.constant(i))
        else:
            rest.append((i - 1, plan, None))
    call.data = Members(tuple(texts), tuple(longs), tuple(rest))
    return BOOL


@function("in", args=("any",), least=2, most=MANY, returns=_bind_in, spans=(0,), operator=True, group=CONDITIONS,
          syntax="E in (V, ...), in(E, V, ...)",
          summary="Whether E equals one of the values; string literals are patterns. False if E is null.",
          examples=[('"b" in ("a", "b*")', "true"), ("in(2.0, 1, 2)", "true"), ("in(null, 1)", "false")])  # fmt: skip
def in_(ev: Eval, left: Value, *values: Value) -> Value:
    members: Members = ev.data
    found = np.zeros(ev.n, np.bool_)
    if members.texts:
        found |= _spread(compute("is_in", _plain(left), value_set=texts_from(members.texts)), ev.n)
    if members.longs:
        wanted = array_from(np.array(members.longs, np.int64))
        found |= _spread(compute("is_in", _plain(left), value_set=wanted), ev.n)
    active = ev.active
    told = np.zeros(ev.n, np.bool_)  # rows whose text E is no number: counted once, not for each value
    for i, plan, read in members.rest:
        asked = ~(found | told) if plan.way == "left_parsed" else ~found  # a row that was found is asked no more
        ev.active = asked if active is None else active & asked
        same_, known = equal(ev, plan, left if read is None else scalar(read.value, read.type), values[i])
        found |= same_
        if plan.way == "left_parsed":
            told |= ~known & valid(values[i], ev.n)
    ev.active = active
    return array_from(found)


def _bind_same(call: CallBinder) -> Type:
    call.data = plan_typed(call, "==", 0, 1)
    return BOOL


@function("same", args=("any", "any"), returns=_bind_same, group=CONDITIONS, syntax="same(A, B)",
          summary="Null-safe exact equality, never null and never a pattern.",
          examples=[("same(null, null)", "true"), ('same("ab", "a*")', "false"), ("same(1, null)", "false")])  # fmt: skip
def same(ev: Eval, left: Value, right: Value) -> Value:
    found, _ = equal(ev, ev.data, left, right)
    return array_from(found | (~valid(left, ev.n) & ~valid(right, ev.n)))


def _bind_nullif(call: CallBinder) -> Type:
    call.data = plan_typed(call, "==", 0, 1)
    return call.types[0]


@function("nullif", args=("any", "any"), returns=_bind_nullif, group=CONDITIONS, syntax="nullif(A, B)",
          summary="Null where A equals B (exactly, no pattern), else A.",
          examples=[("nullif(0, 0)", "null"), ('nullif("-", "*")', '"-"'), ("nullif(1, null)", "1")])  # fmt: skip
def nullif(ev: Eval, left: Value, right: Value) -> Value:
    found, _ = equal(ev, ev.data, left, right)
    array = ev.array(left)
    return either(~found, array, no_value(array.type), ev.compiled)


def _bind_between(call: CallBinder) -> Type:
    call.data = (plan_typed(call, ">=", 0, 1), plan_typed(call, "<=", 0, 2))
    return BOOL


@function("between", args=("any", "any", "any"), returns=_bind_between, group=CONDITIONS, syntax="between(E, LO, HI)",
          summary="Whether LO <= E <= HI; null where the nulls leave it open.",
          examples=[("between(2, 1, 3)", "true"), ("between(1, 1, 3)", "true"), ("between(null, 1, 3)", "null")])  # fmt: skip
def between(ev: Eval, value: Value, low: Value, high: Value) -> Value:
    above, below = ev.data
    enough = ev.array(relation(ev, ">=", above, value, low))
    active = ev.active
    if above.way == below.way == "left_parsed":  # text E that is no number was counted beside LO
        told = valid(low, ev.n) & ~is_valid(enough)
        ev.active = ~told if active is None else active & ~told
    little = relation(ev, "<=", below, value, high)
    ev.active = active
    return compute("and_kleene", enough, little)


def _bind_like(call: CallBinder) -> Type:
    pattern = call.args[1]
    if isinstance(pattern, e.Literal) and isinstance(pattern.value, str):
        call.data = pattern.pattern.pieces() if pattern.pattern is not None else pieces_of(pattern.value)
    return BOOL


@function("like", args=("text", "text"), returns=_bind_like, spans=(0,), group=CONDITIONS, syntax="like(E, PATTERN)",
          summary="Whether the whole text matches a pattern, which may be computed: `*` is any text, `\\*` a star. Null: false.",
          examples=[('like("index.html", concat("*", ".html"))', "true"), ('like("a", "b*")', "false"), ('like(null, "*")', "false")])  # fmt: skip
def like(ev: Eval, value: Value, pattern: Value) -> Value:
    if ev.data is not None:
        return array_from(match_pattern(ev, value, ev.data))
    found = np.zeros(ev.n, np.bool_)
    text = ev.array(value)
    coded: Any = compute("dictionary_encode", ev.array(pattern))
    codes = np.asarray(compute("fill_null", coded.indices, -1))
    for code, wild in enumerate(coded.dictionary.to_pylist()):
        rows = np.flatnonzero(codes == code)
        found[rows] = match_pattern(ev, text.take(array_from(rows)), pieces_of(wild))
    return array_from(found)
