"""Call a function of the language without a query: `call("name", *values) -> (values, rejects)`.

It binds types from Arrow arrays, inserts the coercions that the binder inserts, and evaluates one batch. A value is an
Arrow array (a field), `Spans`, an `expr.Expr`, or a Python constant (a `str` is a string literal, stars wild).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cortado.commands.base import REGISTRY, load
from cortado.engine.arrow import buffer_of, is_valid, offsets_of
from cortado.engine.batch import PAD, Column, Spans
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.exprs import INFOS, Eval, evaluate, plain
from cortado.engine.memory import Budget
from cortado.engine.notes import At, WorkerNotes
from cortado.planner import ast
from cortado.planner import expr as e
from cortado.planner.catalog import Function
from cortado.planner.text import fault
from cortado.planner.types import BOOL, DATE, DOUBLE, DURATION, INT, LONG, MONTHS, NULL, STRING, Schema, Type, of_arrow

AT = At("2", "eval")
TYPED = {
    "text": STRING, "number": DOUBLE, "parsed": DOUBLE, "integer": LONG, "date": DATE, "bool": BOOL,
    "duration": DURATION,
}  # fmt: skip
KEPT = {
    "text": {"string"}, "number": {"long", "double"}, "parsed": {"long", "double"},
    "integer": {"long"}, "date": {"date"}, "bool": {"bool"}, "duration": {"duration"},
}  # fmt: skip


@dataclass
class Result:
    """What one evaluation gave. `rejects`: rows refused by reason; `infos`: notes that are no rejects."""

    array: pa.Array[Any]
    type: Type
    rejects: dict[str, int]
    hints: dict[str, str]
    warnings: list[str]
    infos: dict[str, int]

    @property
    def values(self) -> list[Any]:
        return to_list(self.array)


@dataclass
class FakeCall:
    """What a function's bind sees: see `CallBinder`."""

    name: str
    args: Sequence[e.Expr]
    zone: str
    now_us: int
    strict: bool = False
    time: str | None = None
    safe: bool = False
    named: dict[str, e.Expr] = field(default_factory=dict)
    schema: Schema = field(default_factory=Schema)
    data: Any = None
    replaced: e.Expr | None = None
    texts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def types(self) -> list[Type]:
        return [a.type for a in self.args]

    def type_of(self, i: int) -> Type:
        return self.types[i]

    def mixed(self, message: str) -> None:
        self.warnings.append("mixed")

    def is_constant(self, i: int) -> bool:
        return isinstance(self.args[i], e.Literal)

    def constant(self, i: int) -> Any:
        arg = self.args[i] if i < len(self.args) else None
        return arg.value if isinstance(arg, e.Literal) else None

    def number(self, i: int) -> int | float | None:
        known = self.constant(i)
        return known if known is not None and self.type_of(i).is_number else None

    def whole(self, i: int) -> int | None:
        known = self.number(i)
        return known if isinstance(known, int) else None

    def worked_out(self, i: int) -> Any:
        return self.constant(i)

    def value_of(self, arg: e.Expr) -> Any:
        return arg.value if isinstance(arg, e.Literal) else None

    def apply(self, name: str, *args: e.Expr) -> e.Expr:
        function = load().functions[name]
        return e.Call(type=function.bind(replace(self, args=list(args), named={})), function=function, args=tuple(args))

    def fail(self, code: str, message: str, at: int | e.Expr | None = None, **more: Any) -> NoReturn:
        raise fault(code, message, **more)

    def warn(self, code: str, message: str, at: int | None = None, **more: Any) -> None:
        self.warnings.append(code)

    def note(self, kind: str, reason: str, at: int | None = None, hint: str = "") -> None:
        self.warnings.append(reason)


class Bench:
    """Columns, settings and the calls over them."""

    def __init__(
        self, *, zone: str = "UTC", compiled: bool = False, now_us: int = 1_764_000_000_000_000, seed: int = 0,
        n: int | None = None,
    ) -> None:  # fmt: skip
        self.columns: list[Column] = []
        self.fields: list[tuple[str, Type]] = []
        self.n = n
        self.zone, self.now_us = zone, now_us
        self.warnings: list[str] = []
        self.sites = 0
        self.notes = WorkerNotes()
        settings = Settings(timezone=zone, seed=seed)
        state = QueryState(settings, Budget(1 << 30), now_us=now_us, compiled=lambda: compiled)
        self.ctx = Context(state, self.notes)

    def expr(self, value: Any, type_: Type | None = None) -> e.Expr:
        """A field for a column, a literal for a constant."""
        if isinstance(value, e.Expr):
            return value
        if isinstance(value, pa.ChunkedArray):
            value = value.combine_chunks()
        if isinstance(value, pa.Array | Spans):
            kind = type_ or (STRING if isinstance(value, Spans) else of_arrow(value.type))
            if isinstance(value, pa.Array) and not isinstance(value, pa.DictionaryArray) and value.type != kind.arrow:
                value = value.cast(kind.arrow)
            self.n = len(value) if self.n is None else self.n
            assert len(value) == self.n, "columns of one length"
            self.columns.append(value)
            self.fields.append((f"c{len(self.fields)}", kind))
            return e.FieldRef(type=kind, name=self.fields[-1][0])
        return literal(value)

    def bind(self, name: str, args: Sequence[e.Expr], **named: e.Expr) -> e.Expr:
        function = load().functions[name]
        assert function.least <= len(args) <= function.most, f"{name} takes {function.least} to {function.most}"
        binder = FakeCall(
            name, list(args), self.zone, self.now_us, named=dict(named), schema=Schema(tuple(self.fields))
        )
        kind = function.bind(binder)
        assert not binder.named, f"{name} has no argument named {next(iter(binder.named))}"
        self.warnings += binder.warnings
        if binder.replaced is not None:
            return binder.replaced
        self.sites += 1
        coerced = tuple(self._coerced(a, i, function) for i, a in enumerate(binder.args))
        return e.Call(type=kind, function=function, args=coerced, data=binder.data, site=self.sites)

    def _coerced(self, arg: e.Expr, i: int, function: Function) -> e.Expr:
        if not function.coerce or function.special:
            return arg
        way = function.coerce[min(i, len(function.coerce) - 1)]
        if way == "any" or arg.type.kind in KEPT[way]:
            return arg
        if isinstance(arg, e.Literal) and arg.value is None:
            return replace(arg, type=TYPED[way])
        return self.bind("@" + way, [arg])

    def run(self, expr: e.Expr, active: NDArray[np.bool_] | None = None) -> Result:
        n = 1 if self.n is None else self.n
        rejects: Counter[str] = Counter()
        infos: Counter[str] = Counter()
        hints: dict[str, str] = {}

        def refuse(reason: str, rows: NDArray[Any], text: Column | None, hint: str) -> None:
            (infos if reason in INFOS else rejects)[reason] += len(rows)
            hints[reason] = hint
            assert text is None or len(text) == n

        ev = Eval(n, self.ctx, AT, Schema(tuple(self.fields)), lambda i: self.columns[i], refuse, active)
        array = plain(evaluate(expr, ev), n)
        assert len(array) == n
        assert array.type == expr.type.arrow, f"declared {expr.type.arrow}, made {array.type}"
        array.validate(full=True)
        return Result(array, expr.type, dict(rejects), hints, self.warnings, dict(infos))


def literal(value: Any) -> e.Literal:
    if isinstance(value, ast.Text):
        return e.Literal(type=STRING, value=value.value, pattern=value)
    if isinstance(value, str):
        return e.Literal(type=STRING, value=value, pattern=ast.Text(value=value))
    if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
        return e.Literal(type=INT, value=value)
    kinds = {bool: BOOL, int: LONG, float: DOUBLE, type(None): NULL}
    return e.Literal(type=kinds[type(value)], value=value)


def text(value: str) -> e.Literal:
    """Computed text: a constant that is no string literal, so its stars mean nothing."""
    return e.Literal(type=STRING, value=value)


def date(us: int) -> e.Literal:
    return e.Literal(type=DATE, value=us)


def duration(us: int) -> e.Literal:
    return e.Literal(type=DURATION, value=us)


def months(n: int) -> e.Literal:
    return e.Literal(type=MONTHS, value=n)


def run(
    name: str, *values: Any, types: Sequence[Type | None] = (), named: dict[str, Any] | None = None, **settings: Any
) -> Result:
    """`types`: of the values, where an Arrow type does not say it (ip is known, months are not)."""
    bench = Bench(**settings)
    kinds = [*types, *[None] * (len(values) - len(types))]
    args = [bench.expr(v, k) for v, k in zip(values, kinds, strict=True)]
    return bench.run(bench.bind(name, args, **{k: bench.expr(v) for k, v in (named or {}).items()}))


def call(name: str, *values: Any, **settings: Any) -> tuple[list[Any], dict[str, int]]:
    """Python values and how many rows were refused for which reason."""
    got = run(name, *values, **settings)
    return got.values, got.rejects


def to_list(array: pa.Array[Any]) -> list[Any]:
    """Times and durations as integers in their unit, which Python's own types cannot always hold."""
    if pa.types.is_timestamp(array.type) or pa.types.is_duration(array.type):
        return array.cast(pa.int64()).to_pylist()
    return array.to_pylist()


def spans_of(array: pa.Array[Any], gap: bytes = b"\n") -> Spans:
    """Text as spans into one padded buffer, each value followed by `gap`, as lines of a morsel are."""
    offsets = offsets_of(array)
    text = array.buffers()[2]
    raw = text.to_pybytes() if text is not None else b""
    valid = is_valid(array)
    parts, start, at = [b"\0" * PAD], np.zeros(len(array), np.int32), PAD
    for i in range(len(array)):
        value = raw[offsets[i] : offsets[i + 1]] if valid[i] else b""
        start[i] = at
        parts += [value, gap]
        at += len(value) + len(gap)
    data = np.frombuffer(b"".join([*parts, b"\0" * PAD]), np.uint8)
    length = np.where(valid, np.diff(offsets), -1).astype(np.int32)
    return Spans(buffer_of(data), data, start, length)


def strings(*values: str | None) -> pa.Array[Any]:
    return pa.array(values, pa.string())


def longs(*values: int | None) -> pa.Array[Any]:
    return pa.array(values, pa.int64())


def doubles(*values: float | None) -> pa.Array[Any]:
    return pa.array(values, pa.float64())


def dates(*us: int | None, unit: str = "us") -> pa.Array[Any]:
    return pa.array(us, pa.int64()).cast(pa.timestamp(unit, "UTC"))


def durations(*us: int | None) -> pa.Array[Any]:
    return pa.array(us, pa.int64()).cast(pa.duration("us"))


def everywhere(name: str, column: pa.Array[Any], *rest: Any, **settings: Any) -> Result:
    """The general path's result, after checking that spans, compiled or not, and dictionaries give the same."""
    plain_ = run(name, column, *rest, **settings)
    forms: list[Callable[[], Result]] = [
        lambda: run(name, spans_of(column), *rest, compiled=True, **settings),
        lambda: run(name, spans_of(column), *rest, compiled=False, **settings),
        lambda: run(name, column, *rest, compiled=True, **settings),
    ]
    if len(column):
        forms.append(lambda: run(name, column.dictionary_encode(), *rest, **settings))
    for form in forms:
        other = form()
        assert other.array.equals(plain_.array) or repr(to_list(other.array)) == repr(plain_.values)
        assert other.rejects == plain_.rejects
    return plain_


__all__ = [
    "AT",
    "REGISTRY",
    "Bench",
    "Result",
    "call",
    "date",
    "dates",
    "doubles",
    "duration",
    "durations",
    "everywhere",
    "literal",
    "longs",
    "months",
    "replace",
    "run",
    "spans_of",
    "strings",
    "text",
    "to_list",
]  # fmt: skip
