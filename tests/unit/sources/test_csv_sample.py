"""The sample that types are told from says the same with kernels and without, and what it says of columns of several kinds."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.sources import csvsample
from cortado.engine.sources.csv import CsvFormat, survey
from cortado.engine.sources.files import FileOptions, Input
from cortado.engine.sources.infer import type_of_text
from cortado.engine.storage.paths import Gate

CELLS = {
    "long": ["1", "-22", "+3", "007", " 5 ", '"17"'],
    "double": ["1.5", "-.25", "1e9", "nan", "-Inf", "2."],
    "bool": ["true", "FALSE", "True"],
    "date": ["2026-01-02", "2026-01-02T03:04:05Z", "2026-12-31 23:59:59.5"],
    "text": ["a", "-", "+x", "true!", "1.2.3.4", "/p", "2026-13-40", "0x1f", "infinite", '"a ""b"""', "é", "é 1"],
}


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


def _csv(chosen: random.Random) -> bytes:
    kinds = [chosen.sample(sorted(CELLS), k=chosen.choice([1, 1, 2, 5])) for _ in range(chosen.choice([1, 2, 6]))]
    lines = [",".join(f"c{i}" for i in range(len(kinds)))]
    for _ in range(chosen.choice([1, 40, 3000])):
        cells = ["" if chosen.random() < 0.05 else chosen.choice(CELLS[chosen.choice(kind)]) for kind in kinds]
        lines.append(",".join(cells[: len(cells) - (chosen.random() < 0.001)]))
    return "\n".join(lines).encode()


def test_with_kernels_and_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, found, n_quick = random.Random(5), [], 0
    before: Any = vars(csvsample)["quick_block"]

    def seen(*args: Any, **more: Any) -> Any:
        nonlocal n_quick
        made = before(*args, **more)
        n_quick += made is not None
        return made

    monkeypatch.setattr(csvsample, "quick_block", seen)
    for n in range(60):
        path = tmp_path / f"{n}.csv"
        path.write_bytes(_csv(chosen))
        infer = chosen.choice([1, 50, 20_000])
        for is_ready in (True, False):
            monkeypatch.setattr(load, "ready", lambda is_ready=is_ready: is_ready)
            said = survey([Input(Gate(), str(path))], CsvFormat(), FileOptions(infer=infer))
            found.append((said.types, said.mixed, said.files[0].names, said.files[0].begin))
        assert found[-1] == found[-2]
    assert n_quick > 20


def test_kinds_are_counted() -> None:
    chosen = random.Random(6)
    for _ in range(40):
        kinds = chosen.choices(sorted(CELLS), k=chosen.choice([4, 900, 3000]))
        kinds += ["text"] if set(kinds) <= {"long", "double"} else []
        values = [chosen.choice(CELLS[kind]).strip('"') for kind in kinds]
        found = type_of_text(pa.array(values))
        if found.mixed:
            assert found.mixed == dict(Counter(kinds))
        else:
            assert 2 * Counter(kinds[:1000])["text"] >= min(1000, len(kinds)) or len(set(kinds)) == 1
