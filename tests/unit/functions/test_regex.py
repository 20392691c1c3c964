"""Regular expressions: Java's spellings, RE2's answers, judged by Python's `re` where the two agree."""

from __future__ import annotations

import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine.regex import PatternError, compile_re2, java_replacement
from cortado.planner.text import QueryError
from tests.unit.functions.harness import call, everywhere, longs, run, strings

TEXTS = st.lists(st.none() | st.text(st.sampled_from("ab1 2=é한_\n"), max_size=10), min_size=1, max_size=6)
PATTERNS = st.sampled_from([
    r"(a)(b)?", r"(\d+)=(\d*)", r"^(a|b)", r"b$", r"", r"(?:x)?", r"([ab]+)(\d)", r"(?i)A(B)", r"\bb", r"(a)|(b)", r"[^ab]",
])  # fmt: skip
quick = settings(max_examples=60, deadline=None)


@quick
@given(TEXTS, PATTERNS)
def test_match_finds_anywhere_and_null_is_false(texts: list[str | None], pattern: str) -> None:
    expected = [t is not None and re.search(pattern, t.replace("\n", "~"), re.ASCII) is not None for t in texts]
    column = strings(*(t and t.replace("\n", "~") for t in texts))
    assert everywhere("match", column, pattern).values == expected


@pytest.mark.parametrize("pattern", ["a", "^a", "a$", "^a$", "ab1", "한", "b ", "^", "$", "^$", "-", "<>,#&"])
def test_plain_text_is_searched_as_text(pattern: str) -> None:
    texts = ["a", "ba", "ab1", "", None, "xab1y", "b 한", "-<>,#&", "a*", "*"]
    assert everywhere("match", strings(*texts), pattern).values == [
        t is not None and re.search(pattern, t) is not None for t in texts
    ]


@quick
@given(TEXTS, PATTERNS)
def test_extract_gives_one_group_of_the_first_match(texts: list[str | None], pattern: str) -> None:
    texts = [t and t.replace("\n", "~") for t in texts]
    n = re.compile(pattern).groups
    for group in range(n + 1):
        found = [None if t is None else re.search(pattern, t, re.ASCII) for t in texts]
        expected = [m[group] if m else None for m in found]
        got = everywhere("extract", strings(*texts), pattern, group)
        assert (got.values, got.rejects) == (expected, {})
    assert everywhere("extract", strings(*texts), pattern).values == [m[min(1, n)] if m else None for m in found]
    assert everywhere("groups", strings(*texts), pattern).values == [list(m.groups()) if m else None for m in found]


@quick
@given(TEXTS, st.sampled_from([r"\d", r"(\d)(\d)?", r"[ab]+", r"(a)|b", r"\w=(\w)", r"^a|b$"]))
def test_extractall_agrees_with_findall(texts: list[str | None], pattern: str) -> None:
    texts = [t and t.replace("\n", "~") for t in texts]
    for group in range(re.compile(pattern).groups + 1):
        expected = [None if t is None else [m[group] or "" for m in re.finditer(pattern, t, re.ASCII)] for t in texts]
        assert everywhere("extractall", strings(*texts), pattern, group).values == expected


def test_groups_of_a_pattern_without_groups_is_an_empty_array() -> None:
    assert call("groups", strings("a", "b", None), "a") == ([[], None, None], {})


def test_groups_of_a_slice() -> None:
    column = strings("x9", "a1", None, "é2 a3").slice(1)
    assert run("groups", column, r"(a)(\d)").values == [["a", "1"], None, ["a", "3"]]
    assert run("extract", column, r"\d").values == ["1", None, "2"]
    assert run("extractall", column, r"\d").values == [["1"], None, ["2", "3"]]


def test_no_match_is_null_and_not_counted() -> None:
    assert call("extract", strings("abc"), r"\d") == ([None], {})
    assert call("groups", strings("abc"), r"(\d)") == ([None], {})


def test_a_group_by_name_korean_too() -> None:
    assert call("extract", strings("k=v"), r"(?<키>\w)=(?<값>\w)", "값")[0] == ["v"]
    assert call("extract", strings("k=v"), r"(?P<key>\w)=", "key")[0] == ["k"]


def test_numbers_are_matched_as_text() -> None:
    assert call("match", longs(404, 500, None), "^4") == ([True, False, False], {})


@pytest.mark.parametrize(
    ("pattern", "offset", "words"),
    [
        ("a(?=b)", 1, "look-ahead"), ("a(?!b)", 1, "negative look-ahead"), ("(?<=a)b", 0, "look-behind"),
        ("x(?<!a)b", 1, "negative look-behind"), (r"(a)\1", 3, "back-reference"), (r"(?<n>a)\k<n>", 7, "back-reference"),
        ("ab++", 2, "possessive"), ("(?>a)", 0, "atomic"), ("[a&&[b]]", 2, "intersection"),
    ],
)  # fmt: skip
def test_what_re2_has_not_is_pythons_with_the_reason(pattern: str, offset: int, words: str) -> None:
    with pytest.raises(PatternError, match=words) as found:
        compile_re2(pattern)
    assert (found.value.offset, found.value.beyond_re2) == (offset, True)
    assert "RE2 matches in linear time" in str(found.value)
    for name in ("match", "extract", "extractall", "groups"):
        if words == "intersection":  # which Python has not either
            with pytest.raises(QueryError, match=r"E307.*intersections"):
                call(name, strings("a"), pattern)
        else:
            assert run(name, strings("a"), pattern).warnings == ["the pattern needs Python's regular expressions"]


def test_pythons_machine_finds_what_it_says() -> None:
    assert call("match", strings("aa", "ab", None), r"(?<n>a)\k<n>")[0] == [True, False, False]
    assert call("extract", strings("한x1", None, "x"), r"(?<=x)(\d)")[0] == ["1", None, None]
    assert call("extractall", strings("x1y2", None, ""), r"\w(?=\d)")[0] == [["x", "y"], None, []]
    assert call("groups", strings("한글1"), r"(글)?(?=\d)(\d)(z)?")[0] == [["글", "1", None]]
    assert call("replace", strings("a1b2", None), r"(?<=[ab])(\d)", "<$1\\\\$0>", "re")[0] == ["a<1\\1>b<2\\2>", None]


@pytest.mark.parametrize(
    ("pattern", "offset"),
    [
        ("ab(c", 2),
        ("a)", 1),
        ("[a", 0),
        ("x*a**", 3),
        ("a{1,2000}", 1),
        ("(?<a>x)(?<a>y)", 7),
        (r"a\Z", 1),
        ("(?<1>a)", 0),
    ],
)
def test_a_bad_pattern_says_where(pattern: str, offset: int) -> None:
    with pytest.raises(PatternError) as found:
        compile_re2(pattern)
    assert (found.value.offset, found.value.beyond_re2) == (offset, False)
    assert pickle.loads(pickle.dumps(found.value)).offset == offset


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\p{Alpha}+", "12ab", "ab"), (r"[\p{Digit}x]+", "a1x2", "1x2"), (r"\P{Alpha}", "a1", "1"), (r"é", "é", "é"),
        (r"\Qa(b\E(.)", "xa(bc", "c"), (r"[](]+", "a](", "]("), (r"[^]]", "]a", "a"), (r"\(a\)", "(a)", "(a)"),
        (r"[[:alpha:](]+", "1a(", "a("), (r"(?:a)(?i:B)", "ab", "ab"), (r"[\](]", "a(", "("), (r"a\Q.*", "a.*", "a.*"),
    ],
)  # fmt: skip
def test_spellings_of_java(pattern: str, text: str, expected: str) -> None:
    assert call("extract", strings(text), pattern)[0] == [expected]


def test_a_pattern_must_be_constant() -> None:
    for pattern in (strings("a"), None, 3):
        with pytest.raises(QueryError, match="E307"):
            call("match", strings("a"), pattern)
    for group in (2, -1, "x", 1.5, None):
        with pytest.raises(QueryError, match="E307"):
            call("extract", strings("a"), "(a)", group)


def test_names_in_order_and_groups_kept() -> None:
    pattern = compile_re2(r"(?<a>x)(y)(?<b>z)\(")
    assert (pattern.names, pattern.n_groups) == (("a", "", "b"), 3)
    assert pattern.re2_text == r"(?P<g1>x)(?P<g2>y)(?P<g3>z)\("
    assert pattern.keep([2]) == r"(?:x)(?P<g2>y)(?:z)\("
    assert pattern.keep([0]) == r"(?P<g0>(?:x)(?:y)(?:z)\()"


def test_a_replacement_reads_as_in_java() -> None:
    pattern = compile_re2(r"(?<k>a)(b)")
    assert java_replacement(r"$1\$${k}$2\\$12 $0", pattern) == r"\1$\1\2\\\12 \0"
    for bad in ("$3", "${x}", "a$", "$x"):
        with pytest.raises(ValueError, match="group"):
            java_replacement(bad, pattern)


def test_a_long_text_with_no_match_takes_linear_time() -> None:
    assert call("match", strings("a" * 200_000), r"(a*)*b")[0] == [False]
