"""Every spec file, in every world, against its expected table; and against DuckDB where the file gives SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from .running import check, check_duckdb, run_case
from .specfile import Case, read_specs
from .tabletext import table_text
from .worlds import WORLDS

ROOT = Path(__file__).parent / "specs"
FILES = sorted(ROOT.rglob("*.spec"))
CASES = [c for f in FILES for c in read_specs(f)]


def test_there_are_specs() -> None:
    assert len({c.name for c in CASES}) == len(CASES)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_spec(case: Case, world: str, tmp_path: Path, complete: bool) -> None:
    if complete and case.expect is not None and world == "plain":
        _complete(case, tmp_path)
        return
    check(case, WORLDS[world], tmp_path)


@pytest.mark.parametrize("case", [c for c in CASES if c.same_as], ids=[c.name for c in CASES if c.same_as])
def test_same_as_duckdb(case: Case, tmp_path: Path) -> None:
    check_duckdb(case, tmp_path)


def _complete(case: Case, folder: Path) -> None:
    """Writes what came out where nothing was expected yet; with an empty `notes` section the notes as well."""
    if case.expect or case.judged:
        return
    path = next(f for f in FILES if case.name.startswith(f"{f.parent.name}/{f.stem}:"))
    nth = [c.name for c in CASES if c.name.startswith(f"{f_name(path)}:")].index(case.name)
    table, notes = run_case(case, WORLDS["plain"], folder)
    here = read_specs(path)[nth]  # lines have moved
    lines = path.read_text(encoding="utf-8").split("\n")
    places = [(here.expect_lines, table_text(table))]
    if here.notes == []:
        places.append((here.notes_lines, "\n".join(f"{n.stage} {n.kind} {n.reason} {n.count}" for n in notes)))
    for (low, high), text in sorted(places, reverse=True):
        comments = [
            line for line in lines[low:high] if line.startswith("# ") or not line
        ]  # they belong to what follows
        lines[low:high] = [*(text.split("\n") if text else []), *comments]
    path.write_text("\n".join(lines), encoding="utf-8")


def f_name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
