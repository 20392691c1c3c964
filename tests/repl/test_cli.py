# mypy: disable-error-code="arg-type"
"""The command line: every option, every exit status, what goes where."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cortado import __version__

from .conftest import ROOT, Ran, Run, process

ROWS = "json \"[{'a':1,'b':'x'},{'a':2,'b':null}]\""
LOST = "json \"[{'a':'1'},{'a':'x'}]\" | eval a = long(a)"


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)


# what runs


def test_a_query(cli: Run) -> None:
    assert cli("-c", ROWS) == Ran(0, b"a,b\n1,x\n2,\n", "")


def test_a_query_from_standard_input() -> None:
    assert process("-c", "-", stdin=ROWS.encode()).out == b"a,b\n1,x\n2,\n"


def test_a_query_without_c_is_told_what_to_do(cli: Run) -> None:
    ran = cli("textfile x | stats count")
    assert ran.status == 2 and "cortado -c QUERY runs a query" in ran.err and "cortado run FILE" in ran.err


def test_data_from_standard_input() -> None:
    ran = process("-c", "textfile - | stats count", stdin=b"one\ntwo\n")
    assert (ran.status, ran.out) == (0, b"count\n2\n")


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ("10", "int"),
        ("0.5", "double"),
        ("true", "bool"),
        ("5m", "duration"),
        ("007", "string"),
        ('"10"', "string"),
        ("x=y", "string"),
        ("", "string"),
    ],
)
def test_parameters_of_a_query_are_what_they_look_like(cli: Run, given: str, typed: str) -> None:
    ran = cli("-p", f"x={given}", "-c", 'json "{}" | eval t = typeof($x) | fields t')
    assert (ran.status, ran.text) == (0, f"t\n{typed}\n"), ran.err


def test_a_saved_query(cli: Run, home: Path) -> None:
    (home / "q.cq").write_text(
        "param least: long\nparam f: field = a\njson \"[{'a':1},{'a':5}]\" | search a >= $least | fields $f\n"
    )
    assert cli("run", "q.cq", "-p", "least=2").text == "a\n5\n"
    assert cli("-p", "least=2", "run", "q.cq").text == "a\n5\n"
    assert cli("--format", "jsonl", "run", "q.cq", "-p", "least=0").text == '{"a":1}\n{"a":5}\n'


def test_the_example(cli: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    ran = cli("run", "examples/top_clients.cq", "-p", "clients=2")
    assert ran.status == 0 and ran.text.startswith("client_ip,bytes,hits\n") and ran.text.count("\n") == 3


def test_explain(cli: Run) -> None:
    ran = cli("explain", ROWS + " | search a == 1")
    assert ran.status == 0 and "Filter a == 1" in ran.text
    ran = cli("explain", "--analyze", ROWS + " | search a == 1")
    assert "rows out" in ran.text and ran.status == 0


def test_analyze_tells_figures_on_standard_error(cli: Run) -> None:
    ran = cli("--analyze", "-c", ROWS)
    assert ran.text == "a,b\n1,x\n2,\n" and "rows out" in ran.err


def test_fmt(cli: Run, home: Path) -> None:
    path = home / "q.cq"
    path.write_text("// doc\nparam x: long = 1\n\ntable a|limit $x // few\n")
    assert cli("fmt", "--check", str(path)).status == 1
    assert cli("fmt", str(path)).status == 0
    assert path.read_text() == "// doc\nparam x: long = 1\n\ntable a\n| limit $x // few\n"
    assert cli("fmt", "--check", str(path)).status == 0
    assert process("fmt", "-", stdin=b"table a|limit 1").out == b"table a\n| limit 1\n"
    assert cli("fmt", str(home / "none.cq")).status == 1
    path.write_text("table a | limit 'x")
    assert cli("fmt", str(path)).status == 2


def test_help_of_names(cli: Run) -> None:
    assert "stats" in cli("help").text
    shown = cli("help", "sort").text
    assert "limit" in shown and "example" in shown
    assert "concat" in cli("help", "functions").text
    assert cli("help", "sum").text.startswith("sum")
    wrong = cli("help", "strats")
    assert wrong.status == 2 and "stats" in wrong.err and wrong.out == b""


def test_version(cli: Run) -> None:
    assert cli("--version").text == f"cortado {__version__}\n"


def test_the_script_and_the_module_are_one() -> None:
    code = "import sys; sys.argv = ['cortado', '--version']; from cortado.repl.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == process("--version").out


def test_the_package_is_run_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cortado", "-c", 'json "{}" | eval a = 1'], capture_output=True, check=True
    )
    assert done.stdout == b"a\n1\n"


# formats


def test_json_formats_agree(cli: Run) -> None:
    whole = json.loads(cli("--format", "json", "-c", ROWS).out)
    lines = [json.loads(line) for line in cli("--format", "jsonl", "-c", ROWS).text.splitlines()]
    assert whole == lines == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert cli("--format", "json", "-c", ROWS + " | search a > 9").out == b"[]\n"


def test_csv_keeps_null_and_empty_text_apart(cli: Run) -> None:
    query = "json \"[{'a':''},{'a':null},{'a':'x,y'}]\""
    assert cli("-c", query).out == b'a\n""\n\n"x,y"\n'
    assert cli("--format", "tsv", "-c", query).out == b'a\n""\n\nx,y\n'
    assert cli("-c", query + " | search a == 'none'").out == b"a\n"


def test_binary_formats_keep_types(cli: Run, home: Path) -> None:
    query = 'json "{}" | eval d = date("2026-01-02", "yyyy-MM-dd"), n = 1, x = 0.5, s = "t", b = true, z = 5m'
    assert cli("--output", "o.parquet", "--timezone", "Asia/Seoul", "-c", query).status == 0
    assert cli("--output", "o.arrow", "--timezone", "Asia/Seoul", "-c", query).status == 0
    parquet, arrow = pq.read_table(home / "o.parquet"), pa.ipc.open_file(str(home / "o.arrow")).read_all()
    assert parquet.to_pylist() == arrow.to_pylist()
    kinds = {f.name: str(f.type) for f in arrow.schema}
    assert kinds == {
        "d": "timestamp[us, tz=Asia/Seoul]",
        "n": "int64",
        "x": "double",
        "s": "string",
        "b": "bool",
        "z": "duration[us]",
    }
    assert cli("--format", "parquet", "-c", query).out[:4] == b"PAR1"


def test_the_ending_decides_the_format(cli: Run, home: Path) -> None:
    for name, begin in {
        "o.jsonl": b'{"a"',
        "o.json": b"[\n",
        "o.csv": b"a,b",
        "o.md": b"| a",
        "o.html": b"<!DOC",
        "o.txt": "┌".encode(),
    }.items():
        ran = cli("--output", name, "-c", ROWS)
        assert ran.out == b"" and (home / name).read_bytes().startswith(begin), ran.err
    assert cli("--output", "o.xyz", "-c", ROWS).status == 2
    assert not (home / "o.xyz").exists()
    assert cli("--output", "o.xyz", "--format", "csv", "-c", ROWS).status == 0


def test_a_failed_query_leaves_the_old_file(cli: Run, home: Path) -> None:
    (home / "o.csv").write_text("old")
    assert cli("--strict", "--output", "o.csv", "-c", LOST).status == 1
    assert (home / "o.csv").read_text() == "old"
    assert [p.name for p in home.iterdir() if p.name.endswith(".tmp")] == []


def test_nan_has_no_json(cli: Run) -> None:
    ran = cli("--format", "jsonl", "--fail-on-reject", "-c", 'json "{}" | eval x = sqrt(-1) | fields x')
    assert ran.text == '{"x":null}\n' and "domain" in ran.err and ran.status == 4


# exit statuses


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        (["-c", "table x | serach y"], 2, "E302"),
        (["-c", "json \"[{'a':1}]\" | sort limit=x a"], 2, "E311"),
        (["-c", "textfile none.log"], 1, "E601"),
        (["--strict", "-c", LOST], 1, "E501"),
        (["--strict", "--fail-on-reject", "-c", LOST], 1, "E501"),
        (["--fail-on-reject", "-c", LOST], 4, "reject"),
        (["-c", LOST], 0, "reject"),
        (["--fail-on-reject", "-c", ROWS], 0, ""),
        (["--no-such-option"], 2, "no-such-option"),
        (["--format", "xml", "-c", ROWS], 2, "xml"),
        (["--timeout", "soon", "-c", ROWS], 2, "--timeout"),
        (["--timezone", "Mars/Base", "-c", ROWS], 2, "Mars/Base"),
        (["--memory", "much", "-c", ROWS], 2, "much"),
        (["--threads", "0", "-c", ROWS], 2, "threads"),
        (["--set", "no.such=1", "-c", ROWS], 2, "no.such"),
        (["--set", "seed", "-c", ROWS], 2, "NAME=VALUE"),
        (["-p", "x", "-c", ROWS], 2, "NAME=VALUE"),
        (["nothing"], 2, "nothing"),
        (["-c", ROWS, "warm"], 2, "-c"),
        (["run", "none.cq"], 1, "E601"),
    ],
)  # fmt: skip
def test_statuses(cli: Run, args: list[str], status: int, told: str) -> None:
    ran = cli(*args)
    assert ran.status == status, ran.err
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_errors_and_notes_are_not_in_the_rows(cli: Run) -> None:
    ran = cli("-c", LOST)
    assert ran.out == b"a\n1\n\n" and "x" in ran.err


def test_a_timeout(cli: Run, large: str) -> None:
    begun = time.monotonic()
    ran = cli(
        "--timeout",
        "300ms",
        "-c",
        f"textfile {large} | rex field=line '(?<w>[a-z]+) HTTP' | sort line | stats count by w",
    )
    assert ran.status == 3 and "E703" in ran.err and "0.3 s" in ran.err
    assert time.monotonic() - begun < 5


def test_a_limit_of_memory_spills_or_names_itself(cli: Run) -> None:
    assert cli("--memory", "64MB", "--threads", "1", "-c", ROWS + " | sort -a").text == "a,b\n2,\n1,x\n"


def test_settings_are_obeyed(cli: Run) -> None:
    ran = cli(
        "--set",
        "display_rows=1",
        "--threads",
        "1",
        "--timezone",
        "Asia/Seoul",
        "--format",
        "table",
        "-c",
        ROWS + " | eval d = date(0)",
    )
    assert "2 rows (1 shown)" in ran.text
    shown = cli(
        "--threads", "1", "--memory", "512MB", "--set", "seed=5", "--timezone", "Asia/Seoul", "-c", "system settings"
    ).text
    for line in ("threads,1,", "memory,536870912,", "seed,5,", "timezone,Asia/Seoul,"):
        assert line in shown


def test_safe_mode_keeps_to_the_working_folder(cli: Run, home: Path) -> None:
    (home / "in.txt").write_text("x\n")
    assert cli("--safe", "-c", "textfile in.txt | fields line").out == b"line\nx\n"
    assert cli("--safe", "-c", "textfile /etc/hostname").status in (1, 3)
    assert cli("--safe", "-c", f"set option.seed = 1 | {ROWS}").status in (2, 3)
    assert not (home / "db").exists()


def test_a_database(cli: Run, home: Path) -> None:
    assert cli("--db", str(home / "d"), "-c", ROWS + " | import create=t t").status == 0
    assert cli("--db", str(home / "d"), "-c", "table t | fields a").text == "a\n1\n2\n"
    assert cli("-c", "table t").status == 2


# signals and pipes


def interrupted(large: str, number: int) -> tuple[int, str, float, Path]:
    spill = Path(os.environ["CORTADO_DB"]).parent / "spill"
    spill.mkdir()
    args = ["--set", f"spill_dir={spill}", "--output", "o.csv", "-c", f"textfile {large} | sort line"]
    running = subprocess.Popen([sys.executable, "-m", "cortado.repl", *args], stderr=subprocess.PIPE)
    time.sleep(1.5)
    assert running.poll() is None
    begun = time.monotonic()
    running.send_signal(number)
    _, err = running.communicate(timeout=20)
    return running.returncode, err.decode(), time.monotonic() - begun, spill


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_nothing_behind(large: str, number: int, status: int, home: Path) -> None:
    left, err, took, spill = interrupted(large, number)
    assert left == status and "Traceback" not in err
    assert took < 3
    assert list(spill.rglob("*")) == []
    assert [p.name for p in home.iterdir() if "o.csv" in p.name or p.suffix == ".tmp"] == []


def test_a_closed_pipe_is_quiet(large: str) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "cortado.repl", "-c", f"textfile {large}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None and running.stderr is not None
    running.stdout.readline()
    running.stdout.close()
    err = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait(timeout=10) == 0
    assert err == ""


def test_rows_stream(large: str) -> None:
    """The first rows are there long before the last are read."""
    running = subprocess.Popen(
        [sys.executable, "-m", "cortado.repl", "--format", "jsonl", "-c", f"textfile {large}"], stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline().startswith(b'{"line":"10.0.0.0')
    assert running.poll() is None
    running.stdout.close()
    running.wait(timeout=10)


def shell(args: str) -> subprocess.CompletedProcess[str]:
    """`cortado ARGS` as a shell runs it."""
    line = f"{sys.executable} -m cortado.repl {args}"
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize(
    "args", ["-c 'textfile {log} | fields line'", "-c 'json \"{{}}\" | eval a = 1' --format table", "explain 'json \"{{}}\"'", "help", "help functions"]
)  # fmt: skip
def test_a_full_disk_behind_standard_output(args: str) -> None:
    log = ROOT / "examples" / "access_log"
    done = shell(f"{args.format(log=log)} > /dev/full")
    assert done.returncode == 1
    assert "cannot be written: No space left" in done.stderr and "Traceback" not in done.stderr
    assert "E901" not in done.stderr


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        ("-c 'json \"{}\"' >&-", 1, "standard output is closed"),
        ("help >&-", 1, "standard output is closed"),
        ("-c 'textfile -' <&-", 1, "E605 standard input is closed"),
        ("-c - <&-", 2, "standard input is closed"),
        ("<&-", 2, "standard input is closed"),
        ("-c 'json \"{}\" | evl a=1' 2>&-", 2, ""),
    ],
)
def test_closed_streams(args: str, status: int, told: str) -> None:
    done = shell(f"{args}")
    assert done.returncode == status and told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_that_is_asked_for_twice() -> None:
    once = shell("explain 'json \"{}\" | limit 1'").stdout
    assert "Limit 1" in once
    assert shell("explain 'explain json \"{}\" | limit 1'").stdout == once
