"""JSON as people write it in a query: single quotes, bare keys, trailing commas. Says where it is broken."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from .jsonvalues import whole

DEEPEST = 200
HALF = re.compile(r"\\u[dD][89a-fA-F]")  # an escape of half a character, which may stand alone
BLANK = re.compile(r"\s*")
BARE = re.compile(r"[^\W\d][\w.@$-]*")
NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|Infinity|NaN)(?![\w.])")
PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'", "\n": ""}
WORDS = {"true": True, "false": False, "null": None, "NaN": float("nan"), "Infinity": float("inf")}


class BadJson(ValueError):
    """`at`: character offset of what cannot be read."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def loads(text: str) -> Any:
    """The value of a whole text; BadJson if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _Reader(text).whole()


def objects(text: str) -> list[dict[str, Any]]:
    """The objects of a text that is one, an array of them, or several one behind the other."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        reader = _Reader(text)
        values = reader.values()
        value = values[0] if len(values) == 1 else values
    rows = value if isinstance(value, list) else [value]
    for row in rows:
        if not isinstance(row, dict):
            raise BadJson(
                f"a row is an object such as {{'a': 1}}, not {json.dumps(row)[:40]}", max(0, text.find(json.dumps(row)))
            )
    return [whole(row) for row in rows] if HALF.search(text) else rows


class _Reader:
    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def whole(self) -> Any:
        values = self.values()
        if len(values) != 1:
            raise BadJson("there is more behind the value", self._at)
        return values[0]

    def values(self) -> list[Any]:
        out = [self._value()]
        while self._peek():
            out.append(self._value())
        return out

    def _fail(self, message: str, at: int | None = None) -> NoReturn:
        raise BadJson(message, min(self._at if at is None else at, len(self._text)))

    def _peek(self) -> str:
        found = BLANK.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        c = self._peek()
        if c in ("{", "["):
            self._depth += 1
            if self._depth > DEEPEST:
                self._fail(f"brackets are nested more than {DEEPEST} deep")
            made: Any = self._object() if c == "{" else self._array()
            self._depth -= 1
            return made
        if c in ("'", '"'):
            return self._string()
        if number := NUMBER.match(self._text, self._at):
            self._at = number.end()
            return _number(number[0])
        if (word := BARE.match(self._text, self._at)) and word[0] in WORDS:
            self._at = word.end()
            return WORDS[word[0]]
        self._fail(
            f"'{word[0]}' is no value: text stands in quotes"
            if word
            else "a value is missing"
            if c
            else "the end comes too early"
        )

    def _object(self) -> dict[str, Any]:
        opened, out = self._at, dict[str, Any]()
        self._at += 1
        while (c := self._peek()) != "}":
            if not c:
                self._fail("'{' is never closed", opened)
            name = self._key(c)
            if self._peek() != ":":
                self._fail("':' is missing behind the key")
            self._at += 1
            out[name] = self._value()
            if self._peek() not in (",", "}"):
                self._fail("',' or '}' is missing") if self._peek() else self._fail("'{' is never closed", opened)
            if self._peek() == ",":
                self._at += 1
        self._at += 1
        return out

    def _key(self, c: str) -> str:
        if c in ("'", '"'):
            return self._string()
        found = BARE.match(self._text, self._at)
        if found is None:
            self._fail("a key is missing")
        self._at = found.end()
        return found[0]

    def _array(self) -> list[Any]:
        opened, out = self._at, list[Any]()
        self._at += 1
        while (c := self._peek()) != "]":
            if not c:
                self._fail("'[' is never closed", opened)
            out.append(self._value())
            if self._peek() not in (",", "]"):
                self._fail("',' or ']' is missing") if self._peek() else self._fail("'[' is never closed", opened)
            if self._peek() == ",":
                self._at += 1
        self._at += 1
        return out

    def _string(self) -> str:
        opened, quote, out = self._at, self._text[self._at], list[str]()
        self._at += 1
        while True:
            found = PLAIN[quote].match(self._text, self._at)
            assert found is not None
            out.append(found[0])
            self._at = found.end()
            c = self._text[self._at : self._at + 1]
            if not c:
                self._fail("a quote is never closed", opened)
            self._at += 1
            if c == quote:
                return "".join(out)
            out.append(self._escape())

    def _escape(self) -> str:
        c = self._text[self._at : self._at + 1]
        if c == "u":
            digits = self._text[self._at + 1 : self._at + 5]
            if not re.fullmatch(r"[0-9a-fA-F]{4}", digits):
                self._fail("\\u takes four hexadecimal digits", self._at - 1)
            self._at += 5
            code = int(digits, 16)
            if 0xD800 <= code < 0xDC00 and (
                low := re.match(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})", self._text[self._at : self._at + 6])
            ):
                self._at += 6
                code = 0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00
            return chr(code)
        if c not in ESCAPES or not c:
            self._fail(f"'\\{c}' is no escape", self._at - 1)
        self._at += 1
        return ESCAPES[c]


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text.replace("Infinity", "inf"))
