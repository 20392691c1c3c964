"""`parsemap` of Arrow's maps, whose keys only the data knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import cortado

from ..worlds import WORLDS

MAPS = pa.table({
    "id": [1, 2, 3, 4, 5],
    "m": pa.array([[("b", 1), ("a", 2)], None, [("c", 3), ("a", 5), ("a", 6)], [], [("b", None)]], pa.map_(pa.string(), pa.int64())),
    "_k": [1, 2, 3, 4, 5],
})  # fmt: skip


@pytest.fixture(params=WORLDS, scope="module")
def session(request: Any) -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", **WORLDS[request.param]) as made:
        yield made


def run(session: cortado.Session, text: str, table: pa.Table = MAPS) -> list[dict[str, Any]]:
    result = session.query(f"table t | {text}", sources={"t": table}).run()
    assert not [n for n in result.notes if n.kind != "truncate"]
    return result.to_pylist()


def test_keys_stand_in_the_order_in_which_they_first_appear(session: cortado.Session) -> None:
    rows = run(session, "parsemap field=m")
    assert [list(r.values()) for r in rows] == [[1, 2, None, 1], [None, None, None, 2], [None, 6, 3, 3], [None, None, None, 4],
                                               [None, None, None, 5]]  # fmt: skip
    assert list(rows[0]) == ["b", "a", "c", "_k"]


def test_names_that_stages_use_close_the_schema(session: cortado.Session) -> None:
    query = session.query("table t | parsemap field=m | stats sum(a) as s by b", sources={"t": MAPS})
    assert not query.is_open
    assert query.run().to_pylist() == [{"b": None, "s": 6}, {"b": 1, "s": 2}]


def test_a_name_that_no_row_has_is_null_without_a_warning(session: cortado.Session) -> None:
    assert run(session, "parsemap field=m | fields nosuch | limit 1") == [{"nosuch": None}]
    assert [r["x"] for r in run(session, "parsemap field=m | eval x = isnull(nosuch)")] == [True] * 5


def test_overlay_of_another_type_is_text(session: cortado.Session) -> None:
    table = pa.table({"a": ["x", "y"], "m": pa.array([[("a", 2)], []], pa.map_(pa.string(), pa.int64()))})
    assert run(session, "parsemap overlay=t field=m | fields a", table) == [{"a": "2"}, {"a": "y"}]
    assert run(session, "parsemap overlay=t field=m | fields a*", table) == [{"a": "2"}, {"a": "y"}]


def test_members_of_entries(session: cortado.Session) -> None:
    kind = pa.map_(pa.string(), pa.struct([("p", pa.int64())]))
    table = pa.table({"m": pa.array([[("x", {"p": 1})], [("x.p", {"p": 2})]], kind)})
    assert run(session, "parsemap field=m | eval v = x.p | fields v", table.slice(0, 1)) == [{"v": 1}]


def test_no_row(session: cortado.Session) -> None:
    assert run(session, "search false | parsemap field=m") == []
    assert run(session, "parsemap field=m | stats count by zz") == [{"zz": None, "count": 5}]
