"""JSON texts and the values in them that a path names. Each distinct text is read once.

A value is text: strings as they are, numbers, true and false as they were written, arrays and objects as they were
written without the blanks between their parts. JSON's null is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]
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
BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\n\r]+')


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


def _no_json(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_values = json.JSONDecoder(parse_constant=_no_json)
_places: Any = json.JSONDecoder(parse_int=float, parse_constant=_no_json)  # its values are thrown away


def loads(text: str) -> Any:
    """The value of a JSON text; ValueError or RecursionError where it is none."""
    return whole(_values.decode(text))


def whole(value: Any) -> Any:
    """The same value with clean texts throughout."""
    match value:
        case str():
            return clean(value)
        case list():
            return [whole(v) for v in value]
        case dict():
            return {clean(k): whole(v) for k, v in value.items()}
    return value


def clean(text: str) -> str:
    """Halves of surrogate pairs, which JSON can spell and UTF-8 cannot, become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if HALF.search(text) else text


# places in one text


def _blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r":
        at += 1
    return at


def _end(text: str, at: int) -> int:
    """Behind the value that begins at `at`."""
    try:
        return int(_places.scan_once(text, at)[1])
    except StopIteration:
        raise ValueError("no value") from None


def begin(text: str) -> int:
    """Where the one value of a text begins; ValueError or RecursionError where it is no JSON."""
    at = _blanks(text, 0)
    if _blanks(text, _end(text, at)) != len(text):
        raise ValueError("more than one value")
    return at


def members(text: str, at: int) -> dict[str, int]:
    """Where the value of each key of the good object at `at` begins; the last of equal keys wins."""
    out: dict[str, int] = {}
    at = _blanks(text, at + 1)
    while text[at] == '"':
        key, at = scanstring(text, at + 1, True)
        out[clean(key)] = at = _blanks(text, _blanks(text, at) + 1)
        at = _blanks(text, _end(text, at))
        if text[at] == ",":
            at = _blanks(text, at + 1)
    return out


def elements(text: str, at: int) -> list[int]:
    """Where the elements of the good array at `at` begin."""
    out: list[int] = []
    at = _blanks(text, at + 1)
    while text[at] != "]":
        out.append(at)
        at = _blanks(text, _end(text, at))
        if text[at] == ",":
            at = _blanks(text, at + 1)
    return out


def text_of(text: str, at: int) -> str | None:
    """The good value at `at` as text."""
    match text[at]:
        case "n":
            return None
        case '"':
            return clean(scanstring(text, at + 1, True)[0])
        case "{" | "[":
            return BETWEEN.sub(r"\1", text[at : _end(text, at)])
    return text[at : _end(text, at)]


def hits(text: str, at: int, steps: Sequence[Step]) -> Iterator[int]:
    """Where the values at a path begin, in order, from the good value at `at` on."""
    for i, step in enumerate(steps):
        kind = text[at]
        if step is None:
            parts = members(text, at).values() if kind == "{" else elements(text, at) if kind == "[" else ()
            for part in parts:
                yield from hits(text, part, steps[i + 1 :])
            return
        if isinstance(step, str):
            found = members(text, at).get(step) if kind == "{" else None
        else:
            places = elements(text, at) if kind == "[" else []
            found = places[step] if -len(places) <= step < len(places) else None
        if found is None:
            return
        at = found
    yield at


# columns


def _by_distinct(
    text: pa.Array[Any], make: Callable[[list[Any]], pa.Array[Any]], read: Callable[[str, int], Any]
) -> tuple[pa.Array[Any], Mask]:
    """A column made of what `read` gives for each distinct text, and the rows whose text is no JSON."""
    coded: Any = call("dictionary_encode", text)
    made, bad = [], []
    for value in coded.dictionary.to_pylist():
        try:
            made.append(read(value, begin(value)))
            bad.append(False)
        except (ValueError, RecursionError):
            made.append(None)
            bad.append(True)
    codes = np.asarray(call("fill_null", coded.indices, len(made)))
    column = make([*made, None]).take(array_from(codes))
    return column, np.array([*bad, False], np.bool_)[codes]


def at_path(text: pa.Array[Any], steps: tuple[Step, ...], compiled: bool = False) -> tuple[pa.Array[Any], Mask]:
    """The first hit in each text, as text; null where there is none. Also: where the text is no JSON."""
    if compiled and all(isinstance(s, str) or (s is not None and s >= 0) for s in steps):
        from .jsonfast import at_path as quick

        return quick(text, steps)

    def first(value: str, at: int) -> str | None:
        found = next(hits(value, at, steps), None)
        return None if found is None else text_of(value, found)

    return _by_distinct(text, texts_from, first)


def all_at_path(text: pa.Array[Any], steps: tuple[Step, ...], _: bool = False) -> tuple[pa.Array[Any], Mask]:
    """All hits in each text, as an array of texts."""
    return _by_distinct(text, _lists, lambda value, at: [text_of(value, hit) for hit in hits(value, at, steps)])


def _lists(values: list[Any]) -> pa.Array[Any]:
    sizes = np.array([len(v or ()) for v in values], np.int64)
    items = texts_from([item for v in values if v for item in v])
    return lists_from(sizes, items, np.array([v is not None for v in values], np.bool_))


def objects(text: pa.Array[Any], compiled: bool = False) -> tuple[pa.Array[Any], Mask, Mask]:
    """Each text as a map of its members' texts; where it is no JSON, and where it is JSON of another kind."""
    if compiled:
        from .jsonfast import objects as quick

        return quick(text)
    coded: Any = call("dictionary_encode", text)
    made: list[dict[str, str | None] | None] = []
    state = np.zeros(len(coded.dictionary) + 1, np.uint8)  # 1: no JSON, 2: no object
    for i, value in enumerate(coded.dictionary.to_pylist()):
        try:
            at = begin(value)
            is_object = value[at] == "{"
            made.append({k: text_of(value, v) for k, v in members(value, at).items()} if is_object else None)
            state[i] = 0 if is_object or value[at] == "n" else 2
        except (ValueError, RecursionError):
            made.append(None)
            state[i] = 1
    codes = np.asarray(call("fill_null", coded.indices, len(made)))
    column = _maps([*made, None]).take(array_from(codes))
    return column, state[codes] == 1, state[codes] == 2


def _maps(values: list[Any]) -> pa.Array[Any]:
    sizes = np.array([len(v or ()) for v in values], np.int64)
    keys = texts_from([k for v in values if v for k in v])
    items = texts_from([item for v in values if v for item in v.values()])
    return maps_from(sizes, keys, items, np.array([v is not None for v in values], np.bool_))
