# mypy: disable-error-code="call-overload, unused-ignore, arg-type, no-untyped-call, type-arg, no-any-return, untyped-decorator, comparison-overlap"
"""The Python API as API.md gives it."""

from __future__ import annotations

import datetime as dt
import pickle
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pandas
import polars
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset
import pytest

import cortado
from cortado import QueryError

pc: Any = pyarrow.compute  # its stubs lack much

TRADES = pa.table(
    {"sym": ["a", "b", "a", "c"], "price": [5, 15, 25, 35], "_time": pa.array([1, 2, 3, 4], pa.timestamp("us", "UTC"))}
)
LINE = b"a line of text that is neither short nor long, number %d\n"
SLOW = "rex field=line '(?<w>[a-z]+) of' | sort line | stats count by w"


@pytest.fixture
def s() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC") as session:
        session.register("trades", TRADES)
        yield session


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Text that takes seconds to read and sort."""
    path = tmp_path_factory.mktemp("large") / "large.log"
    path.write_bytes(b"".join(LINE % i for i in range(1_500_000)))
    return str(path)


# queries


def test_a_private_session_for_one_query() -> None:
    result = cortado.query("json \"[{'a':1}]\" | eval b = a * 2")
    assert result.to_pylist() == [{"a": 1, "b": 2}]
    assert cortado.query("table t | search a > $least", sources={"t": [{"a": 1}, {"a": 2}]}, least=1).to_pylist() == [
        {"a": 2}
    ]


def test_a_query_is_lazy_and_immutable(s: cortado.Session) -> None:
    q = s.query('table trades | search price > $("min") | stats count by sym', min=10)
    assert q.schema.names == ["sym", "count"] and str(q.schema.field("count").type) == "int64"
    longer = q.pipe("sort -count | limit 1")
    assert q.text == 'table trades | search price > $("min") | stats count by sym'
    assert [r["sym"] for r in q.run().to_pylist()] == ["a", "b", "c"]
    assert longer.to_pylist() == [{"sym": "a", "count": 1}]
    assert "Scan" in q.explain()
    s.register("trades", TRADES.slice(0, 0))
    assert len(q.run()) == 3  # bound to what it was made with


def test_pipe_behind_a_comment(s: cortado.Session) -> None:
    assert len(s.query("table trades // all").pipe("limit 1").run()) == 1


def test_a_result_holds_rows(s: cortado.Session) -> None:
    r = s.query("table trades").run()
    assert len(r) == 4 and r.schema == r.to_arrow().schema
    assert r.to_arrow().equals(TRADES)
    assert list(r.to_pandas()["price"]) == [5, 15, 25, 35]
    assert r.to_polars()["sym"].to_list() == ["a", "b", "a", "c"]
    assert sum(b.num_rows for b in r) == 4
    assert r.to_numpy()["price"].sum() == 80
    assert "4 rows" in repr(r)


def test_short_forms_of_a_query(s: cortado.Session) -> None:
    q = s.query("table trades | fields price")
    assert q.to_arrow().num_rows == len(q.to_pandas()) == len(q.to_polars()) == len(q.to_pylist()) == 4


def test_streams_out_of_queries_and_results(s: cortado.Session) -> None:
    q = s.query("table trades | fields sym, price")
    for thing in (q, q.run()):
        assert pa.table(thing).num_rows == 4
        assert polars.DataFrame(thing).height == 4
        assert pa.schema(cast(Any, thing)).names == ["sym", "price"]
    s.register("again", q)  # a query as a table of another
    assert s.query("table again | stats sum(price) as p").to_pylist() == [{"p": 80}]


def test_notes_and_stats(s: cortado.Session) -> None:
    r = s.query("json \"[{'a':'1'},{'a':'x'},{'a':'y'}]\" | eval b = long(a)").run()
    (note,) = r.notes
    assert (note.stage, note.command, note.kind, note.count, len(note.samples)) == ("2", "eval", "reject", 2, 2)
    assert s.query("table trades").run().notes == []
    assert r.stats.wall_s > 0 and [o.rows_out for o in r.stats.operators][-1] == 3


def test_html_escapes(s: cortado.Session) -> None:
    s.register("h", [{"<b>": "<script>\x1b[31m", "n": None}])
    html = s.query("table h").run()._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;\\x1b[31m" in html and "<i>null</i>" in html and "1 row<" in html
    assert "<pre>" in s.query("table h")._repr_html_()


# streams


def test_a_stream_is_a_reader(s: cortado.Session) -> None:
    with s.query("table trades").stream() as reader:
        assert isinstance(reader, pa.RecordBatchReader)
        assert reader.schema.names == ["sym", "price", "_time"]
        assert pa.Table.from_batches(list(reader)).equals(TRADES)
    assert s.query("table trades | search price > 99").stream().read_all().num_rows == 0
    assert s.query("table trades").stream().read_pandas().shape == (4, 3)


def test_a_stream_goes_into_other_engines(s: cortado.Session) -> None:
    assert pyarrow.dataset.Scanner.from_batches(s.query("table trades").stream()).count_rows() == 4
    assert polars.from_arrow(s.query("table trades").stream()).height == 4  # type: ignore[union-attr]


def test_rows_without_columns_stream_too(s: cortado.Session) -> None:
    assert s.query("table trades | fields - *").stream().read_all().num_rows == 4


def test_closing_a_stream_cancels(s: cortado.Session, large: str) -> None:
    q = s.query(f"textfile {large}")
    reader = q.stream()
    reader.read_next_batch()
    assert len(s.running()) == 1
    begun = time.monotonic()
    reader.close()
    assert time.monotonic() - begun < 5 and s.running() == []
    with pytest.raises(StopIteration):
        reader.read_next_batch()
    reader = q.stream()
    reader.read_next_batch()
    del reader
    assert s.running() == []
    assert len(q.pipe("limit 3").run()) == 3


def test_a_slow_reader_slows_the_query(s: cortado.Session, large: str) -> None:
    h = s.query(f"textfile {large} | fields line").start()
    reader = h.reader()
    reader.read_next_batch()
    size, before = Path(large).stat().st_size, -1
    while (now := h.progress.bytes) != before and now < size:  # until what may wait for the reader is full
        before = now
        time.sleep(0.5)
    assert h.progress.bytes == before < size
    reader.close()


def test_an_error_in_a_stream_keeps_its_class(s: cortado.Session) -> None:
    reader = s.query("set option.strict = true | json \"[{'a':'x'}]\" | eval b = long(a)").stream()
    with pytest.raises(cortado.RunError) as found:
        reader.read_all()
    assert found.value.code == "E501"


# running queries


def test_progress_wait_and_cancel(s: cortado.Session, large: str) -> None:
    seen: list[Any] = []
    h = s.query(f"textfile {large} | {SLOW}").start(on_progress=seen.append)
    assert h.wait(0.05) is False
    begun = time.monotonic()
    h.cancel()
    assert h.wait(10) is True
    assert time.monotonic() - begun < 5
    with pytest.raises(cortado.Cancelled) as found:
        h.result()
    assert found.value.code == "E704"
    assert s.query("table trades").run().stats.rows_read == 4

    h = s.query(f"textfile {large} | stats count").start(on_progress=seen.append)
    assert h.result().to_pylist() == [{"count": 1_500_000}]
    assert h.wait(10) is True and h.progress.fraction == 1.0
    assert h.progress.bytes == h.progress.bytes_total == Path(large).stat().st_size
    assert seen and seen[-1].rows > 0


def test_a_timeout(s: cortado.Session, large: str) -> None:
    with pytest.raises(cortado.LimitError) as found:
        s.query(f"textfile {large} | {SLOW}").run(timeout=0.1)
    assert found.value.code == "E703" and "0.1 s" in found.value.message
    assert len(s.query("table trades").run(timeout=30)) == 4


def test_several_threads_share_a_session(s: cortado.Session) -> None:
    results: list[Any] = []

    def work(n: int) -> None:
        results.append((n, s.query("table trades | search price > $n | stats count", n=n).to_pylist()[0]["count"]))

    threads = [threading.Thread(target=work, args=(n,)) for n in (0, 10, 20, 30) * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(results) == sorted([(0, 4), (10, 3), (20, 2), (30, 1)] * 4)


def test_closing_a_session_cancels_and_ends_it(large: str) -> None:
    s = cortado.connect()
    h = s.query(f"textfile {large} | {SLOW}").start()
    s.close()
    s.close()
    with pytest.raises(cortado.Cancelled):
        h.result()
    for use in (lambda: s.query("json '{}'"), lambda: s.append("t", [{"a": 1}]), lambda: s.tables()):
        with pytest.raises(QueryError) as found:
            use()
        assert found.value.code == "E604"


def test_a_query_outlives_its_session_as_an_error() -> None:
    with cortado.connect() as s:
        q = s.query("json '{}'")
    with pytest.raises(QueryError) as found:
        q.run()
    assert found.value.code == "E604"


# objects


class Capsule:
    """Anything with `__arrow_c_stream__`."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return cast(Any, TRADES).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "thing",
    [
        TRADES, TRADES.to_batches()[0], TRADES.to_pandas(), polars.from_arrow(TRADES), Capsule(), TRADES.to_pylist(), TRADES.to_pydict(),
        pa.dataset.dataset(TRADES),
    ],
    ids=["table", "batch", "pandas", "polars", "capsule", "rows", "columns", "dataset"],
)  # fmt: skip
def test_register(s: cortado.Session, thing: Any) -> None:
    s.register("t", thing)
    for _ in range(2):
        assert s.query("table t | stats sum(price) as p, count by sym").to_pylist()[0] == {
            "sym": "a",
            "p": 30,
            "count": 2,
        }
    s.unregister("t")
    with pytest.raises(cortado.BindError) as found:
        s.query("table t")
    assert found.value.code == "E304"


def test_a_reader_can_be_read_once(s: cortado.Session) -> None:
    s.register("once", TRADES.to_reader())
    assert len(s.query("table once").run()) == 4
    with pytest.raises(cortado.RunError) as found:
        s.query("table once").run()
    assert found.value.code == "E604"


def test_what_holds_no_rows(s: cortado.Session) -> None:
    with pytest.raises(QueryError) as found:
        s.register("t", 5)
        s.query("table t")
    assert found.value.code == "E605"
    with pytest.raises(QueryError) as found:
        s.register("", TRADES)
    assert found.value.code == "E410"


def test_python_variables_only_where_they_were_asked_for(s: cortado.Session) -> None:
    frame = pandas.DataFrame({"a": [1, 2]})
    with pytest.raises(cortado.BindError):
        s.query("table frame")
    with cortado.connect(python_lookup=True) as open_session:
        assert len(open_session.query("table frame").run()) == len(frame)

        def inner() -> None:
            open_session.query("table frame")  # of the calling frame only, not of those around it

        with pytest.raises(cortado.BindError) as found:
            inner()
        assert found.value.code == "E304"
    with pytest.raises(cortado.BindError):
        s.query("set option.python_lookup = true | table frame")


# tables


def test_append_is_durable_and_can_be_tried_again(tmp_path: Path) -> None:
    frame = TRADES.to_pandas()
    with cortado.connect(tmp_path / "db") as s:
        assert s.append("weblog", frame, writer="loader-1", seq=42) == 4
        assert s.append("weblog", frame, writer="loader-1", seq=42) == 0
        assert s.append("weblog", frame, writer="loader-1", seq=43) == 4
        assert s.tables() == ["weblog"]
    with cortado.connect(tmp_path / "db") as s:
        assert s.query("table weblog | stats count").to_pylist() == [{"count": 8}]
        with pytest.raises(QueryError):
            s.append("weblog", pa.table({"sym": [[1]]}))
        assert s.query("table weblog | stats count").to_pylist() == [{"count": 8}]


def test_tables_of_a_session_without_a_database_go_with_it() -> None:
    with cortado.connect() as s:
        s.append("t", [{"a": 1}])
        assert s.query("table t").to_pylist() == [{"a": 1}]
    with cortado.connect() as s:
        assert s.tables() == []


# parameters and settings


def test_parameters(s: cortado.Session) -> None:
    when = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    given = {
        "a": 5,
        "b": 0.5,
        "c": "x' | limit 0",
        "d": when,
        "e": dt.timedelta(hours=1),
        "f": True,
        "g": None,
        "h": [1, 2],
        "i": when.replace(tzinfo=None),
    }
    fields = ", ".join(f"{n} = ${n}" for n in given)
    row = s.query(f"json '{{}}' | eval {fields} | fields {', '.join(given)}", params=given).to_pylist()[0]
    assert row == {**given, "i": when}
    assert s.query("json '{}' | eval x = $x | fields x", x=pandas.Timestamp(when)).to_pylist() == [{"x": when}]


@pytest.mark.parametrize("bad", [object(), 2**63, {"a": 1}, b"x", {1}])
def test_a_parameter_of_no_type(s: cortado.Session, bad: Any) -> None:
    with pytest.raises(cortado.BindError) as found:
        s.query("table trades | search price > $x", x=bad)
    assert found.value.code == "E410" and "'x'" in found.value.message


def test_naive_times_are_of_the_session() -> None:
    with cortado.connect(timezone="Asia/Seoul") as s:
        row = s.query("json '{}' | eval x = $x | fields x", x=dt.datetime(2026, 11, 1)).to_pylist()[0]
    assert row["x"] == dt.datetime(2026, 10, 31, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "wrong", [{"threads": 0}, {"memory": "much"}, {"timezone": "Mars"}, {"strict": "perhaps"}, {"colour": "red"}]
)
def test_wrong_settings(wrong: dict[str, Any]) -> None:
    with pytest.raises(cortado.BindError) as found:
        cortado.connect(**wrong)
    assert found.value.code == "E410"


def test_settings_can_change(s: cortado.Session) -> None:
    s.set("threads", 1)
    s.set("timezone", "Asia/Seoul")
    assert s.settings["threads"] == 1 and s.engine().threads == 1
    assert str(s.query("table trades").run().schema.field("_time").type) == "timestamp[us, tz=Asia/Seoul]"
    s.set("threads", "2")
    assert s.engine().threads == 2 and len(s.query("table trades").run()) == 4


# errors


def test_errors_have_fields_and_pickle(s: cortado.Session) -> None:
    with pytest.raises(cortado.BindError) as found:
        s.query("table trades | serach price > 5")
    e = found.value
    assert (e.code, e.name, e.stage, e.span.start, e.span.end, e.line, e.column) == (
        "E302",
        "unknown-command",
        "2",
        15,
        21,
        1,
        16,
    )
    assert e.suggestions == ("search",) and "^^^^^^" in str(e)
    assert e.to_dict()["suggestions"] == ["search"] and e.to_dict()["kind"] == "bind"
    assert e.to_dict()["hint"] == e.hint == "system commands lists all"
    with pytest.raises(cortado.ParseError) as bare:
        s.query("table trades | search price = 5")
    assert "hint" not in bare.value.to_dict()
    again = pickle.loads(pickle.dumps(e))
    assert type(again) is cortado.BindError and str(again) == str(e)
    assert issubclass(cortado.BindError, QueryError) and issubclass(cortado.Cancelled, QueryError)


# functions


def twice(x: pa.Int64Array) -> pa.Int64Array:
    """Two times x."""
    return cast(Any, pc.multiply(x, 2))  # type: ignore[no-any-return]


def test_a_registered_function_gets_whole_arrays(s: cortado.Session) -> None:
    calls: list[int] = []

    @s.function
    def celsius(f: pa.Float64Array) -> pa.Float64Array:  # type: ignore[name-defined]
        calls.append(len(f))
        assert f.type == pa.float64()
        return pc.divide(pc.multiply(pc.subtract(f, 32), 5), 9)

    s.register("t", pa.table({"f": pa.array([32, 212, None, 50], pa.int32())}))
    q = s.query("table t | eval c = celsius(f) | search c > 5")
    assert str(q.schema.field("c").type) == "double"
    assert q.to_pylist() == [{"f": 212, "c": 100.0}, {"f": 50, "c": 10.0}]
    assert set(calls) == {4}
    assert celsius(pa.array([32.0])).to_pylist() == [0.0]


def test_types_of_functions(s: cortado.Session) -> None:
    @s.function
    def shout(t: pa.StringArray, more: pa.Array[Any]) -> pa.StringArray:
        return pc.binary_join_element_wise(pc.utf8_upper(t), more.cast(pa.string()), "!")  # type: ignore[no-any-return]

    @s.function(name="is_late")
    def whatever(t: pa.TimestampArray, b: pa.BooleanArray, d: pa.DurationArray) -> pa.BooleanArray:
        assert str(t.type) == "timestamp[us, tz=UTC]" and d.type == pa.duration("us")
        return pc.and_(pc.greater(t, pa.scalar(dt.datetime(1970, 1, 1, tzinfo=dt.UTC))), b)  # type: ignore[no-any-return]

    s.function(twice)
    rows = s.query(
        "table trades | eval a = shout(sym, price), b = is_late(_time, price > 5, 5m), c = twice(price) | fields a, b, c"
    ).to_pylist()
    assert [r["a"] for r in rows] == ["A!5", "B!15", "A!25", "C!35"]
    assert [r["b"] for r in rows] == [False, True, True, True]
    assert [r["c"] for r in rows] == [10, 30, 50, 70]
    assert s.query("table trades | eval c = twice(1 + 2) | limit 1 | fields c").to_pylist() == [{"c": 6}]
    assert s.query("system functions twice").to_pylist() == [
        {"name": "twice", "syntax": "twice(x)", "summary": "Two times x."}
    ]


def test_arguments_are_checked_by_type(s: cortado.Session) -> None:
    s.function(twice)
    with pytest.raises(cortado.BindError) as found:
        s.query('json "{}" | eval x = twice("7")')
    assert found.value.code == "E307"
    r = s.query("table trades | eval x = twice(sym)").run()
    assert {row["x"] for row in r.to_pylist()} == {None} and [n.kind for n in r.notes] == ["reject"]


def test_a_function_is_of_its_session(s: cortado.Session) -> None:
    s.function(twice)
    s.function(twice)  # as a notebook does when a cell runs again
    with cortado.connect() as other, pytest.raises(cortado.BindError) as found:
        other.query("json '{}' | eval x = twice(1)")
    assert found.value.code == "E305"
    with pytest.raises(cortado.BindError) as found:
        s.query("table trades | eval x = twice(price, 1)")
    assert found.value.code == "E306"


def test_functions_that_cannot_be(s: cortado.Session) -> None:
    def no_type(x) -> pa.Int64Array:  # type: ignore[no-untyped-def]
        return x  # type: ignore[no-any-return]

    def plain(x: float) -> float:
        return x

    def no_result(x: pa.Int64Array):  # type: ignore[no-untyped-def]
        return x

    def any_result(x: pa.Int64Array) -> pa.Array[Any]:
        return x

    def starred(*x: pa.Int64Array) -> pa.Int64Array:
        return x[0]

    for f in (no_type, plain, no_result, any_result, starred, lambda x: x):
        with pytest.raises(QueryError) as found:
            s.function(f)
        assert found.value.code == "E410", f
    for name in ("round", "sum", "and", "two words"):
        with pytest.raises(QueryError) as found:
            s.function(name=name)(twice)
        assert found.value.code == "E410"
    with cortado.connect(safe=True, files=["."]) as safe, pytest.raises(QueryError) as found:
        safe.function(twice)
    assert found.value.code == "E705"


def test_safe_mode_reads_only_below_listed_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text("x\n1\n")
    (tmp_path / "b.csv").write_text("x\n1\n")
    inside, outside = f'csvfile "{tmp_path}/in/a.csv"', f'csvfile "{tmp_path}/b.csv"'
    with cortado.connect(safe=True) as none_listed, cortado.connect(safe=True, files=[tmp_path / "in"]) as listed:
        assert len(listed.query(inside).run()) == 1
        for session, query in ((none_listed, inside), (none_listed, outside), (listed, outside)):
            with pytest.raises(QueryError) as found:
                session.query(query).run()
            assert found.value.code == "E705"
    with cortado.connect() as turned:
        assert len(turned.query(outside).run()) == 1
        turned.set("safe", True)
        for query in (outside, f"{outside} | set option.safe = false"):
            with pytest.raises(QueryError) as found:
                turned.query(query).run()
            assert found.value.code == "E705"


def test_columns_that_are_read_as_another_type_are_noted() -> None:
    from decimal import Decimal

    table = pa.table({"d": [Decimal("1.5")], "t": pa.array([1], pa.time32("s")), "n": [1]})
    with cortado.connect() as s:
        for source in ("table x", "python x"):
            notes = s.query(source, sources={"x": table}).run().notes
            assert [(n.kind, n.reason.split(" is ")[0]) for n in notes] == [
                ("info", "field 'd'"),
                ("info", "field 't'"),
            ]
        mixed = pandas.DataFrame({"a": [1, "x", 2]})
        assert [n.kind for n in s.query("table x", sources={"x": mixed}).run().notes] == ["mixed"]
    with cortado.connect(strict=True) as s, pytest.raises(QueryError) as found:
        s.query("table x", sources={"x": mixed})
    assert found.value.code == "E504"


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 6, 65_536])
def test_a_limit_that_cuts_is_noted_wherever_batches_end(batch_rows: int) -> None:
    rows = pa.table({"a": list(range(12))})
    with cortado.connect(batch_rows=batch_rows, threads=2) as s:
        for query, cuts in (
            ("limit 6", True), ("head 11", True), ("limit 3 6", True), ("sort -a | limit 6", True), ("limit 12", False),
            ("eval b = a + 1 | limit 6", True), ("stats count by a | limit 6", True), ("head 13", False),
        ):  # fmt: skip
            notes = s.query(f"table t | {query}", sources={"t": rows}).run().notes
            assert [n.kind for n in notes] == ["truncate"] * cuts, query


def test_stages_and_chains_are_no_nesting() -> None:
    with cortado.connect() as s:
        s.register("t", pa.table({"a": [1, 2]}))
        assert s.query("table t" + " | eval a = a + 1" * 1500).run().to_pylist()[0] == {"a": 1501}
        assert len(s.query("table t | search " + " or ".join(["a == 1"] * 3000)).run()) == 1
        assert len(s.query(f"table t | search a in ({', '.join(map(str, range(3000)))})").run()) == 2
        for deep in ("if(a > 1, 1, ", "abs(", "(1 + "):
            assert len(s.query("table t | eval x = " + deep * 100 + "a" + ")" * 100).run()) == 2
            with pytest.raises(QueryError) as found:
                s.query("table t | eval x = " + deep * 20_000 + "a" + ")" * 20_000).run()
            assert found.value.code == "E201"


def test_text_that_is_no_unicode() -> None:
    with cortado.connect() as s:
        with pytest.raises(QueryError) as found:
            s.query('json "{}" | eval a = "\ud800"')
        assert found.value.code == "E101" and found.value.span.start == 22
        with pytest.raises(QueryError) as found:
            s.query('json "{}" | eval a = $p', p="\ud800")
        assert found.value.code == "E410"
        with pytest.raises(TypeError, match="a query is text"):
            s.query(b"json")  # type: ignore[arg-type]


def test_functions_that_fail(s: cortado.Session) -> None:
    def broken(x: pa.Int64Array) -> pa.Int64Array:
        raise ValueError("no luck")

    def short(x: pa.Int64Array) -> pa.Int64Array:
        return x.slice(1)

    def listed(x: pa.Int64Array) -> pa.Int64Array:
        return x.to_pylist()  # type: ignore[return-value]

    def textual(x: pa.Int64Array) -> pa.Int64Array:
        return pa.array(["x"] * len(x))  # type: ignore[return-value]

    for f, told in (
        (broken, "ValueError: no luck"),
        (short, "3 rows for 4"),
        (listed, "not an Arrow array"),
        (textual, "string"),
    ):
        s.function(f)
        with pytest.raises(cortado.RunError, match=told) as found:
            s.query(f"table trades | eval x = {f.__name__}(price)").run()
        assert (found.value.code, found.value.stage) == ("E520", "2")


def test_a_volatile_function_is_asked_for_every_row(s: cortado.Session) -> None:
    asked: list[int] = []

    @s.function(volatile=True)
    def seen(x: pa.StringArray) -> pa.Int64Array:
        asked.append(len(x))
        return pa.array(range(len(x)), pa.int64())

    s.register("d", pa.table({"x": pa.array(["a"] * 10).dictionary_encode()}))
    assert [r["n"] for r in s.query("table d | eval n = seen(x)").to_pylist()] == list(range(10))
    assert sum(asked) == 10


def test_a_table_among_the_parameters_is_a_table_of_the_query() -> None:
    table = pa.table({"a": [1, 2]})
    with cortado.connect() as s:
        assert s.query("table t | search a > $x", t=table, x=1).to_pylist() == [{"a": 2}]
        with pytest.raises(cortado.QueryError) as found:
            s.query("table t")
        assert found.value.code == "E304"


def test_what_holds_no_rows_is_refused_when_it_is_registered() -> None:
    with cortado.connect() as s, pytest.raises(cortado.QueryError) as found:
        s.register("x", 5)
    assert found.value.code == "E605"


def test_append_tells_what_it_refused() -> None:
    table = pa.table({"u": pa.array([1, 2**64 - 1], pa.uint64())})
    with cortado.connect() as s:
        assert s.append("t", table, writer="w", seq=1) == 2
        assert [(n.kind, n.reason, n.count) for n in s.last_notes] == [("reject", "overflow", 1)]
        assert s.append("t", table, writer="w", seq=1) == 0
        assert "stored before" in s.last_notes[-1].reason
    with cortado.connect(strict=True) as s:
        with pytest.raises(cortado.QueryError) as found:
            s.append("t", table)
        assert found.value.code == "E501"
        assert s.tables() == []


# what must not be lost


def test_a_stream_that_was_never_read_ends_its_query(s: cortado.Session, large: str) -> None:
    reader = s.query(f"textfile {large}").stream()
    assert len(s.running()) == 1
    del reader
    assert s.running() == []
    reader = s.query(f"textfile {large}").stream()
    reader.close()
    assert s.running() == []


def test_rows_are_read_once_and_a_result_is_kept(s: cortado.Session) -> None:
    h = s.query("table trades").start()
    first = h.result()
    assert len(first) == 4 and h.result() is first
    with pytest.raises(QueryError) as found:
        h.reader().read_all()
    assert found.value.code == "E604"


def test_progress_is_told_while_a_blocking_operator_works(s: cortado.Session, large: str) -> None:
    seen: list[Any] = []
    h = s.query(f"textfile {large} | {SLOW}").start(on_progress=seen.append)
    h.wait(0.6)
    h.cancel()
    h.wait(10)
    assert len(seen) >= 2
    seen.clear()
    s.query("table trades").run(on_progress=seen.append)
    assert seen[-1].rows == 4


def test_what_on_progress_raises_reaches_the_reader(s: cortado.Session, large: str) -> None:
    def broken(progress: Any) -> None:
        raise ValueError("no screen")

    with pytest.raises(ValueError, match="no screen"):
        s.query(f"textfile {large} | {SLOW}").run(on_progress=broken)
    assert s.running() == [] and len(s.query("table trades").run()) == 4


@pytest.mark.parametrize("timeout", [0, -1, True, "5"])
def test_a_timeout_that_is_none(s: cortado.Session, timeout: Any) -> None:
    with pytest.raises(cortado.BindError) as found:
        s.query("table trades").run(timeout=timeout)
    assert found.value.code == "E311" and s.running() == []


def test_figures_end_with_the_query(s: cortado.Session) -> None:
    h = s.query("table trades").start()
    took = h.result().stats.wall_s
    time.sleep(0.05)
    assert h.stats().wall_s == pytest.approx(took, abs=0.03) and h.progress.elapsed_s < took + 0.03


def test_a_query_is_piped_with_or_without_a_pipe(s: cortado.Session) -> None:
    assert s.query("table trades").pipe("| limit 1").to_pylist() == s.query("table trades").pipe("limit 1").to_pylist()


@pytest.mark.parametrize("text", [5, None, b"table trades"])
def test_a_query_that_is_no_text(s: cortado.Session, text: Any) -> None:
    with pytest.raises(TypeError, match="a query is text"):
        s.query(text)


def test_a_wrong_parameter_is_pointed_at(s: cortado.Session) -> None:
    for text in ("table trades | search price > $x", 'table trades | search price > $("x")'):
        with pytest.raises(cortado.BindError) as found:
            s.query(text, x=object())
        assert text[found.value.span.start : found.value.span.end] in ("$x", '$("x"')


def test_append_notes_what_it_could_not_keep(s: cortado.Session) -> None:
    assert s.append("big", pa.table({"a": pa.array([1, 2**64 - 1], pa.uint64())})) == 2
    (note,) = s.last_notes
    assert (note.kind, note.reason, note.count) == ("reject", "overflow", 1) and "big:2" in note.samples[0]
    assert s.append("big", [{"a": 5}], writer="w", seq=1) == 1 and s.last_notes == []
    assert s.append("big", [{"a": 5}], writer="w", seq=1) == 0
    assert "stored before" in s.last_notes[0].reason
    with cortado.connect(strict=True) as strict, pytest.raises(cortado.RunError) as found:
        strict.append("big", pa.table({"a": pa.array([2**64 - 1], pa.uint64())}))
    assert found.value.code == "E501"


@pytest.mark.parametrize("wrong", [{"writer": 5, "seq": 1}, {"writer": "w", "seq": "1"}, {"writer": "w", "seq": True}])
def test_append_with_a_wrong_writer(s: cortado.Session, wrong: dict[str, Any]) -> None:
    with pytest.raises(cortado.BindError) as found:
        s.append("t", [{"a": 1}], **wrong)
    assert found.value.code == "E311" and s.tables() == []


def test_columns_without_a_table(s: cortado.Session) -> None:
    s.register("one", polars.Series("v", [1, 2]))
    s.register("two", pa.chunked_array([[1], [2]]))
    assert s.query("table one").to_pylist() == [{"v": 1}, {"v": 2}]
    assert s.query("table two").to_pylist() == [{"value": 1}, {"value": 2}]
    with pytest.raises(QueryError):
        s.register("none", None)


def test_errors_without_a_query_draw_none(s: cortado.Session) -> None:
    with pytest.raises(cortado.BindError) as found:
        cortado.connect(threads=0)
    assert "^" not in str(found.value)


@pytest.mark.parametrize("command", ["table", "python"])
def test_an_object_column_of_several_kinds_is_told(s: cortado.Session, command: str) -> None:
    s.register("mixed", pandas.DataFrame({"a": [1, "x", None]}))
    r = s.query(f"{command} mixed").run()
    assert [n.kind for n in r.notes] == ["mixed"] and r.to_pylist()[0] == {"a": "1"}
    with pytest.raises(QueryError) as found:
        s.query(f"set option.strict = true | {command} mixed")
    assert found.value.code == "E504"


# safe mode


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "a.txt").write_text("open\n")
    (tmp_path / "out" / "s.txt").write_text("secret\n")
    (tmp_path / "in" / "link").symlink_to("../out")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def code(session: cortado.Session, text: str) -> str:
    try:
        session.query(text).run()
    except QueryError as found:
        return found.code
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "textfile out/s.txt", "textfile in/../out/s.txt", "textfile in/link/s.txt", 'table "out/s.txt"', "csvfile out/*", "jsonfile out/s.txt",
        "parquetfile out/s.txt", "json '{}' | outputcsv out/n.csv", "json '{}' | eval a = 1 | outputparquet in/link/n.parquet",
        "json '{}' | outputjson /tmp/n.json",
    ],
)  # fmt: skip
def test_paths_outside_the_roots(folder: Path, text: str) -> None:
    listed: list[dict[str, Any]] = [{"files": "in"}, {"files": ["in"], "safe": True}, {"safe": True}, {"files": []}]
    for settings in listed:
        with cortado.connect(**settings) as s:
            assert code(s, text) == "E705"
    assert sorted(p.name for p in (folder / "out").iterdir()) == ["s.txt"]


def test_safe_mode_reads_nothing_that_is_not_listed(folder: Path) -> None:
    read = "textfile in/a.txt | fields line"
    with cortado.connect(safe=True) as s:
        assert code(s, read) == "E705"
        assert s.append("t", [{"a": 1}]) == 1 and s.query("table t").to_pylist() == [{"a": 1}]  # its own tables are
    with cortado.connect(safe=True, files=["in"]) as s:
        assert s.query(read).to_pylist() == [{"line": "open"}]
    with cortado.connect() as s:
        assert code(s, f"set option.safe = true | {read}") == "E705"
        assert code(s, read) == ""
        s.append("t", [{"a": 1}])
        s.set("safe", True)
        assert code(s, read) == "E705" and s.query("table t").to_pylist() == [{"a": 1}]
        with pytest.raises(QueryError):
            s.set("safe", False)


def test_no_python_in_safe_mode() -> None:
    here = pa.table({"a": [1]})
    with cortado.connect(safe=True, python_lookup=True) as s:
        assert code(s, "table here") == "E304"
    with cortado.connect(python_lookup=True) as s:
        assert s.query("table here").to_pylist() == here.to_pylist()
        assert code(s, "set option.safe = true | table here") == "E304"

        @s.function
        def same_value(x: pa.Int64Array) -> pa.Int64Array:
            return x

        assert code(s, "json '{}' | eval a = same_value(1)") == ""
        assert code(s, "set option.safe = true | json '{}' | eval a = same_value(1)") == "E305"


@pytest.mark.parametrize("files", [5, [5], [""], [b"in"]])
def test_roots_that_are_none(files: Any) -> None:
    with pytest.raises(cortado.BindError) as found:
        cortado.connect(files=files)
    assert found.value.code == "E410"


def test_rows_and_columns_of_python_values(s: cortado.Session) -> None:
    s.register("rows", [{"a": 1}, {"b": "x", "a": 2.5}, {}])
    assert s.query("table rows").to_pylist() == [{"a": 1.0, "b": None}, {"a": 2.5, "b": "x"}, {"a": None, "b": None}]
    s.register("kinds", {"a": [1, "x", None], "b": [True, False, None]})
    r = s.query("table kinds").run()
    assert r.to_pylist()[:2] == [{"a": "1", "b": True}, {"a": "x", "b": False}]
    assert [(n.kind, n.count) for n in r.notes] == [("mixed", 1)]
    s.register("uneven", {"a": [1], "b": [1, 2]})
    with pytest.raises(QueryError) as found:
        s.query("table uneven")
    assert found.value.code == "E605"


@pytest.mark.parametrize("settings", [{}, {"batch_rows": 1}, {"batch_rows": 3, "threads": 4}, {"optimiser": False}])
@pytest.mark.parametrize("tail", ["", " | search b != 2", " | limit 9"])
def test_no_row_from_the_fault_on_is_given_out(settings: dict[str, Any], tail: str) -> None:
    rows = [{"a": "x" if i in (7, 9) else str(i)} for i in range(12)]
    got: list[int | None] = []
    with cortado.connect(strict=True, **settings) as s:
        s.register("t", rows)
        with pytest.raises(cortado.RunError) as found:
            for batch in s.query(f"table t | eval b = long(a){tail}").stream():
                got += [row["b"] for row in batch.to_pylist()]
    assert "t:8" in found.value.samples[0]
    assert got == [i for i in range(12) if i != 2 or "search" not in tail][: len(got)] and 7 not in got
