"""Which failure of a query is the one to tell: the first in input order, whoever came upon it first."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from enum import IntEnum

from ..planner.records import dataclass
from ..planner.text import Fault, QueryError, Span, error, locate
from .notes import Key, Sample
from .spec import Tag

NEVER = 1 << 62
STRICT_CODES = {"reject": "E501", "drop": "E502", "mixed": "E504"}
OVERWRITERS = ("join", "streamjoin", "asof", "union")  # elsewhere the text of the query asks for it


class Phase(IntEnum):
    """Failures of an earlier phase come first."""

    OPEN = 0
    SCAN = 1  # its failures have a partition and perhaps a row
    FINISH = 2
    COMBINE = 3
    MERGE = 4
    FOLLOW = 5


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that strict mode does not let pass. It becomes an error at the end, when line numbers are known."""

    key: Key
    sample: Sample
    hint: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Failures are told by place. `seq`: the partition, or the number of the task; `row` -1: none is known."""

    phase: int
    seq: int
    row: int
    stage: tuple[tuple[int, str], ...] = ()  # of notes about the same row, or about none
    kind: str = ""
    reason: str = ""


def stage_order(stage: str) -> tuple[tuple[int, str], ...]:
    """`2` before `10`, `3.1` before `3b.1`."""
    parts = [re.match(r"(\d*)(.*)", part, re.S) for part in stage.split(".")]
    return tuple((int(m[1] or 0), m[2]) for m in parts if m is not None)


class Failures:
    """Of one pipeline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._least: tuple[Place, BaseException | RowFault] | None = None
        self.seq = NEVER  # partitions behind it need not be looked at any more

    def add(self, phase: Phase, seq: int, what: BaseException) -> None:
        self._add(Place(int(phase), seq, -1), what)

    def add_fault(self, phase: Phase, fault: RowFault) -> None:
        (at, kind, reason), sample = fault.key, fault.sample
        self._add(Place(int(phase), sample.seq, sample.row, stage_order(at.stage), kind, reason), fault)

    def _add(self, place: Place, what: BaseException | RowFault) -> None:
        with self._lock:
            if self._least is None or place < self._least[0]:
                self._least = (place, what)
            if place.phase <= Phase.SCAN:
                self.seq = min(self.seq, place.seq)

    def forget(self, wanted: Callable[[Place, BaseException | RowFault], bool]) -> None:
        """Drop a failure that lies behind the last row anyone wanted."""
        with self._lock:
            if self._least is not None and not wanted(*self._least):
                self._least = None

    @property
    def least(self) -> tuple[Place, BaseException | RowFault] | None:
        return self._least

    @property
    def first(self) -> BaseException | RowFault | None:
        return self._least[1] if self._least is not None else None


def first_row(failures: Failures) -> tuple[int, int] | None:
    """Partition and row of the first row that strict mode does not let pass, as far as is known."""
    least = failures.least
    if least is None or not isinstance(least[1], RowFault) or least[0].phase != Phase.SCAN:
        return None
    return least[0].seq, least[0].row


def strict_code(key: Key) -> str | None:
    """The error that a note becomes under strict; None: it stays a note."""
    at, kind, reason = key
    if kind == "overwrite":
        return "E503" if at.command in OVERWRITERS else None
    if kind == "warn" and reason == "duplicate keys":
        return "E320"
    return STRICT_CODES.get(kind)


WORDS = {
    "no match": "matched nothing",
    "no pair": "met text without a pair",
    "number": "met a value that is no number",
    "date": "met a value that is no date",
    "overflow": "made a number beyond 64 bits",
    "div0": "divided by zero",
    "json": "met text that is no JSON",
    "xml": "met text that is no XML",
    "ip": "met a value that is no address",
    "domain": "left the domain of a function",
    "type": "met a value of another type",
    "utf8": "met bytes that are not UTF-8",
    "decode": "met bytes that cannot be decoded",
    "dst": "met a time that the clock change leaves out or doubles",
    "null time": "met a row without a time",
    "null key": "met a row without a key",
    "null order": "met a row whose order is null",
}


def strict_error(fault: RowFault, place: str) -> QueryError:
    """`place`: `file:line` or `row N`."""
    at, _, reason = fault.key
    code = strict_code(fault.key)
    assert code is not None
    shown = f'{place}  "{fault.sample.text}"' if place and fault.sample.text else place or fault.sample.text
    made = Fault(
        code=code,
        message=f"{at.command} {WORDS[reason]}" if reason in WORDS else f"{at.command}: {reason}",
        span=Span(at.span.start, at.span.start + len(at.command)) if at.span.end else at.span,
        stage=at.stage,
        command=at.command,
        hint=_without_strict(fault.hint, reason),
        samples=(shown,) if shown else (),
        strict=True,
    )
    return error("", [made])


def _without_strict(hint: str, reason: str) -> str:
    if reason in ("no match", "no pair") and hint:
        told = f"without strict {hint} and {'is' if hint.startswith('the row') else 'the row is'} counted"
        return f"{told}; errors=err keeps the reason"
    return hint or "without strict the row is counted and the query goes on"


def placed(why: BaseException, tag: Tag | None) -> BaseException:
    """The same error with the stage it came from, if it does not name one yet."""
    if isinstance(why, MemoryError):
        whose = f"{tag.command or tag.operator}: " if tag is not None else ""
        made = Fault(code="E702", message=f"{whose}the system gives no more memory", span=_span(tag),
                     hint="lower the setting `memory`, so that more is spilled")  # fmt: skip
        why = error("", [made]).with_traceback(why.__traceback__)
    if isinstance(why, QueryError) and tag is not None and not why.text and not why.stage:
        return locate(why, "", tag.stage, tag.command, tag.span).with_traceback(why.__traceback__)
    if tag is not None and not isinstance(why, QueryError) and not getattr(why, "__notes__", None):
        why.add_note(f"in {tag.operator}, stage {tag.stage or '?'}")
    return why


def _span(tag: Tag | None) -> Span:
    return tag.span if tag is not None else Span(0, 0)
