"""Public holidays: against the package day by day, whatever the machine's language, and without the package."""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pytest

import cortado
from cortado.engine.holidays import Unknown, checked, looked_up, of_year, table

holidays = pytest.importorskip("holidays")
FIRST = dt.date(2023, 12, 1)


def days(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (FIRST - dt.date(1970, 1, 1)).days + np.arange(n)


@pytest.mark.parametrize(("country", "part"), [("KR", None), ("US", "CA"), ("DE", "BY"), ("JP", None)])
def test_each_day_is_what_the_package_says(country: str, part: str | None) -> None:
    language = getattr(holidays, country).default_language
    peer = holidays.country_holidays(country, subdiv=part, language=language)
    want = [peer.get(FIRST + dt.timedelta(days=i)) for i in range(800)]
    named, names = looked_up(country, part, days(800), np.ones(800, np.bool_))
    assert names.to_pylist() == want
    assert named.tolist() == [name is not None for name in want]
    found, told = table(country, part, int(days(1)[0]), int(days(1)[0]) + 800)
    assert dict(zip((found - days(1)[0]).tolist(), told, strict=True)) == {i: n for i, n in enumerate(want) if n}


def test_a_null_is_no_day_and_rows_may_be_in_any_order() -> None:
    order = np.random.default_rng(0).permutation(500)
    valid = order % 7 != 0
    named, names = looked_up("KR", None, days(500)[order], valid)
    straight, of = looked_up("KR", None, days(500), np.ones(500, np.bool_))
    assert named.tolist() == (straight[order] & valid).tolist()
    assert names.to_pylist() == [
        n if ok else None for n, ok in zip((of.to_pylist()[i] for i in order.tolist()), valid.tolist(), strict=True)
    ]


def test_names_do_not_go_by_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("en_US", "de", "C"):
        for variable in ("LANGUAGE", "LANG", "LC_ALL"):
            monkeypatch.setenv(variable, language)
        of_year.cache_clear()
        assert "설날" in dict((name, day) for day, name in of_year("KR", None, 2026))


def test_codes_of_countries_and_their_parts() -> None:
    assert checked("kor") == ("KOR", None) and checked("us", "california") == ("US", "CA")
    with pytest.raises(Unknown) as caught:
        checked("Germany")
    assert caught.value.near == ("DE",)
    assert of_year("KOR", None, 2026) == of_year("KR", None, 2026)


@pytest.mark.parametrize(
    "query", ["holidays country=KR from=20260101 to=20270101", 'json "{}" | eval a = isholiday(now(), "KR")']
)
def test_without_the_package_the_extra_is_named(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with cortado.connect(timezone="UTC") as session, pytest.raises(cortado.QueryError) as caught:
        session.query(query).to_arrow()
    assert caught.value.code == "E610" and caught.value.first.hint == "pip install 'cortado[holidays]'"
