"""`if case nvl coalesce nullif`: branches that are not taken count no rejects; `isnull` and its kin are never null."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...engine.arrow import array_from, coded, concat, is_valid, list_sizes, no_value, nulls, numbers_of, offsets_of
from ...engine.arrow import call as compute
from ...engine.batch import Spans
from ...engine.choose import either, is_words
from ...engine.exprs import Eval, Value, plain, spread, truth
from ...engine.values import BEYOND_NS, unify
from ...planner.expr import Expr
from ...planner.types import BOOL, Type, join
from ..base import MANY, CallBinder, function

GROUP = "Reference, type, condition"
Mask = NDArray[np.bool_]


def joined(call: CallBinder, places: list[int]) -> Type:
    """The type that holds the results of these arguments; the kernel needs it."""
    call.data = result = join(call.type_of(i) for i in places)
    return result


def branch(ev: Eval, expr: Expr, active: Mask | None, result: Type) -> Any:
    """One branch as a scalar or plain column of the result's type."""
    value = ev.run(expr, active)

    def refuse(beyond: Mask) -> None:
        ev.reject("overflow", beyond if active is None else beyond & active, value, BEYOND_NS)

    if isinstance(value, pa.Scalar):
        return unify(plain(value, 1), expr.type, result, ev.zone, lambda _: refuse(np.ones(ev.n, np.bool_)))[0]
    return unify(plain(value, ev.n), expr.type, result, ev.zone, refuse)


def choose(ev: Eval, conditions: list[Mask], branches: list[Any], result: Type) -> Value:
    """Row by row the branch of the one condition that holds; null where none does."""
    if not branches:
        return nulls(ev.n, result.arrow)
    if result.kind == "null":
        return nulls(ev.n, pa.null())
    if len(branches) == 1:
        return either(conditions[0], branches[0], no_value(result.arrow), ev.compiled)
    if all(isinstance(b, pa.Scalar) for b in branches) and pa.types.is_string(result.arrow):
        return _named(conditions, branches)
    out: Any = no_value(result.arrow)
    if bool(np.logical_or.reduce(conditions).all()):
        conditions, branches, out = conditions[:-1], branches[:-1], branches[-1]
    if len(conditions) > 1 and not is_words(result.arrow):
        return compute("case_when", compute("make_struct", *map(array_from, conditions)), *branches, out)
    for taken, value in zip(conditions, branches, strict=True):
        out = either(taken, value, out, ev.compiled)
    return cast(Value, out)


def _named(conditions: list[Mask], names: list[Any]) -> Value:
    """Constant texts as codes: the number of the one condition that holds."""
    codes, known = np.zeros(len(conditions[0]), np.int32), []
    for taken, name in zip(conditions, names, strict=True):
        if name.is_valid:
            known.append(name)
            codes += taken * np.int32(len(known))
    if not known:
        return nulls(len(codes), names[0].type)
    missing = codes == 0
    return coded(array_from(np.maximum(codes - 1, 0), missing), concat([spread(name, 1) for name in known]))


def decide(ev: Eval, tests: list[Expr | None], values: list[Expr], result: Type) -> Value:
    """The first test that holds decides (None: always). What comes after sees the rows left over only."""
    left = np.ones(ev.n, np.bool_)
    conditions: list[Mask] = []
    branches: list[Any] = []
    for test, value in zip(tests, values, strict=True):
        taken = left if test is None else left & truth(ev.run(test, left), ev.n)
        left = left & ~taken
        if taken.any():
            conditions.append(taken)
            branches.append(branch(ev, value, taken, result))
    return choose(ev, conditions, branches, result)


@function("if", args=("any",), least=3, most=3, returns=lambda call: joined(call, [1, 2]), special=True, group=GROUP,
          syntax="if(C, A, B)", summary="A where C holds, else B; null counts as false. The branch not taken counts no rejects.",
          examples=[('if(1 > 0, "a", "b")', '"a"'), ("if(null, 1, 2)", "2"), ("if(0, 1, 2.5)", "1.0")])  # fmt: skip
def if_(ev: Eval, test: Expr, yes: Expr, no: Expr) -> Value:
    return decide(ev, [test, None], [yes, no], ev.data)


def _bind_case(call: CallBinder) -> Type:
    n = len(call.args)
    return joined(call, [*range(1, n, 2), *([n - 1] if n % 2 else [])])


@function("case", args=("any",), least=2, most=MANY, returns=_bind_case, special=True, group=GROUP,
          syntax="case(C1, V1, ..., [DEFAULT])",
          summary="The value behind the first condition that holds, else the default, else null.",
          examples=[('case(1 > 2, "a", 2 > 1, "b", "c")', '"b"'), ("case(false, 1)", "null"), ("case(false, 1, 2)", "2")])  # fmt: skip
def case(ev: Eval, *args: Expr) -> Value:
    tests: list[Expr | None] = list(args[0 : len(args) - 1 : 2])
    values = list(args[1::2])
    if len(args) % 2:
        tests, values = [*tests, None], [*values, args[-1]]
    return decide(ev, tests, values, ev.data)


def _bind_all(call: CallBinder) -> Type:
    return joined(call, list(range(len(call.args))))


def first_of(ev: Eval, args: tuple[Expr, ...]) -> Value:
    """The first value that is not null; an argument is computed for the rows that still lack one."""
    result: Type = ev.data
    left = np.ones(ev.n, np.bool_)
    conditions: list[Mask] = []
    branches: list[Any] = []
    for arg in args:
        value = branch(ev, arg, left, result)
        has = np.full(ev.n, value.is_valid) if isinstance(value, pa.Scalar) else is_valid(value)
        taken = left & has
        if taken.any():
            conditions.append(taken)
            branches.append(value)
        left = left & ~has
        if not left.any():
            break
    return choose(ev, conditions, branches, result)


@function("coalesce", args=("any",), least=1, most=MANY, returns=_bind_all, special=True, group=GROUP,
          syntax="coalesce(E, ...)", summary="The first value that is not null.",
          examples=[("coalesce(null, 2, 3)", "2"), ("coalesce(null, null)", "null")])  # fmt: skip
def coalesce(ev: Eval, *args: Expr) -> Value:
    return first_of(ev, args)


@function("nvl", args=("any", "any"), returns=_bind_all, special=True, group=GROUP, syntax="nvl(E, D)",
          summary="E, or D where E is null.", examples=[('nvl(null, "none")', '"none"'), ("nvl(1, 2)", "1")])  # fmt: skip
def nvl(ev: Eval, value: Expr, default: Expr) -> Value:
    return first_of(ev, (value, default))


def _never_null(
    name: str, summary: str, examples: list[tuple[str, str]], test: Any, args: tuple[str, ...] = ("any",)
) -> None:
    def bind(call: CallBinder) -> Type:
        call.data = call.types[0]
        return BOOL

    @function(
        name, args=args, returns=bind, spans=(0,), group=GROUP, syntax=f"{name}(E)", summary=summary, examples=examples
    )
    def run(ev: Eval, value: Value) -> Value:
        return array_from(test(ev.data, value if isinstance(value, Spans) else ev.array(value)))


def _is_there(column: pa.Array[Any] | Spans) -> Mask:
    return column.length >= 0 if isinstance(column, Spans) else is_valid(column)


def _is_null(type_: Type, column: pa.Array[Any] | Spans) -> Mask:
    return ~_is_there(column)


def _is_not_null(type_: Type, column: pa.Array[Any] | Spans) -> Mask:
    return _is_there(column)


def _of_kind(*kinds: str) -> Any:
    def test(type_: Type, column: pa.Array[Any] | Spans) -> Mask:
        return _is_there(column) if type_.kind in kinds else np.zeros(len(column), np.bool_)

    return test


def _is_empty(type_: Type, array: pa.Array[Any] | Spans) -> Mask:
    if isinstance(array, Spans):
        return array.length <= 0
    missing = ~is_valid(array)
    if type_.kind in ("string", "any", "binary"):
        return np.asarray(missing | (np.diff(offsets_of(array)) == 0))
    if type_.kind == "array":
        return np.asarray(missing | (list_sizes(array) == 0))
    return missing


def _is_nan(type_: Type, array: pa.Array[Any]) -> Mask:
    return is_valid(array) & np.isnan(numbers_of(array)) if type_.kind == "double" else np.zeros(len(array), np.bool_)


_never_null(
    "isnull", "Whether the value is null; never null.", [("isnull(null)", "true"), ('isnull("")', "false")], _is_null
)
_never_null(
    "isnotnull",
    "Whether there is a value; never null.",
    [("isnotnull(0)", "true"), ("isnotnull(null)", "false")],
    _is_not_null,
)
_never_null(
    "isnum",
    "Whether the value is a number; never null.",
    [("isnum(1.5)", "true"), ('isnum("1")', "false")],
    _of_kind("long", "double", "decimal"),
)
_never_null(
    "isstr",
    "Whether the value is text; never null.",
    [('isstr("1")', "true"), ("isstr(1)", "false")],
    _of_kind("string", "any"),
)
_never_null(
    "isempty",
    'Whether the value is null, "" or an array without elements; never null.',
    [('isempty("")', "true"), ("isempty(0)", "false")],
    _is_empty,
)
_never_null(
    "isnan",
    "Whether the value is a NaN; never null.",
    [('isnan(double("nan"))', "true"), ("isnan(null)", "false")],
    _is_nan,
)
