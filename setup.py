"""Builds the package with the parser's tables in it; all else is said in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIP = """
import sys
from pathlib import Path
from cortado.commands.language import language
from cortado.commands.base import load
from cortado.planner.grammar import ship_tables
load()
ship_tables(language(), Path(sys.argv[1]))
"""


class BuildWithTables(build_py):
    """A cold query then need not make them. They are only of use with the version of Lark that they were made with."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib).resolve()
            command = [sys.executable, "-c", SHIP, str(folder / "cortado" / "planner" / "language.tables")]
            subprocess.run(command, cwd=folder, check=True)


setup(cmdclass={"build_py": BuildWithTables})
