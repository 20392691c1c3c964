"""replace, split, strjoin against Python."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.commands.functions import text_pieces
from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, dates, everywhere, longs, run, strings

SMALL = st.text(st.sampled_from("ab,한"), max_size=8)
PART = st.text(st.sampled_from("ab,한"), max_size=2)
TEXTS = st.lists(st.none() | SMALL, min_size=1, max_size=8)
quick = settings(max_examples=60, deadline=None)


def replaced(t: str | None, old: str | None, new: str | None) -> str | None:
    return t if t is None or not old else t.replace(old, new or "")


@quick
@given(TEXTS, PART, PART)
def test_replace_is_literal(texts: list[str | None], old: str, new: str) -> None:
    assert everywhere("replace", strings(*texts), old, new).values == [replaced(t, old, new) for t in texts]


@quick
@given(st.lists(st.tuples(st.none() | SMALL, st.none() | PART, st.none() | PART), min_size=1, max_size=8))
def test_replace_by_row(rows: list[tuple[Any, Any, Any]]) -> None:
    texts, old, new = (strings(*c) for c in zip(*rows, strict=True))
    assert call("replace", texts, old, new) == ([replaced(*r) for r in rows], {})
    assert call("replace", texts, "a", new) == ([replaced(t, "a", n) for t, _, n in rows], {})


def test_replace_with_a_null_pattern_returns_the_text() -> None:
    for more in ((), ("re",)):
        assert call("replace", strings("abc", None), None, "x", *more) == (["abc", None], {})


def test_replace_with_a_null_replacement_removes() -> None:
    assert call("replace", strings("abcb"), "b", None) == (["ac"], {})
    assert call("replace", strings("abcb"), "[bc]", None, "re") == (["a"], {})


def test_an_empty_pattern_replaces_nothing() -> None:
    assert call("replace", strings("abc"), "", "x") == (["abc"], {})


def test_signs_of_expressions_are_ordinary_in_literal_text() -> None:
    assert call("replace", strings("a.b$1"), ".", "$1\\")[0] == ["a$1\\b$1"]


@quick
@given(
    TEXTS,
    st.sampled_from(
        [(r"(a)(b)?", "<$2$1>"), (r"[ab]+", "$0$0"), (r"(?<n>한)", "${n}!"), (r",", "\\$\\\\"), (r"x*", "-")]
    ),
)
def test_replace_with_an_expression(texts: list[str | None], case: tuple[str, str]) -> None:
    pattern, java = case
    python = {"<$2$1>": r"<\2\1>", "$0$0": r"\g<0>\g<0>", "${n}!": r"\1!", "\\$\\\\": r"$\\", "-": "-"}[java]
    compiled = re.compile(pattern.replace("(?<n>", "("))
    expected = [None if t is None else compiled.sub(python, t) for t in texts]
    assert everywhere("replace", strings(*texts), pattern, java, "re").values == expected


def test_an_expression_with_a_replacement_by_row() -> None:
    got = call("replace", strings("ab", "ab", "ab", None, "ab"), "(a)", strings("<$1>", "$2", None, "$2", "x"), "re")
    assert got == (["<a>b", None, "b", None, "xb"], {"type": 1})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("(a", "", "re"), "missing"), (("a", "$1", "re"), "no group 1"), (("a", "b", "x"), '"re"')],
)
def test_replace_refuses_what_can_never_work(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(QueryError, match=f"E307.*{words}"):
        call("replace", strings("a"), *arguments)


def parts(t: str | None, sep: str | None, limit: int | None = 0) -> list[str] | None:
    if t is None or sep is None or limit is None:
        return None
    if t == "":
        return []
    if sep == "":
        whole = list(t)
        return whole if limit <= 0 or limit >= len(whole) else [*whole[: limit - 1], "".join(whole[limit - 1 :])]
    return t.split(sep, limit - 1 if limit > 0 else -1)


@quick
@given(TEXTS, PART, st.sampled_from([-1, 0, 1, 2, 3]))
def test_split_keeps_empty_parts(texts: list[str | None], sep: str, limit: int) -> None:
    assert everywhere("split", strings(*texts), sep).values == [parts(t, sep) for t in texts]
    assert everywhere("split", strings(*texts), sep, limit).values == [parts(t, sep, limit) for t in texts]
    assert run("split", strings("", *texts).slice(1), sep, limit).values == [parts(t, sep, limit) for t in texts]


@quick
@given(st.lists(st.tuples(st.none() | SMALL, st.none() | PART, st.none() | st.integers(-1, 3)), min_size=1, max_size=8))
def test_split_by_row(rows: list[tuple[Any, Any, Any]]) -> None:
    texts, seps, limits = (list(c) for c in zip(*rows, strict=True))
    assert call("split", strings(*texts), strings(*seps), longs(*limits))[0] == [parts(*r) for r in rows]
    assert call("split", strings(*texts), strings(*seps))[0] == [parts(t, s) for t, s, _ in rows]


def test_split_of_empty_text_is_an_empty_array() -> None:
    assert call("split", strings("", None, "a"), ",") == ([[], None, ["a"]], {})
    assert call("split", strings(), ",") == ([], {})


LISTS = st.lists(st.none() | st.lists(st.none() | PART, max_size=4), min_size=1, max_size=6)


@quick
@given(LISTS, st.none() | PART)
def test_strjoin_skips_nulls(lists: list[Any], sep: str | None) -> None:
    expected = [None if v is None or sep is None else sep.join(x for x in v if x is not None) for v in lists]
    column = pa.array(lists, pa.list_(pa.string()))
    assert call("strjoin", sep, column) == (expected, {})
    assert call("strjoin", strings(*[sep] * len(lists)), column)[0] == expected
    assert call("strjoin", sep, pa.array([["x"], *lists], pa.list_(pa.string())).slice(1))[0] == expected


def test_strjoin_of_other_elements() -> None:
    assert call("strjoin", ",", pa.array([[1, None, 3], []]))[0] == ["1,3", ""]
    assert call("strjoin", " ", pa.array([[1.5, 2.0]]))[0] == ["1.5 2.0"]
    when = pa.array([[0]], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us", "UTC")))
    assert call("strjoin", " ", when)[0] == call("concat", dates(0))[0]
    assert call("strjoin", ",", None)[0] == [None]


def test_strjoin_of_a_single_value_is_refused() -> None:
    with pytest.raises(QueryError, match="E330"):
        call("strjoin", ",", strings("a"))


def test_split_and_strjoin_are_inverse() -> None:
    texts = strings("a,b", ",", "한,,글", None)
    assert call("strjoin", ",", run("split", texts, ",").array)[0] == texts.to_pylist()


def test_many_different_arguments_answer_as_few_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, or once for each combination of arguments: the same values."""
    texts = ["a,b,,c", "", "한글,x", None, ",", "aaa", "no sign"] * 3
    separators = [",", "", None, "a", "글", ",", "zz"]
    olds = pa.array([separators[i % 5] for i in range(21)], pa.string())
    news = strings(*(["-", None, "", "가"][i % 4] if i % 3 else "-" for i in range(21)))
    limits = pa.array([[0, 1, 2, 3, -1, None][i % 6] for i in range(21)], pa.int64())
    asked = [("replace", (texts, olds, news)), ("split", (texts, olds)), ("split", (texts, olds, limits))]
    found = []
    for few in (0, 10**6):
        monkeypatch.setattr(text_pieces, "FEW", few)
        found.append(
            [call(name, *(pa.array(a) if isinstance(a, list) else a for a in args))[0] for name, args in asked]
        )
    assert found[0] == found[1]
