# mypy: disable-error-code="arg-type"
"""Tables on a terminal; formats read back as they were written."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cortado
from cortado.repl.output import Target, write_result
from cortado.repl.render import cut, fitted, human, table_text, vertical_text, width
from cortado.sheet import Sheet, safe, sheet_of_table


def sheet(table: pa.Table) -> Sheet:
    return sheet_of_table(table, 1000)


def test_a_table_with_wide_text() -> None:
    drawn = table_text(sheet(pa.table({"매출": ["김치찌개", None], "n": [1, 22], "e": ["e\u0301", "👍"]})))
    assert drawn.split("\n") == [
        "┌──────────┬──────┬────────┐",
        "│ 매출     │ n    │ e      │",
        "│ string   │ long │ string │",
        "├──────────┼──────┼────────┤",
        "│ 김치찌개 │    1 │ e\u0301      │",
        "│ null     │   22 │ 👍     │",
        "└──────────┴──────┴────────┘",
    ]
    assert {width(line) for line in drawn.split("\n")} == {28}


def test_control_characters_do_not_reach_the_terminal() -> None:
    text = "a\x1b[31mb\rc\nd\te\u202ef\x9bg\u200fh"
    drawn = table_text(sheet(pa.table({text: [text]}))) + vertical_text(sheet(pa.table({text: [text]})))
    assert not any(c in drawn for c in "\x1b\r\t\u202e\x9b\u200f")
    assert "a\\x1b[31mb\\rc\\nd\\te\\u202ef\\x9bg\\u200fh" in drawn
    assert safe("한글 text") == "한글 text"


@settings(max_examples=200)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=40), st.integers(20, 200))
def test_what_is_shown_fits(sizes: list[int], cells: int) -> None:
    out, shown = fitted(sizes, cells)
    assert sum(out[i] + 3 for i in shown) + 1 <= cells
    assert shown == list(range(len(shown))) and shown
    assert all(out[i] <= sizes[i] for i in shown)
    if sum(s + 3 for s in sizes) + 1 <= cells:
        assert out == sizes and len(shown) == len(sizes)


@settings(max_examples=50)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=5), st.integers(10, 80))
def test_lines_are_never_wider_than_the_terminal(values: list[str], cells: int) -> None:
    for line in table_text(sheet(pa.table({"a": values, "n": [1] * len(values)})), cells).split("\n"):
        if not line.startswith("("):
            assert width(line) <= cells


def test_columns_that_do_not_fit_are_counted() -> None:
    drawn = table_text(sheet(pa.table({f"column_{i}": [1] for i in range(20)})), 40)
    assert drawn.endswith("(16 more columns do not fit: choose with fields, or use the vertical format)")


def test_cut() -> None:
    assert cut("abcdef", 4) == "abc…" and cut("김치찌개", 5) == "김치…" and cut("abcd", 4) == "abcd"


def test_human() -> None:
    assert [human(n) for n in (0, 1023, 1024, 5 << 20, 3 << 30)] == ["0 B", "1023 B", "1.0 KB", "5.0 MB", "3.0 GB"]


def test_colours_change_no_width() -> None:
    table = sheet(pa.table({"매출": ["x"]}))
    plain, coloured = table_text(table), table_text(table, colour=True)
    assert coloured != plain and coloured.replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "") == plain


# files that are written and read again

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
COLUMNS = {
    "s": st.none() | TEXT,
    "n": st.none() | st.integers(-(2**63), 2**63 - 1),
    "x": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "b": st.none() | st.booleans(),
}
ROWS = st.lists(st.fixed_dictionaries(COLUMNS), max_size=20)
KINDS: pa.Schema = cast(Any, pa).schema(
    [pa.field("s", pa.string()), pa.field("n", pa.int64()), pa.field("x", pa.float64()), pa.field("b", pa.bool_())]
)


@pytest.fixture(scope="module")
def session() -> Any:
    with cortado.connect(timezone="UTC") as s:
        yield s


def written(session: cortado.Session, table: pa.Table, form: str, folder: Path) -> bytes:
    session.register("t", table)
    path = folder / f"out.{form}"
    write_result(session.query("table t").start(), Target(form, str(path)), session)
    return path.read_bytes()


@pytest.mark.parametrize("form", ["csv", "tsv", "json", "jsonl", "parquet", "arrow"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_round_trip(session: cortado.Session, tmp_path: Path, form: str, rows: list[dict[str, Any]]) -> None:
    """Read back by programs that are not ours: values and nulls, and types where the format has them."""
    data = written(session, pa.Table.from_pylist(rows, KINDS), form, tmp_path)
    match form:
        case "parquet":
            import pyarrow.parquet as pq

            assert pq.read_table(io.BytesIO(data)).equals(pa.Table.from_pylist(rows, KINDS))
        case "arrow":
            assert pa.ipc.open_file(data).read_all().equals(pa.Table.from_pylist(rows, KINDS))
        case "json":
            assert json.loads(data) == rows
        case "jsonl":
            assert [json.loads(line) for line in data.split(b"\n") if line] == rows
        case _:
            check_csv(data.decode(), rows, "," if form == "csv" else "\t")


def check_csv(text: str, rows: list[dict[str, Any]], sep: str) -> None:
    header, *lines = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
    assert header == list(COLUMNS) and len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line[0] == (row["s"] or "")
        assert line[1] == ("" if row["n"] is None else str(row["n"]))
        assert (
            (line[2] == "")
            if row["x"] is None
            else (float(line[2]) == row["x"] or math.isclose(float(line[2]), row["x"], rel_tol=0))
        )
        assert line[3] == ("" if row["b"] is None else str(row["b"]).lower())


def test_markdown_and_html_escape(session: cortado.Session, tmp_path: Path) -> None:
    table = pa.table({"a|b": ["x|y", "<i>", "*\n`", None]})
    shown = written(session, table, "markdown", tmp_path).decode()
    assert shown == "| a\\|b |\n| --- |\n| x\\|y |\n| &lt;i&gt; |\n| \\*\\\\n\\` |\n| null |\n"
    html = written(session, table, "html", tmp_path).decode()
    assert "<i>null</i>" in html and "&lt;i&gt;" in html and "<td><i>" not in html.replace("<td><i>null</i></td>", "")


@pytest.mark.parametrize(
    "form", ["table", "vertical", "csv", "tsv", "json", "jsonl", "markdown", "html", "parquet", "arrow"]
)
def test_no_rows_still_have_their_columns(session: cortado.Session, tmp_path: Path, form: str) -> None:
    data = written(session, KINDS.empty_table(), form, tmp_path)
    if form in ("json", "jsonl", "vertical"):
        assert data == {"json": b"[]\n", "jsonl": b"", "vertical": b"0 rows\n"}[form]
    else:
        assert b"s" in data and b"n" in data


def test_times_are_shown_in_the_zone() -> None:
    with cortado.connect(timezone="Asia/Seoul") as s:
        s.register("t", pa.table({"t": pa.array([0], pa.timestamp("us", "UTC"))}))
        assert (
            "1970-01-01" in s.query("table t").run()._repr_html_() and "09:00" in s.query("table t").run()._repr_html_()
        )
