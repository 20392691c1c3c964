"""`explain [analyze=B] [ SUB ]`: the plan as rows."""

from __future__ import annotations

from ..planner.plan import Explain
from .base import Args, Command, Example, Node, Option, kinds, register


@register
class ExplainCommand(Command[Explain]):
    name = "explain"
    summary = "The optimised plan as rows, a row an operator; with analyze=t the query runs and its figures are added."
    syntax = "explain [analyze=B] [ SUB ]"
    grammar = "subquery"
    source = True
    options = (Option("analyze", kinds.BOOL, "run the query and add rows, bytes and time", default=False),)
    details = """
    A row an operator, in the order in which rows pass: the number of its stage, what it does, whether it streams or
    blocks, and whether it keeps, sets or needs the order of rows. Stages of a subquery are numbered below their
    stage (`1.2`). What the optimiser moved into a scan (fields, filters, limits) is in its `detail`.

    With `analyze=t` the query runs whole, its rows are discarded, and `rows_in`, `rows_out`, `bytes`, `ms`,
    `memory`, `spilled` and `cpu_ms` are filled in; else they are null. `bytes` are those that a source read, and of other
    operators those of the batches that they were given. `ms` and `cpu_ms` are the time of the operator alone, over all
    workers; `memory` is the most that it held, `spilled` what it wrote to disk. In brackets `detail` tells how it ran:

    - scans: `kernels=` compiled or general of a source's batches. Of Parquet files and tables, as `read of all`:
      `row_groups=` and `files=` that statistics, or the bound of a sort with a limit, did not rule out; `rows=` that a filter
      or that bound chose; `columns=` of those row groups that were read, and `pages=` of these that were unpacked; `decoded=` bytes of
      pages as they were unpacked. Late fields have theirs at `Fetch`.
    - patterns: `regex:` the tier.
    - groups: `hash=` table or dictionary (without kernels). `keys=` a word for each key: `codes` of a dictionary, `dense`
      (whole numbers by their distance from one), `inline` (texts of at most 15 bytes and other numbers, in the table), `long` texts beside
      it, `general` without kernels; `inline+long` and the like: it changed in the midst of the run. `tuples=` how several
      keys are one: `grid`, `words`, `texts`, or `sorted` in the end; of `dedup` also `bits`. `parts=` of the merge, `spills=` how often a worker wrote its groups to disk.
    - joins: `build_rows=` of the side that was kept, `hash=` how its keys are found (`dense` by place, `table`, `dictionary`) with
      `keys=` and `tuples=` as above, `probe=` one row a key or several, `parts=` where both sides went to disk.
    - sorts: `sort=` full, top-k or merge, with its `runs` and `passes`.

    `explain` and `explain analyze` before a query are the same without brackets. Writers write under `analyze=t`, too.
    """
    examples = (
        Example(
            title="which stages stream and which block",
            given={"t": "n:long\n1"},
            query="explain [ table t | sort n ] | fields stage, operator, mode",
            expect="stage:string operator:string mode:string\n1.1 Scan streaming\n1.2 Sort blocking",
        ),
        Example(
            title="rows in and out of each stage",
            given={"t": "n:long\n1\n2"},
            query="explain analyze=t [ table t | search n > 1 ] | fields operator, rows_out",
            expect="operator:string rows_out:long\nScan 2\nFilter 1",
        ),
    )

    def bind(self, args: Args, source: Node | None) -> Node:
        return Explain(**args.common, plan=args.subquery(None), analyze=args.option("analyze"))
