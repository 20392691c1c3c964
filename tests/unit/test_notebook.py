"""The notebook magic, against a shell that has what it uses of IPython."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cortado
from cortado.notebook import Magic, read_options


class Shell:
    """`register_magic_function`, `ev` and `user_ns`, as IPython's shell has them."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {"n": 2, "frame": [{"a": 1}, {"a": 2}, {"a": 3}]}
        self.magics: dict[str, Magic] = {}

    def register_magic_function(self, function: Any, magic_kind: str, magic_name: str) -> None:
        assert magic_kind == "line_cell"
        self.magics[magic_name] = function

    def ev(self, text: str) -> Any:
        return eval(text, self.user_ns)  # noqa: S307


@pytest.fixture
def shell() -> Iterator[Shell]:
    made = Shell()
    cortado.load_ipython_extension(made)
    yield made
    made.magics["cortado"].close()


def test_a_cell_and_a_line(shell: Shell) -> None:
    magic = shell.magics["cortado"]
    result = magic("", "json \"[{'a':1}]\"\n| eval b = a * 2")
    assert result is not None and result.to_pylist() == [{"a": 1, "b": 2}]
    line = magic("json \"[{'a':5}]\"")
    assert line is not None and "<td>5</td>" in line._repr_html_()


def test_out_keeps_the_result(shell: Shell) -> None:
    assert (
        shell.magics["cortado"]("--out rows --register frame --param least=n+0", "table frame | search a >= $least")
        is None
    )
    assert shell.user_ns["rows"].to_pylist() == [{"a": 2}, {"a": 3}]


def test_the_session_stays(shell: Shell, tmp_path: Path) -> None:
    magic = shell.magics["cortado"]
    magic(f"--db {tmp_path / 'db'}", 'json "{}" | eval a = 7 | import create=t t')
    again = magic("", "table t | fields a")
    assert again is not None and again.to_pylist() == [{"a": 7}]
    with pytest.raises(cortado.BindError):
        magic(f"--db {tmp_path / 'other'}", "table t")


@pytest.mark.parametrize("wrong", ["--out", "--out 1x", "--colour red", "rows", "--param x", "--out 'open"])
def test_wrong_options(wrong: str) -> None:
    with pytest.raises(cortado.BindError) as found:
        read_options(wrong)
    assert found.value.code == "E410"


def test_both_forms_of_an_option() -> None:
    assert read_options("--out=a --param x=5 --db 'a b'") == read_options("--db 'a b' --out a --param x=5")


def test_an_error_is_shown_without_a_traceback(shell: Shell) -> None:
    with pytest.raises(cortado.BindError) as found:
        shell.magics["cortado"]("", 'json "{}" | serach a')
    shown: Any = found.value.__dict__["_render_traceback_"]
    assert shown()[0].startswith("E302") and "^^^^^^" in shown()[2]
    again = pickle.loads(pickle.dumps(found.value))
    assert str(again) == str(found.value)
