"""Groups of one key that several workers have, put together by ranges of the key's words: the same bits as by hashing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.engine.kernels import load
from cortado.engine.operators import groupmerge, groupwords
from cortado.engine.operators.groupwords import SortedGroups, WordMerge
from cortado.engine.operators.keytable import KeyTable, inline_keys

AGGS = [("count",), ("sum", "x"), ("sum", "y"), ("stddev", "y"), ("max", "y"), ("dc", "x"), ("last", "x")]


@pytest.fixture(scope="module", autouse=True)
def _kernels() -> None:
    load.ensure(background=False)


KEYS: dict[str, Callable[[Any], Any]] = {
    "addresses": lambda of: pa.array([None if k == 5 else f"{k % 7}.{k}" for k in of.tolist()]),
    "same eight bytes": lambda of: pa.array([f"prefixed{k}" for k in of.tolist()]),
    "empty and zeros": lambda of: pa.array(["\0" * (k % 9) + str(k // 9 or "") for k in of.tolist()]),
    "numbers": lambda of: pa.array(of * 10**15 - 10**18, mask=of % 50 == 3),
    "doubles": lambda of: pa.array(np.where(of % 31 == 0, np.nan, (of - 500) / 7.0), mask=of % 50 == 3),
    "long ones": lambda of: pa.array([f"{k}" * (9 if k % 40 == 0 else 1) for k in of.tolist()]),
}


def table(key: str, n: int) -> pa.Table:
    rng = np.random.default_rng(len(key))
    of = rng.integers(0, 1500, n)
    x = np.where(rng.random(n) < 0.05, (1 << 62) + 5, rng.integers(1, 100, n))
    return pa.table({"k": KEYS[key](of), "x": pa.array(x, mask=rng.random(n) < 0.1), "y": pa.array(rng.normal(size=n))})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", ["plain", "spans"])
def test_the_same_bits_as_by_hashing(
    key: str, form: str, run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groupmerge, "SMALL", 100)
    monkeypatch.setattr(groupwords, "PART_GROUPS", 200)
    monkeypatch.setattr(groupmerge, "PART_GROUPS", 200)
    found: list[bool] = []
    before = groupmerge.Merge._words

    def look(self: groupmerge.Merge) -> Any:
        out = before(self)
        found.append(out is not None)
        return out

    monkeypatch.setattr(groupmerge.Merge, "_words", look)
    t = table(key, 20_000)
    one = run(t, ("k",), AGGS, batch=1500, threads=3, form=form, seed=2)
    assert found == [key != "long ones"]
    monkeypatch.setattr(groupmerge.Merge, "_words", lambda self: None)
    other = run(t, ("k",), AGGS, batch=1500, threads=3, form=form, seed=2)
    alone = run(t, ("k",), AGGS, batch=1500, threads=1, form=form, seed=2)
    assert as_bits(one.table) == as_bits(other.table) == as_bits(alone.table)
    assert one.notes == other.notes == alone.notes
    assert one.notes[("reject", "overflow")] > 20


def test_with_little_memory(
    run: Callable[..., Any], as_bits: Callable[[pa.Table], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groupmerge, "SMALL", 100)
    t = table("addresses", 20_000)
    ample = run(t, ("k",), AGGS, batch=1500, threads=3, seed=2)
    for memory in (1 << 19, 3 << 20, 8 << 20, 12 << 20, 20 << 20, 40 << 20):
        tight = run(t, ("k",), AGGS, batch=1500, threads=3, memory=memory, seed=2)
        assert as_bits(tight.table) == as_bits(ample.table), memory


def test_no_part_is_empty_and_each_key_is_in_one() -> None:
    """Also where all keys begin alike, and where parts are more than keys."""
    rng = np.random.default_rng(3)
    keys = [np.unique(rng.integers(0, 400, n)).astype(np.uint64) for n in (300, 60, 1)]
    for first in (np.uint64(7), None):
        groups = [
            SortedGroups(np.arange(len(k), dtype=np.int32), np.full(len(k), first) if first else k, k) for k in keys
        ]
        for n_parts in (1, 5, 1000):
            merge = WordMerge(None, [None] * 3, groups, n_parts)  # type: ignore[arg-type,list-item]
            assert merge.n_parts == min(n_parts, len(keys[0]))
            last = -1
            for part in range(merge.n_parts):
                met = np.concatenate([k[c[part] : c[part + 1]] for k, c in zip(keys, merge._cuts, strict=True)])
                assert len(met) and met.min() > last
                last = int(met.max())
            assert [c[-1] for c in merge._cuts] == [len(k) for k in keys]


def test_texts_come_back_from_their_words() -> None:
    """Of every length that fits, in any order, also behind the last."""
    letters = "abcdefghijklmno"
    texts = [None, *(letters[i : i + size] for size in range(16) for i in range(16 - size))]
    table = KeyTable(type_=pa.string())
    table.ids(pa.array(texts), np.zeros(1, np.uint8))
    word0, word1 = table.sort_words()
    known = list(dict.fromkeys(texts))
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(known)).astype(np.int32)[: 1 + 7 * seed]
        got = inline_keys(word0, word1, order, pa.string())
        got.validate(full=True)
        assert got.to_pylist() == [known[i] for i in order.tolist()]
