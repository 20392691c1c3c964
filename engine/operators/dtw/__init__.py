"""Dynamic time warping: `dtw`. Rows come in order of keys and points; series are gathered, measured, and told by rank.

Distances are squared until they are told. Compiled and general paths give the same bits, and take turns as kernels come.
"""
