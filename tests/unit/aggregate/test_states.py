"""Every aggregate's state: any split merged in any order, and exported and loaded, gives the same bits."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cortado.commands.base import REGISTRY
from cortado.engine.arrow import indices
from cortado.engine.operators.keyform import Words, words_of
from cortado.engine.operators.keyhash import hash_of, words_for
from cortado.engine.operators.keynumbers import first_rows
from cortado.engine.operators.keytable import DictTable, KeyTable
from cortado.engine.operators.states.base import Rows, State
from cortado.engine.operators.states.limbs import Limbs
from cortado.engine.operators.states.powers import add_powers, add_products
from cortado.engine.operators.states.smooth import Decay
from cortado.planner.types import DOUBLE, LONG, STRING

N_GROUPS = 9
MEASURES = dict.fromkeys(("rmse", "mae", "mape", "smape"), True)  # their binder makes the error of a row
DATA = {
    **MEASURES,
    "ema": Decay(alpha=0.3),
    "values": 3,
    "array": 4,
    "percentile": (40.0, "linear"),
    "estpercentile": 40.0,
    "estdc": 9,
    "estdcount": 9,
}
BY_TIME = ("earliest", "latest")  # their binder adds the time
NAMES = sorted(
    n
    for n, a in REGISTRY.aggregates.items()
    if not a.span_only and not a.window_only and not a.parts and (n[0] != "p" or n in ("p50", "p99", "percentile"))
)


def columns(rng: np.random.Generator, n: int) -> dict[Any, Any]:
    def holes(values: Any) -> Any:
        return pa.array(values, mask=rng.random(n) < 0.2)

    reals = rng.normal(size=n) * 10.0 ** rng.integers(-9, 9, n)
    reals[rng.random(n) < 0.05] = rng.choice([0.0, -0.0, np.nan])
    return {
        LONG: holes(rng.integers(-(2**40), 2**40, n) // rng.choice([1, 2**38])),
        DOUBLE: holes(reals),
        STRING: holes(np.array([f"text {i}" * (i % 4) for i in rng.integers(0, 30, n)], object)),
    }


def fed(maker: Any, groups: Any, args: list[Any], place: Any, rows: Any, compiled: bool) -> State:
    state: State = maker.make()
    state.resize(N_GROUPS)
    state.asked = (maker.out,)
    for part in np.array_split(rows, 3):
        taken = [a.take(indices(part)) for a in args[: state.arity]]
        state.update(Rows(groups[part], taken, place[part], compiled, np.zeros(1, np.uint8)))
    state.seal()
    return state


def outcome(state: State, out: str, compiled: bool) -> Any:
    def hexed(v: Any) -> Any:
        return v.hex() if isinstance(v, float) else v

    return [hexed(v) for v in state.finish(N_GROUPS, out, compiled).values.to_pylist()]


def made(name: str, type_: Any) -> tuple[np.random.Generator, Any, list[Any], int]:
    """The aggregate's maker over columns of the type."""
    rng = np.random.default_rng(len(name))
    n = 900
    found = columns(rng, n)
    function = REGISTRY.aggregates[name]
    n_args = 1 if name in DATA else 2 if name in BY_TIME else function.least
    types = [type_, DOUBLE if function.ordered else type_][:n_args]
    args = [found[t] for t in types]
    if n_args == 2 and not function.ordered:
        args[1] = args[1].take(indices(np.roll(np.arange(n), 7)))
    return rng, function.state(types, DATA.get(name)), args, n


@pytest.mark.parametrize("type_", [LONG, DOUBLE, STRING], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_any_split_in_any_order_gives_the_same_bits(name: str, type_: Any) -> None:
    rng, maker, args, n = made(name, type_)
    groups = rng.integers(0, N_GROUPS - 1, n).astype(np.int32)  # the last group stays empty
    place = np.arange(n) + (1 << 36)
    whole = outcome(fed(maker, groups, args, place, np.arange(n), True), maker.out, True)
    parts = np.array_split(rng.permutation(n), 4)
    states = [fed(maker, groups, args, place, np.sort(p), bool(i % 2)) for i, p in enumerate(parts)]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        into: State = maker.make()
        into.resize(N_GROUPS)
        into.asked = (maker.out,)
        for i in order:
            members = rng.permutation(N_GROUPS).astype(np.int32)
            if i % 2:  # through a file
                loaded: State = maker.make()
                loaded.resize(N_GROUPS)
                loaded.load(states[i].export(members))
                into.merge(loaded, np.arange(N_GROUPS, dtype=np.int32), members, compiled=i < 2)
            else:
                into.merge(states[i], members, members, compiled=i < 2)
        assert outcome(into, maker.out, False) == whole


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("type_", [LONG, DOUBLE, STRING], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_several_members_merge_into_one_group(name: str, type_: Any, compiled: bool) -> None:
    rng, maker, args, n = made(name, type_)
    place = np.arange(n)
    groups = rng.integers(0, N_GROUPS, n).astype(np.int32)
    coarse = (groups // 4).astype(np.int32)
    whole = outcome(fed(maker, coarse, args, place, np.arange(n), compiled), maker.out, compiled)
    fine = fed(maker, groups, args, place, np.arange(n), compiled)
    into: State = maker.make()
    into.resize(N_GROUPS)
    into.asked = (maker.out,)
    members = rng.permutation(N_GROUPS).astype(np.int32)
    into.merge(fine, members, (members // 4).astype(np.int32), compiled)
    assert outcome(into, maker.out, compiled) == whole


@pytest.mark.parametrize("in_lines", [False, True])
def test_the_wide_form_gives_the_same_sums(in_lines: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import cortado.engine.operators.states.limbs as module

    rng = np.random.default_rng(1)
    values = rng.normal(size=5000) * 10.0 ** rng.integers(-20, 20, 5000)
    groups = rng.integers(0, 4, 5000).astype(np.int32)

    def total(compiled: bool) -> list[str]:
        whole = Limbs(4, in_lines)
        whole.resize(4)
        for part in np.array_split(np.arange(5000), 7):
            piece = Limbs(4, in_lines)
            piece.resize(4)
            for rows in np.array_split(part, 3):
                piece.add(groups[rows], pa.array(values[rows]), compiled)
            whole.merge(piece, np.arange(4, dtype=np.int32), np.arange(4, dtype=np.int32), compiled)
        assert len(whole.wide) == (4 if module.WIDE_AT < 5000 else 0)
        return [v.hex() for v in whole.finish(4, compiled)]

    want = total(True)
    monkeypatch.setattr(module, "WIDE_AT", 300)
    assert total(True) == want
    assert total(False) == want
    assert [float.fromhex(w) for w in want] == [math.fsum(values[groups == g]) for g in range(4)]


def test_sums_in_lines_are_the_same_sums() -> None:
    """Specials, tops and what is below the window, through growth, merges and export; compiled or not."""
    rng = np.random.default_rng(8)
    values = rng.normal(size=4000) * 10.0 ** rng.integers(-120, 120, 4000)
    values[::400], values[1::500], values[2::700], values[3::30] = np.inf, -np.inf, np.nan, 0.0
    groups = np.sort(rng.integers(0, 300, 4000)).astype(np.int32)
    nulls = rng.random(4000) < 0.1
    found = []
    for in_lines, compiled in ((False, False), (False, True), (True, False), (True, True)):
        sums = Limbs(4, in_lines)
        for rows in np.array_split(np.arange(4000), 5):
            sums.resize(int(groups[rows].max()) + 1)
            sums.add(groups[rows], pa.array(values[rows], mask=nulls[rows]), compiled)
        again, whole, every = Limbs(4, in_lines), Limbs(4, in_lines), np.arange(300, dtype=np.int32)
        again.load(sums.export(every))
        whole.resize(150)
        whole.merge(again, every, every // 2, compiled)
        whole.merge(sums, every[::-1].copy(), every // 2, compiled)
        out = [*sums.finish(300, compiled).tolist(), *whole.finish(150, compiled).tolist()]
        found.append(([v.hex() for v in out], sums.count(300).tolist(), whole.top.tolist()))
    assert found[1:] == found[:1] * 3


def test_products_are_exact_at_the_ends_of_the_range() -> None:
    x = np.array([5e-324, 1.7e308, -1.0, 2.0**-1022, 0.0, -0.0, 3.3])
    y = np.array([5e-324, 1.7e308, 1.5, 2.0**-1022, 1.0, 1.0, -7.7])
    for compiled in (True, False):
        sums = Limbs(8)
        sums.resize(len(x))
        add_products(sums, np.arange(len(x), dtype=np.int32), x, y, compiled)
        found = sums.integers(np.arange(len(x)))
        for a, b, got in zip(x.tolist(), y.tolist(), found, strict=True):
            (p, q), (r, s) = a.as_integer_ratio(), b.as_integer_ratio()
            assert got * q * s == p * r * 2**2150


def test_powers_are_exact_from_the_smallest_to_the_largest() -> None:
    """Against Python's fractions, at the ends of what is a power here and of the bits of a mantissa."""
    edges = [2.0**-400, 2.0**500, math.nextafter(2.0**500, 0), math.nextafter(1.0, 2), math.nextafter(1.0, 0), 3.3, 0.0]
    x = np.array([s * v for v in edges for s in (1, -1)])
    for compiled in (True, False):
        sums = [Limbs(8) for _ in range(3)]
        for s in sums:
            s.resize(len(x))
        add_powers(sums, np.arange(len(x), dtype=np.int32), x, compiled)
        for power, found in zip((2, 3, 4), (s.integers(np.arange(len(x))) for s in sums), strict=True):
            for value, got in zip(x.tolist(), found, strict=True):
                p, q = value.as_integer_ratio()
                assert got * q**power == p**power * 2**2150, (value, power)


def test_powers_of_many_magnitudes_have_the_same_bits_either_way_and_in_any_order() -> None:
    rng = np.random.default_rng(3)
    x = np.ldexp(rng.normal(size=4000), rng.integers(-300, 400, 4000))
    x[::50] = 0.0
    x[1::97] = np.inf
    groups = rng.integers(0, 5, 4000).astype(np.int32)

    def added(order: Any, compiled: bool) -> list[list[int]]:
        sums = [Limbs(8) for _ in range(3)]
        for s in sums:
            s.resize(5)
        for rows in np.array_split(order, 3):
            add_powers(sums, groups[rows], x[rows], compiled)
        return [s.integers(np.arange(5)) for s in sums]

    want = added(np.arange(4000), True)
    assert added(np.arange(4000), False) == want
    assert added(rng.permutation(4000), True) == added(rng.permutation(4000), False) == want
    exact = [sum(Fraction(v) ** 2 for v in x[(groups == g) & np.isfinite(x)].tolist()) for g in range(5)]
    assert all(abs(Fraction(a, 2**2150) - b) <= b / 2**200 for a, b in zip(want[0], exact, strict=True))


@pytest.mark.parametrize("spread", [1, 1 << 40])
def test_words_of_large_tables_are_numbered_alike(spread: int) -> None:
    """Looked up some rows at a time: keys that repeat within these, nulls, stretches, and numbers that lie close together."""
    rng, stop = np.random.default_rng(4), np.zeros(1, np.uint8)
    fast, slow = KeyTable(words=True), DictTable(words=True)
    for _ in range(4):
        values = np.repeat(rng.integers(0, 60_000, 30_000) * spread, rng.integers(1, 4, 30_000)).astype(np.uint64)
        nulls = rng.random(len(values)) < 0.05
        values[nulls] = 0
        one, other = (t.ids(Words(values, nulls), stop) for t in (fast, slow))
        assert one.tolist() == other.tolist()
    assert fast.n == slow.n > 1 << 14


def test_first_rows_of_numbers_in_any_order() -> None:
    rng = np.random.default_rng(6)
    ids = np.concatenate([rng.permutation(500), rng.integers(0, 500, 900)])[rng.permutation(1400)].astype(np.int32)
    for low in (0, 130, 499):
        want = [ids.tolist().index(k) for k in range(low, 500)]
        assert first_rows(ids, low, 500).tolist() == first_rows(ids, low, 500, compiled=True).tolist() == want


def test_both_tables_hash_alike_and_number_alike() -> None:
    r = random.Random(1)
    texts = pa.array([None, "", *("x" * r.randrange(60) + chr(r.randrange(97, 500)) for _ in range(3000))])
    stop = np.zeros(1, np.uint8)
    fast, slow = KeyTable(capacity=64), DictTable()
    assert fast.ids(texts, stop).tolist() == slow.ids(texts, stop).tolist()
    assert fast.keys().equals(slow.keys())
    assert fast.hashes().tolist() == slow.hashes().tolist()
    numbers = words_of(LONG, pa.array([None, *(r.randrange(-(2**63), 2**63) for _ in range(3000)), *range(-50, 50), 0]))
    fast, slow = KeyTable(True, 64), DictTable(True)
    assert fast.ids(numbers, stop).tolist() == slow.ids(numbers, stop).tolist()
    assert fast.hashes().tolist() == slow.hashes().tolist()
    assert isinstance(numbers, Words) and len(hash_of(*words_for(numbers))) == len(numbers)


def test_a_small_query_loads_neither_numba_nor_pandas() -> None:
    probe = (
        "import sys, numpy as np, pyarrow as pa\n"
        "from cortado.planner.types import LONG, STRING\n"
        "from cortado.engine.arrow import array_from\n"
        "from cortado.engine.operators.grouping import new_keys\n"
        "from cortado.engine.operators.keysort import order_of\n"
        "from cortado.engine.operators.states.sums import SumLong, Count\n"
        "from cortado.engine.operators.states.base import Rows\n"
        "import cortado.engine.operators.aggregate\n"
        "stop = np.zeros(1, np.uint8)\n"
        "x = array_from(np.arange(10))\n"
        "keys = new_keys((LONG, LONG), False)\n"
        "ids = keys.ids([x, x], 10, stop)\n"
        "state = SumLong(LONG)\n"
        "state.resize(10)\n"
        "state.update(Rows(ids, [x], None, False, stop))\n"
        "order_of([c.table.keys() for c in keys.coders])\n"
        "state.finish(10, 'sum', False)\n"
        "print([m for m in ('pandas', 'numba', 'statsmodels') if m in sys.modules])\n"
    )
    got = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "[]"
