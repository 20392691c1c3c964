"""Log templates by a tree of fixed depth (He, Zhu, Zheng & Lyu, "Drain", ICWS 2017), over distinct masked lines.

A masked line goes by its number of tokens, then by its first tokens, to a leaf; there it joins the template with which
most of its tokens agree, if enough do, and tokens that do not become `<*>`; else it is a template of its own. Unlike the
paper's, a token gets its branch when it is first seen, so a line's leaf never changes, and a masked token agrees with a
masked one, so no line is a stranger to its own template.

Which template a row gets depends only on the rows before it, so equal lines are looked at once for as long as nothing in
their leaf changes; memory holds templates, and of lines no more than those of one batch. Rows are taken in order by a kernel, or
without kernels by their distinct lines, which are looked at again when something in their leaf has changed.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..arrow import call, int32_of, offsets_of
from .masking import MASK

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
MOST_BRANCHES = 100  # of a node, as the paper's code has it
WILD = 0  # number of the token `<*>`


class Lines:
    """The distinct lines of a batch as numbers of tokens: those of line i at `offsets[i]` .. `offsets[i + 1]` of `codes`."""

    def __init__(self, lines: pa.Array[Any], groups: I64) -> None:
        self.groups = groups
        words: Any = call("split_pattern", lines, pattern=" ")
        offsets = offsets_of(words)
        flat = words.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0])).dictionary_encode()
        self.codes = int32_of(flat.indices)
        self.words: list[str] = flat.dictionary.to_pylist()
        self.offsets: I64 = (offsets - offsets[0]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, line: int) -> I32:
        return self.codes[self.offsets[line] : self.offsets[line + 1]]


class Miner:
    """All groups; `depth` and `similarity` as in the paper. Templates are numbered in order of appearance."""

    def __init__(self, depth: int, similarity: float) -> None:
        self._n_prefix, self._similarity = max(0, depth - 2), similarity
        self._numbers = {MASK: WILD}
        self._words = [MASK]
        self._chars = 0
        self._leaves: dict[tuple[int, ...], int] = {}  # by group, length and branches
        self._branches: dict[tuple[int, ...], set[int]] = {}
        self._members: list[list[int]] = []  # templates of each leaf, oldest first
        self._version = np.zeros(64, np.int64)  # of each leaf: rises whenever something in it changes
        self._head, self._tail = np.full(64, -1, np.int32), np.full(64, -1, np.int32)
        self._next, self._first = np.full(64, -1, np.int32), np.zeros(64, np.int64)
        self._pool = np.zeros(1024, np.int32)  # tokens of all templates
        self._used = 0
        self.groups: list[int] = []  # of the templates

    def __len__(self) -> int:
        return len(self.groups)

    def nbytes(self) -> int:
        """About what templates take."""
        tables = self._pool.nbytes + self._next.nbytes + self._first.nbytes + 3 * self._head.nbytes
        return tables + self._chars + 150 * len(self._words) + 400 * len(self._leaves) + 40 * len(self)

    def assign(self, pairs: I64, lines: Lines, stop: NDArray[np.uint8] | None = None) -> I32:
        """The template of each row, given the number of its line, in input order. `stop`: kernels may be used."""
        first = np.full(len(lines), len(pairs), np.int64)
        first[pairs[::-1]] = np.arange(len(pairs) - 1, -1, -1)
        order = np.argsort(first, kind="stable")
        leaf = self._routed(lines, order)
        numbers = np.array([self._numbers.get(w, -1) for w in lines.words], np.int32)
        if stop is not None:
            return self._scanned(pairs, lines, leaf, numbers, stop)
        return _Looker(self, pairs, lines, leaf, numbers).run(first, order)

    # leaves

    def _routed(self, lines: Lines, order: I64) -> I32:
        """The leaf of each line; new ones in the order of the lines."""
        size = np.diff(lines.offsets)
        keys = [lines.groups, size]
        for i in range(self._n_prefix):
            at = np.minimum(lines.offsets[:-1] + i, max(len(lines.codes) - 1, 0))
            keys.append(np.where(i < size, lines.codes[at], -1) if len(lines.codes) else np.full(len(lines), -1))
        number = np.zeros(len(lines), np.int64)  # equal where all keys so far are
        for key in keys:
            number = np.unique(number * (int(key.max(initial=0)) + 2) + key + 1, return_inverse=True)[1].reshape(-1)
        _, first, inverse = np.unique(number[order], return_index=True, return_inverse=True)
        leaves = np.empty(len(first), np.int32)
        for i in np.argsort(first, kind="stable").tolist():
            group, n, *prefix = (int(key[order[first[i]]]) for key in keys)
            leaves[i] = self._leaf(group, n, [lines.words[c] for c in prefix if c >= 0])
        out = np.empty(len(lines), np.int32)
        out[order] = leaves[inverse.reshape(-1)]
        return out

    def _leaf(self, group: int, n: int, prefix: list[str]) -> int:
        key: tuple[int, ...] = (group, n)
        for word in prefix:
            key = (*key, self._branch(key, word))
        leaf = self._leaves.get(key)
        if leaf is None:
            leaf = self._leaves[key] = len(self._members)
            self._members.append([])
            if leaf == len(self._head):
                self._head, self._tail = (np.append(v, np.full(leaf, -1, np.int32)) for v in (self._head, self._tail))
                self._version = np.append(self._version, np.zeros(leaf, np.int64))
        return leaf

    def _branch(self, node: tuple[int, ...], word: str) -> int:
        """The branch of a token; where there are too many the one for all others."""
        if word == MASK:
            return WILD
        branches = self._branches.setdefault(node, set())
        number = self._numbers.get(word, -1)
        if number in branches:
            return number
        if len(branches) >= MOST_BRANCHES:
            return WILD
        number = self._number(word)
        branches.add(number)
        return number

    def _number(self, word: str) -> int:
        found = self._numbers.get(word)
        if found is None:
            found = self._numbers[word] = len(self._words)
            self._words.append(word)
            self._chars += 2 * len(word)
        return found

    # templates

    def add(self, line: int, lines: Lines, leaf: int, numbers: I32) -> int:
        """A template of its own for a line. Its tokens get numbers, also in `numbers`."""
        codes = lines.of(line)
        for code in codes.tolist():
            if numbers[code] < 0:
                numbers[code] = self._number(lines.words[code])
        template, end = len(self.groups), self._used + len(codes)
        if end > len(self._pool):
            self._pool = np.append(self._pool, np.zeros(max(len(self._pool), end), np.int32))
        if template == len(self._next):
            self._next = np.append(self._next, np.full(template, -1, np.int32))
            self._first = np.append(self._first, np.zeros(template, np.int64))
        self._pool[self._used : end] = numbers[codes]
        self._first[template], self._used = self._used, end
        if self._members[leaf]:
            self._next[self._tail[leaf]] = template
        else:
            self._head[leaf] = template
        self._tail[leaf] = template
        self._members[leaf].append(template)
        self._version[leaf] += 1
        self.groups.append(int(lines.groups[line]))
        return template

    def match(self, tokens: I32, leaf: int) -> tuple[int, bool]:
        """The template that a line joins (-1: none), and whether it changed by that."""
        members = self._members[leaf]
        if not members:
            return -1, False
        at = self._first[members][:, None] + np.arange(len(tokens))
        equal = self._pool[at] == tokens
        agree = np.count_nonzero(equal, axis=1)
        best = int(np.argmax(agree))  # of several the oldest
        if agree[best] < self._similarity * len(tokens):
            return -1, False
        differ = at[best][~equal[best] & (self._pool[at[best]] != WILD)]
        if len(differ):
            self._pool[differ] = WILD
            self._version[leaf] += 1
        return members[best], len(differ) > 0

    def _scanned(self, pairs: I64, lines: Lines, leaf: I32, numbers: I32, stop: NDArray[np.uint8]) -> I32:
        from ..kernels import drain

        out = np.full(len(pairs), -1, np.int32)
        known, since = np.zeros(len(lines), np.int32), np.full(len(lines), -1, np.int64)
        row = 0
        while True:
            row = drain.scan(
                pairs, row, lines.offsets, lines.codes, numbers, leaf, self._head, self._next, self._first, self._pool,
                self._version, self._similarity, known, since, out, stop,
            )  # fmt: skip
            if row >= len(pairs):
                return out
            line = int(pairs[row])
            out[row] = self.add(line, lines, int(leaf[line]), numbers)
            row += 1

    def texts(self) -> list[str]:
        """The templates as they are now."""
        ends = [*self._first[1 : len(self)].tolist(), self._used][: len(self)]
        pool, words = self._pool.tolist(), self._words
        firsts = self._first[: len(self)].tolist()
        return [" ".join([words[t] for t in pool[a:b]]) for a, b in zip(firsts, ends, strict=True)]


class _Looker:
    """A batch by its distinct lines, each looked at where it first stands, and again behind every change in its leaf."""

    def __init__(self, miner: Miner, pairs: I64, lines: Lines, leaf: I32, numbers: I32) -> None:
        self._miner, self._pairs, self._lines, self._leaf, self._numbers = miner, pairs, lines, leaf, numbers
        self._order: I64 | None = None
        self._bounds: I64 = np.empty(0, np.int64)

    def run(self, first: I64, order: I64) -> I32:
        todo = [
            (row, line)
            for line, row in zip(order.tolist(), first[order].tolist(), strict=True)
            if row < len(self._pairs)
        ]
        waits = {line for _, line in todo}
        seen: dict[int, list[int]] = {}  # by leaf
        now = np.full(len(self._lines), -1, np.int32)
        changes: list[tuple[int, int, int]] = []  # from this row on, of this line, another template
        while todo:
            row, line = heapq.heappop(todo)
            waits.discard(line)
            leaf = int(self._leaf[line])
            template, changed = self._miner.match(self._numbers[self._lines.of(line)], leaf)
            if template < 0:
                template, changed = self._miner.add(line, self._lines, leaf, self._numbers), True
            if now[line] < 0:
                now[line] = template
                seen.setdefault(leaf, []).append(line)
            else:
                changes.append((row, line, template))
            for other in seen[leaf] if changed else ():
                behind = self._after(other, row)
                if behind >= 0 and other not in waits:
                    waits.add(other)
                    heapq.heappush(todo, (behind, other))
        out = now[self._pairs]
        for row, line, template in changes:
            at = self._rows(line)
            out[at[np.searchsorted(at, row) :]] = template
        return out

    def _rows(self, line: int) -> I64:
        """Where a line stands, ascending."""
        if self._order is None:
            self._order = np.argsort(self._pairs, kind="stable")
            self._bounds = np.append(0, np.cumsum(np.bincount(self._pairs, minlength=len(self._lines))))
        return self._order[self._bounds[line] : self._bounds[line + 1]]

    def _after(self, line: int, row: int) -> int:
        """The first row behind one; -1: there is none."""
        at = self._rows(line)
        i = int(np.searchsorted(at, row, "right"))
        return int(at[i]) if i < len(at) else -1


def unified(groups: list[int], texts: list[str]) -> tuple[I64, list[int]]:
    """Templates of one group and one text are one: the number of each, from 0 within its group in order of appearance; and the first
    template of each (group, number)."""
    number: dict[tuple[int, str], int] = {}
    firsts: list[int] = []
    of: list[int] = []
    for template, key in enumerate(zip(groups, texts, strict=True)):
        if key not in number:
            number[key] = len(firsts)
            firsts.append(template)
        of.append(number[key])
    return np.array(of, np.int64), firsts
