"""Scratch space: private, counted, and gone whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from cortado.engine.storage.paths import SpillArea
from cortado.planner.text import QueryError

BATCH = pa.record_batch({"a": pa.array(range(1000)), "d": pa.array(["x", "y"] * 500).dictionary_encode()})


def test_write_then_read_then_gone(tmp_path: Path) -> None:
    with SpillArea(tmp_path) as area:
        assert oct(area.folder.stat().st_mode & 0o777) == "0o700"
        file = area.new_file("sort")
        for _ in range(3):
            file.write_batch(BATCH)
        assert file.nbytes > 3000 and area.used == file.nbytes
        assert [b.to_pydict() for b in file.batches(last=False)] == [BATCH.to_pydict()] * 3
        assert sum(b.num_rows for b in file.batches()) == 3000
        assert not list(area.folder.iterdir())  # unlinked once the last reader had it open
        file.close()
        file.close()
        assert area.used == 0 and area.peak > 0
    assert not list(tmp_path.iterdir())


def test_raw_bytes_can_be_written(tmp_path: Path) -> None:
    with SpillArea(tmp_path) as area:
        file = area.new_file()
        file.sink.write(b"abc")
        file.charge()
        assert file.nbytes == 3
        with file.open_read() as source:
            source.seek(1)
            assert source.read(2) == b"bc"
        assert list(area.new_file().batches()) == []


def test_the_quota_names_the_setting(tmp_path: Path) -> None:
    with SpillArea(tmp_path, limit=10_000) as area:
        one, two = area.new_file("stats by ip"), area.new_file("sort")
        with pytest.raises(QueryError) as found:
            for _ in range(10):
                one.write_batch(BATCH)
                two.write_batch(BATCH)
        assert found.value.code == "E702"
        assert "spill_limit" in found.value.message
        one.close()
        two.close()
        assert area.used == 0


def test_closing_the_area_closes_its_files(tmp_path: Path) -> None:
    area = SpillArea(tmp_path)
    area.new_file().write_batch(BATCH)
    area.make_folder("tables")
    area.close()
    area.close()
    assert not list(tmp_path.iterdir())


def test_a_killed_process_is_swept_and_a_living_one_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time, pyarrow as pa\n"
        "from cortado.engine.storage.paths import SpillArea\n"
        f"area = SpillArea({str(tmp_path)!r})\n"
        "file = area.new_file(); file.sink.write(b'x' * 100000); print('ready', flush=True); time.sleep(60)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=dict(os.environ))
    assert child.stdout is not None and child.stdout.readline() == b"ready\n"
    with SpillArea(tmp_path):
        assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 2
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert len([p for p in tmp_path.iterdir() if p.is_dir()]) == 2
    with SpillArea(tmp_path) as area:
        assert [p for p in tmp_path.iterdir() if p.is_dir()] == [area.folder]
    assert not list(tmp_path.iterdir())
