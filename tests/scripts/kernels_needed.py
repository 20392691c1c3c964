"""Which kernels the spec files' queries use that `engine.needs` did not foresee: those would be compiled while a query waits.

python -m tests.scripts.kernels_needed [names of cases, or how they begin]
"""

from __future__ import annotations

import builtins
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cortado.engine import needs, run
from cortado.engine.kernels import kept
from cortado.planner.text import QueryError

from ..running import run_case
from ..specfile import Case, read_specs

ROOT = Path(__file__).parent.parent / "specs"
WORLD = {"threads": 1, "batch_rows": 65_536, "morsel_bytes": 2 << 20, "optimiser": True, "memory": 1 << 30}
CONSTANTS = {"etscode", "pagefields", "regexcode"}  # no kernels in them: nothing to compile


class Seen:
    """`wanted`: what was foreseen for each query that ran; `used`: modules of kernels, and who imported them."""

    def __init__(self) -> None:
        self.wanted: list[frozenset[str] | None] = []
        self.used: dict[str, set[str]] = defaultdict(set)

    def missed(self) -> dict[str, set[str]]:
        if None in self.wanted:
            return {}
        known = CONSTANTS.union(*(w or () for w in self.wanted))
        return {k: v for k, v in self.used.items() if k not in known}


@contextmanager
def watched() -> Iterator[Seen]:
    """Looks at all that is imported: kernels are where they are used."""
    seen, imported, made = Seen(), builtins.__import__, run.Run.__init__
    modules = frozenset(kept.modules())

    def note(
        name: str, space: Mapping[str, Any] | None = None, local: Any = None, names: Sequence[str] = (), level: int = 0
    ) -> Any:
        user = str((space or {}).get("__name__", ""))
        if level and "kernels" in name and ".kernels" not in user:
            for one in names or () if name.endswith("kernels") else (name.rpartition(".")[2],):
                if one in modules:
                    seen.used[one].add(user)
        return imported(name, space, local, names, level)

    def ask(self: Any, session: Any, specs: Any, *rest: Any, **more: Any) -> None:
        seen.wanted.append(needs.of_query(specs))
        made(self, session, specs, *rest, **more)

    with patch.object(builtins, "__import__", note), patch.object(run.Run, "__init__", ask):
        yield seen


def missed(cases: Iterable[Case]) -> Iterator[tuple[str, dict[str, set[str]]]]:
    for case in cases:
        with watched() as seen, tempfile.TemporaryDirectory() as folder, suppress(QueryError):
            run_case(case, WORLD | {"kernels": "always"}, Path(folder))
        if found := seen.missed():
            yield case.name, found


def all_cases() -> list[Case]:
    return [c for f in sorted(ROOT.rglob("*.spec")) for c in read_specs(f)]


def main() -> None:
    asked = tuple(sys.argv[1:])
    for name, found in missed(c for c in all_cases() if not asked or c.name.startswith(asked)):
        print(name, found)


if __name__ == "__main__":
    main()
