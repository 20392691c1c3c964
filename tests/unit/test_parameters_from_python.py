"""Parameters and sessions as Python's libraries give and show them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import cortado


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.array([1, 2]), [1, 2]), (np.array([]), []), (np.array(["a"]), ["a"]), (np.int64(4), 4), (pd.NA, None)],
)
def test_of_numpy_and_pandas(value: object, expected: object) -> None:
    assert cortado.query('json "{}" | eval p = $p', p=value).to_pylist() == [{"p": expected}]


def test_a_dict_says_how_tables_are_given() -> None:
    with pytest.raises(cortado.BindError, match=r"sources=\{"):
        cortado.query('json "{}" | eval p = $p', p={"a": 1})


@pytest.mark.parametrize("kind", ["field", "table"])
def test_names_are_not_empty(kind: str) -> None:
    use = 'json "{}" | fields $k' if kind == "field" else "table $k"
    with pytest.raises(cortado.BindError, match=f"it takes the name of a {kind}"):
        cortado.query(f"param k: {kind}\n{use}", k="")


def test_a_session_shows_itself() -> None:
    with cortado.connect() as s:
        assert repr(s) == "<cortado.Session in memory>"
    assert repr(s) == "<cortado.Session closed>"
