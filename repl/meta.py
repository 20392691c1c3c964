"""The `.` commands of the prompt."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..planner.text import nearest
from ..session import Query, Session
from .batch import ENDINGS, open_session
from .output import BINARY, Target
from .shared import FORMATS, pairs

TAKES_QUERY = (".explain", ".schema")


class Quit(Exception):
    """Leave the prompt."""


@dataclass
class State:
    """What the prompt remembers."""

    session: Session
    options: dict[str, Any]
    run: Callable[[Query], None]  # runs a query and shows its rows
    mode: str = "table"
    timer: bool = False
    notes: list[Any] = field(default_factory=list)
    last: Any = None  # the query that ran last
    output: str | None = None

    def __post_init__(self) -> None:
        self.mode = self.options.get("form") or "table"

    def target(self) -> Target:
        """Where the next result goes; a file is for one result only."""
        from .batch import form_of

        if self.output is None:
            return Target(self.mode)
        output, self.output = self.output, None
        form, file = form_of({"output": output})
        return Target(form, file)


def after_meta(text: str) -> str | None:
    """The query behind a `.` command that takes one."""
    word, _, rest = text.partition(" ")
    return rest.lstrip() if word in TAKES_QUERY else None


class Meta:
    """Each `do_` method is a command; its docstring is its help."""

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, text: str) -> None:
        word, _, rest = text[1:].partition(" ")
        action: Callable[[str], None] | None = getattr(self, f"do_{word}", None)
        if action is None:
            near = nearest(word, names(), 1)
            told = f"did you mean .{near[0]}?" if near else ".help lists all"
            print(f"there is no .{word}; {told}", file=sys.stderr)
            return
        action(rest.strip())

    def do_help(self, rest: str) -> None:
        """.help [NAME]: this list, or what the reference says of a name"""
        if rest:
            from .helptext import help_for, missing

            print(help_for(rest) or missing(rest))
            return
        for name in names():
            print("  " + (getattr(self, f"do_{name}").__doc__ or ""))

    def do_mode(self, rest: str) -> None:
        """.mode [FORMAT]: how results are shown: table, vertical, csv, tsv, json, jsonl, markdown, html"""
        shown = [f for f in FORMATS if f not in BINARY]
        if rest in shown:
            self._state.mode = rest
        elif rest:
            print(f"no format is named '{rest}'; there are {', '.join(shown)}", file=sys.stderr)
        else:
            print(self._state.mode)

    def do_timer(self, rest: str) -> None:
        """.timer [on|off]: print how long each query took"""
        if rest not in ("", "on", "off"):
            print(f".timer is on or off, not '{rest}'", file=sys.stderr)
            return
        self._state.timer = not self._state.timer if not rest else rest == "on"
        print(f"timer is {'on' if self._state.timer else 'off'}")

    def do_notes(self, rest: str) -> None:
        """.notes: all notes of the last query"""
        from ..sheet import safe_lines

        for note in self._state.notes:
            print(safe_lines(str(note)))
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
        """.explain QUERY: the plan, as written and as it will run"""
        print(self._state.session.query(rest).explain())

    def do_set(self, rest: str) -> None:
        """.set [NAME[=VALUE]]: show the settings, show one, change one"""
        name, sign, value = (part.strip() for part in rest.partition("="))
        session = self._state.session
        if sign:
            session.set(name, value)
        found = {n: v for n, v in session.settings.items() if n == name or not name}
        if not found:
            near = nearest(name, session.settings, 1)
            print(f"no setting is named '{name}'" + (f"; did you mean {near[0]}?" if near else ""), file=sys.stderr)
        for n, v in found.items():
            print(f"{n} = {v}")

    def do_open(self, rest: str) -> None:
        """.open FOLDER: another database"""
        if not rest:
            print(".open takes a folder", file=sys.stderr)
            return
        old = self._state.session
        self._state.options["database"] = rest
        self._state.session = open_session(self._state.options)
        old.close()

    def do_read(self, rest: str) -> None:
        """.read FILE.cq [NAME=VALUE ...]: run a saved query"""
        self._saved(".read", rest)

    def do_run(self, rest: str) -> None:
        """.run NAME [NAME=VALUE ...]: run a saved query of the query path, or a file"""
        self._saved(".run", rest)

    def _saved(self, word: str, rest: str) -> None:
        try:
            file, *given = shlex.split(rest)
        except ValueError as why:
            print(f"{word} takes FILE.cq [NAME=VALUE ...]{f': {why}' if rest else ''}", file=sys.stderr)
            return
        self._state.run(self._state.session.saved(file, pairs(tuple(given), word), as_text=True))

    def do_output(self, rest: str) -> None:
        """.output FILE: write the next result to a file, in the format that its ending says"""
        if rest and Path(rest).suffix.lower() not in ENDINGS:
            print(f"'{rest}' does not say its format: it may end in {' '.join(ENDINGS)}", file=sys.stderr)
            return
        self._state.output = rest or None
        print(f"the next result goes to {rest}" if rest else "results are shown")

    def do_quit(self, rest: str) -> None:
        """.quit: leave"""
        raise Quit


def names() -> list[str]:
    return [n[3:] for n in vars(Meta) if n.startswith("do_")]
