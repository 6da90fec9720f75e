"""Thousands of customers whose usage is sent in any order, again and again, to a server whose processes are
killed: every crossing of every rule is recorded once and told at least once under one id, and the close bills
what a second computation says.

`python -m tests.simulation --customers 10000 --seed 7` runs it and says what it found.
"""
