# mypy: disable-error-code="call-overload, unused-ignore, arg-type, no-untyped-call, type-arg, no-any-return, untyped-decorator, comparison-overlap"
"""Saved queries: header, types, defaults, errors with their place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cortado

NOW = dt.datetime(2026, 11, 1, 3, 0, tzinfo=dt.UTC)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[cortado.Session]:
    monkeypatch.chdir(tmp_path)
    with cortado.connect(timezone="UTC") as s:
        yield s


def save(text: str, name: str = "q.cq") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def value(
    session: cortado.Session, header: str, given: dict[str, Any] | None = None, *, as_text: bool = False
) -> tuple[str, Any]:
    """Type and value of the parameter `x`."""
    file = save(f"{header}\njson '{{}}' | eval v = $x, t = typeof($x) | fields v, t\n")
    row = session.saved(file, given or {}, as_text=as_text).run().to_pylist()[0]
    return row["t"], row["v"]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("string", "10", ("string", "10")),
        ("int", "-7", ("int", -7)),
        ("long", "0x10", ("long", 16)),
        ("long", "9223372036854775807", ("long", 2**63 - 1)),
        ("double", "1e3", ("double", 1000.0)),
        ("double", "2", ("double", 2.0)),
        ("bool", "t", ("bool", True)),
        ("bool", "False", ("bool", False)),
        ("date", "20261101", ("date", dt.datetime(2026, 11, 1, tzinfo=dt.UTC))),
        ("date", "2026-11-01T10:00", ("date", dt.datetime(2026, 11, 1, 10, tzinfo=dt.UTC))),
        ("duration", "1h30m", ("duration", dt.timedelta(minutes=90))),
        ("duration", "-1h30m", ("duration", dt.timedelta(minutes=-90))),
        ("any", "-5s", ("duration", dt.timedelta(seconds=-5))),
        ("any", "10", ("int", 10)),
        ("any", "'10'", ("string", "10")),
        ("any", "text", ("string", "text")),
    ],
)
def test_text_is_read_by_its_type(session: cortado.Session, kind: str, text: str, expected: tuple[str, Any]) -> None:
    assert value(session, f"param x: {kind}", {"x": text}, as_text=True) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "2147483648"), ("int", "1.5"), ("long", "many"), ("long", "9223372036854775808"), ("double", "x"), ("bool", "maybe"), ("date", "soon"),
     ("date", "20261301"), ("duration", "5"), ("duration", "1mon1d"), ("duration", "7ns"), ("duration", "--5s"), ("duration", "-")],
)  # fmt: skip
def test_text_that_does_not_fit(session: cortado.Session, kind: str, text: str) -> None:
    with pytest.raises(cortado.BindError) as found:
        value(session, f"// doc\nparam x: {kind}", {"x": text}, as_text=True)
    e = found.value
    assert (e.code, e.line, e.column, e.file) == ("E410", 2, 1, "q.cq")
    assert repr(text) in e.message and e.hint.startswith("it takes ")


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("string", "s", "s"), ("int", 5, 5), ("long", 2**40, 2**40), ("double", 5, 5.0), ("double", 0.5, 0.5), ("bool", True, True),
        ("date", "2026-11-01", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), ("date", NOW, NOW), ("date", NOW.replace(tzinfo=None), NOW),
        ("date", dt.date(2026, 11, 1), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)), ("duration", dt.timedelta(days=1), dt.timedelta(days=1)),
        ("duration", "2h", dt.timedelta(hours=2)), ("any", 5, 5), ("any", "5", "5"), ("long", None, None),
    ],
)  # fmt: skip
def test_python_values(session: cortado.Session, kind: str, given: Any, expected: Any) -> None:
    assert value(session, f"param x: {kind}", {"x": given})[1] == expected


@pytest.mark.parametrize(
    ("kind", "given"),
    [("long", "5"), ("long", 5.0), ("long", True), ("int", 2**31), ("double", "1"), ("bool", 1), ("bool", "t"), ("string", 5), ("date", 5),
     ("date", "soon"), ("duration", 5), ("field", 5), ("table", 1.5), ("long", object()), ("long", 2**63)],
)  # fmt: skip
def test_python_values_that_do_not_fit(session: cortado.Session, kind: str, given: Any) -> None:
    with pytest.raises(cortado.BindError) as found:
        value(session, f"param x: {kind}", {"x": given})
    assert (found.value.code, found.value.line) == ("E410", 1)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("param x: string = some_word", "some_word"),
        ('param x: string = "a // b" // a comment', "a // b"),
        ("param x: string = concat('a', \"b\")", "ab"),
        ("param x: long = 5 // five", 5),
        ("param x: long = -5", -5),
        ("param x: long = 2 * 3", 6),
        ("param x: double = 1", 1.0),
        ("param x: date = 20261101", dt.datetime(2026, 11, 1, tzinfo=dt.UTC)),
        (
            'param x: date = dateadd(date("2026-11-01", "yyyy-MM-dd"), "mon", -3)',
            dt.datetime(2026, 8, 1, tzinfo=dt.UTC),
        ),
        ("param x: duration = 90s", dt.timedelta(seconds=90)),
        ("param x: duration = 1h + 5m", dt.timedelta(minutes=65)),
        ("param x: any = 1 + 1", 2),
        ("param x: any = 'text'", "text"),
        ("param y: long = 20\nparam x: long = $y + 1", 21),
    ],
)
def test_defaults(session: cortado.Session, header: str, expected: Any) -> None:
    assert value(session, header)[1] == expected


def test_a_default_of_now(session: cortado.Session) -> None:
    _, found = value(session, 'param x: date = dateadd(now(), "mon", -3)')
    assert 85 <= (dt.datetime.now(dt.UTC) - found).days <= 93


def test_fields_and_tables_are_names(session: cortado.Session) -> None:
    session.register("sales", [{"store": "s", "qty": 2, "odd name": 1}])
    file = save(
        "param src: table = sales\nparam key: field = store\ntable $src | stats sum(qty) as n by $key | fields $key, n\n"
    )
    assert session.run_file(file).to_pylist() == [{"store": "s", "n": 2}]
    assert session.run_file(file, key="odd name").to_pylist() == [{"odd name": 1, "n": 2}]
    with pytest.raises(cortado.QueryError) as found:
        session.run_file(file, src="sales | limit 0")
    assert found.value.code in ("E304", "E410")
    file = save("param key: field = store\ntable sales | sort -$key | rename $key as k | fields k, qty\n")
    assert session.run_file(file, key="qty").to_arrow().column_names in (["k", "qty"], ["k"])


@pytest.mark.parametrize(
    ("text", "code", "line", "told"),
    [
        ("param x\njson '{}'", "E201", 1, "param name: type = default"),
        ("// a\nparam x: long =\njson '{}'", "E201", 2, "no default"),
        ("\nparam x: integer = 5\njson '{}'", "E410", 2, "no parameter type is named 'integer'"),
        ("param x: fields\njson '{}'", "E410", 1, "has no value"),
        ("param x: array<long>\njson '{}'", "E410", 1, "has no value"),
        ("param x: array<fields>\njson '{}'", "E410", 1, "array<fields>"),
        ("param x: array = 1, 'a'\njson '{}'", "E410", 1, "default of 'x'"),
        ("// a\nparam x: date = soon\njson '{}'", "E410", 2, "unknown field 'soon'"),
        ("param y: long = $x\nparam x: long = 1\njson '{}'", "E410", 1, "nothing sets the parameter 'x'"),
        ('use "common.cq" as c\njson \'{}\'', "E601", 1, "no file `common.cq`"),
        ("def clean() = [ | serach a ]\njson '{}' | proc clean()", "E302", 1, "serach"),
        ("param x: long = 1\nparam x: long = 2\njson '{}'", "E410", 2, "two parameters"),
        ("param x: long\njson '{}'", "E410", 1, "has no value"),
        ("param x: long = nothing(1)\njson '{}'", "E410", 1, "nothing"),
        ("param x: long = 'a'\njson '{}'", "E410", 1, "cannot be"),
        ("param x: long = 1\n\njson '{}'\n| serach y", "E302", 4, "serach"),
        ("param x: long = 1\n", "E308", 1, "no source"),
    ],
)  # fmt: skip
def test_errors_have_a_place(session: cortado.Session, text: str, code: str, line: int, told: str) -> None:
    with pytest.raises(cortado.QueryError) as found:
        session.file(save(text))
    e = found.value
    if code == "E308":  # nothing but a header: an empty stage, wherever it is told
        assert e.code in ("E203", "E308")
        return
    assert (e.code, e.line, e.file) == (code, line, "q.cq"), e
    assert told in e.message
    assert text.split("\n")[line - 1] in str(e) and "^" in str(e)


def test_an_unknown_parameter_names_those_there_are(session: cortado.Session) -> None:
    with pytest.raises(cortado.BindError) as found:
        session.file(save("param limit: long = 1\njson '{}'"), limt=5)
    assert found.value.suggestions == ("limit",) and "it has limit" in found.value.hint


def test_names_of_the_api_are_free_for_parameters(session: cortado.Session) -> None:
    file = save(
        "param path: long\nparam as_text: long\nparam self: long\njson '{}' | eval v = $path + $as_text + $self"
    )
    assert session.run_file(file, **{"path": 1, "as_text": 2, "self": 3}).to_pylist() == [{"v": 6}]


def test_line_ends_bom_and_help(session: cortado.Session) -> None:
    from cortado.saved import header_of

    Path("w.cq").write_bytes(
        b"\xef\xbb\xbf/// Two lines\r\n/// of help.\r\nparam x: long = 5 // five\r\n\r\njson '{}' | eval v = $x\r\n"
    )
    assert session.run_file("w.cq").to_pylist() == [{"v": 5}]
    header = header_of("/// Two lines\n/// of help.\nparam x: long = 5\njson '{}'", "w.cq")
    assert header.help == ["Two lines", "of help."] and [p.name for p in header.params] == ["x"]
    Path("l.cq").write_bytes(b"json '\xff'")
    with pytest.raises(cortado.RunError, match="UTF-8"):
        session.file("l.cq")


def test_a_file_that_is_not_there(session: cortado.Session) -> None:
    with pytest.raises(cortado.RunError) as found:
        session.run_file("none.cq")
    assert found.value.code == "E601"


SALES = [
    {"store": "a", "item": "x", "qty": 1, "odd, name": 5},
    {"store": "a", "item": "y", "qty": 2, "odd, name": 6},
    {"store": "b", "item": "x", "qty": 3, "odd, name": 7},
]
BY_KEYS = "param keys: fields = store, item\ntable sales | stats sum(qty) as n by $keys | sort -$keys\n"


@pytest.mark.parametrize(
    ("given", "as_text", "columns"),
    [
        (None, False, ["store", "item", "n"]), (["item"], False, ["item", "n"]), ("store", False, ["store", "n"]),
        (("item", "store"), False, ["item", "store", "n"]), ("item, store", True, ["item", "store", "n"]),
        ("`odd, name`,store", True, ["odd, name", "store", "n"]), (["odd, name"], False, ["odd, name", "n"]),
    ],
)  # fmt: skip
def test_several_fields_take_the_place_of_one(
    session: cortado.Session, given: Any, as_text: bool, columns: list[str]
) -> None:
    session.register("sales", SALES)
    result = session.saved(save(BY_KEYS), {} if given is None else {"keys": given}, as_text=as_text).run().to_arrow()
    assert result.column_names == columns
    first: list[Any] = result.column(0).to_pylist()
    assert first == sorted(first, reverse=True)


@pytest.mark.parametrize(("given", "as_text"), [([], False), (5, False), ([5], False), ("", True), ("a,,b", True)])
def test_what_are_no_fields(session: cortado.Session, given: Any, as_text: bool) -> None:
    session.register("sales", SALES)
    with pytest.raises(cortado.BindError) as found:
        session.saved(save(BY_KEYS), {"keys": given}, as_text=as_text)
    assert (found.value.code, found.value.line) == ("E410", 1)


def test_several_fields_where_one_must_stand(session: cortado.Session) -> None:
    session.register("sales", SALES)
    header = "param keys: fields = store, item\n"
    for stage in ("eval k = $keys", "rename $keys as k"):
        with pytest.raises(cortado.BindError) as found:
            session.file(save(f"{header}table sales | {stage}"))
        assert (found.value.code, found.value.line) == ("E410", 2) and "2 fields" in found.value.message
    assert session.run_file(save(f"{header}table sales | eval k = $keys"), keys="item").to_pylist()[0]["k"] == "x"
    assert session.run_file(save(f"{header}table sales | fields - $keys")).to_arrow().column_names == [
        "qty",
        "odd, name",
    ]
    assert session.run_file(save(f"{header}table sales | eval k = concat($keys) | limit 1")).to_pylist()[0]["k"] == "ax"


@pytest.mark.parametrize(
    ("header", "given", "as_text", "expected"),
    [
        ("array<long> = 1, 2", None, False, [1, 2]), ("array<long>", [3], False, [3]), ("array<long>", "7, 8", True, [7, 8]),
        ("array<long>", "", True, []), ("array<string>", 'a,"b,c", d', True, ["a", "b,c", "d"]), ("array<double> = array(1, 2.5)", None, False, [1.0, 2.5]),
        ("array<duration> = 5m, 1h", None, False, [dt.timedelta(minutes=5), dt.timedelta(hours=1)]), ("array = 1, 2", None, False, [1, 2]),
        ("array<bool>", "t,f", True, [True, False]), ("array<date>", ["2026-11-01"], False, [dt.datetime(2026, 11, 1, tzinfo=dt.UTC)]),
    ],
)  # fmt: skip
def test_arrays(session: cortado.Session, header: str, given: Any, as_text: bool, expected: list[Any]) -> None:
    assert value(session, f"param x: {header}", {} if given is None else {"x": given}, as_text=as_text) == (
        "array",
        expected,
    )


@pytest.mark.parametrize(
    ("given", "as_text"), [(5, False), (["a"], False), ("1,b", True), ("1,", True), ([[1]], False)]
)
def test_what_is_no_array_of_numbers(session: cortado.Session, given: Any, as_text: bool) -> None:
    with pytest.raises(cortado.BindError) as found:
        value(session, "param x: array<long>", {"x": given}, as_text=as_text)
    assert (found.value.code, found.value.line) == ("E410", 1)
