"""The formatter: what it writes, that it does so once, and that the meaning stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado import QueryError
from cortado.commands.language import language
from cortado.planner.format import format_query
from cortado.planner.parse import parse
from cortado.planner.parsed import Parsed
from tests.specfile import read_specs

SPECS = Path(__file__).parents[1] / "specs"
QUERIES = sorted({c.query for f in sorted(SPECS.rglob("*.spec")) for c in read_specs(f)})

SHOWN = [
    ("table a", "table a"),
    ("table a|search x==1|stats count by y", "table a\n| search x==1\n| stats count by y"),
    ("table  a\n\n|  search x ==   'a  |  b'", "table a\n| search x == 'a  |  b'"),
    ("table a | limit 5 // few", "table a\n| limit 5 // few"),
    ("table a // own\n// line\n| limit 5", "table a // own\n// line\n| limit 5"),
    ("// head\ntable a | // why\nlimit 5", "// head\ntable a\n| // why\n    limit 5"),
    ("# head\ntable a | # a note | limit 5", "# head\ntable a\n| # a note\n| limit 5"),
    ("table a | # two\nlines [ with | pipes ] | limit 5", "table a\n| # two\n    lines [ with | pipes ]\n| limit 5"),
    ("explain   analyze table a|limit 1", "explain analyze table a\n| limit 1"),
    ("explain [table a|limit 1]", "explain [\n    table a\n    | limit 1\n  ]"),
    ("explain [table a]", "explain [ table a ]"),
    ("csvfile http://h/f.csv | limit 1", "csvfile http://h/f.csv\n| limit 1"),
    ("table a ｜ limit 1", "table a\n| limit 1"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), SHOWN, ids=[q for q, _ in SHOWN])
def test_shown(query: str, expected: str) -> None:
    assert format_query(query, language()) == expected


def stages(text: str) -> tuple[Parsed, ...]:
    return parse(text, language()).stages


def check(query: str) -> None:
    try:
        before = stages(query)
    except QueryError:
        return
    made = format_query(query, language())
    assert stages(made) == before
    assert format_query(made, language()) == made
    assert parse(made, language()).explain == parse(query, language()).explain


@pytest.mark.parametrize("part", range(8))
def test_every_spec(part: int) -> None:
    assert len(QUERIES) > 100
    for query in QUERIES[part::8]:
        check(query)


BLANK = st.sampled_from([" ", "\n", "  ", " \n ", " // c | [\n", "\n// it's\n", "\t"])
STAGE = st.sampled_from([
    "search x == 'a | b'", 'eval a = "x \\" | [", b=1', "stats count, sum(bytes) as b by `a | b`, c", "limit 5 2", "# note [ x ] y",
    "# don't\n  do it", "rex '(?<a>\\S+) \"'", "sort limit=3 -x, y", "eval s = concat(\"//\", ' // ')", "fields - a, b*",
])  # fmt: skip


@st.composite
def queries(draw: st.DrawFn, depth: int = 0) -> str:
    source = draw(st.sampled_from(["table a", "textfile 'a b|c'", "json \"[{'a':1}]\"", "csvfile http://h/x"]))
    if depth < 2 and draw(st.booleans()):
        source = "explain" + draw(BLANK) + "[" + draw(BLANK) + draw(queries(depth + 1)) + draw(BLANK) + "]"
    parts = [source, *draw(st.lists(STAGE, max_size=4))]
    out = draw(st.sampled_from(["", "// top\n", "# top\n", "# top | "])) if depth == 0 else ""
    for i, part in enumerate(parts):
        words = part if part.startswith("#") or "'" in part or '"' in part else draw(BLANK).join(part.split(" "))
        out += (draw(BLANK) + "|" + draw(BLANK) if i else "") + words
    return out


@settings(max_examples=300, deadline=None)
@given(queries())
def test_the_meaning_stays(query: str) -> None:
    check(query)
    try:
        made = format_query(query, language())
    except QueryError:
        return
    assert "".join(made.split()) == "".join(query.split())  # comments too: blanks are all that changes
