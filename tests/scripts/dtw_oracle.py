"""Random questions to `dtw` against the whole table: python -m tests.scripts.dtw_oracle [count=20000] [seed=0]"""

from __future__ import annotations

import random
import sys
import time

import cortado
from tests.unit.dtw.cases import CHECKS, asking


def main() -> None:
    given = dict(a.split("=") for a in sys.argv[1:])
    count, seed = int(given.get("count", 20_000)), int(given.get("seed", 0))
    begun = time.monotonic()
    with (
        cortado.connect(timezone="UTC", threads=1, kernels="never") as plain,
        cortado.connect(timezone="UTC", threads=2, kernels="always") as fast,
    ):
        for i in range(count):
            kind = list(CHECKS)[i % len(CHECKS)]
            rng = random.Random(f"{seed} {i}")
            try:
                CHECKS[kind](asking((plain, fast)[i // len(CHECKS) % 2]), rng)
            except AssertionError:
                print(f"{kind}: case {i} of seed {seed} differs")
                raise
            if i % 1000 == 999:
                print(f"{i + 1} questions, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{count} questions, no difference")


if __name__ == "__main__":
    main()
