"""Databases by name: what `dbquery PROFILE` may reach. Of the session, and of the user's file."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from ..planner.records import dataclass
from ..planner.text import QueryError, fault, nearest

FILE = "profiles.toml"
VARIABLE = "CORTADO_PROFILES"
DRIVERS = {
    "postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "sqlite3": "sqlite", "file": "sqlite",
}  # fmt: skip
_SQLITE_ENDINGS = (".db", ".db3", ".sqlite", ".sqlite3")
_FIELDS = ("driver", "uri", "entrypoint", "options", "parameters")
_SECRET = re.compile(r"password|passwd|secret|token|key|credential|auth", re.I)
_ENVIRONMENT = re.compile(r"\$\{([^\W\d]\w*)\}")


@dataclass(frozen=True, slots=True)
class Profile:
    """One database. `driver`: sqlite, postgresql, another ADBC driver that is installed, or the path of a library.

    `parameters`: how its SQL writes them: `?`, or `$1` (for drivers of which that is not known).
    """

    name: str
    driver: str
    uri: str | None = field(default=None, repr=False)
    entrypoint: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: str = ""

    def hidden(self, text: str) -> str:
        """A driver's message without what nobody should read in it."""
        if self.uri and len(self.uri) > 3:
            text = text.replace(self.uri, f"<uri of {self.name}>")
        for secret in self._secrets():
            text = text.replace(secret, "***")
        return text

    def _secrets(self) -> list[str]:
        from urllib.parse import unquote, urlsplit

        found = [v for n, v in self.options.items() if _SECRET.search(n)]
        if self.uri:
            try:
                password = urlsplit(self.uri).password
            except ValueError:
                password = None
            given = re.findall(r"password\s*=\s*'?([^\s'&]+)", self.uri, re.I)
            found += [p for p in (password, unquote(password or ""), *given) if p]
        return sorted((s for s in found if s), key=len, reverse=True)


def profile_of(name: str, given: Any, where: str = "") -> Profile:
    """From a URI, or a mapping with `driver`, `uri`, ... E410 says what does not fit."""
    at = f" ({where})" if where else ""
    if not isinstance(name, str) or not name:
        raise fault("E410", f"a profile has a name{at}")
    if isinstance(given, str | os.PathLike):
        given = {"uri": os.fspath(given)}
    if not isinstance(given, Mapping):
        raise fault("E410", f"profile '{name}'{at} is a URI, or driver, uri and options by name")
    unknown = [str(k) for k in given if k not in _FIELDS]
    if unknown:
        raise fault("E410", f"profile '{name}'{at} has no '{unknown[0]}'", suggestions=nearest(unknown[0], _FIELDS, 1),
                    hint="it has " + ", ".join(_FIELDS))  # fmt: skip
    uri, driver, options = given.get("uri"), given.get("driver"), given.get("options") or {}
    for word in ("uri", "driver", "entrypoint", "parameters"):
        if not isinstance(given.get(word), str | None):
            raise fault("E410", f"profile '{name}'{at}: {word} is text")
    if not isinstance(options, Mapping):
        raise fault("E410", f"profile '{name}'{at}: options are texts by name")
    if given.get("parameters", "") not in ("", "?", "$1"):
        raise fault("E410", f"profile '{name}'{at}: parameters are written ? or $1")
    if driver is None:
        driver = _driver_of(uri or "")
        if driver is None:
            raise fault("E410", f"profile '{name}'{at} needs a driver", hint="driver='sqlite' or driver='postgresql'")
    if not driver or (uri is None and not options):
        raise fault("E410", f"profile '{name}'{at} needs a {'uri' if driver else 'driver'}")
    return Profile(name, DRIVERS.get(driver.lower(), driver), uri, given.get("entrypoint"),
                   {str(k): _option_text(v) for k, v in options.items()}, given.get("parameters") or "")  # fmt: skip


def _option_text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _driver_of(uri: str) -> str | None:
    scheme = uri.split(":", 1)[0].lower() if ":" in uri else ""
    if scheme in DRIVERS:
        return DRIVERS[scheme]
    return "sqlite" if uri.lower().endswith(_SQLITE_ENDINGS) else None


class Profiles:
    """The session's own stand before those of the file, which is read when one is first asked for."""

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self._own = {name: profile_of(name, value) for name, value in (given or {}).items()}
        self._filed: dict[str, Profile] | None = None
        self._open: dict[Any, Any] = {}
        self._lock = threading.Lock()

    def add(self, profile: Profile) -> None:
        self._own[profile.name] = profile

    def all(self) -> dict[str, Profile]:
        if self._filed is None:
            self._filed = _read(file_path())
        return {**self._filed, **self._own}

    def find(self, name: str) -> Profile:
        """E304 names those there are."""
        found = self._own.get(name) or self.all().get(name)
        if found is None:
            known = sorted(self.all())
            hint = (
                "profiles here: " + ", ".join(known) if known else f"no profiles yet: session.profile(...), or {FILE}"
            )
            raise fault("E304", f"no profile is named '{name}'", suggestions=nearest(name, known, 1), hint=hint)
        return found

    def opened(self, profile: Profile, make: Any) -> Any:
        """What `make` gives for a profile, once a session."""
        with self._lock:
            key = profile_key(profile)
            if key not in self._open:
                self._open[key] = make(profile)
            return self._open[key]

    def close(self) -> None:
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for one in opened:
            one.close()


def profile_key(profile: Profile) -> Any:
    return (profile.name, profile.driver, profile.uri, profile.entrypoint, tuple(sorted(profile.options.items())))


def file_path() -> Path:
    """Where the user's profiles are."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_config_dir

    return Path(user_config_dir("cortado")) / FILE


def _read(path: Path) -> dict[str, Profile]:
    """No file, no profiles. `${NAME}` in it is a variable of the environment."""
    import tomllib

    from .storage.paths import Gate

    gate = Gate()
    try:
        if not gate.exists(path):
            return {}
        raw = gate.read_bytes(path).decode("utf-8")
        tables = tomllib.loads(raw)
    except (QueryError, OSError) as why:
        said = why.message if isinstance(why, QueryError) else str(why)
        raise fault("E605", f"the profiles cannot be read: {said}") from why
    except ValueError as why:
        raise fault("E605", f"`{path}` is no TOML: {why}") from why
    return {name: profile_of(name, _with_environment(value, name, path), str(path)) for name, value in tables.items()}


def _with_environment(value: Any, name: str, path: Path) -> Any:
    if isinstance(value, Mapping):
        return {k: _with_environment(v, name, path) for k, v in value.items()}
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise fault("E410", f"profile '{name}' ({path}): the environment has no variable {found[1]}")
        return os.environ[found[1]]

    return _ENVIRONMENT.sub(one, value)


def sqlite_uri(uri: str) -> str:
    """A file that is there: without this SQLite makes an empty database of a wrong name."""
    if uri.startswith("sqlite:"):
        uri = uri[7:].removeprefix("//")
    if uri.startswith("file:") or uri in ("", ":memory:"):
        return uri
    from urllib.parse import quote

    return f"file:{quote(os.path.abspath(os.path.expanduser(uri)))}?mode=rw"


__all__ = ["Profile", "Profiles", "file_path", "profile_of", "sqlite_uri"]
