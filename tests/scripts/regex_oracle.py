"""Every machine for regular expressions against RE2, patterns and lines at random:
python -m tests.scripts.regex_oracle [PATTERNS] [FIRST SEED] [LINES OF EACH]"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from tests.fuzz.regexjudge import wrong


def main(patterns: int, first: int, n_lines: int) -> int:
    counted: Counter[str] = Counter()
    failed, begun = 0, time.monotonic()
    for seed in range(first, first + patterns):
        found = wrong(random.Random(seed), n_lines, counted)
        if found:
            failed += 1
            print(f"seed {seed}: {found}\n", flush=True)
            if failed == 20:
                break
    pairs = sum(n for what, n in counted.items() if what not in ("refused by RE2", "matched"))
    took = time.monotonic() - begun
    print(f"{pairs} pairs of {patterns} patterns in {took:.0f} s, {dict(counted)}: {failed} wrong")
    return failed


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(min(1, main(*(given + [12_000, 0, 100][len(given) :]))))
