"""`window` against brute force, many cases at random over all options: python -m tests.scripts.window_oracle [CASES] [FIRST SEED]"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from typing import Any

import pyarrow as pa

import cortado
from tests.property.neighbouroracle import FUNCTIONS, Fn, near, wanted
from tests.property.test_window import FIELDS
from tests.property.windoworacle import AGGS, TIMED, Agg, Row, Shape, expected, same
from tests.worlds import WORLDS

DOUBLES = (0.0, -0.0, 0.1, 0.2, -0.3, 1e16, -1e16, 1e300, 5e-324, math.nan, math.inf, -math.inf)
TAME = (0.1, 0.25, -3.75, 7.1, 1e3)
LONGS = (-3, -1, 0, 1, 2, 3, 2**62, -(2**62), 2**63 - 1, -(2**63))


def rows_of(draw: random.Random) -> list[Row]:
    doubles = TAME if draw.random() < 0.5 else DOUBLES
    longs = LONGS if draw.random() < 0.3 else LONGS[:6]
    reach = draw.choice([3, 8, 30])
    out = []
    for n in range(draw.choice([0, 1, 2, 5, 9, 14, 40])):
        values = [
            draw.randint(0, reach),
            draw.choice("ab"),
            draw.choice(longs),
            draw.choice(doubles),
            draw.choice(["", "a", "B", "é"]),
        ]
        kept = [None if draw.random() < 0.15 else v for v in values]
        out.append(dict(zip(FIELDS, (n, *kept), strict=True)))
    return out


def shape_of(draw: random.Random) -> Shape:
    kind = draw.choice(["running", "rows", "sides", "span", "after", "around"])
    current = draw.random() < 0.7
    words = [] if current else ["current=f"]
    n, m = draw.randint(0, 5), draw.randint(0, 5)
    if kind in ("running", "rows", "sides"):
        order = draw.choice([None, None, "x", "y", "s", "t"])
        words += [f"order={order}"] if order else []
        if kind == "running":
            return Shape(" ".join(words), False, None, 0, current=current, order=order)
        if kind == "rows":
            return Shape(" ".join([f"rows={n + 1}", *words]), False, n + (not current), 0, current=current, order=order)
        return Shape(" ".join([f"before={n} after={m}", *words]), False, n, m, current=current, order=order)
    closed = draw.choice(["both", "left", "right", "none"])
    words += [f"closed={closed}"] if closed != "both" else []
    if kind == "after":
        return Shape(" ".join([f"after={m}s", *words]), True, 0, m, closed, current=current)
    if kind == "around":
        return Shape(" ".join([f"before={n}s after={m}s", *words]), True, n, m, closed, current=current)
    ties = draw.choice(["all", "row"])
    words += [f"ties={ties}"] if ties == "row" else []
    return Shape(" ".join([f"span={n}s", *words]), True, n, 0, closed, ties, current)


def wrong(session: cortado.Session, draw: random.Random) -> str:
    """Empty where all columns are right."""
    found, shape = rows_of(draw), shape_of(draw)
    known: list[Agg | Fn] = draw.sample([*AGGS, *FUNCTIONS, *(TIMED if shape.by_time else ())], draw.randint(1, 6))
    least = 1 if shape.options.startswith(("rows=", "before=")) else draw.choice([1, 1, 0, 2, 3])
    if least == 0:  # of functions it says nothing
        known = [k for k in known if isinstance(k, Agg)] or [AGGS[0]]
    if not any(isinstance(k, Agg) and k.counted is not None for k in known):
        known.append(AGGS[0])  # alone, what looks at no frame refuses the frame, what is never null refuses min=
    calls = ", ".join(
        f"{k.text}{' where x > 0' if getattr(k, 'where', None) else ''} as c{i}" for i, k in enumerate(known)
    )
    by_time = shape.by_time or any(isinstance(k, Fn) and k.by_time for k in known)
    text = f"table r | window {'time=t ' if by_time else ''}{f'min={least} ' if least != 1 else ''}{shape.options} {calls} by k"
    table = pa.table({name: pa.array([r[name] for r in found], kind) for name, kind in FIELDS.items()})
    got = session.query(text, sources={"r": table}).run().to_arrow().to_pylist()
    if [r["n"] for r in got] != [r["n"] for r in found]:
        return f"{text}\n{found}\nrows in another order"
    for i, k in enumerate(known):
        right: dict[int, Any] = (
            wanted(found, shape, k, least) if isinstance(k, Fn) else expected(found, shape, k, least)
        )
        exact = isinstance(k, Agg) and k in AGGS
        for row in got:
            a, b = row[f"c{i}"], right.get(row["n"])
            if not (same(a, b) if exact else near(a, b, found)):
                return f"{text}\n{found}\n{k.text} of row {row['n']}: {a!r}, not {b!r}"
    return ""


def main(cases: int, first: int) -> int:
    sessions = {name: cortado.connect(timezone="UTC", **world) for name, world in WORLDS.items()}
    names, failed = list(sessions), 0
    counted: Counter[str] = Counter()
    for seed in range(first, first + cases):
        world = names[seed % len(names)]
        counted[world] += 1
        found = wrong(sessions[world], random.Random(seed))
        if found:
            failed += 1
            print(f"seed {seed}, {world}: {found}\n", flush=True)
            if failed == 20:
                break
    print(f"{sum(counted.values())} cases, {dict(counted)}: {failed} wrong")
    return failed


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(min(1, main(*(given + [20_000, 0][len(given) :]))))
