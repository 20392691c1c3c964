"""Random cases for `asof`: every option, names of time and keys, types of keys and fields, names that both sides have."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import pyarrow as pa

from .asoforacle import KINDS, NS, UNITS, Case, Key, Row, table

PAIRS = [
    ("us", "us"), ("us", "us"), ("us", "ns"), ("ns", "us"), ("ns", "ns"), ("s", "us"), ("ms", "ns"), ("naive", "us"), ("us", "naive"),
    ("day", "us"), ("ns", "day"), ("long", "long"), ("double", "double"), ("long", "double"), ("double", "long"), ("duration", "duration"),
]  # fmt: skip
TEXT, CODES = pa.string(), pa.dictionary(pa.int32(), pa.string())
KEYS: list[tuple[pa.DataType, pa.DataType]] = [
    (TEXT, TEXT), (TEXT, TEXT), (TEXT, CODES), (CODES, CODES), (CODES, TEXT), (pa.int64(), pa.int64()), (pa.int64(), pa.int16()), (pa.uint8(), pa.int32()),
    (pa.int64(), pa.float64()), (pa.float64(), pa.float64()), (pa.bool_(), pa.bool_()), (pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC")),
    (pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC")), (pa.duration("us"), pa.duration("us")),
]  # fmt: skip
FIELDS: dict[str, pa.DataType] = {
    "v": pa.int64(), "w": TEXT, "b": pa.bool_(), "d": pa.float64(), "c": CODES, "e": pa.timestamp("us", "UTC"), "l": pa.duration("us"),
    "g": pa.list_(pa.int64()),
}  # fmt: skip


def times(rng: random.Random, kind: str, n: int) -> list[Any]:
    wide = rng.random() < 0.1
    span = rng.choice([2, 5, 12, 1000])
    if kind == "double":
        odd = [math.inf, -math.inf, -0.0, 0.0, math.nan, 1e300, 2.0**53]
        made: list[Any] = [rng.choice(odd) if rng.random() < 0.1 else rng.randrange(span) / 2 for _ in range(n)]
    elif wide and kind in ("long", "us", "ns", "duration", "naive"):
        edge = [-(2**63), 2**63 - 1, 0, 1, -1]
        edge = [-(10**17), 10**17, 0, 1, 9_300_000_000_000_000] if kind in ("us", "naive") else edge
        made = [rng.choice(edge) for _ in range(n)]
    else:
        made = [rng.randrange(span) * (rng.choice([1, 500, 1000]) if kind == "ns" else 1) for _ in range(n)]
    if rng.random() < 0.55:
        made.sort(key=lambda x: (math.isnan(x), x) if isinstance(x, float) else (False, x))
    if rng.random() < 0.5:
        made = [None if rng.random() < 0.1 else t for t in made]
    return made


def tolerance(rng: random.Random, kinds: tuple[str, str]) -> tuple[str, Any] | None:
    if rng.random() < 0.5:
        return None
    value = rng.choice([0, 1, 2, 5, 50])
    if set(kinds) <= {"long", "double"}:
        if rng.random() < 0.3:
            return (
                (f"{value}.5", value + 0.5) if kinds != ("long", "long") else (f"{value}.5", Fraction(2 * value + 1, 2))
            )
        return str(value), value
    unit, ns = rng.choice([("us", 1000), ("ms", 10**6), ("s", NS), ("d", 86_400 * NS), ("m1s", NS)])
    if unit == "m1s":
        return f"{value}m1s", (60 * value + 1) * NS
    if "ns" in kinds and rng.random() < 0.3:
        unit, ns = "ns", 1
    return f"{value}{unit}", value * ns


def key_value(rng: random.Random, kind: Any, code: int) -> Any:
    """Equal ones of two types for equal codes."""
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind):
        return (
            "a",
            "",
            "b é",
            "a key longer than the words that are held inside",
            "a key longer than the words that are held insidE",
        )[code % 5]
    if pa.types.is_boolean(kind):
        return code % 2 == 1
    if pa.types.is_floating(kind):
        return rng.choice([0.0, -0.0]) if code == 0 else math.nan if code == 4 else float(code)
    if pa.types.is_timestamp(kind):
        return code * (1000 if kind.unit == "ns" else 1)
    return code


def field_value(rng: random.Random, kind: pa.DataType, i: int) -> Any:
    if rng.random() < 0.3:
        return None
    if pa.types.is_string(kind):
        return f"w{i}"
    if pa.types.is_dictionary(kind):
        return f"c{i % 3}"
    if pa.types.is_boolean(kind):
        return rng.random() < 0.5
    if pa.types.is_floating(kind):
        return rng.choice([math.nan, math.inf, -0.0, i / 4, i / 4])
    return [i] * (i % 3) if pa.types.is_list(kind) else 100 + i


def time_names(rng: random.Random, kinds: tuple[str, str]) -> tuple[str, str, str, bool]:
    """Of either side, how they are asked for, and whether there may be other dates."""
    if rng.random() < 0.4:
        return "t", "t", "on=t", True
    ways = [("t", "u", "on=t righton=u", True)]
    if set(kinds) <= set(UNITS):
        ways += [
            ("_time", "_time", "", True),
            ("_time", "u", "righton=u", True),
            ("t", "_time", "on=t righton=_time", True),
            ("t", "u", "", False),
        ]
    return rng.choice(ways)


def keys_of(rng: random.Random, dates: bool) -> list[Key]:
    out = []
    for i in range(rng.choice([0, 1, 1, 1, 2, 2, 3])):
        types = rng.choice([k for k in KEYS if dates or not pa.types.is_timestamp(k[0])])
        out.append(Key(f"k{i}", rng.choice([f"k{i}", f"k{i}", f"r{i}"]), types))
    return out


def codes_of(rng: random.Random, keys: list[Key]) -> int:
    """How many values a key has: few where there are several, so that rows match."""
    return rng.choice([1, 2, 5] if len(keys) < 2 else [1, 1, 2, 3])


def random_case(rng: random.Random) -> Case:
    kinds = rng.choice(PAIRS)
    on, righton, written, dates = time_names(rng, kinds)
    keys, nulls = keys_of(rng, dates), rng.random() < 0.5
    codes = codes_of(rng, keys)
    mine: dict[str, pa.DataType] = {"i": pa.int64(), on: KINDS[kinds[0]], **{k.left: k.types[0] for k in keys}}
    theirs: dict[str, pa.DataType] = {righton: KINDS[kinds[1]], **{k.right: k.types[1] for k in keys}}
    chosen = [n for n in FIELDS if rng.random() < 0.45 and (dates or n != "e")]
    theirs |= {n: FIELDS[n] for n in chosen}
    theirs |= {"m": pa.int64()} if rng.random() < 0.3 else {}  # such a key of the right as nobody asks for
    theirs |= {k.left: k.types[0] for k in keys if k.right != k.left and rng.random() < 0.2}
    if on != righton and dates and rng.random() < 0.15:
        theirs[on] = KINDS[kinds[0]]
    mine |= {n: FIELDS[n] for n in chosen if rng.random() < 0.2}
    if "v" in mine and "v" in theirs and rng.random() < 0.5:
        theirs["v"] = pa.float64()
    theirs = dict(rng.sample(sorted(theirs.items()), len(theirs)))

    def side(fields: dict[str, pa.DataType], time: str, kind: str, at: int, n: int) -> list[Row]:
        keyed = {(k.left, k.right)[at]: k.types[at] for k in keys}
        out: list[Row] = []
        for i, t in enumerate(times(rng, kind, n)):
            row: Row = {name: field_value(rng, of, i + 10 * at) for name, of in fields.items()}
            row |= {
                name: None if nulls and rng.random() < 0.1 else key_value(rng, of, rng.randrange(codes))
                for name, of in keyed.items()
            }
            if at and on in fields and on != time:
                row[on] = float(rng.randrange(9)) if kinds[0] == "double" else rng.randrange(9)
            for k in keys if at else ():
                if k.left in fields and k.left != k.right:
                    row[k.left] = key_value(rng, k.types[0], rng.randrange(codes))
            out.append(row | {time: t} | ({} if at else {"i": i}))
        return out

    case = Case(
        side(mine, on, kinds[0], 0, rng.choice([0, 1, 4, 9, 25])), side(theirs, righton, kinds[1], 1, rng.choice([0, 1, 5, 14, 60])),
        mine, theirs, kinds, on, righton, written, keys, by=rng.random() < 0.5,
        direction=rng.choice(["backward", "forward", "nearest"]), exact=rng.random() < 0.6, tolerance=tolerance(rng, kinds),
        inner=rng.random() < 0.3, skipnull=rng.random() < 0.35, gap=rng.random() < 0.5, prefix=rng.random() < 0.3,
    )  # fmt: skip
    if rng.random() < 0.3:
        by_number = ("i", rng.choice([">=", "<"]), rng.randrange(25))
        case.chosen = rng.choice([by_number, (rng.choice(case.names()), rng.choice(["isnull", "isnotnull"]), 0)])
    if rng.random() < 0.25:
        case.kept = rng.sample(case.names(), rng.randint(1, len(case.names())))
    case.tables = {
        "a": table(case.left, mine, rng.choice([1, 1, 3])),
        "b": table(case.right, theirs, rng.choice([1, 1, 4])),
    }
    return case
