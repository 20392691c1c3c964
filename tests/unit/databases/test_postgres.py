"""`dbquery` on a PostgreSQL server of the tests' own: types, parameters, streams, cancels, and a server that goes away."""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import cortado
from cortado.planner.text import QueryError
from tests import postgres

UTC = dt.UTC


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.running() as made:
        made.execute(
            "create type mood as enum ('sad', 'ok')",
            "create table item (id int, name varchar(20), price numeric(10, 2), sold timestamptz)",
            "insert into item values (1, 'tea', 2.50, '2026-11-01 10:00+00'), (2, 'milk', null, null), (3, '한글', 0.1, 'infinity')",
        )
        yield made


@pytest.fixture(params=[{"threads": 1}, {"threads": 4, "batch_rows": 3}])
def session(request: pytest.FixtureRequest, server: postgres.Server) -> Iterator[cortado.Session]:
    with cortado.connect(timezone="Asia/Seoul", **request.param) as made:
        made.profile("shop", server.uri)
        yield made


def one(session: cortado.Session, sql: str, **params: Any) -> Any:
    (row,) = session.query(f"dbquery shop {sql}", params=params).run().to_pylist()
    (value,) = row.values()
    return value


TYPES = [
    ("1::int2", 1), ("2::int4", 2), ("3::int8", 3), ("1.5::float4", 1.5), ("2.5::float8", 2.5),
    ("12345.678::numeric", 12345.678), ("null::numeric", None), ("'Infinity'::numeric", math.inf), ("'t'::text", "t"),
    ("'c'::char(3)", "c  "), ("true", True), (r"'\x00ff'::bytea", b"\x00\xff"),
    ("timestamptz '2026-11-01 10:00:00+09'", dt.datetime(2026, 11, 1, 1, tzinfo=UTC)),
    ("timestamp '2026-11-01 10:00:00'", dt.datetime(2026, 11, 1, 1, tzinfo=UTC)),
    ("date '2026-11-01'", dt.datetime(2026, 10, 31, 15, tzinfo=UTC)), ("time '10:00'", dt.time(10)),
    ("'550e8400-e29b-41d4-a716-446655440000'::uuid", "550e8400-e29b-41d4-a716-446655440000"),
    ("""'{"a": 1}'::json""", '{"a": 1}'), ("""'{"a":1}'::jsonb""", '{"a": 1}'), ("'10.0.0.1'::inet", "10.0.0.1/32"),
    ("'10.0.0.0/8'::cidr", "10.0.0.0/8"), ("array[1, 2, null]", [1, 2, None]), ("array['a', 'b']", ["a", "b"]),
    ("array[1.5, 2]::numeric[]", [1.5, 2.0]), ("array['550e8400-e29b-41d4-a716-446655440000'::uuid]", ["550e8400-e29b-41d4-a716-446655440000"]),
    ("'ok'::mood", "ok"), ("array['ok'::mood]", ["ok"]), ("row(1, 'z')", "(1,z)"), ("int4range(1, 5)", "[1,5)"), ("'(1,2)'::point", "(1,2)"),
    ("12.5::money", 12.5), ("'<a/>'::xml", "<a/>"), ("'101'::bit(3)", "101"), ("timetz '10:00+09'", "10:00:00+09"), ("1::oid", 1),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "wanted"), TYPES, ids=[t for t, _ in TYPES])
def test_types(session: cortado.Session, sql: str, wanted: Any) -> None:
    assert one(session, f"select {sql} as v") == wanted
    assert one(session, f"select * from (select {sql} as v) as t where false union all select {sql}") == wanted


def test_types_are_noted_where_they_change(session: cortado.Session) -> None:
    result = session.query("dbquery shop select 1.5::numeric as n, interval '1 mon 2 days' as i, 1 as a, 2 as a").run()
    assert sorted(n.reason for n in result.notes) == [
        "a column name is there twice: the later one is 'a_2'",
        "field 'i' is of type month_day_nano_interval: it passes through, functions see its text",
        "field 'n' is a decimal: it is read as double",
    ]
    (row,) = result.to_pylist()
    assert (row["n"], row["a"], row["a_2"]) == (1.5, 1, 2) and tuple(row["i"]) == (1, 2, 0)


def test_infinite_times_are_null_and_counted(session: cortado.Session) -> None:
    result = session.query("dbquery shop select id, sold, date '-infinity' as d from item order by id").run()
    assert [r["sold"] for r in result.to_pylist()][1:] == [None, None]
    assert [(n.kind, n.reason, n.count) for n in result.notes] == [("reject", "overflow", 4)]


def test_nan_is_nan(session: cortado.Session) -> None:
    assert math.isnan(one(session, "select 'NaN'::numeric as v"))


PARAMETERS = [
    ("select count(*) as n from item where id < :x", 3, 2), ("select count(*) as n from item where price > :x", 1.5, 1),
    ("select count(*) as n from item where name = :x", "x' or '1'='1", 0), ("select :x::int + 1 as n", 5, 6),
    ("select :x || ':x' || /* :x */ $$:x$$ as n -- :x", "a", "a:x:x"), ("select :x as n", True, True),
    ("select count(*) as n from item where sold = :x", dt.datetime(2026, 11, 1, 10, tzinfo=UTC), 1),
    ("select timestamp '2026-11-01 19:00' = :x as n", dt.datetime(2026, 11, 1, 10, tzinfo=UTC), True),
    ("select interval '90 min' = :x as n", dt.timedelta(minutes=90), True), ("select 2 = any(:x) as n", [1, 2], True),
    ("select 'b' = any(:x) as n", ["a", "b"], True), ("select (array[1,2,3])[1:2] as n where :x = 1", 1, [1, 2]),
    ("select count(*) as n from item where name = :x", None, 0), ("select :x::text is null as n", None, True),
    ("select :x + :x + :y as n", 1, 4),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "value", "wanted"), PARAMETERS, ids=[s for s, _, _ in PARAMETERS])
def test_parameters(session: cortado.Session, sql: str, value: Any, wanted: Any) -> None:
    assert one(session, sql, x=value, y=2) == wanted


def test_months_as_a_parameter(session: cortado.Session) -> None:
    (row,) = session.query("set m = 2mon | dbquery shop select interval '2 mon' = :m as n").run().to_pylist()
    assert row == {"n": True}


def test_a_parameter_that_a_subquery_gives(session: cortado.Session) -> None:
    found = session.query(
        "setq [ json \"{'k': 2}\" | fields k ] | dbquery shop select name from item where id = :k"
    ).run()
    assert found.to_pylist() == [{"name": "milk"}]


def test_it_only_reads(session: cortado.Session, server: postgres.Server) -> None:
    for sql in (
        "insert into item values (9, 'x', 1, null) returning id",
        "select nextval('s')",
        "create table z (a int)",
    ):
        with pytest.raises(QueryError) as found:
            session.query(f"dbquery shop {sql}").run()
        assert found.value.code in ("E307", "E610")
    assert one(session, "select count(*) as n from item") == 3


def test_other_statements(session: cortado.Session) -> None:
    assert session.query("dbquery shop values (1), (2)").run().to_pylist() == [{"column1": 1}, {"column1": 2}]
    assert one(session, "with a as (select 1 as x) select x from a") == 1
    assert one(session, "show server_encoding") == "UTF8"
    assert len(session.query("dbquery shop explain select 1").run()) == 1
    assert len(session.query("dbquery shop table pg_class").run()) > 100  # with types that have no binary form


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("selec 1", "begins with 'selec'"),
        ("select 1 fro x y", 'syntax error at or near "x"'),
        ("select * from nosuch", 'relation "nosuch" does not exist'),
        ("insert into item values (1)", "only reads"),
        ("copy item to '/tmp/x'", "only reads"),
        ("select 1; select 2", "more than one statement"),
        ("select date '2026-01-01' > :t", "operator does not exist: date > text"),
    ],
)
def test_sql_that_it_does_not_take(session: cortado.Session, sql: str, said: str) -> None:
    with pytest.raises(QueryError) as found:
        session.query(f"dbquery shop {sql}", t="x")
    assert found.value.code == "E307" and said in found.value.message
    at = found.value.first.span
    assert f"dbquery shop {sql}"[at.start : at.end] == sql


@pytest.mark.parametrize(
    "sql", ["select x from generate_series(1, :n) x", "select x from generate_series(1, 300000) x where :n > 0"]
)
def test_many_rows(session: cortado.Session, sql: str) -> None:
    if session.settings["batch_rows"] == 3:
        pytest.skip("once is enough")
    result = session.query(f"dbquery shop {sql} | stats count, sum(x) as s", n=300_000).run()
    assert result.to_pylist() == [{"count": 300_000, "s": 300_000 * 300_001 // 2}]
    assert len(session.query(f"dbquery shop {sql} | limit 5", n=300_000).run()) == 5


def test_an_error_in_the_middle(session: cortado.Session) -> None:
    with pytest.raises(QueryError) as found:
        session.query("dbquery shop select 1 / (x - 90000) as v from generate_series(1, 100000) x").run()
    assert found.value.code == "E610" and "division by zero" in found.value.message


def others_end(session: cortado.Session, which: str) -> None:
    """Waits until no other client of the server is left."""
    sql = f"select count(*) as n from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() and {which}"
    for _ in range(100):
        if one(session, sql) == 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"others are still there: {which}")


@pytest.mark.parametrize(
    "sql",
    ["select pg_sleep(60)::text as v", "select count(*) as n from generate_series(1, 100000000000) x where x > :n"],
)
def test_a_cancel_ends_the_statement(session: cortado.Session, server: postgres.Server, sql: str) -> None:
    handle = session.query(f"dbquery shop {sql}", n=1).start()
    time.sleep(0.3)
    began = time.monotonic()
    handle.cancel()
    with pytest.raises(cortado.Cancelled):
        handle.result()
    assert time.monotonic() - began < 5  # by itself it never ends
    others_end(session, "state = 'active'")


def test_several_at_once(session: cortado.Session) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(one(session, "select count(*) as n from item"))) for _ in range(6)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert found == [3] * 6


def test_connections_are_closed(session: cortado.Session) -> None:
    for _ in range(3):
        session.query("dbquery shop select id from item | limit 1").run()
        session.query("dbquery shop select id from item where id > :x | limit 1", x=0).run()
    others_end(session, "true")


def test_with_a_join(session: cortado.Session) -> None:
    rows = session.query(
        "json \"[{'id': 1}, {'id': 3}]\" | join id [ dbquery shop select id, name from item ] | fields name"
    ).run()
    assert sorted(r["name"] for r in rows.to_pylist()) == ["tea", "한글"]


def test_a_server_that_goes_away(server: postgres.Server) -> None:
    """Stands last: it stops the server, and starts it again."""
    with cortado.connect() as session:
        session.profile("shop", server.uri.replace("user=tester", "user=tester&password=secret"))
        reader = session.query(
            "dbquery shop select x, repeat('y', 100) as s from generate_series(1, 3000000) x"
        ).stream()
        first = reader.read_next_batch()
        assert first.num_rows
        server.stop()
        with pytest.raises(Exception, match="E610") as gone:
            for _ in reader:
                pass
        assert "secret" not in str(gone.value)
        with pytest.raises(QueryError) as found:
            session.query("dbquery shop select 1")
        assert found.value.code == "E610" and "secret" not in str(found.value)
        server.start()
        assert one(session, "select 1 as v") == 1
