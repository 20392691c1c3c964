"""Figures of operators: rows, batches, bytes, time, memory. Two clock readings a batch and operator, so they are always taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from ..planner.records import dataclass
from .spec import Tag

wall_ns, cpu_ns = time.perf_counter_ns, time.thread_time_ns


class Meter:
    """What one worker spent in one operator and in all behind it that it called; only that worker writes."""

    __slots__ = (
        "batches",
        "compiled",
        "cpu",
        "nbytes",
        "rows",
        "wall",
    )  # compiled: batches that compiled kernels might work on

    def __init__(self) -> None:
        self.rows = self.batches = self.compiled = self.nbytes = self.wall = self.cpu = 0

    def timed(self, task: Callable[[], Any]) -> Any:
        wall, cpu = wall_ns(), cpu_ns()
        try:
            return task()
        finally:
            self.wall += wall_ns() - wall
            self.cpu += cpu_ns() - cpu


def total(meters: Iterable[Meter]) -> Meter:
    out = Meter()
    for meter in list(meters):
        for what in Meter.__slots__:
            setattr(out, what, getattr(out, what) + getattr(meter, what))
    return out


@dataclass(slots=True)
class OperatorMetrics:
    """Figures of one plan node, over all workers. Times are its own, without those of the operators behind it.

    `nbytes`: bytes that a source read; of other operators those of the batches that they were given. `said`: what the operator tells of its run.
    """

    tag: Tag
    rows_in: int = 0
    rows_out: int = 0
    batches: int = 0
    nbytes: int = 0
    wall_ns: int = 0
    cpu_ns: int = 0
    peak_memory: int = 0
    spilled_bytes: int = 0
    said: str = ""


@dataclass(slots=True)
class Position:
    """One operator of a pipeline: a meter a worker, and beside each the meter of what it calls next."""

    tag: Tag | None  # None: the end of the result, which is nobody's
    operator: Any
    is_source: bool = False
    is_sink: bool = False
    meters: list[tuple[Meter, Meter | None]] = field(default_factory=list)
    extras: list[Meter] = field(default_factory=list)  # of tasks that no operator calls: open, combine, merge, result
    peak: Callable[[], int] = lambda: 0

    def timed(self, task: Callable[[], Any]) -> Any:
        meter = Meter()
        self.extras.append(meter)
        return meter.timed(task)

    @property
    def rows(self) -> int:
        return sum(m.rows for m, _ in self.meters) - self._passed_by()[0]

    def _passed_by(self) -> tuple[int, int]:
        """Rows of other branches of a union, and the bytes of their batches."""
        count: Callable[[], tuple[int, int]] | None = getattr(self.operator, "passed_by", None)
        return count() if count is not None else (0, 0)

    @property
    def rows_on(self) -> int:
        """Rows handed on: to the next operator, or to the gate in front of it."""
        return sum(n.rows for _, n in self.meters if n is not None) - self._passed_by()[0]

    @property
    def batches(self) -> int:
        return sum(m.batches for m, _ in self.meters)

    @property
    def nbytes(self) -> int:
        return sum(m.nbytes for m, _ in self.meters) - self._passed_by()[1]

    @property
    def kernels(self) -> str:
        """Which kernels the pipeline's batches went through: compiled ones may have come while it ran."""
        n, compiled = self.batches, sum(m.compiled for m, _ in self.meters)
        if not n:
            return ""
        some = f"compiled for {compiled} of {n} batches"
        return "kernels=" + ("general" if not compiled else "compiled" if compiled == n else some)

    def own(self, what: str) -> int:
        """Time spent here alone."""
        spent: int = sum(getattr(m, what) - (getattr(n, what) if n is not None else 0) for m, n in self.meters)
        extra: int = sum(getattr(m, what) for m in self.extras)
        return max(0, spent) + extra


def collect(pipelines: Iterable[list[Position]]) -> list[OperatorMetrics]:
    """By node, in the order in which nodes first appear; `rows_in` and `rows_out` are what crosses the node's borders."""
    found: dict[int, OperatorMetrics] = {}
    given: set[int] = set()  # nodes that rows came to: what they hand on was read by nobody
    for positions in pipelines:
        for i, position in enumerate(positions):
            if position.tag is None:
                continue
            into = found.setdefault(position.tag.id, OperatorMetrics(position.tag))
            _add(into, position)
            before, after = positions[i - 1] if i else None, positions[i + 1] if i + 1 < len(positions) else None
            if position.is_source:
                into.batches += position.batches if into.rows_in == 0 else 0
                into.nbytes += position.nbytes if position.tag.id not in given else 0
            elif not _same(before, position):
                given.add(position.tag.id)
                into.rows_in += position.rows
                into.batches += position.batches
                into.nbytes += position.nbytes
            if not position.is_sink and not _same(after, position):
                into.rows_out += position.rows if position.is_source else position.rows_on
            if (shares := getattr(position.operator, "shares", None) if position.is_source else None) is not None:
                _add_shares(found, into, shares())
    return list(found.values())


def _add_shares(
    found: dict[int, OperatorMetrics], first: OperatorMetrics, shares: list[tuple[Tag, Meter, Any]]
) -> None:
    """Of a source that is several: what was read for the other nodes is theirs and not the first one's."""
    for tag, meter, source in shares:
        into = found.setdefault(tag.id, OperatorMetrics(tag))
        _tell(into, source)
        if into is first:
            continue
        for what in ("rows_out", "batches", "nbytes", "wall_ns", "cpu_ns"):
            part = getattr(meter, what.removesuffix("_ns").removesuffix("_out"))
            setattr(into, what, getattr(into, what) + part)
            setattr(first, what, max(0, getattr(first, what) - part))


def _same(other: Position | None, position: Position) -> bool:
    return other is not None and other.tag is not None and position.tag is not None and other.tag.id == position.tag.id


def _add(into: OperatorMetrics, position: Position) -> None:
    into.wall_ns += position.own("wall")
    into.cpu_ns += position.own("cpu")
    into.peak_memory = max(into.peak_memory, position.peak())
    if position.is_source:
        _say(into, position.kernels)
    _tell(into, position.operator)


def _tell(into: OperatorMetrics, operator: Any) -> None:
    spilled, said = _told(operator)
    into.spilled_bytes += spilled
    _say(into, said)


def _say(into: OperatorMetrics, said: str) -> None:
    into.said = ", ".join(dict.fromkeys(s for s in (into.said, said) if s))


def _told(operator: Any) -> tuple[int, str]:
    """Spilled bytes and words; an operator may answer with a text or with figures by name."""
    describe = getattr(operator, "describe_run", None)
    if describe is None:
        return 0, ""
    told = describe()
    if not isinstance(told, Mapping):
        return 0, str(told)
    spilled = int(told.get("spilled_bytes", 0))
    return spilled, ", ".join(f"{k}={v}" for k, v in told.items() if k != "spilled_bytes" and v not in ("", 0))
