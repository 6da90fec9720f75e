"""A document with very many problems is answered about as fast as one with few."""

from __future__ import annotations

import time

from tieout.contract.document import parse_documents, record_of

HEAD = """[[price]]
key = "p"
version = 1
effective_from = 2026-01-01T00:00:00Z
meter = "m"
currency = "USD"
description = "d"
"""
MANY = 10_000
SECONDS_MAX = 10
"""Where each problem was compared with all before it, or each cell counted from the first, it took 26."""


def test_ten_thousand_wrong_tiers_are_all_named_at_once() -> None:
    wrong = ", ".join(f'{{ up_to = "x{place}", unit_amount = "y", other = 1 }}' for place in range(MANY))
    began = time.monotonic()
    (document,), problems = parse_documents("c.toml", f'{HEAD}shape = "graduated"\ntiers = [{wrong}]\n')
    found = record_of(document)
    assert time.monotonic() - began < SECONDS_MAX
    assert problems == []
    assert isinstance(found, tuple)
    assert len({problem.field for problem in found}) == 3 * MANY + 1
    assert {problem.line for problem in found} == {9}


def test_the_lines_of_ten_thousand_nested_tables_are_found() -> None:
    cell = '[[price.cell]]\nwhen = { a = "x" }\nshape = "per_unit"\nunit_amount = "1"\n'
    text = f'{HEAD}shape = "matrix"\ndimensions = ["a"]\n{cell * MANY}'
    (document,), _ = parse_documents("c.toml", text)
    assert document.lines["cell[0].when"] == 11
    assert document.lines[f"cell[{MANY - 1}].when"] == 11 + 4 * (MANY - 1)
