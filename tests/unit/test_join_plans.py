"""What the optimiser makes of joins and unions: filters go into their inputs, the smaller join comes first. Rows stay."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

import cortado
from cortado.planner.combine import Join, Union
from cortado.planner.plan import Filter, Keep, Node, Scan, line_of

P = pa.table({"ip": ["a", "b", "c", "a", None], "hits": [1, 2, 3, 4, 5]})
H = pa.table({"ip": ["a", "b", "d", "a"], "name": ["ann", "bob", "dan", "anna"]})
BIG = pa.table({"ip": ["a"] * 100 + ["b"] * 50 + ["c"] * 300, "w": list(range(450))})
D = pa.table({"x": [1, 2, 4, 4, 9], "y": [10, 20, 30, 40, 50]})
ROWS = pa.table(
    {"k": pa.array([i % 50_000 for i in range(120_000)], pa.int64()), "v": pa.array(range(120_000), pa.int64())}
)
FEW = pa.table({"k": pa.array([5, 7, 7, None], pa.int64())})


@pytest.fixture(scope="module")
def sessions() -> Iterator[tuple[cortado.Session, cortado.Session]]:
    with cortado.connect(timezone="UTC") as a, cortado.connect(timezone="UTC", optimiser=False) as b:
        for s in (a, b):
            for name, table in (("p", P), ("h", H), ("big", BIG), ("d", D), ("rows", ROWS), ("few", FEW)):
                s.register(name, table)
        yield a, b


def plan_of(sessions: tuple[cortado.Session, cortado.Session], text: str) -> Node:
    """The optimised plan, once its rows are known to be those of the plan as written."""
    query, plain = (s.query(text) for s in sessions)
    assert query.to_arrow().equals(plain.to_arrow())
    return query.optimised()


def shape(node: Node) -> str:
    """Names of nodes, a node's inputs in brackets."""
    inside = " ".join(shape(n) for n in node.inputs)
    name = f"{type(node).__name__}" if not isinstance(node, Scan) else node.relation.name
    return f"{name}({inside})" if inside else name


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("table p | join ip [ table h ] | search hits > 1 and name == \"a*\"", "Join(Filter(p) Filter(h))"),
        ("table p | join type=left ip [ table h ] | search hits > 1 and name == \"a*\"", "Filter(Join(Filter(p) h))"),
        ("table p | join type=leftonly ip [ table h ] | search hits > 1", "Join(Filter(p) h)"),
        ("table p | join type=right ip [ table h ] | search hits > 1 and name == \"a*\"", "Filter(Join(p Filter(h)))"),
        ("table p | join type=full ip [ table h ] | search hits > 1 and name == \"a*\"", "Filter(Join(p h))"),
        ("table p | join type=cross [ table d ] | search hits > 1 and x > 2", "Join(Filter(p) Filter(d))"),
        ("table p | join ip [ table h | eval hits = 1 ] | search hits > 1", "Filter(Join(p Project(h)))"),
        ("table p | join suffix=_r ip [ table h | eval hits = 1 ] | search hits_r == 1", "Join(p Filter(Project(h)))"),
        ("table p | lookup d x as hits output y | search hits > 1", "Filter(LookUp(p Keep(Project(d))))"),
        ("table p | union [ table p | fields hits ] | search hits > 1", "Union(Filter(p) Keep(Filter(p)))"),
        ("table p | union [ table d | eval hits = \"x\" ] | search hits == \"x\"", "Filter(Union(p Project(d)))"),
        ("table p | join ip [ table h ] | search long(name) > 1 and hits > 1", "Filter(Join(p h))"),
    ],
)  # fmt: skip
def test_filters_move_into_the_inputs(
    sessions: tuple[cortado.Session, cortado.Session], text: str, wanted: str
) -> None:
    assert shape(plan_of(sessions, text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("table p | join ip [ table h ] | join type=leftonly hits as x [ table d ]", "Join(Join(p Keep(d)) h)"),
        ("table p | join ip [ table big ] | join hits as x [ table d | stats count as n by x ]",
         "Keep(Join(Join(p Aggregate(d)) big))"),
        # either may give several rows for one: the order of the rows would be another
        ("table p | join ip [ table big ] | join hits as x [ table d ]", "Join(Join(p big) d)"),
        # its key comes from the first
        ("table p | join ip [ table big ] | join w as x [ table d | stats count as n by x ]", "Join(Join(p big) Aggregate(d))"),
        ("table p | join type=left ip [ table big ] | join hits as x [ table d | stats count as n by x ]",
         "Join(Join(p big) Aggregate(d))"),
    ],
)  # fmt: skip
def test_the_smaller_join_comes_first(
    sessions: tuple[cortado.Session, cortado.Session], text: str, wanted: str
) -> None:
    found = shape(plan_of(sessions, text))
    assert found in (wanted, wanted.replace("Keep(d)", "d"))


def test_a_much_smaller_left_is_read_first(sessions: tuple[cortado.Session, cortado.Session]) -> None:
    for kind, is_first in (("inner", True), ("left", True), ("leftonly", True), ("full", False), ("right", False)):
        plan = plan_of(sessions, f"table few | join type={kind} k [ table rows ]")
        assert isinstance(plan, Join) and plan.left_first == is_first
    plan = plan_of(sessions, "table rows | join k [ table few ]")
    assert isinstance(plan, Join) and not plan.left_first


def test_only_wanted_fields_are_read(sessions: tuple[cortado.Session, cortado.Session]) -> None:
    plan = plan_of(sessions, "table p | join ip [ table big ] | join ip [ table h ] | stats count by name")
    scans = {n.relation.name: n.schema.names() for n in plan.walk() if isinstance(n, Scan)}
    assert scans == {"p": ("ip",), "big": ("ip",), "h": ("ip", "name")}
    assert not [n for n in plan.walk() if isinstance(n, Filter | Keep | Union)]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("table p | join ip [ table h ] | stats count", ()),
        ("table p | join ip [ table h ] | stats count by name", ("name",)),
        ("table p | join type=leftonly ip [ table h ] | stats sum(hits)", ("hits",)),
        ("table p | join type=full ip [ table h ] | stats count by ip", ("ip",)),
        ("table p | join type=rightonly ip [ table h ] | stats count by name", ("name",)),
        ("table p | lookup d x as hits output y | stats sum(y)", ("y",)),
        ("table p | join ip [ table h ] | join ip [ table big ] | stats sum(w)", ("w",)),
    ],
)
def test_a_join_makes_only_what_is_read(
    sessions: tuple[cortado.Session, cortado.Session], text: str, made: tuple[str, ...]
) -> None:
    plan = plan_of(sessions, text)
    join = next(n for n in line_of(plan) if isinstance(n, Join))
    assert join.schema.names() == made
