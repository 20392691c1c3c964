"""Times so far off that 64 bits do not hold the bounds of their bucket: counted, and never a loop without an end."""

from __future__ import annotations

import pyarrow as pa
import pytest

import cortado

FAR = [-(2**63) + 1, 0, 2**63 - 1, None]


def table(unit: str) -> pa.Table:
    times = pa.array(FAR, pa.int64()).cast(pa.timestamp(unit, "UTC"))
    return pa.table({"_time": times, "v": [1.0, 2.0, 3.0, 4.0]})


def run(stage: str, unit: str, zone: str) -> tuple[pa.Table, list[tuple[str, str, int]]]:
    with cortado.connect(timezone=zone, threads=1) as session:
        result = session.query(f"table t | {stage}", t=table(unit)).run()
        return result.to_arrow(), [(n.kind, n.reason, n.count) for n in result.notes]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("span", ["1h", "7h", "1d", "1w", "1mon", "1y"])
@pytest.mark.parametrize("stage", ["resample span={} v", "gapfill span={} v", "timechart span={} sum(v) as v"])
def test_rows_without_a_bucket_are_left_out(stage: str, span: str, unit: str, zone: str) -> None:
    got, notes = run(stage.format(span), unit, zone)
    assert [v for v in got["v"].to_pylist() if v is not None] == [2.0]
    assert ("drop", "time beyond the grid", 2) in notes
    assert ("drop", "null time", 1) in notes


@pytest.mark.parametrize("unit", ["us", "ns"])
@pytest.mark.parametrize("span", ["1h", "7h", "1d", "1y"])
def test_functions_give_null(span: str, unit: str) -> None:
    got, notes = run(f'eval b = datetrunc(_time, "{span}") | fields b', unit, "UTC")
    assert got["b"].cast(pa.int64()).to_pylist() == [None, 0, None, None]
    assert notes == [("reject", "overflow", 2)]


def test_histogram_leaves_them_out() -> None:
    got, notes = run("histogram span=1y _time | fields count", "us", "UTC")
    assert got["count"].to_pylist() == [1]
    assert notes == [("drop", "time beyond the grid", 2)]


def test_ends_beyond_nanoseconds_are_told_at_their_option() -> None:
    with pytest.raises(cortado.BindError) as caught:
        run("resample span=1y from=1000 v", "ns", "UTC")
    assert caught.value.code == "E311"
