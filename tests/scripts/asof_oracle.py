"""`asof` and `windowjoin` against brute force, in all worlds in turn: at least 20,000 random cases of each. By hand.

python tests/scripts/asof_oracle.py [--cases N] [--seed N] [--only asof]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import cortado
from tests.property import asofcases, asoforacle, windowjoinoracle
from tests.worlds import WORLDS


def asof(session: cortado.Session, rng: random.Random) -> str:
    case = asofcases.random_case(rng)
    result = session.query(case.query(), sources=case.tables).run()
    got, wanted = asoforacle.given(case, result), asoforacle.expected(case)
    if asoforacle.same(got, wanted, case):
        return ""
    return f"{case.query()}\n{case.kinds}\n{case.tables['a'].schema}\nleft {case.left}\n{case.tables['b'].schema}\nright {case.right}\ngot {got}\nnot {wanted}"


def windowjoin(session: cortado.Session, rng: random.Random) -> str:
    case = windowjoinoracle.random_case(rng)
    got = session.query(case.query(), sources=case.tables).run().to_arrow().to_pylist()
    differs = windowjoinoracle.wrong(case, got)
    return f"{case.query()}\n{case.kinds}\nleft {case.left}\nright {case.right}\n{differs}" if differs else ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("asof", "windowjoin"))
    asked = parser.parse_args()
    sessions = [cortado.connect(timezone="UTC", **world) for world in WORLDS.values()]
    wrong = 0
    for check in (asof, windowjoin):
        if asked.only not in (None, check.__name__):
            continue
        begun = time.monotonic()
        for i in range(asked.seed, asked.seed + asked.cases):
            if differs := check(sessions[i % len(sessions)], random.Random(i)):
                print(f"{check.__name__}, seed {i}, {list(WORLDS)[i % len(sessions)]}\n{differs}", flush=True)
                wrong += 1
                if wrong == 20:
                    return 1
        print(f"{check.__name__}: {asked.cases} cases in {time.monotonic() - begun:.0f} s, {wrong} wrong", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
