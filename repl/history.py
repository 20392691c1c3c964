"""Lines that were typed, kept in the user's data folder, readable by the user alone."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


class SafeHistory(FileHistory):
    """Goes on in memory when the file cannot be read or written."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        with suppress(OSError):  # a full disk is no reason to lose the prompt
            super().store_string(string)


def history() -> History:
    """$CORTADO_HISTORY, else a file in the user's data folder; in memory where neither can be written."""
    path = Path(os.environ.get("CORTADO_HISTORY") or _default())
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return SafeHistory(str(path)) if os.access(path, os.R_OK | os.W_OK) else InMemoryHistory()


def _default() -> Path:
    from platformdirs import user_data_path

    return user_data_path("cortado") / "history"
