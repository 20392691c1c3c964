"""Query and rendered error, as files; and that any text gives a plan or an error that lies inside it."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pyarrow as pa
import pytest

import cortado

from .running import check
from .specfile import Case, read_specs
from .worlds import WORLDS

ROOT = Path(__file__).parent / "errors"
CASES = [c for f in sorted(ROOT.rglob("*.err")) for c in read_specs(f)]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_error(case: Case, tmp_path: Path) -> None:
    check(case, WORLDS["plain"], tmp_path)


@pytest.fixture(scope="module")
def session() -> cortado.Session:
    made = cortado.connect(timezone="UTC")
    made.register("weblog", pa.table({"status": [200], "bytes": [1], "url": ["/"]}))
    return made


def test_several_faults_come_together(session: cortado.Session) -> None:
    with pytest.raises(cortado.BindError) as caught:
        session.query("table weblog | serach x | eval a = foo(1), b = abs(1, 2)")
    assert [f.code for f in caught.value.faults] == ["E302", "E305", "E306"]


def test_json_form() -> None:
    with cortado.connect(timezone="UTC", strict=True) as s, pytest.raises(cortado.BindError) as caught:
        s.query("table weblog | stats sum(bytse) by url", sources={"weblog": pa.table({"bytes": [1], "url": ["/"]})})
    found = caught.value.to_dict()
    assert found == {
        "code": "E301", "name": "unknown-field", "kind": "bind", "message": "unknown field 'bytse'", "stage": "2", "command": "stats",
        "line": 1, "column": 26, "span": [25, 30], "expected": [], "suggestions": ["bytes"], "fields": ["bytes", "url"], "samples": [],
    }  # fmt: skip


def test_errors_can_be_pickled(session: cortado.Session) -> None:
    with pytest.raises(cortado.ParseError) as caught:
        session.query("table weblog | search status = 500")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value) and type(again) is type(caught.value)


def test_caret_counts_terminal_cells(session: cortado.Session) -> None:
    with pytest.raises(cortado.QueryError) as caught:
        session.query("table weblog | eval 매출 = 단가 =")
    line, caret = str(caught.value).split("\n")[1:3]
    assert caret.index("^") - 2 == len("table weblog | eval ") + 4 + 3 + 4 + 2, (line, caret)


SEEDS = [
    "table weblog | search status >= 400 | stats sum(bytes) by url",
    "json \"[{}]\" | eval a = 'x' # [ | `b c` // d\n| fields - a",
    'table weblog | rex field=url "^/(?<top>\\w+)" | sort limit=3 -bytes by top | limit 2 3',
    'set a = 2 | set b = $("a") * 10 | json "{}" | eval r = $b, c = case(r > 1, \'x\', "y")',
    'table weblog | timechart span=5m fill=0 count, avg(bytes) where status == "2*" as ok by url',
    'def f(x: long = 1, k: fields = status, url) = [ | search status >= $x | stats count by $k ]\ntable weblog | proc f(2, k="url")',
    "/// help\nparam n: array<long> = 1, 2 // c\ndef g() = [ table weblog | union [ table weblog | proc h() ] ]\ndef h() = [ | limit 1 ]\nproc g()",
]
PIECES = [
    "|",
    "[",
    "]",
    '"',
    "'",
    "#",
    "//",
    "\n",
    "“",
    "é",
    "*",
    "",
    ",",
    "=",
    "$",
    "\\",
    "(",
    ")",
    "by",
    "as",
    "1",
    "-",
    "`",
    "｜",
    "\x00",
    "0x",
    "1d",
]


def test_any_text_gives_a_plan_or_an_error_inside_it(session: cortado.Session) -> None:
    rng = random.Random(7)
    for _ in range(1500):
        text = rng.choice(SEEDS)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(PIECES) + text[at + rng.randint(0, 3) :]
        try:
            session.query(text)
        except cortado.QueryError as found:
            assert all(0 <= f.span.start <= f.span.end <= len(text) for f in found.faults), text
            assert str(found)
