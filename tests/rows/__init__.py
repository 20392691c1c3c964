"""Rows of the language and the tests of each: `python -m tests.rows` prints them."""
