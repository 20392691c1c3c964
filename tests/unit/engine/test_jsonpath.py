"""JSON paths: the general path and the kernels against Python's `json`, on texts whole and broken."""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa
import pytest

from cortado.engine import jsonpath

PATHS: list[tuple[str | int, ...]] = [(), ("a",), ("a", "b"), (0,), ("a", 0), ("b", "c", 1), ('a"',), (1, "a"), ("zz",)]
ODD = [
    "", " ", None, "01", "-", "1.", ".5", "1e", "+1", "NaN", "Infinity", "-Infinity", "tru", "nulll", '"\\u12g4"', '"abc', '{"a":1,}',
    "[1,]", '{"a"}', "{1:2}", "\ufeff1", "1" * 5000, "[" * 600 + "]" * 600, "[" * 100_000, '{"a":1 "b":2}', "{'a':1}", "[1 2]", '"\t"',
    '"\\x"', "\x0b1", "1\xa0", '{"a":[1,2,{"b":3}]}', '{"a":1,"a":{"b":2}}', '{"a":{"b":2},"a":1}', '"\\ud800"',
]  # fmt: skip


class Texts:
    """Random JSON, with blanks and escapes, and the same with letters changed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, depth: int) -> str:
        pick = self._random.choice
        match self._random.randrange(9 if depth else 6):
            case 0:
                return pick(["null", "true", "false"])
            case 1:
                return pick(["0", "-0", "1.50", "1e5", "-12", "123456789012345678901", "0.1E-3"])
            case 2 | 3:
                return json.dumps(
                    pick(["", "a", "한 글", 'x"y', "\n", "\\", "é😀", "a b"]), ensure_ascii=pick([True, False])
                )
            case 4:
                return pick(['"\\u00e9"', '"\\ud83d\\ude00"', '"\\ud800"', '"\\/"'])
            case 5:
                return pick(["[]", "{}", "[ ]", "{ }"])
            case 6 | 7:
                return "{" + ",".join(self._member(depth) for _ in range(self._random.randrange(1, 4))) + "}"
        return "[" + ",".join(self._spaced(self.value(depth - 1)) for _ in range(self._random.randrange(1, 4))) + "]"

    def _member(self, depth: int) -> str:
        key = json.dumps(self._random.choice("abc") + self._random.choice(["", '"']))
        return self._spaced(key) + ":" + self._spaced(self.value(depth - 1))

    def _spaced(self, text: str) -> str:
        return self._random.choice(["", " ", "\n\t"]) + text + self._random.choice(["", " "])

    def broken(self, text: str) -> str:
        at = self._random.randrange(len(text) + 1)
        letter = self._random.choice('{}[],:"\\ \t0-+.eEtfnua\x01')
        return self._random.choice(
            [text[:at] + text[at + 1 :], text[:at] + letter + text[at:], text[:at], text + letter]
        )


def texts() -> list[str | None]:
    made = Texts(5)
    good = [made.value(3) for _ in range(1500)]
    return [*good, *map(made.broken, good), *map(made.broken, map(made.broken, good)), *ODD]


def refused(text: str) -> None:
    raise ValueError(text)


def read(text: str | None) -> tuple[Any, bool]:
    """Python's value, and whether the text is no JSON."""
    if text is None:
        return None, False
    try:
        return json.loads(text, parse_constant=refused, parse_int=float), False
    except (ValueError, RecursionError):
        return None, True


def walk(value: Any, steps: tuple[str | int, ...]) -> Any:
    for step in steps:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


@pytest.mark.parametrize("steps", PATHS)
def test_paths_agree_with_python(steps: tuple[str | int, ...]) -> None:
    given = texts()
    column = pa.array([None, *given]).slice(1)
    general, bad = jsonpath.at_path(column, steps)
    quick, quick_bad = jsonpath.at_path(column, steps, True)
    assert general.to_pylist() == quick.to_pylist()
    assert bad.tolist() == quick_bad.tolist()
    for text, found, no_json in zip(given, general.to_pylist(), bad.tolist(), strict=True):
        value, is_bad = read(text)
        assert no_json == is_bad, text
        wanted = walk(value, steps)
        if isinstance(wanted, str):
            assert found == jsonpath.clean(wanted)
        elif wanted is None:
            assert found is None
        else:
            assert found is not None
            assert json.loads(found, parse_int=float) == wanted


def test_objects_agree_with_python() -> None:
    given = texts()
    column = pa.array([None, *given]).slice(1)
    general, quick = jsonpath.objects(column), jsonpath.objects(column, True)
    assert general[0].to_pylist() == quick[0].to_pylist()
    for a, b in zip(general[1:], quick[1:], strict=True):
        assert a.tolist() == b.tolist()
    for text, found in zip(given, general[0].to_pylist(), strict=True):
        value, _ = read(text)
        assert (found is not None) == isinstance(value, dict)
        if found is not None:
            assert [k for k, _ in found] == [jsonpath.clean(k) for k in value]
