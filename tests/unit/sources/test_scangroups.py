"""Groups and sums that the scan of a text file makes by itself: which questions it takes, and what it does with the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.engine import kernels as all_kernels
from cortado.engine.operators.scanmerge import ScanMerge

REX = r"rex field=line '^(?<k>\S+).* (?<n>\S+)$'"
AT_SCAN = "grouped=at the scan"


def told(session: cortado.Session, asked: str) -> str:
    return "\n".join(str(row) for row in session.query(f"explain analyze {asked}").run().to_pylist())


def both(path: Path, tail: str, **settings: Any) -> list[tuple[Any, Any]]:
    """Rows and notes without kernels, then with them."""
    out = []
    for kernels in ("never", "always"):
        with cortado.connect(timezone="UTC", kernels=kernels, **settings) as session:
            result = session.query(f"textfile '{path}' | {REX} | {tail}").run()
            out.append((result.to_pylist(), [(n.kind, n.reason, n.count, n.samples) for n in result.notes]))
    return out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.log"
    made.write_text("".join(f"k{i % 5000} x {i}\n" for i in range(20_000)))
    return made


@pytest.mark.parametrize(
    ("tail", "is_taken"),
    [
        ("eval n = long(n) | stats sum(n) by k", True),
        ("eval v = long(n) | stats sum(v), avg(v), count, count(v), count(n) by k", True),
        ("search isnotnull(k) | stats count by k", True),
        ("search isnotnull(k) | eval n = long(n) | stats sum(n) by k", True),
        ("stats count by k", True),
        ("eval n = long(n) | stats sum(n), count", True),
        ("search n > 5 | stats count by k", False),
        ("search isnotnull(line) | stats count by k", False),
        ("eval n = long(n) + 1 | stats sum(n) by k", False),
        ("eval n = double(n) | stats sum(n) by k", False),
        ("eval n = long(n) | stats max(n) by k", False),
        ("eval n = long(n) | stats sum(n) where n > 3 by k", False),
        ("eval n = long(n) | stats sum(n) by k, n", False),
        ("eval n = long(n) | stats sum(n) by n", False),
        ("stats nulls=drop count by k", False),
        ("stats count, first(line) by k", False),
    ],
)
def test_which_questions_it_takes(path: Path, tail: str, is_taken: bool) -> None:
    with cortado.connect(timezone="UTC", kernels="always") as session:
        assert (AT_SCAN in told(session, f"textfile '{path}' | {REX} | {tail}")) is is_taken
    general, fast = both(path, tail)
    assert general == fast


def test_a_sum_beyond_64_bits_is_refused_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text(
        "a x 9999999999999999\n" * 2000 + "b x -9999999999999999\n" * 2000 + "c x 9999999999999999\nc x -1\n"
    )
    general, fast = both(path, "eval n = long(n) | stats sum(n), count(n) by k")
    assert general == fast
    rows, notes = fast
    assert [(r["k"], r["sum(n)"], r["count(n)"]) for r in rows] == [
        ("a", None, 2000), ("b", None, 2000), ("c", 9999999999999998, 2),
    ]  # fmt: skip
    assert [(kind, reason, count) for kind, reason, count, _ in notes] == [("reject", "overflow", 2)]


def test_lines_that_do_not_match_are_the_group_of_null(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join("word\n" if i % 10 else f"k{i % 7} x {i}\n" for i in range(70_000)))
    general, fast = both(path, "eval n = long(n) | stats sum(n), count, count(n), count(k) by k", morsel_bytes=20_000)
    assert general == fast
    assert fast[0][0] == {"k": None, "sum(n)": None, "count": 63_000, "count(n)": 0, "count(k)": 0}
    assert fast[1][0][:3] == ("reject", "no match", 63_000)
    (general, fast) = both(path, "eval n = long(n) | stats sum(n), count, count(n)")
    assert general == fast


def test_what_is_not_certain_comes_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    odd = [
        b"a x 1.5",
        b"b x ",
        b"key-of-sixteen-by x 1",
        b"b\xff x 2",
        b"c\tx 3",
        b"c x +4\r",
        b"",
        b"d x 12345678901234567",
    ]
    path.write_bytes(
        b"".join(b"k%d x %d\n" % (i % 9, i) + (odd[i // 16 % 8] + b"\n" if i % 16 == 0 else b"") for i in range(9000))
    )
    for tail in ("eval n = long(n) | stats sum(n), count by k", "search isnotnull(k) | stats count by k"):
        general, fast = both(path, tail, threads=2, morsel_bytes=10_000)
        assert general == fast


def test_groups_over_the_memory_are_spilled(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("".join(f"k{i * 7919 % 60_000} x {i}\n" for i in range(120_000)))
    asked = f"textfile '{path}' | {REX} | eval n = long(n) | stats sum(n), count by k"
    with cortado.connect(timezone="UTC", kernels="always", memory="2MB", threads=2) as poor:
        said = told(poor, asked)
        assert AT_SCAN in said
        assert "spills=" in said
        few = poor.query(asked).to_arrow()
    with cortado.connect(timezone="UTC", kernels="never") as general:
        assert few.equals(general.query(asked).to_arrow())


def test_under_strict_the_first_line_without_a_match_is_the_error(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("a x 1\n" * 4000 + "word\n" + "a x 1\n" * 4000 + "other\n")
    for kernels in ("never", "always"):
        with cortado.connect(timezone="UTC", kernels=kernels, strict=True, threads=2, morsel_bytes=5000) as session:
            with pytest.raises(cortado.QueryError) as found:
                session.query(f"textfile '{path}' | {REX} | stats count by k").run()
            assert "4001" in str(found.value)


def many(path: Path, n_keys: int, n_rows: int, odd: str = "") -> Path:
    """Keys come in an order of their own, so each worker has other ones, and most of them several have."""
    path.write_text("".join(f"{'x' * (i % 3)}{i * 7919 % n_keys} x {i}\n" for i in range(n_rows)) + odd)
    return path


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    "odd", ["", "word\n" * 5000, "a-key-of-more-than-fifteen x 7\n"], ids=["plain", "null", "long"]
)
def test_groups_of_many_workers_are_put_together(tmp_path: Path, threads: int, odd: str) -> None:
    path = many(tmp_path / "a.log", 30_000, 90_000, odd)
    for tail in ("eval n = long(n) | stats sum(n), avg(n), count, count(n) by k", "stats count by k"):
        general, fast = both(path, tail, threads=threads, morsel_bytes=50_000, batch_rows=1000)
        assert general == fast


def test_parts_are_as_many_as_groups_ask_for_and_told(tmp_path: Path) -> None:
    path = many(tmp_path / "a.log", 30_000, 90_000)
    asked = f"textfile '{path}' | {REX} | eval n = long(n) | stats sum(n) by k"
    with cortado.connect(timezone="UTC", kernels="always", threads=2, morsel_bytes=50_000) as session:
        said = told(session, asked)
        assert "keys=inline" in said
        assert "parts=4" in said


def test_groups_that_there_is_no_memory_to_divide_are_merged_as_tables(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ScanMerge, "nbytes", staticmethod(lambda groups: 1 << 60))
    path = many(tmp_path / "a.log", 9000, 40_000, "word\n" * 3000)
    general, fast = both(path, "eval n = long(n) | stats sum(n), count by k", threads=2, morsel_bytes=50_000)
    assert general == fast


@pytest.mark.parametrize("keys", [3, 9000])
def test_a_group_of_more_rows_than_a_cell_counts_has_several(tmp_path: Path, monkeypatch: Any, keys: int) -> None:
    monkeypatch.setattr(all_kernels.scangroups, "MOST", 7)
    path = many(tmp_path / "a.log", keys, 50_000, "word\n" * 3000)
    for tail in ("eval n = long(n) | stats sum(n), count, count(n) by k", "eval n = long(n) | stats sum(n), count"):
        general, fast = both(path, tail, threads=2, morsel_bytes=50_000)
        assert general == fast


def test_two_sums_of_a_row_have_their_high_words_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    big = 9_000_000_000_000_000
    path.write_text("".join(f"k{i % 5000} {-big + i} x {big - i}\n" for i in range(60_000)))
    rex = r"rex field=line '^(?<k>\S+) (?<m>\S+) x (?<n>\S+)$' | eval m = long(m), n = long(n)"
    rows = []
    for kernels_ in ("never", "always"):
        with cortado.connect(timezone="UTC", kernels=kernels_, threads=2, morsel_bytes=90_000) as session:
            asked = f"textfile '{path}' | {rex} | stats sum(m), sum(n), avg(m), count by k"
            assert (AT_SCAN in told(session, asked)) is (kernels_ == "always")
            rows.append(session.query(asked).run().to_pylist())
    assert rows[0] == rows[1]
    assert sum(r["sum(m)"] + r["sum(n)"] for r in rows[1]) == 0
