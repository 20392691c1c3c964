"""The worlds every query runs in: results must be the same in all of them. Six cover every pair of choices."""

from __future__ import annotations

from typing import Any

BIG, TINY = 1 << 30, 24 << 20
WORLDS: dict[str, dict[str, Any]] = {
    "plain": {
        "threads": 1,
        "batch_rows": 65_536,
        "morsel_bytes": 2 << 20,
        "optimiser": True,
        "memory": BIG,
        "kernels": "never",
    },
    "rows1": {
        "threads": 4,
        "batch_rows": 1,
        "morsel_bytes": 64,
        "optimiser": True,
        "memory": TINY,
        "kernels": "always",
    },
    "rows3": {
        "threads": 1,
        "batch_rows": 3,
        "morsel_bytes": 100,
        "optimiser": False,
        "memory": TINY,
        "kernels": "never",
    },
    "threads": {
        "threads": 4,
        "batch_rows": 3,
        "morsel_bytes": 300,
        "optimiser": True,
        "memory": BIG,
        "kernels": "always",
    },
    "naive": {"threads": 1, "batch_rows": 1, "morsel_bytes": 7, "optimiser": False, "memory": BIG, "kernels": "never"},
    "large": {
        "threads": 4,
        "batch_rows": 65_536,
        "morsel_bytes": 2 << 20,
        "optimiser": False,
        "memory": TINY,
        "kernels": "always",
    },
}
