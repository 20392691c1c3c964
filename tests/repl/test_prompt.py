"""The prompt: driven through a terminal of its own, and key by key through prompt-toolkit's pipe."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from cortado.repl.app import is_complete, prompt, signature
from cortado.repl.highlight import coloured
from cortado.repl.history import history

from .conftest import ROOT

ROWS = "json \"[{'a':1}]\""


class Terminal:
    """A `cortado` prompt on a pseudo terminal."""

    def __init__(self, *args: str) -> None:
        env = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
        command = ["-m", "cortado.repl", *args]
        self.child = pexpect.spawn(sys.executable, command, env=env, encoding="utf-8", dimensions=(40, 100), timeout=15)
        self.ready()

    def ready(self) -> None:
        """The next prompt is drawn and keys are read again."""
        self.child.expect("cortado>")
        self.child.expect(r"\x1b\[\?25h")

    def type(self, text: str, seen: str) -> str:
        """Types a line; what came before `seen`."""
        self.child.send(text + "\r")
        self.child.expect(seen)
        return str(self.child.before)

    def run(self, text: str, seen: str) -> str:
        before = self.type(text, seen)
        self.ready()
        return before

    def leave(self) -> int:
        self.child.sendcontrol("d")
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus or 0)


@pytest.fixture
def terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.chdir(home)
    made = Terminal()
    yield made
    made.child.close(force=True)


def test_a_session_at_the_prompt(terminal: Terminal, home: Path) -> None:
    assert "│    1 │    2 │" in terminal.run(ROWS + " | eval b = a * 2", "1 row")
    assert "E302" in terminal.run("json '{}' | serach x", r"did you mean: search")
    assert "^^^^^^" in terminal.run("json '{}' | serach y", "hint")
    terminal.run('json "{}" | eval x = long("w")', "note: reject")
    terminal.run(".notes", "reject at stage 2, eval")
    terminal.run("help sort", "Sort|sort:")
    terminal.run("help strot", "did you mean")
    terminal.run(".help", r"\.timer \[on")
    terminal.run(".help rename", "Rename fields")
    terminal.run(".help renmae", "did you mean rename")
    terminal.run(".timer on", "timer is on")
    terminal.run(ROWS, r"\d\.\d\d\d s")
    terminal.run(".mode csv", "\x1b")
    terminal.run(ROWS, "a\r\n1\r\n")
    terminal.run(".schema " + ROWS, "a: long|a: int")
    terminal.run(".explain " + ROWS, "as written")
    terminal.run(".set seed=7", "seed = 7")
    terminal.run(".set sed=7", "no setting is named")
    terminal.run(".stats", "rows out")
    terminal.run(".tbles", r"did you mean \.tables")
    terminal.run(".output o.unknown", "does not say its format")
    terminal.run(".output o.json", "goes to o.json")
    terminal.run(ROWS, "written to o.json")
    assert (home / "o.json").read_text() == '[\n{"a":1}\n]\n'
    (home / "q.cq").write_text("param n: long\njson '{}' | eval n = $n + 1\n")
    terminal.run(".read q.cq n=41", "n\r\n42\r\n")
    terminal.run(".read q.cq n=x", "E410")
    terminal.run(f".open {home / 'other'}", "\x1b")
    terminal.run(ROWS + " | import create=t t", "\x1b")
    terminal.run(".tables", "t\r\n")
    assert terminal.leave() == 0


def test_open_quotes_brackets_and_pipes_go_on_the_next_line(terminal: Terminal) -> None:
    terminal.type(ROWS + " |", r"\.\.\.>")
    terminal.type("eval b = concat('x", r"\.\.\.>")
    terminal.type("y',", r"\.\.\.>")
    terminal.run("a)", "1 row")
    assert terminal.leave() == 0


def test_ctrl_c_stops_the_query_and_keeps_the_session(terminal: Terminal, large: str) -> None:
    terminal.run(".set b = 1", "no setting")
    for query in (
        f"textfile {large} | sort line",
        f"textfile {large} | rex field=line '(?<w>[a-z]+) HTTP' | stats count by w",
    ):
        terminal.child.send(query + "\r")
        time.sleep(1.2)
        begun = time.monotonic()
        terminal.child.sendcontrol("c")
        terminal.child.expect("interrupted")
        took = time.monotonic() - begun
        terminal.ready()
        assert took < 5
    terminal.run(ROWS, "1 row")
    assert terminal.leave() == 0


def test_progress_shows_while_a_query_runs_and_is_gone_after(terminal: Terminal, large: str) -> None:
    terminal.child.send(f"textfile {large} | sort line\r")
    terminal.child.expect(
        r"[\d,]+ rows, [\d.]+ [KMG]?B of [\d.]+ [MG]B \(\d+%\), [\d,]+ rows/s, [\d.]+ [KMG]?B/s, \d+\.\d s"
    )
    terminal.child.sendcontrol("c")
    terminal.child.expect(r"\r\x1b\[Kinterrupted")
    terminal.ready()


def test_ctrl_c_at_the_prompt_stays_and_ctrl_d_leaves(terminal: Terminal) -> None:
    terminal.child.sendcontrol("c")
    terminal.ready()
    terminal.child.send("half a query")
    terminal.child.sendcontrol("c")
    terminal.ready()
    terminal.run(ROWS, "1 row")
    assert terminal.leave() == 0


def test_the_history_is_kept_for_the_user_alone(home: Path) -> None:
    first = Terminal()
    first.run(ROWS, "1 row")
    assert first.leave() == 0
    path = home / "state" / "history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "+" + ROWS in path.read_text()
    again = Terminal()
    again.child.send("\x1b[A")
    again.run("", "1 row")
    assert again.leave() == 0


def test_history_in_memory_where_no_file_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CORTADO_HISTORY", str(tmp_path / "file" / "history"))
    assert isinstance(history(), InMemoryHistory)


def test_an_open_history_file_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history"
    path.write_text("")
    path.chmod(0o644)
    monkeypatch.setenv("CORTADO_HISTORY", str(path))
    history()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_wrong_setting_ends_it_with_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prompt({"timezone": "Mars/Base"}) == 2
    assert "E410" in capsys.readouterr().err


# key by key


def typed(keys: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the prompt printed for these keys; it is left with Ctrl-D."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys + "\x04")
        assert prompt({"form": "csv"}) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (ROWS + "\r", "a\n1\n"),
        (ROWS + "\x1b\r| eval b = 5\r", "a,b\n1,5\n"),  # Esc Enter: a new line
        (ROWS + " |\reval b = 6\r", "a,b\n1,6\n"),
        (ROWS + " | eval b = (2 +\r5)\r", "a,b\n1,7\n"),
        (ROWS + " |\r\x7f\x7f\x7f\r", "a\n1\n"),  # the pipe is taken back
        (ROWS + " | fields x\x7fa\r", "a\n1\n"),
        ("json '{}' | eval s = \"a |\r b\" | fields s\r", 's\n"a |\n b"\n'),
        (".quit\r", ""),
    ],
)
def test_keys(home: Path, capsys: pytest.CaptureFixture[str], keys: str, shown: str) -> None:
    assert typed(keys, capsys).partition("\n")[2] == shown


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("table a", True), ("table a |", False), ("table a | ", False), ("table a |\n", True), ("table a | search x == 'y", False),
        ("table a | search x == \"it's\"", True), ("explain [ table a", False), ("explain [ table a ]", True), ("table a ]", True),
        ("table a || limit 1", True), ("table a // don't", True), ("table a | eval x = (1", False), ("table a | fields a,", False),
        (".mode", True), ("help sort", True), ("", True), ("serach |", False), ("table `a", False),
    ],
)  # fmt: skip
def test_when_enter_runs(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_the_syntax_of_what_is_typed_is_shown(home: Path) -> None:
    import cortado

    with cortado.connect() as session:
        assert signature("table a | sort ", session).startswith(" sort ")
        assert "round(" in signature("table a | eval x = round(y", session)
        assert signature("table a | so", session) == "" == signature("nothing here", session)


@pytest.mark.parametrize(
    ("text", "styles"),
    [
        ("table a | serach x", {"table": "command", "|": "pipe", "serach": "wrong"}),
        ("table a | sea", {"sea": None}),
        ("table a | eval x = concat('p | q', 1.5, $z) // note", {"eval": "command", "concat": "function", "'p | q'": "string", "1.5": "number", "$z": "param", "// note": "comment"}),
        ("explain analyze table a", {"explain": "command", "analyze": "command", "table": "command"}),
        ("explain [ wrong x ]", {"wrong": "wrong", "[": "pipe"}),
        ("table a | sort limit=5 x", {"limit=": "option", "5": "number"}),
        ("table a | # note 'x\n| stats count by y", {"stats": "command", "by": "keyword", " # note 'x\n": None}),
        ("help stats", {"help stats": None}),
        ("table a | drop-tab", {"drop-tab": None}),
        ("create-table t", {"create-table": "command"}),
    ],
)  # fmt: skip
def test_colours(text: str, styles: dict[str, str | None]) -> None:
    parts = [(piece, style) for line in coloured(text) for style, piece, *_ in line]
    assert "\n".join("".join(p for _, p, *_ in line) for line in coloured(text)) == text
    found = dict(parts)
    for piece, style in styles.items():
        if "\n" not in piece:
            assert found.get(piece, "") == (f"class:{style}" if style else ""), parts


def test_colours_only_where_they_are_wanted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> str:
        env = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT)}
        return str(
            pexpect.run(
                f"{sys.executable} -m cortado.repl -c 'json \"{{}}\" | eval a = 1 | serach x'",
                env=env,
                encoding="utf-8",
            )
        )

    assert "\x1b[" not in shown()  # NO_COLOR is set
    monkeypatch.delenv("NO_COLOR")
    assert "\x1b[31;1mE302\x1b[0m" in shown()
