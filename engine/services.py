"""What commands reach at bind and at lowering: files, tables, registered objects, the session's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..planner.records import dataclass
from .profiles import Profiles

if TYPE_CHECKING:
    from .storage.paths import Gate
    from .storage.tables import TableStore


@dataclass(slots=True)
class Services:
    """One a session. Objects of one call shadow registered ones."""

    gate: Gate
    database: Path
    settings: Mapping[str, Any]
    objects: dict[str, Any] = field(default_factory=dict)  # registered by name
    given: Mapping[str, Any] = field(default_factory=dict)  # to this call only
    frame: Callable[[str], Any | None] | None = None  # Python variables, where the session allows it
    profiles: Profiles = field(default_factory=Profiles)  # databases by name
    spent: set[int] = field(default_factory=set)  # one-shot streams that were read, by id
    catalogue: Callable[[str, str, Any], Any] | None = None  # rows of `system`
    told: list[str] = field(default_factory=list)  # what the table store repaired since it was last asked
    _stores: dict[bool, TableStore] = field(
        default_factory=dict
    )  # by `durable`; shared with the services of single calls

    @property
    def timezone(self) -> str:
        return str(self.settings["timezone"])

    @property
    def safe(self) -> bool:
        return bool(self.settings.get("safe"))

    @property
    def tables(self) -> TableStore:
        """The stored tables; deltalake is imported when they are first asked for."""
        durable = bool(self.settings.get("durable", True))
        if durable not in self._stores:
            from .storage.paths import Gate
            from .storage.tables import TableStore

            own = Gate()  # the database folder is the session's, wherever queries may read
            self._stores[durable] = TableStore(own, self.database, durable=durable, note=self.told.append)
        return self._stores[durable]

    def turn_safe(self) -> None:
        """One way: files below listed folders only, no variables of the caller."""
        self.gate, self.frame = self.gate.safe(), None

    def lookup(self, name: str) -> Any | None:
        """An object of this name: given to the call, registered, then a variable of the caller if that is allowed."""
        held = self.shadowing(name)
        if held is not None:
            return held
        return self.frame(name) if self.frame is not None else None

    def shadowing(self, name: str) -> Any | None:
        """An object of this name that stands before a stored table: given to the call, or registered."""
        for known in (self.given, self.objects):
            if name in known:
                return known[name]
        return None
