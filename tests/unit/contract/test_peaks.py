"""Whoever splits a period under a meter whose parts do not add up is warned: each part is billed in full.

Of the three meters of this catalog only the storage is one: it is the last level that was stated.
"""

from __future__ import annotations

import pytest

from tests.balances import COMMITMENT, balances_catalog
from tieout.contract.check import check, warnings
from tieout.contract.document import parse_documents


def warned(text: str) -> list[tuple[str, str]]:
    documents, problems = parse_documents("catalog.toml", text)
    catalog, found = check(documents)
    assert catalog is not None, [*problems, *found]
    told = warnings(catalog, documents)
    assert all("of meter stored is then billed in full for each part" in each.message for each in told)
    assert all(each.line is not None for each in told)
    return [(each.key, each.field) for each in told]


def committed(start: str, until: str) -> str:
    commitment = COMMITMENT.replace("2026-01-01T00:00:00Z", start).replace("2026-07-01T00:00:00Z", until)
    return balances_catalog().replace(COMMITMENT, commitment)


@pytest.mark.parametrize(
    ("start", "until", "fields"),
    [
        ("2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z", []),
        ("2026-01-16T00:00:00Z", "2026-07-01T00:00:00Z", ["commitment[0].from"]),
        ("2026-01-01T00:00:00Z", "2026-07-01T06:00:00Z", ["commitment[0].until"]),
        ("2025-12-16T00:00:00Z", "2026-07-01T00:00:00Z", []),  # before its first phase
    ],
)
def test_bounds_of_a_commitment_inside_a_month(start: str, until: str, fields: list[str]) -> None:
    assert warned(committed(start, until)) == [("subscription acme-main v1", field) for field in fields]


@pytest.mark.parametrize("kind", ["price", "plan"])
@pytest.mark.parametrize(
    ("instant", "is_told"), [("2026-03-01T00:00:00Z", False), ("2026-03-02T00:00:00Z", True)]
)
def test_a_later_version_inside_a_month(kind: str, instant: str, is_told: bool) -> None:
    key = {"price": "stored-usd", "plan": "basic"}[kind]
    text = balances_catalog()
    start = text.index(f'[[{kind}]]\nkey = "{key}"')
    document = text[start : text.index("\n[[", start + 2)]
    again = document.replace("version = 1", "version = 2").replace("2025-01-01T00:00:00Z", instant)
    expected = [(f"{kind} {key} v2", "effective_from")] if is_told else []
    assert warned(f"{text}\n{again}\n") == expected


def test_what_adds_up_may_be_split_anywhere() -> None:
    text = committed("2026-01-16T00:00:00Z", "2026-07-01T00:00:00Z")
    assert warned(text.replace('aggregation = "last"', 'aggregation = "sum"')) == []
