"""What each type is for users: Arrow, pandas, Polars, files, stored tables."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cortado

LENGTHS = 'json "[{n:1},{n:-14},{n:null}]" | eval m = n * 1mon | fields m'


def table_of(query: str) -> pa.Table:
    return cortado.query(query).to_arrow()


def length(months: int) -> Any:
    kind: Any = pa.MonthDayNano
    return kind([months, 0, 0])


def test_calendar_lengths_are_intervals() -> None:
    table = table_of(LENGTHS)
    assert table.schema.field("m").type == pa.month_day_nano_interval()
    assert table["m"].to_pylist() == [length(1), length(-14), None]
    assert cortado.query(LENGTHS).to_pandas()["m"][0].months == 1


def test_polars_which_has_no_intervals_gets_text() -> None:
    assert cortado.query(LENGTHS).to_polars()["m"].to_list() == ["1mon", "-14mon", None]


def test_intervals_inside_arrays_and_maps() -> None:
    table = table_of('json "{}" | eval a = array(1mon, null), m = dict("k", 1y), o = dict(concat("k", ""), 1q)')
    one, year, quarter = map(length, (1, 12, 3))
    assert table.to_pylist() == [{"a": [one, None], "m": {"k": year}, "o": [("k", quarter)]}]


def test_calendar_lengths_in_files_are_text(tmp_path: Path) -> None:
    for command, ending in (("outputparquet", "parquet"), ("outputcsv", "csv"), ("outputjson", "json")):
        cortado.query(f"{LENGTHS} | {command} {tmp_path}/m.{ending}")
    assert pq.read_table(tmp_path / "m.parquet")["m"].to_pylist() == ["1mon", "-14mon", None]
    assert (tmp_path / "m.csv").read_text() == "m\n1mon\n-14mon\n\n"
    assert (tmp_path / "m.json").read_text() == '{"m":"1mon"}\n{"m":"-14mon"}\n{"m":null}\n'


def test_a_table_refuses_calendar_lengths(tmp_path: Path) -> None:
    with cortado.connect(tmp_path / "db") as session:
        with pytest.raises(cortado.QueryError, match="no calendar lengths") as found:
            session.query(f"{LENGTHS} | import create=t kept").run()
        assert found.value.code == "E603"


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ('ip("::1")', pa.string(), "::1"),
        ('array(ip("10.0.0.1"), null)', pa.list_(pa.string()), ["10.0.0.1", None]),
        ('dict("k", ip("10.0.0.1"))', pa.struct([("k", pa.string())]), {"k": "10.0.0.1"}),
        ('decimal("1.50", 2)', pa.decimal128(38, 2), Decimal("1.50")),
        ('fromhex("00ff")', pa.binary(), b"\x00\xff"),
        ('array(date("2026-11-01"))', pa.list_(pa.timestamp("us", "UTC")), None),
        ("array(array(1), null)", pa.list_(pa.list_(pa.int64())), [[1], None]),
    ],
)
def test_types_for_users(expression: str, kind: pa.DataType, value: Any) -> None:
    with cortado.connect(timezone="UTC") as session:
        table = session.query(f'json "{{}}" | eval r = {expression} | fields r').to_arrow()
    assert table.schema.field("r").type == kind
    assert value is None or table["r"].to_pylist() == [value]
