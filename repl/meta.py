"""The `.` commands of the prompt."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..session import Session
from .__main__ import FORMATS


class Quit(Exception):
    """Leave the prompt."""


@dataclass
class State:
    """What the prompt remembers."""

    session: Session
    options: dict[str, Any]
    mode: str = "table"
    timer: bool = False
    notes: list[Any] = field(default_factory=list)
    last: Any = None
    output: str | None = None

    def __post_init__(self) -> None:
        self.mode = self.options.get("form") or "table"

    def take_output(self) -> str | None:
        """The file for the next result only."""
        out, self.output = self.output, None
        return out


class Meta:
    """Each method is a command; its docstring is its help."""

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, text: str) -> None:
        word, _, rest = text[1:].partition(" ")
        action: Callable[[str], None] | None = getattr(self, f"do_{word}", None)
        if action is None:
            names = [n[3:] for n in dir(self) if n.startswith("do_")]
            print(f"no .{word}; there are: " + " ".join("." + n for n in names), file=sys.stderr)
            return
        action(rest.strip())

    def do_help(self, rest: str) -> None:
        """.help: this list"""
        for name in sorted(n for n in dir(self) if n.startswith("do_")):
            print("  " + (getattr(self, name).__doc__ or ""))

    def do_mode(self, rest: str) -> None:
        """.mode FORMAT: how results are shown (table, vertical, csv, tsv, json, jsonl, markdown, html)"""
        shown = [f for f in FORMATS if f not in ("parquet", "arrow")]
        if rest not in shown:
            print(f"mode is {self._state.mode}; it can be {', '.join(shown)}")
            return
        self._state.mode = rest

    def do_timer(self, rest: str) -> None:
        """.timer [on|off]: print how long each query took"""
        self._state.timer = rest != "off" if rest else not self._state.timer
        print(f"timer is {'on' if self._state.timer else 'off'}")

    def do_notes(self, rest: str) -> None:
        """.notes: all notes of the last query"""
        for note in self._state.notes:
            print(note)
        if not self._state.notes:
            print("no notes: nothing was lost")

    def do_stats(self, rest: str) -> None:
        """.stats: what each operator of the last query did"""
        from .render import stats_text

        print(stats_text(self._state.last.stats()) if self._state.last is not None else "no query ran yet")

    def do_tables(self, rest: str) -> None:
        """.tables: the stored tables"""
        print("\n".join(self._state.session.tables()) or "no stored tables")

    def do_schema(self, rest: str) -> None:
        """.schema QUERY: the columns that a query gives"""
        query = self._state.session.query(rest)
        for name, type_ in query.plan.schema.fields:
            print(f"{name}: {type_}")
        if query.is_open:
            print("... and columns that the data decides")

    def do_explain(self, rest: str) -> None:
        """.explain QUERY: the plan, as written and optimised"""
        print(self._state.session.query(rest).explain())

    def do_set(self, rest: str) -> None:
        """.set NAME=VALUE: change a setting of the session; without a value: show it"""
        name, sign, value = rest.partition("=")
        if sign:
            self._state.session.set(name.strip(), value.strip())
        print(f"{name.strip()} = {self._state.session.settings.get(name.strip(), 'no such setting')}")

    def do_open(self, rest: str) -> None:
        """.open FOLDER: another database"""
        from .batch import open_session

        old = self._state.session
        self._state.session = open_session({**self._state.options, "database": rest})
        old.close()

    def do_read(self, rest: str) -> None:
        """.read FILE.cq [NAME=VALUE ...]: run a saved query"""
        from .__main__ import pairs
        from .output import write_result

        file, *given = rest.split()
        running = self._state.session.file(Path(file), as_text=True, **pairs(tuple(given), ".read")).start()
        write_result(running, self._state.mode, self._state.take_output(), self._state.session)
        self._state.notes, self._state.last = running.notes, running

    def do_output(self, rest: str) -> None:
        """.output FILE: write the next result to a file"""
        self._state.output = rest or None

    def do_quit(self, rest: str) -> None:
        """.quit: leave"""
        raise Quit
