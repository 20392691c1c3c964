"""Which failure of a query is the one to tell: the first in input order, whoever came upon it first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from ..planner.text import Fault, QueryError, error, locate
from .notes import Key, Sample
from .spec import Tag

NEVER = 1 << 62
STRICT_CODES = {"reject": "E501", "drop": "E502", "mixed": "E504"}
OVERWRITERS = ("join", "union")  # elsewhere the text of the query asks for it


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


Place = tuple[int, int, int]  # phase; partition, or number of the task; row (-1: none is known)


class Failures:
    """Of one pipeline."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._least: tuple[Place, BaseException | RowFault] | None = None
        self.seq = NEVER  # partitions behind it need not be looked at any more

    def add(self, phase: Phase, seq: int, row: int, what: BaseException | RowFault) -> None:
        """Of two at the same place the one told first stays: operators see a row one after the other."""
        place = (int(phase), seq, row)
        with self._lock:
            if self._least is None or place < self._least[0]:
                self._least = (place, what)
            if phase <= Phase.SCAN:
                self.seq = min(self.seq, seq)

    def forget(self, wanted: Callable[[Place, BaseException | RowFault], bool]) -> None:
        """Drop a failure that lies behind the last row anyone wanted."""
        with self._lock:
            if self._least is not None and not wanted(*self._least):
                self._least = None

    @property
    def first(self) -> BaseException | RowFault | None:
        return self._least[1] if self._least is not None else None


def strict_code(key: Key) -> str | None:
    """The error that a note becomes under strict; None: it stays a note."""
    at, kind, _ = key
    if kind == "overwrite":
        return "E503" if at.command in OVERWRITERS else None
    return STRICT_CODES.get(kind)


def strict_error(fault: RowFault, place: str) -> QueryError:
    """`place`: `file:line` or `row N`."""
    at, _, reason = fault.key
    code = strict_code(fault.key)
    assert code is not None
    shown = f'{place}  "{fault.sample.text}"' if place and fault.sample.text else place or fault.sample.text
    made = Fault(
        code=code,
        message=f"{at.command}: {reason}",
        span=at.span,
        stage=at.stage,
        command=at.command,
        hint=fault.hint or "without strict the row is counted and the query goes on",
        samples=(shown,) if shown else (),
        strict=True,
    )
    return error("", [made])


def placed(why: BaseException, tag: Tag | None) -> BaseException:
    """The same error with the stage it came from, if it does not name one yet."""
    if isinstance(why, MemoryError):
        whose = f"{tag.command or tag.operator}: " if tag is not None else ""
        made = Fault(code="E702", message=f"{whose}the system gives no more memory", span=_span(tag),
                     hint="lower the setting `memory`, so that more is spilled")  # fmt: skip
        why = error("", [made]).with_traceback(why.__traceback__)
    if isinstance(why, QueryError) and tag is not None and not why.text and not why.stage:
        return locate(why, "", tag.stage, tag.command, tag.span).with_traceback(why.__traceback__)
    return why


def _span(tag: Tag | None) -> object:
    from ..planner.text import Span

    return tag.span if tag is not None else Span(0, 0)
