"""The examples of commands, functions and aggregates run as they stand in the help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cortado
from cortado.commands.base import Example, load
from cortado.repl.reference import SAMPLE

from .running import check
from .specfile import Case
from .tabletext import parse_table
from .worlds import WORLDS

REGISTRY = load()
COMMANDS = [(c.name, i, e) for c in REGISTRY.commands.values() for i, e in enumerate(c.examples)]
FUNCTIONS = sorted({(f.name, q, v) for f in REGISTRY.functions.values() for q, v in f.examples})


@pytest.mark.parametrize("world", ["plain", "rows1", "large"])
@pytest.mark.parametrize(("name", "number", "example"), COMMANDS, ids=[f"{n}-{i}" for n, i, _ in COMMANDS])
def test_command(name: str, number: int, example: Example, world: str, tmp_path: Path) -> None:
    givens = []
    for key, text in example.given.items():
        kind, _, rest = key.rpartition(":")
        given = text if kind != "file" else text.removesuffix("\n") + ("\\c" if not text.endswith("\n") else "")
        givens.append((kind or "table", rest, given))
    case = Case(f"{name}-{number}", 0, givens, {}, {}, example.query, expect=example.expect)
    check(case, WORLDS[world], tmp_path)


@pytest.fixture(scope="module")
def session() -> cortado.Session:
    return cortado.connect(timezone="UTC", threads=1)


@pytest.mark.parametrize(("name", "expression", "value"), FUNCTIONS, ids=[f"{n}-{q}" for n, q, _ in FUNCTIONS])
def test_function(session: cortado.Session, name: str, expression: str, value: str) -> None:
    value = {"nan": 'double("NaN")', "inf": 'double("Infinity")', "-inf": 'double("-Infinity")'}.get(value, value)
    query = f'json "{{}}" | eval got = {expression}, wanted = {value} | eval same = same(got, wanted) | fields same, got, wanted'
    row = session.query(query).to_pylist()[0]
    assert row["same"] is True, row


AGGREGATES = sorted({(f.name, q, v) for f in REGISTRY.aggregates.values() for q, v in f.examples})


@pytest.mark.parametrize(("name", "expression", "value"), AGGREGATES, ids=[f"{n}-{q}" for n, q, _ in AGGREGATES])
def test_aggregate(session: cortado.Session, name: str, expression: str, value: str) -> None:
    """Over the rows that its page shows; a function of a window has a value in each."""
    found = REGISTRY.aggregates[name]
    if found.window_only:
        got = session.query(f"table t | window {expression} as got", sources={"t": parse_table(SAMPLE)}).to_pylist()
        assert [r["got"] for r in got] == json.loads(value)
        return
    names = [name for name, _ in found.parts]
    if names:
        got = session.query(f"table t | stats {expression}", sources={"t": parse_table(SAMPLE)}).to_pylist()
        assert [[row[n] for n in names] for row in got] == [json.loads(value)]
        return
    value = f"array({value[1:-1]})" if value.startswith("[") else value
    command = "timechart span=1m" if found.span_only else "stats"
    query = f"table t | {command} {expression} as got | eval wanted = {value} | eval same = same(got, wanted) | fields same, got, wanted"
    rows = session.query(query, sources={"t": parse_table(SAMPLE)}).to_pylist()
    assert [r["same"] for r in rows] == [True], rows
