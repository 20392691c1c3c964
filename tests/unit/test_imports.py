"""What a cold start may load: a small query must not pay for what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "pandas",
    "numba",
    "statsmodels",
    "scipy",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "duckdb",
    "polars",
    "deltalake",
    "prompt_toolkit",
    "rich",
    "sklearn",
    "IPython",
)
LOG = ROOT / "examples" / "access_log"
SMALL = {
    "stats": f"textfile '{LOG}' | parse access_log | stats count, sum(bytes) as bytes by status | sort -bytes | limit 3",
    "rex": f"textfile '{LOG}' | rex field=line '^(?<ip>\\S+).* (?<n>\\d+) ' | eval n = long(n) | stats sum(n) by ip | sort limit=5 -sum(n)",
    "timechart": f"textfile '{LOG}' | parse access_log | timechart span=1h count as hits, count where status >= 400 as errors",
    "json": "json \"[{'a':1,'b':'x'}]\" | eval c = a * 2, d = date(\"2026-01-01\", \"yyyy-MM-dd\") | search c > 1",
    "sort": f"textfile '{LOG}' | parse access_log | search status == 404 | fields client_ip, path, status | sort client_ip, -path | limit 3",
    "csv": "csvfile '{home}/small.csv' | search x > 1 | stats sum(x), avg(x), dc(k) by k | sort -k",
    "csv rows": "csvfile '{home}/small.csv' | eval y = x + 1, z = if(x > 2, 'a', 'b'), d = upper(k) | dedup k",
    "search": f"textfile '{LOG}' | search line == \"*GET*\" | limit 1",
}  # fmt: skip
RUN = """
import sys
from cortado.repl import __main__ as command
sys.argv = ["cortado", *sys.argv[1:]]
try:
    command.main()
except SystemExit as left:
    print("status", left.code or 0, file=sys.stderr)
print("loaded", *sys.modules, file=sys.stderr)
"""


def loaded(home: Path, *args: str) -> tuple[set[str], str]:
    """The modules at the end of `cortado ARGS`."""
    env = {
        **os.environ,
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
        "CORTADO_DB": str(home / "db"),
        "TZ": "UTC",
    }
    done = subprocess.run([sys.executable, "-c", RUN, *args], capture_output=True, text=True, env=env, check=True)
    status, modules = done.stderr.split("loaded ")[0], done.stderr.split("loaded ")[-1]
    assert "status 0" in status, done.stderr[:2000]
    return set(modules.split()), done.stdout


@pytest.mark.parametrize(
    ("name", "form"), [*((n, "csv") for n in SMALL), ("stats", "table"), ("stats", "jsonl"), ("json", "markdown")]
)
def test_a_small_query_loads_nothing_heavy(tmp_path: Path, name: str, form: str) -> None:
    (tmp_path / "small.csv").write_text("k,x\na,1\nb,2\na,3\n")
    modules, out = loaded(tmp_path, "--format", form, "-c", SMALL[name].replace("{home}", str(tmp_path)))
    assert [m for m in HEAVY if m in modules] == []
    assert out.strip()


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["run", "--help"]])
def test_help_and_version_load_no_engine(tmp_path: Path, args: list[str]) -> None:
    modules, _ = loaded(tmp_path, *args)
    assert [m for m in ("pyarrow", "numpy", "lark", "cortado.session", "cortado.engine", *HEAVY) if m in modules] == []


def test_the_package_alone_loads_no_engine() -> None:
    code = "import sys, cortado; print([m for m in ('pyarrow', 'numpy', 'lark') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_prompt_loads_no_tables_and_no_models(tmp_path: Path) -> None:
    code = "import sys, cortado.repl.app; print([m for m in sys.modules if m in sys.argv[1:]])"
    done = subprocess.run(
        [sys.executable, "-c", code, *(m for m in HEAVY if m != "prompt_toolkit")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert done.stdout.strip() == "[]"
