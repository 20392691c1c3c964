"""`field array dict ip typeof`, members of maps, JSON text, and bytes, against `json`, `ipaddress`, `base64` and codecs."""

from __future__ import annotations

import base64
import ipaddress
import json
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cortado.engine import ip as addresses
from cortado.planner.text import QueryError
from cortado.planner.types import LONG, STRING, Type, array_of

from .harness import Bench, call, dates, doubles, durations, everywhere, longs, months, run, strings

# field, members


def test_field_by_a_constant_name_is_the_field() -> None:
    bench = Bench()
    bench.expr(longs(1, None))
    got = bench.run(bench.bind("field", [bench.expr("c0")]))
    assert got.values == [1, None] and got.type == LONG
    assert bench.run(bench.bind("field", [bench.expr("nope")])).values == [None, None]
    assert bench.warnings == ["W301"]


def test_field_by_a_computed_name() -> None:
    bench = Bench()
    names = bench.expr(strings("c1", "c2", None, "zz", "c0"))
    bench.expr(longs(1, 2, 3, 4, 5))
    bench.expr(doubles(0.5, 1.5, 2.5, 3.5, 4.5))
    got = bench.run(bench.bind("field", [names]))
    assert got.values == ["1", "1.5", None, None, "c0"] and got.type == STRING


def test_members() -> None:
    maps = pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}])
    assert call("@member", maps, "a")[0] == [1, None, None]
    assert call("@member", maps.slice(1), "b")[0] == [None, "y"]
    missing = run("@member", maps, "c")
    assert missing.values == [None] * 3 and missing.warnings == ["W301"]
    pairs = pa.array([[("a", 1), ("b", 2)], None, [], [("b", 4)]], pa.map_(pa.string(), pa.int64()))
    assert call("@member", pairs, "b")[0] == [2, None, None, 4]
    assert call("@member", longs(1), "a")[0] == [None]


# array, dict


def test_array_keeps_nulls_and_joins_types() -> None:
    assert call("array", longs(1, None), 2)[0] == [[1, 2], [None, 2]]
    assert run("array", longs(1), 0.5).type == array_of(Type("double"))
    assert call("array", longs(1, 2), "a")[0] == [["1", "a"], ["2", "a"]]
    assert call("array", None)[0] == [[None]]
    assert call("array")[0] == [[]]
    assert call("array", longs())[0] == []


def test_dict_with_constant_keys_has_members() -> None:
    got = run("dict", "a", longs(1, None), "b", strings("x", "y"), "a", 2.5)
    assert got.values == [{"a": 2.5, "b": "x"}, {"a": 2.5, "b": "y"}]
    with pytest.raises(QueryError) as found:
        run("dict", "a", 1, "b")
    assert found.value.code == "E306"


def test_dict_with_computed_keys() -> None:
    got = run("dict", strings("k", None, "z"), longs(1, 2, 3), strings("k", "y", "w"), doubles(1.5, 2.5, 3.5))
    assert got.values == [[("k", 1.5)], [("y", 2.5)], [("z", 3.0), ("w", 3.5)]]
    assert got.rejects == {"type": 1}
    assert call("dict", longs(1), "x")[0] == [[("1", "x")]]
    assert call("dict")[0] == [[]]


# text of arrays and maps

plain_json = st.none() | st.integers(-(2**63), 2**63 - 1)
any_text = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(['"', "\\", "\n\t\x00\x1f", "한글"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.lists(st.none() | any_text, max_size=3), max_size=5))
def test_arrays_of_text_are_json(values: list[Any]) -> None:
    column: Any = pa.array(values, pa.list_(pa.string()))
    for part in (column, column.slice(1)):
        got = call("string", part)[0]
        assert [None if t is None else json.loads(t) for t in got] == part.to_pylist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries(
            {"a": plain_json, 'k"': st.none() | any_text, "l": st.none() | st.lists(plain_json, max_size=2)}
        ),
        max_size=5,
    )
)
def test_maps_are_json(values: list[Any]) -> None:
    kind = pa.struct([("a", pa.int64()), ('k"', pa.string()), ("l", pa.list_(pa.int64()))])
    column: Any = pa.array(values, kind)
    for part in (column, column.slice(len(column) // 2)):
        got = call("string", part)[0]
        assert [None if t is None else json.loads(t) for t in got] == part.to_pylist()


def test_json_is_compact_and_keeps_nulls() -> None:
    pairs = pa.array([[("a", 1.0), ("b", None)], None, []], pa.map_(pa.string(), pa.float64()))
    assert call("string", pairs)[0] == ['{"a":1.0,"b":null}', None, "{}"]
    assert call("string", pairs.slice(1))[0] == [None, "{}"]
    assert call("string", pa.array([[math.nan, math.inf, 0.5]]))[0] == ["[null,null,0.5]"]
    assert call("string", run("array", dates(0), dates(None)).array)[0] == ['["1970-01-01T00:00:00+00:00",null]']
    assert call("string", pa.array([[True, None], []]))[0] == ["[true,null]", "[]"]
    assert call("string", pa.array([[b"\x01"]]))[0] == ['["01"]']


# typeof


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (longs(1), "long"), (pa.array([1], pa.int16()), "short"), (pa.array([1], pa.int32()), "int"), (doubles(1.0), "double"),
        (pa.array([1.0], pa.float32()), "float"), (strings("a"), "string"), (pa.array([True]), "bool"), (dates(1), "date"),
        (durations(1), "duration"), (pa.array([[1]]), "array"), (pa.array([{"a": 1}]), "map"), (pa.array([b"a"]), "binary"),
        (5, "int"), (2**40, "long"), (months(1), "duration"), (None, None), (pa.array([1], pa.time32("s")), "time32[s]"),
    ],
)  # fmt: skip
def test_typeof(column: Any, name: str | None) -> None:
    assert call("typeof", column)[0] == [name]


def test_typeof_by_row() -> None:
    assert call("typeof", longs(1, None))[0] == ["long", None]
    assert everywhere("typeof", strings("a", None)).values == ["string", None]
    ips = run("ip", strings("1.2.3.4", "::1", None)).array
    assert call("typeof", ips)[0] == ["ipv4", "ipv6", None]
    assert call("typeof", ips.slice(1))[0] == ["ipv6", None]


# ip

v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6) | st.lists(st.sampled_from([0, 0, 1, 0xFFFF]), min_size=8, max_size=8).map(
    lambda g: ipaddress.IPv6Address(int("".join(f"{x:04x}" for x in g), 16))
)


def written(text: str) -> str:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | v4 | v6.map(str) | v6.map(lambda a: a.exploded.upper()), max_size=6))
def test_addresses_round_trip_as_ipaddress_writes_them(texts: list[str | None]) -> None:
    got = run("ip", strings(*texts))
    assert got.rejects == {}
    assert call("string", got.array)[0] == [None if t is None else written(t) for t in texts]
    for value, text in zip(got.values, texts, strict=True):
        if text is not None:
            address = ipaddress.ip_address(text)
            assert value == bytes([address.version]) + address.packed.rjust(16, b"\0")


def test_what_is_no_address_is_counted() -> None:
    bad = ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "1.2.3.4.", "", "x", ":::", "fe80::1%eth0", "1.2.3.4/8"]
    assert everywhere("ip", strings(*bad, None, " 1.2.3.4 ")).values == [None] * 11 + [b"\4" + bytes(12) + b"\1\2\3\4"]
    assert call("ip", strings(*bad, None))[1] == {"ip": len(bad)}
    assert call("ip", longs(2**32 - 1, -1, 2**32, None)) == (
        [b"\4" + bytes(12) + b"\xff" * 4, None, None, None],
        {"ip": 2},
    )
    assert call("ip", doubles(1.0)) == ([None], {"type": 1})
    assert addresses.pack("1.2.3.4%x") is None


# bytes

raw = st.none() | st.binary(max_size=9)


@settings(max_examples=150, deadline=None)
@given(st.lists(raw, max_size=6))
def test_hex_and_base64_are_pythons(values: list[bytes | None]) -> None:
    column = pa.array(values, pa.binary())
    for part in (column, column.slice(1)):
        here = part.to_pylist()
        assert call("tohex", part)[0] == [None if v is None else v.hex() for v in here]
        sixty_four = [None if v is None else base64.b64encode(v).decode() for v in here]
        assert call("tobase64", part)[0] == sixty_four
        assert call("frombase64", strings(*sixty_four)) == (here, {})
        assert call("frombase64", strings(*[None if t is None else t.rstrip("=") for t in sixty_four])) == (here, {})
        assert call("fromhex", strings(*[None if v is None else v.hex().upper() for v in here])) == (here, {})


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | st.text("abXZ09+/=-é \n", max_size=9), max_size=6))
def test_malformed_hex_and_base64_are_null_and_counted(texts: list[str | None]) -> None:
    def of_hex(text: str) -> bytes | None:
        good = len(text) % 2 == 0 and all(c in "0123456789abcdefABCDEF" for c in text)
        return bytes.fromhex(text) if good else None

    def of_base64(text: str) -> bytes | None:
        body = text.rstrip("=")
        padding = len(text) - len(body)
        if padding > 2 or (padding and len(text) % 4) or len(body) % 4 == 1:
            return None
        if any(not (c.isascii() and c.isalnum()) and c not in "+/" for c in body):
            return None
        return base64.b64decode(body + "=" * (-len(body) % 4))

    for name, oracle in (("fromhex", of_hex), ("frombase64", of_base64)):
        want = [None if t is None else oracle(t) for t in texts]
        bad = sum(t is not None and w is None for t, w in zip(texts, want, strict=True))
        assert call(name, strings(*texts)) == (want, {"decode": bad} if bad else {})


def test_character_sets() -> None:
    assert call("binary", strings("aé한", None)) == (["aé한".encode(), None], {})
    assert call("encode", strings("한글", "é"), "euc-kr") == (["한글".encode("euc-kr"), None], {"decode": 1})
    assert call("decode", pa.array([b"\xc7\xd1", b"\xff", None]), "euc-kr") == (["한", None, None], {"decode": 1})
    assert call("decode", pa.array([b"ok", b"\xff\xfe", None, "é".encode()])) == (
        ["ok", None, None, "é"],
        {"decode": 1},
    )
    assert call("tohex", strings("Az", None)) == (["417a", None], {})
    assert call("tohex", longs(1, None)) == ([None, None], {"type": 1})
    assert call("binary", pa.array([b"x"])) == ([b"x"], {})
    for name in ("nope", "hex", "rot13"):
        with pytest.raises(QueryError) as found:
            run("decode", pa.array([b"x"]), name)
        assert found.value.code == "E307"
