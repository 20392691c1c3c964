"""As-of joins: each row of the left with the row of the right that has its keys and is nearest in time.

The right is held by key and time; the left streams by on all threads, in any order. A batch of the left that is in order
of time is swept against a right that is; any other is searched key by key. Where the right does not fit, both sides are cut
into parts by their keys on disk, and a part that still does not fit into stretches of time.
"""
