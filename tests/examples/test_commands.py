"""The commands that examples/README.md tells run as they stand, and no example is left out."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import cortado

from .conftest import ROOT

TEXT = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (cortado run .+)$", TEXT, re.M)
QUERIES = sorted(f.name for f in (ROOT / "examples").glob("*.cq"))


def test_every_example_is_told() -> None:
    assert sorted({re.findall(r"examples/(\w+\.cq)", c)[0] for c in COMMANDS}) == QUERIES
    assert "python examples/make.py" in TEXT


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command(command: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives what the same file gives from Python, with the same parameters."""
    monkeypatch.chdir(place)

    _, *words = shlex.split(command)
    run = [sys.executable, "-m", "cortado.repl", "--format", "csv", "--timezone", "UTC", "--fail-on-reject", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    names, *rows = csv.reader(io.StringIO(done.stdout))
    given = dict(w.split("=", 1) for w in words if re.match(r"\w+=", w))
    with cortado.connect(timezone="UTC") as session:
        result = session.saved(words[1], given, as_text=True).run()
    table = result.to_arrow()
    assert names == table.column_names and len(rows) == table.num_rows > 0


@pytest.mark.parametrize("name", QUERIES)
def test_an_example_explains_itself(name: str) -> None:
    """Help, parameters with types, and a default for each; laid out as `cortado fmt` does."""
    from cortado.saved import formatted, header_of

    file = ROOT / "examples" / name
    text = file.read_text(encoding="utf-8")
    assert formatted(text, str(file)) == text
    header = header_of(text, str(file))
    assert header.help and header.params and all(p.default is not None for p in header.params)


def test_the_generator_gives_the_same_bytes_again_and_little(place: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "examples/make.py", "--to", str(tmp_path)], cwd=place, check=True)
    made = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    assert made == {f.name: f.read_bytes() for f in (place / "examples" / "data").iterdir()}
    assert sum(map(len, made.values())) < 3 << 20
    done = subprocess.run(
        [sys.executable, "examples/make.py", "speech"], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "nothing is named 'speech'" in done.stderr
