"""A short text that every match of a pattern holds, by which rows that cannot match are told apart before anything else is tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..planner.records import dataclass
from .kernels import regexcode as code
from .rarity import likelihood
from .regexsyntax import Assertion, Closed, Node, Opened, Repeated, Text

LONGEST = 8  # bytes: a word
USEFUL = 0.01  # places that may be hits, of all: beyond that nearly every line has one
LEAST_LETTERS = 3
LED = 8.0  # so many times as likely may a text be that also tells where matches begin


@dataclass(frozen=True, slots=True)
class Needle:
    """`raw`: up to 8 bytes, letters small if `folded`. `lead`: how far they stand behind where the pattern's first gap ends; -1: elsewhere."""

    raw: bytes
    folded: bool
    lead: int

    def fold(self, at: int) -> int:
        """The bit that makes a large letter small; 0 for other bytes."""
        return 32 if self.folded and chr(self.raw[at]).isalpha() else 0

    def likelihood(self, at: int) -> float:
        byte = self.raw[at]
        return likelihood(byte) + (likelihood(byte - 32) if self.fold(at) else 0.0)

    def rare(self) -> tuple[int, int]:
        """The two places, in order, whose bytes are likely to be the rarest, not of the same byte if that can be helped."""
        ranked = sorted(range(len(self.raw)), key=lambda i: (self.likelihood(i), i))
        first = ranked[0]
        second = next((i for i in ranked if self.raw[i] != self.raw[first]), ranked[-1])
        return min(first, second), max(first, second)

    def places(self) -> float:
        """How many of all places are likely to look like it."""
        first, second = self.rare()
        return self.likelihood(first) * (self.likelihood(second) if first != second else 1.0)

    def is_word(self) -> bool:
        return sum(chr(b).isalpha() for b in self.raw) >= LEAST_LETTERS

    def words(self) -> dict[int, int]:
        """Its part of a program's head."""
        first, second = self.rare()
        folds = bytes(self.fold(i) for i in range(len(self.raw)))
        return {
            code.NEEDLE: len(self.raw), code.NEEDLE_WORD: word_of(self.raw), code.NEEDLE_FOLD: word_of(folds),
            code.NEEDLE_MASK: word_of(b"\xff" * len(self.raw)), code.LEAD: self.lead,
            code.FIRST: first, code.FIRST_BYTE: self.raw[first], code.FIRST_FOLD: folds[first],
            code.SECOND: second, code.SECOND_BYTE: self.raw[second], code.SECOND_FOLD: folds[second],
        }  # fmt: skip


def needle_of(nodes: Sequence[Node], led: Sequence[Node] | None = None) -> Needle | None:
    """The best of what every match of `nodes` holds; None if it would tell few rows apart.

    `led`: what stands where the pattern's first gap ends; matches are looked for from its text on. A pattern that is tied to the
    beginning has none: it soon fails where it does not match, and signs of punctuation stand in every line of a format.
    """
    found = [n for text, folded in _texts(nodes) for n in _windows(text, folded, leads=False)]
    if led and (lead := _leading(led)) is not None:
        found += _windows(*lead, leads=True)
    useful = [n for n in found if n.places() < USEFUL and (led is not None or n.is_word())]
    return min(useful, key=lambda n: (n.places() / (LED if n.lead >= 0 else 1.0), n.lead), default=None)


def word_of(raw: bytes) -> int:
    """Up to 8 bytes as a signed word, the first in its lowest bits."""
    return int.from_bytes(raw.ljust(8, b"\0"), "little", signed=True)


def _windows(text: bytes, folded: bool, leads: bool) -> Iterator[Needle]:
    """Stretches that fit a word. Where case does not count none has a letter that also folds to one beyond ASCII."""
    for begin in range(len(text)):
        raw = text[begin : begin + LONGEST]
        if folded:
            raw = raw[: min(i for i in (raw.find(b"k"), raw.find(b"s"), len(raw)) if i >= 0)]
        if raw:
            yield Needle(raw, folded, begin if leads else -1)


def _leading(nodes: Sequence[Node]) -> tuple[bytes, bool] | None:
    """The text that a sequence begins with."""
    at = next((i for i, n in enumerate(nodes) if not isinstance(n, Opened | Closed | Assertion)), len(nodes))
    if at == len(nodes) or not isinstance(nodes[at], Text):
        return None
    return next(_texts(nodes[at:]))


def _texts(nodes: Sequence[Node]) -> Iterator[tuple[bytes, bool]]:
    """Texts that stand in every match, joined where nothing but marks and edges is between them."""
    raw, folded = b"", False
    for node in nodes:
        if isinstance(node, Text) and (not raw or node.folded == folded):
            raw, folded = raw + node.raw, node.folded
        elif not isinstance(node, Opened | Closed | Assertion):
            if raw:
                yield raw, folded
            raw = b""
            if isinstance(node, Text):
                raw, folded = node.raw, node.folded
            elif isinstance(node, Repeated) and node.least:
                yield from _texts(node.part)
    if raw:
        yield raw, folded
