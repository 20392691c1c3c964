"""Imports into several tables that are to be stored together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ...planner.text import QueryError, fault
from .imports import Import

if TYPE_CHECKING:
    from .tables import TableStore


def commit_together(store: TableStore, imports: Sequence[Import]) -> None:
    """Imports into different tables, all or none as far as one log a table allows.

    All rows lie in files, and every table was found fit for them while this process kept others of it off, before the
    first commit. What can still part them is a log that cannot be written (a full disk, a kill), or another process
    that changes a table in between; then the error says what is stored already.
    """
    in_order = sorted(imports, key=lambda i: i.table)
    for one in in_order:
        one.prepare()
    stored: list[str] = []
    with ExitStack() as locks:
        for one in in_order:
            locks.enter_context(store.locked(one.table))
        for one in in_order:
            one.prepare()
        for one in in_order:
            try:
                one.commit()
            except QueryError as why:
                if not stored:
                    raise
                first, told = why.first, ", ".join(f"`{name}`" for name in stored)
                raise fault(first.code, first.message, hint=f"stored already: {told}") from why
            stored.append(one.table)
