"""How often each value occurs in each stretch, moved along with it: the most frequent value, the different ones, their entropy.

Values are numbered in their order (`rank`; -1: the place does not count), so that what is kept by number is in order of value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import f64w, i32w, i64w, inline, kernel, long_, trailing_zeros, u8w

LOOK = 0xFFF  # places between two looks at the stop byte, less one


@kernel(i32w, i32w, i32w, long_, long_)
def count_one(tree: Any, counts: Any, wins: Any, v: Any, by: Any) -> Any:
    """Counts a value once more or less. A node of `tree` holds the winner below it: the most frequent, of equal ones the least."""
    counts[v] += by
    size = tree.size >> 1
    node = (v + size) >> 1
    while node:
        left, right = tree[2 * node], tree[2 * node + 1]
        winner, before = left if counts[left] >= counts[right] else right, tree[node]
        tree[node] = winner
        if winner != v and before != v:
            break  # what is above never looked at this value
        node >>= 1
    wins[0] = tree[1]
    return 0


@kernel(i32w, i32w, i32w, long_, long_, i32w, u8w, makes_arrays=True)
def modes(rank: Any, low: Any, high: Any, holed: Any, n_values: Any, out: Any, stop: Any) -> Any:
    """Into `out` the number of the most frequent value of low .. high, of equally frequent ones the least; -1: there is none.

    `holed`: without the place itself. O(places * log(values)) where stretches move forward.
    """
    size = 2
    while size < n_values:
        size *= 2
    tree, counts, wins = np.zeros(2 * size, np.int32), np.zeros(size, np.int32), np.zeros(1, np.int32)
    for v in range(size):
        tree[size + v] = v
    for k in range(size - 1):
        node = size - 1 - k
        tree[node] = tree[2 * node]
    a = b = np.int64(0)
    for i in range(low.size):
        if (i & LOOK) == 0 and stop[0]:
            return i
        begin, until = np.int64(low[i]), np.int64(high[i])
        if begin < a or until < b or begin >= b:
            while a < b:
                if rank[a] >= 0:
                    count_one(tree, counts, wins, rank[a], -1)
                a += 1
            a = b = begin
        while b < until:
            if rank[b] >= 0:
                count_one(tree, counts, wins, rank[b], 1)
            b += 1
        while a < begin:
            if rank[a] >= 0:
                count_one(tree, counts, wins, rank[a], -1)
            a += 1
        hole = holed and begin <= i and i < until and rank[i] >= 0
        if hole:
            count_one(tree, counts, wins, rank[i], -1)
        out[i] = wins[0] if counts[wins[0]] else -1
        if hole:
            count_one(tree, counts, wins, rank[i], 1)
    return low.size


@inline
def link(after: Any, before: Any, many: Any, c: Any, behind: Any) -> Any:
    """One more value that occurs c times; `behind`: the next lower number of times that any has (0: none)."""
    if c:
        if many[c] == 0:
            after[c], before[c] = after[behind], behind
            before[after[behind]], after[behind] = c, c
        many[c] += 1


@inline
def unlink(after: Any, before: Any, many: Any, c: Any) -> Any:
    if c:
        many[c] -= 1
        if many[c] == 0:
            after[before[c]], before[after[c]] = after[c], before[c]


@kernel(i32w, i32w, i32w, i32w, long_, long_)
def count_classes(counts: Any, after: Any, before: Any, many: Any, v: Any, by: Any) -> Any:
    """Counts a value once more or less; `many` values occur c times, and the c of any are linked, ascending, in a ring through 0."""
    c = np.int64(counts[v])
    if by > 0:
        link(after, before, many, c + 1, c)
    else:
        link(after, before, many, c - 1, np.int64(before[c]) if c > 1 and many[c - 1] == 0 else np.int64(0))
    unlink(after, before, many, c)
    counts[v] = c + by
    return by


@kernel(i32w, i32w, i32w, long_, long_, f64w, f64w, f64w, u8w, makes_arrays=True)
def entropies(
    rank: Any, low: Any, high: Any, holed: Any, n_values: Any, logs: Any, weighed: Any, out: Any, stop: Any
) -> Any:  # fmt: skip
    """Into `out` the bits of each stretch, NaN of none. `logs`: of 0 (0), 1, ...; `weighed`: each by its number.

    Summed by how often values occur, ascending, as `operators.states.distinct` does. O(places * root of the stretch) at most.
    """
    counts = np.zeros(max(n_values, 1), np.int32)
    room = logs.size + 1
    after, before, many = np.zeros(room, np.int32), np.zeros(room, np.int32), np.zeros(room, np.int32)
    a = b = total = np.int64(0)
    for i in range(low.size):
        if (i & LOOK) == 0 and stop[0]:
            return i
        begin, until = np.int64(low[i]), np.int64(high[i])
        if begin < a or until < b or begin >= b:
            while a < b:
                if rank[a] >= 0:
                    total += count_classes(counts, after, before, many, rank[a], -1)
                a += 1
            a = b = begin
        while a < begin:
            if rank[a] >= 0:
                total += count_classes(counts, after, before, many, rank[a], -1)
            a += 1
        while b < until:
            if rank[b] >= 0:
                total += count_classes(counts, after, before, many, rank[b], 1)
            b += 1
        hole = holed and begin <= i and i < until and rank[i] >= 0
        if hole:
            total += count_classes(counts, after, before, many, rank[i], -1)
        if total == 0:
            out[i] = np.nan
        elif many[total]:
            out[i] = 0.0
        else:
            c, s = np.int64(after[0]), 0.0
            while c:
                s += float(many[c]) * weighed[c]
                c = np.int64(after[c])
            out[i] = max(logs[total] - s / float(total), 0.0)
        if hole:
            total += count_classes(counts, after, before, many, rank[i], 1)
    return low.size


@inline
def mark(counts: Any, words: Any, tops: Any, v: Any, by: Any) -> Any:
    """Counts a value once more or less: by how many that changes the number of different ones."""
    counts[v] += by
    word, bit = v >> 6, np.uint64(1) << np.uint64(v & 63)
    if by > 0 and counts[v] == 1:
        words[word] |= bit
        tops[word >> 6] |= np.uint64(1) << np.uint64(word & 63)
        return np.int64(1)
    if by < 0 and counts[v] == 0:
        words[word] &= ~bit
        if words[word] == 0:
            tops[word >> 6] &= ~(np.uint64(1) << np.uint64(word & 63))
        return np.int64(-1)
    return np.int64(0)


@inline
def emit(words: Any, tops: Any, most: Any, out: Any, to: Any) -> Any:
    """The first `most` values that are marked, ascending."""
    n = np.int64(0)
    for t in range(tops.size):
        top = tops[t]
        while top and n < most:
            word = 64 * t + trailing_zeros(top)
            top &= top - np.uint64(1)
            bits = words[word]
            while bits and n < most:
                out[to + n] = np.int32(64 * word + trailing_zeros(bits))
                bits &= bits - np.uint64(1)
                n += 1


@kernel(i32w, i32w, i32w, long_, long_, long_, i64w, i32w, i64w, u8w, makes_arrays=True)
def different(
    rank: Any, low: Any, high: Any, holed: Any, n_values: Any, most: Any, ends: Any, out: Any, sizes: Any, stop: Any
) -> Any:  # fmt: skip
    """Into `sizes` how many different values each stretch has; with `ends` (of what each stretch gives, `most` values at most) also
    these, ascending, into `out`. O(places + values given)."""
    counts = np.zeros(n_values + 1, np.int32)
    words = np.zeros((n_values >> 6) + 1, np.uint64)
    tops = np.zeros((words.size >> 6) + 1, np.uint64)
    a = b = n = np.int64(0)
    for i in range(low.size):
        if (i & 0xFF) == 0 and stop[0]:
            return i
        begin, until = np.int64(low[i]), np.int64(high[i])
        if begin < a or until < b or begin >= b:
            while a < b:
                if rank[a] >= 0:
                    n += mark(counts, words, tops, np.int64(rank[a]), -1)
                a += 1
            a = b = begin
        while b < until:
            if rank[b] >= 0:
                n += mark(counts, words, tops, np.int64(rank[b]), 1)
            b += 1
        while a < begin:
            if rank[a] >= 0:
                n += mark(counts, words, tops, np.int64(rank[a]), -1)
            a += 1
        hole = holed and begin <= i and i < until and rank[i] >= 0
        if hole:
            n += mark(counts, words, tops, np.int64(rank[i]), -1)
        sizes[i] = n
        if ends.size and n:
            first = ends[i] - min(n, most)
            emit(words, tops, most, out, first)
        if hole:
            n += mark(counts, words, tops, np.int64(rank[i]), 1)
    return low.size
