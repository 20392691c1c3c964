"""`%load_ext cortado`: the `%%cortado` magic.

    %%cortado --out errors --param limit=10*2
    table weblog | search status >= 500 | limit $limit

`--out NAME` keeps the result under a name, `--db FOLDER` opens a database for this cell and those after it, `--param
NAME=EXPRESSION` gives a parameter, `--register NAME` makes a variable of the notebook known as a table. On one line,
`%cortado QUERY` runs a query without options.
"""

from __future__ import annotations

import atexit
import shlex
from dataclasses import field
from typing import Any

from .planner.records import dataclass
from .planner.text import QueryError, fault
from .result import Result
from .session import Session

USAGE = "%%cortado [--out NAME] [--db FOLDER] [--param NAME=EXPRESSION] [--register NAME]"


@dataclass(slots=True)
class Options:
    out: str | None = None
    database: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)


class Magic:
    """One session a notebook, opened when it is first needed."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session: Session | None = None
        self._database: str | None = None
        atexit.register(self.close)

    def session(self, database: str | None = None) -> Session:
        """The notebook's session; another database closes it and opens a new one."""
        if self._session is None or database not in (None, self._database):
            self.close()
            self._database = database
            self._session = Session(database)
        return self._session

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def __call__(self, line: str, cell: str | None = None) -> Result | None:
        """Runs the cell, or the line. With `--out` the result is kept and not shown."""
        options = Options() if cell is None else read_options(line)
        session = self.session(options.database)
        for name in options.tables:
            session.register(name, self._shell.ev(name))
        params = {n: self._shell.ev(e) for n, e in options.params.items()}
        try:
            result = session.query(line if cell is None else cell, params=params).run()
        except QueryError as found:
            found.__dict__["_render_traceback_"] = str(found).splitlines  # IPython shows this, and no traceback
            raise
        if options.out is None:
            return result
        self._shell.user_ns[options.out] = result
        return None


def read_options(line: str) -> Options:
    """E410 for what is no option."""
    try:
        words = shlex.split(line)
    except ValueError as why:
        raise fault("E410", f"the options of %%cortado cannot be read: {why}", hint=USAGE) from None
    out = Options()
    while words:
        word = words.pop(0)
        name, sign, value = word.partition("=") if word.startswith("--") and word.count("=") == 1 else (word, "", "")
        if not sign and words:
            value = words.pop(0)
        if name not in ("--out", "--db", "--param", "--register") or not value:
            raise fault("E410", f"%%cortado cannot read '{word}'", hint=USAGE)
        if name == "--out" and value.isidentifier():
            out.out = value
        elif name == "--db":
            out.database = value
        elif name == "--register":
            out.tables.append(value)
        elif name == "--param" and "=" in value:
            key, _, expression = value.partition("=")
            out.params[key] = expression
        else:
            raise fault("E410", f"{name} cannot be '{value}'", hint=USAGE)
    return out


def load(shell: Any) -> Magic:
    """Registers the magic with an IPython shell."""
    magic = Magic(shell)
    shell.register_magic_function(magic, magic_kind="line_cell", magic_name="cortado")
    return magic


__all__ = ["Magic", "load", "read_options"]
