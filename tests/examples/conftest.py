"""The examples as a user has them: the saved queries, the data that their generator makes, and the real sales."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cortado

ROOT = Path(__file__).parents[2]
WORLDS: dict[str, dict[str, Any]] = {
    "plain": {"threads": 1, "kernels": "never"},
    "pieces": {"threads": 4, "batch_rows": 700, "morsel_bytes": 8_000, "memory": 24 << 20, "optimiser": False},
}
Run = Callable[..., Any]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the repository's root, with data made there."""
    made = tmp_path_factory.mktemp("place")
    shutil.copytree(ROOT / "examples", made / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    (made / "tests" / "data").mkdir(parents=True)
    for name in ("sales_weekly.csv", "pattern.csv", "passengers.csv"):
        shutil.copy(ROOT / "tests" / "data" / name, made / "tests" / "data" / name)
    subprocess.run([sys.executable, "examples/make.py"], cwd=made, check=True)
    return made


@pytest.fixture(scope="module", params=WORLDS)
def session(request: pytest.FixtureRequest) -> Iterator[cortado.Session]:
    with cortado.connect(timezone="UTC", **WORLDS[request.param]) as made:
        yield made


@pytest.fixture
def run(session: cortado.Session, place: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs an example by its name: a pandas frame. Nothing may be lost on the way but what a `limit` leaves."""
    monkeypatch.chdir(place)

    def made(name: str, **params: Any) -> Any:
        result = session.run_file(f"examples/{name}.cq", **params)
        assert {note.kind for note in result.notes} <= {"info", "truncate"}
        return result.to_pandas()

    return made
