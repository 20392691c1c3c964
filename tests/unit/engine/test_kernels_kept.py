"""Where compiled kernels are kept, and what a query does where they cannot be, or where Numba is broken."""

from __future__ import annotations

import os
import pickle
import shutil
import stat
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from cortado.engine.kernels import kept

ROOT = Path(__file__).parents[3]
PARTS = ("cortado", "engine", "commands", "planner", "repl")
QUERY = (
    "textfile '{log}' | rex field=line '^(?<k>\\S+) (?<n>\\S+)$' | eval n = long(n) | stats sum(n), count by k | sort k"
)
ROWS = 700_000  # more than eight megabytes


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "numbers.txt"
    path.write_text("".join(f"key-{i % 7} {i:08}\n" for i in range(ROWS)))
    assert path.stat().st_size > 8 << 20
    return path


EXPECTED = ["k,sum(n),count", *(f"key-{k},{sum(range(k, ROWS, 7))},{len(range(k, ROWS, 7))}" for k in range(7))]


def asked(log: Path, home: Path, path: str = str(ROOT), **env: str) -> subprocess.CompletedProcess[str]:
    """The query, by a process with a home, a cache and a temporary folder below `home`."""
    (home / "tmp").mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    kept |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home / "tmp"), "PYTHONPATH": path}
    command = [sys.executable, "-m", "cortado.repl", "--threads", "2", "--format", "csv", "--db", str(home / "db")]
    return subprocess.run(
        [*command, "-c", QUERY.format(log=log)], env=kept | env, capture_output=True, text=True, timeout=240, cwd=home
    )


def answer(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    return done.stdout.split()


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A copy of the package, beside whose kernels nothing can be kept: a file stands where the folder would."""
    root = tmp_path / "site"
    for part in PARTS:
        shutil.copytree(ROOT / part, root / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "engine" / "kernels" / "__pycache__").touch()
    return root


def test_an_installation_that_is_read_only_and_no_home(installation: Path, tmp_path: Path) -> None:
    """Neither the package nor the home can be written to: a private folder in the temporary one is taken."""
    env = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    env |= {"XDG_CACHE_HOME": "/proc/none", "TMPDIR": str(tmp_path), "PYTHONPATH": str(installation)}
    code = "from cortado.engine.kernels import choose, kept; print(choose.__file__); kept.leave_mark('all'); print(kept.is_complete())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(installation / "cortado" / "engine" / "kernels" / "choose.py"), "True"]
    folder = tmp_path / f"cortado-kernels-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.rglob("choose.fill_words*.nbc"))


def test_no_place_at_all(installation: Path, log: Path, tmp_path: Path) -> None:
    """The general kernels answer, and one note says why."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / f"cortado-kernels-{os.getuid()}").touch()
    done = asked(log, tmp_path, str(installation), XDG_CACHE_HOME="/proc/none")
    assert answer(done) == EXPECTED
    assert done.stderr.count("note:") == 1 and "compiled kernels could not be loaded" in done.stderr
    assert "NUMBA_CACHE_DIR" in done.stderr


BROKEN = """
import sys, time
import cortado
from cortado.engine.kernels import load

with cortado.connect() as session:
    query = session.query(sys.argv[1])
    first = query.run()
    until = time.monotonic() + 120
    while load.failure() is None and time.monotonic() < until:  # it may be known only when the query is over
        time.sleep(0.05)
    second = query.run()
    assert first.to_arrow().equals(second.to_arrow())
    print(first.to_arrow().to_pylist())
    print(*(f"{n.reason}: {n.hint}" for n in second.notes if "kernels" in n.reason), sep="\\n")
"""


@pytest.mark.parametrize("module", ["numba", "llvmlite"])
def test_numba_is_broken(log: Path, tmp_path: Path, module: str) -> None:
    """As where its libraries do not fit the processor or the interpreter."""
    (tmp_path / "broken" / module).mkdir(parents=True)
    (tmp_path / "broken" / module / "__init__.py").write_text("raise ImportError('it does not fit this machine')")
    env = {
        **os.environ,
        "PYTHONPATH": f"{tmp_path / 'broken'}{os.pathsep}{ROOT}",
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
    }
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, QUERY.format(log=log)],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    rows, *told = done.stdout.splitlines()
    assert [",".join(map(str, row.values())) for row in literal_eval(rows)] == EXPECTED[1:]
    assert (
        len(told) == 1
        and "compiled kernels could not be loaded" in told[0]
        and "it does not fit this machine" in told[0]
    )


@pytest.mark.parametrize("way", ["others may write to it", "is a link", "is another's"])
def test_a_temporary_folder_that_is_not_ours_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"cortado-kernels-{os.getuid()}"
    if way == "is a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.mkdir(mode=0o700)
        if way == "others may write to it":
            folder.chmod(0o777)
        else:
            uid = os.getuid()
            monkeypatch.setattr(os, "getuid", lambda: uid + 1)
            (tmp_path / f"cortado-kernels-{uid + 1}").mkdir(mode=0o700)
    assert kept.private_temporary() is None
    monkeypatch.undo()


def test_what_is_kept_is_damaged(tmp_path: Path) -> None:
    """A module whose files are cut off or are something else is compiled again, and kept again."""
    code = """
import numpy as np
from cortado.engine.kernels import choose
out = np.zeros(3, np.int64)
choose.fill_words(np.array([1, 0, 1], np.uint8), np.arange(3), 9, out)
print(out)
"""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}

    def ran() -> str:
        return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout

    assert ran() == "[0 9 2]\n"
    data, indexes = sorted(tmp_path.rglob("*.nbc")), sorted(tmp_path.rglob("*.nbi"))
    assert data and indexes
    for path in data:
        path.write_bytes(path.read_bytes()[:100])
    assert ran() == "[0 9 2]\n"
    assert all(path.stat().st_size > 100 for path in data)
    for path in indexes:
        path.write_bytes(pickle.dumps("no index"))
    assert ran() == "[0 9 2]\n"


def test_two_processes_that_compile_at_once(tmp_path: Path) -> None:
    code = "from cortado.engine.kernels import choose, words, hashes; print(choose.choose_words.signatures)"
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    told = [p.communicate(timeout=240) for p in both]
    assert [p.returncode for p in both] == [0, 0], told
    assert told[0][0] == told[1][0] != ""
    again = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert again.stdout == told[0][0]


def test_warm_compiles_all_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cortado.engine.kernels import aside, load
    from cortado.repl.batch import warm_up

    met: list[str] = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(aside, "_start", lambda *args: None)
    monkeypatch.setattr(load, "load_module", met.append)
    assert not kept.is_complete()
    assert warm_up() == 0
    assert set(met) == set(kept.modules()) and kept.is_complete()
    assert "the kernels are compiled" in capsys.readouterr().err


def test_what_is_kept_of_a_kernel_goes_with_what_it_imports() -> None:
    """Numba looks at a kernel's own file alone."""
    names = [name for name, _, _ in kept.imported_by("rawscan")]
    assert {"rawscan", "rawread", "regexspans", "regexcode", "spans", "jit"} <= set(names)
