"""A call means what its stages mean: queries of the specs with a part of them moved into a `def` give the same rows and notes."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.commands.language import language
from cortado.planner.stages import cut

from ..running import prepared
from ..specfile import Case, read_specs
from ..tabletext import differences
from ..worlds import WORLDS

ROOT = Path(__file__).parents[1] / "specs"
EVERY = 11  # of so many cases one
SKIPPED = ("set", "setq", "#", "proc")
PRINTS_STAGES = ("explain", "system")


def candidates() -> list[Case]:
    cases = [c for f in sorted(ROOT.rglob("*.spec")) for c in read_specs(f) if c.error is None and c.query]
    return cases[::EVERY]


def moved(query: str, rng: random.Random) -> str | None:
    """The query with some of its stages in a procedure, as a source or as a stage; None where that says something else."""
    if any(line.startswith(("def ", "use ", "param ")) for line in query.split("\n")):
        return None
    whole = cut(query, language()).pipeline
    commands = [s.command for s in whole.stages]
    if (
        whole.explain
        or any(c in SKIPPED or c in PRINTS_STAGES for c in commands)
        or "$" in query
        or any(word in query for word in ("seq", "textfile", "now("))
    ):
        return None
    if len(commands) < 2 or "//" in query or "#" in query:
        return None
    low = rng.randrange(len(commands))
    high = rng.randrange(low + 1, len(commands) + 1)
    begin, end = whole.stages[low].span.start, whole.stages[high - 1].span.end
    body = query[begin:end]
    pipe = "| " if low else ""
    return f"def moved() = [ {pipe}{body} ]\n{query[:begin]}proc moved(){query[end:]}"


def told(notes: list[Any]) -> list[tuple[object, ...]]:
    return sorted((n.kind, n.reason, n.count, n.hint, n.samples) for n in notes)


@pytest.mark.parametrize("case", candidates(), ids=lambda c: c.name)
def test_a_call_means_its_stages(case: Case, tmp_path: Path) -> None:
    rng = random.Random(case.name)
    made = [m for _ in range(3) if (m := moved(case.query, rng)) is not None]
    if not made:
        pytest.skip("nothing of it can be moved")
    for i, text in enumerate([case.query, *dict.fromkeys(made)]):
        (folder := tmp_path / str(i)).mkdir()  # what it writes, it writes once
        with prepared(case, WORLDS["plain"], folder) as (session, sources):
            query = session.query(text, sources=sources, params=case.params)
            found = query.run()
            if i == 0:
                expected, is_stable = found, keeps_its_plan(session, query, sources, case)
                continue
            assert not differences(found.to_arrow(), expected.to_arrow()), text
            assert told(found.notes) == told(expected.notes), text
            assert not is_stable or keeps_its_plan(session, query, sources, case), text


def keeps_its_plan(session: cortado.Session, query: cortado.Query, sources: dict[str, Any], case: Case) -> bool:
    try:
        return session.query(query.canonical(), sources=sources, params=case.params).plan == query.plan
    except cortado.QueryError:
        return False
