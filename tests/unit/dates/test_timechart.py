"""`timechart`: bound by the language, run operator by operator with any batches and workers, judged by DuckDB and by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.commands.base import load
from cortado.engine.batch import Batch, Origin
from cortado.engine.context import Context, QueryState, Settings
from cortado.engine.memory import Budget
from cortado.engine.notes import WorkerNotes
from cortado.planner.plan import Pending
from cortado.planner.text import QueryError
from cortado.planner.types import Schema

HOUR = 3_600_000_000
DAY = 24 * HOUR


def us(text: str) -> int:
    return int(np.datetime64(text, "us").astype(np.int64))


def table(times: list[int | None], **columns: Any) -> pa.Table:
    return pa.table({"_time": pa.array(times, pa.timestamp("us", "UTC")), **columns})


@cache
def session(zone: str) -> cortado.Session:
    return cortado.connect(timezone=zone, threads=1)


class Chart:
    """The stage of a query `table t | timechart ...` and how it is run by hand."""

    def __init__(self, data: pa.Table, text: str, zone: str = "UTC") -> None:
        self.zone, self.data = zone, data
        self.query = session(zone).query(f"table t | timechart {text}", sources={"t": data})
        plan: Any = self.query.plan
        self.node = plan.inputs[0] if isinstance(plan, Pending) else plan

    def notes(self) -> list[str]:
        return [n.reason for n in self.query.notes]

    def run(
        self, batch: int = 1000, workers: int = 1, compiled: bool = False
    ) -> tuple[dict[str, list[Any]], dict[str, int]]:
        """Columns as Python values, and counted rows by reason."""
        notes = WorkerNotes()
        settings = Settings(timezone=self.zone, batch_rows=batch)
        ctx = Context(QueryState(settings, Budget(1 << 30), compiled=lambda: compiled), notes)
        columns = tuple(c.combine_chunks() for c in self.data.columns)
        columns = tuple(c.chunk(0) if isinstance(c, pa.ChunkedArray) else c for c in columns)
        batches: Iterator[Batch] = (
            Batch(min(batch, len(self.data) - at), tuple(c.slice(at, batch) for c in columns), Origin(i))
            for i, at in enumerate(range(0, len(self.data), batch))
        )
        made = load().lowerings[type(self.node)].lower(self.node)
        source: Any = None
        for sink in made if isinstance(made, list) else [made]:
            source = through(sink, batches, ctx, 1 if sink.needs_order else workers)
            batches = itertools.chain.from_iterable(p.batches(ctx) for p in source.partitions(batch))
        return columns_of(source.schema, list(batches)), {key[2]: entry.count for key, entry in notes.entries.items()}


def through(sink: Any, batches: Iterator[Batch], ctx: Context, workers: int) -> Any:
    locals_ = [sink.open(ctx) for _ in range(workers)]
    for i, batch in enumerate(batches):
        sink.push(batch, locals_[i % workers])
    for local in locals_:
        sink.combine(local)
    for task in sink.merge(ctx):
        task()
    source = sink.result(ctx)
    return source


def columns_of(schema: Schema, batches: list[Batch]) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {n: [] for n in schema.names()}
    assert len(out) == len(schema)
    for batch in batches:
        for i, (name, type_) in enumerate(schema.fields):
            column = batch.array(i)
            column.validate(full=True)
            assert column.type == type_.arrow, name
            is_time = pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type)
            out[name] += (column.cast(pa.int64()) if is_time else column).to_pylist()
    return out


def run(data: pa.Table, text: str, zone: str = "UTC", **how: Any) -> dict[str, list[Any]]:
    return Chart(data, text, zone).run(**how)[0]


def code(data: pa.Table, text: str) -> str:
    with pytest.raises(QueryError) as found:
        Chart(data, text).run()
    return found.value.code


SMALL = table(
    [0, 1, 3 * HOUR, None, HOUR], k=["a", "b", None, "x", "a"], x=[1, 2, 3, 4, 5], n=[1.5, None, 2.5, 0.0, 1.0]
)


def test_buckets_in_order_and_null_times_counted() -> None:
    got, counted = Chart(SMALL, "span=1h count, sum(x) as s").run()
    assert got == {"_time": [0, HOUR, 3 * HOUR], "count": [2, 1, 1], "s": [3, 5, 3]}
    assert counted == {"null time": 1}


def test_the_default_span_is_a_day() -> None:
    assert run(SMALL, "count") == {"_time": [0], "count": [4]}


def test_a_column_for_each_value_null_first() -> None:
    got = run(SMALL, "span=1h count by k")
    assert list(got) == ["_time", "null", "a", "b"]
    assert got == {"_time": [0, HOUR, 3 * HOUR], "null": [None, None, 1], "a": [1, 1, None], "b": [1, None, None]}


def test_several_aggregates_and_several_keys() -> None:
    data = table([0, 0, HOUR], k=["a", "b", "a"], j=[10, 9, 10], x=[1, 2, 3])
    got = run(data, "span=1h count as c, sum(x) by k, j")
    assert got == {
        "_time": [0, HOUR], "a_10_c": [1, 1], "a_10_sum(x)": [1, 3], "b_9_c": [1, None], "b_9_sum(x)": [2, None],
    }  # fmt: skip


def test_numbers_ascend_as_numbers() -> None:
    data = table([0] * 5, port=[443, 80, 8080, -1, None])
    assert list(run(data, "count by port")) == ["_time", "null", "-1", "80", "443", "8080"]
    doubles = table([0] * 4, v=[float("nan"), 1e16, -0.5, 2.0])
    assert list(run(doubles, "count by v")) == ["_time", "-0.5", "2.0", "1e+16", "nan"]


def test_long_rows() -> None:
    got = run(SMALL, "span=1h long=t count, max(x) as m by k")
    assert got == {"_time": [0, 0, HOUR, 3 * HOUR], "k": ["a", "b", "a", None], "count": [1] * 4, "m": [1, 2, 5, 3]}


@pytest.mark.parametrize(
    ("fill", "a", "null"),
    [("null", [1, 5, None, None], [None, None, None, 3]), ("0", [1, 5, 0, 0], [0, 0, 0, 3]), ("prev", [1, 5, 5, 5], [None, None, None, 3])],
)  # fmt: skip
def test_fill(fill: str, a: list[int | None], null: list[int | None]) -> None:
    got = run(SMALL, f"span=1h fill={fill} sum(x) by k")
    assert (got["_time"], got["a"], got["null"]) == ([0, HOUR, 2 * HOUR, 3 * HOUR], a, null)


def test_fill_on_a_line_by_time() -> None:
    data = table([us("2026-03-28"), us("2026-03-31")], x=[10, 40])
    got = run(data, "span=1d fill=linear sum(x) as s, avg(x) as v", "Europe/Berlin")
    hours = [0, 24, 47, 71]
    assert got["s"] == pytest.approx([10 + 30 * h / 71 for h in hours])
    assert got["v"] == got["s"]


def test_fill_leaves_nulls_of_buckets_that_have_rows() -> None:
    data = table([0, HOUR, 3 * HOUR], n=[1.0, None, 4.0])
    for fill, want in (
        ("0", [1.0, None, 0.0, 4.0]),
        ("prev", [1.0, None, 1.0, 4.0]),
        ("linear", [1.0, None, 3.0, 4.0]),
    ):
        assert run(data, f"span=1h fill={fill} avg(n) as v")["v"] == want, fill


def test_fill_of_durations() -> None:
    data = table([0, 2 * HOUR], d=pa.array([10, 21], pa.duration("us")))
    assert run(data, "span=1h fill=linear sum(d) as s")["s"] == [10, 16, 21]
    assert run(data, "span=1h fill=0 sum(d) as s")["s"] == [10, 0, 21]


def test_fill_in_long_form_gives_every_series_every_bucket() -> None:
    got = run(SMALL, "span=1h fill=0 long=t count by k")
    assert got["_time"] == [t for t in range(0, 4 * HOUR, HOUR) for _ in range(3)]
    assert got["k"] == [None, "a", "b"] * 4
    assert got["count"] == [0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0]


def test_rates_know_the_true_length_of_their_bucket() -> None:
    data = table([us("2026-03-29T12:00"), us("2026-10-25T12:00"), us("2026-06-01T12:00")], x=[23, 25, 24])
    got = run(data, "span=1d per_hour(x) as r, per_day(x) as d", "Europe/Berlin")
    assert got["r"] == [1.0, 1.0, 1.0]
    assert got["d"] == [24.0, 24.0, 24.0]
    assert run(SMALL, "span=1h per_minute(x) as r by k")["a"] == [1 / 60, 5 / 60, None]


def test_filters_of_aggregates() -> None:
    got = run(SMALL, "span=1h count where x > 1 as big, count as c")
    assert (got["big"], got["c"]) == ([1, 1, 1], [2, 1, 1])


def test_nanosecond_times_keep_their_unit() -> None:
    data = pa.table({"_time": pa.array([0, 1500, 2500], pa.timestamp("ns", "UTC"))})
    assert run(data, "span=1us fill=0 count") == {"_time": [0, 1000, 2000], "count": [1, 1, 1]}
    assert run(data, "span=500ns count")["_time"] == [0, 1500, 2500]


@pytest.mark.parametrize("text", ["count", "count by k", "fill=0 count by k", "long=t fill=0 count by k"])
def test_no_rows(text: str) -> None:
    got = run(SMALL.slice(0, 0), text)
    assert all(v == [] for v in got.values())
    assert run(SMALL.slice(3, 1), text) == got  # a row without a time


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo"])
@pytest.mark.parametrize(
    "text",
    [
        "span=6h count, sum(x) as s by k",
        "span=1d fill=prev sum(x) as s by k",
        "span=1h fill=linear long=t avg(x) as v by k",
    ],
)
def test_batches_workers_and_kernels_change_nothing(zone: str, text: str) -> None:
    rng = np.random.default_rng(1)
    times = (us("2026-10-20") + rng.integers(0, 10 * DAY, 400)).tolist()
    data = table(times, k=[["a", "b", None, "d"][i] for i in rng.integers(0, 4, 400)], x=rng.normal(size=400).tolist())
    chart = Chart(data, text, zone)
    want = chart.run()
    for batch, workers, compiled in ((1, 3, False), (7, 2, False), (64, 2, True), (400, 1, True)):
        assert chart.run(batch, workers, compiled) == want


def test_wide_columns_agree_with_duckdb() -> None:
    rng = np.random.default_rng(2)
    times = rng.integers(us("2026-01-01"), us("2026-04-01"), 3000)
    data = table(
        times.tolist(), k=[f"k{i}" for i in rng.integers(0, 6, 3000)], x=rng.integers(-100, 100, 3000).tolist()
    )
    got = run(data, "span=1w sum(x) by k")
    db = duckdb.connect()
    db.execute("set TimeZone = 'UTC'")
    db.register("t", data)
    pivot = "pivot (select epoch_us(date_trunc('week', _time::timestamp)) as w, k, x from t) on k using sum(x) group by w order by w"
    done: Any = db.execute(pivot)
    names = [d[0].replace("w", "_time") for d in done.description]
    columns = zip(names, zip(*done.fetchall(), strict=True), strict=True)
    want = {n: [None if v is None else int(v) for v in values] for n, values in columns}
    assert got == want


# what fails


def test_two_columns_of_one_name() -> None:
    assert code(SMALL, "count as a, sum(x) as a") == "E350"
    assert code(SMALL, "count as _time") == "E350"
    assert code(SMALL, "long=t count as k by k") == "E350"
    assert code(table([0, 0], k=["null", None]), "count by k") == "E350"
    assert code(table([0], k=["_time"]), "count by k") == "E350"
    assert code(table([0, 0], k=["a", "a_b"], j=["b_c", "c"]), "count by k, j") == "E350"


@pytest.mark.parametrize("text", ["span=0s count", "span=5mon count", "span=500ns count", "fill=1 count", "span=1d offset=1mon count",
                                  "fill=0 first(k)", "fill=linear first(k)", "long=maybe count"])  # fmt: skip
def test_bad_options(text: str) -> None:
    assert code(SMALL, text) == "E311"


def test_unknown_option_and_rate_without_a_span() -> None:
    assert code(SMALL, "spam=5m count") == "E310"
    with pytest.raises(QueryError) as found:
        _ = session("UTC").query("table t | stats per_hour(x)", sources={"t": SMALL}).plan
    assert found.value.code == "E307"


def test_a_grid_beyond_all_measure_is_refused() -> None:
    data = table([0, us("2026-01-01")], x=[1, 2])
    assert code(data, "span=1ms fill=0 count") == "E701"
    assert run(data, "span=1ms count")["count"] == [1, 1]


# the time of a row


def test_the_only_date_field_is_the_time_and_noted() -> None:
    data = pa.table({"when": pa.array([0, HOUR], pa.timestamp("us", "UTC")), "x": [1, 2]})
    chart = Chart(data, "span=1h sum(x) as s")
    assert chart.run()[0] == {"_time": [0, HOUR], "s": [1, 2]}
    assert any("when" in reason for reason in chart.notes())


def test_which_field_is_the_time() -> None:
    stamp = pa.array([0], pa.timestamp("us", "UTC"))
    two = pa.table({"a": stamp, "b": stamp, "s": ["x"]})
    assert code(two, "count") == "E340"
    assert run(two, "time=b count") == {"_time": [0], "count": [1]}
    assert code(two, "time=s count") == "E340"
    assert code(two, "time=c count") == "E301"
    assert code(pa.table({"s": ["x"]}), "count") == "E340"
    assert code(pa.table({"_time": ["2026-11-01"]}), "count") == "E340"


def test_the_plan_says_itself() -> None:
    text = "timechart span=1w offset=9h fill=0 count as c by k"
    node = Chart(SMALL, text.removeprefix("timechart ")).node
    assert node.text() == text
    assert node == Chart(SMALL, text.removeprefix("timechart ")).node
    assert node != Chart(SMALL, "span=7d offset=9h fill=0 count as c by k").node
    assert node.schema.open
    assert not Chart(SMALL, "span=1h long=t count by k").node.schema.open


# through the whole engine


def rows(text: str, zone: str = "UTC") -> list[dict[str, Any]]:
    return session(zone).query(text, sources={"t": SMALL}).run().to_pylist()


def test_stages_behind_wide_columns_know_their_names() -> None:
    got = rows(
        "table t | timechart span=1h fill=0 count by k | eval total = a + b | sort -total, -_time | limit 2 | fields total, `null`"
    )
    assert got == [{"total": 2, "null": 0}, {"total": 1, "null": 0}]


def test_weeks_stay_weeks_wherever_they_are_written() -> None:
    monday = "2026-10-26T00:00:00+00:00"
    for form in (
        'datetrunc(d, "1w")',
        "datetrunc(d, 1w)",
        "datetrunc(d, span=1w)",
        "bucket(d, 1w)",
        "datetrunc(d, $w)",
    ):
        got = rows(f'set w = 1w | json "{{}}" | eval d = date("2026-11-01"), s = string({form}) | fields s')
        assert got == [{"s": monday}], form
    seventh = rows('json "{}" | eval s = string(datetrunc(date("2026-11-01"), 7d)) | fields s')
    assert seventh == [{"s": "2026-10-29T00:00:00+00:00"}]
    option = rows("set w = 1w | table t | timechart span=$w count")
    assert [r["_time"].isoformat() for r in option] == ["1969-12-29T00:00:00+00:00"]


def test_a_long_range_of_constant_dates_is_warned_of() -> None:
    query = session("UTC").query('json "{}" | eval d = daterange(date("2020-01-01"), date("2026-01-01"), "1s")')
    assert [(n.kind, n.code) for n in query.notes] == [("warn", "W701")]
