"""Regular expressions: Java's spelling, RE2's machine. Checked and rewritten once, at bind.

RE2 runs in linear time, so it knows neither look-around nor back-references: such patterns go to Python's machine where
that is allowed. What only spells differently in Java (`(?<name>`, `\\uXXXX`, `\\p{Alpha}`) is rewritten. Groups are renamed g1, g2, ... for RE2: the field names that users
give them may hold letters it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.records import dataclass
from . import regexpython
from .arrow import bitmap_of, buffer_of, bytes_of, call, is_valid, offsets_of
from .regexspelling import JAVA_CLASSES
from .strings import cut

if TYPE_CHECKING:
    from ..planner.catalog import CallBinder


class PatternError(ValueError):
    """A pattern that RE2 refuses. `offset`: of the offending part, in characters of the pattern as written."""

    def __init__(self, message: str, offset: int, length: int = 1, beyond_re2: bool = False) -> None:
        super().__init__(message)
        self.message, self.offset, self.length = message, offset, length
        self.beyond_re2 = beyond_re2  # good Java or Python, but nothing that runs in linear time

    def __reduce__(self) -> Any:
        return PatternError, (self.message, self.offset, self.length, self.beyond_re2)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A checked pattern. `names`: one a capture group, in order; "" for a group without one."""

    source: str
    names: tuple[str, ...]
    pieces: tuple[str, ...]  # RE2 text around the openings of the groups: n_groups + 1 of them
    python: re.Pattern[str] | None = None  # the machine of a pattern that RE2 refuses

    @property
    def n_groups(self) -> int:
        return len(self.names)

    @property
    def re2_text(self) -> str:
        """The whole pattern with every group named g1, g2, ...: for matching, replacing and `extract_regex`."""
        return self.keep(range(1, self.n_groups + 1))

    def keep(self, groups: Sequence[int]) -> str:
        """The pattern capturing only these groups (0: the whole match), which is cheaper than all of them."""
        out = [self.pieces[0]]
        for i, piece in enumerate(self.pieces[1:], 1):
            out += [f"(?P<g{i}>" if i in groups else "(?:", piece]
        text = "".join(out)
        return f"(?P<g0>{text})" if 0 in groups else text

    def group(self, which: str | int) -> int:
        """The number of a group given by name or number; KeyError if there is none."""
        if isinstance(which, str):
            if which in self.names and which:
                return self.names.index(which) + 1
            raise KeyError(which)
        if not 0 <= which <= self.n_groups:
            raise KeyError(which)
        return which


_NO_RE2 = {
    "?=": "look-ahead", "?!": "negative look-ahead", "?<=": "look-behind", "?<!": "negative look-behind",
    "?>": "an atomic group",
}  # fmt: skip
_LINEAR = "RE2 matches in linear time and has none"
_UNICODE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_CLASS_NAME = re.compile(r"\\([pP])\{(\w+)\}")
_GROUP_NAME = re.compile(r"\?P?<([^>]*)>")
_BACK_NAME = re.compile(r"\\k<\w*>|\(\?P=\w*\)")


class _Reader:
    """One pass over a pattern: finds the capture groups, rewrites Java's spellings."""

    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0
        self.names: list[str] = []
        self.pieces: list[str] = []
        self.out: list[str] = []
        self.open: list[int] = []  # where each bracket that is not closed yet stands

    def read(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        while self.at < len(self.source):
            c = self.source[self.at]
            if c == "\\":
                self.escape(in_class=False)
            elif c == "[":
                self.character_class()
            elif c == "(":
                self.open.append(self.at)
                self.opening()
            else:
                if c == ")":
                    if not self.open:
                        raise PatternError("no ( is open for this )", self.at)
                    self.open.pop()
                self.copy(1)
        if self.open:
            raise PatternError("missing ) for this (", self.open[-1])
        self.pieces.append("".join(self.out))
        return tuple(self.names), tuple(self.pieces)

    def copy(self, n: int) -> None:
        self.out.append(self.source[self.at : self.at + n])
        self.at += n

    def put(self, text: str, read: int) -> None:
        self.out.append(text)
        self.at += read

    def escape(self, in_class: bool) -> None:
        source, at = self.source, self.at
        if source.startswith("\\Q", at):  # literal up to \E or the end; RE2 knows it too, but not within a class
            end = source.find("\\E", at + 2)
            stop = len(source) if end < 0 else end
            self.put(re.escape(source[at + 2 : stop]), (stop if end < 0 else end + 2) - at)
        elif found := _UNICODE.match(source, at):
            self.put(f"\\x{{{found[1]}}}", 6)
        elif (found := _CLASS_NAME.match(source, at)) and found[2] in JAVA_CLASSES:
            name = f"[:{'^' if found[1] == 'P' else ''}{JAVA_CLASSES[found[2]]}:]"
            self.put(name if in_class else f"[{name}]", len(found[0]))
        elif found := _BACK_NAME.match(source, at):
            self.refuse("a back-reference", found[0])
        elif not in_class and source[at + 1 : at + 2] in tuple("123456789"):
            self.refuse("a back-reference", source[at : at + 2])
        else:
            self.copy(2)

    def character_class(self) -> None:
        begin = self.at
        self.copy(2 if self.source.startswith("[^", begin) else 1)
        if self.source.startswith("]", self.at):  # a bracket that stands first is a member
            self.copy(1)
        while self.at < len(self.source) and self.source[self.at] != "]":
            if self.source[self.at] == "\\":
                self.escape(in_class=True)
            elif self.source.startswith("[:", self.at) and ":]" in self.source[self.at :]:
                self.copy(self.source.index(":]", self.at) + 2 - self.at)
            elif self.source.startswith("&&[", self.at):
                self.refuse("an intersection of classes", "&&[")
            else:
                self.copy(1)
        if self.at == len(self.source):
            raise PatternError("missing ]", begin)
        self.copy(1)

    def opening(self) -> None:
        source, at = self.source, self.at
        if found := _BACK_NAME.match(source, at):
            self.refuse("a back-reference", found[0])
        for spelled, what in _NO_RE2.items():
            if source.startswith(spelled, at + 1):
                self.refuse(what, "(" + spelled)
        if found := _GROUP_NAME.match(source, at + 1):
            name = found[1]
            if not name.isidentifier():
                raise PatternError(f"'{name}' cannot name a group: letters, digits and _", at, len(found[0]) + 1)
            if name in self.names:
                raise PatternError(f"two groups are named {name}", at, len(found[0]) + 1)
            self.begin_group(name, len(found[0]) + 1)
        elif source.startswith("?", at + 1):
            self.copy(2)
        else:
            self.begin_group("", 1)

    def begin_group(self, name: str, read: int) -> None:
        self.names.append(name)
        self.pieces.append("".join(self.out))
        self.out = []
        self.at += read

    def refuse(self, what: str, text: str) -> None:
        raise PatternError(f"{what}, '{text}': {_LINEAR}", self.at, len(text), beyond_re2=True)


@lru_cache(maxsize=512)
def compile_re2(source: str) -> Pattern:
    """The pattern in RE2's terms; PatternError (a ValueError with `offset`) says what it refuses and why."""
    names, pieces = _Reader(source).read()
    pattern = Pattern(source, names, pieces)
    try:
        call("match_substring_regex", _ONE_EMPTY, pattern=pattern.re2_text)
    except pa.ArrowInvalid as refused:
        raise _placed(source, str(refused)) from None
    return pattern


def constant_pattern(call: CallBinder, i: int) -> Pattern:
    """The pattern that argument `i` of a function is; E307 at that argument if it is none."""
    source = call.constant(i)
    if not call.is_constant(i) or not isinstance(source, str):
        call.fail("E307", f"{call.name} takes a constant regular expression", at=i)
    try:
        return compile_re2(source)
    except PatternError as refused:
        said = f"bad regular expression at character {refused.offset + 1}: {refused}"
        if not refused.beyond_re2:
            call.fail("E307", said, at=i)
        if call.safe:
            call.fail("E705", "only linear-time regular expressions run in safe mode", at=i, hint=str(refused))
        try:
            machine = regexpython.compile_python(source)
        except re.error as why:
            at = f" at character {why.pos + 1}" if why.pos is not None else ""
            call.fail("E307", f"bad regular expression{at}: {why.msg}", at=i, hint=str(refused))
        reason, hint = (
            "the pattern needs Python's regular expressions",
            f"{refused}; this is slower and one row at a time",
        )
        call.note("info", reason, at=i, hint=hint)
        return Pattern(source, regexpython.names_of(machine), (), machine)


def _placed(source: str, refusal: str) -> PatternError:
    """RE2 names the offending part at the end of its message; where it stands in the pattern is looked up."""
    reason = refusal.removeprefix("Invalid regular expression: ").strip()
    what, _, part = reason.partition(": ")
    at = source.find(part) if part else -1
    if what == "bad repetition operator" and part in ("++", "*+", "?+"):
        return PatternError(f"a possessive repetition, '{part}': {_LINEAR}", max(at, 0), len(part), beyond_re2=True)
    if part and at < 0:  # as it was rewritten, which says nothing to who wrote it
        return PatternError(what, 0, len(source))
    return PatternError(reason, max(at, 0), len(part) if part else len(source))


_ONE_EMPTY: pa.Array[Any] = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(bytes(8)), pa.py_buffer(b"")])


def java_replacement(text: str, pattern: Pattern) -> str:
    """`$1`, `${name}`, `$0` and `\\$` of a replacement, as RE2's rewrite text; ValueError for a group that is not there.

    As in Java, `$12` is group 12 if there is one, else group 1 and the digit 2.
    """
    out: list[str] = []
    at = 0
    while at < len(text):
        c = text[at]
        if c == "\\" and at + 1 < len(text):
            out.append(_rewrite_literal(text[at + 1]))
            at += 2
        elif c == "$":
            group, at = _group_at(text, at, pattern)
            out.append(f"\\{group}" if group < 10 else "")
        else:
            out.append(_rewrite_literal(c))
            at += 1
    return "".join(out)


def _rewrite_literal(c: str) -> str:
    return "\\\\" if c == "\\" else c


def _group_at(text: str, at: int, pattern: Pattern) -> tuple[int, int]:
    """The group that a `$` at `at` names, and where the text goes on."""
    named = re.compile(r"\$\{(\w+)\}").match(text, at)
    if named:
        if named[1] not in pattern.names:
            raise ValueError(f"the pattern has no group named {named[1]}")
        return _few(pattern.names.index(named[1]) + 1), named.end()
    digits = re.compile(r"\$(\d+)").match(text, at)
    if digits is None:
        raise ValueError("'$' is followed by no group; a plain dollar is \\$")
    number, used = int(digits[1][0]), 1
    while used < len(digits[1]) and number * 10 + int(digits[1][used]) <= pattern.n_groups:
        number = number * 10 + int(digits[1][used])
        used += 1
    if number > pattern.n_groups:
        raise ValueError(f"the pattern has no group {number}")
    return _few(number), at + 1 + used


def _few(group: int) -> int:
    if group > 9:
        raise ValueError("a replacement can name groups 0 to 9")
    return group


_OPEN, _CLOSE = 0xFE, 0xFF  # bytes that valid UTF-8 never holds


def find_all(text: pa.Array[Any], pattern: Pattern, group: int) -> pa.Array[Any]:
    """Every match's `group` in each text, as a list of strings ("" where the group took no part); null for null.

    RE2's global replacement keeps what stands before a match in view (`^`, `\\b`), so it does the searching: each match
    is replaced by the group between two marks, and the marks are then found in the bytes.
    """
    if pattern.python is not None:
        begins, every = regexpython.all_matches(text, pattern.python, group)
        return list_array(begins, every, ~is_valid(text))
    rewrite = bytes((_OPEN,)) + rf"\{1 if group else 0}".encode() + bytes((_CLOSE,))
    kept = pattern.keep((group,) if group else ())
    marked = call("replace_substring_regex", text, pattern=kept, replacement=rewrite)
    data, offsets = bytes_of(marked.buffers()[2]), offsets_of(marked)
    used = data[: offsets[-1]]
    begin = (np.flatnonzero(used == _OPEN) + 1).astype(np.int32)
    end = np.flatnonzero(used == _CLOSE).astype(np.int32)
    items = cut(data, begin, end - begin)
    bounds = np.searchsorted(begin, offsets, side="right").astype(np.int32)
    return list_array(bounds, items, ~is_valid(text))


def replace_all(text: pa.Array[Any], pattern: Pattern, rewrite: str) -> pa.Array[Any]:
    """Every match as `rewrite`, which `java_replacement` made."""
    if pattern.python is not None:
        return regexpython.replace_all(text, pattern.python, rewrite)
    return call("replace_substring_regex", text, pattern=pattern.re2_text, replacement=rewrite)


def list_array(bounds: NDArray[np.int32], items: pa.Array[Any], nulls: NDArray[np.bool_]) -> pa.Array[Any]:
    """Lists of `items` cut at `bounds` (n + 1 of them)."""
    kind = pa.list_(items.type)
    return pa.Array.from_buffers(kind, len(bounds) - 1, [bitmap_of(nulls), buffer_of(bounds)], children=[items])
