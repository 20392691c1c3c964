"""Every command of the tutorial runs, in order, and prints what stands there; `--complete` writes it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"^```text\n(.*?)\n```$", re.M | re.S)
FILE = re.compile(r"// (\S+\.cq): ")


def prompt_of(block: str) -> str:
    """The command, which may go on over lines while a quote is open."""
    lines = block.split("\n")
    for n in range(1, len(lines) + 1):
        command = "\n".join(lines[:n])
        if command.count("'") % 2 == 0:
            return command
    raise AssertionError(block)


def printed(command: str, folder: Path) -> str:
    """What a terminal shows: rows, then notes."""
    program, *words = shlex.split(command.removeprefix("$ "))
    assert program == "cortado"
    run = [sys.executable, "-m", "cortado.repl", "--format", "table", *words]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).rstrip("\n")


def test_the_tutorial_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complete: bool) -> None:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"^## \d+\. ", text, re.M)) == 10

    def run(found: re.Match[str]) -> str:
        block = found[1]
        file = FILE.match(block)
        if file:
            (tmp_path / file[1]).write_text(block + "\n", encoding="utf-8")
        if not block.startswith("$ "):
            return found[0]
        command = prompt_of(block)
        return f"```text\n{command}\n{printed(command, tmp_path)}\n```"

    made = BLOCK.sub(run, text)
    if complete:
        PAGE.write_text(made, encoding="utf-8")
    assert _steady(text) == _steady(made) or complete


def _steady(text: str) -> str:
    """How far a file was read before a limit stopped it depends on the machine."""
    return re.sub(r"limit \([\d,]+\)", "limit (N)", text)
