"""Canonical text, and rules as pairs of query texts."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

import cortado
from cortado.planner.explain import explain

WEBLOG = pa.table(
    {"_time": pa.array([0], pa.timestamp("us", "UTC")), "client_ip": ["a"], "status": [200], "bytes": [1], "url": ["/"]}
)


@pytest.fixture(scope="module")
def session() -> cortado.Session:
    made = cortado.connect(timezone="UTC")
    made.register("t", WEBLOG)
    return made


QUERIES = [
    r"""table t | search url == 'it''s \d*' and status == "5\*" and url == "a\\*" """,
    'table t | eval n = -status * bytes - -status, m = not status == bytes, k = not(status == bytes), j = url in ("a*", "b")',
    "table t | eval x = 5m + 1h30m, z = _time - 2mon | fields *ip, x",
    "table t | stats count where status > 1 as n, sum(bytes) as r by url, status + 1 as d | sort -n, d by url",
    'set a = 2 | set b = $("a") * 10 | table t | eval r = $b',
    "table t | limit 5 10 | head 3 | tail 2",
    'table t | rename url as `odd name`, status as s | search `odd name` != "x"',
    'table t | rex field=url "^/(?<top>[^/]*)" | parse field=url "a*b" as mid | fields mid',
    "table t | timechart span=1h long=t count by url",
    "table t | sort limit=3 nulls=last -bytes, +url",
    "table t | parsekv field=url overlay=t kvdelim=':' | sort a",
    "table t | parsekv field=url | stats count by a, b",
    "table t | parsekv field=url errors=why a, `b c` | limit 3",
]


@pytest.mark.parametrize("text", QUERIES)
def test_canonical_text_binds_to_the_same_plan(session: cortado.Session, text: str) -> None:
    query = session.query(text)
    again = session.query(query.canonical())
    assert again.plan == query.plan
    assert again.canonical() == query.canonical()


RULES = sorted((Path(__file__).parent / "rules").glob("*.rule"))
PAIRS = [
    (f"{f.stem}:{i}", *(p.strip() for p in block.split("=>")))
    for f in RULES
    for i, block in enumerate(f.read_text().split("\n\n"))
    if "=>" in block
]


@pytest.mark.parametrize(("name", "before", "after"), PAIRS, ids=[p[0] for p in PAIRS])
def test_rule(session: cortado.Session, name: str, before: str, after: str) -> None:
    """`before => after`: the optimised plan's text; a plan that must stay is written twice. Both give the same rows."""
    before = "\n".join(line for line in before.split("\n") if not line.startswith("#"))
    query = session.query(before)
    assert " | ".join(_stages(query.optimised())) == after, explain(query.optimised())
    with cortado.connect(timezone="UTC", optimiser=False) as plain:
        plain.register("t", WEBLOG)
        assert plain.query(before).to_arrow().equals(query.to_arrow())


def _stages(node: object) -> list[str]:
    from cortado.planner.plan import Node, Scan

    out = []
    at: Node | None = node  # type: ignore[assignment]
    while at is not None:
        out.append(_scan(at) if isinstance(at, Scan) else at.text())
        at = at.inputs[0] if at.inputs else None
    return out[::-1]


def _scan(scan: object) -> str:
    from cortado.planner.plan import Scan

    assert isinstance(scan, Scan)
    fields = f"({', '.join(scan.request.fields)})" if scan.request.fields is not None else ""
    return f"scan{fields}"


def test_a_filter_never_moves_below_a_limit(session: cortado.Session) -> None:
    plan = session.query("table t | limit 5 | search status > 1").optimised()
    assert [type(n).__name__ for n in plan.walk()][:2] == ["Filter", "Limit"]


def test_long_chains_are_no_nesting(session: cortado.Session) -> None:
    text = (
        "table t | "
        + "bypass | " * 1500
        + "search "
        + " or ".join(f"status == {i}" for i in range(5000))
        + " | eval x = "
        + " + ".join(["status"] * 2000)
    )
    assert session.query(text).schema.names[-1] == "x"


def test_deep_brackets_are_refused(session: cortado.Session) -> None:
    assert session.query("table t | eval x = " + "abs(" * 100 + "1" + ")" * 100)
    with pytest.raises(cortado.QueryError) as caught:
        session.query("table t | eval x = " + "abs(" * 50_000 + "1" + ")" * 50_000)
    assert caught.value.code == "E201"
