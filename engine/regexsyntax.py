"""Reads RE2's syntax into a tree, as far as it is understood to the letter; whatever else stands there is refused.

Classes are sets of bytes, as integers of 256 bits. A class holds all bytes of characters beyond ASCII or none of them, so
over valid UTF-8 a run of its bytes is a run of its characters. Source of the syntax: RE2, "Syntax" (re2/doc/syntax.txt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn, TypeAlias

from ..planner.records import dataclass

ASCII = (1 << 128) - 1
BEYOND = ASCII << 128  # bytes of characters that are not ASCII
CONTINUED = ((1 << 64) - 1) << 128  # those that begin none
ALL = ASCII | BEYOND
UNBOUNDED = 1 << 31


class Refused(ValueError):
    """What this reader does not understand; the pattern itself may be good."""


@dataclass(frozen=True, slots=True)
class Text:
    """Bytes as they stand: whole characters. `folded`: letters are small here and may be large in the text."""

    raw: bytes
    folded: bool = False

    def bits(self, at: int) -> int:
        """The class of one byte."""
        byte = self.raw[at : at + 1]
        return 1 << byte[0] | (1 << byte.upper()[0] if self.folded else 0)


@dataclass(frozen=True, slots=True)
class Run:
    """`least` to `most` characters of a class."""

    bits: int
    least: int
    most: int
    greedy: bool = True


@dataclass(frozen=True, slots=True)
class Opened:
    """A capture group begins here."""

    number: int


@dataclass(frozen=True, slots=True)
class Closed:
    number: int


@dataclass(frozen=True, slots=True)
class Either:
    """The first of these that goes on to match."""

    parts: tuple[Sequence_, ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A part that is no single character, so many times."""

    part: Sequence_
    least: int
    most: int
    greedy: bool = True


@dataclass(frozen=True, slots=True)
class Assertion:
    """`^`, `$` (the ends of the text) or `\\b`."""

    what: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """One character of some class that is no set of bytes (`\\pL`, `[가-힣]`)."""


Node: TypeAlias = "Text | Run | Opened | Closed | Either | Repeated | Assertion | Unknown"
Sequence_: TypeAlias = "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Tree:
    """`only_ascii`: right for texts that are ASCII; large and small letters beyond it are not known here."""

    nodes: Sequence_
    at_begin: bool  # bound to the beginning of the text
    at_end: bool  # and to its end
    only_ascii: bool = False


def byte_set(*ranges: str) -> int:
    """The class of ranges such as `az`."""
    bits = 0
    for pair in ranges:
        bits |= (1 << (ord(pair[1]) + 1)) - (1 << ord(pair[0]))
    return bits


_DIGIT, WORD = byte_set("09"), byte_set("09", "AZ", "az", "__")
_SPACE = byte_set("\t\n", "\f\r", "  ")
_PERL = {
    "d": _DIGIT, "w": WORD, "s": _SPACE, "D": ALL & ~_DIGIT, "W": ALL & ~WORD, "S": ALL & ~_SPACE,
}  # fmt: skip
_POSIX = {
    "alpha": byte_set("AZ", "az"), "digit": _DIGIT, "alnum": byte_set("09", "AZ", "az"), "upper": byte_set("AZ"),
    "lower": byte_set("az"), "punct": byte_set("!/", ":@", "[`", "{~"), "graph": byte_set("!~"), "print": byte_set(" ~"),
    "blank": byte_set("\t\t", "  "), "cntrl": byte_set("\0\x1f", "\x7f\x7f"), "xdigit": byte_set("09", "AF", "af"),
    "space": byte_set("\t\r", "  "), "ascii": ASCII, "word": WORD,
}  # fmt: skip
_SIGNS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


def parse(text: str) -> Tree:
    """The tree of a pattern that RE2 takes; Refused where this reader is not sure."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.groups = text, 0, 0
        self.dot, self.folds = ALL & ~(1 << 10), False

    def read(self) -> Tree:
        for flags in ("(?s)", "(?i)", "(?is)", "(?si)"):
            if self.eat(flags):
                self.dot = ALL if "s" in flags else self.dot
                self.folds = "i" in flags
                break
        part = self.alternatives(0)
        if self.at < len(self.text):
            self.refuse("a bracket that was not opened")
        at_begin, at_end = part[:1] == (_BEGIN,), part[-1:] == (_END,)
        return Tree(_joined(part[at_begin : len(part) - at_end]), at_begin, at_end, self.folds)

    def refuse(self, what: str) -> NoReturn:
        raise Refused(f"{what}, at {self.at}")

    def eat(self, text: str) -> bool:
        if self.text.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        if self.at >= len(self.text):
            self.refuse("the end of the pattern")
        self.at += 1
        return self.text[self.at - 1]

    def alternatives(self, depth: int) -> Sequence_:
        if depth > 50:
            self.refuse("brackets that are too deep")
        parts = [self.sequence(depth)]
        while self.eat("|"):
            parts.append(self.sequence(depth))
        return parts[0] if len(parts) == 1 else (Either(tuple(map(_joined, parts))),)

    def sequence(self, depth: int) -> Sequence_:
        out: list[Node] = []
        while self.at < len(self.text) and self.peek() not in "|)":
            out += self.repeated(depth)
        return tuple(out)

    def repeated(self, depth: int) -> Sequence_:
        part = self.atom(depth)
        times = self.times()
        if times is None:
            return part
        least, most, greedy = times
        if self.times() is not None or most == 0 or not part or isinstance(part[0], Assertion):
            self.refuse("a repetition of that")
        if len(part) == 1 and isinstance(part[0], Run) and part[0].least == part[0].most == 1:
            return (Run(part[0].bits, least, most, greedy),)
        if len(part) == 1 and isinstance(part[0], Text) and len(part[0].raw) == 1:
            return (Run(part[0].bits(0), least, most, greedy),)
        return (Repeated(_joined(part), least, most, greedy),)

    def times(self) -> tuple[int, int, bool] | None:
        """The repetition that stands here; a brace that is none is a sign like others."""
        for sign, least, most in (("*", 0, UNBOUNDED), ("+", 1, UNBOUNDED), ("?", 0, 1)):
            if self.eat(sign):
                return least, most, not self.eat("?")
        bounds = self.braces()
        return None if bounds is None else (*bounds, not self.eat("?"))

    def braces(self) -> tuple[int, int] | None:
        end = self.text.find("}", self.at)
        if self.peek() != "{" or end < 0:
            return None
        least, comma, most = self.text[self.at + 1 : end].partition(",")
        if not (least.isascii() and least.isdigit() and (most == "" or (most.isascii() and most.isdigit()))):
            return None
        self.at = end + 1
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else UNBOUNDED

    def atom(self, depth: int) -> Sequence_:
        c = self.peek()
        if c == "(":
            return self.group(depth)
        if c == "[":
            return (self.bracketed(),)
        if c == "\\":
            return (self.escaped(),)
        self.take()
        if c == ".":
            return (Run(self.dot, 1, 1),)
        if c == "$":
            return (_END,)
        if c == "^":
            return (_BEGIN,)
        if c in "*+?":
            self.refuse(f"'{c}' in this place")
        return (self.literal(c),)

    def group(self, depth: int) -> Sequence_:
        self.take()
        number = 0
        if self.eat("?P<g"):
            end = self.text.index(">", self.at)
            number, self.at = int(self.text[self.at : end]), end + 1
        elif not self.eat("?:"):
            self.refuse("flags, or a group without a name")
        part = self.alternatives(depth + 1)
        if not self.eat(")"):
            self.refuse("a bracket that is not closed")
        return (Opened(number), *part, Closed(number)) if number else part

    def escaped(self) -> Node:
        self.take()
        c = self.take()
        if c in _PERL:
            return Run(_PERL[c], 1, 1)
        if c in "AzbB":
            return Assertion({"A": "^", "z": "$"}.get(c, c))
        if c in "pP":
            self.property_name()
            return Unknown()
        return self.literal(self.sign(c))

    def literal(self, c: str) -> Node:
        if self.folds:
            return Text(c.lower().encode(), True) if c.isascii() else Unknown()
        return Text(c.encode("utf-8", "surrogatepass"))

    def property_name(self) -> None:
        if self.take() == "{":
            end = self.text.find("}", self.at)
            if end < 0:
                self.refuse("a class without an end")
            self.at = end + 1

    def sign(self, c: str) -> str:
        """The character of an escape: c stood behind the backslash."""
        if c in _SIGNS:
            return _SIGNS[c]
        if c == "x":
            return self.hexadecimal()
        if c.isascii() and not c.isalnum() and c != "_":
            return c
        self.refuse(f"the escape \\{c}")

    def hexadecimal(self) -> str:
        if self.eat("{"):
            end = self.text.find("}", self.at)
            digits, self.at = self.text[self.at : end], end + 1
        else:
            digits, self.at = self.text[self.at : self.at + 2], self.at + 2
        try:
            code = int(digits, 16)
        except ValueError:
            self.refuse("a code that is no number")
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000 or "_" in digits:
            self.refuse("a code that is no character")
        return chr(code)

    def bracketed(self) -> Node:
        self.take()
        inverted, bits, known, first = self.eat("^"), 0, True, True
        while first or self.peek() != "]":
            first = False
            if self.eat("[:"):
                bits |= self.posix()
            elif self.peek() == "\\" and self.text[self.at + 1 : self.at + 2] in tuple("dDwWsS"):
                bits |= _PERL[self.text[self.at + 1]]
                self.at += 2
            elif self.peek() == "\\" and self.text[self.at + 1 : self.at + 2] in ("p", "P"):
                self.at += 2
                self.property_name()
                known = False
            else:
                low, high = self.members()
                bits |= (1 << (min(high, 127) + 1)) - (1 << min(low, 128)) if low < 128 else 0
                if high > 127:
                    bits |= BEYOND if low <= 128 and high == 0x10FFFF else 0
                    known &= low <= 128 and high == 0x10FFFF
        self.take()
        if not known:
            return Unknown()
        bits |= _other_cases(bits) if self.folds else 0
        bits = ALL & ~bits if inverted else bits
        return Run(bits, 1, 1) if bits else self.refuse("a class of nothing")

    def posix(self) -> int:
        inverted, end = self.eat("^"), self.text.find(":]", self.at)
        name = self.text[self.at : end]
        if end < 0 or name not in _POSIX:
            self.refuse("the name of a class")
        self.at = end + 2
        return ALL & ~_POSIX[name] if inverted else _POSIX[name]

    def members(self) -> tuple[int, int]:
        """A character, or the range that it begins."""
        low = self.member()
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low, low
        self.take()
        high = self.member()
        if high < low:
            self.refuse("a range that runs down")
        return low, high

    def member(self) -> int:
        c = self.take()
        return ord(self.sign(self.take()) if c == "\\" else c)


_BEGIN, _END = Assertion("^"), Assertion("$")


def _joined(nodes: Sequence[Node]) -> Sequence_:
    """With texts that follow one another as one."""
    out: list[Node] = []
    for node in nodes:
        before = out[-1] if out else None
        if isinstance(node, Text) and isinstance(before, Text) and node.folded == before.folded:
            out[-1] = Text(before.raw + node.raw, node.folded)
        else:
            out.append(node)
    return tuple(out)


def _other_cases(bits: int) -> int:
    """The same letters, large for small and small for large."""
    small, large = bits & byte_set("az"), bits & byte_set("AZ")
    return small >> 32 | large << 32
