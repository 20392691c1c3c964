"""What the documents say is so: the reference names everything there is, and the README's queries run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from cortado.commands.base import REGISTRY, load
from cortado.engine.settings import SETTINGS

ROOT = Path(__file__).parents[2]
load()
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", REFERENCE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.M)[0]


@pytest.mark.parametrize("name", sorted(REGISTRY.commands))
def test_the_reference_has_every_command_and_option(name: str) -> None:
    found = re.search(rf"^\*\*{name}\*\*: .*?(?=^\*\*|^###|\Z)", section("Commands"), re.M | re.S)
    assert found is not None
    for option in REGISTRY.commands[name].options or ():
        if not option.hidden and option.tier == 1:
            assert f"`{option.name}=`" in found[0]


def test_the_reference_has_every_function_and_no_other() -> None:
    wanted = {n for n in REGISTRY.functions if n[0].isalpha()} - {"and", "or", "not", "neg"}
    lines = re.findall(r"^- `(.*?)`(?: \(also (.*?)\))?: ", section("Functions"), re.M)
    named = {w for syntax, also in lines for w in re.findall(r"\w+(?=\()|\bin\b", syntax) + re.findall(r"\w+", also)}
    assert wanted == named & set(REGISTRY.functions)
    assert not [n for n in named if n in REGISTRY.later_functions]


def test_the_reference_has_every_aggregate() -> None:
    text = section("Aggregates")
    percentiles = {n for n in REGISTRY.aggregates if re.fullmatch(r"p\d+", n)}
    missing = [n for n in REGISTRY.aggregates.keys() - percentiles if not re.search(rf"(?<!\w){n}(?=[(`,])", text)]
    assert missing == []


def test_the_reference_has_every_setting() -> None:
    assert [n for n in SETTINGS if f"| `{n}` |" not in section("Settings")] == []


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands in their order, then its Python."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CORTADO_DB", str(tmp_path / "db"))
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("logs.db", str(tmp_path / "logs.db"))
    commands = re.findall(r"^    (?:\$ |.*&& )?(cortado .+)$", text, re.M)
    assert len(commands) >= 6
    for command in commands:
        if " " in command:
            done = subprocess.run(
                [sys.executable, "-m", "cortado.repl", *shlex.split(command)[1:]], capture_output=True, text=True, check=False
            )  # fmt: skip
            assert done.returncode == 0 and done.stdout, (command, done.stderr)
    moment = pa.array([0, 20_000_000, 70_000_000], pa.timestamp("us", "UTC"))
    names = {"trades": pa.table({"_time": moment, "sym": ["A"] * 3, "price": [1.0, 3.0, 2.0], "size": [1, 3, 1]})}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(block, names)
    bars: Any = names["bars"]
    assert bars.to_dicts()[0] | {"_time": None} == {
        "_time": None, "sym": "A", "open": 1.0, "high": 3.0, "low": 1.0, "close": 3.0, "vwap": 2.5, "volume": 4,
    }  # fmt: skip
    assert len(cast(Any, names["r"])) > 0


def test_links_of_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)
