"""Functions that differ from row to row: random draws and the running number. The same for any thread count."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa

from ...engine import random
from ...engine.arrow import array_from, bitmap_of, buffer_of
from ...engine.exprs import Eval, Value
from ...engine.strings import Ints, guard_size, strings_from
from ...planner.types import BINARY
from ..base import DOUBLE, INTEGER, LONG, STRING, CallBinder, Type, function

GROUP = "random"


def _rand_type(call: CallBinder) -> Type:
    limit = call.constant(0)
    if call.is_constant(0) and isinstance(limit, int | float) and limit < 1:
        call.fail("E307", f"rand gives numbers below N, so N must be at least 1, not {limit}", at=0)
    return LONG


@function(
    "rand", args=(INTEGER, INTEGER), least=1, most=2, returns=_rand_type, volatile=True, group=GROUP,
    syntax="rand(N[, SEED])",
    summary="A random whole number 0..N-1. With SEED it depends on SEED and the row number alone.",
    examples=[("rand(1)", "0"), ("rand(10, 7) < 10", "true")],
)  # fmt: skip
def rand(ev: Eval, limit: Value, seed: Value | None = None) -> Value:
    top, valid = _constant_or_rows(ev, limit)
    if seed is None:
        draws = random.bits(ev.seed, ev.site, ev.place[1], ev.n)
    else:
        seeds, known = _constant_or_rows(ev, seed)
        draws, valid = random.bits(seeds, 0, ev.place[1], ev.n), valid & known
    bad = np.broadcast_to(valid & (top < 1), (ev.n,))
    ev.reject("domain", bad, limit, "N must be at least 1")
    return array_from(random.below(draws, np.maximum(top, 1)), np.broadcast_to(~valid, (ev.n,)) | bad)


def _constant_or_rows(ev: Eval, value: Value) -> tuple[Ints, Ints]:
    """Values and where they are there: one of each for a constant, which is drawn for without spreading it."""
    if isinstance(value, pa.Scalar):
        return np.array([value.as_py() if value.is_valid else 0], np.int64), np.array([value.is_valid])
    values, valid = ev.numbers(value)
    return np.where(valid, values, 0), valid


@function(
    "random", returns=DOUBLE, volatile=True, group=GROUP,
    syntax="random()",
    summary="A random double, 0 <= x < 1.",
    examples=[("random() < 1", "true"), ("random() >= 0", "true")],
)  # fmt: skip
def random_(ev: Eval) -> Value:
    return array_from(random.uniform(random.bits(ev.seed, ev.site, ev.place[1], ev.n)))


@function(
    "randn", returns=DOUBLE, volatile=True, group=GROUP,
    syntax="randn()",
    summary="A random double of the standard normal distribution.",
    examples=[("abs(randn()) < 10", "true"), ("typeof(randn())", '"double"')],
)  # fmt: skip
def randn(ev: Eval) -> Value:
    return array_from(random.normal(random.bits(ev.seed, ev.site, ev.place[1], ev.n)))


@function(
    "seq", returns=LONG, volatile=True, group=GROUP,
    syntax="seq()",
    summary="1, 2, 3, ... in input order.",
    examples=[("seq()", "1"), ("seq() + 9", "10")],
)  # fmt: skip
def seq(ev: Eval) -> Value:
    first = ev.place[1] + 1
    return array_from(np.arange(first, first + ev.n, dtype=np.int64))


PAIRS = np.frombuffer(bytes(range(256)).hex().encode(), np.uint16)  # of each byte its two digits, in memory order


@function(
    "guid", returns=STRING, volatile=True, group=GROUP,
    syntax="guid()",
    summary="A random UUID of version 4; repeatable only where option.seed is set.",
    examples=[("len(guid())", "36"), ("match(guid(), '^[0-9a-f]{8}-[0-9a-f]{4}-4')", "true")],
)  # fmt: skip
def guid(ev: Eval) -> Value:
    if ev.seed:
        halves = [random.bits(ev.seed, ev.site, ev.place[1], ev.n, lane) for lane in (0, 1)]
        raw = np.stack(halves, axis=1).astype(">u8").view(np.uint8).reshape(ev.n, 16).copy()
    else:
        raw = np.frombuffer(os.urandom(16 * ev.n), np.uint8).reshape(ev.n, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    digits = PAIRS[raw].view(np.uint8)
    text = np.full((ev.n, 36), ord("-"), np.uint8)
    for at, begin, end in ((0, 0, 8), (9, 8, 12), (14, 12, 16), (19, 16, 20), (24, 20, 32)):
        text[:, at : at + end - begin] = digits[:, begin:end]
    return strings_from(np.arange(0, 36 * ev.n + 1, 36), text.reshape(-1))


def _randbytes_type(call: CallBinder) -> Type:
    size = call.constant(0)
    if isinstance(size, int | float) and not 0 <= size < 2**31:
        call.fail("E307", f"a value has 0 to 2147483647 bytes, not {size}", at=0)
    return BINARY


@function(
    "randbytes", args=(INTEGER,), returns=_randbytes_type, volatile=True, group=GROUP, tier=2,
    syntax="randbytes(N)",
    summary="N random bytes, the same for a seed (option.seed) and a row; not for secrets.",
    examples=[("len(tohex(randbytes(16)))", "32"), ("randbytes(null)", "null")],
)  # fmt: skip
def randbytes(ev: Eval, size: Value) -> Value:
    sizes, valid = ev.numbers(size)
    sizes = np.where(valid, sizes, 0)
    below = sizes < 0
    ev.reject("domain", below, size, "a number of 0 or more")
    sizes = np.where(below, 0, sizes)
    guard_size(int(min(sizes.astype(np.float64).sum(), 2.0**62)))
    words = -(-sizes // 8)
    drawn = np.zeros(int(words.sum()), np.uint64)
    first = np.cumsum(words) - words
    for lane in range(int(words.max(initial=0))):  # eight bytes of every row that still wants some
        rows = np.flatnonzero(words > lane)
        drawn[first[rows] + lane] = random.bits(ev.seed, ev.site, ev.place[1], ev.n, lane)[rows]
    data = drawn.astype("<u8").view(np.uint8)
    row = np.repeat(np.arange(ev.n), sizes)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    out = data[8 * first[row] + nth]
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
    bitmap = bitmap_of(~valid | below)
    return pa.Array.from_buffers(pa.binary(), ev.n, [bitmap, buffer_of(offsets), buffer_of(out)])
