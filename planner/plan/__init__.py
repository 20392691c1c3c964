"""The bound plan: frozen nodes, equal by meaning."""

from .canonical import query_text
from .groups import HIDDEN, AggCall, Aggregate, Derived, Key, column_name, is_hidden, visible
from .node import Names, Node, Order, line_of, rebuilt
from .order import Fetch, Limit, Sort, SortKey, Tail
from .pending import EXPLAIN, Explain, Here, Opening, Pending, Procedure, Rest, Sample, Settle
from .rows import Assignment, Filter, Keep, Project, Rename, Scan

__all__ = [
    "EXPLAIN", "HIDDEN", "AggCall", "Aggregate", "Assignment", "Derived", "Explain", "Fetch", "Filter", "Here", "Keep", "Key", "Limit", "Names",
    "Node", "Opening", "Order", "Pending", "Procedure", "Project", "Rename", "Rest", "Sample", "Scan", "Settle", "Sort", "SortKey", "Tail",
    "column_name", "is_hidden", "line_of", "query_text", "rebuilt", "visible",
]  # fmt: skip
