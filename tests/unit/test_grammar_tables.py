"""The parser's tables that come with a built package."""

from __future__ import annotations

from pathlib import Path

import lark
import pytest

from cortado.commands.base import load
from cortado.commands.language import Language, language
from cortado.planner import grammar

COMMANDS = frozenset(("textfile", "stats"))


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    load()
    path = tmp_path / "language.tables"
    grammar.ship_tables(language(), path)
    monkeypatch.setattr(grammar, "SHIPPED", path)
    monkeypatch.setattr(grammar, "cache_folder", lambda: tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    grammar._tables.cache_clear()
    return path


def read(text: str) -> str:
    tables = grammar._Tables(Language(load())).reading(COMMANDS)
    return tables.parse(text, start=language().start("stats")).pretty()


def test_they_are_read_and_none_are_made(shipped: Path, tmp_path: Path) -> None:
    assert "sum" in read("sum(a) by b")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("change", ["grammar", "lark", "damaged", "none"])
def test_others_are_not_taken(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    expected = read("sum(a) by b")
    if change == "grammar":
        rules = Language.grammar
        monkeypatch.setattr(
            Language, "grammar", lambda s, c: (rules(s, c)[0] + "more: INT\n%import common.INT\n", rules(s, c)[1])
        )
    elif change == "lark":
        monkeypatch.setattr(lark, "__version__", "0.0")
    elif change == "damaged":
        shipped.write_bytes(b"\0" + shipped.read_bytes()[1:])
    else:
        shipped.unlink()
    assert read("sum(a) by b") == expected
    assert [p.suffix for p in (tmp_path / "cache").iterdir()] == [".lark"]
