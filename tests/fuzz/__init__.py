"""Fuzzing: random texts, patterns and files, with an oracle or a law beside each.

The normal suite runs a short form with the same draws each time. The long form is run by hand:

    CORTADO_FUZZ=50 CORTADO_SEED=7 python -m pytest tests/fuzz

takes 50 times as many draws, other ones for each seed. A failure names its draw; keep the smallest form of it as a spec.
"""
