"""What `outputtxt` and `outputarrow` leave on the disk."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import cortado

T = pa.table(
    {
        "a": pa.array([1, None, 3], pa.int64()),
        "b": pa.array(["x", None, "é;"], pa.string()),
        "k": pa.array(["u/v", None, ""], pa.string()),
        "l": pa.array([[1], None, []], pa.list_(pa.int64())),
        "d": pa.array([0, None, 1], pa.timestamp("us", "UTC")),
    }
)


def run(query: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> pa.Table:
    monkeypatch.chdir(folder)
    with cortado.connect(timezone="UTC", **settings) as session:
        return session.query(query, sources={"t": T}).to_arrow()


def test_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("table t | outputtxt o.txt a, b, l, d", tmp_path, monkeypatch)
    assert (tmp_path / "o.txt").read_text().split("\n") == [
        "1 x [1] 1970-01-01T00:00:00+00:00", "   ", "3 é; [] 1970-01-01T00:00:00.000001+00:00", "",
    ]  # fmt: skip
    run('table t | outputtxt append=t delimiter="\\t" o.txt b, a', tmp_path, monkeypatch)
    assert (tmp_path / "o.txt").read_text().endswith("+00:00\nx\t1\n\t\né;\t3\n")


def test_text_behind_a_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "o.txt").write_text("first")
    run("table t | outputtxt append=t o.txt a", tmp_path, monkeypatch)
    assert (tmp_path / "o.txt").read_text() == "first\n1\n\n3\n"


@pytest.mark.parametrize("name", ["o.txt", "o.txt.gz"])
def test_packed_text_is_packed_once(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"table t | outputtxt gz=t {name} a", tmp_path, monkeypatch)
    run(f"table t | outputtxt gz=t append=t {name} b", tmp_path, monkeypatch)
    assert gzip.decompress((tmp_path / name).read_bytes()).decode() == "1\n\n3\nx\n\né;\n"


def test_text_in_another_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("table t | outputtxt encoding=utf-16 o.txt b", tmp_path, monkeypatch)
    run("table t | outputtxt encoding=utf-16 append=t o.txt a", tmp_path, monkeypatch)
    assert (tmp_path / "o.txt").read_bytes().decode("utf-16") == "x\n\né;\n1\n\n3\n"


def test_each_value_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty value neither makes the path absolute nor moves the file into the folder above."""
    run("table t | outputtxt partition=t {k}/o.txt a", tmp_path, monkeypatch)
    found = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*.txt")}
    assert found == {"u%2Fv/o.txt": "1\n", "__HIVE_DEFAULT_PARTITION__/o.txt": "\n", "__EMPTY__/o.txt": "3\n"}


@pytest.mark.parametrize("settings", [{"batch_rows": 1, "threads": 4}, {"batch_rows": 65_536}])
@pytest.mark.parametrize("codec", ["none", "zstd", "lz4"])
def test_arrow(codec: str, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(f"table t | outputarrow codec={codec} o.arrow", tmp_path, monkeypatch, **settings)
    with pa.ipc.open_file(str(tmp_path / "o.arrow")) as reader:
        assert reader.num_record_batches == 1  # whatever batches the rows came in
        assert reader.read_all().equals(T)
    run(f"table t | outputarrow codec={codec} append=t o.arrow", tmp_path, monkeypatch, **settings)
    with pa.ipc.open_file(str(tmp_path / "o.arrow")) as reader:
        assert reader.read_all().equals(pa.concat_tables([T, T]))
    assert run("arrowfile o.arrow | stats count, sum(a) as s", tmp_path, monkeypatch).to_pylist() == [
        {"count": 6, "s": 8}
    ]


def test_arrow_is_added_to_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pa.OSFile(str(tmp_path / "o.arrow"), "wb") as sink, pa.ipc.new_stream(sink, T.schema) as writer:
        writer.write_table(T)
    run("table t | outputarrow append=t o.arrow", tmp_path, monkeypatch)
    with pa.ipc.open_file(str(tmp_path / "o.arrow")) as reader:
        assert reader.read_all().num_rows == 6


def test_arrow_of_other_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("table t | outputarrow o.arrow a, b", tmp_path, monkeypatch)
    before = (tmp_path / "o.arrow").read_bytes()
    with pytest.raises(cortado.QueryError) as found:
        run("table t | outputarrow append=t o.arrow b, a", tmp_path, monkeypatch)
    assert found.value.code == "E603"
    assert (tmp_path / "o.arrow").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["o.arrow"]


def test_packed_arrow_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix in ("gz", "zst", "bz2", "xz"):
        run(f"table t | outputarrow o.arrow.{suffix}", tmp_path, monkeypatch)
        assert run(f"arrowfile o.arrow.{suffix}", tmp_path, monkeypatch).to_pylist() == T.to_pylist()


@pytest.mark.parametrize("command", ["outputcsv", "outputjson", "outputparquet", "outputarrow", "outputtxt", "gz"])
def test_more_files_than_may_be_open(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is written to several times, in turns."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = 400
    table = pa.table({"k": list(range(n)) * 3, "v": list(range(3 * n))})
    monkeypatch.chdir(tmp_path)
    name, fields = ("outputtxt", "k, v") if command == "gz" else (command, "k, v")
    suffix = "txt.gz" if command == "gz" else "out"
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 350) if hard > 0 else 350, hard))
    try:
        with cortado.connect(batch_rows=100, durable=False) as session:
            session.query(f'table t | {name} partition=t "x{{k}}.{suffix}" {fields} | drop', sources={"t": table}).run()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(list(tmp_path.iterdir())) == n
    seventh = tmp_path / f"x7.{suffix}"
    reader = {
        "outputcsv": "csvfile",
        "outputjson": "jsonfile",
        "outputparquet": "parquetfile",
        "outputarrow": "arrowfile",
    }.get(command)
    if reader is not None:
        found = cortado.query(f"{reader} {seventh}").to_pylist()
        assert found == [{"k": 7, "v": v} for v in (7, n + 7, 2 * n + 7)]
    else:
        data = seventh.read_bytes()
        text = gzip.decompress(data) if command == "gz" else data
        assert text == f"7 7\n7 {n + 7}\n7 {2 * n + 7}\n".encode()
