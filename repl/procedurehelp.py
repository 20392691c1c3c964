"""Help of a saved query or a `def`, from its header."""

from __future__ import annotations

from ..planner.ast import quote_name
from ..planner.procedures import Procedure
from ..planner.text import QueryError


def procedure_help(name: str, found: Procedure | QueryError) -> str:
    """What it is for, how it is called, its parameters; of a file that cannot be read the error."""
    if isinstance(found, QueryError):
        return str(found)
    first, *more = found.help.split("\n")
    lines = [f"{name}: {first}" if first else name, *more, ""]
    where = f", {found.unit.file}" if found.unit.file else ""
    lines.append(f"  proc {quote_name(name)}({', '.join(p.name for p in found.params)})   ({found.kind}{where})")
    if found.params:
        size = max(len(p.name) for p in found.params)
        kinds = max(len(p.type) for p in found.params)
        lines += ["", "parameters"]
        for p in found.params:
            told = "(required)" if p.default is None else f"= {p.written}"
            lines.append(f"  {p.name.ljust(size)}  {p.type.ljust(kinds)}  {told}")
    return "\n".join(lines)


__all__ = ["procedure_help"]
