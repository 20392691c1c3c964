"""By hand: under strace, every append must sync its data file and folder before the commit, and the log after it.

python tests/scripts/fsync_order.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

APPENDS = 5
CALL = re.compile(r"\b(fsync|fdatasync|rename|renameat2?|link|linkat)\((.*)\)\s+= 0")
CHILD = """
import sys, os
from pathlib import Path
import pyarrow as pa
from cortado.engine.storage.paths import Gate
from cortado.engine.storage.tables import TableStore
store = TableStore(Gate(), Path(sys.argv[1]))
for i in range(int(sys.argv[2])):
    store.append("t", pa.table({"a": [i]}), create=True)
    os.rename(sys.argv[1] + "/mark", sys.argv[1] + "/mark")
"""


def events(trace: str) -> list[str]:
    """What happened, in order: data, folder, commit, log, ack."""
    out = []
    for line in trace.splitlines():
        found = CALL.search(line)
        if not found:
            continue
        call, args = found.groups()
        sync = call in ("fsync", "fdatasync")
        if "/mark" in args:
            out.append("ack")
        elif sync and args.rstrip(">").endswith(".tmp") and "_delta_log" not in args:
            out.append("data")
        elif sync and args.endswith("/tables/t>"):
            out.append("folder")
        elif sync and args.endswith("/_delta_log>"):
            out.append("log folder")
        elif sync and re.search(r"_delta_log/\d{20}\.json>$", args):
            out.append("log file")
        elif not sync and re.search(r"_delta_log/\d{20}\.json", args):
            out.append("commit")
    return out


def main() -> int:
    if shutil.which("strace") is None:
        print("skipped: no strace here")
        return 0
    folder = Path(tempfile.mkdtemp(prefix="fsync-"))
    (folder / "mark").touch()
    trace = folder / "trace"
    kinds = "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat"
    command = [
        "strace",
        "-f",
        "-y",
        "-e",
        kinds,
        "-o",
        str(trace),
        sys.executable,
        "-c",
        CHILD,
        str(folder),
        str(APPENDS),
    ]
    subprocess.run(command, check=True)
    found = events(trace.read_text())
    appends: list[list[str]] = [[]]
    for event in found:
        if event == "ack":
            appends.append([])
        else:
            appends[-1].append(event)
    good = len(appends) == APPENDS + 1
    for steps in appends[:-1]:
        order = [steps.index(s) if s in steps else -1 for s in ("data", "folder", "commit", "log file", "log folder")]
        good = good and order == sorted(order) and order[0] >= 0
        print(" -> ".join(steps))
    print("in order" if good else "NOT in order")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
