"""Log templates: both paths of masking, and the miner against one that takes a line after the other."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import cortado
from cortado.engine.analytics.drain import MOST_BRANCHES, Lines, Miner
from cortado.engine.analytics.masking import MASK, masked, masked_compiled
from cortado.engine.batch import Spans

STOP = np.zeros(1, np.uint8)


def random_lines(seed: int, n: int) -> list[str | None]:
    draw = random.Random(seed)
    letters = "aB_.:-+ 9\t\r5é한/=[](),<*>\u00a0"
    made = ["".join(draw.choice(letters) for _ in range(draw.randrange(25))) for _ in range(n)]
    return [None, "", " ", "1", "a:1", "1:a", "1:2:b:3", "::1", *made]


@pytest.mark.parametrize("seed", range(5))
def test_the_kernel_masks_as_the_pattern_does(seed: int) -> None:
    lines = pa.array(random_lines(seed, 3000), pa.string())
    assert masked_compiled(lines, STOP).equals(masked(lines))
    cut = lines.slice(7, 1000)
    assert masked_compiled(cut, STOP).equals(masked(cut))


def test_the_kernel_reads_lines_as_they_lie_in_the_file() -> None:
    lines = [line for line in random_lines(9, 500) if line is not None]
    body = "\n".join(lines).encode()
    length = np.array([len(line.encode()) for line in lines], np.int32)
    start = np.append(0, np.cumsum(length + 1)[:-1]).astype(np.int32) + np.int32(64)
    data = np.frombuffer(b"\0" * 64 + body + b"\0" * 64, np.uint8)
    length[3] = -1
    spans = Spans(pa.py_buffer(data.tobytes()), data, start, length)
    want = masked(pa.array([None if i == 3 else line for i, line in enumerate(lines)], pa.string()))
    assert masked_compiled(spans, STOP).equals(want)


@pytest.mark.parametrize(
    ("line", "want"),
    [
        ("10:00:01,123 INFO", "<*>,<*> INFO"), ("GET /item/42 HTTP/1.1", "GET /item/<*> HTTP/<*>"),
        ("from 10.0.0.1:8080 to fe80::1", "from <*> to <*>::<*>"), ("user=u42, ok", "user=<*>, ok"),
        ("blk_-1608999687919862906 done.", "<*> done."), ("code:17", "code:<*>"), ("한글7", "<*>"), ("a  b\t c ", "a b c"),
    ],
)  # fmt: skip
def test_what_is_masked(line: str, want: str) -> None:
    lines = pa.array([line])
    assert masked(lines)[0].as_py() == masked_compiled(lines, STOP)[0].as_py() == want


class OneByOne:
    """The definition: each line for itself, no memory of lines."""

    def __init__(self, depth: int, similarity: float) -> None:
        self.prefix, self.similarity = max(0, depth - 2), similarity
        self.leaves: dict[Any, list[int]] = {}
        self.branches: dict[Any, set[str]] = {}
        self.templates: list[list[str]] = []

    def take(self, line: str) -> int:
        words = line.split(" ")
        key: Any = (len(words),)
        for word in words[: self.prefix]:
            known = self.branches.setdefault(key, set())
            if word != MASK and word not in known and len(known) < MOST_BRANCHES:
                known.add(word)
            key = (*key, word if word in known else MASK)
        members = self.leaves.setdefault(key, [])
        agree = [sum(a == b for a, b in zip(self.templates[t], words, strict=True)) for t in members]
        if members and max(agree) >= self.similarity * len(words):
            best = members[agree.index(max(agree))]
            self.templates[best] = [a if a == b else MASK for a, b in zip(self.templates[best], words, strict=True)]
            return best
        members.append(len(self.templates))
        self.templates.append(words)
        return len(self.templates) - 1


def log(seed: int) -> list[str]:
    draw = random.Random(seed)
    words = ["a", "b", "c", "d", "e", MASK]
    return [" ".join(draw.choice(words) for _ in range(draw.randrange(1, 7))) for _ in range(draw.randrange(1, 150))]


def mined(lines: list[str], size: int, compiled: bool, depth: int, similarity: float) -> tuple[list[int], list[str]]:
    miner, out = Miner(depth, similarity), []
    for begin in range(0, len(lines), size):
        part = lines[begin : begin + size]
        distinct = sorted(set(part))
        pairs = np.array([distinct.index(line) for line in part], np.int64)
        made = miner.assign(
            pairs, Lines(pa.array(distinct), np.zeros(len(distinct), np.int64)), STOP if compiled else None
        )
        out += made.tolist()
    return out, miner.texts()


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("depth", "similarity"), [(4, 0.5), (3, 0.4), (2, 0.7), (6, 0.0), (3, 1.0)])
def test_batches_give_what_line_after_line_gives(compiled: bool, depth: int, similarity: float) -> None:
    for seed in range(25):
        lines = log(seed)
        plain = OneByOne(depth, similarity)
        want = [plain.take(line) for line in lines]
        for size in (1, 3, 40, 1000):
            got, texts = mined(lines, size, compiled, depth, similarity)
            assert got == want, (seed, size)
            assert texts == [" ".join(t) for t in plain.templates]


def test_a_node_has_a_limited_number_of_branches() -> None:
    names = [f"{a}{b}" for a in "abcdefghijklmnopqrst" for b in "abcdefghijklmnopqrst"]
    lines = [f"{name} went home today" for name in names]
    got, texts = mined(lines, 1000, True, 3, 0.5)
    plain = OneByOne(3, 0.5)
    assert got == [plain.take(line) for line in lines]
    assert len(texts) == MOST_BRANCHES + 1  # all further names share a template
    assert texts[-1] == "<*> went home today"


@pytest.mark.parametrize(
    "query", ["patterns field=line", "patterns mode=label field=line by k", "patterns field=line by k"]
)
def test_threads_batches_memory_and_kernels_change_nothing(query: str) -> None:
    draw = random.Random(3)
    verbs, n = ["login", "logout", "retry", "fail", "open"], 30_000
    lines = [f"{draw.choice(verbs)} of {draw.choice('abcdefgh')} in {i % 700} ms pad {'x' * 60}" for i in range(n)]
    t = pa.table({"k": [i % 30 for i in range(n)], "line": lines})
    got = []
    worlds: list[dict[str, Any]] = [
        {"threads": 1, "kernels": "never", "batch_rows": 2000}, {"threads": 4, "kernels": "always", "batch_rows": 700},
        {"threads": 2, "kernels": "always", "memory": 24 << 20},
    ]  # fmt: skip
    for settings in worlds:
        with cortado.connect(timezone="UTC", **settings) as s:
            got.append(s.query(f"table t | {query}", sources={"t": t}).run().to_arrow().combine_chunks())
    assert got[0].equals(got[1]) and got[0].equals(got[2])


def test_arguments_and_template_make_the_line_again() -> None:
    draw = random.Random(8)
    lines = [
        f"user={draw.choice('abc')}{i} from 10.0.{i % 9}.1:{i}, took {draw.choice(['long', 'no'])} time {i}ms"
        for i in range(400)
    ]
    with cortado.connect(timezone="UTC") as s:
        rows = s.query("table t | patterns mode=label", sources={"t": pa.table({"line": lines})}).run().to_pylist()
    for row in rows:
        parts = row["_pattern"].split(MASK)
        assert len(parts) == len(row["_pattern_args"]) + 1
        assert "".join(a + b for a, b in zip(parts, [*row["_pattern_args"], ""], strict=True)) == row["line"]
