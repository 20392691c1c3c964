"""Kernels that read text files themselves give what the general way of reading gives: rows, notes and their places."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.engine.kernels import rawread
from cortado.engine.sources.rawlines import Literal
from cortado.engine.sources.textfile import TextSource

WORDS = r"^(?<a>\S+).* (?<b>\S+)$"
QUERIES = [
    rf'textfile {{f}} | rex field=line "{WORDS}" | eval n = long(b) | stats count, sum(n), min(b) by a',
    rf'textfile {{f}} | rex field=line "{WORDS}" | eval b = long(b) | stats sum(b), count(a)',
    rf'textfile {{f}} | rex field=line "{WORDS}" | fields line, a, b',
    rf'textfile {{f}} | rex field=line "{WORDS}" | fields b',
    rf'textfile {{f}} | rex field=line "{WORDS}" | fields a, b',
    rf'textfile {{f}} | rex field=line errors=why "{WORDS}" | fields a, why',
    rf'textfile {{f}} | eval a = "old" | rex field=line "{WORDS}" | fields a, b',
    rf'textfile {{f}} | rex field=line "{WORDS}" | eval n = long(b) | search n > 5 | sort -n, a, line | limit 7 | fields line, a, b, n',
    rf'textfile {{f}} | rex field=line "{WORDS}" | limit 5 | fields a, line',
    r'textfile {f} | rex field=line "bot/(?<v>\d+)\.(?<w>\d*)" | eval v = long(v), w = long(w) | stats count, sum(v), sum(w)',
    r'textfile {f} | rex field=line "^(?<a>[^ ]*) (?:(?<b>-?\d+) )?(?<c>.*)$" | eval b = long(b) | fields a, b, c',
    r'textfile {f} | rex field=line "(?<x>x+)(?<rest>.*?)(?<n>\d+)$" | eval n = long(n) | fields line, x, rest, n',
    r'textfile {f} | rex field=line "^\s*(?<k>\w{{3}})\b" | stats count by k',
    rf'textfile {{f}} | rex field=line "{WORDS}" | rex field=line "(?<c>b+)(?<d>\d)?" | fields b, c, d',
    r'textfile {f} | rex field=line "bot/(?<v>[\d.]+)" | search isnotnull(v) | stats count by v',
    r'textfile {f} | rex field=line "(?<w>\w+)(?<v>/[\d.]+)" | search isnotnull(v) | fields w, v',
    r'textfile {f} | rex field=line "(?i)BOT(?<v>\S*)(?: (?<n>\d+)$)?" | search isnotnull(v) and isnull(n) | fields v, line',
    r'textfile {f} | rex field=line "(?<v>bot)(?<w>x)?" | search w == "x" | fields v, w',
    r'textfile {f} | rex field=line "(?<v>(?:bot/|x)+)" | search startswith(v, "bot") | fields v, line',
    r'textfile {f} | rex field=line "(?<v>(?:x|10)+\.0)" | fields v',
    r'textfile {f} | rex field=line "^(?<a>\S+) .*(?<v>\d\d)$" | search isnotnull(v) | stats count by a',
    rf'textfile {{f}} | rex field=line "{WORDS}" | search isnotnull(a) | fields a, b',
    r'textfile {f} | rex field=line errors=why "bot(?<v>.)" | search isnotnull(v) | fields v, why',
    r'textfile {f} | eval v = "old" | rex field=line "bot(?<v>.)" | search isnotnull(v) | fields v',
    r'textfile {f} | rex field=line "日(?<v>.)" | search isnotnull(v) | rex field=line "bot(?<w>\S*)" | fields v, w',
    r'textfile {f} | stats count | union [ textfile {f} | rex field=line "bot(?<v>.)" | search isnotnull(v) | fields v ]',
    'textfile {f} | search line == "*bot*" | stats count',
    'textfile {f} | search line == "*bot*" | fields line',
    'textfile {f} | search contains(line, "bot/2") and line == "*x*" | fields line | limit 3',
    rf'textfile {{f}} | search line == "*bot*a*" | rex field=line "{WORDS}" | stats count by a, b',
    'textfile {f} | search contains(line, "é") | fields line',
    'textfile {f} | search not contains(line, "bot") | stats count',
    rf'textfile {{f}} | rex field=line "{WORDS}" | fields a | union [ textfile {{f}} | search line == "*bot*" | fields line ]',
]
PIECES = [
    b" ", b"  ", b"\t", b"\x0b", b"\x1f", b"\r", b"a", b"bot", b"bot/2.1", b"x", b"12", b"-7", b"+8", b"123456789012345678",
    b"99999999999999999999", b"1e3", "é".encode(), "日本".encode(), b"\x00", b"0", b"10.0.0.1", b"b" * 70, b" " * 20,
]  # fmt: skip
BAD = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98"]


def line(draw: random.Random, bad: float) -> bytes:
    made = b"".join(draw.choice(PIECES) for _ in range(draw.randint(0, 9)))
    if draw.random() < bad:
        made += draw.choice(BAD) + draw.choice(PIECES)
    if draw.random() < 0.5:
        made += b" %d" % draw.randint(0, 10_000)
    return made


def text(seed: int) -> bytes:
    draw = random.Random(seed)
    bad = draw.choice([0, 0, 0.02, 0.6])
    end = draw.choice([b"\n", b"\n", b"\r\n"])
    lines = [line(draw, bad) for _ in range(draw.choice([0, 1, 40, 400]))]
    whole = draw.choice([b"", b"\xef\xbb\xbf"]) + end.join(lines)
    return whole + draw.choice([b"", end])


@contextmanager
def session(**settings: Any) -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", **settings) as made:
        yield made


def told(result: Any) -> tuple[Any, Any]:
    notes = sorted((n.stage, n.kind, n.reason, n.count, tuple(n.samples)) for n in result.notes)
    return result.to_pylist(), notes


@pytest.mark.parametrize("seed", range(10))
def test_the_same_as_the_general_way(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(text(seed))
    with (
        session(threads=1, kernels="never") as general,
        session(threads=2, kernels="always", morsel_bytes=random.Random(seed).choice([50, 900, 2 << 20])) as large,
        session(threads=3, kernels="always", batch_rows=3, morsel_bytes=200) as small,
    ):
        for query in QUERIES:
            asked = query.format(f=path)
            if " limit 5 " in query or "limit 3" in query:  # what is read behind the limit is for each run to say
                rows = general.query(asked).run().to_pylist()
                assert large.query(asked).run().to_pylist() == rows
                assert small.query(asked).run().to_pylist() == rows
                continue
            wanted = told(general.query(asked).run())
            assert told(large.query(asked).run()) == wanted, asked
            assert told(small.query(asked).run()) == wanted, asked


@pytest.mark.parametrize(
    "size", [rawread.PIECE - 1, rawread.PIECE, rawread.PIECE + 1, 2 * rawread.PIECE, 3 * rawread.PIECE + 5]
)
def test_lines_that_the_buffer_holds_no_more(size: int, tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(b"a b 1\n" + b"x" * size + b" bot 2\n" + b"c d 3\n" * 3 + b"y" * (size // 2))
    with session(kernels="never") as general, session(kernels="always", threads=2) as fast:
        for query in QUERIES[:1] + QUERIES[8:10] + QUERIES[14:19]:
            asked = query.format(f=path)
            assert told(fast.query(asked).run()) == told(general.query(asked).run())


def test_a_file_that_is_cut_off_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone is gone; nothing else is lost, and nothing stands in its place."""
    path = tmp_path / "f.log"
    path.write_bytes(b"a b 1\n" * 1000)
    parts = TextSource.partitions

    def cut(self: TextSource, target: int) -> Any:
        made = parts(self, target)
        path.write_bytes(b"a b 1\n" * 100 + b"a b 2")
        return made

    monkeypatch.setattr(TextSource, "partitions", cut)
    with session(kernels="always", threads=1) as fast:
        got = (
            fast.query(rf'textfile {path} | rex field=line "{WORDS}" | eval n=long(b) | stats count, sum(n)')
            .run()
            .to_pylist()
        )
    assert got == [{"count": 101, "sum(n)": 102}]


def test_many_files_in_order(tmp_path: Path) -> None:
    for i in range(90):  # more than a source holds open
        (tmp_path / f"{i:02}.log").write_bytes(b"w%d bot %d\n" % (i, i) * (i % 3))
    with session(kernels="never") as general, session(kernels="always", threads=4) as fast:
        for query in (
            rf'textfile "{tmp_path}/*.log" | rex field=line "{WORDS}" | fields a, b',
            rf'textfile "{tmp_path}/*.log" | search line == "*bot 1*" | fields line',
        ):
            assert told(fast.query(query).run()) == told(general.query(query).run())


@pytest.mark.parametrize("literal", ["b", "bb", "bot", "b" * 64, "b" * 65, "b" * 200, "ab" * 40])
def test_literals_of_any_length(literal: str, tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    draw = random.Random(len(literal))
    lines = [
        b"".join(draw.choice([b"b", b"ab", b"o", b"t", literal.encode()]) for _ in range(draw.randint(0, 200)))
        for _ in range(300)
    ]
    path.write_bytes(b"\n".join(lines))
    asked = f'textfile {path} | search contains(line, "{literal}") | fields line'
    with session(kernels="always", threads=2) as fast:
        got = [row["line"] for row in fast.query(asked).run().to_pylist()]
    assert got == [x.decode() for x in lines if literal.encode() in x]


def test_a_literal_that_is_nearly_everywhere_ends_in_the_general_way(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    literal = "a" * 40 + "b" + "a" * 20
    path.write_bytes((b"a" * 5000 + b"\n") * 50 + literal.encode() + b"\n")
    with session(kernels="always", threads=2) as fast:
        got = fast.query(f'textfile {path} | search contains(line, "{literal}") | stats count').run().to_pylist()
    assert got == [{"count": 1}]


def test_rare_bytes_are_looked_for() -> None:
    first, second = Literal(b"Googlebot", False).rare()
    assert first < second and b"Googlebot"[first : first + 1] == b"G"
    assert Literal(b"aaa", False).rare()[0] <= Literal(b"aaa", False).rare()[1]


def test_explain_tells_of_the_search(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(b"x\n")
    with session() as made:
        assert (
            "lines that hold 'bot/2'"
            in made.query(f'textfile {path} | search line == "*a*bot/2*" | stats count').explain()
        )
