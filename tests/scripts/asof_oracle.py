"""`asof` and `windowjoin` against brute force, in all worlds in turn: at least 20,000 random cases of each. By hand.

python tests/scripts/asof_oracle.py [--cases N] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cortado
from tests.property import asoforacle, windowjoinoracle
from tests.worlds import WORLDS


def asof(session: cortado.Session, rng: random.Random) -> str:
    case = asoforacle.random_case(rng)
    result = session.query(case.query(), sources=case.tables).run()
    got, wanted = asoforacle.given(case, result.to_arrow()), asoforacle.expected(case)
    told = Counter({n.reason: n.count for n in result.notes if n.kind == "drop"})
    dropped = Counter({k: v for k, v in asoforacle.ignored(case).items() if v and k != "overflow"})
    if asoforacle.same(got, wanted) and told == dropped:
        return ""
    return (
        f"{case.query()}\n{case.kinds}\nleft {case.left}\nright {case.right}\ngot {got} {told}\nnot {wanted} {dropped}"
    )


def windowjoin(session: cortado.Session, rng: random.Random) -> str:
    case = windowjoinoracle.random_case(rng)
    got = session.query(case.query(), sources=case.tables).run().to_arrow().to_pylist()
    differs = windowjoinoracle.wrong(case, got)
    return f"{case.query()}\n{case.kinds}\nleft {case.left}\nright {case.right}\n{differs}" if differs else ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    sessions = [cortado.connect(timezone="UTC", **world) for world in WORLDS.values()]
    for check in (asof, windowjoin):
        rng, begun = random.Random(asked.seed), time.monotonic()
        for i in range(asked.cases):
            if differs := check(sessions[i % len(sessions)], rng):
                print(f"{check.__name__}, case {i}, {list(WORLDS)[i % len(sessions)]}\n{differs}")
                return 1
        print(f"{check.__name__}: {asked.cases} cases in {time.monotonic() - begun:.0f} s, all as brute force has them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
