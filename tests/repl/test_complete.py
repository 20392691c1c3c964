"""Completion at recorded places: what is wanted, and what must never be offered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado
from cortado.repl.complete import Offers

GOLDEN = Path(__file__).with_name("completion.golden")


def records() -> list[tuple[str, str, tuple[str, ...]]]:
    """`text` to the cursor, what is wanted among the first five (empty: nothing is offered), and what was offered."""
    out = []
    for block in GOLDEN.read_text(encoding="utf-8").strip().split("\n\n"):
        text, wanted, *offered = block.split("\n")
        out.append(
            (
                text.removeprefix("> ").replace("\\n", "\n").removesuffix("█"),
                wanted.removeprefix("wanted:").strip(),
                tuple(o.strip() for o in offered),
            )
        )
    return out


RECORDS = records()


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cortado.Session]:
    folder = tmp_path_factory.mktemp("complete")
    (folder / "logs").mkdir()
    (folder / "logs" / "access.log").write_text("x\n")
    (folder / "sales.csv").write_text("store,qty\na,1\n")
    with cortado.connect(str(folder / "db"), files=[str(folder)]) as s, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        s.register(
            "weblog",
            pa.table(
                {
                    "_time": pa.array([0], pa.timestamp("us", "UTC")),
                    "client_ip": ["1"],
                    "status": [200],
                    "bytes": [5],
                    "Registered No.": ["x"],
                }
            ),
        )
        s.append("firewall", pa.table({"dst_port": [80], "proto": ["tcp"]}))
        yield s


def line(candidate: object) -> str:
    return f"{candidate.text} ({candidate.kind})"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("text", "wanted", "offered"), RECORDS, ids=[r[0] for r in RECORDS])
def test_recorded(session: cortado.Session, text: str, wanted: str, offered: tuple[str, ...]) -> None:
    found = Offers(session).at(text)
    assert tuple(line(c) for c in found[:5]) == offered
    if wanted:
        assert wanted in [c.text for c in found[:5]]
    else:
        assert not found


def test_there_are_many_records() -> None:
    assert len(RECORDS) >= 60


def test_no_field_that_is_not_there(session: cortado.Session) -> None:
    """Every field that is offered in the records is a column of the query before the cursor, or was just made by `eval`."""
    offers = Offers(session)
    n = 0
    for text, _, _ in RECORDS:
        query = text.removeprefix(".explain ").removeprefix("explain analyze ").removeprefix("explain [ ")
        if query.count("[") > query.count("]"):
            query = query.rpartition("[")[2]
        before, _, stage = query.rpartition("|")
        made = {stage.split()[1]} if stage.strip().startswith("eval") and "," in stage else set()
        if stage.lstrip().startswith("lookup firewall "):
            before = before if " as " in stage and "output" not in stage else "table firewall"
        for c in offers.at(text):
            if c.kind == "field":
                assert c.text.strip("`") in {*session.query(before).schema.names, *made}, (text, c)
                n += 1
    assert n > 60


def test_what_stands_before_the_pipe_is_bound_once(session: cortado.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    session.register("wide", pa.table({f"field_{i}": [i] for i in range(1000)}))
    bound: list[str] = []
    whole = type(session).query

    def counted(self: cortado.Session, text: str, *args: Any, **params: Any) -> Any:
        bound.append(text)
        return whole(self, text, *args, **params)

    monkeypatch.setattr(type(session), "query", counted)
    offers = Offers(session)
    text = "table wide | search field_1 == 5 and field_99"
    for i in range(11, len(text) + 1):
        offers.at(text[:i])
    assert len(bound) == len(set(bound)) <= 2, bound
    assert [c.text for c in offers.at(text)][:2] == ["field_99", "field_990"]


def test_what_a_session_registers_is_offered(session: cortado.Session) -> None:
    import pyarrow.compute as pc

    def twice(x: pa.Int64Array) -> pa.Int64Array:
        """Two times."""
        return pc.multiply(x, 2)

    session.function(twice)
    found = Offers(session).at("table weblog | eval x = twi")
    assert [(c.text, c.kind, c.about) for c in found] == [("twice(", "function", "Two times.")]


def test_nothing_breaks_it(session: cortado.Session) -> None:
    offers = Offers(session)
    text = '# c\nset a = 1 | table weblog | eval x = concat("a | \\" [", `Registered No.`) // it\'s\n | explain [ table [[ | stats count, sum(bytes) as `b | c` by \'x'
    for i in range(len(text) + 1):
        offers.at(text[:i])


SERIES_STAGES = (
    "resample span=1m bytes, avg(status) as a by client_ip", "resample span=1m ohlc(bytes) as p", "gapfill span=1m flag=f bytes fill prev",
    "window rows=3,5 avg(bytes) by client_ip", "window ohlc(bytes) as p", "asof gap=age client_ip [ table weblog | rename bytes as b ]",
    "asof prefix=q_ client_ip [ table weblog ]", "dtw pattern=1,2 bytes by client_ip", "dtw mode=search pattern=1,2 bytes by client_ip",
    "dtw mode=matrix bytes by client_ip", "dtw path=t pattern=1,2 bytes by client_ip", "stl period=24,168 bytes by client_ip",
    "stl bytes", "stl period=none bytes", "anomalies scorer=1 bytes, status", "patterns field=client_ip",
    "patterns mode=label field=client_ip", "correlate bytes, status", "curvefit status, bytes", "curvefit coef=t status, bytes",
    "histogram bytes", "forecast bytes by status", "forecast confidence=80,95 bytes, status", "forecast explain=t bytes",
)  # fmt: skip


@pytest.mark.parametrize("stage", SERIES_STAGES)
def test_fields_behind_a_stage_of_series(session: cortado.Session, stage: str) -> None:
    query = f"table weblog | {stage}"
    offered = [c.text.strip("`") for c in Offers(session).at(f"{query} | fields ") if c.kind == "field"]
    assert sorted(offered) == sorted(session.query(query).schema.names)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("resample fill=", "null zero prev next linear"), ("gapfill span=1m bytes fill ", "null zero prev next linear"),
        ("resample grid=", "key global"), ("resample label=", "left right"), ("resample agg=la", "last"),
        ("window closed=", "both left right none"), ("window ties=", "all row"), ("asof direction=", "backward forward nearest"),
        ("asof type=", "left inner"), ("dtw mode=", "distance search matrix"), ("dtw nulls=", "null drop linear"),
        ("dtw window=n", "none"), ("stl period=", "auto none"), ("stl robust=", "t f"), ("forecast model=th", "theta"), ("forecast fit=", "shrunk ml"), ("forecast period=", "auto none"), ("patterns mode=", "stats label"),
        ("correlate method=", "pearson spearman kendall"), ("curvefit coef=", "t f"),
    ],
)  # fmt: skip
def test_values_of_options_of_series(session: cortado.Session, text: str, values: str) -> None:
    found = Offers(session).at(f"table weblog | {text}")
    assert [c.text for c in found] == values.split()
    assert {c.kind for c in found} == {"value"}
