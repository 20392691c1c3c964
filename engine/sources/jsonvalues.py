"""Parsed JSON values: which types they have together, and columns of them. Not for hot paths: a Python object a value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.types import BOOL, DOUBLE, LONG, NULL, STRING, Type, array_of
from ..arrow import array_from, lists_from, maps_from, structs_from
from ..values import texts_from
from . import isodate

INT64 = range(-(2**63), 2**63)
Refuse = Callable[[int, str, Any], None]  # row, reason, value


DEEPEST_TYPE = (
    100  # arrays and maps below that many others are text: types are walked by functions that call themselves
)


class Seen:
    """Kinds of values seen in one place: a field, a member, the elements of an array. `depth`: places around it."""

    __slots__ = ("counts", "depth", "item", "members")

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.counts: dict[str, int] = {}
        self.members: dict[str, Seen] = {}
        self.item: Seen | None = None

    def add(self, value: Any) -> None:
        kind = kind_of(value)
        if self.depth >= DEEPEST_TYPE and kind in ("array", "map"):
            kind = "string"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "map":
            for name, member in value.items():
                inner = self.members.get(name)
                if inner is None:
                    inner = self.members[name] = Seen(self.depth + 1)
                inner.add(member)
        elif kind == "array":
            if self.item is None:
                self.item = Seen(self.depth + 1)
            for element in value:
                self.item.add(element)

    def kinds(self) -> dict[str, int]:
        return {k: n for k, n in self.counts.items() if k != "null"}

    @property
    def is_mixed(self) -> bool:
        kinds = self.kinds().keys()
        return len(kinds) > 1 and not kinds <= {"long", "double"}

    def mixes(self, path: str) -> Iterator[tuple[str, dict[str, int]]]:
        """Places at or below this one, named `path`, that mix kinds."""
        if self.is_mixed:
            yield path, self.kinds()
            return
        for name, member in self.members.items():
            yield from member.mixes(f"{path}.{name}")
        if self.item is not None:
            yield from self.item.mixes(f"{path}[]")

    def type(self) -> Type:
        """Integers and floats are doubles, any other mix is text."""
        kinds = self.kinds()
        if not kinds:
            return NULL
        if self.is_mixed:
            return STRING
        if len(kinds) == 2:
            return DOUBLE
        match next(iter(kinds)):
            case "map":
                members = tuple((n, settled(s.type())) for n, s in self.members.items())
                return Type("map", members=members) if members else Type("map", item=STRING)
            case "array":
                return array_of(settled(self.item.type() if self.item is not None else NULL))
            case kind:
                return {"bool": BOOL, "long": LONG, "double": DOUBLE, "string": STRING}[kind]


def settled(type_: Type) -> Type:
    """Of what was never anything but null no type is known: text holds whatever comes."""
    return STRING if type_.kind == "null" else type_


def kind_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int():
            return "long" if value in INT64 else "double"
        case float():
            return "double"
        case str():
            return "string"
        case dict():
            return "map"
    return "array"


def survey(rows: Iterable[Any]) -> dict[str, Seen]:
    """What each field of these objects holds; values that are no objects are passed over."""
    out: dict[str, Seen] = {}
    for row in rows:
        if isinstance(row, dict):
            for name, value in row.items():
                seen = out.get(name)
                if seen is None:
                    seen = out[name] = Seen()
                seen.add(value)
    return out


def text_of(value: Any) -> str:
    """A value as text: strings as they are, all else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def clean(text: str) -> str:
    """Halves of surrogate pairs, which JSON can spell and UTF-8 cannot, become U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def whole(value: Any) -> Any:
    """The same value with clean texts and names throughout."""
    match value:
        case str():
            return clean(value)
        case list():
            return [whole(v) for v in value]
        case dict():
            return {clean(k): whole(v) for k, v in value.items()}
    return value


def column(
    values: Sequence[Any], type_: Type, zone: str, refuse: Refuse, rows: Sequence[int] | None = None
) -> pa.Array[Any]:
    """Values as a column of the type's physical form; `refuse` gets those that do not fit, which are null then.

    `rows`: the row that each value belongs to, where these are elements of arrays. A value in a text column becomes its
    JSON (`mixed` is told, the value stays).
    """
    where: Sequence[int] = range(len(values)) if rows is None else rows
    match type_.kind:
        case "long":
            return _numbers(values, where, _whole, np.int64, refuse)
        case "double":
            return _numbers(values, where, _double, np.float64, refuse)
        case "bool":
            return _bools(values, where, refuse)
        case "date":
            return _dates(values, where, type_, zone, refuse)
        case "array":
            return _arrays(values, where, type_, zone, refuse)
        case "map":
            return _maps(values, where, type_, zone, refuse)
        case "null":
            return pa.nulls(len(values))
    return _texts(values, where, refuse)


def _whole(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "type"
    if isinstance(value, float) and not value.is_integer():
        return "type"
    return int(value) if int(value) in INT64 else "overflow"


def _double(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "type"
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _numbers(
    values: Sequence[Any], rows: Sequence[int], convert: Callable[[Any], Any], dtype: Any, refuse: Refuse
) -> pa.Array[Any]:
    out, missing = np.zeros(len(values), dtype), np.zeros(len(values), np.bool_)
    for i, value in enumerate(values):
        got = None if value is None else convert(value)
        if isinstance(got, str):
            refuse(rows[i], got, value)
        if got is None or isinstance(got, str):
            missing[i] = True
        else:
            out[i] = got
    return array_from(out, missing)


def _bools(values: Sequence[Any], rows: Sequence[int], refuse: Refuse) -> pa.Array[Any]:
    for row, value in zip(rows, values, strict=True):
        if value is not None and not isinstance(value, bool):
            refuse(row, "type", value)
    good = [v if isinstance(v, bool) else None for v in values]
    missing = np.array([v is None for v in good], np.bool_)
    return array_from(np.array([bool(v) for v in good], np.bool_), missing)


def _texts(values: Sequence[Any], rows: Sequence[int], refuse: Refuse) -> pa.Array[Any]:
    out: list[str | None] = []
    for row, value in zip(rows, values, strict=True):
        if value is not None and not isinstance(value, str):
            refuse(row, "mixed", value)
        out.append(None if value is None else clean(text_of(value)))
    return texts_from(out)


def _dates(values: Sequence[Any], rows: Sequence[int], type_: Type, zone: str, refuse: Refuse) -> pa.Array[Any]:
    for row, value in zip(rows, values, strict=True):
        if value is not None and not isinstance(value, str):
            refuse(row, "type", value)
    made, doubtful = isodate.parse(
        texts_from([clean(v) if isinstance(v, str) else None for v in values]), zone, type_.unit
    )
    for i, value in enumerate(values):
        if isinstance(value, str) and (not made[i].is_valid or doubtful[i]):
            refuse(rows[i], "dst" if made[i].is_valid else "date", value)
    return made


def _arrays(values: Sequence[Any], rows: Sequence[int], type_: Type, zone: str, refuse: Refuse) -> pa.Array[Any]:
    flat: list[Any] = []
    owner: list[int] = []
    sizes, valid = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    for i, value in enumerate(values):
        if isinstance(value, list):
            sizes[i], valid[i] = len(value), True
            flat += value
            owner += [rows[i]] * len(value)
        elif value is not None:
            refuse(rows[i], "type", value)
    return lists_from(sizes, column(flat, type_.item or STRING, zone, refuse, owner), valid)


def _under(member: str, refuse: Refuse) -> Refuse:
    """Unknown keys of a member are told by their path."""

    def told(row: int, reason: str, value: Any) -> None:
        refuse(row, f"unknown key '{member}.{reason[13:]}" if reason.startswith("unknown key") else reason, value)

    return told


def _maps(values: Sequence[Any], rows: Sequence[int], type_: Type, zone: str, refuse: Refuse) -> pa.Array[Any]:
    valid = np.array([isinstance(v, dict) for v in values], np.bool_)
    for row, value in zip(rows, values, strict=True):
        if value is not None and not isinstance(value, dict):
            refuse(row, "type", value)
    if type_.members:
        known = {n for n, _ in type_.members}
        for row, value in zip(rows, values, strict=True):
            for name in value.keys() - known if isinstance(value, dict) else ():
                if value[name] is not None:
                    refuse(row, f"unknown key '{name}'", value[name])
        parts = [
            column([v.get(n) if isinstance(v, dict) else None for v in values], t, zone, _under(n, refuse), rows)
            for n, t in type_.members
        ]
        return structs_from([n for n, _ in type_.members], parts, valid)
    keys: list[str] = []
    items: list[Any] = []
    owner: list[int] = []
    for row, value in zip(rows, values, strict=True):
        for name, item in value.items() if isinstance(value, dict) else ():
            keys.append(clean(name))
            items.append(text_of(item) if item is not None and (type_.item or STRING).kind == "string" else item)
            owner.append(row)
    sizes = np.array([len(v) if isinstance(v, dict) else 0 for v in values], np.int64)
    return maps_from(sizes, texts_from(keys), column(items, type_.item or STRING, zone, refuse, owner), valid)
