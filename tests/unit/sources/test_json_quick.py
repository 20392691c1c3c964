"""Flat records that one kernel reads, against the reader that Arrow and Python's json are behind: no difference where it is sure."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from cortado.engine.batch import PAD, Spans
from cortado.engine.sources.files import padded
from cortado.engine.sources.jsonquick import QuickReader
from cortado.engine.sources.jsonrecords import RecordReader
from cortado.engine.sources.jsontextblocks import Records, lines
from cortado.planner.types import BOOL, DOUBLE, LONG, NULL, STRING, Schema, Type

FIELDS = Schema(
    (("a", LONG), ("bc", DOUBLE), ("text", STRING), ("flag", BOOL), ("none", NULL), ("é", STRING), ("when", Type("date")))
)  # fmt: skip
NUMBERS = ["0", "-0", "7", "-12", "123456789012345678", "1234567890123456789", "9223372036854775807", "9223372036854775808",
           "1.5", "-0.25", "1e3", "1E-2", "1.0", "0.1234567890123456789", "3.141592653589793", "1e400", "12345678901234567890"]  # fmt: skip
NO_NUMBERS = ["01", "-", "1.", ".5", "+1", "1e", "0x1", "NaN", "Infinity", "1 2", "--1", "1-2"]
TEXTS = ['""', '"x"', '"{}:,"', '"é日本"', '"' + "y" * 63 + '"', '"' + "z" * 200 + '"', '"2026-01-01"', '"12"']
ESCAPED = ['"a\\"b"', '"\\\\"', '"\\u00e9\\n"', '"\\/x"', '"\\ud83d\\ude00"', '"\\ud83dx"']
NO_TEXTS = ['"\\x"', '"\\u12"', '"a', '"a\tb"', "'a'", '"a"b"', '"\\"']
OTHERS = ["true", "false", "null", "tru", "nul", "falsey", "{}", "[]", '{"a":1}', "[1]", ""]


class Told:
    """In place of `Refused`: keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ctx = SimpleNamespace(notes=SimpleNamespace(rows=lambda *args, **how: self.said.append(str(args[1]))))
        self.at = self.bare = None

    def rows(self, reason: str, mask: Any, *args: Any, **how: Any) -> None:
        if mask.any():
            self.said.append(reason)


def record(chosen: random.Random, wild: float) -> str:
    members = []
    for name, kind in FIELDS.fields:
        if chosen.random() < 0.2:
            continue
        good = {"long": NUMBERS[:5], "double": NUMBERS, "string": TEXTS + ESCAPED, "bool": OTHERS[:2], "null": ["null"],
                "date": ['"2026-01-01"', '"2026-02-03 04:05:06"']}[kind.kind]  # fmt: skip
        every = NUMBERS + NO_NUMBERS + TEXTS + ESCAPED + NO_TEXTS + OTHERS
        value = chosen.choice(every) if chosen.random() < wild else chosen.choice([*good, "null"])
        key = chosen.choice(["zz", "a", "", "\\u0061"]) if chosen.random() < wild / 4 else name
        blank = chosen.choice(["", "", " ", "\t", " \r"])
        members.append(f'{blank}"{key}"{blank}:{blank}{value}{blank}')
    chosen.shuffle(members)
    text = "{" + ",".join(members) + "}"
    if chosen.random() < wild / 4:
        text = chosen.choice(
            [text + "x", text[:-1], text + ",", "[" + text + "]", text.replace(",", ",,", 1), text[1:], "5"]
        )
    return chosen.choice(["", " "]) + text + chosen.choice(["", " ", "\r"])


def block_of(texts: list[str]) -> Records:
    raw = "\n".join(texts).encode()
    buffer, data = padded(raw)
    return lines(buffer, data, PAD, PAD + len(raw), final=True, compiled=True)


def values(column: Any) -> list[Any]:
    return list((column.to_arrow() if isinstance(column, Spans) else column).to_pylist())


def same(a: Any, b: Any) -> bool:
    """-0 is 0 to Python's json, which has no whole number of that sign."""
    return bool(a == b and type(a) is type(b))


@pytest.mark.parametrize("wild", [0.0, 0.03, 0.4])
def test_quick_records_are_what_others_make_of_them(wild: float) -> None:
    chosen, n_sure = random.Random(int(wild * 100)), 0
    quick, general = QuickReader(FIELDS), RecordReader(data=FIELDS)
    assert quick.is_able
    for _ in range(1500):
        block = block_of([record(chosen, wild) for _ in range(chosen.choice([1, 1, 3]))])
        got = quick.columns(block, FIELDS.names())
        if got is None:
            continue
        n_sure += 1
        mine, theirs = Told(), Told()
        general.read_dates(got, mine)  # type: ignore[arg-type]
        wanted = general.columns(block, theirs)  # type: ignore[arg-type]
        assert mine.said == theirs.said and {*mine.said} <= {"date"}, block.spans().to_arrow()
        for name in FIELDS.names():
            pairs = zip(values(got[name]), values(wanted[name]), strict=True)
            assert all(same(a, b) for a, b in pairs), (name, block.spans().to_arrow())
    assert n_sure > {0.0: 1400, 0.03: 700, 0.4: 40}[wild]


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', '{"zz":1}', '{"a":1.0}', '{"a":"1"}', '{"text":1}', '{"text":{}}', '{"flag":1}', '{"none":0}', '{"a":01}',
     '{"text":"a\tb"}', '{"\\u0061":1}', '{"a":1}}', '{"a":1,}', '{a:1}', '{"a" 1}', '"a"', '[]', '{', '{"a":1'],
)  # fmt: skip
def test_what_is_to_be_told_of_is_left_to_others(text: str) -> None:
    assert QuickReader(FIELDS).columns(block_of([text]), FIELDS.names()) is None


def test_texts_of_any_length_end_where_they_should() -> None:
    for size in range(140):
        text = "x" * size
        rows = [json.dumps({"text": text, "a": size}), json.dumps({"text": text + '"', "a": -size})]
        got = QuickReader(FIELDS).columns(block_of(rows), ["text", "a"])
        assert got is not None
        assert values(got["text"]) == [text, text + '"'] and values(got["a"]) == [size, -size]


def test_fields_of_other_types_are_not_for_it() -> None:
    assert not QuickReader(Schema((("a", Type("array", item=LONG)),))).is_able
    assert not QuickReader(Schema((("a", Type("map", item=STRING)),))).is_able
    assert not QuickReader(Schema()).is_able
