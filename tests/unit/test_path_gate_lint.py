"""No module but the gate opens files: a path that did not go through it could leave the allowed folders."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("engine", "commands", "planner", "repl", "cortado")
GATE = {"engine/storage/paths.py", "engine/storage/atomic.py", "engine/storage/spill.py"}
READS_ITS_OWN_DATA = {
    "planner/grammar.py",  # base.lark, part of the package
    "commands/index.py",  # of the names, part of a built package
    "engine/pread.py",  # maps a file that the gate has opened
    "engine/zones.py",  # the time zone database
    "engine/kernels/aside.py",  # the lock of those who compile
    "repl/reference.py",  # writes the pages of the reference
}
MODULES = ("pyarrow.fs", "pyarrow.dataset", "fsspec", "gcsfs", "s3fs")
CALLS = {
    "open", "os.open", "io.open", "os.fdopen", "io.FileIO", "pa.OSFile", "pyarrow.OSFile", "pa.memory_map",
    "pyarrow.memory_map", "pa.fs", "pa.dataset", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "mmap.mmap",
    "np.memmap", "np.fromfile", "numpy.memmap", "tempfile.NamedTemporaryFile", "tempfile.TemporaryFile",
}  # fmt: skip
METHODS = {"read_text", "write_text", "write_bytes", "read_bytes"}


def modules() -> list[Path]:
    found = [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")]
    return [p for p in found if not (p.is_relative_to(ROOT / "cortado") and p.parent != ROOT / "cortado")]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return dotted(node.func)
    return "?"


def offences(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" for a in node.names] + [str(node.module)]
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            own, _, method = name.rpartition(".")
            through_gate = own.split(".")[-1].strip("_").lower().endswith("gate")
            if name == "os.open" and dotted(node.args[0]) == "os.devnull":  # no file
                continue
            if name == "mmap.mmap" and ast.unparse(node.args[0]) == "-1":  # memory without a file
                continue
            if name in CALLS or (method in METHODS and not through_gate):
                yield node.lineno, name
            continue
        elif isinstance(node, ast.Attribute):
            names = [dotted(node)]
        else:
            continue
        for name in names:
            if any(name == m or name.startswith(m + ".") for m in MODULES):
                yield node.lineno, name


def test_only_the_gate_opens_files() -> None:
    found = []
    for path in modules():
        name = path.relative_to(ROOT).as_posix()
        if name not in GATE | READS_ITS_OWN_DATA:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [f"{name}:{line}: {what}" for line, what in offences(tree)]
    assert not found, "open files through engine/storage/paths.py:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "import os\nos.open('x', 0)",
        "import pyarrow.fs",
        "from pyarrow import dataset",
        "import pyarrow.dataset as ds",
        "import fsspec",
        "import pyarrow as pa\npa.OSFile('x')",
        "Path('x').read_text()",
    ],
)
def test_the_lint_sees(text: str) -> None:
    assert list(offences(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    ["gate.read_bytes(p)", "self._gate.read_bytes(p)", "Gate().read_bytes(p)", "os.preadv(fd, b, 0)", "op.open(ctx)"],
)
def test_the_lint_allows(text: str) -> None:
    assert not list(offences(ast.parse(text)))
