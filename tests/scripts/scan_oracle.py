"""Groups and sums made at the scan, and literals looked for there, against the general path, over logs at random:
python -m tests.scripts.scan_oracle [LOGS] [FIRST SEED] [LINES OF EACH]"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import cortado
from tests.fuzz.rawscan import scan_wrong


def main(logs: int, first: int, n_lines: int) -> int:
    failed, begun = 0, time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        cortado.connect(threads=1, timezone="UTC", kernels="never") as general,
        cortado.connect(threads=2, timezone="UTC", kernels="always", morsel_bytes=4096) as small,
        cortado.connect(threads=1, timezone="UTC", kernels="always", batch_rows=7) as narrow,
        cortado.connect(threads=2, timezone="UTC", kernels="always", memory="300KB") as poor,
    ):
        for seed in range(first, first + logs):
            found = scan_wrong(random.Random(seed), n_lines, Path(folder), general, (small, narrow, poor))
            if found:
                failed += 1
                print(f"seed {seed}: {found[:3000]}\n", flush=True)
                if failed == 20:
                    break
    print(f"{logs * n_lines} pairs of {logs} logs in {time.monotonic() - begun:.0f} s: {failed} wrong")
    return failed


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:]]
    sys.exit(min(1, main(*(given + [300, 0, 2000][len(given) :]))))
