"""Cells that one kernel cuts, against the state machine of `csvtext.walk`; borders of ranges, however they are found."""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cortado.engine.batch import PAD
from cortado.engine.sources.csvblocks import Borders, make_block
from cortado.engine.sources.csvquick import QuickBlock, quick_block
from cortado.engine.sources.csvtext import Dialect, cut
from cortado.engine.sources.files import padded
from cortado.engine.sources.plainfile import PlainFile

COMMA = Dialect()
PIECES = ["a", "bcd", "1", "x" * 70, "", "é", "日本", " ", "'", "\\", "-12"]


def cell(chosen: random.Random, wild: float) -> str:
    text = "".join(chosen.choices(PIECES, k=chosen.choice([0, 1, 1, 2, 5])))
    kind = chosen.random()
    if kind < 0.3:
        return f'"{text}{chosen.choice(["", ",", ",,", ";"])}{text}"'
    if kind < 0.3 + wild:
        return chosen.choice(['"a""b"', '""', '"', 'a"b', '"a"b', '"a\nb"', '"a\r\nb"', '""""', 'x""', '"a" '])
    return text


def csv_of(chosen: random.Random, width: int, wild: float) -> bytes:
    end = chosen.choice(["\n", "\r\n"])
    rows = []
    for _ in range(chosen.choice([1, 2, 30])):
        n = width + (chosen.choice([-1, 1]) if chosen.random() < wild / 4 else 0)
        rows.append(",".join(cell(chosen, wild) for _ in range(n)))
        if chosen.random() < wild / 8:
            rows.append(chosen.choice(["", "\r", "a\rb"]))
    raw = (end.join(rows) + chosen.choice([end, "", "\r"] if wild else [end, end, ""])).encode()
    if chosen.random() < wild / 4:
        at = chosen.randrange(len(raw) + 1)
        raw = raw[:at] + b"\xff" + raw[at:]
    return raw


def texts(block: Any, column: int) -> list[Any]:
    found, _ = block.text(column, len(block.slots) if isinstance(block, QuickBlock) else None)
    return list((found.to_arrow() if hasattr(found, "to_arrow") else found).to_pylist())


def quick_and_general(raw: bytes, wanted: list[bool], final: bool) -> tuple[QuickBlock | None, Any]:
    buffer, data = padded(raw)
    make = partial(make_block, buffer, data, PAD, PAD + len(raw), COMMA, final=final, keep_blank=False, compiled=True)
    before = data.tobytes()
    quick = quick_block(buffer, data, PAD, PAD + len(raw), COMMA, wanted, final=final, make=make)
    assert data.tobytes() == before
    return quick, make()


@pytest.mark.parametrize("wild", [0.0, 0.05, 0.5])
def test_quick_blocks_are_what_general_ones_are(wild: float) -> None:
    chosen, n_quick, n_rows = random.Random(int(wild * 100)), 0, 0
    for _ in range(1500):
        width = chosen.choice([2, 3, 7])
        raw, final = csv_of(chosen, width, wild), chosen.random() < 0.5
        if not final:
            raw = raw[: chosen.randrange(len(raw) + 1)]
        wanted = [chosen.random() < 0.5 for _ in range(width)]
        quick, general = quick_and_general(raw, wanted, final)
        if quick is None:
            continue
        n_quick, n_rows = n_quick + 1, n_rows + quick.n_rows
        assert (quick.n_rows, quick.n_lines, quick.consumed) == (general.n_rows, general.n_lines, general.consumed), raw
        assert general.line is None and general.bad is None and general.is_uniform(width), raw
        for column, is_wanted in enumerate(wanted):
            if is_wanted:
                assert texts(quick, column) == texts(general, column), raw
        assert quick.records().to_arrow().to_pylist() == general.records().to_arrow().to_pylist()
    assert n_quick > {0.0: 1000, 0.05: 300, 0.5: 30}[wild] and n_rows > n_quick


@pytest.mark.parametrize(
    "raw",
    [
        b'a,"b""c"\n', b'a,"b\nc"\n', b'a,"b\r\nc"\n', b'a,b"c\n', b'a,"b"c\n', b"a,b\rc,d\n", b"a,b\n\nc,d\n", b"a\n", b"a,b,c\n",
        b'a,"b\n', b"a,\xff\n", b"",
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_others(raw: bytes) -> None:
    assert quick_and_general(raw, [True, True], True)[0] is None


def test_pairs_of_quotes_where_nobody_looks_are_plain() -> None:
    for size in range(130):
        raw = b'"%s""b",c\n"""",d\n' % (b"x" * size)
        quick, general = quick_and_general(raw, [False, True], True)
        assert quick is not None and texts(quick, 1) == texts(general, 1) == ["c", "d"]
        assert quick_and_general(raw, [True, True], True)[0] is None


def borders(path: Path, nominal: list[int], compiled: bool, order: list[int]) -> dict[int, bytes]:
    file = PlainFile(partial(os.open, path, os.O_RDONLY), str(path), is_held=True)
    found = Borders(file, file.size, nominal, COMMA)
    out = {}
    for k in order:
        (_, data, begin, end), low = found.records(k, compiled)
        out[k] = data[begin:end].tobytes()
        assert path.read_bytes()[low + begin - PAD : low + end - PAD] == out[k]
    file.close()
    return out


@pytest.mark.parametrize("wild", [0.0, 0.3])
def test_ranges_hold_whole_records_in_whatever_order_they_are_asked_for(tmp_path: Path, wild: float) -> None:
    chosen, path = random.Random(5), tmp_path / "x.csv"
    for _ in range(150):
        raw = csv_of(chosen, 3, wild)
        path.write_bytes(raw)
        cuts = (
            sorted(chosen.sample(range(1, len(raw)), min(len(raw) - 1, chosen.choice([1, 3, 9]))))
            if len(raw) > 1
            else []
        )
        nominal = [0, *cuts, len(raw)]
        order = chosen.sample(range(len(nominal) - 1), len(nominal) - 1)
        got, plain = (borders(path, nominal, compiled, order) for compiled in (True, False))
        assert got == plain
        assert b"".join(got[k] for k in range(len(nominal) - 1)) == raw
        _, data = padded(raw)
        whole = cut(data, PAD, PAD + len(raw), COMMA, final=True, keep_blank=True)
        heads = set((whole.start[whole.first[:-1]] - PAD).tolist()) | {len(raw)}
        assert set(np.cumsum([len(got[k]) for k in sorted(got)]).tolist()) <= heads


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("lost", [1, 10, 60, 89])
def test_a_file_that_was_cut_off_since_ends_where_it_ends(tmp_path: Path, compiled: bool, lost: int) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'1,"a"\n' * 15)
    file = PlainFile(partial(os.open, path, os.O_RDONLY), str(path), is_held=True)
    found = Borders(file, file.size, [0, 10, 40, 70, file.size], COMMA)
    os.truncate(path, file.size - lost)
    places = [found.records(k, compiled)[0] for k in range(4)]
    assert b"".join(data[begin:end].tobytes() for _, data, begin, end in places) == path.read_bytes()
    file.close()
