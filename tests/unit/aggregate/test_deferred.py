"""Rows whose groups are found in the end, by ranges of keys: the same bits as by tables, in memory and out of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators import aggregate, groupcells, groupdeferred
from cortado.engine.operators.groupcells import by_bucket, numbered
from cortado.engine.operators.groupdeferred import is_of_many
from cortado.engine.operators.grouplocal import Local

AGGS = [
    ("count",), ("count", "x", {"where": "f"}), ("sum", "x"), ("sum", "y"), ("avg", "y", {"where": "f"}), ("wavg", "y", "x"),
    ("stddev", "y"), ("max", "y"), ("range", "x"),
]  # fmt: skip
KEYS = ("k", "m", "d")


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def table(n: int, seed: int, groups: int = 20_000) -> pa.Table:
    """Rows of so many groups; nulls in keys and values, sums of `x` that leave 64 bits."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, groups, n)
    names = [None, *(f"key number {k} in full" for k in range(199))]
    return pa.table(
        {
            "k": pa.array([names[i] for i in of * 7919 % 200], pa.string()),
            "m": pa.array(of * 104729 % 5003 - 2500, mask=of % 97 == 0),
            "d": pa.array(np.where(of % 89 == 0, np.nan, of * 31 % 61 / 8.0)),
            "x": pa.array(
                np.where(rng.random(n) < 0.2, (1 << 62) + 5, rng.integers(1, 100, n)), mask=rng.random(n) < 0.1
            ),
            "y": pa.array(rng.normal(size=n) * 10.0 ** rng.integers(-30, 30, n), mask=rng.random(n) < 0.1),
            "f": pa.array(rng.random(n) < 0.6, mask=rng.random(n) < 0.1),
        }
    )


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """So that some thousand rows are many."""
    monkeypatch.setattr(groupdeferred, "MANY_GROUPS", 3000)
    monkeypatch.setattr(groupdeferred, "FIRST_LOOK", 1000)
    monkeypatch.setattr(groupdeferred, "SAMPLE", 1000)
    monkeypatch.setattr(groupdeferred, "MOST_ROWS", 5000)
    monkeypatch.setattr(groupcells, "PART_ROWS", 700)
    return monkeypatch


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows got their groups after all, each time."""
    found: list[int] = []
    before = Local.settle

    def look(self: Local) -> None:
        found.append(self.deferred.n if self.deferred is not None else 0)
        before(self)

    monkeypatch.setattr(Local, "settle", look)
    return found


@pytest.mark.parametrize(
    ("keys", "threads", "form"),
    [(KEYS, 1, "plain"), (("m", "k"), 2, "dictionary"), (("d", "m", "k"), 5, "spans"), (KEYS, 3, "spans")],
)
def test_the_same_bits_as_by_tables(
    keys: tuple[str, ...], threads: int, form: str, run: Callable[..., Any], as_bits: Callable[[pa.Table], Any],
    small: pytest.MonkeyPatch, settled: list[int],
) -> None:  # fmt: skip
    t = table(30_000, threads)
    late = run(t, keys, AGGS, batch=1700, threads=threads, form=form, seed=3)
    assert not any(settled)
    assert "sorted" in str(late.sink.describe_run()["tuples"])
    assert late.sink.describe_run()["parts"] > 3
    small.setattr(aggregate.AggregateSink, "may_defer", False)
    early = run(t, keys, AGGS, batch=1700, threads=threads, form=form, seed=3)
    assert "sorted" not in str(early.sink.describe_run()["tuples"])
    assert late.notes[("reject", "overflow")] > 20
    assert late.notes == early.notes
    assert as_bits(late.table) == as_bits(early.table)


def test_groups_by_a_peer(run: Callable[..., Any], small: pytest.MonkeyPatch) -> None:
    import duckdb

    t = table(20_000, 9).set_column(3, "x", pa.array(np.random.default_rng(1).integers(-50, 50, 20_000)))
    ours = run(t, ("k", "m"), [("sum", "x"), ("count", "y")], batch=3000, threads=2)
    assert "sorted" in str(ours.sink.describe_run()["tuples"])
    theirs: Any = duckdb.sql(
        "select k, m, sum(x)::bigint a0, count(y) a1 from t group by all order by k nulls first, m nulls first"
    )
    assert [tuple(r.values()) for r in ours.table.to_pylist()] == theirs.fetchall()


@pytest.mark.parametrize("compiled", ["flips", "yes"])
def test_some_workers_have_groups_already(
    compiled: str, run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], small: pytest.MonkeyPatch
) -> None:
    """From before there were kernels, or as their first rows were of few groups: groups and rows are divided together."""
    few, many = table(9000, 4, 300), table(20_000, 5)
    t = pa.concat_tables([many, few])
    late = run(t, KEYS, AGGS, batch=1500, threads=9, compiled=compiled, seed=1)
    ways = str(late.sink.describe_run()["tuples"]).split("+")
    assert "sorted" in ways and len(ways) > 1
    small.setattr(aggregate.AggregateSink, "may_defer", False)
    early = run(t, KEYS, AGGS, batch=1500, threads=9, compiled=compiled, seed=1)
    assert as_bits(late.table) == as_bits(early.table)
    assert late.notes == early.notes


def test_keys_in_turns_are_found_out(
    run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], small: pytest.MonkeyPatch, settled: list[int]
) -> None:
    """The first rows are all of different groups, the later ones of the same again."""
    n = np.arange(40_000)
    t = pa.table({"a": pa.array(n % 2000 // 40 * 7), "b": pa.array(n % 40), "c": pa.array(n % 5), "x": pa.array(n)})
    out = run(t, ("a", "b", "c"), [("sum", "x")], batch=2000)
    assert settled[0] >= 4000
    assert "sorted" not in str(out.sink.describe_run()["tuples"])
    assert len(out.table) == 2000


@pytest.mark.parametrize("threads", [1, 3])
def test_with_little_memory(
    threads: int,
    run: Callable[..., Any],
    as_bits: Callable[[pa.Table], Any],
    small: pytest.MonkeyPatch,
    settled: list[int],
) -> None:
    t = table(40_000, 8)
    ample = run(t, KEYS, AGGS, batch=2000, threads=threads, seed=2)
    assert not any(settled)
    spilled = set()
    for memory in (1 << 19, 3 << 20, 6 << 20, 9 << 20, 20 << 20, 60 << 20, 120 << 20):
        tight = run(t, KEYS, AGGS, batch=2000, threads=threads, memory=memory, seed=2)
        spilled.add(tight.sink.describe_run()["spilled_bytes"] > 0)
        assert as_bits(tight.table) == as_bits(ample.table), memory
        assert tight.notes == ample.notes
    assert any(settled) and spilled == {True, False}


def test_cells_without_room_for_rows_beside_them() -> None:
    """A word holds either; and numbers are in order of cells either way."""
    rng = np.random.default_rng(2)
    near = rng.integers(1 << 40, (1 << 40) + 500, 2000)
    for cells in (near, near * (1 << 11), np.append(near, 0), near[:1]):
        found, ids = numbered(cells)
        want, inverse = np.unique(cells, return_inverse=True)
        assert found.tolist() == want.tolist()
        assert ids.tolist() == inverse.tolist()
        assert ids.dtype == np.int32


def test_buckets_keep_the_order_of_rows() -> None:
    cells = np.random.default_rng(3).integers(0, 1 << 20, 5000)
    rows, starts = by_bucket(cells, 14, 64)
    assert rows.tolist() == np.argsort(cells >> 14, kind="stable").tolist()
    assert starts.tolist() == [0, *np.cumsum(np.bincount(cells >> 14, minlength=64)).tolist()]


@pytest.mark.parametrize(("groups", "many"), [(1 << 17, False), (1 << 20, True)])
def test_how_many_groups_there_are_is_told_by_a_sample(groups: int, many: bool) -> None:
    codes = np.random.default_rng(4).integers(0, groups, groupdeferred.SAMPLE)
    assert is_of_many([(codes >> 8).astype(np.int32), (codes & 255).astype(np.int32)], [groups >> 8, 256]) == many
