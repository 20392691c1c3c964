"""Random questions to `dtw`, asked of a session and of the whole table."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

import cortado

from . import oracle

Ask = Callable[..., list[dict[str, Any]]]
WINDOWS: dict[str, Callable[[int], int | None]] = {
    "0": lambda m: 0, "1p": lambda m: 1, "2": lambda m: 2, "5p": lambda m: 5, "none": lambda m: None,
    "0.1": lambda m: m // 10, "0.25": lambda m: m // 4, "0.5": lambda m: m // 2,
}  # fmt: skip


def asking(session: cortado.Session) -> Ask:
    def ask(query: str, **sources: Any) -> list[dict[str, Any]]:
        return session.query(query, sources=sources).to_arrow().to_pylist()

    return ask


def series(rng: random.Random, n: int) -> list[float]:
    """A walk, or few values with many ties; often with a far level, or flat."""
    kind = rng.random()
    if kind < 0.1:
        return [rng.choice([0.0, 0.1, 7.0])] * n
    if kind < 0.4:
        return [float(rng.randrange(3)) for _ in range(n)]
    out, at = [], rng.choice([0.0, 0.0, 1e6])
    for _ in range(n):
        at += rng.gauss(0, 1)
        out.append(at)
    return out


def table(groups: list[list[float]], rng: random.Random) -> pa.Table:
    rows = [(f"g{k:03d}", i, x) for k, points in enumerate(groups) for i, x in enumerate(points)]
    rng.shuffle(rows)
    names = ("k", "n", "x")
    kinds = (pa.string(), pa.int64(), pa.float64())
    return pa.table({n: pa.array([r[c] for r in rows], t) for c, (n, t) in enumerate(zip(names, kinds, strict=True))})


def near(got: float | None, want: float) -> bool:
    if math.isinf(want):
        return got is None
    return got == pytest.approx(want, rel=1e-9, abs=1e-6)


def check_distances(ask: Ask, rng: random.Random) -> None:
    """All distances, their ranks, the head of them by `top`, and paths."""
    pattern = series(rng, rng.randint(1, 16))
    groups = [
        series(rng, len(pattern) if rng.random() < 0.6 else rng.randint(1, 16)) for _ in range(rng.randint(1, 12))
    ]
    if len(groups) > 2:
        groups[-1] = list(groups[0])
    text, znorm = rng.choice(list(WINDOWS)), rng.random() < 0.5
    width = WINDOWS[text](len(pattern))
    change = oracle.normalised if znorm else list
    q = change(pattern)
    want = {f"g{k:03d}": math.sqrt(oracle.squared(change(x), q, width)) for k, x in enumerate(groups)}
    t, p = table(groups, rng), table([pattern], rng)
    stage = f"dtw window={text} znorm={'t' if znorm else 'f'} order=n x by k [ table p ]"
    rows = ask(f"table t | {stage}", t=t, p=p)
    assert {r["k"] for r in rows} == want.keys()
    assert all(near(r["_distance"], want[r["k"]]) for r in rows), (rows, want)
    assert [r["_len"] for r in rows] == [len(groups[int(r["k"][1:])]) for r in rows]
    known = [r for r in rows if r["_distance"] is not None]
    assert rows[: len(known)] == known and [r["_rank"] for r in known] == list(range(1, len(known) + 1))
    assert known == sorted(known, key=lambda r: (r["_distance"], r["k"]))
    top = rng.randint(1, 6)
    head = ask(f"table t | {stage.replace('dtw ', f'dtw top={top} ', 1)}", t=t, p=p)
    assert head == [{c: v for c, v in r.items() if c != "_zscore"} for r in rows[:top]]
    steps = ask(f"table t | {stage.replace('dtw ', 'dtw path=t ', 1)}", t=t, p=p)
    for r in rows:
        own = [s for s in steps if s["k"] == r["k"]]
        if r["_distance"] is None:
            assert not own
            continue
        assert sum(s["cost"] for s in own) == pytest.approx(r["_distance"] ** 2, rel=1e-9, abs=1e-9)
        if not znorm:
            cells = oracle.path(groups[int(r["k"][1:])], pattern, width)
            assert [(s["i"], s["j"]) for s in own] == cells and [s["step"] for s in own] == list(range(len(own)))


def check_matrix(ask: Ask, rng: random.Random) -> None:
    length = rng.randint(1, 12)
    groups = [series(rng, length if rng.random() < 0.7 else rng.randint(1, 12)) for _ in range(rng.randint(1, 9))]
    text, znorm = rng.choice(list(WINDOWS)), rng.random() < 0.5
    change = oracle.normalised if znorm else list
    ready = [change(x) for x in groups]
    stage = f"dtw mode=matrix window={text} znorm={'t' if znorm else 'f'} order=n x by k"
    rows = ask(f"table t | {stage}", t=table(groups, rng))
    pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
    assert [(r["a"], r["b"]) for r in rows] == [(f"g{a:03d}", f"g{b:03d}") for a, b in pairs]
    for r, (a, b) in zip(rows, pairs, strict=True):
        width = WINDOWS[text](min(len(groups[a]), len(groups[b])))
        assert near(r["_distance"], math.sqrt(oracle.squared(ready[a], ready[b], width))), (r, groups[a], groups[b])


def check_search(ask: Ask, rng: random.Random) -> None:
    """Each match is the least that is left, as far as roundings tell, and the greedy rule holds between them."""
    pattern = series(rng, rng.randint(1, 10))
    m = len(pattern)
    groups = [series(rng, rng.randint(1, 60)) for _ in range(rng.randint(1, 3))]
    text, znorm = rng.choice(list(WINDOWS)), rng.random() < 0.7
    width, top, exclude = WINDOWS[text](m), rng.randint(1, 4), rng.choice([0.0, 0.25, 0.5, 1.0])
    change = oracle.normalised if znorm else list
    q = change(pattern)
    t = table(groups, rng)
    holes = set()
    if rng.random() < 0.3:
        holes = {rng.randrange(len(t)) for _ in range(2)}
        x = [None if i in holes else v for i, v in enumerate(t["x"].to_pylist())]
        t = t.set_column(2, "x", pa.array(x, pa.float64()))
    stage = f"dtw mode=search window={text} znorm={'t' if znorm else 'f'} top={top} exclude={exclude} order=n x by k [ table p ]"
    rows = ask(f"table t | {stage}", t=t, p=table([pattern], rng))
    points: dict[str, dict[int, float | None]] = {}
    for r in t.to_pylist():
        points.setdefault(r["k"], {})[r["n"]] = r["x"]
    for k, given in points.items():
        x = [given[i] for i in range(len(given))]
        profile = []
        for at in range(len(x) - m + 1):
            window = [v for v in x[at : at + m] if v is not None]
            profile.append(math.sqrt(oracle.squared(change(window), q, width)) if len(window) == m else math.inf)
        own = [r for r in rows if r["k"] == k]
        assert [r["_rank"] for r in own] == list(range(1, len(own) + 1))
        done: list[int] = []
        for r in own:
            left = [d for p, d in enumerate(profile) if d < math.inf and _free(p, done, m, exclude)]
            assert _free(r["_start"], done, m, exclude) and r["_end"] == r["_start"] + m - 1 == r["_end_time"]
            assert near(r["_distance"], min(left)) and near(profile[r["_start"]], min(left)), (r, profile)
            done.append(r["_start"])
        assert len(own) == top or not any(d < math.inf and _free(p, done, m, exclude) for p, d in enumerate(profile))


def _free(at: int, done: list[int], m: int, exclude: float) -> bool:
    return all(at != p and max(0, m - abs(at - p)) <= exclude * m + 1e-9 for p in done)


CHECKS = {"distances": check_distances, "matrix": check_matrix, "search": check_search}
