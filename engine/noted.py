"""The ledger as users see it: entries by stage, samples with file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field

from ..planner.records import dataclass
from ..planner.text import Span
from .failures import RowFault, stage_order, strict_code, strict_error
from .notes import REMOVED, Entry, Key, Ledger, Sample
from .pipeline import Pipeline

OF_ROWS = ("reject", "drop", "overwrite", "mixed")


@dataclass(frozen=True, slots=True)
class NoteEntry:
    """`samples`: `file:line  text` or `row N  text`, the first in input order."""

    stage: str
    command: str
    kind: str
    reason: str
    count: int
    samples: tuple[str, ...] = ()
    hint: str = ""
    span: Span = field(default=Span(0, 0), compare=False)


def note_entries(pipelines: Iterable[Pipeline]) -> list[NoteEntry]:
    """Notes of all pipelines, sorted by stage, kind and reason; those of one stage in several pipelines are added up."""
    found: dict[Key, NoteEntry] = {}
    for pipe in pipelines:
        ledger = pipe.ctx.query.ledger
        place = ledger.places()
        for key, entry in ledger.merged().items():
            made = _entry(key, entry, place, _seen(pipe, key))
            known = found.get(key)
            found[key] = made if known is None else _sum(known, made)
    return sorted(found.values(), key=lambda n: (stage_order(n.stage), n.kind, n.reason))


def _seen(pipe: Pipeline, key: Key) -> str:
    """Of which rows a query that ended early tells: those that the stage saw, or where its work is done within another's
    those of the source."""
    if not pipe.was_satisfied:
        return ""
    if pipe.ctx.query.ledger.counts_wanted(key):
        return "of the rows up to the last one wanted: the query ended early"
    at, source = key[0], pipe.chain.positions[0]
    own = (
        p for p in pipe.chain.positions if p.tag is not None and (p.tag.stage, p.tag.command) == (at.stage, at.command)
    )
    return f"of the first {next(own, source).rows:,} rows: the query ended early"


def ledger_entries(ledger: Ledger) -> list[NoteEntry]:
    """Notes of rows that were read without a pipeline."""
    place = ledger.places()
    made = [_entry(key, entry, place, "") for key, entry in ledger.merged().items()]
    return sorted(made, key=lambda n: (n.kind, n.reason))


def raise_at_first(ledger: Ledger) -> Callable[[Key, Sample, str], None]:
    """Under strict, of rows that are read in order: the first that is refused ends the reading."""

    def fault(key: Key, sample: Sample, hint: str) -> None:
        if strict_code(key) is not None:
            raise strict_error(RowFault(key, sample, hint), ledger.places()(sample))

    return fault


def _entry(key: Key, entry: Entry, place: Callable[[Sample], str], seen: str) -> NoteEntry:
    at, kind, reason = key
    samples = tuple("  ".join(p for p in (place(s), s.text) if p) for s in entry.samples)
    hint = entry.hint
    if seen and (kind in OF_ROWS or (kind == "info" and (samples or reason == REMOVED))):
        hint = "; ".join(h for h in (hint, seen) if h)
    return NoteEntry(at.stage, at.command, kind, reason, entry.count, samples, hint, at.span)


def _sum(first: NoteEntry, second: NoteEntry) -> NoteEntry:
    samples = (*first.samples, *second.samples)[:3]
    count = first.count + second.count
    return NoteEntry(
        first.stage, first.command, first.kind, first.reason, count, samples, first.hint or second.hint, first.span
    )
