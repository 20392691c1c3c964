"""Spec files: query in, table out. A section begins with its keyword at the start of a line.

given NAME            a table in memory (see tabletext)
given stored NAME     the same, stored in the database of the session
given file NAME       a text file in the working folder; \\n, \\r, \\t and \\xHH are read, a newline is added after each line
given parquet NAME    a Parquet file of the table
given arrow NAME      an Arrow IPC file of the table, two rows a record batch; `given arrows NAME` a stream
given zip NAME        a ZIP archive, a line an entry: `name: text`, with the escapes of a file
given sqlite NAME     a SQLite database made by the SQL, and a profile of its name without the ending
given bytes NAME      a file from hexadecimal digits
given saved NAME      a saved query, as it is; its lines are indented by two blanks, so that none looks like a section
given sample NAME     a table, a file or a folder of tests/data
setting NAME = VALUE  a setting of the session; `now` is the instant at which the query runs
param NAME = VALUE    a parameter, as JSON
query                 the query
run FILE              a saved query with the parameters above
expect                the table that comes out, or
expect duckdb         whatever the SQL of same-as gives: names, rows, order; for tables too long to be read
error                 the whole rendered error, or `error CODE` for the code alone
notes                 the notes: `stage kind reason count`, all of them (without this section they are not looked at)
same-as duckdb        SQL over the given tables that must give the same rows; `unordered` behind it ignores order

Several `query`/`expect` pairs may follow each other; the givens stay.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

SECTION = re.compile(r"^(given|query|run|expect|error|notes|same-as|setting|param(?=\s+\w+\s*=))\b(.*)$")


@dataclass
class Case:
    """One query and what it must give."""

    name: str
    line: int
    givens: list[tuple[str, str, str]]  # kind (table, stored, file, bytes), name, text
    settings: dict[str, Any]
    params: dict[str, Any]
    query: str = ""
    file: str = ""  # of a saved query, in place of a query
    expect: str | None = None
    error: str | None = None
    notes: list[str] | None = None
    same_as: str | None = None
    unordered: bool = False
    judged: bool = False  # the table that is expected is DuckDB's
    expect_lines: tuple[int, int] = (0, 0)  # of the expect section, for --complete
    notes_lines: tuple[int, int] = (0, 0)


@dataclass
class _Reader:
    path: Path
    cases: list[Case] = field(default_factory=list)
    givens: list[tuple[str, str, str]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)

    def read(self) -> list[Case]:
        lines = self.path.read_text(encoding="utf-8").split("\n")
        at = 0
        while at < len(lines):
            found = SECTION.match(lines[at])
            if found is None:
                assert not lines[at].strip() or lines[at].startswith("#"), f"{self.path}:{at + 1}: {lines[at]!r}"
                at += 1
                continue
            end = at + 1
            while end < len(lines) and not SECTION.match(lines[end]):
                end += 1
            keeps = found[1] == "query" or found[2].startswith(
                (" file", " saved")
            )  # a comment is a stage there, not ours
            body = [line for line in lines[at + 1 : end] if keeps or not line.startswith("# ")]
            self.section(found[1], found[2].strip(), "\n".join(body).strip("\n"), at, end)
            at = end
        return self.cases

    def section(self, word: str, rest: str, body: str, at: int, end: int) -> None:
        match word:
            case "given":
                words = rest.split()
                kind = words[0] if len(words) == 2 else "table"
                name = words[-1]
                if kind == "saved":
                    body = dedent("\n".join(line for line in body.split("\n") if line[:1] in ("", " ")))
                self.givens = [g for g in self.givens if g[1] != name] + [(kind, name, body)]
            case "setting":
                name, _, value = rest.partition("=")
                self.settings[name.strip()] = value.strip()
            case "param":
                name, _, value = rest.partition("=")
                self.params[name.strip()] = json.loads(value)
            case "query" | "run":
                name = f"{self.path.parent.name}/{self.path.stem}:{at + 1}"
                case = Case(name, at + 1, list(self.givens), dict(self.settings), dict(self.params), body, rest)
                self.cases.append(case)
            case "expect":
                self.cases[-1].expect, self.cases[-1].judged = body, rest == "duckdb"
                self.cases[-1].expect_lines = (at + 1, end)
            case "error":
                self.cases[-1].error = rest or body
                self.cases[-1].expect_lines = (at + 1, end)
            case "notes":
                self.cases[-1].notes = [line for line in body.split("\n") if line.strip()]
                self.cases[-1].notes_lines = (at + 1, end)
            case "same-as":
                self.cases[-1].same_as = body
                self.cases[-1].unordered = "unordered" in rest


def read_specs(path: Path) -> list[Case]:
    return _Reader(path).read()
