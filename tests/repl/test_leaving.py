"""SIGTERM ends the command even where the exception that it raises is swallowed, and never breaks into the cleaning up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAD = """
import os, signal, sys, time
from cortado.repl import leaving
leaving.AGAIN_S = 0.2
def asked():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.01)
"""
SWALLOWED = {
    "a finaliser": """
class Thing:
    def __del__(self):
        asked()
thing = Thing()
del thing
""",
    "a weak reference's callback": """
import weakref
class Thing:
    pass
thing = Thing()
seen = weakref.ref(thing, lambda _: asked())
del thing
""",
    "a class that is made": """
class Thing:
    def __set_name__(self, owner, name):
        asked()
class Owner:
    thing = Thing()
""",
    "a handler of everything": """
try:
    asked()
except BaseException:
    pass
""",
}
ENDS = "with leaving.terminable():\n{}\n    for i in range(100):\n        time.sleep(0.1)\nprint('lost')\n"


def ran(code: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", HEAD + code], capture_output=True, text=True, env=env, timeout=60)


@pytest.mark.parametrize("how", SWALLOWED)
def test_what_is_swallowed_is_asked_again(how: str) -> None:
    body = "\n".join("    " + line for line in SWALLOWED[how].splitlines())
    done = ran(ENDS.format(body))
    assert done.returncode == 143 and "lost" not in done.stdout and done.stderr == "", done


def test_cleaning_up_is_not_broken_into() -> None:
    """By what asks again, nor by a second signal from outside."""
    done = ran("""
with leaving.terminable():
    try:
        asked()
    finally:
        try:
            raise ValueError
        except ValueError:
            for i in range(10):
                asked()
                time.sleep(0.1)
        print("cleaned up")
""")
    assert done.returncode == 143 and done.stdout == "cleaned up\n", done


def test_behind_it_the_signal_ends_the_process() -> None:
    done = ran("with leaving.terminable():\n    pass\nasked()\nprint('lost')\n")
    assert done.returncode == -signal.SIGTERM and done.stdout == ""


def test_without_a_signal_nothing_is_changed() -> None:
    done = ran("with leaving.terminable():\n    pass\nsys.exit(3)\n")
    assert done.returncode == 3 and done.stderr == ""
