"""Bound expressions over batches. Column-wise; on a dictionary's values where those are fewer than the rows.

A value is a column of `ev.n` rows (Arrow array, dictionary or Spans) or an Arrow scalar that stands for all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeAlias, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner import expr as e
from ..planner.records import dataclass
from ..planner.types import Schema, Type, scalar
from .arrow import array_from, bools_of, call, decode, int32_of, is_valid, nulls, numbers_of
from .batch import Batch, Column, Spans
from .context import Context
from .notes import At

Value: TypeAlias = "Column | pa.Scalar[Any]"
Mask: TypeAlias = "NDArray[np.bool_]"
NULLS_SKIPPED = "null rows that != skipped"
UNIT_BY_SIZE = "epoch numbers too large for seconds, read as ms, us or ns"
DIGITS_CUT = "digits of a second beyond microseconds, cut"
INFOS = frozenset({NULLS_SKIPPED, UNIT_BY_SIZE, DIGITS_CUT})  # refusals that are no rejects: they become info notes
Refuse: TypeAlias = Callable[[str, "NDArray[Any]", "Column | None", str], None]


@dataclass(slots=True)
class Eval:
    """One evaluation over `n` rows. Kernels get it first: it knows the query's constants and takes refused rows.

    `active`: the rows whose branch is taken (None: all). Kernels compute every row; `reject` counts active ones only.
    """

    n: int
    ctx: Context
    at: At
    schema: Schema
    column: Callable[[int], Column]
    refuse: Refuse
    active: Mask | None = None
    data: Any = None  # what the function's bind prepared
    site: int = 0
    place: tuple[int, int] = (
        0,
        0,
    )  # seq of the partition, number in it of this batch's first row (with needs_order: 0, running)
    memo: dict[int, Value] = field(default_factory=dict)

    @property
    def zone(self) -> str:
        return self.ctx.settings.timezone

    @property
    def now_us(self) -> int:
        return self.ctx.query.now_us

    @property
    def seed(self) -> int:
        return self.ctx.settings.seed

    @property
    def compiled(self) -> bool:
        """False: kernels must not be used; the general path answers."""
        return self.ctx.compiled

    def reject(self, reason: str, bad: Mask, text: Value | None = None, hint: str = "") -> None:
        """Rows that became null or odd by a fault of the data. `bad`: a boolean a row; `text`: what was refused."""
        if self.active is not None:
            bad = bad & self.active
        if bad.any():
            shown = self.as_column(text) if text is not None else None
            self.refuse(reason, np.flatnonzero(bad), shown, hint)

    def run(self, expr: e.Expr, active: Mask | None = None) -> Value:
        """Evaluate an argument of a special form; `active` narrows the rows that count."""
        if active is None:
            return evaluate(expr, self)
        narrowed = active if self.active is None else active & self.active
        inner = Eval(self.n, self.ctx, self.at, self.schema, self.column, self.refuse, narrowed, place=self.place)
        return evaluate(expr, inner)

    def as_column(self, value: Value) -> Column:
        return spread(value, self.n) if isinstance(value, pa.Scalar) else value

    def array(self, value: Value) -> pa.Array[Any]:
        """A plain Arrow array of n rows."""
        return plain(value, self.n)

    def truth(self, value: Value) -> Mask:
        """Truthiness of each row: a boolean is itself, any other value is true, null is false."""
        return truth(value, self.n)

    def numbers(self, value: Value) -> tuple[NDArray[Any], Mask]:
        """int64 or float64 values and where they are valid (what a null holds is undefined)."""
        array = self.array(value)
        return numbers_of(array), is_valid(array)


def spread(value: pa.Scalar[Any], n: int) -> pa.Array[Any]:
    """A scalar as n equal rows."""
    if not value.is_valid:
        return nulls(n, value.type)
    return cast("pa.Array[Any]", cast(Any, pa).repeat(value, n))


def plain(value: Value, n: int) -> pa.Array[Any]:
    if isinstance(value, pa.Scalar):
        return spread(value, n)
    if isinstance(value, Spans):
        return value.to_arrow()
    return decode(value) if isinstance(value, pa.DictionaryArray) else value


def truth(value: Value, n: int) -> Mask:
    if isinstance(value, pa.Scalar):
        yes = value.is_valid and (not pa.types.is_boolean(value.type) or bool(value.as_py()))
        return np.full(n, yes)
    if isinstance(value, Spans):
        return value.length >= 0
    if pa.types.is_boolean(value.type):
        return bools_of(value)
    return is_valid(value)


def evaluate(expr: e.Expr, ev: Eval) -> Value:
    """The value of a bound expression for each row of the batch."""
    if isinstance(expr, e.FieldRef):
        return ev.column(ev.schema.index(expr.name))
    if isinstance(expr, e.Literal):
        return scalar(expr.value, expr.type)
    if isinstance(expr, e.Late):
        known: Value = ev.ctx.query.late[expr.name][0]
        return known
    assert isinstance(expr, e.Call)
    if expr.function.special:
        return _kernel(expr, ev, expr.args)
    chain = [expr]  # long chains lean to the left and are no nesting: a loop
    while chain[-1].args and isinstance(first := chain[-1].args[0], e.Call) and not first.function.special:
        chain.append(first)
    value: Value | None = evaluate(chain[-1].args[0], ev) if chain[-1].args else None
    for step in reversed(chain):
        value = _call(step, ev, [] if value is None else [value, *(evaluate(a, ev) for a in step.args[1:])])
    assert value is not None
    return value


def coded_of(expr: e.Expr, ev: Eval) -> Column | None:
    """The value of a function of a field as a dictionary of few values, which are quicker to group; None: it is to be evaluated."""
    if not has_codes(expr):
        return None
    call = cast(e.Call, expr)
    before, ev.data = ev.data, call.data
    try:
        return cast("Column | None", call.function.codes(ev, *(evaluate(a, ev) for a in call.args)))
    finally:
        ev.data = before


def has_codes(expr: e.Expr) -> bool:
    """Whether its function can tell codes. An argument that is no field might count what it refuses a second time."""
    if not isinstance(expr, e.Call) or expr.function.codes is None or not expr.args:
        return False
    return isinstance(expr.args[0], e.FieldRef) and all(isinstance(a, e.Literal) for a in expr.args[1:])


def _call(expr: e.Call, ev: Eval, args: list[Value]) -> Value:
    if args and not expr.function.volatile:
        if all(isinstance(a, pa.Scalar) for a in args):
            return _once(expr, ev, args)
        at = _only_coded(args)
        if at is not None:
            return _over_values(expr, ev, args, at)
    return _kernel(expr, ev, [_prepared(a, i, expr, ev) for i, a in enumerate(args)])


def _prepared(value: Value, i: int, expr: e.Call, ev: Eval) -> Value:
    """Arguments as their kernel takes them: Spans only where it says so, never dictionaries."""
    if isinstance(value, pa.Scalar):
        return value
    if isinstance(value, Spans) and (i in expr.function.spans or -1 in expr.function.spans):
        return value
    return plain(value, ev.n)


def _kernel(expr: e.Call, ev: Eval, args: Any) -> Value:
    before = ev.data, ev.site
    ev.data, ev.site = expr.data, expr.site
    try:
        out = expr.function.kernel(ev, *args)
    finally:
        ev.data, ev.site = before
    return cast(Value, out)


def _once(expr: e.Call, ev: Eval, args: list[Value]) -> Value:
    """Constant arguments: one row stands for all; what it refuses counts for every active row."""
    refused: list[tuple[str, Column | None, str]] = []

    def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
        refused.append((reason, text, hint))

    inner = Eval(1, ev.ctx, ev.at, ev.schema, ev.column, refuse, place=ev.place)
    out: pa.Scalar[Any] = plain(_kernel(expr, inner, args), 1)[0]
    for reason, text, hint in refused:
        shown = spread(plain(text, 1)[0], ev.n) if text is not None else None
        ev.reject(reason, np.ones(ev.n, np.bool_), shown, hint)
    return out


def _only_coded(args: list[Value]) -> int | None:
    """The one argument that is a column, if it is a dictionary with fewer values than rows."""
    columns = [i for i, a in enumerate(args) if not isinstance(a, pa.Scalar)]
    if len(columns) != 1:
        return None
    column = args[columns[0]]
    if isinstance(column, pa.DictionaryArray) and 2 * len(column.dictionary) <= len(column):
        return columns[0]
    return None


def _over_values(expr: e.Call, ev: Eval, args: list[Value], at: int) -> Value:
    """Run the kernel on a dictionary's values; null is one value more, since some functions answer it."""
    coded = cast(Any, args[at])
    codes, n = coded.indices, len(coded.dictionary) + 1
    rows = int32_of(codes) if codes.null_count == 0 else np.where(is_valid(codes), int32_of(codes), np.int32(n - 1))
    out = _of_values(expr, ev, args, at, rows)
    if pa.types.is_string(out.type) and not out[n - 1].is_valid:
        return cast("pa.Array[Any]", pa.DictionaryArray.from_arrays(codes, out.slice(0, n - 1)))
    if pa.types.is_boolean(out.type):
        return array_from(bools_of(out).take(rows), None if out.null_count == 0 else ~is_valid(out).take(rows))
    return out.take(array_from(rows))


def _of_values(expr: e.Call, ev: Eval, args: list[Value], at: int, rows: NDArray[np.int32]) -> pa.Array[Any]:
    """The kernel's answer for each value and for null. Batches of one row group share a dictionary: it is asked once,
    unless it refuses some values, which has to be counted by rows."""
    dictionary = cast(Any, args[at]).dictionary
    where = tuple(b.address for b in dictionary.buffers() if b is not None)
    key = (where, len(dictionary), dictionary.offset)
    known = ev.ctx.answers.get(id(expr))
    if known is not None and known[0] == key:
        return cast("pa.Array[Any]", known[2])
    values = pa.concat_arrays([dictionary, nulls(1, dictionary.type)])
    n = len(values)
    refused = False

    def refuse(reason: str, bad: NDArray[Any], text: Column | None, hint: str) -> None:
        nonlocal refused
        refused = True
        mask = np.zeros(n, np.bool_)
        mask[bad] = True
        shown = plain(text, n).take(array_from(rows)) if text is not None else None
        ev.reject(reason, mask[rows], shown, hint)

    inner = Eval(n, ev.ctx, ev.at, ev.schema, ev.column, refuse, place=ev.place)
    out = plain(_kernel(expr, inner, [values if i == at else a for i, a in enumerate(args)]), n)
    if not refused:
        ev.ctx.answers[id(expr)] = (key, dictionary, out)  # the dictionary is held, so its address stays its own
    return out


def over(batch: Batch, schema: Schema, ctx: Context, at: At, place: tuple[int, int] = (0, 0)) -> Eval:
    """An evaluation over a batch whose columns are `schema`'s."""

    def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
        ctx.notes.rows(at, "info" if reason in INFOS else "reject", reason, batch, rows, text, hint)

    def column(i: int) -> Column:
        return batch.columns[i]

    return Eval(batch.n_rows, ctx, at, schema, column, refuse, place=place)


def constant(expr: e.Expr, ctx: Context, at: At, *, infos: bool = False) -> tuple[Any, bool]:
    """The Python value of an expression without fields, and whether its evaluation refused anything (`infos`: or has
    something to say)."""
    refused: list[str] = []

    def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
        if infos or reason not in INFOS:
            refused.append(reason)

    def column(i: int) -> Column:
        raise LookupError("a constant has no fields")

    ev = Eval(1, ctx, at, Schema(), column, refuse)
    return to_python(plain(evaluate(expr, ev), 1), expr.type), bool(refused)


def to_python(array: pa.Array[Any], type_: Type) -> Any:
    """The first value as `Literal.value` has it: dates and durations as integers in their unit, also in an array."""
    value = array[0]
    if not value.is_valid:
        return None
    if type_.kind == "array" and type_.item is not None and type_.item.kind in ("date", "duration", "months"):
        return call("cast", cast(Any, value).values, pa.int64()).to_pylist()
    if type_.kind in ("date", "duration", "months"):
        return cast(Any, value).value if hasattr(value, "value") else value.as_py()
    return value.as_py()
