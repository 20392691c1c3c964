"""The index of a built package: a query imports what it names alone, and nothing else differs from a tree without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIP = "from cortado.commands.language import ship; ship()"
LOADED = "loaded = lambda: sorted(m for m in sys.modules if m.startswith('cortado.commands.'))\n"
OWN = {"base", "index", "shelf", "language", "later", "aggregates", "functions"}  # those that every query imports


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package as a build leaves it."""
    folder = tmp_path_factory.mktemp("built")
    unwanted = shutil.ignore_patterns("__pycache__", "*.tables", "*.index")
    shutil.copytree(ROOT / "cortado", folder / "cortado", ignore=unwanted)
    run(folder, SHIP)
    assert (folder / "cortado" / "commands" / "language.index").exists()
    return folder


def run(tree: Path, code: str, *args: str) -> str:
    """What a fresh process prints that has the package of this tree."""
    home = tree if tree != ROOT else Path(os.devnull)
    env = {**os.environ, "PYTHONPATH": str(tree), "XDG_CACHE_HOME": str(home / "cache"), "TZ": "UTC"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{LOADED}{code}", *args], capture_output=True, text=True, env=env, cwd=tree
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def modules(out: str) -> set[str]:
    return {m.removeprefix("cortado.commands.") for m in re.findall(r"cortado\.commands\.[\w.]+", out)} - OWN


@pytest.mark.parametrize(
    ("query", "imported"),
    [
        ('json "[{}]" | stats count', {"json", "stats", "aggregates.basic"}),
        ('json "[{}]" | limit 1', {"json", "limit"}),
        ("json \"[{'a':1}]\" | sort -a", {"json", "sort"}),
    ],
)
def test_a_query_imports_what_it_names(built: Path, query: str, imported: set[str]) -> None:
    code = "import cortado\nwith cortado.connect() as s: s.query(sys.argv[1]).run()\nprint(*loaded())"
    assert modules(run(built, code, query)) == imported
    assert not (built / "cache").exists() or not [
        *(built / "cache").rglob("*.lark")
    ]  # the parser's tables came with it


def test_a_tree_that_was_not_built_imports_all() -> None:
    assert not (ROOT / "commands" / "language.index").exists()
    found = modules(run(ROOT, "from cortado.commands.base import load\nload()\nprint(*loaded())"))
    assert found >= {"forecast", "stats", "functions.holidays", "aggregates.errors"}


DESCRIBE = """
import json
from dataclasses import fields
from cortado.commands.base import Command, load
def shown(thing):
    return repr([(f.name, v if isinstance(v, (str, int, tuple, frozenset)) else getattr(v, "__qualname__", type(v).__name__))
                 for f in fields(thing) for v in (getattr(thing, f.name),)])
registry = load()
names = [[*m] for m in (registry.commands, registry.functions, registry.aggregates)]
before = loaded()
things = [[c.name, type(c).__module__, c.summary, c.grammar] for c in registry.commands.values()]
things += [[n, shown(f)] for m in (registry.functions, registry.aggregates) for n, f in m.items()]
later = [registry.later_commands, registry.later_functions, registry.later_aggregates, registry.product]
print(json.dumps([names, things, [[*d.items()] for d in later]]))
print(len(before))
"""


def test_the_language_is_the_same_in_the_same_order(built: Path) -> None:
    with_index, without = run(built, DESCRIBE).splitlines(), run(ROOT, DESCRIBE).splitlines()
    assert json.loads(with_index[0]) == json.loads(without[0])
    assert int(with_index[1]) < 10 < 150 < int(without[1])


FAULTY = (
    'json "[{}]" | stat count',
    'json "[{}]" | STATS count',
    'json "[{}]" | project a',
    'json "[{}]" | kmeans a',
    'json "[{}]" | forensic a',
    'json "[{}]" | sonar-thing a',
    "access_log",
    'json "[{}]" | eval a = upperr(b)',
    'json "[{}]" | eval a = sum(b)',
    'json "[{}]" | eval a = strlen("x"), b = encrypt(a)',
    'json "[{}]" | eval a = lag(b)',
    'json "[{}]" | stats summ(a)',
    'json "[{}]" | stats upper(a)',
    'json "[{}]" | stats sum(a) / forecast(b)',
    'json "[{}]" | stats max(min(a), 1), signature(b)',
    'json "[{}]" | stats limit=3 count',
    'json "[{}]" | sort limt=3 a',
    'json "[{}]" | resample span=1h agg=fist a',
    'json "[{}]" | # a comment\nstats count',
    "# a comment\njson \"[{}]\" | limit 'x'",
    'json "[{}]" | parse acces_log',
    'json "[{}]" | stats count by',
    "select a from b",
)
TELL = """
import cortado
for text in sys.argv[1:]:
    with cortado.connect() as s:
        try:
            print(s.query(text).run().to_pylist(), s.last_notes)
        except cortado.QueryError as found:
            print(found)
for what in ("commands", "functions", "aggregates"):
    print(cortado.query("system " + what).to_pylist())
"""


def test_errors_and_lists_are_the_same(built: Path) -> None:
    told = run(built, TELL, *FAULTY)
    assert told == run(ROOT, TELL, *FAULTY)
    assert told.count("E3") >= len(FAULTY) - 6 and "did you mean" in told


def test_help_and_the_reference_are_the_same(built: Path) -> None:
    code = "import json\nfrom cortado.repl.reference import pages\nprint(json.dumps({n: p.markdown() for n, p in pages().items()}))"
    assert json.loads(run(built, code)) == json.loads(run(ROOT, code))
    helped = "from cortado.repl.helptext import help_for, missing\nprint(help_for(''), help_for('stats'), missing('stat'), missing('fit'))"
    assert run(built, helped) == run(ROOT, helped)


EACH_ALONE = """
import os
from cortado.commands import base
base.load()
jobs = {}
for number, shelf in enumerate(base._SHELVES):
    for name, module in shelf.modules().items():
        jobs.setdefault(module, []).append((number, name))
for module, wanted in jobs.items():
    child = os.fork()
    if child == 0:
        try:
            number, name = wanted[0]
            base._SHELVES[number][name]
            os._exit(0 if all(n in base._SHELVES[i]._entered for i, n in wanted) else 1)
        finally:
            os._exit(2)
    if os.waitpid(child, 0)[1]:
        print(module, wanted)
print(len(jobs))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_each_module_enters_its_names_without_any_other_imported_before(built: Path) -> None:
    *failed, n = run(built, EACH_ALONE).splitlines()
    assert failed == [] and int(n) > 120


@pytest.mark.parametrize("damage", ["cut off", "changed", "binary", "another mark"])
def test_of_a_damaged_index_nothing_is_believed(built: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(built / "cortado", tmp_path / "cortado")
    index = tmp_path / "cortado" / "commands" / "language.index"
    whole = index.read_bytes()
    ways = {"cut off": whole[: len(whole) // 2], "changed": whole.replace(b".stats", b".state"), "binary": b"\xff\0" + whole,
            "another mark": whole.replace(whole.split(b"\n")[1], b"0" * 64)}  # fmt: skip
    index.write_bytes(ways[damage])
    code = "import cortado\nprint(cortado.query('json \"[{}]\" | stats count').to_pylist())\nprint(*loaded())"
    rows, names = run(tmp_path, code).splitlines()
    assert rows == "[{'count': 1}]" and len(modules(names)) > 120


def test_a_function_of_the_language_is_not_taken_by_another(built: Path) -> None:
    code = """
import cortado, pyarrow as pa
s = cortado.connect()
def own(x: pa.Int64Array) -> pa.Int64Array:
    return x
for name in ("upper", "stddev_samp", "mine"):
    try:
        s.function(own, name=name)
        print("taken", name)
    except cortado.QueryError as found:
        print(found.code, name)
print(s.query("json \\"[{'a':3}]\\" | eval b = mine(a), c = upper('x')").to_pylist())
"""
    told = run(built, code).splitlines()
    assert told == ["E410 upper", "E410 stddev_samp", "taken mine", "[{'a': 3, 'b': 3, 'c': 'X'}]"]


MANY = """
import threading, cortado
from cortado.commands.base import load
texts = sys.argv[1:]
told, start = {}, threading.Barrier(2 * len(texts))
def ask(number, text):
    start.wait()
    try:
        told[number] = str(cortado.query(text).to_pylist())
    except Exception as found:
        told[number] = repr(found)
threads = [threading.Thread(target=ask, args=(i, t), daemon=True) for i, t in enumerate(2 * texts)]
for t in threads: t.start()
for t in threads: t.join(60)
print([told.get(i) for i in range(len(threads))])
"""


def test_threads_may_ask_for_the_same_and_for_others_at_once(built: Path) -> None:
    rows = "json \"[{'a':1,'k':'x','_time':1},{'a':2,'k':'y','_time':2}]\" | "
    stages = (
        "rollup sum(a) by k",
        "cube sum(a) by k",
        "streamstats sum(a) as s",
        "describe",
        "top k",
        "eval b = datetrunc(date(_time), 1h), c = md5(k)",
        "stats p95(a), corr(a, a), values(k)",
        f"join k [ {rows} fields k ]",
    )
    texts: Sequence[str] = [rows + s for s in stages]
    told = run(built, MANY, *texts)
    assert told == run(ROOT, MANY, *texts)
    assert "None" not in re.sub(r"': None", "", told)


def test_what_lowers_a_node_is_imported_for_it(built: Path) -> None:
    code = """
from cortado.commands.base import load
from cortado.planner.combine import Join
from cortado.planner.plan import Node
registry = load()
print("cortado.commands.join" in sys.modules, type(registry.lowerings[Join]).__module__)
try:
    registry.lowerings[Node]
except KeyError as found:
    print(found)
"""
    assert run(built, code).split() == ["False", "cortado.commands.join", "'cortado.planner.plan.node.Node'"]
