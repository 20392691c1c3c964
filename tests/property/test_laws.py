"""Laws that hold for any condition: a table parts into true, false and null; what filters may be moved or counted."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import cortado

from .made import conditions, some, tables
from .outcome import rows_of


def rows(session: cortado.Session, query: str, table: pa.Table) -> list[tuple[str, ...]]:
    return rows_of(session.query(query, sources={"t": table}).to_arrow())


@some(50)
@given(table=tables(), p=conditions(refusing=True))
def test_three_parts_make_the_whole(plain: cortado.Session, table: pa.Table, p: str) -> None:
    """Where p is true, where its negation is, and where it is null."""
    parts = [rows(plain, f"table t | search {q}", table) for q in (p, f"not ({p})", f"isnull({p})")]
    assert Counter(r for part in parts for r in part) == Counter(rows_of(table)), p


@some(50)
@given(table=tables(), p=conditions(refusing=True))
def test_a_filter_counts_what_a_column_counts(plain: cortado.Session, table: pa.Table, p: str) -> None:
    filtered = rows(plain, f"table t | search {p} | stats count as n", table)
    counted = rows(plain, f"table t | eval f = if({p}, 1, 0) | stats sum(f) as n", table)
    assert filtered == [("0" if c == "null" else c,) for (c,) in counted], p


@some(50)
@given(table=tables(), p=conditions())
def test_parts_of_aggregates_make_the_whole(plain: cortado.Session, table: pa.Table, p: str) -> None:
    aggs = "stats count as n, count(i) as c, sum(i) as s, min(i) as lo, max(i) as hi"
    parts = [
        plain.query(f"table t | search {q} | {aggs}", sources={"t": table}).to_arrow()
        for q in (p, f"not ({p})", f"isnull({p})")
    ]
    joined = rows(
        plain,
        "table t | stats sum(n) as n, sum(c) as c, sum(s) as s, min(lo) as lo, max(hi) as hi",
        pa.concat_tables(parts),
    )
    assert joined == rows(plain, f"table t | {aggs}", table), p


@some(50)
@given(table=tables(), p=conditions(), q=conditions())
def test_filters_in_a_row_are_one(plain: cortado.Session, table: pa.Table, p: str, q: str) -> None:
    one = rows(plain, f"table t | search ({p}) and ({q})", table)
    assert (
        one
        == rows(plain, f"table t | search {p} | search {q}", table)
        == rows(plain, f"table t | search {q} | search {p}", table)
    )


@some(50)
@given(
    table=tables(),
    n=st.integers(0, 30),
    m=st.integers(0, 30),
    keys=st.lists(st.sampled_from(["i", "-x", "s", "-k", "d"]), min_size=1, max_size=3, unique=True),
)
def test_limits_are_slices(plain: cortado.Session, table: pa.Table, n: int, m: int, keys: list[str]) -> None:
    order = ", ".join(keys)
    whole = rows(plain, f"table t | sort {order}", table)
    assert rows(plain, f"table t | sort {order} | limit {n}", table) == whole[:n]
    assert rows(plain, f"table t | sort limit={n} {order}", table) == whole[:n]
    assert rows(plain, f"table t | sort {order} | limit {m} {n}", table) == whole[m : m + n]
    assert rows(plain, f"table t | sort {order} | tail {n}", table) == whole[max(0, len(whole) - n) :]


@some(30)
@given(table=tables(), seed=st.integers(0, 99))
def test_order_of_rows_does_not_matter_to_a_group(plain: cortado.Session, table: pa.Table, seed: int) -> None:
    import random

    places = list(range(table.num_rows))
    random.Random(seed).shuffle(places)
    shuffled = table.take(pa.array(places, pa.int64()))
    query = "table t | stats count, sum(x), avg(x), stddev(x), median(x), dc(s), values(k), mode(i), corr(i, x) by k, b"
    assert rows(plain, query, shuffled) == rows(plain, query, table)
