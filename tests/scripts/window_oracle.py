"""`window` against brute force, many cases at random over all options: python -m tests.scripts.window_oracle [CASES] [FIRST SEED]"""

from __future__ import annotations

import random
import sys
from collections import Counter

import cortado
from tests.property.windowcases import difference, random_case
from tests.worlds import WORLDS


def wrong(session: cortado.Session, draw: random.Random) -> str:
    """Empty where all columns are right."""
    case = random_case(draw)
    got = session.query(case.query(), sources={"r": case.table()}).run().to_arrow()
    found = difference(case, got.select([n for n in got.schema.names if n != "t"]).to_pylist())
    return f"{case.query()}\n{case.unit} {case.quantum} {case.rows}\n{found}" if found else ""


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
