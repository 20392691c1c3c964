"""Builds the package with the parser's tables and the index of the language in it; all else is said in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIP = "from cortado.commands.language import ship; ship()"
SHIPPED = ("planner/language.tables", "commands/language.index")


class BuildWithTables(build_py):
    """A cold query then need not make the one and load the other's modules. The tables go with the version of Lark that made them."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            folder = Path(self.build_lib).resolve()
            for path in SHIPPED:  # of an earlier build in this folder
                (folder / "cortado" / path).unlink(missing_ok=True)
            subprocess.run([sys.executable, "-c", SHIP], cwd=folder, check=True)


setup(cmdclass={"build_py": BuildWithTables})
