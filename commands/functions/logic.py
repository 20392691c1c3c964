"""`and or not`: truthiness, null as false, and a branch that is not taken counts nothing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...engine.arrow import array_from, call, nulls
from ...engine.exprs import Eval, Value, truth
from ...planner.expr import Expr
from ...planner.types import BOOL
from ..base import MANY, CallBinder, Type, function

GROUP = "Operators"


def _chain(ev: Eval, args: tuple[Expr, ...], *, wanted: bool) -> Value:
    """`wanted` True: and. Rows already decided take no part in what comes after."""
    open_rows: Any = None  # None: all
    for arg in args:
        found = truth(ev.run(arg, open_rows), ev.n)
        if not wanted:
            found = ~found
        open_rows = found if open_rows is None else open_rows & found
        if not open_rows.any():
            break
    return array_from(open_rows if wanted else ~open_rows)


@function("and", args=("any",), least=2, most=MANY, returns=BOOL, special=True, operator=True, group=GROUP,
          syntax="A and B", summary="True where both hold; null counts as false, any other value that is no bool as true.",
          examples=[("1 == 1 and 2 > 1", "true"), ("true and null", "false"), ("0 and true", "true")])  # fmt: skip
def and_(ev: Eval, *args: Expr) -> Value:
    return _chain(ev, args, wanted=True)


@function("or", args=("any",), least=2, most=MANY, returns=BOOL, special=True, operator=True, group=GROUP,
          syntax="A or B", summary="True where one holds; null counts as false, any other value that is no bool as true.",
          examples=[("1 == 2 or 2 > 1", "true"), ("null or false", "false")])  # fmt: skip
def or_(ev: Eval, *args: Expr) -> Value:
    return _chain(ev, args, wanted=False)


def _bind_not(call: CallBinder) -> Type:
    call.data = call.types[0].kind == "bool"
    return BOOL


@function("not", args=("any",), returns=_bind_not, operator=True, group=GROUP, syntax="not A, not(A)",
          summary="True for false, false for true; null for null and for what is no boolean.",
          examples=[("not(1 == 2)", "true"), ("not true", "false"), ("not(null)", "null"), ("not(5)", "null")])  # fmt: skip
def not_(ev: Eval, value: Value) -> Value:
    return call("invert", ev.array(value)) if ev.data else nulls(ev.n, pa.bool_())
