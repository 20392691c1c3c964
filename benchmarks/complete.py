"""How long completion takes a keystroke, with 1,000 fields: 95 of 100 within 30 ms is the goal.

python -m benchmarks.complete
"""

from __future__ import annotations

import time

import pyarrow as pa

import cortado
from cortado.repl.complete import Offers

TEXTS = (
    "table wide | search field_1 == 5 and field_99",
    "table wide | eval a = field_1 + field_2 | stats sum(a) as total by field_77",
    "table wide | rename field_5 as five | sort -five | fields fi",
)


def main() -> None:
    with cortado.connect() as session:
        session.register("wide", pa.table({f"field_{i}": [i] for i in range(1000)}))
        for text in TEXTS:
            took = []
            for _ in range(5):
                offers = Offers(session)
                for i in range(1, len(text) + 1):
                    begun = time.perf_counter()
                    offers.at(text[:i])
                    took.append(1000 * (time.perf_counter() - begun))
            took.sort()
            print(f"{took[len(took) // 2]:6.1f} ms median {took[int(len(took) * 0.95)]:6.1f} ms p95  {text}")


if __name__ == "__main__":
    main()
