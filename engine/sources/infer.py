"""Which type a column of text has, from a sample of it."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
import pyarrow as pa

from ...planner.records import dataclass
from ...planner.types import BOOL, DATE, DATE_NS, DOUBLE, LONG, NULL, STRING, Schema, Type
from ..arrow import array_from, bools_of, bytes_of, call, is_valid, offsets_of
from ..numbertext import BLANKS, FLOAT, INTEGER, to_double, to_long
from . import isodate

ODD = r"^(?:[-+.0-9]|(?i:inf|nan|true|false))"
LOOK = 1000  # values that tell whether a text column is mostly of another kind
NAMES = {
    "bool": BOOL, "boolean": BOOL, "short": Type("long", "short"), "int": Type("long", "int"), "integer": Type("long", "int"),
    "long": LONG, "bigint": LONG, "int64": LONG, "int32": Type("long", "int"), "float": Type("double", "float"),
    "double": DOUBLE, "float64": DOUBLE, "string": STRING, "text": STRING, "varchar": STRING, "date": DATE,
    "timestamp": DATE, "datetime": DATE,
}  # fmt: skip


@dataclass(slots=True)
class Found:
    """What a sample says: the type, and how many values were of which kind if kinds mix."""

    type: Type
    mixed: dict[str, int] = field(default_factory=dict)


class BadSchema(ValueError):
    """`schema=` cannot be read; the message says why."""


def declared(text: str) -> Schema:
    """The schema that `schema="a: long, b: date"` gives."""
    fields: dict[str, Type] = {}
    for part in text.split(","):
        name, colon, kind = part.rpartition(":")
        name, kind = name.strip().strip("`"), kind.strip().lower()
        if not colon or not name:
            raise BadSchema(f"'{part.strip()}' is not NAME: TYPE")
        if kind not in NAMES:
            raise BadSchema(
                f"'{kind}' is no type; there are " + ", ".join(("bool", "int", "long", "double", "date", "string"))
            )
        if name in fields:
            raise BadSchema(f"'{name}' is there twice")
        fields[name] = NAMES[kind]
    return Schema(tuple(fields.items()))


def type_of_text(text: pa.Array[Any]) -> Found:
    """long, double, bool, date if every value is one, else string; null if there is no value.

    Empty text is no value here, so a number column may have empty cells in quotes.
    """
    there = np.diff(offsets_of(text)) > 0
    if text.null_count:
        there &= is_valid(text)
    if not there.all():
        text = text.filter(array_from(there))
    if not len(text):
        return Found(NULL)
    found = _single(text)
    if found is not None:
        return Found(found)
    return Found(STRING, _kinds(text))


def _single(text: pa.Array[Any]) -> Type | None:
    head = text.slice(0, 64)
    hexes = _has_letter(text, "xX")  # 0x1f is a number to `long()`, in a file more likely a name
    if not hexes and _looks(head, pa.int64(), INTEGER):
        made, too_big = _longs(text)
        if _all(made):
            return LONG
        if bool((is_valid(made) | too_big).all()):
            return DOUBLE
    if not hexes and _looks(head, pa.float64(), FLOAT) and _has_digit(text) and _is_double(text):
        return DOUBLE
    if _is_bool(head) and _is_bool(text):
        return BOOL
    if not bools_of(call("match_substring_regex", head, pattern=rf"^\s*{isodate.DAY}")).all():
        return None
    if _all(isodate.parse(text, "UTC")[0]):
        return DATE
    if isodate.digits_beyond_micros(text) and _all(isodate.parse(text, "UTC", "ns")[0]):
        return DATE_NS
    return None


def _looks(head: pa.Array[Any], kind: pa.DataType, pattern: str) -> bool:
    """Whether all of a few values are numbers. The careful readers cost an import, so text must not reach them."""
    try:
        call("cast", head, kind)
        return True
    except pa.ArrowInvalid:
        trimmed = call("utf8_trim", head, characters=BLANKS)
        return bool(bools_of(call("match_substring_regex", trimmed, pattern=pattern)).all())


def _longs(text: pa.Array[Any]) -> tuple[pa.Array[Any], Any]:
    try:
        return call("cast", text, pa.int64()), None
    except pa.ArrowInvalid:
        return to_long(text)


def _is_double(text: pa.Array[Any]) -> bool:
    try:
        return _all(call("cast", text, pa.float64()))
    except pa.ArrowInvalid:
        return _all(to_double(text))


def _all(array: pa.Array[Any]) -> bool:
    return array.null_count == 0


def _bytes(text: pa.Array[Any]) -> Any:
    from ..arrow import offsets_of

    offsets = offsets_of(text)
    return bytes_of(text.buffers()[2])[offsets[0] : offsets[-1]]


def _has_letter(text: pa.Array[Any], letters: str) -> bool:
    data = _bytes(text)
    return any(bool((data == ord(c)).any()) for c in letters)


def _has_digit(text: pa.Array[Any]) -> bool:
    data = _bytes(text)
    return bool(((data >= 48) & (data <= 57)).any())


def _is_bool(text: pa.Array[Any]) -> bool:
    return bool(bools_of(call("match_substring_regex", text, pattern=r"^\s*(?i:true|false)\s*$")).all())


def _kinds(text: pa.Array[Any]) -> dict[str, int]:
    """Values by kind, if most of a text column look like something else; else nothing: text may well hold a number."""
    look = _count(text.slice(0, LOOK))
    if look["text"] * 2 >= min(LOOK, len(text)):
        return {}
    kinds = {k: n for k, n in _count(text).items() if n}
    return kinds if len(kinds) > 1 else {}


def _count(text: pa.Array[Any]) -> dict[str, int]:
    trimmed = call("utf8_trim_whitespace", text)
    some = _of(trimmed, ODD)  # whatever is of another kind than text begins so
    found = {
        "long": _of(some, INTEGER),
        "double": _of(_of(some, INTEGER, not_these=True), FLOAT),
        "bool": _of(some, "^(?i:true|false)$"),
        "date": call("drop_null", isodate.parse(days, "UTC", "us")[0])
        if len(days := _of(some, f"^{isodate.DAY}"))
        else days,
    }
    sizes = {kind: len(values) for kind, values in found.items()}
    return {**sizes, "text": len(text) - sum(sizes.values())}


def _of(text: pa.Array[Any], pattern: str, *, not_these: bool = False) -> pa.Array[Any]:
    """The values in which the pattern is found, or is not."""
    mask = bools_of(call("match_substring_regex", text, pattern=pattern))
    return text.filter(array_from(~mask if not_these else mask))
