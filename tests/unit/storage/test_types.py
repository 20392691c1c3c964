"""Each Arrow type comes back equal, or is refused with a sentence; never silently changed."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.storage.tables import TableStore
from cortado.planner import types as plan
from cortado.planner.text import QueryError

from .conftest import Read

UTC_US = pa.timestamp("us", "UTC")
WHEN = dt.datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=dt.UTC)
US = (WHEN - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


class Ip(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.binary(17), "cortado.ip")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage_type: pa.DataType, serialized: bytes) -> Ip:
        return cls()


D = decimal.Decimal
BACK: list[tuple[Any, list[Any], Any]] = [  # given, values, what a split gives
    (pa.bool_(), [True, False, None], pa.bool_()),
    (pa.int8(), [-128, 127, None], pa.int64()),
    (pa.int16(), [-32768, 32767], pa.int64()),
    (pa.int32(), [-(2**31), 2**31 - 1], pa.int64()),
    (pa.int64(), [-(2**63), 2**63 - 1], pa.int64()),
    (pa.uint8(), [0, 255], pa.int64()),
    (pa.uint16(), [0, 65535], pa.int64()),
    (pa.uint32(), [0, 2**32 - 1], pa.int64()),
    (pa.uint64(), [0, 2**63 - 1], pa.int64()),
    (pa.float16(), [1.5, None], pa.float64()),
    (pa.float32(), [1.5, -0.0, float("inf"), float("nan")], pa.float64()),
    (pa.float64(), [0.1, -0.0, float("-inf"), float("nan")], pa.float64()),
    (pa.decimal128(10, 2), [D("12345678.50"), None], pa.float64()),
    (pa.decimal256(38, 3), [D("1.250")], pa.float64()),
    (pa.string(), ["", "한글", None, "a\0b"], pa.string()),
    (pa.large_string(), ["a", None], pa.string()),
    (pa.string_view(), ["a", None], pa.string()),
    (pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"], pa.string()),
    (pa.dictionary(pa.int32(), pa.int64()), [1, None, 1], pa.int64()),
    (pa.binary(), [b"", b"\xff\0"], pa.binary()),
    (pa.large_binary(), [b"\xff"], pa.binary()),
    (pa.binary(3), [b"abc", None], pa.binary()),
    (pa.binary(17), [b"4" * 17, None], pa.binary(17)),
    (UTC_US, [WHEN, None], UTC_US),
    (pa.timestamp("s", "UTC"), [WHEN.replace(microsecond=0)], UTC_US),
    (pa.timestamp("ms", "Europe/Paris"), [WHEN.replace(microsecond=456000)], UTC_US),
    (pa.timestamp("ns", "UTC"), [US * 1000, None], UTC_US),
    (pa.date32(), [dt.date(1, 1, 1), dt.date(2026, 11, 24), dt.date(9999, 12, 31), None], UTC_US),
    (pa.date64(), [dt.date(2026, 11, 24)], UTC_US),
    (pa.duration("us"), [dt.timedelta(microseconds=-1), None], pa.duration("us")),
    (pa.duration("s"), [dt.timedelta(seconds=5)], pa.duration("us")),
    (pa.duration("ns"), [5_000], pa.duration("us")),
    (pa.time64("us"), [dt.time(1, 2, 3, 4), None], pa.time64("us")),
    (pa.time32("ms"), [dt.time(1, 2, 3, 4000)], pa.time64("us")),
    (pa.time64("ns"), [5_000], pa.time64("us")),
    (pa.list_(pa.int32()), [[1, None], [], None], pa.list_(pa.int64())),
    (pa.large_list(pa.string()), [["a"]], pa.list_(pa.string())),
    (pa.list_(pa.float32(), 2), [[1.5, 2.5]], pa.list_(pa.float64())),
    (pa.struct([("a.b", pa.int8()), ("t", UTC_US)]), [{"a.b": 1, "t": WHEN}, None], None),
    (pa.map_(pa.string(), pa.int32()), [[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
]  # fmt: skip

REFUSED: list[tuple[Any, list[Any], str]] = [
    (pa.timestamp("us"), [0], "without a zone"),
    (pa.timestamp("ns", "UTC"), [1], "nanoseconds"),
    (pa.timestamp("ns", "UTC"), [-1], "nanoseconds"),
    (pa.duration("ns"), [1], "nanoseconds"),
    (pa.time64("ns"), [1], "nanoseconds"),
    (pa.timestamp("s", "UTC"), [2**60], "does not fit"),
    (pa.uint64(), [2**63], "does not fit"),
    (pa.decimal256(40, 0), [D(1)], "40 digits"),
    (pa.list_(pa.duration("us")), [[0]], "inside a list"),
    (pa.list_(pa.timestamp("ns", "UTC")), [[1]], "does not fit"),
    (pa.list_(pa.binary(17)), [[b"4" * 17]], "inside a list"),
    (pa.list_(pa.null()), [[None]], "only nulls"),
    (pa.struct([]), [{}], "without members"),
    (pa.month_day_nano_interval(), [(1, 2, 3)], "cannot be stored"),
]


def column(t: Any, values: list[Any]) -> Any:
    if pa.types.is_dictionary(t):
        return pa.array(values, t.value_type).dictionary_encode().cast(t)
    if getattr(t, "unit", "") == "ns":
        return pa.array(values, pa.int64()).cast(t)
    return pa.array(values, t)


def plain(values: list[Any]) -> list[str]:
    return [repr(v) for v in values]  # NaN and -0.0 compare by their text


@pytest.mark.parametrize(
    ("given", "values", "expected"), BACK, ids=lambda v: str(v) if isinstance(v, pa.DataType) else ""
)
def test_comes_back_equal(store: TableStore, read: Read, given: Any, values: list[Any], expected: Any) -> None:
    rows = pa.table({"x": column(given, values)})
    for _ in range(2):
        store.append("t", rows, create=True)
    found = read(store)["x"]
    assert expected is None or found.type == expected
    back: Any = rows["x"]
    if pa.types.is_date(given):
        back = back.cast(pa.date32()).cast(pa.timestamp("us")).cast(UTC_US)
    elif pa.types.is_dictionary(given):
        back = back.cast(given.value_type)
    elif pa.types.is_timestamp(given):
        back = back.cast(UTC_US)
    elif pa.types.is_decimal(given):  # computed as doubles until they are a type of their own
        assert store.snapshot("t").schema.field("x").type == pa.decimal128(given.precision, given.scale)
        back = back.cast(pa.float64())
    elif getattr(given, "unit", "") == "ns":
        back = back.cast(found.type)
    assert plain(found.to_pylist()) == plain(back.to_pylist() * 2)
    declared = store.snapshot("t").declared.type("x")
    if not pa.types.is_nested(given) and not pa.types.is_decimal(given) and not pa.types.is_time(given):
        expected_type = plan.DATE if pa.types.is_timestamp(given) else plan.of_arrow(given)
        assert declared == expected_type


@pytest.mark.parametrize(
    ("given", "values", "words"), REFUSED, ids=lambda v: str(v) if isinstance(v, pa.DataType) else ""
)
def test_refused_with_a_sentence(store: TableStore, given: Any, values: list[Any], words: str) -> None:
    rows = pa.table({"fine": pa.array([1]), "x": column(given, values)})
    with pytest.raises(QueryError, match=words) as found:
        store.append("t", rows, create=True)
    assert found.value.code == "E603"
    assert "`x`" in found.value.message
    assert store.names() == []


def test_addresses_are_known_again(store: TableStore, read: Read) -> None:
    raw = pa.array([b"4" * 17, None], pa.binary(17))
    kind = Ip()
    store.append("t", pa.table({"x": pa.ExtensionArray.from_storage(kind, raw)}), create=True)
    assert store.snapshot("t").declared.type("x") == plan.IP
    assert read(store)["x"].to_pylist() == raw.to_pylist()


def test_all_null_fields_are_left_out(store: TableStore, read: Read) -> None:
    store.append("t", pa.table({"x": [1], "n": pa.nulls(1)}), create=True)
    assert store.snapshot("t").schema.names == ["x"]
    store.append("t", pa.table({"n": pa.nulls(2)}))
    assert read(store)["x"].to_pylist() == [1, None, None]
    store.append("t", pa.table({"x": pa.nulls(1), "n": ["now"]}))
    assert read(store).to_pylist()[-1] == {"x": None, "n": "now"}
    with pytest.raises(QueryError, match="at least one field"):
        store.append("u", pa.table({"n": pa.nulls(2)}), create=True)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (pa.array([1]), pa.array(["a"]), "long in the table, string here"),
        (pa.array([1]), pa.array([1.5]), "long in the table, double here"),
        (pa.array([1]), pa.array([1], pa.duration("us")), "long in the table, duration here"),
        (pa.array([1], pa.time64("us")), pa.array([1], pa.duration("us")), "time in the table, duration here"),
        (pa.array([b"4" * 17], pa.binary(17)), pa.array([b"x"]), "ip in the table, binary here"),
        (pa.array([[1]]), pa.array([["a"]]), "list<integer> in the table"),
        (pa.array([1], pa.int16()), pa.array([70_000]), "does not fit"),
        (pa.array([1.5]), pa.array([2**53 + 1]), "does not fit"),
    ],
)
def test_clashes(store: TableStore, read: Read, first: Any, second: Any, words: str) -> None:
    store.append("t", pa.table({"x": first}), create=True)
    with pytest.raises(QueryError, match=words) as found:
        store.append("t", pa.table({"x": second}))
    assert found.value.code == "E603"
    assert read(store).num_rows == 1


def test_widths_meet(store: TableStore, read: Read) -> None:
    store.append(
        "t",
        pa.table({"i": pa.array([1], pa.int64()), "f": [1.5], "l": pa.array([[1]], pa.list_(pa.int16()))}),
        create=True,
    )
    store.append("t", pa.table({"i": pa.array([2], pa.uint8()), "f": [2], "l": pa.array([[2]])}))
    assert read(store).to_pylist() == [{"i": 1, "f": 1.5, "l": [1]}, {"i": 2, "f": 2.0, "l": [2]}]


@pytest.mark.parametrize("names", [["a", "A"], ["a", "a"], [""]])
def test_names_that_cannot_be(store: TableStore, names: list[str]) -> None:
    with pytest.raises(QueryError) as found:
        store.create("t", pa.schema([(n, pa.int64()) for n in names]))
    assert found.value.code == "E603"


@pytest.mark.parametrize("name", ["a b", "a.b", "한글", "a(b)", "%x", "a/b", "_t", "x" * 300, "a,b;{}=\t"])
def test_field_names(store: TableStore, read: Read, name: str) -> None:
    store.append("t", pa.table({name: ["v"], "z": [1]}), create=True)
    assert read(store, fields=[name]).to_pylist() == [{name: "v"}]


def test_a_dotted_name_and_a_member_of_a_struct(store: TableStore, read: Read) -> None:
    rows = pa.table({"a": [{"b": 100}], "a.b": [1]})
    store.append("t", rows, create=True)
    split = next(iter(store.snapshot("t").splits()))
    assert split.bounds("a.b") == (1, 1)
    assert read(store, fields=["a.b"]).to_pylist() == [{"a.b": 1}]
    assert read(store, fields=["a"]).to_pylist() == [{"a": {"b": 100}}]
