"""`zip`, `numrange`, `foreach`: arrays made of others. The elements of all rows are one column, evaluated as one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...engine.arrow import array_from, is_valid, list_sizes, lists_from, nulls, offsets_of
from ...engine.batch import Column
from ...engine.exprs import Eval, Value, evaluate, plain
from ...engine.jsontext import woven
from ...engine.strings import Ints
from ...engine.values import unify
from ...planner import expr as e
from ...planner.records import dataclass
from ...planner.text import fault
from ...planner.types import DOUBLE, NULL, STRING, Schema, array_of, join
from ..base import ANY_ARG, LONG, MANY, NUMBER, CallBinder, Type, function

GROUP = "arrays and maps"
MANY_ITEMS = 10_000_000
MOST_ITEMS = 2**31 - 1  # of an Arrow list column


def nth_elements(lists: Any, row: Ints, nth: Ints) -> pa.Array[Any]:
    """For each pair of a row and a place the element there; null behind the end of the row's array."""
    sizes = list_sizes(lists)
    at = offsets_of(lists)[:-1][row] + nth
    return lists.values.take(array_from(at.astype(np.int64), nth >= sizes[row]))  # type: ignore[no-any-return]


def _places(sizes: Ints) -> tuple[Ints, Ints]:
    """Row and place in its row of each of `sizes` elements a row."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def guard_items(n: int) -> None:
    if n > MOST_ITEMS:
        raise fault("E701", f"arrays of {n:,} elements for one batch of rows; the most is {MOST_ITEMS:,}",
                    hint="make shorter arrays, or set option.batch_rows lower")  # fmt: skip


# zip


def _zip_type(call: CallBinder) -> Type:
    for i, kind in enumerate(call.types):
        if kind.kind not in ("array", "null"):
            call.fail("E330", f"zip takes arrays, not {kind}", at=i)
    if any(t.kind == "null" for t in call.types):
        call.data = None
        return NULL
    items = [t.item or NULL for t in call.types]
    item = join(items)
    kinds = dict.fromkeys(t.kind for t in items if t.kind != "null")
    if item.kind == "string" and len(kinds) > 1:
        call.mixed(f"an array of {', '.join(kinds)} becomes one of text")
    call.data = items, item
    return array_of(array_of(item))


@function(
    "zip", args=(ANY_ARG,), least=1, most=MANY, returns=_zip_type, group=GROUP,
    syntax="zip(A, B, ...)",
    summary="An array of arrays: the first elements of all, the second of all, ...; short ones are padded with null.",
    examples=[("string(zip(array(1, 2), array(3, 4)))", '"[[1,3],[2,4]]"'), ("string(zip(array(1, 2), array(3)))", '"[[1,3],[2,null]]"'), ("zip(array(1), null)", "null")],
)  # fmt: skip
def zip_(ev: Eval, *values: Value) -> Value:
    if ev.data is None:
        return nulls(ev.n, pa.null())
    items, item = ev.data
    arrays: list[Any] = [ev.array(v) for v in values]
    valid = np.logical_and.reduce([is_valid(a) for a in arrays])
    longest = np.where(valid, np.max([list_sizes(a) for a in arrays], axis=0), 0)
    guard_items(int(longest.sum()) * len(arrays))
    row, nth = _places(longest)
    columns = [unify(nth_elements(a, row, nth), t, item, ev.zone) for a, t in zip(arrays, items, strict=True)]
    inner = lists_from(np.full(len(row), len(arrays)), woven(columns, len(row)))
    return lists_from(longest, inner, valid)


# numrange


def _numrange_type(call: CallBinder) -> Type:
    step = call.constant(2)
    if isinstance(step, int | float) and (step == 0 or step != step):
        call.fail("E307", f"the step of numrange cannot be {step}", at=2)
    if all(call.is_constant(i) and isinstance(call.constant(i), int | float) for i in range(len(call.args))):
        low, high = call.constant(0), call.constant(1)
        n = (high - low) / (1 if step is None else step)
        if n > MANY_ITEMS:
            call.warn("W701", f"numrange makes about {n:,.0f} items a row", at=0)
    return array_of(LONG if all(t.kind == "long" for t in call.types) else DOUBLE)


@function(
    "numrange", args=(NUMBER,), least=2, most=3, returns=_numrange_type, group=GROUP,
    syntax="numrange(A, B[, STEP=1])",
    summary="The numbers A, A + STEP, ... before B (which is left out); empty when B lies the other way.",
    examples=[("numrange(0, 3)", "array(0, 1, 2)"), ("numrange(3, 0, -1)", "array(3, 2, 1)"), ("numrange(0, 1, 0.25)", "array(0.0, 0.25, 0.5, 0.75)"), ("len(numrange(3, 3))", "0")],
)  # fmt: skip
def numrange(ev: Eval, first: Value, stop: Value, step: Value | None = None) -> Value:
    (a, has_a), (b, has_b) = ev.numbers(first), ev.numbers(stop)
    by, has_by = (np.ones(ev.n, np.int64), np.ones(ev.n, np.bool_)) if step is None else ev.numbers(step)
    valid = has_a & has_b & has_by
    odd = valid & ((by == 0) | ~np.isfinite(a) | ~np.isfinite(b) | ~np.isfinite(by))
    ev.reject("domain", odd, first, "finite numbers, and a step that is not 0")
    valid = valid & ~odd
    a, b, by = np.where(valid, a, 0), np.where(valid, b, 0), np.where(valid, by, 1)
    whole = all(v.dtype == np.int64 for v in (a, b, by))
    sizes = _whole_counts(a, b, by) if whole else _counts(a, b, by)
    guard_items(int(sizes.astype(np.float64).sum()))
    sizes = sizes.astype(np.int64)
    row, nth = _places(sizes)
    items = a[row] + nth * by[row] if whole else a.astype(np.float64)[row] + _steps(nth, by.astype(np.float64)[row])
    return lists_from(sizes, array_from(items), valid)


def _steps(nth: Ints, by: Ints) -> Ints:
    """nth * by, as the numbers are written: `0.3` for the third step of 0.1."""
    parts = np.rint(1 / by)
    return np.where(
        (1 / np.where(parts == 0, 1, parts) == by) & (parts != 0), nth / np.where(parts == 0, 1, parts), nth * by
    )


def _whole_counts(a: Ints, b: Ints, by: Ints) -> Ints:
    """How many steps lie before b: (b - a) / by rounded up, in 64 bits without a sign."""
    up = by > 0
    ahead = np.where(up, b > a, b < a)
    with np.errstate(over="ignore"):
        far = np.where(up, b - a, a - b).view(np.uint64)
        size = np.where(up, by, -by).view(np.uint64)
    steps = (far - np.uint64(1)) // size + np.uint64(1)
    guard_items(int(steps[ahead].max(initial=0)))
    return np.where(ahead, steps, np.uint64(0))


def _counts(a: Ints, b: Ints, by: Ints) -> Ints:
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        steps = np.ceil((b.astype(np.float64) - a) / by)
    steps = np.where(steps > 0, steps, 0)
    guard_items(int(min(steps.max(initial=0), 2.0**62)))
    last = a + _steps(steps - 1, by.astype(np.float64))  # what rounding brought to b, or beyond, is no number before it
    return steps - ((steps > 0) & np.where(by > 0, last >= b, last <= b))


# foreach


@dataclass(frozen=True, slots=True)
class Body:
    """The expression and what it sees: the elements first, then the fields of the row that it uses."""

    expr: e.Expr
    schema: Schema
    n_elements: int
    kinds: tuple[Type, ...]


def element_of(kind: Type) -> Type:
    """What `_1` is for an argument: an array's elements, anything else as it stands."""
    return (kind.item or NULL) if kind.kind == "array" else kind


def _foreach_type(call: CallBinder) -> Type:
    body, *given = call.args
    kinds = tuple(a.type for a in given)
    if not any(k.kind in ("array", "null", "any") for k in kinds):
        call.fail("E330", f"foreach needs an array behind its expression, not {kinds[0]}", at=1)
    if e.is_volatile(body):
        call.fail("E307", "foreach's expression cannot draw random numbers or count rows", at=0)
    if not any(k.kind == "array" for k in kinds):
        call.data = None
        return NULL
    elements = [(f"_{i}", element_of(k)) for i, k in enumerate(kinds, 1)]
    own = {name for name, _ in elements}
    outer = {r.name: r for r in e.walk(body) if isinstance(r, e.FieldRef) and r.name not in own}
    schema = Schema((*elements, *((r.name, r.type) for r in outer.values())))
    call.data = Body(body, schema, len(kinds), kinds)
    constants = [repr(x.value) for x in e.walk(body) if isinstance(x, e.Literal)]
    same = e.Literal(
        type=STRING, value=" ".join([*call.texts[:1], *constants])
    )  # tells calls apart: data is not compared
    call.args = [same, *given, *outer.values()]
    return array_of(body.type)


@function(
    "foreach", args=(ANY_ARG,), least=2, most=MANY, returns=_foreach_type, special=True, group=GROUP,
    syntax="foreach(EXPR, A1, ...)",
    summary="EXPR for each element: _1 is that of A1, _2 that of A2, ...; short arrays are padded with null, what is no array "
    "is repeated. EXPR may use the row's fields too. A null array gives null.",
    examples=[("foreach(_1 * 2, array(1, 2))", "array(2, 4)"), ('foreach(concat(_1, "-", _2), array("a", "b"), array(1, 2))', 'array("a-1", "b-2")'), ("foreach(_1 + _2, array(1, 2), 10)", "array(11, 12)"), ("foreach(_1, null)", "null")],
)  # fmt: skip
def foreach(ev: Eval, _: e.Expr, *given: e.Expr) -> Value:
    if ev.data is None:
        return nulls(ev.n, pa.null())
    body: Body = ev.data
    columns: list[Any] = [plain(ev.run(g), ev.n) for g in given]
    arrays = [c for c, k in zip(columns, body.kinds, strict=False) if k.kind == "array"]
    valid = np.logical_and.reduce([is_valid(a) for a in arrays])
    sizes = np.where(valid, np.max([list_sizes(a) for a in arrays], axis=0), 0)
    guard_items(int(sizes.sum()))
    row, nth = _places(sizes)
    kinds = (*body.kinds, *(t for _, t in body.schema.fields[body.n_elements :]))
    made: dict[int, Column] = {}

    def element(i: int) -> Column:
        if i not in made:
            is_array = i < body.n_elements and kinds[i].kind == "array"
            made[i] = nth_elements(columns[i], row, nth) if is_array else columns[i].take(array_from(row))
        return made[i]

    refuse = _by_row(ev, row)
    active = None if ev.active is None else ev.active[row]
    inner = Eval(len(row), ev.ctx, ev.at, body.schema, element, refuse, active)
    out = plain(evaluate(body.expr, inner), inner.n)
    return lists_from(sizes, out, valid)


def _by_row(ev: Eval, row: Ints) -> Any:
    """Refused elements as refused rows: a row counts once for each reason, with the first element that was refused."""

    def refuse(reason: str, bad: Ints, shown: Column | None, hint: str) -> None:
        rows, first = np.unique(row[bad], return_index=True)
        text: Any = None
        if shown is not None:
            at = np.zeros(ev.n, np.int64)
            at[rows] = bad[first]
            text = plain(shown, len(row)).take(array_from(at))
        ev.refuse(reason, rows, text, hint)

    return refuse
