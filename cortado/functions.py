"""Python functions as functions of the language: `@session.function`."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from .edge import column, edge_type
from .engine.exprs import Eval
from .planner.catalog import CallBinder, Function
from .planner.records import dataclass
from .planner.text import QueryError, fault
from .planner.types import BINARY, BOOL, DATE, DATE_NS, DOUBLE, DURATION, LONG, STRING, Type

RESERVED = frozenset(["and", "or", "not", "by", "as", "where", "true", "false", "null", "in"])
KINDS: Mapping[str, tuple[str, Type, Any]] = {
    "BooleanArray": ("bool", BOOL, pa.bool_()),
    "Int8Array": ("integer", LONG, pa.int8()),
    "Int16Array": ("integer", LONG, pa.int16()),
    "Int32Array": ("integer", LONG, pa.int32()),
    "Int64Array": ("integer", LONG, pa.int64()),
    "UInt8Array": ("integer", LONG, pa.uint8()),
    "UInt16Array": ("integer", LONG, pa.uint16()),
    "UInt32Array": ("integer", LONG, pa.uint32()),
    "FloatArray": ("number", DOUBLE, pa.float32()),
    "DoubleArray": ("number", DOUBLE, pa.float64()),
    "StringArray": ("text", STRING, pa.string()),
    "LargeStringArray": ("text", STRING, pa.large_string()),
    "TimestampArray": ("date", DATE, None),  # as the query has them: us or ns
    "DurationArray": ("duration", DURATION, pa.duration("us")),
    "BinaryArray": ("any", BINARY, pa.binary()),
    "Array": ("any", STRING, None),
}
"""By the name of the annotation: how an argument is brought to it, the type of a result, the Arrow type handed over."""
SAME = {"Float64Array": "DoubleArray", "Float32Array": "FloatArray", "FloatingPointArray": "DoubleArray"}


@dataclass(frozen=True, slots=True)
class _Taken:
    """One argument as the function wants it."""

    how: str
    arrow: Any


def function_of(python: Callable[..., Any], name: str | None, volatile: bool) -> Function:
    """E410 if it cannot be called from a query: its name, its arguments or its annotations do not fit."""
    named = str(name or getattr(python, "__name__", ""))
    if not re.fullmatch(r"[^\W\d]\w*", named) or named in RESERVED:
        raise fault("E410", f"'{named}' cannot name a function", hint="give another: name=...")
    taken, least = _arguments(python, named)
    result = _annotation(python, "return", named)
    if result == "Array":
        raise fault("E410", f"the result of {named} is of no type", hint=_hint())
    returned = KINDS[result][1]

    def bind(call: CallBinder) -> Type:
        call.data = tuple(a.type for a in call.args)
        first_date = next((t for t in call.types if t.kind == "date"), DATE)
        return DATE_NS if returned is DATE and first_date.unit == "ns" else returned

    def kernel(ev: Eval, *values: Any) -> Any:
        arrays = [_handed(ev, v, t, take) for v, t, take in zip(values, ev.data, taken, strict=False)]
        try:
            made = python(*arrays)
        except (KeyboardInterrupt, QueryError):
            raise
        except Exception as why:
            raise fault("E520", f"{named} raised {type(why).__name__}: {why}") from why
        return _checked(made, returned, ev.n, named)

    shown = ", ".join(inspect.signature(python).parameters)
    told = (inspect.getdoc(python) or "").split("\n")[0]
    return Function(
        named, least, len(taken), bind, kernel, syntax=f"{named}({shown})", summary=told, volatile=volatile,
        coerce=tuple(t.how for t in taken), group="python",
    )  # fmt: skip


def _arguments(python: Callable[..., Any], named: str) -> tuple[list[_Taken], int]:
    """The arguments, and how many must be given."""
    taken, least = [], 0
    for p in inspect.signature(python).parameters.values():
        if p.kind not in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            raise fault(
                "E410", f"{named}: '{p.name}' cannot be given by place", hint="arguments go by place, each with a type"
            )
        how, _, arrow = KINDS[_annotation(python, p.name, named)]
        least += p.default is p.empty
        taken.append(_Taken(how, arrow))
    return taken, least


def _annotation(python: Callable[..., Any], what: str, named: str) -> str:
    try:
        hints = typing.get_type_hints(python)
    except Exception:  # names that only exist for type checkers: by their text
        hints = dict(getattr(python, "__annotations__", {}))
    hint = hints.get(what)
    words = hint if isinstance(hint, str) else getattr(typing.get_origin(hint) or hint, "__name__", str(hint))
    word = words.split("[")[0].split(".")[-1].strip("'\" ")
    word = SAME.get(word, word)
    if hint is None or word not in KINDS:
        told = "has no type" if hint is None else f"cannot be {words}"
        raise fault("E410", f"{named}: {'its result' if what == 'return' else repr(what)} {told}", hint=_hint())
    return word


def _hint() -> str:
    return "annotate with Arrow arrays: pa.DoubleArray, pa.Int64Array, pa.StringArray, pa.BooleanArray, pa.TimestampArray, ..."


def _handed(ev: Eval, value: Any, kind: Type, take: _Taken) -> Any:
    """The argument as users know its type: addresses as text, times in the session's zone."""
    array = ev.array(value)
    if take.arrow is None:
        return column(array, kind, edge_type(kind, ev.zone)) if kind.kind != "null" else array
    if array.type == take.arrow:
        return array
    try:
        return array.cast(take.arrow)
    except pa.ArrowInvalid as why:
        raise fault("E520", f"an argument does not fit {take.arrow}: {why}") from why


def _checked(made: Any, returned: Type, n: int, named: str) -> Any:
    """What the function gave, in the engine's form."""
    if isinstance(made, pa.ChunkedArray):
        made = made.combine_chunks()
    if isinstance(made, pa.ChunkedArray | pa.Scalar) or not isinstance(made, pa.Array):
        raise fault("E520", f"{named} gave a {type(made).__name__}, not an Arrow array", hint="pa.array(...) makes one")
    if len(made) != n:
        raise fault("E520", f"{named} gave {len(made):,} rows for {n:,}")
    try:
        return made if made.type == returned.arrow else made.cast(returned.arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as why:
        raise fault("E520", f"{named} gave {made.type}, which is no {returned}: {why}") from why


__all__ = ["function_of"]
