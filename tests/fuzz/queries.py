"""Texts that are nearly queries: pieces of real ones, changed; words at random; deep nesting."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

TESTS = Path(__file__).parent.parent
QUERY = re.compile(r"^query\n(.*?)\n(?=expect|error|notes|given|same-as|query|#|\Z)", re.S | re.M)
WORDS = [
    "|", "[", "]", "(", ")", '"', "'", "`", ",", "=", "==", "!=", "<", "<=", ">", "+", "-", "*", "/", ".", "$", "$(", '$("x")', "$x", "#",
    "# ", "//", "// ", "and", "or", "not", "by", "as", "where", "true", "null", "in", "table", "t", "stats", "count", "sum(", "eval",
    "search", "set", "setq", "proc", "use", "param", "def", "explain", "explain analyze", "json", '"{}"', "1", "0x", "0x2a", "1e", "1e999",
    ".5", "9999999999999999999", "-9223372036854775808", "1h30m", "5m", "1mon1d", "\\", "\\n", "\\u12", "\n", "\r\n", "\t", "\0", "\x1b",
    "\ud800", "\udfff", "\u202e", "\u00a0", "\u3000", "，", "“", "”", "‘", "’", "—", "｜", "한글", "é", "e\u0301", "🙂", "field=", "span=5m",
    "limit", "sort", "rex", "field=line", "'(?<a>'", '"(?<a>.)"', "timechart", "@", "~", "%", "&&", "||", "!", "?", ";", ":", "{", "}", "^",
    "&", "*_ms", "_*", "sum", "(?<", "\u2028", "\ufeff", "fields -", "rename", "x", "y", "system", "tables", "output", "fill", "for", "rows",
]  # fmt: skip


@lru_cache(maxsize=1)
def corpus() -> list[str]:
    """Queries of the specs and of the error cases."""
    found = [m[1] for p in sorted(TESTS.glob("specs/**/*.spec")) for m in QUERY.finditer(p.read_text())]
    found += [p.read_text().split("\n\n")[0] for p in sorted(TESTS.glob("errors/*.err"))]
    return [q for q in found if 5 < len(q) < 600]


def changed(draw: random.Random) -> str:
    query = draw.choice(corpus())
    for _ in range(draw.choice([1, 1, 1, 2, 3, 6])):
        i = draw.randint(0, len(query))
        j = min(len(query), i + draw.randint(1, 8))
        match draw.randint(0, 9):
            case 0 | 1:
                query = query[:i] + query[j:]
            case 2 | 3 | 4:
                query = query[:i] + draw.choice(WORDS) + query[i:]
            case 5:
                query = query[:i] + _character(draw) + query[j:]
            case 6:
                query = query[:i]
            case 7:
                query = query[:i] + query[i:j] * draw.randint(2, 30) + query[j:]
            case 8:
                other = draw.choice(corpus())
                k = draw.randint(0, len(other))
                query = query[:i] + other[k : k + draw.randint(1, 30)] + query[i:]
            case _:
                query = query.replace(draw.choice(WORDS), draw.choice(WORDS), draw.randint(1, 3))
    return query


def _character(draw: random.Random) -> str:
    low, high = draw.choice([(0, 127), (0, 0x2FFF), (0xD7F0, 0xE010), (0x10000, 0x10FFFF)])
    return chr(draw.randint(low, high))


def soup(draw: random.Random) -> str:
    return draw.choice(["", " "]).join(draw.choice(WORDS) for _ in range(draw.randint(0, 25)))


NESTED: list[Callable[[int], str]] = [
    lambda n: "search " + "(" * n + "id>1" + ")" * n,
    lambda n: "search " + "(" * n,
    lambda n: "search " + "]" * n,
    lambda n: "eval a=" + "-" * n + "1",
    lambda n: "search " + "not " * n + "true",
    lambda n: "eval a=" + "abs(" * n + "1" + ")" * n,
    lambda n: "eval a=" + "+".join(["i"] * n),
    lambda n: "search " + " or ".join(["i==1"] * n),
    lambda n: "setq " + '[ json "{}" | setq ' * n + "]" * n,
    lambda n: " | ".join(["bypass"] * n),
    lambda n: "# " + "[" * n,
    lambda n: "eval a=" + "=".join(["b"] * n) + "=1",
    lambda n: "search i in (" + ",".join(map(str, range(n))) + ")",
]


def deep(draw: random.Random) -> str:
    return "table t | " + draw.choice(NESTED)(draw.choice([5, 50, 99, 100, 101, 300, 2000]))
