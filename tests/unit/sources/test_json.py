"""`json` and `jsonfile` against Python's own json, and the corpus of bad files."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.sources.files import FileOptions, Input
from cortado.engine.sources.infer import declared
from cortado.engine.sources.json import JsonFormat, JsonRelation, survey
from cortado.engine.sources.jsonlenient import BadJson, loads, objects
from cortado.engine.sources.jsonrows import rows_relation
from cortado.engine.storage.paths import Gate
from cortado.planner.text import QueryError

from .reading import AT, Read, read

HOW: list[dict[str, Any]] = [
    {},
    {"compiled": True},
    {"batch_rows": 1, "target": 5},
    {"batch_rows": 3, "target": 64, "compiled": True},
]


def relation(*paths: Path, form: JsonFormat | None = None, **options: Any) -> JsonRelation:
    chosen, gate = FileOptions(**options), Gate()
    inputs = [Input(gate, str(p), chosen.encoding) for p in paths]
    return JsonRelation(survey(inputs, chosen), form or JsonFormat(), chosen, str(paths[0]), AT)


def given(tmp_path: Path, data: bytes, name: str = "x.json", form: JsonFormat | None = None, **options: Any) -> Read:
    """Reads the bytes in every way there is; all must agree."""
    path = tmp_path / name
    path.write_bytes(data)
    found = relation(path, form=form, **options)
    first, *others = [read(found, **how) for how in HOW]
    for other in others:
        assert other.table.equals(first.table)
        assert other.notes == first.notes
        assert other.samples == first.samples
    return first


def columns(got: Read) -> dict[str, str]:
    return {n: str(t) for n, t in got.schema.fields}


def test_lines_and_one_array_are_the_same(tmp_path: Path) -> None:
    rows = [{"a": 1, "b": "x", "c": {"d": [1, 2]}}, {"a": 2.5, "b": None}, {"c": {"e": True}}]
    lines = "\n".join(map(json.dumps, rows)).encode()
    array = json.dumps(rows, indent=2).encode()
    assert given(tmp_path, lines).table.equals(given(tmp_path, array).table)
    got = given(tmp_path, lines)
    assert columns(got) == {"a": "double", "b": "string", "c": "map"}
    assert got.rows[0]["c"] == {"d": [1, 2], "e": None}
    assert not got.notes


def test_objects_over_several_lines(tmp_path: Path) -> None:
    data = b'{\n "a": 1,\n "b": "}{"\n}\n{\n "a": 2\n}\n'
    assert given(tmp_path, data).rows == [{"a": 1, "b": "}{"}, {"a": 2, "b": None}]


@pytest.mark.parametrize(
    "bad", [b"nonsense", b'{"a": ', b"5", b"[1]", b'{"a":1}{"a":2}', b'{"a":1} x', b'"x"', b"{'a':1}"]
)
def test_a_bad_line_is_a_row_of_nulls_and_told(tmp_path: Path, bad: bytes) -> None:
    data = b'{"a":1}\n\n' + bad + b'\n{"a":3}\n'
    got = given(tmp_path, data)
    assert got.rows == [{"a": 1}, {"a": None}, {"a": 3}]
    assert got.notes == {("reject", "json"): 1}
    assert got.samples["reject", "json"] == [f"{tmp_path}/x.json:3  {bad.decode()}"]
    assert given(tmp_path, data, bad="skip").rows == [{"a": 1}, {"a": 3}]
    with pytest.raises(QueryError) as found:
        read(relation(tmp_path / "x.json", bad="fail"))
    assert found.value.code == "E501"
    assert found.value.samples[0].startswith(f"{tmp_path}/x.json:3")


def test_bad_lines_among_many_good_ones(tmp_path: Path) -> None:
    lines = [b'{"a":%d,"b":"x%d"}' % (i, i) for i in range(3000)]
    lines[700], lines[2999] = b"oops", b'{"a":"word"}'
    path = tmp_path / "x.json"
    path.write_bytes(b"\n".join(lines))
    found = relation(path, infer=100)
    for target in (2 << 20, 10_000):
        got = read(found, target=target)
        assert [r["a"] for r in got.rows] == [None if i in (700, 2999) else i for i in range(3000)]
        assert got.notes == {("reject", "json"): 1, ("reject", "type"): 1}
        assert got.samples["reject", "type"] == [f"{path}:3000  word"]


def test_mixed_kinds_become_text(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b'{"a":1,"b":1,"c":{"x":1}}\n{"a":"x","b":2.5,"c":{"x":true}}\n{"a":[1,{"y":null}]}\n')
    found = survey([Input(Gate(), str(path))], FileOptions())
    assert found.mixed == {"a": {"long": 1, "string": 1, "array": 1}, "c.x": {"long": 1, "bool": 1}}
    got = read(relation(path))
    assert [r["a"] for r in got.rows] == ["1", "x", '[1,{"y":null}]']
    assert [r["b"] for r in got.rows] == [1.0, 2.5, None]
    assert got.rows[1]["c"] == {"x": "true"}
    assert not got.notes


def test_late_kinds(tmp_path: Path) -> None:
    data = b'{"a":1,"s":"x"}\n{"a":2.0}\n{"a":2.5}\n{"a":"x"}\n{"a":true}\n{"a":9223372036854775808}\n{"s":7}\n'
    got = given(tmp_path, data, infer=1)
    assert [r["a"] for r in got.rows] == [1, 2, None, None, None, None, None]
    assert [r["s"] for r in got.rows] == ["x", None, None, None, None, None, "7"]
    assert got.notes == {("reject", "type"): 3, ("reject", "overflow"): 1, ("mixed", "mixed"): 1}


def test_late_keys_are_told_by_name_or_kept(tmp_path: Path) -> None:
    data = b'{"a":1,"m":{"x":1}}\n{"a":2,"b":"y","m":{"x":2,"z":3}}\n{"b":[1]}\n'
    got = given(tmp_path, data, infer=1)
    assert [r["a"] for r in got.rows] == [1, 2, None]
    assert {k: n for k, n in got.notes.items() if k[1] != "mixed"} == {
        ("reject", "unknown key 'b'"): 2,
        ("reject", "unknown key 'm.z'"): 1,
    }
    kept = given(tmp_path, data, infer=1, form=JsonFormat(rest=True))
    assert [r["_rest"] for r in kept.rows] == [None, [("b", "y")], [("b", "[1]")]]


def test_big_integers(tmp_path: Path) -> None:
    got = given(tmp_path, b'{"a":9223372036854775807}\n{"a":-9223372036854775808}\n')
    assert [r["a"] for r in got.rows] == [2**63 - 1, -(2**63)]
    assert columns(given(tmp_path, b'{"a":1}\n{"a":9223372036854775808}\n')) == {"a": "double"}


def test_overlay_keeps_the_line(tmp_path: Path) -> None:
    got = given(tmp_path, b'{"a": 1}\nbad\n', form=JsonFormat(overlay=True))
    assert got.rows == [{"a": 1, "line": '{"a": 1}'}, {"a": None, "line": "bad"}]


def test_declared_dates(tmp_path: Path) -> None:
    got = given(tmp_path, b'{"t":"2026-01-02"}\n{"t":"soon"}\n{"t":5}\n', declared=declared("t: date"))
    assert [r["t"] is None for r in got.rows] == [False, True, True]
    assert sum(got.notes.values()) == 2


def test_text_that_looks_like_a_time_stays_text(tmp_path: Path) -> None:
    assert given(tmp_path, b'{"t":"2026-01-02"}\n').rows == [{"t": "2026-01-02"}]


def test_invalid_utf8_and_half_pairs(tmp_path: Path) -> None:
    got = given(tmp_path, b'{"a":"ok"}\n{"a":"\xff"}\n{"a":"\\ud800x"}\n')
    assert [r["a"] for r in got.rows] == ["ok", "\ufffd", "\ufffdx"]
    assert got.notes == {("reject", "utf8"): 1}


def test_deep_nesting_is_a_bad_line_not_a_crash(tmp_path: Path) -> None:
    data = b'{"a":1}\n{"a":' + b"[" * 100_000 + b"]" * 100_000 + b'}\n{"a":3}\n'
    got = given(tmp_path, data)
    assert [r["a"] for r in got.rows] == [1, None, 3]
    assert got.notes == {("reject", "json"): 1}


def test_many_brackets_are_not_deep(tmp_path: Path) -> None:
    data = json.dumps({"a": [[i] for i in range(3000)], "s": "[" * 3000}).encode() + b"\n"
    got = given(tmp_path, data)
    assert len(got.rows[0]["a"]) == 3000
    assert not got.notes


@pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_needs_a_schema(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(QueryError) as found:
        given(tmp_path, data)
    assert found.value.code == "E605"
    assert columns(given(tmp_path, data, declared=declared("a: long"))) == {"a": "long"}


def test_empty_objects_and_empty_arrays(tmp_path: Path) -> None:
    assert given(tmp_path, b"{}\n{}\n").table.num_rows == 2
    assert given(tmp_path, b"[]").table.num_rows == 0
    assert given(tmp_path, b'[{"a":1},]').rows == [{"a": 1}]


def test_utf16_is_named(tmp_path: Path) -> None:
    data = '{"a":"매출"}\n'.encode("utf-16")
    with pytest.raises(QueryError, match="UTF-16"):
        given(tmp_path, data)
    assert given(tmp_path, data, encoding="utf-16").rows == [{"a": "매출"}]


def test_packed_and_cut(tmp_path: Path) -> None:
    chosen = random.Random(1)
    data = b"\n".join(b'{"a":%d}' % chosen.getrandbits(60) for _ in range(100_000))
    packed = gzip.compress(data)
    assert read(relation(_put(tmp_path / "x.json.gz", packed))).table.num_rows == 100_000
    with pytest.raises(QueryError, match="records before that are good"):
        read(relation(_put(tmp_path / "y.json.gz", packed[: len(packed) // 2])))


def _put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def value(chosen: random.Random, depth: int) -> Any:
    match chosen.randint(0, 7 if depth else 4):
        case 0:
            return chosen.randint(-(2**62), 2**62)
        case 1:
            return chosen.uniform(-1e9, 1e9)
        case 2:
            return "".join(chosen.choice('ab"\\\n한é{}[],:\t\U0001f600') for _ in range(chosen.randint(0, 6)))
        case 3:
            return None
        case 4:
            return chosen.random() < 0.5
        case 5:
            return [value(chosen, depth - 1) for _ in range(chosen.randint(0, 3))]
    return {chosen.choice("xyz"): value(chosen, depth - 1) for _ in range(chosen.randint(0, 3))}


def same(got: Any, wanted: Any) -> bool:
    """Whether a column's value is what was written: ints may be doubles, mixed places are JSON text, absent is null."""
    if isinstance(got, list) and got and isinstance(got[0], tuple):
        got = dict(got)
    if isinstance(wanted, bool) or wanted is None:
        return got is wanted or (isinstance(got, str) and got == json.dumps(wanted))
    if isinstance(wanted, int | float) and isinstance(got, int | float):
        return float(got) == float(wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(same(a, b) for a, b in zip(got, wanted, strict=True))
    if isinstance(wanted, dict) and (isinstance(got, dict) or got == []):
        found = got if isinstance(got, dict) else {}
        return all(same(found.get(k), v) for k, v in wanted.items()) and all(
            k in wanted or v is None for k, v in found.items()
        )
    if isinstance(got, str) and not isinstance(wanted, str):
        return bool(json.loads(got) == wanted)
    return bool(got == wanted)


@pytest.mark.parametrize("seed", range(4))
def test_random_values_come_back(tmp_path: Path, seed: int) -> None:
    chosen = random.Random(seed)
    rows = [{k: value(chosen, 2) for k in chosen.sample("abcd", chosen.randint(0, 4))} for _ in range(60)]
    lines = "\n".join(json.dumps(r, ensure_ascii=chosen.random() < 0.5) for r in rows).encode()
    for data in (lines, json.dumps(rows, indent=1).encode()):
        got = given(tmp_path, data)
        assert len(got.rows) == len(rows)
        for made, wanted in zip(got.rows, rows, strict=True):
            assert same(made, wanted), (made, wanted)
        assert not got.notes


def test_the_same_as_arrow_where_arrow_reads_it(tmp_path: Path) -> None:
    import pyarrow.json as pj

    rows = [{"i": i, "f": i / 7, "s": f"é{i}", "l": [i, i + 1], "m": {"x": i % 3 == 0}} for i in range(500)]
    path = _put(tmp_path / "x.json", "\n".join(map(json.dumps, rows)).encode())
    assert read(relation(path), target=999).table.to_pylist() == pj.read_json(str(path)).to_pylist()


LENIENT = [
    ("{}", [{}]),
    ("[]", []),
    ("[{'a':1,'b':'x'},{'a':2}]", [{"a": 1, "b": "x"}, {"a": 2}]),
    ("{a: 1, b_c: 'it''s'[0:0]}", None),
    ("{a: 1,}", [{"a": 1}]),
    ("[{a: 1},]", [{"a": 1}]),
    ("{'a': 'x\\'y', \"b\": \"\\u0041\\n\"}", [{"a": "x'y", "b": "A\n"}]),
    ("{a: .5, b: +1, c: -Infinity, d: true, e: null}", [{"a": 0.5, "b": 1, "c": float("-inf"), "d": True, "e": None}]),
    ("{매출: '가'}", [{"매출": "가"}]),
    ("{a:1}{a:2}", [{"a": 1}, {"a": 2}]),
]


@pytest.mark.parametrize(("text", "wanted"), LENIENT)
def test_lenient_json(text: str, wanted: Any) -> None:
    if wanted is None:
        with pytest.raises(BadJson):
            objects(text)
    else:
        assert objects(text) == wanted


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 0),
        ("{a:}", 3),
        ("{a:1", 0),
        ("[{'a':1} {'b':2}]", 9),
        ("{'a:1}", 1),
        ("{a:x}", 3),
        ("{'a':'\\q'}", 6),
        ("[1,2]", 1),
        ("5", 0),
    ],
)
def test_broken_json_says_where(text: str, at: int) -> None:
    with pytest.raises(BadJson) as found:
        objects(text)
    assert found.value.at == at


def test_strict_json_is_read_as_python_reads_it() -> None:
    chosen = random.Random(5)
    for _ in range(300):
        wanted = value(chosen, 3)
        assert loads(json.dumps(wanted)) == wanted
        assert loads(" " + json.dumps(wanted, indent=1) + "\n") == wanted


def test_rows_without_fields_are_rows() -> None:
    assert read(rows_relation([{}, {}], "json", "UTC"), batch_rows=1).table.num_rows == 2


def test_rows_of_the_query() -> None:
    got = read(
        rows_relation(objects("[{'a':1,'b':[1,2.5]},{'a':'x'},{'c':{}}]"), "json", "UTC"), batch_rows=2, target=2
    )
    assert [r["a"] for r in got.rows] == ["1", "x", None]
    assert got.rows[0]["b"] == [1.0, 2.5]
    assert pa.types.is_map(got.table.schema.field("c").type)
