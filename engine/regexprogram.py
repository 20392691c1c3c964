"""Compiles a pattern to a program for the span kernel, where that finds what RE2 finds; other patterns are refused.

A run of a class is taken as far as it goes, in one step. That is right where nothing else can match:

- what follows cannot begin with a byte of the class: then a shorter run fails at once;
- or all that follows may be empty and nothing ties it to the end: the longest run (a lazy one: the shortest) is preferred
  and always goes on to match;
- or `\\b` follows at once, and the class holds only letters of words or only others: between two bytes of the run there is no
  edge, so it ends where it must end;
- or a run that may be empty follows, and what is behind that cannot begin with a byte of the class. If the match went on
  behind a shorter run, it goes on behind the longest as well: the rest begins behind all of it, since at each place
  before there is a byte of the class, so the second run only gets shorter.

A run that is none of these but without a bound is a gap: the places where its follower can begin are tried one by one,
the last first (a lazy one: the first). A pattern that may match anywhere begins with a lazy gap of all bytes. Optional
parts and alternatives are tried in their order. All of that is what leftmost-first matching (Perl, RE2) prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..planner.records import dataclass
from .kernels import regexcode as code
from .regexneedle import Needle, needle_of, word_of
from .regexsyntax import (
    ALL,
    BEYOND,
    CONTINUED,
    UNBOUNDED,
    WORD,
    Assertion,
    Closed,
    Either,
    Node,
    Opened,
    Refused,
    Repeated,
    Run,
    Sequence_,
    Text,
    Tree,
)

SPANS, LITERAL = "span kernel", "literal, then RE2"  # what a program does
MOST_RANGES = 12  # of a class; each is a compare for every 64 bytes
MOST_OPS = 200
EDGE = Assertion("b")
_CLASSES = {code.RUN: (code.CLASS_AT,), code.GAP: (code.CLASS_AT, code.NEXT_AT, code.SECOND_AT)}


@dataclass(frozen=True, slots=True)
class Program:
    """`code`: what the kernel runs. `groups`: the numbers whose spans it writes, in that order. Without instructions it only sieves rows."""

    code: NDArray[np.int64]
    groups: tuple[int, ...]
    n_ops: int

    @property
    def tier(self) -> str:
        return SPANS if self.n_ops else LITERAL


@dataclass(frozen=True, slots=True)
class Follow:
    """How what comes next can begin: with one of these bytes, at the text's end, or not at all (`done`: the match may end)."""

    bits: int
    at_end: bool = False
    done: bool = False


def program_of(tree: Tree, groups: tuple[int, ...]) -> Program:
    """The program that finds these groups (0: the whole match); Refused where the kernel could not be exact."""
    return _Compiler(tree).program(groups)


def sieve_of(tree: Tree) -> Program | None:
    """A program that only tells rows that do not match from others; None where it would tell few."""
    needle = needle_of(tree.nodes, ())
    if needle is None or len(needle.raw) == 1:
        return None
    return Program(np.array(_head(0, 0, code.HEAD, needle), np.int64), (), 0)


class _Compiler:
    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.ops: list[list[int]] = []
        self.ranges: list[list[tuple[int, int]]] = []  # of the classes, by number; a class's place is known at the end
        self.begins: dict[int, int] = {}  # a group's first instruction
        self.ends: dict[int, int] = {}  # and the one behind it
        self.needle: Needle | None = None

    def program(self, groups: tuple[int, ...]) -> Program:
        tree = self.tree
        last = Follow(0, at_end=True) if tree.at_end else Follow(0, done=True)
        if tree.at_begin:
            self.needle = needle_of(tree.nodes)
        else:
            self.search(tree.nodes, last)
        self.begins[0] = len(self.ops)
        self.sequence(tree.nodes, last)
        if tree.at_end:
            self.emit(code.END)
        self.ends[0] = self.emit(code.ACCEPT)
        if len(self.ops) > MOST_OPS:
            raise Refused("a pattern of too many parts")
        return Program(self.assembled(groups), groups, len(self.ops))

    def search(self, nodes: Sequence_, last: Follow) -> None:
        """A match may begin anywhere; one that may be empty begins at once.

        Where a run leads that what follows cannot begin with, the places behind such runs are looked for.
        """
        follow, anything = _first(nodes, last), Run(ALL, 0, UNBOUNDED, greedy=False)
        if follow.done:
            return
        led = _behind_run(nodes, last)
        self.needle = needle_of(nodes, nodes if led is None else led[0])
        if led is None:
            self.gap(anything, nodes, follow)
        else:
            self.gap(anything, *led, code.BACK)

    def emit(self, kind: int) -> int:
        self.ops.append([kind] + [0] * (code.WIDTH - 1))
        return len(self.ops) - 1

    def sequence(self, nodes: Sequence[Node], follow: Follow) -> None:
        for i, node in enumerate(nodes):
            rest = nodes[i + 1 :]
            self.node(node, rest, _first(rest, follow), follow)

    def node(self, node: Node, rest: Sequence[Node], next_: Follow, last: Follow) -> None:
        if isinstance(node, Text):
            self.text(node)
        elif isinstance(node, Run):
            self.run(node, rest, next_, last)
        elif isinstance(node, Opened):
            self.begins[node.number] = len(self.ops)
        elif isinstance(node, Closed):
            self.ends[node.number] = len(self.ops)
            if self.begins[node.number] == len(self.ops):
                raise Refused("an empty group")
        elif isinstance(node, Either):
            self.either(node.parts, next_)
        elif node == EDGE:
            self.emit(code.EDGE)
        elif isinstance(node, Repeated) and (node.least, node.most, node.greedy) == (0, 1, True):
            self.optional(node.part, next_)
        else:
            raise Refused(f"{type(node).__name__} in a program")

    def text(self, text: Text) -> None:
        for at in range(0, len(text.raw), 8):
            piece = text.raw[at : at + 8]
            op = self.ops[self.emit(code.LITERAL)]
            op[code.SIZE] = len(piece)
            op[code.FOLD] = word_of(bytes(32 * (text.folded and chr(c).isalpha()) for c in piece))
            op[code.WORD], op[code.MASK] = word_of(piece), word_of(b"\xff" * len(piece))

    def run(self, run: Run, rest: Sequence[Node], next_: Follow, last: Follow) -> None:
        most = run.most
        if run.least != most and next_.done:
            most = most if run.greedy else run.least
        elif (
            run.least != most and run.bits & next_.bits and not (_is_absorbed(run, rest, last) or _is_edged(run, rest))
        ):
            if most != UNBOUNDED:
                raise Refused("a bounded run that may end early")
            self.gap(run, rest, next_)
            return
        op = self.ops[self.emit(code.RUN)]
        op[code.LEAST], op[code.MOST] = run.least, most
        self.to_class(op, code.CLASS_AT, run.bits)
        if run.bits & BEYOND:
            op[code.CHECKED] = most if most != UNBOUNDED else run.least if run.least > 1 else 0

    def gap(self, run: Run, rest: Sequence[Node], next_: Follow, flags: int = 0) -> None:
        if run.least > 1 and run.bits & BEYOND:
            raise Refused("a gap of so many characters")
        op = self.ops[self.emit(code.GAP)]
        op[code.LEAST] = run.least
        self.to_class(op, code.CLASS_AT, run.bits)
        self.to_class(op, code.NEXT_AT, next_.bits & ~CONTINUED)
        op[code.NEED] = 1
        after = next((n for n in rest if not isinstance(n, Opened | Closed)), None)
        text = next((n for n in rest if not isinstance(n, Opened | Closed | Assertion)), None)
        if isinstance(text, Text):
            self.probe(op, text, rest[rest.index(text) + 1 :])
        if run.greedy:
            flags |= code.TO_LAST
        if next_.at_end:
            flags |= code.TO_END
        if (
            not flags & (code.TO_LAST | code.BACK)
            and isinstance(after, Run)
            and after.most == UNBOUNDED
            and after.greedy
        ):
            flags |= code.SKIPS
        op[code.FLAGS] = flags

    def probe(self, op: list[int], text: Text, rest: Sequence[Node]) -> None:
        """One more byte to look at before a place is tried: the last sign of the first 8, or else the second byte's class."""
        op[code.NEED] = len(text.raw)
        signs = [i for i, c in enumerate(text.raw[:8]) if i and not (text.folded and chr(c).isalpha())]
        if signs:
            op[code.PROBE], op[code.PROBE_BYTE] = signs[-1], text.raw[signs[-1]]
        elif len(text.raw) > 1:
            self.to_class(op, code.SECOND_AT, text.bits(1))
        else:
            second = _first(rest, Follow(0, done=True))
            if not (second.done or second.at_end):
                self.to_class(op, code.SECOND_AT, second.bits)
                op[code.NEED] += 1

    def optional(self, part: Sequence_, next_: Follow) -> None:
        if _first(part, Follow(0, done=True)).done:
            raise Refused("an optional part that may be empty")
        self.either((part, ()), next_)

    def either(self, parts: Sequence[Sequence_], next_: Follow) -> None:
        """A TRY before each part but the last, a JUMP behind it."""
        tries, jumps = [], []
        for part in parts[:-1]:
            tries.append(self.emit(code.TRY))
            self.sequence(part, next_)
            jumps.append(self.emit(code.JUMP))
            self.ops[tries[-1]][code.TARGET] = len(self.ops)
        self.sequence(parts[-1], next_)
        behind = len(self.ops)
        for op in jumps:
            self.ops[op][code.TARGET] = behind
        for op in tries:
            self.ops[op][code.FORGET_FROM], self.ops[op][code.FORGET_TO] = op + 1, behind

    def to_class(self, op: list[int], at: int, bits: int) -> None:
        """Its ranges, or those of what it does not hold if they are fewer."""
        held, others = _ranges(bits), _ranges(ALL & ~bits)
        inverted = len(others) < len(held)
        ranges = others if inverted else held
        if len(ranges) > MOST_RANGES:
            raise Refused("a class of too many ranges")
        op[at], op[at + 1], op[at + 2] = len(self.ranges), len(ranges), -1 if inverted else 0
        self.ranges.append(ranges)

    def assembled(self, groups: Sequence[int]) -> NDArray[np.int64]:
        """Head, instructions, pairs of marks of the groups, ranges."""
        body = code.HEAD + code.WIDTH * len(self.ops)
        out = _head(len(self.ops), len(groups), body, self.needle, self.tree.only_ascii)
        places, at = [], body + 2 * len(groups)
        for ranges in self.ranges:
            places.append(at)
            at += 2 * len(ranges)
        for op in self.ops:
            for field in _CLASSES.get(op[code.KIND], ()):
                op[field] = places[op[field]]
            out += op
        for group in groups:
            out += self.begins[group], self.ends[group]
        for ranges in self.ranges:
            for low, high in ranges:
                out += low, high - low
        return np.array(out, np.int64)


def _head(n_ops: int, n_groups: int, groups_at: int, needle: Needle | None, only_ascii: bool = False) -> list[int]:
    out = [0] * code.HEAD
    out[code.N_OPS], out[code.N_GROUPS], out[code.GROUPS_AT], out[code.ONLY_ASCII] = (
        n_ops,
        n_groups,
        groups_at,
        only_ascii,
    )
    out[code.LEAD] = -1
    for field, word in needle.words().items() if needle is not None else ():
        out[field] = word
    return out


def _first(nodes: Sequence[Node], last: Follow) -> Follow:
    """How a sequence with `last` behind it can begin."""
    bits, is_sure = 0, True
    for node in nodes:
        if node == EDGE:
            is_sure = False
            continue
        begin = _begin_of(node)
        bits |= begin.bits
        if not begin.done:
            return Follow(bits)
    if last.done and not is_sure:  # it may be empty, but not everywhere
        return Follow(ALL, at_end=True)
    return replace(last, bits=bits | last.bits)


def _begin_of(node: Node) -> Follow:
    if isinstance(node, Text):
        return Follow(node.bits(0))
    if isinstance(node, Run):
        return Follow(node.bits, done=node.least == 0)
    if isinstance(node, Opened | Closed):
        return Follow(0, done=True)
    if isinstance(node, Either):
        return _any([_inner(part) for part in node.parts])
    if isinstance(node, Repeated):
        part = _inner(node.part)
        return replace(part, done=part.done or node.least == 0)
    raise Refused(f"{type(node).__name__} in a program")


def _inner(part: Sequence[Node]) -> Follow:
    begin = _first(part, Follow(0, done=True))
    if begin.at_end:
        raise Refused("a part that may be nothing but an edge")
    return begin


def _any(begins: Sequence[Follow]) -> Follow:
    bits = 0
    for begin in begins:
        bits |= begin.bits
    return Follow(bits, done=any(b.done for b in begins))


def _is_edged(run: Run, rest: Sequence[Node]) -> bool:
    """Whether `\\b` follows, and there is none between two characters of the run."""
    after = next((n for n in rest if not isinstance(n, Opened | Closed)), None)
    return after == EDGE and run.least > 0 and (not run.bits & WORD or not run.bits & ~WORD)


def _is_absorbed(run: Run, rest: Sequence[Node], last: Follow) -> bool:
    """Whether a run that may be empty follows, and what is behind that cannot begin with a byte of `run`."""
    at = next((i for i, n in enumerate(rest) if not isinstance(n, Opened | Closed)), None)
    if at is None or not run.greedy:
        return False
    gap = rest[at]
    if not isinstance(gap, Run) or gap.least:
        return False
    behind = _first(rest[at + 1 :], last)
    return not behind.done and not run.bits & behind.bits


def _behind_run(nodes: Sequence_, last: Follow) -> tuple[Sequence_, Follow] | None:
    """What follows the run that a pattern begins with, and how it begins: where it cannot begin with a byte of the run."""
    at = next((i for i, n in enumerate(nodes) if not isinstance(n, Opened | Closed)), len(nodes))
    if at == len(nodes):
        return None
    run, rest = nodes[at], nodes[at + 1 :]
    if not isinstance(run, Run) or run.most != UNBOUNDED or not run.least or (run.least > 1 and run.bits & BEYOND):
        return None
    follow = _first(rest, last)
    return None if follow.done or follow.bits & run.bits else (rest, follow)


def _ranges(bits: int) -> list[tuple[int, int]]:
    """The class as ranges of bytes, both ends within."""
    out: list[tuple[int, int]] = []
    for byte in range(256):
        if bits >> byte & 1:
            if out and out[-1][1] == byte - 1:
                out[-1] = out[-1][0], byte
            else:
                out.append((byte, byte))
    return out
