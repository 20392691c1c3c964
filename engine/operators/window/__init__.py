"""Values over a frame of rows around each row: `window`, `streamstats`, `eventstats`. Input order is kept.

Rows are grouped by key and sorted within it; each row's frame is a stretch `low .. high` of those places; every column is
computed from the stretches alone, so any part of them may be computed by any thread.
"""
