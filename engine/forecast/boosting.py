"""Gradient boosted regression trees over binned fields (Friedman 2001; histograms as in Ke et al. 2017, LightGBM), least squares.

Trees grow level by level to a fixed depth. Nothing is drawn by chance, sums run over rows in order, and of equally good cuts
the first field and bin is taken, so that a model depends on its rows and their order alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...planner.records import dataclass
from .batch import F64, Ints

Bins = NDArray[np.uint8]
N_BINS = 64  # of a field; bin 0 holds what is not known
SAMPLE = 100_000  # rows that the bounds of bins are taken from


@dataclass(frozen=True, slots=True)
class Growth:
    """`rate`: part of each tree that counts. `least`: rows of a leaf. `ridge`: rows of mean 0 that each leaf is drawn by."""

    n_trees: int = 120
    depth: int = 5
    rate: float = 0.1
    least: int = 20
    ridge: float = 5.0


@dataclass(frozen=True, slots=True)
class Trees:
    """Node i of level d of tree t is `[t, 2^d - 1 + i]` of `field` (-1: no cut) and `cut` int64[T, 2^D - 1]; its leaves `leaf` float64[T, 2^D].
    `base`: what is added. `bounds`: of each field, ascending."""

    base: float
    field: Ints
    cut: Ints
    leaf: F64
    bounds: list[F64]

    def binned(self, columns: Iterable[F64]) -> Bins:
        return np.stack([binned(c, b) for c, b in zip(columns, self.bounds, strict=True)], axis=1)

    def predicted(self, bins: Bins) -> F64:
        """float64[N], of rows uint8[N, F]: the sum of all trees, one after the other. O(N T D)."""
        n, n_trees = len(bins), len(self.leaf)
        at = np.zeros((n, n_trees), np.int64)
        rows, trees = np.arange(n)[:, None], np.arange(n_trees)
        first = 0
        for _ in range(int(self.leaf.shape[1]).bit_length() - 1):
            field, cut = self.field[trees, first + at], self.cut[trees, first + at]
            right = (field >= 0) & (bins[rows, np.maximum(field, 0)] > cut)
            first = 2 * first + 1
            at = 2 * at + right
        values = self.leaf[trees, at]
        out = np.full(n, self.base)
        for tree in range(n_trees):
            out += values[:, tree]
        return out


def bounds_of(column: F64) -> F64:
    """Bounds between bins of about as many rows each; of few distinct values each has a bin of its own."""
    known = column[~np.isnan(column)]
    some = np.sort(known[:: max(1, len(known) // SAMPLE)])
    distinct = np.unique(some)
    if len(distinct) <= N_BINS - 1:
        return np.asarray((distinct[:-1] + distinct[1:]) / 2)
    places = np.arange(1, N_BINS - 1) * len(some) // (N_BINS - 1)
    return np.unique(some[places])


def binned(column: F64, bounds: F64) -> Bins:
    """1 + the number of bounds that are not above; 0 for NaN."""
    out = np.searchsorted(bounds, column, "right") + 1
    return np.where(np.isnan(column), 0, out).astype(np.uint8)


def grown(
    bins: Bins, bounds: list[F64], target: F64, growth: Growth, compiled: bool, stop: NDArray[np.uint8]
) -> tuple[Trees, F64]:
    """The model of rows uint8[N, F], and what it says of them, float64[N]. `compiled`: by kernels, which `stop` ends early.

    O(T D N F).
    """
    depth, n = growth.depth, len(target)
    base = float(np.mean(target)) if n else 0.0
    said = np.full(n, base)
    fields, cuts, leaves = [], [], []
    for _ in range(growth.n_trees):
        if stop[0]:
            break
        rest = target - said
        node = np.zeros(n, np.int32)
        tree_fields, tree_cuts = [], []
        sums, slot = np.zeros((0, bins.shape[1], N_BINS, 2)), np.zeros(1, np.int64)
        for level in range(depth):
            made = _histogram(bins, node, slot, rest, compiled, stop)
            sums = _children(sums, made, slot) if level else made
            field, cut, slot = best_cuts(sums, growth)
            _descend(bins, field, cut, node, compiled, stop)
            tree_fields.append(field)
            tree_cuts.append(cut)
        total_ = np.bincount(node, rest, 1 << depth)
        leaf = growth.rate * total_ / (np.bincount(node, minlength=1 << depth) + growth.ridge)
        said += leaf[node]
        fields.append(np.concatenate(tree_fields))
        cuts.append(np.concatenate(tree_cuts))
        leaves.append(leaf)
    shape = (-1, (1 << depth) - 1)
    trees = Trees(
        base,
        np.array(fields, np.int64).reshape(shape),
        np.array(cuts, np.int64).reshape(shape),
        np.array(leaves).reshape(-1, 1 << depth),
        bounds,
    )
    return trees, said


def best_cuts(sums: F64, growth: Growth) -> tuple[Ints, Ints, Ints]:
    """Of each node the field and the last bin of its first part that lessen the squared error most; field -1 where none does.

    `sums` float64[M, F, B, 2]: what is left to explain, and rows, of each bin. Third: int64[2 M], a slot for the child of fewer rows
    of each node, -1 for the other: what the other has is what the node has less that.
    """
    left = np.cumsum(sums, axis=2)
    all_ = left[:, :, -1:]
    right = all_ - left

    def explained(part: F64) -> F64:
        return np.asarray(part[..., 0] * part[..., 0] / (part[..., 1] + growth.ridge))

    gain = explained(left) + explained(right) - explained(all_)
    gain = np.where((left[..., 1] >= growth.least) & (right[..., 1] >= growth.least), gain, -np.inf)
    nodes = np.arange(len(gain))
    flat = gain.reshape(len(gain), -1)
    best = np.argmax(flat, axis=1)
    worth = flat[nodes, best] > 1e-12
    n_left = np.where(worth, left[..., 1].reshape(len(gain), -1)[nodes, best], all_[:, 0, 0, 1])
    is_left = n_left <= all_[:, 0, 0, 1] - n_left
    slot = np.full(2 * len(gain), -1)
    slot[2 * nodes + np.where(is_left, 0, 1)] = nodes
    return np.where(worth, best // N_BINS, -1), np.where(worth, best % N_BINS, 0), slot


def _children(parents: F64, smaller: F64, slot: Ints) -> F64:
    out = np.empty((2 * len(parents), *parents.shape[1:]))
    has = slot >= 0
    out[has] = smaller
    out[~has] = parents - smaller
    return out


def _histogram(
    bins: Bins, node: NDArray[np.int32], slot: Ints, rest: F64, compiled: bool, stop: NDArray[np.uint8]
) -> F64:  # fmt: skip
    n_slots = int(slot.max()) + 1
    out = np.zeros((n_slots, bins.shape[1], N_BINS, 2))
    if compiled:
        from ..kernels import boosting as kernels

        kernels.histogram(bins, node, slot, rest, out, stop)
        return out
    of = slot[node]
    rows = np.flatnonzero(of >= 0)
    of, some = of[rows] * N_BINS, rest[rows]
    for f in range(bins.shape[1]):
        cell = of + bins[rows, f]
        out[:, f, :, 0] = np.bincount(cell, some, n_slots * N_BINS).reshape(n_slots, N_BINS)
        out[:, f, :, 1] = np.bincount(cell, minlength=n_slots * N_BINS).reshape(n_slots, N_BINS)
    return out


def _descend(
    bins: Bins, field: Ints, cut: Ints, node: NDArray[np.int32], compiled: bool, stop: NDArray[np.uint8]
) -> None:  # fmt: skip
    if compiled:
        from ..kernels import boosting as kernels

        kernels.descend(bins, field, cut, node, stop)
        return
    of = field[node]
    right = (of >= 0) & (bins[np.arange(len(node)), np.maximum(of, 0)] > cut[node])
    node[:] = 2 * node + right
