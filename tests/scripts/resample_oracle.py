"""`resample` and `gapfill` against brute force, many cases at random: python -m tests.scripts.resample_oracle [CASES] [FIRST SEED]"""

from __future__ import annotations

import sys
from collections import Counter

import cortado
from tests.property.regularoracle import made
from tests.property.regularrun import difference
from tests.worlds import WORLDS


def main(cases: int, first: int) -> int:
    sessions = {name: cortado.connect(timezone="UTC", **world) for name, world in WORLDS.items()}
    names, wrong = list(sessions), 0
    counted: Counter[str] = Counter()
    for seed in range(first, first + cases):
        case = made(seed)
        world = names[seed % len(names)]
        counted[case.command] += 1
        found = difference(sessions[world], case)
        if found:
            wrong += 1
            print(f"seed {seed}, {world}: {found}\n", flush=True)
            if wrong == 20:
                break
    print(f"{sum(counted.values())} cases, {dict(counted)}: {wrong} wrong")
    return wrong


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(min(1, main(*(given + [20_000, 0][len(given) :]))))
