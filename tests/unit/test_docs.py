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
from cortado.commands.language import language
from cortado.engine.settings import SETTINGS
from cortado.planner.parse import parse
from cortado.planner.text import NAMES
from cortado.repl import reference
from cortado.repl.codetexts import CODES
from cortado.repl.document import aligned
from cortado.repl.helptext import TOPICS, help_for, missing

ROOT = Path(__file__).parents[2]
load()
PAGES = reference.pages()


def test_the_reference_is_what_the_source_makes_of_it() -> None:
    """If this fails: python -m cortado.repl.reference docs/reference"""
    folder = ROOT / "docs" / "reference"
    found = {f.relative_to(folder).as_posix(): f.read_text(encoding="utf-8") for f in folder.rglob("*") if f.is_file()}
    assert sorted(found) == sorted(PAGES)
    assert [path for path, page in PAGES.items() if found[path] != page.markdown()] == []


def test_every_command_function_and_aggregate_has_a_page_that_an_index_names() -> None:
    for folder, names in (
        ("commands", [n for n in REGISTRY.commands if n != "#"]),
        ("functions", list(reference.shown_functions(REGISTRY))),
        ("aggregates", [n for n in REGISTRY.aggregates if not reference.is_numbered(n)]),
    ):
        index = PAGES[f"{folder}/README.md"].markdown()
        assert [n for n in names if f"{folder}/{n}.md" not in PAGES or f"({n}.md)" not in index] == []


def test_every_command_stands_under_a_heading_of_its_own_kind() -> None:
    assert "More" not in reference.grouped_commands(REGISTRY)


@pytest.mark.parametrize("name", [n for n in sorted(REGISTRY.commands) if n != "#"])
def test_a_command_is_described(name: str) -> None:
    command = REGISTRY.commands[name]
    page = PAGES[f"commands/{name}.md"].markdown()
    assert command.syntax and command.details and len(command.examples) >= 2
    for option in command.options or ():
        if not option.hidden and option.tier == 1:
            assert f"| `{option.name}=` |" in page


@pytest.mark.parametrize("kind", ["functions", "aggregates"])
def test_functions_and_aggregates_are_described(kind: str) -> None:
    found: dict[str, Any] = {**(reference.shown_functions(REGISTRY) if kind == "functions" else REGISTRY.aggregates)}
    assert [n for n, f in found.items() if not (f.syntax and f.summary and len(f.examples) >= 2)] == []


def test_operators_are_described() -> None:
    page = PAGES["operators.md"].markdown()
    for f in reference.operators(REGISTRY).values():
        assert f.summary in page and len(f.examples) >= 2
        assert all(f"->  {value}" in page and q in page for q, value in f.examples)


def test_every_code_is_explained() -> None:
    assert list(CODES) == list(NAMES)


NAMED = [
    *REGISTRY.commands.keys() - {"#"},
    *(n for n in REGISTRY.functions if n[0] != "@"),
    *REGISTRY.aggregates,
    *SETTINGS,
    *NAMES,
]


@pytest.mark.parametrize("name", sorted({*NAMED, *TOPICS, "", "$", "access_log", "option.strict", "unknown-field"}))
def test_help_of_a_name_is_its_page(name: str) -> None:
    shown = help_for(name)
    assert shown
    for folder in ("commands", "functions", "aggregates"):
        page = PAGES.get(f"{folder}/{name}.md")
        if page is not None:
            told = set(re.findall(r"\w+", shown))
            assert [w for w in re.findall(r"\w+", page.markdown()) if w not in told | {"text", "option", "value", "default"}
                    and w.lower() not in told and w not in ("argument", "what", "does", "it", "is", "taken", "as")] == []  # fmt: skip


def test_help_of_what_is_no_name() -> None:
    assert (
        help_for("sorrt") is None and missing("sorrt") == "nothing is named 'sorrt'; did you mean sort or sqrt or corr?"
    )
    assert missing("summarize") == "nothing is named 'summarize'; did you mean stats?"
    assert missing("kmeans") == "'kmeans' is not in this version"
    assert "product" in missing("groovy")


def test_cells_stand_below_each_other() -> None:
    table = 'name:string n:long\n"a b" 1\nnull 20\n"" 3\n"null" 4\n한 5'
    want = (
        'name     n\nstring  long\n------  ----\na b        1\nnull      20\n""         3\n"null"     4\n한         5'
    )
    assert aligned(table) == want.replace("name     n", "name       n")
    assert aligned("a:long") == "   a\nlong\n----\n(no rows)"
    assert aligned("") == "(0 rows without fields)"


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
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_what_the_language_page_shows_can_be_read() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    steps = text.split("## First steps\n")[1]
    shown = [f for row in steps.split("\n") for f in re.findall(r"`((?:[^`\\]|\\.)+)`", row.partition(" | ")[2])]
    shown = [f.replace("\\|", "|") for f in shown if f.split()[0] in REGISTRY.commands]
    assert len(shown) > 25
    for fragment in shown:
        parse(fragment, language())
