"""Levenshtein and Jaro-Winkler against DuckDB and a plain table of distances, with and without the kernel."""

from __future__ import annotations

import random

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from cortado.engine import edits


def pairs(letters: str, most: int, n: int) -> list[tuple[str, str]]:
    draw = random.Random(3)
    return [tuple("".join(draw.choices(letters, k=draw.randrange(most))) for _ in range(2)) for _ in range(n)]  # type: ignore[misc]


def nothing() -> None:
    """No cancel."""


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("letters", "most"), [("ab", 9), ("abcdefgh", 30)])
def test_as_duckdb(letters: str, most: int, compiled: bool) -> None:
    given = [p for p in pairs(letters, most, 1000) if p != ("", "")]  # DuckDB finds two empty texts unlike
    table = pa.table({"a": [a for a, _ in given], "b": [b for _, b in given]})
    query = "select levenshtein(a, b) l, jaro_winkler_similarity(a, b) j from table_"
    db = duckdb.connect()
    db.register("table_", table)
    wanted = db.sql(query).to_arrow_table().to_pydict()
    a, b = (table.column(n).combine_chunks() for n in "ab")
    assert edits.levenshtein(a, b, nothing, compiled).tolist() == wanted["l"]
    assert np.allclose(edits.jaro_winkler(a, b, nothing, compiled), wanted["j"], rtol=1e-12)


def table_of(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        new = [i + 1]
        for k, y in enumerate(b):
            new.append(min(row[k] + (x != y), row[k + 1] + 1, new[k] + 1))
        row = new
    return row[-1]


@pytest.mark.parametrize("compiled", [False, True])
def test_letters_are_code_points(compiled: bool) -> None:
    given = pairs("가나다a😀", 12, 500)
    a, b = (pa.array([None, *(p[i] for p in given)]).slice(1) for i in (0, 1))
    assert edits.levenshtein(a, b, nothing, compiled).tolist() == [table_of(*p) for p in given]
    assert (edits.jaro_winkler(a, b, nothing, True) == edits.jaro_winkler(a, b, nothing, False)).all()


def test_long_texts_are_left_to_the_general_path() -> None:
    a, b = pa.array(["a" * 5000 + "x"]), pa.array(["b" * 5000])
    assert edits.levenshtein(a, b, nothing, True).tolist() == [5001]
