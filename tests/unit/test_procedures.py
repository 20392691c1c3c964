"""Procedures from Python: signatures, the query path, safe mode, what a bind reads."""

from __future__ import annotations

import datetime as dt
import inspect
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado
from cortado.planner.plan import Procedure

SALES = """\
/// Sales per store.
/// Nulls are left out.
param src: table = sales
param keys: fields = store
param from: date = dateadd(now(), "mon", -3)
param min: double = 0
table from=$from $src | search amount >= $min | stats sum(amount) as amount by $keys
"""


def frame() -> pa.Table:
    times = [dt.datetime(2026, 11, 2), dt.datetime(2026, 11, 3), dt.datetime(2026, 11, 12)]
    return pa.table(
        {"_time": pa.array(times, pa.timestamp("us", "UTC")), "store": ["a", "a", "b"], "amount": [5.0, 1.0, 7.0]}
    )


def save(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[cortado.Session]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CORTADO_QUERY_PATH", raising=False)
    save("sales.cq", SALES)
    with cortado.connect("db", timezone="UTC") as s:
        s.register("sales", frame())
        yield s


# the callable


def test_a_procedure_has_a_signature_help_and_annotations(session: cortado.Session) -> None:
    sales = session.procedure("sales")
    found = inspect.signature(sales)
    assert list(found.parameters) == ["src", "keys", "from_", "min"]
    assert [p.default for p in found.parameters.values()][:2] == ["sales", ["store"]]
    assert repr(found.parameters["from_"].default) == 'dateadd(now(), "mon", -3)'
    assert found.parameters["min"].default == 0.0 and found.parameters["min"].annotation is float
    assert found.return_annotation is cortado.Query
    assert sales.__name__ == "sales" and sales.__doc__ is not None
    assert sales.__doc__.startswith("Sales per store.\nNulls are left out.\n\nParameters\n  src: table = sales\n")
    assert sales.__annotations__["keys"] == list[str] | str
    assert "sales(src" in repr(sales) and sales.kind == "source" and sales.file == "sales.cq"


def test_a_call_gives_a_query(session: cortado.Session) -> None:
    sales = session.procedure("sales.cq")
    query = sales(from_="20260101")
    assert isinstance(query, cortado.Query)
    rows = [{"store": "a", "amount": 6.0}, {"store": "b", "amount": 7.0}]
    assert query.to_pylist() == rows
    assert sales(from_=dt.date(2026, 1, 1), min=2).to_pylist() == [rows[0] | {"amount": 5.0}, rows[1]]
    assert sales("sales", ["store"], "20260101").pipe("limit 1").to_pylist() == rows[:1]
    assert sales(**{"from": "20260101"}).to_pylist() == rows
    assert sales(frame().slice(2), from_="20260101").to_pylist() == rows[1:]
    given = inspect.signature(sales).parameters["from_"].default
    assert sales(from_=given, keys="store").schema.names == ["store", "amount"]


@pytest.mark.parametrize(
    ("args", "params", "told"),
    [
        ((), {"form": 1}, "has no parameter 'form'"), ((1, 2, 3, 4, 5), {}, "takes 4 arguments, not 5"),
        (("sales",), {"src": "sales"}, "given twice"), ((), {"min": "5"}, "cannot be '5'"), ((), {"from_": "soon"}, "'soon'"),
        ((), {"keys": 5}, "cannot be 5"), ((), {"src": 1.5}, "cannot be 1.5"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(session: cortado.Session, args: Any, params: dict[str, Any], told: str) -> None:
    with pytest.raises(cortado.BindError) as found:
        session.procedure("sales")(*args, **params)
    assert found.value.code == "E410" and told in found.value.message


def test_a_required_parameter_behind_a_default_goes_by_name(session: cortado.Session) -> None:
    save(
        "q.cq",
        "param a: long = 1\nparam b: string\nparam c: array<long> = 1, 2\njson '{}' | eval a = $a, b = $b, c = $c",
    )
    q = session.procedure("q")
    kinds = {n: p.kind.name for n, p in inspect.signature(q).parameters.items()}
    assert kinds == {"a": "POSITIONAL_OR_KEYWORD", "b": "KEYWORD_ONLY", "c": "KEYWORD_ONLY"}
    assert inspect.signature(q).parameters["c"].annotation == list[int]
    assert q(b="x").to_pylist() == [{"a": 1, "b": "x", "c": [1, 2]}]
    with pytest.raises(cortado.BindError, match="has no value"):
        q()


def test_a_stage_procedure_is_called_behind_a_source(session: cortado.Session) -> None:
    save("big.cq", "param min: double\n| search amount >= $min")
    big = session.procedure("big")
    assert big.kind == "stage"
    with pytest.raises(cortado.BindError) as found:
        big(min=2)
    assert found.value.code == "E308" and "proc big(...)" in found.value.hint
    assert len(session.query("table sales").pipe("proc big(min=2)").run()) == 2


def test_words_of_python_as_parameters_of_a_file(session: cortado.Session) -> None:
    assert session.run_file("sales.cq", from_="20260101", src="sales").to_arrow().num_rows == 2
    assert session.file("sales", **{"from": "20260101"}).to_arrow().num_rows == 2


# where procedures are found


def test_the_query_path(session: cortado.Session, tmp_path: Path) -> None:
    save("one/p.cq", 'json "{}" | eval at = "one"')
    save("two/p.cq", 'json "{}" | eval at = "two"')
    save("two/q.cq", 'json "{}" | eval at = "q"')
    save("kept/queries/p.cq", 'json "{}" | eval at = "database"')
    save("kept/queries/r.cq", "proc q()")

    def at(name: str, **settings: Any) -> Any:
        with cortado.connect("kept", **settings) as s:
            return s.query(f"proc {name}()").to_pylist()[0]["at"]

    assert at("p") == "database"
    assert at("p", query_path=["one", "two"]) == "one" and at("p", query_path="two:one") == "two"
    assert at("r", query_path=Path("two")) == "q"
    save("p.cq", 'json "{}" | eval at = "here"')
    assert at("p", query_path=["one", "two"]) == "here"
    with cortado.connect("kept", query_path="one") as s:
        assert s.settings["query_path"] == ("one",)
        with pytest.raises(cortado.BindError) as found:
            s.query("proc q()")
        assert found.value.code == "E304" and "one, `queries` of the database" in found.value.hint
        with pytest.raises(cortado.BindError, match="connect"):
            s.query('set option.query_path = "two" | proc q()')
    with pytest.raises(cortado.QueryError, match="query_path"):
        cortado.connect(query_path=5)


def test_the_query_path_of_the_environment(session: cortado.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    save("env/e.cq", 'json "{}"')
    monkeypatch.setenv("CORTADO_QUERY_PATH", "nowhere:env")
    with cortado.connect() as s:
        assert len(s.query("proc e()").run()) == 1
        assert [p for p, _ in s._query_files().names("")] == ["e", "sales"]


def test_a_file_finds_what_lies_beside_it(
    session: cortado.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("lib/outer.cq", 'use "more/deep.cq" as deep\nproc inner() | proc deep.mark()')
    save("lib/inner.cq", 'json "{}"')
    save("lib/more/deep.cq", "def mark() = [ | proc beside() ]")
    save("lib/more/beside.cq", "| eval found = true")
    assert session.run_file("lib/outer.cq").to_pylist() == [{"found": True}]
    monkeypatch.chdir("/")
    assert session.run_file(tmp_path / "lib" / "outer.cq").to_pylist() == [{"found": True}]
    with pytest.raises(cortado.BindError, match="no procedure is named 'inner'"):
        session.query("proc inner()")


def test_safe_mode_reads_below_the_roots_only(session: cortado.Session, tmp_path: Path) -> None:
    save("in/ok.cq", 'json "{}"')
    save("in/up.cq", 'use "../out/o.cq" as o\njson "{}"')
    save("out/o.cq", 'json "{}"')
    (tmp_path / "in" / "link.cq").symlink_to(tmp_path / "out" / "o.cq")
    save("kept/queries/own.cq", 'json "{}"')
    with cortado.connect("kept", safe=True, files=["in"], query_path=["in", "out"]) as s:
        assert len(s.query("proc ok()").run()) == 1 and len(s.query("proc own()").run()) == 1
        for name, code in (("up", "E705"), ("o", "E304"), ("link", "E304")):
            with pytest.raises(cortado.QueryError) as found:
                s.query(f"proc {name}()")
            assert found.value.code == code, name
        assert {r["name"]: r["kind"] for r in s.query("system procs | fields name, kind").to_pylist()} == {
            "link": "error", "ok": "source", "own": "source", "up": "error",
        }  # fmt: skip
    with cortado.connect("kept", safe=True) as s:
        assert len(s.query("proc own()").run()) == 1
        with pytest.raises(cortado.BindError) as missing:
            s.query("proc ok()")
        assert "the working folder (not open)" in missing.value.hint


def test_the_names_of_files_cannot_leave_the_path(session: cortado.Session) -> None:
    save("deep/x.cq", 'json "{}"')
    for name in ("`deep/x`", "`../x`", "`/etc/passwd`", "`x\0`"):
        with pytest.raises(cortado.QueryError) as found:
            session.query(f"proc {name}()")
        assert found.value.code in ("E304", "E101")


# errors


def test_an_error_knows_its_file_and_its_text(session: cortado.Session) -> None:
    save("lib.cq", "// first\ndef f(x: long) = [\n  | eval y = nosuch($x)\n]\n")
    with pytest.raises(cortado.BindError) as caught:
        session.query('use "lib.cq" as lib\ntable sales | proc lib.f(1) | eval z = other(2)')
    found = caught.value
    assert (found.file, found.line, found.column, found.stage) == ("lib.cq", 3, 14, "2.1")
    assert found.text.split("\n")[2][found.column - 1 :].startswith("nosuch")
    assert found.text[found.span.start : found.span.end] == "nosuch"
    told = found.to_dict()
    assert (told["file"], told["line"], told["span"]) == ("lib.cq", 3, [found.span.start, found.span.end])
    assert [(f.file, f.stage) for f in found.faults] == [("lib.cq", "2.1"), ("", "3")]
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found) and again.text == found.text and again.faults == found.faults


def test_an_error_of_the_run_stands_in_its_file(session: cortado.Session) -> None:
    save("number.cq", "param f: field\n\n| eval n = long($f)")
    with cortado.connect(strict=True) as s:
        s.register("sales", frame())
        with pytest.raises(cortado.RunError) as caught:
            s.query("table sales | proc number(store)").run()
    found = caught.value
    assert (found.code, found.file, found.line, found.stage, found.command) == ("E501", "number.cq", 3, "2.1", "eval")
    assert found.text.startswith("param f: field")


def test_deep_and_long_chains_of_calls(session: cortado.Session) -> None:
    defs = "\n".join(f"def f{i}() = [ | proc f{i + 1}() ]" for i in range(100))
    assert len(session.query(f"{defs}\ndef f100() = [ | bypass ]\ntable sales | proc f0()").run()) == 3
    defs = "\n".join(f"def f{i}() = [ | proc f{i + 1}() ]" for i in range(3000))
    with pytest.raises(cortado.ParseError) as found:
        session.query(f"{defs}\ndef f3000() = [ | bypass ]\ntable sales | proc f0()")
    assert found.value.code == "E201"
    many = "def f() = [ | eval amount = amount + 1 ]\ntable sales" + " | proc f()" * 1200
    assert session.query(many).run().to_pylist()[0]["amount"] == 1205.0


def test_the_optimiser_sees_no_calls(session: cortado.Session) -> None:
    text = "def f() = [ | search amount > 2 ]\ntable sales | sort amount | proc f() | proc f()"
    plain = session.query("table sales | sort amount | search amount > 2 | search amount > 2")
    query = session.query(text)
    assert query.optimised() == plain.optimised()
    assert sum(isinstance(n, Procedure) for n in query.plan.walk()) == 2
    assert session.query(query.canonical()).plan == query.plan
    assert query.explain().count("Procedure") == 2


def test_now_is_one_instant_also_in_defaults(session: cortado.Session) -> None:
    save(
        "n.cq",
        'param t: date = now()\ndef f(u: date = now()) = [ | eval same = $u == now() ]\njson "{}" | eval one = $t == now() | proc f()',
    )
    assert session.run_file("n.cq").to_pylist() == [{"one": True, "same": True}]


def test_the_header_of_a_query_string(session: cortado.Session) -> None:
    text = "param n: long = 1\nparam d: date = 20260101\njson '{}' | eval n = $n, d = $d | fields n"
    assert session.query(text).to_pylist() == [{"n": 1}]
    assert session.query(text, n=5, d="2026-11-01").to_pylist() == [{"n": 5}]
    for given in ({"n": "5"}, {"m": 5}):
        with pytest.raises(cortado.BindError) as found:
            session.query(text, **given)
        assert found.value.code == "E410" and found.value.file == ""
    assert session.query("// note\n# def is a word of this prose\ndef f() = [ | limit 1 ]\njson '{}' | proc f()").run()


@pytest.mark.parametrize(
    "use",
    [
        'use "lib.cq" as l',
        "use 'lib.cq' as l // c",
        "use lib.cq as l",
        "use \u201clib.cq\u201d as l",
        '  use\t"./lib.cq"  as  l  ',
    ],
)
def test_ways_to_write_an_import(session: cortado.Session, use: str) -> None:
    save("lib.cq", "def one() = [ | limit 1 ]")
    save("main.cq", f"# what it is for\n{use}\r\n\ntable sales | proc l.one()")
    assert len(session.run_file("main.cq")) == 1


def test_help_goes_to_what_follows_it(session: cortado.Session) -> None:
    save(
        "h.cq",
        "/// Of the file.\n\n/// Of a.\n// no help\n/// More of a.\ndef a() = [ | limit 1 ]\n\n/// Of b.\ndef b() = [\n  | limit 1 // c\n]\n"
        "/// Of the file, too.\nparam n: long = 1\njson '{}'",
    )
    found = session.query('use "h.cq" as h\nsystem procs | search name == "h*" | fields name, help').to_pylist()
    assert {r["name"]: r["help"] for r in found} == {
        "h": "Of the file.\nOf the file, too.", "h.a": "Of a.\nMore of a.", "h.b": "Of b.",
    }  # fmt: skip
