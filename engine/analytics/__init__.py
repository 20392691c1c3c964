"""Numbers of a group in, numbers out: decomposition, isolation forests, correlation, fitted curves, log templates.

Nothing here knows of batches, plans or notes; each module names the paper that it follows.
"""
