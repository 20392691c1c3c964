"""The gate: which paths it lets through, what it says about the others, and writing aside."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from cortado.engine.storage.paths import Gate
from cortado.planner.text import QueryError


def code(call: object) -> str:
    assert callable(call)
    with pytest.raises(QueryError) as found:
        call()
    return found.value.code


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    """An allowed folder with a file, and a secret beside it."""
    folder = tmp_path / "safe"
    folder.mkdir()
    (folder / "a.log").write_bytes(b"good")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (folder / "out").symlink_to(tmp_path)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("{safe}/../secret.txt", "E705"),
        ("{safe}/x/../../secret.txt", "E705"),
        ("{safe}/link.txt", "E705"),
        ("{safe}/out/secret.txt", "E705"),
        ("/etc/passwd", "E705"),
        ("//etc/passwd", "E705"),
        ("{safe}2/a.log", "E705"),
        ("file:///etc/passwd", "E605"),
        ("file:/etc/passwd", "E605"),
        ("http://localhost/x", "E605"),
        ("s3://bucket/key", "E605"),
        ("{safe}/a.log\0.png", "E605"),
        ("", "E605"),
        ("{safe}/" + "x" * 300, "E605"),
    ],
)
@pytest.mark.parametrize("how", ["open_read", "open_fd", "open_stream", "read_bytes", "open_write", "glob", "stat"])
def test_no_way_out(safe: Path, path: str, expected: str, how: str) -> None:
    gate = Gate([safe])
    found = code(lambda: getattr(gate, how)(path.format(safe=safe)))
    assert found == expected or (how == "glob" and len(path) > 300 and found == "E601")


@pytest.mark.parametrize("pattern", ["{safe}/../*.txt", "{safe}/out/*", "{safe}/*.txt", "/etc/pass*"])
def test_globs_do_not_leave_the_allowed_folders(safe: Path, pattern: str) -> None:
    assert code(lambda: Gate([safe]).glob(pattern.format(safe=safe))) == "E705"


def test_a_folder_swapped_for_a_link_after_the_check(safe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate([safe])
    real = gate.real

    def swapped(path: str | Path, within: Path | None = None) -> Path:
        found = real(path, within)
        if str(path).endswith("a.log") and (safe / "a.log").exists():
            os.rename(safe, safe.parent / "moved")
            (safe.parent / "safe").symlink_to(safe.parent / "other")
            (safe.parent / "other").mkdir()
            (safe.parent / "other" / "a.log").write_bytes(b"secret")
        return found

    monkeypatch.setattr(gate, "real", swapped)
    assert code(lambda: gate.open_fd(str(safe / "a.log"))) in ("E705", "E601")


def test_the_short_way_in_own_folders_lets_no_link_through(safe: Path, tmp_path: Path) -> None:
    gate = Gate([safe])
    gate.own(safe)
    assert gate.read_bytes(safe / "a.log") == b"good"
    for path in (safe / "link.txt", f"{safe}/..", f"{safe}/../secret.txt", f"{safe}/out/secret.txt"):
        assert code(lambda path=path: gate.read_bytes(path)) in ("E705", "E605")
    other = safe / "sub"
    other.mkdir()
    assert code(lambda: gate.read_bytes(safe / "a.log", within=other)) == "E705"
    assert code(lambda: gate.own(tmp_path)) == "E705"


def test_plain_files_are_native(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    with Gate().open_read(tmp_path / "a") as found:
        assert isinstance(found, pa.OSFile)
        assert found.read() == b"abc"
    fd = Gate().open_fd(tmp_path / "a")
    assert os.pread(fd, 2, 1) == b"bc"
    os.close(fd)
    assert Gate().stat(tmp_path / "a").size == 3


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "access.log").write_bytes(b"")
    with pytest.raises(QueryError) as found:
        Gate().open_read(tmp_path / "acess.log")
    assert found.value.code == "E601"
    assert found.value.suggestions == (str(tmp_path / "access.log"),)
    with pytest.raises(QueryError, match="no folder"):
        Gate().open_read(tmp_path / "nowhere" / "x")


def test_folders_pipes_and_forbidden_files(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="is a folder"):
        Gate().open_read(tmp_path)
    with pytest.raises(QueryError, match="is a folder"):
        Gate().glob(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    assert code(lambda: Gate().open_read(tmp_path / "pipe")) == "E605"
    assert code(lambda: Gate().open_read("/dev/zero")) == "E605"
    (tmp_path / "locked").write_bytes(b"")
    os.chmod(tmp_path / "locked", 0)
    if os.geteuid() != 0:
        assert code(lambda: Gate().open_read(tmp_path / "locked")) == "E605"


def test_standard_input_can_be_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    gate = Gate()
    assert gate.glob("-") == ["-"]
    assert gate.open_read("-").read() == b"a\nb\n"
    assert code(lambda: gate.open_read("-")) == "E604"


def test_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b.log", "a.log", "a1.log", ".hid.log", "x/c.log", "x/y/d.log", "[1].log", "q?.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    gate = Gate()
    assert gate.glob("*.log") == ["[1].log", "a.log", "a1.log", "b.log", "q?.log"]
    assert gate.glob("a?.log") == ["a1.log"]
    assert gate.glob("**/*.log") == ["[1].log", "a.log", "a1.log", "b.log", "q?.log", "x/c.log", "x/y/d.log"]
    assert gate.glob("x/**") == ["x/c.log", "x/y/d.log"]
    assert gate.glob("q?.log") == ["q?.log"]  # exists as it stands
    assert gate.glob("[1].log") == ["[1].log"]
    assert gate.glob("x/*.log") == ["x/c.log"]
    assert gate.glob(str(tmp_path / "x" / "*.log")) == [str(tmp_path / "x" / "c.log")]
    with pytest.raises(QueryError, match=r"no file matches `\*\.csv`") as found:
        gate.glob("*.csv")
    assert found.value.code == "E601"
    assert code(lambda: gate.glob("c.log")) == "E601"


# -- writing --------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_a_file_appears_at_commit(tmp_path: Path) -> None:
    out = Gate().open_write(tmp_path / "a.csv")
    out.stream.write(b"1")
    assert not (tmp_path / "a.csv").exists()
    out.commit()
    out.commit()
    assert (tmp_path / "a.csv").read_bytes() == b"1"
    assert names(tmp_path) == ["a.csv"]
    assert code(lambda: Gate().open_write(tmp_path / "a.csv")) == "E602"


def test_abort_leaves_what_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    out = Gate().open_write(tmp_path / "a", overwrite=True)
    out.stream.write(b"new")
    out.abort()
    out.commit()
    with pytest.raises(ZeroDivisionError), Gate().open_write(tmp_path / "a", append=True) as out:
        out.stream.write(b"new")
        _ = 1 // 0
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_overwrite_and_append(tmp_path: Path) -> None:
    gate, path = Gate(), tmp_path / "a"
    with gate.open_write(path, append=True) as out:
        assert not out.appending
        out.stream.write(b"1")
    os.chmod(path, 0o640)
    first, second = gate.open_write(path, append=True), gate.open_write(path, append=True)
    first.stream.write(b"2")
    second.stream.write(b"3")
    assert first.appending
    first.commit()
    second.commit()
    assert path.read_bytes() == b"123"
    with gate.open_write(path, overwrite=True) as out:
        out.stream.write(b"4")
        out.stream.close()  # as some writers do
    assert path.read_bytes() == b"4"
    assert path.stat().st_mode & 0o777 == 0o640
    assert names(tmp_path) == ["a"]


def test_a_name_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    out = Gate().open_write(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"other")
    assert code(out.commit) == "E602"
    assert (tmp_path / "a").read_bytes() == b"other"
    assert names(tmp_path) == ["a"]


def test_writing_where_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no folder"):
        Gate().open_write(tmp_path / "nowhere" / "a")
    assert code(lambda: Gate().open_write(tmp_path, overwrite=True)) == "E605"


def test_hold_keeps_others_out_and_sees_a_new_folder(tmp_path: Path) -> None:
    gate, folder = Gate(), tmp_path / "t"
    with gate.hold(folder, exclusive=False) as there:
        assert not there
    folder.mkdir()
    with gate.hold(folder, exclusive=False) as one, gate.hold(folder, exclusive=False) as two:
        assert one and two
