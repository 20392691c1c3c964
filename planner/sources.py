"""The texts that one query is made of, laid end to end: a span anywhere in the plan points into one of them.

Offsets of the query itself begin at 0, so where there is no other text nothing has to be reckoned.
"""

from __future__ import annotations

from dataclasses import replace

from .records import dataclass
from .text import Fault, QueryError, Span, error


@dataclass(frozen=True, slots=True)
class Part:
    """One text: of a file, or with an empty name of the query string."""

    base: int
    file: str
    text: str

    @property
    def end(self) -> int:
        return self.base + len(self.text)


class Sources:
    """Texts by their offsets. They are only added, so a span stays good."""

    def __init__(self, text: str, file: str = "") -> None:
        self.parts = [Part(0, file, text)]
        self.text = text  # of all, with a line end between two

    def add(self, text: str, file: str) -> Part:
        part = Part(len(self.text) + 1, file, text)
        self.parts.append(part)
        self.text = f"{self.text}\n{text}"
        return part

    def part_of(self, span: Span) -> Part:
        return next(p for p in reversed(self.parts) if p.base <= span.start or p.base == 0)

    def placed(self, found: QueryError) -> QueryError:
        """The error with spans into the text of the file that each fault is of, which it names.

        Faults that know their text already are left as they are.
        """
        out = error("", [self._fault(f) for f in found.faults])
        out.notes = found.notes
        return out

    def _fault(self, f: Fault) -> Fault:
        if f.text is not None:
            return f
        part = self.part_of(f.span)
        end = min(f.span.end, part.end)
        span = Span(f.span.start - part.base, max(f.span.start, end) - part.base)
        return replace(f, span=span, file=part.file, text=part.text)


__all__ = ["Part", "Sources"]
