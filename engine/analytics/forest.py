"""Isolation forests (Liu, Ting & Zhou, "Isolation Forest", ICDM 2008): rows that few random cuts set apart are unusual.

A tree is grown on a sample: each node cuts a field, drawn among those whose values differ in it, at a point drawn between the
least and the greatest of them. All trees of a forest grow together, level by level, each draw a function of (seed, tree,
node), so a forest depends on its rows and its seed alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from ..random import below, bits, uniform

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
BLOCK = 1 << 14  # rows scored at once by the general path
SITE = 0x150F0  # of draws


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes of all trees: `field` -1 at a leaf, else a row goes to `child` if its value is below `cut`, to `child + 1` otherwise.

    `length`: at a leaf, the cuts on the way to it and those that its rows would still take on average. `gain`: by how much
    the cut that led to a node shortened the way: the bits that it told less the one that a cut in halves tells.
    """

    roots: I64
    depth: int  # cuts on the longest way
    field: I32
    cut: F64
    child: I32
    length: F64
    gain: F64
    usual: float  # length of a way in a tree of the sample's size, on average


def usual_length(n: NDArray[np.int64]) -> F64:
    """Cuts until a row of n stands alone, on average over random trees: 2 H(n-1) - 2 (n-1) / n, of 1 or none 0."""
    most = int(n.max(initial=1))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, max(most, 2)))])
    at = np.maximum(n, 1)
    out: F64 = np.where(n > 1, 2.0 * harmonic[at - 1] - 2.0 * (at - 1) / at, 0.0)
    return out


def drawn(n: int, size: int, n_trees: int, seed: int) -> I64:
    """A sample of `size` of the rows 0 .. n for each tree, without repetition; `size` at most n."""
    if size == n:
        return np.tile(np.arange(n), (n_trees, 1))
    out = np.empty((n_trees, size), np.int64)
    for tree in range(n_trees):
        if 2 * size > n:
            out[tree] = np.argsort(bits(seed, SITE, tree * n, n), kind="stable")[:size]
            continue
        found: I64 = np.empty(0, np.int64)
        at = 0
        while len(found) < size:  # each row once, in order of its first draw
            more = below(bits(seed, SITE, at, 2 * size, lane=tree + 1), n)
            found = np.concatenate([found, more])
            found = found[np.sort(np.unique(found, return_index=True)[1])]
            at += 2 * size
        out[tree] = found[:size]
    return out


def grown(rows: F64, size: int, n_trees: int, seed: int, check: Callable[[], None] = lambda: None) -> Forest:
    """`rows`: one a row, one column a field, all finite, at least one. O(n_trees * size * log(size))."""
    n = len(rows)
    size = min(size, n)
    deepest = int(np.ceil(np.log2(max(size, 2))))
    sample = rows[drawn(n, size, n_trees, seed).reshape(-1)]
    node = np.repeat(np.arange(n_trees), size)
    tree_of = np.arange(n_trees)
    place = np.ones(n_trees, np.int64)  # of a node in its tree: children of p are 2 p and 2 p + 1
    parts: list[tuple[I64, I64, F64, I64, F64, F64]] = []
    gain = np.zeros(n_trees)
    first = 0
    for depth in range(deepest + 1):
        check()
        n_nodes = len(tree_of)
        order = np.argsort(node, kind="stable")
        node, sample = node[order], sample[order]
        starts = np.searchsorted(node, np.arange(n_nodes + 1))
        counts = np.diff(starts)
        low = np.minimum.reduceat(sample, starts[:-1], axis=0)
        high = np.maximum.reduceat(sample, starts[:-1], axis=0)
        differ: NDArray[np.bool_] = np.asarray(low < high)
        splits: NDArray[np.bool_] = np.any(differ, axis=1) & (depth < deepest)
        field, cut = _cuts(low, high, differ, tree_of, place, seed)
        field = np.where(splits, field, -1)
        number = np.cumsum(splits) - 1
        child = np.where(splits, first + n_nodes + 2 * number, -1)
        length = np.where(splits, 0.0, depth + usual_length(counts))
        parts.append((tree_of, field, cut, child, length, gain))
        first += n_nodes
        if not splits.any():
            break
        live = splits[node]
        node, sample = node[live], sample[live]
        right: NDArray[np.bool_] = np.asarray(sample[np.arange(len(node)), field[node]] >= cut[node])
        node = 2 * number[node] + right
        parents = np.repeat(counts[splits], 2)
        members = np.bincount(node, minlength=len(parents))
        gain = np.log2(parents / members) - 1.0
        tree_of = np.repeat(tree_of[splits], 2)
        place = np.repeat(2 * place[splits], 2)
        place[1::2] += 1
    trees, fields, cuts, children, lengths_, gains = (np.concatenate(p) for p in zip(*parts, strict=True))
    order = np.argsort(trees, kind="stable")  # nodes of a tree side by side
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    children = np.where(children >= 0, number[children], -1)
    return Forest(
        number[:n_trees], depth, fields[order].astype(np.int32), cuts[order], children[order].astype(np.int32),
        lengths_[order], gains[order], float(usual_length(np.array([size]))[0]),
    )  # fmt: skip


def _cuts(low: F64, high: F64, differ: NDArray[np.bool_], tree: I64, place: I64, seed: int) -> tuple[I64, F64]:
    """For each node a field among those that differ, and a point above its least value and not above its greatest."""
    draws = _draws(tree, place, seed)
    count = differ.sum(axis=1)
    nth = below(draws[0], np.maximum(count, 1))
    field = np.argmax(np.cumsum(differ, axis=1) > nth[:, None], axis=1)
    at = np.arange(len(field))
    a, b = low[at, field], high[at, field]
    part = uniform(draws[1])
    cut = a + part * (b - a) if np.isfinite(b - a).all() else a * (1.0 - part) + b * part
    return field, np.where(cut > a, np.minimum(cut, b), np.minimum(np.nextafter(a, np.inf), b))


def _draws(tree: I64, place: I64, seed: int) -> list[NDArray[np.uint64]]:
    """Two draws for each node."""
    keys = bits(seed, SITE + 1, 0, 1).astype(np.int64) ^ (tree << 32 | place)
    return [bits(keys, SITE + 2, 0, len(keys), lane) for lane in (1, 2)]


def walked(
    forest: Forest, rows: F64, wants_gains: bool, check: Callable[[], None] = lambda: None
) -> tuple[F64, F64 | None]:
    """The mean length of each row's way through the trees; and of each row and field by how much the cuts of the field
    shortened its ways (mean over the trees, in cuts), if that is wanted. Trees one after the other: sums are of one order."""
    n_trees = len(forest.roots)
    total, gains = np.zeros(len(rows)), np.zeros(rows.shape) if wants_gains else None
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK]
        for root in forest.roots.tolist():
            check()
            at = np.full(len(block), root)
            live = np.flatnonzero(forest.field[at] >= 0)
            while len(live):
                field = forest.field[at[live]]
                to = forest.child[at[live]] + (block[live, field] >= forest.cut[at[live]])
                if gains is not None:
                    gains[begin + live, field] += forest.gain[to]
                at[live] = to
                live = live[forest.field[to] >= 0]
            total[begin : begin + BLOCK] += forest.length[at]
    return total / n_trees, None if gains is None else gains / n_trees


def walked_compiled(
    forest: Forest, rows: F64, wants_gains: bool, stop: NDArray[np.uint8]
) -> tuple[F64, F64 | None]:  # fmt: skip
    """The same bits. `stop`: a byte that ends it early."""
    from ..kernels import forest as kernels

    n_trees, rows = len(forest.roots), np.ascontiguousarray(rows)
    total = np.zeros(len(rows))
    if wants_gains:
        gains = np.zeros(rows.shape)
        kernels.gains(
            rows, forest.roots, forest.field, forest.cut, forest.child, forest.length, forest.gain, total, gains, stop
        )
        return total / n_trees, gains / n_trees
    leaf = forest.field < 0  # its own child, whatever the value
    field, cut = np.where(leaf, np.int32(0), forest.field), np.where(leaf, np.inf, forest.cut)
    child = np.where(leaf, np.arange(len(leaf), dtype=np.int32), forest.child)
    kernels.walk(rows, forest.roots, forest.depth, field, cut, child, forest.length, total, stop)
    return total / n_trees, None
