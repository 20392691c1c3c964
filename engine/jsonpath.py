"""JSON texts and the values in them that a path names. Each distinct text is read once.

A value is text: strings as they are, numbers as they were written, true and false, arrays and objects as compact JSON.
JSON's null is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np
import pyarrow as pa

from .arrow import array_from, call, lists_from, maps_from
from .strings import Mask
from .values import texts_from

Step: TypeAlias = "str | int | None"  # a key, a place (negative: from the end), None for all
STEP = re.compile(
    r"\.(?P<name>[^.\[\]\s'\"*?()@$]+)|\[(?P<place>-?\d{1,9})\]|\[(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')\]"
    r"|(?P<all>\.\*|\[\*\])"
)
HALF = re.compile(r"[\ud800-\udfff]")


class BadPath(ValueError):
    """What is wrong with a path."""


def parse(path: str) -> tuple[Step, ...]:
    """`$.a["b c"][0][*]`."""
    if not path.startswith("$"):
        raise BadPath("a path begins with $, such as $.a.b[0]")
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = STEP.match(path, at)
        if found is None:
            raise BadPath(f"cannot read '{path[at:]}' of the path; it takes .name, [\"name\"], [0], [-1] and [*]")
        if found["all"]:
            steps.append(None)
        elif found["place"]:
            steps.append(int(found["place"]))
        else:
            steps.append(found["name"] or re.sub(r"\\(.)", r"\1", found["text"][1:-1]))
        at = found.end()
    return tuple(steps)


class _Number(float):
    """A number with a fraction or an exponent that remembers how it was written."""

    text: str

    def __new__(cls, text: str) -> _Number:
        made = super().__new__(cls, text)
        made.text = text
        return made


def _no_json(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_decoder = json.JSONDecoder(parse_float=_Number, parse_int=None, parse_constant=_no_json)


def loads(text: str) -> Any:
    """ValueError or RecursionError where the text is no JSON."""
    return _decoder.decode(text)


def text_of(value: Any) -> str | None:
    match value:
        case None:
            return None
        case str():
            out = value
        case bool():
            return "true" if value else "false"
        case _Number():
            return value.text
        case int():
            return str(value)
        case _:
            out = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return clean(out)


def clean(text: str) -> str:
    """Halves of surrogate pairs, which JSON can spell and UTF-8 cannot, become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if HALF.search(text) else text


def plain(value: Any) -> Any:
    """The same value with clean texts and Python's own numbers throughout."""
    match value:
        case str():
            return clean(value)
        case _Number():
            return float(value)
        case list():
            return [plain(v) for v in value]
        case dict():
            return {clean(k): plain(v) for k, v in value.items()}
    return value


def hits(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """The values at a path, in order."""
    for i, step in enumerate(steps):
        if step is None:
            parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            for part in parts:
                yield from hits(part, steps[i + 1 :])
            return
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return
        elif not isinstance(value, list) or not -len(value) <= step < len(value):
            return
        value = value[step]
    yield value


def _by_distinct(
    text: pa.Array[Any], make: Callable[[list[Any]], pa.Array[Any]], read: Callable[[Any], Any]
) -> tuple[pa.Array[Any], Mask]:
    """A column made of what `read` gives for each distinct text, and the rows whose text is no JSON."""
    coded: Any = call("dictionary_encode", text)
    made, bad = [], []
    for value in coded.dictionary.to_pylist():
        try:
            made.append(read(loads(value)))
            bad.append(False)
        except (ValueError, RecursionError):
            made.append(None)
            bad.append(True)
    codes = np.asarray(call("fill_null", coded.indices, len(made)))
    column = make([*made, None]).take(array_from(codes))
    return column, np.array([*bad, False], np.bool_)[codes]


def at_path(text: pa.Array[Any], steps: tuple[Step, ...]) -> tuple[pa.Array[Any], Mask]:
    """The first hit in each text, as text; null where there is none. Also: where the text is no JSON."""
    return _by_distinct(text, texts_from, lambda value: text_of(next(hits(value, steps), None)))


def all_at_path(text: pa.Array[Any], steps: tuple[Step, ...]) -> tuple[pa.Array[Any], Mask]:
    """All hits in each text, as an array of texts."""
    return _by_distinct(text, _lists, lambda value: [text_of(hit) for hit in hits(value, steps)])


def _lists(values: list[Any]) -> pa.Array[Any]:
    sizes = np.array([len(v or ()) for v in values], np.int64)
    items = texts_from([item for v in values if v for item in v])
    return lists_from(sizes, items, np.array([v is not None for v in values], np.bool_))


def objects(text: pa.Array[Any]) -> tuple[pa.Array[Any], Mask, Mask]:
    """Each text as a map of its members' texts; where it is no JSON, and where it is JSON of another kind."""
    others: list[bool] = []

    def members(value: Any) -> dict[str, str | None] | None:
        others.append(not isinstance(value, dict) and value is not None)
        return {clean(k): text_of(v) for k, v in value.items()} if isinstance(value, dict) else None

    coded: Any = call("dictionary_encode", text)
    distinct, bad = _by_distinct(coded.dictionary, _maps, members)
    other = np.zeros(len(distinct) + 1, np.bool_)
    other[:-1][~bad] = others
    codes = np.asarray(call("fill_null", coded.indices, -1))
    column = distinct.take(array_from(codes.astype(np.int64), codes < 0))
    return column, np.append(bad, False)[codes], other[codes]


def _maps(values: list[Any]) -> pa.Array[Any]:
    sizes = np.array([len(v or ()) for v in values], np.int64)
    keys = texts_from([k for v in values if v for k in v])
    items = texts_from([item for v in values if v for item in v.values()])
    return maps_from(sizes, keys, items, np.array([v is not None for v in values], np.bool_))
