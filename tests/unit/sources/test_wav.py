"""`wavfile` against scipy's reader and by arithmetic: widths, floats, extensible heads, cut and damaged files."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortado
from cortado.planner.text import QueryError
from tests.worlds import WORLDS

GUID = bytes.fromhex("000000001000800000aa00389b71")
RATE = 8000


def wav(
    data: bytes, *, channels: int = 1, bits: int = 16, code: int = 1, rate: int = RATE, extensible: bool = False,
    before: bytes = b"", after: bytes = b"", told: int | None = None, whole: int | None = None, order: str = "<",
    kind: bytes = b"",
) -> bytes:  # fmt: skip
    """A WAV file around these samples. `told`, `whole`: what its data chunk and its head say of their sizes."""
    width = (bits + 7) // 8
    frame = channels * width
    form = struct.pack(order + "HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * frame, frame, bits)
    if extensible:
        form += struct.pack(order + "HHI", 22, bits, 0) + struct.pack(order + "H", code) + GUID
    size = len(data) if told is None else told
    body = b"WAVE" + before + b"fmt " + struct.pack(order + "I", len(form)) + form
    body += b"data" + struct.pack(order + "I", size) + data + b"\0" * (len(data) % 2) + after
    return (
        (kind or (b"RIFF" if order == "<" else b"RIFX"))
        + struct.pack(order + "I", len(body) if whole is None else whole)
        + body
    )


@pytest.fixture(params=list(WORLDS))
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with cortado.connect(tmp_path / "db", **{**WORLDS[request.param], "timezone": "UTC"}) as made:
        yield made


@pytest.fixture
def one() -> Any:
    with cortado.connect(threads=2, timezone="UTC") as made:
        yield made


def columns(session: Any, path: Path, more: str = "", options: str = "") -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = session.query(f'wavfile {options} "{path}"{more}').run().to_arrow().to_pydict()
    return found


STORED = {
    8: np.array([[0, 128], [255, 1], [127, 129]], np.uint8),
    16: np.array([[0, -32768], [32767, 1], [-1, 256]], "<i2"),
    32: np.array([[0, -(2**31)], [2**31 - 1, 1], [-1, 2**30]], "<i4"),
}


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_numbers(session: Any, tmp_path: Path, bits: int, extensible: bool) -> None:
    path = tmp_path / "x.wav"
    if bits == 24:
        stored = STORED[32] >> 8
        raw = b"".join(int(v).to_bytes(3, "little", signed=True) for v in stored.ravel())
    else:
        stored, raw = STORED[bits], STORED[bits].tobytes()
    path.write_bytes(wav(raw, channels=2, bits=bits, extensible=extensible))
    found = columns(session, path)
    assert list(found) == ["n", "t", "ch0", "ch1"]
    assert found["n"] == [0, 1, 2] and found["t"] == [0.0, 1 / RATE, 2 / RATE]
    scaled = (stored.astype(float) - 128) / 128 if bits == 8 else stored / 2.0 ** (bits - 1)
    assert [found["ch0"], found["ch1"]] == scaled.T.tolist()
    found = columns(session, path, options="raw=t")
    assert [found["ch0"], found["ch1"]] == stored.astype(int).T.tolist()
    assert columns(session, path, " | fields ch1", "raw=t") == {"ch1": stored.astype(int)[:, 1].tolist()}
    assert columns(session, path, " | stats count") == {"count": [3]}


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_point(session: Any, tmp_path: Path, bits: int) -> None:
    path = tmp_path / "x.wav"
    values = np.array([0.5, -1.25, np.inf, np.nan], f"<f{bits // 8}")
    path.write_bytes(wav(values.tobytes(), bits=bits, code=3))
    for options in ("", "raw=t"):
        found = columns(session, path, options=options)["ch0"]
        assert found[:3] == [0.5, -1.25, np.inf] and np.isnan(found[3])


def test_as_scipy_reads_it(one: Any, tmp_path: Path) -> None:
    wavfile = pytest.importorskip("scipy.io.wavfile")
    path, draw = tmp_path / "x.wav", np.random.default_rng(0)
    for kind in (np.uint8, np.int16, np.int32, np.float32, np.float64):
        shape = (5000, int(draw.integers(1, 7)))
        made = (
            draw.integers(0, 255, shape).astype(kind) if kind is np.uint8 else draw.normal(0, 1000, shape).astype(kind)
        )
        wavfile.write(path, 44_100, made)
        found = columns(one, path, options="raw=t")
        rate, wanted = wavfile.read(path)
        for i in range(shape[1]):
            assert np.array_equal(found[f"ch{i}"], wanted.reshape(5000, -1)[:, i]), kind
        assert np.array_equal(found["t"], np.arange(5000) / rate)


def test_the_other_byte_order(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(np.array([1, -2, 300], ">i2").tobytes(), order=">"))
    assert columns(session, path, options="raw=t")["ch0"] == [1, -2, 300]
    path.write_bytes(wav(b"".join(v.to_bytes(3, "big", signed=True) for v in (1, -2, 70_000)), bits=24, order=">"))
    assert columns(session, path, options="raw=t")["ch0"] == [1, -2, 70_000]


def test_odd_widths_are_stored_in_whole_bytes(one: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(np.array([0x7FF0, -0x8000], "<i2").tobytes(), bits=12))
    assert columns(one, path)["ch0"] == [0x7FF0 / 32768, -1.0]


def test_chunks_before_and_behind(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    odd = b"LIST" + struct.pack("<I", 5) + b"abcde\0"
    path.write_bytes(wav(b"\1\0\2\0", before=odd, after=odd))
    assert columns(session, path, options="raw=t")["ch0"] == [1, 2]


def test_files_beyond_four_gigabytes(one: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 4, 2, 0)
    path.write_bytes(wav(b"\1\0\2\0", before=sizes, told=0xFFFFFFFF, whole=0xFFFFFFFF, kind=b"RF64"))
    result = one.query(f'wavfile raw=t "{path}"').run()
    assert result.to_arrow()["ch0"].to_pylist() == [1, 2] and not result.notes


def test_the_time_of_each_sample(session: Any, tmp_path: Path) -> None:
    path, rate = tmp_path / "x.wav", 44_100
    path.write_bytes(wav(bytes(2 * 1000), rate=rate))
    found = columns(session, path, ' | eval us = datediff(date("2026-11-01"), _time, "usec")', "start=20261101 tz=UTC")
    assert found["us"] == [round(i * 10**6 / rate) for i in range(1000)]


def test_the_zone_of_the_start(one: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(b"\0\0"))
    for options, hour in (("start=2026110109 tz=Asia/Seoul", 0), ('start="2026-11-01T09:00:00Z" tz=Asia/Seoul', 9)):
        (got,) = columns(one, path, options=options)["_time"]
        assert got.hour == hour, options


def test_conditions_read_only_what_they_need(tmp_path: Path) -> None:
    path, n = tmp_path / "x.wav", 400_000
    path.write_bytes(wav(np.arange(n).astype("<i2").tobytes()))
    with cortado.connect(threads=2, timezone="UTC", morsel_bytes=1000) as session:
        for condition, wanted in (
            ("n >= 100000 and n < 100003", [100_000, 100_001, 100_002]),
            ("t > 49.999 and t < 49.9994", [399_993, 399_994, 399_995]),
            ("n == 399999", [399_999]),
            ("n > 399998 and n < 2", []),
            ('_time >= "2026-11-01T00:00:49.9998Z"', [399_999]),
            ("n < 0", []),
            ("n > 1e300", []),
        ):
            query = session.query(f'wavfile start=20261101 "{path}" | search {condition} | fields n')
            result = query.run()
            assert result.to_arrow()["n"].to_pylist() == wanted, condition
            assert result.stats.operators[0].rows_out < 2000, condition


@pytest.mark.parametrize("pack", [False, True])
def test_a_file_that_is_cut_off(session: Any, tmp_path: Path, pack: bool) -> None:
    path = tmp_path / ("x.wav.gz" if pack else "x.wav")
    whole = wav(np.arange(100).astype("<i2").tobytes())
    cut = whole[:-21]
    path.write_bytes(gzip.compress(cut) if pack else cut)
    result = session.query(f'wavfile raw=t "{path}"').run()
    assert result.to_arrow()["ch0"].to_pylist() == list(range(89))
    assert [(n.kind, n.reason, n.count) for n in result.notes] == [("drop", "cut off", 11)]
    with pytest.raises(QueryError) as found:
        session.query(f'wavfile bad=fail "{path}"').run()
    assert found.value.code == "E501"
    with pytest.raises(QueryError) as found:
        session.query(f'set option.strict = true | wavfile "{path}"').run()
    assert found.value.code == "E502"
    assert len(session.query(f'wavfile bad=fail "{path}" | limit 5').run()) == 5


@pytest.mark.parametrize(
    ("told", "whole"), [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFFFFF, 0), (0x80000000, 0x80000024)]
)
def test_a_recording_that_was_broken_off(session: Any, tmp_path: Path, told: int, whole: int) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(b"\1\0\2\0\3", told=told, whole=whole)[:-1])
    result = session.query(f'wavfile raw=t "{path}"').run()
    assert result.to_arrow()["ch0"].to_pylist() == [1, 2]
    assert {(n.kind, n.reason, n.count) for n in result.notes} == {
        ("info", "the head does not tell how long it is: it was read to its end", 1),
        ("drop", "cut off", 1),
    }


def test_no_samples(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(b""))
    result = session.query(f'wavfile "{path}" | stats count').run()
    assert result.to_pylist() == [{"count": 0}] and not result.notes
    assert columns(session, path) == {"n": [], "t": [], "ch0": []}


def test_several_files(session: Any, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(b"\1\0\2\0"))
    (tmp_path / "b.wav").write_bytes(wav(b"\3\0\4\0", channels=2))
    rows = session.query(f'wavfile raw=t "{tmp_path}/*.wav" | fields n, ch0, ch1, _file').run().to_pylist()
    assert [(r["n"], r["ch0"], r["ch1"], Path(r["_file"]).name) for r in rows] == [
        (0, 1, None, "a.wav"),
        (1, 2, None, "a.wav"),
        (0, 3, 4, "b.wav"),
    ]


@pytest.mark.parametrize("pack", [False, True])
def test_standard_input(pack: bool) -> None:
    whole = wav(np.arange(1000).astype("<i2").tobytes())
    query = "wavfile raw=t - | stats count, sum(ch0) as s, max(n) as n"
    done = subprocess.run(
        [sys.executable, "-m", "cortado.repl", "-c", query],
        input=gzip.compress(whole) if pack else whole,
        capture_output=True,
    )
    assert done.stdout.decode().splitlines()[-1] == "1000,499500,999", done.stderr.decode()


GOOD = wav(b"\1\0\2\0\3\0\4\0", channels=2, before=b"LIST" + struct.pack("<I", 4) + b"abcd", extensible=True)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"RIFF", "is no WAV file"),
        (b"text, no sound", "is no WAV file"),
        (GOOD[:60], "is damaged"),
        (GOOD[:75], "no samples"),
        (wav(b"", code=6, bits=8), "A-law"),
        (wav(b"", code=0x55), "MP3"),
        (wav(b"", code=4242), "format 4242"),
        (wav(b"", bits=64), "64 bits"),
        (wav(b"", bits=0), "0 bits"),
        (wav(b"", bits=16, code=3), "16 bits"),
        (wav(b"", channels=0), "0 channels"),
        (wav(b"", rate=0), "0 samples a second"),
        (wav(b"").replace(b"fmt ", b"fmx "), "no fmt chunk"),
        (wav(b"\0\0").replace(b"\x10\0data", b"\x18\0data"), "contradicts itself"),
    ],
)
def test_what_cannot_be_read(one: Any, tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(raw)
    with pytest.raises(QueryError) as found:
        one.query(f'wavfile "{path}"')
    assert found.value.code == "E605" and said in found.value.message, found.value.message


SIZES = range(GOOD.index(b"data") + 4, GOOD.index(b"data") + 8)


def test_every_byte_cut_or_flipped(one: Any, tmp_path: Path) -> None:
    """Right rows, or a clear error."""
    path = tmp_path / "x.wav"
    for at in range(len(GOOD)):
        flips = [GOOD[:at] + bytes([GOOD[at] ^ bit]) + GOOD[at + 1 :] for bit in (1, 2, 8, 64, 128, 255)]
        for damaged in (GOOD[:at], *flips):
            path.write_bytes(damaged)
            try:
                result = one.query(f'wavfile raw=t "{path}"').run()
            except QueryError as why:
                assert why.code == "E605", (at, str(why))
                continue
            lost = sum(n.count for n in result.notes if n.reason == "cut off")
            if len(damaged) < len(GOOD):
                assert len(result) + lost == 2 and lost, at
                assert result.to_arrow()["ch0"].to_pylist() == [1, 3][: len(result)]
            else:
                assert len(result) <= 2, at
                assert at in SIZES or len(result) + lost == 2, at
