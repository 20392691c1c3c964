"""What parsing gives: frozen values with spans. Equal when they mean the same: spans take no part in `==`.

`text()` of an expression is canonical: parsing it gives an equal value.
"""

from __future__ import annotations

import math
import re
from dataclasses import field
from typing import Any

from .records import dataclass
from .text import Span

RESERVED = frozenset({"and", "or", "not", "by", "as", "where", "true", "false", "null"})
PLAIN_NAME = re.compile(r"[^\W\d][\w.@\u0300-\u036f]*\Z")
LOOSEST, TIGHTEST = 0, 9
PRECEDENCE = {"or": 1, "and": 2, "not": 3, "==": 4, "!=": 4, "in": 4, "<": 5, "<=": 5, ">": 5, ">=": 5,
              "+": 6, "-": 6, "*": 7, "/": 7, "neg": 8}  # fmt: skip
BINARY = frozenset({"==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/"})


def quote_name(name: str) -> str:
    """A field name as it must be written: bare, or in back quotes."""
    if PLAIN_NAME.match(name) and name not in RESERVED:
        return name
    return "`" + name.replace("`", "``") + "`"


def quote_text(text: str, literal_stars: tuple[int, ...] = ()) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    parts = ("\\*" if i in literal_stars else escapes.get(c, c) for i, c in enumerate(text))
    return '"' + "".join(parts) + '"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr:
    span: Span = field(default=Span(0, 0), compare=False, repr=False)

    def text(self, outer: int = LOOSEST) -> str:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Expr):
    """A string. Which stars are literal matters only on the right of `==`, so both readings are kept."""

    value: str
    literal_stars: tuple[int, ...] = ()  # offsets into value; of `"..."` only
    raw: bool = False  # `'...'`: `\\*` stays two characters, and means a literal star as a pattern

    def text(self, outer: int = LOOSEST) -> str:
        return "'" + self.value.replace("'", "''") + "'" if self.raw else quote_text(self.value, self.literal_stars)

    def pieces(self) -> tuple[str, ...]:
        """The wildcard pattern cut at its stars; one piece means that nothing is wild."""
        if self.raw:
            return tuple(p.replace("\0", "*") for p in self.value.replace("\\*", "\0").split("*"))
        out, last = [], 0
        for i, c in enumerate(self.value):
            if c == "*" and i not in self.literal_stars:
                out.append(self.value[last:i])
                last = i + 1
        return (*out, self.value[last:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Expr):
    value: int | float

    def text(self, outer: int = LOOSEST) -> str:
        return "1e999" if self.value == math.inf else repr(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Expr):
    value: bool | None

    def text(self, outer: int = LOOSEST) -> str:
        return {True: "true", False: "false", None: "null"}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(Expr):
    """Calendar months and fixed nanoseconds; never both."""

    months: int = 0
    ns: int = 0
    weeks: bool = False  # written in weeks alone: as a span it starts on Mondays, which 7d does not

    def text(self, outer: int = LOOSEST) -> str:
        if self.weeks:
            return f"{self.ns // DURATION_NS['w']}w"
        if self.months:
            return f"{self.months // 12}y" if self.months % 12 == 0 else f"{self.months}mon"
        left, out = self.ns, []
        for unit, size in DURATION_NS.items():
            if unit != "w" and left >= size:
                out.append(f"{left // size}{unit}")
                left %= size
        return "".join(out) or "0s"


DURATION_NS = {"w": 604_800 * 10**9, "d": 86_400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9,
               "ms": 10**6, "us": 10**3, "ns": 1}  # fmt: skip
DURATION_MONTHS = {"mon": 1, "q": 3, "y": 12}


def fits(months: int, ns: int) -> bool:
    """Whether a length can be kept: months in 32 bits, the rest as microseconds in 64."""
    return months < 2**31 and ns // 1000 < 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Expr):
    name: str

    def text(self, outer: int = LOOSEST) -> str:
        return quote_name(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Param(Expr):
    names: tuple[str, ...]
    default: Expr | None = None

    def text(self, outer: int = LOOSEST) -> str:
        parts = [quote_text(n) for n in self.names] + ([self.default.text()] if self.default else [])
        return f"$({', '.join(parts)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Expr):
    """A function or operator; `op` is set for an operator, whose name is then its sign."""

    name: str
    args: tuple[Expr, ...] = ()
    named: tuple[tuple[str, Expr], ...] = ()
    op: bool = False
    bare: bool = False  # an aggregate without brackets: `count`

    def text(self, outer: int = LOOSEST) -> str:
        if not self.op:
            args = [a.text() for a in self.args] + [f"{k}={v.text()}" for k, v in self.named]
            return self.name if self.bare else f"{self.name}({', '.join(args)})"
        level = PRECEDENCE[self.name]
        if self.name == "neg":
            out = "-" + self.args[0].text(level)
        elif self.name == "not":
            inner = self.args[0].text(level)
            out = f"not {inner}"
        elif self.name in ("and", "or"):
            out = f" {self.name} ".join(a.text(level + 1) for a in self.args)
        elif self.name == "in":
            out = f"{self.args[0].text(level)} in ({', '.join(a.text() for a in self.args[1:])})"
        else:
            out = self._chain_text()
        return f"({out})" if level < outer else out

    def _chain_text(self) -> str:
        """`a + b + c` leans to the left: a loop, since long chains are no nesting."""
        parts: list[str] = []
        node: Expr = self
        while isinstance(node, Call) and node.op and node.name in BINARY and len(node.args) == 2:
            level = PRECEDENCE[node.name]
            parts.append(f" {node.name} {node.args[1].text(level + 1)}")
            left = node.args[0]
            if not (isinstance(left, Call) and left.op and PRECEDENCE[left.name] >= level and left.name in BINARY):
                parts.append(left.text(level))
                break
            node = left
        return "".join(reversed(parts))


@dataclass(frozen=True, slots=True)
class Field:
    """A name in a field list; `pattern` if it has stars, `param` if a parameter names it."""

    name: str
    span: Span = field(compare=False, repr=False)
    pattern: bool = False
    param: Param | None = None

    def text(self) -> str:
        return self.param.text() if self.param else self.name if self.pattern else quote_name(self.name)


@dataclass(frozen=True, slots=True)
class Pair:
    left: Field
    right: Field | None
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Column:
    """`F:TYPE`, a field that is declared."""

    name: str
    kind: str
    span: Span = field(compare=False, repr=False)
    kind_span: Span = field(compare=False, repr=False)

    def text(self) -> str:
        return f"{quote_name(self.name)}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Signed:
    key: Field
    descending: bool
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """`E [where E] [as A] [fill M]`, in lists of aggregates, keys and resampled columns."""

    expr: Expr
    where: Expr | None
    alias: Field | None
    fill: Any
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Assign:
    targets: tuple[Field, ...]
    expr: Expr
    span: Span = field(compare=False, repr=False)
