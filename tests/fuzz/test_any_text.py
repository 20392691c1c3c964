"""Any text gives a plan or a QueryError whose span lies inside the text; the canonical text of a plan gives it again."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator

import pyarrow as pa
import pytest

import cortado

from .queries import NESTED, changed, deep, soup
from .rounds import draws, rounds

TABLE = pa.table(
    {
        "id": [1, 2], "i": [1, None], "x": [1.5, 2.5], "s": ["a", "b"], "line": ["a 1", "b 2"], "bytes": [1, 2], "status": [200, 500],
        "client_ip": ["a", "b"], "_time": pa.array([0, 1], pa.timestamp("us", "UTC")),
    }
)  # fmt: skip
SHALLOW = 1000  # characters; comparing the plans of longer chains would need a deeper stack than Python's


@pytest.fixture(scope="module")
def session() -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", threads=1) as made:
        yield made


def check(session: cortado.Session, text: str) -> None:
    try:
        query = session.query(text, sources={"t": TABLE})
        canonical = query.canonical()
    except cortado.QueryError as error:
        check_error(error, text)
        return
    again = session.query(canonical, sources={"t": TABLE})
    assert again.canonical() == canonical, text
    if len(text) < SHALLOW and "duration" not in text and "now" not in text and "ago" not in text:
        assert again.plan == query.plan, f"{text!r}\n{canonical!r}"


def check_error(error: cortado.QueryError, text: str) -> None:
    assert error.code != "E901", f"{text!r}\n{error}"
    for fault in error.faults:
        assert 0 <= fault.span.start <= fault.span.end <= len(text), f"{fault.span} of {text!r}"
    json.dumps(error.to_dict())
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("make", [changed, soup, deep], ids=lambda f: f.__name__)
def test_a_plan_or_an_error_inside_the_text(session: cortado.Session, make) -> None:  # type: ignore[no-untyped-def]
    draw = draws(make.__name__)
    for _ in rounds({"changed": 1500, "soup": 500, "deep": 20}[make.__name__]):
        check(session, make(draw))


@pytest.mark.parametrize("nest", range(len(NESTED)))
def test_a_hundred_deep(session: cortado.Session, nest: int) -> None:
    check(session, "table t | " + NESTED[nest](100))
