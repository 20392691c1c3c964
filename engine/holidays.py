"""Public holidays of countries, from the package `holidays` (extra `holidays`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..planner.text import fault, nearest
from .arrow import array_from
from .strings import Mask

Ints = NDArray[np.int64]
EPOCH = dt.date(1970, 1, 1).toordinal()


def _package() -> Any:
    try:
        import holidays
    except ImportError as why:
        raise fault(
            "E610", "holidays come from a package that is not installed", hint="pip install 'cortado[holidays]'"
        ) from why
    return holidays


class Unknown(Exception):
    """A country or a subdivision that has no holidays here, the nearest names, and what is known."""

    def __init__(self, message: str, near: Sequence[str], hint: str) -> None:
        super().__init__(message)
        self.near, self.hint = tuple(near), hint


def checked(country: str, subdivision: str | None = None) -> tuple[str, str | None]:
    """The codes as the package spells them. E610 without the package; `Unknown` for what it does not know."""
    package = _package()
    known = package.list_supported_countries(include_aliases=True)
    code = country.upper()
    if code not in known:
        raise Unknown(
            f"'{country}' is no country with holidays", _near(package, country), "ISO 3166 codes: KR, US, DE, ..."
        )
    if subdivision is None:
        return code, None
    aliases = getattr(package, code).subdivisions_aliases
    parts = {name.upper(): part for name, part in [*aliases.items(), *((part, part) for part in known[code])]}
    if subdivision.upper() not in parts:
        few = ", ".join(known[code][:12]) + (", ..." if len(known[code]) > 12 else "")
        raise Unknown(
            f"'{subdivision}' is no part of {code} with holidays of its own",
            nearest(subdivision, known[code], 1),
            f"parts of {code}: {few}" if few else f"{code} has none",
        )
    return code, parts[subdivision.upper()]


def _near(package: Any, country: str) -> Sequence[str]:
    """Codes of countries whose names are like the one given."""
    names = {name.replace("_", " "): found[1] for name, found in package.registry.COUNTRIES.items()}
    wanted = country.lower().replace("_", " ")
    inside = [name for name in names if len(wanted) > 3 and wanted in name]
    return [names[name] for name in inside or nearest(wanted, list(names), 1)][:3]


@lru_cache(maxsize=4096)
def of_year(country: str, subdivision: str | None, year: int) -> tuple[tuple[int, str], ...]:
    """Days since 1970 and names, in order; names in the language of the country, whatever the machine's is."""
    package = _package()
    language = getattr(package, country).default_language
    found = package.country_holidays(country, subdiv=subdivision, years=year, language=language, expand=False)
    return tuple(sorted((day.toordinal() - EPOCH, str(name)) for day, name in found.items() if day.year == year))


def years_of(days: Ints) -> Ints:
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def table(country: str, subdivision: str | None, low: int, high: int) -> tuple[Ints, list[str]]:
    """The holidays of the days low <= day < high, in order: int64 days since 1970, and names."""
    if low >= high:
        return np.zeros(0, np.int64), []
    first, last = years_of(np.array([low, high - 1])).tolist()
    found = [h for year in range(max(first, 1), min(last, 9999) + 1) for h in of_year(country, subdivision, year)]
    found = [h for h in found if low <= h[0] < high]
    return np.array([day for day, _ in found], np.int64), [name for _, name in found]


def looked_up(country: str, subdivision: str | None, days: Ints, valid: Mask) -> tuple[Mask, pa.Array[Any]]:
    """Of each day whether it is a holiday, and its name, null where it is none or `valid` is false. One look a distinct day."""
    distinct, at = np.unique(np.where(valid, days, 0), return_inverse=True)
    years = np.unique(years_of(distinct))
    found = dict(h for year in years.tolist() if 1 <= year <= 9999 for h in of_year(country, subdivision, year))
    names = pa.array([found.get(day) for day in distinct.tolist()], pa.string())
    named = np.array([day in found for day in distinct.tolist()], np.bool_)[at] & valid
    return named, names.take(array_from(at.astype(np.int64), ~valid))
