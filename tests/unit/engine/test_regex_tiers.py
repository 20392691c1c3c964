"""Which machine a pattern gets, what the compiler of programs refuses, and what the kernel does at the borders of memory."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine import regextiers
from cortado.engine.kernels import regexcode as code
from cortado.engine.kernels import regexspans
from cortado.engine.regex import compile_re2
from cortado.engine.regexprogram import LITERAL, SPANS
from cortado.engine.regexsyntax import BEYOND, Refused, Run, Text, byte_set, parse
from cortado.engine.regextiers import RE2, find, program, sieve, tier_of
from tests.fuzz.regexjudge import judged, spread, texts, tight

PROGRAMS = [
    r"^(?<client_ip>\S+).* (?<bytes>\S+)$", r"status=(?<s>\d+)", r"user (?<u>\w+) from (?<ip>[\d.]+) port (?<port>\d+)",
    r"\[(?<level>[A-Z]+)\]", r'^(\S+) (\S+) (\S+) \[([^\]]+)\] "(\S+) (\S+) ([^"]*)" (\d+) (\S+) "([^"]*)" "([^"]*)"',
    r"(a|b(c))?d", r"^.*?(\d+)$", r"(?i)error: (.*)", r"(?s)^a.*b$", r"x{2,3}y", r"[^\s,]+,\s*(\d{1,3})", r"^\d{4}-\d\d", r"a*", r"{}",
    r"\Aab\z", r"(?:ab)?c", r"[[:alpha:]]+1", "é", r"[\x{80}-\x{10FFFF}]+a", r"(?<a>[a-z]+?)", r"https?://([^/]+)", r"\bword\b", r"\b([\d.]+)\b", r"(\w+)\b.*\b(\d{1,3})\b",
]  # fmt: skip
BEYOND_PROGRAMS = [
    r"\Bword", r"\b[\w.]{1,3}\b.?", r"(?:a|\b)c",  # places without width where it is not known what follows
    r"(\d)+", r"(?:ab)+", r"(?:ab){2}",  # parts that repeat
    r"(a*)?", r"()a", r"(b??)?",  # what may be empty, in a part that may be left out
    r"a{1,3}a", r"\d{1,3}\d",  # a bounded run that may have to give back
    r"\pL+", "[é-ü]", "(?i)é",  # characters that are no set of bytes
    r"a^b", r"(?:a$|b)", r"^a|b",  # anchors within
    r"(?m)^a", r"(?U)a+", r"(?i:a)b",  # other flags
    r".{2,}a",  # so many characters, then places to try
]  # fmt: skip


def rows(found: regextiers.Found, column: Any, groups: list[int]) -> list[Any]:
    got = [texts(found.column(g, column)) for g in groups]
    return [row if there else None for row, there in zip(zip(*got, strict=True), found.matched, strict=True)]


@pytest.mark.parametrize("source", PROGRAMS)
def test_what_becomes_a_program(source: str) -> None:
    pattern = compile_re2(source)
    assert program(pattern, range(pattern.n_groups + 1)) is not None
    assert tier_of(pattern, (0,)) == SPANS


@pytest.mark.parametrize("source", BEYOND_PROGRAMS)
def test_what_does_not(source: str) -> None:
    pattern = compile_re2(source)
    assert program(pattern, range(pattern.n_groups + 1)) is None
    assert tier_of(pattern, (0,)) in (LITERAL, RE2)


@pytest.mark.parametrize(
    ("source", "text", "lead"),
    [
        (r"user=(?<u>\w+)", "user=", 0), (r"\b(a(b(cd)))e", "abcde", 0), (r"(?<n>\d+)ms", "ms", 0), (r"(?<n>\d+) ms took", " ms took", 0),
        (r"(?<a>\d+)x.*Failed to", "Failed t", -1), (r"^.* password for (?<u>\S+)", "ssword f", -1), (r"^(\S+) \[(\d+)\] x", "", -1),
        (r"(?i)error: (.*)", "error: ", 0), (r"(?i)task-(\d+)", "ta", 0), (r"(?i)kibble", "ibble", 1), (r"ab?cd\.e", "cd.e", -1), (r"(\d+) ", "", -1),
        (r"\b한글", "한글", 0), (r"(?:ab)?c", "", -1),
    ],
)  # fmt: skip
def test_text_that_is_searched_for(source: str, text: str, lead: int) -> None:
    pattern = compile_re2(source)
    made = program(pattern, ())
    assert made is not None
    head = made.code[: code.HEAD].tolist()
    word = head[code.NEEDLE_WORD].to_bytes(8, "little", signed=True)[: head[code.NEEDLE]]
    assert word.decode() == text[: len(word.decode())]
    assert (head[code.NEEDLE] > 0, head[code.LEAD]) == (bool(text), lead)


@pytest.mark.parametrize(
    ("source", "sifts"),
    [
        (r"(?:abcd)+\b", True), (r"(?:abcd)*\bxy", True), (r"(?:abc|abd)\b\B", False), (r"(?m)^abc", False), (r"(x)+ HTTP/", True),
        (r"(?i)(x)+ kiss", False), (r"(?i)(x)+ http/", True),
    ],
)  # fmt: skip
def test_rows_that_are_sifted_before_re2(source: str, sifts: bool) -> None:
    pattern = compile_re2(source)
    assert program(pattern, (0,)) is None
    assert (sieve(pattern) is not None) == sifts


def test_classes_are_read_to_the_letter() -> None:
    def bits(source: str) -> int:
        (node,) = parse(source).nodes
        assert isinstance(node, Run)
        return node.bits

    assert bits(r"\s") == byte_set("\t\n", "\f\r", "  ")
    assert bits("[]a]") == byte_set("]]", "aa")
    assert bits("[a-]") == bits("[-a]") == byte_set("aa", "--")
    assert bits(r"[^\W_]") == byte_set("09", "AZ", "az")
    assert bits("[[:^digit:]]") == bits(r"\D") == bits(r"[^\d]")
    assert bits(r"\D") & BEYOND == BEYOND
    assert bits("(?i)[k-m]") == byte_set("km", "KM")
    assert bits(r".") | 1 << 10 == bits("(?s).") == bits(r"[\s\S]")


def test_texts_are_whole() -> None:
    assert parse(r"a\.b\x41\x{e9}\t").nodes == (Text(b"a.bA\xc3\xa9\t"),)
    assert parse("x{,2}").nodes == (Text(b"x{,2}"),)


@pytest.mark.parametrize(
    "source", ["(?i:a)", "(?P<name>a)", r"\C", r"\1", "a**", "(a", "a)", "[z-a]", "(?m)a", r"\x{D800}"]
)
def test_what_the_reader_refuses(source: str) -> None:
    with pytest.raises(Refused):
        parse(source)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 127, 128, 129, 20_000])
def test_rows_at_the_ends_of_a_buffer(size: int) -> None:
    pattern = compile_re2(r"(x*)(?:=(\d+))?$")
    values = ["x" * size + "=1", "x" * size, "y", "x" * size + "=", None, "", "é" * size, "x" * size + "=22"]
    groups = [0, 1, 2]
    for chosen in (values, values[::-1], values[:1], values[-1:]):
        plain = tight(chosen)
        right = judged(plain, pattern, groups)
        for column in (plain, spread(chosen), tight(["z", *chosen, "z"]).slice(1, len(chosen))):
            assert rows(find(column, pattern, groups, compiled=True), column, groups) == right


def test_a_row_that_takes_too_long_is_left_to_re2() -> None:
    pattern = compile_re2(r"a[^e]*?c[^e]*e$")
    line = "ac" * 20_000
    made = program(pattern, (0,))
    assert made is not None
    column = spread([line, "ace", line + "e"])
    starts, lengths, status = np.empty(3, np.int32), np.empty(3, np.int32), np.empty(3, np.uint8)
    state, spare = np.empty(code.PARTS * made.n_ops, np.int64), np.empty(256, np.uint8)
    begun = time.process_time()
    regexspans.match_rows(column.data, column.start, column.length, made.code, state, spare, starts, lengths, status)
    assert time.process_time() - begun < 5
    assert status.tolist() == [code.UNSURE, code.MATCH, code.MATCH]
    found = find(column, pattern, (0,), compiled=True)
    assert found.matched.tolist() == [False, True, True]
    assert found.tier == SPANS


def test_a_dictionary_is_looked_through_by_its_values() -> None:
    values = pa.array([f"user=u{i} from 10.0.0.{i}" for i in range(50)] + ["none"])
    codes = pa.array([*range(51), None] * 40, pa.int32())
    table = pa.table({"s": pa.DictionaryArray.from_arrays(codes, values)})
    wanted = [(None, None) if i is None or i == 50 else (f"u{i}", f"10.0.0.{i}") for i in codes.to_pylist()]
    with cortado.connect(kernels="always", timezone="UTC", threads=1) as session:
        session.register("t", table)
        query = "table t | rex field=s 'user=(?<u>\\w+) from (?<ip>\\S+)' | fields u, ip"
        result = session.query(query).run()
        assert [tuple(row.values()) for row in result.to_pylist()] == wanted
        assert [(n.reason, n.count) for n in result.notes] == [("no match", 40)]
        told = session.query(f'explain analyze=t [ {query} ] | search operator == "Rex" | fields detail').run()
        assert "regex: span kernel" in told.to_pylist()[0]["detail"]
