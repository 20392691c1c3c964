"""How a query ends: which failure is told, and what its writers left to be done or undone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..planner.text import QueryError, fault
from .failures import RowFault, strict_error
from .parts import Part

Ending: TypeAlias = "tuple[int, Callable[[], None], Callable[[], None]]"  # stage, commit, abort


def cancelled() -> QueryError:
    return fault("E704", "the query was cancelled")


def failure(parts: Sequence[Part]) -> BaseException | None:
    """The first in order of pipelines, partitions and rows."""
    for part in parts:
        first = part.pipe.failures.first
        if isinstance(first, RowFault):
            return strict_error(first, part.pipe.ctx.query.ledger.places()(first.sample))
        if first is not None:
            return first
    return None


def commit(
    endings: Sequence[Ending], error: BaseException | None, is_cancelled: Callable[[], bool]
) -> BaseException | None:
    """All commits in order of stages; from the first that fails on, all is undone. After an `error` everything is."""
    todo = sorted(endings, key=lambda e: e[0])
    undo = todo if error is not None else []
    for i, (_, do, _) in enumerate(todo if error is None else []):
        try:
            if is_cancelled():
                raise cancelled()
            do()
        except BaseException as why:
            error, undo = why, todo[i:]
            break
    for _, _, abort in undo:
        try:
            abort()
        except BaseException as why:
            error = error or why
    return error
