"""Rows of `system`: what there is, as Arrow tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import pyarrow as pa

from .commands.base import REGISTRY, Command
from .engine.arrow import array_from
from .engine.parsers import PARSERS
from .engine.settings import SETTINGS
from .engine.values import texts_from
from .planner.plan import Node
from .planner.text import QueryError

if TYPE_CHECKING:
    from .planner.bind import Binder
    from .session import Session

TEXT, LONG = pa.string(), pa.int64()


def rows_of(session: Session, what: str, name: str, binder: Binder) -> pa.Table:
    """The rows of one part of the catalogue; `name` keeps only what bears it."""
    table = PARTS[what](session, binder)
    if not name:
        return table
    import pyarrow.compute as pc

    kept: pa.Table = table.filter(cast(Any, pc).equal(table.column(0), name))
    return kept


def _table(fields: dict[str, pa.DataType], rows: list[tuple[Any, ...]]) -> pa.Table:
    """Built from buffers: `pa.array` imports pandas where it is installed."""
    columns = [_column([r[i] for r in rows], t) for i, t in enumerate(fields.values())]
    made: pa.Table = pa.Table.from_arrays(columns, names=list(fields))
    return made


def _column(values: list[Any], kind: pa.DataType) -> pa.Array[Any]:
    if kind == TEXT:
        return texts_from(values)
    nulls = np.array([v is None for v in values], np.bool_)
    kept = np.array([0 if v is None else v for v in values], np.int64 if kind == LONG else np.float64)
    return array_from(kept, nulls)


def _tables(session: Session, binder: Binder) -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    for name in session.tables():
        rows.append((name, "stored", session.services().tables.n_rows(name)))
    for name, held in session.services().objects.items():
        rows.append((name, "registered", len(held) if hasattr(held, "__len__") else None))
    return _table({"name": TEXT, "kind": TEXT, "rows": LONG}, rows)


def kind_of(command: Command[Any]) -> str:
    """source, control, writer, blocking or streaming."""
    if command.source:
        return "source"
    if command.control:
        return "control"
    node = node_of(command)
    return "writer" if node.writes else "blocking" if node.blocking else "streaming"


def node_of(command: Command[Any]) -> type[Node]:
    """The type of the plan's node that a command makes: `Command[THIS]`."""
    for base in getattr(type(command), "__orig_bases__", ()):
        for node in get_args(base):
            if isinstance(node, type) and issubclass(node, Node):
                return node
    return Node


def _commands(session: Session, binder: Binder) -> pa.Table:
    rows = [(c.name, kind_of(c), c.syntax, c.summary) for _, c in sorted(REGISTRY.commands.items())]
    return _table({"name": TEXT, "kind": TEXT, "syntax": TEXT, "summary": TEXT}, rows)


def _functions(session: Session, binder: Binder) -> pa.Table:
    rows = [(n, f.syntax, f.summary) for n, f in sorted(session.registry.functions.items()) if n[0].isalpha()]
    return _table({"name": TEXT, "syntax": TEXT, "summary": TEXT}, rows)


def _aggregates(session: Session, binder: Binder) -> pa.Table:
    rows = [(n, f.syntax, f.summary) for n, f in sorted(REGISTRY.aggregates.items())]
    return _table({"name": TEXT, "syntax": TEXT, "summary": TEXT}, rows)


def _as_set(value: Any) -> str:
    """As `set option.NAME = ...` would write it; null is empty."""
    if isinstance(value, tuple):  # of folders
        return os.pathsep.join(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _settings(session: Session, binder: Binder) -> pa.Table:
    rows = [(n, _as_set(binder.settings[n]), s.summary) for n, s in SETTINGS.items()]
    return _table({"name": TEXT, "value": TEXT, "summary": TEXT}, rows)


def _params(session: Session, binder: Binder) -> pa.Table:
    rows = [(n, str(v.type), str(getattr(v, "value", ""))) for n, v in binder.params.items()]
    return _table({"name": TEXT, "type": TEXT, "value": TEXT}, rows)


def _memory(session: Session, binder: Binder) -> pa.Table:
    engine = session.engine()
    rows = [("limit", engine.memory), ("used", engine.memory_used()), ("arrow", pa.total_allocated_bytes())]
    return _table({"name": TEXT, "bytes": LONG}, rows)


def _threads(session: Session, binder: Binder) -> pa.Table:
    return _table(
        {"name": TEXT, "threads": LONG}, [("scan", session.settings["threads"]), ("sort", session.settings["threads"])]
    )


def _queries(session: Session, binder: Binder) -> pa.Table:
    running = [(i, r.text, r.progress.rows, r.progress.elapsed_s) for i, r in enumerate(session.running(), 1)]
    return _table({"id": LONG, "query": TEXT, "rows_read": LONG, "seconds": pa.float64()}, running)


def _notes(session: Session, binder: Binder) -> pa.Table:
    rows = [(n.stage, n.command, n.kind, n.reason, n.count, "\n".join(n.samples), n.hint) for n in session.last_notes]
    return _table(
        {"stage": TEXT, "command": TEXT, "kind": TEXT, "reason": TEXT, "count": LONG, "samples": TEXT, "hint": TEXT},
        rows,
    )


def _parsers(session: Session, binder: Binder) -> pa.Table:
    rows = [(p.name, p.summary, ", ".join(n for n, _ in p.fields)) for p in PARSERS.values()]
    return _table({"name": TEXT, "summary": TEXT, "fields": TEXT}, rows)


def _procs(session: Session, binder: Binder) -> pa.Table:
    """What `proc` can call here; a file that cannot be read is of kind error, and its help says why."""
    library, unit = binder.scope.library, binder.scope.unit
    files = dict(library.files.names(unit.folder))
    rows: list[tuple[Any, ...]] = []
    for name, found in sorted(library.reachable(unit).items()):
        if isinstance(found, QueryError):
            rows.append((name, files[name], "error", "", f"{found.code} {found.message}"))
        else:
            rows.append((name, found.unit.file, found.kind, found.signature, found.help))
    return _table({"name": TEXT, "file": TEXT, "kind": TEXT, "params": TEXT, "help": TEXT}, rows)


def _profiles(session: Session, binder: Binder) -> pa.Table:
    rows: list[tuple[Any, ...]] = [(p.name, p.driver) for _, p in sorted(session.services().profiles.all().items())]
    return _table({"name": TEXT, "driver": TEXT}, rows)


PARTS: Mapping[str, Callable[[Session, Binder], pa.Table]] = {
    "tables": _tables, "lookups": _tables, "commands": _commands, "functions": _functions, "aggregates": _aggregates, "settings": _settings,
    "params": _params, "memory": _memory, "threads": _threads, "queries": _queries, "notes": _notes, "parsers": _parsers, "procs": _procs,
    "profiles": _profiles,
}  # fmt: skip
