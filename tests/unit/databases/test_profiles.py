"""Profiles: how databases are named, found, hidden and refused; SQLite and a driver of another kind."""

from __future__ import annotations

import glob
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.engine.profiles import Profiles, profile_of
from cortado.planner.sqltext import is_one, parameters, sql_end, trimmed
from cortado.planner.text import QueryError

pytest.importorskip("adbc_driver_sqlite")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript("create table item (id integer, name text); insert into item values (1, 'tea'), (2, 'milk')")
    return path


@pytest.fixture(autouse=True)
def no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORTADO_PROFILES", str(tmp_path / "none.toml"))


COUNT = "select count(*) as n from item"


def count(session: cortado.Session, profile: str = "shop") -> Any:
    return session.query(f"dbquery {profile} {COUNT}").run().to_pylist()[0]["n"]


def test_every_way_to_name_one(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text('[filed]\ndriver = "sqlite"\nuri = "${SHOP}"\n[shop]\nuri = "/nowhere.db"\n')
    monkeypatch.setenv("CORTADO_PROFILES", str(file))
    monkeypatch.setenv("SHOP", str(shop))
    with cortado.connect(profiles={"given": str(shop), "whole": {"driver": "sqlite", "uri": str(shop)}}) as session:
        session.profile("shop", str(shop))  # before the one of the file
        session.profile("driven", driver="sqlite", uri=f"file:{shop}?mode=ro")
        for name in ("given", "whole", "shop", "driven", "filed"):
            assert count(session, name) == 2, name
        assert session.query("system profiles").run().to_pylist() == [
            {"name": n, "driver": "sqlite"} for n in ("driven", "filed", "given", "shop", "whole")
        ]
        assert session.query("system profiles shop").run().to_pylist() == [{"name": "shop", "driver": "sqlite"}]


def test_an_unknown_one_lists_the_known(shop: Path) -> None:
    with cortado.connect(profiles={"shop": str(shop), "other": str(shop)}) as session:
        with pytest.raises(QueryError) as found:
            session.query("dbquery shopp select 1")
        assert found.value.code == "E304" and found.value.suggestions == ("shop",)
        assert found.value.hint == "profiles here: other, shop"
        assert found.value.first.span.start == 8
    with cortado.connect() as session, pytest.raises(QueryError, match="no profiles yet"):
        session.query("dbquery shop select 1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (5, "is a URI, or driver"),
        ({}, "needs a driver"),
        ({"uri": "mysql://x"}, "needs a driver"),
        ({"driver": "sqlite"}, "needs a uri"),
        ({"driver": "sqlite", "url": "x"}, "has no 'url'"),
        ({"driver": 3, "uri": "x"}, "driver is text"),
        ({"driver": "sqlite", "uri": "x", "options": "y"}, "options are texts"),
        ({"driver": "sqlite", "uri": "x", "parameters": ":1"}, "written ? or $1"),
    ],
)
def test_what_does_not_fit(given: Any, said: str) -> None:
    with pytest.raises(QueryError) as found:
        cortado.connect(profiles={"p": given})
    assert found.value.code == "E410" and said in found.value.message


def test_a_file_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "profiles.toml"
    monkeypatch.setenv("CORTADO_PROFILES", str(file))
    for text, code in (("[p", "E605"), ("p = 5", "E410"), ('[p]\nuri = "${NO_SUCH_ONE}.db"', "E410")):
        file.write_text(text)
        with pytest.raises(QueryError) as found:
            Profiles().find("p")
        assert found.value.code == code, text


def test_secrets_are_hidden() -> None:
    profile = profile_of("p", {"uri": "postgresql://me:s3cr%40t@host/db", "options": {"adbc.x.password": "hush"}})
    said = profile.hidden("cannot reach postgresql://me:s3cr%40t@host/db with s3cr@t, s3cr%40t, hush")
    assert said == "cannot reach <uri of p> with ***, ***, ***"
    assert "s3cr" not in repr(profile) and "hush" not in repr(profile)
    assert profile_of("p", {"driver": "postgres", "uri": "host=h password='pw1'"}).hidden("pw1!") == "***!"


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    with cortado.connect(profiles={"gone": str(tmp_path / "gone.db")}) as session, pytest.raises(QueryError) as found:
        session.query("dbquery gone select 1")
    assert found.value.code == "E610" and not (tmp_path / "gone.db").exists()


def test_no_driver(monkeypatch: pytest.MonkeyPatch, shop: Path) -> None:
    import importlib

    real = importlib.import_module

    def without(name: str, *more: Any) -> Any:
        if name.startswith("adbc"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", without)
    with cortado.connect(profiles={"shop": str(shop)}) as session, pytest.raises(QueryError) as found:
        count(session)
    assert found.value.code == "E610" and "cortado[adbc]" in found.value.hint


def test_not_in_safe_mode(shop: Path) -> None:
    with cortado.connect(safe=True, profiles={"shop": str(shop)}) as session, pytest.raises(QueryError) as found:
        count(session)
    assert found.value.code == "E705"


@pytest.mark.parametrize(
    "statement", ["with recursive c(x) as (select 1 union all select x + 1 from c) select x from c"]
)
def test_a_limit_and_a_cancel_in_sqlite(shop: Path, statement: str) -> None:
    with cortado.connect(profiles={"shop": str(shop)}, threads=2) as session:
        assert session.query(f"dbquery shop {statement} | limit 3").run().to_pylist() == [{"x": 1}, {"x": 2}, {"x": 3}]
        handle = session.query(f"dbquery shop {statement} | stats count").start()
        time.sleep(0.3)
        began = time.monotonic()
        handle.cancel()
        with pytest.raises(cortado.Cancelled):
            handle.result()
        assert time.monotonic() - began < 5  # by itself it never ends


def test_rows_that_change_between_bind_and_run(shop: Path) -> None:
    with cortado.connect(profiles={"shop": str(shop)}) as session:
        query = session.query("dbquery shop select id, name from item order by id")
        with closing(sqlite3.connect(shop)) as made:
            made.executescript("insert into item values (3, 'salt')")
        assert len(query.run()) == 3
        with closing(sqlite3.connect(shop)) as made:
            made.executescript("update item set id = 'x' where id = 1")
        with pytest.raises(QueryError) as found:
            query.run()
        assert found.value.code == "E605" and "run the query again" in found.value.hint


def test_canonical_text_is_the_same_query(shop: Path) -> None:
    with cortado.connect(profiles={"my shop": str(shop), "shop": str(shop)}) as session:
        for text in (
            "dbquery shop select id, 'it''s' as a from item where id = 1 or 'a' || '|' = 'b' ; | limit 1",
            'dbquery `my shop` "select id\\nfrom item" | fields id',
            "dbquery limit=1 shop 'select id from item' | search id > 0",
        ):
            query = session.query(text)
            again = session.query(query.canonical())
            assert again.canonical() == query.canonical()
            assert again.run().to_pylist() == query.run().to_pylist()


def test_sql_is_kept_as_it_stands_by_fmt() -> None:
    from cortado.commands.language import language
    from cortado.planner.format import format_query

    sql = "select a,   -- it's | fine\n  count(*) as n from t"
    text = f"dbquery   infer=5 shop   {sql}   | search n  > 1|union [ dbquery shop {sql} | limit 1 ]"
    made = format_query(text, language())
    assert made.startswith(f"dbquery infer=5 shop {sql}\n| search n > 1\n| union [") and made.count(sql) == 2
    assert format_query(made, language()) == made


def test_another_driver() -> None:
    """DuckDB's library is an ADBC driver, known by its path."""
    duckdb = pytest.importorskip("duckdb")
    folder = os.path.dirname(duckdb.__file__)
    found = glob.glob(f"{folder}/../_duckdb*.so") + glob.glob(f"{folder}/duckdb*.so")
    if not found:
        pytest.skip("no library of DuckDB's that could be a driver")
    with cortado.connect(timezone="UTC") as session:
        session.profile("duck", driver=found[0], entrypoint="duckdb_adbc_init", options={"path": ":memory:"})
        sql = "select 1.5::decimal(10, 2) as a, [1, 2] as b, {'x': 1} as c, :n + :n as d, timestamp '2026-11-01' as e, 'x' as f"
        (row,) = session.query(f"dbquery duck {sql}", n=2).run().to_pylist()
        assert (row["a"], row["b"], row["c"], row["d"], row["f"]) == (1.5, [1, 2], {"x": 1}, 4, "x")
        rows = session.query("dbquery duck select range as x from range(100000) | stats count, sum(x) as s").run()
        assert rows.to_pylist() == [{"count": 100_000, "s": 4_999_950_000}]


SQL = [
    ("select 1 | limit 1", "select 1 "),
    ("select 'a|b' || \"c|d\" -- e|f\n, `g|h` /* i|j /* k|l */ m|n */ | x", "select 'a|b' || \"c|d\" -- e|f\n, `g|h` /* i|j /* k|l */ m|n */ "),
    ("select $$a|b$$, $t$c|$$|d$t$ | x", "select $$a|b$$, $t$c|$$|d$t$ "),
    (r"select E'\'|' | x", r"select E'\'|' "),
    ("select a[1] ] | x", "select a[1] "),
    ("select '", "select '"),
    ("select /* ", "select /* "),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sql"), SQL)
def test_where_sql_ends(text: str, sql: str) -> None:
    assert text[: sql_end(text, 0)] == sql


def test_parameters_in_sql() -> None:
    text = "select :a, ':b', x::int, \":c\", a[1:d], a[lo:e], $$:f$$, /* :g */ (:h), -- :i\n 'x':j, `:k`, E'\\':l', :매출, 1=:_m"
    assert [n for n, _, _ in parameters(text)] == ["a", "h", "매출", "_m"]
    assert all(text[low:high] == f":{n}" for n, low, high in parameters(text))


def test_statements() -> None:
    assert trimmed(" select 1 ; -- x\n ;; /* y */ ") == "select 1"
    assert trimmed("select '--x'") == "select '--x'" and trimmed("-- only") == ""
    assert is_one("select ';', \";\" -- ;") and not is_one("select 1; select 2")
