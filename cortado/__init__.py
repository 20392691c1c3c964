"""An embedded, piped query engine for logs and time series.

>>> import cortado
>>> cortado.query("json \\"[{'a':1}]\\" | eval b = a * 2").to_pylist()
[{'a': 1, 'b': 2}]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .planner.text import BindError, Cancelled, LimitError, ParseError, QueryError, RunError
    from .result import NoteEntry, Result
    from .session import Query, Running, Session, connect, query

__all__ = [
    "BindError", "Cancelled", "LimitError", "NoteEntry", "ParseError", "Query", "QueryError", "Result", "RunError", "Running",
    "Session", "__version__", "connect", "query",
]  # fmt: skip

_HOME = {
    **dict.fromkeys(("BindError", "Cancelled", "LimitError", "ParseError", "QueryError", "RunError"), ".planner.text"),
    **dict.fromkeys(("NoteEntry", "Result"), ".result"),
    **dict.fromkeys(("Query", "Running", "Session", "connect", "query"), ".session"),
}


def __getattr__(name: str) -> Any:
    """Loaded when first asked for: `import cortado` alone reads neither Arrow nor the grammar."""
    if name not in _HOME:
        raise AttributeError(f"module 'cortado' has no attribute '{name}'")
    from importlib import import_module

    found = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = found
    return found


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext cortado` in a notebook."""
    from .notebook import load

    load(shell)
