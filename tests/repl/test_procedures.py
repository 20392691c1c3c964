"""Procedures at the prompt and on the command line: completion, `.run`, help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import cortado
from cortado.repl.app import is_complete, signature
from cortado.repl.complete import Offers
from cortado.repl.highlight import coloured
from cortado.repl.meta import Meta, State

from .conftest import Run

DAILY = """\
/// Sales by store.
param src: table = sales
param keys: fields = store
param least: double
table $src | search amount >= $least | stats sum(amount) as amount by $keys
"""
LARGE = (
    "/// Keeps what is large.\nparam field: field\nparam min: double = 1\n| search $field >= $min | eval large = true\n"
)
HEADER = "def clean(by: field = amount, all: bool = false) = [ | search isnotnull($by) | eval cleaned = true ]\n"


@pytest.fixture
def session(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[cortado.Session]:
    monkeypatch.chdir(home)
    (home / "daily.cq").write_text(DAILY)
    (home / "large.cq").write_text(LARGE)
    (home / "odd-name.cq").write_text('json "{}"')
    (home / "broken.cq").write_text("param x\njson '{}'")
    with cortado.connect("db") as s:
        s.register("sales", pa.table({"store": ["a", "b"], "amount": [1.0, 3.0]}))
        s.register("other", pa.table({"code": [1]}))
        yield s


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("proc █", ["daily(", "`odd-name`()"]),
        ("pro█", ["proc"]),
        ("table sales | proc █", ["large("]),
        ("table sales | proc la█", ["large("]),
        ("proc daily(█", ["least=", "src=", "keys=", "other", "sales"]),
        ("proc daily(le█", ["least="]),
        ("proc daily(src=█", ["other", "sales"]),
        ("proc daily(sales, █", ["least=", "keys=", "store", "amount"]),
        ("proc daily(src=sales, least=1, █", ["keys="]),
        ("table sales | proc large(field=█", ["store", "amount"]),
        ("table sales | proc large(am█", ["amount"]),
        ("table sales | proc large(amount) | search lar█", ["large"]),
        ("table sales | proc large(amount) | sort -█", ["store", "amount", "large"]),
        (HEADER + "table sales | proc █", ["clean(", "large("]),
        (HEADER + "table sales | proc clean(all=█", ["true", "false"]),
        (HEADER + "table sales | proc clean() | fields cl█", ["cleaned"]),
        (HEADER + "textf█", ["textfile"]),
        ("proc daily(keys=█", ["store", "amount"]),
        ("proc daily(other, █", ["least=", "keys=", "code"]),
        ("proc daily(src=other, keys=co█", ["code"]),
        ('proc daily(keys="store, am█', ["amount"]),
        ("proc nosuch(█", []),
        ("proc daily() █", []),
        (".run █", ["daily", "large", "odd-name", "broken.cq", "daily.cq", "large.cq", "odd-name.cq"]),
        (".run da█", ["daily", "daily.cq"]),
        (".run daily █", ["least=", "src=", "keys="]),
        (".read daily.cq least=1 k█", ["keys="]),
        ("help dai█", ["daily"]),
    ],
)  # fmt: skip
def test_completion(session: cortado.Session, text: str, wanted: list[str]) -> None:
    offered = [c.text for c in Offers(session).at(text.removesuffix("█")) if not c.text.startswith("db")]
    if text.startswith("table sales | proc large(amount) | sort"):
        offered = [o for o in offered if not o.endswith("=")]
    assert offered == wanted


def test_what_is_offered_says_what_it_is(session: cortado.Session) -> None:
    offers = Offers(session)
    assert [(c.kind, c.about) for c in offers.at("proc da")] == [("procedure", "Sales by store.")]
    assert [(c.kind, c.about) for c in offers.at("proc daily(ke")] == [("parameter", "fields = store")]


def test_new_files_are_seen_after_a_query(session: cortado.Session, home: Path) -> None:
    offers = Offers(session)
    assert [c.text for c in offers.at("proc ne")] == []
    (home / "new.cq").write_text('json "{}"')
    offers.forget()
    assert [c.text for c in offers.at("proc ne")] == ["new()"]


def test_the_line_below_shows_the_parameters(session: cortado.Session) -> None:
    assert (
        signature("proc daily(", session).split("  ")[0]
        == " daily(src: table = sales, keys: fields = store, least: double)"
    )
    assert "clean(by: field = amount, all: bool = false)" in signature(HEADER + "table sales | proc clean(", session)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("def f() = [ | limit 1 ]", False), ("def f(", False), ("def f() = [ | limit 1", False), (HEADER + "table sales", True),
     (HEADER + "table sales |", False), ('use "a.cq" as a', False), ("param x: long = (1", False), ("proc daily(", False)],
)  # fmt: skip
def test_when_enter_runs(text: str, expected: bool) -> None:
    assert is_complete(text) is expected


def test_words_of_a_header_are_no_wrong_commands() -> None:
    for line in ("def f() = [ | limit 1 ]", 'use "a.cq" as a', "param x: long = 1"):
        assert coloured(line)[0][0][0] == "class:keyword"


def test_run_and_read(session: cortado.Session, capsys: pytest.CaptureFixture[str]) -> None:
    ran: list[list[dict[str, object]]] = []
    meta = Meta(State(session, {}, lambda query: ran.append(query.to_pylist())))
    meta.run(".run daily least=2")
    meta.run(".run daily.cq least=0 keys=store")
    meta.run(".read daily.cq least=2")
    assert [len(r) for r in ran] == [1, 2, 1]
    with pytest.raises(cortado.BindError, match="cannot be 'x'"):
        meta.run(".run daily least=x")
    with pytest.raises(cortado.BindError, match="E304 no procedure is named 'nosuch'"):
        meta.run(".run nosuch")
    meta.run(".run 'open")
    assert ".run takes FILE.cq" in capsys.readouterr().err


def test_the_command_line_runs_a_name_of_the_path(cli: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "kept"
    folder.mkdir()
    (folder / "p.cq").write_text(
        "param n: long\ndef f(n: long) = [ | eval b = $n + 1 ]\njson '{}' | eval a = $n | proc f($n)"
    )
    monkeypatch.setenv("CORTADO_QUERY_PATH", str(folder))
    assert cli("run", "p", "-p", "n=5").text == "a,b\n5,6\n"
    assert cli("run", str(folder / "p.cq"), "-p", "n=0x10").text == "a,b\n16,17\n"
    failed = cli("run", "p", "-p", "n=many")
    assert failed.status == 2 and "p.cq:1" in failed.err and "it takes a whole number" in failed.err
    unknown = cli("run", "nosuch")
    assert unknown.status == 2 and "E304" in unknown.err
    assert cli("-c", "proc p(n=1)").text == "a,b\n1,2\n"
    assert cli("-c", "param n: double = 1\njson '{}' | eval a = $n", "-p", "n=2").text == "a\n2.0\n"
    assert cli("-c", "param n: string\njson '{}' | eval a = $n", "-p", "n=2").text == "a\n2\n"


def test_help_of_a_saved_query(cli: Run, session: cortado.Session) -> None:
    for name in ("daily", "daily.cq"):
        told = cli("help", name)
        assert told.status == 0
        assert told.text.splitlines()[0] == "daily: Sales by store."
        assert "  proc daily(src, keys, least)   (source, daily.cq)" in told.text
        assert "  least  double  (required)" in told.text
    assert cli("help", "nosuch").status == 2
    broken = cli("help", "broken.cq")
    assert broken.status == 2 and "broken.cq:1" in broken.err


def test_formatting_keeps_the_header(cli: Run, session: cortado.Session, home: Path) -> None:
    laid_out = {
        "daily.cq": "table $src\n| search amount >= $least\n| stats sum(amount) as amount by $keys\n",
        "large.cq": "| search $field >= $min\n| eval large = true\n",
    }
    for name, body in laid_out.items():
        header = "".join(f"{line}\n" for line in (home / name).read_text().split("\n")[:-2])
        assert cli("fmt", name).status == 0
        assert (home / name).read_text() == header + body
        assert cli("fmt", "--check", name).status == 0
